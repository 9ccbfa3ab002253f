--- Measured spectra: files of any format of the field, and the sets that they give.
local set = require "moonbow.spectra.set"
for _, methods in ipairs { "points", "labels", "join", "plot" } do require("moonbow.spectra." .. methods) end
local fields = require "moonbow.spectra.fields"
require("moonbow.counted").methods(set.class, "spectra:")
set.open()

return {
  concat = require("moonbow.spectra.concat").concat,
  read = require "moonbow.spectra.read",
  set = fields.set,
  write = require "moonbow.spectra.write",
}
