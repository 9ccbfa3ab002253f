--- Measured spectra: files of any format of the field, and the sets that they give.
return {
  read = require "moonbow.spectra.read",
}
