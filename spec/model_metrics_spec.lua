-- Metrics of classes and of numbers, of predictions and of models.
local mb = require "moonbow"
local metrics = require "moonbow.pipeline.metrics"
local moments = require "moonbow.moments"
local regressor = require "moonbow.baselines.regressor"

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
