-- mb.import_onnx: round trips, files that PyTorch and tf2onnx write where they are installed, and what is refused.
local mb = require "moonbow"
local nn = mb.nn
local cases = require "support.onnx_cases"
local damage = require "support.damage"
local made = require "support.made_onnx"
local python = require "support.python"
local same = require "support.same"
local zip = require "moonbow.io.zip"

local path = os.tmpname()
local numbers, integers, node = made.numbers, made.integers, made.node

local function round_trip(model, options)
  assert(mb.export_onnx(model, path, options))
  return assert(mb.import_onnx(path))
end

local function import(...)
  made.write(path, ...)
  return mb.import_onnx(path)
end

local function refused(text, ...)
  local network, message = import(...)
  assert.is_nil(network)
  assert.matches(text, message, 1, true)
end

-- ---- the tests ----

describe("a network that moonbow exported comes back", function()
  teardown(function() os.remove(path) end)

  it("with its layers and the same bits, whatever the layers", function()
    for _, case in ipairs(cases.random(1, 80, 3)) do
      local network = round_trip(case.model)
      assert.equal(tostring(case.model), tostring(network))
      same.bits(case.expected, mb.no_grad(network, case.x))
    end
  end)
  it("with preprocessing, classes and axis, and predicts from raw spectra", function()
    local axis, x = { 1, 2, 3, 4, 5, 6 }, mb.rand(7, 6, 1)
    local steps = mb.preprocess.fit({ "snv", "standardize" }, x)
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.Flatten {}, nn.Dense { units = 2 } }
    model:build({ 6, 1 }, mb.rng(1))
    assert(mb.export_onnx(model:eval(), path, { preprocessing = steps, classes = { "a", "b" }, axis = axis,
      unit = "u" }))
    local network, info = assert(mb.import_onnx(path))
    assert.same({ "a", "b" }, info.classes)
    assert.same({ axis, "u" }, { info.axis, info.unit })
    local prepared = mb.preprocess.apply(info.preprocessing, x)
    same.bits(mb.preprocess.apply(steps, x), prepared)
    same.bits(mb.no_grad(model, prepared), mb.no_grad(network, prepared))
    local set = mb.spectra.set { x = x:reshape(7, 6), axis = axis, unit = "u" }
    assert.same(mb.predict(model, prepared), mb.predict(network, set))
  end)
  it("with causal attention, of which two layers have one mask", function()
    local model = nn.Sequential { nn.MultiHeadAttention { heads = 2, causal = true }, nn.ReLU {},
      nn.MultiHeadAttention { heads = 4, causal = true } }
    model:build({ 7, 4 }, mb.rng(1))
    local network, x = round_trip(model:eval()), mb.rng(2):normal(0, 1, 3, 7, 4)
    assert.equal(tostring(model), tostring(network))
    same.bits(mb.no_grad(model, x), mb.no_grad(network, x))
    local bytes = assert(io.open(path, "rb")):read "a"
    local _, masks = bytes:gsub(("\0\0\x80\xff"):rep(6), "") -- -infinity behind the first point
    assert.equal(1, masks)
  end)
  it("with the windows of RamanNet and the weighted maps of SANet", function()
    for _, case in ipairs(cases.raman(3)) do same.bits(case.expected, mb.no_grad(round_trip(case.model), case.x)) end
  end)
  it("and can be trained, looked at and saved", function()
    local model = mb.models.lee2020_cnn2 { classes = 2, length = 200, units = { 4 }, filters = 2 }
    local network = round_trip(model:eval())
    assert.matches("Conv1d", tostring(network:summary()))
    mb.fit(network, { x = mb.rand(8, 200, 1), y = { 1, 2, 1, 2, 1, 2, 1, 2 } }, { epochs = 1, verbose = false })
    assert(mb.save(network, path))
    assert.equal(tostring(network), tostring(assert(mb.load(path))))
  end)
  it("by its graph alone if the description was changed", function()
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.Flatten {},
      nn.Dense { units = 2 } }
    model:build({ 6, 1 }, mb.rng(1))
    assert(mb.export_onnx(model:eval(), path))
    local bytes = assert(io.open(path, "rb")):read "a"
    local changed, count = bytes:gsub('"activation":"relu"', '"activation":"tanh"')
    assert.equal(1, count)
    damage.write(path, changed)
    local network, x = assert(mb.import_onnx(path)), mb.rand(3, 6, 1)
    same.bits(mb.no_grad(model, x), mb.no_grad(network, x))
  end)
  it("by its graph alone if there is no description, or batch norms are folded", function()
    local count = 0
    for seed, case in ipairs(cases.random(1, 80, 3)) do
      assert(mb.export_onnx(case.model, path, { fold_batch_norm = seed % 2 == 0 }))
      local bytes = assert(io.open(path, "rb")):read "a"
      damage.write(path, (bytes:gsub("moonbow.network", "moonbow.unknown")))
      local network = mb.import_onnx(path) -- Position, and a group norm in parts, come back by their description only
      if network then
        count = count + 1
        local difference = (mb.no_grad(network, case.x) - case.expected):abs():max():item()
        assert.is_true(difference <= 2e-5 * case.expected:abs():max():item(), case.name)
      end
    end
    assert.is_true(count > 50, count .. " of 80")
  end)
end)

describe("a graph of ONNX", function()
  teardown(function() os.remove(path) end)

  local filters = numbers({ 2, 1, 3 }, { 1, 2, 3, -1, 0, 1 })

  it("is read by the option layout where its nodes do not tell the order of dimensions", function()
    local weights = mb.rng(1):normal(0, 1, 8, 1)
    local flat = { node("Flatten", { "x" }, "f"), node("MatMul", { "f", "w" }, "y") }
    local function read(dims, options, nodes)
      made.write(path, dims, nodes or flat, { w = made.tensor(weights) })
      return mb.import_onnx(path, options)
    end
    local network, message = read { "n", 2, 4 }
    assert.is_nil(network)
    assert.matches("its input 'x' of shape {N, 2, 4} may be (N, C, L) or (N, L, C), and no node tells; give the option "
      .. "layout = 'NCL' or 'NLC'", message, 1, true)
    local x = mb.rng(2):normal(0, 1, 3, 2, 4) -- as the file has it
    local expected = x:reshape(3, 8):matmul(weights)
    local by_points = assert(read({ "n", 2, 4 }, { layout = "NLC" }))
    assert.same({ 2, 4 }, by_points.input_shape)
    assert.is_true(same.difference(expected, by_points(x)) < 1e-6)
    local by_channels = assert(read({ "n", 2, 4 }, { layout = "NCL" }))
    assert.same({ 4, 2 }, by_channels.input_shape)
    assert.is_true(same.difference(expected, by_channels(x:transpose(2, 3))) < 1e-6)
    -- No question for one channel or one point, for rows, and where a node needs the channels.
    assert.same({ 8, 1 }, assert(read { "n", 1, 8 }).input_shape)
    assert.same({ 8, 1 }, assert(read { "n", 8, 1 }).input_shape)
    assert.same({ 8 }, assert(read { "n", 8 }).input_shape)
    local pooled = { node("GlobalMaxPool", { "x" }, "p"), node("Flatten", { "p" }, "y") }
    assert.same({ 5, 3 }, assert(read({ "n", 3, 5 }, nil, pooled)).input_shape)
    assert.is_nil((read({ "n", 3, 5 }, { layout = "NLC" }, pooled)))
    assert.error_matches(function() mb.import_onnx(path, { layout = "CNL" }) end,
      "layout: expected one of 'NCL', 'NLC'")
  end)
  it("of moonbow has the points first, whatever its nodes", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 }, nn.ReLU {} }
    model:build({ 2, 4 }, mb.rng(1))
    assert(mb.export_onnx(model, path, { fold_batch_norm = true }))
    local x = mb.rand(3, 2, 4)
    same.bits(mb.no_grad(model, x), mb.no_grad(assert(mb.import_onnx(path)), x))
  end)
  it("may have the channels first, which become those of moonbow", function()
    local network = assert(import({ "n", 1, 5 }, { node("Conv", { "x", "w" }, "y", { pads = { 1, 1 } }) },
      { w = filters }))
    assert.equal('nn.Sequential{\n  nn.Conv1d{bias = false, dilation = 1, filters = 2, kernel = 3, padding = "same", '
      .. "stride = 1}}", tostring(network))
    assert.same({ { { 8, 2 }, { 14, 2 }, { 20, 2 }, { 26, 2 }, { 14, -4 } } },
      network(mb.tensor { { { 1 }, { 2 }, { 3 }, { 4 }, { 5 } } }):totable())
  end)
  it("may pad unevenly", function()
    for left = 0, 4 do
      for right = 0, 4 do
        local network = assert(import({ "n", 1, 5 }, { node("Conv", { "x", "w" }, "y", { pads = { left, right },
          strides = { 2 } }) }, { w = filters }))
        assert.same({ 3, 1, 2 }, network.layers[1].weight:shape())
        local x = mb.rng(1):normal(0, 1, 2, 5, 1)
        local weight = mb.tensor { { { 1, -1 } }, { { 2, 0 } }, { { 3, 1 } } }
        local expected = x:pad(left, right, { dimension = 2 }):conv1d(weight, nil, { stride = 2 })
        assert.is_true((network(x) - expected):abs():max():item() < 1e-6)
      end
    end
  end)
  it("may have groups of filters, also over dilated points that all stand on the left", function()
    local grouped = numbers({ 4, 1, 2 }, { 1, 2, 3, 4, 5, 6, 7, 8 })
    local network = assert(import({ "n", 2, 4 }, { node("Conv", { "x", "w" }, "y", { group = 2, dilations = { 2 },
      pads = { 2, 0 } }) }, { w = grouped }))
    assert.equal("causal", network.layers[1].options.padding)
    assert.same({ { { 2, 4, 60, 80 }, { 4, 8, 120, 160 }, { 7, 15, 230, 310 }, { 10, 22, 340, 460 } } },
      network(mb.tensor { { { 1, 10 }, { 2, 20 }, { 3, 30 }, { 4, 40 } } }):totable())
    refused("its input has 2 channels, its filters expect 4", { "n", 2, 4 },
      { node("Conv", { "x", "w" }, "y", { group = 4 }) }, { w = grouped })
    for _, group in ipairs { 3, 0, -1 } do
      refused(("4 filters in %d groups"):format(group), { "n", 2, 4 },
        { node("Conv", { "x", "w" }, "y", { group = group }) }, { w = grouped })
    end
  end)
  it("may pad windows of a maximum with half their size", function()
    local network = assert(import({ "n", 1, 6 }, { node("MaxPool", { "x" }, "y",
      { kernel_shape = { 3 }, pads = { 1, 1 }, strides = { 2 } }) }))
    assert.same({ { { 2 }, { 4 }, { 6 } } },
      network(mb.tensor { { { 1 }, { 2 }, { 3 }, { 4 }, { 5 }, { 6 } } }):totable())
  end)
  it("may flatten with the channels first", function()
    local network = assert(import({ "n", 1, 4 }, { node("Conv", { "x", "w" }, "a"), node("Flatten", { "a" }, "b"),
      node("Gemm", { "b", "m" }, "y", { transB = 1 }) }, { w = filters, m = numbers({ 1, 4 }, { 1, 10, 100, 1000 }) }))
    local x = mb.tensor { { { 1 }, { 2 }, { 4 }, { 3 } } } -- (17, 19) and (3, 1)
    assert.equal(17 + 190 + 300 + 1000, network(x):item())
  end)
  it("may have two dimensions of space, sums, branches and a GELU in parts", function()
    local network = assert(import({ "n", 4 }, {
      node("Unsqueeze", { "x", "axes" }, "a"),
      node("Conv", { "a", "w" }, "b", { pads = { 0, 1, 0, 1 } }),
      node("Relu", { "b" }, "c"), node("Add", { "b", "c" }, "d"), node("Concat", { "d", "b" }, "e", { axis = 1 }),
      node("Div", { "e", "root" }, "f"), node("Erf", { "f" }, "g"), node("Add", { "g", "one" }, "h"),
      node("Mul", { "e", "h" }, "i"), node("Mul", { "i", "half" }, "j"), node("GlobalAveragePool", { "j" }, "k"),
      node("Flatten", { "k" }, "y"),
    }, { w = numbers({ 2, 1, 1, 3 }, { 1, 2, 3, -1, 0, 1 }), axes = integers { 1, 2 }, root = numbers({}, { 2 ^ 0.5 }),
      one = numbers({}, { 1 }), half = numbers({}, { 0.5 }) }))
    local x = mb.rng(1):normal(0, 1, 3, 4, 1)
    local b = x:conv1d(mb.tensor { { { 1, -1 } }, { { 2, 0 } }, { { 3, 1 } } }, nil, { padding = "same" })
    local expected = mb.concat({ b + b:relu(), b }, 3):gelu():mean(2)
    assert.is_true((network(x) - expected):abs():max():item() < 1e-5)
  end)
  it("may scale and shift channels, which a batch norm does", function()
    local network = assert(import({ "n", 2, 3 }, { node("BatchNormalization", { "x", "g", "b", "m", "v" }, "a",
      { epsilon = 0.0 }), node("Mul", { "a", "g3" }, "b2"), node("Add", { "b2", "b3" }, "y") }, {
      g = numbers({ 2 }, { 1, 2 }), b = numbers({ 2 }, { 0, 1 }), m = numbers({ 2 }, { 1, 0 }),
      v = numbers({ 2 }, { 4, 1 }), g3 = numbers({ 1, 2, 1 }, { 3, 5 }), b3 = numbers({ 2, 1 }, { 1, 2 }) }))
    assert.same({ { { 1, 17 }, { 2.5, 27 }, { 4, 37 } } },
      network(mb.tensor { { { 1, 1 }, { 2, 2 }, { 3, 3 } } }):totable())
  end)
end)

describe("a file is refused, with its node,", function()
  teardown(function() os.remove(path) end)

  local w = numbers({ 1, 1, 3 }, { 1, 2, 3 })

  it("that is none", function()
    for _, bytes in ipairs { "", "abc", ("\255"):rep(100), "\58\3abc" } do
      damage.write(path, bytes)
      local network, message = mb.import_onnx(path)
      assert.is_nil(network)
      assert.is_string(message)
    end
    assert.is_nil((mb.import_onnx "/nowhere/a.onnx"))
  end)
  it("with an operator that is no layer", function()
    refused("node 1 (Conv3D, y): moonbow has no layer for it", { "n", 1, 5 }, { node("Conv3D", { "x" }, "y") })
  end)
  it("with a cycle, or an input that nothing makes", function()
    refused("node 1 (Add, y): its input 'a' is not made before", { "n", 1, 5 },
      { node("Add", { "x", "a" }, "y"), node("Relu", { "y" }, "a") })
  end)
  it("whose nodes share weights, of which each layer has its own, too often", function()
    local unpacked = mb.limits.unpacked
    finally(function() mb.limits.unpacked = unpacked end)
    local nodes = { node("Conv", { "x", "w" }, "a", { pads = { 1, 1 } }), node("Conv", { "a", "w" }, "b",
      { pads = { 1, 1 } }), node("Conv", { "b", "w" }, "y") }
    mb.limits.unpacked = 100
    assert(import({ "n", 1, 5 }, nodes, { w = w }))
    mb.limits.unpacked = 20
    refused("node 3 (Conv, y): copies of weights that nodes share have 24 bytes; limits.unpacked = 20", { "n", 1, 5 },
      nodes, { w = w })
  end)
  it("with sizes that do not fit, or no memory holds", function()
    refused("its input has 2 channels, its filters expect 1", { "n", 2, 5 },
      { node("Conv", { "x", "w" }, "y") }, { w = w })
    refused("windows of 3 do not fit into 2 points", { "n", 1, 2 }, { node("Conv", { "x", "w" }, "y") }, { w = w })
    refused("padding of 536870912 and 0 points", { "n", 1, 5 },
      { node("Conv", { "x", "w" }, "y", { pads = { 1 << 29, 0 } }) }, { w = w })
    refused("too many weights that are not in the file", { "n", 1 << 25, 1 << 25 },
      { node("Mul", { "x", "two" }, "y") }, { two = numbers({}, { 2 }) })
    refused("has the shape {4294967296, 4294967296}", { "n", 1, 5 }, { node("Conv", { "x", "w" }, "y") },
      { w = numbers({ 1 << 32, 1 << 32 }, { 1 }) })
    refused("536870912 means; limits.entries", { "n", 1, 1 << 29 }, { node("AveragePool", { "x" }, "y",
      { kernel_shape = { 3 }, pads = { 1, 1 }, count_include_pad = 1 }) })
    refused("4194305 features", { "n", 5, 838861 }, { node("Flatten", { "x" }, "y") })
    refused("of shape {1, 1, 9} has 12 bytes", { "n", 1, 5 }, { node("Conv", { "x", "w" }, "y") },
      { w = numbers({ 1, 1, 9 }, { 1, 2, 3 }) })
  end)
  it("if it is a file of another kind, which is named", function()
    local function is_no_onnx(content, kind)
      damage.write(path, content)
      local network, message = mb.import_onnx(path)
      assert.is_nil(network)
      assert.equal(path .. ": it is no file of ONNX, but " .. kind, message)
    end
    local function archive(name)
      local parts = {}
      zip.write({ { name = name, content = "{}" } }, function(bytes) parts[#parts + 1] = bytes end)
      return table.concat(parts)
    end
    is_no_onnx("the spectra of a mineral\n", "text")
    is_no_onnx(archive "config.json", "a file of Keras (mb.import_keras)")
    is_no_onnx(archive "model/data.pkl", "a file of torch.save")
    is_no_onnx(archive "notes.txt", "a zip archive")
    is_no_onnx("\137HDF\r\n\26\n", "a file in HDF5, as those of Keras (mb.import_keras)")
    is_no_onnx("\147NUMPY\1\0", "an array of NumPy (mb.load_npy)")
    assert(mb.safetensors.write(path, { weight = mb.zeros(2) }))
    is_no_onnx(assert(io.open(path, "rb")):read "a", "a safetensors file (mb.import_pytorch, mb.load)")
  end)
  it("with means in which padded points count, by the node that has them", function()
    local pooled = node("AveragePool", { "x" }, "p", { kernel_shape = { 3 }, pads = { 1, 1 }, count_include_pad = 1 })
    local message = "the means of node 1 (AveragePool, p) count padded points (count_include_pad)"
    refused("node 2 (Conv, y): " .. message, { "n", 1, 5 }, { pooled, node("Conv", { "p", "w" }, "y") }, { w = w })
    pooled.output[1] = "y"
    refused(message, { "n", 1, 5 }, { pooled })
  end)
  it("with a cast to integers, which cuts fractions off", function()
    refused("node 1 (Cast, a): a cast to the data type 7", { "n", 1, 5 },
      { node("Cast", { "x" }, "a", { to = 7 }), node("Cast", { "a" }, "y", { to = 1 }) })
    assert(import({ "n", 1, 5 }, { node("Cast", { "x" }, "a", { to = 11 }), node("Relu", { "a" }, "y") }))
  end)
  it("with a softmax over channels and points, which it was before opset 13", function()
    local nodes = { node("Softmax", { "x" }, "y", { axis = 1 }) }
    local ratios = assert(import({ "n", 2, 3 }, nodes))(mb.zeros(1, 3, 2))
    assert.same({ { { 0.5, 0.5 }, { 0.5, 0.5 }, { 0.5, 0.5 } } }, ratios:totable())
    made.opset = 12
    finally(function() made.opset = 17 end)
    refused("node 1 (Softmax, y): a softmax over more than the channels", { "n", 2, 3 }, nodes)
    assert(import({ "n", 3, 2 }, { node("Softmax", { "x" }, "y", { axis = 2 }) }))
    assert(import({ "n", 3 }, nodes))
  end)
  it("with constants that are no number of each channel", function()
    for _, dims in ipairs { { 5 }, { 1, 1, 1, 1 }, { 2, 1, 1 } } do
      local list = {}
      for i = 1, dims[1] do list[i] = i end
      refused("which is no number of each channel of {N, C, L}", { "n", 1, 5 },
        { node("Conv", { "x", "w" }, "a", { pads = { 1, 1 } }), node("Add", { "a", "c" }, "y") },
        { w = w, c = numbers(dims, list) })
    end
  end)
  it("with fields of another wire type", function()
    damage.write(path, "\58\2\8\1") -- a graph whose node is a number
    local network, message = mb.import_onnx(path)
    assert.is_nil(network)
    assert.matches("field 1 (node) has the wire type 0", message, 1, true)
  end)
  it("with weights in another file, free lengths", function()
    refused("is in another file", { "n", 1, 5 }, { node("Conv", { "x", "w" }, "y") },
      { w = { dims = { 1, 1, 3 }, data_type = 1, data_location = 1 } })
    refused("dimension 3 of its input 'x' is free; give the option length", { "n", 1, "l" },
      { node("Conv", { "x", "w" }, "y") }, { w = w })
    assert.same({ 9, 1 }, assert(mb.import_onnx(path, { length = 9 })).input_shape)
  end)
  it("with inputs and attributes of another kind than operators take", function()
    local given = { data = numbers({ 4 }, { 1, 2, 3, 4 }), list = integers { 0, 0, 1, 0, 0, 1 }, w = w,
      few = integers { 1 }, zero = numbers({}, { 0 }) }
    local function refuses(message, ...)
      refused("node 1 (" .. message, { "n", 1, 5 }, { node(...) }, given)
    end
    refuses("Pad, y): the padding: expected constant integers", "Pad", { "x", "data" }, "y")
    refuses("Pad, y): 1 numbers of padding for 3 dimensions", "Pad", { "x", "few" }, "y")
    refuses("Pad, y): the dimensions: expected constant integers", "Pad", { "x", "few", "zero", "data" }, "y")
    refuses("Pad, y): padding with what is no constant number", "Pad", { "x", "list", "x" }, "y")
    refuses("Squeeze, y): the dimensions: expected constant integers", "Squeeze", { "x", "data" }, "y")
    refuses("Unsqueeze, y): the dimensions: expected constant integers", "Unsqueeze", { "x", "data" }, "y")
    refuses("Gather, y): the entry: expected constant integers", "Gather", { "x", "data" }, "y")
    refuses("ReduceMean, y): the dimensions: expected constant integers", "ReduceMean", { "x", "data" }, "y")
    refuses("Dropout, y): the training mode: expected constant integers", "Dropout", { "x", "zero", "x" }, "y")
    refuses("Transpose, y): an order of 2 dimensions for 3", "Transpose", { "x" }, "y", { perm = { 1, 0 } })
    refuses("ConstantOfShape, y): the attribute value is no tensor", "ConstantOfShape", { "list" }, "y", { value = 1 })
    refuses("Conv, y): the attribute 'strides' is of another kind (floats)", "Conv", { "x", "w" }, "y",
      { strides = { 1.0 } })
    refuses("LSTM, y): the attribute 'activations' is of another kind (integers)", "LSTM", { "x", "w", "w" }, "y",
      { activations = { 1 } })
    refuses("Constant, y): the attribute 'value_ints' is of another kind (integer)", "Constant", {}, "y",
      { value_ints = 3 })
    refuses("Constant, y) has no numbers", "Constant", {}, "y", { value_string = "a" })
  end)
  it("with an entry, or a shape, that is the number of spectra", function()
    refused("node 2 (Gather, y): the entry: expected constant integers", { "n", 1, 5 }, {
      node("Shape", { "x" }, "a", { start = 0, ["end"] = 1 }), node("Gather", { "x", "a" }, "y") })
  end)
  it("with channels of an input that are not known", function()
    made.write_several(path, { { "x", { 4, "n", "c" } } }, { node("Relu", { "x" }, "y") }, {}, { "y" })
    local network, message = mb.import_onnx(path)
    assert.is_nil(network)
    assert.matches("dimension 3 of its input 'x' is free", message, 1, true)
  end)
  it("with features in another order beside more than are listed", function()
    made.write_several(path, { { "x", { "n", 1, 4 } }, { "z", { "n", 1 << 30 } } }, {
      node("Conv", { "x", "w" }, "a"), node("Flatten", { "a" }, "b"), node("Concat", { "b", "z" }, "y", { axis = 1 }) },
      { w = numbers({ 2, 1, 3 }, { 1, 2, 3, 4, 5, 6 }) }, { "y" })
    local network, message = mb.import_onnx(path)
    assert.is_nil(network)
    assert.matches("node 3 (Concat, y): 1073741828 features", message, 1, true)
  end)
  it("but not for a fault of moonbow, which is raised", function()
    local operators = require "moonbow.exchange.import.operators"
    local relu = operators.Relu
    finally(function() operators.Relu = relu end)
    -- As if it stood in moonbow's code.
    operators.Relu = load("return function(_, _, x) return x.nothing.there end",
      debug.getinfo(relu, "S").source)()
    made.write(path, { "n", 1, 5 }, { node("Relu", { "x" }, "y") })
    local ok, message = pcall(mb.import_onnx, path)
    assert.is_false(ok)
    assert.matches("^fault of moonbow: .*activations.lua:1: attempt to index a nil value %(field 'nothing'%)", message)
  end)
  it("for each damaged copy, or is read", function()
    local found = {}
    for seed = 1, 12 do
      local case = cases.random(seed, seed, 1)[1]
      assert(mb.export_onnx(case.model, path, { fold_batch_norm = seed % 2 == 0 }))
      local copies, refusals = damage.all(mb.import_onnx, path, assert(io.open(path, "rb")):read "a")
      found[1], found[2] = (found[1] or 0) + copies, (found[2] or 0) + refusals
    end
    assert.is_true(found[2] > found[1] // 4)
  end)
end)

-- Layers of other networks, as PyTorch writes them.
local function other_layers()
  local list = {}
  for i, layer in ipairs { nn.SqueezeExcite { ratio = 2 }, nn.GroupNorm { groups = 2 }, nn.GroupNorm { groups = 4 },
    nn.GroupNorm { groups = 1 }, nn.LayerNorm {}, nn.GELU {},
    nn.AvgPool1d { size = 3, stride = 2, padding = "same" } } do
    local model = nn.Sequential { nn.Conv1d { filters = 4, kernel = 3 }, layer, nn.GlobalMaxPool1d {},
      nn.Dense { units = 2, activation = "sigmoid" } }
    model:build({ 347, 1 }, mb.rng(i))
    mb.seed(i)
    for _, entry in ipairs(model:parameters()) do
      mb.no_grad(function() entry.value:copy_from(mb.randn(table.unpack(entry.value:shape()))) end)
    end
    list[i] = { name = ("layer_%d"):format(i), model = model:eval(), x = mb.rand(3, 347, 1) }
  end
  return list
end

local function compare(folder, suffix, list)
  for _, case in ipairs(list) do
    local network = assert(mb.import_onnx(("%s/%s%s"):format(folder, case.name, suffix)))
    local expected = case.y or mb.no_grad(case.model, case.x)
    local difference = (mb.no_grad(network, case.x) - expected):abs():max():item()
    assert.is_true(difference <= 1e-5 * expected:abs():max():item(), ("%s: off by %g"):format(case.name, difference))
  end
end

describe("files of others:", function()
  local function with(modules, name, f)
    it(name, function()
      if python.has(modules) then return f() end
      pending(python.missing(modules))
    end)
  end

  with("torch, safetensors, onnx", "PyTorch's of the eight benchmarked networks, and of other layers", function()
    local list = cases.benchmarked()
    table.move(other_layers(), 1, 7, #list + 1, list)
    python.run(function(folder)
      for _, case in ipairs(list) do
        local name = folder .. "/" .. case.name
        assert(mb.export_pytorch(case.model, name .. ".safetensors", { python = name .. ".py" }))
        assert(mb.save_npy(case.x, name .. ".x.npy"))
      end
      return "spec/support/torch_export.py " .. folder
    end, function(folder) compare(folder, ".onnx", list) end)
  end)
end)
