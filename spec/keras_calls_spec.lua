-- How layers and models are called in files of Keras, made by hand as Keras 3.15 and 2.9 write them.
local json = require "cjson"
local mb = require "moonbow"
local keras_files = require "support.keras_files"
local same = require "support.same"
local damage = require "support.damage"

local is_built, hdf5 = pcall(require, "moonbow.hdf5")
if not is_built then return end

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

  -- A model in a model, with the calls that follow.
  local function twin(class, ...)
    local dense = layer("Dense", "dense", { units = 4, activation = "tanh" }, { tensor "i" })
    if class == "Functional" then
      return functional("twin", { input("i", 6, 4), dense }, { "i", 0, 0 }, { "dense", 0, 0 }, ...)
    end
    dense.inbound_nodes = nil
    return layer("Sequential", "twin", { layers = { input("i", 6, 4), dense } }, ...)
  end
  local kernel, bias = mb.rng(1):normal(0, 1, 4, 4), mb.rng(2):normal(0, 1, 4)
  local function of_twin(x) return (x:reshape(-1, 4):matmul(kernel) + bias):tanh():reshape(x:shape()) end
  local function weights_of(class)
    local group = "/layers/" .. class:lower() .. "/layers/dense/vars/"
    return { [group .. 0] = kernel, [group .. 1] = bias }
  end
  local x = mb.rng(3):normal(0, 1, 2, 6, 4)

  local function assert_near(expected, got) assert.is_true(same.difference(expected, got) <= 1e-6) end

  it("models in several places, which outputs count from 1 and layers from 0", function()
    for first_of_outputs, class in pairs { [1] = "Functional", [0] = "Sequential" } do
      local function out(place) return { "twin", place + first_of_outputs, 0 } end
      local weights = weights_of(class)
      -- Two calls, of which the first is an output and the second goes on.
      local network = assert(read({ layer("Softmax", "softmax", nil, { tensor "x" }),
        twin(class, { tensor "x" }, { tensor "softmax" }), layer("ReLU", "relu", nil, { tensor("twin", 1) }) },
        { out(0), { "relu", 0, 0 } }, weights))
      local y = mb.no_grad(network, x)
      assert_near(of_twin(x), y[network.outputs[1]])
      assert_near(of_twin(x:softmax()):relu(), y[network.outputs[2]])
      -- A chain.
      network = assert(read({ twin(class, { tensor "x" }, { tensor("twin", 0) }) }, out(1), weights))
      assert_near(of_twin(of_twin(x)), mb.no_grad(network, x))
      -- One call that is an output and goes on.
      network = assert(read({ twin(class, { tensor "x" }), layer("ReLU", "relu", nil, { tensor "twin" }) },
        { out(0), { "relu", 0, 0 } }, weights))
      y = mb.no_grad(network, x)
      assert_near(of_twin(x), y[network.outputs[1]])
      assert_near(of_twin(x):relu(), y[network.outputs[2]])
    end
  end)
  it("models in several places of Keras 2, which all count from 1", function()
    local entry = twin "Functional"
    entry.inbound_nodes = { { { "x", 0, 0, {} } }, { { "softmax", 0, 0, {} } } }
    local softmax, relu = layer("Softmax", "softmax"), layer("ReLU", "relu")
    softmax.inbound_nodes, relu.inbound_nodes = { { { "x", 0, 0, {} } } }, { { { "twin", 1, 0, {} } } }
    local network = assert(read({ softmax, entry, relu }, { { "relu", 0, 0 }, { "twin", 1, 0 }, { "twin", 2, 0 } },
      weights_of "Functional"))
    local y = mb.no_grad(network, x)
    assert_near(of_twin(x):relu(), y[network.outputs[1]])
    assert_near(of_twin(x), y[network.outputs[2]])
    assert_near(of_twin(x:softmax()), y[network.outputs[3]])
  end)

  it("a layer used again behind one that stands after it, with its weights", function()
    local other = mb.rng(5):normal(0, 1, 4, 4)
    local function dense(name, ...) return layer("Dense", name, { units = 4, use_bias = false }, ...) end
    local tensors = { ["/layers/dense/vars/0"] = kernel, ["/layers/dense_1/vars/0"] = other }
    local function times(value, matrix) return value:reshape(-1, 4):matmul(matrix):reshape(value:shape()) end
    local network = assert(read({ layer("ReLU", "relu", nil, { tensor "x" }, { tensor "b" }),
      dense("a", { tensor "relu" }, { tensor("relu", 1) }), dense("b", { tensor "a" }) }, { "a", 1, 0 }, tensors))
    same.bits(times(times(times(x:relu(), kernel), other):relu(), kernel), mb.no_grad(network, x))
    -- The call that Keras lists first may be the later one; files still number by the layers.
    network = assert(read({ dense("a", { tensor "b" }, { tensor "x" }), dense("b", { tensor("a", 1) }) },
      { "a", 0, 0 }, tensors))
    same.bits(times(times(times(x, kernel), other), kernel), mb.no_grad(network, x))
  end)
  it("a depthwise convolution in several places", function()
    local filters = mb.rng(6):normal(0, 1, 3, 4, 2)
    local network = assert(read({ layer("ReLU", "relu", nil, { tensor "x" }),
      layer("DepthwiseConv1D", "conv", { kernel_size = 3, depth_multiplier = 2, use_bias = false, padding = "valid" },
        { tensor "x" }, { tensor "relu" }),
      layer("Concatenate", "both", { axis = -1 }, { { tensor "conv", tensor("conv", 1) } }) }, { "both", 0, 0 },
      { ["/layers/depthwise_conv1d/vars/0"] = filters }))
    local conv = mb.nn.Conv1d { filters = 8, kernel = 3, groups = 4, bias = false }
    conv:restore({ 6, 4 }, { [".weight"] = filters:reshape(3, 1, 8) })
    same.bits(mb.concat({ conv(x), conv(x:relu()) }, 3), mb.no_grad(network, x))
    assert.equal(1, #network:parameters())
  end)
  it("models in a model whose layers have equal names, from a file of Keras 2", function()
    local function block(name)
      return layer("Sequential", name, { layers = { input("i", 6, 4),
        layer("Dense", "d", { units = 4, use_bias = false }) } })
    end
    local other = mb.rng(5):normal(0, 1, 4, 4)
    local encoder = layer("Sequential", "enc", { layers = { input("i", 6, 4), block "one", block "two" } })
    local model = layer("Sequential", "model", { layers = { input("i", 6, 4), encoder } })
    damage.write(path "h5", hdf5.image(keras_files.objects(
      { ["/model_weights/enc/one/d/kernel:0"] = kernel, ["/model_weights/enc/two/d/kernel:0"] = other },
      { { path = "/", attributes = { keras_version = "2.9.0", model_config = json.encode(model) } },
        { path = "/model_weights", attributes = { layer_names = { "enc" } } },
        { path = "/model_weights/enc", attributes = { weight_names = { "one/d/kernel:0", "two/d/kernel:0" } } } })))
    local network = assert(mb.import_keras(path "h5"))
    same.bits(x:reshape(-1, 4):matmul(kernel):matmul(other):reshape(2, 6, 4), mb.no_grad(network, x))
  end)
end)
