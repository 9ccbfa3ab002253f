-- How layers and models are called in files of Keras, made by hand as Keras 3.15 and 2.9 write them.
local json = require "cjson"
local mb = require "moonbow"
local keras_files = require "support.keras_files"

if not pcall(require, "moonbow.hdf5") then return end

local path, make_folder, remove_folder = keras_files.folder()
local input, layer, functional, tensor = keras_files.input, keras_files.layer, keras_files.functional,
  keras_files.tensor

setup(make_folder)
teardown(remove_folder)

local function array(value) return { class_name = "__numpy__", config = { value = value, dtype = "float32" } } end

-- Reads a model of (N, 6, 4) of layers behind the input "x".
local function read(layers, outputs, tensors)
  table.insert(layers, 1, input("x", 6, 4))
  keras_files.write(path "keras", functional("model", layers, { "x", 0, 0 }, outputs), tensors or {})
  return mb.import_keras(path "keras")
end

describe("mb.import_keras refuses, by the name of the layer,", function()
  local function refused(message, ...)
    local entry = layer(...)
    local network, err = read({ entry }, { entry.name, 0, 0 })
    assert.is_nil(network)
    assert.matches(message, err, 1, true)
  end

  it("constants in sums and products", function()
    local what = "it is called with a constant "
    refused("layer 'multiply' (Multiply): " .. what .. "(2.5)", "Multiply", "multiply", nil, { tensor "x", 2.5 })
    refused("layer 'multiply' (Multiply): " .. what .. "(0.5)", "Multiply", "multiply", nil, { 0.5, tensor "x" })
    refused("layer 'add' (Add): " .. what .. "(an array)", "Add", "add", nil, { tensor "x", array { 1, 2, 3, 4 } })
    refused("layer 'add' (Add): " .. what .. "(an array)", "Add", "add", nil,
      { { class_name = "__tuple__", items = { tensor "x", array { 1, 2, 3, 4 } } } })
    refused("layer 'sum' (Add): " .. what .. "(1)", "Add", "sum", nil, { kwargs = { x1 = tensor "x", x2 = 1 } })
  end)
  it("masks and states that a call gives", function()
    local function called(name) return "it is called with " .. name .. ", which moonbow's layers do not take" end
    refused("layer 'heads' (MultiHeadAttention): " .. called "attention_mask", "MultiHeadAttention", "heads",
      { num_heads = 2, key_dim = 2 }, { tensor "x", tensor "x", kwargs = { attention_mask = array { { { true } } } } })
    refused("layer 'heads' (MultiHeadAttention): " .. called "attention_mask", "MultiHeadAttention", "heads",
      { num_heads = 2, key_dim = 2 }, { tensor "x", tensor "x", kwargs = { attention_mask = tensor "x" } })
    refused("layer 'lstm' (LSTM): " .. called "mask", "LSTM", "lstm", { units = 2 },
      { tensor "x", kwargs = { mask = array { { true } } } })
    refused("layer 'lstm' (LSTM): " .. called "initial_state", "LSTM", "lstm", { units = 2 },
      { tensor "x", kwargs = { initial_state = { array { { 1, 1 } }, array { { 1, 1 } } } } })
    refused("layer 'mean' (GlobalAveragePooling1D): " .. called "mask", "GlobalAveragePooling1D", "mean", nil,
      { tensor "x", kwargs = { mask = array { { 1 } } } })
    refused("layer 'mean' (GlobalAveragePooling1D): it is called with a constant", "GlobalAveragePooling1D", "mean",
      nil, { tensor "x", array { { 1 } } })
  end)
end)

describe("mb.import_keras reads", function()
  it("what a call gives that is nothing: null, false, no arrays", function()
    local network = assert(read({ layer("Softmax", "softmax", nil,
      { tensor "x", json.null, kwargs = { mask = json.null, training = false, states = {} } }) }, { "softmax", 0, 0 }))
    assert.equal("Softmax", network.layers[1].type)
  end)
end)
