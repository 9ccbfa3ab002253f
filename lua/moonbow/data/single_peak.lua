--- The evaluation data of the review: one peak, whose height says the class.
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local spectra = require "moonbow.data.spectra"

local known_options = spectra.known {
  heights = { 0.8, 0.6 },
  position = 500,
  shift = check.default(50, "non-negative"),
  variation = check.default(0.1, "non-negative"),
}

--- Spectra with one peak; its height says the class: around heights[1] in class 1 ("high"), around
-- heights[2] in class 2 ("low"). See claim 1 of the review.
--
-- Options: heights {0.8, 0.6}; variation (0.1): a height is uniform within heights[k] -+ variation, so that the
-- classes touch but do not overlap without noise; position (500) and shift (50): the maximum lies uniformly within
-- position -+ shift; and those of all generators:
--
-- n (1000), validation (300), test (2000): spectra in each part. length (1000): points of a spectrum. width {2, 6}:
-- uniform range of the Gaussian's sigma in points. shape ("gaussian"): or "lorentzian", of the same width at half
-- height; "pseudo_voigt", a sum of both in which the Lorentzian has a share uniform in mixing {0, 1}; "asymmetric", a
-- Gaussian whose left side is 1 - a and whose right side is 1 + a times as wide, a uniform in asymmetry {0, 0.5}.
-- background (0.2): its maximum is uniform from 0 to this, 0 for none. background_kinds: one or a list of
-- "polynomial" (a sum of Chebyshev polynomials, of the orders {1, 5} with coefficients uniform in -1 to 1, from 0
-- to 1), "exponential" (a decay with a rate uniform in 1 to 10 over the axis) and "hump" (a Gaussian centred anywhere
-- with a sigma of 0.1 to 0.4 axes); all three are mixed with uniform weights by default. noise (0.02): sd of Gaussian
-- noise. counts (0 for none): adds Poisson noise, as of so many counts at intensity 1. seed (1): an integer or a table
-- of integers. parts (false): also returns what the spectra are the sum of.
--
-- The parts train, validation and test have independent streams; the same seed gives the same peaks under any noise
-- and background. Both classes are equal in number (an odd spectrum goes to class 1), in random order.
--
-- @return { train, validation, test: each { x = (n, L, 1), y = (n) classes, position = (n) in points from 1,
--   height = (n), width = (n), mixing or asymmetry = (n) where the shape has one; and with parts peak, background,
--   noise = (n, L, 1), whose sum is x }; classes = names; axis = (L); options = all options;
--   ceiling = function(samples): the best accuracy that any classifier can reach, see mb.data.classes }
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
