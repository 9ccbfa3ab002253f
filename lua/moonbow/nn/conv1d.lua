--- Conv1d: convolution along the length.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local activations = require "moonbow.nn.activations"
local affine = require "moonbow.nn.affine"
local fusion = require "moonbow.nn.fusion"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"
local windows = require "moonbow.windows"

local layers = {}

local function check_groups(layer, channels)
  local groups = layer.options.groups
  if channels % groups ~= 0 then
    check.fail(layer.type, "groups: expected a divisor of the %d channels, got %d", channels, groups)
  end
end

-- The channels that the weight takes.
local function channels_of(layer) return core.size(layer.weight, 2) * layer.options.groups end

--- Convolution along L: (N, L, C) to (N, L', filters). The weight is (kernel, C / groups, filters). Raises if C is not
-- that of the weight, or the kernel does not fit into L.
-- @option filters the channels of the output
-- @option kernel points of a filter
-- @option stride points between two windows
-- @option dilation points between two points of a window
-- @option padding "valid" (none), "same" as Keras defines it (L' is ceil(L / stride); an odd point goes to the right),
--   "causal" (all on the left: a result depends on no later point), points on both sides, or { left, right }
-- @option groups of channels, a divisor of C and of filters: each group of filters sees its own group of channels
--   alone. groups = C is a depthwise convolution
-- @option bias true: adds one to each channel
-- @option activation behind the layer: a name of mb.nn.activations, or a function of a tensor; none unless given
-- @option initializer of the weight: a name of mb.nn.initializers, a number, or a function(rng, shape, fan_in, fan_out)
--   that returns a tensor
-- @option bias_initializer of the bias, likewise
-- @return layer
-- @usage local layer = nn.Conv1d { filters = 64, kernel = 20, padding = "same", activation = "relu" }
layers.Conv1d = Layer.class("Conv1d", affine.options(windows.conv1d {
  filters = check.required "positive integer", kernel = check.required "positive integer",
}), {
  make = function(layer, shape, rng)
    inputs.check_shape(layer, shape, 3)
    local options, groups = layer.options, layer.options.groups
    check_groups(layer, shape[3])
    local channels, kernel, filters = shape[3] // groups, options.kernel, options.filters
    affine.make(layer, rng, { kernel, channels, filters }, kernel * channels, kernel * filters // groups)
  end,
  forward = function(layer, x) return layer:convolve(x) end,
  -- One pass: convolution, activation, and the pooling behind it (nil: none). folded (nil: nothing): the weight, bias
  -- and activation with which it does the work of a batch norm, too (see moonbow.nn.fusion).
  convolve = function(layer, x, pool, folded)
    local options, source, size, stride = layer.options, folded or layer, nil, nil
    inputs.check_map(layer, x, channels_of(layer))
    layer.folded = folded
    if pool then size, stride = pool.options.size, pool.options.stride end
    local slope = fusion.slope(layer, source)
    local y = ops.conv1d(x, source.weight, source.bias, options.stride, options.dilation, options.padding,
      options.groups, size, stride, slope)
    return activations.apply(not slope and source.activate, y, source.options.alpha)
  end,
  output_shape = function(layer, shape)
    local options = layer.options
    inputs.check_shape(layer, shape, 3)
    if layer.made then inputs.check_channels(layer, shape[3], channels_of(layer), "channels") end
    check_groups(layer, shape[3])
    local length = inputs.count_windows(layer, shape[2], options.kernel, options.stride, options.dilation,
      options.padding)
    return activations.shape_after(layer, { shape[1], length, options.filters })
  end,
  macs = function(layer, _, output)
    return output[2] * core.count(layer.weight)
  end,
}, function(layer, options)
  windows.check_padding(layer.type, options.padding)
  if options.filters % options.groups ~= 0 then
    check.fail(layer.type, "groups: expected a divisor of the %d filters, got %d", options.filters, options.groups)
  end
  affine.read(layer, options)
end)

return layers
