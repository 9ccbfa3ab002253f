--- Modes and generators of layers: set in all parts of a network, kept, and put back.
local core = require "moonbow.core"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"

-- Running statistics of a frozen layer stay.
local function set_mode(layer, training)
  Layer.visit(layer, function(part) part.training = training and not (part.kept and part:is_frozen()) end)
  return layer
end

--- Sets training mode, in this layer and all its parts: dropout drops, batch norm takes the statistics of the batch.
-- @return layer itself
function Layer.train(layer)
  return set_mode(layer, true)
end

--- Sets evaluation mode, in which layers are made, in this layer and all its parts.
-- @return layer itself
function Layer.eval(layer)
  return set_mode(layer, false)
end

--- Sets the generator from which dropout draws, and from which weights that are not made yet are drawn.
-- @param rng? rng the default one unless given
-- @return layer itself
function Layer.set_rng(layer, rng)
  if rng ~= nil then check.kind("set_rng", "rng", rng, "generator") end
  Layer.visit(layer, function(part) part.rng = rng end)
  return layer
end

--- A value for a <close> variable: at the end of its block, on every way out, the layer and its parts get back the
-- modes and generators that they have now.
-- @return any
-- @usage local _ <close> = model:keep_modes()
function Layer.keep_modes(layer)
  local modes, generators = {}, {}
  Layer.visit(layer, function(part) modes[part], generators[part] = part.training, part.rng end)
  return setmetatable({}, { __close = function()
    for part, mode in pairs(modes) do part.training, part.rng = mode, generators[part] end
  end })
end

--- A value for a <close> variable: until the end of its block the tape follows no weight of the layer and its parts, so
-- that gradients of the input alone are computed, and those of weights stay as they are.
-- @return any
function Layer.keep_untracked(layer)
  local kept = {}
  Layer.visit(layer, function(part)
    for _, entry in ipairs(part.weights or {}) do
      local value = part[entry.name]
      kept[#kept + 1] = { part, entry.name, value }
      part[entry.name] = core.alias(value)
    end
  end)
  return setmetatable({}, { __close = function()
    for _, weight in ipairs(kept) do weight[1][weight[2]] = weight[3] end
  end })
end
