--- Numbers in the text of instruments, as columns, counted against what a file announces.
local core = require "moonbow.core"
local check = require "moonbow.check"
local trim = require "moonbow.io.trim"
local numbers = require "moonbow.spectra.numbers"

local columns = {}

local LONGEST = 4096 -- bytes of a text that is kept as metadata

--- Names a part of a text to be read, without a copy of it.
-- @param first, last bytes; nil for the ends of the text
-- @param marks letters for what stands beside numbers (numbers.columns)
function columns.part(text, first, last, marks) return { text = text, first = first, last = last, marks = marks } end

-- Returns the columns of a part (numbers.columns) that are kept, in the places of all, and the count of all numbers.
local function fill(source, part, kept, what)
  local read = {}
  for c, is_kept in ipairs(kept) do read[c] = is_kept and core.column() end
  local count, word = numbers.columns(part, read)
  if not count then source:fail("%s: expected a number, got %s", what, check.show(word)) end
  return read, count
end

--- Reads the numbers of a part of a text into a column.
-- @param what it is, for messages: "range 2"
function columns.list(source, part, what)
  local read, count = fill(source, part, { true }, what)
  if count == 0 then source:fail("%s: expected numbers, got none", what) end
  return read[1]
end

--- Reads rows of numbers. Returns a list of the columns that are kept. A row that lacks numbers ends the reading.
-- @param kept list of true, or false for columns to be left out
function columns.rows(source, part, kept, what)
  local read, numbers_read = fill(source, part, kept, what)
  local width = #kept
  local count = numbers_read // width
  if numbers_read == 0 then source:fail("%s: expected numbers, got none", what) end
  if numbers_read % width ~= 0 then
    if not source.options.partial or count == 0 then
      source:fail("%s: %d numbers, which do not fill rows of %d", what, numbers_read, width)
    end
    source:note("%s: %d numbers, which do not fill rows of %d; the last row is left out", what, numbers_read, width)
  end
  for _, column in ipairs(read) do
    if column then core.column_keep(column, 1, count) end
  end
  return read
end

local function all(width)
  local kept = {}
  for c = 1, width do kept[c] = true end
  return kept
end

--- Reads rows of `width` numbers. Returns a column for each.
function columns.read(source, part, width, what)
  return table.unpack(columns.rows(source, part, all(width), what))
end

--- Reads rows of numbers as columns.rows does; all must be whole, and fit into float32.
function columns.whole_rows(source, part, kept, what)
  local read, count = fill(source, columns.part(part.text, part.first, part.last, "t"), kept, what)
  if count == 0 then source:fail("%s: expected a number, got %s", what, check.show "nothing") end
  if count % #kept ~= 0 then source:fail("%s: %d numbers, which do not fill rows of %d", what, count, #kept) end
  return read
end

-- Returns the count of the lines that hold a word: a row that is broken into two would shift an axis.
local function count_lines(part)
  local count, at = 0, part.text:find("[^%s,;]", part.first)
  while at do
    count = count + 1
    local line_end = part.text:find("\n", at, true)
    at = line_end and part.text:find("[^%s,;]", line_end)
  end
  return count
end

--- Reads spectra in columns beside a first one with their axis. Returns the axis and a tensor with a row for each.
function columns.table(source, part, what)
  local width = columns.width(part)
  if width < 2 then source:fail("%s: expected rows of numbers, got one in a row", what) end
  local read = columns.whole_rows(source, part, all(width), what)
  local lines = count_lines(part)
  if lines ~= #read[1] then source:fail("%d values for an axis of %d points", #read[1], lines) end
  return read[1], core.columns_tensor(table.move(read, 2, width, 1, {}))
end

--- Ends the reading if fewer points are there than a file announces, notes if more are.
-- @param announced nil if the file does not say
function columns.check_count(source, count, announced, what)
  if not announced or announced == count then return end
  if count < announced then return source:cut(count, ("%.0f"):format(announced), "points of " .. what) end
  source:note("%s: %.0f points are announced, %d are there", what, announced, count)
end

--- Returns a column or a list of values as a tensor; the column is empty then. Raises a fault for what is beyond
-- float32.
function columns.values(source, list, what)
  local column = list
  if type(list) == "table" then
    column = core.column()
    for i, value in ipairs(list) do column[i] = value end
  end
  if #column == 0 then source:fail("%s: expected numbers, got none", what) end
  local beyond = core.column_beyond(column)
  if beyond then source:fail("%s: value %d is beyond float32", what, beyond) end
  return core.column_tensor(column)
end

--- Returns the number of columns in the first line of a part that is not blank.
function columns.width(part)
  local text, last = part.text, part.last or #part.text
  local at, count = text:find("%S", part.first or 1), 0
  local stop = at and math.min(last, (text:find("\n", at, true) or last + 1) - 1)
  while at and at <= stop do
    local first, behind = text:match("()[^%s,;]+()", at)
    if not first or first > stop then break end
    count, at = count + 1, behind
  end
  return count
end

--- Returns a text without blanks around it, in a time that grows with its length.
function columns.trim(text) return trim.both(text) end

--- Returns a text from a header for metadata: a number, a text without blanks around it, or nil if it is empty.
function columns.metadata(text)
  text = columns.trim(text)
  if text == "" or #text > LONGEST then return nil end
  local is_number = text:find "^[%d.eE+-]+$" and not text:find "^[+-]?0%d"
  return is_number and tonumber(text) or check.printable(text)
end

return columns
