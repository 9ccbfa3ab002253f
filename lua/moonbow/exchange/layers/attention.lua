--- MultiHeadAttention as nodes of ONNX: see moonbow.exchange.layers.
local core = require "moonbow.core"

local writers = {}

-- Queries, keys and values of all heads are side by side in one product; heads become a dimension before the points.
function writers.MultiHeadAttention(graph, layer, x, where)
  if layer.options.causal then graph.refuse(where, "causal attention is not exported") end
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
  local shares = graph:node("Softmax", { graph:node("MatMul", { scaled, keys }) }, { axis = -1 })
  local mixed = graph:node("Transpose", { graph:node("MatMul", { shares, values }) }, { perm = { 0, 2, 1, 3 } })
  local y = graph:node("Reshape", { mixed, graph:integers("shape", { 0, L, C }) })
  return dense(graph:like(x, { name = y }), "output_weight", "output_bias")
end

return writers
