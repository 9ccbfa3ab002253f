-- What the network that follows from the review owes to warping, dropout, its square root and the length of its
-- training, on other classes than those of the published benchmark, for each seed anew: nine triplets like those of
-- the challenge set, and 30 pairs like the closest classes of the general set. The objective is the mean of both
-- shares of right test spectra; the choice for each set of the benchmark goes by its own share, in trials.csv.
--
--     lua experiments/sweep.lua run experiments/sweeps/small_network.lua [--quick]
package.path = (debug.getinfo(1, "S").source:match "^@(.*/)" or "./") .. "../?.lua;" .. package.path
local mb = require "moonbow"
local small_network = require "lib.small_network"
local quick = (...).quick

-- mb.models.moonbow, also without its square root.
local function network(config, classes)
  local model = mb.models.moonbow { classes = classes, dropout = config.dropout }
  if config.square_root ~= false then return model end
  return mb.nn.Sequential { model.layers[1], table.unpack(model.layers, 3) }
end

local function right(set, config, seed)
  local model = small_network.train(set, { epochs = quick and 5 or config.epochs or 100, seed = seed,
    warp = config.warp, model = network(config, #set.classes) })
  return mb.evaluate(model, set.test).accuracy
end

return {
  space = {
    warp = quick and { 30 } or { 0, 30, 60 }, dropout = quick and { 0.1 } or { 0, 0.1 },
    square_root = mb.sweep.when({ warp = 30, dropout = 0.1 }, { true, false }),
    epochs = mb.sweep.when({ square_root = true }, { 100, 200 }),
  },
  objective = "right",
  run = function(config, trial)
    local seed, train = trial.seed, quick and 10 or 50
    local triplets = right(mb.data.challenge { triplets = small_network.triplets(seed), seed = seed, normalize = true,
      train = train }, config, seed)
    local pairs_ = right(mb.data.universal { classes = small_network.pairs(seed, quick and 3 or 30), seed = seed,
      normalize = true, train = train }, config, seed)
    return { right = (triplets + pairs_) / 2, triplets = triplets, pairs = pairs_ }
  end,
}
