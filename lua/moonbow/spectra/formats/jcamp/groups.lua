--- Tables of groups of JCAMP-DX: (XY..XY), (XYW..XYW), and assignments (XYA).
local core = require "moonbow.core"
local numbers = require "moonbow.spectra.numbers"
local records = require "moonbow.spectra.formats.jcamp.records"

local groups = {}

local LARGEST = 0x1.fffffep127 -- of float32

--- True if numbers have decimal commas: all words are such numbers, and pairs have one for each coordinate.
-- @param count of points that the file announces; nil if it does not
function groups.has_commas(body, count)
  local words = 0
  for word in body:gmatch "[^%s;]+" do
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

-- Packed numbers, "400+12", are split; letters that name multiplets are left out.
local function clean(body, order)
  body = body:gsub("%$%$[^\n]*", ""):gsub("([%d.])([+-])", "%1 %2")
  return place(order, "M") and body:gsub("%f[%a]%a+%f[%A]", "0") or body
end

--- Returns the axis and the values of groups of numbers.
-- @param shape { order, x, y, x_place, y_place }
-- @param line number of the first line in the file
-- @param may_be_cut true: the last group may lack numbers
function groups.read(source, shape, body, line, may_be_cut)
  local cleaned, unknown = clean(body, shape.order):gsub("%?", "nan")
  local list, word = numbers.list(cleaned, nil, unknown > 0)
  if unknown > 0 then source:note("%d values are unknown, '?': NaN", unknown) end
  if not list then source:fail("line %d: expected numbers, got '%s'", line, word) end
  local width = #shape.order
  if #list < width then source:fail("line %d: expected points", line) end
  if #list % width ~= 0 and not may_be_cut then
    source:fail("line %d: %d numbers are no groups of %d", line, #list, width)
  end
  local xs, ys = {}, {}
  for i = 1, #list // width do
    local before = (i - 1) * width
    xs[i] = scaled(source, list[before + shape.x_place], shape.x.factor, line)
    ys[i] = scaled(source, list[before + shape.y_place], shape.y.factor, line)
  end
  return xs, core.tensor(ys)
end

--- Returns the axis and the heights of "(1.25, 3.0, <CH3>)" and the like, and their texts; a height may be missing.
function groups.read_assignments(source, shape, body, line)
  local xs, ys, texts, missing = {}, {}, {}, 0
  for coordinates, text in body:gmatch "%(([^<>()]*)<([^<>]*)>%s*%)" do
    local list = numbers.list(coordinates)
    if not list or not list[shape.x_place] then
      source:fail("line %d: expected numbers, got '%s'", line, records.trim(coordinates))
    end
    local height = shape.y_place and list[shape.y_place]
    missing = missing + (height and 0 or 1)
    xs[#xs + 1] = scaled(source, list[shape.x_place], shape.x.factor, line)
    ys[#xs] = scaled(source, height or 1.0, height and shape.y.factor or 1.0, line)
    texts[#xs] = ("%.9g: %s"):format(xs[#xs], records.trim(text))
  end
  if #xs == 0 then source:fail("line %d: expected assignments, as (1.25, 3.0, <CH3>)", line) end
  if missing > 0 then source:note("%d assignments without a height have height 1", missing) end
  return xs, core.tensor(ys), table.concat(texts, "; ")
end

--- Returns points in the order of their axis, in which peaks need not be listed.
function groups.sorted(xs, ys)
  local order, heights = {}, core.totable(ys)
  for i = 1, #xs do order[i] = i end
  table.sort(order, function(a, b) return xs[a] < xs[b] or xs[a] == xs[b] and a < b end)
  local sorted_x, sorted_y = {}, {}
  for i, from in ipairs(order) do sorted_x[i], sorted_y[i] = xs[from], heights[from] end
  return sorted_x, core.tensor(sorted_y)
end

return groups
