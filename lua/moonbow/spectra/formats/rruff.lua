--- Spectra of the RRUFF database: "##NAME=value", and pairs of numbers.
local columns = require "moonbow.spectra.columns"

local rruff = { name = "rruff", title = "a RRUFF file" }

function rruff.matches(source)
  local head = source.bytes:sub(1, 4096)
  return head:find "^%s*##NAMES=" ~= nil and head:find "\n##RRUFFID=" ~= nil
end

-- Returns the unit and the name of the axis, the kind of the values, and how these were decided: files of RRUFF do not
-- say, but their names and the wavelength of a laser do.
local function kind_of(source, metadata)
  local name = source.name:lower()
  if metadata.LASER_WAVELENGTH then return "cm-1", "Raman shift", "intensity", "LASER_WAVELENGTH: a Raman spectrum" end
  if name:find "raman" then return "cm-1", "Raman shift", "intensity", "the file's name: a Raman spectrum" end
  if name:find "infrared" then return "cm-1", "wavenumber" end
  if name:find "powder" or name:find "xray" then return "deg", "2theta", "intensity", "the file's name: powder" end
end

function rruff.read(source)
  local text, metadata, at = source:take_text(), {}, 1
  while true do
    local name, value, behind = text:match("^%s*##([^=\n]+)=([^\n]*)\n?()", at)
    if not name or name == "END" then break end
    metadata[name], at = columns.metadata(value), behind
  end
  local stop = text:find("##END", at, true)
  local x, y = columns.read(source, columns.part(text, at, stop and stop - 1), 2, "the spectrum")
  if not stop then source:cut(#x, "an unknown number of", "points") end
  local unit, axis, quantity, decided = kind_of(source, metadata)
  return { { x = x, y = columns.values(source, y, "the spectrum"), axis = axis, unit = unit, quantity = quantity,
    decided = decided, metadata = metadata, names = metadata.NAMES and { tostring(metadata.NAMES) } or nil } }
end

return rruff
