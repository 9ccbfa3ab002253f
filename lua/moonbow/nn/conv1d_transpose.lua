--- Conv1dTranspose: the way back from a convolution with a stride, to more points.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local activations = require "moonbow.nn.activations"
local affine = require "moonbow.nn.affine"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"
local windows = require "moonbow.windows"

local layers = {}

local function span_of(options) return (options.kernel - 1) * options.dilation + 1 end

-- The length of the output: the input of a convolution whose output has `length` points.
local function length_after(layer, length)
  local options, padding = layer.options, layer.options.padding
  if padding == "same" then return length * options.stride end
  local cut = type(padding) == "table" and padding[1] + padding[2] or padding == "valid" and 0 or 2 * padding
  local result = (length - 1) * options.stride + span_of(options) - cut
  if result < 1 then
    check.fail(layer.type, "padding cuts off %d points, but the output has only %d", cut, result + cut)
  end
  return result
end

local options = windows.conv1d {
  filters = check.required "positive integer", kernel = check.required "positive integer",
}
options.groups = nil

--- Transposed convolution along L: (N, L, C) to (N, L', filters), the gradient of a Conv1d with the same options with
-- respect to its input. Each point adds a copy of the filters, stride points apart. The weight is (kernel, filters, C),
-- as in Keras. Raises if C is not that of the weight. Source: Dumoulin and Visin 2016, arXiv 1603.07285.
-- @option filters the channels of the output
-- @option kernel points of a filter
-- @option stride points between the copies of two neighbouring points
-- @option dilation points between two points of a filter
-- @option padding what is cut off the ends: "valid" (nothing; L' is (L - 1) stride + the span of the kernel), "same"
--   (L' is L stride), a number of points on both sides, or { left, right }
-- @option bias true: adds one to each channel
-- @option activation behind the layer: a name of mb.nn.activations, or a function of a tensor; none unless given
-- @option initializer of the weight: a name of mb.nn.initializers, a number, or a function(rng, shape, fan_in, fan_out)
--   that returns a tensor
-- @option bias_initializer of the bias, likewise
-- @return layer
-- @usage local layer = nn.Conv1dTranspose { filters = 16, kernel = 4, stride = 2, padding = "same" }
layers.Conv1dTranspose = Layer.class("Conv1dTranspose", affine.options(options), {
  make = function(layer, shape, rng)
    local kernel, filters, channels = layer.options.kernel, layer.options.filters, shape[3]
    affine.make(layer, rng, { kernel, filters, channels }, kernel * channels, kernel * filters, filters)
  end,
  forward = function(layer, x)
    inputs.check_map(layer, x, core.size(layer.weight, 3))
    local given = layer.options
    local y = ops.conv1d_transpose(x, layer.weight, length_after(layer, core.size(x, 2)), given.stride, given.dilation,
      given.padding)
    return activations.apply(layer.activate, layer.bias and ops.add(y, layer.bias) or y)
  end,
  output_shape = function(layer, shape)
    inputs.check_shape(layer, shape, 3)
    if layer.made then inputs.check_channels(layer, shape[3], core.size(layer.weight, 3), "channels") end
    return activations.shape_after(layer, { shape[1], length_after(layer, shape[2]), layer.options.filters })
  end,
  upsampling = function(layer, input)
    local given, span = layer.options, span_of(layer.options)
    local _, cut = core.window(length_after(layer, input[2]), given.kernel, given.stride, given.dilation, given.padding)
    return -(-span // given.stride), given.stride, (cut - (span - 1) / 2) / given.stride
  end,
  macs = function(layer, input) return input[2] * core.count(layer.weight) end,
}, function(layer, given)
  windows.check_padding(layer.type, given.padding, { "valid", "same" })
  affine.read(layer, given)
end)

return layers
