--- Dataset objects of PLS_Toolbox (Eigenvector Research), as WITec's and other programs export them: a struct or object
-- with data, and axisscale, label and class for each of its modes (rows, columns).
local core = require "moonbow.core"
local arrangement = require "moonbow.spectra.arrangement"
local label_numbers = require "moonbow.spectra.label_numbers"
local units = require "moonbow.spectra.units"

local dataset = {}

local ROWS, COLUMNS = 1, 2
local about = { "name", "author", "description", "type" }

--- True if a struct is such an object.
function dataset.matches(variable, element)
  local data, scale = element.data, element.axisscale
  return data ~= nil and scale ~= nil and data.kind == "numbers" and scale.kind == "cell"
    and (variable.class == "dataset" or element.label ~= nil)
end

-- The item of a mode in a cell of modes x 2 (values, their name).
local function item(cell, mode, column)
  if not cell or cell.kind ~= "cell" then return nil end
  local modes = cell.shape[1]
  return mode <= modes and cell.items[(column - 1) * modes + mode] or nil
end

local function text_of(variable)
  local texts = variable and arrangement.texts_of(variable)
  return texts and #texts == 1 and texts[1] ~= "" and texts[1] or nil
end

local function numbers_of(variable, count)
  return variable and variable.kind == "numbers" and variable:count() == count and variable:list() or nil
end

local function set_axis(block, source, element, length)
  local scale, name = item(element.axisscale, COLUMNS, 1), text_of(item(element.axisscale, COLUMNS, 2))
  block.x = numbers_of(scale, length)
  if block.x then
    if name then block.unit, block.axis = units.axis(name) end
    block.axis = block.axis or name
    return
  end
  if scale and scale.kind == "numbers" and scale:count() > 0 then
    source:fail("an axisscale of %d values for %d columns", scale:count(), length)
  end
  source:note("its axisscale is empty: the points are counted")
  block.x, block.axis, block.unit = {}, "points", "points"
  for i = 1, length do block.x[i] = i + 0.0 end
end

local function add(block, name, list)
  if block.labels[name] then return end
  block.labels[name], block.columns[#block.columns + 1] = list, name
end

local function shown(numbers)
  local list = {}
  for i, number in ipairs(numbers) do list[i] = ("%.14g"):format(number) end
  return label_numbers.made(list, {})
end

-- Replaces the numbers of classes by their names: classlookup is a cell of numbers and names in two columns.
local function class_names(classes, lookup)
  local names, rows = {}, lookup and lookup.kind == "cell" and lookup.shape[1] or 0
  for row = 1, rows do
    local number, name = numbers_of(lookup.items[row], 1), text_of(lookup.items[rows + row])
    if number and name then names[number[1]] = name end
  end
  local list = {}
  for i, class in ipairs(classes) do list[i] = names[class] or ("%.14g"):format(class) end
  return list
end

local function add_labels(block, element, count)
  local labels = item(element.label, ROWS, 1)
  local texts = labels and arrangement.texts_of(labels)
  if texts and #texts == count and count > 1 then
    add(block, text_of(item(element.label, ROWS, 2)) or "label", texts)
    block.names = texts
  end
  local classes = numbers_of(item(element.class, ROWS, 1), count)
  if classes then
    add(block, text_of(item(element.class, ROWS, 2)) or "class",
      class_names(classes, item(element.classlookup, ROWS, 1)))
  end
  local places = numbers_of(item(element.axisscale, ROWS, 1), count)
  if places then add(block, text_of(item(element.axisscale, ROWS, 2)) or "row", shown(places)) end
end

local function add_metadata(block, element)
  for _, field in ipairs(about) do block.metadata[field] = text_of(element[field]) end
  local date = numbers_of(element.date, 6)
  if date then
    block.metadata.date = ("%04.0f-%02.0f-%02.0f %02.0f:%02.0f:%02.0f"):format(table.unpack(date))
  end
end

--- Returns the block of spectra of a group that holds such an object: its rows are spectra.
function dataset.block(source, group)
  local element, data = group.dataset, group.dataset.data
  if #data.shape ~= 2 then source:fail("a dataset object with %d modes; 2 are read", #data.shape) end
  if data:count() == 0 then source:fail("a dataset object without values") end
  local y = data:spectra(COLUMNS)
  local count = core.size(y, 1)
  local block = { y = y, labels = {}, columns = {}, metadata = {} }
  set_axis(block, source, element, core.size(y, 2))
  add_labels(block, element, count)
  add_metadata(block, element)
  local kept = item(element.include, ROWS, 1)
  if kept and kept.kind == "numbers" and kept:count() > 0 and kept:count() < count then
    source:note("the dataset object includes %d of its %d rows; all are read", kept:count(), count)
  end
  return block
end

return dataset
