--- Spectra in columns, beside a column with their axis: also the one spectrum of a file with x and y.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.data.csv.header"
local body = require "moonbow.data.csv.body"

local columns = {}

local FEWEST_POINTS = 8 -- fewer numbers may rise or fall by chance; two columns are a spectrum with 3

local axis_names = {}
for _, name in ipairs { "wavenumber", "wavenumbers", "wavelength", "wavelengths", "raman shift", "cm 1", "nm", "2theta",
  "2 theta", "two theta", "angle", "energy", "ppm", "channel", "pixel", "x", "wellenzahl", "wellenlänge",
  "raman verschiebung", "nombre d'onde", "longueur d'onde" } do axis_names[name] = true end

local function is_axis_name(text)
  local bare = text:lower():gsub("[(%[/].*$", ""):gsub("[%s_^-]+", " "):gsub("^ ", ""):gsub(" $", "")
  return axis_names[bare]
end

-- Whether numbers count from 0 or 1.
local function is_count(numbers)
  for i, value in ipairs(numbers) do
    if value ~= numbers[1] + i - 1 then return false end
  end
  return numbers[1] == 0 or numbers[1] == 1
end

local function numbers_of(cells, decimal)
  local numbers = {}
  for _, cell in ipairs(cells) do numbers[#numbers + 1] = core.csv_number(cell, decimal) end
  return numbers
end

-- Names that are values of an axis: in another dialect, or behind the X that R writes before numbers.
local function has_axis_values(cells)
  for _, cell in ipairs(cells) do
    if header.looks_like_number(cell) or cell:find "^X%.?%d+%.?%d*$" then return true end
  end
  return false
end

-- The first line as names of columns: their cells, or false where it holds numbers only; nil where neither. Numbers
-- name spectra where the first column is named as an axis, or they count and it has no name, or there is but one.
local function read_names(cells, decimal)
  local numbers = numbers_of(cells, decimal)
  if #numbers == #cells then return false end
  if #numbers == 0 then return (is_axis_name(cells[1]) or not has_axis_values(cells)) and cells or nil end
  if is_axis_name(cells[1]) then return cells, numbers end
  if #numbers < #cells - 1 or core.csv_number(cells[1], decimal) then return nil end
  if #cells == 2 or cells[1] == "" and is_count(numbers) then return cells, numbers end
end

-- The first line of numbers: below names, and below a line of units that holds no number either.
local function first_of_numbers(lines, names, dialect)
  if not names then return lines.first end
  local below = lines[lines.first + 1]
  local cells = below and header.cells(below, dialect.separator)
  return lines.first + (cells and #numbers_of(cells, dialect.decimal) == 0 and 2 or 1)
end

local function starts_with_number(line, dialect)
  local cells = line and header.cells(line, dialect.separator)
  return cells and core.csv_number(cells[1] or "", dialect.decimal)
end

-- Whether numbers never fall, or never rise, and few are equal: an axis with some points twice.
local function is_sorted(axis)
  local rises, falls = 0, 0
  for i = 2, #axis do
    if axis[i] > axis[i - 1] then rises = rises + 1 end
    if axis[i] < axis[i - 1] then falls = falls + 1 end
  end
  return math.min(rises, falls) == 0 and math.max(rises, falls) > 0.75 * #axis
end

-- The axis; or nil and a failure, which is certain where the first column is an axis and nothing else.
local function read_axis(lines, read, decimal)
  local axis = {}
  for r, labels in ipairs(read) do
    local value, err = header.read_axis_value(labels[1], decimal)
    if not value then return nil, body.failure(lines, read.line_of[r], "column 1: " .. err, r - 1) end
    axis[r] = value
  end
  local ok, at, why = header.check_axis(axis)
  if ok then return axis end
  local failure = body.failure(lines, read.line_of[at], "column 1: " .. why, at - 1)
  failure.certain = #axis >= 3 and core.size(read.x, 2) == 1 or #axis >= FEWEST_POINTS and is_sorted(axis)
  return nil, failure
end

-- Columns x, y, x, y: each second one is an axis over the same range.
local function is_paired(x, axis)
  local width = core.size(x, 1) + 1
  if width < 4 or width % 2 == 1 then return false end
  local low, high = math.min(axis[1], axis[#axis]), math.max(axis[1], axis[#axis])
  for c = 2, width - 1, 2 do
    local other = core.totable(core.reshape(core.row(x, c), -1))
    local first, last = other[1], other[#other]
    if not header.check_axis(other) or math.max(first, last) < low or math.min(first, last) > high then return false end
  end
  return true
end

local function refusal(width, names, x, axis)
  local first = names and check.show(header.name(names, 1)) or "1"
  if is_paired(x, axis) then
    return "the columns are pairs of x and y, each spectrum with its own axis; expected one axis for the whole file"
  elseif width > 2 and is_count(axis) and not (names and is_axis_name(names[1])) then
    return ("column %s only counts the rows; leave it out, or name it 'channel' where it is the axis"):format(first)
  elseif width == 3 and not names then
    return "three columns without names: x and y, and errors or a second spectrum? Name them in a first line"
  end
  for c = 2, names and width or 0 do
    if is_axis_name(names[c]) and header.check_axis(core.totable(core.reshape(core.row(x, c - 1), -1))) then
      return ("column %d is a second axis: %s"):format(c, check.show(names[c]))
    end
  end
end

-- How many points tell an axis from chance: few where the first column is named as one.
local function fewest_points(cells, names, numbers)
  if names and is_axis_name(names[1]) then return 2 end
  return (#cells == 2 or numbers) and 3 or FEWEST_POINTS
end

local function is_whole(axis)
  for _, value in ipairs(axis) do
    if value % 1 ~= 0 then return false end
  end
  return true
end

-- What columns that numbers name are: spectra ("certain"), spectra in rows ("rows", with numbers of samples in the
-- first column), one of both ("doubt"), or nil where the length has to decide.
local function judge(names, numbers, axis)
  if #names == 2 then return "certain" end
  local is_named, is_numbered = is_axis_name(names[1]), is_count(axis)
  if is_numbered then return not is_named and "rows" or nil end
  if not is_count(numbers) then return nil end
  return (is_named or not is_whole(axis)) and "certain" or "doubt"
end

--- Reads spectra in columns, where the first column only rises or only falls.
-- @return set, or nil and a failure; nil alone where the first lines already say that it cannot be so
function columns.read(lines, dialect)
  local cells = header.first_cells(lines, dialect.separator)
  if not cells or #cells < 2 then return nil end
  local names, numbers = read_names(cells, dialect.decimal)
  if names == nil then return nil end
  local first = first_of_numbers(lines, names, dialect)
  if not starts_with_number(lines[first], dialect) then return nil end
  local read, failure = body.read(lines, first, cells, "0" .. ("1"):rep(#cells - 1), dialect)
  local axis
  if read then axis, failure = read_axis(lines, read, dialect.decimal) end
  if not axis then
    failure.certain = failure.certain or names and is_axis_name(names[1])
    return nil, failure
  end
  local verdict = numbers and judge(names, numbers, axis)
  if #axis < fewest_points(cells, names, numbers) or verdict == "rows" then return nil end
  local x = core.transpose(core.reshape(read.x, { #axis, #cells - 1 }), 1, 2)
  local note = #cells == 2 and "read as one spectrum, with its axis in the first column"
    or "read as spectra in columns, with their axis in the first"
  local set = { x = core.reshape(x, { #cells - 1, #axis, 1 }), axis = axis, labels = {}, columns = {},
    commented = read.commented, notes = { note }, certain = verdict ~= nil }
  if first == lines.first + 2 then
    table.insert(set.notes, ("line %d left out: it holds no number (units?)"):format(lines.numbers[first - 1]))
    set.units = 1
  end
  if names then
    set.labels.spectrum, set.columns[1] = {}, "spectrum"
    for c = 2, #names do set.labels.spectrum[c - 1] = header.name(names, c) end
  end
  local why = verdict == "doubt" and "an axis or numbers of samples in the first column? Name it"
    or refusal(#cells, names, x, axis)
  if why then set.refused = body.failure(lines, lines.first, why, math.huge) end
  return set
end

return columns
