--- The losses of mb.fit, and the weights of classes in them.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local row_losses = require "moonbow.train.row_losses"

local losses = {}

-- Returns the weights n / (classes * count) of each class, as scikit-learn's "balanced"; 0 for a class without rows.
-- Rows of weight 0 do not count.
local function balanced(y, classes, weights)
  local counts, class_weights, n = {}, {}, 0
  for k = 1, classes do counts[k] = 0 end
  for i, class in ipairs(core.totable(y)) do
    if not weights or weights[i] > 0 then
      class, n = math.tointeger(class), n + 1
      counts[class] = counts[class] + 1
    end
  end
  for k = 1, classes do class_weights[k] = counts[k] > 0 and n / (classes * counts[k]) or 0 end
  return class_weights
end

local function fail(format, ...) check.fail("fit", "class_weights: " .. format, ...) end

-- Returns the weights of a table with names of classes as keys; classes that it does not name have weight 1.
local function by_name(given, names, classes)
  if type(names) ~= "table" then
    fail "names are given, but the set has no 'classes', a list of names: expected 'balanced' or one number per class"
  end
  for k, name in ipairs(names) do check.kind("fit", ("data.classes[%d]"):format(k), name, "string") end
  for name in pairs(given) do check.name("fit", "class_weights", name, names) end
  local weights = {}
  for k = 1, classes do weights[k] = names[k] and given[names[k]] or 1 end
  return weights
end

local function check_weights(weights, classes)
  if #weights ~= classes then
    fail("expected %d numbers, one per class of the model's outputs, got %d", classes, #weights)
  end
  local sum = 0
  for k, weight in ipairs(weights) do
    if type(weight) ~= "number" or not (weight >= 0 and weight < math.huge) then
      fail("class %d: expected a finite number from 0, got %s", k, check.show(weight))
    end
    sum = sum + weight
  end
  if sum == 0 then fail "expected a weight above 0" end
end

-- The option class_weights as a tensor (classes), or nil.
local function weights_of(given, set, y, weights, classes)
  if given == nil then return nil end
  if given == "balanced" then
    if core.rank(y) == 2 then fail "'balanced' counts class numbers, and y holds soft labels; give the numbers" end
    return core.tensor(balanced(y, classes, weights))
  end
  if type(given) == "string" then check.name("fit", "class_weights", given, { "balanced" }) end
  local list = given
  if core.is_tensor(given) then
    list = core.totable(core.reshape(given, -1))
  elseif type(next(given)) == "string" then
    list = by_name(given, set.classes, classes)
  end
  check_weights(list, classes)
  return core.tensor(list)
end

local function show_output(shape) return "(" .. table.concat({ "N", table.unpack(shape) }, ", ") .. ")" end

--- Returns the number of classes that a model distinguishes; raises if its outputs cannot be logits.
-- @param shape of an output, without the batch
function losses.classes_of(operation, shape)
  if #shape == 1 and shape[1] > 1 then return shape[1] end
  check.fail(operation, "expected a classifier, with outputs (N, classes), one logit for each of at least 2 classes, "
    .. "got outputs %s%s", show_output(shape),
    #shape > 1 and "; put nn.Flatten{} or nn.GlobalAvgPool1d{} before the last nn.Dense" or "")
end

-- The layer in a container whose output is that of the container; nil if it is none, or if nodes are joined.
local function last_part(layer)
  if layer.type == "Graph" then return layer.layers[layer.nodes[#layer.nodes].layer] end
  return layer.type == "Sequential" and layer.layers[#layer.layers] or nil
end

--- Raises if the last layer of a model is a softmax (or the given activation): functions that take logits apply one,
-- and a second would flatten the probabilities.
function losses.check_logits(operation, model, squash)
  squash = squash or "softmax"
  local last, inner = model, last_part(model)
  while inner do last, inner = inner, last_part(inner) end
  local options = last.options
  local activation = last.type == "Activation" and options.name or options.activation
  if last.type:lower() == squash or activation == squash then
    check.fail(operation, "expected logits, but the network ends in a %s (%s), which is part of %s already; leave "
      .. "it out", squash, last.type, operation == "fit" and "the loss" or operation)
  end
end

-- Wraps a user's loss: its result must be one number. It may keep its tensors although fit closes fit's own.
local function checked(loss)
  return function(output, y, weights)
    local value = loss(autograd.share(output), autograd.share(y), autograd.share(weights))
    if not core.is_tensor(value) or core.count(value) ~= 1 then
      check.fail("fit", "loss: expected a tensor with one element from the function, got %s", check.show(value))
    end
    return autograd.share(value)
  end
end

-- Returns class numbers (N) as rows of zeros with a 1; soft labels as they are.
local function shares_of(y, classes)
  if core.rank(y) == 2 then return y end
  return core.eq(core.reshape(y, -1, 1), core.reshape(core.arange(1, 1, classes), 1, classes))
end

-- y in the shape of the output, from which it may differ by dimensions of size 1 at the end.
local function like_output(name, output, y)
  local is_like, shapes = core.count(output) == core.count(y), { core.shape(output), core.shape(y) }
  for d = 1, math.max(#shapes[1], #shapes[2]) do
    is_like = is_like and (shapes[1][d] or 1) == (shapes[2][d] or 1)
  end
  if not is_like then
    check.fail(name, "prediction has shape %s, target %s", check.show_shape(shapes[1]), check.show_shape(shapes[2]))
  end
  return core.reshape(y, shapes[1])
end

-- The mean of the losses of rows, and the sum of what they count (nil: each counts 1).
local function mean(rows, weights, counts)
  if not counts then return ops.mean(rows) end
  local sum = core.sum(counts):item()
  return ops.mul(ops.sum(weights and ops.mul(rows, weights) or rows), sum > 0 and 1 / sum or 0), sum
end

-- A loss of classes. The kernel has all of cross-entropy but smoothing, soft labels and weights of rows.
local function of_classes(chosen, class_weights)
  local rows_of, options = chosen.kind.rows, chosen.options
  local has_kernel = chosen.name == "cross_entropy" and options.label_smoothing == 0
  return function(logits, y, weights)
    if has_kernel and not weights and core.rank(y) == 1 then
      return ops.cross_entropy(logits, y, class_weights),
        class_weights and core.sum(core.index(class_weights, y)):item() or nil
    end
    local target, counts = shares_of(y, core.size(logits, 2)), weights
    if class_weights then counts = core.mul(core.sum(core.mul(target, class_weights), 2), weights or 1) end
    return mean(rows_of(logits, target, class_weights, options), weights, counts)
  end
end

local function of_targets(chosen)
  return function(output, y, weights)
    if chosen.name == "mse" and not weights then return ops.mse(output, y) end
    y = like_output(chosen.name, output, y)
    return mean(chosen.kind.rows(output, y, nil, chosen.options), weights, weights)
  end
end

--- Reads the option loss: { kind, name, options } of row_losses, or { f = a user's function }.
function losses.read(operation, given)
  local kind, name, options = row_losses.read(operation, given)
  if not kind then return { f = given } end
  return { kind = kind, name = name, options = options, is_of_classes = kind.reads == "classes" }
end

--- Returns a loss of losses.read as functions(output, y, weights) that return the loss of a batch and the sum of its
-- weights (nil: its rows): for training, and for validation, which has no class weights.
-- @param given the option class_weights
-- @param set, y, weights the training set, its labels and its weights as tensors
-- @param shape of an output, without the batch
function losses.make(chosen, given, set, y, weights, shape)
  if chosen.is_of_classes then
    local class_weights = weights_of(given, set, y, weights, losses.classes_of("fit", shape))
    local plain = of_classes(chosen)
    return class_weights and of_classes(chosen, class_weights) or plain, plain
  end
  if given then fail "only with the losses 'cross_entropy' and 'focal'" end
  local loss = chosen.f and checked(chosen.f) or of_targets(chosen)
  return loss, loss
end

return losses
