--- A worksheet of a workbook as text: a line for each row, tabs between cells.
local limits = require "moonbow.io.limits"
local archive = require "moonbow.spectra.archive"
local workbook = require "moonbow.spectra.workbook"
local xml = require "moonbow.spectra.xml"

local worksheet = {}

local SHORTEST = 16 -- longer numbers, as 1.1000000000000001, may be those of fewer digits
local MOST_ROWS, MOST_COLUMNS = 1048576, 16384
local SPARE, SPARSENESS = 1 << 20, 8 -- empty cells that a sheet may have in any case, and for each that is filled

-- The number of a column by its letters, "GT"; false if there is no such column.
local columns = setmetatable({}, { __index = function(columns, letters)
  local column = 0
  for i = 1, math.min(#letters, 4) do column = column * 26 + letters:byte(i) - 64 end
  if column > MOST_COLUMNS then return false end
  columns[letters] = column
  return column
end })

-- Returns the column and the row of a reference such as "GT72"; nil if it is none.
local function parse(reference)
  local letters, digits = (reference or ""):match "^(%u+)(%d+)$"
  local row = digits and math.tointeger(tonumber(digits))
  if row and row >= 1 and row <= MOST_ROWS and columns[letters] then return columns[letters], row end
end

local function fail(grid, format, ...)
  grid.source:fail("%s: row %d, column %d: " .. format, grid.name, grid.last, grid.column, ...)
end

local function number_of(grid, cell)
  local number = tonumber(cell.value) or fail(grid, "expected a number, got %s", cell.value)
  local style = tonumber(cell.style)
  local date = grid.book.dates[style] and workbook.date(number, grid.book.since_1904)
  if date then return date end
  if grid.book.percents[style] then grid.percents = grid.percents + 1 end
  local short = #cell.value > SHORTEST and ("%.15g"):format(number)
  return short and tonumber(short) == number and short or cell.value
end

-- Returns the value of the cell by its type: a number as it is written, or text and true.
local function value_of(grid)
  local cell, value = grid.cell, grid.cell.value or ""
  if cell.kind == "inlineStr" then return table.concat(cell.parts or {}), true end
  if value == "" then
    if not cell.formula or cell.kind == "str" then return "" end
    fail(grid, "a formula without its value; open the workbook in a spreadsheet program and save it")
  end
  if cell.kind == "s" then
    return grid.book.strings[(tonumber(value) or -1) + 1] or fail(grid, "there is no text %s", value), true
  end
  if cell.kind == "b" then return value == "1" and "TRUE" or "FALSE", true end
  if cell.kind == nil or cell.kind == "n" then return number_of(grid, cell) end
  return value, true
end

-- A cell as the reader of tables takes it.
local function quoted(value)
  value = value:gsub("[%c]", " ")
  return value:find('"', 1, true) and '"' .. value:gsub('"', '""') .. '"' or value
end

-- Puts a value into a cell. Cells share texts, so that a small file could fill the memory with copies of a long one.
local function put(grid, row, column, value)
  row[column], row.width = value, math.max(row.width, column)
  grid.bytes = grid.bytes + #value
  if grid.bytes > limits.unpacked then
    grid.source:fail("%s: its cells have more than limits.unpacked = %d bytes", grid.name, limits.unpacked)
  end
end

-- What the start of an element does to the grid { rows, last (number of row), filled (cells), percents (of them),
-- bytes, merged (ranges), row, column, cell }, the last three being those that are read.
local begins = {}

function begins.row(grid, attributes)
  local number = attributes.r and math.tointeger(tonumber(attributes.r)) or grid.last + 1
  if number <= grid.last or number > MOST_ROWS then
    grid.source:fail("%s: row %s is out of order", grid.name, attributes.r or number)
  end
  grid.last, grid.row, grid.column = number, { width = 0, text = {} }, 0
  grid.rows[number] = grid.row
end

function begins.c(grid, attributes)
  local reference = attributes.r
  local column = reference and columns[reference:match "^%u*"] or not reference and grid.column + 1
  if not grid.row or not column or column <= grid.column or column > MOST_COLUMNS then
    grid.source:fail("%s: cell %s is out of order", grid.name, reference or "without a place")
  end
  grid.column = column
  local cell = grid.spare -- one table for all cells, which come one after another
  cell.kind, cell.style, cell.value, cell.parts = attributes.t, attributes.s, nil, nil
  cell.formula, cell.phonetic = nil, nil
  grid.cell = cell
end

function begins.f(grid) if grid.cell then grid.cell.formula = true end end

function begins.rPh(grid) if grid.cell then grid.cell.phonetic = true end end

function begins.mergeCell(grid, attributes) table.insert(grid.merged, attributes.ref or "") end

-- What the end of an element does.
local ends = {}

function ends.c(grid)
  if not grid.cell then return end
  local value, is_text = value_of(grid)
  local row, column = grid.row, grid.column
  if value ~= "" then
    put(grid, row, column, is_text and quoted(value) or value)
    row.text[column] = is_text
    grid.filled = grid.filled + 1
  end
  grid.cell = nil
end

function ends.v(grid, text) if grid.cell then grid.cell.value = text end end

function ends.t(grid, text)
  local cell = grid.cell
  if not cell or cell.phonetic then return end
  cell.parts = cell.parts or {}
  table.insert(cell.parts, text)
end

function ends.rPh(grid) if grid.cell then grid.cell.phonetic = nil end end

local function read_grid(source, book, sheet)
  local content = archive.pieces(source, sheet.part) or source:fail("%s is missing", sheet.part)
  local grid = { source = source, book = book, name = "sheet " .. sheet.name, rows = {}, last = 0, filled = 0,
    bytes = 0, percents = 0, merged = {}, visited = 0, column = 0, spare = {} }
  xml.events(source, content, sheet.part, function(element, attributes)
    if begins[element] then begins[element](grid, attributes) end
  end, function(element, text)
    if ends[element] then ends[element](grid, text) end
  end)
  return grid
end

-- Fills the rows of a merged range with its text: a label that counts for all of them. A title over columns stays one
-- cell, and so do numbers.
local function fill_merged(grid, reference)
  local from, to = reference:match "^(%w+):(%w+)$"
  local column, top = parse(from)
  local right, bottom = parse(to)
  if not (column and right and column <= right and top <= bottom) then
    grid.source:fail("%s: merged cells %s are not a range", grid.name, reference)
  end
  local first = grid.rows[top]
  local value = first and first.text[column] and first[column]
  if not value then return end
  grid.visited = grid.visited + math.min(bottom, grid.last) - top
  if grid.visited > SPARE + SPARSENESS * grid.filled then grid.source:fail("%s: too many merged cells", grid.name) end
  for r = top + 1, math.min(bottom, grid.last) do
    local row = grid.rows[r]
    if row and row[column] then grid.source:fail("%s: merged cells %s overlap", grid.name, reference) end
    if row then put(grid, row, column, value) end
  end
end

-- Returns the width of the sheet, which a small file can make gigantic with a few cells.
local function width_of(grid)
  local width = 1
  for _, row in pairs(grid.rows) do width = math.max(width, row.width) end
  if grid.last * width > SPARE + SPARSENESS * grid.filled then
    grid.source:fail("%s: %d cells, of which %d are filled", grid.name, grid.last * width, grid.filled)
  end
  return width
end

-- Returns the lines of all rows from the first on, empty ones too, so that line 3 is row 3. All have the same width.
local function lines_of(grid, width)
  local lines = {}
  for r = 1, grid.last do
    local row, cells = grid.rows[r], {}
    for c = 1, row and row.width > 0 and width or 0 do cells[c] = row[c] or "" end
    lines[r] = table.concat(cells, "\t")
  end
  lines[#lines + 1] = ""
  return table.concat(lines, "\n")
end

--- Reads a sheet. Dates become text, "2024-05-31", "12:30"; the text of merged cells is that of each of them.
-- @param book { strings, dates, percents, since_1904 } of the workbook
-- @param sheet { name, part }
-- @return the text, and the numbers of cells that are not empty and of those that show percents
function worksheet.text(source, book, sheet)
  local grid = read_grid(source, book, sheet)
  local width = width_of(grid)
  for _, reference in ipairs(grid.merged) do fill_merged(grid, reference) end
  return lines_of(grid, width), grid.filled, grid.percents
end

return worksheet
