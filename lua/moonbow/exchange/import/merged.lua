--- Steps of a graph that are one layer of moonbow: a convolution and its activation, the parts of a norm.
--
-- A spec is what becomes a layer: { type, options, tensors (by name), node, parts (specs of a container's layers) }.
local core = require "moonbow.core"
local elementwise = require "moonbow.elementwise"

local activation_of = {}
for _, row in ipairs(elementwise) do
  if row.layer then activation_of[row.layer] = row[1] end
end
activation_of.Softmax, activation_of.LogSoftmax = "softmax", "log_softmax"

local takes_activation = { Conv1d = true, Conv1dTranspose = true, Dense = true, BatchNorm1d = true, Residual = true }
local takes_alpha = { BatchNorm1d = true, Residual = true }
local takes_bias = { Conv1d = true, Conv1dTranspose = true, Dense = true }

-- True if the activation of a spec became part of the spec before it.
local function absorb_activation(before, spec)
  local name = spec.type == "Activation" and spec.options.name or activation_of[spec.type]
  if not (name and before and takes_activation[before.type]) or before.options.activation then return false end
  local alpha, default = spec.options.alpha, elementwise.find(name) and elementwise.find(name).alpha
  if alpha and alpha ~= default then
    if not takes_alpha[before.type] then return false end
    before.options.alpha = alpha
  end
  before.options.activation = name
  return true
end

-- True if a shift became the bias of the spec before it, or the second half of a scale and shift.
local function absorb_shift(before, spec)
  if spec.type ~= "Affine" or spec.tensors.scale or not before or before.options.activation then return false end
  if takes_bias[before.type] and not before.tensors.bias then
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

-- A spec that changes without those whose step it is, which may stand in another network, too.
local function copy(spec)
  local result = {}
  for key, value in pairs(spec) do result[key] = value end
  result.options, result.tensors = {}, {}
  for key, value in pairs(spec.options) do result.options[key] = value end
  for key, value in pairs(spec.tensors) do result.tensors[key] = value end
  return result
end

--- The specs of a chain of layers, those merged that are one.
return function(specs)
  local list = {}
  for _, spec in ipairs(specs) do
    local before = list[#list]
    if not absorb_shift(before, spec) and not absorb_scale(before, spec) then
      if before and before.type == "Affine" then as_norm(before) end
      if not absorb_activation(before, spec) then list[#list + 1] = copy(spec) end
    end
  end
  if #list > 0 and list[#list].type == "Affine" then as_norm(list[#list]) end
  return list
end
