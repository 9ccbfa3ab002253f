--- Predictions of a trained model, their loss and accuracy.
local core = require "moonbow.core"
local check = require "moonbow.check"
local autograd = require "moonbow.autograd"
local interrupt = require "moonbow.interrupt"
local expectations = require "moonbow.data.expected"
local values_of = require "moonbow.data.values_of"
local Layer = require "moonbow.nn.layer"
local batches = require "moonbow.train.batches"
local closing = require "moonbow.train.closing"
local evaluation = require "moonbow.train.evaluation"
local finite = require "moonbow.train.finite"
local losses = require "moonbow.train.losses"
local metrics = require "moonbow.train.metrics"
local named = require "moonbow.train.named"
local outputs_of = require "moonbow.train.outputs"
local row_losses = require "moonbow.train.row_losses"
local sets = require "moonbow.train.sets"

local M = {}

local function check_layer(operation, model)
  if not Layer.is_layer(model) then
    check.fail(operation, "model: expected a layer or a network of layers, got %s", check.show(model))
  end
end

--- Raises unless model is a layer that makes one tensor.
function M.check_model(operation, model)
  check_layer(operation, model)
  if model.type == "Graph" and #model.outputs > 1 then
    check.fail(operation, "model: expected a network of one output, got a Graph of several: %s",
      table.concat(model.outputs, ", "))
  end
end

local function run_batches(operation, model, x, batch_size, f)
  M.check_model(operation, model)
  local _ <close> = interrupt.catch(operation)
  local _ <close> = model:keep_modes()
  model:eval()
  autograd.no_grad(function()
    local n = named.count(x)
    for first = 1, n, batch_size do
      interrupt.check()
      local count = math.min(batch_size, n - first + 1)
      local outputs = model(named.narrow(x, first, count))
      f(outputs, first, count)
      core.close(outputs)
    end
  end)
end

--- Calls f(outputs, first, count) for the model's outputs on x, batch by batch, in evaluation mode.
function M.each_batch(...) closing(run_batches, ...) end

local MOST_ROWS_NAMED = 5

-- Raises if a row of probabilities is NaN, since it belongs to no class.
local function check_probabilities(operation, x, probabilities, first)
  if not core.find_non_finite { probabilities } then return end
  local rows, more = {}, 0
  for i = 1, core.size(probabilities, 1) do
    if core.describe(core.row(probabilities, i)).nan > 0 then
      if #rows < MOST_ROWS_NAMED then rows[#rows + 1] = first + i - 1 else more = more + 1 end
    end
  end
  local is_input = false
  named.map(x, function(part) is_input = is_input or core.find_non_finite { core.row(part, rows[1]) } ~= nil end)
  check.fail(operation, "the model's outputs are NaN or infinite for row %s%s of x%s",
    table.concat(rows, ", "), more > 0 and (" and %d more"):format(more) or "",
    is_input and (": row %d holds NaN or infinity itself"):format(rows[1]) or "")
end

-- Calls f(logits, first, count, probabilities) for the outputs of a classifier.
local function each_prediction(operation, model, x, batch_size, f)
  losses.check_logits(operation, model)
  M.each_batch(operation, model, x, batch_size, function(logits, first, count)
    local shape = core.shape(logits)
    table.remove(shape, 1)
    losses.classes_of(operation, shape)
    if core.size(logits, 1) ~= count then
      check.fail(operation, "expected outputs for each of %d rows of x, got %d", count, core.size(logits, 1))
    end
    local probabilities = core.softmax(logits)
    check_probabilities(operation, x, probabilities, first)
    f(logits, first, count, probabilities)
  end)
end

-- Raises if x has not the dimensions for which the model was built: a single spectrum lacks the batch.
local function check_dimensions(operation, model, x)
  if named.is_table(x) then return end
  local expected, shape = model.input_shape, core.shape(x)
  if not expected or #expected == 0 or #shape == #expected + 1 then return end
  check.fail(operation, "x: expected (N, %s), got shape %s; one spectrum of many is x:narrow(i, 1)",
    table.concat(expected, ", "), check.show_shape(shape))
end

-- True for tensors by name that the model takes; of a set, { x, y }, only if it has an input x.
local function are_inputs(model, x)
  if not (model.takes_named and named.is_table(x)) then return false end
  return x.x == nil or (model.is_input or model.input_shape or {}).x ~= nil
end

local options_of_batches = { batch_size = check.default(128, "positive integer") }

local options_of_predict = { batch_size = options_of_batches.batch_size, outputs = outputs_of.rule }

-- A set for a model that was loaded is brought to what the model expects.
local function prepared(model, x)
  if are_inputs(model, x) then return named.read("predict", "x", x), nil end
  local info = expectations.of(model)
  if not info or values_of(x) == x then return values_of(x), nil end
  return expectations.prepare("predict", info, x), info.classes
end

-- The names of predicted classes; nil without names.
local function names_of(predicted, classes)
  if not classes then return nil end
  local names = {}
  for i, class in ipairs(core.totable(predicted)) do names[i] = classes[class // 1 | 0] end
  return names
end

-- True for a network that a pipeline of numbers saved: one output, and no classes.
local function gives_numbers(model)
  local info = expectations.of(model)
  if not info or info.classes then return false end
  local output = model:build(model.input_shape)
  return #output == 1 and output[1] == 1
end

local function predict_numbers(model, x, batch_size)
  local parts = {}
  M.each_batch("predict", model, x, batch_size, function(outputs) parts[#parts + 1] = core.copy(outputs) end)
  local numbers = core.concat(parts, 1)
  core.check_finite("predict", "the outputs of the model", numbers)
  return numbers
end

-- The names of the labels that hold, of each row.
local function names_of_labels(marks, classes)
  if not classes or core.rank(marks) ~= 2 then return nil end
  local names = core.totable(marks)
  for i, row in ipairs(names) do
    names[i] = {}
    for k, mark in ipairs(row) do names[i][#names[i] + 1] = mark == 1 and classes[k] or nil end
  end
  return names
end

local function predict_labels(model, x, batch_size, classes)
  losses.check_logits("predict", model, "sigmoid")
  local marks, parts = {}, {}
  M.each_batch("predict", model, x, batch_size, function(outputs, first)
    marks[#marks + 1], parts[#parts + 1] = core.gt(outputs, 0), core.sigmoid(outputs)
    check_probabilities("predict", x, parts[#parts], first)
  end)
  marks = core.concat(marks, 1)
  return marks, core.concat(parts, 1), names_of_labels(marks, classes)
end

local function predict_classes(model, x, batch_size, classes)
  local parts = {}
  each_prediction("predict", model, x, batch_size, function(_, _, _, probabilities)
    parts[#parts + 1] = probabilities
  end)
  local probabilities = core.concat(parts, 1)
  local predicted = core.argmax(probabilities, 2)
  return predicted, probabilities, names_of(predicted, classes)
end

local predict_by_kind = { classes = predict_classes, labels = predict_labels, numbers = predict_numbers }

-- The method with the probabilities of a model without gradients, or with its scores; nil for numbers.
local function method_of_scores(model)
  if model.numbers or model.task == "number" then return nil end
  local has_none = model.loss == "svm" or model.has_probabilities == false
  return not has_none and model.predict_proba or model.decision_function or model.scores
end

-- Other models predict by their own methods. Those that take raw spectra prepare a set themselves.
local function predict_by_method(model, x)
  local classes
  if rawget(model, "takes_raw") then
    classes = values_of(x) ~= x and model.names or nil
  else
    x, classes = prepared(model, x)
  end
  local predicted, scores = model:predict(x), method_of_scores(model)
  return predicted, scores and scores(model, x) or nil, names_of(predicted, classes)
end

--- Predicts classes, or labels of which several may hold, and their probabilities; or numbers. A set of spectra for a
-- model from mb.load or a fitted pipeline, or a calibrated model or an ensemble of these, is first brought to the axis
-- of the training, and prepared by its steps; a set that does not cover the axis, is in another unit or holds another
-- kind of values raises. The option outputs decides what a network predicts. Without it, the loss of the last training
-- by mb.fit decides (mb.save keeps it). If no loss is known, as after load_state or with a loss of your own, classes
-- are predicted. Exception: a network from mb.load with one output and no class names predicts numbers (N, 1). Raises
-- unless the outputs for classes are (N, classes); if outputs are NaN or infinite, the message names their rows.
-- @param model any a network, whose outputs for classes and labels are logits: one that ends in a softmax, for labels
--   in a sigmoid, raises; or a fitted model of mb.pls, mb.forest and their like, a fitted pipeline, or one of
--   mb.calibrate or mb.ensemble
-- @param x tensor|spectra|table (N, L, C); a tensor is prepared as for training, but raw for a fitted pipeline: mb.load
--   returns the steps, mb.preprocess.apply does them; or tensors by name, for a network of several inputs
-- @option batch_size rows of a batch
-- @option outputs of a network: "classes", "labels" or "numbers"
-- @return tensor (N), class numbers; or (N, labels), 1 for a label that holds, 0 for the others; or numbers
-- @return tensor (N, classes), probabilities, or the scores of a classifier that has none; nil for numbers
-- @return table the names of the predicted classes, for a set and a model that knows them, as one from mb.load or a
--   fitted pipeline does; of labels a list of names each
function M.predict(model, x, options)
  options = check.options("predict", options, options_of_predict)
  outputs_of.check("predict", options.outputs)
  local is_other = type(model) == "table" and not Layer.is_layer(model) and type(model.predict) == "function"
  if not is_other then M.check_model("predict", model) end
  if is_other and options.outputs then
    check.fail("predict", "outputs: only a network has to be told what it predicts, got %s", check.show(model))
  end
  if is_other then return predict_by_method(model, x) end
  local classes
  if type(x) == "table" then x, classes = prepared(model, x) end
  x = values_of(x)
  if not are_inputs(model, x) then
    check.kind("predict", "x", x, "tensor", type(x) == "table" and x.x and "write mb.predict(model, set.x)" or nil)
  end
  check_dimensions("predict", model, x)
  local kind = options.outputs or outputs_of.recorded(model) or gives_numbers(model) and "numbers" or "classes"
  return predict_by_kind[kind](model, x, options.batch_size, classes)
end

local function per_class(confusion, classes)
  local precision, recall, f1, sum, present = {}, {}, {}, 0, 0
  for k = 1, classes do
    local predicted, actual = 0, 0
    for j = 1, classes do predicted, actual = predicted + confusion[j][k], actual + confusion[k][j] end
    local hits = confusion[k][k]
    precision[k] = predicted > 0 and hits / predicted or 0
    recall[k] = actual > 0 and hits / actual or 0
    f1[k] = predicted + actual > 0 and 2 * hits / (predicted + actual) or 0
    sum, present = sum + f1[k], present + (predicted + actual > 0 and 1 or 0)
  end
  return precision, recall, f1, sum / present
end

local function confusion_of(y, predicted, classes)
  local confusion, hits = {}, 0
  for i = 1, classes do
    confusion[i] = {}
    for j = 1, classes do confusion[i][j] = 0 end
  end
  for i = 1, core.size(y, 1) do
    local truth, guess = y[i] // 1 | 0, predicted[i] // 1 | 0
    confusion[truth][guess] = confusion[truth][guess] + 1
    if truth == guess then hits = hits + 1 end
  end
  return confusion, hits
end

local options_of_evaluate = check.copy(options_of_batches)
options_of_evaluate.loss = check.default("cross_entropy", "string|table|function", row_losses.options)
options_of_evaluate.metrics = check.optional "table"

-- Returns a function that adds up the weighted losses of batches: add(output, first, count); and one for their mean.
local function loss_sums(loss, y, weights)
  local sum, weight = 0, 0
  return function(output, first, count)
    local value, batch_weight = loss(output, core.narrow(y, first, count), named.narrow(weights, first, count))
    batch_weight = batch_weight or count
    sum, weight = sum + value:item() * batch_weight, weight + batch_weight
  end, function() return sum / weight end
end

local function add_metrics(result, options, chosen, outputs, y)
  local measure = metrics.read("evaluate", options.metrics, chosen)
  for name, value in pairs(measure and measure(outputs, y) or {}) do result[name] = value end
  return result
end

-- Returns spectra, labels and weights without the rows that do not count.
local function counted_rows(x, y, weights)
  return metrics.counted_rows(x, weights), metrics.counted_rows(y, weights), metrics.counted_rows(weights, weights)
end

local function evaluate_classes(model, set, options, chosen)
  local ignored = chosen.options.ignore
  local x, y, weights = counted_rows(sets.with_labels("evaluate", "data", set, nil, ignored))
  local numbers, parts = metrics.class_numbers(y), {}
  local _, loss = losses.make(chosen, nil, set, y, weights, { 2 })
  local add, mean_loss = loss_sums(loss, y, weights)
  each_prediction("evaluate", model, x, options.batch_size, function(logits, first, count)
    local classes = core.size(logits, 2)
    if first == 1 then sets.with_labels("evaluate", "data", set, classes, ignored) end
    add(logits, first, count)
    parts[#parts + 1] = core.copy(logits)
  end)
  local logits = core.concat(parts, 1)
  local classes = core.size(logits, 2)
  local confusion, hits = confusion_of(numbers, core.argmax(logits, 2), classes)
  local precision, recall, f1, macro_f1 = per_class(confusion, classes)
  return add_metrics({
    loss = mean_loss(), accuracy = hits / named.count(x), confusion = confusion, precision = precision,
    recall = recall, f1 = f1, macro_f1 = macro_f1, classes = rawget(set, "classes"), count = named.count(x),
  }, options, chosen, logits, y)
end

local function evaluate_targets(model, set, options, chosen)
  local is_of_marks = chosen.kind and chosen.kind.unit
  if is_of_marks then losses.check_logits("evaluate", model, "sigmoid") end
  local read = is_of_marks and sets.with_shares or sets.with_targets
  local x, y, weights = counted_rows(read("evaluate", "data", set))
  local parts, _, loss = {}, losses.make(chosen, nil, set, y, weights)
  local add, mean_loss = loss_sums(loss, y, weights)
  M.each_batch("evaluate", model, x, options.batch_size, function(output, first, count)
    add(output, first, count)
    parts[#parts + 1] = core.copy(output)
  end)
  local outputs, result = core.concat(parts, 1), { loss = mean_loss(), count = named.count(x), shows = { "loss" } }
  if chosen.kind then
    local all, names = metrics.all(chosen, outputs, y)
    for _, name in ipairs(names) do
      result[name] = all[name]
      if all[name] then result.shows[#result.shows + 1] = name end
    end
  end
  return add_metrics(result, options, chosen, outputs, y)
end

--- Computes loss and quality of a model on a set. Raises for a classifier unless outputs are (N, classes); if outputs
-- are NaN or infinite, the message names their rows.
-- @param model layer whose outputs are logits (N, classes), or what the loss takes
-- @param set table { x = tensor (N, L, C), y = class numbers from 1 on, or as mb.fit takes them for the loss, weights =
--   of the rows (optional) }: the loss is weighted, and rows of weight 0 do not count
-- @option batch_size rows of a batch
-- @option loss as for mb.fit, for what is measured: classes, several labels per spectrum, or numbers
-- @option loss.label_smoothing of "cross_entropy" and "binary_cross_entropy": the share of a label that goes to others
-- @option loss.ignore of "cross_entropy" and "focal": rows with this label do not count
-- @option loss.gamma of "focal": the exponent of the probability that is missing
-- @option loss.positive_weight of "binary_cross_entropy": the loss of labels 1 is multiplied by it
-- @option loss.delta of "huber": the difference from which on the loss is linear
-- @option metrics a list of names and, under names of your own, functions(outputs, y) that return a number, as for
--   mb.fit: further fields of the result
-- @return evaluation for classes { loss (mean cross-entropy), accuracy, confusion[true][predicted], and per class
--   precision, recall, f1 (0 if undefined); macro_f1, the mean of the classes that occur or are predicted; classes,
--   those of the set }; for "binary_cross_entropy" { loss, accuracy, exact, macro_f1 }; for numbers { loss, rmse, mae,
--   bias, r2 (of several the mean) }; print shows them
-- @usage mb.evaluate(model, set.test, { metrics = { "auc", "balanced_accuracy" } })
function M.evaluate(model, set, options)
  options = check.options("evaluate", options, options_of_evaluate)
  M.check_model("evaluate", model)
  local chosen = losses.read("evaluate", options.loss)
  local run = chosen.is_of_classes and evaluate_classes or evaluate_targets
  return evaluation(run(model, set, options, chosen))
end

-- Returns a value for a <close> variable, which restores the momenta of batch norms, and their running statistics
-- unless its field are_good is true.
local function keep_statistics(model, norms)
  local kept, momenta = {}, {}
  for i, buffer in ipairs(model:buffers()) do kept[i] = { buffer.value, core.copy(buffer.value) } end
  for i, norm in ipairs(norms) do momenta[i] = norm.momentum end
  return setmetatable({ are_good = false }, { __close = function(statistics)
    for i, norm in ipairs(norms) do norm.momentum = momenta[i] end
    for _, pair in ipairs(statistics.are_good and {} or kept) do core.copy_from(pair[1], pair[2]) end
  end })
end

-- Returns a function add(count, model, batch) that runs the model on a batch of count rows, after which batch norms
-- hold the mean statistics of all rows so far; for a batch norm that is used several times, of all its uses.
local function averaging(norms)
  local seen = {}
  for _, norm in ipairs(norms) do seen[norm] = 0 end
  return function(count, model, batch)
    local function plan(norm) norm.momentum = seen[norm] / (seen[norm] + count) end
    for _, norm in ipairs(norms) do plan(norm) end
    local function watch(part)
      if not seen[part] then return end
      seen[part] = seen[part] + count
      plan(part)
    end
    named.close(Layer.traced_as_run(watch, autograd.no_grad, model, batch))
  end
end

local function recalibrate(model, x, options)
  options = check.options("recalibrate", options, options_of_batches)
  check_layer("recalibrate", model)
  x = named.read("recalibrate", "x", x)
  local _ <close> = interrupt.catch "recalibrate"
  local _ <close> = model:keep_modes()
  local norms = {}
  model:visit(function(part)
    part.training = part.type == "BatchNorm1d"
    if part.training then norms[#norms + 1] = part end
  end)
  local statistics <close> = keep_statistics(model, norms)
  local last, rows_of = batches.split(named.count(x), options.batch_size, batches.least_rows(model, named.shape(x)))
  local add, order = averaging(norms), core.rng(1):permutation(named.count(x))
  for i = 1, last do
    interrupt.check()
    local first, count = rows_of(i)
    local batch = named.index(x, core.narrow(order, first, count))
    add(count, model, batch)
    named.close(batch)
  end
  local problem = finite.bad_state(model)
  if problem then check.fail("recalibrate", "%s, as the outputs of the layers before it on x", problem) end
  statistics.are_good = true
  return model
end

--- Replaces the running statistics of every batch norm by the mean of its batches' statistics over x; weights stay. The
-- batches are drawn as in a training, always the same ones: of rows that are sorted by class, the variances within
-- batches in their order would be too small. A single row left over joins the batch before, as in fit. After an error
-- or Ctrl-C the statistics are the old ones; NaN and infinite statistics raise.
-- @param model layer that contains the batch norms
-- @param x tensor|spectra|table (N, L, C), the spectra for the statistics; or tensors by name, for a network of several
--   inputs
-- @option batch_size rows of a batch
-- @return layer model
function M.recalibrate(model, x, options) return closing(recalibrate, model, x, options) end

check.takes(M.predict, 3, options_of_predict)
check.takes(M.recalibrate, 3, options_of_batches)
check.takes(M.evaluate, 3, options_of_evaluate, "mb.evaluate(model, { x = x, y = y })")

return M
