--- MultiHeadAttention: each point takes from all others what resembles it.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local check = require "moonbow.check"
local affine = require "moonbow.nn.affine"
local initializers = require "moonbow.nn.initializers"
local inputs = require "moonbow.nn.inputs"
local Layer = require "moonbow.nn.layer"

local layers = {}

local function check_shape(layer, shape)
  local heads = layer.options.heads
  inputs.check_shape(layer, shape, 3)
  if layer.made then inputs.check_channels(layer, shape[3], core.size(layer.weight, 1), "channels") end
  if shape[3] % heads ~= 0 then
    check.fail(layer.type, "heads: expected a divisor of the %d channels, got %d", shape[3], heads)
  end
  return shape
end

local known = affine.options { heads = check.required "positive integer", causal = false }
known.activation = nil

--- Self-attention of several heads: (N, L, C) to the same shape. Queries, keys and values are three dense layers of the
-- input; each head, of C / heads channels, gives each point the mean of the values of all points, weighted by the
-- softmax of query times key / sqrt(C / heads); a dense layer mixes the heads. It knows no order of points: put
-- nn.Position before it. Source: Vaswani et al. 2017, arXiv 1706.03762.
--
-- It costs 4 L C^2 + 2 L^2 C multiply-adds a spectrum; causal, L (L + 1) C in place of 2 L^2 C. The L^2 weights of a
-- head exist in blocks of rows only, so that memory grows with L: training keeps 4 L C numbers, and makes the weights
-- again for the gradient, which costs 5 L^2 C. Threads share samples and heads.
-- @option heads a divisor of C
-- @option causal true: a point takes from itself and the points before it alone
-- @option bias true: adds one behind each dense layer
-- @option initializer of the weights: a name of mb.nn.initializers, a number, or a function(rng, shape, fan_in,
--   fan_out) that returns a tensor
-- @option bias_initializer of the biases, likewise
-- @return layer
-- @usage local layer = nn.Residual { nn.Sequential { nn.LayerNorm {}, nn.MultiHeadAttention { heads = 4 } } }
layers.MultiHeadAttention = Layer.class("MultiHeadAttention", known, {
  make = function(layer, shape, rng)
    local options, channels = layer.options, shape[3]
    affine.make(layer, rng, { channels, 3 * channels }, channels, channels)
    layer:add_parameter("output_weight", options.initializer, rng, { channels, channels }, channels, channels)
    if options.bias then
      layer:add_parameter("output_bias", options.bias_initializer, rng, { channels }, channels, channels)
    end
  end,
  output_shape = check_shape, sees_all = true,
  forward = function(layer, x)
    inputs.check_map(layer, x, core.size(layer.weight, 1))
    local qkv = ops.dense(x, layer.weight, layer.bias)
    local mixed = ops.attention(qkv, layer.options.heads, layer.options.causal)
    core.drop(qkv)
    local y = ops.dense(mixed, layer.output_weight, layer.output_bias)
    core.drop(mixed)
    return y
  end,
  macs = function(layer, input)
    local length, channels = input[2], input[3]
    local pairs_of_points = layer.options.causal and length * (length + 1) // 2 or length * length
    return 4 * length * channels * channels + 2 * pairs_of_points * channels
  end,
}, function(layer, options)
  initializers.check(layer.type, "initializer", options.initializer)
  initializers.check(layer.type, "bias_initializer", options.bias_initializer)
end)

return layers
