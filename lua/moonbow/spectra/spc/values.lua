--- The values of a spectrum in an SPC file: reals of 32 bits, or fractions in fixed point times 2^exponent.
local core = require "moonbow.core"
local header = require "moonbow.spectra.spc.header"

local values = {}

local FLOAT = header.FLOAT

-- Integers of 32 bits of the old form have their halves swapped.
local function swapped(source, offset, count)
  local high = core.slice(source:tensor(offset, { count, 2 }, "i2"), 2, 1, 1)
  local low = core.slice(source:tensor(offset, { count, 2 }, "u2"), 2, 2, 1)
  return core.reshape(core.add(core.mul(high, 65536), low), count)
end

--- Returns exponent and size in bytes of the values of a spectrum. The exponent is that of the spectrum in a multifile,
-- else that of the file: writers of one spectrum leave the other 0.
function values.form(h, sub)
  if h.exponent == FLOAT or sub.exponent == FLOAT then return FLOAT, 4 end
  return h.flags.multifile and sub.exponent or h.exponent, h.flags.words16 and 2 or 4
end

--- Reads `count` values at an offset into a tensor.
function values.read(source, h, offset, count, exponent)
  if exponent == FLOAT then return source:tensor(offset, count, "f4", h.order) end
  if h.flags.words16 then
    return core.mul(source:tensor(offset, count, "i2", h.order), 2.0 ^ (exponent - 16))
  end
  local y = h.old and swapped(source, offset, count) or source:tensor(offset, count, "i4", h.order)
  return core.mul(y, 2.0 ^ (exponent - 32))
end

return values
