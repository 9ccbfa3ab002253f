--- The steps of a graph as a network: chains, sums and branches.
--
-- A step is { type, options, tensors, inputs (numbers of steps), node }; step 1 is the input. A sum or a concatenation
-- begins where the ways to all of its inputs parted last: at their nearest common dominator.
local limits = require "moonbow.io.limits"
local build = require "moonbow.exchange.import.build"
local merged = require "moonbow.exchange.import.merged"

local function fail(node, format, ...) error({ node = node, message = format:format(...) }) end

-- The nearest dominator that two steps have in common.
local function common(steps, a, b)
  while a ~= b do
    if a > b then a = steps[a].dominator else b = steps[b].dominator end
  end
  return a
end

local function find_dominators(steps)
  for i = 2, #steps do
    local inputs = steps[i].inputs
    local dominator = inputs[1]
    for k = 2, #inputs do dominator = common(steps, dominator, inputs[k]) end
    steps[i].dominator = dominator
  end
end

-- ---- the tree ----

local chain

-- The specs of each way to a step of several inputs, from where these part.
local function ways(tree, step, fork, depth)
  local parts = {}
  for i, input in ipairs(step.inputs) do parts[i] = chain(tree, input, fork, depth + 1) end
  return parts
end

-- The parts of a sum or concatenation.
local function branches(step, parts)
  if step.type == "Residual" then
    if #parts[1] == 0 then parts[1], parts[2] = parts[2], parts[1] end
    if #parts[2] == 0 then parts[2] = nil end
  end
  for i, part in ipairs(parts) do
    if #part == 0 then part[1] = { type = "Activation", options = { name = "linear" }, tensors = {} } end
    parts[i] = #part == 1 and part[1] or { type = "Sequential", options = {}, tensors = {}, parts = part }
  end
  return parts
end

-- The specs from a step back to another one, which dominates it.
function chain(tree, last, first, depth)
  local reversed, list = {}, {}
  if depth > limits.depth then fail(tree.steps[last].node, "branches nested more than %d deep (mb.limits.depth)",
    limits.depth) end
  while last ~= first do
    local step = tree.steps[last]
    if step.used then fail(step.node, "branches that cross: its output is used in two of them") end
    step.used = true
    local spec = { type = step.type, options = step.options, tensors = step.tensors, node = step.node }
    last = step.inputs[1]
    if #step.inputs > 1 then
      last = step.dominator
      if step.type == "Product" then fail(step.node, "a product of two branches") end
      spec.parts = branches(step, ways(tree, step, last, depth))
    end
    reversed[#reversed + 1] = spec
  end
  for i = #reversed, 1, -1 do list[#list + 1] = reversed[i] end
  return merged(list)
end

--- Makes the network from step 1 to another one. Raises { node, message } if the steps are no tree.
-- @param shape of its input, without the batch
-- @return layer built, in evaluation mode
return function(steps, last, shape)
  find_dominators(steps)
  return build({ type = "Sequential", options = {}, tensors = {}, parts = chain({ steps = steps }, last, 1, 1) }, shape)
end
