--- Derivatives along an axis whose points need not be even: the derivative of a polynomial fitted to the points around.
local core = require "moonbow.core"
local check = require "moonbow.check"

local slopes = {}

--- Raises unless window, order and derivative fit each other and the axis.
function slopes.check(options)
  local window, order, derivative = options.window, options.order, options.derivative
  if window % 2 == 0 or window > #options.axis then
    check.fail("derivative", "window: expected an odd number of at most the %d points, got %d", #options.axis, window)
  elseif order >= window or order > 8 then
    check.fail("derivative", "order: expected less than the window and at most 8, got %d", order)
  elseif derivative > order then
    check.fail("derivative", "derivative: expected at most the order %d, got %d", order, derivative)
  end
  for t = 2, #options.axis do
    if options.axis[t] == options.axis[t - 1] then
      check.fail("derivative", "the axis holds %g twice", options.axis[t])
    end
  end
end

-- Solves the system a (n, n) b = right by elimination with pivots; a and right are destroyed.
local function solve(a, right, n)
  for c = 1, n do
    local pivot = c
    for i = c + 1, n do
      if math.abs(a[i][c]) > math.abs(a[pivot][c]) then pivot = i end
    end
    a[c], a[pivot], right[c], right[pivot] = a[pivot], a[c], right[pivot], right[c]
    for i = c + 1, n do
      local factor = a[i][c] / a[c][c]
      for k = c, n do a[i][k] = a[i][k] - factor * a[c][k] end
      right[i] = right[i] - factor * right[c]
    end
  end
  for c = n, 1, -1 do
    for k = c + 1, n do right[c] = right[c] - a[c][k] * right[k] end
    right[c] = right[c] / a[c][c]
  end
  return right
end

-- The powers 0..order of the positions of points first..last from point t, and the scale that puts these within -1 to
-- 1, where powers up to 8 keep their digits.
local function powers_at(axis, t, first, last, order)
  local scale, powers = math.max(math.abs(axis[last] - axis[t]), math.abs(axis[first] - axis[t])), {}
  for i = first, last do
    local u, row = (axis[i] - axis[t]) / scale, { 1 }
    for m = 2, order + 1 do row[m] = row[m - 1] * u end
    powers[i] = row
  end
  return powers, scale
end

-- The weights of points first..last for the derivative at point t, by the normal equations of the polynomial.
local function weights_at(axis, t, first, last, order, derivative)
  local powers, scale = powers_at(axis, t, first, last, order)
  local gram, unit, factor, weights = {}, {}, 1, {}
  for a = 1, order + 1 do
    gram[a], unit[a] = {}, a == derivative + 1 and 1 or 0
    for b = 1, order + 1 do
      local sum = 0
      for i = first, last do sum = sum + powers[i][a] * powers[i][b] end
      gram[a][b] = sum
    end
  end
  local coefficients = solve(gram, unit, order + 1)
  for d = 1, derivative do factor = factor * d / scale end
  for i = first, last do
    local sum = 0
    for m, power in ipairs(powers[i]) do sum = sum + coefficients[m] * power end
    weights[i] = sum * factor
  end
  return weights
end

-- For each distance k from the point, the weights of all points as a tensor (1, L, 1); windows at the ends keep their
-- number of points.
local function weight_rows(options)
  local L, window, rows = #options.axis, options.window, {}
  for k = 1 - window, window - 1 do
    rows[k] = {}
    for t = 1, L do rows[k][t] = 0 end
  end
  for t = 1, L do
    local first = math.max(1, math.min(t - window // 2, L - window + 1))
    local weights = weights_at(options.axis, t, first, first + window - 1, options.order, options.derivative)
    for i, weight in pairs(weights) do rows[i - t][t] = weight end
  end
  return rows
end

-- x moved by k points along the length, zeros behind.
local function moved(x, k)
  local N, L, C = core.size(x, 1), core.size(x, 2), core.size(x, 3)
  if k == 0 then return x end
  local rest, gap = core.slice(x, 2, math.max(1, 1 + k), L - math.abs(k)), core.full(0, N, math.abs(k), C)
  return core.concat(k > 0 and { rest, gap } or { gap, rest }, 2)
end

--- Applies the step derivative. The weights of a point sum to 0, so they are applied to differences from its own value:
-- no digits are lost to an offset.
function slopes.apply(x, options)
  local L = core.size(x, 2)
  if L ~= #options.axis then
    check.fail("derivative", "the axis has %d points, the spectra have %d", #options.axis, L)
  end
  local sum
  for k, row in pairs(weight_rows(options)) do
    local is_used = false
    for _, weight in ipairs(row) do is_used = is_used or weight ~= 0 end
    if is_used and k ~= 0 and math.abs(k) < L then
      local part = core.mul(core.sub(moved(x, k), x), core.reshape(core.tensor(row), 1, L, 1))
      sum = sum and core.add(sum, part) or part
    end
  end
  return sum
end

return slopes
