--- Spectra in columns beside a column with their axis; a file with x and y is one such spectrum.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"
local names = require "moonbow.io.csv.names"
local body = require "moonbow.io.csv.body"

local columns = {}

local FEWEST_POINTS = 8 -- fewer numbers may be sorted by chance; for two columns, 3 points are enough

-- Returns the first line of numbers: it follows the names, and a line of units that holds no number.
local function first_of_numbers(lines, found, dialect)
  if not found then return lines.first end
  local below = lines[lines.first + 1]
  local cells = below and header.cells(below, dialect.separator)
  return lines.first + (cells and #names.numbers_of(cells, dialect.decimal) == 0 and 2 or 1)
end

-- The names in a comment right above the numbers, as NumPy's savetxt writes them, if the first names an axis.
local function commented_names(lines, width, dialect)
  if lines.decided or lines.first == 1 then return false end
  local cells = header.commented_cells(lines, lines.first - 1, dialect.separator)
  local found = cells and #cells == width and names.read(cells, dialect.decimal)
  return found and found.is_axis and found
end

local function starts_with_number(line, dialect)
  local cells = line and header.cells(line, dialect.separator)
  return cells and core.csv_number(cells[1] or "", dialect.decimal)
end

-- True if numbers never fall or never rise, and few are equal: an axis with some points twice.
local function is_sorted(axis)
  local rises, falls = 0, 0
  for i = 2, #axis do
    if axis[i] > axis[i - 1] then rises = rises + 1 end
    if axis[i] < axis[i - 1] then falls = falls + 1 end
  end
  return math.min(rises, falls) == 0 and math.max(rises, falls) > 0.75 * #axis
end

-- Returns the axis; or nil and a failure, which is certain if the first column can only be an axis.
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

-- Returns the numbers in column c; column 1 is the axis.
local function values_of(x, c) return core.totable(core.reshape(core.row(x, c - 1), -1)) end

-- True for columns x, y, x, y: every second column is an axis over the same range.
local function is_paired(x, axis)
  local width = core.size(x, 1) + 1
  if width < 4 or width % 2 == 1 then return false end
  local low, high = math.min(axis[1], axis[#axis]), math.max(axis[1], axis[#axis])
  for c = 2, width - 1, 2 do
    local other = values_of(x, c + 1)
    local first, last = other[1], other[#other]
    if not header.check_axis(other) or math.max(first, last) < low or math.min(first, last) > high then return false end
  end
  return true
end

-- Returns why columns that read as spectra are refused, or nil. found: their names, or false.
local function refusal(width, found, x, axis)
  if found and names.judge(found, axis) == "doubt" then
    return "does the first column hold an axis or sample numbers? Name it"
  elseif is_paired(x, axis) then
    return "the columns are pairs of x and y, each spectrum with its own axis; expected one axis for the whole file"
  elseif width > 2 and names.is_count(axis) and not (found and found.is_axis) then
    return ("column %s only counts the rows; leave it out, or name it 'channel' if it is the axis"):format(
      found and check.show(header.name(found.cells, 1)) or "1")
  elseif width == 3 and not found then
    return "three columns without names: x and y, and errors or a second spectrum? Name them in a first line"
  end
  for c = 2, found and width or 0 do
    if names.is_axis(found.cells[c]) and header.check_axis(values_of(x, c)) then
      return ("column %d is a second axis: %s"):format(c, check.show(found.cells[c]))
    end
  end
end

-- Returns the number of points from which on a sorted column is an axis: few if its name says so.
local function fewest_points(width, found)
  if found and found.is_axis then return 2 end
  return (width == 2 or found and #found.numbers > 0) and 3 or FEWEST_POINTS
end

-- Returns the rows, whose x has one column per spectrum, and the axis; or nil and a failure.
local function read_table(lines, first, cells, found, dialect)
  local read, failure = body.read(lines, first, cells, "0" .. ("1"):rep(#cells - 1), dialect)
  local axis
  if read then axis, failure = read_axis(lines, read, dialect.decimal) end
  if axis then return read, axis end
  failure.certain = failure.certain or found and found.is_axis
  return nil, failure
end

-- Adds notes on how the columns were interpreted, and keeps their names as labels.
local function describe(set, lines, first, found)
  set.notes = { core.size(set.x, 1) == 1 and "read as one spectrum, with its axis in the first column"
    or "read as spectra in columns, with their axis in the first" }
  if first == lines.first + 2 then
    table.insert(set.notes, ("line %d left out: it holds no number (units?)"):format(lines.numbers[first - 1]))
    set.units = 1
  end
  if not found then return end
  if first == lines.first then
    set.header = first - 1
    table.insert(set.notes, ("line %d: taken as the names of columns, though it starts with %s"):format(
      lines.numbers[set.header], check.show(lines.sign)))
  end
  set.labels.spectrum, set.columns[1] = {}, "spectrum"
  for c = 2, #found.cells do set.labels.spectrum[c - 1] = header.name(found.cells, c) end
end

--- Reads spectra in columns; the first column must only rise or only fall.
-- @return set (certain if its names say that columns are spectra; refused, a failure, if they are not); or nil and a
--   failure; nil alone if the lines cannot be columns
function columns.read(lines, dialect)
  local cells = header.first_cells(lines, dialect.separator)
  if not cells or #cells < 2 then return nil end
  local found = names.read(cells, dialect.decimal)
  if found == nil then return nil end
  local first = first_of_numbers(lines, found, dialect)
  if not starts_with_number(lines[first], dialect) then return nil end
  found = found or commented_names(lines, #cells, dialect)
  local read, axis = read_table(lines, first, cells, found, dialect)
  if not read then return nil, axis end
  local verdict = found and names.judge(found, axis) or nil
  if #axis < fewest_points(#cells, found) or verdict == "rows" then return nil end
  local x = core.transpose(core.reshape(read.x, { #axis, #cells - 1 }), 1, 2)
  local set = { x = core.reshape(x, { #cells - 1, #axis, 1 }), axis = axis, labels = {}, columns = {},
    commented = read.commented, certain = verdict ~= nil }
  describe(set, lines, first, found)
  local why = refusal(#cells, found, x, axis)
  if why then set.refused = body.failure(lines, lines.first, why, math.huge) end
  return set
end

return columns
