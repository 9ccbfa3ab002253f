--- Classifiers without gradients, and how good they are on what each layer of a network puts out.
return {
  forest = require "moonbow.baselines.forest",
  linear = require "moonbow.baselines.linear",
  neighbours = require "moonbow.baselines.neighbours",
  probe = require "moonbow.baselines.probe",
}
