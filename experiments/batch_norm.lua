-- Claim 6 of the review: batch norm is questionable on spectra.
--
-- Liu's network and a residual network run with and without batch norm, on both data sets. To separate the harm of the
-- layer from the harm of its running statistics, momentum 0.99 (Keras' default) is compared with 0.9, and the same
-- weights are tested with statistics recomputed on the training spectra. "Spikes" is the share of epochs with a
-- validation loss above twice the least before. "Variance" is the running variance behind the first convolution,
-- divided by the recomputed one: running variances start at 1, and 0.99^steps of this remains, which may exceed the
-- variance of spectra.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "batch_norm", claim = "Batch norm harms networks on spectra",
  trial = { ["Liu, evaluation @ with"] = 0.928, ["Liu, evaluation @ without"] = 0.959,
    ["ResNet, evaluation @ with"] = 0.923, ["ResNet, evaluation @ without"] = 0.912,
    ["ResNet, evaluation, spikes @ with"] = 0.20, ["ResNet, evaluation, spikes @ without"] = 0,
    ["ResNet, evaluation @ stale"] = 0.891, ["ResNet, evaluation, spikes @ stale"] = 0.665 },
  trains = true, seeds = { full = 5, quick = 1 },
  settings = { n = { 1000, 300 }, epochs = { 20, 4 }, filters = { 32, 8 }, units = { 256, 32 }, test = { 2000, 500 } },
  about = { n = "training spectra", epochs = "epochs of each training",
    filters = "filters of each convolution of the residual network", units = "hidden units of Liu's network",
    test = "test spectra" },
}
local s = run.settings

-- batch_norm and momentum are those of mb.models.
local networks = {
  Liu = function(options)
    options.classes, options.units = 2, { s.units }
    return mb.models.liu2017(options)
  end,
  ResNet = function(options)
    options.classes, options.filters, options.first_filters = 2, s.filters, s.filters
    return mb.models.ho2019_resnet(options)
  end,
}
local sets = {
  evaluation = function(seed) return mb.data.single_peak { n = s.n, test = s.test, seed = seed } end,
  border = function(seed) return mb.data.border_peaks { n = s.n, test = s.test, crop = 320, seed = seed } end,
}

local function spikes(history)
  local least, count = math.huge, 0
  for _, epoch in ipairs(history) do
    if epoch.val_loss > 2 * least then count = count + 1 end
    least = math.min(least, epoch.val_loss)
  end
  return count / #history
end

-- Returns the mean running variance of the first batch norm.
local function first_variance(model)
  for _, layer in ipairs(model.layers) do
    if layer.running_var then return layer.running_var:mean():item() end
  end
end

-- Keeps the weights of the last epoch: the best ones would hide the effect of the running statistics.
local function measure(name, make, set, seed, column, options)
  run:progress("%s, %s", name, column)
  local model = make(options)
  local history = run:train(model, set, s.epochs, seed,
    { early_stopping = { patience = s.epochs, restore_best = false } })
  run:add(("%s @ %s"):format(name, column), mb.evaluate(model, set.test).accuracy)
  run:add(("%s, spikes @ %s"):format(name, column), spikes(history))
  if column == "stale" then
    local kept = first_variance(model)
    mb.recalibrate(model, set.train.x, { batch_size = 32 })
    run:add(name .. " @ recomputed", mb.evaluate(model, set.test).accuracy)
    run:add(name .. ", variance @ stale", kept / first_variance(model))
  end
end

local rows = {}
for _, kind in ipairs { "Liu", "ResNet" } do
  for _, data in ipairs { "evaluation", "border" } do rows[#rows + 1] = { kind .. ", " .. data, kind, data } end
end

for seed in run:each_seed() do
  local made = {}
  for data, make in pairs(sets) do made[data] = make(seed) end
  for _, row in ipairs(rows) do
    local name, make, set = row[1], networks[row[2]], made[row[3]]
    measure(name, make, set, seed, "without", { batch_norm = false })
    measure(name, make, set, seed, "with", { batch_norm = true, momentum = 0.9 })
    measure(name, make, set, seed, "stale", { batch_norm = true, momentum = 0.99 })
  end
end

for _, kind in ipairs { "Liu", "ResNet" } do
  run:rule { kind .. ": on the evaluation data the layer itself harms (momentum 0.9 below none by 0.01)",
    kind .. ", evaluation @ with", below = kind .. ", evaluation @ without", by = 0.01 }
end
run:rule { "ResNet: on the border data the layer itself harms, too (momentum 0.9 below none by 0.01)",
  "ResNet, border @ with", below = "ResNet, border @ without", by = 0.01 }
for _, row in ipairs(rows) do
  local name = row[1]
  run:rule { name .. ": stale statistics harm (momentum 0.99 below the same weights recomputed by 0.01)",
    name .. " @ stale", below = name .. " @ recomputed", by = 0.01 }
end

local categories, series = {}, {}
for i, row in ipairs(rows) do categories[i] = row[1] end
for k, column in ipairs { { "without", "none" }, { "with", "momentum 0.9" }, { "stale", "momentum 0.99" },
  { "recomputed", "0.99, statistics recomputed" } } do
  series[k] = run:series("%s @ " .. column[1], categories, { label = column[2] })
end
run:figure("batch_norm", mb.plot.bars { categories = categories, series = series, y_range = { 0.4, 1 },
  y_label = "accuracy", width = 900, marks = { { y = 0.5, label = "chance" } }, title = "With and without batch norm" })
run:finish()
