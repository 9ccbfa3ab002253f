-- Pooling against depth on the border data: is it the pooling or the number of convolutions that loses a border peak?
-- The peaks are at most ten points from the border, on a background that is up to three times as high.
--
--     lua experiments/sweep.lua run experiments/sweeps/pooling_depth.lua [--quick]
local mb = require "moonbow"
local nn = mb.nn
local quick = (...).quick

local function network(pool, depth)
  local layers = {}
  for _ = 1, depth do
    layers[#layers + 1] = nn.Conv1d { filters = 16, kernel = 9, padding = "same", activation = "relu" }
    if pool > 1 then layers[#layers + 1] = nn.MaxPool1d { size = pool } end
  end
  layers[#layers + 1] = nn.Flatten {}
  layers[#layers + 1] = nn.Dense { units = 2 }
  return nn.Sequential(layers)
end

return {
  space = { pool = quick and { 1, 16 } or { 1, 2, 4, 8, 16 }, depth = { 1, 2 } },
  objective = "accuracy",
  run = function(config, trial)
    local set = mb.data.border_peaks { n = 300, first = 990, last = 1010, crop = 320, height = { 0.2, 1 },
      background = 2, seed = trial.seed }
    local model = network(config.pool, config.depth)
    mb.fit(model, set.train, {
      epochs = 12, batch_size = 32, optimizer = mb.optim.Adam { lr = 1e-3 }, seed = trial.seed,
      verbose = false, validation = set.validation,
      callbacks = { function(record) trial:report(record.epoch, { accuracy = record.val_accuracy }) end },
    })
    return { accuracy = mb.evaluate(model, set.test).accuracy }
  end,
}
