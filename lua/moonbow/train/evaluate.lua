--- What a trained model says, and how often it is right.
local core = require "moonbow.core"
local check = require "moonbow.check"
local autograd = require "moonbow.autograd"

local M = {}

--- Checks a set { x = (N, ...), y = (N) }; y may be a table of labels. Returns x and y as tensors.
function M.read_set(operation, set, needs_labels)
  check.kind(operation, "data", set, "table")
  check.kind(operation, "data.x", set.x, "tensor")
  if not needs_labels then return set.x end
  check.kind(operation, "data.y", set.y, "tensor|table")
  local y = core.is_tensor(set.y) and set.y or core.tensor(set.y)
  if core.size(y, 1) ~= core.size(set.x, 1) then
    check.fail(operation, "data.y: expected %d labels, one per row of x, got %d", core.size(set.x, 1), core.size(y, 1))
  end
  return set.x, y
end

--- Calls f(logits, first, count) for the model's outputs on x, batch by batch, in evaluation mode.
function M.each_batch(model, x, batch_size, f)
  local modes = {}
  model:visit(function(part) modes[part] = part.training end)
  model:eval()
  local ok, err = pcall(autograd.no_grad, function()
    for first = 1, core.size(x, 1), batch_size do
      local count = math.min(batch_size, core.size(x, 1) - first + 1)
      local batch = core.narrow(x, first, count)
      local logits = model(batch)
      f(logits, first, count)
      core.close(logits)
    end
  end)
  for part, mode in pairs(modes) do part.training = mode end
  if not ok then error(err, 0) end
end

local options_of_batches = { batch_size = check.default(128, "positive integer") }

--- The classes that a model predicts, and their probabilities.
-- @param model whose outputs are logits (N, classes)
-- @param x (N, L, C)
-- @param options batch_size (128)
-- @return classes (N), probabilities (N, classes)
function M.predict(model, x, options)
  options = check.options("predict", options, options_of_batches)
  check.kind("predict", "x", x, "tensor")
  local parts = {}
  M.each_batch(model, x, options.batch_size, function(logits) parts[#parts + 1] = core.softmax(logits) end)
  local probabilities = core.concat(parts, 1)
  return core.argmax(probabilities, 2), probabilities
end

local function per_class(confusion, classes)
  local precision, recall, f1, sum = {}, {}, {}, 0
  for k = 1, classes do
    local predicted, actual = 0, 0
    for j = 1, classes do predicted, actual = predicted + confusion[j][k], actual + confusion[k][j] end
    local hits = confusion[k][k]
    precision[k] = predicted > 0 and hits / predicted or 0
    recall[k] = actual > 0 and hits / actual or 0
    f1[k] = predicted + actual > 0 and 2 * hits / (predicted + actual) or 0
    sum = sum + f1[k]
  end
  return precision, recall, f1, sum / classes
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

--- Loss and accuracy of a classifier on { x, y }.
-- @param options batch_size (128)
-- @return { loss (mean cross-entropy), accuracy, confusion[true][predicted], and per class precision,
--   recall, f1 (0 where undefined); macro_f1 }
function M.evaluate(model, set, options)
  options = check.options("evaluate", options, options_of_batches)
  local x, y = M.read_set("evaluate", set, true)
  local predicted, loss, classes = {}, 0, nil
  M.each_batch(model, x, options.batch_size, function(logits, first, count)
    loss = loss + core.cross_entropy(logits, core.narrow(y, first, count)):item() * count
    predicted[#predicted + 1] = core.argmax(logits, 2)
    classes = core.size(logits, 2)
  end)
  local confusion, hits = confusion_of(y, core.concat(predicted, 1), classes)
  local precision, recall, f1, macro_f1 = per_class(confusion, classes)
  local n = core.size(x, 1)
  return {
    loss = loss / n, accuracy = hits / n, confusion = confusion, precision = precision, recall = recall, f1 = f1,
    macro_f1 = macro_f1,
  }
end

--- Replaces the running statistics of every batch norm by the mean over x of those of its batches; weights
-- stay. Options: batch_size (128). Returns the model.
function M.recalibrate(model, x, options)
  options = check.options("recalibrate", options, options_of_batches)
  check.kind("recalibrate", "x", x, "tensor")
  local norms, modes = {}, {}
  model:visit(function(part)
    modes[part] = part.training
    part.training = part.type == "BatchNorm1d"
    if part.training then norms[#norms + 1] = part end
  end)
  local kept = {}
  for i, norm in ipairs(norms) do kept[i] = norm.momentum end
  local ok, err = pcall(autograd.no_grad, function()
    local seen = 0
    for first = 1, core.size(x, 1), options.batch_size do
      local count = math.min(options.batch_size, core.size(x, 1) - first + 1)
      for _, norm in ipairs(norms) do norm.momentum = seen / (seen + count) end
      core.close(model(core.narrow(x, first, count)))
      seen = seen + count
    end
  end)
  for i, norm in ipairs(norms) do norm.momentum = kept[i] end
  for part, mode in pairs(modes) do part.training = mode end
  if not ok then error(err, 0) end
  return model
end

return M
