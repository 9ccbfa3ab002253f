--- Tensors: float32, row-major, 1 to 4 dimensions. Counting starts at 1.
--
-- x[i] is row i (a view; a number where x has one dimension, nil just behind the end), #x the number
-- of rows, ipairs(x) walks them. Arithmetic broadcasts as in NumPy: dimensions are aligned at the
-- last one, and each pair must be equal or 1. reshape, narrow, x[i] and detach share memory with x,
-- everything else copies.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local autograd = require "moonbow.autograd"
local elementwise = require "moonbow.elementwise"
local ops = require "moonbow.ops"
local random = require "moonbow.random"

local methods, metatable = core.tensor_methods, core.tensor_metatable
local tensor = {}

-- ---- construction ----

--- A tensor from nested tables of numbers, e.g. mb.tensor{ {1, 2, 3}, {4, 5, 6} }. A tensor is copied.
-- Raises for ragged or empty tables and for anything but numbers, naming the place.
function tensor.tensor(values)
  if core.is_tensor(values) then return core.copy(values) end
  return core.tensor(values)
end

--- A tensor filled with one value: mb.full(value, 2, 3) or mb.full(value, {2, 3}).
function tensor.full(value, ...) return core.full(value, ...) end

--- A tensor of zeros: mb.zeros(2, 3).
function tensor.zeros(...) return core.zeros(...) end

--- A tensor of ones: mb.ones(2, 3).
function tensor.ones(...) return core.ones(...) end

--- The numbers first, first + step, ... up to last, which is included as in a Lua for loop.
-- mb.arange(n) is 1, 2, ..., n. step defaults to 1.
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

--- count numbers from first to last, both included, equally spaced.
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

--- Uniform numbers in [0, 1): mb.rand(2, 3) from the default generator, mb.rand(rng, 2, 3) from rng.
function tensor.rand(...) return core.rand(split_generator(...)) end

--- Standard normal numbers: mb.randn(2, 3) or mb.randn(rng, 2, 3).
function tensor.randn(...) return core.randn(split_generator(...)) end

--- True if a value is a tensor.
function tensor.is_tensor(value) return core.is_tensor(value) end

--- Joins tensors along a dimension (default 1): mb.concat({a, b}, 3). The other sizes must agree.
function tensor.concat(parts, dimension)
  check.kind("concat", "tensors", parts, "table")
  if #parts == 0 then check.fail("concat", "expected a list of tensors, got an empty table") end
  for key in pairs(parts) do
    if type(key) ~= "number" then
      check.fail("concat", "expected a list of tensors, got an entry [%s]", tostring(key))
    end
  end
  for i = 1, #parts do check.kind("concat", "tensor " .. i, parts[i], "tensor") end
  return ops.concat(parts, dimension or 1)
end

-- ---- shape, elements, views ----

--- The sizes as a table: {2, 3}.
methods.shape = core.shape
--- The size of one dimension.
methods.size = core.size
--- The number of dimensions.
methods.rank = core.rank
--- The number of elements.
methods.count = core.count
--- One element: x:get(i, j).
methods.get = core.get
--- Nested tables with the elements.
methods.totable = core.totable
--- The elements as a string of native floats, row by row.
methods.tobytes = core.tobytes
--- Lets go of the memory now instead of at the next collection; views keep theirs.
methods.close = core.close
--- A copy that the tape does not follow.
methods.copy = core.copy
--- The same memory, not followed by the tape.
methods.detach = core.alias
--- {min, max, mean, nan, inf}: extremes and mean of the finite elements, and how many are not.
methods.describe = core.describe

--- The value of a tensor with one element, as a number.
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

--- x:set(i, j, value) changes one element.
in_place "set"
--- x:fill(value) changes all elements; returns x.
in_place "fill"
--- x:copy_from(source) takes the elements of a tensor of as many elements; returns x.
in_place "copy_from"

--- A view with another shape of as many elements; one size may be -1.
methods.reshape = ops.reshape
--- A view of count rows from first on.
methods.narrow = ops.narrow
--- Row i, as x[i].
methods.row = ops.row
--- A copy of count entries from first on, along a dimension: x:slice(dimension, first, count).
methods.slice = ops.slice
--- The rows with the given numbers (tensor or table), copied.
methods.index = ops.index

--- A copy with two dimensions swapped, the last two unless others are named.
function methods.transpose(x, d1, d2)
  local rank = core.rank(x)
  if d1 == nil and rank < 2 then check.fail("transpose", "expected at least 2 dimensions, got %d", rank) end
  return ops.transpose(x, d1 or rank - 1, d2 or rank)
end

-- ---- arithmetic ----

-- Operands broadcast; one of them may be a number, which stands for a tensor of one element.

--- x:add(y) is x + y: the sum, element by element; y a tensor or a number.
methods.add = ops.add
--- x:sub(y) is x - y: the difference, element by element; y a tensor or a number.
methods.sub = ops.sub
--- x:mul(y) is x * y: the product, element by element; y a tensor or a number. See matmul for that of matrices.
methods.mul = ops.mul
--- x:div(y) is x / y: the quotient, element by element; y a tensor or a number.
methods.div = ops.div
--- x:pow(y) is x ^ y: the power, element by element; y a tensor or a number.
methods.pow = ops.pow

for _, name in ipairs { "add", "sub", "mul", "div", "pow" } do metatable["__" .. name] = ops[name] end
-- Lua hands the operand of a unary operator over twice.
metatable.__unm = function(x) return ops.neg(x) end

--- The larger of x and y, element by element; y a tensor or a number.
methods.maximum = ops.maximum
--- The smaller of x and y, element by element; y a tensor or a number.
methods.minimum = ops.minimum

--- 1 where x equals y, else 0, element by element; y a tensor or a number. x == y is true or false for all of them.
methods.eq = core.eq
--- 1 where x differs from y, else 0, element by element; y a tensor or a number.
methods.ne = core.ne
--- 1 where x is below y, else 0, element by element; y a tensor or a number.
methods.lt = core.lt
--- 1 where x is at most y, else 0, element by element; y a tensor or a number.
methods.le = core.le
--- 1 where x is above y, else 0, element by element; y a tensor or a number.
methods.gt = core.gt
--- 1 where x is at least y, else 0, element by element; y a tensor or a number.
methods.ge = core.ge

-- The functions of each element. Their texts are in the rows: see elementwise.help.
for _, row in ipairs(elementwise) do
  local name, default = row[1], row.alpha
  local operation = ops[name]
  methods[name] = default and function(x, alpha)
    return operation(x, check.kind(name, "alpha", alpha or default, "real"))
  end or function(x) return operation(x) end
end

--- Matrix product: (..., K) times (K, N). Vectors may stand on either side. On x86, subnormal numbers (below 1.2e-38)
-- count as zero.
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

-- ---- reductions: over everything, or over one dimension, which goes unless keep is set ----

local function reduction(name, operation, known)
  known = known or { keep = false }
  return check.takes(function(x, dimension, options)
    if options == nil then return operation(x, dimension) end
    options = check.options(name, options, known)
    local y = operation(x, dimension, options.ddof)
    if not options.keep then return y end
    local shape = core.shape(x)
    for d = 1, #shape do
      if dimension == nil or dimension == d then shape[d] = 1 end
    end
    return ops.reshape(y, shape)
  end, 2, known)
end

local spread_options = { keep = false, ddof = 0 }

--- The sum of all elements, or along a dimension, which goes: x:sum(dimension, options). Option: keep (false; true: the
-- dimension stays, with size 1).
methods.sum = reduction("sum", ops.sum)
--- The mean of all elements, or along a dimension, which goes: x:mean(dimension, options). Option: keep (false; true:
-- the dimension stays, with size 1).
methods.mean = reduction("mean", ops.mean)
--- The least of all elements, or along a dimension, which goes: x:min(dimension, options). Option: keep (false; true:
-- the dimension stays, with size 1).
methods.min = reduction("min", ops.min)
--- The greatest of all elements, or along a dimension, which goes: x:max(dimension, options). Option: keep (false;
-- true: the dimension stays, with size 1).
methods.max = reduction("max", ops.max)
--- The variance of all elements, or along a dimension, which goes: x:var(dimension, options). Options: keep (false;
-- true: the dimension stays, with size 1), ddof (0): the sum of squares is divided by the count minus ddof, 0 or 1.
methods.var = reduction("var", ops.var, spread_options)
--- The standard deviation of all elements, or along a dimension, which goes: x:std(dimension, options). Options: keep
-- (false; true: the dimension stays, with size 1), ddof (0): the sum of squares is divided by the count minus ddof, 0
-- or 1.
methods.std = reduction("std", ops.std, spread_options)
--- The position, from 1, of the least of all elements, counted row by row, or along a dimension, which goes; the first
-- of equal ones: x:argmin(dimension, options). Option: keep (false; true: the dimension stays, with size 1).
methods.argmin = reduction("argmin", core.argmin)
--- The position, from 1, of the greatest of all elements, counted row by row, or along a dimension, which goes; the
-- first of equal ones: x:argmax(dimension, options). Option: keep (false; true: the dimension stays, with size 1).
methods.argmax = reduction("argmax", core.argmax)

--- The sum of all squares: the L2 penalty before its factor.
methods.sum_squares = ops.sum_squares

local allclose_options = {
  relative = check.default(1e-5, "non-negative"), absolute = check.default(1e-8, "non-negative"),
}

--- Whether a and b have one shape and |a - b| <= absolute + relative |b| everywhere.
-- Defaults: relative 1e-5, absolute 1e-8. Second result: the largest difference.
function methods.allclose(a, b, options)
  options = check.options("allclose", options, allclose_options)
  return core.allclose(a, b, options.relative, options.absolute)
end

check.takes(methods.allclose, 2, allclose_options)

-- ---- what layers are made of ----

local conv1d_options = { stride = 1, dilation = 1, padding = check.default("valid", "string|integer") }
local pool1d_options = {
  size = check.required "positive integer", stride = check.optional "positive integer", padding = "valid",
}

--- Convolution of x (N, L, C) with w (K, C, F) and, if given, a bias b (F): (N, L', F).
-- Options: stride (1), dilation (1), padding "valid" (default), "same" (as Keras defines it: an odd
-- point of padding goes to the right) or a number of points on both sides.
function methods.conv1d(x, w, b, options)
  options = check.options("conv1d", options, conv1d_options)
  return ops.conv1d(x, w, b, options.stride, options.dilation, options.padding)
end

check.takes(methods.conv1d, 3, conv1d_options)

local function pooling(name)
  local operation = ops[name]
  return check.takes(function(x, options)
    options = check.options(name, options, pool1d_options)
    return operation(x, options.size, options.stride or options.size, options.padding)
  end, 1, pool1d_options)
end

--- The greatest value of each window of x (N, L, C) along L. Options: size, stride (default: size), padding "valid"
-- (default) or "same"; padded points never win. A stride above the size leaves gaps.
methods.max_pool1d = pooling("max_pool1d")
--- The mean of each window of x (N, L, C) along L. Options: size, stride (default: size), padding "valid" (default) or
-- "same"; padded points are not counted. A stride above the size leaves gaps.
methods.avg_pool1d = pooling("avg_pool1d")

--- The softmax over the last dimension: exp(x) divided by the sum of exp(x).
methods.softmax = function(x) return ops.softmax(x) end
--- The logarithm of the softmax over the last dimension.
methods.log_softmax = function(x) return ops.log_softmax(x) end

--- Mean cross-entropy of logits (N, classes) and labels (N class numbers, tensor or table), as a
-- tensor of one element. weights (classes) may be nil; with them the mean is weighted, as in PyTorch.
function methods.cross_entropy(logits, labels, weights) return ops.cross_entropy(logits, labels, weights) end

--- Mean squared difference to a target of as many elements, as a tensor of one element.
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

local EDGE = 3 -- entries shown at either end of a long dimension

-- With a decimal point in every locale, so that a list of numbers stays one.
local function show_number(value) return core.in_c_locale(string.format, "%.5g", value) end

local function show_elements(x, indent)
  local parts, size = {}, core.size(x, 1)
  local is_row = core.rank(x) == 1
  for i = 1, size do
    if size <= 2 * EDGE + 1 or i <= EDGE or i > size - EDGE then
      local entry = core.row(x, i)
      parts[#parts + 1] = is_row and show_number(entry) or show_elements(entry, indent .. " ")
    elseif i == EDGE + 1 then
      parts[#parts + 1] = "..."
    end
  end
  return "[" .. table.concat(parts, is_row and ", " or ",\n" .. indent .. " ") .. "]"
end

--- Shape, range, mean, and the corner values; never more than a few lines.
function metatable.__tostring(x)
  local ok, shape = pcall(core.shape, x)
  if not ok then return "tensor (closed)" end
  local stats = core.describe(x)
  local line = "tensor " .. check.show_shape(shape)
  if core.count(x) == 1 then return line .. ": " .. show_number(x:item()) end
  if stats.min == stats.min then
    line = ("%s  min %s  max %s  mean %s"):format(line, show_number(stats.min), show_number(stats.max),
      show_number(stats.mean))
  end
  if stats.nan > 0 then line = line .. ("  %d NaN"):format(stats.nan) end
  if stats.inf > 0 then line = line .. ("  %d infinite"):format(stats.inf) end
  local shown = core.alias(x)
  while core.rank(shown) > 2 do shown = core.row(shown, 1) end
  local place = #shape > 2 and (" (%s: the first of %d)"):format(("x" .. ("[1]"):rep(#shape - 2)),
    core.count(x) // core.count(shown)) or ""
  return line .. place .. "\n" .. show_elements(shown, "")
end

-- reshape, get and set read all that they are given.
counted.methods(methods, "", {
  shape = 0, size = 1, rank = 0, count = 0, totable = 0, tobytes = 0, close = 0, copy = 0, detach = 0, describe = 0,
  fill = 1, copy_from = 1, eq = 1, ne = 1, lt = 1, le = 1, gt = 1, ge = 1,
}, "tensor")

metatable.__name = core.real_bytes == 4 and "tensor" or "tensor64"

return tensor
