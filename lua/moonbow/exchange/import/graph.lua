--- The steps of a graph as the nodes of an nn.Graph: chains of layers, of which each ends where its output is used in
-- several places, joined, or an output of the whole.
local build = require "moonbow.exchange.import.build"
local merged = require "moonbow.exchange.import.merged"

local joins = { Residual = "add", Concat = "concat", Product = "multiply" }

-- The steps that the outputs need: by number, how many others use each, or math.huge for an output.
local function uses_of(steps, outputs)
  local uses = {}
  for _, output in ipairs(outputs) do uses[output.step] = math.huge end
  for i = #steps, 1, -1 do
    for _, input in ipairs(uses[i] and steps[i].inputs or {}) do uses[input] = (uses[input] or 0) + 1 end
  end
  return uses
end

-- Names of nodes that are neither those of inputs nor of outputs.
local function namer(inputs, outputs)
  local taken = {}
  for _, list in ipairs { inputs, outputs } do
    for _, value in ipairs(list) do taken[value.name] = true end
  end
  return function(wanted)
    local name, count = wanted, 1
    while taken[name] do
      count = count + 1
      name = ("%s_%d"):format(wanted, count)
    end
    taken[name] = true
    return name
  end
end

local function names_at(list)
  local names = {}
  for i, value in ipairs(list) do names[i] = value.name end
  return names
end

-- A spec of one layer; nil of none.
local function layer_of(specs)
  specs = merged(specs)
  if #specs < 2 then return specs[1] end
  return { type = "Sequential", options = {}, tensors = {}, parts = specs }
end

local Builder = {}
Builder.__index = Builder

function Builder:add(name, from, join, layer)
  if layer then self.parts[#self.parts + 1] = layer end
  local node = { name = name, from = from, join = join, layer = layer and #self.parts or nil }
  self.nodes[#self.nodes + 1] = node
end

local function linear() return { type = "Activation", options = { name = "linear" }, tensors = {} } end

-- The names of the inputs of a step, of which nn.Graph takes each once.
function Builder:sources(step)
  local from, seen = {}, {}
  for k, input in ipairs(step.inputs) do
    if seen[input] then error({ node = step.node, message = "a value joined with itself" }, 0) end
    from[k], seen[input] = self.names[input], true
  end
  return from
end

-- Goes along the chain that begins with step i, and adds its node.
function Builder:chain(i)
  local steps, specs, last = self.steps, {}, i
  local step = steps[i]
  local from, join = self:sources(step), #step.inputs > 1 and joins[step.type] or nil
  while true do
    if not joins[step.type] then
      specs[#specs + 1] = { type = step.type, options = step.options, tensors = step.tensors, node = step.node }
    end
    local after = self.uses[last] == 1 and self.user[last]
    if not after or #steps[after].inputs > 1 then break end
    last, step = after, steps[after]
  end
  local name = self.output_name[last] or self.free(step.node.operator:lower())
  self.names[last] = name
  self:add(name, from, join, layer_of(specs) or not join and linear() or nil)
end

--- Makes an nn.Graph of steps, of which the first are the inputs.
-- @param inputs a list of { name, shape }, shapes without the batch
-- @param outputs a list of { name, step }
-- @return layer built, in evaluation mode
return function(steps, inputs, outputs)
  local self = setmetatable({ steps = steps, uses = uses_of(steps, outputs), user = {}, names = {}, parts = {},
    nodes = {}, output_name = {}, free = namer(inputs, outputs) }, Builder)
  for i, input in ipairs(inputs) do self.names[i] = input.name end
  for _, output in ipairs(outputs) do
    if output.step > #inputs then self.output_name[output.step] = self.output_name[output.step] or output.name end
  end
  for i = #inputs + 1, #steps do
    for _, input in ipairs(self.uses[i] and steps[i].inputs or {}) do self.user[input] = i end
  end
  for i = #inputs + 1, #steps do
    local inside = #steps[i].inputs == 1 and self.uses[steps[i].inputs[1]] == 1 and steps[i].inputs[1] > #inputs
    if self.uses[i] and not inside then self:chain(i) end
  end
  for _, output in ipairs(outputs) do -- an input, or what has the name of another output
    if self.output_name[output.step] ~= output.name then
      self:add(output.name, { self.names[output.step] }, nil, linear())
    end
  end
  local shapes = {}
  for _, input in ipairs(inputs) do shapes[input.name] = input.shape end
  return build({ type = "Graph", options = { inputs = names_at(inputs), outputs = names_at(outputs),
    nodes = self.nodes }, tensors = {}, parts = self.parts }, #inputs == 1 and inputs[1].shape or shapes)
end
