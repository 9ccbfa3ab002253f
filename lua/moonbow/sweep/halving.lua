--- Asynchronous successive halving: a trial continues after a rung only if it is among the best there so far.
--
-- Rungs are at the steps first, first * reduction, first * reduction^2, ... below the last step; the first report at or
-- after a rung counts there. A configuration is judged by its first seed. The other seeds are the last rung: they run
-- only if the first one is among the best of those that have ended. Values at a rung are appended to a file, one line
-- each, so that all processes of a sweep see them. A file belongs to a step, an objective and a first seed, since other
-- values cannot be compared.
-- Source: Li et al. 2020, arXiv 1810.05934, the variant that stops trials.
local core = require "moonbow.core"
local files = require "moonbow.io.files"

local halving = {}

-- What is compared, as text.
local function measure(sweep)
  return ("%s %s of seed %d"):format(sweep.objective.minimize and "least" or "largest", sweep.objective.name,
    sweep.seeds[1])
end

--- Returns the rule by which a sweep stops trials, as text; nil if it stops none.
function halving.rule(sweep)
  local options = sweep.strategy
  if options[1] ~= "asha" then return nil end
  return ("%s; 1 in %d from step %d to %d"):format(measure(sweep), options.reduction, options.first, options.steps)
end

-- Returns the step of the last rung at or before a step; nil before the first one, and from the last step on, where
-- nothing is left to stop.
local function rung_before(options, step)
  local at = options.first
  if step < at or step >= options.steps then return nil end
  while at * options.reduction <= step do at = at * options.reduction end
  return at
end

local function values_at(path)
  local values = {}
  for id, value in ((files.read(path)) or ""):gmatch "(%x+) (%S+)\n" do values[id] = tonumber(value) end
  return values
end

-- Adds the value of a trial to a rung. Returns true if it is among the best 1 / reduction there so far.
local function is_among_best(folder, rung, id, value)
  local path = ("%s/rungs/%016x"):format(folder.path, core.digest(measure(folder.sweep)))
  assert(files.make_folders(path))
  path = ("%s/%s.log"):format(path, rung)
  local values = values_at(path)
  if not values[id] then assert(files.append(path, ("%s %.17g"):format(id, value))) end
  values[id] = value
  local count, better = 0, 0
  for _, other in pairs(values) do
    count, better = count + 1, better + (other < value and 1 or 0)
  end
  return value == value and better < math.ceil(count / folder.sweep.strategy.reduction)
end

--- True if a trial that reports a value at a step continues. Of several rungs since its last report the last counts.
-- @param value of the objective, smaller being better
-- @param last the step of its last report, nil for the first one
function halving.goes_on(folder, id, step, value, last)
  local options = folder.sweep.strategy
  local rung = rung_before(options, step)
  return not rung or last and rung == rung_before(options, last) or is_among_best(folder, rung, id, value)
end

--- True if the other seeds of a configuration run, whose first seed ended with a value. Called when the first one ends,
-- too: its value counts for others.
function halving.gets_more_seeds(folder, id, value)
  return is_among_best(folder, "seeds", id, value)
end

--- Counts stopped trials, and those of them whose objective had not improved since their first report, since these may
-- belong to configurations that improve late.
-- @param results list of trials' results
function halving.late_starters(results, objective)
  local stopped, flat = 0, 0
  for _, result in ipairs(results) do
    if result.status == "stopped" and #result.reports > 0 then
      stopped = stopped + 1
      local sign, first, best = objective.minimize and 1 or -1, nil, math.huge
      for _, report in ipairs(result.reports) do
        local value = tonumber(report.metrics[objective.name])
        if value then first, best = first or sign * value, math.min(best, sign * value) end
      end
      if not first or best >= first - 0.02 * math.abs(first) then flat = flat + 1 end
    end
  end
  return stopped, flat
end

return halving
