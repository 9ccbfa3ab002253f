--- The exponential moving average of weights during a training (Polyak and Juditsky 1992).
local core = require "moonbow.core"

local average = {}

--- Starts the average at the weights as they are.
function average.start(job)
  if not job.options.ema then return end
  job.average = { steps = 0, values = {} }
  for i, value in ipairs(job.values) do job.average.values[i] = core.copy(value) end
end

--- Moves the average to the weights after step t, at first by the share 9 / (10 + t), so that it soon forgets where it
-- began.
function average.step(job)
  local state = job.average
  if not state then return end
  state.steps = state.steps + 1
  local kept = math.min(job.options.ema, (1 + state.steps) / (10 + state.steps))
  core.average_step(state.values, job.values, nil, nil, 1 - kept)
end

--- Exchanges the weights of the model and their average.
function average.swap(job)
  for i, value in ipairs(job.average and job.values or {}) do
    local weights = core.copy(value)
    core.copy_from(value, job.average.values[i])
    core.copy_from(job.average.values[i], weights)
  end
end

return average
