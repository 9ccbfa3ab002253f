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
    layers[i].is_3 = type(given[1]) == "table" and given[1].args ~= nil
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

-- The numbers of the first place of a model, { for layers, for outputs }. Keras 2 counts the call that made a model as
-- its first place, 0, but does not write it. Keras 3 counts it for outputs only, and not for a Sequential.
local counts = { from_0 = { 0, 0 }, from_1 = { 1, 1 }, mixed = { 0, 1 } }
local likely_in_2 = { counts.from_1, counts.from_0, counts.mixed }
local likely_in_3 = { counts.mixed, counts.from_1, counts.from_0 }
local likely_for_sequential = { counts.from_0, counts.from_1, counts.mixed }

-- The places that references name, a set for each layer.
local function places_in(lists)
  local places = {}
  for _, list in ipairs(lists) do
    for _, reference in ipairs(list) do
      local name, place = reference:match "^(.*)/(%-?%d+)/%-?%d+$"
      places[name] = places[name] or {}
      places[name][tonumber(place)] = true
    end
  end
  return places
end

-- True if all calls of a layer, and nothing else, are named by layers and outputs that count from these numbers.
local function fits(layer, first, by_layers, by_outputs)
  local is_named, count = {}, 0
  for i, places in ipairs { by_layers[layer.name] or {}, by_outputs[layer.name] or {} } do
    for place in pairs(places) do
      local call = place - first[i]
      if call < 0 or call >= #layer.nodes then return false end
      count = count + (is_named[call] and 0 or 1)
      is_named[call] = true
    end
  end
  return count == #layer.nodes
end

-- Sets the numbers of the first places of models, and counts the outputs as the layers do.
local function find_first_places(layers, outputs)
  local lists, shift = {}, {}
  for _, layer in ipairs(layers) do table.move(layer.nodes, 1, #layer.nodes, #lists + 1, lists) end
  local by_layers, by_outputs = places_in(lists), places_in { outputs }
  for _, layer in ipairs(layers) do
    local likely = not layer.is_3 and likely_in_2 or layer.class == "Sequential" and likely_for_sequential
      or likely_in_3
    local first = layer.inner and likely[1] or counts.from_0
    for i = #likely, 1, -1 do
      if layer.inner and fits(layer, likely[i], by_layers, by_outputs) then first = likely[i] end
    end
    layer.first_place, shift[layer.name] = first[1], first[1] - first[2]
  end
  for i, reference in ipairs(outputs) do
    local name, place, number = reference:match "^(.*)/(%-?%d+)/(%-?%d+)$"
    outputs[i] = ("%s/%d/%s"):format(name, tonumber(place) + (shift[name] or 0), number)
  end
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
