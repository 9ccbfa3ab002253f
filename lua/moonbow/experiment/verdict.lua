--- Means over seeds, their uncertainty, and verdicts.
local check = require "moonbow.check"
local distributions = require "moonbow.distributions"
local moments = require "moonbow.moments"

local verdict = {}

--- Mean and sample standard deviation of numbers.
-- @param values table a list of at least one
-- @return number the mean
-- @return number the standard deviation; nil for fewer than two
function verdict.spread(values)
  check.list("spread", "values", values)
  if #values == 0 then check.fail("spread", "values: expected at least one number, got none") end
  return moments.mean_and_sd(values)
end

-- The 0.975 quantile of Student's t for 1, 2, ... degrees of freedom; for more, its expansion to 1 / df^2.
local quantiles = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228 }
local function t_quantile(df) return quantiles[df] or 1.95996 + 2.3723 / df + 2.8225 / df ^ 2 end

--- Returns half the width of the 95 % interval of the mean of a list; infinite for fewer than 3 values.
function verdict.uncertainty(values)
  if #values < 3 then return math.huge end
  local _, sd = verdict.spread(values)
  return t_quantile(#values - 1) * sd / math.sqrt(#values)
end

--- Returns how many values of a share are 1: of a list of 0 and 1 as integers, such as "this network is empty"; nil for
-- any other list. Accuracies are floats, also where each is 1.0.
function verdict.ones(values)
  local ones = 0
  for _, value in ipairs(values) do
    if math.type(value) ~= "integer" or value ~= 0 and value ~= 1 then return nil end
    ones = ones + value
  end
  return ones
end

local function shifted(values, limit)
  local list = {}
  for i, value in ipairs(values) do list[i] = value - limit end
  return list
end

--- Returns the ends of the 95 % interval of a mean, less a limit (0): of a share by Wilson's method, else by Student's
-- t; nil for fewer than 3 values. Values that are all the same have an interval without width: what a seed does not
-- change, such as a threshold or warping, is known from one. A share is not: 200 of 200 do not exclude 99 in 100.
function verdict.interval(values, limit)
  limit = limit or 0
  if #values < 3 then return nil end
  local ones = verdict.ones(values)
  if ones then
    local low, high = distributions.share_interval(ones, #values)
    return low - limit, high - limit
  end
  local distances = shifted(values, limit) -- each of them: so that values equal to the limit are exactly 0 from it
  local mean, off = (verdict.spread(distances)), verdict.uncertainty(distances)
  return mean - off, mean + off
end

--- "0.953 ± 0.012", or "0.953" if there is no spread. A share, of at least 3 integers 0 and 1, has the 95 % interval by
-- which it is judged instead of a standard deviation: "0.165 (0.132 to 0.205)".
-- @param values table a list of at least one number
-- @return string
function verdict.show_spread(values)
  local mean, sd = verdict.spread(values)
  if sd and verdict.ones(values) then
    local low, high = verdict.interval(values)
    if low then return ("%.3f (%.3f to %.3f)"):format(mean, low, high) end
  end
  return sd and ("%.3f ± %.3f"):format(mean, sd) or ("%.3f"):format(mean)
end

--- Decides if the mean of values is above (or below) a limit: "yes", "no", or "undecided" if the 95 % interval of the
-- mean holds the limit, or there are fewer than 3 values.
function verdict.judge(values, direction, limit)
  local low, high = verdict.interval(values, limit)
  if not low or low <= 0 and high >= 0 then return "undecided" end
  return (low > 0) == (direction == "above") and "yes" or "no"
end

--- What a quick run says instead of a verdict.
verdict.OF_QUICK = "not decided by a quick run"

--- Combines the answers of all rules: "holds" if all are yes, "does not hold here" if all are no, "holds in
-- part" if some are yes and some no, "no rules" if there are none, and otherwise "not decided by this many seeds". With
-- rules a quick run decides nothing.
-- @param is_quick boolean; optional
function verdict.of(answers, is_quick)
  if #answers == 0 then return "no rules" end
  if is_quick then return verdict.OF_QUICK end
  local count = { yes = 0, no = 0, undecided = 0 }
  for _, answer in ipairs(answers) do count[answer] = count[answer] + 1 end
  if count.yes > 0 and count.no > 0 then return "holds in part" end
  if count.undecided > 0 then return "not decided by this many seeds" end
  return count.yes > 0 and "holds" or "does not hold here"
end

return verdict
