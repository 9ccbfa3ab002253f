--- Names in the first line above spectra in columns: which of them name an axis, and which are numbers.
local core = require "moonbow.core"
local header = require "moonbow.io.csv.header"

local names = {}

local axis_names = {}
for _, name in ipairs { "wavenumber", "wavenumbers", "wavelength", "wavelengths", "raman shift", "cm 1", "nm", "2theta",
  "2 theta", "two theta", "angle", "energy", "ppm", "channel", "pixel", "x", "wellenzahl", "wellenlänge",
  "raman verschiebung", "nombre d'onde", "longueur d'onde" } do axis_names[name] = true end

--- Tells whether a name is that of an axis; units in brackets or behind a slash do not matter.
function names.is_axis(text)
  local bare = text:lower():gsub("[(%[/].*$", ""):gsub("[%s_^-]+", " "):gsub("^ ", ""):gsub(" $", "")
  return axis_names[bare] or false
end

--- Tells whether numbers count from 0 or 1.
function names.is_count(numbers)
  for i, value in ipairs(numbers) do
    if value ~= numbers[1] + i - 1 then return false end
  end
  return numbers[1] == 0 or numbers[1] == 1
end

--- The cells that are numbers, as numbers.
function names.numbers_of(cells, decimal)
  local numbers = {}
  for _, cell in ipairs(cells) do numbers[#numbers + 1] = core.csv_number(cell, decimal) end
  return numbers
end

-- Names that are values of an axis: in another dialect, or behind the X that R writes before numbers.
local function has_axis_values(cells)
  for _, cell in ipairs(cells) do
    if header.looks_like_number(cell) or cell:find "^X%.?%d[%d.]*$" then return true end
  end
  return false
end

--- The first line as names. Numbers name spectra where the first column is named as an axis, or they count and it has
-- no name, or there is but one.
-- @return { cells, numbers (among them), is_axis (true where the first names an axis) }; false where the line holds
--   numbers only; nil where it is neither
function names.read(cells, decimal)
  local found = { cells = cells, numbers = names.numbers_of(cells, decimal), is_axis = names.is_axis(cells[1]) }
  local count = #found.numbers
  if count == #cells then return false end
  if found.is_axis then return found end
  if count == 0 then return not has_axis_values(cells) and found or nil end
  if count < #cells - 1 or core.csv_number(cells[1], decimal) then return nil end
  return (#cells == 2 or cells[1] == "" and names.is_count(found.numbers)) and found or nil
end

local function is_whole(axis)
  for _, value in ipairs(axis) do
    if value % 1 ~= 0 then return false end
  end
  return true
end

--- Classifies columns whose names are numbers: "spectra"; "rows", of which the first column holds the numbers of
-- samples; "doubt" if they may be both; nil if their length has to decide, or no name is a number.
function names.judge(found, axis)
  if #found.numbers == 0 then return nil end
  if #found.cells == 2 then return "spectra" end
  if names.is_count(axis) then return not found.is_axis and "rows" or nil end
  if not names.is_count(found.numbers) then return nil end
  return (found.is_axis or not is_whole(axis)) and "spectra" or "doubt"
end

return names
