--- Public names of earlier versions. Looking one up raises an error that says the present name.
local check = require "moonbow.check"

local renamed = {}

--- Names of mb that are gone: old name to what to write instead.
renamed.of_mb = { convolution_way = "convolution_algorithm" }

--- Makes a table of functions answer to names that are gone. Returns the table.
-- @param prefix what stands before its names in messages, "mb." or "tensor:"
function renamed.guard(functions, prefix, names)
  return setmetatable(functions, { __index = function(_, name)
    local present = names[name]
    if present then check.fail(prefix .. name, "this name is gone; write %s%s", prefix, present) end
  end })
end

return renamed
