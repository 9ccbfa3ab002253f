-- Fails the n-th allocation, or the n-th call that opens, reads, writes, renames or closes a file, alone and with all
-- later ones, for every n that a short case (fault_cases.lua) reaches. Each time the case raises "not enough
-- memory" or an error that names the file, or returns nil and a message, or succeeds; it leaves no temporary file and
-- no memory, and the same case then gives its earlier result. The process never dies.
--   build/lua spec/nightly/faults.lua build/faults.so [CASE...]
--   FAULTS_MOST=N     tries about N calls of each kind, spread over all of them
--   FAULTS_SHOW=1     shows what was raised or returned
local usage = "usage: build/lua spec/nightly/faults.lua FAULTS.so [CASE...]"
package.path = "spec/nightly/?.lua;" .. package.path

-- Libraries that end the process if memory runs out, see docs/security.md.
local SPARED = "libgomp,libopenblas,liblinear,libstdc++"
local ALL = 1 << 40

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- ---- in a child: one case and one kind of calls ----

local function names_in(folder)
  local names = {}
  for name in require "lfs".dir(folder) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, " ")
end

-- True if a message names the cause: memory in Lua's words, or in the system's behind the name of a file.
local function names_cause(kind, message, folder)
  if kind == "memory" and message:find("not enough memory", 1, true) then return true end
  return message:find(folder, 1, true) and (kind == "files" or message:find("Cannot allocate memory", 1, true))
end

-- Names the outcome of a call; raises if the outcome is not allowed.
local function judge(kind, folder, ok, value, why)
  if ok and value ~= nil then return "succeeded" end
  local message = tostring(ok and why or value)
  if os.getenv "FAULTS_SHOW" then print("  " .. message) end
  if not ok and not names_cause(kind, message, folder) then error("raised: " .. message, 0) end
  if message == "" or message:find "nil" then error("answered without a reason: " .. message, 0) end
  return ok and "refused" or "raised"
end

local function child(library, name, kind, reach, from, step)
  local mb = require "moonbow"
  local faults = assert(package.loadlib(library, "luaopen_faults"))()
  local folder = os.getenv "FAULTS_FOLDER"
  local work = require("fault_cases")[name](folder)
  local function state()
    local a, b, c = work()
    collectgarbage()
    collectgarbage()
    return ("gives %s %s %s; live bytes: %d; files: %s"):format(a, b, c, mb.memory().live, names_in(folder))
  end
  state()
  local before = state()
  local outcomes = { raised = 0, refused = 0, succeeded = 0 }
  io.stdout:setvbuf "no"
  for n = from, ALL, step do
    print("at " .. n)
    collectgarbage()
    faults.arm(kind, n, reach == "one" and n or ALL, SPARED)
    local ok, value, why = pcall(work)
    if faults.disarm() < n then break end
    local outcome = judge(kind, folder, ok, value, why)
    outcomes[outcome] = outcomes[outcome] + 1
    local after = state()
    if after ~= before then error(("%s; then it %s\ninstead of %s"):format(outcome, after, before), 0) end
  end
  print(("done raised %d, refused %d, succeeded %d"):format(outcomes.raised, outcomes.refused, outcomes.succeeded))
end

-- Counts the calls of a case.
local function count(library, name, kind)
  local faults = assert(package.loadlib(library, "luaopen_faults"))()
  local work = require("fault_cases")[name](os.getenv "FAULTS_FOLDER")
  work()
  work()
  faults.arm(kind, ALL, ALL, SPARED)
  work()
  print("calls " .. faults.disarm())
end

-- ---- in the parent: if a child dies, another continues after the call that ended it ----

local function run(library, folder, ...)
  local command = ("LUA_PATH=%s LUA_CPATH=%s LD_PRELOAD=%s OMP_NUM_THREADS=1 FAULTS_FOLDER=%s %s %s %s --child %s 2>&1")
    :format(quote(package.path), quote(package.cpath), quote(library), quote(folder), quote(arg[-1]), quote(arg[0]),
      quote(library), table.concat({ ... }, " "))
  local pipe, said, at = assert(io.popen(command)), {}, nil
  for line in pipe:lines() do
    at = tonumber(line:match "^at (%d+)$") or at
    if not line:find "^at " then said[#said + 1] = line end
    if line:find "^  " then print(line) end
  end
  local _, how, code = pipe:close()
  return said, at, ("%s %d"):format(how, code)
end

local function try(library, folder, name, kind, reach)
  local said = run(library, folder, "count", name, kind)
  local calls = tonumber((said[#said] or ""):match "^calls (%d+)$")
  if not calls then error(name .. ": " .. table.concat(said, "\n")) end
  local step = math.max(1, calls // (tonumber(os.getenv "FAULTS_MOST") or calls + 1))
  local from, faults = step // 2 + 1, 0
  while true do
    local at, ended
    said, at, ended = run(library, folder, "try", name, kind, reach, from, step)
    local done = (said[#said] or ""):match "^done (.*)$"
    if done then
      print(("%-10s %-6s %-3s of %5d: %s"):format(name, kind, reach, calls, done))
      return faults
    end
    faults = faults + 1
    print(("FAULT %s: %s %s at call %s of %d: %s: %s"):format(name, kind, reach, at, calls, ended,
      table.concat(said, "\n")))
    if not at or faults == 5 then return faults end
    from = at + step
  end
end

if arg[2] == "--child" then
  local what = arg[3] == "count" and count or child
  local ok, err = pcall(what, arg[1], arg[4], arg[5], arg[6], tonumber(arg[7]), tonumber(arg[8]))
  if not ok then print(err) end
  os.exit(ok and 0 or 1)
end
assert(arg[1], usage)
local names = { table.unpack(arg, 2) }
if #names == 0 then
  for name in pairs(require "fault_cases") do names[#names + 1] = name end
  table.sort(names)
end
local folder, faults = os.tmpname(), 0
os.remove(folder)
assert(os.execute("mkdir " .. quote(folder)))
for _, name in ipairs(names) do
  for _, kind in ipairs { "memory", "files" } do
    for _, reach in ipairs { "one", "all" } do faults = faults + try(arg[1], folder, name, kind, reach) end
  end
end
os.execute("rm -r " .. quote(folder))
os.exit(faults == 0 and 0 or 1, true)
