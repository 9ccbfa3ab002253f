-- Claim 4 of the review, continued: which remedies keep a network of single filters alive?
--
-- Each remedy is applied to three convolutions (kernels 20, 15, 10, max-pooling 2) of one filter. The script measures
-- the share of untrained networks whose last map is not empty, and the accuracy after training on the evaluation data.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "relu_emptiness", claim = "Other initial values and activations keep a single filter alive, and it learns",
  trains = true, seeds = { full = 200, quick = 30 },
  settings = { trained = { 8, 2 }, epochs = { 60, 8 }, n = { 1000, 300 } },
  about = { trained = "how many networks of each kind are trained", epochs = "epochs of each training",
    n = "training spectra" },
}
local s = run.settings

-- Options of every convolution. norm: batch norm before the activation; filters: number, if more than one.
local remedies = {
  { "none (Glorot, ReLU)" },
  { "He", initializer = "he_uniform" },
  { "positive bias", bias_initializer = 0.1 },
  { "non-negative", initializer = "non_negative" },
  { "peak-shaped", initializer = "peak" },
  { "leaky ReLU", activation = "leaky_relu" },
  { "ELU", activation = "elu" },
  { "GELU", activation = "gelu" },
  { "tanh", activation = "tanh" },
  { "batch norm", norm = true },
  { "4 filters", filters = 4 },
  { "16 filters", filters = 16 },
}

local function network(remedy)
  local layers = {}
  for _, kernel in ipairs { 20, 15, 10 } do
    table.insert(layers, mb.nn.Conv1d { filters = remedy.filters or 1, kernel = kernel, padding = "same",
      initializer = remedy.initializer, bias_initializer = remedy.bias_initializer })
    if remedy.norm then table.insert(layers, mb.nn.BatchNorm1d {}) end
    table.insert(layers, mb.nn.Activation { name = remedy.activation or "relu" })
    table.insert(layers, mb.nn.MaxPool1d { size = 2 })
  end
  table.insert(layers, mb.nn.Flatten {})
  table.insert(layers, mb.nn.Dense { units = 2 })
  return mb.nn.Sequential(layers)
end

-- True if the network's last map is not zero for at least one in a hundred spectra.
local function is_alive(model, x)
  local body = model:first(#model.layers - 2)
  return mb.no_grad(function() return body(x):reshape(#x, -1):abs():max(2):gt(1e-7):mean():item() end) > 0.01
end

local clean = mb.data.single_peak { n = 64, validation = 1, test = 1, width = { 5, 15 }, noise = 0, background = 0 }
for seed in run:each_seed() do
  local is_trained = seed - run.first_seed < s.trained
  local set = is_trained and mb.data.single_peak { n = s.n, seed = seed }
  if set then run:add("ceiling", set.ceiling()) end
  for i, remedy in ipairs(remedies) do
    local model = network(remedy)
    model:build({ 1000, 1 }, mb.rng { seed, i })
    run:add(remedy[1] .. " @ alive", is_alive(model, clean.train.x) and 1 or 0)
    if set then
      run:train(model, set, s.epochs, seed)
      local accuracy = mb.evaluate(model, set.test).accuracy
      run:add(remedy[1] .. " @ accuracy", accuracy)
      run:add(remedy[1] .. " @ at chance", accuracy < 0.6 and 1 or 0)
    end
  end
end

local none = remedies[1][1]
run:rule { "without a remedy, more than 1 network in 20 is empty", none .. " @ alive", below = 0.95 }
for _, name in ipairs { "non-negative", "peak-shaped", "leaky ReLU", "ELU" } do
  run:rule { name .. " keeps more than 95 in 100 alive", name .. " @ alive", above = 0.95 }
end
run:rule { "peak-shaped filters reach more than no remedy", "peak-shaped @ accuracy", above = none .. " @ accuracy" }
run:rule { "a leaky ReLU reaches more than no remedy", "leaky ReLU @ accuracy", above = none .. " @ accuracy" }

local names = {}
for i, remedy in ipairs(remedies) do names[i] = remedy[1] end
run:figure("remedies", mb.plot.bars { categories = names, y_range = { 0, 1 }, width = 1100, series = {
  run:series("%s @ alive", names, { label = "share alive before training", error = false }),
  run:series("%s @ accuracy", names, { label = "accuracy after training" }),
} })
run:finish()
