--- Linear classifiers: logistic regression and the support vector machine without a kernel.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local interrupt = require "moonbow.interrupt"

local linear = {}

--- A fitted linear classifier.
--
-- @class linear
-- @field weight tensor (D, classes)
-- @field bias tensor (classes)
local Linear = classifier.of_kind("linear", "decision_function")

local known_options = {
  kind = check.one_of("logistic", { "logistic", "svm" }), C = check.default(1, "positive"),
  tol = check.default(1e-4, "positive"), fit_intercept = true,
  intercept_scaling = check.default(1, "positive"), classes = check.optional "positive integer",
}

--- Fits one weight per point and class, each class against the others. The solution is liblinear's (Fan, Chang, Hsieh,
-- Wang and Lin 2008), as in scikit-learn's LinearSVC, and in its LogisticRegression with solver "liblinear" in
-- OneVsRestClassifier. Points should be on one scale: see the steps "standardize" and "snv" of mb.preprocess. Warns if
-- the search for a class ends at liblinear's 1000th iteration.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D); NaN and infinity raise
-- @param y tensor|table (N) or (N, 1) class numbers 1, 2, ..., of at least two classes
-- @option kind logistic regression, or a support vector machine with the squared hinge loss
-- @option C weight of the loss against the squared weights
-- @option tol tolerance at which the search stops
-- @option fit_intercept false: no bias
-- @option intercept_scaling the intercept is the weight of a further point of this value, and penalised like all
--   weights
-- @option classes number of classes; the largest label unless given
-- @return linear
-- @usage mb.linear.fit(x, y, { kind = "svm" })
function linear.fit(x, y, options)
  options, x, y = classifier.arguments("linear.fit", x, y, options, known_options)
  local guard <close> = interrupt.catch "linear.fit" -- luacheck: ignore 211
  local weight, bias, has_ended_early = core.linear_fit(x, y, options.classes, options.kind == "svm", options.C,
    options.tol, options.fit_intercept and options.intercept_scaling or 0)
  interrupt.check()
  if has_ended_early then
    check.warn("linear.fit", "no minimum after 1000 iterations; standardise the points, or give a smaller C or a "
      .. "larger tol")
  end
  return setmetatable({ loss = options.kind, classes = options.classes, weight = weight, bias = bias },
    Linear)
end

--- Scores each spectrum for each class; scores above 0 speak for the class. Raises for NaN and infinity in x and
-- scores.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @return tensor (N, classes)
function Linear.decision_function(model, x)
  x = classifier.rows("linear", "x", x, core.size(model.weight, 1))
  core.check_finite("linear", "x", x)
  local distance = core.matmul(x, model.weight, false, false, model.bias)
  core.check_finite("linear", "decision_function", distance)
  return distance
end

--- Predicts the probabilities of the classes. Raises for "svm", which has none.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @return tensor (N, classes)
function Linear.predict_proba(model, x)
  if model.loss == "svm" then
    check.fail("linear", "an svm gives no probabilities; take decision_function, or kind = 'logistic'")
  end
  -- Logistic functions divided by their sum, computed from their logarithms, since all may be 0 in float.
  return core.softmax(core.neg(core.softplus(core.neg(model:decision_function(x)))))
end

function Linear.__tostring(model)
  local name = model.loss == "svm" and "linear support vector machine" or "logistic regression"
  return ("%s, %s, %s"):format(name, check.show_count(core.size(model.weight, 1), "point"),
    check.show_count(model.classes, "class", "classes"))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Linear.config(model) return { loss = model.loss, classes = model.classes } end

--- Returns the weights, for from_state. mb.save writes them.
-- @return table { weight, bias }
function Linear.state(model) return { weight = model.weight, bias = model.bias } end

--- Rebuilds a model from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return linear
function linear.from_state(config, tensors)
  classifier.check_description(config, tensors)
  local loss = check.name("load", "loss", config.loss, { "logistic", "svm" })
  local classes = check.kind("load", "classes", config.classes, "positive integer")
  local weight, bias = classifier.loaded_weights(tensors, classes)
  return setmetatable({ loss = loss, classes = classes, weight = weight, bias = bias }, Linear)
end

require("moonbow.counted").methods(Linear, "linear:")

check.takes(linear.fit, 3, known_options)

return linear
