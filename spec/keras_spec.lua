-- mb.import_keras and mb.export_keras: round trips, the file of Keras 2.2.4 in the shared data, refusals; Keras itself
-- where it is installed.
local lfs = require "lfs"
local json = require "cjson"
local mb = require "moonbow"
local nn = mb.nn
local cases = require "support.onnx_cases"
local damage = require "support.damage"
local python = require "support.python"
local same = require "support.same"
local arrays = require "support.arrays"
local zip = require "moonbow.io.zip"

local is_built, hdf5 = pcall(require, "moonbow.hdf5")

describe("without libhdf5", function()
  it("files of Keras are refused", function()
    local module, preload = package.loaded["moonbow.hdf5"], package.preload
    package.loaded["moonbow.hdf5"], preload["moonbow.hdf5"] = nil, function() error "not built" end
    local model = nn.Sequential { nn.Dense { units = 2 } }
    model:build { 3 }
    local ok, message = mb.export_keras(model, os.tmpname() .. ".keras")
    package.loaded["moonbow.hdf5"], preload["moonbow.hdf5"] = module, nil
    assert.is_nil(ok)
    assert.equal("moonbow was built without libhdf5", message)
  end)
end)

if not is_built then return end

local folder = os.tmpname()
os.remove(folder)

local function path(ending) return folder .. "/model." .. ending end

-- The content of an entry of a zip archive.
local function entry_of(file, name)
  local bytes = assert(io.open(file, "rb")):read "a"
  for _, entry in ipairs(assert(zip.entries(bytes))) do
    if entry.name == name then return assert(zip.content(bytes, entry)) end
  end
end

-- Random networks that Keras can say.
local function networks(first, last)
  local list = {}
  for _, case in ipairs(cases.random(first, last, 4)) do
    if pcall(mb.export_keras, case.model, path "keras") then list[#list + 1] = case end
  end
  return list
end

local function small()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.BatchNorm1d {},
    nn.Flatten {}, nn.Dense { units = 4 } }
  model:build({ 5, 1 }, mb.rng(1))
  return model:eval()
end

setup(function() assert(lfs.mkdir(folder)) end)
teardown(function() os.execute("rm -r " .. folder) end)

describe("a network that moonbow exported for Keras", function()
  it("comes back with the same bits, from both kinds of files with a model", function()
    local random = networks(1, 40)
    assert.is_true(#random >= 23, ("%d of 40 random networks are expressible"):format(#random))
    for _, list in ipairs { random, cases.benchmarked(), cases.graphs(1, 12, 4) } do
      for _, case in ipairs(list) do
        for _, ending in ipairs { "keras", "h5" } do
          assert(mb.export_keras(case.model, path(ending)))
          local network = assert(mb.import_keras(path(ending)))
          assert.is_false(network.training)
          local y = mb.no_grad(network, case.x)
          -- A Sequential within another one is gone, so that a norm may be part of the filters before it.
          assert.is_true(same.difference(case.expected, y) <= 1e-6, case.name)
          if not case.name:find "^random" then same.bits(case.expected, y) end
        end
      end
    end
  end)
  it("gives its weights to another one of the same layers, from all kinds of files", function()
    for _, case in ipairs(networks(1, 40)) do
      for _, ending in ipairs { "keras", "h5", "weights.h5" } do
        local other = same.unlike(case.model)
        assert(mb.export_keras(case.model, path(ending)))
        assert.equal(other, assert(mb.import_keras(path(ending), { network = other })))
        same.bits(case.expected, mb.no_grad(other, case.x))
      end
    end
  end)
  it("is the same bytes for the same network", function()
    local function bytes(ending)
      assert(mb.export_keras(small(), path(ending)))
      return assert(io.open(path(ending), "rb")):read "a"
    end
    for _, ending in ipairs { "keras", "h5", "weights.h5" } do assert.equal(bytes(ending), bytes(ending)) end
  end)
  it("has groups of channels, and padding of any kind", function()
    for _, padding in ipairs { "valid", "same", "causal", 2, { 3, 1 }, { 0, 2 }, { 0, 0 } } do
      local model = nn.Sequential { nn.Conv1d { filters = 6, kernel = 3, groups = 2, padding = padding } }
      model:build({ 7, 4 }, mb.rng(1))
      local x, other = mb.rand(3, 7, 4), same.unlike(model)
      for _, ending in ipairs { "keras", "h5" } do
        assert(mb.export_keras(model, path(ending)))
        local network = assert(mb.import_keras(path(ending)))
        same.bits(model(x), network(x))
        assert(mb.export_keras(network, path(ending)))
        same.bits(model(x), assert(mb.import_keras(path(ending), { network = other }))(x))
      end
    end
  end)
  -- A network of one layer on (N, 8, 4), other than at first, comes back from all files with the same bits.
  local function assert_comes_back(layer)
    local model = nn.Sequential { layer }
    model:build({ 8, 4 }, mb.rng(1))
    local rng = mb.rng(3)
    mb.no_grad(function()
      for _, entry in ipairs(model:parameters()) do
        entry.value:copy_from(rng:normal(0, 0.5, table.unpack(entry.value:shape())))
      end
    end)
    local x = mb.rand(3, 8, 4)
    local expected = mb.no_grad(model:eval(), x)
    assert(mb.export_keras(model, path "keras"))
    local network = assert(mb.import_keras(path "keras"))
    assert.equal(layer.type, network.layers[1].type)
    same.bits(expected, mb.no_grad(network, x))
    for _, ending in ipairs { "h5", "weights.h5" } do
      local other = same.unlike(model)
      assert(mb.export_keras(model, path(ending)))
      same.bits(expected, mb.no_grad(assert(mb.import_keras(path(ending), { network = other })), x))
    end
  end

  it("has recurrences, of one direction and of both", function()
    for _, bidirectional in ipairs { false, true } do
      for _, return_sequences in ipairs { false, true } do
        for _, kind in ipairs { "LSTM", "GRU" } do
          assert_comes_back(nn[kind] { units = 3, return_sequences = return_sequences, bidirectional = bidirectional })
        end
      end
    end
    assert_comes_back(nn.LSTM { units = 2, activation = "relu", bidirectional = true })
    local old = nn.Sequential { nn.LSTM { units = 2, gate_activation = "hard_sigmoid" } }
    old:build { 6, 2 }
    assert.error_matches(function() mb.export_keras(old, path "keras") end,
      "export_keras: layer 1 %(LSTM%): Keras 3 has another hard_sigmoid")
  end)
  it("has attention, squeeze and excitation, and repeated points", function()
    for _, bias in ipairs { true, false } do
      assert_comes_back(nn.MultiHeadAttention { heads = 2, bias = bias })
    end
    assert_comes_back(nn.SqueezeExcite { ratio = 2 })
    assert_comes_back(nn.Upsample1d { factor = 3 })
  end)
  it("has attention that is causal, by the call of its layer", function()
    local model = nn.Sequential { nn.MultiHeadAttention { heads = 2, causal = true } }
    model:build({ 8, 4 }, mb.rng(1))
    local x, other = mb.rand(3, 8, 4), same.unlike(model)
    assert(mb.export_keras(model, path "keras"))
    assert.matches('"kwargs":{"use_causal_mask":true}', entry_of(path "keras", "config.json"), 1, true)
    local network = assert(mb.import_keras(path "keras"))
    assert.is_true(network.layers[1].options.causal)
    same.bits(model(x), network(x))
    assert(mb.export_keras(model, path "weights.h5"))
    same.bits(model(x), assert(mb.import_keras(path "weights.h5", { network = other }))(x))
  end)
  it("has transposed convolutions of any stride and padding", function()
    for _, padding in ipairs { "valid", "same", 1, { 0, 2 }, { 1, 0 } } do
      for _, stride in ipairs { 1, 2, 4 } do
        for kernel = 1, 3, 2 do
          assert_comes_back(nn.Conv1dTranspose { filters = 2, kernel = kernel, stride = stride, padding = padding,
            bias = stride > 1, activation = stride == 2 and "softmax" or nil })
        end
      end
    end
    assert_comes_back(nn.Conv1dTranspose { filters = 2, kernel = 3, dilation = 2, padding = "same" })
  end)
  it("has inputs and outputs by name", function()
    local case = cases.graphs(1, 1, 4)[1]
    for _, ending in ipairs { "keras", "h5" } do
      assert(mb.export_keras(case.model, path(ending)))
      local network = assert(mb.import_keras(path(ending)))
      assert.same({ "Graph", { "spectrum", "conditions" }, { "class", "strain" } },
        { network.type, network.inputs, network.outputs })
      assert.same(case.model.input_shape, network.input_shape)
    end
    local other = same.unlike(case.model)
    assert(mb.export_keras(case.model, path "weights.h5"))
    same.bits(case.expected, mb.no_grad(assert(mb.import_keras(path "weights.h5", { network = other })), case.x))
  end)
  it("may have outputs that are inputs, or one value twice", function()
    local graph = nn.Graph { inputs = { "a", "b" }, outputs = { "p", "q", "r" },
      { name = "p", from = "a", nn.Dropout { rate = 0.5 } },
      { name = "q", from = "b", nn.Activation { name = "linear" } },
      { name = "sum", from = { "a", "b" }, join = "add" },
      { name = "r", from = "sum", nn.Activation { name = "linear" } } }
    graph:build { a = { 3 }, b = { 3 } }
    local x = { a = mb.rand(2, 3), b = mb.rand(2, 3) }
    assert(mb.export_keras(graph:eval(), path "keras"))
    same.bits(graph(x), assert(mb.import_keras(path "keras"))(x))
    graph = nn.Graph { inputs = { "a", "b" }, { name = "sum", from = { "a", "b" }, join = "add", nn.ReLU {} } }
    graph:build { a = { 3 }, b = { 3 } }
    assert(mb.export_keras(graph:eval(), path "keras"))
    local network = assert(mb.import_keras(path "keras"))
    same.bits(graph(x), network(x))
    assert.same({ "sum" }, network.outputs)
  end)
  it("has names that Keras takes", function()
    local graph = nn.Graph { inputs = { "a b", "c" }, { name = "y", from = { "a b", "c" }, nn.ReLU {} } }
    graph:build { ["a b"] = { 3 }, c = { 3 } }
    assert.error_matches(function() mb.export_keras(graph, path "keras") end,
      "export_keras: the name 'a b': Keras takes letters, digits, '_', '-' and '.'", nil, true)
  end)
  it("has layers that Keras has, or is refused with their place", function()
    local function refused(message, layer)
      local model = nn.Sequential { nn.Sequential { layer } }
      model:build { 9, 2 }
      assert.error_matches(function() mb.export_keras(model, path "keras") end, message, nil, true)
    end
    refused("export_keras: layer 1.1 (Position): Keras has no such layer", nn.Position {})
    refused("layer 1.1 (Upsample1d): Keras draws no lines between points of spectra",
      nn.Upsample1d { factor = 2, mode = "linear" })
    refused("layer 1.1 (LSTM): the activation elu within it", nn.LSTM { units = 2, activation = "elu" })
    refused("layer 1.1 (Lambda): Keras has no such layer", nn.Lambda { function(x) return x end })
    refused("layer 1.1 (Conv1d): Keras has no stride of 2 with a dilation of 3",
      nn.Conv1d { filters = 1, kernel = 2, stride = 2, dilation = 3 })
    refused("layer 1.1 (Conv1dTranspose): Keras has no stride of 2 with a dilation of 3",
      nn.Conv1dTranspose { filters = 1, kernel = 2, stride = 2, dilation = 3 })
    assert.error_matches(function() mb.export_keras(small(), "model.pt") end,
      "expected one that ends in .keras, .weights.h5 or .h5, got 'model.pt'", nil, true)
    assert.is_nil((mb.export_keras(small(), "/nowhere/model.keras")))
  end)
end)

local shared = os.getenv "MOONBOW_DATA"

describe("the file of Keras 2.2.4", function()
  -- The first outputs of its layers by their definition, with Keras 2's hard_sigmoid, in NumPy in double.
  local outputs = { 1.506857, 1.510642, 1.520024, 1.533144, 1.546641 }

  it("is read, and its network computes what Keras 2 defines", function()
    if not shared then return pending "MOONBOW_DATA is not set" end
    local model = assert(mb.import_keras(shared .. "/keras_h5/model.h5"))
    assert.same({ 8, 32 }, model.input_shape)
    local layers = {}
    for i, layer in ipairs(model.layers) do layers[i] = layer.type end
    assert.same({ "Dense", "Dense", "LSTM", "Dense" }, layers)
    local x = mb.linspace(-1, 1, 256):reshape(1, 8, 32)
    local y = model(x):totable()[1]
    assert.equal(30, #y)
    for i, expected in ipairs(outputs) do assert.is_near(expected, y[i], 2e-6) end
  end)
end)

describe("mb.import_keras refuses", function()
  local function refused(message, ending, options)
    local network, err = mb.import_keras(path(ending), options)
    assert.is_nil(network)
    assert.matches(message, err, 1, true)
  end

  it("weights of another shape, with both and both names", function()
    assert(mb.export_keras(small(), path "weights.h5"))
    local other = nn.Sequential { nn.Conv1d { filters = 3, kernel = 3 }, nn.BatchNorm1d {}, nn.Flatten {},
      nn.Dense { units = 4 } }
    other:build { 5, 1 }
    local before = other:state()
    refused("layer 1 (Conv1d), in Keras 'conv1d', takes a weight of shape {3, 1, 3}, '/layers/conv1d/vars/0' has shape "
      .. "{3, 1, 2}", "weights.h5", { network = other })
    for name, tensor in pairs(before) do assert.same(tensor:totable(), other:state()[name]:totable()) end
  end)
  it("weights that are missing or left over", function()
    assert(mb.export_keras(small(), path "weights.h5"))
    assert(mb.export_keras(small(), path "h5"))
    local fewer = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.BatchNorm1d {} }
    fewer:build { 5, 1 }
    refused("the network has no layer for /layers/dense/vars/", "weights.h5", { network = fewer })
    refused("the network has no layer for /model_weights/dense/dense/kernel:0", "h5", { network = fewer })
    local more = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.BatchNorm1d {}, nn.Flatten {},
      nn.Dense { units = 4 }, nn.Dense { units = 1 } }
    more:build { 5, 1 }
    refused("there are no weights of shape {4, 1} for layer 5 (Dense), in Keras 'dense_1'", "weights.h5",
      { network = more })
    refused("it holds weights, but no model; give the option network, too", "weights.h5")
  end)
  it("a network of layers that Keras does not have, with their place", function()
    local other = nn.Sequential { nn.Position {} }
    other:build { 5, 1 }
    assert(mb.export_keras(small(), path "weights.h5"))
    refused("weights.h5: layer 1 (Position): Keras has no such layer", "weights.h5", { network = other })
  end)
  it("a network without weights, or none", function()
    assert.error_matches(function() mb.import_keras(path "h5", { network = nn.Dense { units = 2 } }) end,
      "the network has no weights yet")
    assert.error_matches(function() mb.import_keras(path "h5", { network = {} }) end, "expected a layer")
  end)

  -- Writes a network, small() unless given, with a changed description, which change(config) changes.
  local function with_config(change, model)
    assert(mb.export_keras(model or small(), path "keras"))
    local bytes = assert(io.open(path "keras", "rb")):read "a"
    local contents, parts = {}, {}
    for i, entry in ipairs(assert(zip.entries(bytes))) do
      contents[i] = { name = entry.name, content = assert(zip.content(bytes, entry)) }
    end
    local config = json.decode(contents[2].content)
    contents[2].content = json.encode(change(config) or config)
    zip.write(contents, function(text) parts[#parts + 1] = text end)
    damage.write(path "keras", table.concat(parts))
  end

  it("layers, options and graphs that moonbow does not have", function()
    with_config(function(config) config.config.layers[2].class_name = "ConvLSTM1D" end)
    refused("moonbow has no layer for 'ConvLSTM1D' (layer 'conv1d')", "keras")
    with_config(function(config) config.config.layers[2].config.groups = 3 end)
    refused("Conv1d: groups: expected a divisor of the 2 filters, got 3", "keras")
    with_config(function(config)
      local layers = config.config.layers
      table.insert(layers, 2, { class_name = "ZeroPadding1D", name = "pad", config = { name = "pad",
        padding = { 1 << 29, 0 } }, inbound_nodes = { { args = layers[2].inbound_nodes[1].args } } })
      layers[3].inbound_nodes[1].args = { { class_name = "__keras_tensor__", config = { keras_history = { "pad", 0,
        0 } } } }
    end)
    refused("layer 'conv1d' (Conv1D): padding of 536870912 and 0 points", "keras")
    with_config(function(config) config.config.layers[2].config.padding = "reflect" end)
    refused("layer 'conv1d' (Conv1D): the option padding is 'reflect'", "keras")
    with_config(function(config)
      config.config.layers[2].config.activation = { class_name = "ELU", config = { name = "elu", alpha = 0.5 } }
    end)
    refused("layer 'conv1d' (Conv1D): the activation is a layer, 'ELU'", "keras")
    with_config(function(config) config.config.layers[2].config.filters = 1e18 end)
    refused("layer 'conv1d' (Conv1D): the option filters is 1000000000000000000", "keras")
    with_config(function(config) config.config.layers[2].config.filters = 5 end)
    refused("layer 'conv1d' (Conv1D) takes weights of shape {3, ?, 5}, '/layers/conv1d/vars/0' has shape {3, 1, 2}",
      "keras")
    with_config(function(config) config.config.layers[1].config.batch_shape[2] = json.null end)
    refused("the length of its input is free; give the option length", "keras")
    assert.same({ 5, 1 }, assert(mb.import_keras(path "keras", { length = 5 })).input_shape)
    with_config(function(config)
      config.config.layers[2].inbound_nodes[1].args[1].config.keras_history[1] = config.config.layers[3].name
    end)
    refused("layer 'conv1d' stands before its input", "keras")
    with_config(function() return { class_name = "Functional", config = { layers = 3 } } end)
    refused("which holds no list of layers", "keras")
  end)
  -- Writes a network of one layer on (N, 8, 4) with a change to the layer's description, and one to the model's.
  local function with_layer(layer, change, change_model)
    local model = nn.Sequential { layer }
    model:build({ 8, 4 }, mb.rng(1))
    with_config(function(config)
      change(config.config.layers[2], config.config.layers)
      if change_model then change_model(config.config) end
    end, model)
  end
  local function history(name)
    return { class_name = "__keras_tensor__", config = { keras_history = { name, 0, 0 } } }
  end

  it("recurrences of another kind", function()
    with_layer(nn.GRU { units = 2 }, function(layer) layer.config.reset_after = false end)
    refused("layer 'gru' (GRU): the option reset_after is false", "keras")
    with_layer(nn.LSTM { units = 2 }, function(layer, list)
      layer.inbound_nodes[1].kwargs = { initial_state = { history(list[1].name), history(list[1].name) } }
    end)
    refused("layer 'lstm' (LSTM): it has 3 inputs, of which moonbow's layer takes one", "keras")
    local function both(change)
      with_layer(nn.LSTM { units = 2, bidirectional = true }, function(layer) change(layer.config) end)
    end
    both(function(config) config.merge_mode = "sum" end)
    refused("(Bidirectional): the option merge_mode is 'sum'", "keras")
    both(function(config)
      config.backward_layer = { class_name = "LSTM", config = { go_backwards = true, units = 3 } }
    end)
    refused("(Bidirectional): its two directions differ in the option units", "keras")
    both(function(config) config.layer.class_name = "Conv1D" end)
    refused("(Bidirectional): the layer 'Conv1D'", "keras")
  end)
  it("attention of another kind", function()
    local function changed(change, message)
      with_layer(nn.MultiHeadAttention { heads = 2 }, change)
      refused("layer 'multi_head_attention'" .. message, "keras")
    end
    changed(function(layer) layer.config.value_dim = 3 end, " (MultiHeadAttention): the option value_dim is 3")
    changed(function(layer) layer.config.attention_axes = { 2 } end,
      " (MultiHeadAttention): the option attention_axes is 2")
    changed(function(layer) layer.config.use_gate = true end, " (MultiHeadAttention): the option use_gate is true")
    changed(function(layer, list)
      table.insert(list, 2, { class_name = "Activation", name = "other", config = { activation = "tanh" },
        inbound_nodes = { { args = { history(list[1].name) } } } })
      layer.inbound_nodes[1].args[2] = history "other"
    end, " (MultiHeadAttention): attention between different inputs")
  end)
  it("a layer that is called in the mode of training, or with a mask that it does not know", function()
    with_layer(nn.Tanh {}, function(layer) layer.inbound_nodes[1].kwargs = { use_causal_mask = true } end)
    refused("layer 'activation' (Activation): it is called with use_causal_mask = true", "keras")
    with_layer(nn.Dropout { rate = 0.5 }, function(layer) layer.inbound_nodes[1].kwargs = { training = true } end)
    refused("layer 'dropout': it is called with training = true", "keras")
  end)
  it("nothing that Keras 2 calls log_softmax_v2", function()
    with_layer(nn.LogSoftmax {}, function(layer) layer.config.activation = "log_softmax_v2" end)
    local x = mb.rand(2, 8, 4)
    same.bits(x:log_softmax(), assert(mb.import_keras(path "keras"))(x))
  end)
  it("no model in two places, which are counted from 0 or, in Keras 2, from 1", function()
    for first = 0, 1 do
      with_layer(nn.Tanh {}, function(layer, list)
        local function place(k)
          return { class_name = "__keras_tensor__", config = { keras_history = { "twin", k, 0 } } }
        end
        local inner = { class_name = "Sequential", name = "twin", config = { name = "twin", layers = { layer } } }
        inner.inbound_nodes = { { args = { history(list[1].name) } }, { args = { place(first) } } }
        list[3] = { class_name = "Add", name = "sum", config = { name = "sum" },
          inbound_nodes = { { args = { { place(first), place(first + 1) } } } } }
        list[2] = inner
      end, function(config) config.output_layers = { "sum", 0, 0 } end)
      local x = mb.rand(2, 8, 4)
      same.bits(x:tanh() + x:tanh():tanh(), assert(mb.import_keras(path "keras"))(x))
    end
  end)
  it("shapes and crops that are no layers", function()
    local function squeezed(change, message)
      local model = nn.Sequential { nn.SqueezeExcite { ratio = 2 } }
      model:build { 8, 4 }
      with_config(function(config)
        for _, layer in ipairs(config.config.layers) do change(layer) end
      end, model)
      refused(message, "keras")
    end
    squeezed(function(layer) if layer.class_name == "Reshape" then layer.config.target_shape = { 2, 2 } end end,
      "a Reshape that is not of rows to spectra of one channel, or to one point (layer 'reshape')")
    squeezed(function(layer) if layer.class_name == "Multiply" then layer.class_name = "Add" end end,
      "layer 'multiply' (Add): it gets one point that stands for rows")
    squeezed(function(layer)
      if layer.name == "activation" then layer.config.activation = "tanh" end
    end, "layer 'multiply' (Multiply): a product with one point that is no squeeze and excitation")
    with_layer(nn.Conv1dTranspose { filters = 2, kernel = 3, padding = 1 }, function(layer)
      layer.config.padding = "same"
    end)
    refused("a Cropping1D that stands behind no Conv1DTranspose with padding 'valid' (layer 'cropping1d')", "keras")
    with_layer(nn.Conv1dTranspose { filters = 2, kernel = 3, padding = 1 }, function(_, list)
      list[3].config.cropping = { 6, 6 }
    end)
    refused("padding cuts off 12 points, but the output has only 10", "keras")
    with_layer(nn.Conv1dTranspose { filters = 2, kernel = 1, stride = 3 }, function(_, list)
      list[3].config.cropping = { 0, 1 }
    end)
    refused("layer 'cropping1d': it cuts off 1 of 2 points beyond the kernels", "keras")
  end)
  it("models in models that fit nowhere, or are too deep", function()
    local function nested(change)
      with_config(function(config)
        local layers = config.config.layers
        local inner = { class_name = "Functional", name = "inner", inbound_nodes = {}, config = { name = "inner",
          layers = layers, input_layers = config.config.input_layers, output_layers = config.config.output_layers } }
        local outer = { class_name = "Sequential", config = { name = "outer", layers = { inner } } }
        change(inner, layers)
        return outer
      end)
    end
    nested(function() end) -- its weights are not in layers/functional/
    refused("there are 0 weights for layer 'conv1d' (Conv1D)", "keras")
    nested(function(inner) inner.config.input_layers = { inner.config.input_layers, { "conv1d", 0, 0 } } end)
    refused("layer 'inner' (Functional): it takes 2 inputs and gets 1", "keras")
    with_config(function(config) config.config.output_layers = { "none", 0, 0 } end)
    refused("its output 'none/0/0' is made by no layer", "keras")
    with_config(function(config)
      for _ = 1, 40 do
        config = { class_name = "Sequential", name = "s", config = { name = "s", layers = { config } } }
      end
      return config
    end)
    local depth = mb.limits.depth
    mb.limits.depth = 30
    local network, message = mb.import_keras(path "keras")
    mb.limits.depth = depth
    assert.is_nil(network)
    assert.matches("deep", message)
  end)
  it("models that call models twice, and so on", function()
    with_config(function(config)
      local model = { class_name = "Activation", name = "layer_0",
        config = { name = "layer_0", activation = "linear" } }
      for level = 1, 16 do
        local before = model.name
        model.inbound_nodes = { { args = { history "x" } }, { args = { history(before) } } }
        model = { class_name = "Functional", name = "layer_" .. level, config = { name = "layer_" .. level,
          layers = { { class_name = "InputLayer", name = "x", config = { batch_shape = { json.null, 5, 1 } } },
            model }, input_layers = { "x", 0, 0 }, output_layers = { before, 1, 0 } } }
      end
      config.config = model.config
    end)
    refused("it has more than 10000 layers, with those in several places", "keras")
  end)
  it("more weights than mb.limits.elements", function()
    assert(mb.export_keras(small(), path "keras"))
    local elements = mb.limits.elements
    mb.limits.elements = 43
    local network, message = mb.import_keras(path "keras")
    mb.limits.elements = elements
    assert.is_nil(network)
    assert.matches("it has 44 weights", message, 1, true)
  end)
  it("a Concatenate of points, and reads one whose axis of channels is counted from the front", function()
    local model = nn.Sequential { nn.Concat { nn.ReLU {}, nn.Tanh {} } }
    model:build { 5, 2 }
    for axis = 1, 2 do
      with_config(function(config) config.config.layers[4].config.axis = axis end, model)
      if axis == 1 then refused("(Concatenate): the option axis is 1", "keras") end
    end
    local x = mb.rand(3, 5, 2)
    same.bits(model(x), assert(mb.import_keras(path "keras"))(x))
  end)
  it("padding that no convolution follows, and has that of each place of a convolution", function()
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.GlobalMaxPool1d {} }
    model:build({ 5, 1 }, mb.rng(2))
    local function tensor(name, place)
      return { class_name = "__keras_tensor__", config = { keras_history = { name, place, 0 } } }
    end
    local function rewired(merged, change)
      with_config(function(config)
        local list = config.config.layers
        local input = list[1].name
        table.insert(list, 2, { class_name = "ZeroPadding1D", name = "pad", config = { padding = { 4, 4 } },
          inbound_nodes = { { args = { tensor(input, 0) } } } })
        list[3].inbound_nodes = { { args = { tensor(input, 0) } }, { args = { tensor("pad", 0) } } }
        list[4].inbound_nodes = { { args = { tensor(list[3].name, 0) } }, { args = { tensor(list[3].name, 1) } } }
        list[5] = { class_name = merged, name = "last", config = { axis = -1 },
          inbound_nodes = { { args = { { tensor(list[4].name, 0), tensor(list[4].name, 1) } } } } }
        config.config.output_layers = { "last", 0, 0 }
        change(list)
      end, model)
    end
    rewired("Concatenate", function() end)
    local x = mb.rng(3):normal(0, 1, 3, 5, 1) - 4
    local padded = mb.concat({ model(x), model(x:pad(4, 4, { dimension = 2 })) }, 2)
    local network = assert(mb.import_keras(path "keras"))
    assert.same(padded:totable(), network(x):totable())
    -- The convolution is one layer, with one weight and one bias, which training changes as one.
    assert.equal(2, #network:parameters())
    assert.same({ { "1.1.1.weight", "1.2.1.weight" }, { "1.1.1.bias", "1.2.1.bias" } }, network:config().ties)
    rewired("Add", function(list) list[5].inbound_nodes = { { args = { { tensor("pad", 0), tensor("pad", 0) } } } } end)
    refused("a ZeroPadding1D that no Conv1D follows", "keras")
  end)
  it("archives that unpack to more than mb.limits, and other files", function()
    local parts = {}
    zip.write({ { name = "config.json", content = (" "):rep(1 << 20) } },
      function(text) parts[#parts + 1] = text end, true)
    damage.write(path "keras", table.concat(parts))
    local was = mb.limits.unpacked
    mb.limits.unpacked = 1 << 16
    local network, message = mb.import_keras(path "keras")
    mb.limits.unpacked = was
    assert.is_nil(network)
    assert.is_string(message)
    damage.write(path "keras", "no archive")
    refused("it is neither a zip archive nor an HDF5 file", "keras")
    damage.write(path "h5", hdf5.image { { path = "/a", shape = { 1 }, bytes = "\0\0\0\0" } })
    refused("it is no file of Keras: it has no layers", "h5")
  end)
  it("each damaged copy, or reads it", function()
    for _, ending in ipairs { "keras", "h5" } do
      assert(mb.export_keras(small(), path(ending)))
      local count, refusals = 0, 0
      damage.each(assert(io.open(path(ending), "rb")):read "a", function(copy, what)
        count = count + 1
        if count % 8 > 0 then return end -- each takes two processes
        damage.write(path(ending), copy)
        local ok, network, message = pcall(mb.import_keras, path(ending))
        assert.is_true(ok, what)
        assert.is_true(network ~= nil or type(message) == "string" and not message:find "[%c]", what)
        refusals = refusals + (network and 0 or 1)
      end)
      assert.is_true(refusals > 2)
    end
  end)
end)

describe("Keras", function()
  local module = os.getenv "MOONBOW_KERAS" or "keras"

  local function with_keras(name, f)
    it(name, function()
      if not python.has(module) then return pending(python.missing(module)) end
      f()
    end)
  end

  with_keras("reads what moonbow writes, and moonbow what Keras writes", function()
    local list = networks(41, 48)
    table.move(cases.benchmarked(), 1, 8, #list + 1, list)
    table.move(cases.graphs(13, 18, 4), 1, 6, #list + 1, list)
    python.run(function(place)
      for _, case in ipairs(list) do
        local name = place .. "/" .. case.name
        for _, ending in ipairs { ".keras", ".h5", ".weights.h5" } do
          assert(mb.export_keras(case.model, name .. ending))
        end
        arrays.save(name .. ".x", case.x)
        arrays.save(name .. ".y", case.expected)
      end
      return "spec/support/keras_compare.py " .. place
    end, function(place)
      local count = 0
      for _, case in ipairs(list) do
        for _, ending in ipairs { "keras", "h5", "weights.h5" } do -- Keras 2 writes the second alone
          local file = ("%s/%s.back.%s"):format(place, case.name, ending)
          if lfs.attributes(file) then
            local options = ending == "weights.h5" and { network = same.unlike(case.model) } or nil
            local network = assert(mb.import_keras(file, options))
            assert.is_true(same.difference(case.expected, mb.no_grad(network, case.x)) <= 1e-6, case.name)
            count = count + 1
          end
        end
      end
      assert.is_true(count >= #list - 4)
    end)
  end)
  with_keras("makes models in models, and others, that moonbow reads", function()
    local names = { "separable", "recurrent", "longer", "squeezed", "attention", "nested", "siamese", "crossed" }
    python.run(function(place) return "spec/support/keras_models.py " .. place end, function(place)
      for _, name in ipairs(names) do
        for _, ending in ipairs { "h5", "keras" } do
          local file = ("%s/%s.%s"):format(place, name, ending)
          if ending == "h5" or lfs.attributes(file) then
            local network = assert(mb.import_keras(file))
            assert.equal((name == "siamese" or name == "crossed") and "Graph" or "Sequential", network.type)
            local y = mb.no_grad(network, arrays.load(place, name .. ".x"))
            assert.is_true(same.difference(arrays.load(place, name .. ".y"), y) <= 1e-5, name)
          end
        end
      end
    end)
  end)
end)
