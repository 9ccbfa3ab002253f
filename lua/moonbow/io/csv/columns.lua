--- Spectra in columns beside a column with their axis; a file with x and y is one such spectrum.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"
local let_go = require "moonbow.io.let_go"
local names = require "moonbow.io.csv.names"
local body = require "moonbow.io.csv.body"
local beside = require "moonbow.io.csv.beside"
local pairs_of = require "moonbow.io.csv.pairs"
local units = require "moonbow.spectra.units"

local columns = {}

local FEWEST_POINTS = 8 -- fewer numbers may be sorted by chance; for two columns, 3 points are enough
local MOST_EQUAL = 1 / 50 -- of neighbouring points of an axis, which rounding made equal

-- Returns the first line of numbers, or of comments above them: it follows the names, and a line of units or labels,
-- without numbers, which becomes found.between.
local function first_of_numbers(lines, found, dialect)
  if not found then return lines.first end
  local below = lines:next(lines.first + 1)
  local cells = below and header.cells(lines[below], dialect.separator)
  local is_between = cells and #names.numbers_of(cells, dialect.decimal) == 0
    and not header.looks_like_number(cells[1] or "") and not header.stands_for_number(cells[1] or "")
  found.between = is_between and below or nil
  return (found.between or lines.first) + 1
end

-- The column that the option axis names; 1 without it. Returns nil and a message if there is none.
local function axis_column(cells, axis)
  for c = 1, axis and #cells or 0 do
    if cells[c] == axis or "column " .. c == axis then
      if c < #cells then return c end
      return nil, ("axis: no column follows %s"):format(check.show(axis))
    end
  end
  if axis then return nil, ("axis: there is no column %s"):format(check.show(axis)) end
  return 1
end

-- Returns the failure of a first cell that looks like a number below the name of an axis, "1'000", or stands for one,
-- "NaN"; or nil.
local function number_failure(lines, i, found, dialect)
  local cells = found and found.is_axis and i and header.cells(lines[i], dialect.separator)
  local cell = cells and cells[1] or ""
  if not (header.looks_like_number(cell) or header.stands_for_number(cell)) then return nil end
  local failure = body.failure(lines, i, body.describe(found.cells, 1, "expected a number", cell), 0)
  failure.certain = true
  return failure
end

-- The names in a comment right above the numbers, as NumPy's savetxt writes them, if the first names an axis; or in
-- the last comment that says that it lists them, "# ColumnLabels: energy counts/s".
local function commented_names(lines, width, dialect)
  if lines.decided or lines.first == lines.start then return false end
  local cells = header.commented_cells(lines, lines.first - 1, dialect.separator)
  local found = cells and #cells == width and names.read(cells, dialect.decimal)
  if found and found.is_axis then return found end
  return names.listed(lines, width)
end

local function has_number(lines, i, column, dialect)
  local cells = i and header.cells(lines[i], dialect.separator)
  return cells and core.csv_number(cells[column] or "", dialect.decimal)
end

-- Returns how often numbers rise, and fall.
local function steps_of(axis)
  local rises, falls = 0, 0
  for i = 2, #axis do
    if axis[i] > axis[i - 1] then rises = rises + 1 end
    if axis[i] < axis[i - 1] then falls = falls + 1 end
  end
  return rises, falls
end

-- True if numbers never fall or never rise, and few are equal: an axis with some points twice.
local function is_sorted(axis)
  local rises, falls = steps_of(axis)
  return math.min(rises, falls) == 0 and math.max(rises, falls) > 0.75 * #axis
end

--- Checks an axis as header.check_axis does, but takes a few points that are equal, as files of stitched or rounded
-- positions have them. Returns true and their number.
function columns.check_axis(axis)
  local ok, at, why = header.check_axis(axis)
  if ok then return true, 0 end
  local rises, falls = steps_of(axis)
  local equal = #axis - 1 - rises - falls
  if math.min(rises, falls) == 0 and equal <= MOST_EQUAL * #axis then return true, equal end
  return false, at, why
end

-- Returns the failure of a table whose cells could be read up to the point where the first column is no axis.
local function axis_failure(lines, line, at, why)
  local failure = body.failure(lines, line, "column 1: " .. why, at - 1)
  failure.is_whole = true
  return failure
end

-- Looks at the first rows: spectra in rows need not be read whole to see that their first column rises and falls.
-- Returns a failure, or nil.
local function early_failure(lines, first, kinds, dialect)
  local axis = #kinds > 2 and body.first_axis(lines, first, kinds, dialect)
  if not axis or math.min(steps_of(axis)) == 0 then return nil end
  local _, at, why = header.check_axis(axis)
  return axis_failure(lines, body.line_of(lines, first, at), at, why)
end

-- Returns the rows if their first column is an axis; or nil and a failure, which is certain if it can only be one.
local function with_axis(lines, first, read)
  local axis, equal = read.axes[1] or {}, 0
  if not read.is_strict then
    local ok, at, why = columns.check_axis(axis)
    if not ok then
      local failure = axis_failure(lines, body.line_of_row(read, lines, first, at), at, why)
      failure.certain = #axis >= 3 and core.size(read.x, 2) == 1 or #axis >= FEWEST_POINTS and is_sorted(axis)
      return nil, failure
    end
    equal = at
  end
  read.axis, read.equal = axis, equal
  return read
end

--- Returns why a table is refused that may have its axis in the first column or in its line i, of names.
function columns.doubt(lines, i, first_name)
  return ("does the first column hold an axis or sample numbers? Name it, or give axis = %s or 'line %d'"):format(
    check.show(first_name), lines:number(i))
end

--- Returns what to note if a first column with the name or unit of an axis is a label.
function columns.label_note(name)
  return ("%s is read as a label of spectra in rows; axis = %s reads spectra in columns beside it"):format(
    check.show(name), check.show(name))
end

-- Returns why columns that read as spectra are refused, or nil. found: their names, or false.
-- given: the option axis, or nil.
local function refusal(width, found, y, axis, given)
  if width > 2 and names.is_count(axis) and not (given or found and found.is_axis) then
    return ("column %s only counts the rows; leave it out, or name it 'channel' if it is the axis"):format(
      found and check.show(header.name(found.cells, 1)) or "1")
  elseif core.size(y, 1) == 2 and not found and not beside.kind_of_second(y) then
    return "three columns without names: x and y, and errors or a second spectrum? Name them in a first line"
  end
  for c = 2, found and not given and width or 0 do
    if names.is_axis(found.cells[c]) and beside.is_axis(y, c - 1) then
      return ("column %d is a second axis: %s; axis = 'NAME' chooses one"):format(c, check.show(found.cells[c]))
    end
  end
end

-- Returns the number of points from which on a sorted column is an axis: few if its name says so.
local function fewest_points(width, found, y)
  if found and found.is_axis then return 2 end
  if not found and beside.kind_of_second(y) then return 3 end
  return (width == 2 or found and #found.numbers > 0) and 3 or FEWEST_POINTS
end

-- Returns the rows, with y (spectra, points), axis and equal, the number of its points that are there twice; or nil and
-- a failure. skip: columns in front of the axis.
local function read_table(lines, first, cells, found, dialect, skip)
  local kinds = ("0"):rep(skip) .. "x" .. ("1"):rep(#cells - 1 - skip)
  local read, failure = nil, early_failure(lines, first, kinds, dialect)
  if not failure then read, failure = body.read(lines, first, cells, kinds, dialect) end
  if read then read, failure = with_axis(lines, first, read) end
  if read then
    read.skip = skip
    read.y, read.x = body.transposed(read.x), nil
    return read
  end
  failure.certain = failure.certain or found and found.is_axis
  return nil, failure
end

-- True if the first column only counts the rows, as pandas' index, or pixels, and the second is named as the axis.
local function has_index(found, read)
  if not found or #found.cells < 3 then return false end
  local first, second = found.cells[1], found.cells[2]
  local counts = names.is_counter(first) and not names.is_counter(second)
    or not found.is_axis and names.is_count(read.axis)
  return counts and names.is_axis(second) and beside.is_axis(read.y, 1)
end

-- Adds notes on how the columns were interpreted.
local function describe(set, lines, first, found, read)
  set.notes = { core.size(read.y, 1) == 1 and "read as one spectrum, with its axis in the first column"
    or "read as spectra in columns, with their axis in the first" }
  if read.is_indexed then
    set.notes[1] = "column 1 left out: it counts the rows; the axis is in column 2"
  elseif read.skip > 0 then
    set.notes[1] = ("columns left out in front of the axis: %d"):format(read.skip)
  end
  table.insert(set.notes, read.axis_note)
  if read.equal > 0 then
    table.insert(set.notes, ("points of the axis that are there twice: %d"):format(read.equal))
  end
  if found and first == lines.first then
    set.header = found.line or first - 1
    table.insert(set.notes, ("line %d: taken as the names of columns, though it starts with %s"):format(
      lines:number(set.header), check.show(lines.sign)))
  end
end

-- True if a line without numbers holds labels of the spectra, not units: it begins with a name, and says no kind of
-- values.
local function are_labels(cells, first)
  local name = cells[first] or ""
  if not name:find "%a%a%a" or names.is_axis(name) or units.axis(name) then return false end
  for c = first + 1, #cells do
    if units.tells(cells[c]) or units.is_percent(cells[c]) then return false end
  end
  return true
end

-- Takes the line between names and numbers, if there is one: units, or a label of the spectra.
-- @param step from the column of one spectrum to that of the next
local function take_line_between(set, lines, found, dialect, step)
  local between = found and found.between
  if not between then return set end
  local number, axis = lines:number(between), set.first_column - 1
  local cells = core.csv_cells(lines[between], dialect.separator)
  if not are_labels(cells, axis) then
    set.unit_cells, set.skipped = cells, 1
    table.insert(set.notes, ("line %d left out: it holds no number (units?)"):format(number))
    return set
  end
  local list = {}
  for k = 1, set.blocks and #set.blocks or core.size(set.x, 1) do list[k] = cells[axis + 1 + (k - 1) * step] or "" end
  set.labels[cells[axis]], set.columns = list, { cells[axis] }
  table.insert(set.notes, ("line %d: read as the label %s of the spectra"):format(number, check.show(cells[axis])))
  return set
end

-- That of an axis that was checked.
local function direction_of(axis)
  if axis[1] == axis[#axis] then return nil end
  return axis[1] < axis[#axis] and "rising" or "falling"
end

-- Makes the set of the table that was read.
local function set_of(lines, first, found, read, dialect)
  local set = { x = read.y, axis = read.axis, labels = {}, columns = {}, commented = read.commented, skipped = 0,
    direction = direction_of(read.axis), first_column = 2 + read.skip }
  describe(set, lines, first, found, read)
  take_line_between(set, lines, found, dialect, 1)
  if not found then return set end
  set.axis_text, set.names = found.cells[1 + read.skip], {}
  for c = set.first_column, #found.cells do set.names[c - 1 - read.skip] = header.name(found.cells, c) end
  return set
end

-- Returns the set of pairs of columns, if the table that was read with one axis holds them; or nil and a failure; or
-- nil, nil and the table.
local function try_pairs(lines, first, cells, found, dialect, read)
  if read.skip > 0 or not pairs_of.may_be(cells, found, read.y) then return nil, nil, read end
  core.close(read.y) -- the numbers are read again, and would be there twice
  read.axis, read.axes = nil, nil
  let_go(#lines.text)
  local paired, failure = pairs_of.read(lines, first, cells, found, dialect)
  if paired then return take_line_between(paired, lines, found, dialect, 2) end
  if failure then return nil, failure end
  return nil, nil, read_table(lines, first, cells, found, dialect, 0)
end

-- Returns the table; or nil, a failure or nil, and a set of pairs of different lengths or nil.
local function read_numbers(lines, first, cells, found, dialect, column)
  local read, failure = read_table(lines, first, cells, found, dialect, column - 1)
  if read then return read end
  local ragged, why = pairs_of.read_ragged(lines, first, cells, found, dialect, failure)
  if ragged then return nil, nil, take_line_between(ragged, lines, found, dialect, 2) end
  why.certain = why.certain or found and found.is_axis
  return nil, why
end

-- Returns the names, false if there are none, the first line of numbers and the column of the axis; or nil, and a
-- failure or nil.
local function read_names(lines, cells, dialect, axis)
  local found = names.read(cells, dialect.decimal, axis)
  if found == nil then return nil end
  local first = first_of_numbers(lines, found, dialect)
  found = found or commented_names(lines, #cells, dialect)
  local column, missing = axis_column(found and found.cells or cells, axis)
  if not column then return nil, body.failure(lines, lines.first, missing, -1) end
  local row = lines:next(first)
  if not has_number(lines, row, column, dialect) then return nil, number_failure(lines, row, found, dialect) end
  return found, first, column
end

--- Reads spectra in columns; the first column, or the one that axis names, must only rise or only fall.
-- @return set (certain if its names say that columns are spectra; refused, a failure, if they are not); or nil, and a
--   failure, or nil and why the first column is a label of rows; nil alone if the lines cannot be columns
function columns.read(lines, dialect, axis)
  local cells = header.first_cells(lines, dialect.separator)
  if not cells or #cells < 2 then return nil end
  local found, first, column = read_names(lines, cells, dialect, axis)
  if found == nil then return nil, first end
  local read, failure, ragged = read_numbers(lines, first, cells, found, dialect, column)
  if not read then return ragged, failure end
  local verdict = found and not axis and names.judge(found, read.axis) or nil
  local is_indexed = not axis and has_index(found, read)
  local fewest = is_indexed and 2 or fewest_points(#cells, found, read.y)
  if verdict == "rows" then return nil, nil, found.is_axis and columns.label_note(found.cells[1]) end
  if #read.axis < fewest then return nil end
  local paired
  paired, failure, read = try_pairs(lines, first, cells, found, dialect, read)
  if not read then return paired, failure end
  local why = verdict == "doubt"
    and columns.doubt(lines, first == lines.first and first - 1 or lines.first, header.name(found.cells, 1))
  if is_indexed then
    read, failure = read_table(lines, first, cells, found, dialect, 1)
    if not read then return nil, failure end
    read.is_indexed = true
  else
    why = why or refusal(#cells, found, read.y, read.axis, axis)
  end
  local set = set_of(lines, first, found, read, dialect)
  set.certain, set.is_named = verdict ~= nil or nil, found and found.is_axis
  if why then set.refused = body.failure(lines, lines.first, why, math.huge) end
  return set
end

return columns
