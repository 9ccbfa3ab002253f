--- Steps of the optimiser: backward passes, limits of gradients.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local average = require "moonbow.train.average"
local finite = require "moonbow.train.finite"

local update = {}

local function each_gradient(parameters, f)
  for _, parameter in ipairs(parameters) do
    local gradient = parameter.value.grad
    if gradient then f(gradient, parameter.value) end
  end
end

local function norm_of(parameters)
  local sum = 0
  each_gradient(parameters, function(gradient) sum = sum + core.sum_squares(gradient) end)
  return math.sqrt(sum)
end

-- Limits the gradients, and counts their norm before that.
local function limit(job)
  local options, parameters = job.options, job.parameters
  if options.clip_norm or options.grad_norm then
    local norm, sums = norm_of(parameters), job.norms
    sums.sum, sums.count = sums.sum + norm, sums.count + 1
    if options.clip_norm and norm > options.clip_norm then
      each_gradient(parameters, function(gradient, value)
        value.grad = core.mul(gradient, options.clip_norm / norm)
      end)
    end
  end
  local most = options.clip_value
  if not most then return end
  each_gradient(parameters, function(gradient, value)
    value.grad = core.minimum(core.maximum(gradient, -most), most)
  end)
end

local function is_weight(name) return not (name:find "bias$" or name:find "gamma$" or name:find "beta$") end

local function add_l2(loss, parameters, factor)
  for _, parameter in ipairs(parameters) do
    if is_weight(parameter.name) and core.is_tracked(parameter.value) then
      loss = ops.add(loss, ops.mul(ops.sum_squares(parameter.value), factor))
    end
  end
  return loss
end

--- Adds the gradients of a batch, times what its rows count if a step takes several batches.
function update.backward(job, loss, counts)
  local options = job.options
  if not core.is_tracked(loss) then check.fail("fit", "loss: it does not depend on the parameters of the model") end
  if options.l2 > 0 then loss = add_l2(loss, job.parameters, options.l2) end
  autograd.backward(counts and ops.mul(loss, counts) or loss)
end

--- Makes the sum of the gradients of several batches their mean over all that counts.
function update.divide(job, counts)
  if counts == 0 then return end
  each_gradient(job.parameters, function(gradient, value) value.grad = core.mul(gradient, 1 / counts) end)
end

--- Moves the weights against the gradients; fail(what, cause) raises if a gradient is not finite.
function update.step(job, fail)
  if core.find_non_finite(job.values, true) then fail("a gradient is not finite", finite.bad_gradient(job.model)) end
  limit(job)
  local rate = job.schedule.rate
  local base = job.optimizer.lr
  job.steps = job.steps + 1
  if rate then job.optimizer.lr = rate(base, job.steps) end
  job.lr = job.optimizer.lr
  job.optimizer:step(job.parameters)
  job.optimizer.lr = base
  average.step(job)
end

return update
