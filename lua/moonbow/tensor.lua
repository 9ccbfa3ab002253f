--- Tensors as scripts see them: construction, methods, printing.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local autograd = require "moonbow.autograd"
local elementwise = require "moonbow.elementwise"
local ops = require "moonbow.ops"
local random = require "moonbow.random"
local windows = require "moonbow.windows"
local moves = require "moonbow.tensor.moves"
require "moonbow.tensor.places"
local text = require "moonbow.tensor.text"
require "moonbow.tensor.reductions"

--- Tensors: float32, row-major, of 1 to 4 dimensions. Counting starts at 1.
--
-- x[i] is row i: a view, or a number if x has one dimension, and nil just behind the end. #x is the number of rows,
-- and ipairs(x) iterates over them. x[i] = y changes a row. x + y, x - y, x * y, x / y, x ^ y and -x work element by
-- element and broadcast as in NumPy: dimensions are aligned at the last one, and the two sizes of each pair are equal,
-- or one of them is 1; either operand may be a number. reshape, squeeze, narrow, row, x[i] and detach share memory with
-- x; all other methods copy.
--
-- @class tensor
-- @field grad tensor of a parameter (see param): its gradient, which backward leaves there; nil before; may be set
local methods, metatable = core.tensor_methods, core.tensor_metatable
local tensor = {}

-- ---- construction ----

--- Makes a tensor from nested tables of numbers; a tensor is copied. Raises for ragged or empty tables and for anything
-- but numbers; the message names the entry.
-- @param values table|tensor rows of rows of numbers, 1 to 4 levels deep
-- @return tensor
-- @usage mb.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
function tensor.tensor(values)
  if core.is_tensor(values) then return core.copy(values) end
  return core.tensor(values)
end

--- A tensor filled with one value.
-- @param value number of all elements
-- @param ... integer|table 1 to 4 sizes, or one table of sizes
-- @return tensor
-- @usage mb.full(0.5, 2, 3)
function tensor.full(value, ...) return core.full(value, ...) end

--- A tensor of zeros.
-- @param ... integer|table 1 to 4 sizes, or one table of sizes
-- @return tensor
-- @usage mb.zeros(2, 3)
function tensor.zeros(...) return core.zeros(...) end

--- A tensor of ones.
-- @param ... integer|table 1 to 4 sizes, or one table of sizes
-- @return tensor
-- @usage mb.ones(2, 3)
function tensor.ones(...) return core.ones(...) end

--- The numbers first, first + step, ... up to last, which is included as in a Lua for loop. mb.arange(n) is 1, 2, ...,
-- n.
-- @param first number the first number; with no other argument, the last one
-- @param last? number the largest that may occur, or the smallest if step is negative
-- @param step? number the distance of two numbers (1)
-- @return tensor (count)
function tensor.arange(first, last, step)
  if last == nil then first, last = 1, first end
  check.kind("arange", "first", first, "finite")
  check.kind("arange", "last", last, "finite")
  step = check.kind("arange", "step", step or 1, "finite")
  local count = math.floor((last - first) / step + 1e-9) + 1
  if step == 0 or count ~= count or count < 1 then
    check.fail("arange", "no numbers from %s to %s in steps of %s", first, last, step)
  end
  return core.arange(first, step, math.tointeger(count) or count)
end

--- Equally spaced numbers, first and last included.
-- @param first number the first
-- @param last number the last
-- @param count integer number of elements
-- @return tensor (count)
function tensor.linspace(first, last, count)
  check.kind("linspace", "first", first, "finite")
  check.kind("linspace", "last", last, "finite")
  count = check.kind("linspace", "count", count, "positive integer")
  return core.arange(first, count > 1 and (last - first) / (count - 1) or 0, count)
end

local function split_generator(first, ...)
  if type(first) == "userdata" and not core.is_tensor(first) then return first, ... end
  return random.default(), first, ...
end

--- Uniform random numbers in [0, 1).
-- @param ... any a generator of mb.rng (if left out, the default one); then 1 to 4 sizes, or a table of them
-- @return tensor
-- @usage mb.rand(mb.rng(1), 2, 3)
function tensor.rand(...) return core.rand(split_generator(...)) end

--- Standard normal random numbers.
-- @param ... any a generator of mb.rng (if left out, the default one); then 1 to 4 sizes, or a table of them
-- @return tensor
-- @usage mb.randn(2, 3)
function tensor.randn(...) return core.randn(split_generator(...)) end

--- True if a value is a tensor.
-- @param value any
-- @return boolean
function tensor.is_tensor(value) return core.is_tensor(value) end

--- Concatenates tensors along a dimension. Their other sizes must agree.
-- @param parts table a list of tensors
-- @param dimension? integer from 1 on (1)
-- @return tensor
-- @usage mb.concat({ a, b }, 3)
function tensor.concat(parts, dimension)
  check.kind("concat", "tensors", parts, "table")
  if #parts == 0 then check.fail("concat", "expected a list of tensors, got an empty table") end
  for key in pairs(parts) do
    if type(key) ~= "number" then
      check.fail("concat", "expected a list of tensors, got an entry [%s]", tostring(key))
    end
  end
  for i = 1, #parts do check.kind("concat", "tensor " .. i, parts[i], "tensor") end
  dimension = check.kind("concat", "dimension", dimension or 1, "positive integer")
  if dimension > core.rank(parts[1]) then
    check.fail("concat", "dimension: expected 1 to %d, got %d", core.rank(parts[1]), dimension)
  end
  return ops.concat(parts, dimension)
end

for name, f in pairs(moves) do tensor[name] = f end

-- ---- shape, elements, views ----

--- The sizes as a table: {2, 3}.
-- @return table a list of 1 to 4 integers
methods.shape = core.shape
--- The size of one dimension.
-- @param dimension integer from 1 on
-- @return integer
methods.size = core.size
--- The number of dimensions, 1 to 4.
-- @return integer
methods.rank = core.rank
--- The number of elements.
-- @return integer
methods.count = core.count
--- One element.
-- @param ... integer an index for each dimension, from 1 on
-- @return number
-- @usage mb.tensor({ { 1, 2, 3 }, { 4, 5, 6 } }):get(2, 3) -- 6
methods.get = core.get
--- The elements as nested tables of numbers.
-- @return table
methods.totable = core.totable
--- The elements as a string of native floats of 4 bytes, row by row.
-- @return string
methods.tobytes = core.tobytes
--- Frees the memory now instead of at the next garbage collection; views of the tensor keep their data. Any later use
-- of x raises.
methods.close = core.close
--- A copy that the tape does not follow.
-- @return tensor
methods.copy = core.copy
--- A tensor that shares memory with x but that the tape does not follow: a constant for gradients.
-- @return tensor
methods.detach = core.alias
--- Extremes and mean of the finite elements, and the numbers of NaN and infinite ones.
-- @return table { min, max, mean, nan, inf }
methods.describe = core.describe

--- The value of a tensor with one element. Raises for any other tensor.
-- @return number
function methods.item(x)
  if core.count(x) ~= 1 then
    check.fail("item", "expected a tensor with one element, got shape %s", check.show_shape(core.shape(x)))
  end
  return core.get(core.reshape(x, 1), 1)
end

local function in_place(name)
  local change = core[name]
  methods[name] = function(x, ...)
    if autograd.is_recording() and core.is_tracked(x) then
      check.fail(name, "the tape follows this tensor; change it inside mb.no_grad(function() ... end)")
    end
    return change(x, ...)
  end
end

--- Changes one element. Raises for a tensor that the tape follows, outside of mb.no_grad.
-- @param ... number an index for each dimension, from 1 on, and then the value
-- @usage mb.zeros(2, 3):set(2, 3, 0.5)
in_place "set"
--- Changes all elements. Raises for a tensor that the tape follows, outside of mb.no_grad.
-- @param value number of all elements
-- @return tensor x
in_place "fill"
--- Copies the elements of another tensor into x. Raises for a tensor that the tape follows, outside of mb.no_grad.
-- @param source tensor of as many elements, of any shape
-- @return tensor x
in_place "copy_from"

--- A view of the same elements with another shape.
-- @param ... integer|table sizes, or one table of them, with as many elements as x; one of them may be -1 and follows
--   from the others
-- @return tensor
-- @usage x:reshape(-1, 4)
methods.reshape = ops.reshape
--- A view of consecutive rows.
-- @param first integer the first row
-- @param count integer number of rows
-- @return tensor (count, ...)
methods.narrow = ops.narrow
--- Row i, as x[i]: a view, or a number if x has one dimension.
-- @param i integer from 1 on
-- @return tensor|number
methods.row = ops.row
--- A copy of consecutive entries along a dimension.
-- @param dimension integer from 1 on
-- @param first integer the first entry
-- @param count integer number of entries
-- @return tensor
methods.slice = ops.slice
--- A copy of the rows with the given numbers, in the given order; a number may occur more than once.
-- @param rows tensor|table numbers of rows, from 1 on
-- @param dimension? integer of which these are the numbers (1)
-- @return tensor (count, ...)
-- @usage x:index(fold.train)
function methods.index(x, rows, dimension)
  if dimension == nil or dimension == 1 then return ops.index(x, rows) end
  return ops.take(x, dimension, rows)
end

--- A copy with two dimensions swapped.
-- @param d1? integer the last but one unless given
-- @param d2? integer the last unless given
-- @return tensor
function methods.transpose(x, d1, d2)
  local rank = core.rank(x)
  if d1 == nil and rank < 2 then check.fail("transpose", "expected at least 2 dimensions, got %d", rank) end
  return ops.transpose(x, d1 or rank - 1, d2 or rank)
end

-- ---- arithmetic ----

-- Operands broadcast; one of them may be a number, which stands for a tensor of one element.

--- x + y: the sum, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.add = ops.add
--- x - y: the difference, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.sub = ops.sub
--- x * y: the product, element by element; see matmul for the product of matrices.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.mul = ops.mul
--- x / y: the quotient, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.div = ops.div
--- x ^ y: the power, element by element. NaN for a negative x and a y that is not whole.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.pow = ops.pow

for _, name in ipairs { "add", "sub", "mul", "div", "pow" } do metatable["__" .. name] = ops[name] end
-- Lua passes the operand of a unary operator twice.
metatable.__unm = function(x) return ops.neg(x) end

--- The larger of x and y, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.maximum = ops.maximum
--- The smaller of x and y, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.minimum = ops.minimum

--- 1 where x equals y, else 0, element by element. x == y is one boolean: true if both are of one shape and equal
-- everywhere.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.eq = core.eq
--- 1 where x differs from y, else 0, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.ne = core.ne
--- 1 where x is below y, else 0, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.lt = core.lt
--- 1 where x is at most y, else 0, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.le = core.le
--- 1 where x is above y, else 0, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.gt = core.gt
--- 1 where x is at least y, else 0, element by element.
-- @param y tensor|number which broadcasts with x
-- @return tensor
methods.ge = core.ge

--- x between two bounds: smaller elements become low, greater ones high. Elements at a bound keep their gradient.
-- @param low? tensor|number the least value; nil: none
-- @param high? tensor|number the greatest value; nil: none
-- @return tensor
-- @usage x:clamp(0, 1)
function methods.clamp(x, low, high)
  if low == nil and high == nil then check.fail("clamp", "expected a lower or an upper bound") end
  for name, bound in pairs { low = low, high = high } do check.kind("clamp", name, bound, "tensor|number") end
  if low ~= nil then x = ops.maximum(x, low) end
  return high ~= nil and ops.minimum(x, high) or x
end

--- 1 where x is NaN, else 0, element by element.
-- @return tensor
function methods.isnan(x) return core.ne(x, x) end
--- 1 where x is neither NaN nor infinite, else 0, element by element.
-- @return tensor
function methods.isfinite(x) return core.lt(core.abs(x), math.huge) end

-- Lua converts the results of <, <=, > and >= to booleans, so they cannot give a tensor.
local function comparison(name, mirrored)
  return function(a, b)
    local other, method = b, name
    if not core.is_tensor(a) then other, method = a, mirrored end
    check.fail("comparison", "expected two numbers, got %s and %s; write x:%s(%s), which is 1 where it holds, else 0",
      check.show(a), check.show(b), method, type(other) == "number" and check.show(other) or "y")
  end
end
metatable.__lt, metatable.__le = comparison("lt", "gt"), comparison("le", "ge")

-- The functions of each element. Their texts are in the rows: see elementwise.help.
for _, row in ipairs(elementwise) do
  local name, default = row[1], row.alpha
  local operation = ops[name]
  methods[name] = default and function(x, alpha)
    return operation(x, check.kind(name, "alpha", alpha or default, "real"))
  end or function(x) return operation(x) end
end

--- The matrix product: (..., K) times (K, N) is (..., N). Either side may be a vector (K). On x86, subnormal numbers
-- (below 1.2e-38) count as zero.
-- @param b tensor (K, N), or (K)
-- @return tensor (..., N), or (...) for a vector b
function methods.matmul(a, b)
  check.kind("matmul", "a", a, "tensor")
  check.kind("matmul", "b", b, "tensor")
  if core.rank(b) ~= 1 then return ops.matmul(a, b) end
  local shape = core.shape(a)
  if shape[#shape] ~= core.count(b) then
    check.fail("matmul", "shapes %s and %s do not fit: expected (..., K) and (K)", check.show_shape(shape),
      check.show_shape(core.shape(b)))
  end
  if #shape > 1 then table.remove(shape) else shape[1] = 1 end
  return ops.reshape(ops.matmul(a, ops.reshape(b, core.count(b), 1)), shape)
end

local allclose_options = {
  relative = check.default(1e-5, "non-negative"), absolute = check.default(1e-8, "non-negative"),
}

--- True if a and b have one shape and |a - b| <= absolute + relative |b| everywhere. Infinity is close to itself
-- alone, NaN to nothing.
-- @param b tensor to compare with
-- @option relative tolerance as a share of |b|
-- @option absolute tolerance in the unit of the elements
-- @return boolean
-- @return number the largest difference
function methods.allclose(a, b, options)
  options = check.options("allclose", options, allclose_options)
  return core.allclose(a, b, options.relative, options.absolute)
end

check.takes(methods.allclose, 2, allclose_options)

-- ---- what layers are made of ----

local conv1d_options, pool1d_options = windows.conv1d(), windows.pool1d { padding = windows.pool_padding }

--- Convolution of x (N, L, C) along L with filters w (K, C, F): (N, L', F). With groups, w is (K, C / groups, F).
-- @param w tensor (K, C, F): K points of C channels, F filters
-- @param b? tensor (F), a bias for each filter
-- @option stride points between two windows
-- @option dilation points between two points of a window
-- @option padding "valid" (none), "same" as Keras defines it (L' is ceil(L / stride); an odd point goes to the right),
--   "causal" (all on the left: a result depends on no later point), points on both sides, or { left, right }
-- @option groups of channels: filters f F / groups ... take the channels c C / groups ... alone; C makes it depthwise
-- @return tensor (N, L', F)
function methods.conv1d(x, w, b, options)
  options = check.options("conv1d", options, conv1d_options)
  windows.check_padding("conv1d", options.padding)
  return ops.conv1d(x, w, b, options.stride, options.dilation, options.padding, options.groups)
end

check.takes(methods.conv1d, 3, conv1d_options)

local function pooling(name)
  local operation = ops[name]
  return check.takes(function(x, options)
    options = check.options(name, options, pool1d_options)
    return operation(x, options.size, options.stride or options.size, options.padding)
  end, 1, pool1d_options)
end

--- The greatest value of each window of x (N, L, C) along L. Padding is never the greatest. A stride above the size
-- leaves gaps.
-- @option size points of a window
-- @option stride points between two windows; the size unless given
-- @option padding "valid" (none), or "same": L' is ceil(L / stride)
-- @return tensor (N, L', C)
methods.max_pool1d = pooling("max_pool1d")
--- The mean of each window of x (N, L, C) along L. Padded points are not counted. A stride above the size leaves gaps.
-- @option size points of a window
-- @option stride points between two windows; the size unless given
-- @option padding "valid" (none), or "same": L' is ceil(L / stride)
-- @return tensor (N, L', C)
methods.avg_pool1d = pooling("avg_pool1d")

--- The softmax over the last dimension: exp(x) divided by the sum of exp(x).
-- @return tensor of the shape of x
methods.softmax = function(x) return ops.softmax(x) end
--- The logarithm of the softmax over the last dimension.
-- @return tensor of the shape of x
methods.log_softmax = function(x) return ops.log_softmax(x) end

--- The mean cross-entropy of logits (N, classes) and the right classes. It takes the softmax itself: warns of logits
-- that are the result of one.
-- @param labels tensor|table (N) class numbers from 1 on
-- @param weights? tensor (classes): the mean is weighted by them, as in PyTorch
-- @return tensor with one element
function methods.cross_entropy(logits, labels, weights)
  local made_by = autograd.made_by(logits)
  if made_by == "softmax" or made_by == "log_softmax" then
    check.warn("cross_entropy", "logits: they are the result of %s, which cross_entropy takes itself; leave it out",
      made_by)
  end
  return ops.cross_entropy(logits, labels, weights)
end

--- The mean squared difference to a target.
-- @param target tensor of the shape of x
-- @return tensor with one element
function methods.mse(prediction, target) return ops.mse(prediction, target) end

-- ---- the tape ----

--- Makes x a parameter, whose gradient backward leaves in x.grad; returns x.
methods.param = autograd.param
--- Gradients of x (one element, or pass its gradient) with respect to all parameters.
methods.backward = autograd.backward

function metatable.__newindex(x, key, value)
  if key == "grad" then return autograd.set_gradient(x, value) end
  if type(key) ~= "number" then check.fail("tensor", "cannot set field %s", check.show(key)) end
  if core.rank(x) == 1 then return methods.set(x, key, value) end
  local row = core.row(x, key)
  if autograd.is_recording() and core.is_tracked(x) then methods.fill(x, 0) end -- raises
  if type(value) == "number" then core.fill(row, value) else core.copy_from(row, value) end
end

-- ---- printing ----

--- Prints all elements, however many: x:show(). print(x) shows the corners of a large tensor.
function methods.show(x) print(text.whole(x)) end

--- Shape, range, mean, and the corner values; never more than a few lines.
function metatable.__tostring(x)
  return pcall(core.shape, x) and text.brief(x) or "tensor (closed)"
end

-- reshape, get and set check their own number of arguments.
counted.methods(methods, "", {
  shape = 0, size = 1, rank = 0, count = 0, totable = 0, tobytes = 0, close = 0, copy = 0, detach = 0, describe = 0,
  fill = 1, copy_from = 1, eq = 1, ne = 1, lt = 1, le = 1, gt = 1, ge = 1,
}, "tensor")

metatable.__name = core.real_bytes == 4 and "tensor" or "tensor64"

return tensor
