-- Files of ONNX made by hand.
local protobuf = require "moonbow.exchange.protobuf"
local schema = require "moonbow.exchange.onnx_schema"
local damage = require "support.damage"

local made = { opset = 17 }

--- A tensor of float32 from a list, row by row.
function made.numbers(shape, list)
  local raw = {}
  for i, value in ipairs(list) do raw[i] = string.pack("<f", value) end
  return { dims = shape, data_type = 1, raw_data = table.concat(raw) }
end

--- A tensor of float32 with the values of a tensor.
function made.tensor(x) return made.numbers(x:shape(), x:reshape(-1):totable()) end

--- A list of integers.
function made.integers(list)
  local raw = {}
  for i, value in ipairs(list) do raw[i] = string.pack("<i8", value) end
  return { dims = { #list }, data_type = 7, raw_data = table.concat(raw) }
end

local fields = { float = { "f", 1 }, integer = { "i", 2 }, string = { "s", 3 } }
local list_fields = { float = { "floats", 6 }, integer = { "ints", 7 }, string = { "strings", 8 } }

--- A node { operator, { inputs }, output or list of outputs, attributes }.
function made.node(operator, inputs, output, attributes)
  local list, outputs = {}, type(output) == "table" and output or { output }
  for name, value in pairs(attributes or {}) do
    local of, first = type(value) == "table" and list_fields or fields, type(value) == "table" and value[1] or value
    local field, type = table.unpack(of[math.type(first) or type(first)])
    list[#list + 1] = { name = name, [field] = value, type = type }
  end
  return { op_type = operator, name = outputs[#outputs], input = inputs, output = outputs, attribute = list }
end

local function value(name, dims)
  local list = {}
  for i, size in ipairs(dims) do list[i] = type(size) == "string" and { dim_param = size } or { dim_value = size } end
  return { name = name, type = { tensor_type = { elem_type = 1, shape = { dim = list } } } }
end

--- Writes a model with inputs, a list of { name, dims }, and names of outputs.
function made.write_several(path, inputs, nodes, constants, outputs)
  local initializers, given, got = {}, {}, {}
  for name, tensor in pairs(constants or {}) do
    tensor.name = name
    initializers[#initializers + 1] = tensor
  end
  for i, input in ipairs(inputs) do given[i] = value(table.unpack(input)) end
  for i, name in ipairs(outputs) do got[i] = value(name, { "n" }) end
  local rope = protobuf.encode(schema, "Model", { ir_version = 8,
    opset_import = { { domain = "", version = made.opset } },
    graph = { name = "g", node = nodes, initializer = initializers, input = given, output = got } })
  damage.write(path, table.concat(rope))
end

--- Writes a model with the input x and the output y.
function made.write(path, dims, nodes, constants)
  made.write_several(path, { { "x", dims } }, nodes, constants, { "y" })
end

return made
