--- Shapes through a model, by arithmetic: no tensor is made but the weights, so that a description which is not to be
-- trusted costs no memory.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"
local random = require "moonbow.random"
local Layer = require "moonbow.nn.layer"

local MOST = (1 << 31) - 1 -- of a dimension; kernels count no further

local function check_sizes(layer, shape)
  local count = 1.0
  for _, size in ipairs(shape) do
    if size > MOST then check.fail(layer.type, "the output would have a dimension of %.0f", size) end
    count = count * size
  end
  if count > limits.elements then
    check.fail(layer.type, "the output would have %.3g elements, more than mb.limits.elements", count)
  end
end

-- Zeros of a shape, or of several by name.
local function zeros(shape)
  if #shape > 0 then return core.full(0, shape) end
  local inputs = {}
  for name, one in pairs(shape) do inputs[name] = core.full(0, one) end
  return inputs
end

--- The shape of the output, by arithmetic. Makes the weights that are not there yet.
-- @param shape table of the input, with the batch first
-- @param watch? function called with each layer, its path, and both shapes, parts before their containers
-- @param path? string of the layer, for watch
-- @return table the shape, with the batch first
function Layer.infer(layer, shape, watch, path)
  local output
  path = path or ""
  local function infer(part, i, input) return part:infer(input, watch, Layer.path_of_part(path, i)) end
  if layer.output_shape then
    output = layer:output_shape(shape, infer)
    check_sizes(layer, output)
    layer:ensure_made(shape)
  else
    layer:ensure_made(shape)
    output = core.shape(autograd.no_grad(layer.run, layer, zeros(shape)))
  end
  if watch then watch(layer, path, shape, output) end
  return output
end

local function check_several(operation, shape, layer)
  if layer.takes_named then return end
  local names = {}
  for name in pairs(shape) do names[#names + 1] = tostring(name) end
  table.sort(names)
  check.fail(operation, "a %s takes one input, got several: %s", layer.type, table.concat(names, ", "))
end

-- The shape of one input, without the batch, checked and copied; of several inputs by name.
local function read_shape(operation, shape, layer)
  check.kind(operation, "shape", shape, "table")
  if layer and type(next(shape)) == "string" then
    check_several(operation, shape, layer)
    local shapes = {}
    for name, one in pairs(shape) do shapes[name] = read_shape(("%s %s"):format(operation, name), one) end
    return shapes
  end
  if #shape < 1 or #shape > 3 then
    check.fail(operation, "shape: expected {L, C}, the input without its batch, got %d dimensions", #shape)
  end
  local copy = {}
  for i, size in ipairs(shape) do
    local name = ("shape[%d]"):format(i)
    copy[i] = check.kind(operation, name, size, "positive integer")
    if size > MOST then check.fail(operation, "%s: expected at most %d, got %.0f", name, MOST, size) end
  end
  return copy
end

local function with_batch(shape)
  if #shape > 0 then return { 1, table.unpack(shape) } end
  local shapes = {}
  for name, one in pairs(shape) do shapes[name] = with_batch(one) end
  return shapes
end

local function infer_one(layer, shape, watch)
  local _ <close> = layer:keep_modes()
  layer:eval()
  local output = layer:infer(with_batch(shape), watch)
  return { table.unpack(output, 2) }
end

--- Makes the weights. Weights that exist stay.
-- @param shape table of the input without its batch: { L, C }
-- @param rng? rng from which they are drawn; the default one unless given
-- @return table the shape of the output without its batch
-- @usage model:build({ 1000, 1 }, mb.rng(1))
function Layer.build(layer, shape, rng)
  shape = read_shape("build", shape, layer)
  if rng ~= nil then layer:set_rng(check.kind("build", "rng", rng, "generator")) end
  local output = infer_one(layer, shape)
  layer.input_shape = shape
  return output
end

-- True if the layer at a path is in a branch after the first.
local function is_side_branch(layer, path)
  local part = layer
  for index in path:gmatch "%d+" do
    if part.type ~= "Sequential" and index ~= "1" then return true end
    part = part.layers[tonumber(index)]
  end
  return false
end

--- Lists the layers in the order of their use, with shapes. Layers that have no weights yet have none afterwards: what
-- draws them later, mb.fit with its seed or build, still does.
-- @param shape? table of the input without its batch: { L, C }; that of build unless given
-- @param operation? string name for messages
-- @param watch? function called with each entry of the list while the layer has its weights
-- @return table a list of { layer, path, is_side (in a branch after the first), input, output }, parts before their
--   containers; shapes have the batch first
function Layer.trace(layer, shape, operation, watch)
  shape = read_shape(operation or "trace", shape or layer.input_shape, layer)
  local found = {}
  local unmade <close> = layer:keep_unmade() -- luacheck: ignore unmade
  local modes <close> = layer:keep_modes() -- luacheck: ignore modes
  layer:set_rng(random.rng(0))
  infer_one(layer, shape, function(part, path, input, output)
    local step = { layer = part, path = path, is_side = is_side_branch(layer, path), input = input, output = output }
    found[#found + 1] = step
    if watch then watch(step) end
  end)
  return found
end
