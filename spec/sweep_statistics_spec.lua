-- Statistics of sweeps.
local mb = require "moonbow"
local space = require "moonbow.sweep.space"
local statistics = require "moonbow.sweep.statistics"
local files = require "support.sweep_files"
local sweep = mb.sweep

teardown(files.remove)

describe("statistics of a sweep", function()
  it("ranks a configuration without a value for each seed behind those that have them", function()
    local path, options = files.new [[
      return { space = { x = { 1, 2, 3 } }, objective = "score", seeds = 2, run = function(config, trial)
        if config.x == 3 then return { score = trial.seed == 1 and 100 or 0 / 0 } end
        if config.x == 2 then return { score = 0 / 0 } end
        return { score = 1 }
      end }
    ]]
    sweep.run(path, options)
    assert.equal(1, sweep.status(path, { out = options.out }).best.config.x)
  end)

  -- Results of a grid of 4 x 3; effect is added for each level of a.
  local function results(seed, effect, seeds)
    local rng, list = mb.rng(seed), {}
    for a = 1, 4 do
      for b = 1, 3 do
        for s = 1, seeds do
          list[#list + 1] = { config = { a = a, b = b }, seed = s, status = "done",
            metrics = { m = effect * a + rng:normal() } }
        end
      end
    end
    return statistics.configurations(list, { name = "m" })
  end

  it("no factor explains more than the seed where there is only noise", function()
    local above, significant = 0, 0
    for seed = 1, 100 do
      local variance = statistics.variance(results(seed, 0, 3), { "a", "b" })
      for _, factor in ipairs(variance.factors) do
        above = above + (factor.share > variance.seed and 1 or 0)
        significant = significant + (factor.corrected < 0.05 and 1 or 0)
      end
    end
    assert.is_true(above <= 5)
    assert.is_true(significant <= 10)
  end)

  it("a factor under a condition does not count what its condition explains", function()
    local rng, list = mb.rng(5), {}
    for i, config in ipairs { { norm = "none" }, { norm = "batch", m = 0.9 }, { norm = "batch", m = 0.99 } } do
      for s = 1, 5 do
        list[#list + 1] = { config = config, seed = s, status = "done",
          metrics = { score = (i == 1 and 10 or 0) + rng:normal() } }
      end
    end
    local variance = statistics.variance(statistics.configurations(list, { name = "score" }), { "norm", "m" })
    assert.equal("norm", variance.factors[1].name)
    assert.is_true(variance.factors[1].share > 0.9)
    assert.is_true(variance.factors[2].share < 0.05)
  end)

  it("a factor with an effect explains most, and the best differs by a paired, corrected test", function()
    local configurations = results(1, 10, 5)
    statistics.compare(configurations)
    local variance = statistics.variance(configurations, { "a", "b" })
    assert.equal("a", variance.factors[1].name)
    assert.is_true(variance.factors[1].share > 0.95)
    assert.equal(4, configurations[1].config.a)
    assert.is_true(configurations[12].difference.corrected < 0.05)
    assert.is_true(configurations[12].difference.mean < -25)
  end)

  it("few sweeps of equal configurations have one that differs from the best, which the same values chose", function()
    for _, count in ipairs { 10, 40 } do
      local wrong = 0
      for sweep_seed = 1, 200 do
        local rng, list = mb.rng(sweep_seed), {}
        for x = 1, count do
          for s = 1, 5 do
            list[#list + 1] = { config = { x = x }, seed = s, status = "done", metrics = { score = rng:normal() } }
          end
        end
        local configurations = statistics.configurations(list, { name = "score" }, 5)
        statistics.compare(configurations)
        local least = 1
        for i = 2, count do least = math.min(least, configurations[i].difference.corrected) end
        wrong = wrong + (least < 0.05 and 1 or 0)
      end
      assert.is_true(wrong <= 10)
    end
  end)

  -- Configurations with these values, { m = { value of each seed } }.
  local function configurations_of(by_m)
    local list = {}
    for m, values in pairs(by_m) do
      for s, value in ipairs(values) do
        list[#list + 1] = { config = { m = m }, seed = s, status = "done", metrics = { score = value } }
      end
    end
    return statistics.configurations(list, { name = "score" }, 2)
  end

  it("there is no p where all differences are equal, but for rounding", function()
    local configurations = configurations_of { a = { 48 / 50, 47 / 50 }, b = { 47 / 50, 46 / 50 },
      c = { 0.1 + 0.2, 0.3 }, d = { 0.3, 0.3 } }
    statistics.compare(configurations)
    local difference = configurations[2].difference
    assert.same({ "b", 2, 0 }, { configurations[2].config.m, difference.n, difference.sd })
    assert.near(-0.02, difference.mean, 1e-12)
    assert.is_nil(difference.p)
    assert.is_nil(difference.corrected)
    local equal = { configurations[3], configurations[4] }
    statistics.compare(equal)
    assert.equal(1, equal[2].difference.p)
  end)

  it("a factor has no p where no value varies with the seed, but for rounding", function()
    for _, third in ipairs { 0.3, 0.1 + 0.2 } do
      local configurations = configurations_of { a = { 0.3, third }, b = { 0.4, 0.4 } }
      local variance = statistics.variance(configurations, { "m" })
      assert.same({ false, nil }, { variance.varies, variance.factors[1].p })
      assert.near(1, variance.factors[1].share, 1e-9)
    end
    local same = statistics.variance(configurations_of { a = { 0.3, 0.3 }, b = { 0.1 + 0.2, 0.3 } }, { "m" })
    assert.equal(1, same.factors[1].p)
  end)

  it("a page says so where no value varies with the seed", function()
    local path, options = files.new((files.SIMPLE:gsub(" %+ mb[^}]*", " ")))
    sweep.run(path, options)
    sweep.collect(path, { out = options.out })
    local page = files.read(files.folder(path, options).path .. "/page.html")
    assert.matches("<b>No value varies with the seed", page, 1, true)
    assert.is_nil(page:find("&lt; 0.001", 1, true) or page:find("< 0.001", 1, true))
  end)

  it("importance counts shuffles that reach the results but for rounding: p is that of any value", function()
    local p = {}
    for best = 1, 3 do
      local configurations = {}
      for i = 0, 11 do
        local x = (best - 1 + i // 4) % 3 + 1
        configurations[i + 1] = { config = { x = x }, n = 1, mean = -i, list = { -i } }
      end
      p[best] = statistics.importance(configurations, space.parse { x = { 1, 2, 3 } })[1].p
    end
    assert.same({ p[1], p[1], p[1] }, p)
  end)

  it("tail probabilities are those of SciPy", function()
    local distributions = require "moonbow.distributions"
    assert.near(0.05, distributions.student_p(2.2281388519649385, 10), 1e-9)
    assert.near(0.05, distributions.fisher_p(4.102821015130403, 2, 10), 1e-9)
    assert.near(2.2281388519649385, distributions.student_quantile(0.05, 10), 1e-9)
    assert.near(0.05, distributions.gamma_p(11.070497693516351, 5, 10), 1e-9) -- chi squared, 5 degrees of freedom
    assert.near(0.9625657732472964, distributions.gamma_p(1, 5, 10), 1e-9)
  end)
end)
