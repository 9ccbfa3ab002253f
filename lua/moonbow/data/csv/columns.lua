--- Spectra in columns, beside a column with their axis: also the one spectrum of a file with x and y.
local core = require "moonbow.core"
local header = require "moonbow.data.csv.header"
local body = require "moonbow.data.csv.body"

local columns = {}

local FEWEST_POINTS = 8 -- fewer numbers may rise or fall by chance; two columns are a spectrum with 3

local axis_names = {}
for _, name in ipairs { "wavenumber", "wavenumbers", "wavelength", "wavelengths", "raman shift", "cm-1", "nm", "2theta",
  "two theta", "angle", "energy", "ppm" } do axis_names[name] = true end

local function is_axis_name(text)
  local bare = text:lower():gsub("[(%[].*$", ""):gsub("[%s_]+", " "):gsub("^ ", ""):gsub(" $", "")
  return axis_names[bare]
end

local function count_numbers(cells, decimal)
  local numbers = 0
  for _, cell in ipairs(cells) do numbers = numbers + (core.csv_number(cell, decimal) and 1 or 0) end
  return numbers
end

-- The first line as names of columns: their cells, or false where it holds numbers only; nil where neither.
local function read_names(cells, decimal)
  local numbers = count_numbers(cells, decimal)
  if numbers == #cells then return false end
  if numbers == 0 or (numbers == #cells - 1 and is_axis_name(cells[1])) then return cells end
end

-- Whether the line below the names holds no number either.
local function has_units(lines, dialect)
  local below = lines[lines.first + 1]
  local cells = below and header.cells(below, dialect.separator)
  return cells and count_numbers(cells, dialect.decimal) == 0
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
  if is_paired(x, axis) then
    return ("the columns are pairs of x and y, each spectrum with its own axis; expected one axis for the whole file")
  elseif width == 3 and not names then
    return "three columns without names: x and y, and errors or a second spectrum? Name them in a first line"
  end
end

--- Reads spectra in columns, where the first column only rises or only falls.
-- @return set, or nil and a failure; nil alone where the first line already says that it cannot be so
function columns.read(lines, dialect)
  local cells = header.cells(lines[lines.first], dialect.separator)
  if not cells or #cells < 2 then return nil end
  local names = read_names(cells, dialect.decimal)
  if names == nil then return nil end
  local first = lines.first + (not names and 0 or has_units(lines, dialect) and 2 or 1)
  local read, failure = body.read(lines, first, cells, "0" .. ("1"):rep(#cells - 1), dialect)
  if not read then return nil, failure end
  local axis
  axis, failure = read_axis(lines, read, dialect.decimal)
  if not axis then return nil, failure end
  if #axis < (#cells == 2 and 3 or FEWEST_POINTS) then return nil end
  local x = core.transpose(core.reshape(read.x, { #axis, #cells - 1 }), 1, 2)
  local note = #cells == 2 and "read as one spectrum, with its axis in the first column"
    or "read as spectra in columns, with their axis in the first"
  local set = { x = core.reshape(x, { #cells - 1, #axis, 1 }), axis = axis, labels = {}, columns = {},
    empty = read.empty, commented = read.commented, notes = { note } }
  if first == lines.first + 2 then
    table.insert(set.notes, ("line %d left out: it holds no number (units?)"):format(lines.numbers[first - 1]))
    set.units = 1
  end
  if names then set.labels.spectrum, set.columns[1] = table.move(names, 2, #names, 1, {}), "spectrum" end
  local why = refusal(#cells, names, x, axis)
  if why then set.refused = body.failure(lines, lines.first, why, math.huge) end
  return set
end

return columns
