--- Tail probabilities of Student's t, Fisher's F and the binomial, by the incomplete beta function, and of the gamma
-- distribution.
local distributions = {}

-- log Gamma for x > 0: Lanczos, with g = 7 and nine coefficients.
local lanczos = { 0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313,
  -176.61502916214059, 12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6,
  1.5056327351493116e-7 }
local function log_gamma(x)
  local sum, t = lanczos[1], x + 6.5
  for i = 2, #lanczos do sum = sum + lanczos[i] / (x + i - 2) end
  return 0.5 * math.log(2 * math.pi) + (x - 0.5) * math.log(t) - t + math.log(sum)
end

-- The continued fraction of the incomplete beta function, by Lentz's method (Numerical Recipes, 6.4).
local function beta_fraction(x, a, b)
  local tiny = 1e-300
  local c, d = 1, 1 - (a + b) * x / (a + 1)
  d = 1 / (math.abs(d) < tiny and tiny or d)
  local h = d
  for m = 1, 300 do
    local even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
    local odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
    local before = h
    for _, term in ipairs { even, odd } do
      d, c = 1 + term * d, 1 + term / c
      d = 1 / (math.abs(d) < tiny and tiny or d)
      c = math.abs(c) < tiny and tiny or c
      h = h * d * c
    end
    if math.abs(h - before) < 1e-15 * math.abs(h) then break end
  end
  return h
end

local function incomplete_beta(x, a, b)
  if x <= 0 or x >= 1 then return x <= 0 and 0 or 1 end
  local powers = a * math.log(x) + b * math.log(1 - x)
  local front = math.exp(log_gamma(a + b) - log_gamma(a) - log_gamma(b) + powers)
  if x < (a + 1) / (a + b + 2) then return front * beta_fraction(x, a, b) / a end
  return 1 - front * beta_fraction(1 - x, b, a) / b
end

--- The probability that |t| of Student's distribution with df degrees of freedom is at least this large.
function distributions.student_p(t, df)
  if t ~= t then return 1 end
  return incomplete_beta(df / (df + t * t), df / 2, 0.5)
end

--- The probability that F with df1 and df2 degrees of freedom is at least this large.
function distributions.fisher_p(f, df1, df2)
  if f <= 0 then return 1 end
  return incomplete_beta(df2 / (df2 + df1 * f), df2 / 2, df1 / 2)
end

--- The probability of at least k successes of n, each with probability p.
function distributions.binomial_p(k, n, p)
  if k <= 0 then return 1 end
  return incomplete_beta(p, k, n - k + 1)
end

local NORMAL = 1.959964 -- the 0.975 quantile

--- The 95 % interval of a share of which k of n were seen (Wilson 1927). Returns its ends.
function distributions.share_interval(k, n)
  local z = NORMAL * NORMAL
  local middle = (k + z / 2) / (n + z)
  local half = NORMAL / (n + z) * math.sqrt(k * (n - k) / n + z / 4)
  return k == 0 and 0 or middle - half, k == n and 1 or middle + half -- no rounding where an end is 0 or 1
end

-- The value at which a falling function of non-negative values is p, by bisection.
local function inverse(f, p)
  local low, high = 0, 1
  while f(high) > p do high = high * 2 end
  for _ = 1, 200 do
    local middle = (low + high) / 2
    if f(middle) > p then low = middle else high = middle end
  end
  return (low + high) / 2
end

--- The t that |t| exceeds with probability p.
function distributions.student_quantile(p, df)
  return inverse(function(t) return distributions.student_p(t, df) end, p)
end

--- The F that is exceeded with probability p.
function distributions.fisher_quantile(p, df1, df2)
  return inverse(function(f) return distributions.fisher_p(f, df1, df2) end, p)
end

local function ratio(r, above, below)
  local a, b = 0, 0
  for k = #above, 1, -1 do a = a * r + above[k] end
  for k = #below, 1, -1 do b = b * r + below[k] end
  return a / b
end

--- The value below which the share p of a standard normal distribution lies, to seven digits (Wichura 1988, AS 241).
function distributions.normal_quantile(p)
  local q = p - 0.5
  if math.abs(q) <= 0.425 then
    return q * ratio(0.180625 - q * q, { 3.3871327179, 50.434271938, 159.29113202, 59.10937472 },
      { 1, 17.895169469, 78.757757664, 67.1875636 })
  end
  local r = math.sqrt(-math.log(math.min(p, 1 - p)))
  local size = r <= 5 and ratio(r - 1.6, { 1.4234372777, 2.75681539, 1.3067284816, 0.17023821103 },
    { 1, 0.7370016425, 0.12021132975 })
    or ratio(r - 5, { 6.657905115, 3.081226386, 0.42868294337, 0.017337203997 }, { 1, 0.24197894225, 0.012258202635 })
  return q > 0 and size or -size
end

-- The lower incomplete gamma function as a series, for x < a + 1 (Numerical Recipes, 6.2).
local function gamma_series(a, x)
  local term, sum = 1 / a, 1 / a
  for n = 1, 1000 do
    term = term * x / (a + n)
    sum = sum + term
    if term < 1e-15 * sum then break end
  end
  return sum
end

-- The upper one as a continued fraction, for larger x, by Lentz's method.
local function gamma_fraction(a, x)
  local b = x + 1 - a
  local c, d = 1e300, 1 / b
  local h = d
  for n = 1, 1000 do
    local term = -n * (n - a)
    b = b + 2
    d, c = 1 / (b + term * d), b + term / c
    h = h * d * c
    if math.abs(d * c - 1) < 1e-15 then break end
  end
  return h
end

--- The probability that a gamma distribution of this mean and variance is at least x.
function distributions.gamma_p(x, mean, variance)
  if x <= 0 then return 1 end
  if not (mean > 0 and variance > 0) then return x > mean and 0 or 1 end
  local a = mean * mean / variance
  x = x * mean / variance
  local front = math.exp(a * math.log(x) - x - log_gamma(a))
  return x < a + 1 and 1 - front * gamma_series(a, x) or front * gamma_fraction(a, x)
end

return distributions
