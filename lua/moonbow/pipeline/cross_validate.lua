--- Cross-validation of a pipeline: everything is fitted on the training rows of each fold.
local core = require "moonbow.core"
local check = require "moonbow.check"
local clock = require "moonbow.clock"
local interrupt = require "moonbow.interrupt"
local metrics = require "moonbow.pipeline.metrics"
local pipelines = require "moonbow.pipeline"
local problem = require "moonbow.pipeline.problem"
local progress = require "moonbow.progress"
local splits = require "moonbow.train.splits"
local validation = require "moonbow.pipeline.validation"

local known_options = {
  label = problem.known.label, target = problem.known.target, groups = problem.known.groups,
  task = problem.known.task,
  folds = check.default(5, "positive integer"), repeats = check.default(1, "positive integer"),
  seed = check.default(1, "non-negative integer"), verbose = true, report = check.optional "function",
}

-- The folds of one repeat.
local function folds_of(read, options, round)
  return splits.k_fold("cross_validate", "folds", read.n, options.folds, { stratify = problem.class_list(read),
    groups = read.groups, seed = { options.seed, round } })
end

-- The numbers of the first row, of the second, and so on.
local function numbers_of(tensor) return core.totable(core.reshape(tensor, -1)) end

local function score(read, rows, predicted, scores)
  if read.task == "class" then
    local truth = {}
    for i, row in ipairs(rows) do truth[i] = read.y[row] end
    return metrics.classes(truth, predicted, scores, read.classes)
  end
  return metrics.numbers(numbers_of(core.index(read.y, core.tensor(rows))), predicted, core.size(read.y, 2))
end

-- Fits on the training rows of a fold and predicts its test rows.
-- @param name of the fold in messages
local function run_fold(pipeline, read, fold, seed, name)
  local train, test = problem.rows(fold.train), problem.rows(fold.test)
  local data, y, about = problem.part(read, train, seed)
  about.fold = name
  local fitted = pipelines.fit_rows(pipeline, data, y, about)
  local scores = fitted:scores((problem.part(read, test, seed)))
  local result = { rows = test, value = fitted.value }
  if read.task == "class" then
    result.scores, result.predicted = core.totable(scores), problem.rows(core.argmax(scores, 2))
  else
    result.predicted = numbers_of(scores)
  end
  result.metrics = score(read, test, result.predicted, result.scores)
  return result
end

-- Puts the predictions of a fold at their rows.
local function keep(all, result, columns)
  for i, row in ipairs(result.rows) do
    if result.scores then
      all.predicted[row], all.scores[row] = result.predicted[i], result.scores[i]
    else
      for m = 1, columns do all.predicted[(row - 1) * columns + m] = result.predicted[(i - 1) * columns + m] end
    end
  end
end

-- How many spectra, or groups of them, the folds are dealt from.
local function count_units(read)
  local seen, count = {}, 0
  for _, group in ipairs(read.groups or {}) do
    if not seen[group] then seen[group], count = true, count + 1 end
  end
  return read.groups and count or read.n
end

local function every_row(n)
  local rows = {}
  for i = 1, n do rows[i] = i end
  return rows
end

local function run(pipeline, read, options, report)
  local all, by_fold, chosen, tested, done = { predicted = {}, scores = {} }, {}, {}, {}, 0
  local columns = read.task == "number" and core.size(read.y, 2) or 1
  for round = 1, options.repeats do
    for f, fold in ipairs(folds_of(read, options, round)) do
      interrupt.check()
      local result = run_fold(pipeline, read, fold, options.seed * 1000 + (round - 1) * options.folds + f,
        ("fold %d"):format(f) .. (round > 1 and (" of repeat %d"):format(round) or ""))
      if round == 1 then keep(all, result, columns) end
      by_fold[#by_fold + 1], chosen[#chosen + 1] = result.metrics, result.value
      tested[#tested + 1] = table.concat(result.rows, " ")
      done = done + 1
      report(done, options.repeats * options.folds)
    end
  end
  return all, by_fold, chosen, tested
end

--- Cross-validates a pipeline. Steps, tuned options and model are fitted on the training rows of each fold alone. Of
-- classes, each fold gets its share of each. The same seed gives the same folds for every pipeline, so that two can be
-- compared.
-- @param pipeline pipeline|table a pipeline, or the list for mb.pipeline
-- @param data spectra|table a set; or { x = (N, L, C), y = class numbers or numbers, classes = names }
-- @option label name of the set's label with the classes
-- @option target name of the set's label with the numbers, or a list of names
-- @option groups name of the label of replicates, which stay in one fold; or a list of names; or one group for each row
-- @option task of data { x, y }, if the model predicts both: "class" (the default) or "number"
-- @option folds how many
-- @option repeats how often, each time with other folds; those that come out the same, as with leave-one-out, or where
--   groups can be dealt in one way only, count once in means, intervals and tests
-- @option seed of the folds and of networks and forests
-- @option verbose true: shows progress if it takes more than a second
-- @option report function(done, all) that is called after each fold, and shows progress in place of verbose
-- @return validation
-- @usage
-- local pls = mb.cross_validate({ "snv", "pls" }, { x = x, y = x:sum(2):reshape(-1) }, { folds = 3 })
local function cross_validate(pipeline, data, options)
  options = check.options("cross_validate", options, known_options)
  pipeline = pipelines.new(pipeline)
  local read = problem.read("cross_validate", data, options, pipeline.task)
  local started = clock()
  local _ <close> = interrupt.catch "cross_validate"
  local line <close> = progress.job("cross_validate", "folds", options.verbose and not options.report)
  local all, by_fold, chosen, tested = run(pipeline, read, options, options.report or line.report)
  local rows = every_row(read.n)
  local overall = score(read, rows, all.predicted, all.scores)
  return validation { task = read.task, pipeline = tostring(pipeline), title = read.title, n = read.n,
    folds = options.folds, repeats = options.repeats, by_fold = by_fold, overall = overall,
    confusion = overall.confusion, predicted = all.predicted, scores = all.scores, names = read.names,
    truth = read.task == "class" and read.y or numbers_of(read.y), chosen = chosen,
    tuned = pipeline.estimator.tuned, ratio = 1 / (options.folds - 1), tested = tested,
    units = count_units(read), seconds = clock() - started }
end

return check.takes(cross_validate, 3, known_options)
