--- Dropout of elements and of channels.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local random = require "moonbow.random"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

--- In training mode, sets elements to 0 at random and multiplies the others by 1 / (1 - rate); in evaluation mode, the
-- input itself. Any shape. It draws from the generator of set_rng, or the default one. Source: Srivastava et al. 2014.
-- @option rate the probability of 0
-- @return layer
layers.Dropout = Layer.class("Dropout", { rate = check.required "fraction below 1" }, {
  output_shape = inputs.same_shape,
  forward = function(layer, x)
    if not layer.training or layer.options.rate == 0 then return x end
    return ops.dropout(x, layer.options.rate, layer.rng or random.default())
  end,
})

--- In training mode, sets whole channels of a spectrum to 0 at random and multiplies the others by 1 / (1 - rate); in
-- evaluation mode, the input itself. (N, L, C) to the same shape. Neighbouring points of a map carry much of the same,
-- so that single ones are no loss to it. It draws as Dropout does. Source: Tompson et al. 2015.
-- @option rate the probability of 0
-- @return layer
layers.ChannelDropout = Layer.class("ChannelDropout", { rate = check.required "fraction below 1" }, {
  output_shape = function(layer, shape)
    inputs.check_shape(layer, shape, 3)
    return shape
  end,
  forward = function(layer, x)
    inputs.check_rank(layer, x, 3)
    if not layer.training or layer.options.rate == 0 then return x end
    local ones = core.full(1, { core.size(x, 1), 1, core.size(x, 3) })
    return ops.mul(x, (core.dropout(ones, layer.options.rate, layer.rng or random.default(), false)))
  end,
})

return layers
