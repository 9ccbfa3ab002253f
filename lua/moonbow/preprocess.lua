--- Preprocessing of spectra (N, L, C) in steps, which are fitted on training data and stored with the model.
--
-- mb.preprocess.fit({ "snv", { "savitzky_golay", window = 15 } }, x): a step is a name, or a table with a name and
-- options. The steps are described above each of them below.
local core = require "moonbow.core"
local check = require "moonbow.check"
local autograd = require "moonbow.autograd"
local ops = require "moonbow.ops"

local preprocess = {}

local function per_row(x, reduce) return ops.reshape(reduce(x, 2), { core.size(x, 1), 1, core.size(x, 3) }) end

local TINY = 1e-12 -- a constant spectrum has no spread to divide by

local function numbers(operation, name, values)
  if core.is_tensor(values) then values = core.totable(values) end
  for _, value in ipairs(values) do check.kind(operation, name, value, "number") end
  return values
end

-- Each step: apply(x, options, fitted) and, where it has some, options with defaults, as check.options takes them;
-- where it learns from the training data, fit(x), which returns
-- lists of numbers by the names in learned; where options need more than their kind, prepare(options).
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
    learned = { "mean", "sd" },
    fit = function(x)
      return { mean = core.totable(core.reshape(core.mean(x, 1), -1)),
        sd = core.totable(core.reshape(core.sqrt(core.var(x, 1)), -1)) }
    end,
    apply = function(x, _, fitted)
      local shape = { 1, core.size(x, 2), core.size(x, 3) }
      local mean = core.reshape(core.tensor(fitted.mean), shape)
      local sd = core.reshape(core.tensor(fitted.sd), shape)
      return core.div(core.sub(x, mean), core.maximum(sd, TINY))
    end,
  },
  --- Smoothing, or a derivative, by a polynomial of some order (2) fitted in a window of points (11, odd) that moves
  -- along; derivative (0), delta (1): the distance of points, which scales derivatives. The ends come from the
  -- outermost windows, as in scipy.signal.savgol_filter with mode "interp" (Savitzky and Golay 1964).
  savitzky_golay = {
    options = { window = check.default(11, "positive integer"), order = check.default(2, "integer"),
      derivative = check.default(0, "integer"), delta = check.default(1, "positive") },
    apply = function(x, options)
      return core.savitzky_golay(x, options.window, options.order, options.derivative, options.delta)
    end,
  },
  --- Takes off a baseline by asymmetric least squares (Eilers and Boelens 2005): as smooth as lambda (1e5) makes it,
  -- with the weight p (0.01) for points above it and 1 - p below, for so many iterations (10) or until weights stay.
  als_baseline = {
    options = { lambda = check.default(1e5, "positive"), p = check.default(0.01, "positive"),
      iterations = check.default(10, "positive integer") },
    apply = function(x, options)
      return core.sub(x, core.als_baseline(x, options.lambda, options.p, options.iterations))
    end,
  },
  --- From the points of axis to those of grid, which must lie within it (lists or tensors, both required), linearly.
  resample = {
    options = { axis = check.required "table|tensor", grid = check.required "table|tensor" },
    prepare = function(options)
      for _, name in ipairs { "axis", "grid" } do options[name] = numbers("resample", name, options[name]) end
    end,
    apply = function(x, options) return core.resample(x, core.tensor(options.axis), core.tensor(options.grid)) end,
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

-- A name, or { name, option = value }: the fitted step, without what it learns.
local function read_step(i, given)
  local options, name = {}, given
  if type(given) == "table" then
    for key, value in pairs(given) do
      if key == 1 then name = value else options[key] = value end
    end
  end
  check.name("preprocess.fit", "step " .. i, name, preprocess.names)
  options = check.options("preprocess.fit " .. name, options, steps[name].options or {})
  if steps[name].prepare then steps[name].prepare(options) end
  return { name = name, options = next(options) and options }
end

local function apply_step(fitted, x)
  if fitted.mean and #fitted.mean ~= core.size(x, 2) * core.size(x, 3) then
    check.fail("preprocess", "%s was fitted on %d points, the spectra have %d", fitted.name, #fitted.mean,
      core.size(x, 2) * core.size(x, 3))
  end
  return steps[fitted.name].apply(x, fitted.options, fitted)
end

--- Fits steps on training spectra.
-- @param names a list of steps, each a name ("als_baseline", "area", "max", "min_max", "resample",
--   "savitzky_golay", "snv", "standardize") or a table { name, option = value, ... }
-- @param x (N, L, C)
-- @return a table for preprocess.apply and mb.save, and the processed spectra
function preprocess.fit(names, x)
  check.kind("preprocess.fit", "names", names, "table")
  check_x("preprocess.fit", x)
  local all = {}
  for i, given in ipairs(names) do
    local step = read_step(i, given)
    for key, value in pairs(steps[step.name].fit and steps[step.name].fit(x) or {}) do step[key] = value end
    all[i] = step
    x = autograd.no_grad(apply_step, step, x)
  end
  return all, x
end

-- Raises unless a step holds what it has to have learned: lists of numbers, of one length.
local function check_learned(operation, step)
  local learned = steps[step.name].learned or {}
  for _, name in ipairs(learned) do
    local list = check.kind(operation, ("%s: %s"):format(step.name, name), step[name], "table")
    if #list == 0 or #list ~= #step[learned[1]] then
      check.fail(operation, "%s: %s: expected as many numbers as for %s, got %d", step.name, name, learned[1], #list)
    end
    for i, value in ipairs(list) do
      check.kind(operation, ("%s: %s[%d]"):format(step.name, name, i), value, "finite")
    end
  end
end

--- Raises unless fitted is a list of steps as fit returns them: known ones, with valid options and what they learned.
function preprocess.check(operation, fitted)
  check.kind(operation, "preprocessing", fitted, "table")
  for i, step in ipairs(fitted) do
    check.kind(operation, ("preprocessing[%d]"):format(i), step, "table")
    check.name(operation, ("preprocessing[%d]"):format(i), step.name, preprocess.names)
    local options = check.options(("%s: %s"):format(operation, step.name), step.options, steps[step.name].options or {})
    if steps[step.name].prepare then steps[step.name].prepare(options) end
    check_learned(operation, step)
  end
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
