--- Training and what belongs to it: fit, evaluate, predict, optimisers, folds, the profile of a step.
local evaluation = require "moonbow.train.evaluate"

return {
  fit = require "moonbow.train.fit",
  evaluate = evaluation.evaluate, predict = evaluation.predict, recalibrate = evaluation.recalibrate,
  optim = require "moonbow.train.optim",
  split = require "moonbow.train.split", augment = require("moonbow.train.augment").run,
  profile = require "moonbow.train.profile",
}
