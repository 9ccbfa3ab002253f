--- Makes blocks of spectra from named values (arrays.lua): the spectra, their axis, and what the others say of them.
local core = require "moonbow.core"
local check = require "moonbow.check"
local arrays = require "moonbow.spectra.arrays"
local direction = require("moonbow.spectra.axes").direction
local label_numbers = require "moonbow.spectra.label_numbers"
local roles = require "moonbow.spectra.roles"

local arrangement = {}

-- Names of columns that name the spectra, without blanks and low lines.
local id_named = {}
for _, name in ipairs { "sampleids", "sampleid", "ids", "id", "names", "name", "samplenames", "samplename", "samples",
  "sample", "filenames", "files", "title", "titles", "objectlabels", "obslabels" } do
  id_named[name] = true
end

local MOST_COLUMNS = 64 -- of numbers beside spectra that become labels
local FEWEST_PAIRS = 3 -- of x and y in two columns

local function note_empty(group, source)
  for _, variable in ipairs(group.variables) do
    if variable.kind == "numbers" and variable:count() == 0 then source:note("%s is empty", variable.name) end
  end
end

local function add_label(block, name, list)
  if block.labels[name] then return end
  block.labels[name], block.columns[#block.columns + 1] = list, name
end

local function texts_of_cell(cell)
  local texts = {}
  for i, item in ipairs(cell.items) do
    if item.kind == "text" and #item.texts == 1 then texts[i] = item.texts[1]
    elseif item.kind == "numbers" and item:count() == 1 then texts[i] = ("%.14g"):format(item:list()[1])
    elseif item.kind == "numbers" and item:count() == 0 then texts[i] = ""
    else return nil end
  end
  return texts
end

-- The texts of a variable, if it holds some.
function arrangement.texts_of(variable)
  if variable.kind == "text" then return variable.texts end
  return variable.kind == "cell" and texts_of_cell(variable) or nil
end

-- True if a variable has one value, or a few, for each of count spectra.
local function belongs_to_rows(variable, values, count)
  if roles.is_vector(variable) then return variable:count() == count end
  local shape = variable.shape
  return #shape == 2 and shape[1] == count and shape[2] <= MOST_COLUMNS and shape[2] ~= values.shape[2]
end

local function add_numbers(block, source, variable, values)
  local size, count = variable:count(), core.size(block.y, 1)
  if size == 1 then
    block.metadata[variable.name] = variable:list()[1]
  elseif size > 1 and count > 1 and belongs_to_rows(variable, values, count) then
    local columns = variable:columns(count)
    for i, list in ipairs(columns) do
      add_label(block, #columns == 1 and variable.name or ("%s %d"):format(variable.name, i),
        label_numbers.made(list, {}))
    end
  elseif size > 1 then
    source:note("also there: %s; block = \"%s\" chooses it", arrays.show(variable), variable.name)
  end
end

-- Says what the other variables tell of the spectra.
local function add_others(block, source, group, values, used)
  local count = core.size(block.y, 1)
  for _, variable in ipairs(group.variables) do
    local texts = not used[variable] and arrangement.texts_of(variable)
    if texts and #texts == count then
      if id_named[roles.plain(variable.name)] and not block.names then block.names = texts end
      if count > 1 then add_label(block, variable.name, texts) else block.metadata[variable.name] = texts[1] end
    elseif texts and #texts == 1 and texts[1] ~= "" then
      block.metadata[variable.name] = texts[1]
    elseif variable.kind == "numbers" and not used[variable] then
      add_numbers(block, source, variable, values)
    elseif variable.kind == "other" then
      source:note("not read: %s", arrays.show(variable))
    end
  end
end

-- The one vector of a size that is not used; nil if there are several.
local function alone_of_size(group, used, size)
  local found
  for _, variable in ipairs(group.variables) do
    if not used[variable] and roles.is_vector(variable) and variable:count() == size then
      if found then return nil end
      found = variable
    end
  end
  return found
end

-- Adds a label for each dimension beside that of the axis, with the values of a variable of its length if there is one.
-- axes: the variables that are known to belong to dimensions.
local function add_places(block, group, others, used, axes)
  local run = 1
  for i = #others, 1, -1 do
    local size, list = others[i].size, {}
    local axis = axes[others[i].place] or alone_of_size(group, used, size)
    local values = axis and axis:list()
    if size > 1 then
      for row = 1, core.size(block.y, 1) do
        local place = (row - 1) // run % size + 1
        list[row] = ("%.14g"):format(values and values[place] or place)
      end
      add_label(block, axis and axis.name or ("dimension %d"):format(others[i].place), list)
      if axis then used[axis] = true end
    end
    run = run * size
  end
end

local function points(count)
  local axis = {}
  for i = 1, count do axis[i] = i + 0.0 end
  return axis
end

local function set_axis(block, source, values, axis, length)
  if not axis then
    block.x, block.axis, block.unit = points(length), "points", "points"
    source:note("no axis for %s: its points are counted", values.name)
    return
  end
  block.x = table.move(axis:list(), 1, length, 1, {})
  block.unit, block.axis = roles.axis_of(axis)
  block.axis = block.axis or axis.name
end

local function note_packing(source, variable)
  local packing = variable and variable.packing
  if packing and (packing.factor ~= 1 or packing.addend ~= 0) then
    source:note("%s: the stored numbers are packed: times %.9g plus %.9g", variable.name, packing.factor,
      packing.addend)
  end
end

local function note_missing(source, values, y)
  local missing, count = values.packing and values.packing.missing or {}, core.describe(y).nan
  if not missing[1] or count == 0 then return end
  local shown = {}
  for i, number in ipairs(missing) do shown[i] = ("%.9g"):format(number) end
  source:note("%s: %s missing (%s): NaN", values.name, check.show_count(count, "value is", "values are"),
    table.concat(shown, ", "))
end

-- The axis of a square matrix fits rows and columns.
local function note_square(source, values)
  local sizes = arrays.long_sizes(values.shape)
  if #sizes == 2 and sizes[1] == sizes[2] then
    source:note("%s is square: its rows are taken as the spectra", values.name)
  end
end

--- Returns the block of spectra that a variable holds.
-- @param values, axis variables of the group; axis may be nil
-- @param dimension of the values along which the axis runs (default: the one of its length)
-- @param axes variables by the dimensions to which they belong; optional
function arrangement.block_of(source, group, values, axis, dimension, axes)
  if axis and not dimension then note_square(source, values) end
  dimension = dimension or axis and roles.dimension_of(values, axis:count()) or roles.last_dimension(values)
  local y, others = values:spectra(dimension)
  local used = { [values] = true, [axis or values] = true }
  local block = { y = y, labels = {}, columns = {}, metadata = {} }
  block.quantity, block.percent, block.decided = roles.quantity_of(values)
  set_axis(block, source, values, axis, core.size(y, 2))
  for _, variable in ipairs { values, axis } do note_packing(source, variable) end
  note_missing(source, values, y)
  note_empty(group, source)
  if #arrays.long_sizes(values.shape) > 2 then add_places(block, group, others, used, axes or {}) end
  add_others(block, source, group, values, used)
  return block
end

-- Returns the first of two columns, if it rises or falls throughout.
local function first_column(values)
  local shape = values.shape
  if #shape ~= 2 or shape[2] ~= 2 or shape[1] < FEWEST_PAIRS then return nil end
  local list, count, x = values:list(), shape[1], {}
  for i = 1, count do x[i] = values.fortran and list[i] or list[2 * i - 1] end
  return direction(x) and x
end

--- Returns the block of a variable without an axis: two columns are x and y if the first rises or falls throughout.
function arrangement.pairs(source, group, values)
  local x = first_column(values)
  if not x then return arrangement.block_of(source, group, values) end
  source:note("its two columns are taken as x and y")
  note_packing(source, values)
  local block = { x = x, y = core.narrow(values:spectra(1), 2, 1), labels = {}, columns = {}, metadata = {} }
  block.quantity, block.percent, block.decided = roles.quantity_of(values)
  add_others(block, source, group, values, { [values] = true })
  return block
end

--- Returns the block of spectra that a group holds, found by names and sizes; ends the reading if it is not clear.
-- @param name of the variable with the spectra; optional
function arrangement.block(source, group, name)
  local values = name and roles.named(group, name)
  if name and (not values or values.kind ~= "numbers" or values:count() < 2) then
    roles.fail(source, group, ("no spectra in a variable '%s'"):format(name))
  end
  values = values or roles.find_values(group, source)
  local axis = roles.find_axis(group, source, values)
  if not axis then return arrangement.pairs(source, group, values) end
  return arrangement.block_of(source, group, values, axis)
end

return arrangement
