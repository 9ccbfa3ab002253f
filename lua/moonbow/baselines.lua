--- Classifiers without gradients, and their accuracy on the output of each layer of a network.
return {
  forest = require "moonbow.baselines.forest",
  linear = require "moonbow.baselines.linear",
  neighbours = require "moonbow.baselines.neighbours",
  probe = require "moonbow.baselines.probe",
}
