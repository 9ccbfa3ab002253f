-- mb.export_onnx: what is in the files, and that their graphs compute what the models do. spec/support/onnx_file.lua
-- reads and evaluates them; bench/onnx.lua compares more of them with ONNX Runtime.
local json = require "cjson"
local mb = require "moonbow"
local nn = mb.nn
local Layer = require "moonbow.nn.layer"
local cases = require "support.onnx_cases"
local onnx_file = require "support.onnx_file"
local python = require "support.python"

local path = os.tmpname()

local function export(model, options)
  assert(mb.export_onnx(model, path, options))
  return onnx_file.read(path)
end

local function bytes(model, options)
  assert(mb.export_onnx(model, path, options))
  return assert(io.open(path, "rb")):read "a"
end

-- The largest difference as a share of the largest expected value; of several outputs, the worst.
local function off(got, expected)
  local worst = 0
  for name, value in pairs(mb.is_tensor(expected) and { expected } or expected) do
    local one = mb.is_tensor(expected) and got or got[name]
    assert.same(value:shape(), one:shape())
    worst = math.max(worst, (one - value):abs():max():item() / math.max(value:abs():max():item(), 1e-30))
  end
  return worst
end

local function agree(list)
  for _, case in ipairs(list) do
    local found = export(case.model, case.options)
    local difference = off(onnx_file.run(found, case.x), case.expected)
    assert.is_true(difference < 2e-5, ("%s: off by %g\n%s"):format(case.name, difference, tostring(case.model)))
  end
end

local function small()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.BatchNorm1d { activation = "relu" },
    nn.Flatten {}, nn.Dense { units = 2 } }
  model:build({ 8, 1 }, mb.rng(1))
  return model:eval()
end

local function operators_of(found)
  local list = {}
  for i, node in ipairs(found.nodes) do list[i] = node.operator end
  return table.concat(list, " ")
end

describe("an exported graph computes what the model does:", function()
  teardown(function() os.remove(path) end)

  it("random networks of all layers, with batch norms folded or not", function() agree(cases.random(1, 120, 3)) end)
  it("which cover all layers that can be exported", function()
    local found, missing = {}, {}
    for _, case in ipairs(cases.random(1, 300, 1)) do
      case.model:visit(function(layer) found[layer.type] = true end)
    end
    for name in pairs(Layer.constructors) do
      local is_apart = name == "Lambda" or name == "SignedSqrt"
      if nn[name] and not is_apart and not found[name] then missing[#missing + 1] = name end
    end
    assert.same({}, missing)
  end)
  it("random graphs of several inputs and outputs", function() agree(cases.graphs(1, 30, 3)) end)
  it("layers on long spectra", function() agree(cases.long(2)) end)
  it("each step of preprocessing, on one and two channels", function() agree(cases.preprocessing(5)) end)
  it("steps on a small spread beside a large offset, and a flat spectrum", function() agree(cases.offsets(6)) end)
  it("fitted models", function() agree(cases.fitted(6)) end)
  it("published networks", function()
    local list = {}
    local names = { "lee2020_cnn2", "lee2020_cnn3", "lee2020_inception3", "szymanski2021", "wang2020", "liu2017",
      "schuetzke2021", "cui2018", "ismailfawaz2023_lite" }
    for _, name in ipairs(names) do
      local model = mb.models[name] { classes = 3, length = 400, units = { 8 } }:eval()
      local x = mb.rand(2, 400, 1)
      list[#list + 1] = { name = name, model = model, options = {}, x = x, expected = mb.no_grad(model, x) }
    end
    agree(list)
  end)
  it("networks for Raman spectra", function() agree(cases.raman(2)) end)
  it("the network that follows from the review, also on negative values", function()
    local model = mb.models.moonbow { classes = 3, length = 400, first_pool = 1, units = { 8 } }:eval()
    local x = mb.rng(1):normal(0, 1, 3, 400, 1)
    agree { { name = "moonbow", model = model, options = {}, x = x, expected = mb.no_grad(model, x) } }
  end)
  it("a layer that stands in two places has its weights in the file once", function()
    local dense = nn.Dense { units = 4 }
    local model = nn.Sequential { dense, nn.Tanh {}, dense }
    model:build({ 4 }, mb.rng(1))
    local found = export(model)
    assert.same({ "network/1/weight", "network/1/bias" }, found.order)
    local x = mb.randn(3, 4)
    assert.is_true(off(onnx_file.run(found, x), mb.no_grad(model, x)) < 1e-6)
  end)
end)

describe("an ONNX file", function()
  teardown(function() os.remove(path) end)

  it("has version, opset, shapes free in the batch, and metadata", function()
    local found = export(small(), { classes = { "calcite", "quartz" }, axis = { 1, 2, 3, 4, 5, 6, 7, 8 }, unit = "1/cm",
      quantity = "absorbance", note = "é" })
    assert.equal(8, found.ir)
    assert.equal(17, found.opset)
    assert.equal("spectra", found.input)
    assert.same({ "batch", 8, 1 }, found.input_shape)
    assert.equal("probabilities", found.output)
    assert.same({ "batch", 2 }, found.output_shape)
    assert.equal(mb.VERSION, found.metadata["moonbow.version"])
    assert.same({ "calcite", "quartz" }, json.decode(found.metadata.classes))
    assert.same({ 1, 2, 3, 4, 5, 6, 7, 8 }, json.decode(found.metadata.axis))
    assert.same({ "1/cm", "absorbance", "é" }, { found.metadata.unit, found.metadata.quantity, found.metadata.note })
  end)
  it("is transposed once, and named by the places of layers", function()
    local found = export(small())
    assert.equal("Transpose Conv BatchNormalization Relu Transpose Flatten MatMul Add Identity", operators_of(found))
    assert.equal("network/2/BatchNormalization", found.nodes[3].name)
    assert.equal("output", found.output)
  end)
  it("has no batch norm behind a convolution if it is folded", function()
    local found = export(small(), { fold_batch_norm = true })
    assert.equal("Transpose Conv Relu Transpose Flatten MatMul Add Identity", operators_of(found))
  end)
  it("pads before a pooling with -infinity, in a node of its own", function()
    local model = nn.Sequential { nn.MaxPool1d { size = 3, stride = 2, padding = "same" } }
    model:build { 7, 1 }
    local found = export(model)
    assert.equal("Transpose Pad MaxPool Transpose Identity", operators_of(found))
    assert.equal(-math.huge, found.initializers["network/1/padding"]:item())
    assert.same({ 0, 0, 1, 0, 0, 1 }, found.initializers["network/1/pads"])
  end)
  it("subtracts the mean twice before a layer norm: see docs/exchange.md", function()
    local model = nn.Sequential { nn.LayerNorm {} }
    model:build { 4 }
    assert.equal("ReduceMean Sub ReduceMean Sub LayerNormalization Identity", operators_of(export(model)))
  end)
  it("is the same bytes for the same model", function()
    assert.equal(bytes(small(), { unit = "a", note = "b", quantity = "c" }),
      bytes(small(), { note = "b", quantity = "c", unit = "a" }))
  end)
  it("takes the length of raw spectra from the axis of the first step that changes it", function()
    local axis, x = {}, mb.rand(3, 12, 1)
    for t = 1, 12 do axis[t] = t end
    local steps = mb.preprocess.fit({ "snv", { "crop", low = 3, high = 10, axis = axis } }, x)
    local found = export(small(), { preprocessing = steps })
    assert.same({ "batch", 12, 1 }, found.input_shape)
    assert.equal('["snv","crop"]', found.metadata.preprocessing)
  end)
  it("holds what mb.load gives", function()
    local saved = path .. ".safetensors"
    local x = mb.rand(4, 8, 1)
    local steps = mb.preprocess.fit({ "standardize" }, x)
    assert(mb.save(small(), saved, { classes = { "a", "b" }, preprocessing = steps }))
    local model, info = assert(mb.load(saved))
    os.remove(saved)
    local _, expected = mb.predict(model, mb.preprocess.apply(info.preprocessing, x))
    assert.is_true(off(onnx_file.run(export(model, info), x), expected) < 1e-5)
  end)
  it("holds the steps, classes and axis of a fitted pipeline", function()
    local x, y = mb.rand(12, 8, 1), { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2 }
    for _, model in ipairs { "logistic", "forest", "plsda", { "network", epochs = 1 } } do
      local net = type(model) == "table" and function() return small() end
      if net then model.net = net end
      local fitted = mb.pipeline({ "snv", model }):fit({ x = x, y = y, classes = { "a", "b" } }, { task = "class" })
      local found = export(fitted, { probabilities = model ~= "plsda" })
      assert.is_true(off(onnx_file.run(found, x), fitted:scores(x)) < 1e-5)
      assert.equal('["snv"]', found.metadata.preprocessing)
      assert.equal('["a","b"]', found.metadata.classes)
    end
  end)
  it("ends in one softmax", function()
    local model = nn.Sequential { nn.Dense { units = 2, activation = "softmax" } }
    model:build { 3 }
    local found = export(model, { classes = { "a", "b" } })
    assert.equal("MatMul Add Softmax Identity", operators_of(found))
    assert.equal("output", found.output)
    local logistic = mb.logistic.fit(mb.rand(4, 3), { 1, 2, 1, 2 })
    assert.equal("Flatten MatMul Add Softmax Identity", operators_of(export(logistic)))
  end)
  it("names the inputs and outputs of a graph", function()
    local case = cases.graphs(1, 1, 2)[1]
    local found = export(case.model, { note = "two" })
    assert.same({ "spectrum", "conditions" }, found.inputs)
    assert.same({ "class", "strain" }, found.outputs)
    local shapes = case.model.input_shape
    assert.same({ { "batch", table.unpack(shapes.spectrum) }, { "batch", table.unpack(shapes.conditions) } },
      found.input_shapes)
    assert.same({ { "batch", 3 }, { "batch", 1 } }, found.output_shapes)
    assert.same({ "spectrum", "conditions" }, json.decode(found.metadata.inputs))
    assert.same({ "class", "strain" }, json.decode(found.metadata.outputs))
  end)
  it("ends in a softmax behind a graph with one output", function()
    local model = nn.Graph { inputs = { "raman", "network/1/MatMul" }, { name = "scores",
      from = { "raman", "network/1/MatMul" }, nn.Dense { units = 2 } } }
    model:build({ raman = { 3 }, ["network/1/MatMul"] = { 2 } }, mb.rng(1))
    local x = { raman = mb.rand(4, 3), ["network/1/MatMul"] = mb.rand(4, 2) }
    local found = export(model:eval(), { classes = { "a", "b" } })
    assert.equal("probabilities", found.output)
    assert.is_true(off(onnx_file.run(found, x), mb.no_grad(model, x):softmax()) < 1e-6)
    assert.same({ "scores" }, export(model).outputs)
  end)
  it("has the gates of an LSTM in the order of ONNX, and both directions in one operator", function()
    local model = nn.Sequential { nn.LSTM { units = 1, bidirectional = true } }
    model:build({ 4, 1 }, mb.rng(1))
    local lstm = model.layers[1]
    mb.no_grad(function()
      lstm.weight:copy_from(mb.tensor { { 1, 2, 3, 4 } }) -- input, forget, cell, output
      lstm.reverse_bias:copy_from(mb.tensor { 5, 6, 7, 8 })
    end)
    local found = export(model)
    assert.equal("Transpose LSTM Transpose Reshape Identity", operators_of(found))
    assert.same({ { 1 }, { 4 }, { 2 }, { 3 } }, found.initializers["network/1/weight"][1]:totable())
    assert.same({ 5, 8, 6, 7, 0, 0, 0, 0 }, found.initializers["network/1/bias"][2]:totable())
    assert.same({ "", "network/1/LSTM" }, found.nodes[2].outputs)
  end)
  it("that cannot be written is nil and a message", function()
    local ok, message = mb.export_onnx(small(), "/nowhere/model.onnx")
    assert.is_nil(ok)
    assert.matches("/nowhere/model.onnx", message, 1, true)
  end)
end)

describe("what ONNX cannot say is refused with its place:", function()
  local function refused(text, model, options)
    local ok, message = pcall(mb.export_onnx, model, path, options)
    assert.is_false(ok)
    assert.matches(text, message, 1, true)
  end

  it("a temperature, with what to export instead", function()
    local model = nn.Sequential { nn.Dense { units = 2 } }
    model:build({ 3 }, mb.rng(1))
    local x = mb.rng(2):normal(0, 1, 60, 3)
    local y = mb.no_grad(model, x):argmax(2):totable()
    for i = 5, 60, 5 do y[i] = 3 - y[i] end
    local calibrated = mb.calibrate(model, { x = x, y = y })
    refused(("got one that is calibrated; export what was calibrated with probabilities = false, and take the softmax "
      .. "of its logits / %.6g"):format(calibrated.temperature), calibrated)
  end)
  it("texts that are not UTF-8", function()
    local model = nn.Sequential { nn.Dense { units = 2 } }
    model:build { 3 }
    for _, name in ipairs { "unit", "quantity", "note" } do
      refused(name .. ": the value is not valid UTF-8: 'cm\\xB9'", model, { [name] = "cm\xb9" })
    end
    refused("classes: [2] is not valid UTF-8", model, { classes = { "a", "\xff" } })
  end)
  it("a Lambda", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Sequential { nn.Lambda { function(x) return x * 2 end } } }
    model:build { 4, 1 }
    refused("export_onnx: layer 2.1 (Lambda): a Lua function cannot be said in ONNX", model)
  end)
  it("a layer of nn.class", function()
    local Twice = nn.class("TwiceForOnnx", {}, { forward = function(_, x) return x * 2 end })
    local model = nn.Sequential { Twice {} }
    model:build { 4, 1 }
    refused("export_onnx: layer 1 (TwiceForOnnx): this kind of layer is not exported", model)
  end)
  it("an activation that an LSTM of ONNX does not have", function()
    local model = nn.Sequential { nn.LSTM { units = 2, activation = "gelu" } }
    model:build { 4, 1 }
    refused("export_onnx: layer 1 (LSTM): an LSTM of ONNX does not have the activation gelu", model)
  end)
  it("what is of one output or input, for a graph of several", function()
    local model = cases.graphs(1, 1, 1)[1].model
    refused("classes: expected none for a network of several outputs", model, { classes = { "a", "b", "c" } })
    refused("probabilities: expected none for a network of several outputs", model, { probabilities = true })
    refused("preprocessing: it takes spectra (N, L, C), the model takes several inputs; apply it before", model,
      { preprocessing = mb.preprocess.fit({ "snv" }, mb.rand(3, 4, 1)) })
  end)
  it("names that an input and the output share, or that are empty", function()
    for name, message in pairs { probabilities = "an input and the output are both called 'probabilities'",
      [""] = "an input or output without a name" } do
      local model = nn.Graph { inputs = { name }, { name = "scores", from = name, nn.Dense { units = 2 } } }
      model:build({ 3 }, mb.rng(1))
      refused(message, model, { classes = { "a", "b" } })
    end
  end)
  it("an activation that is a function", function()
    local model = nn.Sequential { nn.Dense { units = 2, activation = function(x) return x * 2 end } }
    model:build { 4 }
    refused("export_onnx: layer 1 (Dense): the activation is a Lua function, which cannot be said in ONNX", model)
  end)
  it("steps that iterate", function()
    local x = mb.rand(3, 8, 1)
    for _, step in ipairs { "als_baseline", "arpls_baseline", "airpls_baseline", "despike" } do
      local steps = mb.preprocess.fit({ "snv", step }, x)
      refused(("export_onnx: preprocessing step 2 (%s): cannot be said in ONNX"):format(step), small(),
        { preprocessing = steps })
    end
  end)
  it("neighbours, by their name", function()
    local neighbours = mb.neighbours.fit(mb.rand(6, 4), { 1, 2, 1, 2, 1, 2 }, { k = 2 })
    refused("export_onnx: model: expected a network or a fitted model, got mb.neighbours, which cannot be exported",
      neighbours)
  end)
  it("a network without weights", function()
    refused("the model has no weights yet", nn.Sequential { nn.Dense { units = 2 } })
  end)
  it("classes of another number", function()
    refused("classes: expected 2, one per output of the model, got 1", small(), { classes = { "a" } })
  end)
  it("probabilities of a model that has none", function()
    local ridge = mb.ridge.fit(mb.rand(5, 3), { 1, 2, 3, 4, 5 })
    refused("probabilities: this model has none", ridge, { probabilities = true })
  end)
  it("steps that give another length than the model takes", function()
    local axis = { 1, 2, 3, 4, 5, 6, 7, 8 }
    local steps = mb.preprocess.fit({ { "crop", low = 3, high = 6, axis = axis } }, mb.rand(3, 8, 1))
    refused("preprocessing gives 4 points, the model takes 8", small(), { preprocessing = steps })
  end)
  it("steps before a model of rows", function()
    local model = nn.Sequential { nn.Dense { units = 2 } }
    model:build { 4 }
    refused("preprocessing: it takes spectra (N, L, C), the model takes rows (N, 4)", model,
      { preprocessing = mb.preprocess.fit({ "snv" }, mb.rand(3, 4, 1)) })
  end)
end)

describe("ONNX Runtime", function()
  local function with_runtime(name, f)
    it(name, function()
      if python.has "onnx, onnxruntime, numpy" then return f() end
      pending(python.missing "onnx, onnxruntime, numpy")
    end)
  end

  local function compare(...)
    local lists = { ... }
    python.run(function(folder)
      for _, list in ipairs(lists) do
        for _, case in ipairs(list) do cases.write(case, folder) end
      end
      return "spec/support/onnx_compare.py " .. folder
    end)
  end

  with_runtime("gives what moonbow gives of random networks, in batches of 1, 7 and 128", function()
    compare(cases.random(1, 60, 128), cases.graphs(1, 10, 128), cases.long(7), cases.raman(7))
  end)
  with_runtime("gives what moonbow gives of steps and fitted models", function()
    compare(cases.preprocessing(8), cases.offsets(8), cases.fitted(8))
  end)
  with_runtime("predicts by the lines of docs/exchange.md", function()
    local x = mb.rand(5, 8, 1)
    local model, classes = small(), { "calcite", "quartz" }
    local expected = mb.class_names(mb.predict(model, x), classes)
    local text = python.run(function(folder)
      python.write_block("docs/exchange.md", 1, folder .. "/predict.py")
      assert(mb.export_onnx(model, folder .. "/minerals.onnx", { classes = classes }))
      assert(mb.save_npy(x, folder .. "/spectra.npy"))
      return ("-c 'import os; os.chdir(\"%s\"); exec(open(\"predict.py\").read())'"):format(folder)
    end)
    assert.equal("['" .. table.concat(expected, "', '") .. "']\n", text)
  end)
end)
