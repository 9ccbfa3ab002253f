--- Upsample1d: more points along the length.
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

--- factor points for each point along L: (N, L, C) to (N, factor L, C).
-- @option factor how many points
-- @option mode "nearest" repeats each point, as Keras does; "linear" draws lines between the middles of points, beyond
--   which the first and last value go on, as PyTorch does without align_corners
-- @return layer
-- @usage local layer = nn.Upsample1d { factor = 2, mode = "linear" }
layers.Upsample1d = Layer.class("Upsample1d", {
  factor = check.required "positive integer", mode = check.one_of("nearest", { "nearest", "linear" }),
}, {
  forward = function(layer, x)
    inputs.check_rank(layer, x, 3)
    return ops.upsample1d(x, layer.options.factor, layer.options.mode)
  end,
  output_shape = function(layer, shape)
    inputs.check_shape(layer, shape, 3)
    return { shape[1], shape[2] * layer.options.factor, shape[3] }
  end,
  -- Points of the input that one result depends on, results for each point, and where the first result lies behind the
  -- first point, in points.
  upsampling = function(layer)
    local factor = layer.options.factor
    return layer.options.mode == "linear" and 2 or 1, factor, (1 / factor - 1) / 2
  end,
  macs = function(layer, input, output)
    return layer.options.mode == "linear" and output[2] * input[3] or 0
  end,
})

return layers
