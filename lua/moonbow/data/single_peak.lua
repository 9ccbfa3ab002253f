--- The evaluation data of the review: one peak, whose height determines the class.
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local spectra = require "moonbow.data.spectra"

local known_options = spectra.known {
  heights = { 0.8, 0.6 },
  position = 500,
  shift = check.default(50, "non-negative"),
  variation = check.default(0.1, "non-negative"),
}

--- Generates spectra with one peak, whose height determines the class: around heights[1] in class 1 ("high"), around
-- heights[2] in class 2 ("low"). See claim 1 of the review.
--
-- The parts train, validation and test have independent streams; the same seed gives the same peaks under any noise
-- and background. Both classes are equal in number (an odd spectrum goes to class 1), in random order.
-- @option heights of the two classes
-- @option variation a height is uniform within heights[k] -+ variation, so that the classes touch but do not overlap
--   without noise
-- @option position of the maximum, in points from 1
-- @option shift the maximum lies uniformly within position -+ shift points
-- @option n training spectra
-- @option validation validation spectra
-- @option test test spectra
-- @option length points of a spectrum
-- @option width uniform range of the Gaussian's sigma in points
-- @option shape of a peak: "lorentzian" has the same width at half height; "pseudo_voigt" is a sum of both,
--   "asymmetric" a Gaussian with two widths
-- @option mixing of "pseudo_voigt": uniform range of the Lorentzian's share
-- @option asymmetry of "asymmetric": uniform range of a; the left side is 1 - a and the right side 1 + a times as wide
-- @option background its maximum is uniform from 0 to this; 0 for none
-- @option background_kinds one or a list of "polynomial" (a sum of Chebyshev polynomials with coefficients uniform in
--   -1 to 1, from 0 to 1), "exponential" (a decay with a rate uniform in 1 to 10 over the axis) and "hump" (a Gaussian
--   centred anywhere with a sigma of 0.1 to 0.4 axes); all are mixed with uniform weights
-- @option orders range of the orders of the polynomial
-- @option noise sd of Gaussian noise
-- @option counts adds Poisson noise, of this many counts at intensity 1; 0 for none
-- @option seed an integer, or a table of integers
-- @option parts true: also returns the parts that add up to the spectra
-- @return table { train, validation, test: each { x = tensor (n, L, 1), y = (n) classes, position = (n) in points from
--   1, height = (n), width = (n), mixing or asymmetry = (n) if the shape has one; and with parts peak, background,
--   noise = (n, L, 1), whose sum is x }; classes = names; axis = (L); options = all options; ceiling =
--   function(samples): the best accuracy that any classifier can reach, see mb.data.classes }
-- @usage local set = mb.data.single_peak { n = 1000, seed = 1 }
local function single_peak(given)
  local options = spectra.options("single_peak", given, known_options)
  if #options.heights ~= 2 then check.fail("single_peak", "heights: expected 2 numbers, got %d", #options.heights) end
  local classes = {}
  for k, height in ipairs(options.heights) do
    check.kind("single_peak", "heights", height, "positive")
    classes[k] = { {
      position = { options.position - options.shift, options.position + options.shift },
      height = { height - options.variation, height + options.variation },
    } }
  end
  local set = spectra.make("single_peak", options, classes)
  set.classes = { "high", "low" }
  return report.set(set)
end

return check.takes(single_peak, 1, known_options)
