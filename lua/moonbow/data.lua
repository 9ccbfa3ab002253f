--- Data sets: generated spectra, and spectra from a CSV file.
return {
  border_peaks = require "moonbow.data.border_peaks",
  challenge = require "moonbow.data.challenge",
  classes = require "moonbow.data.classes",
  read_csv = require "moonbow.io.read_csv",
  single_peak = require "moonbow.data.single_peak",
  universal = require "moonbow.data.universal",
  verification = require "moonbow.data.verification",
}
