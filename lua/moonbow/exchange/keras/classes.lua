--- The layers of Keras as layers of moonbow: a function(config, pad, rank, is_3) for each class, which returns a list
-- of specs { type, options, weights }, one after the other. weights: for each tensor in the file, in order, { name,
-- shape }: its name in the layer, and the sizes that are known (0 for the others). missing: the values of weights that
-- the file does not have, or { value, shape }. pad: { left, right } of a ZeroPadding1D before it; rank: of its input,
-- with the batch; is_3: Keras 3 wrote the file.
local check = require "moonbow.check"
local windows = require "moonbow.exchange.import.windows"

local classes = {}

local function fail(format, ...) error(format:format(...), 0) end

-- ---- options ----

-- The value of an option, which has to be of a kind; the default if it is not there.
local function option(config, name, kind, default)
  local value = config[name]
  if value == nil then value = default end
  if kind == "integer" then value = math.tointeger(value) end
  if (kind == "integer" and "number" or kind) ~= type(value) then
    fail("the option %s is %s", name, check.show(config[name]))
  end
  return value
end

local function at_least_one(config, name, default)
  local value = option(config, name, "integer", default)
  if value < 1 or value > 1 << 30 then fail("the option %s is %d", name, value) end
  return value
end

-- A size that Keras writes as a list of one.
local function size(config, name, default)
  local value = config[name]
  if type(value) == "table" and #value == 1 then value = value[1] end
  return at_least_one({ [name] = value }, name, default)
end

-- Raises unless an option has one of the values that moonbow's layer has.
local function need(config, name, ...)
  local value = config[name]
  for i = 1, select("#", ...) do
    if value == (select(i, ...)) then return end
  end
  if value ~= nil then fail("the option %s is %s", name, check.show(value)) end
end

local names = {
  relu = "relu", tanh = "tanh", sigmoid = "sigmoid", elu = "elu", selu = "selu", gelu = "gelu", softplus = "softplus",
  softmax = "softmax", log_softmax = "log_softmax",
}

-- The name of an activation; nil for none. A layer in its place, { class_name, config }, has options of its own.
local function activation_of(config)
  local value = config.activation
  if type(value) == "table" then
    if type(value.config) ~= "string" then fail("the activation is a layer, %s", check.show(value.class_name)) end
    value = value.config -- of a function
  end
  if value == nil or value == "linear" then return nil end
  return names[value] or fail("the activation %s", check.show(value))
end

-- ---- layers with weights ----

local function affine_weights(config, shape)
  local weights = { { "weight", shape } }
  if option(config, "use_bias", "boolean", true) then weights[2] = { "bias", { shape[#shape] } } end
  return weights
end

-- The padding of a convolution behind pad, { left, right } of the layer before (nil: none).
local function padding_of(options, pad)
  local own = options.padding
  if own ~= "valid" and own ~= "same" and own ~= "causal" then fail("the option padding is %s", check.show(own)) end
  if not pad or pad[1] + pad[2] == 0 then return own end
  windows.check_padding(pad[1], pad[2])
  if own == "same" then fail("padding before padding of its own") end
  local left = pad[1] + (own == "causal" and (options.kernel - 1) * options.dilation or 0)
  return left == pad[2] and left or { left, pad[2] }
end

-- pad: { left, right } of the layer before.
function classes.Conv1D(config, pad)
  need(config, "data_format", "channels_last")
  local options = { filters = at_least_one(config, "filters"), kernel = size(config, "kernel_size"),
    stride = size(config, "strides", 1), dilation = size(config, "dilation_rate", 1), padding = config.padding,
    groups = at_least_one(config, "groups", 1), bias = option(config, "use_bias", "boolean", true),
    activation = activation_of(config) }
  options.padding = padding_of(options, pad)
  return { { type = "Conv1d", options = options,
    weights = affine_weights(config, { options.kernel, 0, options.filters }) } }
end

function classes.Dense(config)
  local units = at_least_one(config, "units")
  return { { type = "Dense", options = { units = units, bias = option(config, "use_bias", "boolean", true),
    activation = activation_of(config) }, weights = affine_weights(config, { 0, units }) } }
end

-- What a norm has of gamma and beta; the others are 1 and 0.
local function scale_and_shift(config)
  local weights, missing = {}, {}
  for _, row in ipairs { { "scale", "gamma", 1 }, { "center", "beta", 0 } } do
    if option(config, row[1], "boolean", true) then weights[#weights + 1] = { row[2], { 0 } }
    else missing[row[2]] = row[3] end
  end
  return weights, missing
end

-- The axis of the channels is the last; Keras writes it as a number or a list of one.
local function check_axis(config, ranks)
  local axis = type(config.axis) == "table" and #config.axis == 1 and config.axis[1] or config.axis
  if axis ~= nil and axis ~= -1 and axis ~= ranks - 1 then fail("the option axis is %s", check.show(axis)) end
end

function classes.BatchNormalization(config, _, rank)
  check_axis(config, rank)
  local weights, missing = scale_and_shift(config)
  weights[#weights + 1] = { "running_mean", { 0 } }
  weights[#weights + 1] = { "running_var", { 0 } }
  return { { type = "BatchNorm1d", options = { momentum = option(config, "momentum", "number", 0.99),
    epsilon = option(config, "epsilon", "number", 1e-3) }, weights = weights, missing = missing } }
end

function classes.LayerNormalization(config, _, rank)
  check_axis(config, rank)
  need(config, "rms_scaling", false)
  local weights, missing = scale_and_shift(config)
  return { { type = "LayerNorm", options = { epsilon = option(config, "epsilon", "number", 1e-3) }, weights = weights,
    missing = missing } }
end

function classes.GroupNormalization(config, _, rank)
  check_axis(config, rank)
  local weights, missing = scale_and_shift(config)
  return { { type = "GroupNorm", options = { groups = at_least_one(config, "groups", 32),
    epsilon = option(config, "epsilon", "number", 1e-3) }, weights = weights, missing = missing } }
end

-- Keras 3 calls another function hard_sigmoid.
function classes.LSTM(config, _, _, is_3)
  need(config, "go_backwards", false)
  need(config, "stateful", false)
  need(config, "return_state", false)
  need(config, "time_major", false)
  local units, gate = at_least_one(config, "units"), config.recurrent_activation or "sigmoid"
  local weights = { { "weight", { 0, 4 * units } }, { "recurrent_weight", { units, 4 * units } } }
  local missing, has_bias = {}, option(config, "use_bias", "boolean", true)
  weights[3] = has_bias and { "bias", { 4 * units } } or nil
  if not has_bias then missing.bias = { value = 0, shape = { 4 * units } } end
  if gate ~= "sigmoid" and (is_3 or gate ~= "hard_sigmoid") then
    fail("the option recurrent_activation is %s", check.show(gate))
  end
  return { { type = "LSTM", options = { units = units, gate_activation = gate,
    return_sequences = option(config, "return_sequences", "boolean", false),
    activation = activation_of(config) or "linear" }, weights = weights, missing = missing } }
end

-- ---- layers without weights ----

local function layer(type, options) return { { type = type, options = options or {}, weights = {} } } end

local function pool(type)
  return function(config)
    need(config, "data_format", "channels_last")
    local length = size(config, "pool_size", 2)
    return layer(type, { size = length, stride = size(config, "strides", length), padding = config.padding })
  end
end

classes.MaxPooling1D, classes.AveragePooling1D = pool "MaxPool1d", pool "AvgPool1d"

local function global_pool(type)
  return function(config)
    need(config, "data_format", "channels_last")
    need(config, "keepdims", false)
    return layer(type)
  end
end

classes.GlobalMaxPooling1D = global_pool "GlobalMaxPool1d"
classes.GlobalAveragePooling1D = global_pool "GlobalAvgPool1d"

function classes.Flatten(config)
  need(config, "data_format", "channels_last")
  return layer "Flatten"
end

function classes.Dropout(config) return layer("Dropout", { rate = option(config, "rate", "number") }) end

function classes.SpatialDropout1D(config)
  return layer("ChannelDropout", { rate = option(config, "rate", "number") })
end

-- Noise that is there in training only.
function classes.GaussianNoise() return {} end
classes.ActivityRegularization = classes.GaussianNoise

function classes.Activation(config)
  local name = activation_of(config)
  return name and layer("Activation", { name = name }) or {}
end

function classes.ReLU(config)
  need(config, "threshold", 0)
  need(config, "max_value")
  local slope = config.negative_slope or 0
  return slope == 0 and layer "ReLU" or layer("LeakyReLU", { alpha = option(config, "negative_slope", "number") })
end

function classes.LeakyReLU(config)
  return layer("LeakyReLU", { alpha = option(config, config.alpha and "alpha" or "negative_slope", "number", 0.3) })
end

function classes.ELU(config) return layer("ELU", { alpha = option(config, "alpha", "number", 1.0) }) end

function classes.Softmax(config, _, rank)
  check_axis(config, rank)
  return layer "Softmax"
end

--- Layers of several inputs, by the layer of moonbow.
classes.merges = { Add = "Residual", Concatenate = "Concat" }

return classes
