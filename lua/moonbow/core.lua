--- Loads the kernels and tensors in C (core.so) with settings for libgomp and OpenBLAS.
--
-- A libgomp thread that waits for others spins for milliseconds before it sleeps. If two programs each have a thread
-- per core, threads of one spin while threads of the other wait for their cores, and both nearly stand still.
-- OpenBLAS starts a thread per core, which kernels never use, since each calls it on its own thread. If memory is
-- short, these threads wait for theirs for ever, and the end of the process waits for them.
-- Both libraries read the environment when they are loaded, which is here. Child processes do not see the change.
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
