--- What widens and shifts powder peaks: the instrument, and crystallite size and strain of a sample.
local check = require "moonbow.check"

local shape = {}

local SCHERRER = 0.9 -- as in the kernel
local LEAST, MOST = 0.5, 179 -- degrees
local LEAST_MARGIN = 5 -- degrees

local known = { U = 0, V = 0, W = check.optional "finite", X = 0, Y = 0, axial = check.default({ 0, 0 }, "table") }

--- Checks { U, V, W, X, Y, axial }. Without any width, W is 0.01: peaks of 0.1 degrees.
function shape.instrument(operation, given)
  local filled = check.options(operation, given, known)
  for _, name in ipairs { "U", "V", "X", "Y" } do check.kind(operation, name, filled[name], "finite") end
  check.list(operation, "axial", filled.axial)
  if #filled.axial ~= 2 then check.fail(operation, "axial: expected { S/L, H/L }, got %d entries", #filled.axial) end
  for i, name in ipairs { "axial[1]", "axial[2]" } do
    if check.kind(operation, name, filled.axial[i], "non-negative") > 0.5 then
      check.fail(operation, "%s: expected a ratio of lengths up to 0.5, got %g", name, filled.axial[i])
    end
  end
  if (filled.axial[1] == 0) ~= (filled.axial[2] == 0) then
    check.fail(operation, "axial: expected S/L and H/L both above 0, or both 0")
  end
  if not filled.W then filled.W = filled.U == 0 and filled.V == 0 and filled.X == 0 and filled.Y == 0 and 0.01 or 0 end
  return filled
end

-- How far from an angle peaks stand whose tails reach it: so many full widths of the Lorentzian there.
local function margin(instrument, sample, two_theta)
  local theta = math.rad(math.min(two_theta, MOST) / 2)
  local tangent, cosine = math.tan(theta), math.cos(theta)
  local lorentzian = instrument.X * tangent + instrument.Y / cosine + math.deg(4 * sample.strain * tangent)
    + (sample.size and math.deg(SCHERRER * sample.wavelength / (sample.size * cosine)) or 0)
  return math.max(LEAST_MARGIN, sample.widths * lorentzian, math.deg(2 * sample.stretch * tangent))
end

--- The range 2theta of the peaks that a grid needs, some of which stand outside.
-- @param sample { wavelength (the longest), size (or nil), strain, widths: how many full widths tails reach, stretch:
--   the share by which lengths of the cell may change }
function shape.range(instrument, sample, first, last)
  return { math.max(LEAST, first - margin(instrument, sample, first)),
    math.min(MOST, last + margin(instrument, sample, last)) }
end

--- The least that U and V add to the square of the Gaussian width, at most 0, over a range 2theta.
function shape.least_added(instrument, range)
  local U, V = instrument.U, instrument.V
  local low, high = math.tan(math.rad(range[1] / 2)), math.tan(math.rad(range[2] / 2))
  local places = { low, high, U > 0 and math.max(low, math.min(high, -V / (2 * U))) or low }
  local least = 0
  for _, tangent in ipairs(places) do least = math.min(least, (U * tangent + V) * tangent) end
  return least
end

--- The longest of some lines.
function shape.longest(lines)
  local longest = 0
  for _, line in ipairs(lines) do longest = math.max(longest, line.wavelength) end
  return longest
end

--- "U 0, V 0, W 0.01, X 0, Y 0"
function shape.text(instrument)
  local texts = {}
  for i, name in ipairs { "U", "V", "W", "X", "Y" } do texts[i] = ("%s %g"):format(name, instrument[name]) end
  if instrument.axial[1] > 0 then
    texts[6] = ("S/L %g, H/L %g"):format(instrument.axial[1], instrument.axial[2])
  end
  return table.concat(texts, ", ")
end

--- What core.xrd_phase takes of an instrument.
-- @param zero, displacement shift of 2theta: zero - displacement cos(theta), in degrees
-- @param polarisation as peaks.polarisation gives it
function shape.flat(instrument, zero, displacement, polarisation)
  return { instrument.U, instrument.V, instrument.W, instrument.X, instrument.Y, zero, displacement, polarisation,
    instrument.axial[1], instrument.axial[2] }
end

--- What core.xrd_phase takes of a phase.
-- @param size of crystallites in angstrom, or nil
-- @param strain or nil
function shape.sample(cell, size, strain)
  local flat = table.move(cell, 1, 6, 1, {})
  flat[7], flat[8] = size or 0, strain or 0
  return flat
end

return shape
