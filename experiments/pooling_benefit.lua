-- Claim 2 of the review: pooling makes the network good; on pooled input a random forest is as good.
--
-- A forest is fitted on the raw spectra pooled by 1, 2, 4, ..., with max and with average pooling, and on the maps
-- behind each pooling of a trained and of an untrained network.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "pooling_benefit", claim = "After pooling, a random forest is as good as the network",
  talk = { ["forest, max-pooled input @ 1"] = 0.80, ["forest, trained maps @ pool 1"] = 0.92,
    ["forest, trained maps @ pool 2"] = 0.94, network = 0.96 },
  trial = { ["forest, max-pooled input @ 1"] = 0.821, ["forest, max-pooled input @ 8"] = 0.893,
    ["forest, max-pooled input @ 64"] = 0.940 },
  trains = true, seeds = { full = 5, quick = 1 },
  settings = { n = { 1000, 700 }, test = { 2000, 1000 }, trees = { 200, 50 }, epochs = { 30, 5 }, filters = { 64, 24 },
    noise = { 0.02, 0.02, "non-negative" } },
  about = { n = "training spectra", test = "test spectra", trees = "trees of the random forest",
    epochs = "epochs of each training", filters = "filters of each convolution",
    noise = "standard deviation of the noise" },
}
local s = run.settings
local sizes = { 1, 2, 4, 8, 16, 32, 64, 128 }

for seed in run:each_seed() do
  local set = mb.data.single_peak { n = s.n, test = s.test, seed = seed, noise = s.noise }
  run:add("ceiling", set.ceiling())
  local function forest(x, y) return mb.forest.fit(x, y, { trees = s.trees, seed = seed }) end
  for _, kind in ipairs { "max", "avg" } do
    for _, size in ipairs(sizes) do
      local function pool(x) return x[kind .. "_pool1d"](x, { size = size }) end
      run:add(("forest, %s-pooled input @ %d"):format(kind, size),
        forest(pool(set.train.x), set.train.y):score(pool(set.test.x), set.test.y))
    end
  end
  run:progress "the maps of networks"
  local model = mb.models.lee2020_cnn3 { classes = 2, filters = s.filters }
  model:build({ 1000, 1 }, mb.rng(seed))
  local function probe(name)
    local maps = mb.probe(model, set.train.x, set.train.y, forest, { test = set.test, layers = { 2, 4, 6 } })
    for i, map in ipairs(maps) do run:add(("forest, %s maps @ pool %d"):format(name, i), map.accuracy) end
  end
  probe "untrained"
  run:train(model, set, s.epochs, seed)
  probe "trained"
  run:add("network", mb.evaluate(model, set.test).accuracy)
end

run:rule { "max-pooling the input by 64 helps the forest by more than 0.05", "forest, max-pooled input @ 64",
  above = "forest, max-pooled input @ 1", by = 0.05 }
run:rule { "average-pooling the input by 64 lowers the accuracy of the forest",
  "forest, avg-pooled input @ 64", below = "forest, avg-pooled input @ 1" }
run:rule { "on the trained maps after one pooling layer the forest reaches 0.90", "forest, trained maps @ pool 1",
  above = 0.9 }
run:rule { "on the trained maps after two pooling layers the forest reaches 0.94",
  "forest, trained maps @ pool 2", above = 0.94 }
run:rule { "on the trained maps after two pooling layers the forest is no more than 0.02 below the network",
  "forest, trained maps @ pool 2", above = "network", by = -0.02 }

local series = {}
for i, kind in ipairs { "max", "avg" } do
  series[i] = run:series(("forest, %s-pooled input @ %%s"):format(kind), sizes,
    { x = sizes, label = kind .. "-pooled input", style = "both" })
end
local marks = { { y = run:mean "network", label = "network" }, { y = run:mean "ceiling", label = "ceiling" },
  { y = 0.5, label = "chance" } }
local input = mb.plot.lines { series = series, log_x = true, x_label = "pooled points",
  y_label = "accuracy of the forest", marks = marks, title = "Input" }
local groups, places = {}, { "pool 1", "pool 2", "pool 3" }
for i, name in ipairs { "untrained", "trained" } do
  groups[i] = run:series(("forest, %s maps @ %%s"):format(name), places, { label = name })
end
local maps = mb.plot.bars { categories = places, series = groups, y_range = { 0.4, 1 },
  y_label = "accuracy of the forest", marks = marks, title = "Feature maps" }
run:figure("pooling", mb.plot.grid { panels = { input, maps }, columns = 1 })
run:finish()
