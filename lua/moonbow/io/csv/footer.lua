--- Text below a table: comments and logs of instruments, as JASCO and Agilent write them.
local core = require "moonbow.core"
local preamble = require "moonbow.io.csv.preamble"

local footer = {}

local MOST_BYTES = 1 << 16

-- Returns the lines at the end of a text: { text, the place of their first byte }.
local function last_lines(text)
  local from = #text - MOST_BYTES
  from = from > 0 and text:find("\n", from, true) or 0
  local lines = {}
  for at, line in text:sub(from + 1):gmatch "()([^\n]*)\n?" do lines[#lines + 1] = { line, from + at } end
  return lines
end

local function is_blank(line) return not line:find "[^%s,;]" end

-- True if a line of text has a cell for each of several columns, as the row has: it may be a row with a fault.
local function may_be_row(line, row)
  local width, separator = preamble.width(row, row)
  return separator ~= " " and width > 2 and preamble.width(line, row) == width
end

--- Finds the text below the last row of numbers: behind a blank line, or from a line such as "[Comments]" on. No line
-- of it begins with a number.
-- @return the place of its first byte; nil if there is none
function footer.find(text)
  local lines = last_lines(text)
  local last = #lines
  while last > 0 and not preamble.may_be_row(lines[last][1]) do last = last - 1 end
  local first = lines[last + 1]
  if last == 0 or not first or not (is_blank(first[1]) or first[1]:find "^%s*[%[#]") then return nil end
  local has_text = false
  for i = last + 1, #lines do
    local line = lines[i][1]
    if not is_blank(line) and may_be_row(line, lines[last][1]) then return nil end
    has_text = has_text or not is_blank(line)
  end
  return has_text and first[2] or nil
end

--- Adds what the text from a place on says to the metadata of a set, with a note.
function footer.read(set, text, place)
  local number, first, last = core.count_lines(text, 1, place - 1), nil, nil
  for line in text:sub(place):gmatch "([^\n]*)\n?" do
    number = number + 1
    local bare = line:gsub("^%s*#[#%s]*", "")
    if not is_blank(bare) then
      first, last = first or number, number
      if bare == line or bare:find "[:=,\t;]" then preamble.add(set.metadata, bare, number) end
    end
  end
  table.insert(set.notes, ("lines %d to %d, below the table: read as metadata"):format(first, last))
end

return footer
