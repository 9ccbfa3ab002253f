--- Class numbers of labels, and labels of class numbers.
local core = require "moonbow.core"
local reader = require "moonbow.data.labels"

local class_numbers = {}

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
  local list = reader.list("class_numbers", "labels", labels, reader.count("class_numbers", "labels", labels))
  local y, order = reader.encode("class_numbers", list, names ~= nil and reader.names("class_numbers", names) or nil)
  return core.tensor(y), order
end

--- Turns class numbers back into labels. The inverse is mb.class_numbers.
-- @param numbers tensor|table (N) or (N, 1) class numbers from 1 on, as mb.predict returns them
-- @param names table the names of the classes, in order
-- @return table a list of N names
-- @usage mb.class_names(mb.predict(model, x), { "calcite", "quartz" })
function class_numbers.class_names(numbers, names)
  local rows, list = reader.count("class_names", "numbers", numbers), reader.names("class_names", names)
  local found = {}
  for i, class in ipairs(reader.classes("class_names", "numbers", numbers, rows, #list)) do found[i] = list[class] end
  return found
end

return class_numbers
