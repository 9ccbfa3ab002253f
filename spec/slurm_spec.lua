-- Sweeps as Slurm job arrays, on a cluster of one node that this file starts; that needs root, and the packages
-- slurm-wlm and munge.
local uv = require "luv"
local mb = require "moonbow"
local claims = require "moonbow.sweep.claims"
local files = require "support.sweep_files"
local folders = require "moonbow.sweep.folder"
local interpreter = require "support.interpreter"
local json = require "moonbow.io.json"
local slurm = require "moonbow.sweep.slurm"
local space = require "moonbow.sweep.space"
local temporary_folder = require "support.temporary_folder"
local sweep = mb.sweep

local function id_of(config, seed) return folders.id(space.canonical(config), seed) end

local root, write = files.root, files.write
slurm.patience = 60 -- a controller that has just been restarted takes its time

local function shell(format, ...) return os.execute(format:format(...) .. " >/dev/null 2>&1") end

local missing
for _, name in ipairs { "munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel" } do
  if not shell("command -v %s", name) then missing = "the packages slurm-wlm and munge are not installed" end
end
if uv.getuid() ~= 0 then missing = "it needs root" end
if os.getenv "LD_PRELOAD" then missing = "its daemons would run under the sanitizer" end

local cluster = root .. "/cluster"
if not missing then
  local pid = math.tointeger(uv.os_getpid())
  assert(os.execute(("mkdir %s && spec/support/slurm.sh start %s %d"):format(cluster, cluster, pid)))
  uv.os_setenv("SLURM_CONF", cluster .. "/slurm.conf")
end

teardown(function()
  uv.os_unsetenv "SLURM_CONF"
  if not missing then os.execute("spec/support/slurm.sh stop " .. cluster) end
  files.remove()
end)

-- Defines a case that needs the cluster.
local function on_cluster(title, f)
  it(title, function()
    if missing then return pending("no Slurm: " .. missing) end -- luacheck: globals pending
    f()
  end)
end

-- Writes a sweep file; returns its path, the options, and its folder.
local function sweep_file(text)
  local path, options = files.new(text)
  return path, { out = options.out }, files.folder(path, options)
end

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do lines[#lines + 1] = line end
  return lines
end

-- @param seconds that it may take on a quiet machine; a busy one gets three times as many
local function wait_for(what, seconds, condition)
  for _ = 1, 3 * seconds * 20 do
    local value = condition()
    if value then return value end
    uv.sleep(50)
  end
  error("waited in vain until " .. what)
end

local function wait_for_queue(path, options)
  wait_for("the queue is empty", 40, function()
    local view = assert(sweep.status(path, options)).slurm
    return view and #view.tasks == 0
  end)
end

-- Calls f with programs of these texts before all others.
local function with_programs(programs, f)
  local path = os.getenv "PATH"
  local folder = temporary_folder()
  for name, text in pairs(programs) do
    write(folder .. "/" .. name, "#!/bin/sh\n" .. text)
    assert(shell("chmod +x %s/%s", folder, name))
  end
  uv.os_setenv("PATH", folder .. ":" .. path)
  local ok, err = pcall(f, folder)
  uv.os_setenv("PATH", path)
  os.execute("rm -rf " .. folder)
  if not ok then error(err, 0) end
end

-- Results by id, without what differs from run to run.
local function results_of(folder)
  local found = {}
  for id in pairs(folder:ended()) do
    local result = assert(folder:result(id))
    for _, key in ipairs { "host", "pid", "process_start", "job", "restart", "seconds", "started", "memory" } do
      result[key] = nil
    end
    found[id] = result
  end
  return found
end

-- 20 x 3 trials. Those with x = 3 and 4 and seed 1 are long enough to be stopped on the way. Each writes down where it
-- starts, and when it ends.
local STEPS = [[
  local uv, out = require "luv", "%s"
  local function append(name, line)
    local file <close> = assert(io.open(out .. name, "a"))
    file:write(line, "\n")
  end
  return { space = { x = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20 } },
    objective = "score", seeds = 3,
    run = function(config, trial)
      local path, first = trial.checkpoint .. "/step", 1
      local file = io.open(path)
      if file then
        first = file:read "n" + 1
        file:close()
      end
      local name = ("%%d %%d"):format(config.x, trial.seed)
      append("starts", ("%%s %%d"):format(name, first))
      local is_long = trial.seed == 1 and (config.x == 3 or config.x == 4)
      for step = first, 10 do
        uv.sleep(is_long and 400 or 5)
        local new <close> = assert(io.open(path .. ".new", "w"))
        new:write(step)
        new:close()
        os.rename(path .. ".new", path)
      end
      append("ends", name)
      return { score = config.x + trial.seed / 10 + require("moonbow").rng(trial.seed):normal() }
    end }
]]

-- Waits until a trial has a checkpoint; returns the process that runs it.
local function on_the_way(folder, id)
  return wait_for("a trial has a checkpoint", 20, function()
    local step = io.open(("%s/checkpoints/%s/step"):format(folder.path, id))
    if step then step:close() end
    return step and folder:running()[id]
  end)
end

-- The first steps with which a trial started.
local function starts_of(out, name)
  local found = {}
  for _, line in ipairs(lines_of(out .. "starts")) do
    local who, first = line:match "^(%d+ %d+) (%d+)$"
    if who == name then found[#found + 1] = tonumber(first) end
  end
  return found
end

describe("a sweep on Slurm", function()
  on_cluster("ends each trial once, through a killed task, a requeue, and restarts of both daemons", function()
    local notes = root .. "/notes_"
    local path, options, folder = sweep_file(STEPS:format(notes))
    local submitted = sweep.submit(path, options)
    assert.same({ 3, 60, 60 }, { #submitted.jobs, submitted.tasks, submitted.trials })
    assert.error_matches(function() sweep.submit(path, options) end, "tasks of this sweep are in the queue, of job %d+")

    local killed = on_the_way(folder, id_of({ x = 3 }, 1))
    local requeued = on_the_way(folder, id_of({ x = 4 }, 1))
    -- The task itself, which is the worker's parent, and then the worker.
    assert(shell("kill -9 $(cut -d' ' -f4 /proc/%d/stat) %d", killed.pid, killed.pid))
    assert(shell("scontrol requeue %d", requeued.job))
    assert(shell("spec/support/slurm.sh restart %s slurmctld", cluster))
    assert(shell("spec/support/slurm.sh restart %s slurmd", cluster))
    wait_for("the requeued task may start", 10, function()
      return shell("scontrol update JobId=%d StartTime=now", requeued.job) -- Slurm itself waits for two minutes
    end)
    local status = sweep.status(path, options)
    assert.is_true(status.ended < 60 and #status.slurm.tasks > 0)
    wait_for_queue(path, options)

    local rest = sweep.submit(path, options) -- of the task that was killed
    assert.same({ 1, 1 }, { rest.tasks, rest.trials })
    wait_for_queue(path, options)
    assert.same({ done = 60 }, sweep.status(path, options).counts)
    assert.same({ jobs = {}, tasks = 0, trials = 0 }, sweep.submit(path, options))

    local ends, seen = lines_of(notes .. "ends"), {}
    for _, name in ipairs(ends) do seen[name] = (seen[name] or 0) + 1 end
    assert.equal(60, #ends)
    for _, times in pairs(seen) do assert.equal(1, times) end
    for _, name in ipairs { "3 1", "4 1" } do
      local starts = starts_of(notes, name)
      assert.equal(2, #starts)
      assert.is_true(starts[1] == 1 and starts[2] > 1)
    end
    assert.same({}, folder:running())

    local here, _, there = sweep_file(STEPS:format(root .. "/here_"):gsub("400", "1"))
    sweep.run(here, { out = there.root, workers = 0 })
    local expected, got = results_of(there), results_of(folder)
    for id, result in pairs(expected) do
      got[id].versions.sweep = result.versions.sweep -- the file names another folder
      assert.same(result, got[id])
    end
  end)

  on_cluster("is stopped, keeps to its limit of tasks, and goes on where it was", function()
    local path, options, folder = sweep_file [[
      return { space = { x = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 } }, objective = "score", seeds = 5,
        run = function(config, trial)
          if not io.open("/proc/self/environ"):read("a"):find "SLURM_JOB_ID" then return { score = 1 } end
          require("luv").sleep(60000)
        end }
    ]]
    local submitted = sweep.submit(path, { out = options.out, concurrency = 2, trials_per_task = 2, time = "5",
      memory = "10", sbatch = { "--comment=x" } })
    assert.same({ 2, 25, 50 }, { #submitted.jobs, submitted.tasks, submitted.trials })
    wait_for("two trials run", 20, function()
      local running = 0
      for _ in pairs(folder:running()) do running = running + 1 end
      return running == 2
    end)
    local view = sweep.status(path, options).slurm
    assert.same({ RUNNING = 2, PENDING = 23 }, view.counts)
    local waits = {}
    for _, task in ipairs(view.tasks) do
      if task.job == submitted.jobs[2] then waits[task.reason] = true end
    end
    assert.same({ Dependency = true }, waits)

    assert.equal(25, sweep.stop(path, options))
    wait_for_queue(path, options)
    assert.same({}, folder:running())
    assert.same({}, folder:ended()) -- what Slurm ended has no result
    assert.equal(0, sweep.stop(path, options))
    assert.same({ done = 50 }, sweep.run(path, { out = options.out, workers = 0 }))
  end)

  on_cluster("is divided by its own workers where configurations follow from results", function()
    local path, options = sweep_file [[
      return { space = { x = require("moonbow").sweep.range(-1, 1) }, objective = { "loss", minimize = true },
        seeds = 1, strategy = { "tpe", trials = 12 }, run = function(config) return { loss = config.x ^ 2 } end }
    ]]
    assert.equal(3, sweep.submit(path, { out = options.out, trials_per_task = 4 }).tasks)
    wait_for_queue(path, options)
    assert.same({ done = 12 }, sweep.status(path, options).counts)
  end)

  on_cluster("is divided among the tasks of srun", function()
    local path, options = sweep_file((files.SIMPLE:gsub("seeds = 2", "seeds = 8")))
    local pipe <close> = io.popen((interpreter:gsub("%S+$", "srun -n 4 %0")) .. (
      " experiments/sweep.lua run %s --out %s 2>&1"):format(path, options.out))
    local _, tasks = pipe:read("a"):gsub(": 6 done\n", "")
    assert.equal(4, tasks)
    assert.same({ done = 24 }, sweep.status(path, options).counts)
  end)

  on_cluster("fails with the message of sbatch, and leaves no job behind", function()
    local path, options = sweep_file(STEPS:format(root .. "/never_"))
    options.partition = "nowhere"
    assert.error_matches(function() sweep.submit(path, options) end, "sweep: sbatch: .*invalid partition")
    local sbatch = io.popen("command -v sbatch"):read "l"
    with_programs({ sbatch = ([[
      [ -e "$(dirname "$0")/second" ] && { echo "sbatch: error: the second fails" >&2; exit 1; }
      touch "$(dirname "$0")/second"
      exec %s --hold "$@"
    ]]):format(sbatch) }, function()
      options.partition = nil
      assert.error_matches(function() sweep.submit(path, options) end, "sweep: sbatch: the second fails")
    end)
    assert.same({}, sweep.status(path, { out = options.out }).slurm.counts)
  end)

  on_cluster("does not run a file that was changed after it was submitted", function()
    local path, options, folder = sweep_file [[
      return { space = { x = { 1 } }, objective = "score", seeds = 1, run = function() return { score = 1 } end }
    ]]
    local job = sweep.submit(path, { out = options.out, sbatch = { "--hold" } }).jobs[1]
    local text = table.concat(lines_of(path), "\n")
    write(path, (text:gsub("score = 1", "score = 2")))
    assert(shell("scontrol release %d", job))
    local log = ("%s/slurm/%d_0.log"):format(folder.path, job)
    wait_for("the task says why", 20, function()
      return io.open(log) and (lines_of(log)[1] or ""):find "has changed since it was submitted"
    end)
    assert.same({}, folder:ended())
  end)

  on_cluster("judges claims of other hosts by their jobs", function()
    local function claim(job)
      write(root .. "/claim", json.encode { host = "elsewhere", pid = 1, process_start = "1", job = job, restart = 0 })
      return claims.held { root .. "/claim" }[root .. "/claim"]
    end
    local function submit(program)
      local pipe <close> = io.popen("sbatch --parsable --output=/dev/null --wrap " .. program)
      return pipe:read "n"
    end
    local short, long = submit "true", submit "'sleep 60'"
    wait_for("a job has ended", 20, function()
      local pipe <close> = io.popen(("squeue -h -j %d"):format(short))
      return pipe:read "a" == ""
    end)
    assert.is_nil(claim(short))
    assert.is_nil(claim(99999)) -- never there, or forgotten
    assert.equal("elsewhere", claim(long).host)
    assert(shell("scancel %d", long))
  end)
end)

describe("a task", function()
  it("does not run if space, seeds, strategy or objective were changed after it was submitted", function()
    local text = [[
      return { space = { x = { 1, 2 } }, objective = "score", seeds = 2, strategy = { "random", trials = 2 },
        run = function() return { score = 1 } end }
    ]]
    local path, options, folder = sweep_file(text)
    with_programs({ scontrol = "echo 'MaxArraySize = 1001'", sbatch = "echo 1" }, function()
      assert.equal(4, sweep.submit(path, options).tasks)
    end)
    local function run()
      local pipe <close> = io.popen(("SLURM_ARRAY_TASK_ID=1 sh %s/slurm/from_0.sh 2>&1"):format(folder.path))
      return pipe:read "a"
    end
    for _, change in ipairs { { "1, 2", "1, 2, 3" }, { "1, 2", "2, 1" }, { "1, 2", "1, 2.0" },
      { "seeds = 2", "seeds = 3" }, { "trials = 2", "trials = 2, seed = 2" },
      { '"score"', '{ "score", minimize = true }' } } do
      write(path, (text:gsub(change[1], change[2])))
      assert.matches("has changed since it was submitted; submit it again", run())
      assert.same({}, folder:ended())
    end
    write(path, "\n" .. text)
    assert.matches("^%x+\tdone\n$", run())
  end)
end)

describe("a claim", function()
  it("of a process that has ended is void, although nobody has waited for it", function()
    local path, handle = root .. "/zombie", nil
    handle = uv.spawn("sleep", { args = { "100" } }, function() handle:close() end)
    local pid = handle:get_pid()
    local file <close> = assert(io.open(("/proc/%d/stat"):format(pid)))
    local start = file:read("a"):match("%) " .. ("%S+ "):rep(19) .. "(%d+)")
    write(path, json.encode { host = uv.os_gethostname(), pid = pid, process_start = start })
    assert.equal(pid, claims.held({ path })[path].pid)
    handle:kill "sigkill"
    wait_for("it is a zombie", 5, function() return shell("grep -q 'State:.Z' /proc/%d/status", pid) end)
    assert.same({}, claims.held { path })
    uv.run()
  end)

  it("of an earlier run of our own job is void, one of this run is not", function()
    local code = ([[
      local claims = require "moonbow.sweep.claims"
local files = require "support.sweep_files"
      local held = claims.held { "%s/one", "%s/two" }
      os.exit(not held["%s/one"] and held["%s/two"] ~= nil)
    ]]):gsub("%%s", root)
    local process = { host = "elsewhere", pid = 1, process_start = "1", job = 7, restart = 0 }
    write(root .. "/one", json.encode(process))
    process.restart = 1
    write(root .. "/two", json.encode(process))
    assert(os.execute(("SLURM_JOB_ID=7 SLURM_RESTART_COUNT=1 %s -e '%s'"):format(interpreter, code)))
  end)

  it("of another host is held where squeue fails, or no job is named", function()
    for i, job in ipairs { 123456, 0 } do
      local path = root .. "/claim" .. i
      write(path, json.encode { host = "elsewhere", pid = 1, process_start = "1", job = job > 0 and job or nil })
      with_programs({ squeue = "echo 'squeue: error: Unable to contact slurm controller' >&2; exit 1" }, function()
        assert.equal("elsewhere", claims.held { path }[path].host)
      end)
    end
  end)
end)

describe("a trial", function()
  it("has no result where Slurm ends its worker, and the process that watches it next", function()
    local path, options, folder = sweep_file [[
      return { space = { x = { 1 } }, objective = "score", seeds = 1,
        run = function() require("luv").sleep(60000) end }
    ]]
    local runner <close> = io.popen(("SLURM_JOB_ID=7 sh -c 'echo $$; exec \"$0\" \"$@\"' env %s experiments/sweep.lua "
      .. "run %s --out %s --workers 1 2>/dev/null"):format(interpreter, path, options.out))
    local pid = runner:read "n"
    local worker = wait_for("the trial runs", 20, function() return folder:running()[id_of({ x = 1 }, 1)] end)
    assert(shell("kill %d; sleep 0.3; kill %d", worker.pid, pid))
    wait_for("both have ended", 10, function() return not shell("kill -0 %d", pid) end)
    assert.same({}, folder:ended())
  end)

  it("ends with the process that watches it, on SIGTERM", function()
    local path, options, folder = sweep_file [[
      return { space = { x = { 1 } }, objective = "score", seeds = 1,
        run = function() require("luv").sleep(60000) end }
    ]]
    local pipe = io.popen(("echo $$; exec env %s experiments/sweep.lua run %s --out %s --workers 1 2>/dev/null"):format(
      interpreter, path, options.out))
    local pid = pipe:read "n"
    wait_for("the trial runs", 20, function() return next(folder:running()) end)
    assert(shell("kill %d", pid))
    assert.same({ nil, "signal", 15 }, { pipe:close() })
    assert.same({}, folder:running())
    assert.same({}, folder:ended())
  end)
end)

describe("what Slurm is asked", function()
  it("is a few arrays whose indices stay below the limit", function()
    local numbers = {}
    for i = 0, 44 do numbers[i + 1] = i end
    assert.same({ { offset = 0, indices = "0-19" }, { offset = 20, indices = "0-19" },
      { offset = 40, indices = "0-4" } }, slurm.arrays(numbers, 20))
    assert.same({ { offset = 0, indices = "3,5-6" }, { offset = 40, indices = "1" } },
      slurm.arrays({ 3, 5, 6, 41 }, 20))
  end)

  it("is answered by the accounting, too, where it is kept", function()
    local path, options, folder = sweep_file(STEPS:format(root .. "/none_"))
    assert.is_nil(sweep.status(path, options).slurm)
    assert(folder:prepare())
    assert(shell("mkdir %s/slurm", folder.path))
    write(folder.path .. "/slurm/jobs", "12\n")
    with_programs({
      squeue = "echo '12 4 PENDING Resources'; echo '12 5 RUNNING None'",
      sacct = "printf '12_1|COMPLETED\\n12_2|CANCELLED by 0\\n12_3|OUT_OF_MEMORY\\n12_5|RUNNING\\n12_[4]|PENDING\\n'",
    }, function()
      local view = sweep.status(path, options).slurm
      assert.same({ PENDING = 1, RUNNING = 1 }, view.counts)
      assert.same({ job = 12, task = 4, state = "PENDING", reason = "Resources" }, view.tasks[1])
      assert.same({ COMPLETED = 1, CANCELLED = 1, OUT_OF_MEMORY = 1 }, view.ended)
    end)
    with_programs({ squeue = "echo 'squeue: error: Unable to contact slurm controller' >&2; exit 1" }, function()
      assert.matches("squeue: .*Unable to contact", sweep.status(path, options).faults[1])
    end)
    with_programs({ squeue = "exec sleep 60" }, function() -- as if the controller were down
      local patience = slurm.patience
      slurm.patience = 0.2
      local status = sweep.status(path, options)
      slurm.patience = patience
      assert.same({ "squeue: no answer within 0.2 s" }, status.faults)
      assert.equal(60, status.size)
    end)
  end)
end)
