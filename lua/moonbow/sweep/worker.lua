--- A process that runs trials: it reads one per line from the runner's socket, and answers with a line each. The socket
-- is apart from standard input and output, which belong to run and to the programs that it starts.
--
-- First line: { path, root, quick } as JSON; the answer is "ready VERSION". Then per trial { id, config, seed }; the
-- answer is "ID STATUS", with the status of the result, "there" (it has a result already) or "busy" (another process
-- runs it, or with halving the first seed of its configuration); or "unwritten", after a message on standard error, if
-- there is no result since the disk is full, for example.
local uv = require "luv"
local check = require "moonbow.check"
local definition = require "moonbow.sweep.definition"
local folders = require "moonbow.sweep.folder"
local halving = require "moonbow.sweep.halving"
local json = require "moonbow.io.json"
local reports = require "moonbow.sweep.reports"
local space = require "moonbow.sweep.space"
local trials = require "moonbow.sweep.trial"

local worker = {}

local function is_judged(sweep, seed) return sweep.strategy[1] == "asha" and seed == sweep.seeds[1] end

-- Returns the objective, smaller being better; nil if it is no number.
local function signed(sweep, metrics)
  local value = metrics[sweep.objective.name]
  if type(value) ~= "number" then return nil end
  return sweep.objective.minimize and value or -value
end

-- Handles a report: writes a line to the log, and with halving may end the trial.
local function reporter(sweep, folder, id, seed)
  return function(trial, report)
    folder:log(id, reports.line(report))
    if not is_judged(sweep, seed) then return end
    local value = signed(sweep, report.metrics)
    if not value then
      check.fail("report", "expected the objective %s among the metrics, for asha", check.show(sweep.objective.name))
    end
    local last = trial.reports[#trial.reports - 1]
    if not halving.goes_on(folder, id, report.step, value, last and last.step) then trials.stop() end
  end
end

-- With halving: true if a trial runs, by the result of its configuration's first seed; false, the reason and the status
-- of that result if not; nil while the first seed has not ended.
local function is_wanted(sweep, folder, config, seed)
  if sweep.strategy[1] ~= "asha" or seed == sweep.seeds[1] then return true end
  local first_id = folders.id(space.canonical(config), sweep.seeds[1])
  local first = folder:result(first_id)
  if not first then return nil end
  if first.status ~= "done" then
    return false, "the first seed of this configuration did not reach the end", first.status
  end
  local value = signed(sweep, first.metrics)
  if value and halving.gets_more_seeds(folder, first_id, value) then return true end
  return false, "the first seed of this configuration is not among the best", first.status
end

local function not_run(id, config, seed, reason, first)
  return { id = id, config = config, seed = seed, status = "stopped", reports = setmetatable({}, json.list),
    reason = reason, first = first }
end

-- Runs one trial that is claimed. Returns the status of its result.
local function run_claimed(sweep, folder, id, config, seed)
  if folder:has(id) then return "there" end
  local wanted, reason, first = is_wanted(sweep, folder, config, seed)
  if wanted == nil then return "busy" end
  local result = wanted and trials.run(sweep, folder, id, config, seed, reporter(sweep, folder, id, seed))
    or not_run(id, config, seed, reason, first)
  if result.status == "stopped" then result.rule = halving.rule(sweep) end
  if result.reason then folder:log(id, result.status .. ": " .. result.reason) end
  local ok, why = folder:write(id, result)
  if not ok then check.fail("sweep", "%s", why) end
  local value = result.status == "done" and is_judged(sweep, seed) and signed(sweep, result.metrics)
  if value then halving.gets_more_seeds(folder, id, value) end
  return result.status
end

--- Runs one trial unless it has a result or another process runs it. Returns the status for the answer.
function worker.run(sweep, folder, id, config, seed)
  if folder:has(id) then return "there" end
  local claimed, err = folder:claim(id)
  if err then check.fail("sweep", "%s", err) end
  if not claimed then return "busy" end
  local _ <close> = setmetatable({}, { __close = function() folder:release(id) end })
  return run_claimed(sweep, folder, id, config, seed)
end

local SOCKET = 3 -- file descriptor

-- Iterates over the messages of the runner, one JSON text per line, until it closes the socket or ends.
local function messages()
  local unread = ""
  return function()
    while not unread:find("\n", 1, true) do
      local bytes = uv.fs_read(SOCKET, 65536)
      if not bytes or bytes == "" then return nil end
      unread = unread .. bytes
    end
    local line
    line, unread = unread:match "^([^\n]*)\n(.*)$"
    return assert(json.decode(line))
  end
end

local function answer(word, status) uv.fs_write(SOCKET, ("%s %s\n"):format(word, status)) end

--- The whole work of a worker process.
function worker.main()
  io.stdout:setvbuf "line" -- as on a terminal: what run prints is not lost when the process is killed
  local receive = messages()
  local about = receive()
  local sweep = assert(definition.load(about.path, about.quick))
  local folder = folders.open(about.root, sweep)
  answer("ready", sweep.version)
  for trial in receive do
    local ok, status = pcall(worker.run, sweep, folder, trial.id, trial.config, trial.seed)
    if not ok then io.stderr:write("\n", check.reason(status), "\n") end -- before the answer, which is read last
    answer(trial.id, ok and status or "unwritten")
  end
end

return worker
