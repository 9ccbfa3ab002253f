--- What each layer of a network reads.
--
-- A node is a step of Layer.trace with from, a list of nodes, and join ("concat", "add" or "multiply") where several
-- become one: a Residual, a Concat, a node of a Graph, which is in joined. Containers that only pass values on are no
-- nodes: their steps have value, the node whose output is theirs. The input is a node that has an output shape alone.
local parts = require "moonbow.nn.parts"
local Layer = require "moonbow.nn.layer"

local wire

local function take(walk)
  walk.at = walk.at + 1
  return walk.steps[walk.at]
end

local function append(walk, node, from, join)
  node.from, node.join = from, join
  walk.nodes[#walk.nodes + 1] = node
  return node
end

local function wire_chain(walk, layer, from)
  for _, part in ipairs(layer.layers) do from = wire(walk, part, from) end
  take(walk).value = from
  return from
end

local function wire_branches(walk, layer, from)
  local ends = {}
  for i, part in ipairs(layer.layers) do ends[i] = wire(walk, part, from) end
  if layer.type == "Residual" and #ends == 1 then ends[2] = from end
  return append(walk, take(walk), ends, layer.joins)
end

local function join_nodes(walk, graph, sources, node)
  local shapes = {}
  for i, source in ipairs(sources) do shapes[i] = source.output end
  local output = node.join == "concat" and parts.concatenated_shape("Graph", "", shapes) or shapes[1]
  return append(walk, { layer = graph, joined = node, input = shapes[1], output = output }, sources, node.join)
end

-- from: a node, or nodes by the names of several inputs.
local function wire_graph(walk, graph, from)
  local values, joined = {}, {}
  for _, name in ipairs(graph.inputs) do values[name] = from.output and from or from[name] end
  for _, node in ipairs(graph.nodes) do
    local sources = {}
    for i, name in ipairs(node.from) do sources[i] = values[name] end
    local value = sources[1]
    if #sources > 1 then
      value = join_nodes(walk, graph, sources, node)
      joined[#joined + 1] = value
    end
    values[node.name] = node.layer and wire(walk, graph.layers[node.layer], value) or value
  end
  local step, outputs = take(walk), {}
  for _, node in ipairs(joined) do node.path = step.path end
  for i, name in ipairs(graph.outputs) do outputs[i] = values[name] end
  step.value = outputs[1]
  return table.unpack(outputs)
end

-- A layer, or a container of unknown kind, whose parts are taken to stand one behind the other.
local function wire_other(walk, layer, from)
  repeat
    local step = take(walk)
    if step.layer == layer or not step.layer.layers then from = append(walk, step, { from }) end
  until step.layer == layer
  return from
end

function wire(walk, layer, from)
  if layer.type == "Sequential" then return wire_chain(walk, layer, from) end
  if layer.type == "Graph" then return wire_graph(walk, layer, from) end
  return (layer.layers and layer.joins and wire_branches or wire_other)(walk, layer, from)
end

--- Adds to the steps of trace what they read, and returns { nodes (in the order of their use), inputs (a list of
-- nodes), outputs (likewise) }.
function Layer.wired(layer, steps)
  local walk, shape = { steps = steps, at = 0, nodes = {} }, steps[#steps].input
  local inputs, from = {}, {}
  if layer.type == "Graph" and #shape == 0 then
    for i, name in ipairs(layer.inputs) do
      inputs[i] = { output = shape[name] }
      from[name] = inputs[i]
    end
  else
    inputs[1] = { output = shape }
    from = inputs[1]
  end
  return { nodes = walk.nodes, inputs = inputs, outputs = { wire(walk, layer, from) } }
end
