--- Several models that predict together.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"
local scores = require "moonbow.pipeline.scores"

--- Models whose probabilities, or numbers, are averaged. It goes where a fitted model goes: mb.predict, mb.reliability,
-- mb.calibrate, mb.conformal, mb.explain.occlusion.
--
-- @class ensemble
-- @field members table the models
-- @field task string "class" or "number"
-- @field classes integer of classes: their number; of networks that are not built yet, known after a prediction
-- @field names table the names of the classes, if a model knows them
local Ensemble = {}

local function show(ensemble)
  return ("ensemble of %s of %s"):format(check.show_count(#ensemble.members, "model"), ensemble.task == "class"
    and "classes" or "numbers")
end

local function sizes_differ(ensemble, i, columns)
  check.fail("ensemble", "models[%d]: gives %d outputs, models[1] gives %d", i, columns, ensemble.columns)
end

-- What each member says of x, a list of (N, M).
local function ask_all(ensemble, x)
  local found = {}
  for i, ask in ipairs(ensemble.asks) do
    found[i] = ask(x)
    ensemble.columns = ensemble.columns or core.size(found[1], 2)
    ensemble.classes = ensemble.task == "class" and ensemble.columns or nil
    if core.size(found[i], 2) ~= ensemble.columns then sizes_differ(ensemble, i, core.size(found[i], 2)) end
  end
  return found
end

local function mean_of(list)
  local sum = list[1]
  for i = 2, #list do sum = core.add(sum, list[i]) end
  return core.mul(sum, 1 / #list)
end

--- Predicts probabilities, the mean over the models. Raises for models of numbers, and for models without
-- probabilities.
-- @param x tensor|spectra|table (N, L, C), raw ones for fitted pipelines
-- @return tensor (N, classes)
function Ensemble:predict_proba(x)
  if self.task == "number" then check.fail("ensemble", "it predicts numbers, which have no probabilities") end
  if not self.has_probabilities then
    check.fail("ensemble", "its models give no probabilities; take decision_function, or members from mb.calibrate")
  end
  return mean_of(ask_all(self, x))
end

--- Scores each class: the mean over the models, of probabilities if they give them.
-- @param x tensor|spectra|table (N, L, C), raw ones for fitted pipelines
-- @return tensor (N, classes)
function Ensemble:decision_function(x) return mean_of(ask_all(self, x)) end

--- Predicts classes (N), or numbers (N, M), the mean over the models.
-- @param x tensor|spectra|table (N, L, C), raw ones for fitted pipelines
-- @return tensor
function Ensemble:predict(x)
  local mean = mean_of(ask_all(self, x))
  return self.task == "class" and core.argmax(mean, 2) or mean
end

--- How much the models differ: of classes the share of models that do not vote for the ensemble's class (N); of numbers
-- their standard deviation (N, M).
-- @param x tensor|spectra|table (N, L, C), raw ones for fitted pipelines
-- @return tensor
function Ensemble:disagreement(x)
  local found = ask_all(self, x)
  local mean = mean_of(found)
  local parts, class = {}, self.task == "class" and core.argmax(mean, 2)
  for i, one in ipairs(found) do
    local off = core.sub(one, mean)
    parts[i] = class and core.ne(core.argmax(one, 2), class) or core.mul(off, off)
  end
  return class and mean_of(parts) or core.sqrt(core.mul(mean_of(parts), #found / math.max(#found - 1, 1)))
end

local make = shown.kind("ensemble", show, Ensemble)
counted.methods(Ensemble, "ensemble:")

-- What a model predicts, and the number of its outputs, as far as it says so without spectra.
local function task_of(model, outputs)
  local made = type(model) == "table" and type(model.input_shape) == "table" and model:build(model.input_shape)
  if made then return scores.task(model, outputs, core.full(0, 1, made[#made])), made[#made] end
  if type(model) == "table" and model.given then return outputs == "numbers" and "number" or "class" end -- not built
  return scores.task(model, outputs), model.classes
end

local function check_alike(list, tasks, i)
  if tasks[i] == "class" and tasks[1] == "class"
    and scores.are_probabilities(list[i]) ~= scores.are_probabilities(list[1]) then
    check.fail("ensemble", "models[%d]: gives %s, models[1] gives %s; mb.calibrate makes probabilities of scores", i,
      scores.are_probabilities(list[i]) and "probabilities" or "scores",
      scores.are_probabilities(list[1]) and "probabilities" or "scores")
  end
  if tasks[i] == tasks[1] then return end
  check.fail("ensemble", "models[%d]: predicts %s, models[1] predicts %s", i, tasks[i] == "class" and "classes"
    or "numbers", tasks[1] == "class" and "classes" or "numbers")
end

-- The names of the classes, which have to be the same of all models that know them.
local function common_names(list)
  local names, of
  for i, model in ipairs(list) do
    local own = scores.names(model)
    for k = 1, own and names and math.max(#own, #names) or 0 do
      if own[k] ~= names[k] then
        check.fail("ensemble", "models[%d]: class %d is %s, that of models[%d] is %s", i, k, check.show(own[k]), of,
          check.show(names[k]))
      end
    end
    if own and not names then names, of = own, i end
  end
  return names
end

--- Makes an ensemble of a list of models.
return function(list, outputs)
  local asks, tasks, classes = {}, {}, nil
  for i, model in ipairs(list) do
    asks[i] = scores.of_raw("ensemble", model, outputs)
    local task, count = task_of(model, outputs)
    tasks[i], classes = task, classes or count
    check_alike(list, tasks, i)
  end
  return make { takes_raw = true, members = list, asks = asks, task = tasks[1], numbers = tasks[1] == "number" or nil,
    has_probabilities = tasks[1] == "class" and scores.are_probabilities(list[1]),
    classes = tasks[1] == "class" and classes or nil, names = common_names(list) }
end
