--- Powder diffraction: crystals from CIF files, their peaks and patterns, and the phases of measured patterns.
local crystal = require "moonbow.xrd.crystal"

return {
  read = crystal.read,
  parse = crystal.parse,
  peaks = require("moonbow.xrd.peaks").peaks,
  pattern = require("moonbow.xrd.pattern").pattern,
  fit = require("moonbow.xrd.fit").fit,
  training_set = require "moonbow.xrd.training_set",
  train = require("moonbow.xrd.network").train,
  identify = require("moonbow.xrd.identify").identify,
}
