--- Transposed convolutions and Resize of ONNX.
local core = require "moonbow.core"
local check = require "moonbow.check"
local inputs = require "moonbow.exchange.import.inputs"
local layer_inputs = require "moonbow.nn.inputs"
local values = require "moonbow.exchange.import.values"
local windows = require "moonbow.exchange.import.windows"

local fail, show, data = inputs.fail, inputs.show, inputs.data
local constant, vector = inputs.constant, inputs.vector

local upsampling = { operators = {} }

local function checked_length(length)
  if length < 1 or length > layer_inputs.most then fail("%.0f points", length) end
  return length
end

-- ---- transposed convolutions ----

-- The padding of moonbow that cuts left and right points off; nil if right is below 0, and no padding adds points.
local function padding_of(length, w, left, right)
  if left == 0 and right == 0 then return "valid" end
  local out = (length - 1) * w.stride + (w.size - 1) * w.dilation + 1 - left - right
  if out == length * w.stride then
    local _, same_left = core.window(out, w.size, w.stride, w.dilation, "same")
    if same_left == left then return "same" end
  end
  return right >= 0 and { left, right } or nil
end

-- Adds the layer of a transposed convolution that cuts left and right points off; parts: { w, filters, tensors }.
local function transposed(import, node, x, parts, left, right, tags)
  local w = parts.w
  local length = checked_length((x.length - 1) * w.stride + (w.size - 1) * w.dilation + 1 - left - right)
  local padding = padding_of(x.length, w, left, right) or fail("output_padding beyond the padding of %d points",
    w.right)
  local y = import:layer(node, "Conv1dTranspose", { filters = parts.filters, kernel = w.size, stride = w.stride,
    dilation = w.dilation, padding = padding, bias = parts.tensors.bias ~= nil }, parts.tensors, x,
    { tags = tags, length = length, channels = parts.filters })
  import.steps[y.step].transposed = { x = x, parts = parts, left = left, right = right }
  return y
end

function upsampling.operators.ConvTranspose(import, node, x, weight, bias)
  local place, attributes, dims = values.spatial(data(x)), node.attributes, weight.dims
  constant(weight, "the filters")
  if #dims ~= #x.tags then fail("filters of shape %s over %s", check.show_shape(dims), show(x)) end
  if (attributes.group or 1) ~= 1 then fail("a transposed convolution in %d groups", attributes.group) end
  if dims[1] ~= x.channels then fail("its input has %d channels, its filters expect %d", x.channels, dims[1]) end
  if attributes.output_shape then fail("an output_shape; expected pads") end
  if (attributes.auto_pad or "NOTSET") ~= "NOTSET" then fail("auto_pad %s", check.show(attributes.auto_pad)) end
  local w = windows.read(attributes, place, x, { table.unpack(dims, 3) })
  local more = (attributes.output_padding or {})[place] or 0
  if math.type(more) ~= "integer" or more < 0 or more >= math.max(w.stride, w.dilation) then
    fail("output_padding %s with the stride %d", check.show(more), w.stride)
  end
  -- (in, out, kernel) to (kernel, out, in)
  local filters = core.transpose(core.reshape(weight.tensor, dims[1], dims[2], w.size), 1, 3)
  local tags = { table.unpack(x.tags) }
  tags[2], tags[2 + place] = "C", "L"
  return transposed(import, node, x, { w = w, filters = dims[2],
    tensors = { weight = filters, bias = bias and vector(bias, "the bias", dims[2]) } }, w.left, w.right - more, tags)
end

--- Points from one on, counted from 0, up to another one, of the output of a transposed convolution.
function upsampling.cut(import, node, x, from, to)
  local whole = import.steps[x.step].transposed or fail("a part of the points")
  return transposed(import, node, whole.x, whole.parts, whole.left + from, whole.right + x.length - to, x.tags)
end

-- ---- Resize ----

-- The factor along the length; raises if another dimension changes.
local function factor_of(x, scales, sizes, axes)
  local list = scales and core.totable(core.reshape(constant(scales, "the scales"), -1)) or sizes
  local factor, place = 1, values.find(x, "L")
  for i, given in ipairs(list) do
    local at = values.dimension(axes and axes[i] or i - 1, #x.tags)
    local size = values.size(x, at)
    local scale = scales and given or given == size and 1 or at == 1 and given == x.batch and 1
      or math.type(given) == "integer" and size ~= "batch" and given / size
    if not scale or at ~= place and scale ~= 1 then fail("another size of the dimension %s", x.tags[at]) end
    if at == place then factor = scale end
  end
  if factor < 1 or factor ~= factor // 1 then fail("%s points for each", check.show(factor)) end
  if not axes and #list ~= #x.tags then fail("scales of %d dimensions", #list) end
  checked_length(x.length * factor)
  return factor // 1 | 0
end

local halves = { half_pixel = true, pytorch_half_pixel = true, half_pixel_symmetric = true }

-- The mode of moonbow that takes the same points. Before opset 11, points begin where they do in "asymmetric".
local function mode_of(attributes, opset)
  local mode = attributes.mode or "nearest"
  local places = attributes.coordinate_transformation_mode or opset < 11 and "asymmetric" or "half_pixel"
  local rounding = attributes.nearest_mode or opset < 11 and "floor" or "round_prefer_floor"
  if mode == "linear" and halves[places] then return "linear" end
  local is_nearest = places == "asymmetric" and rounding == "floor"
    or halves[places] and (rounding == "round_prefer_floor" or rounding == "round_prefer_ceil")
  if mode == "nearest" and is_nearest then return "nearest" end
  fail("the mode %s with the places %s%s", mode, places, mode == "nearest" and " and " .. rounding or "")
end

local function resize(import, node, x, scales, sizes)
  values.spatial(data(x))
  if scales and scales.tensor == nil and scales.dims and scales.dims[1] == 0 then scales = nil end -- left out
  if not scales and not sizes then fail("its scales are not known") end
  local factor = factor_of(x, scales, sizes, node.attributes.axes)
  if factor == 1 then return x end
  return import:layer(node, "Upsample1d", { factor = factor, mode = mode_of(node.attributes, import.opset) }, {}, x,
    { length = x.length * factor })
end

function upsampling.operators.Resize(import, node, x, ...)
  local _, scales, sizes = ...
  if import.opset < 11 then scales, sizes = ..., nil end
  return resize(import, node, x, scales, sizes and sizes.integers)
end

function upsampling.operators.Upsample(import, node, x, scales) return resize(import, node, x, scales) end

return upsampling
