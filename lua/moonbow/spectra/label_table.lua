--- Tables of labels, from text files, workbooks or Lua: { name, columns = list of names,
-- cells = { [column] = list }, notes }.
local core = require "moonbow.core"
local check = require "moonbow.check"
local document = require "moonbow.io.csv.document"
local Source = require "moonbow.spectra.source"
local fields = require "moonbow.spectra.fields"
local trim = require "moonbow.io.trim"
local workbook = require "moonbow.spectra.workbook"
local worksheet = require "moonbow.spectra.worksheet"

local label_table = {}

-- Lists of cells, one for each line that is not blank; a line that starts with # is a comment unless it has as many
-- cells as the header. If lines have different numbers of cells, or fewer than least: nil, the fault, and how many rows
-- come before.
local function split(lines, separator, least)
  local rows, comments = {}, 0
  local width = #(core.csv_cells(lines[lines.header], separator) or {})
  for i, line in ipairs(lines) do
    local cells, column, what = core.csv_cells(line, separator)
    if line:find "^#" and not (cells and #cells == width) then
      comments = comments + 1
    elseif not cells then
      return nil, ("line %d, column %d: %s"):format(lines.numbers[i], column, what), #rows
    elseif #cells < least or #cells ~= width then
      return nil, ("line %d has %s, the header %s"):format(lines.numbers[i], check.show_count(#cells, "cell"),
        check.show_count(width, "cell")), #rows
    else
      rows[#rows + 1] = cells
    end
  end
  return rows, comments
end

local function lines_of(text)
  local lines, numbers, number = {}, {}, 0
  for line in (text:gsub("\n$", "") .. "\n"):gmatch "([^\n]*)\n" do
    number = number + 1
    if line:find "[^%s,;]" then lines[#lines + 1], numbers[#numbers + 1] = line, number end
  end
  lines.numbers = numbers
  lines.separator = lines[1] and document.separator_in(lines[1])
  if lines.separator then
    table.remove(lines, 1)
    table.remove(numbers, 1)
  end
  lines.header = 1 -- the first line that is no comment, if there is one
  for i = #lines, 1, -1 do
    if not lines[i]:find "^#" then lines.header = i end
  end
  return lines
end

local separators = { "\t", ";", "," }

-- The text of a file, or of the first sheet of a workbook that is not empty.
local function text_of(source)
  if not workbook.is(source) then
    local text = source:as_text()
    source:note_encoding()
    return text
  end
  local sheets, book = workbook.open(source)
  for _, sheet in ipairs(sheets) do
    local text, filled = worksheet.text(source, book, sheet)
    if filled > 0 then return text end
  end
  source:fail("its sheets are empty")
end

local NO_ROWS = "expected a header and at least one row of labels"

local function note_comments(source, lines, rows, comments)
  if comments > 0 then source:note("comment lines left out: %d", comments) end
  if rows[1][1]:find "^#" then
    source:note("line %d: taken as the header, though it starts with '#'", lines.numbers[1])
  end
end

-- Returns the rows of one cell, and the number of comments, if no line has a separator; else nil.
local function single_cells(lines)
  local rows, comments
  for _, separator in ipairs(separators) do
    rows, comments = split(lines, separator, 1)
    if not rows or #rows[1] > 1 then return nil end
  end
  return rows, comments
end

-- The separator is the one that divides all lines into the same number of cells; else the fault is that of the one that
-- comes furthest.
-- @param may_be_single true: without a separator, there is one column
local function rows_of(source, text, may_be_single)
  local lines, furthest, fault = lines_of(text), 0, "expected columns with tabs, semicolons or commas"
  if #lines < 2 then source:fail(NO_ROWS) end
  for _, separator in ipairs(lines.separator and { lines.separator } or separators) do
    local rows, why, before = split(lines, separator, 2)
    if rows and #rows < 2 then source:fail(NO_ROWS) end
    if rows then
      note_comments(source, lines, rows, why)
      return rows
    end
    if before > furthest then furthest, fault = before, why end
  end
  local joined = document.without_breaks(text)
  if joined then return rows_of(source, joined, may_be_single) end
  local rows, comments = single_cells(lines)
  if rows and may_be_single then
    note_comments(source, lines, rows, comments)
    return rows
  end
  source:fail("%s", fault)
end

local function read_file(source, may_be_single)
  local rows = rows_of(source, text_of(source), may_be_single)
  local read = { name = source.path, columns = {}, cells = {}, notes = source.notes }
  for c, name in ipairs(rows[1]) do
    name = trim.both(name)
    if name == "" then name = "column " .. c end
    if read.cells[name] then source:fail("two columns are called %s", check.show(name)) end
    local list = {}
    for i = 2, #rows do list[i - 1] = trim.both(rows[i][c]) end
    read.columns[c], read.cells[name] = name, list
  end
  return read
end

local function of_rows(operation, rows)
  local columns = {}
  for i, row in ipairs(check.list(operation, "table", rows)) do
    check.kind(operation, ("table[%d]"):format(i), row, "table")
    for name, value in pairs(row) do
      check.kind(operation, ("table[%d]: a name of a column"):format(i), name, "string")
      columns[name] = columns[name] or {}
      columns[name][i] = value
    end
  end
  for _, list in pairs(columns) do
    for i = 1, #rows do list[i] = list[i] or "" end
  end
  return columns
end

local function of_lua(operation, given)
  local columns = given[1] and of_rows(operation, given) or given
  local read, count = { name = "the table", columns = {}, cells = {}, notes = {} }, nil
  for name, list in pairs(columns) do
    check.kind(operation, "table: a name of a column", name, "string")
    check.kind(operation, "table." .. name, list, "table|tensor")
    table.insert(read.columns, name)
  end
  table.sort(read.columns)
  for _, name in ipairs(read.columns) do
    count = count or #columns[name]
    read.cells[name] = fields.cells(operation, "table." .. name, columns[name], count, "row")
  end
  if not count or count == 0 then check.fail(operation, "table: expected rows of labels, got none") end
  return read
end

--- Reads a table: the path of a text file or workbook with a header, or in Lua columns { mineral = { ... } } or rows
-- { { file = "a.txt", mineral = "calcite" }, ... }. Returns nil and a message if the file is not one.
-- @param may_be_single true: a file of one column is a table
function label_table.read(operation, given, may_be_single)
  if type(given) ~= "string" then return of_lua(operation, given) end
  local source, err = Source.open(given)
  if not source then return nil, err end
  local read, why = Source.try(read_file, source, may_be_single)
  if not read then return nil, ("%s: %s"):format(check.printable(given), why) end
  return read
end

return label_table
