--- Layers without parts. Inputs are (N, L, C), dense layers also take (N, C).
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local elementwise = require "moonbow.elementwise"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local random = require "moonbow.random"
local Layer = require "moonbow.nn.layer"
local activations = require "moonbow.nn.activations"
local initializers = require "moonbow.nn.initializers"

local class = Layer.class
local layers = {}

local function check_rank(layer, shape, rank)
  if #shape ~= rank then
    check.fail(layer.type, "input: expected %d dimensions, got shape %s", rank, check.show_shape(shape))
  end
end

local function check_input(layer, x, rank)
  if core.rank(x) ~= rank then check_rank(layer, core.shape(x), rank) end
end

-- The last dimension of an input has to be that of the weights, once they are made.
local function check_channels(layer, channels, expected, what)
  if channels ~= expected then
    check.fail(layer.type, "input has %d %s, weights expect %d", channels, what, expected)
  end
end

-- ---- output shapes: see moonbow.nn.shapes ----

local function same_shape(_, shape) return shape end

-- Length of the windows' output; the message of a window that does not fit is the layer's.
local function length_of_windows(layer, length, size, stride, dilation, padding)
  local ok, result = pcall(core.window, length, size, stride, dilation, padding)
  if not ok then check.fail(layer.type, "%s", result:match "window: (.*)" or result) end
  return result
end

local function shape_after_pool(layer, shape)
  local options = layer.options
  check_rank(layer, shape, 3)
  local length = length_of_windows(layer, shape[2], options.size, options.stride or options.size, 1, options.padding)
  return { shape[1], length, shape[3] }
end

local function read_weights_options(layer, options)
  layer.activate = activations.find(layer.type, options.activation)
  initializers.check(layer.type, "initializer", options.initializer)
  initializers.check(layer.type, "bias_initializer", options.bias_initializer)
end

local function check_padding(operation, padding)
  if type(padding) == "string" then
    check.name(operation, "padding", padding, { "valid", "same" })
  elseif padding < 0 then
    check.fail(operation, "padding: expected 'valid', 'same' or a number of points, got %s", check.show(padding))
  end
end

local any_initializer = "string|number|function"

-- Whether pool is a max-pooling that can be done in the pass of the layer before it, whose map is long enough: it
-- commutes with the activation between the two.
local function is_joinable(pool, acting)
  return pool ~= nil and pool.type == "MaxPool1d" and pool.options.padding == "valid"
    and pool.options.size <= core.pool_most and activations.is_rising(acting.activation, acting.alpha)
end

-- Size and stride of the pooling that is the last of the layers whose work is done too, if there is one.
local function joined_windows(joined)
  local pool = joined and joined[#joined]
  if not pool or pool.type ~= "MaxPool1d" then return nil end
  return pool.options.size, pool.options.stride or pool.options.size
end

-- Length of the map of a convolution, 0 where the input does not fit.
local function length_after(options, x)
  if core.rank(x) ~= 3 then return 0 end
  local ok, length = pcall(core.window, core.size(x, 2), options.kernel, options.stride, options.dilation,
    options.padding)
  return ok and length or 0
end

-- Whether a batch norm behind a convolution is only another scale and bias of its filters.
local function folds_norm(options, norm)
  return norm ~= nil and norm.type == "BatchNorm1d" and norm.made and not norm.training
    and not autograd.is_recording() and (options.activation == nil or options.activation == "linear")
end

-- How many of the layers behind part i of a Sequential a convolution does in its own pass over x.
local function joins(layer, parts, i, x)
  local options, count, acting = layer.options, 0, layer.options
  if folds_norm(options, parts[i + 1]) then count, acting = 1, parts[i + 1].options end
  local pool = parts[i + 1 + count]
  return is_joinable(pool, acting) and pool.options.size <= length_after(options, x) and count + 1 or count
end

local function fold(layer, norm)
  local scale = core.div(norm.gamma, core.sqrt(core.add(norm.running_var, norm.options.epsilon)))
  local shift = core.neg(norm.running_mean)
  if layer.bias then shift = core.add(shift, layer.bias) end
  return core.mul(layer.weight, scale), core.add(norm.beta, core.mul(shift, scale))
end

-- Are these the same tensors, none of them changed since?
local function is_fold_of(kept, tensors)
  if not kept then return false end
  for i = 1, #tensors do
    if not rawequal(kept.tensors[i], tensors[i]) then return false end
  end
  return kept.version == core.versions(tensors)
end

-- Weights and bias of a convolution with the batch norm behind it, kept until one of the two changes: a single
-- spectrum takes little longer than to make them.
local function folded(layer, norm)
  local tensors = {
    layer.weight, layer.bias or false, norm.gamma, norm.beta, norm.running_mean, norm.running_var,
  }
  if not is_fold_of(layer.fold, tensors) then
    local weight, bias = fold(layer, norm)
    layer.fold = { weight = weight, bias = bias, tensors = tensors, version = core.versions(tensors) }
  end
  return layer.fold.weight, layer.fold.bias
end

--- Convolution along L: (N, L, C) to (N, L', filters). Options: filters, kernel; stride (1), dilation
-- (1), padding ("valid", "same" as Keras defines it, or points on both sides), bias (true), activation
-- (none), initializer ("glorot_uniform"), bias_initializer ("zeros"). Weights are (kernel, C, filters).
layers.Conv1d = class("Conv1d", {
  filters = check.required "positive integer", kernel = check.required "positive integer",
  stride = check.default(1, "positive integer"), dilation = check.default(1, "positive integer"),
  padding = check.default("valid", "string|integer"), bias = true,
  activation = check.optional "string|function",
  initializer = check.default("glorot_uniform", any_initializer),
  bias_initializer = check.default("zeros", any_initializer),
}, {
  make = function(layer, shape, rng)
    check_rank(layer, shape, 3)
    local options, channels = layer.options, shape[3]
    local kernel, filters = options.kernel, options.filters
    layer:add_parameter("weight", options.initializer, rng, { kernel, channels, filters }, kernel * channels,
      kernel * filters)
    if options.bias then
      layer:add_parameter("bias", options.bias_initializer, rng, { filters }, kernel * channels, kernel * filters)
    end
  end,
  forward = function(layer, x, joined)
    local options, weight, bias, acting = layer.options, layer.weight, layer.bias, layer
    check_input(layer, x, 3)
    check_channels(layer, core.size(x, 3), core.size(weight, 2), "channels")
    local first = joined and joined[1]
    if first and first.type == "BatchNorm1d" then
      weight, bias = folded(layer, first)
      acting = first
    else
      layer.fold = nil
    end
    local slope = activations.slope(acting.options.activation, acting.options.alpha)
    local joined_slope = (slope == 0 or slope ~= 1 and not autograd.is_recording()) and slope or nil
    local pool_size, pool_stride = joined_windows(joined)
    local y = ops.conv1d(x, weight, bias, options.stride, options.dilation, options.padding, pool_size, pool_stride,
      joined_slope)
    return activations.apply(not joined_slope and acting.activate, y, acting.options.alpha)
  end,
  output_shape = function(layer, shape)
    local options = layer.options
    check_rank(layer, shape, 3)
    if layer.made then check_channels(layer, shape[3], core.size(layer.weight, 2), "channels") end
    local length = length_of_windows(layer, shape[2], options.kernel, options.stride, options.dilation,
      options.padding)
    return activations.shape_after(layer, { shape[1], length, options.filters })
  end,
  joins = joins,
  macs = function(layer, _, output)
    return output[2] * core.count(layer.weight)
  end,
}, function(layer, options)
  check_padding(layer.type, options.padding)
  read_weights_options(layer, options)
end)

--- Matrix product over the last dimension: (N, C) to (N, units), (N, L, C) to (N, L, units). Options:
-- units; bias (true), activation (none), initializer ("glorot_uniform"), bias_initializer ("zeros").
layers.Dense = class("Dense", {
  units = check.required "positive integer", bias = true, activation = check.optional "string|function",
  initializer = check.default("glorot_uniform", any_initializer),
  bias_initializer = check.default("zeros", any_initializer),
}, {
  make = function(layer, shape, rng)
    local options, inputs = layer.options, shape[#shape]
    layer:add_parameter("weight", options.initializer, rng, { inputs, options.units }, inputs, options.units)
    if options.bias then
      layer:add_parameter("bias", options.bias_initializer, rng, { options.units }, inputs, options.units)
    end
  end,
  forward = function(layer, x)
    check_channels(layer, core.size(x, core.rank(x)), core.size(layer.weight, 1), "features")
    return activations.apply(layer.activate, ops.dense(x, layer.weight, layer.bias))
  end,
  output_shape = function(layer, shape)
    if layer.made then check_channels(layer, shape[#shape], core.size(layer.weight, 1), "features") end
    local output = { table.unpack(shape) }
    output[#output] = layer.options.units
    return activations.shape_after(layer, output)
  end,
  macs = function(layer, input)
    return core.count(layer.weight) * (#input == 3 and input[2] or 1)
  end,
}, read_weights_options)

local function make_scale(layer, shape)
  local channels = shape[#shape]
  layer:add_parameter("gamma", "ones", nil, { channels })
  layer:add_parameter("beta", "zeros", nil, { channels })
end

local function shape_after_norm(layer, shape)
  if layer.made then check_channels(layer, shape[#shape], core.size(layer.gamma, 1), "channels") end
  return activations.shape_after(layer, shape)
end

-- The variance of one value is 0, whatever the value: its channel would lose all that it carries, and the running
-- variance shrink.
local function check_batch(layer, x)
  if core.count(x) == core.count(layer.gamma) then
    check.fail(layer.type, "training needs more than one value of each channel, got input of shape %s; make batches of "
      .. "at least two rows, or call model:eval()", check.show_shape(core.shape(x)))
  end
end

--- Batch norm of each channel. Options: momentum (0.9, Keras' sense: the share of the old running
-- statistics that stays; networks "as published" set 0.99), epsilon (1e-5; published 1e-3), activation
-- (none; ReLU and leaky ReLU are part of the same pass) and its alpha. In training mode it raises for one value of
-- each channel, (1, C) or (1, 1, C), as PyTorch does. Source: Ioffe and Szegedy 2015.
layers.BatchNorm1d = class("BatchNorm1d", {
  momentum = check.default(0.9, "fraction"), epsilon = check.default(1e-5, "non-negative real"),
  activation = check.optional "string|function", alpha = check.optional "real",
}, {
  make = function(layer, shape)
    make_scale(layer, shape)
    layer:add_buffer("running_mean", core.full(0, { shape[#shape] }))
    layer:add_buffer("running_var", core.full(1, { shape[#shape] }))
    layer.momentum = layer.options.momentum
  end,
  forward = function(layer, x, joined)
    local epsilon, slope, y = layer.options.epsilon, layer.slope or 1
    local mean, var = layer.running_mean, layer.running_var
    local pool_size, pool_stride = joined_windows(joined)
    if layer.training then
      check_batch(layer, x)
      y = ops.batch_norm(x, layer.gamma, layer.beta, mean, var, layer.momentum, epsilon, slope, pool_size, pool_stride)
    else
      y = ops.batch_norm_fixed(x, layer.gamma, layer.beta, mean, var, epsilon, slope, pool_size, pool_stride)
    end
    return activations.apply(not layer.slope and layer.activate, y, layer.options.alpha)
  end,
  output_shape = shape_after_norm,
  joins = function(layer, parts, i, x)
    local pool = parts[i + 1]
    return is_joinable(pool, layer.options) and core.rank(x) == 3 and pool.options.size <= core.size(x, 2) and 1 or 0
  end,
}, function(layer, options)
  layer.activate = activations.find("BatchNorm1d", options.activation)
  activations.check_alpha("BatchNorm1d", options.activation, options.alpha)
  layer.slope = activations.slope(options.activation, options.alpha)
end)

--- Layer norm over the last dimension. Options: epsilon (1e-5). Source: Ba, Kiros and Hinton 2016.
layers.LayerNorm = class("LayerNorm", { epsilon = check.default(1e-5, "non-negative real") }, {
  make = make_scale,
  output_shape = shape_after_norm,
  forward = function(layer, x) return ops.layer_norm(x, layer.gamma, layer.beta, layer.options.epsilon) end,
})

--- Sets a share (rate) of the elements to 0 in training and scales the others by 1 / (1 - rate).
layers.Dropout = class("Dropout", { rate = check.required "fraction below 1" }, {
  output_shape = same_shape,
  forward = function(layer, x)
    if not layer.training or layer.options.rate == 0 then return x end
    return ops.dropout(x, layer.options.rate, layer.rng or random.default())
  end,
})

local pool_options = {
  size = check.required "positive integer", stride = check.optional "positive integer",
  padding = check.one_of("valid", { "valid", "same" }),
}

local function pool(operation)
  return {
    forward = function(layer, x)
      local options = layer.options
      check_input(layer, x, 3)
      return operation(x, options.size, options.stride or options.size, options.padding)
    end,
    output_shape = shape_after_pool,
  }
end

--- Largest and mean value of windows along L. Options: size, stride (default: size), padding ("valid"
-- or "same"). A stride above the size leaves gaps.
layers.MaxPool1d = class("MaxPool1d", pool_options, pool(ops.max_pool1d))
layers.AvgPool1d = class("AvgPool1d", pool_options, pool(ops.avg_pool1d))

local MOST_TAPS = 100 -- each is a pass over the map

--- Anti-aliased max-pooling: the largest value of windows at every point, a binomial blur, then every stride-th point,
-- (N, L, C) to (N, ceil(L / stride), C). Options: size, stride (default: size), blur (3, taps, 2 to 100: blur - 1
-- averages of neighbours, which together move the map by (blur - 1) / 2 points). Source: Zhang 2019, arXiv 1904.11486.
layers.BlurPool1d = class("BlurPool1d", {
  size = check.required "positive integer", stride = check.optional "positive integer",
  blur = check.default(3, "positive integer"),
}, {
  forward = function(layer, x)
    local options = layer.options
    check_input(layer, x, 3)
    if options.size > 1 then x = ops.max_pool1d(x, options.size, 1, "same") end
    for _ = 1, options.blur - 2 do x = ops.avg_pool1d(x, 2, 1, "same") end
    return ops.avg_pool1d(x, 2, options.stride or options.size, "same")
  end,
  output_shape = function(layer, shape)
    local options = layer.options
    check_rank(layer, shape, 3)
    local length = length_of_windows(layer, shape[2], 2, options.stride or options.size, 1, "same")
    return { shape[1], length, shape[3] }
  end,
}, function(_, options)
  if options.blur < 2 or options.blur > MOST_TAPS then
    check.fail("BlurPool1d", "blur: expected an integer from 2 to %d, got %d", MOST_TAPS, options.blur)
  end
end)

--- Adds a channel with the place along L, from -1 to 1: (N, L, C) to (N, L, C + 1), so that a network that pools can
-- still know where a peak is. Source: CoordConv, Liu et al. 2018, arXiv 1807.03247.
layers.Position = class("Position", {}, {
  forward = function(layer, x)
    local shape = core.shape(x)
    check_rank(layer, shape, 3)
    local n, length = shape[1], shape[2]
    local place = core.arange(-1, length > 1 and 2 / (length - 1) or 0, length)
    return ops.concat({ x, core.add(core.reshape(place, { 1, length, 1 }), core.full(0, { n, length, 1 })) }, 3)
  end,
  output_shape = function(layer, shape)
    check_rank(layer, shape, 3)
    return { shape[1], shape[2], shape[3] + 1 }
  end,
})

local function global_pool(operation)
  return {
    forward = function(layer, x)
      check_input(layer, x, 3)
      return operation(x, 2)
    end,
    output_shape = function(layer, shape)
      check_rank(layer, shape, 3)
      return { shape[1], shape[3] }
    end,
  }
end

--- Mean and largest value over L: (N, L, C) to (N, C).
layers.GlobalAvgPool1d = class("GlobalAvgPool1d", {}, global_pool(ops.mean))
layers.GlobalMaxPool1d = class("GlobalMaxPool1d", {}, global_pool(ops.max))

--- (N, L, C) to (N, L C).
layers.Flatten = class("Flatten", {}, {
  forward = function(_, x)
    return ops.reshape(x, core.size(x, 1), core.count(x) // core.size(x, 1))
  end,
  output_shape = function(_, shape)
    local count = 1.0 -- a product of integers could wrap around
    for i = 2, #shape do count = count * shape[i] end
    return { shape[1], math.tointeger(count) or count }
  end,
})

--- An activation function by name. Options: name; alpha (leaky ReLU 0.01, ELU 1).
layers.Activation = class("Activation", {
  name = check.required "string", alpha = check.optional "real",
}, {
  output_shape = same_shape,
  forward = function(layer, x) return layer.activate(x, layer.options.alpha) end,
}, function(layer, options)
  layer.activate = activations.find("Activation", options.name)
  activations.check_alpha("Activation", options.name, options.alpha)
end)

local function activation_layer(name, activation)
  local activate = activations.find(name, activation)
  return class(name, { alpha = activations.takes_alpha(activation) and check.optional "real" or nil }, {
    forward = function(layer, x) return activate(x, layer.options.alpha) end,
    output_shape = same_shape,
  })
end

for _, row in ipairs(elementwise) do
  if row.layer then layers[row.layer] = activation_layer(row.layer, row[1]) end
end
--- Softmax over the last dimension: exp(x) divided by the sum of exp(x).
layers.Softmax = activation_layer("Softmax", "softmax")
--- The logarithm of the softmax over the last dimension.
layers.LogSoftmax = activation_layer("LogSoftmax", "log_softmax")

--- A function of your own as a layer: Lambda{ f }. It is called with the input and returns a tensor.
layers.Lambda = class("Lambda", { check.required "function" }, {
  forward = function(layer, x) return autograd.share(layer.options[1](autograd.share(x))) end,
})

return layers
