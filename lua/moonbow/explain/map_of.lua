--- The maps (N, L', C) of a network, and the one that Grad-CAM takes.
local Layer = require "moonbow.nn.layer"

local map_of = {}

--- A network as Grad-CAM sees it: { network, steps, wired }, see moonbow.nn.wiring.
-- @param shape of the inputs, without the batch
function map_of.read(network, shape)
  local steps = network:trace(shape, "explain.grad_cam")
  return { network = network, steps = steps, wired = network:wired(steps) }
end

local function is_map(node) return node.from ~= nil and #node.output == 3 end

-- The name of a map: the path of its layer, or of a Graph's node that joins several values.
local function name_of(node)
  return node.joined and Layer.path_of_part(node.path, node.joined.name) or node.path
end

-- The node of an input of a name (nil: the only one); nil for those of a layer of a user's own.
local function input_node(plan, name)
  if name == nil then return plan.wired.inputs[1] end
  for i, known in ipairs(plan.network.type == "Graph" and plan.network.inputs or {}) do
    if known == name then return plan.wired.inputs[i] end
  end
end

-- The nodes to which ways lead from an input past another node (nil: all), as a set with the input itself.
local function led_from(wired, input, past)
  local led = { [input] = true }
  for _, node in ipairs(wired.nodes) do
    for _, source in ipairs(node ~= past and node.from or {}) do led[node] = led[node] or led[source] end
  end
  return led
end

-- The nodes from which ways lead to the output past another node, as a set.
local function leading_past(wired, past)
  local leads = { [wired.outputs[1]] = true }
  for i = #wired.nodes, 1, -1 do
    local node = wired.nodes[i]
    for _, source in ipairs(leads[node] and node ~= past and node.from or {}) do leads[source] = true end
  end
  return leads
end

-- True if another map stands beside a map: on a way from the input to the output that leads past it.
local function has_another_beside(wired, input, maps, map)
  local led, leads = led_from(wired, input, map), leading_past(wired, map)
  for _, other in ipairs(maps) do
    if other ~= map and led[other] and leads[other] then return true end
  end
  return false
end

-- True if a node makes something of what an input leads to: a Graph's node which joins it with other inputs does not.
local function is_of_input(node, led)
  local count = 0
  for _, source in ipairs(node.from) do count = count + (led[source] and 1 or 0) end
  return not node.joined or count > 1
end

-- The last map behind an input beside which no other map stands; nil if there is none.
local function last_map(wired, input, maps, led)
  for i = #maps, 1, -1 do
    if is_of_input(maps[i], led) and not has_another_beside(wired, input, maps, maps[i]) then return maps[i] end
  end
end

-- The last of the maps of a name. That of a container is the map whose value it passes on.
local function named_map(plan, led, name)
  local found
  for _, step in ipairs(plan.steps) do
    local node = step.value or step
    if step.path == name and led[node] and is_map(node) then found = node end
  end
  for _, node in ipairs(found and {} or plan.wired.nodes) do
    if node.joined and name_of(node) == name and led[node] and is_map(node) then found = node end
  end
  return found
end

-- How often what makes a map has run when it makes this one: a layer may stand in several places.
local function use_of(wired, map)
  local use = 0
  for _, node in ipairs(wired.nodes) do
    if (node.joined or node.layer) == (map.joined or map.layer) then use = use + 1 end
    if node == map then return use end
  end
end

--- The map of a name behind an input; without a name the last one that no other map stands beside.
-- @param input? name of one of several inputs
-- @param name? of the map: the path of a layer, or of a node of a Graph that joins values
-- @return { name, maker (the layer, or the node of a Graph), use (1 if its first run makes the map), centres (points of
--   the input on which it is centred) }; nil if there is none
-- @return a list of the names of all maps behind the input
function map_of.choose(plan, input, name)
  local node, maps, names = input_node(plan, input), {}, {}
  local led = node and led_from(plan.wired, node) or {}
  for _, other in ipairs(node and plan.wired.nodes or {}) do
    if led[other] and is_map(other) then
      maps[#maps + 1], names[#names + 1] = other, name_of(other)
    end
  end
  local map
  if name then map = named_map(plan, led, name) else map = last_map(plan.wired, node, maps, led) end
  if not map then return nil, names end
  return { name = name or name_of(map), maker = map.joined or map.layer, use = use_of(plan.wired, map),
    centres = Layer.centres(map, led) }, names
end

return map_of
