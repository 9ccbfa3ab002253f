--- One trial: a configuration with a seed, run in this process.
local lfs = require "lfs"
local clock = require "moonbow.clock"
local check = require "moonbow.check"
local core = require "moonbow.core"
local interrupt = require "moonbow.interrupt"
local random = require "moonbow.random"
local reports = require "moonbow.sweep.reports"

local Trial = { __name = "trial" }

local trial = {}

local STOP = setmetatable({}, { __tostring = function() return "the strategy stopped this trial" end })

--- trial.seed, trial.id, and trial.checkpoint: a folder of its own for mb.fit, made when it is first asked for.
function Trial.__index(self, key)
  if key == "checkpoint" then
    local path = self.folder:checkpoint(self.id)
    rawset(self, "checkpoint", path)
    return path
  end
  return Trial[key]
end

local function check_metrics(operation, metrics)
  check.kind(operation, "metrics", metrics, "table")
  for name, value in pairs(metrics) do
    check.kind(operation, "name of a metric", name, "string")
    if not utf8.len(name) then
      check.fail(operation, "name of a metric: expected UTF-8, got %s", check.show(name))
    end
    check.kind(operation, name, value, "finite")
  end
  return metrics
end

-- Returns the seconds that the trial has taken, with those of earlier starts from which it goes on.
local function seconds_of(self) return self.before + clock() - self.began end

--- Records metrics after a step, an epoch for example, in the trial's log. If the strategy stops the trial here,
-- it does not return.
-- @param step a number larger than in the previous report
-- @param metrics { name = number }
function Trial.report(self, step, metrics)
  check.kind("report", "step", step, "finite")
  if self.last_step and step <= self.last_step then
    check.fail("report", "step: expected more than %s, the step of the last report, got %s", self.last_step, step)
  end
  local report = { step = step, metrics = trial.for_json(check_metrics("report", metrics)) }
  if not self.last_step then self.before = reports.cut(self.reports, step) end
  report.seconds, self.last_step = seconds_of(self), step
  self.reports[#self.reports + 1] = report
  self.on_report(self, report)
end

--- Stops the trial; for strategies.
function trial.stop() error(STOP, 0) end

local settled = 0 -- bytes that were left after the last release of memory

-- Releases what earlier trials left, and starts the peak again, so that memory is a trial's own. That takes some
-- milliseconds, which trials without tensors need not wait for.
local function start_memory()
  local live, cached, peak = core.memory()
  if live + cached == settled and peak == settled then return end
  core.release_memory()
  settled = core.memory()
end

local function peak_memory()
  local _, _, peak = core.memory()
  return peak
end

-- Returns a message about a wrong result of run, or nil.
local function fault_of(result, objective)
  local expected = ("run: expected a table with the metric %s, the objective, got "):format(check.show(objective))
  if type(result) ~= "table" then return expected .. check.show(result) end
  local read, err = pcall(check_metrics, "run", result)
  if not read then return check.reason(err) end
  if result[objective] ~= nil then return nil end
  local names = {}
  for name in pairs(result) do names[#names + 1] = check.show(name) end
  table.sort(names)
  return expected .. (#names > 0 and table.concat(names, ", ") or "an empty one")
end

-- Returns status and reason of the end of a call of run.
local function judge(run, ok, result, objective)
  if not ok and rawequal(result, STOP) then return "stopped", tostring(STOP) end
  if not ok then return "failed", trial.printable(tostring(result)) end
  local fault = fault_of(result, objective)
  if not fault then return "done" end
  local where = debug.getinfo(run, "S")
  return "failed", ("%s:%d: %s"):format(where.short_src, where.linedefined, trial.printable(fault))
end

local function traceback(err)
  if rawequal(err, STOP) then return err end
  return debug.traceback(tostring(err), 2)
end

--- Text of any bytes as lines that JSON can hold and that are safe on a terminal.
function trial.printable(text) return (text:gsub("[^\n]+", check.printable)) end

--- Metrics as JSON can hold them: NaN and infinity become text.
function trial.for_json(metrics)
  local copy = {}
  for name, value in pairs(metrics) do
    copy[name] = (value == value and math.abs(value) < math.huge) and value or tostring(value)
  end
  return copy
end

--- Runs a trial. Errors of run become a result; only Ctrl-C is raised.
-- @param sweep from definition.load
-- @param folder of the sweep
-- @param on_report function(trial, report { step, metrics, seconds }), which may call trial.stop
-- @return the result: { id, config, seed, status ("done", "failed", "stopped"), reason, metrics, reports, seconds,
--   memory (most bytes that tensors held, in all of run or since it called mb.release_memory), started (UTC),
--   versions }; the folder adds host and process. Reports and seconds are those of all starts from which this one goes
--   on, seconds up to their last reports.
function trial.run(sweep, folder, id, config, seed, on_report)
  start_memory()
  local own = setmetatable({ id = id, seed = seed, folder = folder, reports = folder:reports(id), began = clock(),
    on_report = on_report }, Trial)
  own.before = reports.cut(own.reports, math.huge)
  local copy = {}
  for name, value in pairs(config) do copy[name] = value end
  local started, here = os.date "!%Y-%m-%dT%H:%M:%SZ", lfs.currentdir()
  random.seed(seed)
  local ok, metrics = xpcall(sweep.run, traceback, copy, own)
  lfs.chdir(here) -- the next trial starts where this one did
  interrupt.check()
  local status, reason = judge(sweep.run, ok, metrics, sweep.objective.name)
  return {
    id = id, config = config, seed = seed, status = status, reason = reason,
    metrics = status == "done" and trial.for_json(metrics) or nil, reports = reports.for_result(own.reports),
    seconds = seconds_of(own), memory = peak_memory(), started = started,
    versions = { moonbow = core.version, lua = _VERSION, sweep = sweep.version },
  }
end

return trial
