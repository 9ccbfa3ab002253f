-- The talk says that a random forest behind pooling is as good as a network. On the general set of the published
-- benchmark (500 classes), or its challenge set (--challenge 1): a forest on spectra that are max-pooled by 16 points.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local simple = require "lib.benchmark.simple"

local run <close> = mb.experiment.start {
  name = "pooled_forest", claim = "A random forest on max-pooled spectra is as good as the published networks",
  seeds = { full = 3, quick = 1 }, settings = { challenge = { 0, 0 }, pool = { 16, 16 }, trees = { 500, 100 } },
  about = { challenge = "0: the general set, 1: the challenge set", pool = "points of a max-pooling window",
    trees = "trees of the random forest" },
}

local set = simple.data(run)
local train, test = simple.pooled(set.train, run.settings.pool), simple.pooled(set.test, run.settings.pool)

for seed in run:each_seed() do
  local forest = mb.forest.fit(train.x, train.y, { trees = run.settings.trees, seed = seed, verbose = false })
  simple.add(run, forest:predict(test.x):totable(), set)
end

simple.finish(run, "forest")
