--- Public names of earlier versions. Reading one raises an error that gives the present name.
local check = require "moonbow.check"

local renamed = {}

--- Former names of mb: old name -> new name.
renamed.of_mb = { convolution_way = "mb.convolution_algorithm" }

--- Former names of mb.data.
renamed.of_data = { read_csv = "mb.spectra.read" }

--- Makes a table of functions raise for former names. Returns the table, which still looks like one without a metatable
-- to those who list what is in it.
-- @param prefix text before its names in messages, "mb." or "tensor:"
function renamed.guard(functions, prefix, names)
  return setmetatable(functions, { __metatable = false, __index = function(_, name)
    local present = names[name]
    if present then check.fail(prefix .. name, "this name is gone; write %s", present) end
  end })
end

return renamed
