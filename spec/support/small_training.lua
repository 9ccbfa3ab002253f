--- A small set of two classes, a network for it, and a short training, for specs of what mb.fit can do.
local mb = require "moonbow"
local nn = mb.nn

local small_training = {}

function small_training.set_of(n, seed)
  local rng = mb.rng(seed or 1)
  local x, y = rng:normal(0, 1, n, 12, 1), {}
  for i = 1, n do y[i] = x[i][3][1] + x[i][8][1] > 0 and 2 or 1 end
  return { x = x, y = y }
end

function small_training.network()
  return nn.Sequential { nn.Conv1d { filters = 3, kernel = 3, activation = "relu" }, nn.Flatten {},
    nn.Dense { units = 2 } }
end

function small_training.fit(model, set, options)
  options.verbose = false
  options.epochs = options.epochs or 3
  return mb.fit(model, set, options)
end

return small_training
