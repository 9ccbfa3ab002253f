--- Checks of what layers get, and shapes that several of them make.
local core = require "moonbow.core"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"

local inputs = {}

--- Raises unless a shape, with the batch first, has rank dimensions.
function inputs.check_shape(layer, shape, rank)
  if #shape ~= rank then
    check.fail(layer.type, "input: expected %d dimensions, got shape %s", rank, check.show_shape(shape))
  end
end

--- Raises unless x has rank dimensions.
function inputs.check_rank(layer, x, rank)
  if core.rank(x) ~= rank then inputs.check_shape(layer, core.shape(x), rank) end
end

--- Raises unless the last dimension of an input equals the one that the weights expect. what: its name in the message.
function inputs.check_channels(layer, channels, expected, what)
  if channels ~= expected then
    check.fail(layer.type, "input has %d %s, weights expect %d", channels, what, expected)
  end
end

local MOST = (1 << 31) - 1 -- of a dimension; kernels count no further
inputs.most = MOST

--- Raises unless a shape that a layer makes has a size that fits into memory and mb.limits.elements.
function inputs.check_sizes(layer, shape)
  local count = 1.0
  for _, size in ipairs(shape) do
    if size > MOST then check.fail(layer.type, "the output would have a dimension of %.0f", size) end
    count = count * size
  end
  if count > limits.elements then
    check.fail(layer.type, "the output would have %.3g elements, more than mb.limits.elements", count)
  end
end

--- The output_shape of layers that leave the shape as it is.
function inputs.same_shape(_, shape) return shape end

--- The number of windows along a length. Raises, as the layer, if they do not fit.
function inputs.count_windows(layer, length, size, stride, dilation, padding)
  local ok, result = pcall(core.window, length, size, stride, dilation, padding)
  if not ok then check.fail(layer.type, "%s", result:match "window: (.*)" or result) end
  return result
end

return inputs
