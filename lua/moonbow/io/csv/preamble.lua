--- Lines above a table, "key: value", "key=value" or "key","value", and comments of this form.
local core = require "moonbow.core"
local header = require "moonbow.io.csv.header"
local trim = require "moonbow.io.trim"
local names = require "moonbow.io.csv.names"
local units = require "moonbow.spectra.units"

local preamble = {}

local MOST_LINES = 2000
local MOST_BYTES = 4096 -- of a line that are looked at
local LONGEST_KEY = 60

-- The frontiers end the digits where no digit follows: else a long word takes a time that grows as its square.
local function is_number(word)
  return word:find "^[+-]?%d[%d.,]*%f[^%d.,][eEdD]?[+-]?%d*$" or word:find "^[+-]?[.,]%d+%f[%D][eEdD]?[+-]?%d*$"
end

-- True if at least two words of a line, and half of them, are numbers.
local function is_row(line)
  if line:find "^%s*%a[^:=\t;,]*[:=]" then return false end -- a key and its value
  local words, numbers = 0, 0
  for word in line:sub(1, MOST_BYTES):gmatch '[^%s;,"]+' do
    words = words + 1
    if is_number(word) then numbers = numbers + 1 end
  end
  if words < 2 and line:find "%d,%d" then return true end
  return numbers >= 2 and 2 * numbers >= words
end

-- The cells of a line between the separators of the table: tabs, semicolons or commas, or else blanks.
local function cells_of(line, separator) return core.csv_cells(line:sub(1, MOST_BYTES), separator) or { line } end

local function separator_of(line)
  for _, separator in ipairs { "\t", ";", "," } do
    if line:find(separator, 1, true) then return separator end
  end
  return " "
end

local function bare(text) return trim.both(text, '%s"') end

local function is_value(word) return is_number(word) or header.stands_for_number(word) end

--- The number of cells of a line between the separators of a row, and their separator.
function preamble.width(line, row)
  local separator = separator_of(row)
  return #cells_of(line, separator), separator
end

--- True if a line holds several numbers, or begins with one or with what stands for it.
function preamble.may_be_row(line) return is_row(line) or is_value(line:match '^[%s"]*([^%s;,"]*)') end

local function is_key(text) return text ~= "" and #text <= LONGEST_KEY and not is_number(text) end

--- Returns key and value of a line; nil if it has not their form.
function preamble.split(line)
  local key, value = line:match "^([^:=]*)[:=](.*)$"
  if not key or key:find "[\t;,]" then key, value = line:match "^([^\t;,]+)[\t;,](.*)$" end
  if not key then return nil end
  key = bare(key)
  if not is_key(key) then return nil end
  return key, bare(trim.right(value, "\t;,%s"))
end

-- True if a line above the table may be metadata: it has a key and a value, or is text; cells of several columns may
-- be labels of spectra, and one that begins with a number a row with a fault.
local function is_metadata(line, separator, width)
  if select(2, line:gsub('"', "")) % 2 == 1 then return false end -- a cell goes on in the next line
  if line:find "^[^:=]+[:=]" and preamble.split(line) then return true end
  if separator == " " then
    return not is_row(line) and not (is_value(line:match "%S*") and #cells_of(line, " ") == width)
  end
  local filled = 0
  for _, cell in ipairs(cells_of(line, separator)) do
    if cell ~= "" then filled = filled + 1 end
  end
  local key = bare(line:match "^[^\t;,]*")
  return filled <= 2 and key ~= "" and not is_value(key)
end

-- True if a line may hold the names of columns: as many as the row below has cells.
local function may_name(line, row, separator)
  local cells, width, filled = cells_of(line, separator), #cells_of(row, separator), 0
  for _, cell in ipairs(cells) do filled = filled + (cell ~= "" and 1 or 0) end
  if line:find "^[^:=(%[]+[:=]" or #cells ~= width or width < 2 then return false end
  local are_names = filled > 2 or cells[1] == "" and filled == width - 1
  return width > 2 and are_names or width == 2 and (names.is_axis(cells[1]) or not is_number(cells[2]))
end

local function is_unit_line(line, above, separator)
  local first, name = cells_of(line, separator)[1], cells_of(above, separator)[1]
  return units.axis(first) and (names.is_axis(name) or name:lower() == "x") and not names.is_axis(bare(first))
    or units.axis(first) and names.is_axis(name) and #cells_of(line, separator) <= #cells_of(above, separator)
end

-- The first line that reads as a row of a table, if the next does, too.
local function find_row(lines)
  local i, count = lines.first, 0
  while i and count < MOST_LINES do
    local below = lines:next(i + 1)
    if is_row(lines[i]) and (not below or is_row(lines[below])) then return i end
    i, count = below, count + 1
  end
end

--- Returns the lines with which the table may begin, the likeliest first; an empty list if nothing stands above it.
function preamble.starts(lines)
  local row = find_row(lines)
  if not row or row == lines.first then return {} end
  local separator, starts, above = separator_of(lines[row]), {}, {}
  local i = lines.first
  while i < row do
    above[#above + 1] = i
    i = lines:next(i + 1)
  end
  local last, second, width = above[#above], above[#above - 1], #cells_of(lines[row], separator)
  if second and is_unit_line(lines[last], lines[second], separator)
    and may_name(lines[second], lines[row], separator) then starts[1] = second end
  if may_name(lines[last], lines[row], separator) then starts[#starts + 1] = last end
  starts[#starts + 1] = row
  local likely = {}
  for _, start in ipairs(starts) do
    local fits = true
    for _, line in ipairs(above) do fits = fits and (line >= start or is_metadata(lines[line], separator, width)) end
    if fits and start > lines.first then likely[#likely + 1] = start end
  end
  return likely
end

local function value_of(text)
  local number = #text < 32 and core.csv_number(text, ".")
  return number or text
end

-- Adds what a line says. Text without a key is kept by its line.
local function add(metadata, line, number)
  local key, value = preamble.split(line)
  if key and value ~= "" then
    metadata[key] = metadata[key] or value_of(value)
  elseif not key and bare(line) ~= "" and not line:find "^%s*%[.*%]%s*$" then
    metadata[("line %d"):format(number)] = bare(line)
  end
end

preamble.add = add

--- Reads the metadata of the lines before `start`, and of the comments up to the first row.
-- @return { [key] = value }, and the numbers of the first and last line above the table, or nil
function preamble.read(lines, from, start)
  local metadata, first, last = {}, nil, nil
  for i = from, math.min(start + lines.first - lines.start - 1, from + MOST_LINES) do
    local line = lines[i]
    if lines:is_commented(i) then
      local comment = line:match "^%s*(.*)$":sub(#lines.sign + 1):gsub("^[#%s]+", "")
      if comment:find "[:=,\t;]" then add(metadata, comment, lines:number(i)) end
    elseif i < start then
      first, last = first or lines:number(i), lines:number(i)
      add(metadata, line, last)
    end
  end
  return metadata, first, last
end

return preamble
