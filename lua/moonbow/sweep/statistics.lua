--- Statistics of the results of a sweep: means over seeds, paired differences, shares of the variance by factor.
local distributions = require "moonbow.distributions"
local moments = require "moonbow.moments"
local random = require "moonbow.random"
local space = require "moonbow.sweep.space"

local statistics = {}

local ROUNDING = 1e-12 -- of the values: differences and deviations below it are none

--- Groups results by configuration.
-- @param results list of trials' results
-- @param objective { name, minimize }
-- @param seeds how many a configuration has, or nil: those that have a value for each are ranked before the others,
--   since the mean of the seeds that went well says little where another one failed or is not there yet
-- @return a list of { config, key, values ({ [seed] = number }, of trials that are done), list (the same numbers),
--   mean, sd, n, ended (number of trials), failed }, the best mean first, those without a value last
function statistics.configurations(results, objective, seeds)
  local by_key, list = {}, {}
  for _, result in ipairs(results) do
    local key = result.key or space.canonical(result.config)
    local group = by_key[key]
    if not group then
      group = { config = result.config, key = key, values = {}, list = {}, ended = 0, failed = 0 }
      by_key[key], list[#list + 1] = group, group
    end
    group.ended = group.ended + 1
    local value = result.status == "done" and result.metrics[objective.name]
    if type(value) == "number" then
      group.values[result.seed] = value
      group.list[#group.list + 1] = value
    elseif result.status ~= "stopped" then
      group.failed = group.failed + 1
    end
  end
  for _, group in ipairs(list) do
    group.n = #group.list
    if group.n > 0 then group.mean, group.sd = moments.mean_and_sd(group.list) end
  end
  local sign = objective.minimize and 1 or -1
  local function class(group) return group.mean == nil and 3 or seeds and group.n < seeds and 2 or 1 end
  table.sort(list, function(a, b)
    if class(a) ~= class(b) then return class(a) < class(b) end
    if a.mean and a.mean ~= b.mean then return sign * a.mean < sign * b.mean end
    return a.key < b.key
  end)
  return list
end

-- Compares two configurations over the seeds that both have: returns mean difference, its sd, number of seeds, and p of
-- the paired t-test, which needs two seeds. If all differences are equal, nothing is known of their spread: there is no
-- p then, but 1 for a difference of 0.
local function pair(best, other)
  local differences, size = {}, 0
  for seed, value in pairs(best.values) do
    local second = other.values[seed]
    if second then
      differences[#differences + 1] = second - value
      size = math.max(size, math.abs(value), math.abs(second))
    end
  end
  local result = { n = #differences }
  if result.n == 0 then return result end
  result.mean, result.sd = moments.mean_and_sd(differences)
  if result.n < 2 then return result end
  if result.sd <= ROUNDING * size then
    result.sd, result.p = 0, math.abs(result.mean) <= ROUNDING * size and 1 or nil
  else
    result.p = distributions.student_p(result.mean / (result.sd / math.sqrt(result.n)), result.n - 1)
  end
  return result
end

--- Holm's correction: corrects each p for the whole family, so that the chance of at least one false "different" is at
-- most p. Source: Holm 1979.
-- @param items list of tables with p; corrected is set beside it
-- @param count of the family, nil: as many as have p; more where items were chosen from it by their values
function statistics.correct(items, count)
  local sorted = {}
  for _, item in ipairs(items) do
    if item.p then sorted[#sorted + 1] = item end
  end
  table.sort(sorted, function(a, b) return a.p < b.p end)
  local least = 0
  for i, item in ipairs(sorted) do
    least = math.max(least, math.min(1, item.p * ((count or #sorted) - i + 1)))
    item.corrected = least
  end
end

--- Sets difference of each configuration against the first, the best: { mean, sd, n, p, corrected }. p is corrected for
-- all pairs of configurations with values, of which any could have come to be compared: the best is chosen by the same
-- values.
function statistics.compare(configurations)
  local best, differences, count = configurations[1], {}, 1
  if not best or not best.mean then return end
  for i = 2, #configurations do
    configurations[i].difference = pair(best, configurations[i])
    differences[#differences + 1] = configurations[i].difference
    count = count + (configurations[i].mean and 1 or 0)
  end
  statistics.correct(differences, count * (count - 1) // 2)
end

-- Returns the number of values, their mean, the sum of squares within configurations, that of configurations' means
-- around the mean, weighted by values, and the square of a deviation by rounding.
local function sums_of_squares(groups)
  local n, sum = 0, 0
  for _, group in ipairs(groups) do n, sum = n + group.n, sum + group.n * group.mean end
  local mean, within, between, size = sum / n, 0, 0, 0
  for _, group in ipairs(groups) do
    between = between + group.n * (group.mean - mean) ^ 2
    for _, value in ipairs(group.list) do
      within, size = within + (value - group.mean) ^ 2, math.max(size, math.abs(value))
    end
  end
  return n, mean, within, between, (ROUNDING * size) ^ 2
end

-- Returns the levels of a factor, { value, n, mean }, and the mean of all of them. Leaves out configurations without
-- the factor: they differ from the others by the names in its condition, which are factors themselves.
local function levels_of(groups, name)
  local by_value, levels, n, sum = {}, {}, 0, 0
  for _, group in ipairs(groups) do
    local value = group.config[name]
    if value ~= nil then
      local level = by_value[value]
      if not level then
        level = { value = value, n = 0, sum = 0 }
        by_value[value], levels[#levels + 1] = level, level
      end
      level.n, level.sum = level.n + group.n, level.sum + group.n * group.mean
      n, sum = n + group.n, sum + group.n * group.mean
    end
  end
  for _, level in ipairs(levels) do level.mean = level.sum / level.n end
  return levels, sum / n
end

--- Analysis of variance: the share of the variance that each factor explains by itself, and the share of the seed,
-- which configurations do not explain. Factors are tested against the spread between seeds; p is corrected for their
-- number (Holm). Shares are omega squared, which is near 0 for a factor without effect, and at least 0.
-- @param configurations from statistics.configurations
-- @param names of the factors
-- @return { seed (share), rest (share of interactions), factors = list of { name, share, p, corrected, levels }, the
--   largest share first, varies (false if no value varies with the seed: there is no p of a factor with an effect then)
--   }; nil for fewer than two seeds or configurations with values
function statistics.variance(configurations, names)
  local groups = {}
  for _, group in ipairs(configurations) do
    if group.n > 0 then groups[#groups + 1] = group end
  end
  if #groups < 2 then return nil end
  local n, mean, within, between, least = sums_of_squares(groups)
  local df_within, total = n - #groups, within + between
  if df_within < 1 then return nil end
  local noise = within / df_within
  local result, explained = { factors = {}, mean = mean, varies = noise > least }, 0
  for _, name in ipairs(names) do
    local levels, level_mean = levels_of(groups, name)
    local squares = 0
    for _, level in ipairs(levels) do squares = squares + level.n * (level.mean - level_mean) ^ 2 end
    local df = math.max(0, #levels - 1)
    local share = total > 0 and math.max(0, (squares - df * noise) / (total + noise)) or 0
    explained = explained + share
    local factor = { name = name, share = share, levels = levels }
    if df > 0 and result.varies then
      factor.p = distributions.fisher_p(squares / df / noise, df, df_within)
    elseif df > 0 and squares <= n * least then
      factor.p = 1
    end
    result.factors[#result.factors + 1] = factor
  end
  statistics.correct(result.factors)
  local df_between = #groups - 1
  local configuration = total > 0 and math.max(0, (between - df_between * noise) / (total + noise)) or 0
  result.seed = 1 - configuration
  result.rest = math.max(0, configuration - explained)
  local sum = explained + result.rest + result.seed -- above 1 if factors explain some of the noise
  result.seed, result.rest = result.seed / sum, result.rest / sum
  for _, factor in ipairs(result.factors) do factor.share = factor.share / sum end
  table.sort(result.factors, function(a, b)
    if a.share ~= b.share then return a.share > b.share end
    return a.name < b.name
  end)
  return result
end

-- ---- importance if values rarely repeat ----

local SHARE, BINS, SHUFFLES = 0.2, 6, 200

-- Returns the bin of a configuration's value: its position among the choices, one of equal parts of a range, or a bin
-- for no value.
local function bin_of(entry, value)
  if value == nil then return 0 end
  if entry.kind == "choice" then
    for i, one in ipairs(entry.values) do
      if one == value then return i end
    end
  end
  return math.min(math.floor(entry:to_unit(value) * BINS), BINS - 1) + 1
end

-- The Pearson divergence of the best from all: the sum over bins of all's share times (best's share / all's - 1)^2.
local function divergence(bins, is_best, count_best)
  local all, best = {}, {}
  for i, bin in ipairs(bins) do
    all[bin] = (all[bin] or 0) + 1
    if is_best[i] then best[bin] = (best[bin] or 0) + 1 end
  end
  local sum = 0
  for bin, count in pairs(all) do
    local ratio = (best[bin] or 0) / count_best * #bins / count
    sum = sum + count / #bins * (ratio - 1) ^ 2
  end
  return sum
end

-- Returns labels of the best: those of the sorted configurations themselves, and shuffled ones.
local function labels_of(count, count_best)
  local rng, labels = random.rng(1), { {} }
  for i = 1, count do labels[1][i] = i <= count_best end
  for s = 1, SHUFFLES do
    labels[s + 1] = {}
    for i, place in ipairs(rng:permutation(count):totable()) do labels[s + 1][i] = place <= count_best end
  end
  return labels
end

-- Returns the divergence of a factor less its mean by chance, and p. If no shuffle reaches it, p is the tail of a gamma
-- distribution with the mean and variance of the shuffles (which the statistic of Pearson has for many configurations):
-- shuffles alone could not give a p so small that it stays small when it is corrected for many factors.
local function surplus(bins, labels, count_best)
  local own, sum, squares, above = divergence(bins, labels[1], count_best), 0, 0, 0
  for s = 2, #labels do
    local shuffled = divergence(bins, labels[s], count_best)
    sum, squares, above = sum + shuffled, squares + shuffled ^ 2, above + (shuffled >= own * (1 - ROUNDING) and 1 or 0)
  end
  local mean = sum / SHUFFLES
  if above > 0 then return own - mean, (above + 1) / (SHUFFLES + 1) end
  return own - mean, math.min(distributions.gamma_p(own, mean, squares / SHUFFLES - mean ^ 2), 1 / (SHUFFLES + 1))
end

--- Returns how much each factor distinguishes the best fifth of the configurations from all: PED-ANOVA on bins, minus
-- its mean for shuffled labels; p is from the same shuffles, corrected for the number of factors (Holm).
-- Source: Watanabe, Bansal and Hutter 2023, arXiv 2304.10255.
-- @param configurations from statistics.configurations
-- @param space of the sweep
-- @return list of { name, importance (their sum is 1, unless all are 0), p, corrected }, the largest first; nil for
--   fewer than ten configurations with values
function statistics.importance(configurations, sweep_space)
  local groups = {}
  for _, group in ipairs(configurations) do
    if group.n > 0 then groups[#groups + 1] = group end
  end
  if #groups < 10 then return nil end
  local count_best = math.max(2, math.floor(SHARE * #groups + 0.5))
  local labels, factors, total = labels_of(#groups, count_best), {}, 0
  for _, name in ipairs(sweep_space.names) do
    local bins = {}
    for i, group in ipairs(groups) do bins[i] = bin_of(sweep_space.entries[name], group.config[name]) end
    local importance, p = surplus(bins, labels, count_best)
    importance = math.max(0, importance)
    total = total + importance
    factors[#factors + 1] = { name = name, importance = importance, p = p }
  end
  for _, factor in ipairs(factors) do factor.importance = total > 0 and factor.importance / total or 0 end
  statistics.correct(factors)
  table.sort(factors, function(a, b)
    if a.importance ~= b.importance then return a.importance > b.importance end
    return a.name < b.name
  end)
  return factors
end

return statistics
