-- Splits: every row once, classes and groups as asked, equal for equal seeds.
local mb = require "moonbow"
local said = require "support.said"

local function seen(folds, n)
  local times = {}
  for i = 1, n do times[i] = 0 end
  for _, fold in ipairs(folds) do
    local in_test = {}
    for _, i in ipairs(fold.test:totable()) do
      times[i // 1 | 0] = times[i // 1 | 0] + 1
      in_test[i] = true
    end
    assert.equal(n, #fold.train + #fold.test)
    for _, i in ipairs(fold.train:totable()) do assert.is_nil(in_test[i]) end
  end
  return times
end

-- Returns the values of the rows, one per group, whose rows are on both sides of a fold.
local function torn(folds, groups)
  local both = {}
  for _, fold in ipairs(folds) do
    local tested = {}
    for _, i in ipairs(fold.test:totable()) do tested[groups[i // 1 | 0]] = true end
    for _, i in ipairs(fold.train:totable()) do
      if tested[groups[i // 1 | 0]] then both[#both + 1] = groups[i // 1 | 0] end
    end
  end
  return both
end

local function sizes(folds)
  local list = {}
  for f, fold in ipairs(folds) do list[f] = #fold.test end
  table.sort(list)
  return list
end

local function ones(n)
  local list = {}
  for i = 1, n do list[i] = 1 end
  return list
end

describe("k_fold", function()
  it("raises at once for more rows than a tensor can number", function()
    local message = "n: expected at most 16777216, got 2147483648"
    assert.error_matches(function() mb.split.k_fold(1 << 31, 2) end, "k_fold: " .. message)
    assert.error_matches(function() mb.split.holdout(1 << 31, 0.2) end, "holdout: " .. message)
  end)
  it("tests every row once", function()
    assert.same(ones(23), seen(mb.split.k_fold(23, 5), 23))
  end)
  it("depends on the seed alone", function()
    local function first(seed) return mb.split.k_fold(50, 5, { seed = seed })[1].test:totable() end
    assert.same(first(1), first(1))
    assert.is_not.same(first(1), first(2))
  end)
  it("distributes classes evenly", function()
    local y = {}
    for i = 1, 60 do y[i] = i <= 40 and "a" or "b" end
    for _, fold in ipairs(mb.split.k_fold(60, 4, { stratify = y })) do
      local count = 0
      for _, i in ipairs(fold.test:totable()) do count = count + (y[i // 1 | 0] == "a" and 1 or 0) end
      assert.equal(10, count)
    end
  end)
  it("keeps groups together", function()
    local groups = {}
    for i = 1, 60 do groups[i] = "g" .. i % 20 end
    local folds = mb.split.k_fold(60, 5, { groups = groups })
    assert.same(ones(60), seen(folds, 60))
    assert.same({}, torn(folds, groups))
  end)
  it("keeps groups together that are a tensor (N, 1)", function()
    local groups = { 1, 1, 2, 2, 3, 3 }
    assert.same({}, torn(mb.split.k_fold(6, 3, { groups = mb.tensor(groups):reshape(6, 1) }), groups))
    assert.same({}, torn(mb.split.k_fold(6, 3, { groups = mb.tensor(groups):reshape(6, 1):totable() }), groups))
    local train, test = mb.split.holdout(6, 0.3, { groups = mb.tensor(groups):reshape(6, 1) })
    assert.same({}, torn({ { train = train, test = test } }, groups))
  end)
  it("accepts groups called false", function()
    local groups = { false, false, false, false, true, true, true, true }
    local folds = mb.split.k_fold(8, 2, { groups = groups })
    assert.same({}, torn(folds, groups))
    assert.same({ 4, 4 }, sizes(folds))
  end)
  it("distributes classes that are a tensor (N, 1), or are called false", function()
    local y = {}
    for i = 1, 60 do y[i] = i <= 40 and 1 or 2 end
    local function tests(folds)
      local list = {}
      for f, fold in ipairs(folds) do list[f] = fold.test:totable() end
      return list
    end
    local expected = tests(mb.split.k_fold(60, 4, { stratify = y }))
    assert.same(expected, tests(mb.split.k_fold(60, 4, { stratify = mb.tensor(y):reshape(60, 1) })))
    for i = 1, 60 do y[i] = i <= 40 end
    assert.same(expected, tests(mb.split.k_fold(60, 4, { stratify = y })))
  end)
  it("makes folds of groups as even as their sizes allow", function()
    local groups, y = {}, {}
    for g, size in ipairs { 40, 30, 20, 5, 3, 2 } do
      for _ = 1, size do groups[#groups + 1] = "g" .. g end
    end
    for seed = 1, 5 do
      assert.same({ 30, 30, 40 }, sizes(mb.split.k_fold(100, 3, { groups = groups, seed = seed })))
    end
    -- Groups of several classes: each fold gets its share of the rarer class, too.
    for i = 1, 100 do groups[i], y[i] = (i - 1) // 5, (i - 1) // 5 % 4 == 0 and i % 5 == 0 and "rare" or "common" end
    for _, fold in ipairs(mb.split.k_fold(100, 5, { groups = groups, stratify = y })) do
      local rare = 0
      for _, i in ipairs(fold.test:totable()) do rare = rare + (y[i // 1 | 0] == "rare" and 1 or 0) end
      assert.same({ 20, 1 }, { #fold.test, rare })
    end
  end)
  it("refuses empty groups and classes, and names their row", function()
    for _, name in ipairs { "groups", "stratify" } do
      local function refuses(message, values)
        assert.error_matches(function() mb.split.k_fold(4, 2, { [name] = values }) end, name .. ": " .. message)
        assert.error_matches(function() mb.split.holdout(4, 0.5, { [name] = values }) end, name .. ": " .. message)
      end
      refuses("row 2: .*got NaN", { 1, 0 / 0, 2, 2 })
      refuses("row 3: .*got NaN", mb.tensor { 1, 2, 0 / 0, 1 })
      refuses("row 2: .*got nil", { 1, nil, 2, 2 })
      refuses("row 4: .*got a blank string", { "a", "b", "b", " " })
      refuses("row 1: .*got a table", { { 1, 2 }, { 1, 2 }, { 2, 3 }, { 2, 3 } })
      refuses("expected 4 labels, one per row, got 5", { 1, 1, 2, 2, 3 })
      refuses("expected one label per row, %(N%) or %(N, 1%), got shape {2, 2}", mb.ones(2, 2))
    end
    assert.error_matches(function() mb.split.k_fold(4, 2, { groups = { 1, 1, 1, 1 } }) end,
      "k_fold: expected at least 2 groups, got 1$")
  end)
  it("names classes that a fold lacks", function()
    local y = { "a", "a", "a", "a", "b", "b", "c" }
    local text = said(function() mb.split.k_fold(7, 3, { stratify = y }) end)
    assert.matches("warning: .*split_spec.lua:%d+: k_fold: [^\n]* in one part only[^\n]*: 'c' %(1%)\n", text)
    assert.matches("k_fold: [^\n]*the test rows of some of the 3 folds lack: 'b' %(2%)\n", text)
    text = said(function() mb.split.holdout(7, 0.5, { stratify = y }) end)
    assert.matches("holdout: [^\n]* in one part only[^\n]*: 'c' %(1%)\n$", text)
    assert.equal("", said(function() mb.split.k_fold(6, 2, { stratify = { 1, 1, 1, 2, 2, 2 } }) end))
    -- Of many classes the rarest are named, equal ones by their names.
    y = { "h", "g", "f", "e", "d", "c", "b", "a", "a", "z", "z", "z" }
    text = said(function() mb.split.k_fold(12, 3, { stratify = y }) end)
    assert.matches("in one part only[^\n]*: 'b' %(1%), 'c' %(1%), 'd' %(1%), 'e' %(1%), 'f' %(1%) and 2 more\n", text)
    -- A class in one group: the fold that tests it has not trained on it.
    local groups = { "a", "a", "b", "b", "c", "c", "c", "c" }
    text = said(function() mb.split.k_fold(8, 2, { stratify = { 1, 1, 1, 1, 2, 2, 2, 2 }, groups = groups }) end)
    assert.matches("in one part only[^\n]*: 2 %(4%)\n$", text)
  end)
  it("names the function that was called, not its own", function()
    local set = { x = mb.randn(mb.rng(1), 6, 4, 1), y = { 1, 2, 2, 2, 2, 2 } }
    local ridge, flat = mb.pipeline { { "ridge", alpha = 1 } }, mb.nn.Sequential { mb.nn.Flatten {} }
    local function fit(validation)
      local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
      return function() mb.fit(model, set, { epochs = 1, verbose = false, validation = validation }) end
    end
    local function validate(options)
      options.verbose = false
      return function() mb.cross_validate(ridge, set, options) end
    end
    local function probe(folds)
      return function() mb.probe(flat, set.x, set.y, mb.forest.fit, { folds = folds }) end
    end
    local of_class = { "a", "b", "b", "b", "b", "b" }
    for message, f in pairs {
      ["fit validation: groups: expected 6 labels, one per row, got 2$"] = fit { groups = { 1, 2 } },
      ["fit validation: groups: each class lies in one part"] = fit { groups = of_class },
      ["fit validation: expected at least 2 groups, got 1$"] = fit { groups = { 1, 1, 1, 1, 1, 1 } },
      ["cross_validate: folds: expected 2 to 6, the number of rows, got 20$"] = validate { folds = 20 },
      ["cross_validate: expected at least 2 groups, got 1$"] = validate { groups = { 1, 1, 1, 1, 1, 1 } },
      ["explain.importance: folds: expected 2 to 2, the number of groups, got 5$"] = function()
        mb.explain.importance(mb.pipeline { "plsda" }, set, { groups = of_class })
      end,
      ["probe: folds: expected 2 to 6, the number of rows, got 7$"] = probe(7),
    } do
      assert.error_matches(f, message)
    end
    assert.matches("spec.lua:%d+: fit validation: classes, with their rows, that are in one part only", said(fit(0.5)))
    assert.matches("spec.lua:%d+: probe: classes, with their rows, that are in one part only", said(probe(3)))
  end)
  it("refuses groups that equal the classes", function()
    local y = { 1, 1, 2, 2, 3, 3 }
    for _, split in ipairs { function(o) mb.split.k_fold(6, 3, o) end, function(o) mb.split.holdout(6, 0.3, o) end } do
      assert.error_matches(function() split { stratify = y, groups = y } end, "are the groups the classes%?")
    end
  end)
  it("refuses invalid arguments", function()
    assert.error_matches(function() mb.split.k_fold(3, 4) end, "k: expected 2 to 3, the number of rows, got 4")
    assert.error_matches(function() mb.split.k_fold(3, 1) end, "got 1")
    assert.error_matches(function() mb.split.k_fold(0, 2) end, "n: expected")
    assert.error_matches(function() mb.split.k_fold(4, 3, { groups = { 1, 1, 2, 2 } }) end, "number of groups")
    assert.error_matches(function() mb.split.k_fold(4, 2, { groups = { 1 } }) end, "4 labels, one per row, got 1")
  end)
end)

describe("holdout", function()
  it("takes about the share of each class", function()
    local y = {}
    for i = 1, 100 do y[i] = i <= 80 and 1 or 2 end
    local train, test = mb.split.holdout(100, 0.25, { stratify = y, seed = 4 })
    assert.same({ 75, 25 }, { #train, #test })
    local second = 0
    for _, i in ipairs(test:totable()) do second = second + (i > 80 and 1 or 0) end
    assert.equal(5, second)
  end)
  it("leaves neither part empty", function()
    for _, share in ipairs { 0.01, 0.99 } do
      local train, test = mb.split.holdout(2, share)
      assert.same({ 1, 1 }, { #train, #test })
    end
  end)
  it("refuses shares with which one part would be empty", function()
    for _, share in ipairs { 0, 1, -1, 2, 0 / 0 } do
      assert.error_matches(function() mb.split.holdout(10, share) end, "^holdout: share: expected a number")
    end
    assert.error_matches(function() mb.split.holdout(10, "1") end, "share: expected a number, got '1'")
  end)
end)
