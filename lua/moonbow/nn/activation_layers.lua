--- Activation functions as layers.
local check = require "moonbow.check"
local elementwise = require "moonbow.elementwise"
local activations = require "moonbow.nn.activations"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

--- An activation function by name, of any shape.
-- @option name one of mb.nn.activations
-- @option alpha its parameter, if it has one: leaky_relu (0.01 unless given), elu (1)
-- @return layer
layers.Activation = Layer.class("Activation", {
  name = check.required "string", alpha = check.optional "real",
}, {
  output_shape = inputs.same_shape,
  forward = function(layer, x) return layer.activate(x, layer.options.alpha) end,
}, function(layer, options)
  layer.activate = activations.find("Activation", options.name)
  activations.check_alpha("Activation", options.name, options.alpha)
end)

local function activation_layer(name, activation)
  local activate = activations.find(name, activation)
  return Layer.class(name, { alpha = activations.takes_alpha(activation) and check.optional "real" or nil }, {
    forward = function(layer, x) return activate(x, layer.options.alpha) end,
    output_shape = inputs.same_shape,
  })
end

for _, row in ipairs(elementwise) do
  if row.layer then layers[row.layer] = activation_layer(row.layer, row[1]) end
end

--- Softmax over the last dimension: exp(x) divided by the sum of exp(x).
-- @return layer
layers.Softmax = activation_layer("Softmax", "softmax")

--- The logarithm of the softmax over the last dimension.
-- @return layer
layers.LogSoftmax = activation_layer("LogSoftmax", "log_softmax")

return layers
