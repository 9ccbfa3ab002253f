-- Claim 3 of the review, from the other side: how much do convolutions add to pooling?
--
-- A network of three poolings alone is compared with one that has a convolution before each pooling (kernels 20, 15,
-- 10) and the same head, and with a random forest behind one pooling by 27. The data are with and without background,
-- noise and variation of the width.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "convolution_contribution",
  claim = "Convolutions add little to pooling, whatever the spectra hold besides the peak",
  trains = true, seeds = { full = 5, quick = 1 },
  settings = { n = { 1000, 500 }, epochs = { 20, 5 }, filters = { 64, 16 }, trees = { 200, 50 }, units = { 256, 64 },
    test = { 2000, 1000 } },
  about = { n = "training spectra", epochs = "epochs of each training", filters = "filters of each convolution",
    trees = "trees of the random forest", units = "units of the hidden layer", test = "test spectra" },
}
local s, nn = run.settings, mb.nn

local cases = {
  { "all" },
  { "no background", { background = 0 } },
  { "no noise", { noise = 0 } },
  { "one width", { width = { 4, 4 } } },
  { "noise 0.05", { noise = 0.05 } },
  { "background 1", { background = 1 } },
  { "peak alone", { background = 0, noise = 0, width = { 4, 4 } } },
}

local function network(convolves)
  local layers = {}
  for _, kernel in ipairs { 20, 15, 10 } do
    if convolves then
      table.insert(layers, nn.Conv1d { filters = s.filters, kernel = kernel, padding = "same", activation = "relu" })
    end
    table.insert(layers, nn.MaxPool1d { size = 3 })
  end
  for _, layer in ipairs { nn.Flatten {}, nn.Dense { units = s.units, activation = "relu" }, nn.Dense { units = 2 } } do
    table.insert(layers, layer)
  end
  return nn.Sequential(layers)
end

local function pooled(x) return x:max_pool1d { size = 27 } end

for seed in run:each_seed() do
  for _, case in ipairs(cases) do
    run:progress("%s", case[1])
    local options = { n = s.n, test = s.test, seed = seed }
    for key, value in pairs(case[2] or {}) do options[key] = value end
    local set = mb.data.single_peak(options)
    run:add("ceiling @ " .. case[1], set.ceiling())
    for _, name in ipairs { "pooling alone", "convolution and pooling" } do
      local model = network(name ~= "pooling alone")
      run:train(model, set, s.epochs, seed)
      run:add(("%s @ %s"):format(name, case[1]), mb.evaluate(model, set.test).accuracy)
    end
    local forest = mb.forest.fit(pooled(set.train.x), set.train.y, { trees = s.trees, seed = seed })
    run:add("pooling and forest @ " .. case[1], forest:score(pooled(set.test.x), set.test.y))
  end
end

for _, entry in ipairs { { "all", "data as they are" }, { "no background" },
  { "background 1", "a background five times as strong" }, { "no noise" }, { "peak alone" } } do
  local case, words = entry[1], entry[2] or entry[1]
  run:rule { words .. ": convolutions add less than 0.02 to pooling and dense layers",
    "convolution and pooling @ " .. case, below = "pooling alone @ " .. case, by = -0.02 }
  run:rule { words .. ": the network with convolutions is less than 0.02 above pooling and a forest",
    "convolution and pooling @ " .. case, below = "pooling and forest @ " .. case, by = -0.02 }
end

local names, series = {}, {}
for i, case in ipairs(cases) do names[i] = case[1] end
for k, name in ipairs { "pooling and forest", "pooling alone", "convolution and pooling", "ceiling" } do
  series[k] = run:series(name .. " @ %s", names, { label = name })
end
run:figure("contribution", mb.plot.bars { categories = names, series = series, y_range = { 0.4, 1 },
  y_label = "accuracy", width = 1000, marks = { { y = 0.5, label = "chance" } },
  title = "What convolutions add to pooling" })
run:finish()
