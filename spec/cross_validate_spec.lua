-- Cross-validation of a pipeline, the inner one that chooses its options, and the comparison of two.
local mb = require "moonbow"
local core = require "moonbow.core"
local metrics = require "moonbow.pipeline.metrics"
local measured = require "support.measured"
local made_heights = require "support.made_heights"

local x, heights, classes = made_heights(60, 1)

describe("cross_validate", function()
  it("predicts each spectrum once, from models that have not seen it", function()
    local result = mb.cross_validate({ { "neighbours", k = 1 } }, { x = x, y = classes }, { folds = 4 })
    assert.equal(60, #result.predicted)
    assert.equal(4, #result.by_fold)
    -- A neighbour that has seen the spectrum would always be right: random labels tell.
    local random = mb.rng(3):integers(1, 2, { endpoint = true, shape = { 60 } })
    local guess = mb.cross_validate({ { "neighbours", k = 1 } }, { x = x, y = random }, { folds = 4 })
    assert.is_true(guess.mean.accuracy < 0.8, guess.mean.accuracy)
  end)
  it("measures numbers and classes, and prints itself", function()
    local pls = mb.cross_validate({ "pls" }, { x = x, y = heights }, { repeats = 2 })
    assert.equal(10, #pls.by_fold)
    assert.is_true(pls.mean.rmse < 0.05 and pls.mean.r2 > 0.9)
    assert.is_true(pls.interval.rmse[1] <= pls.mean.rmse and pls.mean.rmse <= pls.interval.rmse[2])
    assert.matches("^y of 60 spectra by pls: 5 folds, 2 times\nRMSE 0%.%d+, 95 %% interval", tostring(pls))
    local classified = mb.cross_validate({ "plsda" }, { x = x, y = classes })
    assert.is_true(classified.mean.accuracy > 0.9)
    assert.is_true(classified.mean.auc > 0.95)
    assert.equal("userdata", type(core.tensor(classified.confusion)))
  end)
  it("takes metrics that no fold has from all predictions", function()
    local rare = {} -- 17 spectra of one class and 3 of the other, all taken for the first
    for i = 1, 20 do rare[i] = i <= 17 and 1 or 2 end
    local found = mb.cross_validate({ "constant" }, { x = x:narrow(1, 20), y = rare }, { folds = 20 })
    assert.equal(0.85, found.mean.accuracy)
    assert.near(0.5, found.mean.balanced_accuracy, 1e-12) -- sklearn.metrics.balanced_accuracy_score
    assert.near(17 / 37, found.mean.macro_f1, 1e-12)
    assert.same({}, { found.interval.balanced_accuracy, found.interval.macro_f1 })
    assert.matches("balanced accuracy 0.5, over all predictions\n", tostring(found))
    assert.error_matches(function() found:compare(found, "balanced_accuracy") end,
      "metric: balanced_accuracy is not defined in any fold")
    assert.equal(1, found:compare(found).p)

    local replicates, values = {}, {} -- of ten samples, each with one value
    for i = 1, 60 do replicates[i], values[i] = "sample" .. i % 10, 0.1 * (i % 10) end
    local grouped = mb.cross_validate({ { "pls", components = 1 } }, { x = x, y = values },
      { groups = replicates, folds = 10 })
    assert.equal(grouped.overall.r2, grouped.mean.r2)
    assert.equal(grouped.overall.rpd, grouped.mean.rpd)
    local single = mb.cross_validate({ { "pls", components = 1 } }, { x = x, y = heights }, { folds = 60 })
    assert.equal(single.overall.r2, single.mean.r2)
  end)
  it("learns nothing from repeats that have the same folds", function()
    local groups, own, other = {}, { { "plsda", components = 1 } }, { { "neighbours", k = 9 } }
    for i = 1, 60 do groups[i] = math.floor(math.sqrt(i)) end -- of seven sizes: they can be dealt in one way only
    for _, options in ipairs { { groups = groups, folds = 4 }, { folds = 60 } } do
      local function compared(repeats)
        local given = { groups = options.groups, folds = options.folds, repeats = repeats }
        local result = mb.cross_validate(own, { x = x, y = classes }, given)
        return result, result:compare(mb.cross_validate(other, { x = x, y = classes }, given))
      end
      local once, difference = compared(1)
      local thrice, same = compared(3)
      assert.equal(3 * #once.by_fold, #thrice.by_fold)
      assert.near(once.interval.accuracy[1], thrice.interval.accuracy[1], 1e-12)
      assert.near(difference.p, same.p, 1e-12)
    end
  end)
  it("keeps groups together", function()
    local groups, seen = {}, {}
    for i = 1, 60 do groups[i] = (i + 1) // 2 end
    for _, fold in ipairs(mb.split.k_fold(60, 5, { groups = groups, stratify = classes, seed = { 1, 1 } })) do
      for _, row in ipairs(fold.test:totable()) do seen[#seen + 1] = row end
    end
    assert.equal(60, #seen)
    -- Pairs of equal spectra with random labels: only one that sees the twin can be right.
    local twins = x:index(mb.tensor(groups))
    local random, y = mb.rng(4):integers(1, 2, { endpoint = true, shape = { 30 } }):totable(), {}
    for i = 1, 60 do y[i] = random[groups[i]] end
    local leaky = mb.cross_validate({ "neighbours" }, { x = twins, y = y })
    local grouped = mb.cross_validate({ "neighbours" }, { x = twins, y = y }, { groups = groups })
    assert.is_true(leaky.mean.accuracy > 0.75, leaky.mean.accuracy)
    assert.is_true(grouped.mean.accuracy < 0.65, grouped.mean.accuracy)
  end)
  it("gives the same folds for the same seed, and compares pipelines on them", function()
    local data = { x = x, y = heights }
    local good, bad = mb.cross_validate({ "pls" }, data), mb.cross_validate({ "snv", { "ridge", alpha = 1e9 } }, data)
    assert.same(good.predicted, mb.cross_validate({ "pls" }, data).predicted)
    local result = good:compare(bad)
    assert.equal("rmse", result.metric)
    assert.is_true(result.difference < 0 and result.p < 0.01)
    assert.is_true(result.interval[2] < 0)
    assert.equal(1, good:compare(good).p)
    assert.error_matches(function() good:compare(mb.cross_validate({ "pls" }, data, { folds = 3 })) end, "same folds")
  end)
  it("refuses to compare on other folds, or of other numbers", function()
    local groups, other, moved = {}, {}, {}
    for i = 1, #heights do
      groups[i], other[i], moved[i] = "g" .. i % 9, "g" .. i // 3 % 9, heights[i] + 1
    end
    local function validation(y, by) return mb.cross_validate({ "pls" }, { x = x, y = y }, { groups = by }) end
    local first = validation(heights, groups)
    assert.equal(1, first:compare(validation(heights, groups)).p)
    assert.error_matches(function() first:compare(validation(heights, other)) end, "same folds")
    assert.error_matches(function() first:compare(validation(moved, groups)) end, "same folds")
  end)
  it("corrects the variance as Nadeau and Bengio do", function()
    local a, b = mb.cross_validate({ "pls" }, { x = x, y = heights }), mb.cross_validate({ "snv", "pls" },
      { x = x, y = heights })
    local differences, mean, variance = {}, 0, 0
    for f = 1, 5 do differences[f] = a.by_fold[f].rmse - b.by_fold[f].rmse end
    for _, d in ipairs(differences) do mean = mean + d / 5 end
    for _, d in ipairs(differences) do variance = variance + (d - mean) ^ 2 / 4 end
    local t = mean / math.sqrt((1 / 5 + 1 / 4) * variance)
    assert.is_true(math.abs(a:compare(b).p - require("moonbow.distributions").student_p(t, 4)) < 1e-12)
  end)
  it("knows no p and no interval where all folds differ by the same amount", function()
    local data = { x = x, y = heights }
    local a, b = mb.cross_validate({ "pls" }, data), mb.cross_validate({ "pls" }, data)
    for f, fold in ipairs(b.by_fold) do fold.rmse = a.by_fold[f].rmse + 0.3 end -- equal but for rounding
    local found = a:compare(b)
    assert.near(-0.3, found.difference, 1e-12)
    assert.same({}, { found.p, found.interval })
    b.by_fold[1].rmse = b.by_fold[1].rmse + 1e-6
    assert.is_true(a:compare(b).p < 0.001)
    assert.same({ 1, nil }, { a:compare(a).p, a:compare(a).interval })
  end)
  it("knows no interval of what all folds have, and compares no metric that none has", function()
    local ones, y = mb.zeros(24, 2, 1), {}
    for i = 1, 24 do
      y[i] = i % 2 + 1
      ones:set(i, y[i], 1, 1)
    end
    local result = mb.cross_validate({ { "logistic", C = 10 } }, { x = ones, y = y })
    assert.same({ 1, nil }, { result.mean.accuracy, result.interval.accuracy })
    assert.matches("\naccuracy 1, no interval: it does not vary\n", tostring(result))
    local compared = mb.compare({ { { "logistic", C = 10 } } }, { x = ones, y = y })
    assert.matches("\nlogistic { C = 10 } +1 +none +%d", tostring(compared))
    local each = mb.cross_validate({ { "logistic", C = 10 } }, { x = ones, y = y }, { folds = 24 })
    assert.error_matches(function() each:compare(each, "auc") end, "metric: auc is not defined in any fold")
  end)
  it("says of how many folds a metric is the mean, if some have none", function()
    local y = {}
    for i = 1, 60 do y[i] = i <= 57 and 1 or 2 end
    local found = mb.cross_validate({ { "plsda", components = 1 } }, { x = x, y = y })
    assert.same({ 5, 3 }, { found.count.accuracy, found.count.auc })
    assert.matches("\nROC AUC 0%.%d+, .*; of 3 of 5 folds, others have none", tostring(found))
  end)
  it("draws its predictions", function()
    for _, result in ipairs { mb.cross_validate({ "pls" }, { x = x, y = heights }, { folds = 2 }),
      mb.cross_validate({ "plsda" }, { x = x, y = classes }, { folds = 2 }) } do
      assert.equal("moonbow.plot.figure", getmetatable(result:plot()).__name)
    end
  end)
  it("finds fat of meat to 0.8 % by second derivatives and SNV", function()
    local folder, missing = measured "tecator_nir"
    if not folder then return pending(missing) end
    local rows, fat = {}, {}
    for line in io.lines(folder .. "/tecator.csv") do
      local numbers = {}
      for word in line:gmatch "[^,]+" do numbers[#numbers + 1] = tonumber(word) end
      if #numbers >= 125 then
        rows[#rows + 1], fat[#fat + 1] = { table.unpack(numbers, 1, 100) }, numbers[#numbers - 1]
      end
    end
    local spectra, y = mb.tensor(rows):reshape(-1, 100, 1), mb.tensor(fat)
    local train, test = mb.arange(1, 172), mb.arange(173, 215)
    local function rmsep(pipeline)
      local fitted = mb.pipeline(pipeline):fit({ x = spectra:index(train), y = y:index(train) })
      return metrics.numbers(y:index(test):totable(), fitted:predict(spectra:index(test)):reshape(-1):totable()).rmse
    end
    -- scikit-learn's PLS with as many components as 5 folds say: 2.10 (BASELINES.md of the shared data).
    assert.is_true(rmsep { "snv", "pls" } < 2.2)
    assert.is_true(rmsep { { "savitzky_golay", derivative = 2 }, "snv", "pls" } < 0.9)
  end)
end)

describe("the inner cross-validation", function()
  local kinds = {}
  for i = 1, 60 do kinds[i] = classes[i] == 1 and "low" or "high" end
  local set = mb.spectra.set { x = x, axis = mb.arange(40), labels = { kind = kinds } }

  it("hands the axis of a set to the steps, and counts the points that they leave", function()
    for _, step in ipairs { { "crop", low = 15, high = 18 }, { "bin", width = 10 }, { "derivative" },
      { "resample", grid = { first = 1, last = 39, points = 4 } }, { "normalize_band", low = 0, high = 39 } } do
      assert.is_true(mb.cross_validate({ step, "plsda" }, set, { label = "kind" }).mean.accuracy > 0.4, step[1])
    end
  end)
  it("gives each training part its share of the classes, of whole groups, too", function()
    local y, groups = {}, {}
    for i = 1, 24 do
      groups[i] = (i - 1) // 2
      y[i] = groups[i] < 10 and 1 or 2
    end
    for seed = 1, 20 do
      mb.pipeline({ "logistic" }):fit({ x = x:narrow(1, 24), y = y }, { groups = groups, seed = seed })
    end
  end)
  it("is refused where groups leave nothing to choose by", function()
    local y, groups, one = {}, {}, {}
    for i = 1, 12 do y[i], groups[i], one[i] = (i - 1) // 6 + 1, (i - 1) // 6, "a" end
    local function refused(list, message)
      assert.error_matches(function()
        mb.pipeline({ "plsda" }):fit({ x = x:narrow(1, 12), y = y }, { groups = list })
      end, "pipeline: plsda: " .. message .. ", so that an inner cross%-validation cannot choose components; give it")
    end
    refused(groups, "no class has training rows of two groups")
    refused(one, "all training rows are of one group")
    for i = 7, 12 do groups[i] = i end -- those of class 1 are of one group
    local function logistic() mb.pipeline({ "logistic" }):fit({ x = x:narrow(1, 12), y = y }, { groups = groups }) end
    assert.error_matches(logistic, "pipeline: logistic: the training rows of an inner fold are of one class, so that "
      .. "an inner cross%-validation cannot choose C; give it")
    for i = 1, 12 do y[i] = 1 end
    assert.error_matches(logistic, "y: expected at least 2 classes, all labels are 1")
  end)
  it("predicts the mean where a training part has equal numbers", function()
    local y = { 5, 3, 1 }
    for i = 4, 40 do y[i] = 0 end
    for seed = 1, 10 do
      assert.is_true(mb.cross_validate({ "pls" }, { x = x:narrow(1, 40), y = y }, { seed = seed }).mean.rmse < 5)
    end
    local constant = mb.pls.fit(x, mb.full(2, 60))
    assert.same({ 2, 2 }, constant:predict(x:narrow(1, 2)):totable())
  end)
end)

describe("a class of few spectra", function()
  local y, groups = {}, {}
  for i = 1, 60 do y[i], groups[i] = i <= 2 and 2 or 1, i <= 2 and 1 or i end

  it("is named with the fold whose training rows lack it", function()
    for _, name in ipairs { "logistic", "svm" } do
      assert.error_matches(function() mb.cross_validate({ name }, { x = x, y = y }) end, "pipeline: " .. name
        .. ": the training rows of an inner fold of fold %d are of one class, so that an inner cross%-validation "
        .. "cannot choose C; give it")
      assert.error_matches(function()
        mb.cross_validate({ { name, C = 1 } }, { x = x, y = y, classes = { "usual", "rare" } }, { groups = groups })
      end, name .. ": the training rows of fold %d are all of class 'usual'; give more spectra, or groups, of the "
        .. "other classes, or leave these out")
    end
  end)
end)
