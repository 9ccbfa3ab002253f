--- Preprocessing of spectra (N, L, C) in steps, which are fitted on training data and stored with the model.
--
-- mb.preprocess.fit({ "snv", { "savitzky_golay", window = 15 } }, x): a step is a name, or a table with a name and
-- options. The steps are described above each of them below.
local core = require "moonbow.core"
local check = require "moonbow.check"
local autograd = require "moonbow.autograd"
local interrupt = require "moonbow.interrupt"

local preprocess = {}

-- A list of numbers of one's own, so that later changes of the given one do not reach the step.
local function numbers(operation, name, values)
  local is_tensor = core.is_tensor(values)
  local list = is_tensor and core.totable(core.reshape(values, -1)) or check.copy(check.list(operation, name, values))
  if #list == 0 then check.fail(operation, "%s: expected at least one number, got none", name) end
  check.each(operation, name, list, "finite")
  return list
end

local function scaled(name) return function(x) return core.scale(x, name) end end

-- Each step: apply(x, options, fitted) and, where it has some, options with defaults, as check.options takes them;
-- where it learns from the training data, fit(x), and learned: names of the lists that fit gives; where options need
-- more than their kind, prepare(options). Sums are in double. What has no spread is divided by 1, as in scikit-learn.
local steps = {
  --- Standard normal variate: each spectrum to mean 0 and sd 1 (Barnes et al. 1989).
  snv = { apply = scaled "snv" },
  --- Each spectrum to minimum 0 and maximum 1.
  min_max = { apply = scaled "min_max" },
  --- Each spectrum to maximum 1. One that has values below 0, but none above, raises: it would stand on its head.
  max = { apply = scaled "max" },
  --- Each spectrum to mean absolute value 1.
  area = { apply = scaled "area" },
  --- Each point to mean 0 and sd 1 over the training spectra.
  standardize = {
    learned = { "mean", "sd" },
    fit = function(x)
      local mean, sd = core.column_statistics(x)
      return { mean = mean, sd = sd }
    end,
    apply = function(x, _, fitted) return core.standardize(x, fitted.mean, fitted.sd) end,
  },
  --- Smoothing, or a derivative, by a polynomial of some order (2, at most 64) fitted in a window of points (11, odd)
  -- that moves along; derivative (0), delta (1): the distance of points, which scales derivatives. The ends come from
  -- the outermost windows, as in scipy.signal.savgol_filter with mode "interp" (Savitzky and Golay 1964).
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
    apply = function(x, options) return core.resample(x, options.axis, options.grid) end,
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
  core.check_finite(operation, "x", x)
end

local function read_options(operation, name, given)
  local options = check.options(operation .. " " .. name, given, steps[name].options or {})
  if steps[name].prepare then steps[name].prepare(options) end
  return next(options) and options
end

-- A name, or { name, option = value }: the step, without what it learns.
local function read_step(i, given)
  local options, name = {}, given
  if type(given) == "table" then
    for key, value in pairs(given) do
      if key == 1 then name = value else options[key] = value end
    end
  end
  check.name("preprocess.fit", "step " .. i, name, preprocess.names)
  return { name = name, options = read_options("preprocess.fit", name, options) }
end

-- Reads the fitted values of a step, as fit or a file gave them.
local function read_fitted(operation, i, step)
  local where = "step " .. i
  check.kind(operation, where, step, "table")
  check.name(operation, where, step.name, preprocess.names)
  local known = { name = check.required "string", options = check.optional "table" }
  local learned = steps[step.name].learned or {}
  for _, key in ipairs(learned) do
    known[key] = check.required "table"
    check.kind(operation .. " " .. where, key, step[key], "table")
  end
  local fitted = check.options(operation .. " " .. where, step, known)
  for _, key in ipairs(learned) do
    fitted[key] = numbers(operation .. " " .. where, key, step[key])
    if #fitted[key] ~= #fitted[learned[1]] then
      check.fail(operation, "%s: %s: expected as many numbers as for %s, got %d", where, key, learned[1], #fitted[key])
    end
  end
  check.each(operation .. " " .. where, "sd", fitted.sd or {}, "non-negative")
  fitted.options = read_options(operation, step.name, step.options)
  return fitted
end

local function apply_step(operation, fitted, x)
  local M = core.size(x, 2) * core.size(x, 3)
  if fitted.mean and #fitted.mean ~= M then
    check.fail("preprocess", "%s was fitted on %d points, the spectra have %d", fitted.name, #fitted.mean, M)
  end
  local y = steps[fitted.name].apply(x, fitted.options, fitted)
  core.check_finite(operation, "what " .. fitted.name .. " gives", y)
  interrupt.check()
  return y
end

--- Fits steps on training spectra. NaN and infinity raise, in x and in what a step makes of it.
-- @param names a list of steps, each a name ("als_baseline", "area", "max", "min_max", "resample",
--   "savitzky_golay", "snv", "standardize") or a table { name, option = value, ... }
-- @param x (N, L, C)
-- @return a table for preprocess.apply and mb.save, and the processed spectra
function preprocess.fit(names, x)
  check.list("preprocess.fit", "names", names)
  check_x("preprocess.fit", x)
  local guard <close> = interrupt.catch "preprocess.fit" -- luacheck: ignore 211
  local all = {}
  for i, given in ipairs(names) do
    local step = read_step(i, given)
    for key, value in pairs(steps[step.name].fit and steps[step.name].fit(x) or {}) do step[key] = value end
    all[i] = step
    x = autograd.no_grad(apply_step, "preprocess.fit", step, x)
  end
  return all, x
end

--- Raises unless fitted is what preprocess.fit gives, from a file perhaps: known steps, whole and finite.
-- @param operation for the message
-- @return a copy
function preprocess.check(operation, fitted)
  check.list(operation, "fitted", fitted)
  local checked = {}
  for i, step in ipairs(fitted) do checked[i] = read_fitted(operation, i, step) end
  return checked
end

--- Applies fitted steps to spectra (N, L, C). NaN and infinity raise, in x and in what a step makes of it.
function preprocess.apply(fitted, x)
  fitted = preprocess.check("preprocess.apply", fitted)
  check_x("preprocess.apply", x)
  local guard <close> = interrupt.catch "preprocess.apply" -- luacheck: ignore 211
  for _, step in ipairs(fitted) do x = autograd.no_grad(apply_step, "preprocess.apply", step, x) end
  return x
end

return preprocess
