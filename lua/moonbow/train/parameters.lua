--- The parameters of a training: the tensors that the optimiser steps, and the factors of their learning rates.
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local core = require "moonbow.core"

local parameters = {}

local function checked(parameter)
  local operation = autograd.made_by(parameter.value)
  if not operation then return parameter.value end
  check.fail("fit", "%s is the result of '%s', which a step cannot change; make it a parameter, or detach() it",
    parameter.name, operation)
end

--- Raises if a job has nothing to train.
function parameters.check_any(job)
  if #job.values == 0 then check.fail("fit", "the model has no parameters to train") end
  for _, value in ipairs(job.values) do
    if core.is_tracked(value) then return end
  end
  check.fail("fit", "the model has no parameters to train: all are frozen or detached")
end

--- Gives a job the tensors of its model as they are now: freeze, unfreeze and callbacks put others in their place. What
-- belongs to a parameter by its name or its place in the list, as the average, stays.
function parameters.follow(job)
  local now = job.model:parameters()
  for i = 1, math.max(#now, #job.parameters) do
    local was, is = job.parameters[i], now[i]
    if not (was and is and was.name == is.name) then
      check.fail("fit", "callbacks: expected the model to keep the weights that training began with, %s, got %s",
        was and was.name or "none", is and is.name or "none")
    end
    was.value, job.values[i] = is.value, checked(is)
  end
end

-- Gives the parameters below each path or name of the option lr_factors its factor; of several the longest path wins.
local function add_factors(model, list, factors)
  local chosen, by = {}, {}
  for given, factor in pairs(factors or {}) do
    check.kind("fit", ("lr_factors[%s]"):format(check.show(given)), factor, "non-negative real")
    model:visit_named("fit lr_factors", { given }, function(name)
      if not by[name] or #given > #by[name] then chosen[name], by[name] = factor, given end
    end)
  end
  for _, parameter in ipairs(list) do parameter.lr_factor = chosen[parameter.name] end
end

--- Lists the parameters of a job's model, and their tensors as values.
function parameters.start(job)
  local list, values = job.model:parameters(), {}
  for i, parameter in ipairs(list) do values[i] = checked(parameter) end
  job.parameters, job.values = list, values
  parameters.check_any(job)
  add_factors(job.model, list, job.options.lr_factors)
end

return parameters
