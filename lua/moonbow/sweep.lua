--- Sweeps: a question in Lua over many configurations and seeds, and how sure the answer is.
--
-- A sweep file returns a table; experiments/sweep.lua runs it from the command line, these functions from Lua:
--
--     local mb = require "moonbow"
--     local sweep = mb.sweep
--     return {
--       space = { pool = { 1, 2, 4, 8 }, lr = sweep.range(1e-4, 1e-2, { scale = "log", points = 3 }) },
--       objective = "accuracy", seeds = 3,
--       run = function(config, trial)
--         local set = mb.data.single_peak { n = 300, seed = trial.seed }
--         local model = mb.models.one_convolution { classes = 2, pool = config.pool }
--         mb.fit(model, set.train, { epochs = 3, optimizer = mb.optim.Adam { lr = config.lr }, seed = trial.seed,
--           verbose = false })
--         return { accuracy = mb.evaluate(model, set.test).accuracy }
--       end,
--     }
local board = require "moonbow.sweep.board"
local check = require "moonbow.check"
local collect = require "moonbow.sweep.collect"
local definition = require "moonbow.sweep.definition"
local folders = require "moonbow.sweep.folder"
local plans = require "moonbow.sweep.plan"
local runner = require "moonbow.sweep.runner"
local shards = require "moonbow.sweep.shard"
local slurm = require "moonbow.sweep.slurm"
local space = require "moonbow.sweep.space"

local sweep = { range = space.range, integer = space.integer, when = space.when }

local folder_options = { out = check.optional "string", quick = check.default(false, "boolean") }

-- Adds the options of a folder to those of a function.
local function with_folder(known)
  for name, rule in pairs(folder_options) do known[name] = rule end
  return known
end

-- Returns the sweep of a file, its folder, and the options, checked; or nil and a message.
local function open(operation, path, options, known)
  options = check.options(operation, options, known or folder_options)
  local loaded, err = definition.load(path, options.quick)
  if not loaded then return nil, err end
  return loaded, folders.open(options.out or "results/sweeps/" .. loaded.name, loaded), options
end

--- Lists the trials of a sweep that are known before any has run.
-- @param path string the sweep file
-- @option out the folder of results (results/sweeps/NAME)
-- @option quick true: the smaller sweep, if the file has one: it is called with { quick = true }
-- @return table { name, version, size (of all trials), trials = list of { id, config, seed, ended } }; or nil and a
--   message
function sweep.plan(path, options)
  local loaded, folder = open("sweep.plan", path, options)
  if not loaded then return nil, folder end
  local plan = plans.new(loaded, folder)
  plan:advance()
  local trials = {}
  for i, trial in ipairs(plan:trials()) do
    trials[i] = { id = trial.id, config = trial.config, seed = trial.seed, ended = folder:has(trial.id) }
  end
  return { name = loaded.name, version = loaded.version, size = plan:size(), trials = trials }
end

check.takes(sweep.plan, 2, folder_options)

local run_options = with_folder {
  workers = check.optional "non-negative integer", threads = check.optional "positive integer",
  failed = check.default(false, "boolean"), beside = check.default(false, "boolean"), shard = check.optional "table",
  on_end = check.optional "function", verbose = check.default(false, "boolean"),
}

-- Raises if only results of another version exist, unless results may be beside them.
local function check_versions(folder, beside)
  if beside or next(folder:kept()) then return end
  local other = folder:others()[1]
  if not other then return end
  check.fail("sweep", "%s holds %d results of another version; what changed: %s. Start beside them with beside "
    .. "(--beside), or choose another folder", folder.root, other.trials, table.concat(other.differences, ", "))
end

local BAD = { failed = true, timeout = true, memory = true, killed = true }

local function forget_failed(folder)
  for id in pairs(folder:ended()) do
    local outcome = folder:outcome(id) -- none of a trial that the first seed stopped, once that one is forgotten
    if outcome and BAD[outcome.status] then folder:forget(id) end
  end
end

-- Makes the folder ready for new trials, by the options beside and failed. Returns true, or nil and a message.
local function prepare(folder, options)
  check_versions(folder, options.beside)
  local ok, err = folder:prepare()
  if ok and options.failed then forget_failed(folder) end
  return ok, err
end

-- The trials that failed, as status gives them.
local function failures_of(folder, results)
  local failures = {}
  for _, result in ipairs(results) do
    if BAD[result.status] then
      failures[#failures + 1] = { id = result.id, config = result.config, seed = result.seed, status = result.status,
        reason = result.reason, log = folder:log_path(result.id) }
    end
  end
  return failures
end

-- Raises where a limit would not hold: a process cannot end itself while a trial runs in it.
local function check_limits(loaded, workers)
  for _, name in ipairs { "timeout", "memory" } do
    if workers == 0 and loaded[name] then
      check.fail("sweep", "%s: needs a worker process, which can be ended: give workers = 1 (--workers 1), or leave "
        .. "%s out of the sweep file", name, name)
    end
  end
end

-- Returns a function(i): true for the trials that a process with a share takes, nil being all; and how many of them
-- have no result, about as many as it will run.
local function share_of(plan, folder, shard)
  local is_divided = shard and plan:is_divisible()
  local function wants(i)
    return not is_divided or (plan:share_number(i) - 1) % shard[2] == shard[1] - 1
  end
  local is_complete, ended, left = plan:advance(), folder:ended(), 0
  for i, trial in ipairs(plan:trials()) do left = left + (wants(i) and not ended[trial.id] and 1 or 0) end
  if not is_complete then left = left + plan:size() - #plan:trials() end
  return wants, is_divided and left or math.ceil(left / (shard and shard[2] or 1))
end

--- Runs all trials without a result; trials with a result never run again. What ASHA stopped has no result once its
-- steps, the objective or the strategy is another, or the first seed that decided runs again.
-- @param path string the sweep file
-- @option workers processes at a time (one for each core, of which each process of a launcher has a share); 0
--   runs in this one, which the limits timeout and memory of a sweep do not allow
-- @option threads of each worker (the cores divided among the workers)
-- @option failed true: runs again the trials that failed
-- @option beside true: starts although results of another version are there
-- @option shard a list { index, count }: only this share of the trials, index from 1. With "tpe", whose trials follow
--   from results, any trial that no other process has taken
-- @option on_end is called with trial and status when a trial has ended
-- @option verbose true: shows on standard error what runs, what has ended, the time left, and the best so far
-- @see sweep.plan
-- @return table counts of trials by how they ended: { done, failed, stopped, timeout, memory, killed }; or nil and a
--   message
function sweep.run(path, options)
  local loaded, folder, given = open("sweep.run", path, options, run_options)
  if not loaded then return nil, folder end
  options = given
  if options.shard then shards.check("sweep.run", options.shard) end
  local ok, err = prepare(folder, options)
  if not ok then return nil, err end
  local cores = shards.cores()
  local workers = options.workers or cores
  check_limits(loaded, workers)
  local plan = plans.new(loaded, folder)
  local wants, left = share_of(plan, folder, options.shard)
  local shown <close> = options.verbose and board.new(folder, left, workers > 0) or nil
  return runner.run(plan, { workers = workers, wants = wants,
    threads = options.threads or math.max(1, cores // math.max(1, workers)),
    on_end = function(trial, status)
      if shown then shown:add(trial, status) end
      if options.on_end then options.on_end(trial, status) end
    end,
    on_tick = function(processes)
      if shown then shown:draw(processes) end
    end })
end

check.takes(sweep.run, 2, run_options)

local submit_options = with_folder {
  failed = check.default(false, "boolean"), beside = check.default(false, "boolean"),
  trials_per_task = check.default(1, "positive integer"), cpus = check.default(1, "positive integer"),
  concurrency = check.optional "positive integer", partition = check.optional "string",
  time = check.optional "string", memory = check.optional "string", sbatch = check.default({}, "table"),
}

--- Submits all trials that have no result to Slurm, as job arrays; returns at once. A requeued task goes on from the
-- checkpoints of its trials. More tasks than the cluster's MaxArraySize become several arrays; with concurrency each of
-- them waits for the one before.
-- Raises with the message of sbatch or squeue if they fail, and while tasks of the sweep are in the queue.
-- @param path string the sweep file
-- @option failed true: submits again the trials that failed
-- @option beside true: starts although results of another version are there
-- @option trials_per_task trials that a task of an array runs, one after the other
-- @option cpus cores of each task, used as threads
-- @option concurrency tasks that run at a time (as many as the cluster lets)
-- @option partition of the cluster (its default)
-- @option time the limit for a task, as sbatch takes it: "90" minutes, "1-12:00:00" (the partition's)
-- @option memory of a task's node, as sbatch takes it: "4G" (the cluster's default)
-- @option sbatch more arguments for sbatch: { "--account=x", "--gres=gpu:1" }
-- @see sweep.plan
-- @return table { jobs (numbers of the arrays), tasks, trials }; or nil and a message
function sweep.submit(path, options)
  local loaded, folder, given = open("sweep.submit", path, options, submit_options)
  if not loaded then return nil, folder end
  options = given
  check.list("sweep.submit", "sbatch", options.sbatch)
  check.each("sweep.submit", "sbatch", options.sbatch, "string")
  local ok, err = prepare(folder, options)
  if not ok then return nil, err end
  return slurm.submit(plans.new(loaded, folder), options)
end

check.takes(sweep.submit, 2, submit_options)

--- Cancels the Slurm jobs of a sweep. What has ended is kept; sweep.submit goes on.
-- @param path string the sweep file
-- @see sweep.plan
-- @return integer how many tasks waited or ran; or nil and a message
function sweep.stop(path, options)
  local loaded, folder = open("sweep.stop", path, options)
  if not loaded then return nil, folder end
  return slurm.stop(folder)
end

check.takes(sweep.stop, 2, folder_options)

--- Reports the progress of a sweep.
-- @param path string the sweep file
-- @see sweep.plan
-- @return table { name, version, size (of all trials), ended, counts (by status), unplanned (trials that have ended,
--   but are not in the plan: the grid or the strategy has changed since; they may be the best), running = { [id] = {
--   pid, host, job } }, best (a configuration's { config, mean, sd, n }, or nil), failures (of the plan: list of { id,
--   config, seed, status, reason, log }), faults (messages about unreadable files), others (versions), slurm (of a
--   submitted sweep: { tasks = list of { job, task, state, reason } that wait or run, counts (by state), ended (by
--   state, if the cluster keeps accounts) }) }; or nil and a message
function sweep.status(path, options)
  local loaded, folder = open("sweep.status", path, options)
  if not loaded then return nil, folder end
  local results, faults = collect.read(folder, folder.outcome)
  local ranking = collect.ranking(loaded, results)
  local best = ranking.configurations[1]
  local plan = plans.new(loaded, folder)
  local planned = plan:planned(results)
  local view, err = slurm.view(folder)
  faults[#faults + 1] = err
  return { name = loaded.name, version = loaded.version, size = plan:size(), ended = #planned,
    counts = collect.counts(planned), unplanned = #results - #planned, running = folder:running(),
    best = best and best.mean and best or nil, faults = faults, others = folder:others(), objective = loaded.objective,
    failures = failures_of(folder, planned), slurm = view }
end

check.takes(sweep.status, 2, folder_options)

--- Writes trials.csv, trials.sqlite (if lua-sql-sqlite3 is installed), page.html, and the best configuration as Lua,
-- beside the results. Names of columns have no case: of metrics Acc and acc the second is metric_acc_2.
-- @param path string the sweep file
-- @see sweep.plan
-- @return table the paths written; or nil and a message
-- @return table messages about what could not be read or written
function sweep.collect(path, options)
  local loaded, folder = open("sweep.collect", path, options)
  if not loaded then return nil, folder end
  return collect.write(folder)
end

check.takes(sweep.collect, 2, folder_options)

--- Returns the best configuration as runnable Lua, which runs its trial with the first of the sweep's seeds again:
-- with trial.seed and trial.id of the sweep, and a new temporary folder as trial.checkpoint.
-- @param path string the sweep file
-- @see sweep.plan
-- @return string the code; or nil and a message
function sweep.best(path, options)
  local loaded, folder = open("sweep.best", path, options)
  if not loaded then return nil, folder end
  return collect.best(loaded, collect.ranking(loaded, (collect.read(folder, folder.outcome))))
end

check.takes(sweep.best, 2, folder_options)

return sweep
