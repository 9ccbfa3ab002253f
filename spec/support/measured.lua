-- Finds the measured spectra that some specs read. They are not part of the repository.
local lfs = require "lfs"

--- Returns the path of a file or folder of measured spectra (without a name, of all of them), or nil and a message
-- for `pending`. They are in $MOONBOW_DATA, or else in `../shared/data`.
return function(name)
  local path = os.getenv("MOONBOW_DATA") or "../shared/data"
  if name then path = path .. "/" .. name end
  if lfs.attributes(path) then return path end
  return nil, path .. " is missing (set MOONBOW_DATA to the folder of measured spectra)"
end
