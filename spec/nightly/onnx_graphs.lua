-- Random files of ONNX for the fuzzer, well-formed as messages: graphs that moonbow exports, with nodes, inputs,
-- attributes and constants changed, left out, added, or exchanged for others.
local mb = require "moonbow"
local export = require "moonbow.exchange.export"
local integers = require "moonbow.exchange.import.integers"
local operators = require "moonbow.exchange.import.operators"
local protobuf = require "moonbow.exchange.protobuf"
local schema = require "moonbow.exchange.onnx_schema"
local random_graph = require "support.random_graphs"
local random_network = require "support.random_networks"

local function any(list) return list[math.random(#list)] end

local function chance(n) return math.random(n) == 1 end

local names = { "Constant", "If" }
for name in pairs(operators) do names[#names + 1] = name end
for name in pairs(integers) do names[#names + 1] = name end
table.sort(names)

-- ---- values ----

local sizes = { -1, 0, 1, 2, 3, 4, 5, 7, 1 << 20, 1 << 31, -1 << 63 }

local function list_of(count, f)
  local list = {}
  for i = 1, count do list[i] = f() end
  return list
end

local function integer() return chance(2) and math.random(-2, 4) or any(sizes) end

local function real() return any { 0.0, 1.0, -1.0, 0.5, 0.2, 1e30, math.huge, 0 / 0, 2 ^ 0.5, 2 ^ -0.5 } end

local function integers_tensor()
  local count = math.random(0, 4)
  local raw = list_of(count, function() return string.pack("<i8", integer()) end)
  return { dims = chance(3) and {} or { count }, data_type = 7, raw_data = table.concat(raw) }
end

local function reals_tensor()
  local dims, count = list_of(math.random(0, 5), function() return math.random(1, 4) end), 1
  for _, size in ipairs(dims) do count = count * size end
  if chance(20) then dims[1] = any(sizes) end
  return { dims = dims, data_type = 1, raw_data = string.pack("<f", real()):rep(count) }
end

local function tensor() return (chance(2) and integers_tensor or reals_tensor)() end

-- ---- attributes ----

local of_reals = { epsilon = true, alpha = true, beta = true, gamma = true, momentum = true, clip = true,
  value_float = true }
local texts = { auto_pad = { "SAME_UPPER", "SAME_LOWER", "VALID", "x" }, mode = { "nearest", "linear", "edge" },
  direction = { "forward", "reverse", "bidirectional" }, nearest_mode = { "floor", "ceil" },
  coordinate_transformation_mode = { "asymmetric", "half_pixel", "x" }, approximate = { "tanh", "none" } }
local attribute_names = { "axis", "axes", "group", "transA", "transB", "ceil_mode", "count_include_pad", "keepdims",
  "training_mode", "kernel_shape", "strides", "dilations", "pads", "perm", "output_padding", "output_shape", "to",
  "activations", "activation_alpha", "activation_beta", "hidden_size", "layout", "linear_before_reset", "input_forget",
  "start", "end", "value", "value_int", "value_ints", "value_floats" }
for _, set in ipairs { of_reals, texts } do
  for name in pairs(set) do attribute_names[#attribute_names + 1] = name end
end
table.sort(attribute_names)

local function attribute()
  local name = any(attribute_names)
  local kind = chance(20) and math.random(6) or of_reals[name] and 1 or texts[name] and 2 or name == "value" and 3
    or name == "activations" and 4 or chance(2) and 5 or 6
  if kind == 1 then return { name = name, f = real(), type = 1 } end
  if kind == 2 then return { name = name, s = any(texts[name] or texts.mode), type = 3 } end
  if kind == 3 then return { name = name, t = tensor(), type = 4 } end
  if kind == 4 then return { name = name, strings = list_of(3, function() return any { "Tanh", "Relu", "x" } end),
    type = 8 } end
  if kind == 5 then return { name = name, i = integer(), type = 2 } end
  return { name = name, ints = list_of(math.random(0, 4), integer), type = 7 }
end

-- ---- graphs ----

-- The names of what stands before node i.
local function names_before(graph, i)
  local list = { "" }
  for _, field in ipairs { "input", "initializer" } do
    for _, value in ipairs(graph[field]) do list[#list + 1] = value.name end
  end
  for k = 1, i - 1 do
    for _, name in ipairs(graph.node[k].output) do list[#list + 1] = name end
  end
  return list
end

local function add_node(graph)
  local i = math.random(#graph.node)
  local before = names_before(graph, i)
  local at = graph.node[i]
  local own = "added_" .. #graph.node
  table.insert(graph.node, i, { op_type = any(names), input = list_of(math.random(0, 5), function()
    return chance(2) and at.input[1] or any(before)
  end), output = list_of(math.random(0, 2), function() return own end), attribute = list_of(math.random(0, 3),
    attribute) })
  if chance(4) then return end
  at.input[math.random(#at.input)] = own
end

local changes = {
  add_node, add_node, add_node,
  function(graph) any(graph.node).op_type = any(names) end,
  function(graph) table.remove(graph.node, math.random(#graph.node)) end,
  function(graph)
    local i = math.random(#graph.node)
    local list = graph.node[i].input
    list[math.random(#list + 1)] = any(names_before(graph, i))
  end,
  function(graph)
    local list = any(graph.node).input
    table.remove(list, #list > 0 and math.random(#list) or nil)
  end,
  function(graph)
    local node = any(graph.node)
    node.attribute = { attribute(), table.unpack(node.attribute or {}) }
  end,
  function(graph) any(graph.node).attribute = list_of(math.random(0, 2), attribute) end,
  function(graph)
    local new, old = tensor(), #graph.initializer > 0 and any(graph.initializer) or {}
    new.name = old.name
    for key in pairs(old) do old[key] = nil end
    for key, value in pairs(new) do old[key] = value end
  end,
  function(graph)
    local new = tensor()
    new.name = "constant_" .. #graph.initializer
    table.insert(graph.initializer, new)
  end,
  function(graph) any(graph.output).name = any(names_before(graph, #graph.node + 1)) end,
  function(graph) any(graph.input).type.tensor_type.shape.dim[math.random(3)] = { dim_value = any(sizes) } end,
}

-- The bytes of a message with tensors.
local function bytes_of(rope)
  for i, chunk in ipairs(rope) do
    rope[i] = mb.is_tensor(chunk) and require("moonbow.core").tobytes(chunk) or chunk
  end
  return table.concat(rope)
end

--- Makes a file.
return function()
  local seed = math.random(1, 400)
  local model = seed % 4 == 0 and random_graph(seed, 1) or random_network(seed)
  local message = export.describe(model, { channels = 1, fold_batch_norm = chance(2) })
  for i = #message.metadata_props, 1, -1 do
    if message.metadata_props[i].key == export.OWN then table.remove(message.metadata_props, i) end
  end
  if chance(4) then message.opset_import[1].version = any { 1, 9, 10, 11, 12, 18 } end
  for _ = 1, math.random(4) do
    if #message.graph.node > 0 then any(changes)(message.graph) end
  end
  return bytes_of(protobuf.encode(schema, "Model", message))
end
