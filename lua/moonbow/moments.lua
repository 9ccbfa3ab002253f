--- Mean and spread of a list of numbers.
local moments = {}

--- Returns the mean of at least one number, and the sum of the squared deviations from it: exactly 0 of equal numbers,
-- whose sum by their count may be rounded.
function moments.mean_and_squares(list)
  local sum, squares = 0, 0
  for _, value in ipairs(list) do sum = sum + (value - list[1]) end
  local mean = list[1] + sum / #list
  for _, value in ipairs(list) do squares = squares + (value - mean) ^ 2 end
  return mean, squares
end

--- Returns the mean of at least one number, and the standard deviation; nil for fewer than two.
function moments.mean_and_sd(list)
  local mean, squares = moments.mean_and_squares(list)
  return mean, #list > 1 and math.sqrt(squares / (#list - 1)) or nil
end

return moments
