-- Training steps of published networks (forward, backward, Adam) at length 5000, beside the rate of this
-- machine's own matrix product, measured in the same run.
--   lua bench/training_step.lua [NETWORK...]    default: lee2020_cnn3
local mb = require "moonbow"
local uv = require "luv"

local BATCH, LENGTH, CLASSES, ROUNDS = 128, 5000, 500, 3

local function seconds(f)
  local best = math.huge
  for _ = 1, ROUNDS do
    local begin = uv.hrtime()
    f()
    best = math.min(best, (uv.hrtime() - begin) / 1e9)
  end
  return best
end

local function product_rate()
  local n = 3000
  local a, b = mb.rand(n, n), mb.rand(n, n)
  return 2 * n ^ 3 / seconds(function() a:matmul(b):close() end) / 1e9
end

local function multiply_adds(model)
  local sum = 0
  for _, step in ipairs(model:trace { LENGTH, 1 }) do
    if step.layer.macs then sum = sum + step.layer:macs(step.input, step.output) end
  end
  return sum
end

mb.seed(1)
local x, y = mb.rand(BATCH, LENGTH, 1), mb.rng(1):integers(1, CLASSES, { endpoint = true, shape = { BATCH } })
local names = #arg > 0 and arg or { "lee2020_cnn3" }
local cpu = io.open "/proc/cpuinfo"
print(("%s, %d threads, batch %d, length %d"):format(
  cpu and cpu:read("a"):match "model name%s*:%s*([^\n]+)" or "unknown processor", mb.threads(), BATCH, LENGTH))
for _, name in ipairs(names) do
  local model = mb.models[name] { classes = CLASSES, length = LENGTH }
  local optimizer, parameters = mb.optim.Adam { lr = 3e-4 }, model:parameters()
  model:train()
  local function step()
    local output = model(x)
    local loss = output:cross_entropy(y)
    loss:backward()
    optimizer:step(parameters)
    loss:close()
    output:close()
  end
  step()
  local time = seconds(step)
  -- The gradients of weights and of inputs cost as much as the forward pass each; nobody needs the
  -- gradient of the spectra, but it is counted, as everywhere in the literature.
  local rate, product = 6 * multiply_adds(model) * BATCH / time / 1e9, product_rate()
  print(("%-16s %7.1f samples/s  %6.1f GFLOP/s  sgemm %6.1f GFLOP/s  ratio %.2f"):format(name,
    BATCH / time, rate, product, rate / product))
end
