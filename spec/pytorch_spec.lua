-- mb.export_pytorch and mb.import_pytorch: names and axes, round trips, refusals; PyTorch itself where it is installed.
local mb = require "moonbow"
local nn = mb.nn
local cases = require "support.onnx_cases"
local damage = require "support.damage"
local python = require "support.python"
local same = require "support.same"
local zip = require "moonbow.io.zip"
local arrays = require "support.arrays"

local path = os.tmpname()

local function export(model) return select(2, assert(mb.export_pytorch(model, path))) end

local function small()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.BatchNorm1d {},
    nn.Flatten {}, nn.BatchNorm1d {}, nn.Dense { units = 4 } }
  model:build({ 5, 1 }, mb.rng(1))
  return model:eval()
end

-- Random networks that PyTorch can say, which end in rows of a Dense, so that their outputs have no order of PyTorch's.
local function networks(first, last)
  local list = {}
  for _, case in ipairs(cases.random(first, last, 4)) do
    local model = case.model
    if case.expected:rank() == 2 then
      model = nn.Sequential { model, nn.Dense { units = 3 } }
      model:build(case.model.input_shape, mb.rng(1))
    end
    if pcall(mb.export_pytorch, model, path) then
      list[#list + 1] = { name = case.name, model = model:eval(), x = case.x, expected = mb.no_grad(model, case.x) }
    end
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
  -- The module and the tensors of a network of one layer on (N, 8, 4).
  local function exported(layer)
    local model = nn.Sequential { layer }
    model:build({ 8, 4 }, mb.rng(1))
    local code = export(model):match "network = nn.Sequential%(\n(.*)\n%)"
    return code:gsub("^ +", ""):gsub("\n +", " "), assert(mb.safetensors.read(path))
  end

  it("says transposed convolutions and repeated points", function()
    local transposed = nn.Conv1dTranspose { filters = 3, kernel = 5, stride = 2, padding = 1 }
    local code, tensors = exported(transposed)
    assert.equal("nn.ConvTranspose1d(4, 3, 5, stride=2, padding=1),", code)
    assert.same({ 4, 3, 5 }, tensors["0.weight"]:shape())
    assert.equal(transposed.weight:get(5, 2, 3), tensors["0.weight"]:get(3, 2, 5))
    assert.equal("nn.ConvTranspose1d(4, 3, 4, stride=3), nn.ConstantPad1d((0, -1), 0),",
      (exported(nn.Conv1dTranspose { filters = 3, kernel = 4, stride = 3, padding = "same" })))
    assert.equal("nn.ConvTranspose1d(4, 3, 2, stride=3, output_padding=1),",
      (exported(nn.Conv1dTranspose { filters = 3, kernel = 2, stride = 3, padding = "same" })))
    assert.equal('nn.Upsample(scale_factor=3, mode="nearest-exact"),', (exported(nn.Upsample1d { factor = 3 })))
    assert.equal('nn.Upsample(scale_factor=2, mode="linear"),',
      (exported(nn.Upsample1d { factor = 2, mode = "linear" })))
  end)
  it("says recurrences, whose gates PyTorch has in another order", function()
    local gru = nn.GRU { units = 2, bidirectional = true, return_sequences = true }
    local code, tensors = exported(gru)
    assert.equal("GRU(4, 2, sequences=True, bidirectional=True),", code)
    for prefix, suffix in pairs { [""] = "", reverse_ = "_reverse" } do
      for gate, there in ipairs { 2, 1, 3 } do -- update, reset, candidate; PyTorch has the reset gate first
        for u = 1, 2 do
          local own, other = 2 * (gate - 1) + u, 2 * (there - 1) + u
          for c = 1, 4 do
            assert.equal(gru[prefix .. "weight"]:get(c, own), tensors["0.weight_ih_l0" .. suffix]:get(other, c))
          end
          for h = 1, 2 do
            assert.equal(gru[prefix .. "recurrent_weight"]:get(h, own),
              tensors["0.weight_hh_l0" .. suffix]:get(other, h))
          end
        end
      end
    end
    local lstm = nn.LSTM { units = 3 }
    code, tensors = exported(lstm)
    assert.equal("LSTM(4, 3),", code)
    same.bits(lstm.weight:transpose(1, 2), tensors["0.weight_ih_l0"]) -- input, forget, cell, output
    same.bits(lstm.recurrent_weight:transpose(1, 2), tensors["0.weight_hh_l0"])
  end)
  it("says attention", function()
    local layer = nn.MultiHeadAttention { heads = 2, bias = false }
    local code, tensors = exported(layer)
    assert.equal("SelfAttention(4, 2, bias=False),", code)
    assert.same({ 12, 4 }, tensors["0.in_proj_weight"]:shape())
    same.bits(layer.weight:transpose(1, 2), tensors["0.in_proj_weight"])
    same.bits(layer.output_weight:transpose(1, 2), tensors["0.out_proj.weight"])
    assert.is_nil(tensors["0.in_proj_bias"])
  end)
  it("says graphs by the names of their nodes", function()
    local model = nn.Graph { inputs = { "a", 'b"' }, outputs = { "p", "q" }, nodes = {
      { name = "p", from = "a", layer = 1 }, { name = "r", from = 'b"', layer = 1 },
      { name = "q", from = { "p", "r" }, join = "add" } }, nn.Dense { units = 2 } }
    model:build { a = { 2 }, ['b"'] = { 2 } }
    assert.matches([=[
network = Graph(
    ["a", "b\x22"],
    ["p", "q"],
    [
        ("p", ["a"], "concat", 0),
        ("r", ["b\x22"], "concat", 0),
        ("q", ["p", "r"], "add", None),
    ],
    nn.Linear(2, 2),
)]=], export(model), 1, true)
    assert.same({ 2, 2 }, assert(mb.safetensors.read(path))["layers.0.weight"]:shape())
  end)
  it("gives back the same bits, of every layer", function()
    local list = networks(1, 60)
    assert.is_true(#list >= 45, ("%d of 60 random networks are expressible"):format(#list))
    table.move(cases.graphs(1, 12, 4), 1, 12, #list + 1, list)
    for _, case in ipairs(list) do
      export(case.model)
      local other = same.unlike(case.model)
      assert.equal(other, assert(mb.import_pytorch(path, other)))
      same.bits(case.model:state(), other:state())
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
    local network = same.unlike(small())
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
    same.bits(small():state(), network:state())
  end)
  it("takes what stands before all names", function()
    for _, before in ipairs { "module", "model.net", "module." } do
      local function put_before(tensors)
        for name, tensor in pairs(assert(mb.safetensors.read(path))) do
          tensors[name], tensors[before:gsub("%.$", "") .. "." .. name:gsub("^5", "head")] = nil, tensor
        end
      end
      local network = assert(changed(put_before, { names = { [""] = before, ["5"] = "head" } }))
      same.bits(small():state(), network:state())
    end
    local network = assert(changed(function(tensors)
      for _, name in ipairs { "weight", "bias" } do
        tensors[name], tensors["5." .. name] = tensors["5." .. name], nil
      end
    end, { names = { [""] = "", ["5"] = "" } }))
    same.bits(small():state(), network:state())
  end)
  it("raises for names that the network does not have, which would change nothing", function()
    assert.error_matches(function() mb.import_pytorch(path, small(), { names = { fc1 = "linear" } }) end,
      "import_pytorch: names: the network has no weights under 'fc1'")
    assert.error_matches(function() mb.import_pytorch(path, small(), { names = { ["0.wieght"] = "zzz" } }) end,
      "no weights under '0.wieght' (did you mean '0.weight'?)", nil, true)
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
    assert.matches("there is no bias of layer 1 (Conv1d), in PyTorch '0.bias' of shape {2}; the file has '0.weight', "
      .. "'2.bias', '2.num_batches_tracked', '2.running_mean' and 9 more", message, 1, true)
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
  it("says what a file is that is no safetensors file", function()
    local function refused(content, message)
      damage.write(path, content)
      local got, err = mb.import_pytorch(path, small())
      assert.is_nil(got)
      assert.equal(path .. ": it is no safetensors file, but " .. message, err)
    end
    local how = "; in Python, safetensors.torch.save_file(model.state_dict(), \"weights.safetensors\") writes what is "
      .. "read here"
    local parts = {}
    zip.write({ { name = "model/data.pkl", content = "x" } }, function(bytes) parts[#parts + 1] = bytes end)
    refused(table.concat(parts), "a file of torch.save" .. how)
    refused("PK\3\4" .. ("\0"):rep(30) .. "model/data.pkl", "a file of torch.save" .. how)
    refused("\128\2\x8a\nl\xfc\x9c", "a pickle of Python, as torch.save wrote it" .. how)
    refused("\147NUMPY\1\0", "an array of NumPy (mb.load_npy)")
    refused("spectra and names\n", "text")
  end)
  it("refuses damaged files", function()
    export(small())
    local network = small()
    local _, refused = damage.all(function(file) return mb.import_pytorch(file, network) end, path,
      assert(io.open(path, "rb")):read "a")
    assert.is_true(refused > 100)
  end)
  it("adds the two biases that PyTorch has", function()
    for _, kind in ipairs { "LSTM", "GRU" } do
      local model = nn.Sequential { nn[kind] { units = 2 } }
      model:build({ 8, 4 }, mb.rng(1))
      export(model)
      local tensors = assert(mb.safetensors.read(path))
      local first, second = tensors["0.bias_ih_l0"], tensors["0.bias_hh_l0"]
      for i = 1, first:size(1) do
        first:set(i, i)
        second:set(i, 100 * i)
      end
      assert(mb.safetensors.write(path, tensors))
      local layer = assert(mb.import_pytorch(path, model)).layers[1]
      if kind == "LSTM" then
        assert.same({ 101, 202, 303, 404, 505, 606, 707, 808 }, layer.bias:totable())
      else
        assert.same({ 303, 404, 101, 202, 5, 6 }, layer.bias:totable())
        assert.same({ 500, 600 }, layer.recurrent_bias:totable())
      end
      tensors["0.bias_hh_l0"] = nil
      assert(mb.safetensors.write(path, tensors))
      local _, message = mb.import_pytorch(path, model)
      assert.matches("there is no .*bias of layer 1 %(" .. kind .. "%), in PyTorch '0.bias_hh_l0' of shape", message)
    end
  end)
  it("refuses layers that are not exported, with their place", function()
    local model = nn.Sequential { nn.Sequential { nn.LSTM { units = 2, activation = "elu" } } }
    model:build { 9, 2 }
    for name, call in pairs { export_pytorch = function() mb.export_pytorch(model, path) end,
      import_pytorch = function() mb.import_pytorch(path, model) end } do
      assert.error_matches(call,
        name .. ": layer 1.1 (LSTM): PyTorch's LSTM has tanh and sigmoid, this has elu and sigmoid", nil, true)
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
  it("refuses names that are not UTF-8, which Python could not read", function()
    local graph = nn.Graph { inputs = { "cm\xb9", "b" }, { name = "y", from = { "cm\xb9", "b" }, join = "add",
      nn.ReLU {} } }
    graph:build { ["cm\xb9"] = { 3 }, b = { 3 } }
    assert.error_matches(function() mb.export_pytorch(graph, path) end, "a name in the network is not valid UTF%-8")
  end)
  it("refuses a sum of features in different orders", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Residual { nn.Dense { units = 6 } } }
    model:build { 3, 2 }
    assert.error_matches(function() mb.export_pytorch(model, path) end,
      "layer 2 %(Residual%): behind Flatten, PyTorch has the features of its two branches in different orders")
    for message, node in pairs {
      ["Graph > node 'y': behind Flatten, PyTorch has the features of its inputs in different orders"] =
        { name = "y", from = { "f", "r" }, join = "add" },
      ["Graph > node 'y': behind Flatten, its layer gets features in another order than in another node"] =
        { name = "y", from = "f", layer = 2 } } do
      local graph = nn.Graph { inputs = { "x", "r" }, outputs = { "y", "z" }, nodes = {
        { name = "f", from = "x", layer = 1 }, { name = "z", from = "r", layer = 2 }, node },
        nn.Flatten {}, nn.BatchNorm1d {} }
      graph:build { x = { 3, 2 }, r = { 6 } }
      assert.error_matches(function() mb.export_pytorch(graph, path) end, message, nil, true)
    end
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
    table.move(cases.graphs(13, 22, 4), 1, 10, #list + 1, list)
    python.run(function(folder)
      for _, case in ipairs(list) do
        local name = folder .. "/" .. case.name
        assert(mb.export_pytorch(case.model, name .. ".safetensors", { python = name .. ".py" }))
        arrays.save(name .. ".x", case.x)
        arrays.save(name .. ".y", case.expected)
      end
      return "spec/support/torch_compare.py --save " .. folder
    end, function(folder)
      for _, case in ipairs(list) do
        local other = same.unlike(case.model)
        assert(mb.import_pytorch(("%s/%s.back.safetensors"):format(folder, case.name), other))
        same.bits(case.model:state(), other:state())
      end
    end)
  end)
  -- What block number i of Python in docs/exchange.md prints beside the exported files of a network.
  local function printed_by(i, model, x)
    return python.run(function(folder)
      assert(mb.export_pytorch(model, folder .. "/weights.safetensors", { python = folder .. "/network.py" }))
      if x then assert(mb.save_npy(x, folder .. "/spectra.npy")) end
      python.write_block("docs/exchange.md", i, folder .. "/predict.py")
      return ("-c 'import os, runpy, sys; os.chdir(\"%s\"); sys.path.insert(0, \".\"); runpy.run_path(\"predict.py\")'")
        :format(folder)
    end)
  end

  with_torch("predicts by the lines of docs/exchange.md", function()
    local deep = nn.Sequential { nn.Conv1dTranspose { filters = 4, kernel = 3, stride = 2, padding = "same" },
      nn.MultiHeadAttention { heads = 2 }, nn.GRU { units = 4, bidirectional = true, return_sequences = true },
      nn.LSTM { units = 5 }, nn.Dense { units = 3 } }
    deep:build({ 5, 1 }, mb.rng(1))
    local x = mb.rng(1):normal(0, 5, 9, 5, 1)
    for _, model in ipairs { small(), deep:eval() } do
      local classes, is_found, found = {}, {}, 0
      for i, class in ipairs(mb.predict(model, x)) do
        classes[i] = ("%d"):format(class)
        found = found + (is_found[class] and 0 or 1)
        is_found[class] = true
      end
      assert.is_true(found > 1)
      assert.equal(("tensor([%s])\n"):format(table.concat(classes, ", ")), printed_by(2, model, x))
    end
  end)
  with_torch("takes several inputs by the lines of docs/exchange.md", function()
    local model = nn.Graph { inputs = { "spectrum", "conditions" }, outputs = { "class", "strain" },
      { name = "map", from = "spectrum", nn.GlobalMaxPool1d {} },
      { name = "class", from = { "map", "conditions" }, nn.Dense { units = 5 } },
      { name = "strain", from = "class", nn.Dense { units = 1 } } }
    model:build { spectrum = { 100, 1 }, conditions = { 3 } }
    assert.equal("torch.Size([2, 5])\n", printed_by(3, model))
  end)
end)
