-- The comparison of several pipelines, and which is recommended.
local mb = require "moonbow"
local made_heights = require "support.made_heights"

local x, heights, classes = made_heights(60, 1)

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
