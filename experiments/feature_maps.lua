-- Claim 3 of the review: convolutions remove background and noise, and pooling evens out shapes and positions.
--
-- The script measures how much each pooled map F changes with irrelevant properties, relative to the signal of the peak
-- P, F(P) - F(0). Background B: |F(P + B) - F(P)|^2 / |F(P) - F(0)|^2, and noise likewise. Width: the mean of 1 -
-- cosine between the signals of the same peak with width 2 and with width 6. Shift: the same for two positions 5 points
-- apart, width 4. The network is that of Lee et al. 2020 with three poolings by 3; as published ("Lee's poolings") its
-- third convolution and pooling keep one point in four, and pool nothing.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "feature_maps", claim = "Convolution and pooling remove background, noise, widths and shifts",
  trial = { ["background @ raw"] = 0.82, ["background @ pool 1"] = 0.42, ["background @ pool 2"] = 0.069,
    ["background @ pool 3"] = 0.007, ["background, untrained @ pool 3"] = 0.22, ["noise @ raw"] = 0.12,
    ["noise @ pool 1"] = 0.36, ["noise @ pool 2"] = 0.054, ["noise @ pool 3"] = 0.015, ["shift @ raw"] = 0.32,
    ["shift @ pool 1"] = 0.54, ["shift @ pool 2"] = 0.14, ["shift @ pool 3"] = 0.025 },
  trains = true, seeds = { full = 5, quick = 1 },
  settings = { n = { 1000, 500 }, epochs = { 30, 5 }, filters = { 64, 24 }, spectra = { 200, 50 } },
  about = { n = "training spectra", epochs = "epochs of each training", filters = "filters of each convolution",
    spectra = "spectra whose maps are compared" },
}
local s = run.settings
local names = { [0] = "raw", [2] = "pool 1", [4] = "pool 2", [6] = "pool 3" } -- number of a layer -> name

-- Returns the maps behind a layer, one row per spectrum.
local function map(model, layer, x)
  if layer == 0 then return x:reshape(#x, -1) end
  return mb.no_grad(model:first(layer), x):reshape(#x, -1)
end

local function clean(seed, options)
  options.n, options.validation, options.test, options.noise, options.background = s.spectra, 1, 1, 0, 0
  options.seed = seed
  return mb.data.single_peak(options).train.x
end

local function unlike(a, b)
  local product, squares = (a * b):sum(2), (a * a):sum(2) * (b * b):sum(2)
  return 1 - (product / squares:sqrt():maximum(1e-20)):mean():item()
end

-- Makes three convolutions with poolings of size and stride 3, or as published.
local function network(is_published)
  local pooling = is_published and {} or { stride = 1, pool = 3, pool_stride = 3 }
  pooling.classes, pooling.filters = 2, s.filters
  return mb.models.lee2020_cnn3(pooling)
end

local function measure(model, set, seed, suffix)
  local part = set.test
  local peak = part.peak:narrow(1, s.spectra)
  local background, noise = part.background:narrow(1, s.spectra), part.noise:narrow(1, s.spectra)
  for layer = 0, 6, 2 do
    local nothing = map(model, layer, peak * 0)
    local function F(x) return map(model, layer, x) - nothing end
    local alone = F(peak)
    local energy = alone:sum_squares():item()
    local function add(what, value) run:add(("%s%s @ %s"):format(what, suffix, names[layer]), value) end
    if layer > 0 or suffix == "" then
      add("background", (F(peak + background) - alone):sum_squares():item() / energy)
      add("noise", (F(peak + noise) - alone):sum_squares():item() / energy)
      add("width", unlike(F(clean(seed, { width = { 2, 2 } })), F(clean(seed, { width = { 6, 6 } }))))
      add("shift", unlike(F(clean(seed, { width = { 4, 4 } })), F(clean(seed, { width = { 4, 4 }, position = 505 }))))
    end
  end
end

local model, set
for seed in run:each_seed() do
  set = mb.data.single_peak { n = s.n, seed = seed, parts = true }
  local published = network(true)
  run:train(published, set, s.epochs, seed)
  measure(published, set, seed, ", Lee's poolings")
  model = network(false)
  model:build({ 1000, 1 }, mb.rng(seed))
  measure(model, set, seed, ", untrained")
  run:train(model, set, s.epochs, seed)
  measure(model, set, seed, "")
  run:add("accuracy", mb.evaluate(model, set.test).accuracy)
  run:add("accuracy, Lee's poolings", mb.evaluate(published, set.test).accuracy)
end

for _, what in ipairs { "background", "noise", "width", "shift" } do
  run:rule { what .. ": less in the last map than in the spectrum", what .. " @ pool 3", below = what .. " @ raw" }
end
run:rule { "noise: less already after the first pooling layer than in the spectrum",
  "noise @ pool 1", below = "noise @ raw" }
run:rule { "width: less already after the first pooling layer than in the spectrum",
  "width @ pool 1", below = "width @ raw" }

-- Draws the maps of the spectrum with the strongest background: channels in order of the position of their maximum.
local shown = set.test.background:reshape(#set.test.x, -1):max(2):argmax():item() // 1 | 0
local function heatmap(layer)
  local y = mb.no_grad(model:first(layer), set.test.x:narrow(shown, 1))
  local channels = y:reshape(y:size(2), y:size(3)):transpose()
  local place, order = channels:argmax(2), {}
  for c = 1, #channels do order[c] = c end
  table.sort(order, function(a, b) return place[a] < place[b] or place[a] == place[b] and a < b end)
  local x = {}
  for t = 1, y:size(2) do x[t] = (t - 0.5) * 1000 / y:size(2) end
  return mb.plot.heatmap { z = channels:index(order), x = x, x_label = "point", y_label = "channel",
    title = "Map behind " .. names[layer] }
end
local function row(x) return x[shown]:reshape(1000) end
run:figure("maps", mb.plot.grid { columns = 2, title = "One spectrum on its way through the network", panels = {
  mb.plot.lines { title = "Spectrum and its parts", x_label = "point", series = {
    { y = row(set.test.x), label = "spectrum" }, { y = row(set.test.background), label = "background" },
    { y = row(set.test.peak), label = "peak" } } },
  heatmap(2), heatmap(4), heatmap(6) } })
run:finish()
