--- Powder patterns of crystals: peaks with the shape that instrument and sample give them, on a grid.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local backgrounds = require "moonbow.xrd.background"
local crystal = require "moonbow.xrd.crystal"
local lattice = require "moonbow.xrd.lattice"
local peaks = require "moonbow.xrd.peaks"
local shape = require "moonbow.xrd.shape"
local fields = require "moonbow.spectra.fields"
local radiation = require "moonbow.xrd.radiation"

local pattern = {}

local REACH = 60 -- full widths to which a Lorentzian is computed, as in the kernel

-- Options that a phase may have of its own.
local sample = {
  size = check.optional "positive", strain = check.optional "non-negative", texture = check.optional "table",
  cell = check.optional "table",
}

local known = {
  grid = check.required "table|tensor", instrument = check.optional "table", zero = check.default(0, "finite"),
  displacement = check.default(0, "finite"), radius = check.default(200, "positive"),
  maximum = check.default(100, "positive"), background = check.optional "number|table|function",
  noise = check.optional "generator",
}
for name, rule in pairs(peaks.physics) do known[name] = rule end
for name, rule in pairs(sample) do known[name] = rule end

local known_phase = { crystal = check.required "any", weight = check.default(1, "non-negative") }
for name, rule in pairs(sample) do known_phase[name] = rule end

local function is_phase(value) return type(value) == "table" and not crystal.is(value) and value.crystal ~= nil end

-- One phase with its crystal and what differs for it; nil and a message if its file cannot be read.
local function read_phase(operation, given, options)
  local phase = is_phase(given) and check.options(operation, given, known_phase) or { crystal = given, weight = 1 }
  local c, err = crystal.of(operation, "crystal", phase.crystal)
  if not c then return nil, err end
  for name in pairs(sample) do
    if phase[name] == nil then phase[name] = options[name] end
  end
  phase.crystal = c
  peaks.check_texture(operation, phase.texture)
  peaks.check_cell(operation, phase.cell, c)
  return phase
end

-- The phases, with weights that add up to 1.
local function read_phases(operation, given, options)
  local list, sum = {}, 0
  if type(given) ~= "table" or crystal.is(given) or is_phase(given) then given = { given } end
  for i, entry in ipairs(check.list(operation, "crystals", given)) do
    local phase, err = read_phase(operation, entry, options)
    if not phase then return nil, err end
    list[i], sum = phase, sum + phase.weight
  end
  if sum <= 0 then check.fail(operation, "crystals: expected at least one with a weight above 0") end
  for _, phase in ipairs(list) do phase.weight = phase.weight / sum end
  return list
end

-- The grid, which rises within 0 and 180 degrees.
local function read_grid(operation, given)
  local grid = axes.grid(operation, given, "grid")
  if #grid > 1 and axes.direction(grid) ~= "rising" then check.fail(operation, "grid: expected rising angles") end
  if grid[1] <= 0 or grid[#grid] >= 180 then
    check.fail(operation, "grid: expected angles 2theta between 0 and 180 deg, got %g to %g", grid[1], grid[#grid])
  end
  return grid
end

-- The pattern of a phase by its weight, (1, L, 1) or nil without peaks, and its peaks. Intensities are per mass: a
-- crystal scatters as its intensity by the volume of its cell, of which a gram holds 1 / (mass of the cell).
local function pattern_of(phase, grid, options, instrument)
  local widest = { wavelength = shape.longest(radiation.lines("xrd.pattern", options.radiation)), size = phase.size,
    strain = phase.strain or 0, widths = REACH, stretch = 0 }
  local physics = { two_theta = shape.range(instrument, widest, grid[1], grid[#grid]), texture = phase.texture,
    cell = phase.cell }
  for name in pairs(peaks.physics) do physics[name] = options[name] end
  local c, list = phase.crystal, peaks.of("xrd.pattern", phase.crystal, physics)
  local families = peaks.families(list)
  if not families then return nil, list end
  local displacement, cell = math.deg(2 * options.displacement / options.radius), phase.cell or c.cell
  local y = core.xrd_phase(grid, peaks.wavelengths(list), families, shape.sample(cell, phase.size, phase.strain),
    shape.flat(instrument, options.zero, displacement, peaks.polarisation(options)))
  return core.mul(y, phase.weight / (c.mass * lattice.volume(cell))), list
end

-- The background on the grid: a number, coefficients of Chebyshev's polynomials along the grid, or a function.
local function background_of(given, grid)
  if type(given) == "table" then
    given = check.numbers("xrd.pattern", "background", given)
    check.each("xrd.pattern", "background", given, "finite")
    return core.reshape(backgrounds.sum(backgrounds.polynomials(grid, #given), given), 1, #grid, 1)
  end
  local values = {}
  for i, x in ipairs(grid) do
    local value, name = given, "background"
    if type(given) == "function" then value, name = given(x), ("background(%g)"):format(x) end
    values[i] = check.kind("xrd.pattern", name, value, "real")
  end
  return core.reshape(core.tensor(values), 1, #grid, 1)
end

-- The values: peaks, scaled, with background and noise.
local function values_of(y, grid, options)
  local highest = core.max(core.reshape(y, -1))[1]
  if highest > 0 then y = core.mul(y, options.maximum / highest) end
  if options.background then y = core.add(y, background_of(options.background, grid)) end
  if options.noise then y = core.xrd_counts(options.noise, y) end
  return y
end

-- "0.7 rutile, size 300, texture 0 0 1 0.8"
local function phase_text(phase)
  local text = ("%.4g %s"):format(phase.weight, phase.crystal.name)
  for _, name in ipairs { "size", "strain" } do
    if phase[name] then text = ("%s, %s %g"):format(text, name, phase[name]) end
  end
  if phase.texture then text = ("%s, texture %d %d %d %g"):format(text, table.unpack(phase.texture)) end
  if phase.cell then text = ("%s, cell %g %g %g %g %g %g"):format(text, table.unpack(phase.cell)) end
  return text
end

local function background_text(given)
  if type(given) == "table" then return "Chebyshev coefficients " .. table.concat(given, " ") end
  return type(given) == "function" and "a function" or given or 0
end

local function metadata_of(phases, options, instrument)
  local texts = {}
  for i, phase in ipairs(phases) do texts[i] = phase_text(phase) end
  return { phases = table.concat(texts, "; "), physics = peaks.settings("xrd.pattern", options),
    instrument = shape.text(instrument), ["zero shift (deg)"] = options.zero,
    ["displacement (mm)"] = options.displacement, ["radius (mm)"] = options.radius,
    background = background_text(options.background), noise = options.noise and "counts" or "none" }
end

--- Simulates the powder pattern of a crystal or a mixture by weight. Peaks are pseudo-Voigt functions of Thompson, Cox
-- and Hastings (1987): Gaussian width^2 = U tan^2 + V tan + W, Lorentzian width = X tan + Y / cos of theta, in degrees,
-- to which crystallite size adds size's 0.9 wavelength / (size cos) and strain 4 strain tan, both Lorentzian.
-- Asymmetry is that of axial divergence (Finger, Cox and Jephcoat 1994), up to 4,000 widths of a peak. The result has
-- the same bits for any number of threads.
-- @param crystals crystal|string|table one crystal or path, or a list of them, or of { crystal = ..., weight = 0.3,
--   size = ..., strain = ..., texture = ..., cell = ... } for phases that differ
-- @option grid angles 2theta: { first = 10, last = 80, step = 0.02 }, or a list or tensor that rises
-- @option radiation "Cu" (K alpha 1 and 2, 2 : 1), "CuKa1", "CuKb", ...; a wavelength, or a list, as for mb.xrd.peaks
-- @option instrument { U, V, W (square degrees; W is 0.01 without any), X, Y (degrees), axial = { S/L, H/L } }
-- @option size of crystallites in angstrom
-- @option strain microstrain, as 0.001
-- @option texture { h, k, l, r } of March and Dollase
-- @option cell { a, b, c, alpha, beta, gamma } in place of the file's
-- @option zero shift of 2theta in degrees
-- @option displacement of the sample above the axis, in mm, by which peaks move to lower angles
-- @option radius of the goniometer in mm, for the displacement
-- @option maximum height of the highest point above the background; counts, for noise
-- @option background a number, the coefficients of Chebyshev's polynomials along the grid, or a function(two_theta)
-- @option noise a generator, as mb.rng(1): draws counts of Poisson's distribution
-- @option monochromator angle 2theta of a crystal monochromator in degrees; 90: radiation polarised across the plane
-- @option dispersion false: without f' and f"
-- @option debye_waller false: atoms at rest
-- @option B displacement in square angstrom of sites for which the file has none
-- @return spectra or nil and a message
-- @usage mb.xrd.pattern("TiO2.cif", { radiation = "Cu", grid = { first = 10, last = 80, step = 0.02 }, size = 300 })
function pattern.pattern(crystals, options)
  options = check.options("xrd.pattern", options, known)
  local grid, instrument = read_grid("xrd.pattern", options.grid), shape.instrument("xrd.pattern", options.instrument)
  local phases, err = read_phases("xrd.pattern", crystals, options)
  if not phases then return nil, err end
  local lists, notes, names, y = {}, {}, {}, core.full(0, 1, #grid, 1)
  for i, phase in ipairs(phases) do
    local part
    part, lists[i] = pattern_of(phase, grid, options, instrument)
    if part then y = core.add(y, part) end
    names[i] = phase.crystal.name
    for _, note in ipairs(lists[i].notes) do notes[#notes + 1] = phase.crystal.name .. ": " .. note end
  end
  local set = fields.set { x = values_of(y, grid, options), axis = grid, axis_name = "2theta",
    unit = "deg", quantity = options.noise and "counts" or "intensity", names = { table.concat(names, " + ") },
    metadata = metadata_of(phases, options, instrument) }
  set.decided, set.notes = "simulated", notes
  return set
end

check.takes(pattern.pattern, 2, known, "mb.xrd.pattern(crystal, { radiation = \"Cu\", grid = { ... } })")

return pattern
