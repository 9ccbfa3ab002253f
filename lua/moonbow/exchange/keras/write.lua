--- A network as a file of Keras, of one of three kinds: see moonbow.exchange.keras.file.
local check = require "moonbow.check"
local core = require "moonbow.core"
local json = require "moonbow.io.json"
local zip = require "moonbow.io.zip"
local counted = require("moonbow.exchange.keras.file").counted
local sorted = require "moonbow.exchange.keras.order"
local write_layer = require "moonbow.exchange.keras.layers"

local Model = {}
Model.__index = Model

--- Raises { node, message }: Keras does not have what stands at a place.
function Model.refuse(where, format, ...) error { node = { where = where }, message = format:format(...) } end

--- Adds a layer of Keras and returns its output, { layer, shape }.
-- @param inputs list of outputs
-- @param shape of the output, without the batch
-- @param config its options, without the name
-- @param weights list of tensors in Keras' order
function Model:add(class, inputs, shape, config, weights)
  local layer = { class = class, inputs = inputs, config = check.copy(config or {}), weights = weights or {},
    where = self.where }
  self.layers[#self.layers + 1] = layer
  return { layer = layer, shape = shape }
end

local write = {}

--- The layers of a network as Keras has them, { layers, input, output }, with names and in the order of Keras.
function write.model(network)
  local model, counts = setmetatable({ layers = {} }, Model), {}
  model.input = model:add("InputLayer", {}, network.input_shape)
  model.output = write_layer(model, network, model.input, "")
  for _, layer in ipairs(sorted(model.layers, model.output.layer)) do
    layer.name = counted(counts, layer.class)
    layer.config.name = layer.name
  end
  return model
end

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

-- The inputs of a layer as Keras 3 writes them, and as Keras 2 does.
local function nodes_of_3(layer)
  if #layer.inputs == 0 then return list() end
  local tensors = {}
  for i, x in ipairs(layer.inputs) do tensors[i] = tensor(x) end
  return { { args = #tensors > 1 and { tensors } or tensors, kwargs = {} } }
end

local function nodes_of_2(layer)
  if #layer.inputs == 0 then return list() end
  local node = {}
  for i, x in ipairs(layer.inputs) do node[i] = { x.layer.name, 0, 0, {} } end
  return { node }
end

-- What Keras 2.9 calls otherwise.
local renamed = { negative_slope = "alpha", batch_shape = "batch_input_shape" }

local function description_of(model, is_3)
  local layers = {}
  for i, layer in ipairs(model.layers) do
    local config = layer.config
    if layer.class == "InputLayer" then
      config = { name = layer.name, batch_shape = batched(model.input.shape), dtype = "float32" }
    end
    if not is_3 then
      local old = {}
      for key, value in pairs(config) do old[renamed[key] or key] = value end
      config = old
    end
    layers[i] = { class_name = layer.class, config = config, name = layer.name,
      module = is_3 and "keras.layers" or nil, registered_name = is_3 and json.null or nil,
      inbound_nodes = (is_3 and nodes_of_3 or nodes_of_2)(layer) }
  end
  local inputs, outputs = { model.input.layer.name, 0, 0 }, { model.output.layer.name, 0, 0 }
  return encode { class_name = "Functional", module = is_3 and "keras.src.models.functional" or nil,
    registered_name = is_3 and "Functional" or nil, config = { name = "moonbow", trainable = true, layers = layers,
      input_layers = is_3 and inputs or { inputs }, output_layers = is_3 and outputs or { outputs } } }
end

-- ---- weights ----

local function dataset(path, value)
  return { path = path, shape = core.shape(value), bytes = core.tobytes(value) }
end

local function image(objects)
  local ok, hdf5 = pcall(require, "moonbow.hdf5")
  if not ok then error({ refused = "moonbow was built without libhdf5" }) end
  return hdf5.image(objects)
end

local function weights_of_3(model)
  local objects = { { path = "/layers" } }
  for _, layer in ipairs(model.layers) do
    local group = ("/layers/%s/%svars"):format(layer.name, layer.class == "LSTM" and "cell/" or "")
    for i, value in ipairs(layer.weights) do objects[#objects + 1] = dataset(("%s/%d"):format(group, i - 1), value) end
  end
  return image(objects)
end

local names = {
  Conv1D = { "kernel", "bias" }, Dense = { "kernel", "bias" },
  BatchNormalization = { "gamma", "beta", "moving_mean", "moving_variance" },
  LayerNormalization = { "gamma", "beta" }, GroupNormalization = { "gamma", "beta" },
  LSTM = { "kernel", "recurrent_kernel", "bias" },
}

local VERSION_2, VERSION_3 = "2.9.0", "3.0.0" -- of Keras, whose layout the files have

local function file_of_2(model)
  local layer_names, objects = {}, {}
  for i, layer in ipairs(model.layers) do
    local weight_names = {}
    layer_names[i] = layer.name
    for k in ipairs(layer.weights) do weight_names[k] = ("%s/%s:0"):format(layer.name, names[layer.class][k]) end
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
function write.bytes(network, kind)
  local model = write.model(network)
  if kind == "keras" then return zip_of_3(model) end
  return kind == "h5" and file_of_2(model) or weights_of_3(model)
end

return write
