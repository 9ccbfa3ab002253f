--- LSTM and GRU as nodes of ONNX: see moonbow.exchange.layers.
local elementwise = require "moonbow.elementwise"
local gates = require "moonbow.exchange.gates"

local writers = {}

-- The names by which an LSTM of ONNX knows activations, with their parameters.
local activations = {
  tanh = { "Tanh" }, sigmoid = { "Sigmoid" }, relu = { "Relu" }, softplus = { "Softplus" },
  linear = { "Affine", alpha = 1.0, beta = 0.0 }, hard_sigmoid = { "HardSigmoid", alpha = 0.2, beta = 0.5 },
  leaky_relu = { "LeakyRelu", alpha = elementwise.find("leaky_relu").alpha },
  elu = { "Elu", alpha = elementwise.find("elu").alpha + 0.0 },
}

-- The attributes of the activations of an LSTM, those of the gates, the cell and the output for each direction.
local function activation_attributes(graph, layer, where)
  local options, found = layer.options, { activations = {}, activation_alpha = {}, activation_beta = {} }
  for _ = 1, options.bidirectional and 2 or 1 do
    for _, name in ipairs { options.gate_activation, options.activation, options.activation } do
      local known = activations[name]
        or graph.refuse(where, "an LSTM of ONNX does not have the activation %s", name)
      table.insert(found.activations, known[1])
      table.insert(found.activation_alpha, known.alpha)
      table.insert(found.activation_beta, known.beta)
    end
  end
  for name, list in pairs(found) do
    if #list == 0 then found[name] = nil end
  end
  return found
end

-- Batch and length change places before and behind it, since its own layout with the batch first is rarely implemented.
local function write(graph, layer, x, attributes)
  local options = layer.options
  attributes.hidden_size, attributes.direction = options.units, options.bidirectional and "bidirectional" or "forward"
  local by_time = graph:node("Transpose", { graph:channels_last(x).name }, { perm = { 1, 0, 2 } })
  local inputs = { by_time }
  for _, name in ipairs { "weight", "recurrent_weight", "bias" } do
    inputs[#inputs + 1] = graph:weights(name, layer, gates[name])
  end
  local y = { channels = options.units * (options.bidirectional and 2 or 1) }
  y.length = options.return_sequences and x.length or nil
  local states = graph:node(layer.type, inputs, attributes, nil, y.length and 1 or 2)
  local by_batch = graph:node("Transpose", { states }, { perm = y.length and { 2, 0, 1, 3 } or { 1, 0, 2 } })
  local shape = y.length and { 0, y.length, y.channels } or { 0, y.channels } -- 0: as it is
  y.name = graph:node("Reshape", { by_batch, graph:integers("shape", shape) })
  return y
end

function writers.LSTM(graph, layer, x, where)
  local options = layer.options
  local is_usual = options.activation == "tanh" and options.gate_activation == "sigmoid"
  return write(graph, layer, x, is_usual and {} or activation_attributes(graph, layer, where))
end

function writers.GRU(graph, layer, x) return write(graph, layer, x, { linear_before_reset = 1 }) end

return writers
