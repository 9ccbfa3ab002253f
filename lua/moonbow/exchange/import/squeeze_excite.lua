--- A SqueezeExcite in the steps of a graph: maps times a gate that two dense layers make of their means.
local core = require "moonbow.core"
local merged = require "moonbow.exchange.import.merged"

local gate_types = { "GlobalAvgPool1d", "Dense", "Dense" }

-- The layers from one step to another one, without branches; nil if there is no such way.
local function way(steps, from, to)
  local list = {}
  while to > from do
    local step = steps[to]
    if #step.inputs ~= 1 then return nil end
    table.insert(list, 1, { type = step.type, options = step.options, tensors = step.tensors })
    to = step.inputs[1]
  end
  return to == from and merged(list) or nil
end

--- The options and tensors of the layer that multiplies maps, made by one step, by a gate, made by another one; nil if
-- it is none.
return function(steps, maps, made)
  local gate = way(steps, maps, made) or {}
  if #gate ~= #gate_types then return nil end
  for i, type in ipairs(gate_types) do
    if gate[i].type ~= type or type == "Dense" and not gate[i].tensors.bias then return nil end
  end
  local squeeze, excite = gate[2], gate[3]
  if squeeze.options.activation ~= "relu" or excite.options.activation ~= "sigmoid" then return nil end
  local channels, units = core.size(squeeze.tensors.weight, 1), core.size(squeeze.tensors.weight, 2)
  local ratio = channels // units
  if ratio < 1 or math.max(1, channels // ratio) ~= units then return nil end
  return { ratio = ratio }, { squeeze_weight = squeeze.tensors.weight, squeeze_bias = squeeze.tensors.bias,
    excite_weight = excite.tensors.weight, excite_bias = excite.tensors.bias }
end
