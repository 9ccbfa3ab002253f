--- Layers without parts as modules of PyTorch.
--
-- Each writer(layer, order, place, shape) returns the modules that take the layer's place in an nn.Sequential, and the
-- order of the features behind them. shape: of its input, with the batch first.
--
-- PyTorch's maps are (N, C, L). Rows that were maps before a Flatten have their features in another order, which is a
-- list: feature j of PyTorch is number order[j] of moonbow. It is nil where they agree.
local core = require "moonbow.core"
local elementwise = require "moonbow.elementwise"
local modules = require "moonbow.exchange.pytorch.modules"
local sequences = require "moonbow.exchange.pytorch.sequences"

local module, given, option, tensor = modules.new, modules.given, modules.option, modules.tensor
local matrix, vector, activate = modules.matrix, modules.vector, modules.activate

local writers = {}

for name, writer in pairs(sequences) do writers[name] = writer end

-- ---- layers with weights ----

local function pad(left, right, value)
  return module("nn.ConstantPad1d", { ("(%d, %d)"):format(left, right), value })
end

function writers.Conv1d(layer, _, place, shape)
  local options, tensors = layer.options, { tensor(layer, place, "weight", "weight", modules.turned) }
  local kernel, channels, filters = table.unpack(core.shape(layer.weight))
  local _, left, right = core.window(shape[2], kernel, options.stride, options.dilation, options.padding)
  local list, padding = {}, left
  if left ~= right then list[1], padding = pad(left, right, 0), 0 end
  list[#list + 1] = module("nn.Conv1d", { channels * options.groups, filters, kernel }, given(
    option("stride", options.stride, 1), option("padding", padding, 0), option("dilation", options.dilation, 1),
    option("groups", options.groups, 1), not layer.bias and "bias=False" or nil),
    modules.append_bias(tensors, layer, place))
  return activate(list, options.activation, nil, place)
end

-- The points that a transposed convolution cuts off at both ends, and those that it adds at the right.
local function cut_and_added(options, length)
  local span, padding = (options.kernel - 1) * options.dilation + 1, options.padding
  if type(padding) == "table" then return padding[1], padding[2], 0 end
  if padding ~= "same" then return padding == "valid" and 0 or padding, padding == "valid" and 0 or padding, 0 end
  local _, left, right = core.window(length * options.stride, options.kernel, options.stride, options.dilation, "same")
  return left, right, math.max(options.stride - span, 0)
end

function writers.Conv1dTranspose(layer, _, place, shape)
  local options, tensors = layer.options, { tensor(layer, place, "weight", "weight", modules.turned) }
  local left, right, added = cut_and_added(options, shape[2])
  local list = { module("nn.ConvTranspose1d", { shape[3], options.filters, options.kernel }, given(
    option("stride", options.stride, 1), option("padding", left == right and left or 0, 0),
    option("output_padding", added, 0), option("dilation", options.dilation, 1),
    not layer.bias and "bias=False" or nil), modules.append_bias(tensors, layer, place)) }
  if left ~= right then list[2] = pad(-left, -right, 0) end
  return activate(list, options.activation, nil, place)
end

function writers.Upsample1d(layer)
  local options = layer.options
  return { module("nn.Upsample", nil, { "scale_factor=" .. options.factor, -- "nearest" would round the factor
    options.mode == "nearest" and 'mode="nearest-exact"' or 'mode="linear"' }) }
end

function writers.Dense(layer, order, place, shape)
  local features, units = table.unpack(core.shape(layer.weight))
  local no_bias = given(not layer.bias and "bias=False" or nil)
  local dense
  if #shape == 3 then
    dense = module("nn.Conv1d", { features, units, 1 }, no_bias,
      { tensor(layer, place, "weight", "weight", modules.points, modules.points_back) })
  else
    dense = module("nn.Linear", { features, units }, no_bias, { matrix(layer, place, "weight", "weight", order) })
  end
  modules.append_bias(dense.tensors, layer, place)
  return activate({ dense }, layer.options.activation, nil, place)
end

function writers.BatchNorm1d(layer, order, place)
  local tensors, options = {}, layer.options
  for i, names in ipairs { { "weight", "gamma" }, { "bias", "beta" }, { "running_mean" }, { "running_var" } } do
    tensors[i] = vector(layer, place, names[1], names[2] or names[1], order)
  end
  tensors[5] = { name = "num_batches_tracked", counts = true }
  local norm = module("nn.BatchNorm1d", { core.size(layer.gamma, 1) }, given(option("eps", options.epsilon, 1e-5),
    options.momentum ~= 0.9 and option("momentum", 1 - options.momentum) or nil), tensors)
  return activate({ norm }, options.activation, options.alpha, place), order
end

local function scale_and_shift(layer, place, order)
  return { vector(layer, place, "weight", "gamma", order), vector(layer, place, "bias", "beta", order) }
end

function writers.LayerNorm(layer, order, place, shape)
  local name = #shape == 3 and "ChannelNorm" or "nn.LayerNorm"
  return { module(name, { core.size(layer.gamma, 1) }, given(option("eps", layer.options.epsilon, 1e-5)),
    scale_and_shift(layer, place, order)) }, order
end

function writers.GroupNorm(layer, _, place)
  return { module("nn.GroupNorm", { layer.options.groups, core.size(layer.gamma, 1) },
    given(option("eps", layer.options.epsilon, 1e-5)), scale_and_shift(layer, place)) }
end

function writers.SqueezeExcite(layer, _, place)
  local tensors = {}
  for _, name in ipairs { "squeeze", "excite" } do
    tensors[#tensors + 1] = matrix(layer, place, name .. ".weight", name .. "_weight")
    tensors[#tensors + 1] = tensor(layer, place, name .. ".bias", name .. "_bias")
  end
  return { module("SqueezeExcite", core.shape(layer.squeeze_weight), nil, tensors) }
end

-- ---- pooling ----

local function max_pool(list, length, size, stride, padding)
  local _, left, right = core.window(length, size, stride, 1, padding)
  if left + right > 0 then list[#list + 1] = pad(left, right, -math.huge) end
  list[#list + 1] = module("nn.MaxPool1d", { size, stride })
end

local function average_pool(list, length, size, stride, padding)
  local _, left, right = core.window(length, size, stride, 1, padding)
  if left == right and left <= size // 2 then -- more padding is an error there
    list[#list + 1] = module("nn.AvgPool1d", { size, stride },
      given(option("padding", left, 0), left > 0 and "count_include_pad=False" or nil))
  else
    list[#list + 1] = module("AvgPool", { size, stride, left, right })
  end
end

local function window_pool(pool)
  return function(layer, _, _, shape)
    local list, options = {}, layer.options
    pool(list, shape[2], options.size, options.stride, options.padding)
    return list
  end
end

writers.MaxPool1d, writers.AvgPool1d = window_pool(max_pool), window_pool(average_pool)

function writers.BlurPool1d(layer, _, _, shape)
  local list, options, length = {}, layer.options, shape[2]
  if options.size > 1 then max_pool(list, length, options.size, 1, "same") end
  for _ = 1, options.blur - 2 do average_pool(list, length, 2, 1, "same") end
  average_pool(list, length, 2, options.stride, "same")
  return list
end

local function global_pool(name)
  return function() return { module(name, { 1 }), module("nn.Flatten") } end
end

writers.GlobalAvgPool1d = global_pool "nn.AdaptiveAvgPool1d"
writers.GlobalMaxPool1d = global_pool "nn.AdaptiveMaxPool1d"

-- ---- layers without weights ----

function writers.Flatten(_, order, _, shape)
  local list = { module "nn.Flatten" }
  if #shape < 3 or shape[2] == 1 or shape[3] == 1 then return list, order end
  order = {}
  for c = 1, shape[3] do
    for t = 1, shape[2] do order[#order + 1] = (t - 1) * shape[3] + c end
  end
  return list, order
end

function writers.Dropout(layer, order) return { module("nn.Dropout", { layer.options.rate }) }, order end

function writers.ChannelDropout(layer) return { module("nn.Dropout1d", { layer.options.rate }) } end

function writers.Position() return { module "Position" } end

function writers.Activation(layer, order, place)
  return activate({}, layer.options.name, layer.options.alpha, place), order
end

local function activation_layer(name)
  return function(layer, order, place) return activate({}, name, layer.options.alpha, place), order end
end

for _, row in ipairs(elementwise) do
  if row.layer then writers[row.layer] = activation_layer(row[1]) end
end
writers.Softmax, writers.LogSoftmax = activation_layer "softmax", activation_layer "log_softmax"

return writers
