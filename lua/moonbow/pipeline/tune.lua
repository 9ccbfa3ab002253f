--- Chooses the option of a model by an inner cross-validation on the training rows, with the one-standard-error rule:
-- the simplest candidate whose mean error is at most one standard error above the least (Breiman, Friedman, Olshen and
-- Stone 1984, section 3.4.3).
local core = require "moonbow.core"
local check = require "moonbow.check"
local dealing = require "moonbow.train.dealing"
local moments = require "moonbow.moments"
local preprocess = require "moonbow.data.preprocess"
local values_of = require "moonbow.data.values_of"

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

local function part_of(x, rows) return values_of(x) == x and core.index(x, rows) or x:select(rows) end

-- The spectra of a fold, with the steps fitted on its training part.
local function prepared(pipeline, x, fold)
  local fitted, train = preprocess.fit(pipeline.steps, part_of(x, fold.train))
  return { train = values_of(train), test = values_of(preprocess.apply(fitted, part_of(x, fold.test))) }
end

-- Adds the mean error of each candidate on one fold to errors[candidate].
local function add_errors(errors, pipeline, spectra, y, fold, candidates, about)
  local estimator = pipeline.estimator
  local y_train, rows = rows_of(y, fold.train, about), core.totable(fold.test)
  for i, row in ipairs(rows) do rows[i] = row // 1 | 0 end
  local model
  for c, value in ipairs(candidates) do
    if not (model and estimator.shared) then
      local options = tune.options_with(pipeline, estimator.shared and candidates[#candidates] or value)
      model = estimator.fit(spectra.train, y_train, options, about)
    end
    errors[c] = errors[c] or {}
    table.insert(errors[c], mean_error(estimator.predict(model, spectra.test, value), y, rows, about))
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

local function refuse(pipeline, format, ...)
  check.fail("pipeline", "%s: " .. format .. ", so that an inner cross-validation cannot choose %s; give it",
    pipeline.model, ...)
end

-- The candidates for the smallest training part of spectra of D values.
local function candidates_for(pipeline, D, folds)
  local least = math.huge
  for _, fold in ipairs(folds) do least = math.min(least, core.count(fold.train)) end
  local candidates = pipeline.estimator.candidates(least, D)
  if #candidates == 0 then
    refuse(pipeline, "%s are too few", check.show_count(core.count(folds[1].train) + core.count(folds[1].test),
      "training row"), pipeline.estimator.tuned)
  end
  return candidates
end

-- Returns the number of groups. Raises unless two of them can be told apart: of classes, two of the same class.
local function count_groups(pipeline, y, about)
  local seen, count, first, has_two = {}, 0, {}, false
  for i, group in ipairs(about.groups) do
    local class = about.task == "class" and y[i] or 1
    if not seen[group] then seen[group], count = true, count + 1 end
    if first[class] == nil then first[class] = group end
    has_two = has_two or first[class] ~= group
  end
  if not has_two then
    refuse(pipeline, count == 1 and "all training rows are of one group" or "no class has training rows of two groups",
      pipeline.estimator.tuned)
  end
  return count
end

local function is_of_one_class(y, rows)
  for _, row in ipairs(rows) do
    if y[row // 1 | 0] ~= y[rows[1] // 1 | 0] then return false end
  end
  return true
end

-- Raises if an inner fold leaves one of several classes to train on.
-- @param outer the fold whose training rows these are, or nil
local function check_classes(pipeline, y, folds, outer)
  local all = core.totable(core.concat({ folds[1].train, folds[1].test }, 1))
  if is_of_one_class(y, all) then return end
  for _, fold in ipairs(folds) do
    if is_of_one_class(y, core.totable(fold.train)) then
      refuse(pipeline, "the training rows of an inner fold%s are of one class", outer and " of " .. outer or "",
        pipeline.estimator.tuned)
    end
  end
end

-- Inner folds, of whole groups if there are any, each with its share of the classes.
local function inner_folds(pipeline, n, y, about)
  local count = math.min(FOLDS, about.groups and count_groups(pipeline, y, about) or n)
  local folds = dealing.folds("pipeline", n, count, { stratify = about.task == "class" and y or nil,
    groups = about.groups, seed = about.seed })
  if pipeline.estimator.needs_classes then check_classes(pipeline, y, folds, about.fold) end
  return folds
end

--- Returns the value of the tuned option for these training rows.
-- @param pipeline { steps, estimator, options }
-- @param x tensor or set (N, L, C), raw; the steps are fitted on each fold's training part
-- @param y list of class numbers, or tensor (N, M)
-- @param about { task, classes, seed, groups (list or nil), fold (of which these are the training rows, or nil) }
function tune.choose(pipeline, x, y, about)
  local folds = inner_folds(pipeline, core.size(values_of(x), 1), y, about)
  local candidates, errors = nil, {}
  for _, fold in ipairs(folds) do
    local spectra = prepared(pipeline, x, fold)
    local D = core.size(spectra.train, 2) * core.size(spectra.train, 3)
    candidates = candidates or candidates_for(pipeline, D, folds)
    add_errors(errors, pipeline, spectra, y, fold, candidates, about)
  end
  return simplest(errors, candidates)
end

return tune
