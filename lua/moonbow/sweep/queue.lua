--- What is in Slurm's queue.
local uv = require "luv"
local clock = require "moonbow.clock"
local program = require "moonbow.sweep.program"

local FRESH = 30 -- seconds for which an answer about a job is used: controllers of large clusters are asked rarely

local queue = {}

local known, asked = {}, {} -- by number of a job: { listed (nil where squeue failed), time }; true while squeue runs

-- squeue fails for a single job that it does not know, and leaves out unknown ones of several.
local function is_unknown(err) return err:find("Invalid job id", 1, true) ~= nil end

local function arguments(jobs, format) return { "--noheader", "--array", "--jobs=" .. table.concat(jobs, ","),
  "--format=" .. format } end

local function remember(jobs, output, err)
  local listed = {}
  for job in (output or ""):gmatch "%d+" do listed[math.tointeger(job)] = true end
  local is_answer = output or is_unknown(err)
  for _, job in ipairs(jobs) do
    asked[job], known[job] = nil, { time = clock() }
    if is_answer then known[job].listed = listed[job] or false end
  end
end

--- Asks for many jobs at once, where the last answer is old. In a callback of luv the answer comes later.
function queue.ask(jobs)
  local wanted = {}
  for _, job in ipairs(jobs) do
    local is_fresh = known[job] and clock() - known[job].time < FRESH
    if not is_fresh and not asked[job] then wanted[#wanted + 1], asked[job] = job, true end
  end
  if #wanted == 0 then return end
  local function keep(output, err) remember(wanted, output, err) end
  local args = arguments(wanted, "%A")
  if uv.loop_mode() then program.start("squeue", args, keep) else keep(program.run("squeue", args)) end
end

--- True for a job that waits or runs, false for one that has ended; nil where that is not known (yet).
function queue.has(job)
  queue.ask { job }
  return known[job] and known[job].listed
end

--- The tasks of array jobs that wait or run: a list of { job, task, state, reason }; or nil and a message.
-- @param seconds that squeue may take, which waits long for a controller that is down; nil: any time
function queue.tasks(jobs, seconds)
  if #jobs == 0 then return {} end
  local output, err = program.run("squeue", arguments(jobs, "%F %K %T %r"), seconds)
  if not output and not is_unknown(err) then return nil, err end
  local found = {}
  for job, task, state, reason in (output or ""):gmatch "(%d+) (%d+) (%S+) ([^\n]*)" do
    found[#found + 1] = { job = math.tointeger(job), task = math.tointeger(task), state = state, reason = reason }
  end
  return found
end

--- The tasks of array jobs that have ended, counted by state, as the accounting has them; nil where it is not kept, or
-- does not answer within so many seconds.
function queue.ended(jobs, seconds)
  local output = #jobs > 0 and program.run("sacct", { "--noheader", "--parsable2", "--allocations",
    "--jobs=" .. table.concat(jobs, ","), "--format=JobID,State" }, seconds)
  if not output then return nil end
  local counts = {}
  for state in output:gmatch "%d+_%d+|(%u[%u_]*)" do -- "12_3|CANCELLED by 0"; tasks that wait are "12_[4-9]"
    if state ~= "PENDING" and state ~= "RUNNING" then counts[state] = (counts[state] or 0) + 1 end
  end
  return counts
end

return queue
