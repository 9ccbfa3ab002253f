--- NumPy's arrays as variables (arrays.lua).
local core = require "moonbow.core"
local arrays = require "moonbow.spectra.arrays"
local npy_header = require "moonbow.io.npy_header"
local Source = require "moonbow.spectra.source"

local numpy = {}

-- Reals of 16 bits, which Lua does not unpack, become reals of 64 bits.
local function widened(bytes, header)
  local x = core.decode(bytes, header.first, header.number.code, header.number.swap, { header.count })
  return core.encode(x, "f8")
end

local function numbers(name, bytes, header, source)
  local type, offset, order = header.number.code, header.first - 1, header.number.swap and ">" or "<"
  if type == "f2" then bytes, type, offset, order = widened(bytes, header), "f8", 0, "<" end
  return arrays.numbers { name = name, shape = header.shape, fortran = header.fortran, offset = offset, order = order,
    type = type == "b1" and "u1" or type, source = Source.of(bytes, source.path, source.options) }
end

--- Returns the array in the bytes of a .npy file as a variable; of kind "other", with the reason as what, if it cannot
-- be read. Raises a fault for one that is cut off.
function numpy.variable(name, bytes, source)
  local header, err = npy_header.read(bytes)
  if not header then
    local texts = npy_header.texts(bytes)
    if texts then return arrays.text(name, texts) end
    return { kind = "other", name = name, shape = {}, attributes = {}, what = err }
  end
  local size = tonumber(header.number.code:sub(2))
  local got = (#bytes - header.first + 1) // size
  if got < header.count then source:fail("%s is cut off: %d of %d numbers are there", name, got, header.count) end
  return numbers(name, bytes, header, source)
end

return numpy
