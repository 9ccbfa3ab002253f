--- Layers of moonbow as layers of Keras: a writer(model, layer, x, where) for each, which returns the output. Values
-- are { layer, shape }: the layer that makes it, and its shape without the batch.
--
-- model:add(class, inputs, shape, config, weights) adds a layer and returns its output.
local core = require "moonbow.core"
local elementwise = require "moonbow.elementwise"
local Layer = require "moonbow.nn.layer"

local writers = {}

local function after_window(shape, size, stride, dilation, padding, channels)
  return { (core.window(shape[1], size, stride, dilation, padding)), channels or shape[2] }
end

-- Adds an activation behind a value; nil: none.
local function activate(model, x, name, alpha, where)
  if name == nil or name == "linear" then return x end
  local row = elementwise.find(name)
  if type(name) ~= "string" then model.refuse(where, "the activation is a Lua function") end
  if name == "leaky_relu" then
    return model:add("LeakyReLU", { x }, x.shape, { negative_slope = alpha or row.alpha })
  end
  if name == "elu" then return model:add("ELU", { x }, x.shape, { alpha = alpha or row.alpha }) end
  return model:add("Activation", { x }, x.shape, { activation = name })
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
  return activate(model, y, options.activation, options.alpha, where)
end

local function dense(model, x, weight, bias)
  local shape = { table.unpack(x.shape) }
  shape[#shape] = core.size(weight, 2)
  return model:add("Dense", { x }, shape, { units = shape[#shape], use_bias = bias ~= nil }, { weight, bias })
end

function writers.Dense(model, layer, x, where)
  return activate(model, dense(model, x, layer.weight, layer.bias), layer.options.activation, nil, where)
end

local function norm(class, config_of, ...)
  local names = { ... }
  return function(model, layer, x, where)
    local config = config_of and config_of(layer.options) or {}
    config.epsilon = layer.options.epsilon
    local y = model:add(class, { x }, x.shape, config, weights_of(layer, table.unpack(names)))
    return activate(model, y, layer.options.activation, layer.options.alpha, where)
  end
end

writers.BatchNorm1d = norm("BatchNormalization", function(options) return { momentum = options.momentum } end, "gamma",
  "beta", "running_mean", "running_var")
writers.LayerNorm = norm("LayerNormalization", nil, "gamma", "beta")
writers.GroupNorm = norm("GroupNormalization", function(options) return { groups = options.groups } end, "gamma",
  "beta")

function writers.LSTM(model, layer, x, where)
  local options = layer.options
  if options.gate_activation ~= "sigmoid" then model.refuse(where, "Keras 3 has another hard_sigmoid") end
  if options.bidirectional then model.refuse(where, "both directions are not exported") end
  local no_alpha = { leaky_relu = true, elu = true, log_softmax = true }
  if no_alpha[options.activation] then model.refuse(where, "the activation %s within it", options.activation) end
  return model:add("LSTM", { x }, options.return_sequences and { x.shape[1], options.units } or { options.units },
    { units = options.units, return_sequences = options.return_sequences, activation = options.activation },
    weights_of(layer, "weight", "recurrent_weight", "bias"))
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
  return activate(model, x, layer.options.name, layer.options.alpha, where)
end

local function activation_layer(name)
  return function(model, layer, x, where) return activate(model, x, name, layer.options.alpha, where) end
end

for _, row in ipairs(elementwise) do
  if row.layer then writers[row.layer] = activation_layer(row[1]) end
end
writers.Softmax, writers.LogSoftmax = activation_layer "softmax", activation_layer "log_softmax"

-- ---- containers ----

--- Adds a layer and returns its output. Raises, with the path of the layer, for one that Keras does not have.
local function write(model, layer, x, path)
  local where = path == "" and layer.type or ("layer %s (%s)"):format(path, layer.type)
  local writer = writers[layer.type] or model.refuse(where, "Keras has no such layer")
  model.where = where
  return writer(model, layer, x, where, path)
end

local function write_part(model, layer, i, x, path)
  return write(model, layer.layers[i], x, Layer.path_of_part(path, i))
end

function writers.Sequential(model, layer, x, _, path)
  for i = 1, #layer.layers do x = write_part(model, layer, i, x, path) end
  return x
end

function writers.Residual(model, layer, x, where, path)
  local body = write_part(model, layer, 1, x, path)
  local short = layer.layers[2] and write_part(model, layer, 2, x, path) or x
  local sum = model:add("Add", { body, short }, body.shape)
  return activate(model, sum, layer.options.activation, layer.options.alpha, where)
end

function writers.Concat(model, layer, x, _, path)
  local parts, channels = {}, 0
  for i = 1, #layer.layers do
    parts[i] = write_part(model, layer, i, x, path)
    channels = channels + parts[i].shape[#parts[i].shape]
  end
  local shape = { table.unpack(parts[1].shape) }
  shape[#shape] = channels
  return #parts > 1 and model:add("Concatenate", parts, shape, { axis = -1 }) or parts[1]
end

return write
