--- NumPy's .npz: named arrays, whose spectra and axis are found by names and sizes.
local archive = require "moonbow.spectra.archive"
local groups = require "moonbow.spectra.groups"
local numpy = require "moonbow.spectra.numpy"

local npz = { name = "npz", title = "an archive of NumPy arrays" }

function npz.matches(source) return archive.holds(source, "%.npy$") end

function npz.read(source)
  local variables = {}
  for i, name in ipairs(archive.matching(source, "%.npy$")) do
    variables[i] = numpy.variable(name:gsub("%.npy$", ""), archive.content(source, name), source)
  end
  return groups.blocks(source, groups.of(variables), ".")
end

return npz
