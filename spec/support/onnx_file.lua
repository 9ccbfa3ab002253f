--- Reads files of ONNX that moonbow wrote, independently of how it writes them, and evaluates their graphs by tensors.
local mb = require "moonbow"
local core = require "moonbow.core"

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

-- The names of a list of values, and their shapes.
local function values_of(list)
  local names, shapes = {}, {}
  for i, text in ipairs(list) do
    local value = message(text)
    names[i], shapes[i] = value[1][1], shape_of(value)
  end
  return names, shapes
end

--- Reads a file: { ir, opset, metadata, nodes, initializers, inputs, outputs (names), input_shapes, output_shapes }.
-- input, output, input_shape and output_shape are of the first ones.
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
    found.nodes[i] = { operator = node[4][1], name = node[3][1], inputs = node[1], outputs = node[2],
      attributes = attributes_of(node) }
  end
  for _, text in ipairs(graph[5]) do
    local t = message(text)
    assert(found.initializers[t[8][1]] == nil, "two initializers of one name")
    found.initializers[t[8][1]] = initializer(t)
    found.order[#found.order + 1] = t[8][1]
  end
  found.inputs, found.input_shapes = values_of(graph[11])
  found.outputs, found.output_shapes = values_of(graph[12])
  found.input, found.output = found.inputs[1], found.outputs[1]
  found.input_shape, found.output_shape = found.input_shapes[1], found.output_shapes[1]
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

local function pad(a, x, pads, value)
  local rank = x:rank()
  for d = 1, rank do
    for side, count in ipairs { pads[d], pads[d + rank] } do
      local shape = x:shape()
      shape[d] = count
      if count > 0 then
        local is_edge = a.mode == "edge" and assert(count == 1)
        local edge = is_edge and x:slice(d, side == 1 and 1 or x:size(d), 1) or mb.full(value:get(1), shape)
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

-- Each point adds its filters, stride points apart.
local function convolve_transposed(a, x, w, b)
  assert(not a.pads and not a.auto_pad, "a padded transposed convolution")
  if (a.group or 1) > 1 then
    local parts, ungrouped = {}, { strides = a.strides, dilations = a.dilations }
    assert(a.group == x:size(2) and a.group == w:size(1), "groups of several channels")
    for c = 1, a.group do parts[c] = convolve_transposed(ungrouped, x:slice(2, c, 1), w:slice(1, c, 1)) end
    return mb.concat(parts, 2)
  end
  local N, L, K, F = x:size(1), x:size(3), w:size(3), w:size(2)
  local stride, dilation = a.strides[1], a.dilations[1]
  local rows, filters, y = turned(x), w:transpose(1, 3), nil -- filters (K, F, C)
  for t = 1, L do
    for k = 1, K do
      local part = rows:slice(2, t, 1):reshape(N, -1):matmul(filters[k]:transpose(1, 2)):reshape(N, 1, F)
      local left = (t - 1) * stride + (k - 1) * dilation
      part = part:pad(left, (L - t) * stride + (K - k) * dilation, { dimension = 2 })
      y = y and y + part or part
    end
  end
  y = turned(y:pad(0, a.output_padding and a.output_padding[1] or 0, { dimension = 2 }))
  return b and y + b:reshape(1, F, 1) or y
end

local function resize(a, x, _, scales)
  local list, numbers = scales:totable(), {}
  assert(list[1] == 1 and list[2] == 1 and x:rank() == 3, "more batches or channels")
  assert(a.mode == "nearest" and a.coordinate_transformation_mode == "asymmetric" and a.nearest_mode == "floor",
    "another mode")
  for t = 1, x:size(3) * list[3] // 1 | 0 do numbers[t] = (t - 1) // list[3] + 1 | 0 end
  return core.index(x:transpose(1, 3), numbers):transpose(1, 3)
end

local cell_functions = {
  Sigmoid = function(x) return x:sigmoid() end, Tanh = function(x) return x:tanh() end,
  Relu = function(x) return x:relu() end, Softplus = function(x) return x:softplus() end,
  Affine = function(x, alpha, beta) return x * alpha + beta end,
  LeakyRelu = function(x, alpha) return x:leaky_relu(alpha) end, Elu = function(x, alpha) return x:elu(alpha) end,
  HardSigmoid = function(x, alpha, beta) return (x * alpha + beta):maximum(0):minimum(1) end,
}

-- The functions of all directions: alphas and betas are those of the functions that have one.
local function functions_of(a, defaults)
  local list, alphas, betas = {}, { table.unpack(a.activation_alpha or {}) }, { table.unpack(a.activation_beta or {}) }
  local names = a.activations or defaults
  for i = 1, a.direction == "bidirectional" and 2 * #defaults or #defaults do
    local name = names[a.activations and i or (i - 1) % #defaults + 1]
    local has_alpha = ({ Affine = 1, LeakyRelu = 1, Elu = 1, HardSigmoid = 1 })[name]
    local alpha = has_alpha and table.remove(alphas, 1)
    local beta = ({ Affine = 1, HardSigmoid = 1 })[name] and table.remove(betas, 1)
    list[i] = function(x) return cell_functions[name](x, alpha, beta) end
  end
  return list
end

-- One step of each kind: gates of the input and of the state, (N, gates U), states and functions. Returns the states.
local cells = {}

local function gate(z, i, units) return z:slice(2, (i - 1) * units + 1, units) end

function cells.LSTM(_, zx, zh, h, c, f, g, last)
  local units, z = h:size(2), zx + zh
  local input, output, forget = f(gate(z, 1, units)), f(gate(z, 2, units)), f(gate(z, 3, units))
  c = forget * c + input * g(gate(z, 4, units))
  return output * last(c), c
end

function cells.GRU(a, zx, zh, h, c, f, g)
  assert(a.linear_before_reset == 1, "a reset before the product")
  local units = h:size(2)
  local z, r = f(gate(zx, 1, units) + gate(zh, 1, units)), f(gate(zx, 2, units) + gate(zh, 2, units))
  local candidate = g(gate(zx, 3, units) + r * gate(zh, 3, units))
  return (1 - z) * candidate + z * h, c
end

-- Returns all states, (L, directions, N, U), and the last ones.
local function recurrent(kind, defaults)
  return function(a, x, W, R, B)
    assert(a.direction == "forward" or a.direction == "bidirectional")
    local L, N, D, U = x:size(1), x:size(2), W:size(1), a.hidden_size
    local functions, all, last = functions_of(a, defaults), {}, {}
    for d = 1, D do
      local h, c, states = mb.zeros(N, U), mb.zeros(N, U), {}
      local bias = B[d]:reshape(2, 1, -1)
      for step = 1, L do
        local t = d == 1 and step or L + 1 - step
        local of_input, of_state = x[t]:matmul(W[d]:transpose(1, 2)), h:matmul(R[d]:transpose(1, 2))
        h, c = cells[kind](a, of_input + bias[1], of_state + bias[2], h, c,
          table.unpack(functions, (d - 1) * #defaults + 1, d * #defaults))
        states[t] = h:reshape(1, 1, N, U)
      end
      all[d], last[d] = mb.concat(states, 1), h:reshape(1, N, U)
    end
    return mb.concat(all, 2), mb.concat(last, 1)
  end
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
  Abs = method "abs", Sign = method "sign", Sqrt = method "sqrt", Relu = method "relu", Tanh = method "tanh",
  Sigmoid = method "sigmoid",
  Softplus = method "softplus", Selu = method "selu", Equal = method "eq", Erf = erf, Pad = pad,
  LeakyRelu = function(a, x) return x:leaky_relu(a.alpha) end,
  Elu = function(a, x) return x:elu(a.alpha) end,
  Identity = function(_, x) return x end,
  ReduceMean = reduce "mean", ReduceMax = reduce "max", ReduceMin = reduce "min",
  Softmax = along "softmax", LogSoftmax = along "log_softmax",
  MaxPool = pool "max_pool1d", AveragePool = pool "avg_pool1d",
  Where = function(_, is, x, y) return is * x + (is:neg() + 1) * y end,
  Transpose = function(a, x)
    local now = {}
    for i = 1, x:rank() do now[i] = i - 1 end
    for i, dimension in ipairs(a.perm) do
      local j = i
      while now[j] ~= dimension do j = j + 1 end
      if i ~= j then x = x:transpose(i, j) end
      now[i], now[j] = now[j], now[i]
    end
    return x
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
  Gather = function(a, x, at)
    local list = {}
    for i, place in ipairs(at) do list[i] = place + 1 end
    return x:index(list, a.axis + 1)
  end,
  MatMul = function(_, x, y)
    local shape = x:shape()
    if y:rank() == 4 then
      local products = {}
      local left, right = x:reshape(-1, shape[3], shape[4]), y:reshape(-1, y:size(3), y:size(4))
      for i = 1, left:size(1) do products[i] = left[i]:matmul(right[i]):reshape(1, shape[3], -1) end
      return mb.concat(products, 1):reshape(shape[1], shape[2], shape[3], -1)
    end
    local width = table.remove(shape)
    shape[#shape + 1] = y:size(2)
    return x:reshape(-1, width):matmul(y):reshape(table.unpack(shape))
  end,
  Conv = function(a, x, w, b)
    assert(not a.pads and not a.auto_pad, "a padded convolution")
    assert(w:size(3) == a.kernel_shape[1])
    return convolve(a, x, w, b)
  end,
  ConvTranspose = convolve_transposed, Resize = resize,
  LSTM = recurrent("LSTM", { "Sigmoid", "Tanh", "Tanh" }), GRU = recurrent("GRU", { "Sigmoid", "Tanh" }),
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

--- Evaluates a graph for spectra, or tensors by the names of several inputs; raises for an operator that moonbow does
-- not write, and a value that is not there. Returns the output, or those of several by name.
function file.run(found, x)
  local values = setmetatable({}, { __index = found.initializers })
  for _, name in ipairs(found.inputs) do values[name] = #found.inputs == 1 and x or x[name] end
  for _, node in ipairs(found.nodes) do
    local inputs = {}
    for i, name in ipairs(node.inputs) do inputs[i] = name ~= "" and assert(values[name], "no value " .. name) end
    local operator = assert(operators[node.operator], "no operator " .. node.operator)
    local results = { operator(node.attributes, table.unpack(inputs)) }
    for i, name in ipairs(node.outputs) do
      assert(values[name] == nil, "two values " .. name)
      if name ~= "" then values[name] = results[i] end
    end
  end
  if #found.outputs == 1 then return values[found.output] end
  local results = {}
  for _, name in ipairs(found.outputs) do results[name] = values[name] end
  return results
end

return file
