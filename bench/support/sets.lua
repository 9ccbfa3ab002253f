-- Data sets for comparing classifiers with scikit-learn's: a list of { name, x (N, D), y (N),
-- splits = a list of { train, test } row numbers }. Measured spectra come from the folder of measured spectra, if
-- there is one.
local mb = require "moonbow"

-- A Gaussian peak of height 0.3 per spectrum, on a straight line and a slow wave as background, with noise of 0.05.
-- Class k has it within 25 points of 60 + 40 k.
local function peak_position(seed, n, test, length)
  local rng, N = mb.rng(seed), n + test
  local y = rng:integers(1, 5, { endpoint = true, shape = { N } })
  local function uniform(low, high) return rng:uniform(low, high, N, 1) end
  local t = mb.arange(length):reshape(1, length)
  local z = (t - (y * 40 + 60):reshape(N, 1) - uniform(-25, 25)) / uniform(2, 6)
  local height = 0.3 + uniform(-0.1, 0.1)
  local wave = (t / uniform(length / 20, length / 4) + uniform(0, 6.3)):sin() * 0.5 + 0.5
  local background = wave * uniform(0, 0.1) + t / length * uniform(0, 0.1)
  local x = (z * z * -0.5):exp() * height + background + rng:normal(0, 0.05, N, length)
  return { name = "peak_position", x = x, y = y, splits = { { train = mb.arange(n), test = mb.arange(n + 1, N) } } }
end

-- The data of the review, as the experiments generate them.
local function generated(name, options)
  options.n, options.test = 1000, 2000
  local set = mb.data[name](options)
  return { name = name, x = mb.concat({ set.train.x, set.test.x }):reshape(3000, -1),
    y = mb.concat { set.train.y, set.test.y },
    splits = { { train = mb.arange(1000), test = mb.arange(1001, 3000) } } }
end

-- Rows of one group (replicates) stay on one side of a split.
local function measured(name, path, label, group)
  local file = mb.spectra.read(path)
  if not file then return nil end
  local y = file:classes(label)
  return { name = name, x = file.x:reshape(#y, -1), y = y,
    splits = mb.split.k_fold(#y, 5, { stratify = y, groups = group and group(file.labels, #y), seed = 1 }) }
end

local function meat_samples(labels, n)
  local groups = {}
  for i = 1, n do groups[i] = labels.meat[i] .. labels.sample[i] .. labels.supplier[i] end
  return groups
end

--- @param folder of the measured spectra, or nil
return function(folder)
  local sets = {
    generated("single_peak", { seed = 1 }),
    peak_position(2, 500, 2000, 400),
    generated("border_peaks", { crop = 320, background = 0.2, width = { 5, 15 }, seed = 3 }),
  }
  if folder then
    sets[#sets + 1] = measured("meats_ftir", folder .. "/meats_ftir/Fresh_meats.csv", "meat", meat_samples)
    sets[#sets + 1] = measured("coffee_ftir", folder .. "/coffee_ftir/Instant_Coffee_Quadrum.csv",
      "Group Code:")
  end
  return sets
end
