--- Steps that subtract a baseline.
local core = require "moonbow.core"
local check = require "moonbow.check"

local function subtract(weighting)
  return function(x, options)
    return core.sub(x, core.als_baseline(x, weighting, options.lambda, options.p or 0, options.tol or 0,
      options.iterations))
  end
end

return {
  --- Subtracts a baseline, fitted by asymmetric least squares (Eilers and Boelens 2005).
  -- @option lambda how smooth the baseline is
  -- @option p weight of points above the baseline; those below weigh 1 - p
  -- @option iterations at most this many; fewer if the weights no longer change
  als_baseline = {
    options = { lambda = check.default(1e5, "positive"), p = check.default(0.01, "positive"),
      iterations = check.default(10, "positive integer") },
    apply = subtract "als",
  },
  --- Subtracts a baseline, fitted by asymmetrically reweighted least squares (arPLS: Baek, Park, Ahn and Choo 2015):
  -- the noise on both sides of the baseline decides what lies above it.
  -- @option lambda how smooth the baseline is
  -- @option tol relative change of the weights at which it ends
  -- @option iterations at most this many
  arpls_baseline = {
    options = { lambda = check.default(1e5, "positive"), tol = check.default(1e-3, "positive"),
      iterations = check.default(50, "positive integer") },
    apply = subtract "arpls",
  },
  --- Subtracts a baseline, fitted by adaptive iteratively reweighted least squares (airPLS: Zhang, Chen and Liang
  -- 2010).
  -- @option lambda how smooth the baseline is
  -- @option tol share of the absolute values at which what lies below the baseline ends it
  -- @option iterations at most this many
  airpls_baseline = {
    options = { lambda = check.default(1e6, "positive"), tol = check.default(1e-3, "positive"),
      iterations = check.default(50, "positive integer") },
    apply = subtract "airpls",
  },
  --- Subtracts the path of a ball that rolls below the spectrum (Kneen and Annegarn 1996): the largest of the smallest
  -- values within half_window, smoothed.
  -- @option half_window points on both sides; more than the half of the widest peak
  -- @option smooth points on both sides over which the path is averaged; half_window unless given
  rolling_ball = {
    options = { half_window = check.default(50, "positive integer"), smooth = check.optional "non-negative integer" },
    apply = function(x, options)
      return core.sub(x, core.rolling_ball(x, options.half_window, options.smooth or options.half_window))
    end,
  },
}
