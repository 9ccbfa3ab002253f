--- The small arithmetic of shapes in a graph: tensors of integers, { dims, integers }, row by row. A number may be
-- "batch", the number of spectra, which is not known.
local core = require "moonbow.core"
local limits = require "moonbow.io.limits"

local operators = {}

local function fail(format, ...) error(format:format(...), 0) end

local function known(value, what)
  if math.type(value) ~= "integer" then fail("%s: expected an integer", what) end
  return value
end

local function count_of(dims)
  local count = 1
  for _, size in ipairs(dims) do
    if math.type(size) ~= "integer" or size < 0 or size > 0 and count > limits.entries // size then
      fail("a list of integers has an impossible shape")
    end
    count = count * size
  end
  return count
end

local function vector(list) return { dims = { #list }, integers = list } end

--- The integers of a list that an operator takes, as axes or a shape; nil if the input is not there.
function operators.list_of(value)
  if not value then return nil end
  return value.integers or fail("a list of integers is not known before the network runs")
end

function operators.Gather(node, x, at)
  if (node.attributes.axis or 0) ~= 0 or #x.dims ~= 1 then fail("a choice from more than a list") end
  local list = {}
  for i, place in ipairs(operators.list_of(at)) do
    place = known(place, "a place")
    list[i] = x.integers[place < 0 and #x.integers + place + 1 or place + 1] or fail("a place beyond the list")
  end
  return { dims = at.dims, integers = list }
end

function operators.Concat(_, ...)
  local list = {}
  for _, part in ipairs { ... } do
    if #part.dims > 1 then fail("joined lists of several dimensions") end
    table.move(part.integers, 1, #part.integers, #list + 1, list)
  end
  return vector(list)
end

-- A tensor of zeros of real numbers, whose size may depend on the batch, is { zeros = true }.
function operators.ConstantOfShape(node, shape)
  local dims, value, list = operators.list_of(shape), node.attributes.value, {}
  if value and not (type(value) == "table" and value.dims) then fail("the attribute value is no tensor") end
  if value and value.tensor then
    if core.describe(core.abs(value.tensor)).max ~= 0 then fail("a tensor filled with a number other than 0") end
    return { zeros = true }
  end
  local number = value and value.integers and value.integers[1] or 0
  for i = 1, count_of(dims) do list[i] = number end
  return { dims = dims, integers = list }
end

-- Of two lists of one length; what is multiplied by 1 may be the batch.
function operators.Mul(_, x, y)
  if #x.integers ~= #y.integers then fail("a product of lists of %d and %d", #x.integers, #y.integers) end
  local list = {}
  for i, a in ipairs(x.integers) do
    local b = y.integers[i]
    list[i] = a == 1 and b or b == 1 and a or known(a, "a factor") * known(b, "a factor")
  end
  return { dims = x.dims, integers = list }
end

function operators.Reshape(_, x, shape)
  local dims, rest, free = {}, #x.integers, nil
  for i, size in ipairs(operators.list_of(shape)) do
    dims[i] = known(size, "a size")
    if size == -1 then free = i elseif size > 0 then rest = rest // size end
  end
  if free then dims[free] = rest end
  if count_of(dims) ~= #x.integers then fail("a list of %d integers cannot have this shape", #x.integers) end
  return { dims = dims, integers = x.integers }
end

function operators.Transpose(_, x)
  if #x.dims < 2 then return x end
  if #x.dims > 2 then fail("integers of more than two dimensions") end
  local rows, columns, list = x.dims[1], x.dims[2], {}
  for j = 1, columns do
    for i = 1, rows do list[#list + 1] = x.integers[(i - 1) * columns + j] end
  end
  return { dims = { columns, rows }, integers = list }
end

local function bound(place, size, low, high)
  if place < 0 then place = place + size end
  return math.max(low, math.min(high, place))
end

-- Along the first dimension.
function operators.Slice(_, x, first, last, axes, steps)
  local axis, step = (operators.list_of(axes) or { 0 })[1], (operators.list_of(steps) or { 1 })[1]
  local size, width = x.dims[1] or 1, 1
  if axis ~= 0 and axis ~= -#x.dims or known(step, "a step") == 0 then fail("a part of another dimension") end
  for i = 2, #x.dims do width = width * x.dims[i] end
  local from, to = known(operators.list_of(first)[1], "a place"), known(operators.list_of(last)[1], "a place")
  from = bound(from, size, 0, step > 0 and size or size - 1)
  to = bound(to, size, step > 0 and 0 or -1, size)
  local list, count = {}, 0
  for i = from, to - (step > 0 and 1 or -1), step do
    table.move(x.integers, i * width + 1, (i + 1) * width, #list + 1, list)
    count = count + 1
  end
  return { dims = { count, table.unpack(x.dims, 2) }, integers = list }
end

function operators.Cast(_, x) return x end
operators.Identity = operators.Cast

function operators.Squeeze(_, x)
  return #x.integers == 1 and { dims = {}, integers = x.integers } or vector(x.integers)
end

function operators.Unsqueeze(_, x)
  if #x.dims > 0 then fail("a list of integers gets another dimension") end
  return vector(x.integers)
end

return operators
