--- ENVI: a header of text (.hdr) beside the numbers of a spectral library or an image; either file stands for both.
local lfs = require "lfs"
local core = require "moonbow.core"
local arrays = require "moonbow.spectra.arrays"
local numbers = require "moonbow.spectra.numbers"
local check = require "moonbow.check"
local trim = require "moonbow.io.trim"
local units = require "moonbow.spectra.units"

local envi = { name = "envi", title = "ENVI" }

local TYPES = { ["1"] = "u1", ["2"] = "i2", ["3"] = "i4", ["4"] = "f4", ["5"] = "f8", ["12"] = "u2", ["13"] = "u4",
  ["14"] = "i8", ["15"] = "u8" }
local BYTES = { u1 = 1, i2 = 2, u2 = 2, i4 = 4, u4 = 4, f4 = 4, f8 = 8, i8 = 8, u8 = 8 }
local DATA_SUFFIXES = { ".img", ".sli", ".dat", ".bsq", ".bil", ".bip", ".raw", ".bin", ".spe", "" }
local MOST_BYTES = 1 << 24 -- of a header

local function is_header(source) return source.bytes:find "^%s*ENVI%s" ~= nil and #source.bytes < MOST_BYTES end

-- The header that belongs to a file of numbers: NAME.hdr beside NAME.img, or NAME.img.hdr.
local function header_beside(source)
  local header = source:sibling ".hdr"
  if header and is_header(header) then return header end
  header = source:beside(source.name .. ".hdr")
  return header and is_header(header) and header or nil
end

-- A header may stand beside files of other formats with its name, so numbers need a suffix of numbers.
local function may_be_numbers(source)
  local suffix = source.name:lower():match "%.[^.]*$" or ""
  for _, known in ipairs(DATA_SUFFIXES) do
    if suffix == known then return true end
  end
  return lfs.attributes(source.path .. ".hdr", "mode") == "file"
end

function envi.matches(source)
  return is_header(source) or may_be_numbers(source) and header_beside(source) ~= nil
end

-- Returns the fields of a header, with names in lower case: "name = value" or "name = { values in several lines }".
local function read_fields(header)
  local fields, text, at = {}, header:as_text(), 1
  while true do
    local equals = text:find("=", at, true)
    if not equals then return fields end
    local before = text:sub(at, equals - 1)
    local name, brace, first = before:match "^.*\n(.*)$" or before, text:match("^[ \t]*({?)()", equals + 1)
    local last
    if brace == "{" then
      last = (text:find("}", first, true) or header:fail("%s: a { without }", name)) - 1
    else
      last = (text:find("\n", first, true) or #text + 1) - 1
    end
    fields[trim.both(name):lower()], at = trim.both(text:sub(first, last)), last + 2
  end
end

local function whole(header, fields, name, default)
  local value = math.tointeger(tonumber(fields[name] or default))
  if not value or value < 0 then
    header:fail("%s: expected a whole number, got %s", name, fields[name] and check.show(fields[name]) or "nothing")
  end
  return value
end

local function data_beside(header)
  for _, suffix in ipairs(DATA_SUFFIXES) do
    local data = suffix ~= "" and header:sibling(suffix)
      or suffix == "" and header:beside(header.name:gsub("%.[Hh][Dd][Rr]$", ""))
    if data and data.path ~= header.path then return data end
  end
  header:fail "no file with the numbers beside it (.img, .sli, .dat, .bsq, .bil, .bip, .raw, .bin)"
end

-- Reads an image of lines x samples places with bands, in any interleave, as tensor (places, bands).
local function read_image(data, offset, type, order, shape)
  local lines, samples, bands = shape.lines, shape.samples, shape.bands
  if shape.interleave == "bip" then return data:tensor(offset, { lines * samples, bands }, type, order) end
  if shape.interleave == "bsq" then
    return core.transpose(data:tensor(offset, { bands, lines * samples }, type, order), 1, 2)
  end
  local rows, size = {}, bands * samples * BYTES[type]
  for line = 1, lines do
    rows[line] = core.transpose(data:tensor(offset + (line - 1) * size, { bands, samples }, type, order), 1, 2)
  end
  return core.concat(rows, 1)
end

local function split_names(text)
  local names = {}
  for name in (text .. ","):gmatch "([^,]*)," do names[#names + 1] = trim.both(name) end
  return names
end

local function axis_of(header, fields, points)
  local given = fields.wavelength
  if not given then
    local x = {}
    for i = 1, points do x[i] = i end
    return x, "points", "points"
  end
  local x, word = numbers.list(given)
  if not x then header:fail("wavelength: expected numbers, got '%s'", word) end
  if #x ~= points then header:fail("%d wavelengths for %d points", #x, points) end
  local unit, axis = units.axis(fields["wavelength units"] or "")
  return x, axis, unit
end

local function place_labels(shape)
  local labels = { line = {}, sample = {} }
  for k = 1, shape.lines * shape.samples do
    labels.line[k] = tostring((k - 1) // shape.samples + 1)
    labels.sample[k] = tostring((k - 1) % shape.samples + 1)
  end
  return labels, { "line", "sample" }
end

local function read_shape(header, fields)
  local shape = { lines = whole(header, fields, "lines"), samples = whole(header, fields, "samples"),
    bands = whole(header, fields, "bands"), interleave = (fields.interleave or "bsq"):lower() }
  if not ({ bsq = true, bil = true, bip = true })[shape.interleave] then
    header:fail("interleave: expected bsq, bil or bip, got %s", shape.interleave)
  end
  if shape.lines < 1 or shape.samples < 1 or shape.bands < 1 then
    header:fail("%d lines of %d samples with %d bands", shape.lines, shape.samples, shape.bands)
  end
  return shape
end

-- The numbers must all be there: a part of an image is not a part of its spectra.
local function check_size(data, offset, shape, type)
  local wanted = (shape.lines + 0.0) * shape.samples * shape.bands -- a real does not overflow
  local there = math.max(0, (#data.bytes - offset) // BYTES[type])
  if there < wanted then
    data:fail("the file is cut off: %d of %.0f numbers (%d lines of %d samples with %d bands) are there", there, wanted,
      shape.lines, shape.samples, shape.bands)
  end
end

local function scale_factor(header, fields)
  local text = fields["reflectance scale factor"]
  local factor = tonumber(text or 1)
  if not (factor and factor > 0 and factor < math.huge) then
    header:fail("reflectance scale factor: expected a positive number, got %s", check.show(text))
  end
  return text and factor
end

-- Makes reflectance of values that a scale factor made integers, and NaN of those that the header says to ignore.
local function set_values(header, source, fields, block)
  local factor = scale_factor(header, fields)
  local missing = tonumber(fields["data ignore value"] or "") -- "nan" needs nothing
  block.decided = "ENVI headers do not say what the values are"
  if missing then
    block.y = arrays.without(block.y, missing)
    local count = core.describe(block.y).nan
    if count > 0 then
      source:note("%s missing (data ignore value = %.9g): NaN", check.show_count(count, "value is", "values are"),
        missing)
    end
  end
  if not factor then return end
  block.y, block.quantity, block.decided = core.div(block.y, factor), "reflectance", "reflectance scale factor"
  if factor ~= 1 then source:note("the stored values were divided by the reflectance scale factor, %.9g", factor) end
end

-- Notes what headers say of bands and is left to the user, as ENVI leaves it.
local function note_bands(source, fields)
  for _, name in ipairs { "data gain values", "data offset values", "data reflectance gain values",
    "data reflectance offset values" } do
    if fields[name] then source:note("the %s of the header were not applied", name) end
  end
  local bad = 0
  for word in (fields.bbl or ""):gmatch "[^%s,]+" do bad = bad + (tonumber(word) == 0 and 1 or 0) end
  if bad > 0 then source:note("%d bands that the header marks as bad (bbl) were kept", bad) end
end

function envi.read(source)
  local header = is_header(source) and source or header_beside(source)
  if not header then source:fail "expected a header that begins with ENVI, or one beside the numbers (.hdr)" end
  local fields = read_fields(header)
  local shape, type = read_shape(header, fields), TYPES[fields["data type"] or ""]
  if not type then
    local given = fields["data type"]
    header:fail("data type %s is not read; 1 to 5 and 12 to 15 are", given and check.show(given) or "(none)")
  end
  local data = header ~= source and source or data_beside(source)
  local offset, order = whole(header, fields, "header offset", 0), fields["byte order"] == "1" and ">" or "<"
  check_size(data, offset, shape, type)
  local is_library = (fields["file type"] or ""):lower():find "spectral library" ~= nil
  local block
  if is_library then
    block = { y = data:tensor(offset, { shape.lines * shape.bands, shape.samples }, type, order),
      names = split_names(fields["spectra names"] or "") }
    block.x, block.axis, block.unit = axis_of(header, fields, shape.samples)
  else
    block = { y = read_image(data, offset, type, order, shape) }
    block.labels, block.columns = place_labels(shape)
    block.x, block.axis, block.unit = axis_of(header, fields, shape.bands)
  end
  set_values(header, source, fields, block)
  note_bands(source, fields)
  block.metadata = { description = fields.description, sensor = fields["sensor type"] }
  return { block }
end

return envi
