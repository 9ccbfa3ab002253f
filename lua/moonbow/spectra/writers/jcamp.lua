--- JCAMP-DX 4.24: a block for each spectrum, in a LINK block if there are several.
local core = require "moonbow.core"
local check = require "moonbow.check"
local asdf = require "moonbow.spectra.writers.asdf"
local meaning = require "moonbow.spectra.formats.jcamp.meaning"
local records = require "moonbow.spectra.formats.jcamp.records"
local texts = require "moonbow.spectra.writers.texts"
local units = require "moonbow.spectra.units"
local Source = require "moonbow.spectra.source"

local jcamp = { suffixes = { "jdx", "dx", "jcamp" }, title = "JCAMP-DX" }

local UNEVEN = 1e-6 -- of a step: points that deviate by less are even

local x_units = { ["cm-1"] = "1/CM", nm = "NANOMETERS", um = "MICROMETERS", s = "SECONDS", Hz = "HZ", ppm = "PPM" }
local y_units = { intensity = "ARBITRARY UNITS", ["counts per second"] = "COUNTS/SECOND" }

-- Labels that the standard knows; others are written as ##$NAME=.
local standard = {}
for key in ([[DATATYPE ORIGIN OWNER DATE TIME LONGDATE CLASS SPECTROMETERDATASYSTEM INSTRUMENTPARAMETERS
  INSTRUMENTALPARAMETERS SAMPLEDESCRIPTION CASNAME MOLFORM CASREGISTRYNO NAMES MP BP REFRACTIVEINDEX DENSITY MW
  CONCENTRATIONS SAMPLINGPROCEDURE STATE PATHLENGTH PRESSURE TEMPERATURE DATAPROCESSING RESOLUTION SOURCEREFERENCE
  CROSSREFERENCE]]):gmatch "%S+" do standard[key] = true end

-- Labels that a block gets from the set itself, or that hold for the file it came from.
local own = { DATATYPE = true, DATACLASS = true, TITLE = true, END = true }

local function data_type(spectra, metadata)
  for name, value in pairs(metadata) do
    if records.key(name) == "DATATYPE" then return value end
  end
  local name, unit = spectra.axis_name or "", spectra.unit
  if name == "Raman shift" then return "RAMAN SPECTRUM" end
  if unit == "cm-1" then return "INFRARED SPECTRUM" end
  if name == "2theta" then return "X-RAY DIFFRACTION" end
  return unit == "nm" and "UV/VIS SPECTRUM" or unit == "ppm" and "NMR SPECTRUM" or "SPECTRUM"
end

-- Returns a text in which nothing begins a label or a comment.
local function harmless(text)
  text = texts.utf8(text):gsub("\r\n?", "\n"):gsub("\n[^%S\n]*##", "\n# #")
  return (text:gsub("%$%$+", function(run) return run:gsub("%$", " $"):sub(2) end))
end

local function put_label(put, name, value)
  value = math.type(value) and texts.number(value) or harmless(value)
  put(("##%s= %s\n"):format(name, value))
end

local function put_metadata(metadata, put)
  local names = {}
  for name in pairs(metadata) do
    if not name:find "[=\r\n]" and not own[records.key(name)] then names[#names + 1] = name end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local known = standard[records.key(name)] or name:find "^%."
    put_label(put, known and name or "$" .. name, metadata[name])
  end
end

local function put_labels(spectra, i, put)
  for _, name in ipairs(spectra.columns) do
    if not name:find "[=\r\n]" then put_label(put, "$LABEL " .. name, spectra.labels[name][i]) end
  end
end

local function is_even(axis)
  local even, step = Source.even(axis[1], axis[#axis], #axis), (axis[#axis] - axis[1]) / math.max(#axis - 1, 1)
  for i, value in ipairs(axis) do
    if math.abs(value - even[i]) > math.abs(step) * UNEVEN then return false end
  end
  return true
end

-- Returns the integers that give the values times a factor in float32; nil if they do not.
local function integers(values, factor, must)
  local list = {}
  for i, value in ipairs(values) do
    local whole = math.floor(value / factor + 0.5)
    if not must and string.unpack("f", string.pack("f", whole * factor)) ~= value then return nil end
    list[i] = whole
  end
  return list
end

local WORD, EXACT = 2.0 ^ 31, 2.0 ^ 52 -- bounds of integers that all readers take, and that are exact in double

-- Returns integers and the factor that gives the values: a power of ten, or else of two; nil if they take more than 32
-- bits. If must is true, they may take 52 bits, and values whose ratio is beyond 2^28 are rounded.
local function scaled(values, greatest, must)
  if greatest == 0 then return integers(values, 1.0), 1.0 end
  for digits = 0, 9 do
    local factor = tonumber("1e-" .. digits)
    local list = greatest / factor < WORD and integers(values, factor)
    if list then return list, factor end
  end
  for _, bound in ipairs { WORD, must and EXACT or nil } do
    local factor = 2.0 ^ math.ceil(math.log(greatest / bound, 2))
    local list = integers(values, factor, bound == EXACT)
    if list then return list, factor end
  end
end

-- Returns a function that writes the abscissa of a point without an exponent, to a thousandth of a step.
local function abscissas(axis)
  local step = math.abs(axis[#axis] - axis[1]) / math.max(#axis - 1, 1)
  local decimals = step > 0 and math.max(0, 3 - math.floor(math.log(step, 10))) or 3
  local format = ("%%.%df"):format(math.min(decimals, 15))
  return function(i) return (format:format(axis[i])) end
end

local function put_pairs(spectra, words, put)
  put "##XYPOINTS= (XY..XY)\n"
  for t, value in ipairs(spectra.axis) do put(("%s, %s\n"):format(texts.number(value):upper(), words[t])) end
end

-- Returns the values of a spectrum as a list, with nil for NaN, and as words.
local function words_of(spectra, i)
  local words = {}
  for word in texts.values(spectra, i, " "):gmatch "%S+" do
    words[#words + 1] = word:find "nan" and "?" or word:upper()
  end
  return words
end

local function put_numbers(spectra, factor, put)
  local axis = spectra.axis
  local step = (axis[#axis] - axis[1]) / math.max(#axis - 1, 1)
  put_label(put, "FIRSTX", axis[1])
  put_label(put, "LASTX", axis[#axis])
  put_label(put, "DELTAX", step)
  put_label(put, "XFACTOR", 1)
  put_label(put, "YFACTOR", factor)
  put_label(put, "NPOINTS", #axis)
end

-- Puts the numbers of spectrum i, and of its axis.
local function put_table(spectra, i, options, put)
  local row = core.row(spectra.x, i)
  local found, values = core.describe(row), core.totable(core.reshape(row, -1))
  local even, difdup = options.even, options.form == "DIFDUP"
  local greatest = math.max(math.abs(found.min), math.abs(found.max))
  local list, factor
  if even and found.nan == 0 then list, factor = scaled(values, greatest, difdup) end
  put_numbers(spectra, factor or 1.0, put)
  if not even then return put_pairs(spectra, words_of(spectra, i), put) end
  put "##XYDATA= (X++(Y..Y))\n"
  if difdup then return asdf.put_difdup(list, abscissas(spectra.axis), put) end
  local words = list and {} or words_of(spectra, i)
  for t, value in ipairs(list or {}) do words[t] = ("%.0f"):format(value) end
  asdf.put_affn(words, abscissas(spectra.axis), put)
end

-- True for fractions that a reader would take for percents, such as noise where a detector sees next to nothing.
local function look_like_percents(spectra, i)
  return units.is_percentage[spectra.quantity] and not spectra.percent
    and core.describe(core.row(spectra.x, i)).max > meaning.LARGEST_RATIO
end

local function put_block(spectra, i, options, put)
  local metadata, quantity = spectra.metadata[i] or {}, spectra.quantity or ""
  put_label(put, "TITLE", texts.one_line(spectra.names[i]))
  put "##JCAMP-DX= 4.24 $$ moonbow\n"
  put_label(put, "DATA TYPE", data_type(spectra, metadata))
  for _, name in ipairs { "ORIGIN", "OWNER" } do
    if not metadata[name] then put_label(put, name, "") end
  end
  put_metadata(metadata, put)
  put_labels(spectra, i, put)
  local unit = spectra.unit
  local is_2theta = spectra.axis_name == "2theta" and (unit or "deg") == "deg"
  put_label(put, "XUNITS", x_units[unit] or is_2theta and "2THETA" or unit or "")
  put_label(put, "YUNITS", spectra.percent and "%" .. quantity:upper() or y_units[quantity] or quantity:upper())
  if look_like_percents(spectra, i) then put_label(put, "$VALUES IN PERCENT", "NO") end
  put_table(spectra, i, options, put)
  put "##END=\n"
end

--- Puts the content of a file, as csv.write does.
function jcamp.write(spectra, options, put)
  local difdup, count = options.form == "DIFDUP", #spectra
  texts.check_finite(spectra, not difdup)
  options.even = is_even(spectra.axis)
  if difdup and not options.even then
    check.fail("write", "form: DIFDUP needs an even axis; AFFN writes pairs of numbers")
  end
  if count > 1 then
    put(("##TITLE= %d spectra\n##JCAMP-DX= 4.24 $$ moonbow\n##DATA TYPE= LINK\n"):format(count))
    put(("##BLOCKS= %d\n"):format(count))
  end
  for i = 1, count do put_block(spectra, i, options, put) end
  if count > 1 then put "##END= $$ of all\n" end
end

return jcamp
