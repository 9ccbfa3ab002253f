--- The nodes of a Graph as they are described, read and checked.
--
-- A node is { name, from, join, layer }: the names of inputs and nodes before it, how several become one, and the
-- number of its layer in graph.layers (nil: none).
local check = require "moonbow.check"
local Layer = require "moonbow.nn.layer"

local nodes = {}

local JOINS = { "concat", "add", "multiply" }

local function fail(...) check.fail("Graph", ...) end

local function check_names(what, names)
  check.list("Graph", what, names)
  if #names == 0 then fail("%s: expected at least one name, got none", what) end
  local seen = {}
  for i, name in ipairs(names) do
    check.kind("Graph", ("%s[%d]"):format(what, i), name, "string")
    if seen[name] then fail("%s: there are two called %s", what, check.show(name)) end
    seen[name] = true
  end
  return names
end

local node_options = {
  name = check.required "string", from = check.required "string|table", join = check.one_of("concat", JOINS),
  layer = check.optional "positive integer",
}

-- Reads node i, which may take what is known: names of inputs and of nodes before it.
local function read_node(i, given, known, layers)
  local node = check.options(("Graph: node %d"):format(i), given, node_options)
  if known[node.name] then
    fail("node %d: there is an input or a node called %s before it", i, check.show(node.name))
  end
  node.from = type(node.from) == "string" and { node.from } or check_names(("node %d: from"):format(i), node.from)
  for _, name in ipairs(node.from) do
    if not known[name] then
      local names = {}
      for other in pairs(known) do names[#names + 1] = other end
      local nearest = check.nearest(name, names)
      fail("node '%s': there is no input or node %s before it%s", check.printable(node.name), check.show(name),
        nearest and (" (did you mean '%s'?)"):format(check.printable(nearest)) or "")
    end
    known[name] = i -- where it is last used
  end
  if node.layer and node.layer > layers then fail("node %d: there is no layer %d", i, node.layer) end
  if not node.layer and #node.from == 1 then
    fail("node '%s': expected a layer, or several names to join", check.printable(node.name))
  end
  known[node.name] = 0
  return node
end

--- Sets inputs, outputs, nodes, labels (the names of nodes by their layers) and last_use (numbers of nodes, by name).
function nodes.read(graph, options, layers)
  local known, labels = {}, {}
  for _, name in ipairs(check_names("inputs", options.inputs)) do known[name] = 0 end
  graph.nodes = {}
  if #check.list("Graph", "nodes", options.nodes) == 0 then fail("nodes: expected at least one, got none") end
  for i, given in ipairs(options.nodes) do
    local node = read_node(i, given, known, layers)
    graph.nodes[i] = node
    if node.layer then labels[node.layer] = labels[node.layer] or node.name end
  end
  for i = 1, layers do
    if not labels[i] then fail("layer %d is in no node", i) end
  end
  graph.outputs = check_names("outputs", options.outputs or { graph.nodes[#graph.nodes].name })
  for _, name in ipairs(graph.outputs) do
    if not known[name] then fail("outputs: there is no node %s", check.show(name)) end
    known[name] = math.huge
  end
  local function check_used(name)
    if known[name] == 0 then fail("%s leads to no output", check.show(name)) end
  end
  for _, name in ipairs(options.inputs) do check_used(name) end
  for _, node in ipairs(graph.nodes) do check_used(node.name) end
  graph.inputs, graph.labels, graph.last_use = options.inputs, labels, known
end

--- Nodes as a user writes them, { name =, from =, layer }, with their layers apart.
function nodes.split(given)
  check.kind("Graph", "options", given, "table")
  local options, layers = { nodes = {} }, {}
  for key, value in pairs(given) do
    if math.type(key) ~= "integer" then
      options[key] = value
    elseif key < 1 or key > #given then
      fail("there is no node before node %d", key)
    end
  end
  if given.nodes ~= nil then return given, options end
  for i, entry in ipairs(given) do
    if type(entry) ~= "table" or Layer.is_layer(entry) then
      fail("node %d: expected { name = ..., from = ..., layer }, got %s", i, check.show(entry))
    end
    local node = {}
    for key, value in pairs(entry) do
      if key == 1 then
        layers[#layers + 1] = value
        node.layer = #layers
      else
        node[key] = value
      end
    end
    options.nodes[i] = node
  end
  return layers, options
end

return nodes
