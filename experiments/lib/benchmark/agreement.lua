--- Tests if two samples of results agree: Welch's t-test, and the distance of the means in standard errors.
local distributions = require "moonbow.distributions"
local verdict = require "moonbow.experiment.verdict"

local agreement = {}

--- Compares two lists of numbers by Welch's t-test (Welch 1947).
-- @return { difference (of the means, first less second), error (its standard error), p (two-sided),
--   within_two (true if the means are within two standard errors) }; or nil if a list has fewer than 2
--   numbers
function agreement.welch(first, second)
  if #first < 2 or #second < 2 then return nil end
  local mean1, sd1 = verdict.spread(first)
  local mean2, sd2 = verdict.spread(second)
  local square1, square2 = sd1 ^ 2 / #first, sd2 ^ 2 / #second
  local difference, err = mean1 - mean2, math.sqrt(square1 + square2)
  local result = { difference = difference, error = err, within_two = math.abs(difference) <= 2 * err }
  if err == 0 then
    result.p = difference == 0 and 1 or 0
    return result
  end
  local df = err ^ 4 / (square1 ^ 2 / (#first - 1) + square2 ^ 2 / (#second - 1))
  result.p = distributions.student_p(difference / err, df)
  return result
end

return agreement
