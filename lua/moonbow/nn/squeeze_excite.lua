--- SqueezeExcite: channels weighted by what all of them hold.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

local function hidden_units(layer, channels) return math.max(1, channels // layer.options.ratio) end

--- Multiplies each channel of (N, L, C) by a weight between 0 and 1 that two dense layers make of the means of all
-- channels over L: ReLU of C / ratio units, then the sigmoid of C. Source: Hu et al. 2018.
-- @option ratio channels by the units between them; at least one unit is left
-- @return layer
layers.SqueezeExcite = Layer.class("SqueezeExcite", { ratio = check.default(4, "positive integer") }, {
  make = function(layer, shape, rng)
    local channels = shape[3]
    local units = hidden_units(layer, channels)
    layer:add_parameter("squeeze_weight", "he_uniform", rng, { channels, units }, channels, units)
    layer:add_parameter("squeeze_bias", "zeros", rng, { units }, channels, units)
    layer:add_parameter("excite_weight", "glorot_uniform", rng, { units, channels }, units, channels)
    layer:add_parameter("excite_bias", "zeros", rng, { channels }, units, channels)
  end,
  output_shape = function(layer, shape)
    inputs.check_shape(layer, shape, 3)
    if layer.made then inputs.check_channels(layer, shape[3], core.size(layer.squeeze_weight, 1), "channels") end
    return shape
  end,
  forward = function(layer, x)
    inputs.check_map(layer, x, core.size(layer.squeeze_weight, 1))
    local units = ops.relu(ops.dense(ops.mean(x, 2), layer.squeeze_weight, layer.squeeze_bias))
    local gate = ops.sigmoid(ops.dense(units, layer.excite_weight, layer.excite_bias))
    return ops.mul(x, ops.reshape(gate, core.size(x, 1), 1, core.size(x, 3)))
  end,
  macs = function(layer, _, output) return 2 * output[3] * hidden_units(layer, output[3]) end,
})

return layers
