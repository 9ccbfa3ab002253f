--- Flatten: maps as rows for dense layers.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local Layer = require "moonbow.nn.layer"

local layers = {}

--- (N, L, C) to (N, L C), point by point: a view, no copy.
-- @return layer
layers.Flatten = Layer.class("Flatten", {}, {
  forward = function(_, x)
    return ops.reshape(x, core.size(x, 1), core.count(x) // core.size(x, 1))
  end,
  output_shape = function(_, shape)
    local count = 1.0 -- a product of integers could wrap around
    for i = 2, #shape do count = count * shape[i] end
    return { shape[1], math.tointeger(count) or count }
  end,
})

return layers
