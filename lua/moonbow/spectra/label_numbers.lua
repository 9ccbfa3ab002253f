--- Numbers in a column of labels, with decimal points or decimal commas. "1.012" is 1.012 or 1012: the other cells of
-- the column tell, also those that are not in a part of it.
local check = require "moonbow.check"
local header = require "moonbow.io.csv.header"
local trim = require "moonbow.io.trim"

local label_numbers = {}

-- { [cells] = { texts (cells that tell what a sign means), decimal (the sign, if the user gave it) } }
local told = setmetatable({}, { __mode = "k" })

local function evidence(cells) return told[cells] or { texts = cells } end

--- Notes that cells are a part of a column, and their decimal sign if the user gave it. Returns the cells.
function label_numbers.part(cells, column, decimal)
  local known = evidence(column)
  told[cells] = decimal and { texts = known.texts, decimal = decimal } or known
  return cells
end

--- Notes that cells are a copy of a list of which more may be known. Returns the cells.
function label_numbers.copy(cells, list)
  told[cells] = told[list]
  return cells
end

--- Notes that cells were made of numbers, whose points are decimal signs, and of texts. Returns the cells.
function label_numbers.made(cells, texts)
  told[cells] = { texts = texts }
  return cells
end

-- Returns what is known of the cells of several lists; nil if there is no more than the cells.
local function of_all(lists)
  local all, seen, is_known = { texts = {} }, {}, false
  for _, list in ipairs(lists) do
    local known = evidence(list)
    is_known = is_known or told[list] ~= nil
    if not seen[known.texts] then table.move(known.texts, 1, #known.texts, #all.texts + 1, all.texts) end
    seen[known.texts] = true
    if known.texts[1] then
      local decimal = known.decimal or "" -- not given
      all.decimal = (all.decimal or decimal) == decimal and decimal or ""
    end
  end
  return is_known and all or nil
end

--- Notes that labels, { [column] = cells }, are those of several sets or blocks, some of which may lack a column.
function label_numbers.joined(labels, list)
  for column, cells in pairs(labels) do
    local lists = {}
    for _, part in ipairs(list) do lists[#lists + 1] = part.labels and part.labels[column] end
    told[cells] = of_all(lists)
  end
end

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

-- Returns a cell that may hold a separator of thousands, and what speaks for it, in words; or nil.
local function doubtful(known)
  local groups, decimals, whole, is_long = signs_in(known.texts)
  for _, signs in ipairs { { ".", "," }, { ",", "." } } do
    local sign, other = table.unpack(signs)
    local is_certain = decimals[sign] or is_long
    local against = decimals[other] or groups[other] or not is_certain and whole
    local words = against and check.show(against)
      or not is_certain and known.decimal == other and "the decimal sign " .. check.show(other)
    if groups[sign] and sign ~= known.decimal and words then return groups[sign], words end
  end
end

--- Reads the cells of a column of labels as numbers.
-- @return list of numbers; or nil, what is wrong, and the place of the cell if it is one
function label_numbers.read(cells)
  local group, against = doubtful(evidence(cells))
  if group then
    return nil, ("%s may hold a decimal sign or a separator of thousands, beside %s; give decimal when reading them, "
      .. "or write numbers without such separators"):format(check.show(group), against)
  end
  local numbers = {}
  for i, cell in ipairs(cells) do
    numbers[i] = number_in(cell)
    if not numbers[i] then return nil, "expected a number, got " .. check.show(cell), i end
  end
  return numbers
end

--- Returns cells that are read as the same numbers if no more is known than a file holds: 1.125 becomes 1.1250 where it
-- would be doubtful.
function label_numbers.for_file(cells)
  if not doubtful { texts = cells } or doubtful(evidence(cells)) then return cells end
  local given = {}
  for i, cell in ipairs(cells) do
    local text = trim.both(cell)
    local sign = text:match "[.,]"
    given[i] = sign and header.may_be_group(text, sign) and text .. "0" or cell
  end
  return given
end

return label_numbers
