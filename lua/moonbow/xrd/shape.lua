--- Widths of powder peaks by instrument, crystallite size and strain.
local check = require "moonbow.check"

local shape = {}

local SCHERRER = 0.9
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

--- "U 0, V 0, W 0.01, X 0, Y 0"
function shape.text(instrument)
  local texts = {}
  for i, name in ipairs { "U", "V", "W", "X", "Y" } do texts[i] = ("%s %g"):format(name, instrument[name]) end
  if instrument.axial[1] > 0 then
    texts[6] = ("S/L %g, H/L %g"):format(instrument.axial[1], instrument.axial[2])
  end
  return table.concat(texts, ", ")
end

--- Full widths of the Gaussian and Lorentzian parts, in degrees; nil if they are not both at least 0 and one above 0.
-- @param sample { size (angstrom), strain }, both optional
-- @param theta in radians
function shape.widths(instrument, sample, theta, wavelength)
  local tangent, cosine = math.tan(theta), math.cos(theta)
  local square = instrument.U * tangent * tangent + instrument.V * tangent + instrument.W
  local lorentzian = instrument.X * tangent + instrument.Y / cosine
  if sample.size then lorentzian = lorentzian + math.deg(SCHERRER * wavelength / (sample.size * cosine)) end
  if sample.strain then lorentzian = lorentzian + math.deg(4 * sample.strain * tangent) end
  if not (square >= 0 and lorentzian >= 0 and square + lorentzian > 0) then return nil end
  return math.sqrt(square), lorentzian
end

return shape
