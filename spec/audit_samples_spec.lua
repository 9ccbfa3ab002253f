-- What mb.audit looks at of many spectra: rows drawn at random, of all classes, in whatever order they come.
local mb = require "moonbow"
local audited = require "support.audited"
local nn = mb.nn
local LENGTH, net, lists, peaks = audited.LENGTH, audited.net, audited.lists, audited.peaks
local gaussian, noise = audited.gaussian, audited.noise

local function reordered(part, rows)
  local y = {}
  for i, row in ipairs(rows) do y[i] = part.y[row] end
  return { x = part.x:index(mb.tensor(rows)), y = y }
end

local function shuffled(n) return lists(n, function(i) return (i * 7919) % n + 1 end) end -- 7919 is a prime

describe("of sets that are sorted by class, mb.audit", function()
  it("judges a network on all classes", function()
    local function class_of(n)
      return function(i)
        if i <= n then return 1, 0.9 end
        return 2, i % 5 < 3 and 1.3 or 1
      end
    end
    local train, test = peaks(1800, 1, class_of(900)), peaks(600, 9, class_of(300))
    local found = mb.audit(audited.by_height(1.1, 40), { train = train, test = test }, { rules = { "overfit" } })
    assert.equal(1, found.looked)
    assert.is_nil(found:has "overfit")
  end)
  it("finds no dead filters where the first spectra are blank", function()
    local model = net { nn.Conv1d { filters = 4, kernel = 3, padding = "same", activation = "relu",
      initializer = "ones", bias_initializer = -0.5 }, nn.GlobalMaxPool1d {}, nn.Dense { units = 2 } }
    local train = peaks(600, 1, function(i) return i <= 300 and 1 or 2, i <= 300 and 0 or 1 end)
    assert.is_nil(mb.audit(model, train, { trained = true, rules = { "dead_filters" } }):has "dead_filters")
  end)
  it("compares running variances with those of shuffled batches, as they were in the training", function()
    local train = peaks(1200, 1, function(i) return i <= 600 and 1 or 2, i <= 600 and 1 or 2.5 end)
    local model = audited.trained(net { nn.GlobalMaxPool1d {}, nn.BatchNorm1d { momentum = 0.9 },
      nn.Dense { units = 2 } }, { train = train }, 4)
    for _, rows in ipairs { lists(1200, function(i) return i end), shuffled(1200) } do
      local found = mb.audit(model, reordered(train, rows), { rules = { "stale_variance" } })
      assert.is_nil(found:has "stale_variance", tostring(found))
    end
  end)
  it("measures peaks of all classes", function()
    local function draw(values, _, rng, i)
      if i > 300 then gaussian(values, 50, 1, 8) end
      noise(values, rng, 1e-4)
    end
    local part = audited.spectra(1000, 1, draw)
    local set = { x = part.x, y = lists(1000, function(i) return i > 300 and 2 or 1 end) }
    local found = mb.audit(audited.with_body(audited.conv { kernel = 2 }), set, { rules = { "field_below_peak" } })
    assert.is_truthy(found:has "field_below_peak")
  end)
  it("draws the same rows for the same seed, of each class its share", function()
    local draw = require "moonbow.audit.parts".draw
    local part = { x = mb.rand(3000, LENGTH, 1), y = mb.tensor(lists(3000, function(i) return i <= 30 and 1 or 2 end)) }
    local one, again, other = draw(part, 200, 1), draw(part, 200, 1), draw(part, 200, 2)
    assert.same(one.rows, again.rows)
    assert.not_same(one.rows, other.rows)
    assert.equal(200, one.x:size(1))
    assert.equal(2, one.y:eq(1):sum():item())
    for i, row in ipairs(one.rows) do
      assert.is_true(i == 1 or row > one.rows[i - 1])
      assert.equal(part.y[row], one.y[i])
    end
    local few = draw(one, 50, 3) -- its rows are those of the whole part
    for i, row in ipairs(few.rows) do assert.equal(part.x[row][1][1], few.x[i][1][1]) end
    assert.equal(part, draw(part, 3000, 1))
  end)
  it("finds a value that is NaN among spectra that it does not look at", function()
    local part = { x = mb.rand(2500, 10, 1), y = lists(2500, function(i) return i % 2 + 1 end) }
    for row = 1, 2500, 100 do
      local x = part.x * 1
      x[row][3][1] = 0 / 0
      local found = mb.audit(net({ nn.Flatten {}, nn.Dense { units = 2 } }, 10), { x = x, y = part.y },
        { rules = { "not_finite" } })
      assert.equal(1, found:has("not_finite").value)
    end
  end)
end)

describe("of more spectra than it looks at, mb.audit", function()
  local n, points = 6000, 10
  local x = mb.rand(mb.rng(1), n, points, 1)
  local y = lists(n, function(i) return i <= n // 2 and 1 or 2 end)
  local groups = lists(n, function(i) return "sample " .. i end)
  local model = net({ nn.Flatten {}, nn.Dense { units = 2 } }, points)
  local tenths = lists(60, function(i) return i * n // 60 end)
  local function at(list) return lists(60, function(i) return list[tenths[i]] end) end
  it("counts samples, files and copies in all spectra", function()
    local test = { x = x:index(mb.tensor(tenths)), y = at(y), groups = at(groups) }
    local files = lists(n, function(i) return (i - 1) // 100 .. ".csv" end)
    local found = mb.audit(model, { train = { x = x, y = y, groups = groups, files = files }, test = test },
      { rules = { "shared_samples", "twins", "files" } })
    assert.matches("^60 of 60 test spectra are of samples", found:has("shared_samples").text)
    assert.matches("^60 of 60 test spectra are nearly .* or copies%.$", found:has("twins").text)
    assert.matches("with 100 spectra on average, and a class comes from as few as 30 files", found:has("files").text)
    test.groups = lists(60, function(i) return i == 5 and groups[777] or "new " .. i end)
    found = mb.audit(model, { train = { x = x, y = y, groups = groups }, test = test },
      { rules = { "shared_samples" } })
    assert.matches("^1 of 60 test spectra is of samples", found:has("shared_samples").text)
    found = mb.audit(model, { train = test, test = { x = x, y = y, groups = groups } },
      { rules = { "shared_samples", "twins" } })
    assert.matches("^1 of 6000 test spectra is of samples", found:has("shared_samples").text)
    assert.matches("^60 of 6000 test spectra are nearly", found:has("twins").text)
  end)
  it("finds every contradiction, and every class", function()
    local again = mb.concat({ x, x:narrow(301, 3) }, 1)
    local both = table.move({ 2, 2, 3 }, 1, 3, n + 1, table.move(y, 1, n, 1, {}))
    local names = { "contradictions", "output_count", "imbalance" }
    local found = mb.audit(model, { x = again, y = both }, { rules = names })
    assert.matches("^3 pairs of .* such as rows 301 and 6001%.$", found:has("contradictions").text)
    assert.same({ 301, 6001 }, found:has("contradictions").rows)
    assert.matches("2 outputs for 3 classes", found:has("output_count").text)
    assert.equal(3002, found:has("imbalance").value)
  end)
  it("compares as many as a few seconds allow", function()
    local parts = require "moonbow.audit.parts"
    local rows = 2e4 // 1 | 0
    local huge = { x = mb.zeros(rows, points, 1), y = mb.ones(rows), n = rows, name = "training" }
    huge.all = huge
    local few = { x = huge.x:narrow(1, 100), y = huge.y:narrow(1, 100), n = 100, name = "test" }
    few.all = few
    assert.equal(1e4, parts.among_themselves(huge, 1).x:size(1)) -- 1e8 pairs
    assert.equal(" 10000 of 20000 training spectra were looked at.", parts.tell(parts.among_themselves(huge, 1)))
    local one, other = parts.across(huge, huge, 1)
    assert.same({ 2e4, 5000 }, { one.x:size(1), other.x:size(1) })
    one, other = parts.across(huge, few, 1)
    assert.same({ 2e4, 100, "" }, { one.x:size(1), other.x:size(1), parts.tell(one) })
  end)
  it("says of how many spectra a sentence holds", function()
    local all = { train = { x = x, y = y }, test = { x = x, y = y } }
    local function text(rule, network)
      return mb.audit(network or model, all, { trained = true, rules = { rule } }):has(rule).text
    end
    assert.matches(" 2000 of 6000 test spectra were looked at%.$", text "chance")
    local dead = net({ nn.Conv1d { filters = 4, kernel = 3, activation = "relu", initializer = -1, bias = false },
      nn.Flatten {}, nn.Dense { units = 2 } }, points)
    assert.matches(" 1000 of 6000 training spectra were looked at%.$", text("dead_filters", dead))
    assert.matches(" 32 of 6000 training spectra were looked at%.$", text("dead_at_start", dead))
  end)
  it("asks for no more test spectra where it did not look at all", function()
    local few_tests
    for _, rule in ipairs(require "moonbow.audit.rules") do
      if rule.name == "few_tests" then few_tests = rule end
    end
    local function find(count) -- of 60 test spectra, which a large network makes it draw
      local part = { x = x:narrow(1, count), n = 60, name = "test" }
      return few_tests.find { judged = { count = count, accuracy = 0.5, low = 0.4, high = 0.6 }, judged_part = part,
        other = { n = 60 }, count_unseen = tostring }
    end
    assert.same({ nil, "only 20 of 60 test spectra were looked at" }, { find(20) })
    assert.is_table(find(60))
  end)
end)
