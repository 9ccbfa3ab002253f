--- Graph: a network with several inputs or outputs, which have names.
--
-- The shape of one input is a list, as for any layer; that of several are lists by their names, likewise for outputs.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"
local nodes = require "moonbow.nn.nodes"
local parts = require "moonbow.nn.parts"

local function fail(...) check.fail("Graph", ...) end

-- Values by the names of the inputs, from such a table or the single one.
local function by_input(graph, given, is_single)
  local values = {}
  for name, value in pairs(not is_single and given or {}) do values[name] = value end
  if is_single and #graph.inputs > 1 then
    inputs.refuse_single(graph, core.is_tensor(given) and check.show(given) or "one tensor")
  end
  if is_single then values[graph.inputs[1]] = given end
  return values
end

local function check_rows(graph, values)
  local first = graph.inputs[1]
  local rows = core.size(values[first], 1)
  for _, name in ipairs(graph.inputs) do
    if core.size(values[name], 1) ~= rows then
      fail("%s has %d rows, but %s has %d", name, core.size(values[name], 1), first, rows)
    end
  end
end

-- A value, or values by name if there are several of these.
local function by_name(names, values)
  if #names == 1 then return values[names[1]] end
  local list = {}
  for _, name in ipairs(names) do list[name] = values[name] end
  return list
end

-- ---- running ----

local function check_same(node, shapes)
  local first = check.show_shape(shapes[1])
  for i, shape in ipairs(shapes) do
    local other = check.show_shape(shape)
    if other ~= first then
      fail("node '%s': %s has shape %s, %s has %s", node.name, node.from[1], first, node.from[i], other)
    end
  end
  return shapes[1]
end

local function joined_shape(node, shapes)
  if #shapes == 1 then return shapes[1] end
  if node.join ~= "concat" then return check_same(node, shapes) end
  return parts.concatenated_shape("Graph", ("node '%s': input "):format(node.name), shapes)
end

local function join(node, values)
  if #values == 1 then return values[1] end
  local shapes = {}
  for i, value in ipairs(values) do shapes[i] = core.shape(value) end
  joined_shape(node, shapes)
  if node.join == "concat" then return ops.concat(values, #shapes[1]) end
  local operation, y = node.join == "add" and ops.add or ops.mul, values[1]
  for i = 2, #values do
    local before = y
    y = operation(before, values[i])
    if i > 2 then core.drop(before, y) end
  end
  return y
end

local function values_from(node, values)
  local list = {}
  for i, name in ipairs(node.from) do list[i] = values[name] end
  return list
end

-- Drops what no node after i uses, unless it is also something else: a layer may return its input.
local function drop_unused(graph, values, i)
  for name, value in pairs(values) do
    if graph.last_use[name] == i and not graph.is_input[name] then
      values[name] = nil
      local others = {}
      for _, other in pairs(values) do others[#others + 1] = other end
      core.drop(value, table.unpack(others))
    end
  end
end

local function forward(graph, x)
  local values = by_input(graph, x, core.is_tensor(x))
  check_rows(graph, values)
  for i, node in ipairs(graph.nodes) do
    local from = values_from(node, values)
    local joined = join(node, from)
    if #from > 1 then joined = Layer.report_join(node, joined) end
    local y = node.layer and parts.call(graph, node.layer, joined) or joined
    values[node.name] = y
    if #from > 1 then core.drop(joined, y) end
    drop_unused(graph, values, i)
  end
  return by_name(graph.outputs, values)
end

local function output_shape(graph, shape, infer)
  local shapes = by_input(graph, shape, #shape > 0)
  for _, node in ipairs(graph.nodes) do
    local joined = joined_shape(node, values_from(node, shapes))
    inputs.check_sizes(graph, joined)
    shapes[node.name] = node.layer and parts.shape_after(graph, node.layer, joined, infer) or joined
  end
  return by_name(graph.outputs, shapes)
end

-- The layers, as a set of numbers, that lead along the first names in from to a layer (nil: to the first output).
local function way_to(graph, goal)
  local before, way, from = {}, {}, { graph.outputs[1] }
  for _, node in ipairs(graph.nodes) do
    before[node.name] = node
    if goal and node.layer == goal then from = node.from end
  end
  local node = before[from[1]]
  while node do
    if node.layer then way[node.layer] = true end
    node = before[node.from[1]]
  end
  return way
end

local construct = parts.container("Graph", {
  inputs = check.required "table", outputs = check.optional "table", nodes = check.required "table",
}, { forward = forward, output_shape = output_shape, way_to = way_to, may_be_empty = true })

--- A network with several inputs or outputs, or with branches that Sequential, Residual and Concat cannot say. The
-- entries 1, 2, ... of the table are nodes, each a table: name; from, the name of an input or of a node before it, or a
-- list of these; join, what becomes of several: "concat" (along the last dimension, unless given), "add" or "multiply"
-- (of one shape); and the layer, entry 1, which may be left out where several are joined.
--
-- The network is called with a table of tensors, by the names of the inputs, whose first dimension is the batch; one
-- input may be given alone. It returns the tensor of its output, or a table of tensors by the names of several. build
-- and summary take shapes likewise: model:build { spectrum = { 1000, 1 }, conditions = { 2 } }. A layer may stand in
-- several nodes. Raises for names that are unknown or used twice, and for nodes that lead to no output.
-- @option inputs a list of their names
-- @option outputs a list of names of nodes; the last node unless given
-- @option nodes the nodes with the numbers of their layers, as files have them, where the entries 1, 2, ... are the
--   layers
-- @option name for messages and reports
-- @return layer
-- @usage
-- local model = nn.Graph {
--   inputs = { "spectrum", "conditions" },
--   { name = "map", from = "spectrum", nn.Sequential { nn.Conv1d { filters = 8, kernel = 5 }, nn.Flatten {} } },
--   { name = "class", from = { "map", "conditions" }, nn.Dense { units = 3 } },
-- }
-- local logits = model { spectrum = mb.rand(4, 100, 1), conditions = mb.rand(4, 2) }
local function Graph(given)
  local layers, options = nodes.split(given)
  local list = {}
  for i, layer in ipairs(layers) do list[i] = layer end
  for key, value in pairs(options) do list[key] = value end
  local graph = construct(list)
  nodes.read(graph, graph.options, #graph.layers)
  graph.takes_named, graph.gives_named = graph.inputs, #graph.outputs > 1
  graph.is_input = {}
  for _, name in ipairs(graph.inputs) do graph.is_input[name] = true end
  return graph
end
Layer.register("Graph", Graph)
check.takes(Graph, 1, check.taken(construct).known)

return { Graph = Graph }
