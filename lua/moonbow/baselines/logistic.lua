--- Multinomial logistic regression: all classes in one softmax.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local labels = require "moonbow.data.labels"

local logistic = {}

--- A fitted logistic regression.
--
-- @class logistic
-- @field weight tensor (D, classes)
-- @field bias tensor (classes)
-- @field classes integer
-- @field iterations integer that the search took
local Logistic = classifier.of_kind("logistic", "decision_function")

local known_options = {
  C = check.default(1, "positive"), tol = check.default(1e-4, "positive"),
  iterations = check.default(1000, "positive integer"), classes = check.optional "positive integer",
}

--- Fits multinomial logistic regression with a penalty on the squared weights, as scikit-learn's LogisticRegression;
-- of two classes, where it has one column of weights in place of two, its C has to be twice as large for the same
-- probabilities. mb.linear fits each class against the others instead. Points should be on one scale: see the steps
-- "standardize" and "snv" of mb.preprocess. Warns if the search ends at its last iteration.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D); NaN and infinity raise
-- @param y tensor|table (N) or (N, 1) class numbers 1, 2, ..., of at least two classes
-- @option C weight of the loss against the squared weights
-- @option tol largest element of the gradient of the mean loss at which the search stops
-- @option iterations of L-BFGS at most
-- @option classes number of classes; the largest label unless given
-- @return logistic
function logistic.fit(x, y, options)
  options, x, y = classifier.arguments("logistic.fit", x, y, options, known_options)
  if labels.count_different(y) < 2 then
    check.fail("logistic.fit", "y: expected at least 2 classes, all labels are %d", y[1])
  end
  local weight, bias, iterations = core.logistic(x, y, options.classes, options.C, options.tol, options.iterations)
  if iterations == options.iterations then
    check.warn("logistic.fit", "no minimum after %d iterations; standardise the points, or give more iterations",
      iterations)
  end
  return setmetatable({ weight = weight, bias = bias, classes = options.classes, iterations = iterations }, Logistic)
end

--- Computes the logit of each class.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @return tensor (N, classes)
function Logistic.decision_function(model, x)
  x = classifier.rows("logistic", "x", x, core.size(model.weight, 1))
  return core.affine(x, nil, model.weight, model.bias)
end

--- Predicts the probabilities of the classes.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @return tensor (N, classes)
function Logistic.predict_proba(model, x) return core.softmax(model:decision_function(x)) end

function Logistic.__tostring(model)
  return ("multinomial logistic regression, %s, %s"):format(check.show_count(core.size(model.weight, 1), "point"),
    check.show_count(model.classes, "class", "classes"))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Logistic.config(model) return { classes = model.classes, iterations = model.iterations } end

--- Returns the weights, for from_state. mb.save writes them.
-- @return table { weight, bias }
function Logistic.state(model) return { weight = model.weight, bias = model.bias } end

--- Rebuilds a model from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return logistic
function logistic.from_state(config, tensors)
  classifier.check_description(config, tensors)
  local classes = check.kind("load", "classes", config.classes, "positive integer")
  local weight, bias = classifier.loaded_weights(tensors, classes)
  return setmetatable({ weight = weight, bias = bias, classes = classes,
    iterations = check.kind("load", "iterations", config.iterations, "non-negative integer") }, Logistic)
end

require("moonbow.counted").methods(Logistic, "logistic:")

check.takes(logistic.fit, 3, known_options)

return logistic
