--- Batch norm, layer norm and group norm.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local activations = require "moonbow.nn.activations"
local fusion = require "moonbow.nn.fusion"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

local function make_scale(layer, shape)
  local channels = shape[#shape]
  layer:add_parameter("gamma", "ones", nil, { channels })
  layer:add_parameter("beta", "zeros", nil, { channels })
end

local function output_shape(layer, shape)
  if layer.made then inputs.check_channels(layer, shape[#shape], core.size(layer.gamma, 1), "channels") end
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

--- Batch norm of each channel, the last dimension of any shape: gamma (x - mean) / sqrt(variance + epsilon) + beta.
-- Training mode takes the statistics of the batch, which move layer.running_mean and layer.running_var; evaluation mode
-- takes these. In training mode it raises for one value of each channel, (1, C) or (1, 1, C), as PyTorch does.
-- Source: Ioffe and Szegedy 2015.
-- @option momentum the share of the old running statistics that stays, as in Keras; networks "as published" have 0.99
-- @option epsilon added to the variance; networks "as published" have 1e-3
-- @option activation behind the layer: a name of mb.nn.activations, or a function of a tensor; ReLU and leaky ReLU are
--   part of the same pass; none unless given
-- @option alpha of the activation, if it has one
-- @return layer
layers.BatchNorm1d = Layer.class("BatchNorm1d", {
  momentum = check.default(0.9, "fraction"), epsilon = check.default(1e-5, "non-negative real"),
  activation = check.optional "string|function", alpha = check.optional "real",
}, {
  make = function(layer, shape)
    make_scale(layer, shape)
    layer:add_buffer("running_mean", core.full(0, { shape[#shape] }))
    layer:add_buffer("running_var", core.full(1, { shape[#shape] }))
    layer.momentum = layer.options.momentum
  end,
  forward = function(layer, x) return layer:normalise(x) end,
  -- One pass: batch norm, activation, and the pooling behind it, if there is one (see moonbow.nn.fusion).
  normalise = function(layer, x, pool)
    local slope = fusion.slope(layer, layer)
    local size, stride, y
    if pool then size, stride = pool.options.size, pool.options.stride end
    local mean, var, epsilon = layer.running_mean, layer.running_var, layer.options.epsilon
    if layer.training then
      check_batch(layer, x)
      y = ops.batch_norm(x, layer.gamma, layer.beta, mean, var, layer.momentum, epsilon, slope or 1, size, stride)
    else
      y = ops.batch_norm_fixed(x, layer.gamma, layer.beta, mean, var, epsilon, slope or 1, size, stride)
    end
    return activations.apply(not slope and layer.activate, y, layer.options.alpha)
  end,
  output_shape = output_shape,
}, activations.read)

--- Layer norm over the last dimension of any shape, with gamma and beta of each channel.
-- Source: Ba, Kiros and Hinton 2016.
-- @option epsilon added to the variance
-- @return layer
layers.LayerNorm = Layer.class("LayerNorm", { epsilon = check.default(1e-5, "non-negative real") }, {
  make = make_scale,
  output_shape = output_shape,
  forward = function(layer, x) return ops.layer_norm(x, layer.gamma, layer.beta, layer.options.epsilon) end,
})

-- (N, L, C) as a row of L C / groups for each spectrum and group; and back.
local function rows_of(x, groups)
  local n, length, channels = core.size(x, 1), core.size(x, 2), core.size(x, 3)
  if groups > 1 then x = ops.transpose(ops.reshape(x, n, length, groups, channels // groups), 2, 3) end
  return ops.reshape(x, n * groups, length * (channels // groups))
end

local function from_rows(rows, groups, shape)
  local n, length, channels = table.unpack(shape)
  if groups == 1 then return ops.reshape(rows, shape) end
  local apart = ops.reshape(rows, n, groups, length, channels // groups)
  return ops.reshape(ops.transpose(apart, 2, 3), shape)
end

local function check_groups(layer, shape)
  inputs.check_shape(layer, shape, 3)
  if shape[3] % layer.options.groups ~= 0 then
    check.fail("GroupNorm", "groups: expected a divisor of the %d channels, got %d", shape[3], layer.options.groups)
  end
end

--- Group norm: the channels of (N, L, C) in groups of neighbours; each group of a spectrum gets mean 0 and variance 1
-- over its channels and all of L, then gamma and beta of each channel. It needs no batch and is the same in training
-- and evaluation. Raises if the groups do not divide C. Source: Wu and He 2018.
-- @option groups their number; 1 takes all channels together, C each alone
-- @option epsilon added to the variance
-- @return layer
-- @usage local layer = nn.GroupNorm { groups = 4 }
layers.GroupNorm = Layer.class("GroupNorm", {
  groups = check.required "positive integer", epsilon = check.default(1e-5, "non-negative real"),
}, {
  make = make_scale,
  output_shape = function(layer, shape)
    check_groups(layer, shape)
    return output_shape(layer, shape)
  end,
  forward = function(layer, x)
    local shape, groups = core.shape(x), layer.options.groups
    check_groups(layer, shape)
    inputs.check_channels(layer, shape[3], core.size(layer.gamma, 1), "channels")
    local rows = rows_of(x, groups)
    local width = { core.size(rows, 2) }
    local y = ops.layer_norm(rows, core.full(1, width), core.full(0, width), layer.options.epsilon)
    return ops.add(ops.mul(from_rows(y, groups, shape), layer.gamma), layer.beta)
  end,
})

return layers
