--- Shared by the classifiers without gradients: arguments of fit, and predictions in batches.
local core = require "moonbow.core"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local labels = require "moonbow.data.labels"
local progress = require "moonbow.progress"
local values_of = require "moonbow.data.values_of"

local classifier = {}

--- Spectra (N, L, C), as a tensor or a set, or rows (N, D), as a view (N, D).
-- @param name of the argument, for the message
-- @param points D, if a fitted model requires it
function classifier.rows(operation, name, x, points)
  x = check.kind(operation, name, values_of(x), "tensor")
  local rank = core.rank(x)
  if rank ~= 2 and rank ~= 3 then
    check.fail(operation, "%s: expected spectra (N, L, C) or rows (N, D), got shape %s", name,
      check.show_shape(core.shape(x)))
  end
  if rank == 3 then x = core.reshape(x, core.size(x, 1), -1) end
  if points and core.size(x, 2) ~= points then
    check.fail(operation, "%s has %d points per row, the model was fitted on %d", name, core.size(x, 2),
      points)
  end
  return x
end

--- Reads the arguments of fit: the options (classes: the largest label unless given), x as rows, and the class of each
-- row as a list.
-- @param known for check.options; classes is among them
function classifier.arguments(operation, x, y, options, known)
  options = check.options(operation, options, known)
  x = classifier.rows(operation, "x", x)
  if options.classes and options.classes > labels.MOST_CLASSES then
    check.fail(operation, "classes: expected at most %d, got %d", labels.MOST_CLASSES, options.classes)
  end
  local list, largest = labels.classes(operation, "y", y, core.size(x, 1), options.classes)
  options.classes = options.classes or largest
  return options, x, list
end

local MOST_UNSEEN = 1 << 16

--- Raises unless a description and its tensors, which came from a file, are tables.
function classifier.check_description(config, tensors)
  check.kind("from_state", "config", config, "table")
  check.kind("from_state", "tensors", tensors, "table")
end

--- Checks the number of classes in a file. Raises for a number so large that it could only serve to use up the memory,
-- for probabilities of classes without members.
-- @param largest of the classes that have members
function classifier.loaded_classes(classes, largest)
  classes = check.kind("load", "classes", classes, "positive integer")
  if classes > math.max(largest, MOST_UNSEEN) then
    check.fail("load", "classes: expected at most %d, got %d", math.max(largest, MOST_UNSEEN), classes)
  end
  return classes
end

--- Checks the weight (D, M) and the bias (M) of a linear model in a file, and returns them.
-- @param outputs M; the length of the bias unless given
function classifier.loaded_weights(tensors, outputs)
  for _, name in ipairs { "weight", "bias" } do
    check.kind("load", name, tensors[name], "tensor")
    core.check_finite("load", name, tensors[name])
  end
  local weight, bias = tensors.weight, tensors.bias
  outputs = outputs or core.count(bias)
  if core.rank(weight) ~= 2 or core.size(weight, 2) ~= outputs then
    check.fail("load", "weight: expected shape {points, %d}, got %s", outputs, check.show(weight))
  elseif core.count(bias) ~= outputs then
    check.fail("load", "bias: expected shape {%d}, got %s", outputs, check.show(bias))
  end
  return weight, core.reshape(bias, outputs)
end

--- Calls f with parts of at most `size` rows of x, and concatenates what it returns along the rows: one tensor for each
-- of its results. Ctrl-C is checked between two parts.
-- @param verbose shows progress
function classifier.in_parts(operation, x, size, verbose, f)
  local all, results = core.size(x, 1), nil
  local guard <close> = interrupt.catch(operation) -- luacheck: ignore 211
  local line <close> = progress.job(operation, "rows", verbose)
  for first = 1, all, size do
    local count = math.min(size, all - first + 1)
    local part = table.pack(f(core.narrow(x, first, count)))
    results = results or {}
    for r = 1, part.n do
      results[r] = results[r] or {}
      table.insert(results[r], part[r])
    end
    line.report(first + count - 1, all)
    interrupt.check()
  end
  for r, parts in ipairs(results) do results[r] = #parts == 1 and parts[1] or core.concat(parts, 1) end
  return table.unpack(results)
end

--- The share of spectra whose class a model predicts.
function classifier.score(kind, model, x, y)
  local predicted, right = model:predict(x), 0
  local truth = labels.classes(kind .. ":score", "y", y, core.size(predicted, 1))
  for i, class in ipairs(core.totable(predicted)) do
    if class == truth[i] then right = right + 1 end
  end
  return right / #truth
end

--- Returns the metatable of a kind of model, which predicts the class with the largest value of the method `by`.
function classifier.of_kind(kind, by)
  local Classifier = { __name = kind, kind = kind }
  Classifier.__index = Classifier

  --- Predicts the class of each spectrum; of equally good ones the first.
  -- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
  -- @return tensor (N)
  function Classifier.predict(model, x) return core.argmax(model[by](model, x), 2) end

  --- The accuracy: the share of the spectra whose class is predicted.
  -- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
  -- @param y tensor|table (N) or (N, 1) class numbers
  -- @return number from 0 to 1
  function Classifier.score(model, x, y) return classifier.score(kind, model, x, y) end

  return Classifier
end

return classifier
