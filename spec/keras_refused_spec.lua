-- mb.import_keras refuses descriptions, weights and files that are no network of moonbow's, and reads what is near.
local json = require "cjson"
local mb = require "moonbow"
local nn = mb.nn
local damage = require "support.damage"
local keras_files = require "support.keras_files"
local same = require "support.same"
local zip = require "moonbow.io.zip"

local is_built, hdf5 = pcall(require, "moonbow.hdf5")
if not is_built then return end

local path, make_folder, remove_folder = keras_files.folder()
local small = keras_files.small

setup(make_folder)
teardown(remove_folder)

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
    refused("layer 'conv1d' takes 'activation/0', which nothing before it makes", "keras")
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
    refused("layer 'lstm' (LSTM): it is called with initial_state, which moonbow's layers do not take", "keras")
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
    refused("layer 'dropout' (Dropout): it is called with training = true", "keras")
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
  it("weights of bfloat16, which HDF5 has as opaque bytes, by that name", function()
    assert(mb.export_keras(small(), path "h5"))
    local bytes = assert(io.open(path "h5", "rb")):read "a"
    local changed, count = bytes:gsub("\x11\x20\x1f\0\4\0\0\0", "\x15\0\0\0\4\0\0\0") -- the type of a dataset
    assert.is_true(count >= 8)
    damage.write(path "h5", changed)
    refused("holds bfloat16, which is not read; save the model with layers of the dtype float32", "h5")
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
    damage.write(path "keras", "PK\3\4" .. ("\0"):rep(30) .. "model/data.pkl")
    refused("it is no file of Keras, but a file of torch.save", "keras")
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
