-- Claim 5 of the review: deep residual networks pool away the position of a peak, and fail where two classes
-- meet at a border; networks with less pooling do not.
--
-- Every spectrum has one peak, below the border (class 1) or above it (class 2). The script measures the accuracy close
-- to the border, and tests if batch norm's running statistics explain it.
local mb = require "moonbow"

local run <close> = mb.experiment.start {
  name = "border_peaks",
  claim = "Deep residual networks lose peaks at a border; less pooling keeps them",
  trial = { ["ResNet, momentum 0.99"] = 0.772, ["ResNet, momentum 0.99 @ 1-2"] = 0.52,
    ["ResNet, momentum 0.99 @ 3-5"] = 0.58, ["ResNet, momentum 0.99 @ 6-10"] = 0.61,
    ["ResNet, momentum 0.99 @ 11-20"] = 0.75, ["ResNet, momentum 0.99 @ 21-51"] = 0.84,
    ["ResNet, 0.99, recalibrated"] = 0.990, ["ResNet, momentum 0.9"] = 0.988, ["1 conv, max-pool 1"] = 0.9993,
    ["1 conv, max-pool 64"] = 0.892, ["1 conv, max-pool 64 @ 1-2"] = 0.49, ["1 conv, max-pool 64 @ 3-5"] = 0.47,
    ["1 conv, max-pool 64 @ 6-10"] = 0.54, ["logistic regression"] = 1.0 },
  trains = true, seeds = { full = 3, quick = 1 },
  settings = { n = { 1000, 500 }, crop = { 320, 320 }, filters = { 100, 24 }, epochs = { 12, 6 },
    epochs_small = { 30, 30 }, align = { 37, 37, "integer" } },
  about = { n = "training spectra", crop = "points of the window around the border",
    filters = "filters of each convolution of the residual network",
    epochs = "epochs of the residual network and of the networks of Lee et al.",
    epochs_small = "epochs of the networks of one convolution",
    align = "points of the border's cell of 64 before the border, 0 to 63" },
}
local s = run.settings

local function resnet(momentum)
  return mb.models.ho2019_resnet { classes = 2, filters = s.filters, first_filters = math.min(64, s.filters),
    momentum = momentum }
end
local function one_convolution(size) return mb.models.one_convolution { classes = 2, pool = size } end

local stale, fresh, recalibrated = "ResNet, momentum 0.99", "ResNet, momentum 0.9", "ResNet, 0.99, recalibrated"
local networks = {
  { stale, function() return resnet(0.99) end, s.epochs, recalibrated },
  { fresh, function() return resnet(0.9) end, s.epochs },
  { "CNN-2 (Lee)", function() return mb.models.lee2020_cnn2 { classes = 2 } end, s.epochs },
  { "CNN-3 (Lee)", function() return mb.models.lee2020_cnn3 { classes = 2 } end, s.epochs },
  { "1 conv, max-pool 1", function() return one_convolution(1) end, s.epochs_small },
  { "1 conv, max-pool 16", function() return one_convolution(16) end, s.epochs_small },
  { "1 conv, max-pool 64", function() return one_convolution(64) end, s.epochs_small },
  { "logistic regression", function() return mb.models.logistic_regression { classes = 2 } end, 100 },
}

local names, points, strides = {}, {}, {} -- points[name][distance] = { right, all }
local bins = { "1-2", "3-5", "6-10", "11-20", "21-51" } -- distances from the border, in points

local function measure(name, model, set)
  if not points[name] then names[#names + 1], points[name] = name, {} end
  local predicted, right, in_bin = mb.predict(model, set.test.x), 0, {}
  for i = 1, #predicted do
    local hit = predicted[i] == set.test.y[i] and 1 or 0
    local distance = set.distance(set.test.position[i])
    local place = distance // 4 * 4 + 2
    local point = points[name][place] or { 0, 0 }
    points[name][place] = { point[1] + hit, point[2] + 1 }
    for b, bin in ipairs(set.bins) do
      in_bin[b] = in_bin[b] or { 0, 0 }
      if math.abs(distance) >= bin[1] and math.abs(distance) <= bin[2] then
        in_bin[b] = { in_bin[b][1] + hit, in_bin[b][2] + 1 }
      end
    end
    right = right + hit
  end
  strides[name] = model:reach { s.crop, 1 }.stride
  run:add(name, right / #predicted)
  for b, bin in ipairs(bins) do run:add(("%s @ %s"):format(name, bin), in_bin[b][1] / in_bin[b][2]) end
end

for seed in run:each_seed() do
  local set = mb.data.border_peaks { n = s.n, crop = s.crop, align = s.align, seed = seed }
  run:add("ceiling", set.ceiling())
  for _, network in ipairs(networks) do
    run:progress("%s", network[1])
    local model = network[2]()
    run:train(model, set, network[3], seed)
    measure(network[1], model, set)
    if network[4] then measure(network[4], mb.recalibrate(model, set.train.x, { batch_size = 32 }), set) end
  end
end

run:rule { "coarse pooling loses the border: the accuracy of max-pool 64 is below 0.75 at distance 1-2",
  "1 conv, max-pool 64 @ 1-2", below = 0.75 }
run:rule { "less pooling keeps it: without pooling the accuracy is above 0.9 at distance 1-2",
  "1 conv, max-pool 1 @ 1-2", above = 0.9 }
run:rule { "the ResNet fails as such: below 0.95 with momentum 0.9", fresh, below = 0.95 }
run:rule { "the ResNet of momentum 0.99 fails with recomputed statistics too: below 0.95", recalibrated, below = 0.95 }

-- A group of networks in each panel.
local groups = { { "Residual network", "^ResNet, " }, { "Networks of Lee et al.", "^CNN" },
  { "One convolution", "^1 conv, " }, { "No convolution", "^logistic" } }

local function line_of(name, label)
  local x, y = {}, {}
  for distance in pairs(points[name]) do x[#x + 1] = distance end
  table.sort(x)
  for k, distance in ipairs(x) do y[k] = points[name][distance][1] / points[name][distance][2] end
  return { x = x, y = y, label = label }
end

local panels = {}
for i, group in ipairs(groups) do
  local series = {}
  for _, name in ipairs(names) do
    local label = name:gsub("^ResNet, ", ""):gsub("^1 conv, ", "")
    if name:find(group[2]) then series[#series + 1] = line_of(name, label) end
  end
  panels[i] = mb.plot.lines { title = group[1], x_label = "distance from the border / points", y_label = "accuracy",
    y_range = { 0, 1.02 }, series = series, legend = "bottom left", width = 480, height = 320 }
end
run:figure("accuracy_over_position", mb.plot.grid { panels = panels, columns = 2 })
run:finish { total_stride = strides }
