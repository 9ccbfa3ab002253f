-- What the network that follows from the review owes to its square root, its kernels and warping, on nine triplets of
-- classes like those of the challenge set, at other places and heights for each seed. The objective is the
-- share of right test spectra of these classes, which are moved towards their neighbours.
--
--     lua experiments/sweep.lua run experiments/sweeps/small_network.lua [--quick]
package.path = (debug.getinfo(1, "S").source:match "^@(.*/)" or "./") .. "../?.lua;" .. package.path
local mb = require "moonbow"
local small_network = require "lib.small_network"
local quick = (...).quick

-- mb.models.moonbow, also without its square root.
local function network(config, classes)
  local model = mb.models.moonbow { classes = classes, kernel = { config.kernel, config.kernel, 1 } }
  if config.square_root then return model end
  return mb.nn.Sequential { model.layers[1], table.unpack(model.layers, 3) }
end

return {
  space = quick and { square_root = { true, false }, kernel = { 9 }, warp = { 60 } }
    or { square_root = { true, false }, kernel = { 5, 9 }, warp = { 0, 60 } },
  objective = "accuracy",
  run = function(config, trial)
    local set = mb.data.challenge { triplets = small_network.triplets(trial.seed), seed = trial.seed, normalize = true,
      train = quick and 10 or 50 }
    local model = small_network.train(set, { epochs = quick and 5 or 100, seed = trial.seed, warp = config.warp,
      model = network(config, #set.classes) })
    return { accuracy = mb.evaluate(model, set.test).accuracy }
  end,
}
