--- Looking inside a model: which points of a spectrum its prediction depends on, and what its filters let through.
--
-- Each function is one call that returns numbers, one for each point of the axis, which print and plot themselves. A
-- set of spectra gives them its axis; the option axis gives one to a tensor. A fitted pipeline is explained on the
-- spectra that its steps prepare. The output that is explained is the option target: one number for all spectra, or a
-- list or tensor of one for each; the largest output of each spectrum unless given. A network of several inputs, an
-- nn.Graph, takes them as a table by name, as in training, and gives a table of results by name, which prints each; the
-- option input asks for one of them. model:maps(x) has the outputs of all layers.
local check = require "moonbow.check"
local outputs = require "moonbow.train.outputs"
for _, class in ipairs { "attribution", "bands", "filters" } do require("moonbow.explain." .. class) end

local explain = {}

local function rules(own)
  own.axis, own.x_label, own.input = check.optional "table|tensor", check.optional "string|table",
    check.optional "string"
  return own
end

local function of_network(own)
  own.target = check.optional "integer|table|tensor"
  return rules(own)
end

local saliency_rules = of_network { signed = false, times_input = false }

--- Saliency: the size of the gradient of an output with respect to each point, the largest of its channels. Source:
-- Simonyan, Vedaldi and Zisserman 2014.
-- @param model layer a network, or a fitted pipeline of one, in any mode
-- @param x tensor|spectra|table (N, L, C); several inputs by name
-- @option signed true: the gradient with its sign, the sum over channels
-- @option times_input true: the gradient times the input, the sum over channels
-- @option target number of the output for all spectra, or one for each; the largest output unless given. An output is
--   what the last layer makes: a logit, of classes and labels; but a probability, of a network that ends in a softmax
--   or a sigmoid, whose gradient is small near 0 and 1. model:first leaves that layer out. For explain.occlusion an
--   output is a probability, or a number
-- @option axis of a tensor: the position of each point; of several inputs a table by name, or that of the option input.
--   A pipeline whose steps change the axis takes that of its training, and gives that of the prepared spectra
-- @option x_label of figures, units included; that of a set unless given; of several inputs as axis
-- @option input of several, the name of the one whose attribution is returned
-- @return attribution a table by name, of several inputs
-- @usage mb.explain.saliency(model, x):plot():save "saliency.svg"
function explain.saliency(model, x, options)
  options = check.options("explain.saliency", options, saliency_rules)
  return require("moonbow.explain.gradients").saliency(model, x, options)
end

local integrated_rules = of_network {
  steps = check.default(50, "positive integer"), baseline = check.default("zero", "string|tensor|table"),
}

--- Integrated gradients: the mean gradient on the straight way from a baseline to the spectrum, times their difference,
-- the sum over channels. The weights of a spectrum, over all inputs if there are several, add up to the change of the
-- output, but for the error of the sum over steps, which is the field gap. Source: Sundararajan, Taly and Yan 2017.
-- @option steps points on the way, in the middle of equal parts
-- @option baseline "zero", "mean" (of the spectra given), or a tensor (L, C); of several inputs one name for all, or a
--   table by name of these, "zero" where it has none
-- @see explain.saliency
-- @param model layer a network, or a fitted pipeline of one
-- @param x tensor|spectra|table (N, L, C); several inputs by name
-- @return attribution a table by name, of several inputs
-- @usage print(mb.explain.integrated_gradients(model, x, { baseline = "mean" }).gap)
function explain.integrated_gradients(model, x, options)
  options = check.options("explain.integrated_gradients", options, integrated_rules)
  return require("moonbow.explain.gradients").integrated_gradients(model, x, options)
end

local cam_rules = of_network { layer = check.optional "string", elementwise = false, signed = false }

--- Grad-CAM along the axis: the channels of a layer's map, weighted by the mean gradient of the output with respect to
-- each, summed; what is below 0 counts 0. The map is brought to the points of the spectrum by the centres of what its
-- positions see. Of several inputs those have a result behind which there is a map. Raises if maps stand side by side,
-- as in branches that are pooled each, and no layer is given. Source: Selvaraju et al. 2017.
-- @option layer the path of the layer with the map (N, L, C), as "3" or "2.1", or the name of a Graph's node that joins
--   several maps, behind the path of a Graph that is a part: "sum", "2.sum". Unless given, the last map that no other
--   stands beside: of a Concat or Residual what it makes of its branches; of several inputs the last that is made of
--   each
-- @option elementwise true: each position is weighted by its own gradient, which is exact for a linear layer behind
--   the map (Draelos and Carin 2020, HiResCAM): for networks that flatten the map
-- @option signed true: what is below 0 stays
-- @see explain.saliency
-- @param model layer a network, or a fitted pipeline of one
-- @param x tensor|spectra|table (N, L, C); several inputs by name
-- @return attribution with the field layer; a table by name, of several inputs
-- @usage mb.explain.grad_cam(mb.models.cnn { classes = 2, length = x:size(2) }, x):plot { row = 1 }:save "cam.svg"
function explain.grad_cam(model, x, options)
  options = check.options("explain.grad_cam", options, cam_rules)
  return require("moonbow.explain.gradients").grad_cam(model, x, options)
end

local function with_outputs(operation, given, known)
  local options = check.options(operation, given, known)
  outputs.check(operation, options.outputs)
  return options
end

local occlusion_rules = of_network {
  width = check.optional "positive integer|table", stride = check.optional "positive integer|table",
  fill = check.default("line", "string|table"), outputs = outputs.rule,
}

--- Occlusion: how much the probability of a class, or a number, falls when a window of the spectrum is hidden; at each
-- point the mean over the windows that hold it. For every model. Source: Zeiler and Fergus 2014.
-- @param model any a network, a fitted pipeline, a forest, or any other model that predicts
-- @param x tensor|spectra|table (N, L, C), or rows (N, D); several inputs by name: the windows of one are hidden while
--   the others stay
-- @option width points of a window; a twentieth of the spectrum unless given. Of several inputs width, stride and fill
--   may be tables by name
-- @option stride points between two windows; half the width unless given
-- @option fill what hides the window: "line" (straight, between the points beside it), "zero", or "mean" (of the
--   spectra given)
-- @option outputs of a network: "classes", "labels" (logits of labels of which several may hold) or "numbers". Unless
--   given, it follows from the loss of the training. If that is not known: "numbers" for one output, "classes" for
--   several
-- @see explain.saliency
-- @return attribution a table by name, of several inputs
-- @usage mb.explain.occlusion(mb.forest.fit(x, y, { trees = 5 }), x):plot():save "occlusion.svg"
function explain.occlusion(model, x, options)
  options = with_outputs("explain.occlusion", options, occlusion_rules)
  return require("moonbow.explain.occlusion").occlusion(model, x, options)
end

local importance_rules = rules {
  bands = check.default(40, "positive integer"), repeats = check.default(5, "positive integer"),
  seed = check.default(1, "non-negative integer"), label = check.optional "string",
  target = check.optional "string|table", groups = check.optional "string|table|tensor",
  task = check.optional "string", folds = check.optional "table", outputs = outputs.rule,
}

--- Permutation importance: how much the error of a model grows when the values of a band of the axis are permuted among
-- the spectra. The error is the root mean square of numbers, or of the scores of classes against 1 for the right one
-- and 0 for the others; the scores -1 and 1 of a support vector machine become 0 and 1. A band whose neighbours say the
-- same shows little. A pipeline that is not fitted is fitted on the training rows of each fold and judged on its test
-- rows. Source: Breiman 2001.
-- @param model any a network, a fitted pipeline, a forest or another model that predicts; or a pipeline
-- @param data spectra|table a set; or { x = (N, L, C), y = class numbers or numbers }: spectra that the model has not
--   seen. x may be several inputs by name: the bands of one are permuted while the others stay
-- @option bands of the axis, at most as many as points. Their numbers of points, the field points, differ by one at
--   most, and are equal if the number of bands divides the points: 60 points make 40 bands of 1 or 2, or 30 of 2
-- @option repeats permutations of each band
-- @option seed of the permutations, and of the folds
-- @option label name of the set's label with the classes
-- @option target name of the set's label with the numbers, or a list of names
-- @option groups name of the label of replicates, which folds keep together
-- @option task of data { x, y }, if a pipeline predicts both: "class" or "number"
-- @option folds for a pipeline: a list of { train, test }, as mb.split.k_fold gives it; 5 unless given
-- @option outputs of a network: "classes", "labels" (y are rows of 0 and 1) or "numbers"; as for explain.occlusion
-- @see explain.saliency
-- @return importance a table by name, of several inputs
-- @usage print(mb.explain.importance(mb.forest.fit(x, y, { trees = 5 }), { x = x_test, y = y_test }))
function explain.importance(model, data, options)
  options = with_outputs("explain.importance", options, importance_rules)
  if options.task then check.name("explain.importance", "task", options.task, { "class", "number" }) end
  return require "moonbow.explain.importance"(model, data, options)
end

local filters_rules = { layer = check.optional "string", frequencies = check.default(129, "positive integer") }

--- The filters of a convolution and their frequency response.
-- @param model layer a network with a Conv1d
-- @option layer the path of the convolution, as "3" or "2.1"; the first unless given
-- @option frequencies how many, from 0 to half a cycle per point of the layer's input
-- @return filters
-- @usage print(mb.explain.filters(mb.models.cnn { classes = 2, length = 100 }))
function explain.filters(model, options)
  options = check.options("explain.filters", options, filters_rules)
  if not require("moonbow.nn.layer").is_layer(model) then
    check.fail("explain.filters", "model: expected a network, got %s", check.show(model))
  end
  return require("moonbow.explain.filters")(model, options)
end

check.takes(explain.saliency, 3, saliency_rules)
check.takes(explain.integrated_gradients, 3, integrated_rules)
check.takes(explain.grad_cam, 3, cam_rules)
check.takes(explain.occlusion, 3, occlusion_rules)
check.takes(explain.importance, 3, importance_rules)
check.takes(explain.filters, 2, filters_rules)

return explain
