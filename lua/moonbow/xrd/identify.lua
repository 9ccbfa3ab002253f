--- Which phases a powder pattern holds.
local check = require "moonbow.check"
local dissimilarity = require "moonbow.xrd.dissimilarity"
local fit = require "moonbow.xrd.fit"
local network = require "moonbow.xrd.network"

local identify = {}

local MOST_OF_NETWORK = 3 -- phases

local methods = { "fit", "network", "dissimilarity" }

local known = { method = check.one_of(nil, methods), most = check.default(6, "positive integer"),
  worth = check.default(0.28, "positive"), votes = check.default(100, "positive integer"),
  confidence = check.default(0.1, "fraction"), seed = check.default(0, "non-negative integer"),
  measure = check.default("cosine", "string") }
for name, rule in pairs(fit.options) do known[name] = rule end

--- Finds the phases of a measured pattern among candidates, in one of three ways.
--
-- "fit": full-profile fits. From the background on, phases are added one by one: the one whose pattern, at any common
-- strain of its cell, lowers the squared residual most beside those that are there. All are refined as by mb.xrd.fit. A
-- phase stays if the squared residual would rise without it by at least `worth` times what remains beyond noise; a
-- phase whose lengths had to change by s has to explain 1 + (s / 0.005)^2 times as much. At the end, phases that do not
-- pay any more are left out, and candidates that would do as well in the place of one are named. In the search sizes
-- are at least 50 A, microstrain at most 0.01, and r of a texture 0.5 to 2; then the bounds are those of mb.xrd.fit. If
-- more than 2.5 percent of the intensity stands where no phase has peaks, a phase is not among the candidates.
--
-- A network, mb.xrd.train's result in the place of the candidates, as Szymanski et al. (2021): the background is
-- removed by a rolling ball, and passes with dropout vote. Each phase with 10 percent of the votes begins a branch: it
-- is refined alone and subtracted, and what remains is voted on, down to 5 percent of the height. The branch of the
-- highest mean share is refined as by mb.xrd.fit, which gives weights and what stays unexplained. The pattern has to
-- have the radiation of the training (within 1 percent of the wavelength).
--
-- "dissimilarity": the candidate that is nearest to the pattern, without background, by one of the measures that
-- Iwasaki et al. (2017) compared; one phase, of which nothing is refined.
-- @param pattern spectra one spectrum over 2theta in degrees, d in angstrom, or q in 1/angstrom
-- @param candidates table|identifier list of crystals or paths, or a trained network
-- @option method "fit", "network" or "dissimilarity": "network" for a trained network, else "fit", unless given; the
--   others take the candidates of a network
-- @option radiation "Cu" (K alpha 1 and 2, 2 : 1), "CuKa1", ...; a wavelength, or a list, as for mb.xrd.peaks; what the
--   file states unless given
-- @option most phases (3 for a network, as published, unless given)
-- @option votes passes of a network with dropout
-- @option confidence the share of votes that a phase of a network needs to be reported; the authors' program reports
--   those with 0.5
-- @option seed an integer, for these
-- @option measure of "dissimilarity": "cosine", "pearson", "jensen_shannon", or "dtw" within 0.5 degrees
-- @option worth the share, of the squared residual beyond noise, by which it must rise without a phase
-- @option background how many of Chebyshev's polynomials are its background
-- @option strain the most that a length of a cell may change, as a share, at most 0.1
-- @option zero shift of 2theta in degrees, which is not refined
-- @option instrument { U, V, W, X, Y, axial }, as for mb.xrd.pattern; W is only a start
-- @option monochromator angle 2theta of a crystal monochromator in degrees
-- @option dispersion false: without f' and f"
-- @option debye_waller false: atoms at rest
-- @option B displacement in square angstrom of sites for which the file has none
-- @return mixture or nil and a message
-- @usage print(mb.xrd.identify(mb.xrd.pattern("TiO2.cif", { radiation = "Cu",
--   grid = { first = 20, last = 60, step = 0.05 } }), { "TiO2.cif" }, { radiation = "Cu" }))
function identify.identify(pattern, candidates, options)
  local most = type(options) == "table" and options.most
  options = check.options("xrd.identify", options, known)
  local is_trained = network.is(candidates)
  local method = options.method or (is_trained and "network" or "fit")
  if method == "network" then
    if not is_trained then
      check.fail("xrd.identify", "candidates: the method \"network\" takes a network, as mb.xrd.train gives it, got %s",
        check.show(candidates))
    end
    options.most = most or MOST_OF_NETWORK
    return network.identify(pattern, candidates, options)
  end
  return (method == "fit" and fit or dissimilarity).identify(pattern, is_trained and candidates.crystals or candidates,
    options)
end

check.takes(identify.identify, 3, known, "mb.xrd.identify(pattern, candidates, { radiation = \"Cu\" })")

return identify
