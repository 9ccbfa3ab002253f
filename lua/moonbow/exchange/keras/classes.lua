--- The layers of Keras as layers of moonbow: a function(config, pad, rank, is_3) for each class, which returns a list
-- of specs { type, options, weights }, one after the other. weights: for each tensor in the file, in order, { name,
-- shape }: its name in the layer, and the sizes that are known (0 for the others). missing: the values of weights that
-- the file does not have, by name. arranged(tensors, step): the weights of the layer, where the file holds them in
-- other tensors. complete(options, tensors): sets the options that follow from the weights. pad: { left, right } of a
-- ZeroPadding1D before it; rank: of its input, with the batch; is_3: Keras 3 wrote the file.
local core = require "moonbow.core"
local check = require "moonbow.check"
local read = require "moonbow.exchange.keras.options"
local sequences = require "moonbow.exchange.keras.sequences"
local windows = require "moonbow.exchange.import.windows"

local classes = {}

for name, make in pairs(sequences) do classes[name] = make end

local fail, option, need = read.fail, read.option, read.need
local at_least_one, size, activation_of = read.at_least_one, read.size, read.activation_of

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

-- The options of a convolution but for its filters. pad: { left, right } of the layer before.
local function conv_options(config, pad)
  need(config, "data_format", "channels_last")
  local options = { kernel = size(config, "kernel_size"), stride = size(config, "strides", 1),
    dilation = size(config, "dilation_rate", 1), padding = config.padding,
    bias = option(config, "use_bias", "boolean", true), activation = activation_of(config) }
  options.padding = padding_of(options, pad)
  return options
end

function classes.Conv1D(config, pad)
  local options = conv_options(config, pad)
  options.filters, options.groups = at_least_one(config, "filters"), at_least_one(config, "groups", 1)
  return { { type = "Conv1d", options = options,
    weights = affine_weights(config, { options.kernel, 0, options.filters }) } }
end

-- (kernel, channels, filters of each) as (kernel, 1, filters).
local function as_groups(tensors)
  local kernel, channels, each = table.unpack(core.shape(tensors.weight))
  tensors.weight = core.reshape(tensors.weight, { kernel, 1, channels * each })
  return tensors
end

function classes.DepthwiseConv1D(config, pad)
  local options, each = conv_options(config, pad), at_least_one(config, "depth_multiplier", 1)
  local function complete(place, tensors)
    place.filters = core.size(tensors.weight, 3)
    place.groups = place.filters // each
  end
  return { { type = "Conv1d", options = options, arranged = as_groups, complete = complete,
    weights = { { "weight", { options.kernel, 0, each } }, options.bias and { "bias", { 0 } } or nil } } }
end

function classes.SeparableConv1D(config, pad)
  local specs, filters = classes.DepthwiseConv1D(config, pad), at_least_one(config, "filters")
  local options = { filters = filters, kernel = 1, bias = specs[1].options.bias,
    activation = specs[1].options.activation }
  specs[1].options.bias, specs[1].options.activation, specs[1].weights[2] = false, nil, nil
  specs[2] = { type = "Conv1d", options = options, weights = affine_weights(config, { 1, 0, filters }) }
  return specs
end

-- surplus: points that Keras adds at the right where the stride is beyond the kernel's span.
function classes.Conv1DTranspose(config)
  need(config, "data_format", "channels_last")
  need(config, "output_padding")
  need(config, "padding", "valid", "same")
  local options = { filters = at_least_one(config, "filters"), kernel = size(config, "kernel_size"),
    stride = size(config, "strides", 1), dilation = size(config, "dilation_rate", 1), padding = config.padding,
    bias = option(config, "use_bias", "boolean", true), activation = activation_of(config) }
  local surplus = options.stride - (options.kernel - 1) * options.dilation - 1
  if surplus <= 0 or options.padding == "same" then surplus = nil else options.padding = "same" end
  local weights = { { "weight", { options.kernel, options.filters, 0 } } }
  if options.bias then weights[2] = { "bias", { options.filters } } end
  return { { type = "Conv1dTranspose", options = options, weights = weights, surplus = surplus } }
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
    need(config, "keepdims", false, true) -- true: see moonbow.exchange.keras.special
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

function classes.UpSampling1D(config)
  need(config, "data_format", "channels_last")
  return layer("Upsample1d", { factor = size(config, "size", 2) })
end

--- Layers of several inputs, by the step of moonbow.exchange.keras.network.
classes.merges = { Add = "Residual", Concatenate = "Concat", Multiply = "Product" }

--- Layers that take one input several times.
classes.takes_itself = { MultiHeadAttention = true }

return classes
