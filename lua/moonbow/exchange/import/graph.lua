--- Steps of moonbow.exchange.import.tree as a network: of one input and output a Sequential, where branches are nested,
-- and a Graph otherwise. A step has a name, too: that of the node that it may become.
--
-- A block is a sum or concatenation with all steps between it and the step at which the ways to it part, none
-- of which leads anywhere else. Blocks and single steps, one after the other, are a chain: a tree, and so a layer of
-- the Graph.
local nn = require "moonbow.nn"
local limits = require "moonbow.io.limits"
local tree = require "moonbow.exchange.import.tree"

local NONE = 0 -- what dominates inputs

local Graph = {}
Graph.__index = Graph

-- ---- dominators and blocks ----

local function common(dominators, a, b)
  while a ~= b do
    if a > b then a = dominators[a] else b = dominators[b] end
  end
  return a
end

function Graph:find_dominators()
  self.dominators = {}
  for i, step in ipairs(self.steps) do
    local dominator = step.inputs[1] or NONE
    for k = 2, #step.inputs do dominator = common(self.dominators, dominator, step.inputs[k]) end
    self.dominators[i] = dominator
  end
end

function Graph:is_needed(j) return self.is_output[j] or #self.users[j] > 0 end

-- Lists the steps that take each step which leads to an output.
function Graph:find_users()
  self.users, self.is_output = {}, {}
  for i = 1, #self.steps do self.users[i] = {} end
  for _, output in ipairs(self.outputs) do self.is_output[output.step] = true end
  for i = #self.steps, 1, -1 do
    if self:is_needed(i) then
      for _, input in ipairs(self.steps[i].inputs) do table.insert(self.users[input], i) end
    end
  end
end

-- Adds the steps from one back to another, which dominates it, to a set. False if a step is in two branches, or for
-- what moonbow.exchange.import.tree does not take.
function Graph:covers(last, first, set, depth)
  if depth > limits.depth then return false end
  while last ~= first do
    if set[last] then return false end
    set[last] = true
    local step = self.steps[last]
    local parts = step.inputs
    last = self.dominators[last]
    if last == NONE or step.type == "Product" then return false end
    for i = 1, #parts > 1 and #parts or 0 do
      if not self:covers(parts[i], last, set, depth + 1) then return false end
    end
  end
  return true
end

-- The steps of the block that ends at a step; nil if there is none.
function Graph:block(j)
  local set = {}
  if self.dominators[j] == NONE or not self:covers(j, self.dominators[j], set, 1) then return nil end
  for i in pairs(set) do
    if i ~= j and self.is_output[i] then return nil end
    for _, user in ipairs(i ~= j and self.users[i] or {}) do
      if not set[user] then return nil end
    end
  end
  return set
end

-- Sets the last step of the unit that each step belongs to; for each unit, its steps, and the step before it: that of a
-- block, or of a step with one input. Outer blocks first: what is in one is done.
function Graph:find_units()
  self.unit, self.before, self.members = {}, {}, {}
  for j = #self.steps, 1, -1 do
    local step = self.steps[j]
    local block = not self.unit[j] and #step.inputs > 1 and self:is_needed(j) and self:block(j)
    for i in pairs(block or {}) do self.unit[i] = j end
    self.unit[j] = self.unit[j] or j
    self.before[j] = block and self.dominators[j] or #step.inputs == 1 and step.inputs[1] or nil
  end
  for i, j in ipairs(self.unit) do
    self.members[j] = self.members[j] or {}
    table.insert(self.members[j], i)
  end
end

-- ---- nodes ----

-- True if a unit is the only one that takes the step before it, which is no input or output of the whole.
function Graph:follows(j)
  local before = self.before[j]
  if not before or self.is_output[before] or before <= #self.inputs then return false end
  for _, user in ipairs(self.users[before]) do
    if self.unit[user] ~= j then return false end
  end
  return true
end

local joins = { Residual = "add", Concat = "concat", Product = "multiply" }

-- Lists the nodes { from, join, units, last }: the steps that it takes, what becomes of several, or the last steps of
-- its units.
function Graph:find_nodes()
  self.nodes = {}
  local node_of = {}
  for j, step in ipairs(self.steps) do
    if j > #self.inputs and self.unit[j] == j and self:is_needed(j) then
      local before = self.before[j]
      local node = self:follows(j) and node_of[before]
      if not node or node.join then
        node = before and { units = {}, from = { before } } or { join = joins[step.type], from = step.inputs }
        self.nodes[#self.nodes + 1] = node
      end
      if before then node.units[#node.units + 1] = j end
      node_of[j], node.last = node, j
    end
  end
end

-- ---- layers ----

-- The layers of a node's units, built, as a Sequential.
function Graph:chain_of(units, first)
  local list, number = { { inputs = {} } }, { [first] = 1 }
  for _, unit in ipairs(units) do
    for _, i in ipairs(self.members[unit]) do
      local step = self.steps[i]
      local copy = { type = step.type, options = step.options, tensors = step.tensors, node = step.node, inputs = {} }
      for k, input in ipairs(step.inputs) do copy.inputs[k] = number[input] end
      list[#list + 1] = copy
      number[i] = #list
    end
  end
  return tree(list, #list, self.shapes[first])
end

-- The shape of what becomes of several steps; nn.Graph checks that they fit.
function Graph:joined_shape(node)
  local shape = { table.unpack(self.shapes[node.from[1]]) }
  for k = 2, node.join == "concat" and #node.from or 0 do
    local other = self.shapes[node.from[k]]
    shape[#shape] = shape[#shape] + other[#other]
  end
  return shape
end

-- ---- the network ----

-- The name of a step, or one like it that no other has.
local function free_name(used, name)
  local free, count = name, 0
  while used[free] do
    count = count + 1
    free = ("%s_%d"):format(name, count)
  end
  used[free] = true
  return free
end

-- The names of what a node takes, of which nn.Graph takes each once.
function Graph:sources(node)
  local from, seen = {}, {}
  for k, i in ipairs(node.from) do
    if seen[i] then error { node = self.steps[node.last].node, message = "a value joined with itself" } end
    from[k], seen[i] = self.names[i], true
  end
  return from
end

-- The node as nn.Graph takes it.
function Graph:entry_of(node, used)
  local entry = { name = free_name(used, self.output_of[node.last] or self.steps[node.last].name),
    from = self:sources(node), join = node.join }
  if node.join then
    self.shapes[node.last] = self:joined_shape(node)
  else
    local chain = self:chain_of(node.units, node.from[1])
    self.shapes[node.last] = chain:build(self.shapes[node.from[1]])
    entry[1] = #chain.layers == 1 and chain.layers[1] or chain
  end
  self.names[node.last] = entry.name
  return entry
end

-- The names of the outputs. Those that are inputs, or the same as others, get nodes of their own, and one does if no
-- node has a layer.
function Graph:output_names(entries, used)
  local names, is_taken, has_layer = {}, {}, false
  for _, entry in ipairs(entries) do has_layer = has_layer or entry[1] ~= nil end
  for i, output in ipairs(self.outputs) do
    local name = self.names[output.step]
    if output.step <= #self.inputs or is_taken[name] or not has_layer then
      local own = free_name(used, output.name or name)
      entries[#entries + 1] = { name = own, from = name, nn.Activation { name = "linear" } }
      name, has_layer = own, true
    end
    names[i], is_taken[name] = name, true
  end
  return names
end

function Graph:make()
  local entries, used, shapes = { inputs = {} }, {}, {}
  self.names, self.shapes, self.output_of = {}, {}, {}
  for i, input in ipairs(self.inputs) do
    local name = free_name(used, input.name)
    entries.inputs[i], self.names[i], self.shapes[i], shapes[name] = name, name, input.shape, input.shape
  end
  for i = #self.outputs, 1, -1 do self.output_of[self.outputs[i].step] = self.outputs[i].name end
  for i, node in ipairs(self.nodes) do entries[i] = self:entry_of(node, used) end
  entries.outputs = self:output_names(entries, used)
  local graph = nn.Graph(entries)
  graph:build(#self.inputs == 1 and self.inputs[1].shape or shapes)
  return graph:eval()
end

--- Makes the network of steps, the first of which are its inputs.
-- @param inputs list of { name, shape }
-- @param outputs list of { step, name }; without a name, that of the step
-- @return layer built, in evaluation mode
return function(steps, inputs, outputs)
  local self = setmetatable({ steps = steps, inputs = inputs, outputs = outputs }, Graph)
  self:find_dominators()
  self:find_users()
  self:find_units()
  self:find_nodes()
  local node = self.nodes[1]
  if #inputs > 1 or #outputs > 1 or #self.nodes > 1 or node and node.join then return self:make() end
  self.shapes = { inputs[1].shape }
  return self:chain_of(node and node.units or {}, 1)
end
