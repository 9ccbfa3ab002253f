--- Shared by Conv1d, Conv1dTranspose and Dense: a weight, a bias, initial values, and an activation behind them.
local check = require "moonbow.check"
local activations = require "moonbow.nn.activations"
local initializers = require "moonbow.nn.initializers"

local affine = {}

local any_initializer = "string|number|function"

--- The option table of a layer: its own options, and those that both have.
function affine.options(own)
  own.bias = true
  own.activation = check.optional "string|function"
  own.initializer = check.default("glorot_uniform", any_initializer)
  own.bias_initializer = check.default("zeros", any_initializer)
  return own
end

--- Reads the shared options when a layer is constructed.
function affine.read(layer, options)
  activations.read(layer, options)
  initializers.check(layer.type, "initializer", options.initializer)
  initializers.check(layer.type, "bias_initializer", options.bias_initializer)
end

--- Makes layer.weight of a shape, and layer.bias (nil without the option bias) of so many outputs, the last dimension
-- of the shape unless given.
function affine.make(layer, rng, shape, fan_in, fan_out, outputs)
  local options = layer.options
  layer:add_parameter("weight", options.initializer, rng, shape, fan_in, fan_out)
  if options.bias then
    layer:add_parameter("bias", options.bias_initializer, rng, { outputs or shape[#shape] }, fan_in, fan_out)
  end
end

return affine
