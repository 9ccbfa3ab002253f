--- Fitted linear models as nodes of ONNX: for each kind, a function(model) that returns what it computes of rows
-- (N, D), (rows - mean) weight + bias, and the activations that make probabilities of it.
local core = require "moonbow.core"
local activate = require "moonbow.exchange.activations"

local kinds = {}

function kinds.linear(model)
  local probabilities = model.loss == "logistic" and { "log_sigmoid", "softmax" } or nil
  return { weight = model.weight, bias = model.bias, probabilities = probabilities }
end

function kinds.logistic(model) return { weight = model.weight, bias = model.bias, probabilities = { "softmax" } } end

function kinds.ridge(model) return { weight = model.weight, bias = model.bias } end

function kinds.pls(model) return { mean = model.x_mean, weight = model:coefficients(), bias = model.y_mean } end

function kinds.plsda(model) return kinds.pls(model.pls) end

function kinds.pca(model) return { mean = model.mean, weight = core.transpose(model.components, 1, 2) } end

local baselines = {}

--- The linear form of a model; nil if it has none.
function baselines.linear_form(model) return kinds[model.kind] and kinds[model.kind](model) end

--- The number of points and channels, D, that a linear form takes.
function baselines.points(form) return core.size(form.weight, 1) end

--- Adds a linear form and returns its output.
function baselines.write(graph, form, x)
  graph.scope = "model"
  local rows = graph:flatten(x)
  if form.mean then rows = graph:map("Sub", rows, { graph:constant("mean", form.mean) }) end
  local bias = form.bias and graph:constant("bias", form.bias)
  return graph:affine(rows, graph:constant("weight", form.weight), bias, core.size(form.weight, 2))
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
