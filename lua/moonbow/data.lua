--- Data sets: generated spectra. mb.spectra.read reads measured ones.
return {
  border_peaks = require "moonbow.data.border_peaks",
  challenge = require "moonbow.data.challenge",
  classes = require "moonbow.data.classes",
  single_peak = require "moonbow.data.single_peak",
  universal = require "moonbow.data.universal",
  verification = require "moonbow.data.verification",
}
