-- Uses an installed moonbow, and no other files: use.lua PREFIX
local prefix = arg[1]
local mb = require "moonbow"
assert(mb.tensor { { 1, 2 }, { 3, 4 } }:matmul(mb.tensor { { 5 }, { 6 } }):get(2, 1) == 39)

for name in pairs(package.loaded) do
  if name == "moonbow" or name:find("^moonbow%.") then
    local file = package.searchpath(name, package.path) or assert(package.searchpath(name, package.cpath))
    assert(file:sub(1, #prefix) == prefix, name .. " was loaded from " .. file)
  end
end

local kernels = assert(package.searchpath("moonbow.core", package.cpath))
assert(kernels:sub(1, #prefix) == prefix, "the kernels were loaded from " .. kernels)

-- Opening the module again must leave earlier objects usable.
local x = mb.tensor { 1, 2, 3 }
package.loaded["moonbow.core"] = nil
require "moonbow.core"
assert((x + x):sum():item() == 12)
