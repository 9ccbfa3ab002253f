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

-- Returns a count of 0 for each bin or choice of an entry.
local function new_counts(entry)
  local counts = {}
  for b = 1, entry.kind == "choice" and #entry.values or BINS do counts[b] = 0 end
  return counts
end

local function weights_of(entry, counts)
  local total = 0
  for b = 1, #counts do total = total + counts[b] end
  return (entry.kind == "choice" and choice_weights or density_of)(counts, total)
end

-- Returns the weights of a name's bins or choices among the best configurations, and among the others.
local function both_weights(self, name, count_best)
  local entry, others = self.space.entries[name], {}
  local best = new_counts(entry)
  for i = 1, count_best do
    local b = self.sorted[i].bins[name]
    if b then best[b] = best[b] + 1 end
  end
  for b, count in ipairs(self.counts[name]) do others[b] = count - best[b] end
  return weights_of(entry, best), weights_of(entry, others)
end

-- Draws a u in [0, 1) for one name.
local function propose(self, rng, name, count_best)
  local l, g = both_weights(self, name, count_best)
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

-- Numbers an item, stores the bin of each value with it, and notes its configuration as proposed.
local function prepare(self, item, number)
  item.number, item.bins, self.seen[self.canonical(item.config)] = number, {}, true
  for name, value in pairs(item.config) do item.bins[name] = bin_of(self.space.entries[name], value) end
end

-- Places an item whose value has come among the sorted ones, and counts its bins. Each item is counted once, so that a
-- suggestion does not cost more with a longer history.
local function learn(self, item)
  local sorted, first, last = self.sorted, 1, #self.sorted
  while first <= last do
    local middle = (first + last) // 2
    if is_better(item, sorted[middle]) then last = middle - 1 else first = middle + 1 end
  end
  table.insert(sorted, first, item)
  for name, b in pairs(item.bins) do self.counts[name][b] = self.counts[name][b] + 1 end
  self.learnt[item] = true
end

local function read_history(self, history)
  for i, item in ipairs(history) do
    if not item.bins then prepare(self, item, i) end
    if item.value and not self.learnt[item] then learn(self, item) end
  end
end

--- Makes a strategy for a number of trials. options: trials, seed.
function tpe.new(space, canonical, options)
  local self = setmetatable({ space = space, canonical = canonical, trials = options.trials, seed = options.seed,
    seen = {}, learnt = {}, sorted = {}, counts = {} }, Tpe)
  for _, name in ipairs(space.names) do self.counts[name] = new_counts(space.entries[name]) end
  return self
end

--- Returns the next configuration; see strategies. It is a new one, unless all draws are repeated.
function Tpe.next(self, history)
  if #history >= self.trials then return nil end
  local rng = random.rng { self.seed, #history }
  read_history(self, history)
  local known, config = #self.sorted, nil
  local count_best = math.min(math.ceil(SHARE * known), MOST_BEST)
  for _ = 1, MOST_DRAWS do
    local u = {}
    for i, name in ipairs(self.space.names) do
      u[i] = known < STARTUP and rng:uniform() or propose(self, rng, name, count_best)
    end
    config = self.space:from_unit(u)
    if not self.seen[self.canonical(config)] then break end
  end
  return config
end

return tpe
