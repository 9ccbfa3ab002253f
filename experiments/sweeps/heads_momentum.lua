-- Heads and batch norm's momentum on the challenge set: is it the linear head, or the stale running statistics?
--
--     lua experiments/sweep.lua run experiments/sweeps/heads_momentum.lua [--quick]
local mb = require "moonbow"
local nn = mb.nn
local quick = (...).quick

local function network(config, classes)
  local layers = {}
  for _, filters in ipairs { 8, 16, 16 } do
    layers[#layers + 1] = nn.Conv1d { filters = filters, kernel = 9, stride = 2 }
    if config.norm == "batch" then layers[#layers + 1] = nn.BatchNorm1d { momentum = config.momentum } end
    layers[#layers + 1] = nn.ReLU {}
    layers[#layers + 1] = nn.MaxPool1d { size = 4 }
  end
  layers[#layers + 1] = nn.Flatten {}
  layers[#layers + 1] = nn.Dense { units = 64, activation = config.head }
  layers[#layers + 1] = nn.Dense { units = classes }
  return nn.Sequential(layers)
end

return {
  space = {
    head = { "linear", "relu" }, norm = { "none", "batch" },
    momentum = mb.sweep.when({ norm = "batch" }, { 0.9, 0.99 }),
  },
  objective = "accuracy",
  run = function(config, trial)
    local set = mb.data.challenge { train = quick and 8 or 20, validation = 4, seed = trial.seed, normalize = true }
    local model = network(config, #set.classes)
    mb.fit(model, set.train, { epochs = quick and 4 or 12, batch_size = 32, optimizer = mb.optim.Adam { lr = 1e-3 },
      seed = trial.seed, verbose = false })
    return { accuracy = mb.evaluate(model, set.test).accuracy }
  end,
}
