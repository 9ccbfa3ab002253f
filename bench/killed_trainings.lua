-- Kills trainings with SIGKILL at every kind of moment and resumes them; checks that the final weights and the history
-- equal those of an uninterrupted training, bit for bit. lua bench/killed_trainings.lua [TIMES]
-- TIMES: repetitions of each kind (default 10)
local lfs = require "lfs"
local uv = require "luv"
local clock = require "moonbow.clock"
local mb = require "moonbow"

local times = math.tointeger(tonumber(arg[1] or 10)) or error "TIMES: expected an integer"
local script = arg[0]:gsub("bench/[^/]*$", "") .. "spec/support/killed_training.lua"
local root = os.tmpname()
os.remove(root)
assert(lfs.mkdir(root))

local environment = { "LUA_PATH=" .. package.path, "LUA_CPATH=" .. package.cpath, "PATH="
  .. os.getenv "PATH" }

-- Runs the training, and kills it from outside after this number of milliseconds, if given. Returns true if it came to
-- its end.
local function run(folder, place, number, after)
  local ended, code
  local process = assert(uv.spawn(arg[-1], {
    args = { script, folder, place, number and tostring(number) }, env = environment, stdio = { nil, nil, 2 },
  }, function(exit_code, signal) ended, code = true, signal == 0 and exit_code or -signal end))
  local timer = uv.new_timer()
  if after then
    uv.timer_start(timer, after, 0, function() if not ended then uv.process_kill(process, "sigkill") end end)
  end
  while not ended do uv.run "once" end
  uv.timer_stop(timer)
  uv.close(timer)
  uv.close(process)
  uv.run "nowait" -- closes them: luv crashes if the state ends before
  if code ~= 0 and code ~= -9 then error(("the training ended with %d"):format(code), 0) end
  return code == 0
end

local function outcome(folder)
  local tensors, names = assert(mb.safetensors.read(folder .. "/model.safetensors")), {}
  for name in pairs(tensors) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do names[i] = name .. tensors[name]:tobytes() end
  local file = assert(io.open(folder .. "/history.json"))
  local history = file:read "a"
  file:close()
  local lines = {}
  for line in history:gmatch '"[^"]*"' do lines[#lines + 1] = line end
  table.sort(lines) -- keys are in any order
  return table.concat(names) .. table.concat(lines)
end

local reference = root .. "/whole"
local begin = clock()
assert(run(reference))
local total = math.floor((clock() - begin) * 1000)
local expected = outcome(reference)

local failures = 0
local function try(kind, i, place, number, after)
  local folder = ("%s/%s-%d"):format(root, kind:gsub("%W", "-"), i)
  local kills, ended = 0, run(folder, place, number, after)
  if not ended then kills = 1 end
  while not ended do ended = run(folder) end
  local same = outcome(folder) == expected
  failures = failures + (same and 0 or 1)
  return kills, same
end

local function round(kind, moment)
  local killed, same_count = 0, 0
  for i = 1, times do
    local kills, same = try(kind, i, moment(i))
    killed, same_count = killed + kills, same_count + (same and 1 or 0)
  end
  print(("%-36s %2d killed, %2d of %2d the same bit for bit"):format(kind, killed, same_count, times))
end

local rng = mb.rng(1)
local function pick(low, high) return rng:integers(low, high, { endpoint = true }) end
round("in the middle of an epoch", function() return "batch", pick(1, 60) end)
round("in the middle of a checkpoint", function() return "checkpoint", pick(1, 250) end)
round("before a checkpoint is renamed", function() return "rename", pick(1, 9) end)
round("after a checkpoint is renamed", function() return "renamed", pick(1, 9) end)
round("in the middle of the last save", function() return "save", pick(1, 9) end)
round("at any time, from outside", function() return nil, nil, pick(1, total) end)
os.execute("rm -r '" .. root .. "'")
print(failures == 0 and "every resumed training ended as the uninterrupted one" or failures
  .. " trainings differ")
os.exit(failures == 0, true)
