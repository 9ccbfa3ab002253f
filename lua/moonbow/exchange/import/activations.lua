--- Activation functions of ONNX.
local inputs = require "moonbow.exchange.import.inputs"
local values = require "moonbow.exchange.import.values"

local fail, data, single, near = inputs.fail, inputs.data, inputs.single, inputs.near

local operators = {}

local function activation(type, options_of)
  return function(import, node, x)
    return import:layer(node, type, options_of and options_of(node.attributes) or {}, {}, data(x), {})
  end
end

for operator, type in pairs { Relu = "ReLU", Tanh = "Tanh", Sigmoid = "Sigmoid", Softplus = "Softplus" } do
  operators[operator] = activation(type)
end
operators.LeakyRelu = activation("LeakyReLU", function(a) return { alpha = a.alpha or 0.01 } end)
operators.Elu = activation("ELU", function(a) return { alpha = a.alpha or 1.0 } end)
operators.Selu = activation("SELU", function(a)
  if not (near(a.alpha or 1.67326319, 1.67326319) and near(a.gamma or 1.05070102, 1.05070102)) then
    fail("a SELU with alpha %s and gamma %s", tostring(a.alpha), tostring(a.gamma))
  end
  return {}
end)
operators.Gelu = activation("GELU", function(a)
  if (a.approximate or "none") ~= "none" then fail("an approximate GELU") end
  return {}
end)

function operators.PRelu(import, node, x, slope)
  local alpha = single(slope) or fail("a slope of each channel")
  return import:layer(node, "LeakyReLU", { alpha = alpha }, {}, data(x), {})
end

-- Before opset 13, all dimensions from axis on are one.
local function along_channels(type)
  return function(import, node, x)
    data(x)
    local is_old = import.opset < 13
    local axis = values.dimension(node.attributes.axis or is_old and 1 or -1, #x.tags)
    values.need_channels(x, axis)
    for i = axis + 1, is_old and #x.tags or axis do
      if values.size(x, i) ~= 1 then fail("a softmax over more than the channels") end
    end
    return import:layer(node, type, {}, {}, x, {})
  end
end

operators.Softmax, operators.LogSoftmax = along_channels "Softmax", along_channels "LogSoftmax"

return operators
