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
