--- Simulated patterns to train networks on.
local core = require "moonbow.core"
local axes = require "moonbow.spectra.axes"
local background = require "moonbow.xrd.background"
local check = require "moonbow.check"
local crystals = require "moonbow.xrd.crystal"
local peaks = require "moonbow.xrd.peaks"
local phase = require "moonbow.xrd.phase"
local radiation = require "moonbow.xrd.radiation"
local report = require "moonbow.data.report"
local shape = require "moonbow.xrd.shape"

local REACH = 12 -- full widths at which a Lorentzian has 0.2 % of its height; more would cost more than it gives
local PARTS = { "train", "validation", "test" }
local HUMP = { place = { 0.1, 0.5 }, width = { 0.05, 0.15 } } -- of an amorphous hump, in spans of the grid
local STEEPNESS = -4.5 -- power of r between planes along and across a direction (March and Dollase)
local POLYNOMIALS = 5

local known = {
  phases = check.required "table", grid = check.default({ first = 10, last = 80, points = 4501 }, "table|tensor"),
  n = check.default(50, "positive integer"), validation = check.default(10, "non-negative integer"),
  test = check.default(0, "non-negative integer"), mixture = check.default({ 1, 1 }, "table"),
  strain = check.default(0.03, "fraction below 1"), shift = check.default(0.5, "non-negative"),
  displacement = check.default(0, "non-negative"), size = check.default({ 50, 300 }, "number|table"),
  texture = check.default(0.5, "fraction below 1"), impurity = check.default(0.7, "non-negative"),
  background = check.default(0, "non-negative"), amorphous = check.default(0, "non-negative"),
  noise = check.default(0, "non-negative"), counts = check.default(0, "number|table"),
  instrument = check.optional "table", seed = check.seed(1),
}
for name, rule in pairs(peaks.physics) do known[name] = rule end

-- Two numbers that rise, from `least` on.
local function range(name, given, least)
  if type(given) == "number" then given = { given, given } end
  check.list("xrd.training_set", name, given)
  if #given ~= 2 then check.fail("xrd.training_set", "%s: expected { from, to }, got %d entries", name, #given) end
  check.each("xrd.training_set", name, given, "finite")
  if given[1] > given[2] or given[1] < least then
    check.fail("xrd.training_set", "%s: expected %g <= from <= to, got %g and %g", name, least, given[1], given[2])
  end
  return given
end

local function read_options(given)
  local options = check.options("xrd.training_set", given, known)
  options.size, options.counts = range("size", options.size, 1), range("counts", options.counts, 0)
  options.mixture = range("mixture", options.mixture, 1)
  for _, count in ipairs(options.mixture) do check.kind("xrd.training_set", "mixture", count, "integer") end
  options.grid = axes.grid("xrd.training_set", options.grid, "grid")
  if #options.grid < 2 or axes.direction(options.grid) ~= "rising" or options.grid[1] <= 0
    or options.grid[#options.grid] >= 180 then
    check.fail("xrd.training_set", "grid: expected rising angles 2theta between 0 and 180 deg")
  end
  phase.check_strain("xrd.training_set", options.strain)
  options.instrument = shape.instrument("xrd.training_set", options.instrument)
  return options
end

local function read_candidates(options)
  local grid, wavelength = options.grid, shape.longest(radiation.lines("xrd.training_set", options.radiation))
  local broadest = { wavelength = wavelength, size = options.size[1], strain = 0, widths = REACH,
    stretch = options.strain }
  local physics = { two_theta = shape.range(options.instrument, broadest, grid[1], grid[#grid]) }
  for name in pairs(peaks.physics) do physics[name] = options[name] end
  local list = {}
  for i, value in ipairs(check.list("xrd.training_set", "phases", options.phases)) do
    local crystal, err = crystals.of("xrd.training_set", ("phases[%d]"):format(i), value)
    if not crystal then return nil, err end
    list[i] = phase.candidate("xrd.training_set", crystal, physics)
    if not list[i].families then
      check.fail("xrd.training_set", "phases[%d]: %s has no peak on the grid", i, crystal.name)
    end
  end
  if #list < options.mixture[2] or #list == 0 then
    check.fail("xrd.training_set", "phases: expected at least %d, got %d", math.max(1, options.mixture[2]), #list)
  end
  return list, physics
end

local function uniform(rng, low, high) return low < high and rng:uniform(low, high) or low end

-- A phase with strain, texture and size drawn.
local function draw_phase(rng, candidate, options)
  local p = phase.new(candidate, uniform(rng, options.size[1], options.size[2]))
  for k = 1, #p.strain do
    -- The first changes all lengths, the others change some of them beside it: half each, so that none exceeds both.
    local reach = #p.strain > 1 and options.strain / 2 or options.strain
    p.strain[k] = uniform(rng, -reach, reach)
  end
  if options.texture > 0 then
    p.direction = phase.directions[rng:integers(1, #phase.directions + 1)]
    p.texture = math.log(1 - options.texture) * uniform(rng, -1, 1) / STEEPNESS
  end
  return p
end

local function height_of(y) return core.max(core.reshape(y, -1))[1] end

-- The weighted sum of the patterns of drawn phases; the pattern alone has the height 1.
local function draw_mixture(rng, chosen, weights, data, globals, options)
  local y = core.full(0, 1, #data.axis)
  for i, candidate in ipairs(chosen) do
    local part = phase.pattern(draw_phase(rng, candidate, options), data, globals)
    y = core.add(y, core.mul(part, weights[i]))
  end
  return core.mul(y, 1 / math.max(height_of(y), 1e-30))
end

-- The pattern of one other phase, up to `impurity` times as high.
local function draw_impurity(rng, own, candidates, data, globals, options)
  local other = candidates[rng:integers(1, #candidates + 1)]
  local height = uniform(rng, 0, options.impurity)
  if other == own then return nil end
  return core.mul(draw_mixture(rng, { other }, { 1 }, data, globals, options), height)
end

-- Random polynomials and an amorphous hump, each from 0 to its height.
local function draw_background(rng, data, options)
  local coefficients = {}
  for k = 1, POLYNOMIALS do coefficients[k] = uniform(rng, -1, 1) end
  local level, hump = uniform(rng, 0, options.background), uniform(rng, 0, options.amorphous)
  local centre, width = uniform(rng, table.unpack(HUMP.place)), uniform(rng, table.unpack(HUMP.width))
  local y = background.sum(data.polynomials, coefficients)
  y = core.sub(y, core.min(core.reshape(y, -1))[1])
  y = core.mul(y, level / math.max(height_of(y), 1e-30))
  local t = core.mul(core.sub(data.shares, centre), 1 / width)
  return core.add(y, core.mul(core.exp(core.mul(core.mul(t, t), -0.5)), hump))
end

-- Adds counting noise, by a maximum drawn on a logarithmic scale, and Gaussian noise.
local function draw_noise(rng, y, options)
  local low, high = options.counts[1], options.counts[2]
  if high > 0 then
    local most = math.exp(uniform(rng, math.log(math.max(low, 1)), math.log(high)))
    y = core.mul(core.xrd_counts(rng, core.mul(y, most)), 1 / most)
  end
  if options.noise > 0 then
    y = core.add(y, core.mul(rng:normal(0, 1, 1, core.size(y, 2)), uniform(rng, 0, options.noise)))
  end
  return y
end

-- Some of the candidates, the given one first, and their shares of the mass, uniform over all mixtures.
local function draw_phases(rng, number, candidates, options)
  local count = rng:integers(options.mixture[1], options.mixture[2] + 1)
  local chosen, numbers, weights, sum = {}, { number }, {}, 0
  local order = core.totable(rng:permutation(#candidates))
  for _, other in ipairs(order) do
    if #numbers < count and other ~= number then numbers[#numbers + 1] = math.tointeger(other) end
  end
  for i, k in ipairs(numbers) do
    chosen[i], weights[i] = candidates[k], rng:exponential(1)
    sum = sum + weights[i]
  end
  for i in ipairs(weights) do weights[i] = weights[i] / sum end
  return chosen, weights, numbers
end

-- One pattern, its height 1, and the fractions of all phases.
local function draw_pattern(rng, number, candidates, data, options)
  local globals = { W = data.instrument.W, displacement = uniform(rng, -options.displacement, options.displacement) }
  data.zero = uniform(rng, -options.shift, options.shift)
  local chosen, weights, numbers = draw_phases(rng, number, candidates, options)
  local y = draw_mixture(rng, chosen, weights, data, globals, options)
  if #chosen == 1 and options.impurity > 0 and #candidates > 1 then
    local other = draw_impurity(rng, chosen[1], candidates, data, globals, options)
    if other then y = core.add(y, other) end
  end
  if options.background > 0 or options.amorphous > 0 then y = core.add(y, draw_background(rng, data, options)) end
  y = draw_noise(rng, y, options)
  local fractions = {}
  for k = 1, #candidates do fractions[k] = 0 end
  for i, k in ipairs(numbers) do fractions[k] = weights[i] end
  return core.mul(y, 1 / math.max(height_of(y), 1e-30)), fractions
end

-- One part of the set, with a random stream of its own.
local function part_of(number, n, candidates, data, options)
  local seeds = type(options.seed) == "table" and { table.unpack(options.seed) } or { options.seed }
  seeds[#seeds + 1] = number
  local rng, rows, classes, fractions = core.rng(seeds), {}, {}, {}
  for _ = 1, n do
    for k = 1, #candidates do
      local i = #rows + 1
      rows[i], fractions[i] = draw_pattern(rng, k, candidates, data, options)
      classes[i] = k
    end
  end
  return { x = core.reshape(core.concat(rows, 1), #rows, #data.axis, 1), y = core.tensor(classes),
    fractions = core.tensor(fractions) }
end

--- Simulates powder patterns of phases to train networks on, as Szymanski et al. (2021, Chem. Mater. 33, 4204) do:
-- strained cells that keep their symmetry, shifts, crystallite sizes, texture and impurities, whose ranges are the
-- defaults; and what they left out: K alpha 2 (by the radiation), mixtures, backgrounds, amorphous humps, counting
-- noise. Each pattern is scaled to a maximum of 1. Their texture scales each peak by up to 50 %; here it is that of
-- March and Dollase. The same seed gives the same bits for any number of threads.
-- @option phases list of crystals or paths, at least one
-- @option grid angles 2theta: { first = 10, last = 80, points = 4501 }, or a list or tensor that rises
-- @option radiation "Cu" (K alpha 1 and 2), "CuKa1", ...; a wavelength, or a list, as for mb.xrd.peaks
-- @option n training patterns of each phase
-- @option validation validation patterns of each phase
-- @option test test patterns of each phase
-- @option mixture { from, to }: how many phases a pattern has, with uniform shares of the mass; the first is the class
-- @option strain the most that a length of the cell changes, as a share, at most 0.1
-- @option shift the most that all peaks are shifted by, in degrees
-- @option displacement the most that peaks are shifted by, times cos(theta), in degrees
-- @option size of crystallites in angstrom, { from, to } or one number
-- @option texture intensities of planes along a random direction, one of seven, are up to 1 / (1 - texture) times or
--   down to 1 - texture times those across it
-- @option impurity height of another phase, uniform up to this share, in patterns of one phase
-- @option background height of a random polynomial, uniform up to this share of the pattern's
-- @option amorphous height of a broad hump, uniform up to this share
-- @option noise sd of Gaussian noise, uniform up to this share
-- @option counts Poisson noise by a maximum of so many counts, or { from, to } on a logarithmic scale; 0 for none
-- @option instrument { U, V, W, X, Y, axial }, as for mb.xrd.pattern
-- @option monochromator angle 2theta of a crystal monochromator in degrees
-- @option dispersion false: without f' and f"
-- @option debye_waller false: atoms at rest
-- @option B displacement in square angstrom of sites for which the file has none
-- @option seed an integer, or a table of integers
-- @return table or nil and a message: { train, validation, test: each { x = tensor (N, L, 1), y = (N) classes,
--   fractions = (N, phases) shares of the mass }, in the order of the phases, over and over; classes = names;
--   crystals; axis; options }
-- @usage local set = mb.xrd.training_set { phases = { "NiO.cif", "TiO2.cif" }, radiation = "Cu", n = 20, seed = 1 }
local function training_set(given)
  local options = read_options(given)
  local candidates, physics = read_candidates(options)
  if not candidates then return nil, physics end
  local polynomials = background.polynomials(options.grid, POLYNOMIALS)
  local shares = core.mul(core.add(core.narrow(polynomials, 2, 1), 1), 0.5) -- of the grid's span, from 0 to 1
  local data = { axis = options.grid, instrument = options.instrument, physics = physics, polynomials = polynomials,
    shares = shares }
  local set = { axis = options.grid, options = options, classes = {}, crystals = {} }
  for k, candidate in ipairs(candidates) do
    set.crystals[k], set.classes[k] = candidate.crystal, candidate.crystal.name
  end
  for number, name in ipairs(PARTS) do
    local n = options[number == 1 and "n" or name]
    if n > 0 then set[name] = part_of(number, n, candidates, data, options) end
  end
  return report.set(set)
end

return check.takes(training_set, 1, known)
