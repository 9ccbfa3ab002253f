local mb = require "moonbow"

--- Makes spectra with a peak whose height is the target, beside a baseline that varies more.
-- @return x (n, 40, 1), the heights (n), and classes by the height
return function(n, seed, noise)
  local rng = mb.rng(seed)
  local rows, heights, classes = {}, {}, {}
  local h, b = rng:uniform(0, 1, n):totable(), rng:uniform(0, 5, n):totable()
  for i = 1, n do
    rows[i], heights[i], classes[i] = {}, h[i], h[i] < 0.5 and 1 or 2
    for t = 1, 40 do rows[i][t] = { h[i] * math.exp(-((t - 20) / 3) ^ 2) + b[i] } end
  end
  local x = mb.tensor(rows)
  return x + rng:normal(0, noise or 0.01, n, 40, 1), mb.tensor(heights), classes
end
