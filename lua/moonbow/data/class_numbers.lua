--- Class numbers of labels, and labels of class numbers.
local core = require "moonbow.core"
local check = require "moonbow.check"
local reader = require "moonbow.data.labels"

local class_numbers = {}

local function count_rows(operation, name, values)
  check.kind(operation, name, values, "tensor|table")
  local rows = core.is_tensor(values) and core.size(values, 1) or #values
  if rows == 0 then check.fail(operation, "%s: expected at least one, got none", name) end
  return rows
end

-- Copies a list of names, each of which must stand in it once.
local function read_names(operation, names)
  local list, seen = reader.list(operation, "names", names, count_rows(operation, "names", names)), {}
  for k, name in ipairs(list) do
    if seen[name] then check.fail(operation, "names: %s stands at %d and at %d", check.show(name), seen[name], k) end
    seen[name] = k
  end
  return list
end

--- Turns labels into class numbers from 1 on, as mb.fit takes them. The inverse is mb.class_names.
--
-- Classes are numbered in the order of the sorted labels: strings by their bytes, numbers by value, false before true.
-- For a test set, pass the names from the training set, so that the numbers mean the same; a label that is not among
-- them raises.
-- @param labels table|tensor one label per row: strings, numbers or booleans; a tensor (N) or (N, 1). Empty cells, nil,
--   NaN and labels of several types raise
-- @param names? table the classes in order
-- @return tensor (N) class numbers
-- @return table the names of the classes, in order
-- @usage
-- local y, names = mb.class_numbers { "quartz", "calcite", "quartz" } -- 2, 1, 2; { "calcite", "quartz" }
-- local y_test = mb.class_numbers({ "calcite" }, names)
function class_numbers.class_numbers(labels, names)
  local list = reader.list("class_numbers", "labels", labels, count_rows("class_numbers", "labels", labels))
  local y, order = reader.encode("class_numbers", list, names ~= nil and read_names("class_numbers", names) or nil)
  return core.tensor(y), order
end

--- Turns class numbers back into labels. The inverse is mb.class_numbers.
-- @param numbers tensor|table (N) or (N, 1) class numbers from 1 on, as mb.predict returns them
-- @param names table the names of the classes, in order
-- @return table a list of N names
-- @usage mb.class_names(mb.predict(model, x), { "calcite", "quartz" })
function class_numbers.class_names(numbers, names)
  local rows, list = count_rows("class_names", "numbers", numbers), read_names("class_names", names)
  local found = {}
  for i, class in ipairs(reader.classes("class_names", "numbers", numbers, rows, #list)) do found[i] = list[class] end
  return found
end

return class_numbers
