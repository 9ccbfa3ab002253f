-- Which weights of a file of Keras a network gets that is there already: the order of layers by its definition in Keras
-- (keras.src.ops.function.map_graph), for models whose activations are options or layers of their own.
local mb = require "moonbow"
local nn = mb.nn
local damage = require "support.damage"
local keras_files = require "support.keras_files"

local is_built, hdf5 = pcall(require, "moonbow.hdf5")
if not is_built then return end

local path, make_folder, remove_folder = keras_files.folder()

setup(make_folder)
teardown(remove_folder)

local function conv(kernel, activation)
  return nn.Conv1d { filters = 4, kernel = kernel, padding = "same", bias = false, activation = activation }
end

-- A file of Keras 3: weights that are all i in group number i of conv1d, given kernels, and empty groups.
local function write(kernels, groups, tensors, name)
  tensors = tensors or {}
  for i, kernel in ipairs(kernels) do
    tensors[("/layers/conv1d%s/vars/0"):format(i == 1 and "" or "_" .. i - 1)] = mb.full(i, { kernel, 4, 4 })
  end
  local objects = { { path = "/vars", attributes = { name = name or "functional" } },
    { path = "/layers/input_layer/vars" } }
  for _, group in ipairs(groups) do objects[#objects + 1] = { path = "/layers/" .. group .. "/vars" } end
  damage.write(path "weights.h5", hdf5.image(keras_files.objects(tensors, objects)))
end

local function built(...)
  local model = nn.Sequential { ... }
  model:build { 8, 4 }
  return model
end

-- The numbers of the groups whose weights the convolutions get, in moonbow's order.
local function numbers_of(model, ending)
  assert(mb.import_keras(path(ending or "weights.h5"), { network = model }))
  local found = {}
  for _, entry in ipairs(model:parameters()) do
    local shape = entry.value:shape()
    if #shape == 3 then found[#found + 1] = entry.value:get(1, 1, 1) // 1 | 0 end
  end
  return found
end

local function refused(model, first, second, ending)
  local before = model:state()
  local network, message = mb.import_keras(path(ending or "weights.h5"), { network = model })
  assert.is_nil(network)
  assert.matches(("the weights of layer %s and layer %s have the same shapes, and their order in the file does not "
    .. "tell which is which; read a file with the model"):format(first, second), message, 1, true)
  for name, value in pairs(model:state()) do assert.same(before[name]:totable(), value:totable()) end
end

describe("weights of Keras for a network", function()
  local function two_branches()
    return built(nn.Concat { conv(3, "relu"), nn.Sequential { conv(3), nn.ReLU {} } })
  end

  it("are refused if one of two activations was a layer of its own, which is not told", function()
    write({ 3, 3 }, { "re_lu", "concatenate" })
    refused(two_branches(), "1.1 (Conv1d)", "1.2.1 (Conv1d)")
    write({ 3, 3 }, { "activation", "concatenate" })
    refused(two_branches(), "1.1 (Conv1d)", "1.2.1 (Conv1d)")
  end)
  it("are read if all were, or none", function()
    for _, groups in ipairs { {}, { "re_lu", "re_lu_1" }, { "activation", "re_lu" } } do
      write({ 3, 3 }, groups)
      assert.same({ 1, 2 }, numbers_of(two_branches()))
    end
  end)
  it("stand in an order that depends on the activations", function()
    local function longer()
      return built(nn.Concat { nn.Sequential { conv(3, "relu"), conv(3, "relu"), conv(3) },
        nn.Sequential { conv(3), nn.MaxPool1d { size = 3, stride = 1, padding = "same" },
          nn.MaxPool1d { size = 3, stride = 1, padding = "same" } } })
    end
    local pools = { "max_pooling1d", "max_pooling1d_1" }
    -- Layers before the end: 5, 3 and 1, and 3 in the other branch.
    write({ 3, 3, 3, 3 }, { "re_lu", "re_lu_1", table.unpack(pools) })
    assert.same({ 1, 2, 4, 3 }, numbers_of(longer()))
    -- 3, 2 and 1 if they are options, but operations leave no trace.
    write({ 3, 3, 3, 3 }, pools)
    refused(longer(), "1.2.1 (Conv1d)", "1.1.2 (Conv1d)")
    -- A model with another number of layers.
    write({ 3, 3, 3, 3 }, { "re_lu", "re_lu_1", "max_pooling1d" })
    refused(longer(), "1.1.1 (Conv1d)", "1.2.1 (Conv1d)")
  end)
  it("are matched by shapes where these allow one order only, whatever else the model had", function()
    local model = built(nn.Concat { conv(5, "relu"), nn.Sequential { conv(3), conv(1), nn.ReLU {} } })
    write({ 3, 5, 1 }, { "dropout", "re_lu" })
    assert.same({ 2, 1, 3 }, numbers_of(model))
  end)
  it("are refused if a sum of unlike branches may have had them the other way round", function()
    write({ 3, 3 }, {})
    refused(built(nn.Residual { conv(3, "relu"), conv(3) }), "1.1 (Conv1d)", "1.2 (Conv1d)")
  end)
  it("are read if other shapes tell the order of a sum", function()
    local function block()
      return nn.Residual { nn.Sequential { conv(3), nn.BatchNorm1d {}, nn.ReLU {}, conv(3), nn.BatchNorm1d {} },
        nn.Sequential { conv(1), nn.BatchNorm1d {} } }
    end
    local function gammas(kernels)
      local tensors = {}
      for i = 1, #kernels do
        for k = 0, 3 do
          local group = "/layers/batch_normalization" .. (i == 1 and "" or "_" .. i - 1)
          tensors[("%s/vars/%d"):format(group, k)] = mb.full(i, { 4 })
        end
      end
      write(kernels, { "re_lu", "re_lu_1", "add", "add_1" }, tensors)
      local model, found = built(block(), block()), {}
      local convolutions = numbers_of(model)
      for _, entry in ipairs(model:parameters()) do
        if entry.name:find "gamma$" then found[#found + 1] = entry.value:get(1) // 1 | 0 end
      end
      return { convolutions, found }
    end
    -- A block that adds the branch to the input's convolution, and one the other way round.
    assert.same({ { 1, 3, 2, 4, 5, 6 }, { 1, 3, 2, 4, 5, 6 } }, gammas { 3, 1, 3, 3, 3, 1 })
    assert.same({ { 1, 2, 3, 4, 6, 5 }, { 1, 2, 3, 4, 6, 5 } }, gammas { 3, 3, 1, 3, 1, 3 })
  end)
  it("are read as moonbow lists them if the model came from moonbow", function()
    write({ 3, 3 }, { "re_lu" }, nil, "moonbow")
    assert.same({ 1, 2 }, numbers_of(two_branches()))
    local model = built(nn.Residual { conv(3, "relu"), conv(3) })
    assert(mb.export_keras(model, path "weights.h5"))
    assert(mb.import_keras(path "weights.h5", { network = built(nn.Residual { conv(3, "relu"), conv(3) }) }))
  end)
  it("are matched likewise in files of Keras 2, which list all layers", function()
    local function write_old(kernels, ...)
      local tensors, names, objects = {}, { "input", ... }, {}
      for i, kernel in ipairs(kernels) do
        local name = "conv" .. i
        names[#names + 1] = name
        tensors[("/%s/%s/kernel:0"):format(name, name)] = mb.full(i, { kernel, 4, 4 })
        objects[i] = { path = "/" .. name, attributes = { weight_names = { name .. "/kernel:0" } } }
      end
      objects[#objects + 1] = { path = "/", attributes = { layer_names = names, keras_version = "2.9.0" } }
      damage.write(path "h5", hdf5.image(keras_files.objects(tensors, objects)))
    end
    write_old({ 3, 3 }, "relu", "concatenate")
    refused(two_branches(), "1.1 (Conv1d)", "1.2.1 (Conv1d)", "h5")
    write_old({ 3, 3 }, "relu", "relu_1", "concatenate")
    assert.same({ 1, 2 }, numbers_of(two_branches(), "h5"))
  end)
end)
