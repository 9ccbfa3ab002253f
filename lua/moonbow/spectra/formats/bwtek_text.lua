--- B&W Tek's text (BWSpec, BWRam): settings, then a table with a row for each pixel, which has several axes and values.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"
local trim = require "moonbow.io.trim"
local numbers = require "moonbow.spectra.numbers"
local units = require "moonbow.spectra.units"

local bwtek = { name = "bwtek_text", title = "a B&W Tek text file" }

local AXES = { "Raman Shift", "Wavelength" } -- the first that has values: instruments without a laser have no shift
local VALUES = { "Dark Subtracted", "Raw data" } -- the first that is there
local KINDS = { ["Dark Subtracted"] = "counts", ["Raw data"] = "counts", Absorbance = "absorbance" }
local SETTINGS = { "Date", "title", "model", "c code", "operator", "intigration times(ms)", "average number",
  "laser_wavelength", "laser_powerlevel" }

function bwtek.matches(source) return source.bytes:find "^File Version;BW" ~= nil end

local function number(cell)
  local whole, part = cell:match "^%s*([+-]?%d+)%f[%D][.,]?([%deE+-]*)%s*$"
  return whole and tonumber(whole .. "." .. part)
end

local function split(line)
  local cells = {}
  for cell in line:gmatch "([^;]*);?" do cells[#cells + 1] = columns.trim(cell) end
  return cells
end

local function settings_of(head)
  local found = {}
  for line in head:gmatch "[^\n]+" do
    local name, value = line:match "^;*([^;]+);(.*)$"
    if name then found[name] = value:gsub("^(%d+),(%d+)$", "%1.%2") end
  end
  local metadata = {}
  for _, name in ipairs(SETTINGS) do metadata[name] = columns.metadata(found[name] or "") end
  return metadata, math.tointeger(tonumber(found.pixel_num))
end

local MISSING = 0 / 0 -- a cell that is no number

-- Reads some columns of the table. Rows with fewer cells than the header end it.
-- @param wanted list of the places of columns
-- @return columns by place, with NaN for what is no number, and the count of the rows
local function read_table(source, text, below, width, wanted, announced)
  local read, count = {}, 0
  for _, c in ipairs(wanted) do read[c] = core.column() end
  for line in text:gmatch("[^\n]+", below) do
    local c = 0
    for cell in line:gmatch "([^;]*);?" do
      c = c + 1
      if read[c] then read[c][count + 1] = number(cell) or MISSING end
    end
    if c < width then break end
    count = count + 1
  end
  for _, column in pairs(read) do core.column_keep(column, 1, count) end
  columns.check_count(source, count, announced, "the table")
  return read, count
end

local function has_values(column)
  for _, value in ipairs(column) do
    if value == value then return true end
  end
  return false
end

-- Returns the place and the name of the axis that has values.
local function axis_of(source, read, header)
  for _, name in ipairs(AXES) do
    if header[name] and has_values(read[header[name]]) then return header[name], name end
  end
  source:fail "no column Raman Shift or Wavelength with values"
end

-- Returns the columns of values: of those asked for by options.block, or of the first kind that is there.
local function value_columns(source, header)
  local asked = source:wanted "block"
  for _, kind in ipairs(asked and { tostring(asked) } or VALUES) do
    local found = {}
    for i, name in ipairs(header) do
      if name == kind or name:match "^(.-) #%d+$" == kind then found[#found + 1] = i end
    end
    if #found > 0 then
      source:note("%s was taken; block chooses another of %s", kind, table.concat(header, ", ", 5))
      return found, kind
    end
  end
  source:fail("no column %s; there are %s", tostring(asked or table.concat(VALUES, " or ")), table.concat(header, ", "))
end

-- Returns the cell of a column in a row of the table.
local function cell_of(text, below, row, c)
  for line in text:gmatch("[^\n]+", below) do
    row = row - 1
    if row == 0 then return split(line)[c] end
  end
end

-- Returns the numbers of a column in the rows where the axis has some.
local function filled_of(axis, column, fail)
  local filled = core.column()
  for row, place in ipairs(axis) do
    local value = column[row]
    if place == place then
      if value ~= value then fail(row) end
      filled[#filled + 1] = value
    end
  end
  return filled
end

function bwtek.read(source)
  local text = source:take_text()
  local at, line, below = text:match "\n()(Pixel;[^\n]*)\n()"
  if not at then source:fail "no table (Pixel;...); is the file cut off?" end
  local metadata, announced = settings_of(text:sub(1, at - 1))
  local header = split(trim.right(line, ";%s"))
  for i, name in ipairs(header) do header[name] = header[name] or i end
  local chosen, kind = value_columns(source, header)
  local wanted = table.move(chosen, 1, #chosen, 1, {})
  for _, name in ipairs(AXES) do wanted[#wanted + 1] = header[name] end
  local read, count = read_table(source, text, below, #header, wanted, announced)
  local place, axis = axis_of(source, read, header)
  local x = numbers.list_of(filled_of(read[place], read[place]))
  if #x < count then source:note("%d of %d pixels have no %s and are left out", count - #x, count, axis) end
  local blocks, unit, axis_name = {}, units.axis(axis)
  for i, column in ipairs(chosen) do
    local name = header[column]
    local values = filled_of(read[place], read[column], function(row)
      source:fail("row %d of %s: expected a number, got '%s'", row, name, cell_of(text, below, row, column))
    end)
    blocks[i] = { x = x, y = columns.values(source, values, name), unit = unit, axis = axis_name,
      quantity = KINDS[kind], decided = "the column " .. name, metadata = metadata }
  end
  return blocks
end

return bwtek
