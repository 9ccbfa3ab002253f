--- The header of a spectrum in files of Thermo OMNIC, and how they write dates and units.
local header = {}

local axes = { { "cm-1", "wavenumber" }, { "points", "points" }, { "nm", "wavelength" }, { "um", "wavelength" },
  [32] = { "cm-1", "Raman shift" } }

-- Kind of the values, and true if they are in percent.
local values = { [11] = { "reflectance", true }, [12] = { "log(1/R)" }, [15] = { "single beam" },
  [16] = { "transmittance", true }, [17] = { "absorbance" }, [20] = { "Kubelka-Munk" }, [21] = { "reflectance" },
  [22] = { "interferogram" }, [26] = { "photoacoustic signal" }, [31] = { "intensity" } }

local TO_1970 = 25568 * 86400 -- seconds from 1899-12-31, from which OMNIC counts

--- Returns the date of a number of seconds as text; nil for 0.
function header.date(seconds)
  if seconds == 0 then return nil end
  return os.date("!%Y-%m-%d %H:%M:%S", seconds - TO_1970)
end

--- Reads the header at an offset.
-- @return points, first and last (of the axis), unit, axis (its name), quantity, percent, decided, and metadata
function header.read(source, at)
  source:need(at, 100, "the header of a spectrum")
  local axis = axes[source:number(at + 8, "u1")] or {}
  local code = source:number(at + 12, "u1")
  local kind = values[code] or {}
  local metadata = { scans = source:number(at + 36, "u4"), ["background scans"] = source:number(at + 52, "u4"),
    ["laser wavenumber"] = source:number(at + 80, "f4"), aperture = source:number(at + 92, "f4"),
    ["Raman excitation"] = source:number(at + 96, "f4") }
  for name, value in pairs(metadata) do
    if value == 0 or value ~= value then metadata[name] = nil end
  end
  return { points = source:number(at + 4, "u4"), first = source:number(at + 16, "f4"),
    last = source:number(at + 20, "f4"), unit = axis[1], axis = axis[2], quantity = kind[1], percent = kind[2],
    decided = ("OMNIC values code %d"):format(code), metadata = metadata }
end

return header
