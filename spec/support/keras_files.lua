-- Files of Keras in a folder of a spec, a small network to write, and files made by hand.
local json = require "cjson"
local lfs = require "lfs"
local mb = require "moonbow"
local damage = require "support.damage"
local zip = require "moonbow.io.zip"
local core = require "moonbow.core"
local nn = mb.nn

local keras_files = {}

--- A new folder. Returns path(ending) of a file in it; and functions for setup, which makes it, and teardown.
function keras_files.folder()
  local folder = os.tmpname()
  os.remove(folder)
  return function(ending) return folder .. "/model." .. ending end, function() assert(lfs.mkdir(folder)) end,
    function() os.execute("rm -r " .. folder) end
end

--- A built network on (N, 5, 1).
function keras_files.small()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.BatchNorm1d {},
    nn.Flatten {}, nn.Dense { units = 4 } }
  model:build({ 5, 1 }, mb.rng(1))
  return model:eval()
end

-- ---- by hand ----

--- What a layer makes at one of its places, as an input of another one in Keras 3.
function keras_files.tensor(name, place)
  return { class_name = "__keras_tensor__", config = { keras_history = { name, place or 0, 0 } } }
end

--- The entry of a layer. Each call is a list of what it gets, with the field kwargs.
function keras_files.layer(class, name, config, ...)
  config = config or {}
  config.name = name
  local nodes = {}
  for i, call in ipairs { ... } do
    local keywords = call.kwargs or {}
    call.kwargs = nil
    nodes[i] = { args = call, kwargs = keywords }
  end
  return { class_name = class, name = name, config = config, inbound_nodes = nodes }
end

--- The entry of an input.
function keras_files.input(name, ...)
  return keras_files.layer("InputLayer", name, { batch_shape = { json.null, ... } })
end

--- A functional model of layers, which is a layer, too.
-- @param inputs, outputs lists of { name, place, number }
function keras_files.functional(name, layers, inputs, outputs, ...)
  return keras_files.layer("Functional", name, { layers = layers, input_layers = inputs, output_layers = outputs }, ...)
end

--- The datasets of tensors by path, and the groups that are listed, as objects of an HDF5 file.
function keras_files.objects(tensors, groups)
  local objects = groups or {}
  for path, tensor in pairs(tensors) do
    objects[#objects + 1] = { path = path, shape = tensor:shape(), bytes = core.tobytes(tensor) }
  end
  return objects
end

--- Writes a .keras file of a model's entry and tensors by path.
function keras_files.write(path, model, tensors)
  local parts = {}
  zip.write({ { name = "config.json", content = json.encode(model) },
    { name = "model.weights.h5",
      content = require("moonbow.hdf5").image(keras_files.objects(tensors, { { path = "/layers" } })) } },
    function(text) parts[#parts + 1] = text end)
  damage.write(path, table.concat(parts))
end

return keras_files
