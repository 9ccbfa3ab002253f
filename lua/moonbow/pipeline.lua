--- Pipelines: steps of preprocessing and a model, fitted together and judged as one.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local expected = require "moonbow.data.expected"
local labels = require "moonbow.data.labels"
local preprocess = require "moonbow.data.preprocess"
local estimators = require "moonbow.pipeline.estimators"
local problem = require "moonbow.pipeline.problem"
local record = require "moonbow.train.record"
local shown = require "moonbow.shown"
local store = require "moonbow.io.store"
local tune = require "moonbow.pipeline.tune"
local values_of = require "moonbow.data.values_of"

local M = {}

--- Steps of preprocessing and a model. print(pipeline) lists them.
--
-- @class pipeline
-- @field steps table the steps, as for mb.preprocess.fit
-- @field model string name of the model
-- @field options table of the model, as given
-- @field task string "class", "number" or "both": what the model predicts
local Pipeline = {}

--- A fitted pipeline. print(fitted) says what was fitted.
--
-- @class fitted
-- @field pipeline pipeline
-- @field preprocessing table the fitted steps
-- @field model any the fitted model
-- @field value number what was chosen for the model's tuned option, if it has one
-- @field training table what mb.card shows of the training
-- @field task string "class" or "number"
-- @field classes integer number of classes
-- @field names table the names of the classes, if the data had them
-- @field title string the label or target
-- @field axis table of the set that it was fitted on; unit likewise
-- @field quantity string what its values are: "counts", "%transmittance"
local Fitted = {}

-- ---- reading ----

local names = check.sorted_keys(estimators)

--- The names of the models of a pipeline, sorted.
M.models = names

local function read_model(given)
  local options, name = {}, given
  if type(given) == "table" then
    for key, value in pairs(given) do
      if key == 1 then name = value else options[key] = value end
    end
  end
  check.name("pipeline", "model", name, names)
  return name, options
end

-- Returns the option of a model that is tuned unless it is given, and the options that it takes.
local function known_options(estimator)
  local known = {}
  for name, rule in pairs(estimator.options) do known[name] = rule end
  if estimator.tuned == "components" then known.components = check.optional "positive integer" end
  if estimator.tuned and not known[estimator.tuned] then known[estimator.tuned] = check.optional "positive" end
  return known
end

local function option_texts(options)
  local texts = {}
  for name, value in pairs(options) do
    texts[#texts + 1] = ("%s = %s"):format(name, type(value) == "table" and "{ ... }" or check.show(value))
  end
  table.sort(texts)
  return #texts > 0 and " { " .. table.concat(texts, ", ") .. " }" or ""
end

-- "snv, savitzky_golay { derivative = 1 }, pls"
local function text_of(pipeline)
  local texts = {}
  for i, step in ipairs(pipeline.steps) do
    local options = {}
    for key, value in pairs(type(step) == "table" and step or {}) do
      if key ~= 1 then options[key] = value end
    end
    texts[i] = (type(step) == "table" and step[1] or step) .. option_texts(options)
  end
  texts[#texts + 1] = pipeline.model .. option_texts(pipeline.given)
  return table.concat(texts, ", ")
end

local make = shown.kind("pipeline", text_of, Pipeline)

--- Makes a pipeline of a list: steps of preprocessing, as for mb.preprocess.fit, and a model last, each a name or
-- { name, option = value }. Models: "pls" (option components), "ridge" (alpha) for numbers; "plsda" (components),
-- "logistic" (C), "svm" (C) for classes; "forest" (trees), "neighbours" (k, metric), "network" (net, epochs,
-- batch_size, lr) and "constant" (the most frequent class, or the mean, whatever the spectrum) for both. net is a name
-- of mb.models, or a function(outputs) that returns a new network each time; of numbers, which are standardised for its
-- training, one that ends in a dense layer with a bias and without an activation. components, alpha and C that are not
-- given are chosen on the training rows, by an inner cross-validation of 5 folds with the one-standard-error rule.
-- @param list table the steps and the model; a pipeline is returned as it is
-- @return pipeline
-- @usage local pipeline = mb.pipeline { "snv", { "savitzky_golay", derivative = 1 }, "pls" }
function M.new(list)
  if getmetatable(list) == Pipeline then return list end
  check.list("pipeline", "list", list)
  if #list == 0 then check.fail("pipeline", "expected steps and a model last, got an empty list") end
  local model, given = read_model(list[#list])
  local steps = table.move(list, 1, #list - 1, 1, {})
  for i, step in ipairs(steps) do
    check.name("pipeline", "step " .. i, type(step) == "table" and step[1] or step, preprocess.names)
  end
  local estimator = estimators[model]
  local options = check.options("pipeline " .. model, given, known_options(estimator))
  return make { steps = steps, model = model, estimator = estimator, given = given, options = options,
    task = estimator.task }
end


-- ---- fitting ----

local function text_of_fitted(fitted)
  local tuned = fitted.pipeline.estimator.tuned
  local chosen = tuned and (", with %s = %g"):format(tuned, fitted.value) or ""
  return ("fitted: %s%s"):format(tostring(fitted.pipeline), chosen)
end

local make_fitted = shown.kind("fitted", text_of_fitted, Fitted)

-- Raises if the training rows of a fold are of one class, and the model separates classes.
local function check_fold(pipeline, y, about)
  if not (about.fold and pipeline.estimator.needs_classes) or labels.count_different(y) > 1 then return end
  check.fail("pipeline", "%s: the training rows of %s are all of class %s; give more spectra, or groups, of the other "
    .. "classes, or leave these out", pipeline.model, about.fold, check.show(about.names and about.names[y[1]] or y[1]))
end

--- Fits steps and model of a pipeline on training spectra.
-- @param x tensor or set (N, L, C)
-- @param y list of class numbers, or tensor (N, M)
-- @param about { task, classes, seed, groups, names (of the classes, or nil), fold (its training rows are x, or nil) }
function M.fit_rows(pipeline, x, y, about)
  check_fold(pipeline, y, about)
  local estimator = pipeline.estimator
  local value = estimator.tuned and (pipeline.options[estimator.tuned] or tune.choose(pipeline, x, y, about))
  local fitted, processed = preprocess.fit(pipeline.steps, x)
  local model = estimator.fit(values_of(processed), y, tune.options_with(pipeline, value), about)
  return make_fitted { takes_raw = true, pipeline = pipeline, preprocessing = fitted, model = model, value = value,
    task = about.task, classes = about.classes }
end

-- How a model was trained, for its card: of a network, also what mb.fit knows.
local function training_of(fitted, x, y, seed)
  local training = {}
  for name, value in pairs(record.of(fitted.model) or {}) do training[name] = value end
  training.pipeline, training.seed = tostring(fitted.pipeline), seed
  training.data, training.rows = record.digest(x, y), core.size(x, 1)
  if fitted.value then training[fitted.pipeline.estimator.tuned] = fitted.value end
  return training
end

local fit_options = { label = problem.known.label, target = problem.known.target, groups = problem.known.groups,
  task = problem.known.task, seed = check.default(1, "non-negative integer") }

--- Fits steps and model on all of the data.
-- @param data spectra|table a set; or { x = (N, L, C), y = class numbers or numbers, classes = names }
-- @option label name of the set's label with the classes
-- @option target name of the set's label with the numbers, or a list of names
-- @option groups name of the label of replicates, which the choice of a tuned option keeps together; as for
--   mb.cross_validate
-- @option task of data { x, y }, if the model predicts both: "class" (the default) or "number"
-- @option seed of networks, forests and of the folds that choose a tuned option
-- @return fitted
-- @usage local fitted = mb.pipeline { "snv", "logistic" }:fit({ x = x, y = y })
function Pipeline:fit(data, options)
  options = check.options("pipeline:fit", options, fit_options)
  local read = problem.read("pipeline:fit", data, options, self.task)
  local fitted = M.fit_rows(self, read.data, read.y, { task = read.task, classes = read.classes, groups = read.groups,
    seed = options.seed })
  fitted.names, fitted.title = read.names, read.title
  fitted.training = training_of(fitted, values_of(read.data), read.y, options.seed)
  record.remember(fitted.model, fitted.training)
  if values_of(data) ~= data then
    fitted.axis, fitted.unit, fitted.quantity = data.axis, data.unit, expected.quantity(data)
  end
  return fitted
end

check.takes(Pipeline.fit, 2, fit_options)

--- Predicts scores of the classes (N, classes), or numbers (N, M), of raw spectra. A set is brought to the axis of the
-- set that it was fitted on; one that does not cover it, is in another unit or holds another kind of values raises.
-- @param x tensor|spectra (N, L, C)
-- @return tensor
function Fitted:scores(x)
  local processed = values_of(expected.of_pipeline("fitted", self, x))
  return self.pipeline.estimator.predict(self.model, processed, self.value)
end

--- Predicts class numbers (N), or numbers (N, M), of raw spectra.
-- @param x tensor|spectra (N, L, C), as for fitted:scores
-- @return tensor
function Fitted:predict(x)
  local scores = self:scores(x)
  return self.task == "class" and core.argmax(scores, 2) or scores
end

--- True unless the model is one that no file holds: neighbours that predict numbers, or "constant".
-- @return boolean
function Fitted:is_savable() return self.pipeline.estimator.saved(self.model) ~= nil end

local save_options = { validation = check.optional "table" }

--- Saves the model with its preprocessing, classes, axis, unit and kind of values, so that mb.predict(mb.load(path),
-- set) takes raw spectra; the note is the name of the label or target. Raises for neighbours that predict
-- numbers and for "constant", which no file holds. mb.card shows what it is.
-- @param path string of the file
-- @option validation of mb.cross_validate of this pipeline: its figures are kept for mb.card
-- @return boolean true; or nil and a message
-- @usage assert(mb.pipeline({ "snv", "logistic" }):fit({ x = x, y = y }):save "model.safetensors")
function Fitted:save(path, options)
  options = check.options("fitted:save", options, save_options)
  local model, name = self.pipeline.estimator.saved(self.model), self.pipeline.model
  if not self:is_savable() then
    check.fail("fitted:save", "model: no file holds %s that predicts %s", name, self.task == "class" and "classes"
      or "numbers")
  end
  return store.save(model, path, { preprocessing = self.preprocessing, classes = self.names, axis = self.axis,
    unit = self.unit, quantity = self.quantity, note = self.title, training = self.training,
    validation = options.validation })
end

check.takes(Fitted.save, 2, save_options)

M.class, M.fitted_class = Pipeline, Fitted
counted.methods(Pipeline, "pipeline:")
counted.methods(Fitted, "fitted:")

return M
