--- The differentiable operations, one definition each: the forward kernel, and a closure over the
-- backward kernel. Arguments are positional and already checked for kind by the kernels' bindings;
-- tensor.lua and nn give them their public form.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local elementwise = require "moonbow.elementwise"

local ops = {}

local define, is_recording, is_tracked = autograd.define, autograd.is_recording, core.is_tracked
local keep = autograd.keep

-- For operations whose backward needs no tensor of the forward pass.
local NOTHING = {}

-- A list of numbers as it is now: backward must not see what its owner changes later. Tensors tell of changes.
local function own_list(list)
  return type(list) == "table" and table.move(list, 1, #list, 1, {}) or list
end

-- dy summed to the shape of an operand that was broadcast; shape is nil where it was not.
local function reduce_to(dy, shape) return shape and core.sum_to(dy, shape) or dy end

-- The same for a temporary.
local function reduce_own(gradient, shape)
  if not shape then return gradient end
  local sum = core.sum_to(gradient, shape)
  core.close(gradient)
  return sum
end

-- ---- elementwise, a and b broadcast; one of them may be a number ----

ops.add = define("add", function(a, b)
  local y = core.add(a, b)
  local a_shape, b_shape = core.broadcast_from(a, y), core.broadcast_from(b, y)
  return y, function(dy, need_a, need_b)
    return need_a and reduce_to(dy, a_shape) or nil, need_b and reduce_to(dy, b_shape) or nil
  end, NOTHING
end)

--- a + b of one shape, and slope (0 or more) times what is negative: a shortcut and the ReLU behind it.
ops.add_activate = define("add", function(a, b, slope)
  local y, backward = core.add_activate(a, b, slope), slope > 0 and core.leaky_relu_backward or core.relu_backward
  return y, function(dy)
    local dz = backward(dy, y, slope)
    return dz, core.alias(dz)
  end, { y }
end)

ops.sub = define("sub", function(a, b)
  local y = core.sub(a, b)
  local a_shape, b_shape = core.broadcast_from(a, y), core.broadcast_from(b, y)
  return y, function(dy, need_a, need_b)
    return need_a and reduce_to(dy, a_shape) or nil, need_b and reduce_own(core.neg(dy), b_shape) or nil
  end, NOTHING
end)

ops.mul = define("mul", function(a, b)
  local y = core.mul(a, b)
  local a_shape, b_shape = core.broadcast_from(a, y), core.broadcast_from(b, y)
  local left, right = is_tracked(b) and a, is_tracked(a) and b
  return y, function(dy, need_a, need_b)
    return need_a and reduce_own(core.chain(dy, right), a_shape) or nil,
      need_b and reduce_own(core.chain(dy, left), b_shape) or nil
  end, { left, right }
end)

ops.div = define("div", function(a, b)
  local y = core.div(a, b)
  local a_shape, b_shape = core.broadcast_from(a, y), core.broadcast_from(b, y)
  local quotient = is_tracked(b) and y
  return y, function(dy, need_a, need_b)
    local da = core.chain_div(dy, b)
    local db = need_b and reduce_own(core.neg(core.chain(da, quotient)), b_shape) or nil
    return need_a and reduce_own(da, a_shape) or nil, db
  end, { b, quotient }
end)

-- The powers of 0 are taken not to depend on the exponent.
ops.pow = define("pow", function(a, b)
  local y = core.pow(a, b)
  local a_shape, b_shape = core.broadcast_from(a, y), core.broadcast_from(b, y)
  return y, function(dy, need_a, need_b)
    local da, db
    if need_a then da = reduce_own(core.chain(dy, core.chain(b, core.pow(a, core.sub(b, 1)))), a_shape) end
    if need_b then
      local log_a = core.chain(core.ne(a, 0), core.log(type(a) == "number" and core.full(a, 1) or a))
      db = reduce_own(core.chain(dy, core.chain(y, log_a)), b_shape)
    end
    return da, db
  end, { a, b, y }
end)

-- Where a and b are equal, a takes the gradient.
local function define_extreme(name, keeps_a)
  ops[name] = define(name, function(a, b)
    local y = core[name](a, b)
    local a_shape, b_shape = core.broadcast_from(a, y), core.broadcast_from(b, y)
    return y, function(dy, need_a, need_b)
      local from_a = core[keeps_a](a, b)
      return need_a and reduce_own(core.chain(dy, from_a), a_shape) or nil,
        need_b and reduce_own(core.chain(dy, core.sub(1, from_a)), b_shape) or nil
    end
  end)
end
define_extreme("maximum", "ge")
define_extreme("minimum", "le")

-- The derivative follows from the result where that is how the kernel is written, and alpha does not hide the input.
for _, row in ipairs(elementwise) do
  local name = row[1]
  local forward, backward, keeps_result = core[name], core[name .. "_backward"], core[name .. "_keeps_result"]()
  ops[name] = define(name, row.alpha and function(x, alpha)
    local y = forward(x, alpha)
    local kept = keeps_result and alpha > 0 and y or x
    return y, function(dy) return backward(dy, kept, alpha) end, { kept }
  end or function(x)
    local y = forward(x)
    local kept = keeps_result and y or x
    return y, function(dy) return backward(dy, kept) end, { kept }
  end)
end
-- Its derivative needs nothing kept.
ops.neg = define("neg", function(x)
  return core.neg(x), function(dy) return core.neg(dy) end, NOTHING
end)

-- ---- reductions over all elements, or one dimension, which goes ----

for _, name in ipairs { "sum", "mean" } do
  local forward, backward = core[name], core[name .. "_backward"]
  ops[name] = define(name, function(x, dimension)
    local y, shape = forward(x, dimension), core.shape(x)
    return y, function(dy) return backward(dy, shape, dimension) end, NOTHING
  end)
end
for _, name in ipairs { "var", "std", "min", "max" } do
  local forward, backward = core[name], core[name .. "_backward"]
  ops[name] = define(name, function(x, dimension, ddof)
    return forward(x, dimension, ddof), function(dy) return backward(dy, x, dimension, ddof) end, { x }
  end)
end

--- The sum of squares of x, as a tensor of one element: the L2 penalty before its factor.
ops.sum_squares = define("sum_squares", function(x)
  return core.full(core.sum_squares(x), 1), function(dy) return core.chain(dy, core.mul(x, 2)) end
end)

-- ---- matrix product ----

-- Gradients of both factors of a product, where wanted. That of the right one, which may keep a copy of the left one,
-- comes first, so that the other can take its place.
local function matmul_backward(dy, left, right, need_left, need_right)
  local dright = need_right and core.weight_gradient(left, dy) or nil
  core.let_go(left)
  return need_left and core.matmul(dy, right, false, true) or nil, dright
end

ops.matmul = define("matmul", function(a, b)
  local left, right = is_tracked(b) and a, is_tracked(a) and b
  return core.matmul(a, b), function(dy, need_a, need_b)
    return matmul_backward(dy, left, right, need_a, need_b)
  end, { left, right }
end)

--- x times the matrix w, plus the bias b (or nil) in each row.
ops.dense = define("dense", function(x, w, b)
  local left, right = is_tracked(w) and x, is_tracked(x) and w
  return core.matmul(x, w, false, false, b), function(dy, need_x, need_w, need_b)
    local dx, dw = matmul_backward(dy, left, right, need_x, need_w)
    return dx, dw, need_b and core.sum_to(dy, { core.size(dy, core.rank(dy)) }) or nil
  end, { left, right }
end)

-- ---- shape ----

ops.reshape = define("reshape", function(x, ...)
  local y, shape = core.reshape(x, ...), core.shape(x)
  return y, function(dy) return core.reshape(dy, shape) end, NOTHING
end)

ops.narrow = define("narrow", function(x, first, count)
  local y, shape = core.narrow(x, first, count), core.shape(x)
  return y, function(dy) return core.slice_backward(dy, shape, 1, first) end, NOTHING
end)

local narrow = ops.narrow

--- Row i of x, as a view; of a tensor with one dimension the plain number.
function ops.row(x, i)
  local y = core.row(x, i)
  if type(y) == "number" or not is_tracked(x) then return y end
  local shape = core.shape(x)
  table.remove(shape, 1)
  return ops.reshape(narrow(x, i, 1), shape)
end

ops.slice = define("slice", function(x, dimension, first, count)
  local y, shape = core.slice(x, dimension, first, count), core.shape(x)
  return y, function(dy)
    return core.slice_backward(dy, shape, dimension, first)
  end, NOTHING
end)

ops.transpose = define("transpose", function(x, d1, d2)
  return core.transpose(x, d1, d2), function(dy) return core.transpose(dy, d1, d2) end, NOTHING
end)

ops.index = define("index", function(x, rows)
  rows = own_list(rows)
  local y, shape = core.index(x, rows), core.shape(x)
  return y, function(dy) return core.index_backward(dy, shape, rows) end, { rows }
end)

local concat = define("concat", function(dimension, ...)
  local parts, sizes = { ... }, {}
  local y = core.concat(parts, dimension)
  for i = 1, #parts do sizes[i] = core.size(parts[i], dimension) end
  return y, function(dy)
    local gradients, first = {}, 1
    for i = 1, #sizes do
      gradients[i] = core.slice(dy, dimension, first, sizes[i])
      first = first + sizes[i]
    end
    return nil, table.unpack(gradients)
  end, NOTHING
end)

--- Joins a list of tensors along a dimension.
function ops.concat(parts, dimension) return concat(dimension, table.unpack(parts)) end

-- ---- layers ----

-- A convolution of at most so many multiply-adds per result is made again rather than kept: that costs little more than
-- to read it.
local CHEAP = 32

-- What follows the convolution may be done in the same pass: maximum over windows of pool_size rows (nil: none),
-- pool_stride apart, then slope (nil: 1) times what is negative; while recording only 0.
ops.conv1d = define("conv1d", function(x, w, b, stride, dilation, padding, pool_size, pool_stride, slope)
  local recorded = is_recording()
  local y, winners = core.conv1d(x, w, b, stride, dilation, padding, pool_size, pool_stride, slope, recorded)
  if not recorded then return y end
  local kept, recipe = keep(x)
  local is_cheap = kept and not winners and core.size(w, 1) * core.size(w, 2) <= CHEAP
  return y, function(dy, need_x, need_w, need_b)
    local dx, dw, db = core.conv1d_backward(dy, winners, kept or recipe:take(), w, stride, dilation, padding,
      pool_size, pool_stride, slope, need_x, need_w, need_b)
    if winners then core.close(winners) end
    if recipe then recipe:drop() end
    return dx, dw, db
  end, { kept, w, is_cheap and b }, is_cheap and function()
    return (core.conv1d(x, w, b, stride, dilation, padding, pool_size, pool_stride, slope, false))
  end
end)

for _, name in ipairs { "max_pool1d", "avg_pool1d" } do
  local forward, backward = core[name], core[name .. "_backward"]
  ops[name] = define(name, function(x, size, stride, padding)
    local kept, recipe = keep(x)
    return forward(x, size, stride, padding), function(dy)
      local dx = backward(dy, kept or recipe:take(), size, stride, padding)
      if recipe then recipe:drop() end
      return dx
    end, { kept }
  end)
end

-- Batch norm with these statistics; train: they are those of x.
local function normalise(train, x, mean, var, gamma, beta, epsilon, slope, pool_size, pool_stride)
  local kept, recipe = keep(x)
  local function apply(input, keep_winners)
    return core.batch_norm_apply(input, mean, var, gamma, beta, epsilon, slope, pool_size, pool_stride, keep_winners)
  end
  local y, winners = apply(x, is_recording())
  return y, function(dy)
    local dx, dgamma, dbeta = core.batch_norm_backward(dy, winners, kept or recipe:take(), mean, var, gamma, beta,
      epsilon, slope, pool_size, pool_stride, train)
    if winners then core.close(winners) end
    if recipe then recipe:drop() end
    return dx, dgamma, dbeta
  end, { kept, gamma, beta }, function() return (apply(kept or recipe:take(), false)) end
end

--- Batch norm with the statistics of the batch, which move the running ones (nil: none to move), then slope
-- times what is negative: 1 is batch norm alone, 0 a ReLU behind it, else a leaky one; then the maximum over
-- windows of pool_size rows (nil: none), pool_stride apart.
-- Source: Ioffe and Szegedy 2015.
ops.batch_norm = define("batch_norm", function(x, gamma, beta, running_mean, running_var, momentum, ...)
  local mean, var = core.batch_norm_statistics(x, running_mean, running_var, momentum)
  return normalise(true, x, mean, var, gamma, beta, ...)
end)

--- Batch norm with given statistics, as in evaluation.
ops.batch_norm_fixed = define("batch_norm", function(x, gamma, beta, mean, var, ...)
  local y, backward, saved = normalise(false, x, mean, var, gamma, beta, ...)
  return y, backward, { mean, var, table.unpack(saved) }
end)

ops.layer_norm = define("layer_norm", function(x, gamma, beta, epsilon)
  local y, mean, inv_sd = core.layer_norm(x, gamma, beta, epsilon)
  return y, function(dy) return core.layer_norm_backward(dy, x, mean, inv_sd, gamma) end, { x, gamma }
end)

--- Takes a draw of the generator for each element, and keeps a byte for each where backward will want it.
ops.dropout = define("dropout", function(x, rate, rng)
  local y, kept = core.dropout(x, rate, rng, is_recording())
  return y, function(dy)
    local dx = core.dropout_backward(dy, kept, rate)
    core.close(kept)
    return dx
  end, NOTHING
end)

for _, name in ipairs { "softmax", "log_softmax" } do
  local forward, backward = core[name], core[name .. "_backward"]
  ops[name] = define(name, function(x)
    local y = forward(x)
    return y, function(dy) return backward(dy, y) end, { y }
  end)
end

ops.cross_entropy = define("cross_entropy", function(logits, labels, weights)
  labels = own_list(labels)
  return core.cross_entropy(logits, labels, weights), function(dloss)
    return core.cross_entropy_backward(dloss, logits, labels, weights)
  end, { logits, labels, weights }
end)

ops.mse = define("mse", function(prediction, target)
  return core.mse(prediction, target), function(dloss, need_prediction, need_target)
    local gradient = core.mse_backward(dloss, prediction, target)
    return need_prediction and gradient or nil, need_target and core.neg(gradient) or nil
  end
end)

return ops
