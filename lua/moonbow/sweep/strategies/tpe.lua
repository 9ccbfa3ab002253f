--- Tree-structured Parzen estimator: draws each value from the density of the best configurations so far, and takes the
-- draw whose density among the best exceeds that among all others by the largest factor.
-- Source: Bergstra, Bardenet, Bengio and Kegl 2011; number of the best and of candidates as in Optuna.
local random = require "moonbow.random"

local tpe = {}

local STARTUP = 10    -- random configurations before the first densities
local CANDIDATES = 24
local BINS = 64      -- bins of a density over [0, 1)
local SHARE = 0.1    -- share of the configurations that are the best, at most MOST_BEST
local MOST_BEST = 25
local MOST_DRAWS = 10 -- draws until a configuration is new

local Tpe = { __name = "strategy" }
Tpe.__index = Tpe

--- Makes a strategy for a number of trials. options: trials, seed.
function tpe.new(space, canonical, options)
  return setmetatable({ space = space, canonical = canonical, trials = options.trials, seed = options.seed,
    seen = {} }, Tpe)
end

-- ---- densities ----

-- Returns weights of choices: counts plus 1, so that no choice is excluded.
local function choice_weights(counts, total)
  local weights = {}
  for i, count in ipairs(counts) do weights[i] = (count + 1) / (total + #counts) end
  return weights
end

local kernels = {} -- bandwidth -> kernel

-- Returns a Gaussian around each bin, cut at the borders, with mean 1 over all bins: kernel[b][other], for bins within
-- reach.
local function kernel_of(bandwidth)
  if kernels[bandwidth] then return kernels[bandwidth] end
  local rows, reach = {}, math.ceil(4 * bandwidth * BINS)
  for b = 1, BINS do
    local first, last, mass, row = math.max(1, b - reach), math.min(BINS, b + reach), 0, {}
    for other = first, last do
      row[other - first + 1] = math.exp(-0.5 * ((other - b) / BINS / bandwidth) ^ 2)
      mass = mass + row[other - first + 1]
    end
    for i in ipairs(row) do row[i] = row[i] * BINS / mass end
    rows[b] = { first = first, row = row }
  end
  kernels[bandwidth] = rows
  return rows
end

-- Returns the density of a number of points in bins: a Gaussian for each point, plus a uniform one for untried values.
-- The bandwidth falls with the number of points, in steps of 2^(1/4), so that there are few different kernels.
local function density_of(counts, total)
  local width = math.max(0.1 * (total + 1) ^ -0.4, 1 / BINS)
  local kernel, density = kernel_of(2 ^ (math.floor(4 * math.log(width, 2) + 0.5) / 4)), {}
  for b = 1, BINS do density[b] = 1 / (total + 1) end
  for b = 1, BINS do
    if counts[b] > 0 then
      local first, row, weight = kernel[b].first, kernel[b].row, counts[b] / (total + 1)
      for i = 1, #row do density[first + i - 1] = density[first + i - 1] + weight * row[i] end
    end
  end
  return density
end

local function sum_of(weights)
  local sum = 0
  for i = 1, #weights do sum = sum + weights[i] end
  return sum
end

local function draw_index(rng, weights, sum)
  local left = rng:uniform() * sum
  for i = 1, #weights do
    left = left - weights[i]
    if left < 0 then return i end
  end
  return #weights
end

-- ---- proposals ----

local function bin_of(entry, value)
  if entry.kind ~= "choice" then return math.min(math.floor(entry:to_unit(value) * BINS) + 1, BINS) end
  for i, one in ipairs(entry.values) do
    if one == value then return i end
  end
end

-- Returns the weights of a name's bins or choices, from the configurations in which it exists.
local function weights_of(entry, name, list)
  local is_choice, counts, total = entry.kind == "choice", {}, 0
  for b = 1, is_choice and #entry.values or BINS do counts[b] = 0 end
  for _, item in ipairs(list) do
    local b = item.bins[name]
    if b then counts[b], total = counts[b] + 1, total + 1 end
  end
  return (is_choice and choice_weights or density_of)(counts, total)
end

-- Draws a u in [0, 1) for one name.
local function propose(rng, entry, name, best, others)
  local l, g = weights_of(entry, name, best), weights_of(entry, name, others)
  local sum, top, top_ratio = sum_of(l), nil, nil
  for _ = 1, CANDIDATES do
    local i = draw_index(rng, l, sum)
    if not top or l[i] / g[i] > top_ratio then top, top_ratio = i, l[i] / g[i] end
  end
  return (top - 1 + rng:uniform()) / #l
end

local function is_better(a, b)
  if a.value ~= b.value then return a.value < b.value end
  return a.number < b.number
end

-- Splits the configurations with values into the best, a tenth, and the others.
local function split(history)
  local with_value, best, others = 0, {}, {}
  for _, item in ipairs(history) do with_value = with_value + (item.value and 1 or 0) end
  local count = math.min(math.ceil(SHARE * with_value), MOST_BEST)
  for _, item in ipairs(history) do
    if item.value then
      local place = #best + 1
      while place > 1 and is_better(item, best[place - 1]) do place = place - 1 end
      if place <= count then table.insert(best, place, item) else others[#others + 1] = item end
      if #best > count then others[#others + 1] = table.remove(best) end
    end
  end
  return best, others
end

-- Numbers an item, stores the bin of each value with it, and notes its configuration as proposed.
local function prepare(self, item, number)
  item.number, item.bins, self.seen[self.canonical(item.config)] = number, {}, true
  for name, value in pairs(item.config) do item.bins[name] = bin_of(self.space.entries[name], value) end
end

--- Returns the next configuration; see strategies. It is a new one, unless all draws are repeated.
function Tpe.next(self, history)
  if #history >= self.trials then return nil end
  local rng = random.rng { self.seed, #history }
  for i, item in ipairs(history) do
    if not item.bins then prepare(self, item, i) end
  end
  local best, others = split(history)
  local config
  for _ = 1, MOST_DRAWS do
    local u = {}
    for i, name in ipairs(self.space.names) do
      u[i] = #best + #others < STARTUP and rng:uniform() or propose(rng, self.space.entries[name], name, best, others)
    end
    config = self.space:from_unit(u)
    if not self.seen[self.canonical(config)] then break end
  end
  return config
end

return tpe
