--- Reads files of ONNX that moonbow wrote, independently of how it writes them, and evaluates their graphs by tensors.
local mb = require "moonbow"

local file = {}

-- ---- protocol buffers ----

-- Yields the fields of a message: number, and an integer, a float or bytes.
local function fields(text)
  return coroutine.wrap(function()
    local at = 1
    local function varint()
      local value, shift = 0, 0
      repeat
        local byte = text:byte(at)
        value, shift, at = value | (byte & 127) << shift, shift + 7, at + 1
      until byte < 128
      return value
    end
    while at <= #text do
      local key = varint()
      local wire = key & 7
      if wire == 0 then
        coroutine.yield(key >> 3, varint())
      elseif wire == 2 then
        local size = varint()
        at = at + size
        assert(at <= #text + 1, "a field is longer than its message")
        coroutine.yield(key >> 3, text:sub(at - size, at - 1))
      else
        assert(wire == 5, "wire type " .. wire)
        at = at + 4
        coroutine.yield(key >> 3, (string.unpack("<f", text, at - 4)))
      end
    end
  end)
end

-- A message as a table { [number] = list of values }.
local function message(text)
  local found = setmetatable({}, { __index = function() return {} end })
  for number, value in fields(text) do
    found[number] = rawget(found, number) or {}
    table.insert(found[number], value)
  end
  return found
end

-- ---- the messages ----

-- The field of an attribute's value by its type, and true if that is a list.
local attribute_fields = { [1] = { 2 }, [2] = { 3 }, [3] = { 4 }, [6] = { 7, true }, [7] = { 8, true },
  [8] = { 9, true } }

local function attributes_of(node)
  local found = {}
  for _, text in ipairs(node[5]) do
    local a = message(text)
    local kind = a[20][1]
    local field, is_list = table.unpack(attribute_fields[kind])
    found[a[1][1]] = is_list and a[field] or a[field][1]
  end
  return found
end

-- A list of integers, or a tensor; a number without dimensions as a tensor of one element.
local function initializer(t)
  local raw, shape = t[9][1], t[1]
  if t[2][1] == 7 then
    local list = {}
    for i = 1, #raw // 8 do list[i] = string.unpack("<i8", raw, 8 * i - 7) end
    return list
  end
  local list = {}
  for i = 1, #raw // 4 do list[i] = string.unpack("<f", raw, 4 * i - 3) end
  return mb.tensor(list):reshape(table.unpack(#shape > 0 and shape or { 1 }))
end

local function shape_of(value)
  local dims = {}
  local shape = message(message(message(value[2][1])[1][1])[2][1])
  for i, dim in ipairs(shape[1]) do
    local d = message(dim)
    dims[i] = d[1][1] or d[2][1]
  end
  return dims
end

--- Reads a file: { ir, opset, metadata, nodes, initializers, input, output, input_shape, output_shape }.
function file.read(path)
  local model = message(assert(assert(io.open(path, "rb")):read "a"))
  local graph, metadata = message(model[7][1]), {}
  for _, text in ipairs(model[14]) do
    local property = message(text)
    metadata[property[1][1]] = property[2][1]
  end
  local found = { ir = model[1][1], opset = message(model[8][1])[2][1], metadata = metadata, nodes = {},
    initializers = {}, order = {} }
  for i, text in ipairs(graph[1]) do
    local node = message(text)
    found.nodes[i] = { operator = node[4][1], name = node[3][1], inputs = node[1], output = node[2][1],
      attributes = attributes_of(node) }
  end
  for _, text in ipairs(graph[5]) do
    local t = message(text)
    assert(found.initializers[t[8][1]] == nil, "two initializers of one name")
    found.initializers[t[8][1]] = initializer(t)
    found.order[#found.order + 1] = t[8][1]
  end
  local input, output = message(graph[11][1]), message(graph[12][1])
  found.input, found.output = input[1][1], output[1][1]
  found.input_shape, found.output_shape = shape_of(input), shape_of(output)
  return found
end

-- ---- the operators, as ONNX defines them ----

local function turned(x) return x:transpose(2, 3) end

-- Calls f with a map as (N, L, C).
local function on_lengths(x, f) return turned(f(turned(x))) end

local function reduce(method)
  return function(a, x)
    assert(#a.axes == 1, "a reduction of several dimensions")
    if a.axes[1] == -1 then
      local shape = x:shape()
      shape[#shape] = 1
      return x[method](x, x:rank()):reshape(table.unpack(shape))
    end
    assert(a.axes[1] == 2, "a reduction of another dimension")
    return x[method](x, 3):reshape(x:size(1), x:size(2), table.unpack({ 1 }, 1, a.keepdims))
  end
end

local function pad(_, x, pads, value)
  local rank = x:rank()
  for d = 1, rank do
    for side, count in ipairs { pads[d], pads[d + rank] } do
      local shape = x:shape()
      shape[d] = count
      if count > 0 then
        local edge = mb.full(value:get(1), shape)
        x = mb.concat(side == 1 and { edge, x } or { x, edge }, d)
      end
    end
  end
  return x
end

-- By gelu(x) = x/2 (1 + erf(x / sqrt 2)).
local function erf(_, x)
  local list = x:reshape(-1):totable()
  local gelu = (x * math.sqrt(2)):gelu():reshape(-1):totable()
  for i, z in ipairs(list) do list[i] = z == 0 and 0 or 2 * gelu[i] / (z * math.sqrt(2)) - 1 end
  return mb.tensor(list):reshape(table.unpack(x:shape()))
end

local function per_channel(x, list)
  return list:reshape(table.unpack(x:rank() == 3 and { 1, -1, 1 } or { 1, -1 }))
end

local function along(method)
  return function(a, x)
    if a.axis == 1 and x:rank() == 3 then return on_lengths(x, function(y) return y[method](y) end) end
    assert(a.axis == -1 or a.axis == x:rank() - 1, "a softmax of another dimension")
    return x[method](x)
  end
end

local function pool(method)
  return function(a, x)
    assert(not a.pads and not a.auto_pad and not a.ceil_mode, "a padded pooling")
    return on_lengths(x, function(y) return y[method](y, { size = a.kernel_shape[1], stride = a.strides[1] }) end)
  end
end

local function method(name) return function(_, x, y) return x[name](x, y) end end

-- A convolution of each group of channels by filters of its own.
local function convolve(a, x, w, b)
  local count, parts = a.group or 1, {}
  local channels, filters = w:size(2), w:size(1) // count
  assert(x:size(2) == count * channels and w:size(1) == count * filters, "groups of other channels or filters")
  for g = 1, count do
    local first = (g - 1) * filters + 1
    local own, bias = w:slice(1, first, filters):transpose(1, 3), b and b:slice(1, first, filters)
    parts[g] = on_lengths(x:slice(2, (g - 1) * channels + 1, channels), function(y)
      return y:conv1d(own, bias, { stride = a.strides[1], dilation = a.dilations[1] })
    end)
  end
  return mb.concat(parts, 2)
end

-- The leaf of tree t at which a row arrives.
local function leaf_of(a, at, t, row)
  local node = at[t][0]
  while a.nodes_modes[node] ~= "LEAF" do
    assert(a.nodes_modes[node] == "BRANCH_LEQ")
    local goes_left = row[a.nodes_featureids[node] + 1] <= a.nodes_values[node]
    node = at[t][goes_left and a.nodes_truenodeids[node] or a.nodes_falsenodeids[node]]
  end
  return a.nodes_nodeids[node]
end

local function trees(a, x)
  assert(a.aggregate_function == "AVERAGE" and a.post_transform == "NONE")
  local at, weights, rows = {}, {}, {}
  for i, t in ipairs(a.nodes_treeids) do
    at[t] = at[t] or {}
    at[t][a.nodes_nodeids[i]] = i
  end
  for i, t in ipairs(a.target_treeids) do
    local key = t .. " " .. a.target_nodeids[i]
    weights[key] = weights[key] or {}
    weights[key][a.target_ids[i] + 1] = a.target_weights[i]
  end
  for r, row in ipairs(x:totable()) do
    rows[r] = {}
    for k = 1, a.n_targets do rows[r][k] = 0 end
    for t = 0, #at do
      for k, weight in pairs(weights[t .. " " .. leaf_of(a, at, t, row)]) do
        rows[r][k] = rows[r][k] + weight / (#at + 1)
      end
    end
  end
  return mb.tensor(rows)
end

local operators = {
  TreeEnsembleRegressor = trees,
  Add = method "add", Sub = method "sub", Mul = method "mul", Div = method "div", Neg = method "neg",
  Abs = method "abs", Sqrt = method "sqrt", Relu = method "relu", Tanh = method "tanh", Sigmoid = method "sigmoid",
  Softplus = method "softplus", Selu = method "selu", Equal = method "eq", Erf = erf, Pad = pad,
  LeakyRelu = function(a, x) return x:leaky_relu(a.alpha) end,
  Elu = function(a, x) return x:elu(a.alpha) end,
  Identity = function(_, x) return x end,
  ReduceMean = reduce "mean", ReduceMax = reduce "max", ReduceMin = reduce "min",
  Softmax = along "softmax", LogSoftmax = along "log_softmax",
  MaxPool = pool "max_pool1d", AveragePool = pool "avg_pool1d",
  Where = function(_, is, x, y) return is * x + (is:neg() + 1) * y end,
  Transpose = function(a, x)
    assert(table.concat(a.perm, ",") == "0,2,1", "another transposition")
    return turned(x)
  end,
  Flatten = function(a, x)
    assert(a.axis == 1)
    return x:reshape(x:size(1), -1)
  end,
  Reshape = function(_, x, shape) return x:reshape(x:size(1), table.unpack(shape, 2)) end,
  Concat = function(a, ...) return mb.concat({ ... }, a.axis + 1) end,
  Slice = function(_, x, first, last, dimension)
    return x:slice(dimension[1] + 1, first[1] + 1, last[1] - first[1])
  end,
  MatMul = function(_, x, y)
    local shape = x:shape()
    local width = table.remove(shape)
    shape[#shape + 1] = y:size(2)
    return x:reshape(-1, width):matmul(y):reshape(table.unpack(shape))
  end,
  Conv = function(a, x, w, b)
    assert(not a.pads and not a.auto_pad, "a padded convolution")
    assert(w:size(3) == a.kernel_shape[1])
    return convolve(a, x, w, b)
  end,
  BatchNormalization = function(a, x, gamma, beta, mean, var)
    local scale = gamma / (var + a.epsilon):sqrt()
    return (x - per_channel(x, mean)) * per_channel(x, scale) + per_channel(x, beta)
  end,
  LayerNormalization = function(a, x, gamma, beta)
    local rows = x:reshape(-1, x:size(x:rank()))
    local centred = rows - rows:mean(2):reshape(-1, 1)
    local variance = (centred * centred):mean(2):reshape(-1, 1)
    return (centred / (variance + a.epsilon):sqrt() * gamma + beta):reshape(table.unpack(x:shape()))
  end,
}

--- Evaluates a graph for spectra; raises for an operator that moonbow does not write, and a value that is not there.
function file.run(found, x)
  local values = setmetatable({ [found.input] = x }, { __index = found.initializers })
  for _, node in ipairs(found.nodes) do
    local inputs = {}
    for i, name in ipairs(node.inputs) do inputs[i] = assert(values[name], "no value " .. name) end
    local operator = assert(operators[node.operator], "no operator " .. node.operator)
    assert(values[node.output] == nil, "two values " .. node.output)
    values[node.output] = operator(node.attributes, table.unpack(inputs))
  end
  return values[found.output]
end

return file
