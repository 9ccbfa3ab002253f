--- What writers of spectra share: numbers and names as text. Writers run in the C locale.
local core = require "moonbow.core"
local check = require "moonbow.check"

local texts = {}

--- Returns the shortest decimal that reads as this double.
function texts.number(value)
  for digits = 15, 16 do
    local text = ("%%.%dg"):format(digits):format(value)
    if tonumber(text) == value then return text end
  end
  return ("%.17g"):format(value)
end

--- Returns a function that returns lines of numbers, in the first of which a number such as 1.125 is written 1.1250: so
-- no reader takes the sign for a separator of thousands.
function texts.sign_giver()
  local is_certain = false
  return function(line)
    if is_certain then return line end
    local given, count = line:gsub("%f[%d.]([1-9]%d?%d?%.%d%d%d)%f[^%d.e]", "%10", 1)
    is_certain = count > 0 or line:find "%.%d%d%d%d" ~= nil
    return given
  end
end

--- Returns the values of spectrum i with a separator between them.
function texts.values(spectra, i, separator) return core.numbers_text(core.row(spectra.x, i), separator) end

--- Raises unless all values are finite, or NaN if takes_nan is true.
function texts.check_finite(spectra, takes_nan)
  local found = core.describe(spectra.x)
  if found.inf > 0 then check.fail("write", "x: expected finite values, %d are infinite", found.inf) end
  if found.nan > 0 and not takes_nan then check.fail("write", "x: expected finite values, %d are NaN", found.nan) end
end

-- What a reader takes for the axis, and for the kind of the values.

--- Returns the name and the unit of the axis as one text, "Raman shift (cm-1)"; nil if nothing is known.
function texts.axis(spectra)
  local name, unit = spectra.axis_name, spectra.unit
  if name and unit then return ("%s (%s)"):format(name, unit) end
  return name or unit
end

--- Returns the kind of the values, "transmittance (%)"; nil if it is not known.
function texts.quantity(spectra)
  local quantity = spectra.quantity
  if not quantity or quantity == "mixed" then return nil end
  return spectra.percent and quantity .. " (%)" or quantity
end

--- Returns metadata that all spectra share, as a list of { name, value }, sorted by names.
function texts.shared_metadata(spectra)
  local first, shared = spectra.metadata[1] or {}, {}
  for name, value in pairs(first) do
    local same = true
    for _, other in ipairs(spectra.metadata) do same = same and other[name] == value end
    if same then shared[#shared + 1] = { name, value } end
  end
  table.sort(shared, function(a, b) return a[1] < b[1] end)
  return shared
end

--- Returns a value as UTF-8 text; bytes that are not are taken as Latin-1.
function texts.utf8(value)
  value = tostring(value)
  if utf8.len(value) then return value end
  return (value:gsub("[\128-\255]", function(byte) return utf8.char(byte:byte()) end))
end

--- Returns a value as text in one line.
function texts.one_line(value) return (texts.utf8(value):gsub("[\r\n]+", " ")) end

return texts
