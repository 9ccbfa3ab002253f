-- An additional question: is smoothing before a random forest as good as the network's first convolution?
--
-- A convolution can smooth. Savitzky-Golay filters and their derivatives, baseline subtraction, and both are applied
-- before a forest on spectra max-pooled by 16, and compared with the same forest without them.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "smoothing", claim = "Smoothing and a baseline make a random forest on pooled spectra as good as a network",
  talk = { network = 0.96 }, trains = true, seeds = { full = 5, quick = 2 },
  settings = { n = { 1000, 500 }, trees = { 200, 50 }, epochs = { 30, 3 }, filters = { 64, 16 }, pool = { 16, 16 } },
  about = { n = "training spectra", trees = "trees of the random forest", epochs = "epochs of each training",
    filters = "filters of each convolution", pool = "points of a max-pooling window" },
}
local s = run.settings

local smooth, slope = { "savitzky_golay", window = 9 }, { "savitzky_golay", window = 9, derivative = 1 }
local recipes = { { "nothing", {} }, { "smoothed", { smooth } }, { "slope", { slope } },
  { "baseline off", { "als_baseline" } }, { "baseline off, smoothed", { "als_baseline", smooth } } }

for seed in run:each_seed() do
  local set = mb.data.single_peak { n = s.n, seed = seed }
  run:add("ceiling", set.ceiling())
  for _, recipe in ipairs(recipes) do
    local fitted, x = mb.preprocess.fit(recipe[2], set.train.x)
    local function pool(spectra) return spectra:max_pool1d { size = s.pool } end
    local forest = mb.forest.fit(pool(x), set.train.y, { trees = s.trees, seed = seed })
    run:add(recipe[1], forest:score(pool(mb.preprocess.apply(fitted, set.test.x)), set.test.y))
  end
  local model = mb.models.lee2020_cnn3 { classes = 2, filters = s.filters }
  run:train(model, set, s.epochs, seed)
  run:add("network", mb.evaluate(model, set.test).accuracy)
end

run:rule { "smoothing raises the accuracy of the forest", "smoothed", above = "nothing" }
run:rule { "subtracting the baseline raises the accuracy of the forest", "baseline off", above = "nothing" }
run:rule { "with smoothing and baseline subtraction the forest is no more than 0.01 below the network",
  "baseline off, smoothed", above = "network", by = -0.01 }

local names = { "nothing", "smoothed", "slope", "baseline off", "baseline off, smoothed", "network" }
local values, error = run:means(names)
run:figure("smoothing", mb.plot.bars { categories = names, values = values, error = error, y_range = { 0.4, 1 },
  y_label = "accuracy", width = 900,
  marks = { { y = run:mean "ceiling", label = "ceiling" }, { y = 0.5, label = "chance" } } })
run:finish()
