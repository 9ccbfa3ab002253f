--- Position: where a point is, as a channel.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

--- Adds a channel with the place along L, from -1 to 1: (N, L, C) to (N, L, C + 1), so that a network that pools can
-- still know where a peak is. Source: CoordConv, Liu et al. 2018, arXiv 1807.03247.
-- @return layer
layers.Position = Layer.class("Position", {}, {
  forward = function(layer, x)
    local shape = core.shape(x)
    inputs.check_shape(layer, shape, 3)
    local n, length = shape[1], shape[2]
    local place = core.arange(-1, length > 1 and 2 / (length - 1) or 0, length)
    return ops.concat({ x, core.add(core.reshape(place, { 1, length, 1 }), core.full(0, { n, length, 1 })) }, 3)
  end,
  output_shape = function(layer, shape)
    inputs.check_shape(layer, shape, 3)
    return { shape[1], shape[2], shape[3] + 1 }
  end,
})

return layers
