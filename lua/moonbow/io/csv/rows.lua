--- Spectra in rows, below a header with the axis.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"
local body = require "moonbow.io.csv.body"
local names = require "moonbow.io.csv.names"
local orange = require "moonbow.io.csv.orange"
local trim = require "moonbow.io.trim"

local rows = {}

local FEWEST_BARE = 21 -- numbers in a first line of numbers alone that may be a class and values
local MOST_HEADERS = 8 -- at most this many comments are tried as a header, each with all rows

local function is_near(a, b) return math.abs(a - b) <= 1e-6 * math.abs(b) end

-- True if numbers only rise or only fall, within a factor of ten of an axis: they are probably another axis, not a
-- spectrum.
local function is_like_axis(numbers, axis)
  local largest = math.max(math.abs(axis[1]), math.abs(axis[#axis]))
  local own = math.max(math.abs(numbers[1]), math.abs(numbers[#numbers]))
  return header.check_axis(numbers) and own <= 10 * largest and largest <= 10 * own
end

-- True if row r repeats the names of all label columns and has an axis for numbers, or without labels repeats the axis.
local function is_header(head, read, r)
  for i, name in ipairs(head.names) do
    if read.labels[i][r] ~= name then return false end
  end
  local has_names = #head.names > 0
  if not has_names and not (#head.axis > 2 and is_near(core.get(read.x, r, 1), head.axis[1])) then return false end
  local numbers = core.totable(core.reshape(core.row(read.x, r), -1))
  if has_names then return is_like_axis(numbers, head.axis) end
  for i, value in ipairs(head.axis) do
    if not is_near(numbers[i], value) then return false end
  end
  return true
end

local function find_second_header(head, read)
  for r = 1, read.count do
    if is_header(head, read, r) then return r end
  end
end

local function name_labels(head, read)
  local labels = {}
  for c, name in ipairs(head.names) do labels[name] = read.labels[c] end
  return labels
end

local function describe_names(cells)
  local texts = {}
  for _, cell in ipairs(cells) do
    if cell ~= "" then texts[#texts + 1] = check.show(cell) end
  end
  return #texts < 3 and table.concat(texts, ", ") or texts[1] .. " ... " .. texts[#texts]
end

-- Returns a note if all axis values of a header may hold separators of thousands.
local function group_note(head, decimal)
  local affix, first = head.affix or { before = "", after = "" }, nil
  for _, c in ipairs(head.columns) do
    local number = head.cells[c]:sub(#affix.before + 1, -#affix.after - 1)
    if not header.may_be_group(number, decimal) then return nil end
    first = first or number
  end
  return header.group_note(first, decimal)
end

-- Returns what a cell is that stands for a number, if the first holds one: the line is a row of values, not a header.
local function describe_value(cells, dialect, labels)
  for c = 2, core.csv_number(cells[1] or "", dialect.decimal) and #cells or 0 do
    local is_value = not (labels and labels[c]) and header.stands_for_number(cells[c])
    if is_value then return nil, body.describe({}, c, "expected a number", cells[c]), c end
  end
end

-- Reads the axis of a header; or returns nil and a failure that names the cell.
local function read_head(lines, i, cells, dialect, labels)
  local head, err, column = describe_value(cells, dialect, labels)
  if not err then head, err, column = header.read(cells, dialect, labels) end
  if not head then return nil, body.failure(lines, i, err, -1, column) end
  if #head.axis == 0 then
    return nil, body.failure(lines, i, ("expected a header with axis values, but no column's name is a number: %s; "
      .. "lines above the table have to go, or to start with '#'"):format(describe_names(cells)), -1)
  end
  local ok, at, why = header.check_axis(head.axis)
  if ok then return head end
  local hint = #head.names == 0 and " (is the header missing?)" or ""
  if hint ~= "" and #cells >= FEWEST_BARE then
    hint = ' (is the header missing? If the first number of each row is its class: format = "ucr")'
  end
  if header.may_be_group(cells[head.columns[at]], head.decimal) then hint = " (a separator of thousands?)" end
  return nil, body.failure(lines, i, ("column %d: %s%s"):format(head.columns[at], why, hint), -1, head.columns[at])
end

-- True if all cells below the names of labels are numbers.
local function are_numbers(labels, decimal)
  for _, list in ipairs(labels) do
    for _, cell in ipairs(list) do
      if not core.csv_number(cell, decimal) then return false end
    end
  end
  return true
end

-- Returns the failure of a line "400 over" above numbers: x and text in the place of y, no header; or nil.
local function text_failure(lines, i, head, read, dialect)
  local has_label = #head.axis > 1 or head.columns[1] ~= 1 or #head.cells == 1
  if has_label or not are_numbers(read.labels, dialect.decimal) then return nil end
  return body.failure(lines, i, body.describe({}, 2, "expected a number", head.cells[2]), -1, 2)
end

local function read_below(lines, first, head, dialect)
  local read, failure = body.read(lines, first, head.cells, head.kinds, dialect)
  if read then failure = text_failure(lines, first - 1, head, read, dialect) end
  if failure then return nil, failure end
  local again = find_second_header(head, read)
  if again then
    local hint = #head.names == 0 and " (or is the first missing?)" or ""
    local message = "a second header; expected one axis for the whole file" .. hint
    return nil, body.failure(lines, body.line_of_row(read, lines, first, again), message, again)
  end
  local is_doubtful = not (dialect.decided or read.is_certain)
  return { x = read.x, axis = head.axis, labels = name_labels(head, read), columns = head.names,
    commented = read.commented, notes = { is_doubtful and group_note(head, head.decimal) or nil },
    affix = head.affix, skipped = 0,
    first_label = head.kinds:sub(1, 1) == "0" and head.names[1] or nil }
end

local function note_empty(set, surplus)
  if surplus > 0 then table.insert(set.notes, "empty columns at the end left out: " .. surplus) end
  return set
end

-- Adds an empty name for a first column in quotes that is the only one without a name: R's write.table writes row names
-- like this. If instead a row had a cell too many, a number would stand below the first name.
local function add_name(cells, lines, dialect)
  local line, decimal = header.line_below(lines), dialect.decimal
  if dialect.separator == "," or not line:find '^"' then return end
  local below = header.cells(line, dialect.separator)
  if not below or #below ~= #cells + 1 then return end
  if core.csv_number(cells[1], decimal) or not core.csv_number(below[2], decimal) then table.insert(cells, 1, "") end
end

-- True if the line below the names has as many cells as they, between single blanks (of which two have an empty cell
-- between them, and one in front of the names an empty name) and between any blanks.
local function has_empty_cell(cells, lines, dialect)
  local head, line = lines[lines.first], header.line_below(lines)
  if dialect.separator ~= " " or not head:find "^ %S" or head:find "  " or not line:find "^%S.*  " then return false end
  local below = header.cells(line, " ")
  return below and #below == #cells and select(2, head:gsub(" ", "")) == select(2, line:gsub(" ", ""))
end

-- True if the first name is that of the axis beside which names such as "s400" name spectra. It may be a label if the
-- names have the unit of an axis, or an X as R writes it.
local function is_beside_axis(head)
  if not (head.affix and names.is_axis(head.cells[1])) then return false end
  local before, after = trim.right(head.affix.before, "_%s-"), head.affix.after
  local have_unit = before == "X" or names.is_axis(before) or names.is_axis(after)
  return names.beside(head.cells[1]) == "spectra" or not have_unit
end

--- Reads spectra below the first line that is not a comment.
-- @param given true if the line is said to hold the axis
-- @return set, or nil and a failure
function rows.read(lines, dialect, given)
  local cells, surplus, fault = header.first_cells(lines, dialect.separator)
  if not cells then
    return nil, body.failure(lines, lines.first, ("column %d: %s"):format(surplus, fault), -1, surplus)
  end
  if has_empty_cell(cells, lines, dialect) then
    return nil, body.failure(lines, lines.first, "two blanks below may have an empty cell between them; expected "
      .. "another separator", math.huge)
  end
  add_name(cells, lines, dialect)
  local head, failure, set
  local below, kinds = orange.read(lines, cells, dialect.separator)
  head, failure = read_head(lines, lines.first, kinds and kinds.cells or cells, dialect, kinds and kinds.labels)
  if not head then return nil, failure end
  if not given and is_beside_axis(head) then
    return nil, body.failure(lines, lines.first, ("%s names an axis in the first column"):format(check.show(cells[1])),
      -1)
  end
  set, failure = read_below(lines, below, head, dialect)
  if not set then return nil, failure end
  if kinds then
    set.skipped = below - lines.first - 1
    table.insert(set.notes, kinds.note)
  end
  if set.affix then
    table.insert(set.notes, ("line %d: the axis is read from names such as %s"):format(lines:number(lines.first),
      check.show(head.cells[head.columns[1]])))
  end
  return note_empty(set, surplus)
end

-- Reads a commented line as a header of `width` columns. Axis columns must be contiguous, and more than one, since
-- comments hold single numbers ("#Laser= 532", "# by me, 2024"). Returns nil if it is not a header.
local function read_commented_head(lines, i, width, dialect)
  local cells = header.commented_cells(lines, i, dialect.separator)
  if not cells then return nil end
  local has_sign = cells[1] == ""
  if has_sign then cells[1] = lines.sign end
  if #cells == width - 1 then table.insert(cells, 1, lines.sign) end -- a label column without a name
  if #cells ~= width then return nil end
  local head = read_head(lines, i, cells, dialect)
  if not head or head.columns[#head.columns] - head.columns[1] + 1 ~= #head.columns then return nil end
  head.has_sign = has_sign
  return (has_sign or #head.axis > 1) and head or nil
end

-- True if a commented line is certainly a header: it has more numbers than names, or the sign alone for a name.
local function is_header_alone(head)
  return head.has_sign or #head.axis > 1 and #head.axis > #head.names
end

-- True if a name stands over a column of text.
local function is_header_of(head, set, decimal)
  for _, name in ipairs(head.names) do
    for _, cell in ipairs(set.labels[name]) do
      if not core.csv_number(cell, decimal) then return true end
    end
  end
  return false
end

--- Reads spectra below a header that is commented out, as NumPy's savetxt writes it.
-- @return set; or nil and a failure if lines can be read as comments and as rows, which is a doubt (is_doubt) if the
--   header itself may be a comment
function rows.read_commented(lines, dialect)
  if lines.decided or lines.first == lines.start then return nil end
  local cells = header.cells(lines[lines.first], dialect.separator)
  local set, tried = nil, 0
  for i = lines.start, cells and lines.first - 1 or 0 do
    local head = tried < MOST_HEADERS and read_commented_head(lines, i, #cells, dialect)
    tried = tried + (head and 1 or 0)
    local found, failure
    if head then found, failure = read_below(lines, i + 1, head, dialect) end
    if failure and failure.rows == math.huge then
      failure.is_doubt = not is_header_alone(head)
      return nil, failure
    end
    if found and not (is_header_alone(head) or is_header_of(head, found, dialect.decimal)) then found = nil end
    if found and set then
      return nil, body.failure(lines, i, "a second line that could be the header, commented out", math.huge)
    elseif found then
      set = found
      set.header = i
      table.insert(set.notes, ("line %d: taken as the header, though it starts with %s"):format(lines:number(i),
        check.show(lines.sign)))
    end
  end
  return set
end

return rows
