--- Numbers in a column of labels, with decimal points or decimal commas. "1.012" is 1.012 or 1012: the other cells of
-- the column tell, also those that are not in a part of it.
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"
local trim = require "moonbow.io.trim"

local label_numbers = {}

local columns = setmetatable({}, { __mode = "k" }) -- { [cells] = the column of which they are a part }

--- Notes that cells are a part of a column. Returns the cells.
function label_numbers.part(cells, column)
  columns[cells] = columns[column] or column
  return cells
end

--- Notes that cells were made from numbers: their points are decimal signs.
function label_numbers.are_plain(cells) columns[cells] = {} end

-- The number in a cell, with a decimal point or a decimal comma.
local function number_in(cell)
  local text = cell:gsub(",", ".")
  local value = not text:find "[xXnN]" and tonumber(text)
  return value and math.abs(value) < math.huge and value
end

-- Returns the first cells with three digits behind each sign and with others, the first of up to three digits, and
-- whether any has more.
local function signs_in(column)
  local groups, decimals, whole, is_long = {}, {}, nil, false
  for _, cell in ipairs(column) do
    cell = trim.both(cell)
    local sign, digits = cell:match "[.,]", cell:match "^[+-]?(%d+)$"
    if sign and header.may_be_group(cell, sign) then
      groups[sign] = groups[sign] or cell
    elseif sign and number_in(cell) then
      decimals[sign] = decimals[sign] or cell
    elseif digits and tonumber(digits) > 0 then
      is_long = is_long or #digits > 3
      whole = whole or cell
    end
  end
  return groups, decimals, whole, is_long
end

-- Returns a cell that may hold a separator of thousands, and one that speaks for it; or nil.
local function doubtful(column)
  local groups, decimals, whole, is_long = signs_in(column)
  for _, signs in ipairs { { ".", "," }, { ",", "." } } do
    local sign, other = table.unpack(signs)
    local against = decimals[other] or groups[other] or not (decimals[sign] or is_long) and whole
    if groups[sign] and against then return groups[sign], against end
  end
end

--- Reads the cells of a column of labels as numbers.
-- @return list of numbers; or nil, what is wrong, and the place of the cell if it is one
function label_numbers.read(cells)
  local group, against = doubtful(columns[cells] or cells)
  if group then
    return nil, ("%s may hold a decimal sign or a separator of thousands, beside %s; write numbers without such "
      .. "separators"):format(check.show(group), check.show(against))
  end
  local numbers = {}
  for i, cell in ipairs(cells) do
    numbers[i] = number_in(cell)
    if not numbers[i] then return nil, "expected a number, got " .. check.show(cell), i end
  end
  return numbers
end

return label_numbers
