-- Tensors, or tables of them by name, as files of NumPy beside the parts of a test in Python.
local lfs = require "lfs"
local mb = require "moonbow"

local arrays = {}

--- Writes START.npy, or START.NAME.npy for each tensor of a table by name.
function arrays.save(start, values)
  if type(values) ~= "table" then return assert(mb.save_npy(values, start .. ".npy")) end
  for name, value in pairs(values) do assert(mb.save_npy(value, ("%s.%s.npy"):format(start, name))) end
end

--- Reads what save, or a script that does likewise, wrote as START in a folder.
function arrays.load(folder, start)
  local found = {}
  for name in lfs.dir(folder) do
    local key = name:sub(1, #start) == start and name:sub(#start + 1):match "^%.?(.*)%.?npy$"
    if key == "" then return (assert(mb.load_npy(folder .. "/" .. name))) end
    if key then found[key:sub(1, -2)] = assert(mb.load_npy(folder .. "/" .. name)) end
  end
  return found
end

return arrays
