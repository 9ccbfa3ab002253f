--- Least squares by the normal equations, where some unknowns must not be negative (Lawson and Hanson 1974).
local nnls = {}

local RIDGE = 1e-6 -- of the diagonal: products are summed in float32
local MOST_STEPS = 500

-- Solves the equations of some unknowns by Cholesky's factors; returns their values by unknown.
local function solve(gram, right, chosen)
  local n, factor, values = #chosen, {}, {}
  for i = 1, n do
    factor[i] = {}
    for j = 1, i do
      local sum = gram[chosen[i]][chosen[j]] * (i == j and 1 + RIDGE or 1)
      for k = 1, j - 1 do sum = sum - factor[i][k] * factor[j][k] end
      factor[i][j] = i == j and math.sqrt(math.max(sum, 1e-12)) or sum / factor[j][j]
    end
  end
  for i = 1, n do
    local sum = right[chosen[i]]
    for k = 1, i - 1 do sum = sum - factor[i][k] * values[k] end
    values[i] = sum / factor[i][i]
  end
  for i = n, 1, -1 do
    local sum = values[i]
    for k = i + 1, n do sum = sum - factor[k][i] * values[k] end
    values[i] = sum / factor[i][i]
  end
  local by_unknown = {}
  for i, unknown in ipairs(chosen) do by_unknown[unknown] = values[i] end
  return by_unknown
end

-- The unknown at its bound that would lower the residual most; nil if none would.
local function steepest(gram, right, x, free, is_chosen)
  local best, slope = nil, 0
  for i = 1, #right do slope = math.max(slope, 1e-6 * math.abs(right[i])) end
  for i = free + 1, #right do
    if not is_chosen[i] then
      local down = right[i]
      for j, value in pairs(x) do down = down - gram[i][j] * value end
      if down > slope then best, slope = i, down end
    end
  end
  return best
end

-- Moves x towards the solution of the chosen unknowns, up to the first bound; unknowns at their bounds are let go.
local function step(gram, right, x, free, is_chosen)
  while true do
    local chosen = {}
    for i = 1, #right do
      if is_chosen[i] then chosen[#chosen + 1] = i end
    end
    local goal, share = solve(gram, right, chosen), 1
    for i, value in pairs(goal) do
      local from = x[i] or 0
      if i > free and value <= 0 then share = math.min(share, from / (from - value + 1e-300)) end
    end
    for i, value in pairs(goal) do x[i] = (x[i] or 0) + share * (value - (x[i] or 0)) end
    if share == 1 then return end
    for i = free + 1, #right do
      if is_chosen[i] and x[i] <= 1e-12 then is_chosen[i], x[i] = nil, nil end
    end
  end
end

--- Minimises x' G x - 2 x' r, where all but the first `free` unknowns are at least 0.
-- @param gram list of rows, its diagonal about 1
-- @param right list
-- @return { [unknown] = value } of those that are not at the bound
function nnls.solve(gram, right, free)
  local x, is_chosen = {}, {}
  for i = 1, free do is_chosen[i] = true end
  if free > 0 then step(gram, right, x, free, is_chosen) end
  for _ = 1, MOST_STEPS do
    local unknown = steepest(gram, right, x, free, is_chosen)
    if not unknown then break end
    is_chosen[unknown] = true
    step(gram, right, x, free, is_chosen)
    if not is_chosen[unknown] then break end -- rounding: it came in and went out at once
  end
  return x
end

--- x' G x - 2 x' r + total, the squared residual if total is that of the data.
function nnls.residual(gram, right, x, total)
  local sum = total
  for i, value in pairs(x) do
    sum = sum - 2 * value * right[i]
    for j, other in pairs(x) do sum = sum + value * other * gram[i][j] end
  end
  return math.max(sum, 0)
end

return nnls
