--- Intensity that stands where no phase has peaks: the mark of a phase that is not among the candidates.
local core = require "moonbow.core"
local refine = require "moonbow.xrd.refine"

local unexplained = {}

local LITTLE = 0.3 -- of the intensity above the background: what phases give where they have no peak
local NOISE = 4 -- standard deviations that a point must rise above the background
local LEAST = 0.005 -- of the highest point, the same
local MOST_PEAKS = 5
local APART = 0.5 -- degrees between peaks that are listed

-- The highest of the points of which none is near a higher one.
local function strongest(points)
  table.sort(points, function(p, q) return p.height > q.height end)
  local kept = {}
  for _, point in ipairs(points) do
    local is_new = true
    for _, angle in ipairs(kept) do is_new = is_new and math.abs(angle - point.angle) > APART end
    if is_new then kept[#kept + 1] = point.angle end
    if #kept == MOST_PEAKS then break end
  end
  return kept
end

--- Measures what a solved model leaves.
-- @return share of the intensity above the background, list of angles
function unexplained.of(data, model)
  local calculated, background = refine.curves(data, model)
  local y, c, b = core.totable(core.reshape(data.y, -1)), core.totable(calculated), core.totable(background)
  local roots = core.totable(core.reshape(data.root_weights, -1))
  local highest, all, rest, points = 0, 0, 0, {}
  for i = 1, #y do highest = math.max(highest, y[i] - b[i]) end
  for i = 1, #y do
    local net, by_phases = y[i] - b[i], c[i] - b[i]
    if net > math.max(NOISE * data.noise_factor / roots[i], LEAST * highest) then
      all = all + net
      if by_phases < LITTLE * net then
        rest = rest + net - by_phases
        points[#points + 1] = { angle = data.axis[i], height = net - by_phases }
      end
    end
  end
  return all > 0 and rest / all or 0, strongest(points)
end

return unexplained
