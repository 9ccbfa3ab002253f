--- The header of a table: columns whose name is a number form the axis, the others are labels.
local core = require "moonbow.core"
local check = require "moonbow.check"
local affixed = require "moonbow.io.csv.affixed"

local header = {}

local LARGEST = 3.4028234663852886e38 -- largest number of single precision

--- True for a text like "1,000", "1.000,5", "1'000", "400 401": digits with the usual separators.
function header.looks_like_number(text)
  local bare = text:gsub("(%d)[eE][+-]?%d+", "%1"):gsub("\194\160", " "):gsub("\226\128[\137\153\175]", " ")
  return bare:find "%d" and bare:find "^[%d%s.,;'_+-]+$"
end

local instead = {}
for _, word in ipairs { "NaN", "nan", "NAN", "NA", "N/A", "n/a", "null", "NULL", "inf", "Inf", "INF", "Infinity" } do
  instead[word] = true
end

--- True for what programs write in the place of a number, "NaN", "-inf" or "#REF!", and for percents, "90.00%".
function header.stands_for_number(text)
  return instead[text:match "^[+-]?(.*)$"] or text == "#N/A" or text:find "^#[%u%d/]+[!?]$" ~= nil
    or text:find "^[+-]?%d[%d.,]*%s*%%$" ~= nil
end

--- True if a number such as "1.200" may be 1.2 or 1200.
function header.may_be_group(text, decimal)
  return text:find("^[+-]?[1-9]%d?%d?%" .. decimal .. "%d%d%d$")
end

--- Returns what to note of an axis whose numbers all look like "1.100", the first of them.
function header.group_note(cell, decimal)
  local value = core.csv_number(cell, decimal)
  return ("the axis is read with a decimal %s: %s is %.10g; if it is %.0f, write it without a separator"):format(
    decimal == "." and "point" or "comma", check.show(cell), value, 1000 * value)
end

--- True if a list of numbers only rises or only falls; otherwise false, the first place that does not, and a message.
function header.check_axis(axis)
  local previous, rises = axis[1], axis[2] and axis[2] > axis[1]
  for i = 2, #axis do
    local value = axis[i]
    if not (rises and value > previous or not rises and value < previous) then
      return false, i, value == previous and ("the axis holds %.10g twice"):format(value)
        or ("the axis goes from %.10g to %.10g; expected one axis that only %s"):format(previous, value,
          rises and "rises" or "falls")
    end
    previous = value
  end
  return true
end

--- Returns the line below the first that is not a comment.
function header.line_below(lines)
  local i = lines:next(lines.first + 1)
  return i and lines[i] or ""
end

--- Returns the cells of a line up to the last that is not empty, and the number of cells left out; or nil, the column
-- and a message.
function header.cells(line, separator)
  local cells, column, fault = core.csv_cells(line, separator)
  if not cells then return nil, column, fault end
  local count = #cells
  while cells[#cells] == "" do cells[#cells] = nil end
  return cells, count - #cells
end

--- Returns the cells of a line without its comment sign; nil if it is not UTF-8.
function header.commented_cells(lines, i, separator)
  local bare = lines[i]:match("^%s*(.*)$"):sub(#lines.sign + 1)
  return utf8.len(bare) and header.cells(bare, separator)
end

--- Returns the cells of the first line; empty ones at its end are kept as far as the line below has cells.
-- Returns as header.cells.
function header.first_cells(lines, separator)
  local cells, surplus, fault = header.cells(lines[lines.first], separator)
  if not cells then return nil, surplus, fault end
  if surplus == 0 and separator ~= " " then return cells, 0 end
  local line = header.line_below(lines)
  local below = header.cells(line, separator) or {}
  -- An empty name in front of others is lost between blanks, as pandas writes it above its index.
  if separator == " " and #below == #cells + 1 and lines[lines.first]:find "^ " and not line:find "^ " then
    table.insert(cells, 1, "")
  end
  while surplus > 0 and #cells < #below do
    cells[#cells + 1], surplus = "", surplus - 1
  end
  return cells, surplus
end

--- The name of a column; "column 3" if it has none.
function header.name(cells, c) return cells[c] == "" and "column " .. c or cells[c] end

local function name_columns(cells, kinds)
  local names, seen = {}, {}
  for c in ipairs(cells) do
    if kinds[c] == "0" then
      local name = header.name(cells, c)
      if seen[name] then return nil, ("two columns are named %s"):format(check.show(name)), c end
      seen[name] = true
      names[#names + 1] = name
    end
  end
  return names
end

local function fault_of(cell, c, value, dialect)
  local is_english = not dialect.decided and dialect.separator == dialect.decimal -- "1,000" in quotes
  if cell:find "^[=:]+$" then
    return ("column %d is named %s; is this a list of settings?"):format(c, check.show(cell))
  elseif value and math.abs(value) > LARGEST then
    return ("the axis value in column %d is too large: %s"):format(c, check.show(cell))
  elseif not value and header.looks_like_number(cell) or is_english and header.may_be_group(cell, dialect.decimal) then
    return ("the name of column %d looks like a number but is not one: %s"):format(c, check.show(cell))
  end
end

-- The decimal sign of names: a point beside values with a comma, if no name holds a comma and a name has a point that
-- separates no thousands, as R writes it: "400.5", "X400.5".
local function decimal_of(cells, decimal)
  local has_point = false
  for c = 1, decimal == "," and #cells or 0 do
    if cells[c]:find "%d,%d" then return decimal end
    local number = cells[c]:match "^X?(%d+%.%d+)$"
    has_point = has_point or number and not header.may_be_group(number, ".")
  end
  return has_point and "." or decimal
end

--- Reads the cells of a header. If none is a number, names such as "X400" or "400 nm" may form the axis.
-- @param labels columns that are labels, whatever their names: { [column] = true }; optional
-- @return { cells, decimal (their sign), names (of labels), axis, columns (of the axis), kinds (a string: "1" axis, "0"
--   label), affix (of the names: before, after) }; or nil, a message and the column
function header.read(cells, dialect, labels)
  local head = { cells = cells, axis = {}, columns = {}, decimal = decimal_of(cells, dialect.decimal) }
  local values, kinds = {}, {}
  for c, cell in ipairs(cells) do
    local is_label = labels and labels[c]
    values[c] = not is_label and core.csv_number(cell, head.decimal) or nil
    local fault = not is_label and fault_of(cell, c, values[c], dialect)
    if fault then return nil, fault, c end
  end
  if not next(values) then values, head.affix = affixed.read(cells, head.decimal) end
  for c in ipairs(cells) do
    kinds[c] = values[c] and "1" or "0"
    head.axis[#head.axis + 1] = values[c]
    if values[c] then head.columns[#head.columns + 1] = c end
  end
  local names, err, column = name_columns(cells, kinds)
  if not names then return nil, err, column end
  head.names, head.kinds = names, table.concat(kinds)
  return head
end

return header
