--- Reads spectra from the text of a table: tries which separator and decimal sign fit all lines, spectra in rows and in
-- columns, and from which line on.
local core = require "moonbow.core"
local check = require "moonbow.check"
local document = require "moonbow.io.csv.document"
local footer = require "moonbow.io.csv.footer"
local header = require "moonbow.io.csv.header"
local body = require "moonbow.io.csv.body"
local names = require "moonbow.io.csv.names"
local rows = require "moonbow.io.csv.rows"
local columns = require "moonbow.io.csv.columns"
local preamble = require "moonbow.io.csv.preamble"

local FEWEST_AXIS = 3 -- values in a header; with fewer, lines above the table may have been taken for it

local separators = { "\t", ";", ",", " " }
local words = { ["\t"] = "tabs", [";"] = "semicolons", [","] = "commas", [" "] = "blanks" }

local function describe(dialect)
  local word = words[dialect.separator] or check.show(dialect.separator)
  return word .. (dialect.decimal == "," and " and decimal commas" or "")
end

-- Returns the separators that occur outside quotes in the first line, or the one that is given.
local function separators_of(lines, given)
  if given or lines.separator then return { given or lines.separator } end
  local line = lines[lines.first]
  if line:find('"', 1, true) then line = line:gsub('"[^"]*"', "x") end
  local bare, found = line:match "^ *(.*[^ ])", {}
  for _, separator in ipairs(separators) do
    if bare:find(separator, 1, true) then found[#found + 1] = separator end
  end
  return found
end

-- True if a pattern occurs that begins with the sign.
local function occurs(text, sign, pattern)
  local i = text:find(sign, 1, true)
  while i do
    if text:find(pattern, i) then return true end
    i = text:find(sign, i + 1, true)
  end
  return false
end

-- Returns the decimal signs to try: a comma as well if some number holds one, in quotes if commas also separate.
local function decimals_of(lines, separator)
  local has_comma
  if separator == "," then
    has_comma = occurs(lines.text, '"', '^"[ \t+-]*%d*,%d[%deE+-]*[ \t]*"')
  else
    has_comma = occurs(lines.text, ",", "^,%d")
  end
  return has_comma and { ".", "," } or { "." }
end

-- True if the labels in the first column may be an axis: numbers that only rise or only fall, and do not just count.
local function may_be_axis(row, decimal)
  local numbers = {}
  for i, label in ipairs(row.first_label and row.labels[row.first_label] or {}) do
    numbers[i] = core.csv_number(label, decimal)
    if not numbers[i] then return false end
  end
  return #numbers > 1 and header.check_axis(numbers) and not names.is_count(numbers)
end

-- Names with numbers, "s1", "s2", are an axis only if the first column is none. Returns the set, nil, and a note or
-- nil; or nil and a failure.
local function choose_affixed(lines, row, column, decimal)
  local first_name = row.first_label or "column 1"
  local by_name = column and column.is_named and names.beside(first_name)
  if column and column.refused then return row end
  if column and (by_name == "spectra" or names.is_count(row.axis)) then return column end
  if by_name == "rows" then return row, nil, columns.label_note(first_name) end
  if not column and not may_be_axis(row, decimal) then return row end
  return nil, body.failure(lines, lines.first, columns.doubt(lines, lines.first, first_name), math.huge)
end

-- Chooses between rows below a header and columns if both fit: names of columns decide, otherwise the longer axis.
local function choose_layout(lines, row, column, decimal)
  if column and column.certain then return column end
  if row and row.affix then return choose_affixed(lines, row, column, decimal) end
  if not (row and column) then return row or column end
  local short = row.header and 3 or 0
  local width, height = #row.axis + #row.columns, #column.axis
  if width == height or width <= short then
    return nil, { rows = math.huge, message = ("line %d: reads as a header with %d axis values, and as the first of %d "
      .. "rows with x in the first column; name the columns"):format(lines:number(lines.first), #row.axis, height) }
  end
  return width > height and row or column
end

-- Reads the lines as the option axis says: "line 3" holds the axis of spectra in rows, or a column that of spectra in
-- columns. Returns a set; or nil and a failure.
local function read_given(lines, dialect, axis)
  local line = math.tointeger(tonumber(axis:match "^line (%d+)$"))
  if not line then
    local set, failure = columns.read(lines, dialect, axis)
    if set and not set.refused then return set end
    local missing = ("axis: there is no column %s"):format(check.show(axis))
    return nil, set and set.refused or failure or body.failure(lines, lines.first, missing, -1)
  end
  local commented = rows.read_commented(lines, dialect)
  if commented and lines:number(commented.header) == line then return commented end
  if lines:number(lines.first) == line then return rows.read(lines, dialect, true) end
  return nil, body.failure(lines, lines.first, ("axis: expected the header in line %d"):format(line), -1)
end

-- Reads the lines with one separator and one decimal sign. Returns a set; or nil and a failure.
local function read_with(lines, dialect)
  local commented, failure = rows.read_commented(lines, dialect)
  local row, row_failure = commented, nil
  if not row then row, row_failure = rows.read(lines, dialect) end
  if failure and (row or not failure.is_doubt) then return nil, failure end
  -- Few numbers in a row are rarely spectra: they do not stay beside the same numbers as columns.
  local is_narrow = row and not commented and #row.axis <= FEWEST_AXIS
  if is_narrow then core.close(row.x) end
  local column, column_failure, label_note = columns.read(lines, dialect)
  local is_doubtful = not row or not commented and #row.columns == 0 or row.affix
  if is_doubtful and column_failure and column_failure.certain then return nil, column_failure end
  local set, unclear, note = choose_layout(lines, row, column, dialect.decimal)
  if set and set == row and is_narrow then set = rows.read(lines, dialect) end
  if set and not set.refused then
    table.insert(set.notes, label_note or note)
    return set
  end
  if set or unclear then return nil, set and set.refused or unclear end
  if column_failure and column_failure.rows > math.max(row_failure.rows, 0) then
    if column_failure.message ~= row_failure.message then
      row_failure.message = ("%s; with spectra in columns: %s"):format(row_failure.message, column_failure.message)
    end
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
      local set, failure
      if options.axis then set, failure = read_given(lines, dialect, options.axis) end
      if not options.axis then set, failure = read_with(lines, dialect) end
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
  return ("with %s: %s at %.10g to %.10g"):format(describe(set.dialect),
    check.show_count(core.size(set.x, 1), "spectrum", "spectra"), set.axis[1], set.axis[#set.axis])
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

-- Leaves out sets with one axis value if another has several: their separator is its decimal sign.
local function without_single(sets)
  local several = {}
  for _, set in ipairs(sets) do
    if #set.axis >= FEWEST_AXIS then several[#several + 1] = set end
  end
  for _, set in ipairs(sets) do
    if #set.axis > 1 and #set.axis < FEWEST_AXIS then return sets end
  end
  return #several > 0 and several or sets
end

-- Returns the one set if all dialects agree, or the set that its names make certain; otherwise nil and a message.
local function only_of(sets)
  local other
  for _, set in ipairs(sets) do
    if set.certain then return set end
    if not other and set ~= sets[1] and not is_same(sets[1], set) then other = set end
  end
  if not other then return sets[1] end
  return nil, ("reads in two ways, %s; %s; give separator and decimal"):format(describe_set(sets[1]),
    describe_set(other)), math.huge
end

-- Returns the set; or nil, a message, and how far reading came.
local function choose(lines, sets, failures)
  if #sets == 0 and #failures == 0 then
    local cells, _, fault = core.csv_cells(lines[lines.first], ",")
    return nil, ("line %d: %s"):format(lines:number(lines.first), not cells and fault
      or "expected cells with tabs, semicolons, commas or blanks between them, found one cell; give another separator"),
      -1
  end
  local failure = last_of(failures)
  if #sets == 0 or failure and failure.rows == math.huge then
    return nil, failure.message .. (#failures > 1 and (" (with %s)"):format(describe(failure.dialect)) or ""),
      failure.rows
  end
  return only_of(without_single(sets))
end

local function read_lines(lines, options) return choose(lines, read_all(lines, options)) end

-- Reads the table below lines of metadata, if it can be read there and not as a whole.
local function read_below(lines, options)
  local from = lines.start
  local set, why, how_far = read_lines(lines, options)
  if set and (#set.axis >= FEWEST_AXIS or set.is_named) then return set, from end
  for _, start in ipairs(preamble.starts(lines)) do
    lines.start, lines.first = start, lines:next(start)
    local below, why_below, further = read_lines(lines, options)
    if below and #below.axis >= FEWEST_AXIS then return below, from end
    further = further or -1
    if set and further == math.huge then return nil, why_below end
    if not set and how_far < 1 and further > math.max(how_far, 0) then why, how_far = why_below, further end
  end
  if set then lines.start, lines.first = from, lines:next(from) end
  return set, set and from or why
end

-- Adds notes on the lines and columns that were left out, and counts these lines.
local function note(set, lines, from)
  local comments, i = -set.commented - (set.header and 1 or 0), lines:next(from, true)
  while i do
    comments, i = comments + 1, lines:next(i + 1, true)
  end
  local first, last
  set.metadata, first, last = preamble.read(lines, from, lines.start)
  if first then
    table.insert(set.notes, first == last and ("line %d: read as metadata"):format(first)
      or ("lines %d to %d: read as metadata"):format(first, last))
  end
  if comments > 0 then table.insert(set.notes, "comment lines left out: " .. comments) end
  if lines.margin > 0 then table.insert(set.notes, "empty columns at the start left out: " .. lines.margin) end
  if lines.empty > 0 then table.insert(set.notes, "empty rows left out: " .. lines.empty) end
  if not lines.ends then table.insert(set.notes, "no line break follows the last line; the file may be cut") end
  set.skipped = set.skipped + comments + lines.empty
end

-- Reads the table of a text.
local function read_text(text, options)
  local lines, err = document.of(text, options)
  if not lines then return nil, err end
  local set, from = read_below(lines, options)
  if not set then return nil, from end
  note(set, lines, from)
  return set
end

--- Reads spectra.
-- @param text string in UTF-8 with line breaks "\n"
-- @param options of mb.spectra.read
-- @return set: x (N, L), axis, labels, columns (their names in order), names (of the N, or nil), notes, skipped (lines
--   left out), metadata, and what the names of columns say: axis_text, unit_cells, affix; blocks instead of x and axis
--   if spectra have axes of their own; or nil and a message
local function read(text, options)
  local set, why = read_text(text, options)
  local joined = not set and text:find('"', 1, true) and document.without_breaks(text)
  if joined then
    text = joined
    set, why = read_text(text, options)
  end
  local below = not set and footer.find(text)
  if below then set, why = read_text(text:sub(1, below - 1), options) end
  if set and below then footer.read(set, text, below) end
  return set, why
end

return read
