-- The losses of mb.fit against formulas written out in Lua, their gradients, and what counts in means and metrics.
local mb, mb64, modules64 = require "support.both"()
local check = require "support.gradcheck"
local nn = mb.nn

local losses32, losses64 = require "moonbow.train.losses", modules64["moonbow.train.losses"]

-- Returns a function(library, output) that is the loss of these labels and weights.
local function loss_of(given, y, weights, class_weights)
  return function(library, output)
    local losses = library == mb64 and losses64 or losses32
    local shape = output:shape()
    table.remove(shape, 1)
    local labels = library.tensor(y)
    local of_rows = weights and library.tensor(weights)
    local loss = losses.make(losses.read("fit", given), class_weights, {}, labels, of_rows, shape)
    return (loss(output, labels, of_rows))
  end
end

local logits = { { 0.3, -1.2, 2 }, { 1.5, 0.2, -0.4 }, { -0.7, 0.9, 0.1 }, { 0, 3, -2 } }
local numbers, soft = { 3, 2, 1, 2 }, { { 0.5, 0.25, 0.25 }, { 0, 1, 0 }, { 0.1, 0.2, 0.7 }, { 0.3, 0.3, 0.4 } }
local marks = { { 1, 0, 1 }, { 0, 0, 1 }, { 1, 1, 0 }, { 0.3, 1, 0 } }
local weights, class_weights = { 1, 0.5, 2, 0 }, { 1, 3, 0.5 }

local function log_softmax(row)
  local sum, result = 0, {}
  for _, value in ipairs(row) do sum = sum + math.exp(value) end
  for k, value in ipairs(row) do result[k] = value - math.log(sum) end
  return result
end

-- The mean of f(row of logits, i) over the rows, weighted.
local function mean_of(f, of_rows)
  local sum, all = 0, 0
  for i, row in ipairs(logits) do
    local loss, counts = f(row, i)
    local w = (of_rows and of_rows[i] or 1)
    sum, all = sum + w * loss, all + w * (counts or 1)
  end
  return sum / all
end

local function cross_entropy(target_of, of_classes)
  return function(row, i)
    local sum, counts, log_p, target, label = 0, 0, log_softmax(row), target_of(i)
    for k in ipairs(row) do
      local w = of_classes and of_classes[k] or 1
      sum, counts = sum - w * target[k] * log_p[k], counts + w * (label or target)[k]
    end
    return sum, counts
  end
end

local function one_hot(i)
  local row = { 0, 0, 0 }
  row[numbers[i]] = 1
  return row
end

local function smoothed(i)
  local target = one_hot(i)
  for k = 1, 3 do target[k] = 0.9 * target[k] + 0.1 / 3 end
  return target, one_hot(i)
end

local function focal(row, i)
  local log_p = log_softmax(row)[numbers[i]]
  return -(1 - math.exp(log_p)) ^ 2 * log_p
end

local function each_output(f)
  return function(row, i)
    local sum = 0
    for k, value in ipairs(row) do sum = sum + f(value, marks[i][k]) end
    return sum / #row
  end
end

local function binary(x, y) return math.log(1 + math.exp(-x)) * y + math.log(1 + math.exp(x)) * (1 - y) end
local function huber(x, y)
  local d = math.abs(x - y)
  return d <= 0.6 and d * d / 2 or 0.6 * (d - 0.3)
end

local cases = {
  { "cross-entropy with weights of rows", "cross_entropy", numbers, cross_entropy(one_hot), weights },
  { "cross-entropy of soft labels", "cross_entropy", soft, cross_entropy(function(i) return soft[i] end) },
  { "cross-entropy with label smoothing", { "cross_entropy", label_smoothing = 0.1 }, numbers,
    cross_entropy(smoothed) },
  { "cross-entropy with weights of rows and classes", "cross_entropy", numbers, cross_entropy(one_hot, class_weights),
    weights, class_weights },
  { "cross-entropy with smoothing and weights of classes", { "cross_entropy", label_smoothing = 0.1 }, numbers,
    cross_entropy(smoothed, class_weights), nil, class_weights },
  { "focal loss", "focal", numbers, focal },
  { "focal loss with weights", "focal", numbers, focal, weights },
  { "binary cross-entropy", "binary_cross_entropy", marks, each_output(binary) },
  { "weighted binary cross-entropy", "binary_cross_entropy", marks, each_output(binary), weights },
  { "smoothed binary cross-entropy", { "binary_cross_entropy", label_smoothing = 0.2 }, marks,
    each_output(function(x, y) return binary(x, 0.8 * y + 0.1) end) },
  { "binary cross-entropy with a weight of labels 1", { "binary_cross_entropy", positive_weight = 3 }, marks,
    each_output(function(x, y) return binary(x, y) + 2 * math.log(1 + math.exp(-x)) * y end) },
  { "weighted mean squared error", "mse", marks, each_output(function(x, y) return (x - y) ^ 2 end), weights },
  { "mean absolute error", "l1", marks, each_output(function(x, y) return math.abs(x - y) end), weights },
  { "Huber's loss", { "huber", delta = 0.6 }, marks, each_output(huber) },
}

describe("losses", function()
  for _, case in ipairs(cases) do
    local name, given, y, expected, of_rows, of_classes = table.unpack(case, 1, 6)
    it(name .. " is its formula, with its gradient", function()
      local loss = loss_of(given, y, of_rows, of_classes)
      assert.is_near(mean_of(expected, of_rows), loss(mb64, mb64.tensor(logits)):item(), 1e-12)
      check(loss, { logits })
    end)
  end
  it("cross-entropy with weights of 1 is that of the kernel", function()
    local x = mb.tensor(logits)
    for _, of_classes in ipairs { false, class_weights } do
      of_classes = of_classes or nil
      local kernel = loss_of("cross_entropy", numbers, nil, of_classes)(mb, x):item()
      assert.is_near(kernel, loss_of("cross_entropy", numbers, { 1, 1, 1, 1 }, of_classes)(mb, x):item(), 1e-6)
    end
  end)
  it("focal with gamma 0 is cross-entropy, and stays finite where a row is certain", function()
    local x = mb.tensor { { 200, 0, 0 }, { 0, 0, 200 } }:param()
    local loss = loss_of({ "focal", gamma = 0.5 }, { 1, 3 })(mb, x)
    loss:backward()
    assert.equal(0, x.grad:describe().nan + x.grad:describe().inf)
    assert.is_near(loss_of("cross_entropy", numbers)(mb, mb.tensor(logits)):item(),
      loss_of({ "focal", gamma = 0 }, numbers)(mb, mb.tensor(logits)):item(), 1e-6)
  end)
  it("are 0 in a batch in which no row counts", function()
    assert.equal(0, loss_of("cross_entropy", numbers, { 0, 0, 0, 0 })(mb, mb.tensor(logits)):item())
  end)
end)

local function dense(units) return nn.Sequential { nn.Flatten {}, nn.Dense { units = units } } end

local function fit(model, set, options)
  options.verbose, options.epochs = false, options.epochs or 2
  return mb.fit(model, set, options)
end

local function bytes(model)
  local parts = {}
  for i, parameter in ipairs(model:parameters()) do parts[i] = parameter.value:tobytes() end
  return table.concat(parts)
end

describe("fit", function()
  local x = mb.rng(1):normal(0, 1, 12, 4, 1)
  local y = { 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3 }
  it("trains as without the rows of weight 0, and without ignored labels", function()
    local few = x:narrow(1, 8)
    local of_rows = mb.ones(12)
    for i = 9, 12 do of_rows[i] = 0 end
    local unknown = table.move(y, 1, 8, 1, { [9] = 0, [10] = 0, [11] = 0, [12] = 0 })
    local options = { batch_size = 12, shuffle = false, l2 = 0.01 }
    local a, b, c = dense(3), dense(3), dense(3)
    local first = fit(a, { x = few, y = { table.unpack(y, 1, 8) } }, { batch_size = 12, shuffle = false,
      l2 = 0.01 })
    local second = fit(b, { x = x, y = y, weights = of_rows }, options)
    options.loss = { "cross_entropy", ignore = 0 }
    local third = fit(c, { x = x, y = unknown }, options)
    for _, history in ipairs { second, third } do
      assert.is_near(first[2].loss, history[2].loss, 1e-6)
      assert.equal(first[2].accuracy, history[2].accuracy)
    end
    assert.is_true(a:parameters()[1].value:allclose(b:parameters()[1].value, { absolute = 1e-6 }))
    assert.equal(bytes(b), bytes(c))
  end)
  it("has the metrics of the validation set, by name and by function", function()
    local seen
    local model, validation = dense(3), { x = x, y = y }
    local history = fit(model, { x = x, y = y }, { validation = validation,
      metrics = { "macro_f1", "auc", rows = function(outputs, labels)
        seen = { outputs:shape(), labels:totable() }
        return mb.tensor { #labels }
      end } })
    local evaluation = mb.evaluate(model, validation, { metrics = { "auc" } })
    assert.same({ { 12, 3 }, y }, seen)
    assert.equal(12, history[2].val_rows)
    assert.is_number(history[1].val_auc)
    assert.is_number(evaluation.auc)
    assert.same({ history[1].val_macro_f1, history[2].val_macro_f1 }, history:values "val_macro_f1")
    assert.matches("val_accuracy +val_auc +val_macro_f1 +val_rows +lr", tostring(history))
  end)
  it("refuses metrics that it does not know, and metrics without a validation set", function()
    local function refuses(pattern, options)
      assert.error_matches(function() fit(dense(3), { x = x, y = y }, options) end, pattern)
    end
    refuses("fit: metrics: they are those of the validation set", { metrics = { "auc" } })
    local validation = { x = x, y = y }
    refuses("fit: metrics%[1%]: expected one of 'accuracy', .*got 'acc' %(did you mean", {
      metrics = { "acc" }, validation = validation })
    refuses("fit: metrics.f: expected a function, got 1", { metrics = { f = 1 }, validation = validation })
    refuses("fit: metrics.f: result: expected a number, got 'x'", { validation = validation,
      metrics = { f = function() return "x" end } })
    refuses("fit: loss%[1%]: expected one of .*, got 'hubert' %(did you mean 'huber'%?%)", { loss = { "hubert" } })
    refuses("fit loss: unknown option 'delta'", { loss = { "cross_entropy", delta = 1 } })
  end)
  it("refuses weights that cannot be any", function()
    local function refuses(pattern, of_rows)
      assert.error_matches(function() fit(dense(3), { x = x, y = y, weights = of_rows }, {}) end, pattern)
    end
    refuses("fit: data.weights: expected 12 numbers, one per row of x, got 1", { 1 })
    refuses("fit: data.weights: all are 0", mb.zeros(12))
    refuses("fit: data.weights%[1%]: expected a non%-negative float32, got %-1", mb.full(-1, 12))
  end)
  it("refuses a network that ends in a sigmoid, and labels outside 0 to 1, for binary cross-entropy", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 }, nn.Sigmoid {} }
    assert.error_matches(function()
      fit(model, { x = x, y = mb.ones(12, 3) }, { loss = "binary_cross_entropy" })
    end, "fit: expected logits, but the network ends in a sigmoid")
    assert.error_matches(function()
      fit(dense(3), { x = x, y = mb.full(2, 12, 3) }, { loss = "binary_cross_entropy" })
    end, "fit: data.y: expected labels 0 and 1 of each output, or probabilities, got numbers from 2 to 2")
  end)
  it("refuses targets of another shape than the outputs", function()
    assert.error_matches(function() fit(dense(3), { x = x, y = mb.ones(12) }, { loss = "huber" }) end,
      "huber: prediction has shape {12, 3}, target {12}")
  end)
end)

describe("evaluate", function()
  it("has the errors of numbers, and leaves out rows of weight 0", function()
    local model = nn.Lambda { function(x) return x end }
    local set = { x = mb.tensor { { 1 }, { 2 }, { 4 }, { 100 } }, y = { 1, 3, 4, 0 }, weights = { 1, 1, 1, 0 } }
    local evaluation = mb.evaluate(model, set, { loss = "l1" })
    assert.is_near(1 / 3, evaluation.loss, 1e-6)
    assert.is_near(1 / 3, evaluation.mae, 1e-6)
    assert.is_near(math.sqrt(1 / 3), evaluation.rmse, 1e-6)
    assert.equal("loss 0.3333, rmse 0.5774, mae 0.3333, bias -0.3333, r2 0.7857, on 3 spectra", tostring(evaluation))
    assert.error_matches(function() evaluation:plot() end, "evaluation:plot: only classes have a confusion matrix")
  end)
  it("has the share of right labels, and of spectra whose labels are all right", function()
    local model = nn.Lambda { function(x) return x end }
    local set = { x = mb.tensor { { 1, -1 }, { 2, 2 }, { -1, 1 } }, y = { { 1, 0 }, { 1, 0 }, { 0, 1 } } }
    local evaluation = mb.evaluate(model, set, { loss = "binary_cross_entropy" })
    assert.is_near(5 / 6, evaluation.accuracy, 1e-6)
    assert.is_near(2 / 3, evaluation.exact, 1e-6)
    assert.is_near((1 + 2 / 3) / 2, evaluation.macro_f1, 1e-6)
  end)
  it("leaves out ignored labels, and takes the largest share of soft ones", function()
    local model = nn.Lambda { function(x) return x end }
    local rows = mb.tensor { { 1, 0 }, { 0, 1 }, { 1, 0 } }
    local known = mb.evaluate(model, { x = rows, y = { 1, 1, 0 } }, { loss = { "cross_entropy", ignore = 0 } })
    assert.same({ { 1, 1 }, { 0, 0 } }, known.confusion)
    assert.equal(0.5, known.accuracy)
    local shares = mb.evaluate(model, { x = rows, y = { { 0.9, 0.1 }, { 0.2, 0.8 }, { 0.3, 0.7 } } })
    assert.same({ { 1, 0 }, { 1, 1 } }, shares.confusion)
  end)
end)
