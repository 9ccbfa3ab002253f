--- Layers made of layers. Errors inside name the path to the layer that raised them.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"
local activations = require "moonbow.nn.activations"
local fusion = require "moonbow.nn.fusion"

local containers = {}

local function is_path(message) return message:find "^layer %d+ %(" ~= nil end

-- Raises the error of part i again, with the part's place before the message.
local function raise_at(container, i, err)
  if type(err) ~= "string" then error(err, 0) end
  local part, where = container.layers[i], core.call_site()
  local message = where ~= "" and err:sub(1, #where) == where and err:sub(#where + 1) or err
  local own = part.type .. ": "
  if message:sub(1, #own) == own then message = message:sub(#own + 1) end
  local name = container.name and container.name .. " > " or ""
  check.rethrow(("%slayer %d (%s)%s"):format(name, i, part.type, is_path(message) and " > " or ": "), message)
end

local run, run_fused = Layer.run, fusion.run

local function call(container, i, x)
  local ok, y = pcall(run, container.layers[i], x)
  return ok and y or raise_at(container, i, y)
end

-- Runs part i and what is fused with it. Returns the output and the number of the last part that has run.
local function call_fused(container, i, x)
  local ok, y, last = pcall(run_fused, container.layers, i, x)
  if ok then return y, last end
  raise_at(container, i, y)
end

-- The shape that part i makes of a shape; infer is what output_shape got.
local function shape_after(container, i, shape, infer)
  local ok, output = pcall(infer, container.layers[i], i, shape)
  return ok and output or raise_at(container, i, output)
end

-- Option tables of containers hold layers at 1, 2, ...: these move to layer.layers.
local function container(type_name, known, class, init)
  known.name = check.optional "string"
  class.make = function(layer) layer:visit(function() end) end -- no weights, but raises if it contains itself
  local construct = Layer.class(type_name, known, class, function(layer, options)
    layer.name = options.name
    if init then init(layer, options) end
  end)
  local function with_parts(given)
    check.kind(type_name, "layers", given, "table")
    local options, parts = {}, {}
    for key, value in pairs(given) do
      if math.type(key) == "integer" then parts[key] = value else options[key] = value end
    end
    if #parts == 0 then check.fail(type_name, "expected a list of layers, got none") end
    for i, part in pairs(parts) do
      if i < 1 or i > #parts then check.fail(type_name, "there is no layer before layer %d", i) end
      if not Layer.is_layer(part) then
        check.fail(type_name, "layer %d: expected a layer, got %s", i, check.show(part))
      end
    end
    if #parts > (class.most_parts or math.huge) then
      check.fail(type_name, "expected at most %d layers, got %d", class.most_parts, #parts)
    end
    local layer = construct(options)
    layer.layers = parts
    return layer
  end
  Layer.register(type_name, with_parts)
  check.takes(with_parts, 1, known)
  return with_parts
end

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
  most_parts = 2,
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

-- The sum of the last dimensions; the others have to agree.
local function concatenated_shape(shapes)
  local first, sum = shapes[1], 0
  local outer = check.show_shape { table.unpack(first, 1, #first - 1) }
  for i, shape in ipairs(shapes) do
    if check.show_shape { table.unpack(shape, 1, #shape - 1) } ~= outer then
      check.fail("Concat", "branch %d gives shape %s, which does not fit beside %s", i, check.show_shape(shape),
        check.show_shape(first))
    end
    sum = sum + shape[#shape]
  end
  local output = { table.unpack(first) }
  output[#output] = sum
  return output
end

--- Branches side by side, the entries 1, 2, ... of the table: their outputs are concatenated along channels, the last
-- dimension. Raises if their other dimensions differ.
-- @option name for messages and reports
-- @return layer
containers.Concat = container("Concat", {}, {
  forward = function(layer, x)
    local parts = {}
    for i = 1, #layer.layers do parts[i] = call(layer, i, x) end
    local y = ops.concat(parts, core.rank(parts[1]))
    for _, part in ipairs(parts) do core.drop(part, x, y) end
    return y
  end,
  output_shape = function(layer, shape, infer)
    local shapes = {}
    for i = 1, #layer.layers do shapes[i] = shape_after(layer, i, shape, infer) end
    return concatenated_shape(shapes)
  end,
})

return containers
