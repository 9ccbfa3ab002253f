--- Layers of moonbow without parts as layers of Keras: a writer(model, layer, x, where) for each, which returns the
-- output. model: a moonbow.exchange.keras.model_writer, which says what values are.
local core = require "moonbow.core"
local elementwise = require "moonbow.elementwise"
local arrange = require "moonbow.exchange.keras.arrange"

local writers = {}

local function after_window(shape, size, stride, dilation, padding, channels)
  return { (core.window(shape[1], size, stride, dilation, padding)), channels or shape[2] }
end

-- ---- layers with weights ----

local function weights_of(layer, ...)
  local list = {}
  for _, name in ipairs { ... } do
    if layer[name] then list[#list + 1] = layer[name] end
  end
  return list
end

function writers.Conv1d(model, layer, x, where)
  local options, padding = layer.options, layer.options.padding
  local dilation = options.kernel > 1 and options.dilation or 1
  if options.stride > 1 and dilation > 1 then
    model.refuse(where, "Keras has no stride of %d with a dilation of %d", options.stride, dilation)
  end
  if type(padding) ~= "string" then
    local _, left, right = core.window(x.shape[1], options.kernel, options.stride, dilation, padding)
    if left + right > 0 then
      x = model:add("ZeroPadding1D", { x }, { left + x.shape[1] + right, x.shape[2] }, { padding = { left, right } })
    end
    padding = "valid"
  end
  local y = model:add("Conv1D", { x },
    after_window(x.shape, options.kernel, options.stride, dilation, padding, options.filters),
    { filters = options.filters, kernel_size = { options.kernel }, strides = { options.stride }, padding = padding,
      dilation_rate = { dilation }, groups = options.groups, use_bias = layer.bias ~= nil },
    weights_of(layer, "weight", "bias"))
  return model:activate(y, options.activation, options.alpha, where)
end

local function dense(model, x, weight, bias)
  local shape = { table.unpack(x.shape) }
  shape[#shape] = core.size(weight, 2)
  return model:add("Dense", { x }, shape, { units = shape[#shape], use_bias = bias ~= nil }, { weight, bias })
end

function writers.Dense(model, layer, x, where)
  return model:activate(dense(model, x, layer.weight, layer.bias), layer.options.activation, nil, where)
end

local function norm(class, config_of, ...)
  local names = { ... }
  return function(model, layer, x, where)
    local config = config_of and config_of(layer.options) or {}
    config.epsilon = layer.options.epsilon
    local y = model:add(class, { x }, x.shape, config, weights_of(layer, table.unpack(names)))
    return model:activate(y, layer.options.activation, layer.options.alpha, where)
  end
end

writers.BatchNorm1d = norm("BatchNormalization", function(options) return { momentum = options.momentum } end, "gamma",
  "beta", "running_mean", "running_var")
writers.LayerNorm = norm("LayerNormalization", nil, "gamma", "beta")
writers.GroupNorm = norm("GroupNormalization", function(options) return { groups = options.groups } end, "gamma",
  "beta")

-- As above, but for the points that Keras adds where the stride is beyond the kernel, and those that padding cuts off.
function writers.Conv1dTranspose(model, layer, x, where)
  local options = layer.options
  local dilation = options.kernel > 1 and options.dilation or 1
  if options.stride > 1 and dilation > 1 then
    model.refuse(where, "Keras has no stride of %d with a dilation of %d", options.stride, dilation)
  end
  local is_same, span = options.padding == "same", (options.kernel - 1) * dilation + 1
  local surplus = is_same and 0 or math.max(options.stride - span, 0)
  local length = is_same and x.shape[1] * options.stride or (x.shape[1] - 1) * options.stride + span + surplus
  local y = model:add("Conv1DTranspose", { x }, { length, options.filters },
    { filters = options.filters, kernel_size = { options.kernel }, strides = { options.stride },
      padding = is_same and "same" or "valid", dilation_rate = { dilation }, use_bias = layer.bias ~= nil },
    weights_of(layer, "weight", "bias"))
  local cut = type(options.padding) == "string" and { 0, 0 } or options.padding
  if type(cut) == "number" then cut = { cut, cut } end
  local left, right = cut[1], cut[2] + surplus
  if left + right > 0 then
    y = model:add("Cropping1D", { y }, { length - left - right, options.filters }, { cropping = { left, right } })
  end
  return model:activate(y, options.activation, nil, where)
end

-- ---- recurrence and attention ----

-- Adds a recurrence: a layer of Keras, or a Bidirectional of one.
local function recurrence(model, layer, x, config)
  local options = layer.options
  local width = options.units * (options.bidirectional and 2 or 1)
  local shape = options.return_sequences and { x.shape[1], width } or { width }
  config.units, config.return_sequences = options.units, options.return_sequences
  if not options.bidirectional then return model:add(layer.type, { x }, shape, config, arrange[layer.type], layer) end
  local inner = { class = layer.type, config = config }
  config.name = layer.type:lower()
  return model:add("Bidirectional", { x }, shape, { merge_mode = "concat", layer = inner },
    arrange.bidirectional(layer.type), layer)
end

function writers.LSTM(model, layer, x, where)
  local options = layer.options
  if options.gate_activation ~= "sigmoid" then model.refuse(where, "Keras 3 has another hard_sigmoid") end
  local no_alpha = { leaky_relu = true, elu = true, log_softmax = true }
  if no_alpha[options.activation] then model.refuse(where, "the activation %s within it", options.activation) end
  return recurrence(model, layer, x, { activation = options.activation, recurrent_activation = "sigmoid" })
end

function writers.GRU(model, layer, x)
  return recurrence(model, layer, x, { activation = "tanh", recurrent_activation = "sigmoid", reset_after = true })
end

function writers.MultiHeadAttention(model, layer, x)
  local heads = layer.options.heads
  local config = { num_heads = heads, key_dim = x.shape[2] // heads, use_bias = layer.bias ~= nil }
  local y = model:add("MultiHeadAttention", { x, x }, x.shape, config, arrange.MultiHeadAttention, layer)
  if layer.options.causal then y.layer.keywords = { use_causal_mask = true } end
  return y
end

function writers.SqueezeExcite(model, layer, x, where)
  local gate = model:add("GlobalAveragePooling1D", { x }, { x.shape[2] })
  gate = model:activate(dense(model, gate, layer.squeeze_weight, layer.squeeze_bias), "relu", nil, where)
  gate = model:activate(dense(model, gate, layer.excite_weight, layer.excite_bias), "sigmoid", nil, where)
  gate = model:add("Reshape", { gate }, { 1, x.shape[2] }, { target_shape = { 1, x.shape[2] } })
  return model:add("Multiply", { x, gate }, x.shape)
end

function writers.Upsample1d(model, layer, x, where)
  local factor = layer.options.factor
  if layer.options.mode ~= "nearest" then model.refuse(where, "Keras draws no lines between points of spectra") end
  return model:add("UpSampling1D", { x }, { x.shape[1] * factor, x.shape[2] }, { size = factor })
end

-- ---- pooling ----

local function pool(model, class, x, size, stride, padding)
  return model:add(class, { x }, after_window(x.shape, size, stride, 1, padding), { pool_size = { size },
    strides = { stride }, padding = padding })
end

local function window_pool(class)
  return function(model, layer, x)
    return pool(model, class, x, layer.options.size, layer.options.stride, layer.options.padding)
  end
end

writers.MaxPool1d, writers.AvgPool1d = window_pool "MaxPooling1D", window_pool "AveragePooling1D"

function writers.BlurPool1d(model, layer, x)
  local options = layer.options
  if options.size > 1 then x = pool(model, "MaxPooling1D", x, options.size, 1, "same") end
  for _ = 1, options.blur - 2 do x = pool(model, "AveragePooling1D", x, 2, 1, "same") end
  return pool(model, "AveragePooling1D", x, 2, options.stride, "same")
end

local function global_pool(class)
  return function(model, _, x) return model:add(class, { x }, { x.shape[2] }) end
end

writers.GlobalAvgPool1d = global_pool "GlobalAveragePooling1D"
writers.GlobalMaxPool1d = global_pool "GlobalMaxPooling1D"

-- ---- layers without weights ----

function writers.Flatten(model, _, x)
  local count = 1
  for _, size in ipairs(x.shape) do count = count * size end
  return model:add("Flatten", { x }, { count })
end

local function dropout(class)
  return function(model, layer, x) return model:add(class, { x }, x.shape, { rate = layer.options.rate }) end
end

writers.Dropout, writers.ChannelDropout = dropout "Dropout", dropout "SpatialDropout1D"

function writers.Activation(model, layer, x, where)
  return model:activate(x, layer.options.name, layer.options.alpha, where)
end

local function activation_layer(name)
  return function(model, layer, x, where) return model:activate(x, name, layer.options.alpha, where) end
end

for _, row in ipairs(elementwise) do
  if row.layer then writers[row.layer] = activation_layer(row[1]) end
end
writers.Softmax, writers.LogSoftmax = activation_layer "softmax", activation_layer "log_softmax"

return writers
