--- The differentiable operations, one definition each: forward saves what backward needs, see docs/tape.md.
-- Arguments are positional and already checked for kind by the kernels' bindings; tensor.lua and nn give them their
-- public form.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local elementwise = require "moonbow.elementwise"

local ops = {}

local define, is_tracked = autograd.define, core.is_tracked

-- Copies a list of numbers, since its owner may change it before backward. A changed tensor is noticed without a copy.
local function own_list(list)
  if type(list) ~= "table" then return list end
  local copy = {}
  for i, number in pairs(list) do copy[i] = number end
  return copy
end

-- ---- two operands, which are broadcast; one of them may be a number ----

-- Sums a gradient to the shape of an operand that was broadcast (nil: it was not).
local function reduce(gradient, shape, dy)
  if not (gradient and shape) then return gradient end
  local sum = core.sum_to(gradient, shape)
  if not rawequal(gradient, dy) then core.close(gradient) end
  return sum
end

-- backward(dy, ...) gets what saved(tape, a, b, y) returns (nil: nothing is saved) and returns gradients of y's shape.
local function define_binary(name, saved, backward)
  local forward, broadcast_from = core[name], core.broadcast_from
  ops[name] = define(name, {
    forward = function(tape, a, b)
      local y = forward(a, b)
      if not tape.recorded then return y end
      local a_shape, b_shape = tape:needs(1) and broadcast_from(a, y), tape:needs(2) and broadcast_from(b, y)
      if saved then
        tape:save(a_shape, b_shape, saved(tape, a, b, y))
      elseif a_shape or b_shape then
        tape:save(a_shape, b_shape)
      end
      return y
    end,
    backward = function(dy, a_shape, b_shape, ...)
      local da, db = backward(dy, ...)
      return reduce(da, a_shape, dy), reduce(db, b_shape, dy)
    end,
  })
end

local function needs_of_both(tape) return tape:needs(1), tape:needs(2) end

define_binary("add", nil, function(dy) return dy, dy end)

define_binary("sub", function(tape) return tape:needs(2) end, function(dy, need_b)
  return dy, need_b and core.neg(dy)
end)

define_binary("mul", function(tape, a, b) return tape:needs(2) and a, tape:needs(1) and b end, function(dy, a, b)
  return b and core.chain(dy, b), a and core.chain(dy, a)
end)

define_binary("div", function(tape, _, b, y)
  return b, tape:needs(2) and y, tape:needs(1)
end, function(dy, b, y, need_a)
  local da = core.chain_div(dy, b)
  return need_a and da, y and core.neg(core.chain(da, y))
end)

-- The exponent of a base 0 gets the gradient 0.
define_binary("pow", function(tape, a, b, y)
  return a, b, y, needs_of_both(tape)
end, function(dy, a, b, y, need_a, need_b)
  local da = need_a and core.chain(dy, core.chain(b, core.pow(a, core.sub(b, 1))))
  if not need_b then return da end
  local log_a = core.chain(core.ne(a, 0), core.log(type(a) == "number" and core.full(a, 1) or a))
  return da, core.chain(dy, core.chain(y, log_a))
end)

-- The operand that is the result gets the gradient: a if both are equal, or if a is NaN.
for name, keeps_a in pairs { maximum = core.ge, minimum = core.le } do
  define_binary(name, function(tape, a, b) return a, b, needs_of_both(tape) end, function(dy, a, b, need_a, need_b)
    local from_a = core.maximum(keeps_a(a, b), core.ne(a, a))
    return need_a and core.chain(dy, from_a), need_b and core.chain(dy, core.sub(1, from_a))
  end)
end

--- b where a is not 0, else -0; a has no gradient.
define_binary("mask", function(_, a) return a end, function(dy, a) return nil, core.chain(core.ne(a, 0), dy) end)

--- leaky ReLU of a + b, both of one shape: negative sums times slope (0 or more). It fuses a shortcut and its ReLU.
ops.add_activate = define("add_activate", {
  forward = function(tape, a, b, slope)
    local y = core.add_activate(a, b, slope)
    tape:save(y, slope)
    return y
  end,
  backward = function(dy, y, slope)
    local dz = (slope > 0 and core.leaky_relu_backward or core.relu_backward)(dy, y, slope)
    return dz, core.alias(dz)
  end,
})

-- ---- one operand ----

-- The derivative is computed from the input, the result or neither, as the row in C says; from the result only if alpha
-- leaves the input recoverable from it.
for _, row in ipairs(elementwise) do
  local name = row[1]
  local forward, reads = core[name], core.unary_reads[name]
  ops[name] = define(name, {
    forward = function(tape, x, alpha)
      local y = forward(x, alpha)
      if reads == "none" then return y end
      tape:save(reads == "y" and (alpha == nil or alpha > 0) and y or x, alpha)
      return y
    end,
    backward = core[name .. "_backward"],
  })
end

-- The derivative needs no saved values.
ops.neg = define("neg", { forward = function(_, x) return core.neg(x) end, backward = core.neg })

-- ---- reductions over all elements, or over one dimension, which is removed ----

for _, name in ipairs { "sum", "mean" } do
  local forward = core[name]
  ops[name] = define(name, {
    forward = function(tape, x, dimension)
      tape:save(core.shape(x), dimension)
      return forward(x, dimension)
    end,
    backward = core[name .. "_backward"],
  })
end
for _, name in ipairs { "var", "std", "min", "max" } do
  local forward = core[name]
  ops[name] = define(name, {
    forward = function(tape, x, dimension, ddof)
      tape:save(x, dimension, ddof)
      return forward(x, dimension, ddof)
    end,
    backward = core[name .. "_backward"],
  })
end

--- The sum of squares of x, as a tensor of one element: the L2 penalty before its factor.
ops.sum_squares = define("sum_squares", {
  forward = function(tape, x)
    tape:save(x)
    return core.full(core.sum_squares(x), 1)
  end,
  backward = function(dy, x) return core.chain(dy, core.mul(x, 2)) end,
})

--- The product along a dimension, which stays with size 1.
ops.prod = define("prod", {
  forward = function(tape, x, dimension)
    tape:save(x, dimension)
    return core.prod(x, dimension)
  end,
  backward = core.prod_backward,
})

ops.cumsum = define("cumsum", {
  forward = function(tape, x, dimension)
    tape:save(dimension)
    return core.cumsum(x, dimension)
  end,
  backward = core.cumsum_backward,
})

-- ---- matrix product ----

-- Returns the gradients of both factors of a product; a is false if b needs none, and b is false if a needs none. The
-- gradient of b comes first: then a is not needed any more, and the gradient of a can take its memory.
local function matmul_backward(dy, a, b)
  local db = a and core.weight_gradient(a, dy)
  return b and core.matmul(dy, b, false, true), db
end

ops.matmul = define("matmul", {
  forward = function(tape, a, b)
    tape:save(tape:needs(2) and a, tape:needs(1) and b)
    return core.matmul(a, b)
  end,
  backward = matmul_backward,
})

--- x times the matrix w, plus the bias b (or nil) in each row.
ops.dense = define("dense", {
  forward = function(tape, x, w, b)
    if tape.recorded then tape:save(tape:needs(2) and x, tape:needs(1) and w, tape:needs(3)) end
    return core.matmul(x, w, false, false, b)
  end,
  backward = function(dy, x, w, need_b)
    local dx, dw = matmul_backward(dy, x, w)
    return dx, dw, need_b and core.sum_to(dy, { core.size(dy, core.rank(dy)) })
  end,
})

-- ---- shape ----

ops.reshape = define("reshape", {
  forward = function(tape, x, ...)
    tape:save(core.shape(x))
    return core.reshape(x, ...)
  end,
  backward = core.reshape,
})

ops.narrow = define("narrow", {
  forward = function(tape, x, first, count)
    tape:save(core.shape(x), 1, first)
    return core.narrow(x, first, count)
  end,
  backward = core.slice_backward,
})

local narrow = ops.narrow

-- Row i of x, as a view; a number if x has one dimension.
function ops.row(x, i)
  local y = core.row(x, i)
  if type(y) == "number" or not is_tracked(x) then return y end
  local shape = core.shape(x)
  table.remove(shape, 1)
  return ops.reshape(narrow(x, i, 1), shape)
end

ops.slice = define("slice", {
  forward = function(tape, x, dimension, first, count)
    tape:save(core.shape(x), dimension, first)
    return core.slice(x, dimension, first, count)
  end,
  backward = core.slice_backward,
})

ops.transpose = define("transpose", {
  forward = function(tape, x, d1, d2)
    tape:save(d1, d2)
    return core.transpose(x, d1, d2)
  end,
  backward = core.transpose,
})

ops.index = define("index", {
  forward = function(tape, x, rows)
    rows = own_list(rows)
    tape:save(core.shape(x), rows)
    return core.index(x, rows)
  end,
  backward = core.index_backward,
})

--- Entries along a dimension, by a list of their numbers.
ops.take = define("index", {
  forward = function(tape, x, dimension, rows)
    rows = own_list(rows)
    tape:save(core.shape(x), dimension, rows)
    return core.take(x, dimension, rows)
  end,
  backward = core.take_backward,
})

--- One entry along a dimension for each element of the positions.
ops.pick = define("gather", {
  forward = function(tape, x, dimension, positions)
    tape:save(core.shape(x), dimension, positions)
    return core.pick(x, dimension, positions)
  end,
  backward = core.pick_backward,
})

--- Zeros of a shape, to which each element of x is added at its position along a dimension.
ops.scatter = define("scatter", {
  forward = function(tape, x, shape, dimension, positions)
    tape:save(dimension, positions)
    return core.pick_backward(x, shape, dimension, positions)
  end,
  backward = core.pick,
})

--- x between zeros: it begins at entry `first` of a dimension of a tensor of this shape.
ops.embed = define("pad", {
  forward = function(tape, x, shape, dimension, first)
    tape:save(dimension, first, core.size(x, dimension))
    return core.slice_backward(x, shape, dimension, first)
  end,
  backward = core.slice,
})

local concat = define("concat", {
  forward = function(tape, dimension, ...)
    local parts, sizes = { ... }, {}
    for i = 1, #parts do sizes[i] = core.size(parts[i], dimension) end
    tape:save(dimension, sizes)
    return core.concat(parts, dimension)
  end,
  backward = function(dy, dimension, sizes)
    local gradients, first = {}, 1
    for i = 1, #sizes do
      gradients[i] = core.slice(dy, dimension, first, sizes[i])
      first = first + sizes[i]
    end
    return nil, table.unpack(gradients)
  end,
})

--- Concatenates a list of tensors along a dimension.
function ops.concat(parts, dimension) return concat(dimension, table.unpack(parts)) end

-- ---- layers ----

-- A convolution with at most this many multiply-adds per result is recomputed, which costs little more than reading a
-- kept result. It is kept if its own input is recomputed: a chain of recomputations would cost more than it saves.
local CHEAP = 32

local function recompute_conv1d(_, x, w, stride, dilation, padding, groups, pool_size, pool_stride, slope, _, _, _,
    b)
  return core.conv1d(x, w, b, stride, dilation, padding, groups, pool_size, pool_stride, slope, false)
end

-- The kernel can fuse the pooling and leaky ReLU behind the convolution: maximum over windows of pool_size rows (nil:
-- none), pool_stride apart, then slope (nil: 1) times negative values; only slope 0 while recording.
ops.conv1d = define("conv1d", {
  forward = function(tape, x, w, b, stride, dilation, padding, groups, pool_size, pool_stride, slope)
    local y, argmax = core.conv1d(x, w, b, stride, dilation, padding, groups, pool_size, pool_stride, slope,
      tape.recorded)
    if not tape.recorded then return y end
    padding = own_list(padding)
    local is_cheap = not argmax and core.size(w, 1) * core.size(w, 2) <= CHEAP
    tape:save(argmax, x, w, stride, dilation, padding, groups, pool_size, pool_stride, slope,
      tape:needs(1), tape:needs(2), tape:needs(3), is_cheap and b)
    if is_cheap and not tape.producers then tape:recompute(recompute_conv1d) end
    core.drop(argmax)
    return y
  end,
  backward = core.conv1d_backward,
})

--- The gradient of a convolution by w (K, C, F) with respect to an input of `length` points: x (N, L, F) to (N, length,
-- C).
ops.conv1d_transpose = define("conv1d_transpose", {
  forward = function(tape, x, w, length, stride, dilation, padding)
    padding = own_list(padding)
    tape:save(x, w, stride, dilation, padding, tape:needs(1), tape:needs(2))
    return core.conv1d_transpose(x, w, length, stride, dilation, padding)
  end,
  backward = function(dy, x, w, stride, dilation, padding, need_x, need_w)
    local dx = need_x and core.conv1d(dy, w, nil, stride, dilation, padding, 1, nil, nil, nil, false)
    local _, dw = core.conv1d_backward(x, nil, dy, w, stride, dilation, padding, 1, nil, nil, nil, false, need_w)
    return dx, dw
  end,
})

ops.upsample1d = define("upsample1d", {
  forward = function(tape, x, factor, kind)
    tape:save(factor, kind)
    return core.upsample1d(x, factor, kind)
  end,
  backward = core.upsample1d_backward,
})

for _, name in ipairs { "max_pool1d", "avg_pool1d" } do
  local forward = core[name]
  ops[name] = define(name, {
    forward = function(tape, x, ...)
      tape:save(x, ...)
      return forward(x, ...)
    end,
    backward = core[name .. "_backward"],
  })
end

--- The states (L, N, U) of an LSTM ("lstm") or GRU ("gru") of U units and 4 or 3 gates, side by side: W (C, gates U)
-- and b (gates U) are for the input x (L, N, C), R (U, gates U) for the state before, and product_bias (U), of a GRU
-- alone, for its product for the candidate.
ops.recurrent = define("recurrent", {
  forward = function(tape, kind, x, W, b, R, product_bias)
    local h, gates, c = core.recurrent(kind, x, W, b, R, product_bias, tape.recorded)
    tape:save(kind, h, gates, c, R, x, W, tape:needs(2))
    core.drop(gates)
    core.drop(c)
    return h
  end,
  backward = function(dh, kind, h, gates, c, R, x, W, need_x)
    local dz, dR, db = core.recurrent_backward(kind, dh, h, gates, c, R)
    local dx, dW = need_x and core.matmul(dz, W, false, true), core.weight_gradient(x, dz)
    local db_input = core.sum_to(dz, { core.size(dz, 3) })
    core.close(dz)
    return nil, dx, dW, db_input, dR, db
  end,
})

--- Attention of several heads: qkv (N, L, 3 C), queries, keys and values side by side, to (N, L, C). causal: a point
-- sees only those up to itself.
ops.attention = define("attention", {
  forward = function(tape, qkv, heads, causal)
    tape:save(qkv, heads, causal)
    return core.attention(qkv, heads, causal)
  end,
  backward = core.attention_backward,
})

local function recompute_norm(_, x, mean, var, gamma, beta, epsilon, slope, pool_size, pool_stride)
  return core.batch_norm_apply(x, mean, var, gamma, beta, epsilon, slope, pool_size, pool_stride, false)
end

-- Batch norm with these statistics; train: they are the statistics of x.
local function normalise(tape, train, x, mean, var, gamma, beta, epsilon, slope, pool_size, pool_stride)
  local y, argmax = core.batch_norm_apply(x, mean, var, gamma, beta, epsilon, slope, pool_size, pool_stride,
    tape.recorded)
  if not tape.recorded then return y end
  tape:save(argmax, x, mean, var, gamma, beta, epsilon, slope, pool_size, pool_stride, train)
  tape:recompute(recompute_norm)
  core.drop(argmax)
  return y
end

--- Batch norm with the statistics of the batch, which update the running ones (nil: none), then slope times negative
-- values (1: batch norm alone, 0: a ReLU behind it, else a leaky one), then the maximum over windows of pool_size rows
-- (nil: none), pool_stride apart.
-- Source: Ioffe and Szegedy 2015.
ops.batch_norm = define("batch_norm", {
  forward = function(tape, x, gamma, beta, running_mean, running_var, momentum, ...)
    local mean, var = core.batch_norm_statistics(x, running_mean, running_var, momentum)
    local y = normalise(tape, true, x, mean, var, gamma, beta, ...)
    core.drop(mean)
    core.drop(var)
    return y
  end,
  backward = core.batch_norm_backward,
})

--- Batch norm with given statistics, as in evaluation.
ops.batch_norm_fixed = define("batch_norm", {
  forward = function(tape, x, gamma, beta, mean, var, ...)
    return normalise(tape, false, x, mean, var, gamma, beta, ...)
  end,
  backward = core.batch_norm_backward,
})

ops.layer_norm = define("layer_norm", {
  forward = function(tape, x, gamma, beta, epsilon)
    local y, mean, inv_sd = core.layer_norm(x, gamma, beta, epsilon)
    tape:save(x, mean, inv_sd, gamma)
    core.drop(mean)
    core.drop(inv_sd)
    return y
  end,
  backward = core.layer_norm_backward,
})

--- Takes one draw of the generator per two elements, and keeps one byte per element if backward will need it.
ops.dropout = define("dropout", {
  forward = function(tape, x, rate, rng)
    local y, kept = core.dropout(x, rate, rng, tape.recorded)
    tape:save(kept, rate)
    core.drop(kept)
    return y
  end,
  backward = core.dropout_backward,
})

for _, name in ipairs { "softmax", "log_softmax" } do
  local forward = core[name]
  ops[name] = define(name, {
    forward = function(tape, x)
      local y = forward(x)
      tape:save(y)
      return y
    end,
    backward = core[name .. "_backward"],
  })
end

ops.cross_entropy = define("cross_entropy", {
  forward = function(tape, logits, labels, weights)
    labels = own_list(labels)
    tape:save(logits, labels, weights)
    return core.cross_entropy(logits, labels, weights)
  end,
  backward = core.cross_entropy_backward,
})

ops.mse = define("mse", {
  forward = function(tape, prediction, target)
    tape:save(prediction, target, tape:needs(1), tape:needs(2))
    return core.mse(prediction, target)
  end,
  backward = function(dloss, prediction, target, need_prediction, need_target)
    local gradient = core.mse_backward(dloss, prediction, target)
    return need_prediction and gradient, need_target and core.neg(gradient)
  end,
})

return ops
