--- Dropout.
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

return layers
