--- Measured spectra from text files.
local core = require "moonbow.core"
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local document = require "moonbow.io.csv.document"
local rows = require "moonbow.io.csv.rows"
local columns = require "moonbow.io.csv.columns"

local known_options = {
  separator = check.optional "string", decimal = check.optional "string", comment = check.optional "string",
}

local separators = { "\t", ";", ",", " " }
local words = { ["\t"] = "tabs", [";"] = "semicolons", [","] = "commas", [" "] = "blanks" }

local function describe(dialect)
  local word = words[dialect.separator] or check.show(dialect.separator)
  return word .. (dialect.decimal == "," and " and decimal commas" or "")
end

local function check_dialect(options)
  local separator, decimal = options.separator, options.decimal
  if separator and (#separator ~= 1 or separator:find '[%w"+\r\n.\128-\255-]') then
    check.fail("read_csv", "separator: expected one character, such as ',', ';', '\\t' or ' ' for blanks, got %s",
      check.show(separator))
  end
  if decimal then check.name("read_csv", "decimal", decimal, { ".", "," }) end
end

-- Returns the separators that occur outside quotes in the first line, or the one that is given.
local function separators_of(lines, given)
  if given or lines.separator then return { given or lines.separator } end
  local bare, found = lines[lines.first]:gsub('"[^"]*"', "x"):match "^ *(.*[^ ])", {}
  for _, separator in ipairs(separators) do
    if bare:find(separator, 1, true) then found[#found + 1] = separator end
  end
  return found
end

-- Returns the decimal signs to try: a comma as well if some number holds one, in quotes if commas also separate.
local function decimals_of(lines, separator)
  local number = separator == "," and '"[%s+-]*%d*,%d[%deE+-]*%s*"' or ",%d"
  for _, line in ipairs(lines) do
    if line:find(number) then return { ".", "," } end
  end
  return { "." }
end

-- Chooses between rows below a header and columns if both fit: names of columns decide, otherwise the longer axis.
local function choose_layout(lines, row, column)
  if not (row and column) then return row or column end
  if column.certain then return column end
  local short = row.header and 3 or 0
  local width, height = #row.axis + #row.columns, #column.axis
  if width == height or width <= short then
    return nil, { rows = math.huge, message = ("line %d: reads as a header with %d axis values, and as the first of %d "
      .. "rows with x in the first column; name the columns"):format(lines.numbers[lines.first], #row.axis, height) }
  end
  return width > height and row or column
end

-- Reads the lines with one separator and one decimal sign. Returns a set; or nil and a failure.
local function read_with(lines, dialect)
  local commented, failure = rows.read_commented(lines, dialect)
  local row, row_failure = commented, nil
  if not row then row, row_failure = rows.read(lines, dialect) end
  if failure and (row or not failure.is_doubt) then return nil, failure end
  local column, column_failure = columns.read(lines, dialect)
  local is_doubtful = not row or not commented and #row.columns == 0
  if is_doubtful and column_failure and column_failure.certain then return nil, column_failure end
  local set, unclear = choose_layout(lines, row, column)
  if set and not set.refused then return set end
  if set or unclear then return nil, set and set.refused or unclear end
  if column_failure and column_failure.rows > math.max(row_failure.rows, 0) then
    row_failure.message = ("%s; with spectra in columns: %s"):format(row_failure.message, column_failure.message)
    row_failure.rows = column_failure.rows
  end
  return nil, row_failure
end

-- Reads the lines with each separator and decimal sign to try. Returns sets with their dialects, and the failures.
local function read_all(lines, options)
  local sets, failures = {}, {}
  for _, separator in ipairs(separators_of(lines, options.separator)) do
    for _, decimal in ipairs(options.decimal and { options.decimal } or decimals_of(lines, separator)) do
      local dialect = { separator = separator, decimal = decimal, decided = options.decimal ~= nil }
      local set, failure = read_with(lines, dialect)
      table.insert(set and sets or failures, set or failure)
      local result = set or failure
      result.dialect = dialect
    end
  end
  return sets, failures
end

local function is_same(a, b)
  if #a.axis ~= #b.axis or core.size(a.x, 1) ~= core.size(b.x, 1) then return false end
  for i, value in ipairs(a.axis) do
    if b.axis[i] ~= value then return false end
  end
  return true
end

local function describe_set(set)
  local n = core.size(set.x, 1)
  return ("with %s: %d %s at %.10g to %.10g"):format(describe(set.dialect), n, n == 1 and "spectrum" or "spectra",
    set.axis[1], set.axis[#set.axis])
end

-- True if failure a is further on in the file than b. Two failures in headers compare only under the same separator.
local function is_later(a, b)
  local in_headers = a.rows < 0 and b.rows < 0
  return a.rows > b.rows and not (in_headers and a.dialect.separator ~= b.dialect.separator)
end

-- Returns the failure that is furthest on in the file: its dialect is the likeliest. A failure after all rows, because
-- they can be read in more than one way, has rows = math.huge.
local function last_of(failures)
  local last
  for _, failure in ipairs(failures) do
    if not last or is_later(failure, last) then last = failure end
  end
  return last
end

-- Returns the one set if all dialects agree, or the set that its names make certain; otherwise nil and a message.
local function only_of(sets)
  local other
  for _, set in ipairs(sets) do
    if set.certain then return set end
    if not other and not is_same(sets[1], set) then other = set end
  end
  if not other then return sets[1] end
  return nil, ("reads in two ways, %s; %s; give separator and decimal"):format(describe_set(sets[1]),
    describe_set(other))
end

local function choose(lines, sets, failures)
  if #sets == 0 and #failures == 0 then
    local cells, _, fault = core.csv_cells(lines[lines.first], ",")
    return nil, ("line %d: %s"):format(lines.numbers[lines.first], not cells and fault
      or "expected cells with tabs, semicolons, commas or blanks between them, found one cell; give another separator")
  end
  local failure = last_of(failures)
  if #sets == 0 or failure and failure.rows == math.huge then
    return nil, failure.message .. (#failures > 1 and (" (with %s)"):format(describe(failure.dialect)) or "")
  end
  return only_of(sets)
end

-- Adds notes on the lines and columns that were left out, and returns the number of these lines.
local function note(set, lines)
  local comments = -set.commented - (set.header and 1 or 0)
  for i = 1, #lines do comments = comments + (lines.commented[i] and 1 or 0) end
  if comments > 0 then table.insert(set.notes, "comment lines left out: " .. comments) end
  if lines.margin > 0 then table.insert(set.notes, "empty columns at the start left out: " .. lines.margin) end
  if lines.empty > 0 then table.insert(set.notes, "empty rows left out: " .. lines.empty) end
  if not lines.ends then table.insert(set.notes, "no line break follows the last line; the file may be cut") end
  return comments + lines.empty + (set.units or 0)
end

local function read(path, options)
  local lines, err = document.read(path, options)
  if not lines then return nil, err end
  local set, why = choose(lines, read_all(lines, options))
  if not set then return nil, path .. ": " .. why end
  return report.read { x = set.x, axis = set.axis, labels = set.labels, columns = set.columns,
    skipped = note(set, lines), notes = set.notes }
end

--- Reads spectra from a text file (UTF-8), either one per line or one per column. Lines follow a header with the axis
-- values, in which columns whose name is not a number are labels. Columns stand beside a first column with the axis
-- values, as in a file with x and y. docs/own_spectra.md lists what is accepted and what is refused. Separator and
-- decimal sign are found by trying which of them fit all lines, unless given.
-- @param path string of the file
-- @option separator "," or ";" or "\t", " " for any blanks, or another character
-- @option decimal "." or ","; must be given if 1.200 may be 1200
-- @option comment "#" by default, and a line that starts with it but reads as a spectrum is refused; if given, lines
--   that start with it are always left out; "" for none
-- @return table { x = tensor (N, L, 1), axis = list of L numbers, labels = { [column] = list of N strings }, columns =
--   label columns in order, skipped = number of lines left out, notes = list of texts on what was left out or
--   interpreted }; or nil and a message that names file, line and column
local function read_csv(path, options)
  check.kind("read_csv", "path", path, "string")
  options = check.options("read_csv", options, known_options)
  check_dialect(options)
  return core.in_c_locale(read, path, options)
end

return check.takes(read_csv, 2, known_options)
