--- The sets of the benchmark with max-pooled spectra.
local check = require "moonbow.check"
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local output = require "moonbow.experiment.output"

local pooled = {}

--- Ends the script of this name if --pool is more than the points of a spectrum.
function pooled.check_size(name, size, set)
  if size <= #set.axis then return end
  output.fail(("%s: --pool: expected at most %d, the points of a spectrum, got %d"):format(name, #set.axis, size), 2)
end

--- The set with max-pooled spectra; a window stands at its first point.
function pooled.set(set, size)
  local part = check.copy(set)
  for _, name in ipairs { "train", "validation", "test" } do
    part[name] = check.copy(set[name])
    part[name].x = ops.max_pool1d(set[name].x, size, size, "valid")
  end
  part.axis = core.arange(set.axis[1], size * (set.axis[2] - set.axis[1]), core.size(part.test.x, 2))
  return part
end

return pooled
