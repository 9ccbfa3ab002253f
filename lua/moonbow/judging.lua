--- Judging predictions: whether probabilities are what they say, and how sure a model may be.
local check = require "moonbow.check"
local outputs = require "moonbow.train.outputs"
local read = require "moonbow.judging.read"
for _, class in ipairs { "calibrated", "conformal", "ensemble", "reliability", "votes" } do
  require("moonbow.judging." .. class)
end

local judging = {}

local function with(own)
  for name, rule in pairs(read.options) do own[name] = rule end
  return own
end

local function read_options(operation, given, known)
  local options = check.options(operation, given, known)
  outputs.check(operation, options.outputs)
  return options
end

local of_classes = { label = check.optional "string" }

local reliability_rules = { bins = check.default(10, "positive integer"), label = of_classes.label }

--- Compares the probabilities of a classifier with how often it is right: a reliability diagram, calibration error,
-- Brier score. Source: Guo et al. 2017.
-- @param model any a network of logits (one that ends in a softmax raises), a fitted pipeline or another classifier
--   with probabilities
-- @param data spectra|table a set, or { x = (N, L, C), y = class numbers }, that the model has not seen;
--   weights of rows raise
-- @option bins of the confidence, of equal width
-- @option label name of the set's label with the classes
-- @return reliability
-- @usage mb.reliability(model, set.test):plot():save "reliability.svg"
function judging.reliability(model, data, options)
  options = check.options("reliability", options, reliability_rules)
  local judged = read.judged("reliability", model, data, { label = options.label, outputs = nil }, "class")
  return require "moonbow.judging.reliability"(read.probabilities("reliability", model, judged.found), judged.y,
    options.bins)
end

--- Calibrates the probabilities of a classifier by one temperature: softmax(logits / temperature), with the temperature
-- whose cross-entropy is least. The classes stay. Warns if all of them are right, or the model says nothing of them: no
-- temperature is the best then. Of models without logits the logarithms of probabilities are taken, of shares of votes
-- of neighbours or trees with one vote more for each class; or the scores. Source: Guo et al. 2017.
-- @param model any a network of logits (one that ends in a softmax raises), a fitted pipeline or another classifier
-- @param data spectra|table a set, or { x = (N, L, C), y = class numbers }, that the model has not seen;
--   weights of rows raise
-- @option label name of the set's label with the classes
-- @return calibrated
-- @usage print(mb.calibrate(mb.logistic.fit(x, y), set.test))
function judging.calibrate(model, data, options)
  options = check.options("calibrate", options, of_classes)
  local judged = read.judged("calibrate", model, data, options, "class")
  return require "moonbow.judging.temperature"(model, judged)
end

local ensemble_rules = { outputs = read.options.outputs }

--- Averages models: the probabilities of classifiers, the numbers of others. Of classifiers without probabilities
-- (PLS-DA; svm, of which -1 and 1 become 0 and 1) the scores are averaged; with others they raise. Source: Hansen and
-- Salamon 1990; for networks of several seeds, Lakshminarayanan et al. 2017.
-- @param models table a list of networks (of classes, of logits: one that ends in a softmax raises when it predicts),
--   fitted pipelines, forests and the like, at least one
-- @option outputs of networks: "classes" (logits), "labels" (logits of labels of which several may hold) or "numbers".
--   Unless given, it follows from the loss of the training. If that is not known: "numbers" for one output, "classes"
--   for several
-- @return ensemble
-- @usage local both = mb.ensemble { model, mb.forest.fit(x, y, { trees = 5 }) }
function judging.ensemble(models, options)
  options = read_options("ensemble", options, ensemble_rules)
  check.list("ensemble", "models", models)
  if #models == 0 then check.fail("ensemble", "models: expected at least one, got none") end
  return require "moonbow.judging.ensemble"(models, options.outputs)
end

local votes_rules = { times = check.default(100, "positive integer"), seed = check.seed(0),
  batch_size = check.default(128, "positive integer"), outputs = read.options.outputs }

--- Predicts with dropout on, many times: how often a class wins says how sure the network is. Source: Gal and
-- Ghahramani 2016; for spectra, Szymanski et al. 2021.
-- @param model layer a network with Dropout; of classes, one that ends in a softmax raises
-- @param x tensor|spectra|table (N, L, C)
-- @option times passes
-- @option seed an integer, or a table of integers: the same gives the same votes
-- @option batch_size rows of a batch, on which the draws depend
-- @option outputs "classes" (logits), "labels" or "numbers". Unless given, it follows from the loss of the training. If
--   that is not known: "numbers" for one output, "classes" for several
-- @return votes
-- @usage print(mb.dropout_votes(mb.models.lee2020_cnn2 { classes = 2 }, x, { times = 10 }))
function judging.dropout_votes(model, x, options)
  options = read_options("dropout_votes", options, votes_rules)
  require("moonbow.train.evaluate").check_model("dropout_votes", model)
  return require "moonbow.judging.votes"(model, x, options)
end

local conformal_rules = with { coverage = check.default(0.9, "fraction below 1"),
  method = check.one_of("threshold", { "threshold", "adaptive" }) }

--- Makes a model predict sets of classes, or intervals of numbers, that hold the truth with a stated probability,
-- whatever the model, if the spectra that it will see are drawn as those that it is calibrated on. The probability is
-- over the draw of the calibration spectra and of the new spectrum. Replicates of one sample count as little more than
-- one spectrum. Source: Vovk et al. 2005; sets by a threshold, Sadinle et al. 2019; adaptive ones, Romano et al. 2020,
-- without their random part, so that they hold the truth more often, if classes are few or the model is right more
-- often than the coverage.
-- @param model any a network (of classes, of logits: one that ends in a softmax raises), a fitted pipeline or another
--   model
-- @param data spectra|table a set, or { x = (N, L, C), y = class numbers or numbers }, that the model has not seen;
--   weights of rows raise
-- @option coverage the least probability with which a set holds the truth, above 0
-- @option method of classes: "threshold" (the smallest sets, of which some may be empty), or "adaptive" (sets that are
--   larger where classes are harder to tell, and hold at least the likeliest class)
-- @option label name of the set's label with the classes
-- @option target name of the set's label with the numbers
-- @option outputs of a network: "classes" (logits) or "numbers". Unless given, it follows from the loss of the
--   training. If that is not known: "numbers" for one output, "classes" for several
-- @return conformal
-- @usage print(mb.conformal(model, set.validation, { coverage = 0.8 }):evaluate(set.test))
function judging.conformal(model, data, options)
  options = check.options("conformal", options, conformal_rules)
  options.outputs = options.outputs or outputs.recorded(model)
  outputs.check("conformal", options.outputs, { "classes", "numbers" })
  if options.coverage == 0 then check.fail("conformal", "coverage: expected a number above 0 and below 1, got 0") end
  return require "moonbow.judging.conformal"(model, data, options)
end

check.takes(judging.reliability, 3, reliability_rules)
check.takes(judging.calibrate, 3, of_classes)
check.takes(judging.ensemble, 2, ensemble_rules)
check.takes(judging.dropout_votes, 3, votes_rules)
check.takes(judging.conformal, 3, conformal_rules)

return judging
