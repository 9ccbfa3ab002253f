--- The steps of a graph as a network: chains, sums and branches.
--
-- A step is { type, options, tensors, inputs (numbers of steps), node }; step 1 is the input. A sum or a concatenation
-- begins where the ways to all of its inputs parted last: at their nearest common dominator.
local core = require "moonbow.core"
local nn = require "moonbow.nn"
local limits = require "moonbow.io.limits"
local elementwise = require "moonbow.elementwise"

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

-- ---- neighbours that are one layer ----

local activation_of = {}
for _, row in ipairs(elementwise) do
  if row.layer then activation_of[row.layer] = row[1] end
end
activation_of.Softmax, activation_of.LogSoftmax = "softmax", "log_softmax"

local takes_activation = { Conv1d = true, Dense = true, BatchNorm1d = true, Residual = true }

-- True if the activation of a spec became part of the spec before it.
local function absorb_activation(before, spec)
  local name = spec.type == "Activation" and spec.options.name or activation_of[spec.type]
  if not (name and before and takes_activation[before.type]) or before.options.activation then return false end
  local alpha, default = spec.options.alpha, elementwise.find(name) and elementwise.find(name).alpha
  if alpha and alpha ~= default then
    if before.type == "Conv1d" or before.type == "Dense" then return false end
    before.options.alpha = alpha
  end
  before.options.activation = name
  return true
end

-- True if a shift became the bias of the spec before it, or the second half of a scale and shift.
local function absorb_shift(before, spec)
  if spec.type ~= "Affine" or spec.tensors.scale or not before or before.options.activation then return false end
  if (before.type == "Conv1d" or before.type == "Dense") and not before.tensors.bias then
    before.options.bias, before.tensors.bias = true, spec.tensors.shift
    return true
  end
  if before.type ~= "Affine" or before.tensors.shift then return false end
  before.tensors.shift = spec.tensors.shift
  return true
end

-- True if a scale or a shift became part of those of a group norm.
local function absorb_scale(before, spec)
  if spec.type ~= "Affine" or not before or before.type ~= "GroupNorm" then return false end
  local norm, scale, shift = before.tensors, spec.tensors.scale, spec.tensors.shift
  if scale then norm.gamma, norm.beta = core.mul(norm.gamma, scale), core.mul(norm.beta, scale) end
  if shift then norm.beta = core.add(norm.beta, shift) end
  return true
end

-- A batch norm with statistics that leave scale and shift as they are.
local function as_norm(spec)
  local scale, shift = spec.tensors.scale, spec.tensors.shift
  local channels = core.count(scale or shift)
  spec.type, spec.options = "BatchNorm1d", { epsilon = 0.0, activation = spec.options.activation }
  spec.tensors = { gamma = scale or core.full(1, { channels }), beta = shift or core.full(0, { channels }),
    running_mean = core.full(0, { channels }), running_var = core.full(1, { channels }) }
end

local function merged(specs)
  local list = {}
  for _, spec in ipairs(specs) do
    local before = list[#list]
    if not absorb_shift(before, spec) and not absorb_scale(before, spec) then
      if before and before.type == "Affine" then as_norm(before) end
      if not absorb_activation(before, spec) then list[#list + 1] = spec end
    end
  end
  if #list > 0 and list[#list].type == "Affine" then as_norm(list[#list]) end
  return list
end

local gate_types = { "GlobalAvgPool1d", "Dense", "Dense" }

-- The spec of maps times a gate that is made of them; specs: of the two factors, from where their ways part.
local function gate_spec(step, specs)
  local gate = specs[2]
  local function refuse() fail(step.node, "a product of two branches that is no SqueezeExcite") end
  if #specs[1] ~= 0 or #gate ~= #gate_types then refuse() end
  for i, type in ipairs(gate_types) do
    if gate[i].type ~= type or type == "Dense" and not gate[i].tensors.bias then refuse() end
  end
  local squeeze, excite = gate[2], gate[3]
  if squeeze.options.activation ~= "relu" or excite.options.activation ~= "sigmoid" then refuse() end
  local channels, units = core.size(squeeze.tensors.weight, 1), core.size(squeeze.tensors.weight, 2)
  local ratio = channels // units
  if ratio < 1 or math.max(1, channels // ratio) ~= units then refuse() end
  return { type = "SqueezeExcite", options = { ratio = ratio }, node = step.node,
    tensors = { squeeze_weight = squeeze.tensors.weight, squeeze_bias = squeeze.tensors.bias,
      excite_weight = excite.tensors.weight, excite_bias = excite.tensors.bias } }
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
      local parts = ways(tree, step, last, depth)
      if step.type == "Gate" then spec = gate_spec(step, parts) else spec.parts = branches(step, parts) end
    end
    reversed[#reversed + 1] = spec
  end
  for i = #reversed, 1, -1 do list[#list + 1] = reversed[i] end
  return merged(list)
end

local function make(spec, tensors, path)
  local options = {}
  for key, value in pairs(spec.options) do options[key] = value end
  for i, part in ipairs(spec.parts or {}) do
    options[i] = make(part, tensors, path == "" and tostring(i) or path .. "." .. i)
  end
  for name, tensor in pairs(spec.tensors) do tensors[path .. "." .. name] = tensor end
  return nn[spec.type](options)
end

--- Makes the network from step 1 to another one.
-- @param shape of its input, without the batch
-- @return layer built, in evaluation mode
return function(steps, last, shape)
  find_dominators(steps)
  local list, tensors = chain({ steps = steps }, last, 1, 1), {}
  if #list == 0 then list[1] = { type = "Activation", options = { name = "linear" }, tensors = {} } end
  local network = make({ type = "Sequential", options = {}, tensors = {}, parts = list }, tensors, "")
  return network:restore(shape, tensors):eval()
end
