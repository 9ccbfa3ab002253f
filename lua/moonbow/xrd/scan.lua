--- A measured powder pattern as fits take it: angles, values, weights and a background to be scaled.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local background = require "moonbow.xrd.background"
local phase = require "moonbow.xrd.phase"
local radiation = require "moonbow.xrd.radiation"
local set = require "moonbow.spectra.set"
local shape = require "moonbow.xrd.shape"
local stated = require "moonbow.xrd.stated"

local scan = {}

local REACH = 25 -- full widths at which a Lorentzian has 0.04 % of its height
local MOST_MARGIN = 40 -- degrees beyond a pattern from which tails reach into it
local LEAST_POINTS = 50
local FLOOR = 1e-3 -- of the highest value: what lower values weigh

-- 2theta in degrees of a number of the axis (degrees, angstrom, 1 / angstrom); NaN where a wavelength has none.
local to_angle = {
  ["2theta"] = function(x) return x end,
  q = function(x, wavelength) return 2 * math.deg(math.asin(x * wavelength / (4 * math.pi))) end,
  d = function(x, wavelength) return 2 * math.deg(math.asin(wavelength / (2 * x))) end,
}

-- How many of the units above one of these is; without a unit it is 1.
local units = {
  ["2theta"] = { deg = 1, degree = 1, degrees = 1, ["°"] = 1 },
  d = { a = 1, ["å"] = 1, ["Å"] = 1, angstrom = 1, nm = 10 },
  q = { ["1/a"] = 1, ["1/Å"] = 1, ["1/å"] = 1, ["1/angstrom"] = 1, ["1/nm"] = 0.1 },
}

local function axis_text(spectra)
  return (spectra.axis_name or "axis") .. (spectra.unit and " in " .. spectra.unit or "")
end

-- What an axis holds, "2theta", "d" or "q", and its unit in angstrom or degrees.
local function axis_kind(operation, spectra)
  local name, unit = (spectra.axis_name or ""):lower():gsub("[%s_-]", ""), (spectra.unit or ""):lower()
  local kind = to_angle[name] and name
  if name:find "^dspacing" then kind = "d" end
  if name:find "^2theta" or name:find "^2θ" or name:find "^twotheta" or name == "" then kind = "2theta" end
  local factor = kind and (unit == "" and 1 or units[kind][unit] or units[kind][spectra.unit])
  if factor then return kind, factor end
  check.fail(operation, "pattern: expected an axis 2theta (deg), d (A or nm) or q (1/A or 1/nm), got %s",
    axis_text(spectra))
end

-- The angles of a set, rising, and its values (1, L).
local function rising(operation, spectra, wavelength)
  local y, kind, factor = core.reshape(spectra.x, 1, -1), axis_kind(operation, spectra)
  local angles = {}
  for i, x in ipairs(spectra.axis) do
    angles[i] = to_angle[kind](x * factor, wavelength)
    if angles[i] ~= angles[i] or angles[i] <= 0 or angles[i] >= 180 then
      check.fail(operation, "pattern: %g of its %s is no angle between 0 and 180 deg for %g A", x, axis_text(spectra),
        wavelength)
    end
  end
  local direction = axes.direction(angles)
  if direction == "falling" then
    local turned = {}
    for i = 1, #angles do turned[i] = angles[#angles + 1 - i] end
    return turned, y:flip(2)
  end
  if direction ~= "rising" then check.fail(operation, "pattern: its axis neither rises nor falls") end
  return angles, y
end

--- The radiation of a fit: the option, or what the file states; raises without either.
function scan.radiation(operation, spectra, given)
  local found = given or set.is(spectra) and stated(operation, spectra.metadata and spectra.metadata[1] or {})
  if not found then
    check.fail(operation, "radiation: expected \"Cu\", a wavelength in angstrom or a list of lines; the pattern's file "
      .. "states none")
  end
  return found
end

-- What means of `by` points at equal steps add to W: the variance of their places, as a full width of a Gaussian.
local function smear_of(angles, by)
  local step = (angles[#angles] - angles[1]) / (#angles - 1)
  return 8 * math.log(2) * (by * by - 1) / 12 * step * step
end

-- Means of `by` neighbours each; what remains at the end is left out.
local function binned(angles, y, by)
  local count, means = #angles // by, {}
  for i = 1, count do
    local sum = 0
    for j = (i - 1) * by + 1, i * by do sum = sum + angles[j] end
    means[i] = sum / by
  end
  local rows = core.reshape(core.narrow(core.reshape(y, -1), 1, count * by), count, by)
  return means, core.reshape(core.mean(rows, 2), 1, count)
end

--- A pattern on a coarser grid, of at most `most` points.
function scan.coarse(data, most)
  local by = math.ceil(#data.axis / most)
  if by == 1 then return data end
  local coarse = scan.new(data, binned(data.axis, data.y, by))
  coarse.smear = data.smear + smear_of(data.axis, by)
  return coarse
end

-- The standard deviation of noise over the root of the value, from second differences; 1 for counts.
local function noise_factor(y, roots)
  local n = #y
  local before, here, after = core.narrow(y, 1, n - 2), core.narrow(y, 2, n - 2), core.narrow(y, 3, n - 2)
  local second = core.mul(core.sub(core.add(before, after), core.mul(here, 2)), core.narrow(roots, 2, n - 2))
  return core.abs(second):median()[1] / (0.6745 * math.sqrt(6))
end

--- The same fit on other points: weights are the reciprocals of the values.
function scan.new(data, axis, y)
  local floor = math.max(core.max(core.reshape(y, -1))[1] * FLOOR, 1e-30)
  local roots = core.div(core.full(1, 1, #axis), core.sqrt(core.maximum(y, floor)))
  local target, polynomials = core.mul(y, roots), background.polynomials(axis, data.free)
  return { axis = axis, y = y, free = data.free, backgrounds = polynomials, root_weights = roots, target = target,
    weighted_backgrounds = core.mul(polynomials, roots), total = core.sum(core.mul(target, target))[1],
    instrument = data.instrument, physics = data.physics, reach = data.reach, zero = data.zero, smear = 0,
    noise_factor = noise_factor(core.reshape(y, -1), core.reshape(roots, -1)) }
end

--- Checks a measured pattern and the options of its fit.
-- @param spectra a set of one spectrum
-- @param options { radiation, background, instrument, strain, and the physics of mb.xrd.peaks }
function scan.read(operation, spectra, options)
  if not set.is(spectra) or #spectra ~= 1 then
    check.fail(operation, "pattern: expected a set of one spectrum, as set[1] is, got %s", check.show(spectra))
  end
  phase.check_strain(operation, options.strain)
  local physics = { radiation = scan.radiation(operation, spectra, options.radiation) }
  for _, name in ipairs { "monochromator", "dispersion", "debye_waller", "B" } do physics[name] = options[name] end
  local wavelength = radiation.lines(operation, physics.radiation)[1].wavelength
  local angles, y = rising(operation, spectra, wavelength)
  if #angles < LEAST_POINTS then
    check.fail(operation, "pattern: expected at least %d points, got %d", LEAST_POINTS, #angles)
  end
  if y:isfinite():all()[1] == 0 then check.fail(operation, "pattern: it has NaN or infinite values; crop it first") end
  if core.max(core.reshape(y, -1))[1] <= 0 then check.fail(operation, "pattern: none of its values is above 0") end
  local data = scan.new({ free = options.background, instrument = shape.instrument(operation, options.instrument),
    physics = physics, reach = options.strain, zero = options.zero }, angles, y)
  physics.two_theta = scan.range(data)
  return data
end

--- The range 2theta of the peaks of crystallites of a size (nil: large) and a microstrain whose tails reach a pattern;
-- at most MOST_MARGIN beyond it.
function scan.range(data, size, strain)
  local axis, sample = data.axis, { size = size, strain = strain or 0, widths = REACH, stretch = data.reach }
  sample.wavelength = shape.longest(radiation.lines("xrd.fit", data.physics.radiation))
  local range = shape.range(data.instrument, sample, axis[1], axis[#axis])
  return { math.max(range[1], axis[1] - MOST_MARGIN), math.min(range[2], axis[#axis] + MOST_MARGIN) }
end

return scan
