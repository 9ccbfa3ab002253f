--- Tests if two samples of results agree: Welch's t-test, and the distance of the means in standard errors.
local distributions = require "moonbow.distributions"
local verdict = require "moonbow.experiment.verdict"

local agreement = {}

local ROUNDING = 1e-12 -- of the means: a standard error below it is none

--- Compares two lists of numbers by Welch's t-test (Welch 1947).
-- @return { difference (of the means, first less second), error (its standard error), p (two-sided;
--   nil for different means of samples without spread, which say nothing of others), within_two (true if the means are
--   within two standard errors) }; or nil if a list has fewer than 2 numbers
function agreement.welch(first, second)
  if #first < 2 or #second < 2 then return nil end
  local mean1, sd1 = verdict.spread(first)
  local mean2, sd2 = verdict.spread(second)
  local square1, square2 = sd1 ^ 2 / #first, sd2 ^ 2 / #second
  local difference, err = mean1 - mean2, math.sqrt(square1 + square2)
  local result = { difference = difference, error = err, within_two = math.abs(difference) <= 2 * err }
  local least = ROUNDING * math.max(math.abs(mean1), math.abs(mean2))
  if err <= least then
    local is_equal = math.abs(difference) <= least
    result.error, result.within_two, result.p = 0, is_equal, is_equal and 1 or nil
    return result
  end
  local df = err ^ 4 / (square1 ^ 2 / (#first - 1) + square2 ^ 2 / (#second - 1))
  result.p = distributions.student_p(difference / err, df)
  return result
end

return agreement
