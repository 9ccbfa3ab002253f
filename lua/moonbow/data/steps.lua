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
  --- Smoothing, or a derivative, by a polynomial that is fitted in a window which moves along. The ends come from the
  -- outermost windows, as in scipy.signal.savgol_filter with mode "interp" (Savitzky and Golay 1964).
  -- @option window points of the window, odd
  -- @option order of the polynomial, at most 64
  -- @option derivative 0 smooths, 1 gives the first derivative, and so on
  -- @option delta distance of points, which scales derivatives
  savitzky_golay = {
    options = { window = check.default(11, "positive integer"), order = check.default(2, "integer"),
      derivative = check.default(0, "integer"), delta = check.default(1, "positive") },
    apply = function(x, options)
      return core.savitzky_golay(x, options.window, options.order, options.derivative, options.delta)
    end,
  },
  --- Takes off a baseline by asymmetric least squares (Eilers and Boelens 2005).
  -- @option lambda how smooth the baseline is
  -- @option p weight of points above the baseline; those below weigh 1 - p
  -- @option iterations at most so many; fewer where weights stay
  als_baseline = {
    options = { lambda = check.default(1e5, "positive"), p = check.default(0.01, "positive"),
      iterations = check.default(10, "positive integer") },
    apply = function(x, options)
      return core.sub(x, core.als_baseline(x, options.lambda, options.p, options.iterations))
    end,
  },
  --- Linear interpolation from the points of one axis to those of another.
  -- @option axis a list or tensor with the place of each point of the spectra
  -- @option grid a list or tensor with the places wanted, which must lie within axis
  resample = {
    options = { axis = check.required "table|tensor", grid = check.required "table|tensor" },
    prepare = function(options)
      for _, name in ipairs { "axis", "grid" } do options[name] = check.numbers("resample", name, options[name]) end
    end,
    apply = function(x, options) return core.resample(x, options.axis, options.grid) end,
  },
}
