--- Judges pipelines on a set of spectra: compares them, and finds of the recommended one what it predicts, from where,
-- and which spectra are unlike the others.
local core = require "moonbow.core"
local compare = require "moonbow.pipeline.compare"
local explain = require "moonbow.explain"
local folds = require "moonbow.experiment.judge.folds"
local metrics = require "moonbow.pipeline.metrics"
local official = require "moonbow.experiment.judge.official"
local preprocess = require "moonbow.data.preprocess"
local problem = require "moonbow.pipeline.problem"
local replicates = require "moonbow.experiment.judge.replicates"
local unlike = require "moonbow.experiment.judge.unlike"
local validation = require "moonbow.pipeline.validation"

local QUICK_FOLDS = 2 -- of the importance

-- ---- test rows of an official split ----

-- Scores over all classes of the set, of which the training rows may lack some.
local function over_all_classes(scores, fitted, classes)
  local place, wide = {}, {}
  for k, name in ipairs(classes) do place[name] = k end
  for i, row in ipairs(scores) do
    wide[i] = {}
    for k = 1, #classes do wide[i][k] = -math.huge end
    for k, name in ipairs(fitted.names) do wide[i][place[name]] = row[k] end
  end
  return wide
end

local function largest(row)
  local best = 1
  for k = 2, #row do best = row[k] > row[best] and k or best end
  return best
end

local function pick(list, rows)
  local picked = {}
  for i, row in ipairs(rows) do picked[i] = list[row] end
  return picked
end

-- The predictions of rows as a validation of one fold.
local function test(fitted, set, read, rows)
  local scores, predicted = core.totable(fitted:scores(set:select(rows))), {}
  local truth = pick(read.task == "class" and read.y or core.totable(core.reshape(read.y, -1)), rows)
  local found
  if read.task == "class" then
    scores = over_all_classes(scores, fitted, read.names)
    for i, row in ipairs(scores) do predicted[i] = largest(row) end
    found = metrics.classes(truth, predicted, scores, #read.names)
  else
    for i, row in ipairs(scores) do predicted[i] = row[1] end
    found = metrics.numbers(truth, predicted)
  end
  return validation { task = read.task, pipeline = tostring(fitted.pipeline), title = read.title, n = #rows, folds = 1,
    repeats = 1, by_fold = { found }, overall = found, confusion = found.confusion, predicted = predicted,
    scores = read.task == "class" and scores or nil, truth = truth, names = read.names, chosen = { fitted.value },
    tuned = fitted.pipeline.estimator.tuned, ratio = 1, key = "", seconds = 0 }
end

-- Adds to each row of the comparison the metrics on the parts for tests, and to the judgement the predictions of all of
-- them by the recommended pipeline.
local function test_rows(found, set, read, about)
  local chosen = found.comparison.recommended
  for i, row in ipairs(found.comparison.rows) do
    local fitted = row.pipeline:fit(set:select(about.train), about.options)
    row.tests = {}
    for p, part in ipairs(about.parts) do row.tests[p] = test(fitted, set, read, part.rows).overall end
    if i == chosen then found.outcome = test(fitted, set, read, found.rows) end
  end
end

-- ---- the recommended pipeline ----

local function folds_of(read, about)
  if about.train then
    return { { train = core.tensor(about.train), test = core.tensor(official.test_rows(about.parts)) } }
  end
  return folds.of(read, about, 1)
end

-- Marks of the test rows of each fold against its training rows.
local function marks_of(pipeline, set, list)
  local marks = {}
  for _, fold in ipairs(list) do
    local steps, x = preprocess.fit(pipeline.steps, set:select(fold.train))
    local model, rows = unlike.fit(x.x), problem.rows(fold.test)
    local own = model and unlike.marks(model, preprocess.apply(steps, set:select(fold.test)).x)
    for i, row in ipairs(rows) do marks[row] = own and own[i] or false end
  end
  return marks
end

local function every_row(n)
  local rows = {}
  for i = 1, n do rows[i] = i end
  return rows
end

local function examine(found, set, read, about)
  local pipeline, list = found.comparison.rows[found.comparison.recommended].pipeline, folds_of(read, about)
  found.marks = pick(marks_of(pipeline, set, list), found.rows)
  local given = { label = about.options.label, target = about.options.target, groups = about.options.groups,
    seed = about.options.seed, folds = about.quick and table.move(list, 1, QUICK_FOLDS, 1, {}) or list }
  found.bands = explain.importance(pipeline, set, given)
  local groups = read.groups and pick(read.groups, found.rows)
  found.ceiling = groups and replicates.ceiling(read.task, found.outcome.truth, found.outcome.predicted, groups)
end

--- Judges pipelines.
-- @param list of pipelines
-- @param set of spectra
-- @param about { options (label or target, groups, seed), folds, repeats, quick, train (rows) and parts (of an official
--   split; optional) }
-- @return { comparison, rows (of the set, for which there are predictions), outcome (validation of the recommended
--   pipeline on them), marks (one of each of the rows), bands, ceiling, names (of the classes) }; the last five are nil
--   if nothing is recommended
return function(list, set, about)
  local given = { folds = about.folds, repeats = about.repeats }
  for key, value in pairs(about.options) do given[key] = value end
  local found = { rows = about.parts and official.test_rows(about.parts) or every_row(#set), parts = about.parts }
  found.comparison = compare(list, about.train and set:select(about.train) or set, given)
  local read = problem.read("own_spectra", set, about.options, "both")
  if about.train then test_rows(found, set, read, about) end
  if not found.comparison.recommended then return found end
  found.outcome = found.outcome or found.comparison.rows[found.comparison.recommended].validation
  found.names = read.names
  examine(found, set, read, about)
  return found
end
