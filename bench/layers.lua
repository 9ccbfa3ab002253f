-- Times layers beside PyTorch's, forward and backward, in alternating pairs.
--   lua bench/layers.lua [PYTHON] [--pairs N] [--threads N] [--only TEXT]     PYTHON has torch
package.path = (arg[0]:match "^(.*/)" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local argparse = require "argparse"
local time_pairs = require "support.pairs"

local nn = mb.nn
local parser = argparse("lua bench/layers.lua", "Times layers beside PyTorch's.")
parser:argument("python", "an interpreter with torch", "python3")
parser:option("--pairs", "how often each is timed", "7"):convert(tonumber)
parser:option("--threads", "threads of both", "1"):convert(math.tointeger)
parser:option("--only", "cases whose name has this text")
local args = parser:parse()
mb.threads(args.threads)

local cases = {}

-- Forward and backward of a layer on (batch, length, channels), and forward alone.
local function add(name, layer, batch, length, channels)
  if args.only and not name:find(args.only, 1, true) then return end
  local x = mb.rng(1):normal(0, 1, batch, length, channels)
  layer:build({ length, channels }, mb.rng(2))
  cases[#cases + 1] = { name .. ", inference", function() mb.no_grad(layer, x):close() end }
  local input = x:copy():param()
  cases[#cases + 1] = { name .. ", training", function()
    layer(input):sum():backward()
    input.grad = nil
    for _, entry in ipairs(layer:parameters()) do entry.value.grad = nil end
  end }
end

-- The same cases are in layers_peer.py.
for _, case in ipairs { { 64, 64, 64, 5 }, { 64, 64, 64, 15 }, { 64, 128, 64, 9 }, { 64, 64, 16, 9 }, { 64, 64, 8, 9 },
  { 128, 128, 8, 9 } } do
  local channels, filters, groups, kernel = table.unpack(case)
  add(("Conv1d %d to %d, %d groups, kernel %d"):format(channels, filters, groups, kernel),
    nn.Conv1d { filters = filters, kernel = kernel, groups = groups, padding = "same" }, 32, 1000, channels)
end

for _, kind in ipairs { "LSTM", "GRU" } do
  for _, case in ipairs { { 16, 64, 32, 250 }, { 64, 128, 64, 100 }, { 8, 32, 128, 200 } } do
    local channels, units, batch, length = table.unpack(case)
    add(("%s %d to %d, batch %d, %d points"):format(kind, channels, units, batch, length), nn[kind] { units = units },
      batch, length, channels)
  end
end

for _, case in ipairs { { 64, 4, 16, 250 }, { 64, 4, 8, 1000 }, { 128, 8, 32, 100 } } do
  local channels, heads, batch, length = table.unpack(case)
  add(("Attention %d channels, %d heads, batch %d, %d points"):format(channels, heads, batch, length),
    nn.MultiHeadAttention { heads = heads }, batch, length, channels)
end

time_pairs(cases, { python = args.python, script = "bench/layers_peer.py", pairs = args.pairs, threads = args.threads })
