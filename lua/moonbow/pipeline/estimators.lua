--- The models of a pipeline, by name.
--
-- Each is { task, options, fit, predict, tuned, candidates, shared }:
--   task        "class", "number" or "both"
--   options     the options that the pipeline passes on, as check.options takes them, besides the tuned one
--   fit(x, y, options, about)   x (N, L, C); y a list of class numbers or a tensor (N, M); about = { task, classes,
--                               seed }
--   predict(model, x, value)    (N, classes) scores, the larger the likelier; or (N, M) numbers
--   tuned       name of the option that an inner cross-validation chooses, unless it is given; nil for none
--   candidates(n, D)            its values from the simplest model to the most complex, for n rows of D points
--   shared      true: a model that was fitted with the last candidate predicts with each
--   needs_classes               true: it cannot be fitted to rows of a single class
--   saved(model)                what mb.save takes, or nil
--   complexity  a rank: of two models that predict as well, that with the lower one is the simpler
local core = require "moonbow.core"
local check = require "moonbow.check"
local forest = require "moonbow.baselines.forest"
local linear = require "moonbow.baselines.linear"
local logistic = require "moonbow.baselines.logistic"
local models = require "moonbow.models"
local moments = require "moonbow.moments"
local neighbours = require "moonbow.baselines.neighbours"
local optim = require "moonbow.train.optim"
local pls = require "moonbow.baselines.pls"
local plsda = require "moonbow.baselines.plsda"
local ridge = require "moonbow.baselines.ridge"
local evaluate = require "moonbow.train.evaluate"
local fit = require "moonbow.train.fit"
local streams = require "moonbow.train.streams"

local MOST_COMPONENTS = 20

local function components(n, D)
  local list = {}
  for a = 1, math.min(MOST_COMPONENTS, n - 1, D) do list[a] = a end
  return list
end

local function powers(first, last, step)
  local list = {}
  for exponent = first, last, step do list[#list + 1] = 10.0 ^ exponent end
  return list
end

-- ---- networks ----

local function network_of(name, about)
  if type(name) == "function" then return name(about.task == "class" and about.classes or 1) end
  local names = check.sorted_keys(models)
  check.name("network", "net", name, names)
  return models[name] { classes = about.task == "class" and about.classes or 1 }
end

-- Numbers to mean 0 and sd 1, so that any unit suits the learning rate.
local function standardized(y)
  local mean, squares = moments.mean_and_squares(core.totable(core.reshape(y, -1)))
  local sd = math.sqrt(squares / core.count(y))
  if sd == 0 then sd = 1 end
  return core.mul(core.sub(y, mean), 1 / sd), mean, sd
end

-- Probabilities of classes, or numbers, of which a network gives one.
local function predict_network(net, x)
  local parts = {}
  evaluate.each_batch("predict", net, x, 128, function(outputs) parts[#parts + 1] = core.copy(outputs) end)
  local outputs = core.concat(parts, 1)
  return core.size(outputs, 2) > 1 and core.softmax(outputs) or outputs
end

local function last_weights(net)
  local parameters = net:parameters()
  local weight, bias = parameters[#parameters - 1], parameters[#parameters]
  return weight and weight.value, bias and bias.value
end

-- Lets a network predict y * sd + mean where it predicted y, by the weights of its last layer.
local function unstandardize(net, mean, sd)
  local weight, bias = last_weights(net)
  core.copy_from(weight, core.mul(weight, sd))
  core.copy_from(bias, core.add(core.mul(bias, sd), mean))
end

-- True if the output for a row follows its last weights, whatever the layers are called: no activation turns a
-- number into -2 times it less 3 where the weights do.
local function is_linear_at_end(net, row)
  local weight, bias = last_weights(net)
  if not bias or core.count(bias) ~= 1 or core.size(weight, core.rank(weight)) ~= 1 then return false end
  local kept, before = { core.copy(weight), core.copy(bias) }, predict_network(net, row)
  unstandardize(net, -3, -2)
  local after = predict_network(net, row)
  core.copy_from(weight, kept[1])
  core.copy_from(bias, kept[2])
  if core.count(before) ~= 1 then return false end
  return math.abs(after:item() + 2 * before:item() + 3) < 1e-3 * (1 + math.abs(before:item()))
end

local was_fitted = setmetatable({}, { __mode = "k" })

-- A network that was not fitted before: one that was would know the test rows of another fold, and be that of another
-- fitted pipeline.
local function new_network(x, options, about)
  local net = network_of(options.net, about)
  evaluate.check_model("network", net)
  if was_fitted[net] then
    check.fail("network", "net: expected a new network from each call, got one that was fitted before")
  end
  was_fitted[net] = true
  local shape = net:ensure_built({ table.unpack(core.shape(x), 2) }, streams.rng(about.seed, "weights"))
  if about.task == "class" and not (#shape == 1 and shape[1] == about.classes) then
    check.fail("network", "net: expected a network with %s, one for each class, got shape %s",
      check.show_count(about.classes, "output"), check.show_shape(shape))
  end
  if about.task == "number" and not is_linear_at_end(net, core.narrow(x, 1, 1)) then
    check.fail("network", "net: expected a network that ends in a dense layer of one unit, with a bias and without an "
      .. "activation, since numbers are standardised for the training")
  end
  return net
end

local function fit_network(x, y, options, about)
  local loss, mean, sd = "cross_entropy", 0, 1
  if about.task == "number" then
    if core.size(y, 2) ~= 1 then check.fail("network", "expected one target, got %d", core.size(y, 2)) end
    loss = "mse"
    y, mean, sd = standardized(y)
  end
  local net = new_network(x, options, about)
  fit(net, { x = x, y = about.task == "class" and core.tensor(y) or y }, { epochs = options.epochs, loss = loss,
    batch_size = math.min(options.batch_size, core.size(x, 1)), seed = about.seed, verbose = false,
    optimizer = optim.Adam { lr = options.lr } })
  if about.task == "number" then unstandardize(net, mean, sd) end
  return net
end

-- ---- neighbours for numbers: the mean of the nearest ----

local function nearest_mean(model, x)
  local _, rows = model.nearest:nearest(x)
  local k, list = core.size(rows, 2), {}
  for i, row in ipairs(core.totable(rows)) do
    local sum = 0
    for _, r in ipairs(row) do sum = sum + model.y[r // 1 | 0] end
    list[i] = { sum / k }
  end
  return core.tensor(list)
end

local function fit_neighbours(x, y, options, about)
  local given = { k = math.min(options.k, core.size(x, 1)), metric = options.metric, verbose = false }
  if about.task == "class" then
    given.classes = about.classes
    return neighbours.fit(x, y, given)
  end
  if core.size(y, 2) ~= 1 then check.fail("neighbours", "expected one target, got %d", core.size(y, 2)) end
  local ones = {}
  for i = 1, core.size(x, 1) do ones[i] = 1 end
  return { nearest = neighbours.fit(x, ones, given), y = core.totable(core.reshape(y, -1)) }
end

local function with(options, extra)
  for key, value in pairs(extra) do options[key] = value end
  return options
end

-- ---- nothing of the spectra: what any model has to beat ----

local function fit_constant(x, y, _, about)
  if about.task == "number" then return { mean = core.mean(y, 1), columns = core.size(y, 2) } end
  local count, most = {}, 1
  for k = 1, about.classes do count[k] = 0 end
  for _, class in ipairs(y) do count[class] = count[class] + 1 end
  for k = 2, about.classes do most = count[k] > count[most] and k or most end
  local shares = {}
  for k = 1, about.classes do shares[k] = count[k] / core.size(x, 1) end
  return { mean = core.tensor(shares), columns = about.classes }
end

local function predict_constant(model, x)
  return core.add(core.full(0, core.size(x, 1), model.columns), core.reshape(model.mean, 1, model.columns))
end

local function itself(model) return model end

local estimators = {
  pls = { task = "number", options = {}, tuned = "components", candidates = components, shared = true,
    fit = function(x, y, options) return pls.fit(x, y, options) end,
    predict = function(model, x, value)
      value = math.min(value, core.size(model.rotations, 1))
      return core.reshape(model:predict(x, value), core.size(x, 1), -1)
    end },
  plsda = { task = "class", options = {}, tuned = "components", candidates = components, shared = true,
    fit = function(x, y, options, about) return plsda.fit(x, y, with(options, { classes = about.classes })) end,
    predict = function(model, x, value)
      return model:decision_function(x, math.min(value, core.size(model.pls.rotations, 1)))
    end },
  ridge = { task = "number", options = {}, tuned = "alpha", candidates = function() return powers(4, -8, -1) end,
    fit = function(x, y, options) return ridge.fit(x, y, options) end,
    predict = function(model, x) return core.reshape(model:predict(x), core.size(x, 1), -1) end },
  logistic = { task = "class", options = {}, tuned = "C", needs_classes = true,
    candidates = function() return powers(-3, 3, 1) end,
    fit = function(x, y, options, about)
      return logistic.fit(x, y, with(options, { classes = about.classes, iterations = 10000 }))
    end,
    predict = function(model, x) return model:predict_proba(x) end },
  svm = { task = "class", options = {}, tuned = "C", needs_classes = true,
    candidates = function() return powers(-3, 1, 1) end,
    fit = function(x, y, options, about)
      return linear.fit(x, y, with(options, { kind = "svm", classes = about.classes }))
    end,
    predict = function(model, x) return model:decision_function(x) end },
  forest = { task = "both", options = { trees = check.default(200, "positive integer") },
    fit = function(x, y, options, about)
      local numbers = about.task == "number"
      return forest.fit(x, y, with(options, { classes = not numbers and about.classes or nil, seed = about.seed,
        verbose = false, criterion = numbers and "squared_error" or nil }))
    end,
    predict = function(model, x)
      if model.numbers then return core.reshape(model:predict(x), core.size(x, 1), 1) end
      return model:predict_proba(x)
    end },
  neighbours = { task = "both", options = { k = check.default(1, "positive integer"),
    metric = check.default("euclidean", "string") }, fit = fit_neighbours,
    predict = function(model, x) return model.nearest == nil and model:predict_proba(x)
      or model.kind == "neighbours" and model:predict_proba(x) or nearest_mean(model, x) end },
  constant = { task = "both", options = {}, fit = fit_constant, predict = predict_constant },
  network = { task = "both", options = { net = check.default("one_convolution", "string|function"),
    epochs = check.default(100, "positive integer"), batch_size = check.default(16, "positive integer"),
    lr = check.default(1e-3, "positive") }, fit = fit_network, predict = predict_network },
}

local from_simple_to_complex = { "constant", "plsda", "pls", "ridge", "logistic", "svm", "neighbours", "forest",
  "network" }
for rank, name in ipairs(from_simple_to_complex) do
  estimators[name].complexity, estimators[name].saved = rank, itself
end
estimators.neighbours.saved = function(model) return model.kind and model or nil end
estimators.constant.saved = function() return nil end

return estimators
