-- What more weights and longer training add to the network that follows from the review, and what they cost: its widths
-- times a quarter to two, and 25 to 200 epochs, on both sets of the published benchmark. Nothing was chosen by these
-- figures: shape, warping and dropout come from small_network.lua beside this file.
--
--     lua experiments/sweep.lua run experiments/sweeps/small_network_size.lua [--quick]
package.path = (debug.getinfo(1, "S").source:match "^@(.*/)" or "./") .. "../?.lua;" .. package.path
local mb = require "moonbow"
local errors = require "lib.benchmark.errors"
local small_network = require "lib.small_network"
local quick = (...).quick

local function times(width, numbers)
  local list = {}
  for i, number in ipairs(numbers) do list[i] = math.ceil(width * number) end
  return list
end

-- Trains on a set of the benchmark. Returns how many test spectra are wrong, the weights and the seconds of training.
local function train(name, set, config, seed)
  local chosen, width = small_network.chosen[name], config.width
  local model = mb.models.moonbow { classes = #set.classes, dropout = chosen.dropout,
    filters = times(width, { 24, 32, 6 }), units = times(width, { 64 }) }
  local _, seconds = small_network.train(set, { model = model, epochs = quick and 2 or config.epochs or 100,
    seed = seed, warp = chosen.warp })
  local wrong = errors.of(mb.predict(model, set.test.x):totable(), set.test).wrong
  return wrong, model:count_parameters(), seconds
end

return {
  space = {
    width = { 0.25, 0.5, 1, 2 }, -- where it is not 1, 100 epochs
    epochs = mb.sweep.when({ width = 1 }, { 25, 50, 100, 200 }),
  },
  objective = { "general_wrong", minimize = true }, seeds = { 0, 1 },
  run = function(config, trial)
    local challenge = mb.data.challenge { normalize = true, train = quick and 5 or nil }
    local general = mb.data.universal { normalize = true, classes = quick and 20 or nil, train = quick and 5 or nil }
    local metrics = {}
    metrics.challenge_wrong, metrics.challenge_weights, metrics.challenge_seconds =
      train("challenge set", challenge, config, trial.seed)
    metrics.general_wrong, metrics.general_weights, metrics.general_seconds =
      train("general set", general, config, trial.seed)
    return metrics
  end,
}
