--- NumPy's .npy: spectra in rows, without an axis, or two columns of x and y.
local arrangement = require "moonbow.spectra.arrangement"
local axes = require "moonbow.spectra.axes"
local npy_header = require "moonbow.io.npy_header"
local numpy = require "moonbow.spectra.numpy"

local npy = { name = "npy", title = "a NumPy array" }

local FEWEST_PAIRS = 3

function npy.matches(source) return source.bytes:sub(1, #npy_header.MAGIC) == npy_header.MAGIC end

-- Returns x and y if the array has two columns, of which the first rises or falls throughout.
local function columns_of(array)
  local shape = array.shape
  if #shape ~= 2 or shape[2] ~= 2 or shape[1] < FEWEST_PAIRS then return nil end
  local list, count, x = array:list(), shape[1], {}
  for i = 1, count do x[i] = array.fortran and list[i] or list[2 * i - 1] end
  return axes.direction(x) and x
end

function npy.read(source)
  local array = numpy.variable("array", source.bytes, source)
  if array.kind ~= "numbers" then source:fail("%s", array.what) end
  if array:count() < 2 then source:fail("an array of one number") end
  local x = columns_of(array)
  if not x then return { arrangement.block_of(source, { name = "", variables = { array } }, array) } end
  source:note("its two columns are taken as x and y")
  local y = array:spectra(1)
  return { { y = y[2], x = x } }
end

return npy
