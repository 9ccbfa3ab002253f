-- Claim 5 of the review, as a curve: how much position does pooling cost, and what restores it?
--
-- Networks of one convolution and one pooling of size and stride 1 to 64, which are equal otherwise, classify peaks on
-- either side of a border, with a flat and with a global head. Then the remedies are compared at stride 64.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "pooling_resolution", claim = "Pooling costs the position of a peak, the more the coarser it is",
  trial = { ["flat head @ 16"] = 0.9985, ["flat head @ 32"] = 0.989, ["flat head @ 64"] = 0.892 },
  trains = true, seeds = { full = 3, quick = 1 },
  settings = { n = { 1000, 600 }, epochs = { 30, 12 }, filters = { 64, 24 }, align = { 37, 37, "integer" } },
  about = { n = "training spectra", epochs = "epochs of each training", filters = "filters of each convolution",
    align = "points of the border's cell of 64 before the border, 0 to 63" },
}
local s, nn = run.settings, mb.nn
local sizes = { 1, 2, 4, 8, 16, 32, 64 }

local function pool(layer, size)
  return function()
    if size == 1 then return nn.Activation { name = "linear" } end
    return nn[layer] { size = size, padding = layer ~= "BlurPool1d" and "valid" or nil }
  end
end

-- pooling: function() that makes the layer; head: of nn; position: a channel with the position before the convolution
local function network(pooling, head, position)
  local layers = { nn.Conv1d { filters = s.filters, kernel = 20, padding = "same", activation = "relu" }, pooling(),
    nn[head] {}, nn.Dense { units = 2 } }
  if position then table.insert(layers, 1, nn.Position {}) end
  return nn.Sequential(layers)
end

-- Returns the accuracy on the test spectra with the peak at a distance of 1 to 10 points from the border.
local function near(model, set)
  local distance = set.distance(set.test.position):abs()
  local rows = {}
  for i = 1, #distance do
    if distance[i] <= 10 then rows[#rows + 1] = i end
  end
  return mb.evaluate(model, { x = set.test.x:index(rows), y = set.test.y:index(rows) }).accuracy
end

local function measure(name, column, set, seed, ...)
  local model = network(...)
  run:train(model, set, s.epochs, seed)
  run:add(("%s @ %s"):format(name, column), mb.evaluate(model, set.test).accuracy)
  run:add(("%s, near @ %s"):format(name, column), near(model, set))
end

local remedies = {
  { "average pooling", pool("AvgPool1d", 64) },
  { "blurred pooling (Zhang 2019)", function() return nn.BlurPool1d { size = 64, blur = 33 } end },
  { "position channel (CoordConv)", pool("MaxPool1d", 64), "Flatten", true },
  { "position channel, global head", pool("MaxPool1d", 1), "GlobalMaxPool1d", true },
}

for seed in run:each_seed() do
  local set = mb.data.border_peaks { n = s.n, crop = 320, align = s.align, seed = seed }
  run:add("ceiling", set.ceiling())
  for _, size in ipairs(sizes) do
    run:progress("stride %d", size)
    measure("flat head", size, set, seed, pool("MaxPool1d", size), "Flatten")
    measure("global head", size, set, seed, pool("MaxPool1d", size), "GlobalAvgPool1d")
  end
  for _, remedy in ipairs(remedies) do
    run:progress("%s", remedy[1])
    measure(remedy[1], 64, set, seed, remedy[2], remedy[3] or "Flatten", remedy[4])
  end
end

run:rule { "at stride 64 the accuracy is below 0.93", "flat head @ 64", below = 0.93 }
run:rule { "at stride 64 the accuracy within 10 points of the border is below 0.75", "flat head, near @ 64",
  below = 0.75 }
run:rule { "at stride 16 the accuracy is above 0.98", "flat head @ 16", above = 0.98 }
run:rule { "without pooling the accuracy is above 0.98", "flat head @ 1", above = 0.98 }
run:rule { "a position channel brings the accuracy back above 0.98 at stride 64", "position channel (CoordConv) @ 64",
  above = 0.98 }

local series = {}
for i, name in ipairs { "flat head", "flat head, near", "global head" } do
  series[i] = run:series(name .. " @ %s", sizes, { x = sizes, label = name, style = "both" })
end
for i, remedy in ipairs(remedies) do
  series[3 + i] = { x = { 64 }, y = { run:mean(remedy[1] .. " @ 64") }, label = remedy[1], style = "points" }
end
run:figure("accuracy_over_stride", mb.plot.lines { series = series, log_x = true, x_label = "total stride / points",
  y_label = "accuracy", y_range = { 0.4, 1.02 }, width = 900, height = 500,
  title = "Position lost to pooling (near: within 10 points of the border)" })
run:finish()
