--- What a caller sets on a layer and all its parts, and puts back: the mode, and the generator.
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"

local function set_mode(layer, training)
  Layer.visit(layer, function(part) part.training = training end)
  return layer
end

--- Training mode: dropout drops, batch norm uses the batch. Returns the layer.
function Layer.train(layer)
  return set_mode(layer, true)
end

--- Evaluation mode, in which a layer is made. Returns the layer.
function Layer.eval(layer)
  return set_mode(layer, false)
end

--- The generator from which dropout draws, and weights not yet made (nil: the default one). Returns the layer.
function Layer.set_rng(layer, rng)
  if rng ~= nil then check.kind("set_rng", "rng", rng, "generator") end
  Layer.visit(layer, function(part) part.rng = rng end)
  return layer
end

--- A value for a <close> variable: at the end of its block, on every way out, the layer and its parts get back the
-- modes and generators that they have now.
-- @usage local _ <close> = model:keep_modes()
function Layer.keep_modes(layer)
  local modes, generators = {}, {}
  Layer.visit(layer, function(part) modes[part], generators[part] = part.training, part.rng end)
  return setmetatable({}, { __close = function()
    for part, mode in pairs(modes) do part.training, part.rng = mode, generators[part] end
  end })
end
