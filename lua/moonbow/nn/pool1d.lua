--- Pooling along the length, over windows and over all of it.
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"
local windows = require "moonbow.windows"

local layers = {}

local function read_windows(_, options) options.stride = options.stride or options.size end

-- The shape that windows of a size make.
local function shape_after(layer, shape, size, padding)
  inputs.check_shape(layer, shape, 3)
  return { shape[1], inputs.count_windows(layer, shape[2], size, layer.options.stride, 1, padding), shape[3] }
end

local function window_pool(name, operation)
  return Layer.class(name, windows.pool1d { padding = windows.pool_padding }, {
    forward = function(layer, x)
      local options = layer.options
      inputs.check_rank(layer, x, 3)
      return operation(x, options.size, options.stride, options.padding)
    end,
    output_shape = function(layer, shape)
      return shape_after(layer, shape, layer.options.size, layer.options.padding)
    end,
  }, read_windows)
end

--- The largest value of each window along L: (N, L, C) to (N, L', C). Raises if no window fits.
-- @option size points of a window
-- @option stride points between two windows; the size unless given; a larger one leaves gaps
-- @option padding "valid": only whole windows; "same": L' is ceil(L / stride), and padded points never win
-- @return layer
layers.MaxPool1d = window_pool("MaxPool1d", ops.max_pool1d)

--- The mean of each window along L: (N, L, C) to (N, L', C). Raises if no window fits.
-- @option size points of a window
-- @option stride points between two windows; the size unless given; a larger one leaves gaps
-- @option padding "valid": only whole windows; "same": L' is ceil(L / stride), and padded points are not counted
-- @return layer
layers.AvgPool1d = window_pool("AvgPool1d", ops.avg_pool1d)

local MOST_TAPS = 100 -- each is a pass over the map

--- Anti-aliased max-pooling: the largest value of windows at every point, a binomial blur, then every stride-th point,
-- (N, L, C) to (N, ceil(L / stride), C). Source: Zhang 2019, arXiv 1904.11486.
-- @option size points of a window
-- @option stride points between two results; the size unless given
-- @option blur taps, 2 to 100: blur - 1 averages of neighbours, which together move the map by (blur - 1) / 2 points
-- @return layer
layers.BlurPool1d = Layer.class("BlurPool1d", windows.pool1d { blur = check.default(3, "positive integer") }, {
  forward = function(layer, x)
    local options = layer.options
    inputs.check_rank(layer, x, 3)
    if options.size > 1 then x = ops.max_pool1d(x, options.size, 1, "same") end
    for _ = 1, options.blur - 2 do x = ops.avg_pool1d(x, 2, 1, "same") end
    return ops.avg_pool1d(x, 2, options.stride, "same")
  end,
  output_shape = function(layer, shape) return shape_after(layer, shape, 2, "same") end,
}, function(layer, options)
  read_windows(layer, options)
  if options.blur < 2 or options.blur > MOST_TAPS then
    check.fail("BlurPool1d", "blur: expected an integer from 2 to %d, got %d", MOST_TAPS, options.blur)
  end
end)

local function global_pool(name, operation)
  return Layer.class(name, {}, {
    forward = function(layer, x)
      inputs.check_rank(layer, x, 3)
      return operation(x, 2)
    end,
    output_shape = function(layer, shape)
      inputs.check_shape(layer, shape, 3)
      return { shape[1], shape[3] }
    end,
  })
end

--- The mean over L: (N, L, C) to (N, C).
-- @return layer
layers.GlobalAvgPool1d = global_pool("GlobalAvgPool1d", ops.mean)

--- The largest value over L: (N, L, C) to (N, C).
-- @return layer
layers.GlobalMaxPool1d = global_pool("GlobalMaxPool1d", ops.max)

return layers
