--- Powder diffraction: crystals from CIF files, their peaks, and simulated patterns.
local crystal = require "moonbow.xrd.crystal"

return {
  read = crystal.read,
  parse = crystal.parse,
  peaks = require("moonbow.xrd.peaks").peaks,
  pattern = require("moonbow.xrd.pattern").pattern,
}
