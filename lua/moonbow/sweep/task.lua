--- A task of a Slurm job array: runs a share of the trials of a sweep, one after the other in a worker.
--
-- MOONBOW_TASK holds JSON: path, out and quick of the sweep, its version, the digest of its plan, offset (of the
-- array's indices), shares (into which the trials are divided, nil: any trial), threads.
local definition = require "moonbow.sweep.definition"
local json = require "moonbow.io.json"
local plans = require "moonbow.sweep.plan"
local sweep = require "moonbow.sweep"

local task = {}

local function fail(message)
  io.stderr:write("sweep: ", message, "\n")
  os.exit(1)
end

local function show_end(trial, status)
  print(trial.id, status)
  io.stdout:flush()
end

--- The whole work of a task.
function task.main()
  local about = assert(json.decode(os.getenv "MOONBOW_TASK"))
  local loaded, err = definition.load(about.path, about.quick)
  if not loaded then fail(err) end
  if loaded.version ~= about.version or plans.digest(loaded) ~= about.plan then
    fail(("%s has changed since it was submitted; submit it again"):format(about.path))
  end
  local number = about.offset + math.tointeger(tonumber(os.getenv "SLURM_ARRAY_TASK_ID"))
  local counts, why = sweep.run(about.path, { out = about.out, quick = about.quick, beside = true, workers = 1,
    threads = about.threads, shard = about.shares and { number + 1, about.shares }, on_end = show_end })
  if not counts then fail(why) end
end

return task
