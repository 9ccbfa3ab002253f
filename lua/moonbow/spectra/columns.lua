--- Numbers in the text of instruments, as lists and columns, counted against what a file announces.
local core = require "moonbow.core"
local check = require "moonbow.check"
local numbers = require "moonbow.spectra.numbers"

local columns = {}

local LARGEST = 0x1.fffffep127 -- of float32
local LONGEST = 4096 -- bytes of a text that is kept as metadata

--- Reads the numbers of a text into a list.
-- @param what it is, for messages: "range 2"
-- @param takes_nan true: nan and inf are numbers
function columns.list(source, text, what, takes_nan)
  local list, word = numbers.list(text, nil, takes_nan)
  if not list then source:fail("%s: expected a number, got %s", what, check.show(word)) end
  if #list == 0 then source:fail("%s: expected numbers, got none", what) end
  return list
end

--- Reads rows of `width` numbers. Returns a list for each column. A row that lacks numbers ends the reading.
function columns.read(source, text, width, what, takes_nan)
  local list = columns.list(source, text, what, takes_nan)
  local count = #list // width
  if #list % width ~= 0 then
    if not source.options.partial or count == 0 then
      source:fail("%s: %d numbers, which do not fill rows of %d", what, #list, width)
    end
    source:note("%s: %d numbers, which do not fill rows of %d; the last row is left out", what, #list, width)
  end
  local read = {}
  for c = 1, width do
    local column = {}
    for i = 1, count do column[i] = list[(i - 1) * width + c] end
    read[c] = column
  end
  return table.unpack(read)
end

--- Reads rows of `width` numbers into a tensor (width, rows), in float32.
function columns.tensor(source, text, width, what)
  local values, word = numbers.tensor(text)
  if not values then source:fail("%s: expected a number, got %s", what, check.show(word)) end
  local count = core.size(values, 1)
  if count % width ~= 0 then source:fail("%s: %d numbers, which do not fill rows of %d", what, count, width) end
  return core.transpose(core.reshape(values, count // width, width), 1, 2)
end

--- Reads spectra in columns beside a first one with their axis. Returns the axis and a tensor with a row for each.
function columns.table(source, text, what)
  local width = columns.width(text)
  if width < 2 then source:fail("%s: expected rows of numbers, got one in a row", what) end
  local read = columns.tensor(source, text, width, what)
  local first = {}
  for number in text:gmatch "%f[^\n\0][ \t]*([^%s,;]+)" do first[#first + 1] = number end
  return columns.list(source, table.concat(first, "\n"), what), core.narrow(read, 2, width - 1)
end

--- Ends the reading if fewer points are there than a file announces, notes if more are.
-- @param announced nil if the file does not say
function columns.check_count(source, count, announced, what)
  if not announced or announced == count then return end
  if count < announced then return source:cut(count, ("%.0f"):format(announced), "points of " .. what) end
  source:note("%s: %.0f points are announced, %d are there", what, announced, count)
end

--- Returns a list of values as a tensor. Raises a fault for what is beyond float32.
function columns.values(source, list, what)
  for i, value in ipairs(list) do
    if math.abs(value) > LARGEST then source:fail("%s: value %d is beyond float32", what, i) end
  end
  return core.tensor(list)
end

--- Returns the number of columns in the first line of a text that is not blank.
function columns.width(text)
  local line = text:match "[^\n]*%S[^\n]*" or ""
  return select(2, line:gsub("[^%s,;]+", ""))
end

--- Returns a text without blanks around it, in a time that grows with its length.
function columns.trim(text) return text:find "%S" and text:match "^%s*(.*%S)" or "" end

--- Returns a text from a header for metadata: a number, a text without blanks around it, or nil if it is empty.
function columns.metadata(text)
  text = columns.trim(text)
  if text == "" or #text > LONGEST then return nil end
  local is_number = text:find "^[+-]?%d*%.?%d*[eE]?[+-]?%d*$" and not text:find "^[+-]?0%d"
  return is_number and tonumber(text) or check.printable(text)
end

return columns
