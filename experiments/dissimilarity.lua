-- Claim 7 of the review: similarity measures suffer when peaks shift.
--
-- The script measures the accuracy of five nearest neighbours with each measure on the evaluation data. It also
-- measures how much each dissimilarity changes by a shift of the peak by 5 points, by noise, by background, and by the
-- height of the other class, each divided by the dissimilarity to the same peak 300 points away.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "dissimilarity", claim = "Dissimilarities of spectra suffer from shifts",
  trial = { ["euclidean @ evaluation"] = 0.72, ["cosine @ evaluation"] = 0.55, ["pearson @ evaluation"] = 0.55,
    ["dtw, window 20 @ evaluation"] = 0.935, ["dtw, window 60 @ evaluation"] = 0.98, ["euclidean @ border"] = 0.997,
    ["cosine @ border"] = 0.997, ["pearson @ border"] = 0.997, ["dtw, window 60 @ border"] = 0.95 },
  seeds = { full = 3, quick = 1 },
  settings = { n = { 1000, 300 }, test = { 500, 100 }, pairs = { 100, 30 } },
  about = { n = "training spectra", test = "test spectra",
    pairs = "pairs of spectra whose dissimilarity is measured" },
}
local s = run.settings

local measures = {
  { "euclidean" }, { "manhattan" }, { "chebyshev" }, { "cosine" }, { "pearson" }, { "jensen_shannon", positive = true },
  { "earth_movers", positive = true }, { "dtw", 20 }, { "dtw", 60 }, { "ddtw", 20 },
}
local names = {}
for i, measure in ipairs(measures) do
  names[i] = measure[1] .. (measure[2] and (", window %d"):format(measure[2]) or "")
end

-- Measures that compare shares need spectra without negative values.
local function prepare(measure, x)
  return measure.positive and x:maximum(0) or x
end

local function accuracy(measure, set)
  local examples = mb.neighbours.fit(prepare(measure, set.train.x), set.train.y,
    { k = 5, metric = measure[1], window = measure[2], verbose = false })
  return examples:score(prepare(measure, set.test.x), set.test.y)
end

local function spectra(seed, options)
  options.n, options.validation, options.test, options.seed = s.pairs, 1, 1, seed
  options.noise, options.background = options.noise or 0, options.background or 0
  return mb.data.single_peak(options).train
end

-- Returns the mean dissimilarity of the i-th spectra of two lists.
local function between(measure, a, b)
  local all, sum = mb.neighbours.distances(prepare(measure, a), prepare(measure, b),
    { metric = measure[1], window = measure[2], verbose = false }), 0
  for i = 1, #a do sum = sum + all:get(i, i) end
  return sum / #a
end

for seed in run:each_seed() do
  local sets = {
    { "evaluation", mb.data.single_peak { n = s.n, test = s.test, seed = seed } },
    { "border", mb.data.border_peaks { n = s.n, test = s.test, crop = 320, seed = seed } },
  }
  local plain = spectra(seed, {})
  local changed = {
    { "shift", spectra(seed, { position = 505 }) }, { "noise", spectra(seed, { noise = 0.02 }) },
    { "background", spectra(seed, { background = 0.2 }) }, { "class", spectra(seed, { heights = { 0.6, 0.8 } }) },
  }
  local far = spectra(seed, { position = 800 })
  for i, measure in ipairs(measures) do
    run:progress("%s", names[i])
    for _, set in ipairs(sets) do run:add(("%s @ %s"):format(names[i], set[1]), accuracy(measure, set[2])) end
    local scale = between(measure, plain.x, far.x)
    for _, change in ipairs(changed) do
      run:add(("%s @ %s"):format(names[i], change[1]), between(measure, plain.x, change[2].x) / scale)
    end
  end
end

for _, name in ipairs { "euclidean", "manhattan", "cosine", "pearson", "jensen_shannon" } do
  run:rule { name .. ": a shift by 5 points moves a spectrum farther than the height of the other class",
    name .. " @ shift", above = name .. " @ class" }
  run:rule { name .. ": 5 nearest neighbours stay below 0.8", name .. " @ evaluation", below = 0.8 }
end

local series = {}
for k, column in ipairs { "evaluation", "border" } do
  series[k] = run:series("%s @ " .. column, names, { label = column .. " data" })
end
run:figure("neighbours", mb.plot.bars { categories = names, series = series, y_range = { 0.4, 1.05 }, width = 1100,
  marks = { { y = 0.5, label = "chance" } },
  y_label = "accuracy of 5 nearest neighbours", title = "Dissimilarities" })
run:finish()
