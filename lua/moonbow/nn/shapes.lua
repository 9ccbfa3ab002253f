--- Shapes through a model, by arithmetic: no tensor is made but the weights, so that a description which is not to be
-- trusted costs no memory.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local random = require "moonbow.random"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

-- Zeros of a shape, or of several by name.
local function zeros(shape) return inputs.map(shape, function(one) return core.full(0, one) end) end

--- The shape of the output, by arithmetic. Makes the weights that are not there yet.
-- @param shape table of the input, with the batch first
-- @param watch? function called with each layer, its path, and both shapes, parts before their containers
-- @param path? string of the layer, for watch
-- @return table the shape, with the batch first
function Layer.infer(layer, shape, watch, path)
  local output
  path = path or ""
  local function infer(part, i, input) return part:infer(input, watch, Layer.path_of_part(path, i)) end
  if #shape == 0 and not layer.takes_named then
    check.fail(layer.type, "input: expected a tensor, got several by name; a Graph takes them")
  end
  if layer.output_shape then
    output = check.kind(layer.type, "output_shape: result", layer:output_shape(shape, infer), "table")
    inputs.map(output, function(one) inputs.check_sizes(layer, one) end)
    layer:ensure_made(shape)
  else
    layer:ensure_made(shape)
    output = core.shape(autograd.no_grad(layer.run, layer, zeros(shape)))
  end
  if watch then watch(layer, path, shape, output) end
  return output
end

-- The shape of one input, without the batch, checked and copied. name: for messages.
local function read_one(operation, name, shape)
  check.kind(operation, name, shape, "table")
  if #shape < 1 or #shape > 3 then
    check.fail(operation, "%s: expected {L, C}, the input without its batch, got %d dimensions", name, #shape)
  end
  local copy = {}
  for i, given in ipairs(shape) do
    local size_name = ("%s[%d]"):format(name, i)
    copy[i] = check.kind(operation, size_name, given, "positive integer")
    if given > inputs.most then
      check.fail(operation, "%s: expected at most %d, got %.0f", size_name, inputs.most, given)
    end
  end
  return copy
end

-- Raises for shapes by name.
local function refuse_several(layer, operation, shapes)
  local names = {}
  for name in pairs(shapes) do names[#names + 1] = tostring(name) end
  table.sort(names)
  check.fail(operation, "a %s takes one input, got several: %s", layer.type, table.concat(names, ", "))
end

local function read_shape(layer, operation, shape)
  if type(shape) ~= "table" or #shape > 0 or type(next(shape)) ~= "string" then
    return read_one(operation, "shape", shape)
  end
  if not layer.takes_named then refuse_several(layer, operation, shape) end
  return inputs.by_name(layer, operation, shape, function(one, name)
    return read_one(operation, "shape." .. name, one)
  end)
end

local function with_batch(shape) return { 1, table.unpack(shape) } end

local function without_batch(shape) return { table.unpack(shape, 2) } end

local function infer_one(layer, shape, watch)
  local _ <close> = layer:keep_modes()
  layer:eval()
  return inputs.map(layer:infer(inputs.map(shape, with_batch), watch), without_batch)
end

--- Makes the weights that do not exist yet, and tells the shape of inputs, as build does; it also takes a generator if
-- there is nothing to draw.
function Layer.ensure_built(layer, shape, rng)
  shape = read_shape(layer, "build", shape)
  if rng ~= nil then layer:set_rng(check.kind("build", "rng", rng, "generator")) end
  local output = infer_one(layer, shape)
  layer.input_shape = shape
  return output
end

-- True if the layer has weights, and all of them exist.
local function has_all_weights(layer)
  local has_some, lacks_some = false, false
  Layer.visit(layer, function(part)
    has_some = has_some or part.make and part.made
    lacks_some = lacks_some or part.make and not part.made
  end)
  return has_some and not lacks_some
end

--- Makes the weights. Weights that exist stay; if all do, a generator is refused, since none would be drawn from it.
-- @param shape table of the input without its batch: { L, C }; a Graph of several inputs takes shapes by their names
-- @param rng? rng from which they are drawn; the default one unless given
-- @return table the shape of the output without its batch
-- @usage
-- local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
-- model:build({ 1000, 1 }, mb.rng(1))
function Layer.build(layer, shape, rng)
  if rng ~= nil and has_all_weights(layer) then
    check.fail("build", "rng: the layer has its weights already, from its first use, a file, or the option length of "
      .. "mb.models; build a new one, or leave rng out")
  end
  return layer:ensure_built(shape, rng)
end

-- True if part i of a container is on the way to another part of it (nil: to its output), along the first branch where
-- there are several.
local function is_part_on_way(container, i, goal)
  if container.type == "Sequential" then return not goal or i < goal end
  if container.type == "Graph" then return container:way_to(goal)[i] or false end
  return not goal and i == 1
end

--- True if the layer at a path is on the way to the layer at another path, or to the output of the whole, along the
-- first branch where layers branch.
-- @param path string of the layer
-- @param goal? string the other path; the output unless given
-- @return boolean
function Layer.is_on_way(layer, path, goal)
  local part, rest = layer, goal and goal:gmatch "%d+"
  for index in path:gmatch "%d+" do
    local i, wanted = math.tointeger(tonumber(index)), rest and math.tointeger(tonumber(rest()))
    if i ~= wanted then
      if not is_part_on_way(part, i, wanted) then return false end
      rest = nil
    end
    part = part.layers[i]
  end
  return true
end

--- Lists the layers in the order of their use, with shapes. Layers that have no weights yet have none afterwards: what
-- draws them later, mb.fit with its seed or build, still does.
-- @param shape? table of the input without its batch: { L, C }; that of build unless given
-- @param operation? string name for messages
-- @param watch? function called with each entry of the list while the layer has its weights
-- @return table a list of { layer, path, is_side (in a branch after the first), input, output }, parts before their
--   containers; shapes have the batch first
function Layer.trace(layer, shape, operation, watch)
  shape = read_shape(layer, operation or "trace", shape or layer.input_shape)
  local found = {}
  local unmade <close> = layer:keep_unmade() -- luacheck: ignore unmade
  local modes <close> = layer:keep_modes() -- luacheck: ignore modes
  layer:set_rng(random.rng(0))
  infer_one(layer, shape, function(part, path, input, output)
    local step = { layer = part, path = path, is_side = not layer:is_on_way(path), input = input, output = output }
    found[#found + 1] = step
    if watch then watch(step) end
  end)
  return found
end
