--- A sweep as Slurm job arrays.
--
-- A task of an array takes a share of the trials, as moonbow.sweep.task does; only tasks that have trials without a
-- result are submitted. The numbers of the jobs are kept in slurm/jobs of the sweep's folder, what tasks write in
-- slurm/JOB_TASK.log.
local uv = require "luv"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local plans = require "moonbow.sweep.plan"
local program = require "moonbow.sweep.program"
local queue = require "moonbow.sweep.queue"

local CODE = "require('moonbow.sweep.task').main()"

local slurm = {
  patience = 10, -- seconds in which squeue and sacct have to answer for a status, which shows results without them, too
}

local function jobs_path(folder) return folder.path .. "/slurm/jobs" end

-- The numbers of the array jobs that were submitted for a folder.
local function jobs_of(folder)
  local jobs = {}
  if not files.exists(jobs_path(folder)) then return jobs end
  for job in assert(files.read(jobs_path(folder))):gmatch "%d+" do jobs[#jobs + 1] = math.tointeger(job) end
  return jobs
end

local function fail_unless(value, err)
  if not value then check.fail("sweep", "%s", err) end
  return value
end

-- ---- which tasks ----

-- The tasks with something to do: numbers from 0, how many trials wait for them, and the number of shares. Where
-- configurations or seeds follow from results there are no shares: a task then takes any trial that none has taken.
local function tasks_of(plan, per_task)
  local shares, numbers, wanted, waiting = math.ceil(plan:size() / per_task), {}, {}, 0
  if not plan:advance() or plan.sweep.strategy[1] == "asha" then
    local ended = plan.folder:ended()
    waiting = plan:size()
    for _, trial in ipairs(plan:trials()) do waiting = waiting - (ended[trial.id] and 1 or 0) end
    for number = 0, math.ceil(waiting / per_task) - 1 do numbers[#numbers + 1] = number end
    return numbers, waiting, nil
  end
  local ended = plan.folder:ended()
  for i, trial in ipairs(plan:trials()) do
    if not ended[trial.id] then waiting, wanted[(i - 1) % shares] = waiting + 1, true end
  end
  for number = 0, shares - 1 do
    if wanted[number] then numbers[#numbers + 1] = number end
  end
  return numbers, waiting, shares
end

-- Ascending numbers as sbatch takes them: "0-3,7".
local function ranges(numbers)
  local parts, first = {}, 1
  for i = 1, #numbers do
    if numbers[i + 1] ~= numbers[i] + 1 then
      parts[#parts + 1] = first == i and ("%d"):format(numbers[i]) or ("%d-%d"):format(numbers[first], numbers[i])
      first = i + 1
    end
  end
  return table.concat(parts, ",")
end

--- Cuts numbers of tasks into arrays, whose indices begin at 0 and stay below limit: a list of { offset, indices }.
function slurm.arrays(numbers, limit)
  local arrays, current = {}, nil
  for _, number in ipairs(numbers) do
    local offset = number // limit * limit
    if not current or current.offset ~= offset then
      current = { offset = offset }
      arrays[#arrays + 1] = current
    end
    current[#current + 1] = number - offset
  end
  for i, array in ipairs(arrays) do arrays[i] = { offset = array.offset, indices = ranges(array) } end
  return arrays
end

-- The cluster's MaxArraySize: indices have to be smaller.
local function index_limit()
  local config = fail_unless(program.run("scontrol", { "show", "config" }))
  local limit = math.tointeger(config:match "MaxArraySize%s*=%s*(%d+)")
  if not limit or limit < 1 then check.fail("sweep", "this cluster takes no job arrays (its MaxArraySize is 0)") end
  return limit
end

-- ---- jobs ----

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- The script of a job: this interpreter with these modules, in the folder where sbatch runs.
local function script(about)
  local lines = { "#!/bin/sh" }
  for name, value in pairs { LUA_PATH = package.path, LUA_CPATH = package.cpath, MOONBOW_TASK = json.encode(about) } do
    lines[#lines + 1] = ("export %s=%s"):format(name, quote(value))
  end
  lines[#lines + 1] = "unset LUA_PATH_5_4 LUA_CPATH_5_4"
  lines[#lines + 1] = ("exec %s -e %s"):format(quote(uv.exepath()), quote(CODE))
  return table.concat(lines, "\n") .. "\n"
end

-- Where the number of running tasks is limited, an array waits for the one before: the limit counts in an array alone.
local function arguments(folder, array, options, before)
  local limit = options.concurrency
  local args = { "--parsable", "--requeue", "--open-mode=append", "--job-name=" .. folder.sweep.name,
    "--array=" .. array.indices .. (limit and "%" .. limit or ""), "--cpus-per-task=" .. options.cpus,
    "--output=" .. folder.path:gsub("%%", "%%%%") .. "/slurm/%A_%a.log" }
  local function add(name, value) if value then args[#args + 1] = ("--%s=%s"):format(name, value) end end
  add("partition", options.partition)
  add("time", options.time)
  add("mem", options.memory)
  add("dependency", limit and before and "afterany:" .. before)
  return table.move(options.sbatch, 1, #options.sbatch, #args + 1, args)
end

local function cancel(jobs)
  if #jobs == 0 then return true end
  local numbers = {}
  for i, job in ipairs(jobs) do numbers[i] = ("%d"):format(job) end
  return program.run("scancel", numbers)
end

-- Submits one array, whose script stays in the folder. Returns the number of its job; or nil and a message.
local function submit_array(folder, array, about, options, before)
  about.offset = array.offset
  local path = ("%s/slurm/from_%d.sh"):format(folder.path, array.offset)
  local written, fault = files.write(path, script(about))
  if not written then return nil, fault end
  local args = arguments(folder, array, options, before)
  args[#args + 1] = path
  local output, err = program.run("sbatch", args)
  if not output then return nil, err end
  local job = math.tointeger(output:match "^(%d+)")
  if not job then return nil, "sbatch: expected the number of a job, got " .. check.show(output) end
  local ok, why = files.append(jobs_path(folder), ("%d"):format(job))
  if ok then return job end
  cancel { job }
  return nil, why
end

local function check_queue(folder)
  local tasks = fail_unless(queue.tasks(jobs_of(folder)))
  if #tasks == 0 then return end
  check.fail("sweep", "%d tasks of this sweep are in the queue, of job %d among others; wait for them, or stop them",
    #tasks, tasks[1].job)
end

--- Submits all trials that have no result: see sweep.submit for the options. Returns { jobs, tasks, trials }.
function slurm.submit(plan, options)
  local folder, jobs = plan.folder, {}
  check_queue(folder)
  local numbers, waiting, shares = tasks_of(plan, options.trials_per_task)
  fail_unless(files.make_folders(folder.path .. "/slurm"))
  local about = { path = folder.sweep.path, out = folder.root, quick = folder.sweep.quick,
    version = folder.sweep.version, plan = plans.digest(folder.sweep), shares = shares, threads = options.cpus }
  for _, array in ipairs(#numbers > 0 and slurm.arrays(numbers, index_limit()) or {}) do
    local job, err = submit_array(folder, array, about, options, jobs[#jobs])
    if not job then
      cancel(jobs)
      check.fail("sweep", "%s", err)
    end
    jobs[#jobs + 1] = job
  end
  return { jobs = jobs, tasks = #numbers, trials = waiting }
end

--- Cancels the jobs of a folder that wait or run. Returns how many tasks that were.
function slurm.stop(folder)
  local tasks, seen, jobs = fail_unless(queue.tasks(jobs_of(folder))), {}, {}
  for _, task in ipairs(tasks) do
    if not seen[task.job] then seen[task.job], jobs[#jobs + 1] = true, task.job end
  end
  fail_unless(cancel(jobs))
  return #tasks
end

--- Slurm's view of a folder: { tasks (list of those that wait or run), counts (by state), ended (by state, where the
-- accounting is kept) }; nil where nothing was submitted; nil and a message where squeue fails or does not answer.
function slurm.view(folder)
  local jobs = jobs_of(folder)
  if #jobs == 0 then return nil end
  local tasks, err = queue.tasks(jobs, slurm.patience)
  if not tasks then return nil, err end
  local counts = {}
  for _, task in ipairs(tasks) do counts[task.state] = (counts[task.state] or 0) + 1 end
  return { tasks = tasks, counts = counts, ended = queue.ended(jobs, slurm.patience) }
end

return slurm
