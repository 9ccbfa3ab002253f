--- A graph of ONNX that grows node by node.
--
-- What flows through it are values { name, length, channels, first }: (N, length, channels), or (N, channels) without a
-- length. first: the channels stand before the length, as convolution and pooling of ONNX have them. Each writer asks
-- for the order that it needs, so that a network of convolutions is transposed once at its input.
local core = require "moonbow.core"
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"

local FLOAT, INT64 = 1, 7 -- data types of ONNX

-- The field and the type of attributes by the type of their value, or of the first value of their list.
local attribute_fields = { float = "f", integer = "i", string = "s" }
local attribute_types = { f = 1, i = 2, s = 3, floats = 6, ints = 7, strings = 8 }
local list_fields = { f = "floats", i = "ints", s = "strings" }

local Graph = {}
Graph.__index = Graph

--- A graph without nodes. graph.scope, such as "network/2.1", begins the names of what is added.
function Graph.new()
  return setmetatable({ nodes = {}, initializers = {}, taken = {}, reserved = {}, kept = {} }, Graph)
end

--- Keeps a name for an input or an output, so that nothing else gets it.
function Graph:reserve(name)
  if name == "" or self.reserved[name] then
    check.fail("export_onnx", name == "" and "an input or output without a name"
      or "an input and the output are both called %s", check.show(name))
  end
  self.reserved[name] = true
end

-- Returns the name within the scope, numbered if it is there already: equal networks get equal names.
local function unique(graph, name)
  name = graph.scope .. "/" .. name
  for count = (graph.taken[name] or 0) + 1, math.huge do
    local free = count == 1 and name or ("%s_%d"):format(name, count)
    graph.taken[name] = count
    if not graph.reserved[free] then return free end
  end
end

local function attributes_of(given)
  local list = {}
  for name, value in pairs(given or {}) do
    local first = type(value) == "table" and value[1] or value
    local field = attribute_fields[math.type(first) or type(first)]
    if type(value) == "table" then field = list_fields[field] end
    list[#list + 1] = { name = name, [field] = value, type = attribute_types[field] }
  end
  table.sort(list, function(a, b) return a.name < b.name end)
  return list
end

--- Adds a node of which one output is used, and returns that output's name.
-- @param inputs a list of names
-- @param attributes by name: integers, floats, strings, and lists of these
-- @param domain of the operator, if it is not ONNX's own
-- @param place of the output; the first unless given
function Graph:node(operator, inputs, attributes, domain, place)
  local name, outputs = unique(self, operator), {}
  for i = 1, (place or 1) - 1 do outputs[i] = "" end -- outputs that are left out
  outputs[#outputs + 1] = name
  self.nodes[#self.nodes + 1] = { op_type = operator, name = name, input = inputs, output = outputs,
    attribute = attributes_of(attributes), domain = domain }
  return name
end

--- Gives a value the name of an output of the graph, by a node, which has another name: importers make attributes of
-- these, and an output may be called "class".
function Graph:output(x, name, of_node)
  self.nodes[#self.nodes + 1] = { op_type = "Identity", name = of_node, input = { x.name }, output = { name } }
  return self:like(x, { name = name })
end

--- Adds a node that keeps the shape of a value, and returns its output as a value.
-- @param others names of further inputs
function Graph:map(operator, x, others, attributes)
  return self:like(x, { name = self:node(operator, { x.name, table.unpack(others or {}) }, attributes) })
end

--- Returns a value with some fields changed.
function Graph:like(x, changed) -- luacheck: ignore self
  local y = { name = x.name, length = x.length, channels = x.channels, first = x.first }
  for key, value in pairs(changed) do y[key] = value end
  return y
end

local function add_initializer(graph, name, dims, data_type, raw)
  graph.initializers[#graph.initializers + 1] = { name = name, dims = dims, data_type = data_type, raw_data = raw }
  return name
end

--- Adds a tensor of constants and returns its name.
function Graph:constant(name, tensor)
  return add_initializer(self, unique(self, name), core.shape(tensor), FLOAT, tensor)
end

--- Adds one constant number and returns its name.
function Graph:number(name, value)
  return add_initializer(self, unique(self, name), {}, FLOAT, string.pack("<f", value))
end

--- Adds a list of integers, as a shape, and returns its name.
function Graph:integers(name, list)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = string.pack("<i8", value) end
  return add_initializer(self, unique(self, name), { #list }, INT64, table.concat(parts))
end

--- Adds what a layer's weights give together, by make(layer), and returns its name; once for a layer that stands in
-- several places. With the graph in place of the layer: once for all.
function Graph:weights(name, layer, make)
  local of_layer = self.kept[layer] or {}
  self.kept[layer] = of_layer
  of_layer[name] = of_layer[name] or self:constant(name, make(layer))
  return of_layer[name]
end

--- Adds a weight and returns its name; one that stands in several places is added once.
-- @param arrange gives what is written, by a function that is the same at each call; the weight itself unless given
function Graph:weight(name, tensor, arrange)
  local key = Layer.identity(tensor)
  local of_key = self.kept[key] or {}
  self.kept[key] = of_key
  local way = arrange or false
  of_key[way] = of_key[way] or self:constant(name, arrange and arrange(tensor) or tensor)
  return of_key[way]
end

local function transposed(graph, x)
  return graph:like(x, { name = graph:node("Transpose", { x.name }, { perm = { 0, 2, 1 } }), first = not x.first })
end

--- Returns a value as (N, channels, length); one without a length as it is.
function Graph:channels_first(x) return x.length and not x.first and transposed(self, x) or x end

--- Returns a value as (N, length, channels); one without a length as it is.
function Graph:channels_last(x) return x.first and transposed(self, x) or x end

--- Pads the length of a value, channels first, with a number.
function Graph:pad(x, left, right, number)
  if left == 0 and right == 0 then return x end
  local pads = self:integers("pads", { 0, 0, left, 0, 0, right })
  local name = self:node("Pad", { x.name, pads, self:number("padding", number) })
  return self:like(x, { name = name, length = x.length + left + right })
end

--- Points first to last of a value, channels first.
function Graph:points(x, first, last)
  return self:like(x, { name = self:slice(x.name, first, last), length = last - first + 1 })
end

--- Entries first to last of the third dimension of what has a name; returns the name of the result.
function Graph:slice(name, first, last)
  return self:node("Slice", { name, self:integers("first", { first - 1 }), self:integers("last", { last }),
    self:integers("dimension", { 2 }) })
end

--- Turns (N, length, channels) into (N, length channels), point by point.
function Graph:flatten(x)
  if not x.length then return x end
  x = self:channels_last(x)
  return { name = self:node("Flatten", { x.name }, { axis = 1 }), channels = x.length * x.channels }
end

--- Multiplies the last dimension of a value by a matrix and adds a bias: both are names, the bias may be nil.
-- @param channels the columns of the matrix
function Graph:affine(x, weight, bias, channels)
  local name = self:node("MatMul", { x.name, weight })
  if bias then name = self:node("Add", { name, bias }) end
  return self:like(x, { name = name, channels = channels })
end

--- Raises: what stands at a place cannot be exported.
function Graph.refuse(where, format, ...) check.fail("export_onnx", where .. ": " .. format, ...) end

return Graph
