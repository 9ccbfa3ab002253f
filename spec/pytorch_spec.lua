-- mb.export_pytorch and mb.import_pytorch: names and axes, round trips, refusals; PyTorch itself where it is installed.
local mb = require "moonbow"
local nn = mb.nn
local cases = require "support.onnx_cases"
local damage = require "support.damage"
local unexported = require "support.unexported"
local python = require "support.python"

local path = os.tmpname()

local function export(model) return select(2, assert(mb.export_pytorch(model, path))) end

local function small()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.BatchNorm1d {},
    nn.Flatten {}, nn.BatchNorm1d {}, nn.Dense { units = 4 } }
  model:build({ 5, 1 }, mb.rng(1))
  return model:eval()
end

-- A network of the same layers with other weights.
local function unlike(model)
  local other = nn.from_config(model:config())
  other:build(model.input_shape, mb.rng(99))
  return other
end

local function assert_same_state(expected, got)
  for name, tensor in pairs(expected:state()) do assert.same(tensor:totable(), got:state()[name]:totable(), name) end
end

-- Random networks that end in rows of a Dense, so that their outputs have no order of PyTorch's.
local function networks(first, last)
  local list = {}
  for _, case in ipairs(cases.random(first, last, 4)) do
    local model = case.model
    if case.expected:rank() == 2 then
      model = nn.Sequential { model, nn.Dense { units = 3 } }
      model:build(case.model.input_shape, mb.rng(1))
    end
    list[#list + 1] = { name = case.name, model = model:eval(), x = case.x, expected = mb.no_grad(model, case.x) }
  end
  return list
end

describe("a file for PyTorch", function()
  teardown(function() os.remove(path) end)

  it("has PyTorch's names and shapes", function()
    export(small())
    local tensors, metadata = assert(mb.safetensors.read(path))
    local shapes = {}
    for name, tensor in pairs(tensors) do shapes[name] = table.concat(tensor:shape(), " ") end
    assert.same({ ["0.weight"] = "2 1 3", ["0.bias"] = "2", ["2.weight"] = "2", ["2.bias"] = "2",
      ["2.running_mean"] = "2", ["2.running_var"] = "2", ["2.num_batches_tracked"] = "1", ["4.weight"] = "6",
      ["4.bias"] = "6", ["4.running_mean"] = "6", ["4.running_var"] = "6", ["4.num_batches_tracked"] = "1",
      ["5.weight"] = "4 6", ["5.bias"] = "4" }, shapes)
    assert.equal("pt", metadata.format)
  end)
  it("has the counts of a batch norm as int64 without dimensions", function()
    export(small())
    local bytes = assert(io.open(path, "rb")):read "a"
    assert.matches('"2.num_batches_tracked":{"data_offsets":[0,8],"dtype":"I64","shape":[]}', bytes, 1, true)
  end)
  it("has the axes of a convolution turned, and the inputs of a Dense behind Flatten channel by channel", function()
    local model = small()
    export(model)
    local tensors = assert(mb.safetensors.read(path))
    local filters, dense = model.layers[1].weight, model.layers[5].weight
    for k = 1, 3 do
      for f = 1, 2 do assert.equal(filters:get(k, 1, f), tensors["0.weight"]:get(f, 1, k)) end
    end
    for t = 1, 3 do
      for c = 1, 2 do
        for u = 1, 4 do assert.equal(dense:get((t - 1) * 2 + c, u), tensors["5.weight"]:get(u, (c - 1) * 3 + t)) end
      end
    end
  end)
  it("comes with the network as Python, each activation a module", function()
    assert.equal([[
import torch
from torch import nn


network = nn.Sequential(
    nn.Conv1d(1, 2, 3),
    nn.ReLU(),
    nn.BatchNorm1d(2),
    nn.Flatten(),
    nn.BatchNorm1d(6),
    nn.Linear(6, 4),
)
]], export(small()))
  end)
  it("says the groups of a convolution", function()
    local model = nn.Sequential { nn.Conv1d { filters = 6, kernel = 3, groups = 2, padding = { 2, 0 } } }
    model:build({ 7, 4 }, mb.rng(1))
    assert.matches("    nn.ConstantPad1d((2, 0), 0),\n    nn.Conv1d(4, 6, 3, groups=2),\n", export(model), 1, true)
    assert.same({ 6, 2, 3 }, assert(mb.safetensors.read(path))["1.weight"]:shape())
  end)
  it("gives back the same bits, of every layer", function()
    for _, case in ipairs(networks(1, 60)) do
      export(case.model)
      local other = unlike(case.model)
      assert.equal(other, assert(mb.import_pytorch(path, other)))
      assert_same_state(case.model, other)
    end
  end)
  it("holds a layer that stands in two places twice, which have to agree", function()
    local dense = nn.Dense { units = 4 }
    local model = nn.Sequential { dense, nn.Tanh {}, dense }
    model:build({ 4 }, mb.rng(1))
    export(model)
    local tensors = assert(mb.safetensors.read(path))
    assert.same(tensors["0.weight"]:totable(), tensors["2.weight"]:totable())
    tensors["2.weight"] = tensors["2.weight"] + 1
    assert(mb.safetensors.write(path, tensors))
    local other, message = mb.import_pytorch(path, model)
    assert.is_nil(other)
    assert.matches("'0.weight' and '2.weight' differ, but are one weight of the network", message, 1, true)
  end)
  it("is written to a folder that exists, or it is nil and a message", function()
    local ok, message = mb.export_pytorch(small(), "/nowhere/a.safetensors")
    assert.is_nil(ok)
    assert.matches("/nowhere/a.safetensors", message, 1, true)
    assert.is_nil((mb.export_pytorch(small(), path, { python = "/nowhere/a.py" })))
  end)
end)

describe("mb.import_pytorch", function()
  teardown(function() os.remove(path) end)

  -- Writes the tensors of small() after a change, and returns what reading them into a network gives.
  local function changed(change, options)
    export(small())
    local tensors = assert(mb.safetensors.read(path))
    change(tensors)
    assert(mb.safetensors.write(path, tensors))
    local network = unlike(small())
    local before = network:state()
    local got, message = mb.import_pytorch(path, network, options)
    if not got then
      for name, tensor in pairs(before) do assert.same(tensor:totable(), network:state()[name]:totable()) end
    end
    return got, message
  end

  it("takes the names that a file has", function()
    local network = assert(changed(function(tensors)
      for _, name in ipairs { "weight", "bias" } do
        tensors["head." .. name], tensors["5." .. name] = tensors["5." .. name], nil
        tensors["body.conv." .. name], tensors["0." .. name] = tensors["0." .. name], nil
      end
      tensors["2.num_batches_tracked"] = nil
    end, { names = { ["0"] = "body.conv", ["5"] = "head" } }))
    assert_same_state(small(), network)
  end)
  it("refuses another shape, with both and both names", function()
    local got, message = changed(function(tensors) tensors["5.weight"] = mb.zeros(4, 7) end)
    assert.is_nil(got)
    assert.matches("expected weight of layer 5 (Dense), in PyTorch '5.weight' of shape {4, 6}, got shape {4, 7}",
      message, 1, true)
  end)
  it("refuses a tensor that is missing or left over", function()
    local got, message = changed(function(tensors) tensors["0.bias"] = nil end)
    assert.is_nil(got)
    assert.matches("there is no bias of layer 1 (Conv1d), in PyTorch '0.bias' of shape {2}", message, 1, true)
    got, message = changed(function(tensors) tensors["7.bias"] = mb.zeros(2) end)
    assert.is_nil(got)
    assert.matches("the network has no '7.bias'", message, 1, true)
  end)
  it("raises for a network without weights, and names that are none", function()
    assert.error_matches(function() mb.import_pytorch(path, nn.Dense { units = 2 }) end,
      "the network has no weights yet")
    assert.error_matches(function() mb.import_pytorch(path, small(), { names = { a = 1 } }) end,
      "import_pytorch: names%['a'%]: expected a string, got 1")
  end)
  it("refuses damaged files", function()
    export(small())
    local network = small()
    local _, refused = damage.all(function(file) return mb.import_pytorch(file, network) end, path,
      assert(io.open(path, "rb")):read "a")
    assert.is_true(refused > 100)
  end)
  it("refuses layers that are not exported, with their place", function()
    for _, layer in ipairs { nn.LSTM { units = 2 }, table.unpack(unexported()) } do
      local model = nn.Sequential { nn.Sequential { layer } }
      model:build { 9, 2 }
      assert.error_matches(function() mb.export_pytorch(model, path) end,
        ("export_pytorch: layer 1.1 (%s): moonbow has no module of PyTorch for it"):format(layer.type), nil, true)
      assert.error_matches(function() mb.import_pytorch(path, model) end,
        ("import_pytorch: layer 1.1 (%s): moonbow has no module of PyTorch for it"):format(layer.type), nil, true)
    end
  end)
  it("refuses layers that are functions, with their place", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Sequential { nn.Lambda { function(x) return x * 2 end } } }
    model:build { 4, 1 }
    assert.error_matches(function() mb.export_pytorch(model, path) end,
      "export_pytorch: layer 2.1 %(Lambda%): moonbow has no module of PyTorch for it")
    model = nn.Sequential { nn.Dense { units = 2, activation = function(x) return x * 2 end } }
    model:build { 4 }
    assert.error_matches(function() mb.export_pytorch(model, path) end,
      "layer 1 %(Dense%): the activation is a Lua function")
  end)
  it("refuses a sum of features in different orders", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Residual { nn.Dense { units = 6 } } }
    model:build { 3, 2 }
    assert.error_matches(function() mb.export_pytorch(model, path) end,
      "layer 2 %(Residual%): behind Flatten, PyTorch has the features of its two branches in different orders")
  end)
end)

describe("PyTorch", function()
  local modules = "torch, safetensors, numpy"
  local function with_torch(name, f)
    it(name, function()
      if python.has(modules) then return f() end
      pending(python.missing(modules))
    end)
  end

  with_torch("loads random networks strictly and gives what moonbow gives; and what it writes is read", function()
    local list = networks(61, 100)
    python.run(function(folder)
      for _, case in ipairs(list) do
        local name = folder .. "/" .. case.name
        assert(mb.export_pytorch(case.model, name .. ".safetensors", { python = name .. ".py" }))
        assert(mb.save_npy(case.x, name .. ".x.npy"))
        assert(mb.save_npy(case.expected, name .. ".y.npy"))
      end
      return "spec/support/torch_compare.py --save " .. folder
    end, function(folder)
      for _, case in ipairs(list) do
        local other = unlike(case.model)
        assert(mb.import_pytorch(("%s/%s.back.safetensors"):format(folder, case.name), other))
        assert_same_state(case.model, other)
      end
    end)
  end)
  with_torch("predicts by the lines of docs/exchange.md", function()
    local model, x = small(), mb.rng(1):normal(0, 5, 9, 5, 1)
    local text = python.run(function(folder)
      assert(mb.export_pytorch(model, folder .. "/weights.safetensors", { python = folder .. "/network.py" }))
      assert(mb.save_npy(x, folder .. "/spectra.npy"))
      python.write_block("docs/exchange.md", 2, folder .. "/predict.py")
      return ("-c 'import os, runpy, sys; os.chdir(\"%s\"); sys.path.insert(0, \".\"); runpy.run_path(\"predict.py\")'")
        :format(folder)
    end)
    local classes = {}
    for i, class in ipairs(mb.predict(model, x)) do classes[i] = ("%d"):format(class) end
    assert.equal(("tensor([%s])\n"):format(table.concat(classes, ", ")), text)
    assert.is_true(text:find "1" and text:find "4" and true or false)
  end)
end)
