--- Activations as nodes of ONNX.
local elementwise = require "moonbow.elementwise"

local operators = {
  tanh = "Tanh", sigmoid = "Sigmoid", relu = "Relu", leaky_relu = "LeakyRelu", elu = "Elu", selu = "Selu",
  softplus = "Softplus",
}

local function along_channels(operator)
  return function(graph, x) return graph:map(operator, x, nil, { axis = x.first and 1 or -1 }) end
end

local functions = {
  linear = function(_, x) return x end,
  softmax = along_channels "Softmax",
  log_softmax = along_channels "LogSoftmax",
  signed_sqrt = function(graph, x)
    local shifted = graph:map("Add", graph:map("Abs", x), { graph:number("small", 1e-3) })
    local root = graph:map("Sub", graph:map("Sqrt", shifted), { graph:number("root_of_small", math.sqrt(1e-3)) })
    return graph:map("Mul", root, { graph:map("Sign", x).name })
  end,
  -- ONNX has Gelu from opset 20 on.
  gelu = function(graph, x)
    local inner = graph:map("Mul", x, { graph:number("root", math.sqrt(0.5)) })
    local erf = graph:map("Add", graph:map("Erf", inner), { graph:number("one", 1) })
    return graph:map("Mul", graph:map("Mul", erf, { x.name }), { graph:number("half", 0.5) })
  end,
}

--- Adds an activation behind a value and returns its output.
-- @param name of the activation; nil: none
-- @param alpha of the activation, nil: its default
-- @param where place of the layer, for the message
return function(graph, x, name, alpha, where)
  if name == nil then return x end
  if functions[name] then return functions[name](graph, x) end
  local operator = operators[name]
  if not operator then
    graph.refuse(where, "the activation %s cannot be said in ONNX",
      type(name) == "function" and "is a Lua function, which" or name)
  end
  local default = elementwise.find(name).alpha
  return graph:map(operator, x, nil, default and { alpha = (alpha or default) + 0.0 })
end
