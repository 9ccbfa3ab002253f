--- The steps of preprocessing, by name.
--
-- Each has apply(x, options, fitted) and, where it has some, options with defaults, as check.options takes them; where
-- it learns from the training data, fit(x), and learned: names of the lists that fit gives; where options need more
-- than their kind, prepare(options). Sums are in double. What has no spread is divided by 1, as in scikit-learn.
local core = require "moonbow.core"
local check = require "moonbow.check"

local function scaled(name) return function(x) return core.scale(x, name) end end

return {
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
      for _, name in ipairs { "axis", "grid" } do options[name] = check.numbers("resample", name, options[name]) end
    end,
    apply = function(x, options) return core.resample(x, options.axis, options.grid) end,
  },
}
