--- Dense: a matrix product with weights.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local activations = require "moonbow.nn.activations"
local affine = require "moonbow.nn.affine"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

--- Matrix product over the last dimension: (N, C) to (N, units), (N, L, C) to (N, L, units). The weight is (C, units).
-- Raises if C is not that of the weight.
-- @option units the size of the output
-- @option bias true: adds one to each of the units
-- @option activation behind the layer: a name of mb.nn.activations, or a function of a tensor; none unless given
-- @option initializer of the weight: a name of mb.nn.initializers, a number, or a function(rng, shape, fan_in, fan_out)
--   that returns a tensor
-- @option bias_initializer of the bias, likewise
-- @return layer
-- @usage local layer = nn.Dense { units = 10 }
layers.Dense = Layer.class("Dense", affine.options { units = check.required "positive integer" }, {
  make = function(layer, shape, rng)
    local features, units = shape[#shape], layer.options.units
    affine.make(layer, rng, { features, units }, features, units)
  end,
  forward = function(layer, x)
    inputs.check_channels(layer, core.size(x, core.rank(x)), core.size(layer.weight, 1), "features")
    return activations.apply(layer.activate, ops.dense(x, layer.weight, layer.bias))
  end,
  output_shape = function(layer, shape)
    if layer.made then inputs.check_channels(layer, shape[#shape], core.size(layer.weight, 1), "features") end
    local output = { table.unpack(shape) }
    output[#output] = layer.options.units
    return activations.shape_after(layer, output)
  end,
  macs = function(layer, input)
    return core.count(layer.weight) * (#input == 3 and input[2] or 1)
  end,
}, affine.read)

return layers
