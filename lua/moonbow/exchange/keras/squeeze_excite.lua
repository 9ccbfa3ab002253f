--- A SqueezeExcite in the steps of a model of Keras: maps times one point of gates, which two dense layers make of the
-- means of the maps.
local core = require "moonbow.core"

local gate_types = { "GlobalAvgPool1d", "Dense", "Dense" }

-- The steps from the maps to the gates, as { type, tensors, activation }; nil if there is no such way.
local function way(steps, maps, last)
  local reversed, list, activation = {}, {}, nil
  while last and last > maps do
    local step = steps[last]
    if step.type == "ReLU" or step.type == "Activation" then
      activation = step.options.name or "relu"
    else
      reversed[#reversed + 1] = { type = step.type, tensors = step.tensors,
        activation = activation or step.options.activation }
      activation = nil
    end
    last = #step.inputs == 1 and step.inputs[1] or nil
  end
  for i = #reversed, 1, -1 do list[#list + 1] = reversed[i] end
  return last == maps and list or nil
end

local function fits(list)
  for i, type in ipairs(gate_types) do
    if not list[i] or list[i].type ~= type or type == "Dense" and not list[i].tensors.bias then return false end
  end
  return #list == #gate_types and list[2].activation == "relu" and list[3].activation == "sigmoid"
end

--- Makes a product of maps and gates a SqueezeExcite, in place. Raises { node, message } if it is none.
return function(steps, product)
  local list = way(steps, product.inputs[1], product.inputs[2]) or {}
  local squeeze, excite = list[2] and list[2].tensors, list[3] and list[3].tensors
  local channels, units = 0, 1
  if fits(list) then channels, units = core.size(squeeze.weight, 1), core.size(squeeze.weight, 2) end
  local ratio = channels // units
  if ratio < 1 or math.max(1, channels // ratio) ~= units then
    error { node = product.node, message = "a product with one point that is no squeeze and excitation" }
  end
  product.type, product.options, product.inputs = "SqueezeExcite", { ratio = ratio }, { product.inputs[1] }
  product.tensors = { squeeze_weight = squeeze.weight, squeeze_bias = squeeze.bias, excite_weight = excite.weight,
    excite_bias = excite.bias }
end
