--- A file of ONNX as nodes and tensors, everything in it checked.
local core = require "moonbow.core"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"
local protobuf = require "moonbow.exchange.protobuf"
local schema = require "moonbow.exchange.onnx_schema"

local file = {}

local function fail(format, ...) error(format:format(...), 0) end

-- ---- tensors ----

-- By data_type of ONNX: core.decode's name of the type, its bytes, and the field of numbers that are not raw.
local types = {
  { "f4", 4, "float_data" }, [6] = { "i4", 4, "int32_data" }, [7] = { "i8", 8, "int64_data" },
  [9] = { "b1", 1, "int32_data" }, [10] = { "f2", 2 }, [11] = { "f8", 8, "double_data" }, [16] = { "t2", 2 },
}
local INTEGERS = { i4 = "<i4", i8 = "<i8", b1 = "<B" }

-- Returns the number of elements, at most limits.elements.
local function count_of(dims, name)
  local count = 1
  for _, size in ipairs(dims) do
    if size < 0 or size > 0 and count > limits.elements // size then
      fail("the tensor %s has the shape %s", name, check.show_shape(dims))
    end
    count = count * size
  end
  return count
end

local function integers_at(text, place, format, count)
  local list = {}
  for i = 1, count do list[i], place = string.unpack(format, text, place) end
  return list
end

-- Returns the list of integers of a tensor.
local function read_integers(text, tensor, name, type, count)
  if count > limits.entries then
    fail("the tensor %s has %d integers; limits.entries = %d", name, count, limits.entries)
  end
  local place, list = tensor.raw_data, tensor[type[3]]
  if not place then
    if #list ~= count then fail("the tensor %s has %d of %d numbers", name, #list, count) end
    return list
  end
  if place[2] - place[1] + 1 ~= count * type[2] then
    fail("the tensor %s of shape %s has %d bytes", name, check.show_shape(tensor.dims), place[2] - place[1] + 1)
  end
  return integers_at(text, place[1], INTEGERS[type[1]], count)
end

-- Returns a constant { dims, name } with integers or a tensor (rank 0 as {1}; none if it is empty).
local function read_tensor(text, tensor)
  local name, dims = check.show(tensor.name or ""), tensor.dims
  local constant = { dims = dims, name = tensor.name or "" }
  if tensor.data_location == 1 then fail("the tensor %s is in another file", name) end
  local type, count = types[tensor.data_type], count_of(dims, name)
  if not type then fail("the tensor %s has the data type %s", name, check.show(tensor.data_type)) end
  if INTEGERS[type[1]] then
    constant.integers = read_integers(text, tensor, name, type, count)
    return constant
  end
  local place = tensor.raw_data or type[3] and tensor[type[3]]
  local bytes = place and place[2] - place[1] + 1 or 0
  if bytes ~= count * type[2] then
    fail("the tensor %s of shape %s has %d bytes", name, check.show_shape(dims), bytes)
  end
  if count == 0 then return constant end
  if #dims > 4 then fail("the tensor %s has %d dimensions", name, #dims) end
  local value = core.decode(text, place[1], type[1], false, #dims > 0 and dims or { 1 })
  constant.tensor = value or fail("the tensor %s holds numbers too large for float32", name)
  return constant
end

-- ---- nodes ----

-- What attributes of a name are, whatever their operator: a number or a text, or a list of these.
local kinds = {}
for kind, names in pairs {
  integer = "axis group transA transB ceil_mode count_include_pad keepdims training_mode hidden_size layout "
    .. "linear_before_reset input_forget start end to value_int",
  float = "epsilon alpha beta gamma momentum clip value_float",
  string = "auto_pad mode approximate direction coordinate_transformation_mode nearest_mode",
  integers = "axes kernel_shape strides dilations pads perm output_padding output_shape value_ints",
  floats = "activation_alpha activation_beta value_floats", strings = "activations" } do
  for name in names:gmatch "%S+" do kinds[name] = kind end
end

local function kind_of(value)
  if type(value) ~= "table" then return math.type(value) or type(value) end
  return value.dims and "tensor" or value[1] == nil and "list" or kind_of(value[1]) .. "s"
end

local function check_attribute(name, value)
  local kind, got = kinds[name], kind_of(value)
  local is_empty_list = got == "list" and kind and kind:sub(-1) == "s"
  if kind and value ~= nil and kind ~= got and not is_empty_list then
    fail("the attribute %s is of another kind (%s)", check.show(name), got)
  end
  return value
end

local function attributes_of(text, node)
  local found = {}
  for _, attribute in ipairs(node.attribute) do
    local list = #attribute.ints > 0 and attribute.ints or #attribute.floats > 0 and attribute.floats
      or #attribute.strings > 0 and attribute.strings
    local value = list or attribute.t and read_tensor(text, attribute.t)
    for _, field in ipairs { "f", "i", "s" } do
      if value == nil or value == false then value = attribute[field] end
    end
    -- A list without entries, or a number that is 0 and therefore left out.
    if value == nil then value = ({ 0.0, 0, "", [6] = {}, [7] = {}, [8] = {} })[attribute.type] end
    found[attribute.name or ""] = check_attribute(attribute.name, value)
  end
  return found
end

local function dims_of(value)
  local tensor = value.type and value.type.tensor_type
  local dims = {}
  for i, dim in ipairs(tensor and tensor.shape and tensor.shape.dim or {}) do dims[i] = dim.dim_value or false end
  return dims
end

-- The constant of a node Constant; nil if it holds no numbers.
local function constant_of(attributes)
  local value, number, list = attributes.value, attributes.value_float, attributes.value_floats
  if value then return type(value) == "table" and value.dims and value or nil end
  if number then return { dims = {}, tensor = core.full(number, { 1 }) } end
  if list then return { dims = { #list }, tensor = #list > 0 and core.tensor(list) or nil } end
  if attributes.value_ints then return { dims = { #attributes.value_ints }, integers = attributes.value_ints } end
  return attributes.value_int and { dims = {}, integers = { attributes.value_int } }
end

-- Names of what flows along edges are unique, so that an edge has one node that made it.
local function read_nodes(text, graph, constants)
  local nodes = {}
  for i, node in ipairs(graph.node) do
    local where = ("node %d (%s%s)"):format(i, check.printable(node.op_type or "?"),
      (node.name or "") ~= "" and ", " .. check.printable(node.name) or "")
    local domain = node.domain or ""
    if domain ~= "" and domain ~= "ai.onnx" then fail("%s is of the domain %s", where, check.show(domain)) end
    local ok, attributes = check.refusal(attributes_of, text, node)
    if not ok then fail("%s: %s", where, check.reason(attributes)) end
    if node.op_type == "Constant" then
      constants[node.output[1] or ""] = constant_of(attributes) or fail("%s has no numbers", where)
    else
      nodes[#nodes + 1] = { operator = node.op_type or "?", where = where, inputs = node.input, outputs = node.output,
        attributes = attributes }
    end
  end
  return nodes
end

local function opset_of(outline)
  for _, set in ipairs(outline.opset_import) do
    if (set.domain or "") == "" or set.domain == "ai.onnx" then return set.version or 1 end
  end
  return 1
end

local function read_metadata(outline)
  local metadata = {}
  for _, property in ipairs(outline.metadata_props) do metadata[property.key or ""] = property.value or "" end
  return metadata
end

--- Reads the bytes of a file. Raises a message without position for what is damaged or cannot be read.
-- @return { nodes, constants (by name: { dims, tensor or integers }), weights (numbers in the tensors), inputs and
--   outputs ({ name, dims }, false for a free dimension), opset, metadata, graph (the place of its bytes) }
function file.read(text)
  local outline = protobuf.decode(schema, "Outline", text)
  if not outline.graph then fail("it has no graph of ONNX") end
  local graph = protobuf.decode(schema, "Graph", text, table.unpack(outline.graph))
  local constants, inputs, outputs = {}, {}, {}
  for _, tensor in ipairs(graph.initializer) do constants[tensor.name or ""] = read_tensor(text, tensor) end
  local nodes = read_nodes(text, graph, constants)
  for _, value in ipairs(graph.input) do
    if not constants[value.name or ""] then inputs[#inputs + 1] = { name = value.name or "", dims = dims_of(value) } end
  end
  for i, value in ipairs(graph.output) do outputs[i] = { name = value.name or "", dims = dims_of(value) } end
  local weights = 0
  for _, constant in pairs(constants) do weights = weights + (constant.tensor and core.count(constant.tensor) or 0) end
  return { nodes = nodes, constants = constants, weights = weights, inputs = inputs, outputs = outputs,
    opset = opset_of(outline), metadata = read_metadata(outline), graph = outline.graph }
end

return file
