-- What moonbow itself costs where the numbers are few: operations on 10 elements, and a training step of a
-- three-layer network at length 200, batch 16.
--   lua bench/overhead.lua
local mb = require "moonbow"
local uv = require "luv"
local nn = mb.nn

-- The best of five rounds of about 50 ms, in microseconds a call.
local function microseconds(f)
  local count, best = 1, math.huge
  local function round()
    local begin = uv.hrtime()
    for _ = 1, count do f() end
    return (uv.hrtime() - begin) / 1e3
  end
  while round() < 5e4 do count = count * 2 end
  for _ = 1, 5 do best = math.min(best, round() / count) end
  return best
end

local function report(name, f) print(("%-28s %8.2f us"):format(name, microseconds(f))) end

mb.seed(1)
local x, y, w = mb.randn(10), mb.randn(10), mb.randn(10):param()
report("x + y", function() return x + y end)
report("x * 2", function() return x * 2 end)
report("x:relu()", function() return x:relu() end)
report("w + y, recorded", function() return w + y end)
report("w * 2, recorded", function() return w * 2 end)
report("w:relu(), recorded", function() return w:relu() end)
report("(w * y):sum():backward()", function()
  (w * y):sum():backward()
  w.grad = nil
end)

local model = nn.Sequential {
  nn.Conv1d { filters = 16, kernel = 5, activation = "relu" }, nn.MaxPool1d { size = 2 },
  nn.Conv1d { filters = 32, kernel = 5, activation = "relu" }, nn.MaxPool1d { size = 2 },
  nn.Conv1d { filters = 32, kernel = 3, activation = "relu" }, nn.Flatten {}, nn.Dense { units = 10 },
}
model:build { 200, 1 }
local input, labels = mb.randn(16, 200, 1), mb.rng(1):integers(1, 10, { endpoint = true, shape = { 16 } })
local optimizer, parameters = mb.optim.Adam {}, model:parameters()
model:train()
report("step of a small CNN", function()
  local output = model(input)
  local loss = output:cross_entropy(labels)
  loss:backward()
  optimizer:step(parameters)
  loss:close()
  output:close()
end)
model:eval()
report("its inference", function() mb.no_grad(function() model(input):close() end) end)

local STEPS = 100
local labels_of_all = mb.rng(1):integers(1, 10, { endpoint = true, shape = { 16 * STEPS } })
local set = { x = mb.randn(16 * STEPS, 200, 1), y = labels_of_all }
local begin = uv.hrtime()
mb.fit(model, set, { epochs = 1, batch_size = 16, verbose = false })
print(("%-28s %8.2f us"):format("a batch of mb.fit", (uv.hrtime() - begin) / 1e3 / STEPS))
