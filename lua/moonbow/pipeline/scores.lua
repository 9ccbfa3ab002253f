--- What any model says of prepared spectra: probabilities or scores of classes, or numbers.
local core = require "moonbow.core"
local check = require "moonbow.check"
local evaluate = require "moonbow.train.evaluate"
local expected = require "moonbow.data.expected"
local named = require "moonbow.train.named"
local outputs = require "moonbow.train.outputs"
local sets = require "moonbow.spectra.set"
local values_of = require "moonbow.data.values_of"
local pipelines = require "moonbow.pipeline"
local Layer = require "moonbow.nn.layer"

local scores = {}

local function is_fitted(model) return getmetatable(model) == pipelines.fitted_class end

-- True of calibrated models and ensembles: their members prepare raw spectra.
local function prepares_alone(model)
  return type(model) == "table" and rawget(model, "takes_raw") and not is_fitted(model)
end

--- Raw spectra as a model expects them: a fitted pipeline prepares tensors and sets, a model from mb.load sets; those
-- of any other model are prepared.
-- @param data a tensor, a set, or tensors by name
function scores.prepared(operation, model, data)
  return (is_fitted(model) and expected.of_pipeline or expected.of_loaded)(operation, model, data)
end

--- The names of the classes in the order of the model's outputs; nil if it does not know them.
function scores.names(model)
  if type(model) ~= "table" then return nil end
  return (expected.of(model) or {}).classes or not Layer.is_layer(model) and model.names or nil
end

--- The model in a fitted pipeline; any other model itself.
function scores.inner(model) return is_fitted(model) and model.model or model end

-- The scores of classes as shares: -1 and 1 of an svm are 0 and 1; those of PLS-DA are estimates of shares already.
local function memberships(model, found)
  if model.loss == "svm" then return core.mul(core.add(found, 1), 0.5) end
  return found
end

local function of_fitted(fitted)
  return function(x)
    local found = fitted.pipeline.estimator.predict(fitted.model, x, fitted.value)
    return fitted.task == "class" and memberships(fitted.model, found) or found
  end
end

--- The outputs (N, M) of a network for x, before any link.
function scores.outputs(operation, network, x)
  local parts = {}
  x = named.read(operation, "x", x)
  evaluate.each_batch(operation, network, x, 128, function(y) parts[#parts + 1] = core.copy(y) end)
  local found = core.concat(parts, 1)
  core.check_finite(operation, "the outputs of the network", core.reshape(found, core.size(found, 1), -1))
  if core.rank(found) ~= 2 then
    check.fail(operation, "expected a network with outputs (N, M), got shape %s", check.show_shape(core.shape(found)))
  end
  return found
end

local function of_network(operation, network, kind)
  evaluate.check_model(operation, network)
  kind = kind or outputs.recorded(network)
  return function(x)
    local found = scores.outputs(operation, network, x)
    return outputs.linked(operation, network, outputs.kind(network, kind, core.size(found, 2)), found)
  end
end

local has_scores = { svm = true, plsda = true }

--- True if a model of classes gives probabilities, and not scores.
function scores.are_probabilities(model)
  if is_fitted(model) then return not has_scores[model.pipeline.model] end
  if Layer.is_layer(model) then return true end
  if model.has_probabilities ~= nil then return model.has_probabilities end
  return model.loss ~= "svm" and model.predict_proba ~= nil
end

-- Models without gradients: probabilities, else the scores of classes, else numbers.
local function of_other(operation, model)
  if type(model) ~= "table" or type(model.predict) ~= "function" then
    check.fail(operation, "model: expected a network, a fitted pipeline or another model that predicts, got %s",
      check.show(model))
  end
  local ask = not model.numbers and (scores.are_probabilities(model) and model.predict_proba
    or model.decision_function) or model.predict
  return function(x)
    local found = ask(model, x)
    found = core.reshape(found, core.size(found, 1), -1)
    return ask == model.decision_function and memberships(model, found) or found
  end
end

--- Returns a function of prepared spectra that gives (N, M): of classifiers probabilities, or scores if they have none,
-- near 1 for the right class and 0 for the others; otherwise numbers.
-- @param kind of a network's outputs: "classes" (logits), "labels" (logits of labels of which several may hold) or
--   "numbers"; nil: what the loss of its training says, else classes unless there is only one
function scores.of(operation, model, kind)
  if is_fitted(model) then return of_fitted(model) end
  if Layer.is_layer(model) then return of_network(operation, model, kind) end
  return of_other(operation, model)
end

--- The same of raw spectra, a tensor or a set, see scores.prepared.
function scores.of_raw(operation, model, kind)
  local ask = scores.of(operation, model, kind)
  if prepares_alone(model) then return ask end
  return function(data) return ask(values_of(scores.prepared(operation, model, data))) end
end

--- The same of the values of spectra that scores.prepared returned. A model that prepares spectra itself gets them as
-- the set that they are of, with its axis.
function scores.of_values(operation, model, spectra, kind)
  local ask = scores.of(operation, model, kind)
  if not (prepares_alone(model) and sets.is(spectra)) then return ask end
  return function(x) return ask(sets.like(spectra, { x = x })) end
end

--- "class" or "number": what a model predicts, by its outputs (N, M) if nothing else says it.
function scores.task(model, kind, found)
  if Layer.is_layer(model) then
    return outputs.kind(model, kind, core.size(found, 2)) == "classes" and "class" or "number"
  end
  return model.task or model.classes and not model.numbers and "class" or "number"
end

return scores
