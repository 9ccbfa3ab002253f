--- The weights and buffers of layers: made once, listed by name, shared.
local uv = require "luv"
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"
local random = require "moonbow.random"
local initializers = require "moonbow.nn.initializers"
local Layer = require "moonbow.nn.layer"

local function show_bytes(bytes) return ("%.3g GB"):format(bytes / 1e9) end

-- Raises for a tensor that the machine has no memory for: the system would kill the process without a message.
local function check_memory(layer, name, shape)
  local count = 1.0
  for _, size in ipairs(shape) do count = count * size end
  if count > limits.elements then
    check.fail(layer.type, "%s of shape %s has %.3g elements, more than mb.limits.elements", name,
      check.show_shape(shape), count)
  end
  local bytes = count * core.real_bytes
  if bytes > uv.get_total_memory() then
    check.fail(layer.type, "%s of shape %s takes %s, but this machine has %s", name, check.show_shape(shape),
      show_bytes(bytes), show_bytes(uv.get_total_memory()))
  end
end

local function check_shape(layer, name, value, shape)
  if not core.is_tensor(value) or check.show_shape(core.shape(value)) ~= check.show_shape(shape) then
    check.fail(layer.type, "%s: expected a tensor of shape %s, got %s", name, check.show_shape(shape),
      check.show(value))
  end
  return value
end

-- The tensor to take instead of a fresh one: from the file that is restored, from a layer tied to this one, or what a
-- script has set before the layer was made. Nil if there is none.
local function find_value(layer, name, shape)
  local source, tie = layer.source, layer.ties and layer.ties[name]
  local value = rawget(layer, name)
  if tie and tie.value then
    value = tie.value
  elseif source then
    value, source[name] = source[name], nil
  end
  if value == nil and not source then return nil end
  return check_shape(layer, name, value, shape)
end

local function register(layer, field, name, value, shape)
  local tie, list = layer.ties and layer.ties[name], layer[field] or {}
  if tie then tie.value = tie.value or value end
  layer[field], layer[name] = list, value
  for _, entry in ipairs(list) do
    if entry.name == name then return end
  end
  list[#list + 1] = { name = name, shape = shape }
end

-- Tells weights that differ in each process from those that were trained or given: see train/origin.lua.
local function remember_draw(layer, name, value)
  layer.drawn = layer.drawn or {}
  layer.drawn[name] = core.digest(value)
end

--- Adds a weight with initial values, which is trained, as layer[name]. For the function make of nn.class.
-- @param name string of the weight
-- @param initializer string|number|function a name of mb.nn.initializers, a number, or a function(rng, shape, fan_in,
--   fan_out) that returns a tensor
-- @param rng rng from which it is drawn
-- @param shape table of sizes
-- @param fan_in? integer inputs of one output, for initialisers that scale by it
-- @param fan_out? integer outputs of one input, likewise
function Layer.add_parameter(layer, name, initializer, rng, shape, fan_in, fan_out)
  check.kind("add_parameter", "name", name, "string")
  check.each("add_parameter", "shape", check.kind("add_parameter", "shape", shape, "table"), "non-negative integer")
  local value, is_frozen = find_value(layer, name, shape), layer.frozen and layer.frozen[name]
  if not value then
    check_memory(layer, name, shape)
    value = initializers.make(layer.type, initializer, rng, shape, fan_in, fan_out)
    if random.is_unseeded(rng) then remember_draw(layer, name, value) end
    if not is_frozen then autograd.param(value) end
  elseif layer.source and not is_frozen then
    autograd.param(value)
  end
  register(layer, "weights", name, value, shape)
end

--- Adds a tensor that belongs to the state but is not trained, as layer[name]. For the function make of nn.class.
-- @param name string of the buffer
-- @param value tensor its initial values
function Layer.add_buffer(layer, name, value)
  check.kind("add_buffer", "name", name, "string")
  check.kind("add_buffer", "value", value, "tensor")
  local shape = core.shape(value)
  register(layer, "kept", name, find_value(layer, name, shape) or value, shape)
end

local function forget(layer, was)
  for _, field in ipairs { "weights", "kept" } do
    for _, entry in ipairs(layer[field] or {}) do layer[entry.name] = was[entry.name] end
    layer[field] = nil
  end
  for _, tie in pairs(layer.ties or {}) do tie.value = was.ties[tie] end
  layer.made, layer.drawn = nil, nil
end

--- A value for a <close> variable: at the end of its block, parts of the layer that had no weights before have none
-- again; those that a script had set stay.
-- @return any
function Layer.keep_unmade(layer)
  local unmade = {}
  Layer.visit(layer, function(part)
    if part.made then return end
    local was = { ties = {} }
    for name, value in pairs(part) do
      if core.is_tensor(value) then was[name] = value end
    end
    for _, tie in pairs(part.ties or {}) do was.ties[tie] = tie.value end
    unmade[part] = was
  end)
  return setmetatable({}, { __close = function()
    for part, was in pairs(unmade) do forget(part, was) end
  end })
end

--- Calls a function for each tensor of the layer and its parts, in each place of its own.
-- @param field string "weights" for those that are trained, "kept" for the others
-- @param f function called with the name, as "1.weight", and the tensor
function Layer.visit_tensors(layer, field, f)
  Layer.visit(layer, function(part, path)
    for _, entry in ipairs(part[field] or {}) do
      f((path == "" and "" or path .. ".") .. entry.name, check_shape(part, entry.name, part[entry.name], entry.shape))
    end
  end)
end

--- A key for tables, which is the same for all places that hold a tensor.
function Layer.identity(value) return core.record(value) or value end

local function collect(layer, field)
  local found, seen = {}, {}
  Layer.visit_tensors(layer, field, function(name, value)
    local identity = Layer.identity(value)
    if seen[identity] then return end
    seen[identity] = true
    found[#found + 1] = { name = name, value = value }
  end)
  return found
end

--- Lists the trained tensors, in order; empty before build. A tensor that several places share is listed once, under
-- the name of the first. layer.weight = other.weight shares one. Frozen ones (layer:freeze) are listed, too.
-- @return table a list of { name = "1.weight", value = tensor }
function Layer.parameters(layer)
  return collect(layer, "weights")
end

--- The number of weights: what parameters() lists, each tensor with all of its entries. Raises where weights are not
-- made yet.
-- @return integer
-- @usage print(model:count_parameters())
function Layer.count_parameters(layer)
  Layer.visit(layer, function(part)
    if part.make and not part.made then
      check.fail("count_parameters", "weights are not there yet: model:build{ L, C }, or the first use, makes them")
    end
  end)
  local sum = 0
  for _, entry in ipairs(layer:parameters()) do sum = sum + core.count(entry.value) end
  return sum
end

--- Lists the tensors that belong to the state but are not trained, as running statistics, likewise.
-- @return table a list of { name, value }
function Layer.buffers(layer)
  return collect(layer, "kept")
end
