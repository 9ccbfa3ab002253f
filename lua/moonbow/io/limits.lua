--- Bounds on the memory that a file may make moonbow allocate: mb.limits.unpacked = 8 << 30 admits larger archives.
--
-- Sizes that a file states are first checked against the length of the file. The limits bound the rest, so that a
-- small file cannot use up the memory. Loading beyond a limit gives nil and a message that names the limit; saving
-- what could not be loaded again raises. Unknown names, and values that are not positive integers, raise; values above
-- 2^48, which is more than any memory has bytes, become 2^48.
-- @field depth integer levels of nested lists and tables in JSON; a layer in a container takes two (100)
-- @field entries integer names and values of one JSON text, members of an archive (2^20)
-- @field header integer bytes of the header of a safetensors file, which holds all but the numbers (2^24)
-- @field unpacked integer bytes to which the compressed members of an archive may unpack in all; their tensors may
--   take as many again; so may texts that cells of a worksheet share, and copies of weights that nodes of ONNX share
--   (2^30)
-- @field elements integer numbers in one tensor of a file (2^31)
local check = require "moonbow.check"

local limits = {
  depth = 100, -- levels of nested lists and tables in JSON; a layer in a container takes two
  entries = 1 << 20, -- names and values of one JSON text, members of an archive
  header = 16 << 20, -- bytes of the header of a safetensors file, which holds all but the numbers
  unpacked = 1 << 30, -- bytes of all compressed members of an archive when unpacked; as many for their tensors
  elements = 1 << 31, -- numbers in one tensor of a file
}

local MOST = 1 << 48 -- so that no product of a limit with the size of a number overflows

local names = check.sorted_keys(limits)

local function known(name) return check.name("limits", "name", name, names) end

--- The limits, which are read and set by name. Unknown names, and values that are not positive integers, raise.
return setmetatable({}, {
  __index = function(_, name) return limits[known(name)] end,
  __newindex = function(_, name, value)
    limits[known(name)] = math.min(MOST, check.kind("limits", name, value, "positive integer"))
  end,
  __pairs = function() return next, limits end,
  __tostring = function()
    local lines = {}
    for i, name in ipairs(names) do lines[i] = ("limits.%s = %d"):format(name, limits[name]) end
    return table.concat(lines, "\n")
  end,
})
