-- Lee's network over filters and kernels on the evaluation data of the review: what do more and longer filters bring?
--
--     lua experiments/sweep.lua run experiments/sweeps/lee_filters.lua [--quick]
local mb = require "moonbow"
local nn = mb.nn
local quick = (...).quick

return {
  space = {
    filters = quick and { 8, 32 } or { 8, 16, 32, 64 },
    kernel = quick and { 5, 20 } or { 5, 10, 20, 35 },
  },
  objective = "accuracy",
  run = function(config, trial)
    local set = mb.data.single_peak { n = quick and 300 or 600, seed = trial.seed }
    local model = nn.Sequential {
      nn.Conv1d { filters = config.filters, kernel = config.kernel, activation = "relu" },
      nn.MaxPool1d { size = 3 },
      nn.Conv1d { filters = config.filters, kernel = config.kernel, activation = "relu" },
      nn.MaxPool1d { size = 3 },
      nn.Flatten {}, nn.Dense { units = #set.classes },
    }
    mb.fit(model, set.train, { epochs = quick and 3 or 8, batch_size = 32, optimizer = mb.optim.Adam { lr = 1e-3 },
      seed = trial.seed, verbose = false })
    return { accuracy = mb.evaluate(model, set.test).accuracy, ceiling = set.ceiling() }
  end,
}
