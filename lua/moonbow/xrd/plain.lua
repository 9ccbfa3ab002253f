--- A measured pattern without its background, on another grid, as networks and dissimilarities compare it.
local core = require "moonbow.core"

local plain = {}

local HALF_WINDOW = 2 -- degrees of the rolling ball that removes the background

-- Values at the points of an axis, linear between those that are measured; beyond them, the nearest ones.
local function interpolated(data, axis)
  local values, measured, k = core.totable(core.reshape(data.y, -1)), data.axis, 1
  local result = {}
  for i, x in ipairs(axis) do
    while k < #measured - 1 and measured[k + 1] < x do k = k + 1 end
    local share = math.max(0, math.min(1, (x - measured[k]) / (measured[k + 1] - measured[k])))
    result[i] = values[k] + share * (values[k + 1] - values[k])
  end
  return core.reshape(core.tensor(result), 1, #axis, 1)
end

--- The values on an axis, (1, L), from 0 to 1; negative ones become 0.
-- @param data as scan.read gives it
function plain.of(data, axis)
  local y = interpolated(data, axis)
  local half = math.max(1, math.floor(HALF_WINDOW * (#axis - 1) / (axis[#axis] - axis[1])))
  y = core.reshape(core.maximum(core.sub(y, core.rolling_ball(y, half, half)), 0), 1, #axis)
  return core.mul(y, 1 / math.max(core.max(core.reshape(y, -1))[1], 1e-30))
end

return plain
