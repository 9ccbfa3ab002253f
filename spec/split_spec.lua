-- Splits: every row once, classes and groups as asked, the same for the same seed.
local mb = require "moonbow"

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

local function ones(n)
  local list = {}
  for i = 1, n do list[i] = 1 end
  return list
end

describe("k_fold", function()
  it("tests every row once", function()
    assert.same(ones(23), seen(mb.split.k_fold(23, 5), 23))
  end)
  it("depends on the seed alone", function()
    local function first(seed) return mb.split.k_fold(50, 5, { seed = seed })[1].test:totable() end
    assert.same(first(1), first(1))
    assert.is_not.same(first(1), first(2))
  end)
  it("shares classes out", function()
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
    for _, fold in ipairs(folds) do
      local tested = {}
      for _, i in ipairs(fold.test:totable()) do tested[groups[i // 1 | 0]] = true end
      for _, i in ipairs(fold.train:totable()) do assert.is_nil(tested[groups[i // 1 | 0]]) end
    end
  end)
  it("refuses what cannot be", function()
    assert.error_matches(function() mb.split.k_fold(3, 4) end, "k: expected 2 to 3, the number of rows, got 4")
    assert.error_matches(function() mb.split.k_fold(3, 1) end, "got 1")
    assert.error_matches(function() mb.split.k_fold(0, 2) end, "n: expected")
    assert.error_matches(function() mb.split.k_fold(4, 3, { groups = { 1, 1, 2, 2 } }) end, "number of groups")
    assert.error_matches(function() mb.split.k_fold(4, 2, { groups = { 1 } }) end, "expected 4 entries, got 1")
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
    for _, share in ipairs { 0, 0.01, 0.99, 1 } do
      local train, test = mb.split.holdout(2, share)
      assert.same({ 1, 1 }, { #train, #test })
    end
  end)
end)
