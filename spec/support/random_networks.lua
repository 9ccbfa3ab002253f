--- Random small networks, seeded, of every kind of layer and option that files can keep.
local mb = require "moonbow"
local nn = mb.nn

local rng -- of the network that is being made

local function int(low, high) return rng:integers(low, high + 1) // 1 | 0 end
local function pick(list) return list[int(1, #list)] end
local function chance(p) return rng:uniform(0, 1) < p end

-- signed_sqrt is apart: of the exporters only ONNX takes it, and as many of these networks should pass all.
local activations = {}
for _, name in ipairs(nn.activations) do
  if name ~= "signed_sqrt" then activations[#activations + 1] = name end
end

local function activation() return chance(0.5) and pick(activations) or nil end

local function alpha_for(name) return (name == "leaky_relu" or name == "elu") and chance(0.5) and 0.3 or nil end

local function conv(options)
  options = options or {}
  options.kernel, options.filters = options.kernel or int(1, 6), options.filters or int(1, 5)
  options.bias, options.activation = chance(0.7), activation()
  return nn.Conv1d(options)
end

local function free_conv()
  return conv { stride = int(1, 4), dilation = int(1, 3),
    padding = pick { "valid", "same", "causal", int(0, 3), { int(0, 3), int(0, 3) } } }
end

local function divisor(n)
  local list = {}
  for i = 1, n do list[#list + 1] = n % i == 0 and i or nil end
  return pick(list)
end

local function grouped_conv(shape)
  local groups = divisor(shape[2])
  return conv { groups = groups, filters = groups * int(1, 2), stride = int(1, 2), padding = "same" }
end

local function conv_transpose()
  local dilation = int(1, 3)
  return nn.Conv1dTranspose { filters = int(1, 4), kernel = int(1, 5), stride = int(1, 4), dilation = dilation,
    padding = pick { "valid", "same", int(0, 2), { int(0, 2), int(0, 2) } }, bias = chance(0.7),
    activation = activation() }
end

local function upsample() return nn.Upsample1d { factor = int(1, 4), mode = pick { "nearest", "linear" } } end

-- Activations that keep states small, and all that an LSTM of ONNX has.
local lstm_activations = { "tanh", "tanh", "tanh", "sigmoid", "relu", "elu", "leaky_relu", "softplus", "linear" }

local function lstm(sequences)
  return function()
    return nn.LSTM { units = int(1, 5), return_sequences = sequences, bidirectional = chance(0.5),
      activation = pick(lstm_activations), gate_activation = pick { "sigmoid", "sigmoid", "hard_sigmoid" } }
  end
end

local function gru(sequences)
  return function()
    return nn.GRU { units = int(1, 5), return_sequences = sequences, bidirectional = chance(0.5) }
  end
end

local function attention(shape)
  return nn.MultiHeadAttention { heads = divisor(shape[2]), bias = chance(0.7) }
end

local function graph()
  local stride = int(1, 2)
  return nn.Graph {
    inputs = { "x" },
    { name = "map", from = "x", conv { filters = 3, stride = stride, padding = "same" } },
    { name = "pooled", from = "x", nn.MaxPool1d { size = 2, stride = stride, padding = "same" } },
    { name = "squashed", from = "map", nn.Tanh {} },
    { name = "gated", from = { "map", "squashed" }, join = pick { "add", "multiply" } },
    { name = "all", from = { "gated", "pooled", "squashed" }, nn.Dense { units = int(1, 4) } },
  }
end

local function batch_norm()
  local name = activation()
  return nn.BatchNorm1d { activation = name, alpha = alpha_for(name), epsilon = pick { 1e-5, 1e-3 } }
end

local function pool(make)
  return function()
    return make { size = int(1, 4), stride = chance(0.7) and int(1, 5) or nil, padding = pick { "valid", "same" } }
  end
end

local function activation_layer()
  local name = pick(activations)
  return nn.Activation { name = name, alpha = alpha_for(name) }
end

local function simple_layer() return pick { nn.ReLU, nn.ELU, nn.GELU, nn.SELU, nn.Softplus, nn.Tanh, nn.Sigmoid } {} end

-- Of nearly equal values, it multiplies the rounding of what is before it by up to 1 / sqrt(epsilon).
local function layer_norm() return nn.LayerNorm { epsilon = 0.01 } end

local function dense() return nn.Dense { units = int(1, 6), bias = chance(0.7), activation = activation() } end

local function residual(shape)
  local stride, filters = int(1, 3), int(1, 4)
  local is_plain = chance(0.3)
  if is_plain then stride, filters = 1, shape[2] end
  local name = activation()
  local body = nn.Sequential { conv { filters = filters, stride = stride, padding = "same" }, batch_norm() }
  local shortcut = not is_plain and conv { filters = filters, stride = stride, padding = "same", kernel = 1 } or nil
  return nn.Residual { body, shortcut, activation = name, alpha = alpha_for(name) }
end

local function concat()
  local stride = int(1, 2)
  return nn.Concat {
    conv { stride = stride, padding = "same" },
    nn.AvgPool1d { size = 3, stride = stride, padding = "same" },
    nn.Sequential { nn.Dense { units = 2 }, nn.MaxPool1d { size = 2, stride = stride, padding = "same" } },
  }
end

local function twice(shape)
  local layer = conv { filters = shape[2], padding = "same" }
  return nn.Sequential { layer, nn.Tanh {}, layer }
end

local function group_norm(shape)
  local groups = shape[2] % 2 == 0 and chance(0.7) and 2 or pick { 1, shape[2] }
  return nn.GroupNorm { groups = groups, epsilon = 0.01 }
end

local on_maps = {
  free_conv, free_conv, free_conv, grouped_conv, batch_norm, batch_norm, pool(nn.MaxPool1d), pool(nn.AvgPool1d),
  residual, concat, twice, dense, activation_layer, simple_layer,
  function() return nn.BlurPool1d { size = int(1, 3), stride = int(1, 3), blur = int(2, 5) } end,
  function() return nn.Position {} end,
  layer_norm,
  group_norm,
  function() return nn.SqueezeExcite { ratio = int(1, 3) } end,
  function() return pick { nn.Dropout, nn.ChannelDropout } { rate = 0.5 } end,
  function() return pick { nn.Softmax, nn.LogSoftmax } {} end,
  function() return nn.LeakyReLU { alpha = 0.2 } end,
  conv_transpose, conv_transpose, upsample, lstm(true), gru(true), attention, graph,
}

local to_rows = {
  function() return pick { nn.Flatten, nn.GlobalAvgPool1d, nn.GlobalMaxPool1d } {} end, lstm(false), gru(false),
}

local on_rows = {
  dense, dense, batch_norm, activation_layer, simple_layer,
  layer_norm,
  function() return nn.Residual { nn.Sequential { nn.Dense { units = 4 } }, nn.Dense { units = 4 } } end,
  function() return nn.Concat { dense(), nn.Dropout { rate = 0.2 } } end,
}

-- Appends layers from a list of makers, as many as fit, and returns the shape behind them.
local function grow(layers, shape, makers, count)
  for _ = 1, count do
    local layer = pick(makers)(shape)
    local fits, output = pcall(layer.build, layer, shape, rng)
    if fits then layers[#layers + 1], shape = layer, output end
  end
  return shape
end

local ranges = { running_mean = { -0.5, 0.5 }, running_var = { 0.5, 2 }, gamma = { 0.5, 1.5 }, beta = { -0.5, 0.5 },
  bias = { -0.5, 0.5 }, recurrent_bias = { -0.5, 0.5 }, output_bias = { -0.5, 0.5 }, squeeze_bias = { -0.5, 0.5 },
  excite_bias = { -0.5, 0.5 } }

-- Statistics, scales, shifts and biases as after a training, so that each does something.
local function disturb(model)
  local entries = model:buffers()
  table.move(model:parameters(), 1, #model:parameters(), #entries + 1, entries)
  for _, entry in ipairs(entries) do
    local range = ranges[entry.name:match("[^.]+$"):gsub("^reverse_", "")]
    if range then
      entry.value:copy_from(mb.rand(table.unpack(entry.value:shape())) * (range[2] - range[1]) + range[1])
    end
  end
end

--- Makes a network of a seed, built and in evaluation mode.
-- @return layer
-- @return table the shape of its input without the batch: { L, C } or { C }
return function(seed)
  rng = mb.rng(seed)
  local shape, layers = { int(9, 40), int(1, 3) }, {}
  local input = shape
  if chance(0.1) then input, shape = { shape[1] }, { shape[1] } end
  if #shape == 2 then
    shape = grow(layers, shape, on_maps, int(1, 5))
    if chance(0.8) then
      shape = grow(layers, shape, to_rows, 1)
    end
  end
  if #shape == 1 then grow(layers, shape, on_rows, int(1, 3)) end
  if #layers == 0 then layers[1] = nn.Dropout { rate = 0.5 } end
  local model = nn.Sequential(layers)
  model:build(input, rng)
  mb.seed(seed)
  mb.no_grad(disturb, model)
  return model:eval(), input
end
