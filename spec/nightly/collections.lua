-- Runs each case of fault_cases.lua under an interpreter that collects all garbage and moves its stack
-- whenever it may (Lua built with HARDMEMTESTS, HARDSTACKTESTS, LUAI_ASSERT and LUA_USE_APICHECK, see
-- cmake/nightly.sh): the results must equal those with the collector stopped.
--   LUA spec/nightly/collections.lua [CASE...]
collectgarbage "stop"
package.path = "spec/nightly/?.lua;" .. package.path
local mb = require "moonbow"
local cases = require "fault_cases"
mb.threads(1)

local names = { ... }
if #names == 0 then
  for name in pairs(cases) do names[#names + 1] = name end
  table.sort(names)
end
local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir " .. folder))
for _, name in ipairs(names) do
  local work = cases[name](folder)
  local function result()
    local a, b, c = work()
    return ("%s %s %s"):format(a, b, c)
  end
  local right, begin = result(), os.clock()
  collectgarbage "restart"
  local got = result()
  collectgarbage "stop"
  assert(got == right, ("%s: %s instead of %s"):format(name, got, right))
  print(("%-10s the same, collected all the time, in %.1f s"):format(name, os.clock() - begin))
end
os.execute("rm -r " .. folder)
