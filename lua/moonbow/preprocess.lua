--- Preprocessing of spectra (N, L, C) in steps, which are fitted on training data and stored with the model.
local core = require "moonbow.core"
local check = require "moonbow.check"
local autograd = require "moonbow.autograd"
local ops = require "moonbow.ops"

local preprocess = {}

local function per_row(x, reduce) return ops.reshape(reduce(x, 2), { core.size(x, 1), 1, core.size(x, 3) }) end

local TINY = 1e-12 -- a constant spectrum has no spread to divide by

-- Each step: apply(x, fitted) and, where it learns from the training data, fit(x).
local steps = {
  --- Standard normal variate: each spectrum to mean 0 and sd 1 (Barnes et al. 1989).
  snv = {
    apply = function(x)
      local centred = core.sub(x, per_row(x, core.mean))
      return core.div(centred, core.maximum(core.sqrt(per_row(x, core.var)), TINY))
    end,
  },
  --- Each spectrum to minimum 0 and maximum 1.
  min_max = {
    apply = function(x)
      local low, high = per_row(x, core.min), per_row(x, core.max)
      return core.div(core.sub(x, low), core.maximum(core.sub(high, low), TINY))
    end,
  },
  --- Each spectrum to maximum 1.
  max = { apply = function(x) return core.div(x, core.maximum(per_row(x, core.max), TINY)) end },
  --- Each spectrum to mean absolute value 1.
  area = { apply = function(x) return core.div(x, core.maximum(per_row(core.abs(x), core.mean), TINY)) end },
  --- Each point to mean 0 and sd 1 over the training spectra.
  standardize = {
    fit = function(x)
      return { mean = core.totable(core.reshape(core.mean(x, 1), -1)),
        sd = core.totable(core.reshape(core.sqrt(core.var(x, 1)), -1)) }
    end,
    apply = function(x, fitted)
      local shape = { 1, core.size(x, 2), core.size(x, 3) }
      local mean = core.reshape(core.tensor(fitted.mean), shape)
      local sd = core.reshape(core.tensor(fitted.sd), shape)
      return core.div(core.sub(x, mean), core.maximum(sd, TINY))
    end,
  },
}

--- Names of all steps, sorted.
preprocess.names = {}
for name in pairs(steps) do preprocess.names[#preprocess.names + 1] = name end
table.sort(preprocess.names)

local function check_x(operation, x)
  check.kind(operation, "x", x, "tensor")
  if core.rank(x) ~= 3 then
    check.fail(operation, "x: expected spectra (N, L, C), got shape %s", check.show_shape(core.shape(x)))
  end
end

local function apply_step(fitted, x)
  if fitted.mean and #fitted.mean ~= core.size(x, 2) * core.size(x, 3) then
    check.fail("preprocess", "%s was fitted on %d points, the spectra have %d", fitted.name, #fitted.mean,
      core.size(x, 2) * core.size(x, 3))
  end
  return steps[fitted.name].apply(x, fitted)
end

--- Fits steps on training spectra.
-- @param names a list of names: "snv", "min_max", "max", "area", "standardize"
-- @param x (N, L, C)
-- @return a table for preprocess.apply and mb.save, and the processed spectra
function preprocess.fit(names, x)
  check.kind("preprocess.fit", "names", names, "table")
  check_x("preprocess.fit", x)
  local all = {}
  for i, name in ipairs(names) do
    check.name("preprocess.fit", "step " .. i, name, preprocess.names)
    local fitted = steps[name].fit and steps[name].fit(x) or {}
    fitted.name = name
    all[i] = fitted
    x = autograd.no_grad(apply_step, fitted, x)
  end
  return all, x
end

--- Applies fitted steps to spectra (N, L, C).
function preprocess.apply(fitted, x)
  check.kind("preprocess.apply", "fitted", fitted, "table")
  check_x("preprocess.apply", x)
  for i, step in ipairs(fitted) do
    if type(step) ~= "table" then check.fail("preprocess.apply", "step %d: expected a fitted step", i) end
    check.name("preprocess.apply", "step " .. i, step.name, preprocess.names)
    x = autograd.no_grad(apply_step, step, x)
  end
  return x
end

return preprocess
