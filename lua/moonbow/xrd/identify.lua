--- Which phases a powder pattern holds.
local check = require "moonbow.check"
local fit = require "moonbow.xrd.fit"

local identify = {}

local known = { most = check.default(6, "positive integer"), worth = check.default(0.28, "positive") }
for name, rule in pairs(fit.options) do known[name] = rule end

--- Finds the phases of a measured pattern among candidates, by full-profile fits. From the background on, phases are
-- added one by one: the one whose pattern, at any common strain of its cell, lowers the squared residual most beside
-- those that are there. All are refined as by mb.xrd.fit. A phase stays if the squared residual would rise by a share
-- of at least `worth` without it; a phase whose lengths had to change by s has to explain 1 + (s / 0.005)^2 times as
-- much. At the end, phases that do not pay any more are left out, and candidates that would do as well in the place of
-- one are named. If more than 2.5 percent of the intensity stands where no phase has peaks, a phase is not among the
-- candidates.
-- @param pattern spectra one spectrum over 2theta in degrees, d in angstrom, or q in 1/angstrom
-- @param candidates table list of crystals or paths
-- @option radiation "Cu" (K alpha 1 and 2, 2 : 1), "CuKa1", ...; a wavelength, or a list, as for mb.xrd.peaks; what the
--   file states unless given
-- @option most phases
-- @option worth the share by which the squared residual must rise without a phase
-- @option background how many of Chebyshev's polynomials are its background
-- @option strain the most that a length of a cell may change, as a share
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
  options = check.options("xrd.identify", options, known)
  return fit.identify(pattern, candidates, options)
end

check.takes(identify.identify, 3, known, "mb.xrd.identify(pattern, candidates, { radiation = \"Cu\" })")

return identify
