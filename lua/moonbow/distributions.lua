--- Tail probabilities of Student's t and Fisher's F, by the incomplete beta function.
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

--- The t that |t| exceeds with probability p, by bisection.
function distributions.student_quantile(p, df)
  local low, high = 0, 1
  while distributions.student_p(high, df) > p do high = high * 2 end
  for _ = 1, 200 do
    local middle = (low + high) / 2
    if distributions.student_p(middle, df) > p then low = middle else high = middle end
  end
  return (low + high) / 2
end

return distributions
