--- Models without gradients, and their accuracy on the output of each layer of a network.
return {
  forest = require "moonbow.baselines.forest",
  linear = require "moonbow.baselines.linear",
  logistic = require "moonbow.baselines.logistic",
  neighbours = require "moonbow.baselines.neighbours",
  pca = require "moonbow.baselines.pca",
  pls = require "moonbow.baselines.pls",
  plsda = require "moonbow.baselines.plsda",
  probe = require "moonbow.baselines.probe",
  ridge = require "moonbow.baselines.ridge",
}
