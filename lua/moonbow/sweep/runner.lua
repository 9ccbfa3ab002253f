--- Runs the trials of a sweep on this machine: in this process, or in worker processes.
--
-- Workers are new processes, with numbers of threads that share the cores among them. Each runs one trial
-- after another. If a worker crashes, or takes too long or too much memory, its trial gets a result that says so, and a
-- new worker replaces it.
local uv = require "luv"
local check = require "moonbow.check"
local clock = require "moonbow.clock"
local interrupt = require "moonbow.interrupt"
local processes = require "moonbow.sweep.process"
local reports = require "moonbow.sweep.reports"
local worker = require "moonbow.sweep.worker"

local POLL = 100      -- milliseconds between checks of time, memory, Ctrl-C, and trials of other processes
local GRACE = 1000    -- milliseconds in which Slurm ends this process after one of its workers
local LOOKS = 50      -- polls for trials of other processes after which a warning names one

local Runner = { __name = "runner" }
Runner.__index = Runner

local runner = {}

-- ---- which trial is next ----

-- Returns the next trial without a result, and at the end trials to repeat; nil if there are none.
local function next_trial(self)
  if self.at > #self.trials then
    self.is_complete = self.plan:advance()
    self.trials = self.plan:trials()
  end
  while self.at <= #self.trials do
    local trial = self.trials[self.at]
    self.at = self.at + 1
    if self.wants(self.at - 1) and not self.folder:has(trial.id) then return trial end
  end
  return table.remove(self.retries, 1)
end

-- Warns that the run waits for a trial of another process: if its machine is gone, nobody else says so.
local function warn_of_waiting(self, process)
  local id = self.waiting[1].id
  check.warn("sweep", "waits for %d of the trials that others run, such as %s by process %s of %s; if that is gone, "
    .. "remove %s", #self.waiting, id, process.pid or "?", process.host or "?", self.folder:claim_path(id))
end

-- Checks again trials that other processes claimed: they may have ended without a result.
local function look_again(self)
  local waiting, running = self.waiting, self.folder:running()
  self.waiting = {}
  for _, trial in ipairs(waiting) do
    if not self.folder:has(trial.id) then
      table.insert(running[trial.id] and self.waiting or self.retries, trial)
    end
  end
  self.looks = self.looks + 1
  if self.looks == LOOKS and #self.waiting > 0 then warn_of_waiting(self, running[self.waiting[1].id]) end
end

local function has_more(self) return self.at <= #self.trials or #self.retries > 0 or not self.is_complete end

-- ---- how a trial ended ----

local function stop_all(self)
  self.is_stopping = true
  for process in pairs(self.processes) do process:kill() end
end

-- Ends the run with a message. Nothing is raised before the loop has ended: in its callbacks, nobody would catch it.
local function fail(self, message)
  self.failure = self.failure or message
  stop_all(self)
end

local GOOD = { done = true, stopped = true, there = true }

-- Tries a trial again if it failed and may; returns true if so.
local function try_again(self, trial, status)
  local tries = (self.tries[trial.id] or 0) + 1
  self.tries[trial.id] = tries
  if GOOD[status] or tries > self.sweep.retries then return false end
  self.folder:log(trial.id, ("try %d ended: %s"):format(tries, status))
  self.folder:forget(trial.id)
  table.insert(self.retries, trial)
  return true
end

-- Counts the end of a trial, unless it is tried again, or another process has it.
local function ended(self, trial, status)
  if status == "busy" then
    table.insert(self.waiting, trial)
  elseif not try_again(self, trial, status) then
    self.counts[status] = (self.counts[status] or 0) + 1
    local ok, err = pcall(self.on_end, trial, status)
    if not ok then fail(self, ("on_end: %s"):format(err)) end
  end
end

-- Writes the result of a trial whose worker has ended.
local function record_death(self, process, status, reason)
  local trial, folder = process.trial, self.folder
  if folder:has(trial.id) then return ended(self, trial, "there") end
  local claimed, err = folder:claim(trial.id)
  if err then return fail(self, err) end
  if not claimed then return ended(self, trial, "busy") end
  folder:log(trial.id, status .. ": " .. reason)
  local ok, why = folder:write(trial.id, { id = trial.id, config = trial.config, seed = trial.seed, status = status,
    reason = reason, reports = reports.for_result(folder:reports(trial.id)), seconds = clock() - process.began,
    memory = process.memory, versions = { sweep = self.sweep.version } })
  if not ok then return fail(self, why) end
  ended(self, trial, status)
end

-- ---- workers ----

-- Gives a worker its next trial. Without one it waits.
local function feed(self, process)
  local trial = not self.is_stopping and next_trial(self)
  process.trial = trial or nil
  if trial then process:begin(trial) end
end

local function read_answer(self, process, id, status)
  local trial = process.trial
  if id == "ready" then
    process.is_ready = status == self.sweep.version
    if not process.is_ready then return fail(self, self.sweep.path .. ": changed while the sweep ran") end
  elseif trial and id == trial.id then
    process:flush()
    process.trial = nil
    if status == "unwritten" then return fail(self, "no result could be written" .. process:wrote()) end
    ended(self, trial, status)
  else
    return
  end
  feed(self, process)
end

-- Judges the end of a worker.
local function settle(self, process, code, signal)
  self.alive = self.alive - 1
  if not process.is_ready and not self.is_stopping then fail(self, "a worker could not start" .. process:wrote()) end
  process:flush()
  if not process.trial or self.is_stopping then return end
  local status, reason = process.verdict, process.reason
  if not status then
    status = "killed"
    reason = signal ~= 0 and ("signal %d ended the process"):format(signal)
      or ("the process ended with code %d"):format(code)
  end
  record_death(self, process, status, reason .. process:wrote())
end

-- Slurm ends all processes of a job, one after the other: if this one is next, the trial has no result, and goes on
-- after a requeue.
local function may_be_next(self, process, signal)
  return signal ~= 0 and process.trial and not process.verdict and not self.is_stopping and os.getenv "SLURM_JOB_ID"
end

local function on_exit(self, process, code, signal)
  self.processes[process] = nil
  local function judge()
    process:when_gone(function() settle(self, process, code, signal) end)
  end
  if not may_be_next(self, process, signal) then return judge() end
  local timer = uv.new_timer()
  timer:start(GRACE, 0, function()
    timer:close()
    judge()
  end)
end

local function start_worker(self)
  local process = processes.start(self.folder, self.environment,
    function(...) read_answer(self, ...) end, function(...) on_exit(self, ...) end)
  self.alive, self.processes[process] = self.alive + 1, true
end

-- Ends a worker whose trial exceeds its time or memory.
local function watch(self, process)
  if not process.trial or process.verdict then return end
  process:measure()
  local sweep, seconds = self.sweep, clock() - process.began
  if sweep.timeout and seconds > sweep.timeout then
    process.verdict, process.reason = "timeout", ("it took more than %g s"):format(sweep.timeout)
  elseif sweep.memory and process.memory > sweep.memory then
    process.verdict, process.reason = "memory", ("it took more than %g bytes"):format(sweep.memory)
  end
  if process.verdict then process:kill() end
end

local function tick(self)
  if interrupt.came() then stop_all(self) end
  for process in pairs(self.processes) do
    watch(self, process)
    if process.is_ready and not process.trial and not self.is_stopping then feed(self, process) end
  end
  if #self.waiting > 0 then look_again(self) end
  self.on_tick(self.processes)
  local is_idle = not has_more(self) and #self.waiting == 0
  for process in pairs(self.processes) do
    if is_idle and process.is_ready and not process.trial then process:leave() end
    is_idle = is_idle and not process.trial
  end
  local wanted = is_idle and 0 or self.workers
  while not self.is_stopping and self.alive < wanted and has_more(self) do start_worker(self) end
end

-- On SIGTERM this process ends as it would have, but after its workers: none of them goes on alone.
local function end_on_sigterm(self, handler)
  handler:close()
  uv.run "nowait"
  if self.is_terminated then uv.kill(uv.os_getpid(), "sigterm") end
end

local function run_with_workers(self)
  local timer, sigterm = uv.new_timer(), uv.new_signal()
  local _ <close> = setmetatable({}, { __close = function()
    stop_all(self)
    timer:close()
    end_on_sigterm(self, sigterm)
  end })
  sigterm:start("sigterm", function()
    self.is_terminated = true
    stop_all(self)
  end)
  tick(self)
  timer:start(POLL, POLL, function() tick(self) end)
  while self.alive > 0 or has_more(self) and not self.is_stopping or #self.waiting > 0 and not self.is_stopping do
    uv.run "once"
  end
end

local function run_here(self)
  while true do
    local trial = next_trial(self)
    if trial then
      ended(self, trial, worker.run(self.sweep, self.folder, trial.id, trial.config, trial.seed))
      if self.failure then return end
    elseif #self.waiting > 0 or not self.is_complete then
      uv.sleep(POLL)
      look_again(self)
    else
      return
    end
    interrupt.check()
    self.on_tick(self.processes)
  end
end

--- Runs all trials without a result. Raises on Ctrl-C, after all workers have ended.
-- @param plan of the sweep
-- @param options workers (0: in this process), threads (of each worker), wants (function(i): true for the trials of
--   this share), on_end (function(trial, status)), on_tick (function(set of worker processes), called ten times a
--   second, or after each trial in this process)
-- @return counts: { [status] = number }
function runner.run(plan, options)
  local self = setmetatable({ plan = plan, sweep = plan.sweep, folder = plan.folder, trials = {}, at = 1, retries = {},
    waiting = {}, looks = 0, tries = {}, counts = {}, processes = {}, alive = 0, workers = options.workers,
    wants = options.wants, on_end = options.on_end, on_tick = options.on_tick,
    environment = processes.environment(options.threads) }, Runner)
  local guard <close> = interrupt.catch("sweep", function() -- luacheck: ignore guard
    return "what has ended is kept; the same command goes on"
  end)
  self.is_complete = plan:advance()
  self.trials = plan:trials()
  if self.workers == 0 then run_here(self) else run_with_workers(self) end
  interrupt.check()
  if self.failure then check.fail("sweep", "%s", self.failure) end
  return self.counts
end

return runner
