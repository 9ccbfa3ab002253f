-- Data sets on which classifiers are held against scikit-learn's: a list of { name, x (N, D), y (N),
-- splits = a list of { train, test } row numbers }. Measured spectra come from the folder of measured spectra, where
-- there is one.
local mb = require "moonbow"

-- A Gaussian peak per spectrum, on a straight line and a slow wave as background, with noise. Class k has its
-- peak around centres[k], within shift points, and a height within 0.1 of heights[k].
local function peaks(name, seed, n, test, length, centres, heights, shift, noise)
  local rng, N, K = mb.rng(seed), n + test, #centres
  local y = rng:integers(1, K, { endpoint = true, shape = { N } })
  local function column(values) return mb.tensor(values):index(y):reshape(N, 1) end
  local function uniform(low, high) return rng:uniform(low, high, N, 1) end
  local t = mb.arange(length):reshape(1, length)
  local z = (t - column(centres) - uniform(-shift, shift)) / uniform(2, 6)
  local height = column(heights) + uniform(-0.1, 0.1)
  local wave = (t / uniform(length / 20, length / 4) + uniform(0, 6.3)):sin() * 0.5 + 0.5
  local background = wave * uniform(0, 0.1) + t / length * uniform(0, 0.1)
  local x = (z * z * -0.5):exp() * height + background + rng:normal(0, noise, N, length)
  return { name = name, x = x, y = y, splits = { { train = mb.arange(n), test = mb.arange(n + 1, N) } } }
end

local function border(seed)
  local set = mb.data.border_peaks { n = 1000, test = 2000, crop = 320, background = 0.2, width = { 5, 15 },
    seed = seed }
  return { name = "border_peaks", x = mb.concat({ set.train.x, set.test.x }):reshape(3000, 320),
    y = mb.concat { set.train.y, set.test.y },
    splits = { { train = mb.arange(1000), test = mb.arange(1001, 3000) } } }
end

-- Rows of one group (replicates) are never torn apart.
local function measured(name, path, label, group)
  local file = mb.data.read_csv(path)
  if not file then return nil end
  local classes, y = {}, {}
  for i, value in ipairs(file.labels[label]) do
    if not classes[value] then
      classes[#classes + 1] = value
      classes[value] = #classes
    end
    y[i] = classes[value]
  end
  return { name = name, x = file.x:reshape(#y, -1), y = mb.tensor(y),
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
    peaks("peak_height", 1, 1000, 2000, 1000, { 500, 500 }, { 0.8, 0.6 }, 50, 0.02),
    peaks("peak_position", 2, 500, 2000, 400, { 100, 140, 180, 220, 260 }, { 0.3, 0.3, 0.3, 0.3, 0.3 }, 25,
      0.05),
    border(3),
  }
  if folder then
    sets[#sets + 1] = measured("meats_ftir", folder .. "/meats_ftir/Fresh_meats.csv", "meat", meat_samples)
    sets[#sets + 1] = measured("coffee_ftir", folder .. "/coffee_ftir/Instant_Coffee_Quadrum.csv",
      "Group Code:")
  end
  return sets
end
