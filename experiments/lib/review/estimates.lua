--- Measured figures in words: means over seeds and shares of networks, each with its interval; and rules.
local distributions = require "moonbow.distributions"
local moments = require "moonbow.moments"
local verdict = require "moonbow.experiment.verdict"

local estimates = {}

--- { mean, low, high, n, ones }: the 95 % interval of the mean over the seeds, by which rules are judged (ones: how
-- many, of a share); low and high are nil for fewer than three seeds.
function estimates.of(values)
  local found = { mean = (verdict.spread(values)), n = #values, ones = verdict.ones(values) }
  found.low, found.high = verdict.interval(values)
  return found
end

--- "0.960 (0.954 to 0.966)", "0.142 (57 of 400; 0.112 to 0.180)", "0.96 (1 seed)".
function estimates.text(values)
  local found = estimates.of(values)
  if not found.low then
    return ("%.3f (%d seed%s)"):format(found.mean, found.n, found.n > 1 and "s" or "")
  end
  local share = found.ones and ("%d of %d; "):format(found.ones, found.n) or ""
  return ("%.3f (%s%.3f to %.3f)"):format(found.mean, share, found.low, found.high)
end

--- The measured figure of results by name, or nil.
function estimates.measured(results, name)
  for _, figure in ipairs(results.measured) do
    if figure.name == name then return figure end
  end
end

-- The distances of the values from the limit of a rule, those of pairs of one seed if it is another figure.
local function distances(results, rule)
  local figure = estimates.measured(results, rule.figure)
  local limit, sign = rule.above or rule.below, rule.above and 1 or -1
  local other = type(limit) == "string" and estimates.measured(results, limit)
  if not figure or type(limit) == "string" and (not other or #other.values ~= #figure.values) then return nil end
  local list = {}
  for i, value in ipairs(figure.values) do
    list[i] = sign * (value - (other and other.values[i] or limit)) - (rule.by or 0)
  end
  return list
end

local MOST_SEEDS, NORMAL = 10000, 1.959964

-- The first number of seeds, from one on, whose interval excludes the limit; nil if there is none up to the most.
local function first_that_excludes(excludes, n)
  while n <= MOST_SEEDS and not excludes(n) do n = n + 1 end
  return n <= MOST_SEEDS and n or nil
end

local function seeds_of_share(share, limit)
  return first_that_excludes(function(n)
    local low, high = distributions.share_interval(share * n, n)
    return low > limit or high < limit
  end, 3)
end

local function seeds_of_mean(mean, sd)
  local least = math.min((NORMAL * sd / math.abs(mean)) ^ 2, MOST_SEEDS + 1)
  if mean == 0 or mean ~= mean then return nil end
  return first_that_excludes(function(n)
    return distributions.student_quantile(0.05, n - 1) * sd / math.sqrt(n) <= math.abs(mean)
  end, math.max(3, math.ceil(least)))
end

--- How many seeds would decide a rule that these have not, if mean and spread stay: a number, or nil if that cannot be
-- said.
function estimates.seeds_needed(results, rule)
  local list = distances(results, rule)
  if not list or #list < 2 then return nil end
  local limit, figure = rule.above or rule.below, estimates.measured(results, rule.figure)
  if type(limit) == "number" and verdict.ones(figure.values) then
    return seeds_of_share(verdict.spread(figure.values), limit + (rule.above and 1 or -1) * (rule.by or 0))
  end
  return seeds_of_mean(moments.mean_and_sd(list))
end

return estimates
