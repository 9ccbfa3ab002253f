-- Pipelines, their cross-validation, and the comparison of two.
local mb = require "moonbow"
local core = require "moonbow.core"
local metrics = require "moonbow.pipeline.metrics"
local moments = require "moonbow.moments"
local regressor = require "moonbow.baselines.regressor"
local measured = require "support.measured"

-- Spectra with a peak whose height is the target, beside a baseline that varies more; classes by the height.
local function peaks(n, seed, noise)
  local rng = mb.rng(seed)
  local rows, heights, classes = {}, {}, {}
  local h, b = rng:uniform(0, 1, n):totable(), rng:uniform(0, 5, n):totable()
  for i = 1, n do
    rows[i], heights[i], classes[i] = {}, h[i], h[i] < 0.5 and 1 or 2
    for t = 1, 40 do rows[i][t] = { h[i] * math.exp(-((t - 20) / 3) ^ 2) + b[i] } end
  end
  local x = mb.tensor(rows)
  return x + rng:normal(0, noise or 0.01, n, 40, 1), mb.tensor(heights), classes
end

local x, heights, classes = peaks(60, 1)

describe("metrics", function()
  it("of classes are those of scikit-learn", function()
    -- sklearn.metrics 1.9.1: balanced_accuracy_score, f1_score(average="macro"), roc_auc_score(multi_class="ovr")
    local truth, predicted = { 1, 1, 2, 2, 3, 3 }, { 1, 2, 2, 2, 3, 1 }
    local scores = { { 0.6, 0.3, 0.1 }, { 0.3, 0.4, 0.3 }, { 0.1, 0.7, 0.2 }, { 0.2, 0.5, 0.3 }, { 0.1, 0.3, 0.6 },
      { 0.5, 0.1, 0.4 } }
    local found = metrics.classes(truth, predicted, scores, 3)
    assert.is_true(math.abs(found.accuracy - 4 / 6) < 1e-12)
    assert.is_true(math.abs(found.balanced_accuracy - 2 / 3) < 1e-12)
    assert.is_true(math.abs(found.macro_f1 - (0.5 + 0.8 + 2 / 3) / 3) < 1e-12)
    assert.is_true(math.abs(found.auc - (0.875 + 1 + 1) / 3) < 1e-12)
    assert.same({ { 1, 1, 0 }, { 0, 2, 0 }, { 1, 0, 1 } }, found.confusion)
  end)
  it("share ranks among equal scores", function()
    local found = metrics.classes({ 1, 2, 1, 2 }, { 1, 1, 1, 1 }, { { 1, 0 }, { 1, 0 }, { 1, 0 }, { 1, 0 } }, 2)
    assert.equal(0.5, found.auc)
  end)
  it("of numbers are error, bias, R2 and RPD", function()
    local found = metrics.numbers({ 1, 2, 3, 4 }, { 1.5, 2.5, 3.5, 4.5 })
    assert.same({ 0.5, 0.5 }, { found.rmse, found.bias })
    assert.is_true(math.abs(found.r2 - (1 - 1 / 5)) < 1e-12)
    assert.is_true(math.abs(found.rpd - math.sqrt(5 / 3) / 0.5) < 1e-12)
  end)
  it("have no R2 and RPD of equal numbers, whose mean is rounded", function()
    local flat = mb.nn.Sequential { mb.nn.Flatten {} }
    for n = 1, 12 do
      local truth, predicted = {}, {}
      for i = 1, n do truth[i], predicted[i] = 0.1, 0.1 + 0.01 * i end
      local found = metrics.numbers(truth, predicted)
      assert.same({}, { found.r2, found.rpd })
      local set = { x = mb.tensor(predicted):reshape(n, 1, 1), y = mb.tensor(truth) }
      assert.is_nil(mb.evaluate(flat, set, { loss = "mse" }).r2)
      assert.equal(0, regressor.r2(truth, predicted))
      assert.same({ 0.1, 0 }, { moments.mean_and_sd(n > 1 and truth or { 0.1, 0.1 }) })
    end
  end)
end)

describe("metrics of a model", function()
  -- A network whose logits are 10 a + b and 10 a - b: a shifts both, b alone decides.
  local shifted = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2, bias = false } }
  shifted:build({ 2, 1 }, mb.rng(1))
  shifted:load_state { ["2.weight"] = mb.tensor { { 10, 10 }, { 1, -1 } } }
  local two, y = mb.rng(2):normal(0, 1, 200, 2, 1), {}
  for i = 1, 200 do y[i] = two:get(i, 2, 1) > 0 and 1 or 2 end

  it("ranks spectra by probabilities, not by logits", function()
    local found = mb.evaluate(shifted, { x = two, y = y }, { metrics = { "auc" } })
    assert.same({ 1, 1 }, { found.accuracy, found.auc })
    local function net()
      local copy = mb.nn.from_config(shifted:config())
      copy:build({ 2, 1 })
      return copy:load_state(shifted:state())
    end
    local validation = mb.cross_validate({ { "network", net = net, epochs = 1, lr = 1e-9 } }, { x = two, y = y },
      { folds = 2 })
    assert.same({ 1, 1 }, { validation.mean.accuracy, validation.mean.auc })
    for _, shares in ipairs(validation.scores) do assert.near(1, shares[1] + shares[2], 1e-5) end
  end)
  it("ranks spectra whose probabilities are rounded to 1", function()
    local flat = mb.nn.Sequential { mb.nn.Flatten {} }
    local function auc(rows, truth) -- of the logits in the rows
      return mb.evaluate(flat, { x = mb.tensor(rows), y = truth }, { metrics = { "auc" } }).auc
    end
    assert.equal(1, auc({ { 20, 0 }, { 25, 0 }, { 30, 0 } }, { 2, 1, 1 }))
    assert.equal(1, auc({ { 200, 0 }, { 0, -250 }, { 1, -1000 } }, { 2, 1, 1 }))
    local logits, truth, sum = mb.rng(4):normal(0, 2, 60, 3, 1), {}, 0
    for i = 1, 60 do truth[i] = i % 3 + 1 end
    local shares = logits:reshape(60, 3):softmax():totable()
    assert.near(metrics.classes(truth, truth, shares, 3).auc, auc(logits:totable(), truth), 1e-12)
    -- A hundred times as large, the odds are those of the largest other logit, and pairs can be counted.
    local rows = logits:reshape(60, 3):totable()
    for k = 1, 3 do
      local function odds(row) return row[k] - math.max(row[k % 3 + 1], row[(k + 1) % 3 + 1]) end
      for i = 1, 60 do
        for j = 1, 60 do
          local is_pair = truth[i] == k and truth[j] ~= k
          sum = sum + (is_pair and odds(rows[i]) > odds(rows[j]) and 1 / (20 * 40) or 0)
        end
      end
    end
    assert.near(sum / 3, auc((logits * 100):totable(), truth), 1e-12)
    -- Of a pipeline, whose scores are probabilities; equal shares stay ties, whatever the rest.
    local sure = mb.tensor({ { 20, 0 }, { 25, 0 }, { 30, 0 } }):softmax():totable()
    assert.equal(1, metrics.classes({ 2, 1, 1 }, { 1, 1, 1 }, sure, 2).auc)
    assert.equal((0.5 + 0) / 2, metrics.classes({ 1, 2 }, { 1, 1 }, { { 0.6, 0.4, 0 }, { 0.6, 0.3, 0.1 } }, 3).auc)
  end)
  it("ranks spectra of equal odds alike, in whatever order the classes are", function()
    local flat, inf = mb.nn.Sequential { mb.nn.Flatten {} }, math.huge
    local function auc(rows, truth)
      return mb.evaluate(flat, { x = mb.tensor(rows), y = truth }, { metrics = { "auc" } }).auc
    end
    assert.equal(0.5, auc({ { 0, 2.5, 2 }, { 0, 2.5, 2 }, { 0, 2, 2.5 }, { 0, 2, 2.5 } }, { 1, 1, 2, 3 }))
    assert.equal((0.5 + 1.5 / 4) / 2, auc({ { 9, 1, 2, 3 }, { 9, 3, 1, 2 }, { 9, 2, 3, 1 }, { 9, 1, 3, 2 } },
      { 1, 1, 2, 2 }))
    local rows, truth, odds = (mb.rng(6):random(90, 4) * 5):floor():totable(), {}, {} -- with many ties
    for i, row in ipairs(rows) do
      truth[i], odds[i] = i % 4 + 1, {}
      for k, z in ipairs(row) do
        local others = 0
        for other, value in ipairs(row) do others = others + (other ~= k and math.exp(value) or 0) end
        odds[i][k] = ("%.9f"):format(z - math.log(others)) + 0
      end
    end
    assert.near(metrics.classes(truth, truth, odds, 4).auc, auc(rows, truth), 1e-12)
    assert.equal(1, auc({ { 0, -inf }, { 0, -inf }, { 7, 0 }, { 1, 0 } }, { 1, 1, 2, 2 }))
    -- Of a pipeline, where only the rest tells which is surer.
    local shares = { { 1, 0, 1e-8, 2e-8, 3e-8 }, { 1, 0, 1e-8, 3e-8, 2e-8 }, { 1, 0, 3e-8, 2e-8, 1e-8 },
      { 1, 0, 2e-8, 3e-8, 1e-8 } }
    assert.equal(0.5, metrics.classes({ 1, 1, 2, 2 }, { 1, 1, 1, 1 }, shares, 2).auc)
  end)
  it("has an R2 for each target, whatever their units", function()
    local truth, predicted = { 1, 1001, 2, 1002, 3, 1003 }, { 2, 1002, 2, 1002, 2, 1002 }
    local found = metrics.numbers(truth, predicted, 2)
    assert.near(0, found.r2, 1e-9)
    assert.near(math.sqrt(3 / 2), found.rpd, 1e-9)
    local targets = mb.tensor { { 1, 1001 }, { 2, 1002 }, { 3, 1003 }, { 4, 1004 } }
    local x4 = mb.rng(3):normal(0, 1, 4, 3, 1)
    assert.is_true(mb.cross_validate({ "constant" }, { x = x4, y = targets },
      { folds = 2, task = "number" }).mean.r2 <= 0)
    local flat = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    flat:build({ 3, 1 })
    flat:load_state { ["2.weight"] = mb.zeros(3, 2), ["2.bias"] = mb.tensor { 2.5, 1002.5 } }
    assert.near(0, mb.evaluate(flat, { x = x4, y = targets }, { loss = "mse" }).r2, 1e-4)
    local ridge = mb.ridge.fit(x4, targets, { alpha = 1e9 })
    assert.near(0, ridge:score(x4, targets), 1e-4)
  end)
  it("counts in macro F1 the classes that occur or are predicted", function()
    local three = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 3 } }
    three:build({ 2, 1 })
    three:load_state { ["2.weight"] = mb.tensor { { 0, 0, 0 }, { 1, -1, 0 } }, ["2.bias"] = mb.tensor { 0, 0, -9 } }
    local set = { x = two, y = y }
    assert.equal(1, mb.evaluate(three, set).macro_f1)
    assert.equal(1, mb.evaluate(three, set, { metrics = { "balanced_accuracy" } }).macro_f1)
  end)
  it("is not that of a function with the name of another figure", function()
    assert.error_matches(function()
      mb.evaluate(shifted, { x = two, y = y }, { metrics = { loss = function() return 9 end } })
    end, "evaluate: metrics.loss: expected a name of your own")
  end)
end)

describe("a pipeline", function()
  it("prints itself", function()
    assert.equal("snv, savitzky_golay { derivative = 1 }, pls { components = 2 }",
      tostring(mb.pipeline { "snv", { "savitzky_golay", derivative = 1 }, { "pls", components = 2 } }))
  end)
  it("refuses what it does not know", function()
    assert.error_matches(function() mb.pipeline {} end, "expected steps and a model last, got an empty list")
    assert.error_matches(function() mb.pipeline { "snv" } end, "model: expected one of 'constant', .*got 'snv'")
    assert.error_matches(function() mb.pipeline { "snw", "pls" } end, "step 1: .*did you mean 'snv'")
    assert.error_matches(function() mb.pipeline { { "pls", component = 2 } } end, "did you mean 'components'")
    assert.error_matches(function() mb.pipeline({ "logistic" }):fit({ x = x, y = heights }) end,
      "y: row 1: expected a class number")
    local names = {}
    for i, class in ipairs(classes) do names[i] = tostring(class) end
    local set = mb.spectra.set { x = x, axis = mb.arange(1, 40), labels = { kind = names } }
    assert.error_matches(function() mb.pipeline({ "pls" }):fit(set, { label = "kind" }) end,
      "the model predicts numbers, the data hold classes %(label%)")
    assert.error_matches(function() mb.pipeline({ "pls" }):fit(set) end,
      "either label %(classes%) or target %(numbers%)")
  end)
  it("fits and predicts raw spectra with every model", function()
    for _, model in ipairs { "pls", "ridge", "neighbours", "forest", { "network", epochs = 5 } } do
      local fitted = mb.pipeline({ "snv", model }):fit({ x = x, y = heights }, { task = "number" })
      assert.same({ 60, 1 }, fitted:predict(x):shape())
    end
    for _, model in ipairs { "plsda", "logistic", "svm", "forest", "neighbours", { "network", epochs = 5 } } do
      local fitted = mb.pipeline({ "snv", model }):fit({ x = x, y = classes })
      assert.same({ 60 }, fitted:predict(x):shape())
      assert.same({ 60, 2 }, fitted:scores(x):shape())
    end
  end)
  it("chooses the simplest model that is not worse", function()
    local fitted = mb.pipeline({ "pls" }):fit({ x = x, y = heights })
    assert.is_true(fitted.value <= 3, fitted.value) -- a baseline and a peak
    assert.is_true(math.abs(fitted:predict(x):get(1, 1) - heights:get(1)) < 0.1)
  end)
end)

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

describe("a network of a pipeline", function()
  local nn = mb.nn
  local function ending(make_last)
    return { { "network", epochs = 1, net = function(outputs)
      return nn.Sequential { nn.Flatten {}, nn.Dense { units = 4, activation = "relu" }, make_last(outputs) }
    end } }
  end

  it("is refused where the training cannot scale its numbers", function()
    local function numbers(make_last)
      return mb.cross_validate(ending(make_last), { x = x, y = heights }, { folds = 2, task = "number" })
    end
    local message = "network: net: expected a network that ends in a dense layer of one unit, with a bias and without "
      .. "an activation"
    local activations = { "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "signed_sqrt", "gelu", "selu" }
    for _, name in ipairs(activations) do
      assert.error_matches(function()
        numbers(function(outputs) return nn.Dense { units = outputs, activation = name } end)
      end, message)
    end
    assert.error_matches(function() numbers(function() return nn.Dense { units = 1, bias = false } end) end, message)
    assert.error_matches(function() numbers(function() return nn.Flatten {} end) end, message)
    for _, last in ipairs { {}, { nn.Flatten {} } } do
      local found = numbers(function() return nn.Sequential { nn.Dense { units = 1 }, table.unpack(last) } end)
      assert.is_true(found.mean.rmse < 10)
    end
  end)
  it("predicts what it was trained for, in the unit of the numbers", function()
    local pipeline = mb.pipeline(ending(function() return nn.Dense { units = 1 } end))
    local one = pipeline:fit({ x = x, y = heights }, { task = "number" }):predict(x)
    local other = pipeline:fit({ x = x, y = heights * 1000 + 500 }, { task = "number" }):predict(x)
    assert.is_true((other - (one * 1000 + 500)):abs():max():item() < 1)
  end)
  it("has an output for each class", function()
    for _, units in ipairs { 1, 3 } do
      assert.error_matches(function()
        mb.cross_validate(ending(function() return nn.Dense { units = units } end), { x = x, y = classes })
      end, ("network: net: expected a network with 2 outputs, one for each class, got shape {%d}"):format(units))
    end
  end)
  it("has to be a new one for each fold", function()
    local one = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    assert.error_matches(function()
      mb.cross_validate({ { "network", epochs = 1, net = function() return one end } }, { x = x, y = classes })
    end, "network: net: expected a new network from each call, got one that was fitted before")
    assert.error_matches(function()
      mb.cross_validate({ { "network", net = function() return nil end } }, { x = x, y = classes })
    end, "network: model: expected a layer or a network of layers, got nil")
  end)
end)

describe("what is predicted", function()
  local labels = { kind = {}, sample = {} }
  for i = 1, 60 do labels.kind[i], labels.sample[i] = "k" .. classes[i], "s" .. i // 2 end
  local set = mb.spectra.set { x = x, axis = { first = 1, last = x:size(2), step = 1 }, labels = labels }
  local function refuses(message, data, options, model)
    assert.error_matches(function() mb.cross_validate({ model or "plsda" }, data, options) end, message, nil, true)
  end
  it("takes groups by the name of a label, by several names, or one for each row", function()
    local given = { "sample", { "sample" }, labels.sample, (mb.class_numbers(labels.sample)) }
    for _, groups in ipairs(given) do
      local validation = mb.cross_validate({ "plsda" }, set, { label = "kind", groups = groups })
      assert.same(mb.cross_validate({ "plsda" }, set, { label = "kind", groups = "sample" }).predicted,
        validation.predicted)
    end
    refuses("groups: no label 'samples'", set, { label = "kind", groups = { "samples" } })
    refuses("groups: expected one group for each row, got 'sample'; only a set has labels", { x = x, y = classes },
      { groups = "sample" })
  end)
  it("is cross-validated on a set that is preprocessed, too, with and without further steps", function()
    local _, prepared = mb.preprocess.fit({ "snv" }, set)
    for _, pipeline in ipairs { { "plsda" }, { "standardize", "plsda" } } do
      assert.is_true(mb.cross_validate(pipeline, prepared, { label = "kind", folds = 3 }).mean.accuracy > 0.5)
      local fitted = mb.pipeline(pipeline):fit(prepared, { label = "kind" })
      assert.same({ 60 }, fitted:predict(prepared):shape())
      assert.is_true(mb.explain.importance(pipeline, prepared, { label = "kind", bands = 3 }).error < 1)
    end
  end)
  it("is refused where it is no target, or no list of names", function()
    refuses("targets: column: expected a string, got a table", set, { target = { {} } }, "pls")
    refuses("data.classes: expected a table, got 2", { x = x, y = classes, classes = 2 })
    refuses("pls: 2 training rows are too few, so that an inner cross-validation cannot choose components; give it",
      { x = x:narrow(1, 3), y = mb.tensor { 1, 2, 4 } }, { folds = 3 }, "pls")
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

describe("data of a pipeline", function()
  it("has no class without a name", function()
    for _, model in ipairs { "constant", "plsda", "forest" } do
      assert.error_matches(function() mb.cross_validate({ model }, { x = x, y = classes, classes = { "low" } }) end,
        "cross_validate: y: row %d+: expected a class number from 1 to 1, the number of classes, got 2")
    end
  end)
  local function refused(message, pipeline, data, options)
    assert.error_matches(function() mb.cross_validate(pipeline, data, options) end, message)
  end
  it("have three dimensions, no weights, and a task that the model can do", function()
    refused("x: expected spectra %(N, L, C%), got shape", { "pls" },
      { x = x:reshape(60, 40), y = heights })
    refused("data.weights: weights of rows are not taken", { "pls" }, { x = x, y = heights, weights = heights })
    refused("task: the model predicts classes, got 'number'", { "plsda" }, { x = x, y = classes }, { task = "number" })
    refused("row 1: expected a class number, got .*; for numbers give task = 'number'", { "forest" },
      { x = x, y = heights })
  end)
end)

describe("compare", function()
  it("gives models of both tasks that of the others", function()
    local y = {}
    for i = 1, 60 do y[i] = i % 3 * 10 + 10 end
    local comparison = mb.compare({ { { "ridge", alpha = 1 } }, { { "forest", trees = 5 } } }, { x = x, y = y },
      { folds = 3 })
    assert.equal("number", comparison.task)
    assert.equal("number", comparison.rows[2].validation.task)
    assert.error_matches(function() mb.compare({ { "ridge" }, { "plsda" } }, { x = x, y = classes }) end,
      "list: expected models of one task, got 'ridge', which predicts numbers, and 'plsda', which does not")
  end)
  it("reports the folds of all pipelines, and refuses options that are none", function()
    local done = {}
    mb.compare({ { { "plsda", components = 1 } }, { "constant" } }, { x = x, y = classes },
      { folds = 3, report = function(now, all) done[#done + 1] = now .. "/" .. all end })
    assert.equal("1/6 2/6 3/6 4/6 5/6 6/6", table.concat(done, " "))
    assert.error_matches(function() mb.compare({ { "plsda" } }, { x = x, y = classes }, 3) end,
      "compare: options: expected a table, got 3")
  end)
  it("recommends the simplest pipeline that is not worse", function()
    local comparison = mb.compare({ { { "network", epochs = 2 } }, { "snv", "pls" }, { "pls" } },
      { x = x, y = heights }, { task = "number" })
    assert.equal("pls", tostring(comparison.rows[comparison.recommended].pipeline))
    assert.is_true(comparison.p_learned < 0.05)
    assert.matches("Recommended: pls", comparison:verdict())
    assert.matches("\nconstant +0%.%d+", tostring(comparison))
  end)
  it("names what is simpler than the best and as good", function()
    local comparison = mb.compare({ { { "forest", trees = 50 } }, { "plsda" } }, { x = x, y = classes })
    assert.equal("plsda", comparison.rows[comparison.recommended].pipeline.model)
  end)
  it("ranks by the RMSE of all predictions with leave-one-out", function()
    local few, y = x:narrow(1, 20), heights:narrow(1, 20)
    local list = { { { "pls", components = 1 } }, { { "pls", components = 3 } } }
    local comparison = mb.compare(list, { x = few, y = y }, { folds = 20 })
    for i, row in ipairs(comparison.rows) do
      local sum, found = 0, row.validation
      for n = 1, 20 do sum = sum + (found.predicted[n] - found.truth[n]) ^ 2 end
      assert.near(math.sqrt(sum / 20), row.mean, 1e-9)
      assert.equal(row.mean, found.mean.rmse)
      assert.is_nil(found.interval.rmse)
      assert.near(row.mean - comparison.rows[1].mean, row.difference, 1e-12)
      assert.matches("\nRMSE 0%.%d+, over all predictions\n", tostring(found))
      assert.is_true(i == 1 or row.p < 0.05)
    end
    -- The best constant, of all but one: the standard deviation with n - 1, n / (n - 1) as large.
    local mean, squares = require("moonbow.moments").mean_and_squares(y:totable())
    assert.is_true(mean > 0)
    assert.near(math.sqrt(squares / 20) * 20 / 19, comparison.constant.mean.rmse, 1e-5)
  end)
  -- How often something is recommended of random numbers.
  local function recommended(n, folds, groups)
    local count, list = 0, { { { "plsda", components = 1 } }, { { "neighbours", k = 1 } } }
    for seed = 1, 20 do
      local rng, y = mb.rng(seed), {}
      for i = 1, n do y[i] = (groups and groups[i] or i) % 2 + 1 end
      if not groups then rng:shuffle(y) end
      local comparison = mb.compare(list, { x = rng:normal(0, 1, n, 10, 1), y = y }, { folds = folds, groups = groups })
      assert.equal(0.5, comparison.constant.mean.accuracy)
      count = count + (comparison.recommended and 1 or 0)
    end
    return count
  end
  it("recommends nothing of noise with leave-one-out, or in two folds", function()
    local samples = {}
    for i = 1, 40 do samples[i] = (i - 1) // 4 end
    assert.is_true(recommended(40, 10, samples) <= 1)
    assert.is_true(recommended(20, 20) <= 1)
    assert.is_true(recommended(14, 2) <= 1)
  end)
  it("recommends what is right in all folds, unless there are too few spectra or groups", function()
    local function p_learned(n, groups)
      local ones, y = mb.zeros(n, 2, 1), {}
      for i = 1, n do
        y[i] = i % 2 + 1
        ones:set(i, y[i], 1, 1)
      end
      return mb.compare({ { { "logistic", C = 10 } } }, { x = ones, y = y }, { folds = 2, groups = groups }).p_learned
    end
    assert.near(0.5 ^ 24, p_learned(24), 1e-12)
    local groups = {}
    for i = 1, 24 do groups[i] = i % 4 end
    assert.near(0.5 ^ 4, p_learned(24, groups), 1e-12)
  end)
  it("recommends nothing where nothing can be learned", function()
    local wrong = 0
    for seed = 1, 20 do
      local y = mb.rng(seed):integers(1, 2, { endpoint = true, shape = { 60 } })
      local comparison = mb.compare({ { "plsda" }, { "snv", "plsda" }, { { "neighbours", k = 3 } } }, { x = x, y = y })
      if comparison.recommended then
        wrong = wrong + 1
      else
        assert.matches("^Nothing was learned", comparison:verdict())
      end
    end
    assert.is_true(wrong <= 1, wrong)
  end)
end)
