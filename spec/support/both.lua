-- moonbow twice in one process: in float, as installed, and in double, for tight gradient checks.

local function take_out()
  local modules = {}
  for name, module in pairs(package.loaded) do
    if name == "moonbow" or name:match("^moonbow%.") then modules[name] = module end
  end
  for name in pairs(modules) do package.loaded[name] = nil end
  return modules
end

local mb = require "moonbow"
local core64 = require "moonbow.core64"

local float = take_out()
package.loaded["moonbow.core"] = core64
local mb64 = require "moonbow"
local double = take_out()
for name, module in pairs(float) do package.loaded[name] = module end

--- `local mb, mb64, modules64 = require "support.both"()`; the last one: the loaded modules of mb64, by name.
return function() return mb, mb64, double end
