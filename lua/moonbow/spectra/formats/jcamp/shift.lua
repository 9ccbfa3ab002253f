--- Chemical shifts: the axis of a spectrum of NMR in ppm instead of Hz.
local records = require "moonbow.spectra.formats.jcamp.records"

local shift = {}

-- Returns the value of a label, however its name is written.
local function value_of(metadata, key)
  for name, value in pairs(metadata) do
    if records.key(name) == key then return value end
  end
end

-- Returns a frequency and its shift: those of the point that .SHIFT REFERENCE names, else 0 and 0.
local function reference_of(source, xs, metadata)
  local text = value_of(metadata, ".SHIFTREFERENCE")
  if not text then
    source:note "ppm: 0 Hz is taken for 0 ppm, as there is no .SHIFT REFERENCE"
    return 0, 0
  end
  local point, ppm = tostring(text):match ",%s*(%d+)%s*,([^,]*)$"
  local hz = xs[math.tointeger(tonumber(point))]
  if not hz or not tonumber(ppm) then
    source:fail("ppm: .SHIFT REFERENCE=%s: expected 'INTERNAL, solvent, one of %d points, ppm'", text, #xs)
  end
  return hz, tonumber(ppm)
end

--- Returns an axis in Hz as one in ppm, by .OBSERVE FREQUENCY and .SHIFT REFERENCE.
-- @param xs list
-- @param metadata of the table
function shift.to_ppm(source, xs, metadata)
  local frequency = value_of(metadata, ".OBSERVEFREQUENCY")
  if math.type(frequency) == nil or frequency <= 0 then
    source:fail("ppm: expected .OBSERVE FREQUENCY in MHz, got %s", frequency or "none")
  end
  local hz, ppm = reference_of(source, xs, metadata)
  local shifts = {}
  for i, x in ipairs(xs) do shifts[i] = ppm + (x - hz) / frequency end
  return shifts
end

return shift
