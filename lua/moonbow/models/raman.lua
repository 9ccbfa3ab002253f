--- Networks for Raman spectra that are not in the published benchmark, after the code of their authors.
local core = require "moonbow.core"
local nn = require "moonbow.nn"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local affine = require "moonbow.nn.affine"
local containers = require "moonbow.nn.parts"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"
local parts = require "moonbow.models.parts"

local models = {}

-- ---- a dense layer for each window ----

-- The number of windows of a length: as in the code of RamanNet, none ends on the last point.
local function count_windows(layer, length)
  local options = layer.options
  if length <= options.kernel then
    check.fail(layer.type, "expected a length of more than %d, that of a window, got %d", options.kernel, length)
  end
  return (length - options.kernel - 1) // options.stride + 1
end

-- Raises unless the weights fit to a shape.
local function check_made(layer, shape)
  inputs.check_shape(layer, shape, 3)
  inputs.check_channels(layer, shape[3], core.size(layer.weight, 2) // layer.options.kernel, "channels")
  inputs.check_channels(layer, count_windows(layer, shape[2]), layer.windows, "windows")
end

local options_of_windows = affine.options {
  filters = check.required "positive integer", kernel = check.required "positive integer",
  stride = check.required "positive integer",
}
options_of_windows.activation = nil

-- A dense layer for each window along L, none of which shares its weights: (N, L, C) to (N, windows, filters). The
-- weight is (1, kernel C, windows filters), that of a convolution of one point whose groups are the windows.
local LocallyConnected1d = Layer.class("LocallyConnected1d", options_of_windows, {
  make = function(layer, shape, rng)
    local filters, fan_in = layer.options.filters, layer.options.kernel * shape[3]
    layer.windows = count_windows(layer, shape[2])
    affine.make(layer, rng, { 1, fan_in, layer.windows * filters }, fan_in, filters)
    layer.points = {}
    for i = 0, layer.windows - 1 do
      for j = 1, layer.options.kernel do layer.points[#layer.points + 1] = i * layer.options.stride + j end
    end
  end,
  forward = function(layer, x)
    check_made(layer, core.shape(x))
    local n, windows = core.size(x, 1), layer.windows
    local rows = ops.reshape(ops.take(x, 2, layer.points), n, 1, windows * core.size(layer.weight, 2))
    return ops.reshape(ops.conv1d(rows, layer.weight, layer.bias, 1, 1, 0, windows), n, windows, layer.options.filters)
  end,
  output_shape = function(layer, shape)
    inputs.check_shape(layer, shape, 3)
    if layer.made then check_made(layer, shape) end
    return { shape[1], count_windows(layer, shape[2]), layer.options.filters }
  end,
  macs = function(layer) return core.count(layer.weight) end,
}, affine.read)

local ramannet_rules = {
  classes = check.required "positive integer", length = check.optional "positive integer",
  window = check.default(50, "positive integer"), step = check.default(25, "positive integer"),
  features = check.default(25, "positive integer"), units = check.default({ 512, 256 }, "table"),
  dropout = check.default({ 0.5, 0.4, 0.25 }, "table"),
  momentum = check.default(0.99, "fraction"), epsilon = check.default(1e-3, "non-negative real"),
}

local function check_lists(name, options)
  parts.check_list(name, "units", options.units, "positive integer")
  parts.check_list(name, "dropout", options.dropout, "fraction below 1")
  if #options.dropout ~= #options.units + 1 then
    check.fail(name, "dropout: expected %d entries, one before each hidden layer and one before the output, got %d",
      #options.units + 1, #options.dropout)
  end
end

--- RamanNet of Ibtehaz et al. 2023 (Neural Comput. Appl. 35:18719; arXiv 2201.09737), after its published code. Each
-- window of 50 points, 25 after the one before, has a dense layer of its own with 25 units, so that no weight is shared
-- between positions; hidden layers of 512 and 256 units follow. Batch norm and a leaky ReLU with slope 0.3 stand behind
-- each of these; dropout of 0.5, 0.4 and 0.25 before the hidden layers and the output. The last window ends before the
-- last point, as in the code. At 1000 points and 30 classes it has 677,836 weights.
--
-- The authors train the 256 units, scaled to length 1, with a triplet loss of the same weight as the cross-entropy,
-- which is left out here, Adam at 1e-3, batches of 256, the rate times 0.9 after 10 epochs without a lower validation
-- loss. Files of Keras and PyTorch cannot hold the first layer.
-- @option classes the number of outputs
-- @option length points of the spectra for which the model is built at once, with weights from the default generator
--   (mb.seed); otherwise its first use builds it, mb.fit with weights from its seed
-- @option window points of a window
-- @option step points between two windows
-- @option features units of the dense layer of each window
-- @option units a list: the hidden dense layers
-- @option dropout a list: the rates before each hidden dense layer and before the output
-- @option momentum of the batch norm; Keras' default, as published
-- @option epsilon of the batch norm; Keras' default, as published
-- @see models
-- @return layer
-- @usage local model = mb.models.ibtehaz2023_ramannet { classes = 2, length = 1000 }
function models.ibtehaz2023_ramannet(given)
  local name = "ibtehaz2023_ramannet"
  local options = check.options(name, given, ramannet_rules)
  check_lists(name, options)
  local layers = { LocallyConnected1d { filters = options.features, kernel = options.window, stride = options.step },
    nn.Flatten {} }
  local function append_norm()
    parts.append(layers, nn.BatchNorm1d { momentum = options.momentum, epsilon = options.epsilon,
      activation = "leaky_relu", alpha = 0.3 })
  end
  local function drop(rate)
    if rate > 0 then parts.append(layers, nn.Dropout { rate = rate }) end
  end
  append_norm()
  for i, units in ipairs(options.units) do
    drop(options.dropout[i])
    parts.append(layers, nn.Dense { units = units })
    append_norm()
  end
  drop(options.dropout[#options.dropout])
  parts.append(layers, nn.Dense { units = options.classes })
  return parts.finish(layers, options, name)
end

check.takes(models.ibtehaz2023_ramannet, 1, ramannet_rules)

-- ---- filters of several lengths, weighted by what they find ----

-- Maps times a number of each channel and spectrum: entry 1 makes the maps (N, L, C), entry 2 the numbers (N, C).
local function check_gate(maps, gate)
  if #maps ~= 3 or #gate ~= 2 or gate[2] ~= maps[3] then
    check.fail("Gated", "expected maps (N, L, C) and numbers (N, C), got %s and %s", check.show_shape(maps),
      check.show_shape(gate))
  end
end

local Gated = containers.container("Gated", {}, {
  most_parts = 2, joins = "multiply",
  forward = function(layer, x)
    local maps, gate = containers.call(layer, 1, x), containers.call(layer, 2, x)
    check_gate(core.shape(maps), core.shape(gate))
    local y = ops.mul(maps, ops.reshape(gate, core.size(gate, 1), 1, core.size(gate, 2)))
    core.drop(maps, x, y)
    return y
  end,
  output_shape = function(layer, shape, infer)
    local maps = containers.shape_after(layer, 1, shape, infer)
    check_gate(maps, containers.shape_after(layer, 2, shape, infer))
    return maps
  end,
})

local function convolution(options, filters, kernel, stride, activation)
  return nn.Conv1d { filters = filters, kernel = kernel, stride = stride, padding = kernel // 2, bias = false },
    nn.BatchNorm1d { momentum = options.momentum, epsilon = options.epsilon, activation = activation }
end

local LONGEST, REDUCTION = 13, 16

local function append_block(layers, options, filters)
  local branches = {}
  for kernel = 3, LONGEST, 2 do
    branches[#branches + 1] = nn.Sequential { convolution(options, filters, kernel, 2) }
  end
  parts.append(layers, nn.Concat(branches), Gated {
    nn.Sequential { convolution(options, filters, 1, 1) },
    nn.Sequential { nn.GlobalAvgPool1d {},
      nn.Dense { units = math.max(1, #branches * filters // REDUCTION), activation = "relu" },
      nn.Dense { units = filters, activation = "sigmoid" } },
  }, nn.ReLU {})
end

local sanet_rules = parts.rules({
  filters = check.default({ 16, 32, 64, 128, 192 }, "table"), last_filters = check.default(32, "positive integer"),
  dropout = 0.5,
}, { "norm", "head" })

--- SANet of Deng et al. 2022 (IEEE J. Biomed. Health Inform. 26:369), after its published code, for 1000 points scaled
-- to 0 .. 1. In each of five blocks, six convolutions with stride 2 and 3, 5, ... 13 points stand side by side, each
-- with batch norm; a convolution of one point mixes their maps to 16, 32, 64, 128, 192 channels, which two dense layers
-- weight by the means of all maps, as in a SqueezeExcite. A convolution of one point to 32 channels, batch norm and
-- dropout 0.5 precede the output, to which all positions go. At 1000 points and 30 classes it has 2,245,744 weights.
--
-- Published weights begin as PyTorch's, here as Keras'; the batch norm is PyTorch's with momentum 0.01, that is 0.99
-- here. The authors train with SGD (momentum 0.9, rate 1e-3, decay 1e-5) in batches of 64, the rate times 0.3 after 5
-- epochs without a better validation accuracy. Files of Keras and PyTorch cannot hold the weighted maps.
-- @option filters a list: the channels of each block
-- @option last_filters of the convolution before the head
-- @see models
-- @return layer
-- @usage local model = mb.models.deng2022_sanet { classes = 2, length = 1000 }
function models.deng2022_sanet(given)
  local name = "deng2022_sanet"
  local options, layers = parts.options(name, given, sanet_rules), {}
  parts.check_list(name, "filters", options.filters, "positive integer")
  for _, filters in ipairs(options.filters) do append_block(layers, options, filters) end
  parts.append(layers, convolution(options, options.last_filters, 1, 1))
  parts.append_head(layers, options, name)
  return parts.finish(layers, options, name)
end

check.takes(models.deng2022_sanet, 1, sanet_rules)

return models
