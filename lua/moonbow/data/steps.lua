--- The steps of preprocessing, by name.
--
-- Each has apply(x, options, fitted). It may have: options with defaults, as check.options takes them; fit(x), if it
-- learns from the training data, and learned, the names of the lists that fit returns; prepare(options), if options
-- need more checks than their kind; new_axis(options), if they change the axis. Sums are in double. Data without spread
-- are divided by 1, as in scikit-learn.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"

local function scaled(name) return function(x) return core.scale(x, name) end end

return {
  --- Standard normal variate: each spectrum to mean 0 and sd 1 (Barnes et al. 1989).
  snv = { apply = scaled "snv" },
  --- Each spectrum to minimum 0 and maximum 1.
  min_max = { apply = scaled "min_max" },
  --- Each spectrum to maximum 1. Raises for one with values below 0 and none above: division would turn it upside down.
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
  --- Smooths, or differentiates, with a polynomial fitted in a moving window. The ends come from the outermost windows,
  -- as in scipy.signal.savgol_filter with mode "interp" (Savitzky and Golay 1964).
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
  --- Subtracts a baseline, fitted by asymmetric least squares (Eilers and Boelens 2005).
  -- @option lambda how smooth the baseline is
  -- @option p weight of points above the baseline; those below weigh 1 - p
  -- @option iterations at most this many; fewer if the weights no longer change
  als_baseline = {
    options = { lambda = check.default(1e5, "positive"), p = check.default(0.01, "positive"),
      iterations = check.default(10, "positive integer") },
    apply = function(x, options)
      return core.sub(x, core.als_baseline(x, options.lambda, options.p, options.iterations))
    end,
  },
  --- Interpolates linearly from the points of one axis to those of another.
  -- @option axis a list or tensor with the position of each point of the spectra; a set of spectra knows it
  -- @option grid a list or tensor with the new positions, which must lie within axis; or { first = 400, last = 1800,
  --   step = 2 }, or points in place of step
  resample = {
    options = { axis = check.required "table|tensor", grid = check.required "table|tensor" },
    prepare = function(options)
      options.axis = check.numbers("resample", "axis", options.axis)
      options.grid = axes.grid("resample", options.grid)
    end,
    new_axis = function(options) return options.grid end,
    apply = function(x, options) return core.resample(x, options.axis, options.grid) end,
  },
}
