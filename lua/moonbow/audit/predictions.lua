--- What the network of an audit predicts, and what simple models predict of the same spectra.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local distributions = require "moonbow.distributions"
local evaluate = require "moonbow.train.evaluate"
local peaks = require "moonbow.audit.peaks"
local preprocess = require "moonbow.data.preprocess"

local predictions = {}

local BATCH, POOLED, TREES, COMPONENTS = 64, 128, 100, 10
local LEVEL, DEALS = 0.01, 999

--- Predictions of spectra: { predicted, truth, right (lists; right holds 1 or 0), count, hits, accuracy, low, high (the
-- 95 % interval) }.
function predictions.judge(predicted, y)
  local judged = { predicted = predicted, truth = core.totable(y), right = {}, hits = 0, count = #predicted }
  for i, class in ipairs(predicted) do
    judged.right[i] = class == judged.truth[i] and 1 or 0
    judged.hits = judged.hits + judged.right[i]
  end
  judged.accuracy = judged.hits / judged.count
  judged.low, judged.high = distributions.share_interval(judged.hits, judged.count)
  return judged
end

--- The classes that a network predicts, as a list.
function predictions.network(model, x)
  local predicted = {}
  evaluate.each_batch("audit", model, x, BATCH, function(outputs)
    for _, class in ipairs(core.totable(core.argmax(outputs, 2))) do predicted[#predicted + 1] = class end
  end)
  return predicted
end

--- Compares two judgements of the same rows: returns the numbers of rows that only the first, and only the second has
-- right, and the two-sided p of McNemar's exact test.
function predictions.compare(a, b)
  local only_a, only_b = 0, 0
  for i = 1, a.count do
    if a.right[i] > b.right[i] then only_a = only_a + 1 elseif a.right[i] < b.right[i] then only_b = only_b + 1 end
  end
  local n = only_a + only_b
  local p = n == 0 and 1 or math.min(1, 2 * distributions.binomial_p(math.max(only_a, only_b), n, 0.5))
  return only_a, only_b, p
end

--- The share of the spectra of a judgement that are of a class.
function predictions.share(judged, class)
  local count = 0
  for _, truth in ipairs(judged.truth) do count = count + (truth == class and 1 or 0) end
  return count / judged.count
end

--- The p of a permutation test: how often predictions that are dealt to the spectra at random have as many hits.
function predictions.dealt_p(judged)
  local predicted, truth, rng, reached = core.tensor(judged.predicted), core.tensor(judged.truth), core.rng(1), 1
  for _ = 1, DEALS do
    local dealt = core.index(predicted, rng:permutation(judged.count))
    if core.sum(core.eq(dealt, truth))[1] >= judged.hits then reached = reached + 1 end
  end
  return reached / (DEALS + 1)
end

--- True if a judgement is better than guessing: right more often than a class for all spectra would be, or, where one
-- class is far more frequent than others, than the same predictions dealt at random.
-- @param class that is the most frequent in the training
function predictions.beats_guessing(judged, class)
  local share = math.max(predictions.share(judged, class), 1 / judged.count)
  return distributions.binomial_p(judged.hits, judged.count, share) < LEVEL or predictions.dealt_p(judged) < LEVEL
end

--- How many spectra of two classes a judgement has right, and of how many: those that it gives one of the two.
function predictions.right_of_pair(judged, one, other)
  local right, count = 0, 0
  for i, truth in ipairs(judged.truth) do
    local predicted = judged.predicted[i]
    if (truth == one or truth == other) and (predicted == one or predicted == other) then
      count, right = count + 1, right + (predicted == truth and 1 or 0)
    end
  end
  return right, count
end

--- Of fewer spectra of two classes nothing is said.
predictions.LEAST_PAIR = 8

-- ---- simple models ----

--- Spectra pooled to about 128 points by their greatest values, and the points of a window.
function predictions.pooled(x)
  local size = math.max(1, core.size(x, 2) // POOLED)
  return size > 1 and ops.max_pool1d(x, size, size, "valid") or x, size
end

-- The class whose mean of the greatest value is nearest.
local function fit_threshold(x, y, classes)
  local values, sums, counts, order = core.totable(core.max(peaks.rows(x), 2)), {}, {}, {}
  for i, class in ipairs(core.totable(y)) do
    class = class // 1 | 0
    sums[class], counts[class] = (sums[class] or 0) + values[i], (counts[class] or 0) + 1
  end
  for class = 1, classes do
    if counts[class] then order[#order + 1] = { mean = sums[class] / counts[class], class = class } end
  end
  return function(test)
    local predicted = {}
    for i, value in ipairs(core.totable(core.max(peaks.rows(test), 2))) do
      local best = order[1]
      for _, entry in ipairs(order) do
        if math.abs(entry.mean - value) < math.abs(best.mean - value) then best = entry end
      end
      predicted[i] = best.class
    end
    return predicted
  end
end

local function list_of(tensor) return core.totable(core.reshape(tensor, -1)) end

local function fit_standardized(fit)
  return function(x, y, classes)
    local steps, processed = preprocess.fit({ "standardize" }, x)
    local predict = fit(processed, y, classes)
    return function(test) return predict(preprocess.apply(steps, test)) end
  end
end

local function one_hot(y, classes)
  return core.eq(core.reshape(y, -1, 1), core.reshape(core.arange(1, 1, classes), 1, classes))
end

--- The simple models, by name: { words, fit(x, y, classes), pooled }; fit returns function(x): a list of classes.
predictions.simple = {
  threshold = { words = "a nearest-mean rule on the maximum of each spectrum", fit = fit_threshold },
  logistic = { words = "a linear softmax on %s", pooled = true, fit = fit_standardized(function(x, y, classes)
    local model = require "moonbow.baselines.logistic".fit(x, y, { classes = classes, C = 1, tol = 1e-3,
      iterations = 3000 })
    return function(test) return list_of(model:predict(test)) end
  end) },
  ridge = { words = "ridge regression of the classes on %s", pooled = true,
    fit = fit_standardized(function(x, y, classes)
      local model = require "moonbow.baselines.ridge".fit(x, one_hot(y, classes), { alpha = 1 })
      return function(test) return list_of(core.argmax(model:predict(test), 2)) end
    end) },
  plsda = { words = "PLS-DA on %s", pooled = true, fit = function(x, y, classes)
    local model = require "moonbow.baselines.plsda".fit(x, y, { classes = classes,
      components = math.min(COMPONENTS, core.size(x, 1) - 1, core.size(x, 2)) })
    return function(test) return list_of(model:predict(test)) end
  end },
  forest = { words = "a random forest on %s", pooled = true, fit = function(x, y, classes)
    local model = require "moonbow.baselines.forest".fit(x, y, { classes = classes, trees = TREES, verbose = false })
    return function(test) return list_of(model:predict(test)) end
  end },
}

--- Fits a simple model on the training spectra and judges it on others.
function predictions.of_simple(name, train, other, classes)
  local simple = predictions.simple[name]
  local x, test, size = train.x, other.x, nil
  if simple.pooled then
    x, size = predictions.pooled(x)
    test = predictions.pooled(test)
  end
  local judged = predictions.judge(simple.fit(x, train.y, classes)(test), other.y)
  judged.words = simple.words:format(size and size > 1 and ("spectra max-pooled by %d points"):format(size)
    or "the spectra")
  return judged
end

return predictions
