--- Names in the first line above spectra in columns: these may name an axis, or be numbers.
local core = require "moonbow.core"
local header = require "moonbow.io.csv.header"
local units = require "moonbow.spectra.units"

local names = {}

local function set_of(list)
  local set = {}
  for _, name in ipairs(list) do set[name] = true end
  return set
end

-- Names that are the axis of spectra and hardly anything else, and names that are the axis or a label.
local spectral = set_of { "wavenumber", "wavenumbers", "wavelength", "wavelengths", "wave", "wvl", "raman shift",
  "cm 1", "nm", "2theta", "2 theta", "two theta", "wellenzahl", "wellenlänge", "raman verschiebung", "nombre d'onde",
  "longueur d'onde", "channel", "pixel" }
local ambiguous = set_of { "angle", "energy", "ppm", "x", "x axis" }

-- Units of axes alone, and names that units.axis gives to such axes.
local spectral_units = set_of { "cm-1", "eV", "keV", "meV", "1/Å", "1/nm", "m/z" }
local spectral_axes = set_of { "wavenumber", "Raman shift", "absolute wavenumber", "wavelength", "2theta",
  "chemical shift", "d-spacing", "q" }

-- Names of these units are common for labels, too: an axis only with the unit in brackets.
local common = { points = true, s = true, min = true, ms = true, us = true, V = true, ["m/z"] = true }

-- Without what stands in brackets or behind a slash.
local function without_unit(text) return (text:lower():gsub("[(%[/].*$", "")) end

local function bare_name(text) return (without_unit(text):gsub("[%s_^-]+", " "):gsub("^ ", ""):gsub(" $", "")) end

-- The unit of an axis that a name states; nil if it may be a label without a unit.
local function unit_of(text)
  local unit = #text > 1 and units.axis(text)
  return unit and (not common[unit] or text:find "[(%[]") and unit or nil
end

--- True if a name is an axis name; units in brackets or behind a slash are ignored.
function names.is_axis(text)
  local bare = bare_name(text)
  return spectral[bare] or ambiguous[bare] or unit_of(text) ~= nil
end

-- Symbols of such axes, if a unit stands behind them.
local symbols = set_of { "", "d", "q", "λ", "lambda", "δ", "delta", "θ", "theta" }

--- What numbers as names of the other columns are beside a first column of this name, which is an axis name: "spectra"
-- beside "Wavelength (nm)"; the axis of "rows" beside "Time (s)", "X (um)" or "Fe (ppm)", which may be labels; and in
-- "doubt" beside "x".
function names.beside(text)
  local bare, _, axis = bare_name(text), units.axis(without_unit(text))
  if ambiguous[bare] and not text:find "[(%[/]" then return "doubt" end
  local is_spectral = spectral[bare] or symbols[bare] or spectral_axes[axis] or spectral_units[unit_of(text)]
  return is_spectral and "spectra" or "rows"
end

--- True if a name says that a column counts the points of a detector.
function names.is_counter(text)
  local bare = bare_name(text)
  return bare == "pixel" or bare == "channel"
end

local errors = {}
for _, name in ipairs { "error", "errors", "err", "sigma", "σ", "esd", "e.s.d.", "std", "stdev", "sd", "uncertainty",
  "standard deviation", "dy", "yerr", "y error", "y errors", "error y", "dev" } do errors[name] = true end

--- True if a name says that a column holds the errors of the one before it.
function names.is_error(text)
  local bare = text:lower():gsub("[(%[].*$", ""):gsub("[%s_]+", " "):gsub("^ ", ""):gsub(" $", "")
  return errors[bare] or bare:find "^error of " ~= nil or bare:find " errors?$" ~= nil or bare:find "^sigma %S+$" ~= nil
end

local settings = set_of { "timeperstep", "steptime", "countingtime", "counttime", "exposuretime", "integrationtime",
  "livetime", "temperature" }

--- True if a name says that a column holds how each point was measured: "TimePerStep".
function names.is_setting(text) return settings[without_unit(text):gsub("[%s_-]", "")] ~= nil end

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

--- Reads the first line as names. Numbers are names of spectra if the first column has an axis name or is said to be
-- the axis, if they count up and it has no name, or if there is only one.
-- @param given the column that is said to be the axis, or nil
-- @return { cells, numbers (among them), is_axis (true if the first is an axis name) }; false if the line holds only
--   numbers; nil if it is neither
function names.read(cells, decimal, given)
  local found = { cells = cells, numbers = names.numbers_of(cells, decimal), is_axis = given ~= nil
    or names.is_axis(cells[1]) }
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

--- Classifies columns whose names are numbers, by these and the name of the first: "spectra"; "rows", whose first
-- column is a label; "doubt" if they may be both; nil if no name is a number. How many there are decides nothing.
function names.judge(found, axis)
  local numbers, first = found.numbers, found.cells[1]
  if #numbers == 0 then return nil end
  if #found.cells == 2 then return "spectra" end
  local counts = names.is_count(axis)
  if not found.is_axis then return counts and "rows" or is_whole(axis) and "doubt" or "spectra" end
  if #numbers < 2 or not header.check_axis(numbers) then return "spectra" end
  local by_name, are_counted = names.beside(first), names.is_count(numbers)
  if by_name == "rows" and not are_counted then return 2 * #numbers >= #found.cells - 1 and "rows" or "doubt" end
  if counts and not names.is_counter(first) then return "doubt" end
  return are_counted and "spectra" or by_name
end

return names
