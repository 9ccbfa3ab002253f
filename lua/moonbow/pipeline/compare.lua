--- Compares pipelines on the same folds: which predicts best, which is as good and simpler, whether any has learned.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local cross_validate = require "moonbow.pipeline.cross_validate"
local distributions = require "moonbow.distributions"
local estimators = require "moonbow.pipeline.estimators"
local metrics = require "moonbow.pipeline.metrics"
local pipelines = require "moonbow.pipeline"
local problem = require "moonbow.pipeline.problem"
local progress = require "moonbow.progress"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"
local validation = require "moonbow.pipeline.validation"

local LEVEL = 0.05

--- A comparison of pipelines. print(comparison) shows a table and what follows from it.
--
-- @class comparison
-- @field rows table a list, the best first, of { pipeline, validation, difference, p }: the mean difference from the
--   best and the p of the paired test, nil if all folds differ by the same amount, which tells nothing
-- @field best integer 1, or nil if nothing was learned
-- @field recommended integer row of the simplest pipeline that is not worse than the best; nil if nothing was learned
-- @field constant validation of a model that knows nothing of the spectra: of classes it guesses in each fold as many
--   right as the most frequent class has among all; of numbers it predicts the mean of the training rows
-- @field p_learned number that a pipeline without skill would beat the constant model as clearly, corrected for the
--   number of pipelines (Bonferroni)
local Comparison = {}

local function is_better(metric, a, b)
  if metric == "rmse" then return a < b end
  return a > b
end

-- The validation of the most frequent class of all spectra, whichever fold is held out. That of the training rows is
-- the rarer one among the test rows: with leave-one-out, of classes of equal size, it would always be wrong.
local function of_all_spectra(constant)
  local x, about = core.full(0, constant.n, 1), { task = "class", classes = #constant.confusion }
  local scores = estimators.constant.predict(estimators.constant.fit(x, constant.truth, nil, about), x)
  local predicted, fields = problem.rows(core.argmax(scores, 2)), {}
  for key, value in pairs(constant) do fields[key] = value end
  fields.predicted, fields.scores, fields.by_fold = predicted, core.totable(scores), {}
  fields.overall = metrics.classes(constant.truth, predicted, fields.scores, about.classes)
  fields.confusion = fields.overall.confusion
  for f = 1, #constant.by_fold do fields.by_fold[f] = fields.overall end
  return validation(fields)
end

-- The chance that a pipeline without skill is as much better than the constant model. If it is by the same amount in
-- all folds, such as with all classes right, it is that of guessing as many spectra, or groups of them, right.
local function chance(found, constant, metric)
  local result = found:compare(constant)
  local is_right = is_better(metric, result.difference, 0)
  if result.p then return is_right and result.p / 2 or 1 - result.p / 2 end
  if metric == "rmse" or not is_right then return 1 end
  local right = math.floor(found.overall.accuracy * found.units + 1e-9)
  return distributions.binomial_p(right, found.units, constant.overall.accuracy)
end

-- The simplest row that is not worse than the best; of equally simple ones the better.
local function recommend(rows)
  local chosen = 1
  for i, row in ipairs(rows) do
    local simpler = row.pipeline.estimator.complexity < rows[chosen].pipeline.estimator.complexity
      or row.pipeline.estimator.complexity == rows[chosen].pipeline.estimator.complexity
      and #row.pipeline.steps < #rows[chosen].pipeline.steps
    if row.p and row.p >= LEVEL and simpler then chosen = i end
  end
  return chosen
end

local function judge(comparison, metric)
  local rows, least = comparison.rows, 1
  table.sort(rows, function(a, b)
    if a.mean ~= b.mean then return is_better(metric, a.mean, b.mean) end
    return a.place < b.place
  end)
  for i, row in ipairs(rows) do
    local result = row.validation:compare(rows[1].validation)
    row.difference, row.p = row.mean - rows[1].mean, i == 1 and 1 or result.p
    least = math.min(least, chance(row.validation, comparison.constant, metric))
  end
  comparison.p_learned = math.min(1, least * #rows)
  if comparison.p_learned < LEVEL then comparison.best, comparison.recommended = 1, recommend(rows) end
end

-- ---- text ----

local function verdict(comparison)
  if not comparison.recommended then
    local blind = comparison.task == "class" and "guessing the most frequent class" or "predicting the mean"
    return ("Nothing was learned: no pipeline is better than %s without looking at the spectra (p = %.2g, corrected "
      .. "for %s). None is recommended."):format(blind, comparison.p_learned,
      check.show_count(#comparison.rows, "pipeline"))
  end
  local best, chosen = comparison.rows[1], comparison.rows[comparison.recommended]
  if chosen == best then
    return ("Recommended: %s. It is the best, and none that is simpler is as good."):format(tostring(best.pipeline))
  end
  return ("Recommended: %s. It is the simplest that is not worse than the best (%s; p = %.2g)."):format(
    tostring(chosen.pipeline), tostring(best.pipeline), chosen.p)
end

local function show(comparison)
  local metric = comparison.metric
  local rows = { { "pipeline", metrics.titles[metric], "95 % interval", "from best", "p", "s" } }
  for i, row in ipairs(comparison.rows) do
    local interval = row.validation.interval[metric]
    local is_best = i == 1
    rows[i + 1] = { tostring(row.pipeline), ("%.4g"):format(row.mean),
      interval and ("%.4g to %.4g"):format(interval[1], interval[2]) or "none", is_best and "" or
      ("%+.2g"):format(row.difference), not is_best and row.p and ("%.2g"):format(row.p) or "",
      ("%.1f"):format(row.validation.seconds) }
  end
  rows[#rows + 1] = { "constant", ("%.4g"):format(comparison.constant.mean[metric]), "", "", "", "" }
  local one = comparison.rows[1].validation
  return ("%s of %s, %d folds%s\n%s\n%s"):format(one.title, check.show_count(one.n, "spectrum", "spectra"), one.folds,
    one.repeats > 1 and (", %d times"):format(one.repeats) or "", text_table.format(rows, { left = 1 }),
    verdict(comparison))
end

--- Returns in one sentence what follows from the comparison.
-- @return string
function Comparison:verdict() return verdict(self) end

local make = shown.kind("comparison", show, Comparison)
counted.methods(Comparison, "comparison:")

-- Validates each row's pipeline, the most complex first: they take longest, so that the time left is at most what is
-- shown.
local function validate(rows, data, options)
  local order, ended = table.move(rows, 1, #rows, 1, {}), 0
  table.sort(order, function(a, b)
    local first, second = a.pipeline.estimator.complexity, b.pipeline.estimator.complexity
    return first > second or first == second and a.place < b.place
  end)
  local line <close> = progress.job("compare", "folds", options.verbose ~= false and not options.report)
  local report = options.report or line.report
  for _, row in ipairs(order) do
    local folds
    options.report = function(done, all)
      folds = all
      report(ended + done, all * #rows)
    end
    row.validation = cross_validate(row.pipeline, data, options)
    ended = ended + folds
  end
end

-- The task that all rows share: that of the models that predict only classes, or only numbers; nil if all predict both.
local function common_task(rows)
  local first
  for _, row in ipairs(rows) do
    local task = row.pipeline.task
    first = first or task ~= "both" and row or nil
    if first and task ~= "both" and task ~= first.pipeline.task then
      check.fail("compare", "list: expected models of one task, got %s, which predicts %s, and %s, which does not",
        check.show(first.pipeline.model), first.pipeline.task == "class" and "classes" or "numbers",
        check.show(row.pipeline.model))
    end
  end
  return first and first.pipeline.task
end

--- Cross-validates several pipelines on the same folds and compares them: by accuracy of classes, by RMSE of numbers,
-- of several targets over all their numbers, so that the one with the largest numbers decides. With leave-one-out the
-- RMSE is that of all predictions, and the test is that of the absolute errors.
-- The best pipeline must beat a model that knows nothing of the spectra, or none is recommended; the recommended one is
-- the simplest that is not worse than the best by the paired test of Nadeau and Bengio (p >= 0.05).
-- @param list table pipelines, or lists for mb.pipeline
-- @param data spectra|table as for mb.cross_validate
-- @param options? table as for mb.cross_validate
-- @return comparison
-- @see cross_validate
-- @usage print(mb.compare({ { "plsda" }, { "snv", "logistic" } }, { x = x, y = y }, { folds = 3 }))
local function compare(list, data, options)
  check.list("compare", "list", list)
  if options ~= nil then check.kind("compare", "options", options, "table") end
  if #list == 0 then check.fail("compare", "expected at least one pipeline, got none") end
  local rows = {}
  for i, given in ipairs(list) do rows[i] = { pipeline = pipelines.new(given), place = i } end
  options = check.copy(options or {})
  options.task = options.task or common_task(rows)
  validate(rows, data, check.copy(options))
  local task = rows[1].validation.task
  local metric = metrics.names[task][1]
  for _, row in ipairs(rows) do row.mean = row.validation.mean[metric] end
  local quiet = check.copy(options)
  quiet.task, quiet.verbose, quiet.report = quiet.task or task, false, nil
  local constant = cross_validate({ "constant" }, data, quiet)
  local comparison = { rows = rows, metric = metric, task = task, constant = task == "class"
    and of_all_spectra(constant) or constant }
  judge(comparison, metric)
  return make(comparison)
end

return compare
