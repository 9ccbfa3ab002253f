--- Random graphs of two inputs and two outputs, seeded, with branches that cross.
local mb = require "moonbow"
local nn = mb.nn

local rng -- of the graph that is being made

local function int(low, high) return rng:integers(low, high + 1) // 1 | 0 end
local function pick(list) return list[int(1, #list)] end

local function conv(filters) return nn.Conv1d { filters = filters, kernel = int(1, 4), padding = "same" } end

-- Layers on maps that keep the length; each ends with the same number of filters.
local on_maps = {
  function(filters) return nn.Sequential { conv(filters), nn.BatchNorm1d {}, nn.ReLU {} } end,
  function(filters) return nn.GRU { units = filters, return_sequences = true } end,
  function(filters) return nn.LSTM { units = filters // 2, return_sequences = true, bidirectional = true } end,
  function(filters)
    return nn.Sequential { nn.Dense { units = filters }, nn.Residual { nn.MultiHeadAttention { heads = 2 } } }
  end,
  function(filters) return nn.Sequential { conv(filters), nn.SqueezeExcite { ratio = 2 } } end,
  function(filters)
    return nn.Sequential { nn.MaxPool1d { size = 2, padding = "same" },
      nn.Conv1dTranspose { filters = filters, kernel = int(1, 4), stride = 2, padding = "same" } }
  end,
}

--- Makes a graph of a seed, built and in evaluation mode, and its inputs by name.
return function(seed, batch)
  rng = mb.rng(seed)
  local filters, shapes = 2 * int(1, 2), { spectrum = { 2 * int(4, 9), int(1, 2) }, conditions = { int(1, 4) } }
  local graph = nn.Graph {
    inputs = { "spectrum", "conditions" }, outputs = { "class", "strain" },
    { name = "a", from = "spectrum", pick(on_maps)(filters) },
    { name = "b", from = "spectrum", pick(on_maps)(filters) },
    { name = "sum", from = { "a", "b" }, join = pick { "add", "multiply" } },
    { name = "c", from = { "sum", "a" }, join = "concat", pick(on_maps)(filters) },
    { name = "crossed", from = { "c", "b" }, join = pick { "add", "multiply" } },
    { name = "means", from = "crossed", nn.GlobalAvgPool1d {} },
    { name = "most", from = "crossed", nn.Sequential { conv(2), nn.GlobalMaxPool1d {} } },
    { name = "both", from = { "means", "conditions", "most" } },
    { name = "class", from = "both", nn.Dense { units = 3, activation = "softmax" } },
    { name = "strain", from = { "both", "class" }, nn.Dense { units = 1 } },
  }
  graph:build(shapes, rng)
  local x = {}
  for _, name in ipairs(graph.inputs) do x[name] = rng:normal(0, 1, batch, table.unpack(shapes[name])) end
  return graph:eval(), x
end
