--- Units of axes and kinds of values, by the many ways in which files write them.
local trim = require "moonbow.io.trim"

local units = {}

-- unit, the axis' name, and what files write (lower case, without blanks, brackets and signs of degree spelled out).
local axes = {
  { "cm-1", "wavenumber", "cm-1", "1/cm", "cm^-1", "cm⁻¹", "cm¯¹", "cm⁻1", "cm−1", "cm^{-1}", "wavenumber",
    "wavenumbers", "wavenumber(cm-1)", "reciprocalcentimeters", "rcm", "wn", "kayser" },
  { "cm-1", "Raman shift", "ramanshift", "ramanshift(cm-1)", "ramanshift(1/cm)", "1/cmramanshift", "rel.1/cm",
    "relativewavenumber", "deltacm-1" },
  { "cm-1", "absolute wavenumber", "abscm-1", "abs.cm-1", "1/cmabs" },
  { "nm", "wavelength", "nm", "nanometer", "nanometers", "nanometres", "nanometre", "wavelength", "wavelengths",
    "wavelength(nm)" },
  { "um", "wavelength", "um", "µm", "μm", "micrometer", "micrometers", "micrometre", "micrometres", "micron",
    "microns" },
  { "deg", "2theta", "2theta", "2θ", "2ϑ", "2-theta", "twotheta", "2thetadeg", "2theta(deg)", "2theta[deg]",
    "deg2theta", "degrees2theta", "2θdeg", "2th", "2-theta(deg)", "twothetatheta", "2theta-theta", "2theta-omega",
    "theta/2theta", "gonio" },
  { "deg", "angle", "deg", "degree", "degrees", "°", "deg." },
  { "rad", "angle", "rad", "radian", "radians" },
  { "mrad", "angle", "mrad", "milliradian", "milliradians" },
  { "eV", "energy", "ev", "electronvolt", "energy(ev)" },
  { "keV", "energy", "kev", "energy(kev)" },
  { "meV", "energy", "mev" },
  { "ppm", "chemical shift", "ppm", "chemicalshift", "chemicalshift(ppm)" },
  { "Hz", "frequency", "hz", "hertz" },
  { "MHz", "frequency", "mhz" },
  { "GHz", "frequency", "ghz" },
  { "THz", "frequency", "thz" },
  { "s", "time", "s", "sec", "second", "seconds" },
  { "min", "time", "min", "minutes", "minute" },
  { "ms", "time", "ms", "milliseconds" },
  { "us", "time", "us", "µs", "microseconds" },
  { "V", "potential", "v", "volt", "volts" },
  { "Å", "d-spacing", "å", "angstrom", "angstroms", "d(å)", "d-spacing" },
  { "1/Å", "q", "1/å", "å-1", "å^-1", "1/angstrom", "a^-1" },
  { "1/nm", "q", "1/nm", "nm-1", "nm^-1" },
  { "m/z", "m/z", "m/z", "mass", "masscharge" },
  { "points", "points", "index", "point", "points", "pixel", "pixels", "channel", "channels", "datapoints" },
}

-- kind of values, their unit, what files write
local values = {
  { "absorbance", nil, "absorbance", "abs", "a.u.absorbance", "absorbanceunits", "au", "ab", "absorption", "log(1/t)" },
  { "transmittance", nil, "transmittance", "transmission", "t" },
  { "transmittance", "%", "%t", "%transmittance", "%transmission", "transmittance(%)", "transmittance%",
    "transmission(%)", "percenttransmittance" },
  { "reflectance", nil, "reflectance", "reflection", "r" },
  { "reflectance", "%", "%r", "%reflectance", "reflectance(%)", "reflectance%", "percentreflectance" },
  { "log(1/R)", nil, "log(1/r)", "log1/r", "-log(r)", "logr", "log(1/reflectance)" },
  { "Kubelka-Munk", nil, "kubelka-munk", "kubelkamunk", "kubelka_munk", "km" },
  { "counts", nil, "counts", "count", "cnt", "cts", "c", "ccdcts", "ccdcounts" },
  { "counts per second", nil, "cps", "cnt/sec", "counts/s", "counts/sec", "cnt/s", "countspersecond", "counts/second",
    "cts/s" },
  { "single beam", nil, "singlebeam", "single-beam" },
  { "interferogram", nil, "interferogram" },
  { "intensity", nil, "intensity", "int", "int.", "arbitraryunits", "arb", "arb.", "arb.units", "a.u.", "arbitrary",
    "ramanintensity", "relativeintensity", "arbitraryintensity", "intensity(a.u.)", "intensity(arb.units)",
    "intensity(arb.u.)" },
}

local function index(rows)
  local found = {}
  for _, row in ipairs(rows) do
    for i = 3, #row do found[row[i]] = found[row[i]] or row end
  end
  return found
end

-- ipairs of a row stops at a nil, so the rows of values have their length stated.
for _, row in ipairs(values) do row[2] = row[2] or false end

local axis_of, value_of = index(axes), index(values)

local function plain(text)
  text = text:lower():gsub("Θ", "θ"):gsub("ϴ", "θ"):gsub("[%s_]+", "")
  text = text:gsub("^%((.*)%)$", "%1"):gsub("^%[(.*)%]$", "%1")
  return text
end

local LONGEST = 256 -- bytes of a text with brackets

-- The row for a text; or for what stands in its brackets, and that for what stands before them. Beside the row the text
-- that gave it.
local function find(rows, text)
  local whole = plain(text)
  if rows[whole] then return rows[whole], nil, whole end
  if #text > LONGEST then return nil end
  local outer, inner = text:match "^(.-)[%(%[{/]%s*([^%)%]}]+)[%)%]}]?%s*$"
  if not outer then return nil end
  return rows[plain(inner)], rows[plain(outer)], plain(inner)
end

-- Names with units that are too short to be told alone: unit by its spelling without signs of power and brackets.
local lengths, reciprocals = { a = "Å", nm = "nm" },
  { ["1/a"] = "1/Å", ["a-1"] = "1/Å", ["1/nm"] = "1/nm", ["nm-1"] = "1/nm" }
local with_short_unit = { d = { "d-spacing", lengths }, wavelength = { "wavelength", lengths },
  q = { "q", reciprocals }, scatteringvector = { "q", reciprocals } }
with_short_unit.dspacing, with_short_unit.dvalue = with_short_unit.d, with_short_unit.d
with_short_unit.qvalue, with_short_unit.momentumtransfer = with_short_unit.q, with_short_unit.q

-- A unit without signs of power and brackets, "a-1" for "(Å^{-1})".
local function bare_unit(text)
  text = text:gsub("⁻¹", "-1"):gsub("−", "-"):gsub("[%(%)%[%]{}^]", "")
  return (text:gsub("Å", "a"):gsub("Å", "a"):gsub("å", "a"):gsub("angstroms?", "a"))
end

-- The unit and the name of "d (A)", "Q [Å^-1]", "d-spacing/nm", "q, 1/A", "Å"; nil for other texts.
local function short_unit(text)
  text = plain(text)
  local name, unit = text:match "^([%a%-]+)[%(%[{/,](.+)$"
  local known = name and with_short_unit[name:gsub("%-", "")]
  if known then return known[2][bare_unit(unit)], known[1] end
  if not text:find "Å" and not text:find "Å" then return nil end
  unit = bare_unit(text)
  return lengths[unit] or reciprocals[unit], lengths[unit] and "d-spacing" or "q"
end

local is_of_angles = { deg = true, rad = true, mrad = true }

--- Reads the name of an axis or its unit: "Raman shift (cm-1)", "1/CM", "NANOMETERS", "d (A)".
-- @return the unit, the name of the axis, and true if the text only names the axis, as "Wavelength" does: other texts
--   may state another unit; nil if the text names neither
function units.axis(text)
  local short, name = short_unit(text)
  if short then return short, name, false end
  local row, named, spelled = find(axis_of, text)
  if not (row or named) then return nil end
  local unit, is_implied = (row or named)[1], not row or plain(row[2]) == spelled:gsub("s$", "")
  local is_of_named = named and (named[1] == unit or is_of_angles[named[1]] and is_of_angles[unit])
  return unit, is_of_named and named[2] or row and row[2] or named[2], is_implied
end

-- The text without blanks and its sign of percent: "t" of "T [%]", "T in percent", "%T"; nil if it has none.
local function without_percent(text)
  local bare, count = plain(text):gsub("percent", "%%"):gsub("in%%$", "%%"):gsub("[%(%[{]?%%[%)%]}]?", "")
  return count == 1 and trim.right(bare, ",;/") or nil
end

--- Reads what the values of a spectrum are: "ABSORBANCE", "%T", "Intensity (counts)".
-- @return "absorbance", "transmittance", "reflectance", "log(1/R)", "Kubelka-Munk", "counts", "counts per second",
--   "single beam", "interferogram" or "intensity", and "%" if they are in percent; nil if the text names none of them
function units.quantity(text)
  local row, named = find(value_of, text)
  row = row and row[1] ~= "intensity" and row or named or row
  local percent = value_of[without_percent(text) or ""]
  if percent and units.is_percentage[percent[1]] then return percent[1], "%" end
  if row then return row[1], row[2] or nil end
end

--- True if a text of more than two letters, of which names of samples are made, too, says what values are.
function units.tells(text) return not plain(text):find "^%a%a?$" and units.quantity(text) ~= nil end

--- True if names of columns can say what their values are: there is one, or one of more than two letters does. "C",
-- "R" and "T" together are names of samples.
function units.names_tell(names)
  for _, name in ipairs(names) do
    if units.tells(name) then return true end
  end
  return #names == 1
end

--- True for "%", also in brackets.
function units.is_percent(text) return text:find("%", 1, true) ~= nil and not text:find "%w" end

--- Kinds of values that may be in percent.
units.is_percentage = { transmittance = true, reflectance = true }

--- Names of axes that run from high to low on paper.
units.falls_on_paper = { wavenumber = true, ["chemical shift"] = true }

return units
