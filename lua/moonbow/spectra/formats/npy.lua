--- NumPy's .npy: spectra in rows, without an axis, or two columns of x and y.
local arrangement = require "moonbow.spectra.arrangement"
local npy_header = require "moonbow.io.npy_header"
local numpy = require "moonbow.spectra.numpy"

local npy = { name = "npy", title = "a NumPy array" }

function npy.matches(source) return source.bytes:sub(1, #npy_header.MAGIC) == npy_header.MAGIC end

function npy.read(source)
  local array = numpy.variable("array", source.bytes, source)
  if array.kind ~= "numbers" then source:fail("%s", array.what) end
  if array:count() < 2 then source:fail("an array of one number") end
  return { arrangement.pairs(source, { name = "", variables = { array } }, array) }
end

return npy
