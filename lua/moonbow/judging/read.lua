--- A model and spectra with known answers, for judging.
local core = require "moonbow.core"
local check = require "moonbow.check"
local class_numbers = require "moonbow.data.class_numbers"
local named = require "moonbow.train.named"
local scores = require "moonbow.pipeline.scores"
local sets = require "moonbow.train.sets"
local outputs = require "moonbow.train.outputs"
local values_of = require "moonbow.data.values_of"
local Layer = require "moonbow.nn.layer"

local read = {}

-- Without names of the model's classes, those of the set have to be as many.
local function sorted_labels(operation, set, label, count)
  local y, names = set:classes(label)
  if #names ~= count then
    check.fail(operation, "label: the set has %s of %s, the model %d, and it does not know their names; give { x = "
      .. "set.x, y = set:classes(%q, names) } with the names in the order of the model",
      check.show_count(#names, "class", "classes"), label, count, label)
  end
  return y
end

-- The classes of a set of spectra by its label, numbered as the model, which has `count` of them, numbers them.
local function labels_of(operation, model, set, label, count)
  if not label then check.fail(operation, "label: name the label with the classes of the set") end
  local own = scores.names(model)
  if not own then return sorted_labels(operation, set, label, count) end
  return (class_numbers.class_numbers(set.labels[label] or check.name(operation, "label", label, set.columns), own))
end

-- The numbers of a set of spectra, or of a table.
local function numbers_of(operation, data, options, n)
  if values_of(data) ~= data then
    if not options.target then check.fail(operation, "target: name the label with the numbers of the set") end
    return data:targets(options.target)
  end
  local y = check.kind(operation, "data.y", data.y, "tensor|table")
  y = core.is_tensor(y) and y or core.tensor(y)
  if core.size(y, 1) ~= n then
    check.fail(operation, "data.y: expected %d numbers, one per row of x, got %d", n, core.size(y, 1))
  end
  core.check_finite(operation, "data.y", y)
  return core.reshape(y, n, -1)
end

-- What a model predicts, in words.
local function in_words(model, task)
  if task == "class" then return "classes" end
  local kind = Layer.is_layer(model) and outputs.recorded(model)
  return kind == "labels" and "labels of which several may hold" or "numbers"
end

--- Reads a model and the spectra to judge it on.
-- @param data a set of spectra, or { x, y }; weights of rows raise
-- @param options { label, target, outputs }
-- @param task "class" or "number" if only this will do
-- @return { ask = function of raw spectra that gives (N, M), x, found = what it gives of x, task, y = class numbers (N)
--   or numbers (N, M), n }
function read.judged(operation, model, data, options, task)
  check.kind(operation, "data", data, "table", "it is { x = x, y = y }, or a set of spectra")
  local is_set = values_of(data) ~= data
  if not is_set then sets.without_weights(operation, "data", data) end
  local ask = scores.of_raw(operation, model, options.outputs)
  local x = is_set and data or named.read(operation, "data.x", data.x)
  local found = ask(x)
  local result = { ask = ask, x = x, found = found, n = core.size(found, 1),
    task = scores.task(model, options.outputs, found) }
  if task and result.task ~= task then
    check.fail(operation, "expected a model of %s, this one predicts %s", task == "class" and "classes" or "numbers",
      in_words(model, result.task))
  end
  if result.task == "number" then
    result.y = numbers_of(operation, data, options, result.n)
  elseif is_set then
    result.y = labels_of(operation, model, data, options.label, core.size(found, 2))
  else
    result.y = select(2, sets.with_classes(operation, "data", data, core.size(found, 2)))
  end
  return result
end

--- Raises unless the outputs are probabilities.
function read.probabilities(operation, model, found)
  local sums = core.describe(core.sum(found, 2))
  if not scores.are_probabilities(model) or core.describe(found).min < -1e-4
    or not (sums.min > 0.999 and sums.max < 1.001) then
    check.fail(operation, "expected probabilities, and the model gives scores, of which mb.calibrate makes some")
  end
  return found
end

--- The option with which a model is told what its outputs are, and the labels of a set.
read.options = { label = check.optional "string", target = check.optional "string", outputs = check.optional "string" }

--- The class of each row as a list of whole numbers.
function read.classes(y)
  local list = core.totable(y)
  for i, class in ipairs(list) do list[i] = class // 1 | 0 end
  return list
end

return read
