-- Claim 5 of the review: deep residual networks pool away the position of a peak, and fail where two classes
-- meet at a border; networks with less pooling do not.
--
-- Every spectrum has one peak, below the border (class 1) or above it (class 2). What counts is the accuracy
-- close to the border, and whether batch norm's running statistics explain it.
local mb = require "moonbow"
local experiment = require "moonbow.experiment"

local args = experiment.parser("border_peaks", "Do networks that pool lose the position of a peak?"):parse()
local quick = args.quick
local seeds = args.seeds or (quick and 1 or 3)
local n, crop = quick and 600 or 1000, 320

local function resnet(momentum)
  return function()
    return mb.models.ho2019_resnet { classes = 2, filters = quick and 32 or 100, first_filters = quick and 32 or 64,
      momentum = momentum }
  end
end
local function pooled(size)
  return function() return mb.models.one_convolution { classes = 2, pool = size } end
end

local networks = {
  { name = "ResNet, momentum 0.99", make = resnet(0.99), epochs = 12, recalibrated = "ResNet, 0.99, recalibrated" },
  { name = "ResNet, momentum 0.9", make = resnet(0.9), epochs = 12 },
  { name = "CNN-2 (Lee)", make = function() return mb.models.lee2020_cnn2 { classes = 2 } end, epochs = 12 },
  { name = "CNN-3 (Lee)", make = function() return mb.models.lee2020_cnn3 { classes = 2 } end, epochs = 12 },
  { name = "1 conv, max-pool 1", make = pooled(1), epochs = 30 },
  { name = "1 conv, max-pool 16", make = pooled(16), epochs = 30 },
  { name = "1 conv, max-pool 64", make = pooled(64), epochs = 30 },
  { name = "logistic regression", make = function() return mb.models.logistic_regression { classes = 2 } end,
    epochs = 100 },
}

local order, outcomes = {}, {} -- outcomes[name] = { stride, accuracy = {per seed}, bins = {...}, points = {...} }

local function outcome_of(name)
  if not outcomes[name] then
    order[#order + 1] = name
    outcomes[name] = { accuracy = {}, bins = {}, points = {} }
  end
  return outcomes[name]
end

local function count(store, key, is_right)
  store[key] = store[key] or { right = 0, all = 0 }
  store[key].all = store[key].all + 1
  if is_right then store[key].right = store[key].right + 1 end
end

local function share(counted) return counted and counted.right / counted.all or 0 / 0 end

local function measure(name, model, set)
  local outcome, predicted = outcome_of(name), mb.predict(model, set.test.x)
  local right, of_this_seed = 0, {}
  for i = 1, #predicted do
    local is_right = predicted[i] == set.test.y[i]
    local distance = set.distance(set.test.position[i])
    right = right + (is_right and 1 or 0)
    for b, bin in ipairs(set.bins) do
      if math.abs(distance) >= bin[1] and math.abs(distance) <= bin[2] then
        count(outcome.bins, b, is_right)
        count(of_this_seed, b, is_right)
      end
    end
    count(outcome.points, distance // 4 * 4 + 2, is_right)
  end
  for b = 1, #set.bins do
    outcome.bins[b].by_seed = outcome.bins[b].by_seed or {}
    table.insert(outcome.bins[b].by_seed, share(of_this_seed[b]))
  end
  outcome.accuracy[#outcome.accuracy + 1] = right / #predicted
  outcome.stride = model:reach { crop, 1 }.stride
  print(("%-28s accuracy %.3f"):format(name, right / #predicted))
end

for seed = args.seed, args.seed + seeds - 1 do
  local set = mb.data.border_peaks { n = n, crop = crop, seed = seed }
  for _, network in ipairs(networks) do
    print(("seed %d: %s"):format(seed, network.name))
    local model = network.make()
    mb.fit(model, set.train, {
      epochs = network.epochs, batch_size = 32, optimizer = mb.optim.Adam { lr = 1e-3 }, seed = seed,
      validation = set.validation, early_stopping = { patience = network.epochs }, verbose = false,
    })
    measure(network.name, model, set)
    if network.recalibrated then
      measure(network.recalibrated, mb.recalibrate(model, set.train.x, { batch_size = 32 }), set)
    end
  end
end

local bins = { "1-2", "3-5", "6-10", "11-20", "21-51" }
local rows = { { "network", "total stride", "accuracy", table.unpack(bins) } }
for _, name in ipairs(order) do
  local outcome = outcomes[name]
  local row = { name, outcome.stride, experiment.show_spread(outcome.accuracy) }
  for b = 1, #bins do row[#row + 1] = experiment.show_spread(outcome.bins[b].by_seed) end
  rows[#rows + 1] = row
end
local counts = { "test spectra in the bin", "", "" }
for b = 1, #bins do counts[#counts + 1] = outcomes[order[1]].bins[b].all end
rows[#rows + 1] = counts
print(("\nAccuracy by the distance of the peak from the border, in points; %d seed(s)\n"):format(seeds))
experiment.table(rows)

local function mean(name) return (experiment.spread(outcomes[name].accuracy)) end
local function near(name) return share(outcomes[name].bins[1]) end
local stale, recalibrated, fresh = mean(order[1]), mean(order[2]), mean(order[3])
local pooling = near "1 conv, max-pool 64" < 0.75 and near "1 conv, max-pool 1" > 0.9
local resnet_fails = math.min(recalibrated, fresh) < 0.95
local stale_fails = stale < math.min(recalibrated, fresh) - 0.02
local verdict = pooling and resnet_fails and "holds" or (pooling or resnet_fails) and "holds in part"
  or "does not hold here"
print(("\nCoarse pooling loses the border (max-pool 64 at distance 1-2: %.3f, without pooling %.3f): %s")
  :format(near "1 conv, max-pool 64", near "1 conv, max-pool 1", pooling and "yes" or "no"))
print(("The ResNet fails as such (momentum 0.9: %.3f, recalibrated: %.3f, below 0.95): %s")
  :format(fresh, recalibrated, resnet_fails and "yes" or "no"))
print(("Stale running statistics harm it (momentum 0.99: %.3f against %.3f recalibrated, by more than 0.02): %s")
  :format(stale, recalibrated, stale_fails and "yes" or "no"))
print(("Verdict on the claim: %s%s\n"):format(verdict, seeds < 3 and " (not decided by this many seeds)" or ""))

local series, results = {}, {}
for _, name in ipairs(order) do
  local outcome, distances, accuracy = outcomes[name], {}, {}
  for distance in pairs(outcome.points) do distances[#distances + 1] = distance end
  table.sort(distances)
  for i, distance in ipairs(distances) do accuracy[i] = share(outcome.points[distance]) end
  series[#series + 1] = { x = distances, y = accuracy, label = name }
  results[#results + 1] = { network = name, total_stride = outcome.stride, accuracy = outcome.accuracy,
    bins = outcome.bins }
end
local figure = mb.plot.lines {
  title = "Accuracy over the position of the peak", x_label = "distance from the border / points",
  y_label = "accuracy", series = series, width = 900, height = 500,
}
experiment.save(args.out, {
  claim = "Deep residual networks lose peaks at a border; less pooling keeps them", verdict = verdict,
  decided = seeds >= 3, seeds = seeds, first_seed = args.seed, quick = quick or false, n = n, crop = crop,
  bins = bins, networks = results,
  findings = { pooling_loses_border = pooling, resnet_fails = resnet_fails, stale_statistics_harm = stale_fails },
}, { accuracy_over_position = figure })
