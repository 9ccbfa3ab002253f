--- Sets to train and test on, checked: { x = (N, ...), y = labels or targets }.
local core = require "moonbow.core"
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"
local values_of = require "moonbow.data.values_of"

local sets = {}

-- Further fields of the sets of mb.data, which training ignores.
local known = {}
for name in ([[x y axis classes labels columns skipped notes position height width mixing asymmetry peak
  background noise rival case]]):gmatch "%a+" do known[name] = true end

local function check_keys(operation, name, set)
  for key in pairs(set) do
    if not known[key] then
      check.fail(operation, "%s: unknown key %s; a set is { x = spectra, y = labels }", name,
        type(key) == "string" and check.show(key) or ("[%s]"):format(tostring(key)))
    end
  end
end

--- Checks the keys of a set and returns its spectra.
function sets.read_x(operation, name, set)
  check.kind(operation, name, set, "table", "a set is { x = spectra, y = labels }")
  check_keys(operation, name, set)
  local x = check.kind(operation, name .. ".x", values_of(set.x), "tensor")
  if core.rank(x) < 2 then
    check.fail(operation, "%s.x: expected a row for each spectrum, (N, L, C), got shape %s", name,
      check.show_shape(core.shape(x)))
  end
  return x
end

--- Reads a set for a classifier: x, and y as a tensor (N) of class numbers.
-- @param name of the set in messages
-- @param classes the number of classes, if it is known
-- @return x, y, the largest class
function sets.with_classes(operation, name, set, classes)
  local x = sets.read_x(operation, name, set)
  local list, largest = labels.classes(operation, name .. ".y", set.y, core.size(x, 1), classes)
  return x, core.tensor(list), largest
end

--- Reads a set for any loss: x, and y as a tensor (N, ...).
function sets.with_targets(operation, name, set)
  local x, y = sets.read_x(operation, name, set), set.y
  check.kind(operation, name .. ".y", y, "tensor|table")
  if not core.is_tensor(y) then y = core.tensor(y) end
  if core.size(y, 1) ~= core.size(x, 1) then
    check.fail(operation, "%s.y: expected %d labels or targets, one per row of x, got %d", name, core.size(x, 1),
      core.size(y, 1))
  end
  return x, y
end

return sets
