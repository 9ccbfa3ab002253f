-- Files of Keras in a folder of a spec, and a small network to write.
local lfs = require "lfs"
local mb = require "moonbow"
local nn = mb.nn

local keras_files = {}

--- A new folder. Returns path(ending) of a file in it; and functions for setup, which makes it, and teardown.
function keras_files.folder()
  local folder = os.tmpname()
  os.remove(folder)
  return function(ending) return folder .. "/model." .. ending end, function() assert(lfs.mkdir(folder)) end,
    function() os.execute("rm -r " .. folder) end
end

--- A built network on (N, 5, 1).
function keras_files.small()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, activation = "relu" }, nn.BatchNorm1d {},
    nn.Flatten {}, nn.Dense { units = 4 } }
  model:build({ 5, 1 }, mb.rng(1))
  return model:eval()
end

return keras_files
