--- Names in the first line above spectra in columns: these may name an axis, or be numbers.
local core = require "moonbow.core"
local header = require "moonbow.io.csv.header"
local units = require "moonbow.spectra.units"

local names = {}

local axis_names = {}
for _, name in ipairs { "wavenumber", "wavenumbers", "wavelength", "wavelengths", "wave", "wvl", "raman shift",
  "cm 1", "nm", "2theta", "2 theta", "two theta", "angle", "energy", "ppm", "channel", "pixel", "x", "x axis",
  "wellenzahl", "wellenlänge", "raman verschiebung", "nombre d'onde", "longueur d'onde" } do axis_names[name] = true end

-- Names of these units are common for labels, too: an axis only with the unit in brackets.
local common = { points = true, s = true, min = true, ms = true, us = true, V = true, ["m/z"] = true }

--- True if a name is an axis name; units in brackets or behind a slash are ignored.
function names.is_axis(text)
  local bare = text:lower():gsub("[(%[/].*$", ""):gsub("[%s_^-]+", " "):gsub("^ ", ""):gsub(" $", "")
  if axis_names[bare] then return true end
  local unit = #text > 1 and units.axis(text)
  return unit and (not common[unit] or text:find "[(%[]" ~= nil) or false
end

local errors = {}
for _, name in ipairs { "error", "errors", "err", "sigma", "σ", "esd", "e.s.d.", "std", "stdev", "sd", "uncertainty",
  "standard deviation", "dy", "yerr", "y error", "y errors", "error y", "dev" } do errors[name] = true end

--- True if a name says that a column holds the errors of the one before it.
function names.is_error(text)
  local bare = text:lower():gsub("[(%[].*$", ""):gsub("[%s_]+", " "):gsub("^ ", ""):gsub(" $", "")
  return errors[bare] or bare:find "^error of " ~= nil or bare:find " errors?$" ~= nil or bare:find "^sigma %S+$" ~= nil
end

--- True if numbers count up by 1 from 0 or 1.
function names.is_count(numbers)
  for i, value in ipairs(numbers) do
    if value ~= numbers[1] + i - 1 then return false end
  end
  return numbers[1] == 0 or numbers[1] == 1
end

--- Returns the cells that are numbers, as numbers.
function names.numbers_of(cells, decimal)
  local numbers = {}
  for _, cell in ipairs(cells) do numbers[#numbers + 1] = core.csv_number(cell, decimal) end
  return numbers
end

-- True if a name is an axis value: in another dialect, or behind the X that R writes before numbers.
local function has_axis_values(cells)
  for _, cell in ipairs(cells) do
    if header.looks_like_number(cell) or cell:find "^X%.?%d[%d.]*$" then return true end
  end
  return false
end

--- Reads the first line as names. Numbers are names of spectra if the first column has an axis name, if they count up
-- and it has no name, or if there is only one.
-- @return { cells, numbers (among them), is_axis (true if the first is an axis name) }; false if the line holds only
--   numbers; nil if it is neither
function names.read(cells, decimal)
  local found = { cells = cells, numbers = names.numbers_of(cells, decimal), is_axis = names.is_axis(cells[1]) }
  local count = #found.numbers
  if count == #cells then return false end
  if found.is_axis then return found end
  if count == 0 then return not has_axis_values(cells) and found or nil end
  if count < #cells - 1 or core.csv_number(cells[1], decimal) then return nil end
  return (#cells == 2 or cells[1] == "" and names.is_count(found.numbers)) and found or nil
end

local lists = { columnlabels = true, columns = true, columnnames = true, fields = true, fieldnames = true }

--- Names that a comment lists behind a word such as "ColumnLabels:", if there is one for each column; else false.
function names.listed(lines, width)
  for i = lines.first - 1, lines.start, -1 do
    local key, list = lines[i]:sub(#lines.sign + 1):match "^[%s#]*(%a[%a_ ]*)[:=](.*)$"
    if key and lists[key:lower():gsub("[%s_]", "")] then
      local cells = {}
      for cell in list:gmatch "[^%s,;]+" do cells[#cells + 1] = cell end
      return #cells == width and { cells = cells, numbers = {}, is_axis = true, line = i } or false
    end
  end
  return false
end

local function is_whole(axis)
  for _, value in ipairs(axis) do
    if value % 1 ~= 0 then return false end
  end
  return true
end

--- Classifies columns whose names are numbers: "spectra"; "rows", whose first column holds sample numbers; "doubt" if
-- they may be both; nil if their length has to decide, or no name is a number.
function names.judge(found, axis)
  if #found.numbers == 0 then return nil end
  if #found.cells == 2 then return "spectra" end
  if names.is_count(axis) then return not found.is_axis and "rows" or nil end
  if not names.is_count(found.numbers) then return nil end
  return (found.is_axis or not is_whole(axis)) and "spectra" or "doubt"
end

return names
