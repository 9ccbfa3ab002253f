--- Means over seeds, their uncertainty, and verdicts.
local check = require "moonbow.check"
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

--- "0.953 ± 0.012", or "0.953" if there is no spread.
-- @param values table a list of at least one number
-- @return string
function verdict.show_spread(values)
  local mean, sd = verdict.spread(values)
  return sd and ("%.3f ± %.3f"):format(mean, sd) or ("%.3f"):format(mean)
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

--- Decides if the mean of values is above (or below) a limit: "yes", "no", or "undecided" if the 95 %
-- interval of the mean holds the limit.
function verdict.judge(values, direction, limit)
  local mean, off = (verdict.spread(values)), verdict.uncertainty(values)
  if math.abs(mean - limit) <= off then return "undecided" end
  return (mean > limit) == (direction == "above") and "yes" or "no"
end

--- Combines the answers of all rules: "holds" if all are yes, "does not hold here" if all are no, "holds in
-- part" if some are yes and some no, "no rules" if there are none, and otherwise "not decided by this many seeds".
function verdict.of(answers)
  if #answers == 0 then return "no rules" end
  local count = { yes = 0, no = 0, undecided = 0 }
  for _, answer in ipairs(answers) do count[answer] = count[answer] + 1 end
  if count.yes > 0 and count.no > 0 then return "holds in part" end
  if count.undecided > 0 then return "not decided by this many seeds" end
  return count.yes > 0 and "holds" or "does not hold here"
end

return verdict
