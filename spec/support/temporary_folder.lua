local lfs = require "lfs"

--- Makes an empty folder. Returns its path, which a shell takes without quotes. Whoever calls this removes the folder.
return function()
  local path = os.tmpname()
  os.remove(path)
  assert(lfs.mkdir(path))
  return path
end
