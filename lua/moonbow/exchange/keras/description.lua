--- The description of a model of Keras as lists of layers and of what they take.
--
-- A model is { layers, inputs, outputs }: inputs and outputs are lists of references, texts "name/place/number": output
-- number of a layer at one of its places, both from 0. A layer is { class, config, name, nodes, first_place, inner }:
-- nodes has a list of references for each of its places, which are numbered from first_place on, with the field
-- is_causal if it is called with use_causal_mask; inner is the model that it is, if it is one.
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"

local function fail(format, ...) error(format:format(...), 0) end

local MOST_LAYERS = 5000

-- ---- references ----

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if type(a) == type(b) then return a < b end
    return type(a) == "number"
  end)
  return keys
end

-- What a layer is called with by name that are inputs.
local is_input = { args = true, inputs = true, input = true, sequences = true, query = true, value = true, key = true,
  x = true, x1 = true, x2 = true, xs = true }

local add_references

-- Adds the inputs that a layer is called with by name. Raises for what else changes its result, as the mode of training
-- or a mask; false is null, too. A mask of the future is kept in found.is_causal.
local function read_keywords(keywords, found, depth)
  for _, name in ipairs(sorted_keys(keywords)) do
    local value = keywords[name]
    if name == "use_causal_mask" and type(value) == "boolean" then found.is_causal = value
    elseif is_input[name] then add_references(value, found, depth)
    elseif value == true then fail("it is called with %s = true", check.printable(tostring(name)))
    elseif value and not (type(value) == "table" and next(value) == nil) then
      fail("it is called with %s, which moonbow's layers do not take", check.printable(tostring(name)))
    end
  end
end

-- Adds the references in a list, or in a table by name, which Keras sorts by the names.
local function add_each(value, found, depth)
  if depth > limits.depth then fail("inputs nested more than %d deep (mb.limits.depth)", limits.depth) end
  for _, key in ipairs(sorted_keys(value)) do add_references(value[key], found, depth) end
end

-- Adds the references that a description of inputs holds, in order: lists { name, place, number, keywords } in Keras 1
-- and 2, tensors with a history in Keras 3. Raises for constants: no layer of moonbow has them as inputs.
function add_references(value, found, depth)
  if value == nil or value == false then return end
  local class = type(value) == "table" and value.class_name
  if type(value) ~= "table" or class == "__numpy__" or class == "__tensor__" then
    fail("it is called with a constant (%s), which moonbow's layers do not take",
      type(value) == "table" and "an array" or check.show(value))
  end
  local history = type(value.config) == "table" and value.config.keras_history
  if class == "__keras_tensor__" and type(history) == "table" then value = history end
  if class == "__tuple__" and type(value.items) == "table" then value = value.items end
  if type(value[1]) == "string" and math.tointeger(value[2]) then
    found[#found + 1] = ("%s/%d/%d"):format(value[1], value[2], math.tointeger(value[3]) or 0)
    value = { kwargs = value[4] }
  end
  if type(value.args) == "table" or type(value.kwargs) == "table" then
    if type(value.args) == "table" then add_each(value.args, found, depth + 1) end
    if type(value.kwargs) == "table" then read_keywords(value.kwargs, found, depth + 1) end
  elseif next(value) then
    add_each(value, found, depth + 1)
  end
end

local function references(value)
  local found = {}
  add_references(value, found, 1)
  return found
end

-- ---- layers ----

local read

-- A layer with the places that nodes gives.
local function layer_of(entry, i, nodes, depth)
  local config = entry.config
  local layer = { class = entry.class_name, config = config, name = entry.name or config.name, nodes = nodes }
  if type(layer.class) ~= "string" or type(layer.name) ~= "string" then fail("layer %d has no class or name", i) end
  if layer.class == "Sequential" or type(config.layers) == "table" then layer.inner = read(entry, depth + 1) end
  return layer
end

-- The layers of a Sequential, each with the one before as its input.
local function chained(list, depth)
  local layers = {}
  for i, entry in ipairs(list) do
    local before = layers[i - 1]
    layers[i] = layer_of(entry, i, { before and { before.name .. "/0/0" } or {} }, depth)
  end
  return layers
end

local function graphed(list, depth)
  local layers = {}
  for i, entry in ipairs(list) do
    local nodes, given = {}, type(entry.inbound_nodes) == "table" and entry.inbound_nodes or {}
    for k, node in ipairs(given) do
      local ok, found = check.refusal(references, node)
      nodes[k] = ok and found
        or fail("layer %s (%s): %s", check.show(entry.name), tostring(entry.class_name), check.reason(found))
    end
    if #nodes == 0 then nodes[1] = {} end
    layers[i] = layer_of(entry, i, nodes, depth)
  end
  return layers
end

-- The entries of the layers, and what describes inputs and outputs.
local function entries_of(config)
  local inner = config.config
  local list = config.class_name == "Sequential" and type(inner) == "table" and (inner.layers or inner)
    or type(inner) == "table" and inner.layers
  if type(list) ~= "table" or #list == 0 or #list > MOST_LAYERS then
    fail("a model of the class %s, which holds no list of layers", check.show(config.class_name))
  end
  for i, entry in ipairs(list) do
    if type(entry) ~= "table" or type(entry.config) ~= "table" then fail("layer %d is no object with a config", i) end
  end
  return list, inner
end

-- Sets the numbers of the first places of models. Keras 2, and the first versions of Keras 3, count the call that made
-- a model as its first place, 0, but do not write it.
local function find_first_places(layers, outputs)
  local is_first = {}
  local function find(list)
    for _, reference in ipairs(list) do is_first[reference:match "^(.*)/0/%d+$" or ""] = true end
  end
  find(outputs)
  for _, layer in ipairs(layers) do
    for _, node in ipairs(layer.nodes) do find(node) end
  end
  for _, layer in ipairs(layers) do layer.first_place = layer.inner and not is_first[layer.name] and 1 or 0 end
end

--- Reads the description of a model. Raises a message without position.
-- @param depth of models in models
function read(config, depth)
  if depth > limits.depth then fail("models nested more than %d deep (mb.limits.depth)", limits.depth) end
  local list, inner = entries_of(config)
  if config.class_name == "Sequential" then
    local layers = chained(list, depth)
    local first = layers[1]
    return { layers = layers, inputs = { first.class == "InputLayer" and first.name .. "/0/0" or nil },
      outputs = { layers[#layers].name .. "/0/0" } }
  end
  local inputs, outputs = references(inner.input_layers), references(inner.output_layers)
  if #outputs == 0 then fail("a model without outputs") end
  local layers = graphed(list, depth)
  find_first_places(layers, outputs)
  return { layers = layers, inputs = inputs, outputs = outputs }
end

return function(config) return read(config, 1) end
