--- B&W Tek's text (BWSpec, BWRam): settings, then a table with a row for each pixel, which has several axes and values.
local columns = require "moonbow.spectra.columns"
local units = require "moonbow.spectra.units"

local bwtek = { name = "bwtek_text", title = "a B&W Tek text file" }

local AXES = { "Raman Shift", "Wavelength" } -- the first that has values: instruments without a laser have no shift
local VALUES = { "Dark Subtracted", "Raw data" } -- the first that is there
local KINDS = { ["Dark Subtracted"] = "counts", ["Raw data"] = "counts", Absorbance = "absorbance" }
local SETTINGS = { "Date", "title", "model", "c code", "operator", "intigration times(ms)", "average number",
  "laser_wavelength", "laser_powerlevel" }

function bwtek.matches(source) return source.bytes:find "^File Version;BW" ~= nil end

local function number(cell)
  local whole, part = cell:match "^%s*([+-]?%d+)[.,]?(%d*[Ee]?[+-]?%d*)%s*$"
  return whole and tonumber(whole .. "." .. part)
end

local function split(line)
  local cells = {}
  for cell in line:gmatch "([^;]*);?" do cells[#cells + 1] = columns.trim(cell) end
  return cells
end

local function settings_of(head)
  local found = {}
  for name, value in head:gmatch "([^\n;]+);([^\n]*)" do found[name] = value:gsub("^(%d+),(%d+)$", "%1.%2") end
  local metadata = {}
  for _, name in ipairs(SETTINGS) do metadata[name] = columns.metadata(found[name] or "") end
  return metadata, math.tointeger(tonumber(found.pixel_num))
end

-- Returns the rows of the table as lists of cells. Rows with fewer cells than the header end it.
local function rows_of(source, text, width, announced)
  local rows = {}
  for line in text:gmatch "[^\n]+" do
    local cells = split(line)
    if #cells < width then break end
    rows[#rows + 1] = cells
  end
  columns.check_count(source, #rows, announced, "the table")
  return rows
end

-- Returns the axis that has values, the numbers of its rows, and its name.
local function axis_of(source, rows, header)
  for _, name in ipairs(AXES) do
    local at, x, filled = header[name], {}, {}
    for i, row in ipairs(at and rows or {}) do
      local value = number(row[at])
      if value then x[#x + 1], filled[#filled + 1] = value, i end
    end
    if #x > 0 then return x, filled, name end
  end
  source:fail "no column Raman Shift or Wavelength with values"
end

-- Returns the columns of values: of those asked for by options.block, or of the first kind that is there.
local function value_columns(source, header)
  local asked = source.options.block
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

local function values_of(source, rows, filled, column, name)
  local y = {}
  for i, row in ipairs(filled) do
    y[i] = number(rows[row][column]) or source:fail("row %d of %s: expected a number, got '%s'", row, name,
      rows[row][column])
  end
  return columns.values(source, y, name)
end

function bwtek.read(source)
  local text = source:as_text()
  local at, line, below = text:match "\n()(Pixel;[^\n]*)\n()"
  if not at then source:fail "no table (Pixel;...); is the file cut off?" end
  local metadata, announced = settings_of(text:sub(1, at - 1))
  local header = split((line:gsub("[;%s]+$", "")))
  for i, name in ipairs(header) do header[name] = header[name] or i end
  local chosen, kind = value_columns(source, header)
  local rows = rows_of(source, text:sub(below), #header, announced)
  local x, filled, axis = axis_of(source, rows, header)
  if #x < #rows then source:note("%d of %d pixels have no %s and are left out", #rows - #x, #rows, axis) end
  local blocks, unit, axis_name = {}, units.axis(axis)
  for i, column in ipairs(chosen) do
    local name = header[column]
    blocks[i] = { x = x, y = values_of(source, rows, filled, column, name), unit = unit, axis = axis_name,
      quantity = KINDS[kind], decided = "the column " .. name, metadata = metadata }
  end
  return blocks
end

return bwtek
