--- Chooses the option of a model by an inner cross-validation on the training rows, with the one-standard-error rule:
-- the simplest candidate whose mean error is at most one standard error above the least (Breiman, Friedman, Olshen and
-- Stone 1984, section 3.4.3).
local core = require "moonbow.core"
local check = require "moonbow.check"
local moments = require "moonbow.moments"
local preprocess = require "moonbow.data.preprocess"
local split = require "moonbow.train.split"

local tune = {}

local FOLDS = 5

-- The error of predictions: the share of wrong classes, or the root of the mean squared error over all columns.
local function mean_error(predicted, y, rows, about)
  local sum = 0
  if about.task == "class" then
    local classes = core.totable(core.argmax(predicted, 2))
    for i, row in ipairs(rows) do sum = sum + (classes[i] == y[row] and 0 or 1) end
    return sum / #rows
  end
  local difference = core.totable(core.reshape(core.sub(predicted, core.index(y, core.tensor(rows))), -1))
  for _, value in ipairs(difference) do sum = sum + value * value end
  return math.sqrt(sum / #rows)
end

local function rows_of(y, rows, about)
  if about.task == "number" then return core.index(y, rows) end
  local picked = {}
  for i, row in ipairs(core.totable(rows)) do picked[i] = y[row // 1 | 0] end
  return picked
end

--- The options of a pipeline's model with a value of the tuned one.
function tune.options_with(pipeline, value)
  local options = check.copy(pipeline.options)
  if pipeline.estimator.tuned then options[pipeline.estimator.tuned] = value end
  return options
end

-- Adds the mean error of each candidate on one fold to errors[candidate].
local function add_errors(errors, pipeline, x, y, fold, candidates, about)
  local estimator = pipeline.estimator
  local fitted, train = preprocess.fit(pipeline.steps, core.index(x, fold.train))
  local test = preprocess.apply(fitted, core.index(x, fold.test))
  local y_train, rows = rows_of(y, fold.train, about), core.totable(fold.test)
  for i, row in ipairs(rows) do rows[i] = row // 1 | 0 end
  local model
  for c, value in ipairs(candidates) do
    if not (model and estimator.shared) then
      local options = tune.options_with(pipeline, estimator.shared and candidates[#candidates] or value)
      model = estimator.fit(train, y_train, options, about)
    end
    table.insert(errors[c], mean_error(estimator.predict(model, test, value), y, rows, about))
  end
end

-- Returns mean and standard error of a list.
local function mean_and_error(list)
  local mean, squares = moments.mean_and_squares(list)
  return mean, math.sqrt(squares / (#list - 1) / #list)
end

-- Returns the simplest candidate within one standard error of the best.
local function simplest(errors, candidates)
  local means, best, best_error = {}, nil, nil
  for c in ipairs(candidates) do
    local mean, deviation = mean_and_error(errors[c])
    means[c] = mean
    if not best or mean < means[best] then best, best_error = c, deviation end
  end
  for c in ipairs(candidates) do
    if means[c] <= means[best] + best_error then return candidates[c] end
  end
end

-- The candidates for the smallest training part.
local function candidates_for(estimator, x, folds)
  local least = math.huge
  for _, fold in ipairs(folds) do least = math.min(least, core.count(fold.train)) end
  return estimator.candidates(least, core.size(x, 2) * core.size(x, 3))
end

local function count_of(list)
  local count, different, least = {}, 0, math.huge
  for _, value in ipairs(list) do
    if not count[value] then different = different + 1 end
    count[value] = (count[value] or 0) + 1
  end
  for _, times in pairs(count) do least = math.min(least, times) end
  return different, least
end

-- Inner folds: by groups if there are any; else each with its share of the classes, unless some are too small.
local function inner_folds(n, y, about)
  local folds = math.min(FOLDS, about.groups and count_of(about.groups) or n)
  local stratify = about.task == "class" and not about.groups and select(2, count_of(y)) >= folds and y or nil
  return split.k_fold(n, folds, { stratify = stratify, groups = about.groups, seed = about.seed })
end

--- Returns the value of the tuned option for these training rows.
-- @param pipeline { steps, estimator, options }
-- @param x (N, L, C), raw; the steps are fitted on each fold's training part
-- @param y list of class numbers, or tensor (N, M)
-- @param about { task, classes, seed, groups (list or nil) }
function tune.choose(pipeline, x, y, about)
  local folds = inner_folds(core.size(x, 1), y, about)
  local candidates, errors = candidates_for(pipeline.estimator, x, folds), {}
  if #candidates == 0 then
    check.fail("pipeline", "%s: %s are too few to choose %s by an inner cross-validation; give it, or more rows",
      pipeline.model, check.show_count(core.size(x, 1), "training row"), pipeline.estimator.tuned)
  end
  for c in ipairs(candidates) do errors[c] = {} end
  for _, fold in ipairs(folds) do add_errors(errors, pipeline, x, y, fold, candidates, about) end
  return simplest(errors, candidates)
end

return tune
