--- Plain fits of measured mixtures: non-negative least squares of simulated patterns and a background.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local crystals = require "moonbow.xrd.crystal"
local nnls = require "moonbow.xrd.nnls"
local peaks = require "moonbow.xrd.peaks"
local set = require "moonbow.spectra.set"
local shape = require "moonbow.xrd.shape"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local fit = {}

local COARSE, FINE = { -0.3, -0.2, -0.1, 0, 0.1, 0.2, 0.3 }, { 0.05, 0.025 } -- shifts of 2theta in degrees
local SIZES = { 150, 250, 800, 1600 } -- of crystallites in angstrom
local FIRST_SIZE = 400
local MARGIN = 5 -- degrees beyond the pattern from which tails reach into it

--- A measured pattern as a mixture of phases. print(mixture) shows them.
--
-- @class mixture
-- @field phases table list of { crystal, weight (share of the crystalline mass) }, the largest first
-- @field rwp number weighted residual, 0 to 1: sqrt(sum w (y - fitted)^2 / sum w y^2), w = 1 / y
-- @field zero number common shift of 2theta in degrees
-- @field size number common crystallite size in angstrom
-- @field tried integer number of candidates
-- @field settings string what was assumed, in words
local Fit = {}

local function text_of(f)
  local rows = { { "phase", "formula", "space group", "weight (%)" } }
  for i, phase in ipairs(f.phases) do
    rows[i + 1] = { phase.crystal.name, phase.crystal.formula, phase.crystal.space_group,
      ("%.1f"):format(100 * phase.weight) }
  end
  return ("%s of %s, Rwp %.3f, shift of 2theta %.3f deg, crystallites of %g A\n%s\n%s"):format(
    check.show_count(#f.phases, "phase"), check.show_count(f.tried, "candidate"), f.rwp, f.zero, f.size, f.settings,
    text_table.format(rows, { left = 3 }))
end

--- Makes a fit of a table with the fields above.
fit.new = shown.kind("mixture", text_of, Fit)
counted.methods(Fit, "mixture:")

local known = { background = check.default(9, "positive integer"), worth = check.default(0.03, "fraction below 1"),
  instrument = check.optional "table" }
for name, rule in pairs(peaks.physics) do known[name] = rule end

-- ---- the equations ----

-- Chebyshev's polynomials along the axis: list of columns.
local function backgrounds(axis, count)
  local first, last, columns = axis[1], axis[#axis], {}
  for order = 1, count do columns[order] = {} end
  for i, x in ipairs(axis) do
    local u = (2 * x - first - last) / (last - first)
    local now, following = 1, u
    for order = 1, count do
      columns[order][i] = now
      now, following = following, 2 * u * following - now
    end
  end
  return core.tensor(columns)
end

-- The pattern of a candidate per unit of mass, (1, L).
local function simulate(data, candidate, zero, size)
  local flat, sample = {}, { size = size }
  local scale = 1 / (candidate.crystal.mass * candidate.crystal.volume)
  for _, peak in ipairs(candidate.peaks) do
    local gaussian, lorentzian = shape.widths(data.instrument, sample, math.rad(peak.two_theta / 2),
      candidate.peaks.radiation[peak.line_index].wavelength)
    if not gaussian then check.fail("xrd.fit", "instrument: no width at 2theta = %.3f deg", peak.two_theta) end
    local at = #flat
    flat[at + 1], flat[at + 2] = peak.two_theta + zero, peak.intensity * scale
    flat[at + 3], flat[at + 4] = gaussian, lorentzian
  end
  local axial = data.instrument.axial
  return core.reshape(core.xrd_profile(data.axis, flat, axial[1], axial[2]), 1, #data.axis)
end

-- Solves for backgrounds and candidates at one shift and size: values by row, normal equations, squared residual.
local function solve(data, candidates, zero, size)
  local rows = { data.backgrounds }
  for i, candidate in ipairs(candidates) do rows[i + 1] = simulate(data, candidate, zero, size) end
  local matrix = core.mul(core.concat(rows, 1), data.root_weights)
  local lengths = core.maximum(core.sqrt(core.sum(core.mul(matrix, matrix), 2)), 1e-30)
  matrix = core.div(matrix, core.reshape(lengths, -1, 1))
  local gram = core.totable(core.matmul(matrix, core.transpose(matrix, 1, 2)))
  local right = core.totable(core.reshape(core.matmul(matrix, core.reshape(data.target, -1, 1)), -1))
  local x = nnls.solve(gram, right, data.free)
  return { x = x, gram = gram, right = right, lengths = core.totable(lengths), candidates = candidates, zero = zero,
    size = size, residual = nnls.residual(gram, right, x, data.total) }
end

-- ---- the search ----

-- The best of the solutions at some shifts and sizes.
local function best_of(data, best, candidates, tries)
  for _, try in ipairs(tries) do
    local solution = solve(data, candidates, try[1], try[2])
    if not best or solution.residual < best.residual then best = solution end
  end
  return best
end

-- The candidates that a solution uses.
local function used(data, solution)
  local list = {}
  for i, candidate in ipairs(solution.candidates) do
    if (solution.x[data.free + i] or 0) > 0 then list[#list + 1] = candidate end
  end
  return list
end

-- The squared residual without some of the candidates.
local function residual_of(data, solution, candidates)
  local places, gram, right = {}, {}, {}
  for row = 1, data.free do places[row] = row end
  for i, candidate in ipairs(solution.candidates) do
    for _, kept in ipairs(candidates) do
      if kept == candidate then places[#places + 1] = data.free + i end
    end
  end
  for p, row in ipairs(places) do
    gram[p], right[p] = {}, solution.right[row]
    for q, column in ipairs(places) do gram[p][q] = solution.gram[row][column] end
  end
  return nnls.residual(gram, right, nnls.solve(gram, right, data.free), data.total)
end

-- Leaves out, one by one, the candidate that is missed least, as long as the squared residual rises by less than a
-- share `worth` of itself.
local function prune(data, best, worth)
  while true do
    local least, without
    local candidates = used(data, best)
    for i = 1, #candidates do
      local rest = table.move(candidates, 1, #candidates, 1, {})
      table.remove(rest, i)
      local residual = residual_of(data, best, rest)
      if not least or residual < least then least, without = residual, rest end
    end
    if not least or least > best.residual * (1 + worth) then return best end
    best = solve(data, without, best.zero, best.size)
  end
end

local function search(data, candidates, worth)
  local tries = {}
  for i, zero in ipairs(COARSE) do tries[i] = { zero, FIRST_SIZE } end
  local best = best_of(data, nil, candidates, tries)
  candidates = used(data, best)
  for _, by in ipairs(FINE) do
    best = best_of(data, best, candidates, { { best.zero - by, best.size }, { best.zero + by, best.size } })
    tries = {}
    for i, size in ipairs(SIZES) do tries[i] = { best.zero, size } end
    if by == FINE[1] then best = best_of(data, best, candidates, tries) end
  end
  return prune(data, best, worth)
end

-- ---- the door ----

local function read_data(spectra, options)
  if not set.is(spectra) or #spectra ~= 1 then
    check.fail("xrd.fit", "pattern: expected a set of one spectrum, as set[1] is, got %s", check.show(spectra))
  end
  if spectra.direction ~= "rising" or spectra.length < 10 then
    check.fail("xrd.fit", "pattern: expected at least 10 points at rising angles; pattern:rising() turns it")
  end
  local y = core.reshape(spectra.x, 1, -1)
  if core.sum(core.ne(y, y))[1] > 0 then check.fail("xrd.fit", "pattern: it has NaN; crop it first") end
  local floor = math.max(core.max(core.reshape(y, -1))[1] * 1e-3, 1e-30)
  local roots = core.div(core.full(1, 1, spectra.length), core.sqrt(core.maximum(y, floor)))
  local target = core.mul(y, roots)
  return { axis = spectra.axis, free = options.background, backgrounds = backgrounds(spectra.axis, options.background),
    root_weights = roots, target = target, total = core.sum(core.mul(target, target))[1],
    instrument = shape.instrument("xrd.fit", options.instrument) }
end

local function read_candidates(given, data, options)
  local list, physics = {}, { two_theta = { math.max(0.5, data.axis[1] - MARGIN),
    math.min(179, data.axis[#data.axis] + MARGIN) } }
  for name in pairs(peaks.physics) do physics[name] = options[name] end
  for i, value in ipairs(check.list("xrd.fit", "candidates", given)) do
    local crystal, err = crystals.of("xrd.fit", ("candidates[%d]"):format(i), value)
    if not crystal then return nil, err end
    list[i] = { crystal = crystal, peaks = peaks.of("xrd.fit", crystal, physics) }
  end
  if #list == 0 then check.fail("xrd.fit", "candidates: expected at least one, got none") end
  return list
end

local function phases_of(data, best)
  local list, sum = {}, 0
  for i, candidate in ipairs(best.candidates) do
    local mass = (best.x[data.free + i] or 0) / best.lengths[data.free + i]
    if mass > 0 then list[#list + 1], sum = { crystal = candidate.crystal, weight = mass }, sum + mass end
  end
  for _, phase in ipairs(list) do phase.weight = phase.weight / sum end
  table.sort(list, function(p, q) return p.weight > q.weight end)
  return list
end

--- Fits a measured pattern by the patterns of candidates and a background: non-negative least squares, weighted by the
-- reciprocal of the values, with a common shift of 2theta (up to 0.375 degrees) and a common crystallite size that are
-- searched. Candidates whose absence raises the squared residual by less than a share `worth` are left out. Cells,
-- texture and widths of each phase are not refined, so weights are not reliable to a few percent (docs/xrd.md).
-- @param pattern spectra one spectrum over 2theta, in degrees
-- @param candidates table list of crystals or paths
-- @option radiation "Cu" (K alpha 1 and 2, 2 : 1), "CuKa1", ...; a wavelength, or a list, as for mb.xrd.peaks
-- @option background how many of Chebyshev's polynomials are its background
-- @option worth the share of the squared residual that a phase must explain
-- @option instrument { U, V, W, X, Y, axial }, as for mb.xrd.pattern
-- @option monochromator angle 2theta of a crystal monochromator in degrees
-- @option dispersion false: without f' and f"
-- @option debye_waller false: atoms at rest
-- @option B displacement in square angstrom of sites for which the file has none
-- @return mixture or nil and a message
-- @usage mb.xrd.fit(mb.xrd.pattern("TiO2.cif", { radiation = "Cu", grid = { first = 20, last = 60, step = 0.05 } }),
--   { "TiO2.cif" }, { radiation = "Cu" })
function fit.fit(pattern, candidates, options)
  options = check.options("xrd.fit", options, known)
  local data = read_data(pattern, options)
  local list, err = read_candidates(candidates, data, options)
  if not list then return nil, err end
  local best = search(data, list, options.worth)
  return fit.new { phases = phases_of(data, best), rwp = math.sqrt(best.residual / data.total), zero = best.zero,
    size = best.size, tried = #list, settings = list[1].peaks.settings }
end

check.takes(fit.fit, 3, known, "mb.xrd.fit(pattern, candidates, { radiation = \"Cu\" })")

return fit
