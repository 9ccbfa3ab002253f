--- Steps that smooth, differentiate or repair.
local core = require "moonbow.core"
local check = require "moonbow.check"
local slopes = require "moonbow.data.slopes"

return {
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
  --- Differentiates along the axis, with its own spacing, by a polynomial fitted in a moving window; the ends come from
  -- the outermost windows. On an even axis this is the step savitzky_golay.
  -- @option window points of the window, odd
  -- @option order of the polynomial
  -- @option derivative 1 for the first, 2 for the second
  -- @option axis a list or tensor with the position of each point; a set of spectra knows it
  derivative = {
    takes_axis = true,
    options = { window = check.default(11, "positive integer"), order = check.default(2, "positive integer"),
      derivative = check.default(1, "positive integer"), axis = check.required "table|tensor" },
    prepare = function(options)
      options.axis = check.numbers("derivative", "axis", options.axis)
      slopes.check(options)
    end,
    apply = slopes.apply,
  },
  --- Removes spikes of cosmic rays (Whitaker and Hayes 2018): points whose difference from the one before is far from
  -- the median become the mean of the other points nearby. A sharp peak with differences as large goes, too.
  -- @option threshold modified z-score of a difference from which on it is a spike
  -- @option half_window points on both sides that take part in the mean
  despike = {
    options = { threshold = check.default(8, "positive"), half_window = check.default(5, "positive integer") },
    apply = function(x, options) return core.despike(x, options.threshold, options.half_window) end,
  },
}
