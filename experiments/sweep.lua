-- Runs a sweep: many configurations, each with several seeds, on all cores; see docs/sweeps.md.
--
--     lua experiments/sweep.lua plan    FILE       lists the trials
--     lua experiments/sweep.lua run     FILE       runs trials without a result; Ctrl-C stops, the same command resumes
--     lua experiments/sweep.lua status  FILE       shows progress, and the best so far
--     lua experiments/sweep.lua collect FILE       page.html, trials.csv, trials.sqlite; the best as Lua
--     lua experiments/sweep.lua best    FILE       the best configuration as Lua
--     lua experiments/sweep.lua submit  FILE       the same as run, as Slurm job arrays
--     lua experiments/sweep.lua stop    FILE       cancels them
--
-- Under mpirun or srun, or in a Slurm job array, each process takes its share of the trials.
local argparse = require "argparse"
local mb = require "moonbow"
local check = require "moonbow.check"
local output = require "moonbow.experiment.output"
local shard = require "moonbow.sweep.shard"
local words = require "moonbow.sweep.words"

local function number(option, kind) return output.number("sweep", option, kind or "positive integer") end

local parser = argparse("lua experiments/sweep.lua", "Runs a sweep, and says what came out.")
parser:argument("command", "plan, run, status, collect, best, submit or stop"):choices { "plan", "run", "status",
  "collect", "best", "submit", "stop" }
parser:argument("file", "the sweep file")
parser:option("--out", "folder of results (default results/sweeps/NAME)")
parser:option("--workers", "run: processes at a time; 0 runs in this one (default: the cores)")
  :convert(number("--workers", "non-negative integer"))
parser:option("--threads", "run: threads of each worker"):convert(number "--threads")
parser:option("--shard", "run: I/N: the share number I of N, instead of what a launcher's environment says")
parser:flag("--quick", "the smaller sweep, if the file has one")
parser:flag("--failed", "run, submit: again what failed")
parser:flag("--beside", "run, submit: although results of another version are there")
parser:option("--trials-per-task", "submit: trials of a task (1)"):convert(number "--trials-per-task")
parser:option("--cpus", "submit: cores of a task (1)"):convert(number "--cpus")
parser:option("--concurrency", "submit: tasks that run at a time"):convert(number "--concurrency")
parser:option("--partition", "submit: of the cluster")
parser:option("--time", "submit: limit of a task, as sbatch takes it")
parser:option("--memory", "submit: of a task, as sbatch takes it")
parser:option("--sbatch", "submit: one more argument for sbatch, as --sbatch=--account=x"):count "*"
local args = output.parse(parser)

local options_of = { run = { "--workers", "--threads", "--shard" }, ["run or submit"] = { "--failed", "--beside" },
  submit = { "--trials-per-task", "--cpus", "--concurrency", "--partition", "--time", "--memory", "--sbatch" } }
for commands, options in pairs(options_of) do
  if not commands:find(args.command, 1, true) then output.refuse("sweep", options, "the command " .. commands) end
end

local function need(value, err)
  if value == nil then output.fail(err) end
  return value
end

-- Errors about the sweep file or the options, without a traceback.
local function call(f, ...)
  local ok, value, more = pcall(f, ...)
  if not ok then output.fail((tostring(value):gsub("^[^\n]-sweep%.lua:%d+: ", ""))) end
  return value, more
end

local MOST_FAILURES = 3 -- in the output of run and status

local function show_best(best, objective)
  if best then print("best so far: " .. words.result(best, objective)) end
end

-- The first trials that failed: configuration, the first line of the reason, and the log, which has the rest.
local function show_failures(failures)
  for i, trial in ipairs(failures) do
    if i > MOST_FAILURES then break end
    print(("%s, seed %d, %s: %s\n  %s"):format(trial.status, trial.seed, words.config(trial.config),
      check.printable((trial.reason or ""):match "^[^\n]*"), trial.log))
  end
  if #failures > MOST_FAILURES then print(("... and %d more without a result"):format(#failures - MOST_FAILURES)) end
end

local commands = {}

function commands.plan()
  local plan = need(call(mb.sweep.plan, args.file, { out = args.out, quick = args.quick }))
  local ended, rows = 0, { { "trial", "seed", "configuration" } }
  for i, trial in ipairs(plan.trials) do
    ended = ended + (trial.ended and 1 or 0)
    if i <= 20 then rows[#rows + 1] = { trial.id, trial.seed, words.config(trial.config) } end
  end
  output.table(rows)
  if #plan.trials > 20 then print(("... and %d more"):format(#plan.trials - 20)) end
  print(("%s: %d trials, %d of them ended; version %s"):format(plan.name, plan.size, ended, plan.version))
end

function commands.run()
  local counts = need(call(mb.sweep.run, args.file, { out = args.out, quick = args.quick, workers = args.workers,
    threads = args.threads, failed = args.failed, beside = args.beside, shard = call(shard.find, args.shard),
    verbose = true }))
  local status = need(call(mb.sweep.status, args.file, { out = args.out, quick = args.quick }))
  print(("%s: %s"):format(status.name, words.counts(counts) or "nothing was left to run"))
  show_failures(status.failures)
  show_best(status.best, status.objective)
end

function commands.submit()
  local jobs = need(call(mb.sweep.submit, args.file, { out = args.out, quick = args.quick, failed = args.failed,
    beside = args.beside, trials_per_task = args.trials_per_task, cpus = args.cpus, concurrency = args.concurrency,
    partition = args.partition, time = args.time, memory = args.memory, sbatch = args.sbatch }))
  if jobs.trials == 0 then return print "all trials have ended: nothing was submitted" end
  print(("%d trials in %d tasks: job %s"):format(jobs.trials, jobs.tasks, table.concat(jobs.jobs, ", ")))
end

function commands.stop()
  local tasks = need(call(mb.sweep.stop, args.file, { out = args.out, quick = args.quick }))
  print(("%d tasks cancelled"):format(tasks))
end

-- "Slurm: 3 pending (Resources), 2 running; ended: 4 failed".
local function show_slurm(view)
  if not view then return end
  local function list(counts)
    local parts = {}
    for state, count in pairs(counts) do
      parts[#parts + 1] = ("%d %s"):format(count, state:lower():gsub("_", " "))
    end
    table.sort(parts)
    return table.concat(parts, ", ")
  end
  local reasons, seen = {}, {}
  for _, task in ipairs(view.tasks) do
    if task.state == "PENDING" and task.reason ~= "None" and not seen[task.reason] then
      seen[task.reason], reasons[#reasons + 1] = true, task.reason
    end
  end
  print(("Slurm: %s%s%s"):format(#view.tasks > 0 and list(view.counts) or "no task is in the queue",
    #reasons > 0 and (" (pending for: %s)"):format(table.concat(reasons, ", ")) or "",
    view.ended and next(view.ended) and "; ended: " .. list(view.ended) or ""))
end

function commands.status()
  local status = need(call(mb.sweep.status, args.file, { out = args.out, quick = args.quick }))
  local running = {}
  for id, process in pairs(status.running) do
    running[#running + 1] = ("%s (%s, %s%s)"):format(id, process.host or "?", process.pid or "?",
      process.job and (", job %d"):format(process.job) or "")
  end
  table.sort(running)
  local counts = words.counts(status.counts)
  print(("%s: %d of %d trials ended%s; %d running"):format(status.name, status.ended, status.size,
    counts and ": " .. counts or "", #running))
  for _, line in ipairs(running) do print("  " .. line) end
  local unplanned = words.unplanned(status.unplanned)
  if unplanned then print(unplanned .. "; compared all the same") end
  show_failures(status.failures)
  show_slurm(status.slurm)
  show_best(status.best, status.objective)
  for _, other in ipairs(status.others) do
    print(("another version, %s, has %d results; what changed: %s"):format(other.version, other.trials,
      table.concat(other.differences, ", ")))
  end
  for _, fault in ipairs(status.faults) do print(fault) end
end

function commands.collect()
  local written, messages = call(mb.sweep.collect, args.file, { out = args.out, quick = args.quick })
  if not written then output.fail(messages) end
  for _, path in ipairs(written) do print("wrote " .. path) end
  for _, message in ipairs(messages) do print(message) end
  if #written == 0 then output.fail "nothing could be written" end
end

function commands.best()
  io.write(need(call(mb.sweep.best, args.file, { out = args.out, quick = args.quick })))
end

commands[args.command]()
