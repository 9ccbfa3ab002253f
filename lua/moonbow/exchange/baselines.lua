--- Fitted models as nodes of ONNX. Each kind has a function(model) that returns its form: what it computes of rows
-- (N, points), which is (rows - mean) weight + bias, or a forest; and probabilities, if it has them: the activations
-- that make them of that.
local core = require "moonbow.core"
local activate = require "moonbow.exchange.activations"
local trees = require "moonbow.exchange.trees"

local kinds = {}

local function linear_form(weight, bias, mean, probabilities)
  return { points = core.size(weight, 1), outputs = core.size(weight, 2), weight = weight, bias = bias, mean = mean,
    probabilities = probabilities }
end

function kinds.linear(model)
  return linear_form(model.weight, model.bias, nil, model.loss == "logistic" and { "log_sigmoid", "softmax" } or nil)
end

function kinds.logistic(model) return linear_form(model.weight, model.bias, nil, { "softmax" }) end

function kinds.ridge(model) return linear_form(model.weight, model.bias) end

function kinds.pls(model) return linear_form(model:coefficients(), model.y_mean, model.x_mean) end

function kinds.plsda(model) return kinds.pls(model.pls) end

function kinds.pca(model) return linear_form(core.transpose(model.components, 1, 2), nil, model.mean) end

function kinds.forest(model)
  return { points = model.points, outputs = model.classes, forest = model, probabilities = {} }
end

local baselines = {}

--- The form of a model; nil if it has none.
function baselines.form(model) return kinds[model.kind] and kinds[model.kind](model) end

local function write_forest(graph, form, rows)
  local name = graph:node("TreeEnsembleRegressor", { rows.name }, trees.attributes(form.forest), trees.domain)
  return graph:like(rows, { name = name, channels = form.outputs })
end

--- Adds a form and returns its output.
function baselines.write(graph, form, x)
  graph.scope = "model"
  local rows = graph:flatten(x)
  if form.forest then return write_forest(graph, form, rows) end
  if form.mean then rows = graph:map("Sub", rows, { graph:constant("mean", form.mean) }) end
  local bias = form.bias and graph:constant("bias", form.bias)
  return graph:affine(rows, graph:constant("weight", form.weight), bias, form.outputs)
end

--- Adds what makes probabilities of scores.
function baselines.write_probabilities(graph, form, scores)
  for _, name in ipairs(form.probabilities) do
    if name == "log_sigmoid" then
      -- The logarithm of the logistic function: -softplus(-x).
      scores = graph:map("Neg", graph:map("Softplus", graph:map("Neg", scores)))
    else
      scores = activate(graph, scores, name)
    end
  end
  return scores
end

return baselines
