--- The parameters of a training: the tensors that the optimiser steps, and the factors of their learning rates.
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local core = require "moonbow.core"
local Layer = require "moonbow.nn.layer"

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

--- Drops gradients that the training did not compute itself.
function parameters.drop_gradients(job)
  for _, parameter in ipairs(job.parameters or {}) do parameter.value.grad = nil end
end

local function depth_of(path) return select(2, path:gsub("%.", "")) end

-- The factors that the option lr_factors gives each tensor: a list of { factor, given, depth }, by its identity.
local function factors_by_tensor(model, factors)
  local found = {}
  for given, factor in pairs(factors or {}) do
    if type(given) ~= "string" then
      check.fail("fit", 'lr_factors: expected names of layers as keys, as in { ["1"] = 0.1 }, got the key %s',
        check.show(given))
    end
    check.kind("fit", ("lr_factors[%s]"):format(check.show(given)), factor, "non-negative real")
    model:visit_named("fit lr_factors", { given }, function(_, path, value)
      local key = Layer.identity(value)
      found[key] = found[key] or {}
      table.insert(found[key], { factor = factor, given = given, depth = depth_of(path) })
    end)
  end
  return found
end

-- Of several factors that of the deepest layer; raises if there are two of equally deep ones.
local function deepest(name, entries)
  table.sort(entries, function(a, b)
    if a.depth ~= b.depth then return a.depth > b.depth end
    return a.given < b.given
  end)
  local best = entries[1]
  for _, entry in ipairs(entries) do
    if entry.depth == best.depth and entry.factor ~= best.factor then
      check.fail("fit", "lr_factors: expected one factor for %s, got %g from %s and %g from %s, which lie equally deep",
        name, best.factor, check.show(best.given), entry.factor, check.show(entry.given))
    end
  end
  return best.factor
end

local function add_factors(model, list, factors)
  local found = factors_by_tensor(model, factors)
  for _, parameter in ipairs(list) do
    local entries = found[Layer.identity(parameter.value)]
    parameter.lr_factor = entries and deepest(parameter.name, entries)
  end
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
