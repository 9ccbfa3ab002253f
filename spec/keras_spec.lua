-- mb.import_keras and mb.export_keras: round trips, the file of Keras 2.2.4 in the shared data; Keras itself where it
-- is installed. keras_refused_spec.lua has the files that are refused, keras_weights_spec.lua where weights stand.
local lfs = require "lfs"
local mb = require "moonbow"
local nn = mb.nn
local cases = require "support.onnx_cases"
local python = require "support.python"
local same = require "support.same"
local arrays = require "support.arrays"
local keras_files = require "support.keras_files"
local zip = require "moonbow.io.zip"

local is_built = pcall(require, "moonbow.hdf5")

describe("without libhdf5", function()
  it("files of Keras are refused", function()
    local module, preload = package.loaded["moonbow.hdf5"], package.preload
    package.loaded["moonbow.hdf5"], preload["moonbow.hdf5"] = nil, function()
      error "module 'moonbow.hdf5' not found"
    end
    local model = nn.Sequential { nn.Dense { units = 2 } }
    model:build { 3 }
    local ok, message = mb.export_keras(model, os.tmpname() .. ".keras")
    package.loaded["moonbow.hdf5"], preload["moonbow.hdf5"] = module, nil
    assert.is_nil(ok)
    assert.equal("moonbow was built without libhdf5", message)
  end)
end)

if not is_built then return end

local path, make_folder, remove_folder = keras_files.folder()
local small = keras_files.small

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

setup(make_folder)
teardown(remove_folder)

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
