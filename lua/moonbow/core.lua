--- The kernels and tensors in C (core.so), loaded so that waiting threads do not spin for long and OpenBLAS has none.
--
-- A thread of libgomp that waits for others spins for milliseconds before it sleeps. Of two programs with a thread for
-- each core, each then spins for a thread that the other one keeps from its core, and both nearly stand still.
-- OpenBLAS starts a thread for each core, which kernels never use, since each calls it on its own thread; where memory
-- is short they wait for theirs for ever, and the end of the process waits for them.
-- Both read the environment when they are loaded, which is here. Programs started by this one do not see it.
local uv = require "luv"

local wanted = { OPENBLAS_NUM_THREADS = "1" }
if not os.getenv "OMP_WAIT_POLICY" then
  wanted.GOMP_SPINCOUNT = "3000" -- tens of microseconds: longer than most pauses between two operations
end

local path = assert(package.searchpath("moonbow.core", package.cpath))
local ours = {}
for name, value in pairs(wanted) do
  if not os.getenv(name) then
    uv.os_setenv(name, value)
    ours[#ours + 1] = name
  end
end
local open, err = package.loadlib(path, "luaopen_moonbow_core")
for _, name in ipairs(ours) do uv.os_unsetenv(name) end
return assert(open, err)("moonbow.core", path)
