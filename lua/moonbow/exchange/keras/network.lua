--- A network as a model of Keras: containers as graphs of layers.
local check = require "moonbow.check"
local counted = require("moonbow.exchange.keras.file").counted
local sorted = require "moonbow.exchange.keras.order"
local writers = require "moonbow.exchange.keras.layers"
local Layer = require "moonbow.nn.layer"
local Writer = require "moonbow.exchange.keras.model_writer"

local containers = {}

-- Adds a layer and returns its output. Raises, with the path of the layer, for one that Keras does not have.
local function write(model, layer, x, path)
  local where = path == "" and layer.type or ("layer %s (%s)"):format(path, layer.type)
  local writer = containers[layer.type] or writers[layer.type] or model.refuse(where, "Keras has no such layer")
  model.where = where
  return writer(model, layer, x, where, path)
end

local function write_part(model, layer, i, x, path)
  return write(model, layer.layers[i], x, Layer.path_of_part(path, i))
end

function containers.Sequential(model, layer, x, _, path)
  for i = 1, #layer.layers do x = write_part(model, layer, i, x, path) end
  return x
end

function containers.Residual(model, layer, x, where, path)
  local body = write_part(model, layer, 1, x, path)
  local short = layer.layers[2] and write_part(model, layer, 2, x, path) or x
  return model:activate(model:join("add", { body, short }), layer.options.activation, layer.options.alpha, where)
end

function containers.Concat(model, layer, x, _, path)
  local parts = {}
  for i = 1, #layer.layers do parts[i] = write_part(model, layer, i, x, path) end
  return model:join("concat", parts)
end

-- Of several inputs or outputs, x and the result are values by name.
function containers.Graph(model, layer, x, _, path)
  local values = {}
  for _, name in ipairs(layer.inputs) do values[name] = #layer.inputs > 1 and x[name] or x end
  for _, node in ipairs(layer.nodes) do
    local from = {}
    for i, name in ipairs(node.from) do from[i] = values[name] end
    local joined = model:join(node.join, from)
    values[node.name] = node.layer and write_part(model, layer, node.layer, joined, path) or joined
  end
  if #layer.outputs == 1 then return values[layer.outputs[1]] end
  return values
end

-- ---- inputs, outputs and names ----

-- The name of an input or output in Keras, which it gives the layer that makes it.
local function set_name(model, layer, name)
  if not name:find "^[%w.][%w_.-]*$" then
    model.refuse("the name " .. check.show(name), "Keras takes letters, digits, '_', '-' and '.'")
  end
  layer.name = name
end

-- The inputs: one value, or values by name. model.inputs lists them.
local function add_inputs(model, network)
  local is_graph, shape, values = network.type == "Graph", network.input_shape, {}
  for _, name in ipairs(is_graph and network.inputs or { false }) do
    local value = model:add("InputLayer", {}, #shape > 0 and shape or shape[name])
    if name then set_name(model, value.layer, name) end
    table.insert(model.inputs, value)
    values[name] = value
  end
  return #model.inputs > 1 and values or model.inputs[1]
end

-- Lists the outputs in model.outputs, each made by a layer of its own.
local function add_outputs(model, network, y)
  local is_graph = network.type == "Graph"
  for _, name in ipairs(is_graph and network.outputs or { false }) do
    local value = y.layer and y or y[name]
    if value.layer.name then value = model:add("Activation", { value }, value.shape, { activation = "linear" }) end
    if name then set_name(model, value.layer, name) end
    table.insert(model.outputs, value)
  end
end

-- Gives each layer the name under which files of Keras 3 count it, and its own if it has none yet.
local function name_layers(model)
  local groups, counts, used = {}, {}, {}
  for _, layer in ipairs(model.layers) do used[layer.name or ""] = true end
  for _, layer in ipairs(model.layers) do
    layer.group = counted(groups, layer.class)
    while not layer.name do
      local name = counted(counts, layer.class)
      layer.name = not used[name] and name or nil
    end
    layer.config.name = layer.name
  end
end

--- The layers of a built network as Keras has them, { layers, inputs, outputs }, with names and in the order of Keras.
return function(network)
  local model = Writer.new()
  model.inputs, model.outputs = {}, {}
  add_outputs(model, network, write(model, network, add_inputs(model, network), ""))
  sorted(model.layers, model.outputs)
  name_layers(model)
  return model
end
