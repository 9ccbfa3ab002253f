--- The rows below a header, or without one.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"

local body = {}

local MOST_LABELS = 10000 -- columns
local SAMPLE = 16 -- rows
local TAIL = 64 -- bytes at the end of a line that hold its last number

local MISSING = {
  [""] = true, ["na"] = true, ["n/a"] = true, ["nan"] = true, ["null"] = true, ["?"] = true, ["-"] = true,
}

--- Describes the fault of a cell.
-- @param cells those of the header
function body.describe(cells, column, fault, text)
  if fault == "fewer cells" then return ("expected %d cells as in the header, got %d"):format(#cells, column) end
  if fault == "more cells" then return ("expected %d cells as in the header, got more"):format(#cells) end
  local name = cells[column] and (" (%s)"):format(check.printable(cells[column])) or ""
  if fault == "expected a number" then
    fault = MISSING[text:lower()] and "the value is missing" or "expected a number, got " .. check.show(text)
  elseif fault == "the number is too large" then
    fault = "the number is too large for single precision: " .. check.show(text)
  end
  return ("column %d%s: %s"):format(column, name, fault)
end

--- A failure: the line in the file, the reason, and how far reading came, for comparisons: the number of rows before
-- the line (-1 in the header), plus a fraction that grows with the column.
function body.failure(lines, i, message, rows, column)
  local join = message:find "^column" and ", " or ": "
  return { message = ("line %d%s%s"):format(lines:number(i), join, message), rows = rows + 1 - 1 / (column or 1) }
end

--- Returns the line of row r of the rows that begin with the line first.
function body.line_of(lines, first, r)
  if not lines:next(first, true) then return first + r - 1 end
  local i = first - 1
  for _ = 1, r do i = lines:next(i + 1) end
  return i
end

-- Returns the decimals of the number that ends a line.
local function tail(line, decimal)
  return line:sub(-TAIL):match((decimal == "." and "%." or ",") .. "([%deE+-]*)[%s\"]*$")
end

-- True if the last line has no line break and its last number is shorter than those above, which have equal lengths.
local function is_cut(lines, decimal)
  local last, length = tail(lines[#lines], decimal), nil
  for i = math.max(#lines - 20, lines.first + 1), #lines - 1 do
    local other = tail(lines[i], decimal)
    length = length or other and #other
    if not other or #other ~= length then return false end
  end
  return #lines - lines.first >= 4 and length and #(last or "") < length
end

-- Reads the lines that do not start with the comment sign: x, axes and labels of rows, which hold nothing if there are
-- none; or returns nil and a failure.
local function read_plain(lines, first, header_cells, kinds, dialect)
  local x, a, b, c, d, strict = core.csv_table(lines.handle, first, dialect.separator, dialect.decimal, kinds,
    #lines)
  if not x and a then
    local row = d
    return nil, body.failure(lines, body.line_of(lines, first, row), body.describe(header_cells, a, b, c), row - 1, a)
  elseif not x then
    return { count = 0, axes = {}, labels = {} }
  end
  return { x = x, axes = a, is_certain = b, has_whole = c, has_group = d, is_strict = strict, count = core.size(x, 1),
    labels = core.csv_labels(lines.handle, first, dialect.separator, kinds) }
end

--- The first axis of the rows at the start: a cheap look before all are read; nil if one of them cannot be read.
function body.first_axis(lines, first, kinds, dialect)
  local x, axes = core.csv_table(lines.handle, first, dialect.separator, dialect.decimal, kinds,
    math.min(SAMPLE, #lines))
  if not x then return nil end
  core.close(x)
  return axes[1]
end

local function add_row(rows, x, cells, kinds)
  rows.list = rows.list or {}
  rows.count, rows.commented = rows.count + 1, rows.commented + 1
  rows.list[rows.count] = x
  local label = 0
  for c = 1, #kinds do
    if kinds:sub(c, c) == "0" then
      label = label + 1
      rows.labels[label] = rows.labels[label] or {}
      rows.labels[label][rows.count] = cells[c]
    end
  end
end

-- Reads commented lines that are rows. Fails if other rows are not commented: such lines may be data or comments.
local function read_commented(rows, lines, first, kinds, dialect)
  local plain, numbers = rows.count, select(2, kinds:gsub("1", ""))
  local i, x = lines:next(first, true), nil
  while i do
    local line = lines[i]
    x = x or core.full(0, { 1, numbers })
    local fits = core.csv_row(line, dialect.separator, dialect.decimal, kinds, x, 1)
    if fits and plain > 0 then
      return body.failure(lines, i, ("starts with %s, but reads as a spectrum; comment = \"\" reads such lines, "
        .. "comment = %s leaves them out"):format(check.show(lines.sign), check.show(lines.sign)), math.huge)
    elseif fits then
      add_row(rows, x, core.csv_cells(line, dialect.separator), kinds)
      rows.line_of[rows.count], x = i, nil
    end
    i = lines:next(i + 1, true)
  end
  if rows.list then rows.x = core.concat(rows.list, 1) end
end

-- Returns the first number that may be 1.2 or 1200: line, column and text.
local function find_group(lines, first, kinds, dialect)
  local i = lines:next(first)
  while i do
    for c, cell in ipairs(core.csv_cells(lines[i], dialect.separator)) do
      if kinds:sub(c, c) == "1" and header.may_be_group(cell, dialect.decimal) then return i, c, cell end
    end
    i = lines:next(i + 1)
  end
end

--- The failure of a number that may have a separator of thousands.
function body.doubt(lines, i, c, cell)
  return body.failure(lines, i, ("column %d: %s may hold a decimal sign or a separator of thousands; give "
    .. "decimal, or write numbers without such separators"):format(c, check.show(cell)), math.huge)
end

-- Fails if numbers may have a thousands separator: as a decimal sign it would make them a thousand times too small.
local function check_decimal(rows, lines, first, kinds, dialect)
  local is_doubtful = rows.has_group and not rows.is_certain
  if not is_doubtful or not (rows.has_whole or dialect.separator == dialect.decimal) then return nil end
  return body.doubt(lines, find_group(lines, first, kinds, dialect))
end

-- Returns the first cell of the axes, with its line and column, if all of their cells may hold separators of thousands.
local function find_axis_of_groups(lines, first, kinds, dialect)
  local i, line, column, found = lines:next(first), nil, nil, nil
  while i do
    for c, cell in ipairs(core.csv_cells(lines[i], dialect.separator)) do
      if kinds:sub(c, c) == "x" then
        if not header.may_be_group(cell, dialect.decimal) then return nil end
        if not found then line, column, found = i, c, cell end
      end
    end
    i = lines:next(i + 1)
  end
  return found, line, column
end

-- Fails as check_decimal does if the axes consist of such numbers and commas also separate cells; else notes it.
local function check_axes(rows, lines, first, kinds, dialect)
  local cell, i, c
  if not rows.is_certain and kinds:find "x" then cell, i, c = find_axis_of_groups(lines, first, kinds, dialect) end
  if not cell then return nil end
  if dialect.separator == dialect.decimal then return body.doubt(lines, i, c, cell) end
  rows.axis_note = header.group_note(cell, dialect.decimal)
end

--- Reads all rows.
-- @param lines, from document.of; first, the first row; header_cells, for messages; kinds: for each column "1"
--   (number), "x" (number in double precision) or "0" (label); dialect { separator, decimal, decided (true if decimal
--   was given) }
-- @return x (rows, numbers), axes (a list for each "x"), axis_note (a text, or nil), labels (a list for each "0"),
--   count, commented (number of rows that start with the comment sign), is_certain (true if a value makes the decimal
--   sign certain); or nil and a failure
function body.read(lines, first, header_cells, kinds, dialect)
  if select(2, kinds:gsub("0", "")) > MOST_LABELS then
    return nil, body.failure(lines, lines.first, ("expected at most %d columns of labels"):format(MOST_LABELS), -1)
  end
  local none = { message = "expected spectra below the header, found none", rows = 0 }
  if first > #lines then return nil, none end
  local rows, failure = read_plain(lines, first, header_cells, kinds, dialect)
  if not rows then return nil, failure end
  rows.commented, rows.line_of = 0, {}
  failure = not lines.decided and read_commented(rows, lines, first, kinds, dialect)
    or not dialect.decided and (check_decimal(rows, lines, first, kinds, dialect)
      or check_axes(rows, lines, first, kinds, dialect))
  if failure then return nil, failure end
  if rows.count == 0 then return nil, none end
  local may_be_cut = not lines.ends and not lines:is_commented(#lines) and kinds:sub(-1) == "1"
  if may_be_cut and is_cut(lines, dialect.decimal) then
    return nil, body.failure(lines, #lines,
      "the last number is shorter than those above, and no line break follows; is the file cut?", rows.count)
  end
  return rows
end

--- Returns numbers in rows (points, spectra) as (spectra, points), in their place.
function body.transposed(x)
  if core.size(x, 2) == 1 then return core.reshape(x, 1, -1) end
  local y = core.transpose(x, 1, 2)
  core.close(x)
  return y
end

--- Returns the line of row r that was read.
function body.line_of_row(rows, lines, first, r)
  return rows.line_of[r] or body.line_of(lines, first, r)
end

return body
