--- Tables of groups of JCAMP-DX: (XY..XY), (XYW..XYW), and assignments (XYA).
local core = require "moonbow.core"
local joiner = require "moonbow.spectra.joiner"
local numbers = require "moonbow.spectra.numbers"
local records = require "moonbow.spectra.formats.jcamp.records"

local groups = {}

local LARGEST = 0x1.fffffep127 -- of float32

--- True if numbers have decimal commas: all words are such numbers, and pairs have one for each coordinate.
-- @param part { text, first, last } the lines of the table
-- @param count of points that the file announces; nil if it does not
function groups.has_commas(part, count)
  local words = 0
  for at, word in part.text:gmatch("()([^%s;]+)", part.first) do
    if at > part.last then break end
    if not word:find "^[+-]?%d+,%d+$" and not word:find "^[+-]?%d+$" then return false end
    words = words + 1
  end
  return words == 2 * (count or 0)
end

local function place(order, symbol)
  for i, name in ipairs(order) do
    if name == symbol then return i end
  end
end

--- Returns the places of abscissa and ordinate in a group; the latter is nil if assignments have no heights.
function groups.places(order)
  local second = order[2] and not order[2]:find "^[AMW]$" and 2
  return place(order, "X") or place(order, "R") or 1, place(order, "Y") or second or nil
end

local function scaled(source, value, factor, line)
  local number = value * factor
  if math.abs(number) > LARGEST then source:fail("line %d: a value is beyond float32", line) end
  return number
end

-- Multiplies the numbers of a column by a factor.
local function scale(source, column, factor, line)
  core.column_multiply(column, factor)
  if core.column_beyond(column) then source:fail("line %d: a value is beyond float32", line) end
  return column
end

-- What stands beside the numbers: comments, "?" for values that are not known, signs of packed numbers, "400+12", and
-- names of multiplets, "dd".
local function marks_of(shape)
  return "$?+" .. (place(shape.order, "M") and "a" or "") .. (shape.commas and "," or "")
end

--- Returns the axis and the values of groups of numbers, as columns.
-- @param shape { order, x, y, x_place, y_place, commas }
-- @param part { text, first, last } the lines of the table
-- @param line number of the first line in the file
-- @param may_be_cut true: the last group may lack numbers
function groups.read(source, shape, part, line, may_be_cut)
  local width, kept = #shape.order, {}
  for c = 1, width do kept[c] = (c == shape.x_place or c == shape.y_place) and core.column() end
  part.marks = marks_of(shape)
  local count, unknown = numbers.columns(part, kept)
  if not count then source:fail("line %d: expected numbers, got '%s'", line, unknown) end
  if unknown > 0 then source:note("%d values are unknown, '?': NaN", unknown) end
  if count < width then source:fail("line %d: expected points", line) end
  if count % width ~= 0 and not may_be_cut then
    source:fail("line %d: %d numbers are no groups of %d", line, count, width)
  end
  local xs, ys = kept[shape.x_place], kept[shape.y_place]
  if xs == ys then ys = core.column_copy(xs, 1, #xs) end
  for _, column in ipairs { xs, ys } do core.column_keep(column, 1, count // width) end
  return scale(source, xs, shape.x.factor, line), scale(source, ys, shape.y.factor, line)
end

-- Reads the numbers of an assignment into a column; returns them.
local function coordinates_of(source, shape, text, first, last, read, line)
  core.column_keep(read[1], 1, 0)
  if not core.numbers_columns(text, first, last, "", read) or not read[1][shape.x_place] then
    source:fail("line %d: expected numbers, got '%s'", line, records.trim(text:sub(first, last)))
  end
  return read[1]
end

--- Returns the axis and the heights of "(1.25, 3.0, <CH3>)" and the like, as columns, and their texts; a height may be
-- missing.
function groups.read_assignments(source, shape, part, line)
  local xs, ys, read, missing = core.column(), core.column(), { core.column() }, 0
  local add, join = joiner "; "
  for first, behind, text, after in part.text:gmatch("%(()[^<>()]*()<([^<>]*)>%s*%)()", part.first) do
    if after - 1 > part.last then break end
    local list = coordinates_of(source, shape, part.text, first, behind - 1, read, line)
    local height = shape.y_place and list[shape.y_place]
    missing = missing + (height and 0 or 1)
    local x = scaled(source, list[shape.x_place], shape.x.factor, line)
    xs[#xs + 1], ys[#ys + 1] = x, scaled(source, height or 1.0, height and shape.y.factor or 1.0, line)
    add(("%.9g: %s"):format(x, records.trim(text)))
  end
  if #xs == 0 then source:fail("line %d: expected assignments, as (1.25, 3.0, <CH3>)", line) end
  if missing > 0 then source:note("%d assignments without a height have height 1", missing) end
  return xs, ys, (join())
end

return groups
