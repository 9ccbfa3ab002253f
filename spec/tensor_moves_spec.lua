-- What chooses, orders, joins and cuts tensors, and reductions over several dimensions, against loops in Lua.
local mb = require "moonbow"
local seeded = require "support.seeded"
local nan, inf = 0 / 0, math.huge

local rng
local it = seeded.it(it, function(seed) rng = mb.rng(seed) end)

local function integer(low, high)
  if low == high then return low end
  return math.tointeger(rng:integers(low, high, { shape = { 1 } }):item())
end

-- A tensor of random shape with ties, and sometimes NaN or infinity.
local function random_tensor(finite)
  local shape = {}
  for d = 1, integer(1, 4) do shape[d] = integer(1, 5) end
  local x = rng:integers(-3, 3, { shape = shape })
  if not finite and integer(1, 3) == 1 then
    x:reshape(-1):set(integer(1, x:count()), ({ nan, inf, -inf })[integer(1, 3)])
  end
  return x
end

-- The lists of x along a dimension, in the order of the elements of a tensor without that dimension.
local function columns(x, dimension)
  local shape, lists, order = x:shape(), {}, {}
  for d = 1, #shape do
    if d ~= dimension then order[#order + 1] = d end
  end
  order[#order + 1] = dimension
  local rows = x:permute(table.unpack(order)):reshape(-1, shape[dimension])
  for i = 1, #rows do lists[i] = rows[i]:totable() end
  return lists
end

local function same(a, b)
  assert.equal(#a, #b)
  for i = 1, #a do
    local equal = a[i] == b[i] or a[i] ~= a[i] and b[i] ~= b[i]
    local close = math.abs(a[i] - b[i]) <= 1e-5 * math.abs(b[i])
    if not equal and not close then error(("element %d: %s, expected %s"):format(i, a[i], b[i])) end
  end
end

local function flat(x) return x:reshape(-1):totable() end

local function has_nan(list)
  for _, value in ipairs(list) do
    if value ~= value then return true end
  end
  return false
end

local function ascending(list)
  local numbers, nans = {}, 0
  for _, value in ipairs(list) do
    if value == value then numbers[#numbers + 1] = value else nans = nans + 1 end
  end
  table.sort(numbers)
  for _ = 1, nans do numbers[#numbers + 1] = nan end
  return numbers
end

local of_list = {
  sum = function(list)
    local sum = 0
    for _, value in ipairs(list) do sum = sum + value end
    return sum
  end,
  prod = function(list)
    local product = 1
    for _, value in ipairs(list) do product = product * value end
    return product
  end,
  any = function(list)
    for _, value in ipairs(list) do
      if value ~= 0 then return 1 end
    end
    return 0
  end,
  all = function(list)
    for _, value in ipairs(list) do
      if value == 0 then return 0 end
    end
    return 1
  end,
  norm = function(list)
    local sum = 0
    for _, value in ipairs(list) do sum = sum + value * value end
    return math.sqrt(sum)
  end,
  logsumexp = function(list)
    local sum = 0
    for _, value in ipairs(list) do sum = sum + math.exp(value) end
    return math.log(sum)
  end,
  median = function(list)
    local sorted, n = ascending(list), #list
    if has_nan(list) then return nan end
    return n % 2 == 1 and sorted[(n + 1) // 2] or (sorted[n // 2] + sorted[n // 2 + 1]) / 2
  end,
}

describe("reductions of 200 random tensors", function()
  for name, expected in pairs(of_list) do
    it(name .. " are those of loops", function()
      for _ = 1, 200 do
        local x = random_tensor()
        local dimension = integer(1, x:rank())
        local results = {}
        for i, list in ipairs(columns(x, dimension)) do results[i] = expected(list) end
        same(flat(x[name](x, dimension)), results)
        same({ x[name](x):item() }, { expected(flat(x)) })
        local shape = x:shape()
        shape[dimension] = 1
        assert.same(shape, x[name](x, dimension, { keep = true }):shape())
      end
    end)
  end
  it("over several dimensions are those of all their elements", function()
    for _ = 1, 50 do
      local x = rng:normal(0, 1, 2, 3, 4, 2)
      for name in pairs(of_list) do
        local several = x[name](x, { 4, 2 })
        local merged = x:permute(1, 3, 2, 4):reshape(2, 4, 6)
        assert.same({ 2, 4 }, several:shape())
        same(flat(several), flat(merged[name](merged, 3)))
        assert.same({ 2, 1, 4, 1 }, x[name](x, { 2, 4 }, { keep = true }):shape())
        same(flat(x[name](x, { 1, 2, 3, 4 })), flat(x[name](x)))
      end
    end
  end)
  it("logsumexp does not overflow, and has the infinities", function()
    assert.is_near(1000 + math.log(2), mb.tensor { 1000, 1000 }:logsumexp():item(), 1e-3)
    same({ inf, -inf }, { mb.tensor { 1, inf }:logsumexp():item(), mb.tensor { -inf, -inf }:logsumexp():item() })
  end)
  it("quantile is interpolated as in NumPy", function() -- numpy.quantile([3, 1, 2, 10], [0, 0.1, 0.5, 0.75, 1])
    local expected = { [0] = 1, [0.1] = 1.3, [0.5] = 2.5, [0.75] = 4.75, [1] = 10 }
    for q, value in pairs(expected) do
      assert.is_near(value, mb.tensor { 3, 1, 2, 10 }:quantile(q):item(), 1e-6)
    end
    assert.same({ 2, 1 }, mb.ones(2, 3):quantile(0.5, 2, { keep = true }):shape())
  end)
  it("refuse dimensions that are none", function()
    local x = mb.ones(2, 3)
    assert.error_matches(function() x:sum { 1, 3 } end, "sum: dimensions%[2%]: expected 1 to 2, got 3")
    assert.error_matches(function() x:sum { 1, 1 } end, "sum: dimensions: 1 is given twice")
    assert.error_matches(function() x:sum {} end, "sum: dimensions: expected at least one")
    assert.error_matches(function() x:quantile(2) end, "quantile: q: expected a number from 0 to 1, got 2")
    assert.error_matches(function() x:norm(1, { p = -1 }) end, "norm: p: expected a number above 0, got %-1")
  end)
end)

describe("along a dimension", function()
  it("200 random tensors are sorted, stably, with NaN last", function()
    for case = 1, 200 do
      local x = random_tensor()
      local dimension = integer(1, x:rank())
      local sorted, positions = x:sort(dimension)
      local falling, back = x:sort(dimension, { descending = true })
      local of_sorted, of_positions = columns(sorted, dimension), columns(positions, dimension)
      for i, list in ipairs(columns(x, dimension)) do
        same(of_sorted[i], ascending(list))
        for j = 2, #list do
          local tied = of_sorted[i][j] == of_sorted[i][j - 1]
          assert.is_true(not tied or of_positions[i][j - 1] < of_positions[i][j], "case " .. case)
        end
      end
      same(flat(x:gather(dimension, positions)), flat(sorted))
      same(flat(x:gather(dimension, back)), flat(falling))
      local k = integer(1, x:size(dimension))
      same(flat((x:topk(k, dimension))), flat(falling:slice(dimension, 1, k)))
    end
  end)
  it("running sums, differences, flips and rolls are those of loops", function()
    for _ = 1, 200 do
      local x = random_tensor(true)
      local dimension, shift = integer(1, x:rank()), integer(-7, 7)
      local sums, flips = columns(x:cumsum(dimension), dimension), columns(x:flip(dimension), dimension)
      local rolls = columns(x:roll(shift, dimension), dimension)
      local differences = x:size(dimension) > 1 and columns(x:diff(dimension), dimension)
      for i, list in ipairs(columns(x, dimension)) do
        local sum, n = 0, #list
        for j, value in ipairs(list) do
          sum = sum + value
          assert.same({ sum, value, value }, { sums[i][j], flips[i][n + 1 - j], rolls[i][(j - 1 + shift) % n + 1] })
          if differences and j > 1 then assert.equal(value - list[j - 1], differences[i][j - 1]) end
        end
      end
    end
  end)
  it("pads are zeros, mirrors and repeated ends", function()
    local x = mb.tensor { 1, 2, 3 }
    assert.same({ 0, 0, 1, 2, 3, 0 }, x:pad(2, 1):totable())
    assert.same({ 3, 2, 1, 2, 3, 2 }, x:pad(2, 1, { mode = "reflect" }):totable())
    assert.same({ 1, 1, 1, 2, 3, 3 }, x:pad(2, 1, { mode = "edge" }):totable())
    assert.same({ 2, 6, 1 }, mb.ones(2, 3, 1):pad(3, 0, { dimension = 2 }):shape())
    assert.error_matches(function() x:pad(3, 0, { mode = "reflect" }) end,
      "pad: 'reflect' mirrors at most 2 of 3 entries, got 3")
  end)
  it("a tensor of several dimensions needs to be told which", function()
    for _, name in ipairs { "cumsum", "diff", "sort", "flip" } do
      assert.error_matches(function() mb.ones(2, 3)[name](mb.ones(2, 3)) end,
        name .. ": dimension: expected a positive integer, got nil")
    end
    assert.error_matches(function() mb.ones(2, 3):cumsum(3) end, "cumsum: dimension: expected 1 to 2, got 3")
    assert.error_matches(function() mb.ones(2, 3):diff(2, 3) end,
      "diff: expected more than 3 entries along dimension 2, got 3")
    assert.error_matches(function() mb.ones(2, 3):topk(4, 2) end,
      "topk: k: expected at most 3, the size of dimension 2, got 4")
  end)
  it("gather refuses positions that are none, and shapes that do not fit", function()
    local x = mb.ones(2, 3)
    assert.error_matches(function() x:gather(2, mb.tensor { { 4 }, { 1 } }) end,
      "gather: positions: expected whole numbers from 1 to 3, got 4")
    assert.error_matches(function() x:gather(2, mb.tensor { { 1.5 }, { 1 } }) end, "whole numbers from 1 to 3, got 1.5")
    assert.error_matches(function() x:gather(2, mb.tensor { { nan }, { 1 } }) end, "whole numbers from 1 to 3, got ")
    assert.error_matches(function() x:gather(2, mb.ones(3, 1)) end,
      "gather: positions: expected the shape {2, 3} but for dimension 2, got {3, 1}")
  end)
end)

describe("positions", function()
  it("that gather takes away, scatter puts back, in 200 random tensors", function()
    for _ = 1, 200 do
      local x = random_tensor(true)
      local dimension = integer(1, x:rank())
      local sorted, positions = x:sort(dimension)
      assert.same(flat(x), flat((x * 0 + 9):scatter(dimension, positions, sorted)))
      local highest = x:argmax(dimension, { keep = true })
      local changed, added = x:scatter(dimension, highest, highest * 0 + 7), x:scatter(dimension, highest,
        highest * 0 + 7, { add = true })
      local was, now, more = columns(x, dimension), columns(changed, dimension), columns(added, dimension)
      local places = columns(highest, dimension)
      for i, list in ipairs(was) do
        for j, value in ipairs(list) do
          assert.equal(j == places[i][1] and 7 or value, now[i][j])
          assert.equal(j == places[i][1] and value + 7 or value, more[i][j])
        end
      end
    end
  end)
  it("that occur twice are refused by scatter, unless values add", function()
    local x, twice = mb.ones(2, 3), mb.tensor { { 1, 1 }, { 2, 3 } }
    assert.error_matches(function() x:scatter(2, twice, mb.ones(2, 2)) end,
      "scatter: positions: expected each one once, as values replace what is there; add = true adds them")
    assert.same({ { 3, 1, 1 }, { 1, 2, 2 } }, x:scatter(2, twice, mb.ones(2, 2), { add = true }):totable())
    assert.error_matches(function() x:scatter(2, twice, mb.ones(2, 3)) end,
      "scatter: values: expected shape {2, 2}, that of the positions, got {2, 3}")
    assert.error_matches(function() x:scatter(2, mb.ones(2, 1) * 4, mb.ones(2, 1)) end,
      "positions: expected whole numbers from 1 to 3, got 4")
  end)
  it("of elements that are not 0 are those of loops, in 200 random tensors", function()
    for _ = 1, 200 do
      local x, count = random_tensor(), 0
      for _, place in ipairs(x:nonzero()) do
        local at = x:rank() == 1 and { place } or place
        assert.equal(x:rank(), #at)
        local ranges = {}
        for d, i in ipairs(at) do ranges[d] = { i, i } end
        assert.not_equal(0, x[ranges]:item())
        count = count + 1
      end
      for _, value in ipairs(flat(x)) do count = count - (value ~= 0 and 1 or 0) end
      assert.equal(0, count)
    end
    assert.same({ 2, 4 }, mb.tensor { 0, nan, 0, -1 }:nonzero())
    assert.same({ { 1, 2 }, { 2, 1 } }, mb.tensor { { 0, 1 }, { 1, 0 } }:nonzero())
    assert.same({}, mb.zeros(3):nonzero())
  end)
  it("between entries have values on straight lines, in 200 random tensors", function()
    for _ = 1, 200 do
      local x = random_tensor(true)
      local dimension, count = integer(1, x:rank()), integer(1, 9)
      local n, points = x:size(dimension), {}
      for i = 1, count do points[i] = 1 + (n - 1) * rng:uniform(0, 1, 1):item() end
      local even, drawn = columns(x:interpolate(count, dimension), dimension),
        columns(x:interpolate(points, dimension), dimension)
      for i, list in ipairs(columns(x, dimension)) do
        local function value(at)
          local low = math.min(math.floor(at), n - 1)
          return n == 1 and list[1] or list[low] + (list[low + 1] - list[low]) * (at - low)
        end
        for j = 1, count do
          assert.is_near(value(points[j]), drawn[i][j], 1e-5)
          assert.is_near(value(count == 1 and 1 or 1 + (n - 1) * (j - 1) / (count - 1)), even[i][j], 1e-5)
        end
      end
    end
    assert.same({ 1, 2.5, 4 }, mb.tensor { 1, 4 }:interpolate(3):totable())
    assert.same({ 4 }, mb.tensor { 1, 4, inf }:interpolate({ 2 }):totable())
    assert.same({ 1, inf, 2 }, mb.tensor { 1, inf, 2 }:interpolate(3):totable())
    assert.error_matches(function() mb.ones(2, 3):interpolate(5) end, "interpolate: dimension: expected a positive int")
    assert.error_matches(function() mb.ones(3):interpolate { 1, 3.5 } end,
      "interpolate: points%[2%]: expected a position from 1 to 3, got 3.5")
    assert.error_matches(function() mb.ones(3):interpolate {} end, "expected at least one position, got none")
    assert.error_matches(function() mb.ones(3):interpolate(0) end, "points: expected a positive integer, got 0")
  end)
end)

describe("elements", function()
  it("are chosen by where, whatever the other one is", function()
    local x = mb.tensor { 4, -1, 0 }
    assert.same({ 2, 0, 0 }, mb.where(x:gt(0), x:sqrt(), 0):totable())
    assert.same({ 5, 7, 7 }, mb.where(x:gt(0), 5, mb.tensor { inf, 7, 7 }):totable())
    assert.error_matches(function() mb.where(true, x, x) end, "where: condition: expected a tensor, got true")
    assert.error_matches(function() mb.where(x, 1) end, "where: b: expected a tensor or a number, got nil")
    assert.error_matches(function() mb.where(x, "1", 1) end, "where: a: expected a tensor or a number, got '1'")
    same({ nan, nan, 1 }, mb.where(x, 0 / 0, 1):totable())
    assert.error_matches(function() mb.where(x, mb.ones(2), x) end, "mask: shapes {3} and {2} do not broadcast")
  end)
  it("are chosen by where with their sign, also 0, and 0 is the gradient of those that are not", function()
    local x, minus = mb.tensor { 1, 0 }, mb.tensor { -0.0, -0.0 }
    assert.same({ -inf, inf }, (1 / mb.where(x, -0.0, 0)):totable())
    assert.same({ -inf, -inf }, (1 / mb.where(x, minus, -0.0)):totable())
    assert.same({ inf, -inf }, (1 / mb.where(x, 0, minus)):totable())
    minus:param()
    mb.where(x, minus, 1):sum():backward()
    assert.same({ 1, inf }, (1 / minus.grad):totable())
  end)
  it("are clamped, and keep NaN", function()
    same({ 0, 0.5, 1, nan }, mb.tensor { -2, 0.5, 3, nan }:clamp(0, 1):totable())
    assert.same({ -2, 1 }, mb.tensor { -2, 3 }:clamp(nil, 1):totable())
    assert.error_matches(function() mb.ones(2):clamp() end, "clamp: expected a lower or an upper bound")
  end)
  it("are NaN, infinite or finite", function()
    local x = mb.tensor { 1, nan, inf, -inf }
    assert.same({ 0, 1, 0, 0 }, x:isnan():totable())
    assert.same({ 1, 0, 0, 0 }, x:isfinite():totable())
  end)
  it("are counted by unique", function()
    local values, counts = mb.tensor { { 2, nan, 1 }, { 2, nan, -0.0 } }:unique()
    same({ 0, 1, 2, nan }, values:totable())
    assert.same({ 1, 1, 2, 2 }, counts:totable())
  end)
  it("become rows of one_hot", function()
    assert.same({ { 0, 1, 0 }, { 1, 0, 0 } }, mb.one_hot({ 2, 1 }, 3):totable())
    for _, label in ipairs { 0, 4, 1.5, nan } do
      assert.error_matches(function() mb.one_hot({ label }, 3) end,
        "one_hot: labels: row 1: expected a class number from 1 to 3, got ")
    end
    assert.error_matches(function() mb.one_hot({ 1, 2.5 }, 3) end, "row 2: expected a class number .*, got 2.5")
  end)
end)

describe("parts", function()
  local x = mb.arange(24):reshape(2, 3, 4)
  it("are ranges of each dimension, counted from the end if negative", function()
    assert.same({ { 13, 14, 15, 16 }, { 17, 18, 19, 20 } }, x[{ 2, { 1, 2 } }]:totable())
    assert.same(x[{ 2, { 1, 2 } }]:totable(), x:range(-1, { -3, -2 }):totable())
    assert.same({ 24 }, x:range(2, 3, 4):totable())
    assert.same({ 4, 2 }, x[{ 1, 1, { -1, 1, -2 } }]:totable())
    assert.same({ 2, 2, 4 }, x[{ {}, { 2 } }]:shape())
    local copy = x[{ {} }]
    copy:fill(0)
    assert.equal(24, x:get(2, 3, 4))
  end)
  it("outside a dimension are refused", function()
    assert.error_matches(function() return x[{ 3 }] end,
      "range: dimension 1: expected 1 to 2, or %-2 to %-1 from the end, got 3")
    assert.error_matches(function() return x[{ 0 }] end, "range: dimension 1: expected 1 to 2")
    assert.error_matches(function() return x[{ 1, { 3, 1 } }] end,
      "range: dimension 2: no entries from 3 to 1 in steps of 1")
    assert.error_matches(function() return x[{ 1, { 1, 3, 1, 9 } }] end,
      "range: dimension 2: expected at most { first, last, step }, got 4 entries")
    assert.error_matches(function() return x[{ 1, 1, 1, 1 }] end,
      "range: expected at most 3 arguments, got 1 as argument 4")
    assert.error_matches(function() return x[{ "a" }] end, "range: dimension 1: expected an integer, got 'a'")
  end)
  it("of split join again", function()
    for _, sizes in ipairs { 1, 2, 3, { 1, 2 } } do
      assert.same(x:totable(), mb.concat(x:split(sizes, 2), 2):totable())
    end
    assert.error_matches(function() x:split({ 1, 1 }, 2) end, "split: sizes: expected the sum 3, got 2")
  end)
  it("are stacked along a new dimension", function()
    local a, b = mb.tensor { 1, 2 }, mb.tensor { 3, 4 }
    assert.same({ { 1, 2 }, { 3, 4 } }, mb.stack { a, b }:totable())
    assert.same({ { 1, 3 }, { 2, 4 } }, mb.stack({ a, b }, 2):totable())
    assert.error_matches(function() mb.stack { a, mb.ones(3) } end, "stack: tensors%[2%]: expected shape {2}, got {3}")
    assert.error_matches(function() mb.stack({ a }, 3) end, "stack: expected a dimension from 1 to 2")
  end)
  it("are squeezed and permuted", function()
    assert.same({ 3 }, mb.ones(1, 3, 1):squeeze():shape())
    assert.same({ 3, 1 }, mb.ones(1, 3, 1):squeeze(1):shape())
    assert.same({ 1 }, mb.ones(1, 1):squeeze():shape())
    assert.error_matches(function() mb.ones(1, 3):squeeze(2) end, "squeeze: dimension: expected one of size 1")
    assert.equal(x:get(2, 1, 3), x:permute(3, 1, 2):get(3, 2, 1))
    for _, copy in ipairs { x:permute(1, 2, 3), x[{}], x:range() } do
      assert.same(x:totable(), copy:totable())
      copy:fill(-1)
      assert.is_true(x:min():item() >= 0)
    end
    local p = mb.ones(2, 3):param()
    ;(p:permute(1, 2) * p[{}]):sum():backward()
    assert.same({ { 2, 2, 2 }, { 2, 2, 2 } }, p.grad:totable())
    assert.error_matches(function() mb.ones(2, 2):permute(nil, 1) end, "permute: dimension 1: expected a positive")
    for _, order in ipairs { { 1, 2 }, { 1, 2, 2 }, { 1, 2, 5 } } do
      assert.error_matches(function() x:permute(table.unpack(order)) end,
        "permute: expected each of the dimensions 1 to 3 once")
    end
  end)
  it("along any dimension are taken by number", function()
    assert.same({ { 2, 1, 2 }, { 5, 4, 5 } }, mb.tensor { { 1, 2, 3 }, { 4, 5, 6 } }:index({ 2, 1, 2 }, 2):totable())
  end)
end)
