--- Sets to train and test on, checked: { x = (N, ...), y = labels or targets, weights = (N) }.
local core = require "moonbow.core"
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"
local named = require "moonbow.train.named"
local values_of = require "moonbow.data.values_of"

local sets = {}

-- Further fields of the sets of mb.data, which training ignores.
local known = {}
for name in ([[x y weights axis classes labels columns skipped notes position height width mixing asymmetry peak
  background noise rival case fractions]]):gmatch "%a+" do known[name] = true end

--- The names of the classes that a set knows, checked; nil for none.
-- @param name of the set in messages
function sets.class_names(operation, name, set)
  local names = rawget(set, "classes") -- of measured spectra, classes is a method
  if names == nil then return nil end
  local where = name .. ".classes"
  check.kind(operation, where, names, "table", "a list of the names of the classes")
  check.each(operation, where, check.list(operation, where, names), "string|number")
  return names
end

local function check_keys(operation, name, set)
  if values_of(set) ~= set then
    check.fail(operation, "%s: expected { x = spectra, y = labels }, got a set of spectra; give { x = set.x, y = "
      .. "(set:classes 'label') }, or set:targets", name)
  end
  for key in pairs(set) do
    if not known[key] then
      check.fail(operation, "%s: unknown key %s; a set is { x = spectra, y = labels }", name,
        type(key) == "string" and check.show(key) or ("[%s]"):format(tostring(key)))
    end
  end
end

--- Checks the keys of a set and the names of its classes, and returns its spectra, or several inputs by name.
function sets.read_x(operation, name, set)
  check.kind(operation, name, set, "table", "a set is { x = spectra, y = labels }")
  check_keys(operation, name, set)
  sets.class_names(operation, name, set)
  return named.read(operation, name .. ".x", set.x)
end

--- Reads a set for a classifier: x, and y as a tensor (N) of class numbers.
-- @param name of the set in messages
-- @param classes the number of classes, if it is known
-- @return x, y, the largest class
function sets.with_classes(operation, name, set, classes)
  local x = sets.read_x(operation, name, set)
  local list, largest = labels.classes(operation, name .. ".y", set.y, named.count(x), classes)
  return x, core.tensor(list), largest
end

-- Soft labels: rows of the shares of all classes, which add up to 1.
local function check_shares(operation, name, y, classes)
  if classes and core.size(y, 2) ~= classes then
    check.fail(operation, "%s: expected soft labels of %d classes, got shape %s", name, classes,
      check.show_shape(core.shape(y)))
  end
  for i, sum in ipairs(core.totable(core.sum(y, 2))) do
    local least = core.describe(core.row(y, i)).min
    if not (math.abs(sum - 1) < 1e-3 and least >= 0) then
      check.fail(operation, "%s: expected one label per row, (N) or (N, 1), or soft labels (N, classes), whose rows "
        .. "have shares from 0 on with the sum 1; got shape %s, row %d with the sum %g", name,
        check.show_shape(core.shape(y)), i, sum)
    end
  end
  return y
end

local function are_soft(y)
  if core.is_tensor(y) then return core.rank(y) == 2 and core.size(y, 2) > 1 end
  return type(y) == "table" and type(y[1]) == "table" and #y[1] > 1
end

--- Reads a set for a loss of classes: x; y as class numbers (N), or soft labels (N, classes); and the weights of the
-- rows, or nil. Rows whose label is ignored get class 1 and the weight 0.
-- @param ignore the label that is ignored, or nil
function sets.with_labels(operation, name, set, classes, ignore)
  local x, y = sets.read_x(operation, name, set), set.y
  local weights = sets.weights(operation, name, set, named.count(x))
  if are_soft(y) then
    if ignore then check.fail(operation, "%s.y: no label of soft labels can be ignored; give weights", name) end
    y = core.is_tensor(y) and y or core.tensor(y)
    if core.size(y, 1) ~= named.count(x) then
      check.fail(operation, "%s.y: expected %d labels, one per row, got %d", name, named.count(x), core.size(y, 1))
    end
    return x, check_shares(operation, name .. ".y", y, classes), weights
  end
  if not ignore then return x, select(2, sets.with_classes(operation, name, set, classes)), weights end
  local list = labels.list(operation, name .. ".y", y, named.count(x))
  local kept = weights and core.totable(weights) or {}
  for i, label in ipairs(list) do
    kept[i] = label == ignore and 0 or kept[i] or 1
    list[i] = label == ignore and 1 or label
  end
  weights = core.tensor(kept)
  if core.describe(weights).max == 0 then
    check.fail(operation, "%s.y: no row counts: all labels are %s, which is ignored", name, check.show(ignore))
  end
  return x, core.tensor((labels.classes(operation, name .. ".y", list, #list, classes))), weights
end

--- The weights of the rows of a set as a tensor (N), or nil: finite numbers from 0 on, of which one is above 0.
function sets.weights(operation, name, set, n)
  if set.weights == nil then return nil end
  local list = check.numbers(operation, name .. ".weights", set.weights)
  if #list ~= n then
    check.fail(operation, "%s.weights: expected %d numbers, one per row of x, got %d", name, n, #list)
  end
  check.each(operation, name .. ".weights", list, "non-negative real")
  local weights = core.tensor(list)
  if core.describe(weights).max == 0 then check.fail(operation, "%s.weights: all are 0", name) end
  return weights
end

--- Raises if the rows of a set, a table, have weights, where they would count for nothing.
function sets.without_weights(operation, name, set)
  if set.weights ~= nil then check.fail(operation, "%s.weights: weights of rows are not taken here", name) end
end

--- Reads a set for any loss: x, y as a tensor (N, ...), and the weights of the rows, or nil.
function sets.with_targets(operation, name, set)
  local x, y = sets.read_x(operation, name, set), set.y
  check.kind(operation, name .. ".y", y, "tensor|table")
  if not core.is_tensor(y) then y = core.tensor(y) end
  if core.size(y, 1) ~= named.count(x) then
    check.fail(operation, "%s.y: expected %d labels or targets, one per row of x, got %d", name, named.count(x),
      core.size(y, 1))
  end
  return x, y, sets.weights(operation, name, set, named.count(x))
end

--- The same for labels that are 0, 1, or probabilities between.
function sets.with_shares(operation, name, set)
  local x, y, weights = sets.with_targets(operation, name, set)
  local range = core.describe(y)
  if not (range.min >= 0 and range.max <= 1) then
    check.fail(operation, "%s.y: expected labels 0 and 1 of each output, or probabilities, got numbers from %g to %g",
      name, range.min, range.max)
  end
  return x, y, weights
end

return sets
