--- Layers of neural networks: mb.nn.Conv1d{ filters = 64, kernel = 20 } and so on.
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"
for _, methods in ipairs { "weights", "modes", "shapes", "state", "config", "wiring", "summary", "maps", "freeze" } do
  require("moonbow.nn." .. methods)
end

local nn = { from_config = Layer.from_config, is_layer = Layer.is_layer }
for _, part in ipairs {
  "conv1d", "conv1d_transpose", "upsample1d", "dense", "norm", "dropout", "pool1d", "flatten", "position", "recurrent",
  "attention", "squeeze_excite", "activation_layers", "lambda", "containers", "graph",
} do
  for name, constructor in pairs(require("moonbow.nn." .. part)) do nn[name] = constructor end
end
nn.class = require "moonbow.nn.class"
--- The names of initial values of weights, sorted: each has its page, mb.help 'initializer "he_normal"'. An initialiser
-- is one of them, a number (all weights equal), or a function(rng, shape, fan_in, fan_out) that returns a tensor of
-- the shape.
nn.initializers = require("moonbow.nn.initializers").names
--- The names of activation functions, sorted: each has its page, mb.help 'activation "relu"'.
nn.activations = require("moonbow.nn.activations").names

-- What other libraries have as methods of a network, and moonbow as functions.
for name, call in pairs {
  fit = "mb.fit(model, set)", evaluate = "mb.evaluate(model, set)", predict = "mb.predict(model, x)",
  save = 'mb.save(model, "model.safetensors")', load = 'model = mb.load "model.safetensors"',
} do
  Layer[name] = function() check.fail("layer:" .. name, "a layer has no such method; write %s", call) end
end

require("moonbow.counted").methods(Layer, "", {
  class = false, register = false, is_layer = false, from_config = false, identity = false, -- no methods
  run = false, ensure_made = false, ensure_built = false, report = false, is_apart = false, -- in the path of every call
  path_of_part = false, traced_as_run = false, traced_apart = false, traced_with_joins = false, report_join = false,
  keep_untracked = false, centres = false, visit_named = false, visit_marks = false, is_frozen = false, wired = false,
  reaches = false,
  freeze = 1000, unfreeze = 1000, -- as many as there are layers
  call = false, infer = false, keep_modes = false, keep_unmade = false, tostring = false, visit_tensors = false,
  fit = false, evaluate = false, predict = false, save = false, load = false, -- raise
}, "layer")

return nn
