-- Claim 1 of the review: on its evaluation data a convolutional network (Lee et al. 2020) reaches 96 %, a random
-- forest on the raw spectra 80 %.
--
-- The script also measures the ceiling, learning curves over the number of training spectra, and the simplest rule: one
-- threshold on the maximum of the spectrum, raw and after baseline subtraction.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "evaluation_dataset", claim = "The network reaches an accuracy of 96 %, a random forest 80 %",
  talk = { ["CNN-3 (Lee)"] = 0.96, ["forest, raw"] = 0.80 },
  trial = { ["CNN-3 (Lee)"] = 0.966, ["forest, raw"] = 0.827, ["threshold, maximum"] = 0.915 },
  trains = true, seeds = { full = 5, quick = 1 },
  settings = { n = { 1000, 1000 }, trees = { 200, 100 }, epochs = { 30, 5 }, filters = { 64, 32 },
    curve_seeds = { 2, 0 }, noise = { 0.02, 0.02, "non-negative" }, background = { 0.2, 0.2, "non-negative" } },
  about = { n = "training spectra", trees = "trees of the random forest", epochs = "epochs of each training",
    filters = "filters of each convolution", curve_seeds = "how many of the seeds have a learning curve",
    noise = "standard deviation of the noise", background = "greatest maximum of a background" },
}
local s = run.settings
local sizes = { s.n // 4, s.n // 2, s.n, 2 * s.n }

local function data(n, seed)
  return mb.data.single_peak { n = n, seed = seed, noise = s.noise, background = s.background }
end

-- Trains on n spectra with as many steps as s.epochs take on s.n spectra, and returns the accuracy.
local function network(set, n, seed)
  local model = mb.models.lee2020_cnn3 { classes = 2, filters = s.filters }
  run:train(model, set, math.max(1, s.epochs * s.n // n), seed)
  return mb.evaluate(model, set.test).accuracy
end

local function forest(set, seed)
  return mb.forest.fit(set.train.x, set.train.y, { trees = s.trees, seed = seed }):score(set.test.x, set.test.y)
end

-- Returns the accuracy on the test spectra of one threshold on one number per spectrum: the threshold that separates
-- the training spectra best (class 1 lies above it).
local function threshold(train, train_y, test, test_y)
  local order, right = {}, 0
  for i = 1, #train do
    order[i] = i
    right = right + (train_y[i] == 1 and 1 or 0) -- for a threshold below all numbers
  end
  table.sort(order, function(a, b) return train[a] < train[b] end)
  local most, best = right, -math.huge
  for _, i in ipairs(order) do
    right = right + (train_y[i] == 2 and 1 or -1)
    if right > most then most, best = right, train[i] end
  end
  return 1 - (test:gt(best) - test_y:eq(1)):abs():mean():item()
end

local function maximum(x) return x:reshape(#x, -1):max(2) end

local function best_threshold(set, steps)
  local fitted, processed = mb.preprocess.fit(steps, set.train.x)
  return threshold(maximum(processed), set.train.y, maximum(mb.preprocess.apply(fitted, set.test.x)), set.test.y)
end

for seed in run:each_seed() do
  local set = data(s.n, seed)
  run:add("ceiling", set.ceiling())
  run:add("threshold, maximum", best_threshold(set, {}))
  run:add("threshold, smoothed", best_threshold(set, { { "savitzky_golay", window = 7 } }))
  run:add("threshold, baseline off", best_threshold(set, { "als_baseline" }))
  run:progress "forest and network"
  run:add("forest, raw", forest(set, seed))
  run:add("CNN-3 (Lee)", network(set, s.n, seed))
  for _, n in ipairs(seed - run.first_seed < s.curve_seeds and sizes or {}) do
    run:progress("learning curve, %d spectra", n)
    local smaller = n == s.n and set or data(n, seed)
    run:add(("forest, raw @ n = %d"):format(n), forest(smaller, seed))
    run:add(("CNN-3 (Lee) @ n = %d"):format(n), n == s.n and run:values("CNN-3 (Lee)")[seed - run.first_seed + 1]
      or network(smaller, n, seed))
  end
end

run:rule { "the network reaches at least 0.95", "CNN-3 (Lee)", above = 0.95 }
run:rule { "the forest stays below 0.88", "forest, raw", below = 0.88 }
run:rule { "the network is better than the forest by more than 0.08", "CNN-3 (Lee)", above = "forest, raw", by = 0.08 }
run:rule { "the data need a network: it is better than a threshold after baseline subtraction by more than 0.01",
  "CNN-3 (Lee)", above = "threshold, baseline off", by = 0.01 }

local names = { "threshold, maximum", "threshold, smoothed", "threshold, baseline off", "forest, raw", "CNN-3 (Lee)" }
local means, sds = run:means(names)
run:figure("accuracies", mb.plot.bars { categories = names, values = means, error = sds, y_label = "accuracy",
  y_range = { 0.4, 1 }, width = 800,
  marks = { { y = run:mean "ceiling", label = "ceiling" }, { y = 0.5, label = "chance" } } })
if s.curve_seeds > 0 then
  local series = {}
  for i, name in ipairs { "forest, raw", "CNN-3 (Lee)" } do
    series[i] = run:series(name .. " @ n = %s", sizes, { x = sizes, label = name, style = "both" })
  end
  run:figure("learning_curves", mb.plot.lines { series = series, log_x = true, x_label = "training spectra",
    y_label = "accuracy", marks = { { y = run:mean "ceiling", label = "ceiling" } } })
end
run:finish()
