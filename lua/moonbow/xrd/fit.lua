--- Full-profile fits of measured patterns: given phases, refined, or the phases of a search.
local core = require "moonbow.core"
local check = require "moonbow.check"
local crystals = require "moonbow.xrd.crystal"
local mixture = require "moonbow.xrd.mixture"
local peaks = require "moonbow.xrd.peaks"
local phase = require "moonbow.xrd.phase"
local refine = require "moonbow.xrd.refine"
local scan = require "moonbow.xrd.scan"
local search = require "moonbow.xrd.search"
local unexplained = require "moonbow.xrd.unexplained"

local fit = {}

local FINE = 5000 -- points of a refinement; more are averaged
local FIRST_SIZE = 400 -- of crystallites, in angstrom
local ENOUGH = 0.1 -- relative fall of the squared residual for which phases leave the cells of their files
local UNKNOWN = 0.025 -- unexplained share from which a phase is not among the candidates

--- Options of every fit.
fit.options = { background = check.default(9, "positive integer"), strain = check.default(0.02, "fraction below 1"),
  zero = check.default(0, "finite"), instrument = check.optional "table", B = check.default(0.6, "non-negative"),
  radiation = check.optional "string|number|table" }
for name, rule in pairs(peaks.physics) do fit.options[name] = fit.options[name] or rule end

local known = {}
for name, rule in pairs(fit.options) do known[name] = rule end

--- The candidates of crystals or paths, at the physics of a pattern; nil and a message if a file cannot be read.
function fit.candidates(operation, given, data)
  local list = {}
  for i, value in ipairs(check.list(operation, "candidates", given)) do
    local crystal, err = crystals.of(operation, ("candidates[%d]"):format(i), value)
    if not crystal then return nil, err end
    list[i] = phase.candidate(operation, crystal, data.physics)
    list[i].index = i
  end
  if #list == 0 then check.fail(operation, "candidates: expected at least one, got none") end
  return list
end

-- The peaks of a refined phase as they lie in the pattern, for tick marks.
local function ticks_of(p, data, globals)
  local options = {}
  for name, value in pairs(data.physics) do options[name] = value end
  options.cell = phase.cell(p)
  local list = peaks.of("xrd.fit", p.candidate.crystal, options)
  for _, peak in ipairs(list) do
    peak.two_theta = peak.two_theta + data.zero - globals.displacement * math.cos(math.rad(peak.two_theta / 2))
  end
  return list
end

local function phase_of(p, data, model, ties)
  local h, k, l = table.unpack(p.direction or {})
  local alternatives = {}
  for i, tie in ipairs(ties or {}) do alternatives[i] = { crystal = tie.candidate.crystal, merit = tie.rise } end
  return { crystal = p.candidate.crystal, weight = p.scale, merit = p.rise, alternatives = alternatives,
    cell = phase.cell(p), size = p.broadening > 0 and 1 / p.broadening or math.huge, strain = p.microstrain,
    texture = h and { h, k, l, math.exp(p.texture) }, ticks = ticks_of(p, data, model.globals) }
end

local function phases_of(data, model, ties)
  local list, sum = {}, 0
  for _, p in ipairs(model.phases) do
    if p.scale > 0 then
      list[#list + 1] = phase_of(p, data, model, ties and ties[p.candidate])
      sum = sum + p.scale
    end
  end
  for _, found in ipairs(list) do found.weight = found.weight / sum end
  table.sort(list, function(p, q) return p.weight > q.weight end)
  return list
end

-- The result of a refined model. What stays unexplained is judged on a coarse grid, where noise is less.
-- @param list the candidates
-- @param ties { [candidate] = list of { candidate, rise } }, optional
local function result_of(data, model, list, ties)
  local coarse, coarse_model = scan.coarse(data, search.COARSE), refine.copy(model)
  refine.solve(coarse, coarse_model)
  local calculated, background = refine.curves(data, model)
  local share, places = unexplained.of(coarse, coarse_model)
  return mixture.new { method = "fit", phases = phases_of(data, model, ties), unknown = share > UNKNOWN,
    unexplained = share, unexplained_at = places, rwp = math.sqrt(model.residual / data.total),
    displacement = model.globals.displacement, gaussian = math.sqrt(model.globals.W),
    at_bounds = refine.at_bounds(data, model), tried = #list,
    settings = list[1].peaks.settings, axis = data.axis, observed = core.reshape(data.y, -1), calculated = calculated,
    background = background }
end

-- Adds peaks outside the pattern where a phase came out so broad that their tails reach it; true if some were.
local function reach_tails(data, model)
  local is_wider = false
  for _, p in ipairs(model.phases) do
    local range = scan.range(data, p.broadening > 0 and 1 / p.broadening or nil, p.microstrain)
    local have = p.candidate.two_theta
    if range[1] < have[1] or range[2] > have[2] then
      phase.widen("xrd.fit", p.candidate, data.physics, { math.min(range[1], have[1]), math.max(range[2], have[2]) })
      is_wider = true
    end
  end
  return is_wider
end

-- Refines phases without texture, from the best of some widths.
-- @param shares { [candidate] = common strain at first }
local function refine_from(data, found, shares)
  local started = {}
  for i, candidate in ipairs(found) do
    started[i] = phase.new(candidate, FIRST_SIZE)
    started[i].strain[1] = shares[candidate] or 0
  end
  local model = refine.model(data, started)
  refine.start_widths(data, model)
  return refine.run(data, model)
end

-- Refines phases without texture, from the cells of their files, or from strained ones if those lead farther; then
-- with a texture along the direction that explains most.
local function refine_all(data, found)
  local model, other = refine_from(data, found, {}), refine_from(data, found, search.shares(data, found))
  if other.residual < model.residual * (1 - ENOUGH) then model = other end
  reach_tails(data, model)
  refine.orient(data, model)
  refine.run(data, model)
  return reach_tails(data, model) and refine.run(data, model) or model
end

--- Refines phases that another method found.
-- @param data as scan.read gives it
-- @param found list of candidates, without any the background alone
-- @param list all candidates
-- @param merits { [crystal] = number }
function fit.of_phases(data, found, list, method, merits)
  data = scan.coarse(data, FINE)
  local result = result_of(data, refine_all(data, found), list)
  result.method = method
  for _, one in ipairs(result.phases) do one.merit = merits[one.crystal] end
  return result
end

--- Refines phases in a measured pattern by all of its points: non-negative weights, cells (as the symmetry allows),
-- crystallite sizes, strains, texture (March and Dollase, along the best of seven directions), the displacement of the
-- sample, the instrument's Gaussian width W, and a background. Weighted by the reciprocals of the values;
-- Levenberg-Marquardt. Intensities are those of the file's cell; B, occupancies and positions are not refined. Sizes
-- are at least 10 A, microstrain at most 0.03, r of a texture 0.2 to 5, the displacement -0.4 to 0.4 degrees, and the
-- root of W 0.016 degrees (or half a step, if that is less; more where U and V make peaks narrower than W) to 0.5:
-- mixture.at_bounds lists what ended at a bound.
-- @param pattern spectra one spectrum over 2theta in degrees, d in angstrom, or q in 1/angstrom
-- @param phases table list of crystals or paths, all of which are tried
-- @option radiation "Cu" (K alpha 1 and 2, 2 : 1), "CuKa1", ...; a wavelength, or a list, as for mb.xrd.peaks; what the
--   file states unless given
-- @option background how many of Chebyshev's polynomials are its background
-- @option strain the most that a length of a cell may change, as a share, at most 0.1
-- @option zero shift of 2theta in degrees, which is not refined
-- @option instrument { U, V, W, X, Y, axial }, as for mb.xrd.pattern; W is only a start
-- @option monochromator angle 2theta of a crystal monochromator in degrees
-- @option dispersion false: without f' and f"
-- @option debye_waller false: atoms at rest
-- @option B displacement in square angstrom of sites for which the file has none
-- @return mixture or nil and a message
-- @usage mb.xrd.fit(mb.xrd.pattern("TiO2.cif", { radiation = "Cu", grid = { first = 20, last = 60, step = 0.05 } }),
--   { "TiO2.cif" }, { radiation = "Cu" })
function fit.fit(pattern, phases, options)
  options = check.options("xrd.fit", options, known)
  local data = scan.read("xrd.fit", pattern, options)
  local list, err = fit.candidates("xrd.fit", phases, data)
  if not list then return nil, err end
  return fit.of_phases(data, list, list, "fit", {})
end

check.takes(fit.fit, 3, known, "mb.xrd.fit(pattern, phases, { radiation = \"Cu\" })")

--- Finds the phases among candidates and refines them: mb.xrd.identify's method "fit".
-- @param options checked: those of fits, most, worth
function fit.identify(pattern, candidates, options)
  local data = scan.coarse(scan.read("xrd.identify", pattern, options), FINE)
  local list, err = fit.candidates("xrd.identify", candidates, data)
  if not list then return nil, err end
  local found, coarse, book = search.run(data, list, options)
  local ties = search.ties(coarse, found, book)
  reach_tails(data, found)
  return result_of(data, refine.run(data, found), list, ties)
end

return fit
