--- A network as a file of Keras, of one of three kinds: see moonbow.exchange.keras.file.
local check = require "moonbow.check"
local core = require "moonbow.core"
local json = require "moonbow.io.json"
local optional = require "moonbow.io.optional"
local zip = require "moonbow.io.zip"
local model_of = require "moonbow.exchange.keras.network"
local model_writer = require "moonbow.exchange.keras.model_writer"

local function encode(value)
  local text, err = json.encode(value)
  return text or check.fail("export_keras", "%s", err)
end

-- A shape with the batch, which is free.
local function batched(shape) return { json.null, table.unpack(shape) } end

local function list(...) return setmetatable({ ... }, json.list) end

-- ---- the description ----

local function tensor(x)
  return { class_name = "__keras_tensor__", config = { shape = batched(x.shape), dtype = "float32",
    keras_history = { x.layer.name, 0, 0 } } }
end

-- Attention is called with the queries and the values, merges with a list.
local takes_values = { MultiHeadAttention = true }

-- The inputs of a layer as Keras 3 writes them, and as Keras 2 does.
local function nodes_of_3(layer)
  if #layer.inputs == 0 then return list() end
  local tensors = {}
  for i, x in ipairs(layer.inputs) do tensors[i] = tensor(x) end
  if #tensors > 1 and not takes_values[layer.class] then tensors = { tensors } end
  return { { args = tensors, kwargs = layer.keywords or {} } }
end

local function nodes_of_2(layer)
  if layer.keywords then model_writer.refuse(layer.where, "Keras 2.9 has no causal attention; write a .keras file") end
  if #layer.inputs == 0 then return list() end
  local node = {}
  for i, x in ipairs(layer.inputs) do node[i] = { x.layer.name, 0, 0, {} } end
  if takes_values[layer.class] then
    local values = table.remove(node)
    node[1][4] = { value = { values[1], 0, 0 } }
  end
  return { node }
end

-- What Keras 2.9 calls otherwise.
local renamed = { negative_slope = "alpha", batch_shape = "batch_input_shape" }

local function config_for_2(layer, config)
  local old = {}
  for key, value in pairs(config) do old[renamed[key] or key] = value end
  if layer.class == "MultiHeadAttention" then -- which it makes of these
    for _, name in ipairs { "query_shape", "key_shape", "value_shape" } do old[name] = batched(layer.shape) end
  end
  return old
end

local function config_of(layer, is_3)
  local config = layer.config
  if layer.class == "InputLayer" then
    config = { name = layer.name, batch_shape = batched(layer.shape), dtype = "float32" }
  end
  if type(config.layer) == "table" then
    local inner = config.layer
    config = check.copy(config)
    config.layer = { class_name = inner.class, config = inner.config, module = "keras.layers",
      registered_name = json.null }
  end
  return is_3 and config or config_for_2(layer, config)
end

-- References to values: in Keras 3, a single one stands alone.
local function references(values, is_3)
  local found = {}
  for i, x in ipairs(values) do found[i] = { x.layer.name, 0, 0 } end
  return is_3 and #found == 1 and found[1] or found
end

local function description_of(model, is_3)
  local layers = {}
  for i, layer in ipairs(model.layers) do
    layers[i] = { class_name = layer.class, config = config_of(layer, is_3), name = layer.name,
      module = is_3 and "keras.layers" or nil, registered_name = is_3 and json.null or nil,
      inbound_nodes = (is_3 and nodes_of_3 or nodes_of_2)(layer) }
  end
  return encode { class_name = "Functional", module = is_3 and "keras.src.models.functional" or nil,
    registered_name = is_3 and "Functional" or nil, config = { name = "moonbow", trainable = true, layers = layers,
      input_layers = references(model.inputs, is_3), output_layers = references(model.outputs, is_3) } }
end

-- ---- weights ----

local function dataset(path, value)
  return { path = path, shape = core.shape(value), bytes = core.tobytes(value) }
end

local function image(objects)
  local hdf5, reason = optional("moonbow.hdf5", "moonbow was built without libhdf5")
  if not hdf5 then error({ refused = reason }) end
  return hdf5.image(objects)
end

local affine, norm = { "kernel", "bias" }, { "gamma", "beta", "moving_mean", "moving_variance" }
local recurrent = { "kernel", "recurrent_kernel", "bias" }

-- The names of weights in Keras 2, by class.
local names_of_2 = {
  Conv1D = affine, Conv1DTranspose = affine, Dense = affine, BatchNormalization = norm, LayerNormalization = norm,
  GroupNormalization = norm, LSTM = recurrent, GRU = recurrent,
}

-- The parts of a layer that have its weights, in order: their names in Keras 3 and in Keras 2, and how many each has.
local function parts_of(layer)
  local count = #layer.weights
  if layer.class == "LSTM" or layer.class == "GRU" then return { { "cell/", "", count } } end
  if layer.class == "Bidirectional" then
    return { { "forward_layer/cell/", "forward/", count // 2 }, { "backward_layer/cell/", "backward/", count // 2 } }
  end
  if layer.class ~= "MultiHeadAttention" then return { { "", "", count } } end
  local parts = {}
  for i, name in ipairs { "query", "key", "value", "output" } do
    parts[i] = { name .. "_dense/", (name == "output" and "attention_output" or name) .. "/", count // 4 }
  end
  return parts
end

-- Calls f(the names before that of a weight in Keras 3 and in Keras 2, its number in them from 0, its tensor).
local function each_weight(layer, f)
  local before = 0
  for _, part in ipairs(parts_of(layer)) do
    for i = 1, part[3] do f(part[1], part[2], i - 1, layer.weights[before + i]) end
    before = before + part[3]
  end
end

local function weights_of_3(model)
  local objects = { { path = "/layers" } }
  for _, layer in ipairs(model.layers) do
    each_weight(layer, function(part, _, i, value)
      objects[#objects + 1] = dataset(("/layers/%s/%svars/%d"):format(layer.group, part, i), value)
    end)
  end
  return image(objects)
end

local VERSION_2, VERSION_3 = "2.9.0", "3.0.0" -- of Keras, whose layout the files have

local function file_of_2(model)
  local layer_names, objects = {}, {}
  for i, layer in ipairs(model.layers) do
    local weight_names, class = {}, layer.class == "Bidirectional" and layer.config.layer.class or layer.class
    layer_names[i] = layer.name
    each_weight(layer, function(_, part, k)
      weight_names[#weight_names + 1] = ("%s/%s%s:0"):format(layer.name, part, (names_of_2[class] or affine)[k + 1])
    end)
    local group = "/model_weights/" .. layer.name
    objects[#objects + 1] = { path = group, attributes = #weight_names > 0 and { weight_names = weight_names } or nil }
    for k, value in ipairs(layer.weights) do
      objects[#objects + 1] = dataset(group .. "/" .. weight_names[k], value)
    end
  end
  local about = { backend = "tensorflow", keras_version = VERSION_2 }
  table.insert(objects, 1, { path = "/", attributes = { backend = about.backend, keras_version = VERSION_2,
    model_config = description_of(model, false) } })
  table.insert(objects, 2, { path = "/model_weights", attributes = { backend = about.backend,
    keras_version = VERSION_2, layer_names = layer_names } })
  return image(objects)
end

local function zip_of_3(model)
  local parts = {}
  zip.write({
    { name = "metadata.json", content = encode { keras_version = VERSION_3, moonbow = core.version } },
    { name = "config.json", content = description_of(model, true) },
    { name = "model.weights.h5", content = weights_of_3(model) },
  }, function(bytes) parts[#parts + 1] = bytes end)
  return table.concat(parts)
end

--- The bytes of a file of Keras.
-- @param network layer built
-- @param kind the end of its path, without the first dot: see moonbow.exchange.keras
return function(network, kind)
  local model = model_of(network)
  if kind == "keras" then return zip_of_3(model) end
  return kind == "h5" and file_of_2(model) or weights_of_3(model)
end
