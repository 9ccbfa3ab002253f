-- Pooling against depth on the border data: is it the pooling or the number of convolutions that loses a border peak?
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
  space = { pool = quick and { 1, 4 } or { 1, 2, 4 }, depth = quick and { 1, 2 } or { 1, 2, 3 } },
  objective = "accuracy",
  run = function(config, trial)
    local set = mb.data.border_peaks { n = quick and 400 or 1200, crop = 320, seed = trial.seed }
    local model = network(config.pool, config.depth)
    mb.fit(model, set.train, {
      epochs = quick and 4 or 12, batch_size = 32, optimizer = mb.optim.Adam { lr = 1e-3 }, seed = trial.seed,
      verbose = false, validation = set.validation,
      callbacks = { function(record) trial:report(record.epoch, { accuracy = record.val_accuracy }) end },
    })
    return { accuracy = mb.evaluate(model, set.test).accuracy }
  end,
}
