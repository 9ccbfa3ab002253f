--- The one clock: seconds from some moment in the past, which never goes back, to measure how long something takes.
local uv = require "luv"

return function() return uv.hrtime() / 1e9 end
