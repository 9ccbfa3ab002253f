--- Units of axes and kinds of values, by the many ways in which files write them.
local trim = require "moonbow.io.trim"

local units = {}

-- unit, the axis' name, and what files write, without blanks and signs of powers; in lower case, if case says nothing.
local axes = {
  { "cm-1", "wavenumber", "cm-1", "1/cm", "wavenumber", "wavenumbers", "reciprocalcentimeters", "rcm", "wn", "kayser",
    "wellenzahl", "nombred'onde" },
  { "cm-1", "Raman shift", "ramanshift", "1/cmramanshift", "rel.1/cm", "relativewavenumber", "deltacm-1",
    "ramanverschiebung", "raman-verschiebung" },
  { "cm-1", "absolute wavenumber", "absolutewavenumber", "abscm-1", "abs.cm-1", "1/cmabs" },
  { "nm", "wavelength", "nm", "nanometer", "nanometers", "nanometres", "nanometre", "wavelength", "wavelengths",
    "wellenlänge", "longueurd'onde" },
  { "um", "wavelength", "um", "micrometer", "micrometers", "micrometre", "micrometres", "micron", "microns" },
  { "Å", "d-spacing", "å", "angstrom", "angstroms", "ångström", "d-spacing" },
  { "Å", "wavelength" },
  { "nm", "d-spacing" },
  { "deg", "2theta", "2theta", "2θ", "2ϑ", "2-theta", "twotheta", "2thetadeg", "deg2theta", "degrees2theta",
    "degrees2-theta", "°2theta", "°2θ", "2θdeg", "2th", "2th.", "tth", "°2th", "°2th.", "twothetatheta", "2theta-theta",
    "2theta-omega", "theta/2theta", "gonio" },
  { "deg", "angle", "deg", "degree", "degrees", "°", "deg." },
  { "rad", "angle", "rad", "radian", "radians" },
  { "rad", "2theta" },
  { "mrad", "angle", "mrad", "milliradian", "milliradians" },
  { "mrad", "2theta" },
  { "eV", "energy", "ev", "electronvolt" },
  { "keV", "energy", "kev" },
  { "meV", "energy", "meV" },
  { "MeV", "energy", "MeV" },
  { "ppm", "chemical shift", "ppm", "chemicalshift" },
  { "Hz", "frequency", "hz", "hertz" },
  { "MHz", "frequency", "mhz" },
  { "GHz", "frequency", "ghz" },
  { "THz", "frequency", "thz" },
  { "s", "time", "s", "sec", "second", "seconds" },
  { "min", "time", "min", "minutes", "minute" },
  { "ms", "time", "ms", "milliseconds" },
  { "us", "time", "us", "microseconds" },
  { "V", "potential", "v", "volt", "volts" },
  { "1/Å", "q", "1/å", "å-1", "1/angstrom", "angstrom-1" },
  { "1/nm", "q", "1/nm", "nm-1" },
  { "m/z", "m/z", "m/z", "mass", "masscharge" },
  { "points", "points", "index", "point", "points", "pixel", "pixels", "channel", "channels", "datapoints" },
}

-- kind of values, their unit, what files write
local values = {
  { "absorbance", nil, "absorbance", "abs", "abs.", "a.u.absorbance", "absorbanceunits", "au", "ab", "absorption",
    "opticaldensity", "od", "o.d.", "log(1/t)", "log10(1/t)", "-log(t)", "-log10(t)" },
  { "transmittance", nil, "transmittance", "transmission", "t" },
  { "transmittance", "%", "%t", "%transmittance", "%transmission", "transmittance%", "percenttransmittance" },
  { "reflectance", nil, "reflectance", "reflection", "r" },
  { "reflectance", "%", "%r", "%reflectance", "reflectance%", "percentreflectance" },
  { "log(1/R)", nil, "log(1/r)", "log10(1/r)", "log1/r", "-log(r)", "-log10(r)", "logr", "log(1/reflectance)" },
  { "Kubelka-Munk", nil, "kubelka-munk", "kubelkamunk", "km" },
  { "counts", nil, "counts", "count", "cnt", "cts", "c", "ccdcts", "ccdcounts" },
  { "counts per second", nil, "cps", "cnt/sec", "counts/s", "counts/sec", "cnt/s", "countspersecond", "counts/second",
    "cts/s", "c/s", "counts(s-1)", "counts(1/s)", "countss-1" },
  { "single beam", nil, "singlebeam", "single-beam" },
  { "interferogram", nil, "interferogram" },
  { "intensity", nil, "intensity", "int", "int.", "arbitraryunits", "arb", "arb.", "arb.units", "arb.u.", "a.u.",
    "arbitrary", "ramanintensity", "relativeintensity", "arbitraryintensity" },
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

-- The names of axes, also those that name none without a unit; and which of them have which unit.
local axis_named, has_unit = { d = "d-spacing", dspacing = "d-spacing", ["d-value"] = "d-spacing", dvalue = "d-spacing",
  ["q-value"] = "q", qvalue = "q", scatteringvector = "q", momentumtransfer = "q" }, {}
for _, row in ipairs(axes) do
  local unit, name = row[1], row[2]
  has_unit[name] = has_unit[name] or {}
  axis_named[name:lower():gsub("%s", "")], has_unit[name][unit] = name, true
end

local same = { ["⁻"] = "-", ["¯"] = "-", ["−"] = "-", ["¹"] = "1", ["Å"] = "å", ["\u{212B}"] = "å", ["µ"] = "u",
  ["μ"] = "u", ["Θ"] = "θ", ["ϴ"] = "θ" }

-- Without blanks, low lines, signs of powers and brackets around it.
local function bare(text)
  text = text:gsub("[\xC2-\xF4][\x80-\xBF]*", same):gsub("[%s_^]+", "")
  return (text:gsub("^%((.*)%)$", "%1"):gsub("^%[(.*)%]$", "%1"))
end

local function plain(text) return bare(text):lower() end

-- The row for a text, but not that of "MHz" for "mHz", of "nm" for "nM", or of "µm" for "µM".
local function look_up(rows, text)
  local exact = bare(text)
  return rows[exact] or not exact:find "^[mnu]%u" and rows[exact:lower()] or nil
end

local LONGEST = 200 -- bytes of a text that is read
local BRACKETS, SLASH, COMMA = "^(.-)[%(%[{]%s*([^%)%]}]+)[%)%]}]?$", "^(.-)/(.+)$", "^(.-),(.+)$"
local BLANK = "^(.+)[%s_]([^%s_]+)$"

-- The text with single blanks, and powers without braces; "" if it is too long.
local function tidy(text)
  local short = text:gsub("%s+", " ")
  return #short <= LONGEST and trim.both((short:gsub("%^{(.-)}", "%1"))) or ""
end

-- Units that no row has, but that stand behind the names of axes, also with a prefix: "pm", "1/m".
local other_units = { m = true, s = true, v = true, ev = true, hz = true, rad = true, j = true, k = true,
  g = true, bohr = true, inch = true }

local function is_other_unit(text)
  local unit = plain(text):gsub("^1?/", ""):gsub("%-%d$", "")
  return unit == "a" or other_units[unit] or other_units[unit:match "^[fpnumcdkgt](.+)$"]
end

-- The unit and the name of an axis by its name and what stands behind it; true if that is no unit, and true if such an
-- axis has this unit. The letter A stands for Å.
local function axis_of_parts(name, text)
  local named, stated = look_up(axis_of, name), look_up(axis_of, text)
  local axis = named and named[2] or axis_named[plain(name)]
  local units_of_axis = has_unit[axis] or {}
  local in_angstrom = look_up(axis_of, (plain(text):gsub("a", "å", 1)))
  if in_angstrom and units_of_axis[in_angstrom[1]] then stated = in_angstrom end
  if stated then
    local is_its = units_of_axis[stated[1]]
    -- s, k or 1/d in 1/nm: some of them are q / (2 pi), so none is taken for q
    local other = stated[2] == "q" and axis ~= "q" and not plain(name):find "q" and trim.both(name)
    return stated[1], is_its and axis or other or stated[2], plain(stated[2]) == plain(text):gsub("s$", ""), is_its
  end
  if named and not is_other_unit(text) then return named[1], named[2], true end
end

--- Reads the name of an axis or its unit: "Raman shift (cm-1)", "1/CM", "NANOMETERS", "d (A)".
-- @return the unit, the name of the axis, and true if the text only names the axis, as "Wavelength" does: other texts
--   may state another unit; nil if the text names neither
function units.axis(text)
  text = tidy(text)
  local row = look_up(axis_of, text)
  if row then return row[1], row[2], plain(row[2]) == plain(text):gsub("s$", "") end
  for _, pattern in ipairs { BRACKETS, SLASH, COMMA, BLANK } do
    local name, behind = text:match(pattern)
    if name then
      local unit, axis, is_implied, is_its = axis_of_parts(name, behind)
      -- "wavelength, nm" and "wavelength_nm", but not "sample, s"
      if pattern == BRACKETS or pattern == SLASH or is_its then return unit, axis, is_implied end
    end
  end
end

-- The text without blanks and its sign of percent: "t" of "T [%]", "T in percent", "%T"; nil if it has none.
local function without_percent(text)
  local short, count = plain(text):gsub("percent", "%%"):gsub("in%%$", "%%"):gsub("[%(%[{]?%%[%)%]}]?", "")
  return count == 1 and trim.right(short, ",;/") or nil
end

-- Names that say nothing of the values; texts behind a kind that change nothing; and kinds that are more exact than the
-- kind in front of them.
local says_nothing = { y = true, signal = true, value = true, values = true, data = true, response = true, ccd = true,
  detector = true, spectrum = true }
local no_unit = { ["-"] = true, ["1"] = true, unitless = true, dimensionless = true }
local more_exact = { absorbance = "log(1/R)", counts = "counts per second" }

-- The row of values by their name and what stands behind it. "log(R)" and "leaf (R)" are no reflectance, since the name
-- is not known, and "Absorbance (mAU)" has another scale.
local function values_of_parts(name, text)
  local named, stated, letters = look_up(value_of, name), look_up(value_of, text), plain(text)
  local kind = named and named[1]
  if kind == "intensity" or says_nothing[plain(name)] then return #letters > 1 and stated or named end
  if stated and (stated[1] == kind or stated[1] == more_exact[kind]) then return stated end
  local is_kept = stated and stated[1] == "intensity" or no_unit[letters] or letters == plain(name):sub(1, 1)
  return is_kept and named or nil
end

--- Reads what the values of a spectrum are: "ABSORBANCE", "%T", "Intensity (counts)".
-- @return "absorbance", "transmittance", "reflectance", "log(1/R)", "Kubelka-Munk", "counts", "counts per second",
--   "single beam", "interferogram" or "intensity", and "%" if they are in percent; nil if the text names none of them,
--   as "ln(T)" and "Sqrt(Counts)"
function units.quantity(text)
  text = tidy(text)
  local percent, row = value_of[without_percent(text) or ""], look_up(value_of, text)
  if percent and units.is_percentage[percent[1]] then return percent[1], "%" end
  for _, pattern in ipairs { BRACKETS, SLASH, COMMA } do
    local name, behind = text:match(pattern)
    row = row or name and values_of_parts(name, behind)
  end
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

--- Calls f(unit, name of the axis) for each unit, and then f(nil, kind, is_percent) for each kind of values.
function units.each(f)
  for _, row in ipairs(axes) do f(row[1], row[2]) end
  for _, row in ipairs(values) do f(nil, row[1], row[2] == "%") end
end

--- True for "%", also in brackets.
function units.is_percent(text) return text:find("%", 1, true) ~= nil and not text:find "%w" end

--- Kinds of values that may be in percent.
units.is_percentage = { transmittance = true, reflectance = true }

--- Names of axes that run from high to low on paper.
units.falls_on_paper = { wavenumber = true, ["chemical shift"] = true }

return units
