-- Where weights stand in files of Keras: paths, shapes, and the order of axes and gates, each element by its definition
-- in Keras.
local mb = require "moonbow"
local nn = mb.nn

if not pcall(require, "moonbow.hdf5") then return end

local open = require("moonbow.exchange.keras.file").open

local base = os.tmpname()

-- The file of a network of one layer on (N, 8, 4) whose weights are all different, and the layer.
local function exported(layer, ending)
  local model, path = nn.Sequential { layer }, base .. "." .. ending
  model:build({ 8, 4 }, mb.rng(1))
  local next_value = 0
  for _, list in ipairs { model:parameters(), model:buffers() } do
    for _, entry in ipairs(list) do
      local count = entry.value:reshape(-1):size(1)
      mb.no_grad(function()
        entry.value:copy_from(mb.arange(next_value + 1, next_value + count):reshape(entry.value:shape()))
      end)
      next_value = next_value + count
    end
  end
  finally(function() os.remove(path) end)
  assert(mb.export_keras(model, path))
  return open(assert(io.open(path, "rb")):read "a")
end

-- Calls f(place) for each place of a shape, a list of numbers from 1.
local function each_place(shape, f, place)
  place = place or {}
  if #place == #shape then return f(place) end
  for i = 1, shape[#place + 1] do
    local further = { table.unpack(place) }
    further[#further + 1] = i
    each_place(shape, f, further)
  end
end

-- Asserts that a file has weights: a list of { name in Keras 3, name in Keras 2, shape, the value at a place }.
local function assert_holds(layer, class, weights)
  for column, ending in ipairs { "keras", "h5" } do
    local file, paths = exported(layer, ending), {}
    for i, weight in ipairs(weights) do
      local where = ending == "keras" and "/layers/%s/%s" or "/model_weights/%s/%s:0"
      paths[i] = where:format(class, ending == "keras" and weight[1] or class .. "/" .. weight[2])
    end
    assert.same(paths, file:paths_of(class, class), ending .. column)
    local tensors = file:read(paths)
    for i, weight in ipairs(weights) do
      local tensor = tensors[paths[i]]
      assert.same(weight[3], tensor:shape(), paths[i])
      each_place(weight[3], function(place)
        assert.equal(weight[4](table.unpack(place)), tensor:get(table.unpack(place)),
          ("%s at %s"):format(paths[i], table.concat(place, ", ")))
      end)
    end
  end
end

-- The value of one of moonbow's weights at the same place.
local function own(layer, name)
  return function(...) return layer[name]:get(...) end
end

describe("in files of Keras, the weights of", function()
  teardown(function() os.remove(base) end)

  it("convolutions are (kernel, in, out), transposed ones (kernel, out, in)", function()
    local conv = nn.Conv1d { filters = 3, kernel = 2 }
    assert_holds(conv, "conv1d", { { "vars/0", "kernel", { 2, 4, 3 }, own(conv, "weight") },
      { "vars/1", "bias", { 3 }, own(conv, "bias") } })
    local transposed = nn.Conv1dTranspose { filters = 3, kernel = 2 }
    assert_holds(transposed, "conv1d_transpose", { { "vars/0", "kernel", { 2, 3, 4 }, own(transposed, "weight") },
      { "vars/1", "bias", { 3 }, own(transposed, "bias") } })
  end)
  it("dense layers are (in, out)", function()
    local dense = nn.Dense { units = 3 }
    assert_holds(dense, "dense", { { "vars/0", "kernel", { 4, 3 }, own(dense, "weight") },
      { "vars/1", "bias", { 3 }, own(dense, "bias") } })
  end)
  it("norms are gamma, beta, and mean and variance", function()
    local norm = nn.BatchNorm1d {}
    assert_holds(norm, "batch_normalization", { { "vars/0", "gamma", { 4 }, own(norm, "gamma") },
      { "vars/1", "beta", { 4 }, own(norm, "beta") }, { "vars/2", "moving_mean", { 4 }, own(norm, "running_mean") },
      { "vars/3", "moving_variance", { 4 }, own(norm, "running_var") } })
  end)

  -- The weights of one direction of a recurrence: its gates stand in moonbow's order.
  local function direction(layer, gates, inside_3, inside_2, prefix)
    local units = layer.options.units
    local list = { { inside_3 .. "vars/0", inside_2 .. "kernel", { 4, gates * units }, own(layer, prefix .. "weight") },
      { inside_3 .. "vars/1", inside_2 .. "recurrent_kernel", { units, gates * units },
        own(layer, prefix .. "recurrent_weight") } }
    local bias = own(layer, prefix .. "bias")
    list[3] = { inside_3 .. "vars/2", inside_2 .. "bias", { gates * units }, bias }
    if layer.type == "GRU" then -- one of the input, and one of the state, of which moonbow has the candidate's
      list[3][3], list[3][4] = { 2, 3 * units }, function(row, i)
        if row == 1 then return bias(i) end
        return i > 2 * units and layer[prefix .. "recurrent_bias"]:get(i - 2 * units) or 0
      end
    end
    return list
  end

  it("LSTM are in the order input, forget, cell, output; GRU update, reset, candidate", function()
    local lstm, gru = nn.LSTM { units = 2 }, nn.GRU { units = 2 }
    assert_holds(lstm, "lstm", direction(lstm, 4, "cell/", "", ""))
    assert_holds(gru, "gru", direction(gru, 3, "cell/", "", ""))
  end)
  it("two directions stand one after the other", function()
    for kind, gates in pairs { LSTM = 4, GRU = 3 } do
      local both = nn[kind] { units = 2, bidirectional = true }
      local list = direction(both, gates, "forward_layer/cell/", "forward/", "")
      table.move(direction(both, gates, "backward_layer/cell/", "backward/", "reverse_"), 1, 3, 4, list)
      assert_holds(both, "bidirectional", list)
    end
  end)
  it("attention are (in, heads, width) for queries, keys and values, and (heads, width, out)", function()
    local layer, list = nn.MultiHeadAttention { heads = 2 }, {}
    for i, name in ipairs { "query", "key", "value" } do
      local before = (i - 1) * 4
      list[2 * i - 1] = { name .. "_dense/vars/0", name .. "/kernel", { 4, 2, 2 }, function(c, head, k)
        return layer.weight:get(c, before + (head - 1) * 2 + k)
      end }
      list[2 * i] = { name .. "_dense/vars/1", name .. "/bias", { 2, 2 }, function(head, k)
        return layer.bias:get(before + (head - 1) * 2 + k)
      end }
    end
    list[7] = { "output_dense/vars/0", "attention_output/kernel", { 2, 2, 4 }, function(head, k, out)
      return layer.output_weight:get((head - 1) * 2 + k, out)
    end }
    list[8] = { "output_dense/vars/1", "attention_output/bias", { 4 }, own(layer, "output_bias") }
    assert_holds(layer, "multi_head_attention", list)
  end)
end)
