--- The rows below a header, or without one.
local core = require "moonbow.core"
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"

local body = {}

local MISSING = {
  [""] = true, ["na"] = true, ["n/a"] = true, ["nan"] = true, ["null"] = true, ["?"] = true, ["-"] = true,
}

local function describe(cells, column, fault, text)
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
  return { message = ("line %d%s%s"):format(lines.numbers[i], join, message), rows = rows + 1 - 1 / (column or 1) }
end

-- Returns the decimals of the number that ends a line.
local function tail(line, decimal)
  return line:match((decimal == "." and "%." or ",") .. "([%deE+-]*)[%s\"]*$")
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

-- Returns an upper bound on the number of rows: a row of n numbers takes at least 2 n bytes.
local function room(lines, first, numbers)
  return math.min(#lines - first + 1, (lines.bytes + 1) // (2 * numbers) + 1)
end

-- Reads the lines that do not start with the comment sign.
local function read_plain(rows, lines, first, try, header_cells)
  for i = first, #lines do
    if not lines.commented[i] then
      local cells, column, fault, text = try(i)
      if not cells then return body.failure(lines, i, describe(header_cells, column, fault, text), #rows, column) end
      rows[#rows + 1], rows.line_of[#rows + 1] = cells, i
    end
  end
end

-- Reads commented lines that are rows. Fails if other rows are not commented: such lines may be data or comments.
local function read_commented(rows, lines, first, try)
  local plain = #rows
  for i = first, #lines do
    local cells = lines.commented[i] and utf8.len(lines[i]) and try(i)
    if cells and plain > 0 then
      return body.failure(lines, i, ("starts with %s, but reads as a spectrum; comment = \"\" reads such lines, "
        .. "comment = %s leaves them out"):format(check.show(lines.sign), check.show(lines.sign)), math.huge)
    elseif cells then
      rows[#rows + 1], rows.line_of[#rows + 1] = cells, i
      rows.commented = rows.commented + 1
    end
  end
end

-- Returns the first number that may be 1.2 or 1200, as { line, column, text }, and true if others are whole; other
-- numbers make the decimal sign certain.
local function find_group(rows, lines, kinds, dialect)
  local found, whole = nil, false
  for _, i in ipairs(rows.line_of) do
    for c, cell in ipairs(core.csv_cells(lines[i], dialect.separator)) do
      if kinds:sub(c, c) == "1" then
        local is_whole = cell:find "^[+-]?%d%d?%d?$"
        if not is_whole and not header.may_be_group(cell, dialect.decimal) then return nil end
        whole = whole or is_whole
        if not is_whole then found = found or { i, c, cell } end
      end
    end
  end
  return found, whole
end

-- Fails if numbers may have a thousands separator: as a decimal sign it would make them a thousand times too small.
local function check_decimal(rows, lines, kinds, dialect)
  local found, whole = find_group(rows, lines, kinds, dialect)
  if not found or not (whole or dialect.separator == dialect.decimal) then return nil end
  return body.failure(lines, found[1], ("column %d: %s may hold a decimal sign or a separator of thousands; give "
    .. "decimal, or write numbers without such separators"):format(found[2], check.show(found[3])), math.huge)
end

--- Reads all rows.
-- @param lines, from document.read; first, the first row; header_cells, for messages; kinds: "1" for each column of
--   numbers, "0" for one of labels; dialect { separator, decimal, decided (true if decimal was given) }
-- @return the label cells of each row, with x (rows, numbers, 1), line_of (each row), commented (number of rows that
--   start with the comment sign); or nil and a failure
function body.read(lines, first, header_cells, kinds, dialect)
  local numbers = select(2, kinds:gsub("1", ""))
  if first > #lines then return nil, { message = "expected spectra below the header, found none", rows = 0 } end
  local x = core.full(0, { room(lines, first, numbers), numbers, 1 })
  local rows = { line_of = {}, commented = 0 }
  local function try(i)
    return core.csv_row(lines[i], dialect.separator, dialect.decimal, kinds, x, #rows + 1)
  end
  local failure = read_plain(rows, lines, first, try, header_cells)
    or not lines.decided and read_commented(rows, lines, first, try)
    or not dialect.decided and check_decimal(rows, lines, kinds, dialect)
  if failure then return nil, failure end
  if #rows == 0 then return nil, { message = "expected spectra below the header, found none", rows = 0 } end
  local may_be_cut = not lines.ends and rows.line_of[#rows] == #lines and kinds:sub(-1) == "1"
  if may_be_cut and is_cut(lines, dialect.decimal) then
    return nil, body.failure(lines, #lines,
      "the last number is shorter than those above, and no line break follows; is the file cut?", #rows)
  end
  rows.x = core.size(x, 1) == #rows and x or core.narrow(x, 1, #rows)
  return rows
end

return body
