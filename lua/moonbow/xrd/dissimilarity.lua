--- Phases by dissimilarities to the patterns of candidates (Iwasaki et al. 2017, npj Comput. Mater. 3, 4).
local check = require "moonbow.check"
local core = require "moonbow.core"
local fit = require "moonbow.xrd.fit"
local mixture = require "moonbow.xrd.mixture"
local neighbours = require "moonbow.baselines.neighbours"
local phase = require "moonbow.xrd.phase"
local plain = require "moonbow.xrd.plain"
local scan = require "moonbow.xrd.scan"

local dissimilarity = {}

dissimilarity.measures = { "cosine", "pearson", "jensen_shannon", "dtw" }

local MOST_POINTS = 2000
local SIZE = 300 -- of crystallites, in angstrom
local WINDOW = 0.5 -- degrees that "dtw" may match apart
local AS_GOOD = 0.02 -- dissimilarity that is no difference
-- Beyond these, even the nearest candidate is none. Of five measured phases, the right one is nearer by all measures;
-- once it is taken out, the nearest other one is farther.
local FAR = { cosine = 0.5, pearson = 0.5, jensen_shannon = 0.5, dtw = 0.75 }

local function rows_of(candidates, data)
  local rows = {}
  for i, candidate in ipairs(candidates) do
    local y = phase.pattern(phase.new(candidate, SIZE), data, { displacement = 0, W = data.instrument.W })
    rows[i] = core.mul(y, 1 / math.max(core.max(core.reshape(y, -1))[1], 1e-30))
  end
  return core.concat(rows, 1)
end

-- Dissimilarities of a pattern to rows, from 0 to about 1: "dtw" is divided by the length of the pattern.
local function measure(y, rows, name, data)
  local step = (data.axis[#data.axis] - data.axis[1]) / (#data.axis - 1)
  local d = neighbours.distances(y, rows, { metric = name, verbose = false,
    window = name == "dtw" and math.ceil(WINDOW / step) or nil })
  if name == "dtw" then d = core.mul(d, 1 / math.sqrt(core.sum(core.mul(y, y))[1])) end
  return core.totable(core.reshape(d, -1))
end

--- Finds the nearest candidate: mb.xrd.identify's method "dissimilarity".
-- @param options checked: those of fits, and measure
function dissimilarity.identify(pattern, given, options)
  check.name("xrd.identify", "measure", options.measure, dissimilarity.measures)
  local data = scan.coarse(scan.read("xrd.identify", pattern, options), MOST_POINTS)
  local candidates, err = fit.candidates("xrd.identify", given, data)
  if not candidates then return nil, err end
  local y = plain.of(data, data.axis)
  local far, order = measure(y, rows_of(candidates, data), options.measure, data), {}
  for i = 1, #far do order[i] = i end
  table.sort(order, function(p, q) return far[p] < far[q] or far[p] == far[q] and p < q end)
  local best, alternatives = order[1], {}
  for place = 2, #order do
    local i = order[place]
    if far[i] - far[best] < AS_GOOD then
      alternatives[#alternatives + 1] = { crystal = candidates[i].crystal, merit = 1 - far[i] }
    end
  end
  local is_unknown = far[best] > FAR[options.measure]
  return mixture.new { method = "dissimilarity", tried = #candidates, settings = candidates[1].peaks.settings,
    phases = is_unknown and {} or { { crystal = candidates[best].crystal, weight = 1, merit = 1 - far[best],
      alternatives = alternatives, ticks = candidates[best].peaks } },
    unknown = is_unknown, axis = data.axis, observed = core.reshape(data.y, -1) }
end

return dissimilarity
