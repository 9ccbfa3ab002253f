--- Public names of earlier versions. Reading one raises an error that gives the present name.
local check = require "moonbow.check"

local renamed = {}

--- Former names of mb: old name -> new name.
renamed.of_mb = { convolution_way = "convolution_algorithm" }

--- Makes a table of functions raise for former names. Returns the table.
-- @param prefix text before its names in messages, "mb." or "tensor:"
function renamed.guard(functions, prefix, names)
  return setmetatable(functions, { __index = function(_, name)
    local present = names[name]
    if present then check.fail(prefix .. name, "this name is gone; write %s%s", prefix, present) end
  end })
end

return renamed
