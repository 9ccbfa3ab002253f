--- Layers of neural networks: mb.nn.Conv1d{ filters = 64, kernel = 20 } and so on.
local Layer = require "moonbow.nn.layer"
for _, part in ipairs { "shapes", "state", "config", "summary" } do require("moonbow.nn." .. part) end

local nn = { from_config = Layer.from_config, is_layer = Layer.is_layer }
for _, part in ipairs { "layers", "containers" } do
  for name, constructor in pairs(require("moonbow.nn." .. part)) do nn[name] = constructor end
end
nn.initializers = require("moonbow.nn.initializers").names
nn.activations = require("moonbow.nn.activations").names

return nn
