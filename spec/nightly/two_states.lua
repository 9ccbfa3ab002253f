-- The program of each of two Lua states, in two threads at the same time; the argument is the number of the state. Each
-- keeps its own number of threads and convolution algorithm, and its results equal those of a state that is alone.
local number = ...
local mb = require "moonbow"

local algorithm = number == 1 and "direct" or "fft"
mb.threads(number)
mb.convolution_algorithm(algorithm)
local x = mb.rng(1):normal(0, 1, 16, 400, 4)
local w = mb.rng(2):normal(0, 1, 9, 4, 16)
local first
for _ = 1, 20 do
  local sum = x:conv1d(w):max_pool1d { size = 2 }:sum():item()
  first = first or sum
  assert(sum == first, "another result")
  assert(mb.threads() == number, "another state's number of threads")
end

local y = {}
for i = 1, 16 do y[i] = i % 2 + 1 end
local model = mb.models.one_convolution { classes = 2, length = 400, kernel = 5 }
mb.fit(model, { x = mb.rng(3):normal(0, 1, 16, 400, 1), y = mb.tensor(y) }, { epochs = 3, batch_size = 4,
  verbose = false })
local flat = mb.rng(4):normal(0, 1, 40, 20)
local labels = mb.full(1, 40)
labels:narrow(1, 20):fill(2)
mb.forest.fit(flat, labels, { trees = 8 }):predict(flat)
