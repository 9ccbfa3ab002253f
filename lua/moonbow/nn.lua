--- Layers of neural networks: mb.nn.Conv1d{ filters = 64, kernel = 20 } and so on.
local Layer = require "moonbow.nn.layer"
for _, methods in ipairs { "weights", "modes", "shapes", "state", "config", "summary" } do
  require("moonbow.nn." .. methods)
end

local nn = { from_config = Layer.from_config, is_layer = Layer.is_layer }
for _, part in ipairs {
  "conv1d", "dense", "norm", "dropout", "pool1d", "flatten", "position", "activation_layers", "lambda", "containers",
} do
  for name, constructor in pairs(require("moonbow.nn." .. part)) do nn[name] = constructor end
end
nn.class = require "moonbow.nn.class"
nn.initializers = require("moonbow.nn.initializers").names
nn.activations = require("moonbow.nn.activations").names

require("moonbow.counted").methods(Layer, "", {
  class = false, register = false, is_layer = false, from_config = false, identity = false, -- no methods
  run = false, ensure_made = false, report = false, is_apart = false, -- in the path of every call
  path_of_part = false, traced_as_run = false,
}, "layer")

return nn
