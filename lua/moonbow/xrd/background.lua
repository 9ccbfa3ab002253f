--- Smooth backgrounds of powder patterns: Chebyshev's polynomials along the axis.
local core = require "moonbow.core"

local background = {}

--- The first polynomials T0, T1, ... along an axis, which runs from -1 to 1: (count, L).
function background.polynomials(axis, count)
  local first, span, columns = axis[1], math.max(axis[#axis] - axis[1], 1e-30), {}
  for order = 1, count do columns[order] = {} end
  for i, x in ipairs(axis) do
    local u = #axis > 1 and 2 * (x - first) / span - 1 or 0
    local now, following = 1, u
    for order = 1, count do
      columns[order][i] = now
      now, following = following, 2 * u * following - now
    end
  end
  return core.tensor(columns)
end

--- The sum of polynomials by their coefficients, a list: (1, L).
function background.sum(polynomials, coefficients) return core.matmul(core.tensor { coefficients }, polynomials) end

return background
