--- MATLAB's .mat of level 4, and of level 5, which MATLAB 5 to 7.2 and Octave write. Version 7.3 is HDF5.
local groups = require "moonbow.spectra.groups"
local level4 = require "moonbow.spectra.mat.level4"
local level5 = require "moonbow.spectra.mat.level5"

local mat = { name = "mat", title = "a MATLAB file" }

function mat.matches(source) return (level5.order(source.bytes) or level4.order(source.bytes)) ~= nil end

function mat.read(source)
  local level = level5.order(source.bytes) and level5 or level4
  local variables = level.variables(source)
  if #variables == 0 then source:fail("a MATLAB file without variables") end
  return groups.blocks(source, groups.of(variables), ".")
end

return mat
