--- Gives memory back once something large was let go of, which else would stand beside what is made of it.
local core = require "moonbow.core"

local LARGE = 1 << 24 -- bytes that are worth the time, some 10 ms

--- @param bytes how much was let go of
return function(bytes)
  if bytes >= LARGE then core.trim_memory() end
end
