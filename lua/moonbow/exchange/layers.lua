--- Layers as nodes of ONNX: a writer(graph, layer, x, where) for each kind, which returns the output.
--
-- Padding is a node of its own, since importers differ in what they make of padded operators: "same" at the left or the
-- right, padded points counted in a mean.
local core = require "moonbow.core"
local activate = require "moonbow.exchange.activations"
local fold_norm = require "moonbow.nn.fold_norm"
local elementwise = require "moonbow.elementwise"
local Layer = require "moonbow.nn.layer"

local writers = {}
for _, part in ipairs { "upsampling", "recurrent", "attention" } do
  for type, writer in pairs(require("moonbow.exchange.layers." .. part)) do writers[type] = writer end
end

-- ---- convolution and dense ----

-- (kernel, in, out) to (out, in, kernel)
local function filters_first(weight) return core.transpose(weight, 1, 3) end

-- A convolution with the weight and bias of source, the layer itself or what a batch norm was folded into.
local function convolve(graph, layer, x, source, where)
  local options = layer.options
  local length, left, right = core.window(x.length, options.kernel, options.stride, options.dilation, options.padding)
  local padded = graph:pad(graph:channels_first(x), left, right, 0)
  local inputs = { padded.name, graph:weight("weight", source.weight, filters_first) }
  if source.bias then inputs[3] = graph:weight("bias", source.bias) end
  local name = graph:node("Conv", inputs, { kernel_shape = { options.kernel }, strides = { options.stride },
    dilations = { options.dilation }, group = options.groups > 1 and options.groups or nil })
  local y = graph:like(padded, { name = name, length = length, channels = options.filters })
  return activate(graph, y, source.options.activation, source.options.alpha, where)
end

function writers.Conv1d(graph, layer, x, where) return convolve(graph, layer, x, layer, where) end

-- The points of all windows of RamanNet side by side, as channels, of which each window is a group of a convolution.
function writers.LocallyConnected1d(graph, layer, x)
  local windows, filters, points = layer.windows, layer.options.filters, {}
  for i, point in ipairs(layer.points) do points[i] = point - 1 end
  x = graph:channels_last(x)
  local y = graph:node("Gather", { x.name, graph:integers("points", points) }, { axis = 1 })
  y = graph:node("Reshape", { y, graph:integers("side_by_side", { 0, #points * x.channels, 1 }) })
  local inputs = { y, graph:weight("weight", layer.weight, filters_first) }
  if layer.bias then inputs[3] = graph:weight("bias", layer.bias) end
  y = graph:node("Conv", inputs, { kernel_shape = { 1 }, strides = { 1 }, dilations = { 1 }, group = windows })
  y = graph:node("Reshape", { y, graph:integers("shape", { 0, windows, filters }) })
  return { name = y, length = windows, channels = filters }
end

function writers.Dense(graph, layer, x, where)
  local weight, bias = graph:weight("weight", layer.weight), layer.bias and graph:weight("bias", layer.bias)
  local y = graph:affine(graph:channels_last(x), weight, bias, layer.options.units)
  return activate(graph, y, layer.options.activation, nil, where)
end

-- ---- norms ----

function writers.BatchNorm1d(graph, layer, x, where)
  local inputs = {}
  for i, name in ipairs { "gamma", "beta", "running_mean", "running_var" } do
    inputs[i] = graph:weight(name, layer[name])
  end
  local y = graph:map("BatchNormalization", graph:channels_first(x), inputs, { epsilon = layer.options.epsilon + 0.0 })
  return activate(graph, y, layer.options.activation, layer.options.alpha, where)
end

-- Old versions of ONNX Runtime take the variance as the mean square less the squared mean, in float32. So the mean is
-- subtracted before, twice, since float32 does not hold it exactly either.
function writers.LayerNorm(graph, layer, x)
  x = graph:channels_last(x)
  for _ = 1, 2 do
    x = graph:map("Sub", x, { graph:node("ReduceMean", { x.name }, { axes = { -1 }, keepdims = 1 }) })
  end
  local inputs = { graph:weight("gamma", layer.gamma), graph:weight("beta", layer.beta) }
  return graph:map("LayerNormalization", x, inputs, { axis = -1, epsilon = layer.options.epsilon + 0.0 })
end

-- A vector (channels) as (channels, 1), which scales or shifts maps with the channels first.
local function per_channel(vector) return core.reshape(vector, -1, 1) end

-- The channels of a group and their points are neighbours if the channels stand first. The mean is subtracted twice, as
-- before a layer norm.
function writers.GroupNorm(graph, layer, x)
  x = graph:channels_first(x)
  local groups = graph:integers("groups", { 0, layer.options.groups, -1 }) -- 0: as it is
  local y = graph:node("Reshape", { x.name, groups })
  local function mean(name) return graph:node("ReduceMean", { name }, { axes = { 2 }, keepdims = 1 }) end
  for _ = 1, 2 do y = graph:node("Sub", { y, mean(y) }) end
  local variance = mean(graph:node("Mul", { y, y }))
  variance = graph:node("Add", { variance, graph:number("epsilon", layer.options.epsilon) })
  y = graph:node("Div", { y, graph:node("Sqrt", { variance }) })
  y = graph:node("Reshape", { y, graph:integers("shape", { 0, x.channels, x.length }) })
  y = graph:node("Mul", { y, graph:weight("gamma", layer.gamma, per_channel) })
  return graph:like(x, { name = graph:node("Add", { y, graph:weight("beta", layer.beta, per_channel) }) })
end

-- ---- pooling ----

local function max_pool(graph, x, size, stride, padding)
  local length, left, right = core.window(x.length, size, stride, 1, padding)
  local padded = graph:pad(graph:channels_first(x), left, right, -math.huge)
  return graph:like(graph:map("MaxPool", padded, nil, { kernel_shape = { size }, strides = { stride } }),
    { length = length })
end

-- The factor of each mean of padded windows that leaves the padding out of it.
local function shares(length, size, stride, left, count)
  local list = {}
  for t = 1, count do
    local first = (t - 1) * stride - left
    list[t] = size / (math.min(first + size, length) - math.max(first, 0))
  end
  return core.tensor(list)
end

local function average_pool(graph, x, size, stride, padding)
  local length, left, right = core.window(x.length, size, stride, 1, padding)
  local padded = graph:pad(graph:channels_first(x), left, right, 0)
  local y = graph:like(graph:map("AveragePool", padded, nil, { kernel_shape = { size }, strides = { stride } }),
    { length = length })
  if left == 0 and right == 0 then return y end
  return graph:map("Mul", y, { graph:constant("shares", shares(x.length, size, stride, left, length)) })
end

local function window_pool(pool)
  return function(graph, layer, x)
    local options = layer.options
    return pool(graph, x, options.size, options.stride, options.padding)
  end
end

writers.MaxPool1d, writers.AvgPool1d = window_pool(max_pool), window_pool(average_pool)

function writers.BlurPool1d(graph, layer, x)
  local options = layer.options
  if options.size > 1 then x = max_pool(graph, x, options.size, 1, "same") end
  for _ = 1, options.blur - 2 do x = average_pool(graph, x, 2, 1, "same") end
  return average_pool(graph, x, 2, options.stride, "same")
end

local function global_pool(operator)
  return function(graph, _, x)
    local maps = graph:channels_first(x)
    return { name = graph:node(operator, { maps.name }, { axes = { 2 }, keepdims = 0 }), channels = x.channels }
  end
end

writers.GlobalAvgPool1d, writers.GlobalMaxPool1d = global_pool "ReduceMean", global_pool "ReduceMax"

-- Maps times a number of each channel and spectrum.
local function weighted(graph, maps, gate)
  local column = graph:node("Reshape", { gate.name, graph:integers("column", { 0, maps.channels, 1 }) })
  return graph:map("Mul", graph:channels_first(maps), { column })
end

function writers.SqueezeExcite(graph, layer, x)
  local maps = graph:channels_first(x)
  local gate = { name = graph:node("ReduceMean", { maps.name }, { axes = { 2 }, keepdims = 0 }), channels = x.channels }
  for _, name in ipairs { "squeeze", "excite" } do
    local weight, bias = layer[name .. "_weight"], layer[name .. "_bias"]
    gate = graph:affine(gate, graph:weight(name .. "_weight", weight), graph:weight(name .. "_bias", bias),
      core.size(bias, 1))
    gate = graph:map(name == "squeeze" and "Relu" or "Sigmoid", gate)
  end
  return weighted(graph, maps, gate)
end

-- ---- layers without weights ----

function writers.Dropout(_, _, x) return x end

writers.ChannelDropout = writers.Dropout

function writers.Flatten(graph, _, x) return graph:flatten(x) end

function writers.Position(graph, _, x)
  x = graph:channels_first(x)
  local L, C = x.length, x.channels
  local place = core.reshape(core.arange(-1, L > 1 and 2 / (L - 1) or 0, L), { 1, 1, L })
  local pads = graph:integers("pads", { 0, 0, 0, 0, 1, 0 })
  local padded = graph:node("Pad", { x.name, pads, graph:number("padding", 0) })
  local added = graph:constant("place", core.concat({ core.full(0, { 1, C, L }), place }, 2))
  return graph:like(x, { name = graph:node("Add", { padded, added }), channels = C + 1 })
end

function writers.Activation(graph, layer, x, where)
  return activate(graph, x, layer.options.name, layer.options.alpha, where)
end

local function activation_layer(name)
  return function(graph, layer, x, where) return activate(graph, x, name, layer.options.alpha, where) end
end

for _, row in ipairs(elementwise) do
  if row.layer then writers[row.layer] = activation_layer(row[1]) end
end
writers.Softmax, writers.LogSoftmax = activation_layer "softmax", activation_layer "log_softmax"

-- ---- containers ----

local function set_scope(graph, path) graph.scope = path == "" and "network" or "network/" .. path end

--- Adds a layer and returns its output. Raises, with the path of the layer, for one that cannot be said in ONNX.
-- @param path of the layer in the network, "" for the whole
local function write(graph, layer, x, path)
  local where = path == "" and layer.type or ("layer %s (%s)"):format(path, layer.type)
  local writer = writers[layer.type]
  if not writer then
    graph.refuse(where, layer.type == "Lambda" and "a Lua function cannot be said in ONNX"
      or "this kind of layer is not exported")
  end
  set_scope(graph, path)
  return writer(graph, layer, x, where, path)
end

local function write_part(graph, layer, i, x, path)
  return write(graph, layer.layers[i], x, Layer.path_of_part(path, i))
end

-- The same condition as in moonbow.nn.fusion: filters without an activation can scale and shift, too.
local function folds(graph, conv, norm)
  return graph.folds_batch_norm and norm and conv.type == "Conv1d" and norm.type == "BatchNorm1d" and conv.slope == 1
end

function writers.Sequential(graph, layer, x, _, path)
  local i = 1
  while i <= #layer.layers do
    local part, after = layer.layers[i], layer.layers[i + 1]
    if folds(graph, part, after) then
      local place = Layer.path_of_part(path, i)
      set_scope(graph, place)
      x = convolve(graph, part, x, fold_norm(part, after), ("layer %s (%s)"):format(place, part.type))
      i = i + 2
    else
      x = write_part(graph, layer, i, x, path)
      i = i + 1
    end
  end
  return x
end

function writers.Residual(graph, layer, x, where, path)
  local body = graph:channels_first(write_part(graph, layer, 1, x, path))
  local short = layer.layers[2] and write_part(graph, layer, 2, x, path) or x
  set_scope(graph, path)
  local sum = graph:map("Add", body, { graph:channels_first(short).name })
  return activate(graph, sum, layer.options.activation, layer.options.alpha, where)
end

-- Values side by side, their sum or their product.
local function join(graph, list, way)
  local channels, names, y = 0, {}, nil
  if #list == 1 then return list[1] end
  for i, x in ipairs(list) do
    y = graph:channels_first(x)
    names[i], channels = y.name, channels + y.channels
  end
  if way == "concat" then
    return graph:like(y, { name = graph:node("Concat", names, { axis = 1 }), channels = channels })
  end
  local name = names[1]
  for i = 2, #names do name = graph:node(way == "add" and "Add" or "Mul", { name, names[i] }) end
  return graph:like(y, { name = name })
end

function writers.Gated(graph, layer, x, _, path)
  local maps, gate = write_part(graph, layer, 1, x, path), write_part(graph, layer, 2, x, path)
  set_scope(graph, path)
  return weighted(graph, maps, gate)
end

function writers.Concat(graph, layer, x, _, path)
  local list = {}
  for i = 1, #layer.layers do list[i] = graph:channels_first(write_part(graph, layer, i, x, path)) end
  set_scope(graph, path)
  return join(graph, list, "concat")
end

-- x: a value, or values by the names of several inputs. Returns the value of the output, or those of several by name.
function writers.Graph(graph, layer, x, _, path)
  local values = {}
  for _, name in ipairs(layer.inputs) do values[name] = #layer.inputs == 1 and x or x[name] end
  for _, node in ipairs(layer.nodes) do
    local list = {}
    for i, name in ipairs(node.from) do list[i] = values[name] end
    set_scope(graph, path)
    local y = join(graph, list, node.join)
    values[node.name] = node.layer and write_part(graph, layer, node.layer, y, path) or y
  end
  if #layer.outputs == 1 then return values[layer.outputs[1]] end
  return values
end

return write
