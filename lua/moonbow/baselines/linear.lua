--- Linear classifiers: logistic regression and the support vector machine without a kernel.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local interrupt = require "moonbow.interrupt"

local linear = {}

local Linear = classifier.of_kind("linear", "decision_function")

local known_options = {
  kind = check.one_of("logistic", { "logistic", "svm" }), C = check.default(1, "positive"),
  tol = check.default(1e-4, "positive"), fit_intercept = true,
  intercept_scaling = check.default(1, "positive"), classes = check.optional "positive integer",
}

--- Fits one weight per point and class, each class against the others: mb.linear.fit(x, y, { kind = "svm" }).
-- It is liblinear's solution (Fan, Chang, Hsieh, Wang and Lin 2008), as that of scikit-learn's LinearSVC, and
-- of its LogisticRegression with solver "liblinear" in OneVsRestClassifier. Points should be on one scale:
-- see "standardize" and "snv" of mb.preprocess.
-- @param x spectra (N, L, C) or rows (N, D); NaN and infinity raise
-- @param y (N) or (N, 1) class numbers 1, 2, ..., a tensor or table, of at least two classes
-- @param options kind: "logistic" (default), or "svm" with the squared hinge loss; C (1): weight of the loss
--   against the squared weights; tol (1e-4); fit_intercept (true); intercept_scaling (1): the intercept is
--   the weight of a further point of this value, and penalised as all weights; classes (the largest label)
-- @return a model: model:predict(x), :decision_function(x), :score(x, y), and for "logistic"
--   :predict_proba(x); model.weight (D, classes), model.bias (classes). mb.save keeps it
function linear.fit(x, y, options)
  options, x, y = classifier.arguments("linear.fit", x, y, options, known_options)
  local guard <close> = interrupt.catch "linear.fit" -- luacheck: ignore 211
  local weight, bias = core.linear_fit(x, y, options.classes, options.kind == "svm", options.C, options.tol,
    options.fit_intercept and options.intercept_scaling or 0)
  interrupt.check()
  return setmetatable({ loss = options.kind, classes = options.classes, weight = weight, bias = bias },
    Linear)
end

--- How far each spectrum is on the side of each class: (N, classes). NaN and infinity raise, in x and in the result.
function Linear.decision_function(model, x)
  x = classifier.rows("linear", "x", x, core.size(model.weight, 1))
  core.check_finite("linear", "x", x)
  local distance = core.matmul(x, model.weight, false, false, model.bias)
  core.check_finite("linear", "decision_function", distance)
  return distance
end

--- The probabilities of the classes: (N, classes). Raises for "svm", which has none.
function Linear.predict_proba(model, x)
  if model.loss == "svm" then
    check.fail("linear", "an svm gives no probabilities; take decision_function, or kind = 'logistic'")
  end
  -- The logistic functions, divided by their sum; by their logarithms, as all may be 0 in float.
  return core.softmax(core.neg(core.softplus(core.neg(model:decision_function(x)))))
end

function Linear.__tostring(model)
  local name = model.loss == "svm" and "linear support vector machine" or "logistic regression"
  return ("%s, %d points, %d classes"):format(name, core.size(model.weight, 1), model.classes)
end

-- ---- for mb.save and mb.load ----

function Linear.config(model) return { loss = model.loss, classes = model.classes } end

function Linear.state(model) return { weight = model.weight, bias = model.bias } end

--- The model that model:config() and model:state() describe, as mb.load reads them.
function linear.from_state(config, tensors)
  classifier.check_description(config, tensors)
  local loss = check.name("load", "loss", config.loss, { "logistic", "svm" })
  local classes = check.kind("load", "classes", config.classes, "positive integer")
  for _, name in ipairs { "weight", "bias" } do
    check.kind("load", name, tensors[name], "tensor")
    core.check_finite("load", name, tensors[name])
  end
  if core.rank(tensors.weight) ~= 2 or core.size(tensors.weight, 2) ~= classes then
    check.fail("load", "weight: expected shape {points, %d}, got %s", classes, check.show(tensors.weight))
  end
  return setmetatable({ loss = loss, classes = classes, weight = tensors.weight,
    bias = core.reshape(tensors.bias, classes) }, Linear)
end

require("moonbow.counted").methods(Linear, "linear:")

check.takes(linear.fit, 3, known_options)

return linear
