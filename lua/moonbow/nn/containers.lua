--- Layers made of layers. Errors inside name the path to the layer that raised them.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"
local parts = require "moonbow.nn.parts"
local activations = require "moonbow.nn.activations"
local fusion = require "moonbow.nn.fusion"

local containers = {}

local container, call, call_fused, shape_after = parts.container, parts.call, parts.call_fused, parts.shape_after

--- Layers one after the other: the entries 1, 2, ... of the table. Neighbours that are cheaper in one pass over memory
-- are fused; the results are the same. Errors in a layer name its place.
-- @option name for messages and reports
-- @return layer
-- @usage local model = nn.Sequential { nn.Conv1d { filters = 8, kernel = 5 }, nn.Flatten {}, nn.Dense { units = 2 } }
containers.Sequential = container("Sequential", {}, {
  forward = function(layer, x)
    local i, y = 1, x
    while i <= #layer.layers do
      local output, last = call_fused(layer, i, y)
      core.drop(y, x, output)
      y = output
      i = last + 1
    end
    return y
  end,
  output_shape = function(layer, shape, infer)
    for i = 1, #layer.layers do shape = shape_after(layer, i, shape, infer) end
    return shape
  end,
})

--- The first layers of a Sequential as a network of its own, which shares their weights: for the maps behind a layer.
-- Raises for any other layer.
-- @param count integer how many layers, from 1 on
-- @return layer a Sequential
-- @usage local map = mb.no_grad(model:first(2), x)
function Layer.first(layer, count)
  if layer.type ~= "Sequential" then check.fail("first", "expected a Sequential, got a %s", layer.type) end
  count = check.kind("first", "count", count, "positive integer")
  if count > #layer.layers then
    check.fail("first", "count: expected at most %d, the number of layers, got %d", #layer.layers, count)
  end
  return containers.Sequential { table.unpack(layer.layers, 1, count) }
end

local function check_shortcut(body, shortcut)
  local one, other = check.show_shape(body), check.show_shape(shortcut)
  if one ~= other then check.fail("Residual", "the body gives shape %s, the shortcut %s", one, other) end
end

--- body(x) + shortcut(x): entry 1 of the table is the body, entry 2 the shortcut, x itself if there is none. Raises if
-- their outputs differ in shape. Source: He et al. 2016.
-- @option activation behind the sum: a name of mb.nn.activations, or a function of a tensor; ReLU and leaky ReLU are
--   part of the same pass; none unless given
-- @option alpha of the activation, if it has one
-- @option name for messages and reports
-- @return layer
-- @usage local layer = nn.Residual { nn.Conv1d { filters = 8, kernel = 3, padding = "same" }, activation = "relu" }
containers.Residual = container("Residual", {
  activation = check.optional "string|function", alpha = check.optional "real",
}, {
  most_parts = 2, joins = "add",
  forward = function(layer, x)
    local y, short = call(layer, 1, x), layer.layers[2] and call(layer, 2, x) or x
    if not core.same_shape(y, short) then check_shortcut(core.shape(y), core.shape(short)) end
    local slope = fusion.slope(layer, layer)
    local sum = slope and ops.add_activate(y, short, slope) or ops.add(y, short)
    core.drop(y, x, short)
    core.drop(short, x, y)
    return activations.apply(not slope and layer.activate, sum, layer.options.alpha)
  end,
  output_shape = function(layer, shape, infer)
    local body = shape_after(layer, 1, shape, infer)
    check_shortcut(body, layer.layers[2] and shape_after(layer, 2, shape, infer) or shape)
    return activations.shape_after(layer, body)
  end,
}, activations.read)

--- Branches side by side, the entries 1, 2, ... of the table: their outputs are concatenated along channels, the last
-- dimension. Raises if their other dimensions differ.
-- @option name for messages and reports
-- @return layer
containers.Concat = container("Concat", {}, {
  joins = "concat",
  forward = function(layer, x)
    local outputs = {}
    for i = 1, #layer.layers do outputs[i] = call(layer, i, x) end
    local y = ops.concat(outputs, core.rank(outputs[1]))
    for _, output in ipairs(outputs) do core.drop(output, x, y) end
    return y
  end,
  output_shape = function(layer, shape, infer)
    local shapes = {}
    for i = 1, #layer.layers do shapes[i] = shape_after(layer, i, shape, infer) end
    return parts.concatenated_shape("Concat", "branch ", shapes)
  end,
})

return containers
