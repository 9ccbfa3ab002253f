--- MultiHeadAttention as nodes of ONNX: see moonbow.exchange.layers.
local core = require "moonbow.core"

local writers = {}

-- (L, L): what a row, a point, adds to its products with all points: 0, but -infinity for the points behind it.
local function mask(length)
  local places = core.arange(1, 1, length)
  return core.log(core.ge(core.reshape(places, length, 1), core.reshape(places, 1, length)))
end

-- Queries, keys and values of all heads are side by side in one product; heads become a dimension before the points.
function writers.MultiHeadAttention(graph, layer, x)
  x = graph:channels_last(x)
  local L, C, heads = x.length, x.channels, layer.options.heads
  local function dense(value, weight, bias)
    return graph:affine(value, graph:weight(weight, layer[weight]), layer[bias] and graph:weight(bias, layer[bias]),
      core.size(layer[weight], 2))
  end
  local all = dense(x, "weight", "bias")
  local function of_heads(i, perm)
    local part = graph:slice(all.name, (i - 1) * C + 1, i * C)
    local apart = graph:node("Reshape", { part, graph:integers("heads", { 0, L, heads, C // heads }) }) -- 0: as it is
    return graph:node("Transpose", { apart }, { perm = perm })
  end
  local queries, keys, values = of_heads(1, { 0, 2, 1, 3 }), of_heads(2, { 0, 2, 3, 1 }), of_heads(3, { 0, 2, 1, 3 })
  local scaled = graph:node("Mul", { queries, graph:number("scale", (C // heads) ^ -0.5) })
  local products = graph:node("MatMul", { scaled, keys })
  if layer.options.causal then -- one mask for all layers of a length
    local hidden = graph:weights(("mask_%d"):format(L), graph, function() return mask(L) end)
    products = graph:node("Add", { products, hidden })
  end
  local shares = graph:node("Softmax", { products }, { axis = -1 })
  local mixed = graph:node("Transpose", { graph:node("MatMul", { shares, values }) }, { perm = { 0, 2, 1, 3 } })
  local y = graph:node("Reshape", { mixed, graph:integers("shape", { 0, L, C }) })
  return dense(graph:like(x, { name = y }), "output_weight", "output_bias")
end

return writers
