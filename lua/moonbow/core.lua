--- The kernels and tensors in C (core.so), loaded so that threads do not wait for long by spinning.
--
-- A thread of libgomp that waits for others spins for milliseconds before it sleeps. Of two programs with a thread for
-- each core, each then spins for a thread that the other one keeps from its core, and both nearly stand still.
-- libgomp reads its environment when it is loaded, which is here. Programs started by this one do not see it.
local uv = require "luv"

local SPINS = "3000" -- tens of microseconds: longer than most pauses between two operations

local path = assert(package.searchpath("moonbow.core", package.cpath))
local is_ours = not os.getenv "GOMP_SPINCOUNT" and not os.getenv "OMP_WAIT_POLICY"
if is_ours then uv.os_setenv("GOMP_SPINCOUNT", SPINS) end
local open = assert(package.loadlib(path, "luaopen_moonbow_core"))
if is_ours then uv.os_unsetenv "GOMP_SPINCOUNT" end
return open("moonbow.core", path)
