-- Tensors in Lua: construction, views, arithmetic, reductions, printing.
local mb = require "moonbow"

describe("construction", function()
  it("from nested tables", function()
    local x = mb.tensor { { 1, 2, 3 }, { 4, 5, 6 } }
    assert.same({ 2, 3 }, x:shape())
    assert.equal(3, x:size(2))
    assert.equal(2, #x)
    assert.equal(6, x:get(2, 3))
    assert.same({ { 1, 2, 3 }, { 4, 5, 6 } }, x:totable())
    assert.error_matches(function() mb.tensor { { 1, 2 }, { 3 } } end, "expected")
    assert.error_matches(function() mb.tensor { { 1, "a" } } end, "number")
    assert.error_matches(function() mb.tensor {} end, "empty")
  end)
  it("of ranges and constants", function()
    assert.same({ 1, 2, 3 }, mb.arange(3):totable())
    assert.same({ 0, 0.5, 1 }, mb.arange(0, 1, 0.5):totable())
    assert.same({ 3, 2, 1 }, mb.arange(3, 1, -1):totable())
    assert.error_matches(function() mb.arange(3, 1) end, "arange: no numbers from 3 to 1 in steps of 1$")
    assert.error_matches(function() mb.arange(1, 3, 0) end, "arange: no numbers from 1 to 3 in steps of 0$")
    assert.same({ 0, 0.25, 0.5, 0.75, 1 }, mb.linspace(0, 1, 5):totable())
    assert.same({ { 7, 7 } }, mb.full(7, 1, 2):totable())
    assert.same({ 2, 3 }, mb.zeros { 2, 3 }:shape())
  end)
end)

it("item returns the element of a tensor with one", function()
  assert.equal(7, mb.full(7, 1, 1):item())
  assert.error_matches(function() mb.ones(2, 1):item() end,
    "item: expected a tensor with one element, got shape {2, 1}$")
end)

describe("views", function()
  it("share memory, copies do not", function()
    local x = mb.tensor { { 1, 2 }, { 3, 4 } }
    x[2]:set(1, 30)
    x:narrow(1, 1):fill(9)
    x:reshape(4):set(4, 40)
    assert.same({ { 9, 9 }, { 30, 40 } }, x:totable())
    x:copy():fill(0)
    x:index({ 1 }):fill(0)
    assert.same({ { 9, 9 }, { 30, 40 } }, x:totable())
    x[1] = { 5, 6 } and mb.tensor { 5, 6 }
    assert.same({ 5, 6 }, x[1]:totable())
  end)
  it("keep memory alive after the whole is closed", function()
    local x = mb.tensor { { 1, 2 }, { 3, 4 } }
    local row = x[2]
    x:close()
    collectgarbage()
    assert.same({ 3, 4 }, row:totable())
    assert.error(function() x:sum() end)
  end)
  it("are iterated by ipairs, and closed at the end of a block", function()
    local sums = {}
    for i, row in ipairs(mb.tensor { { 1, 2 }, { 3, 4 } }) do sums[i] = row:sum():item() end
    assert.same({ 3, 7 }, sums)
    local outer
    do
      local x <close> = mb.ones(3)
      outer = x
    end
    assert.error(function() outer:sum() end)
  end)
end)

describe("arithmetic", function()
  it("broadcasts", function()
    local x = mb.tensor { { 1, 2 }, { 3, 4 } }
    assert.same({ { 2, 3 }, { 4, 5 } }, (x + 1):totable())
    assert.same({ { 9, 8 }, { 7, 6 } }, (10 - x):totable())
    assert.same({ { 10, 40 }, { 30, 80 } }, (x * mb.tensor { 10, 20 }):totable())
    assert.same({ { -1, -2 }, { -3, -4 } }, (-x):totable())
    assert.same({ { 1, 4 }, { 9, 16 } }, (x ^ 2):totable())
    assert.same({ { 0, 1 }, { 1, 1 } }, x:ge(2):totable())
    assert.error_matches(function() return x + mb.ones(3) end, "shapes {2, 2} and {3} do not broadcast")
  end)
  it("multiplies matrices", function()
    local x = mb.tensor { { 1, 2 }, { 3, 4 } }
    assert.same({ { 7, 10 }, { 15, 22 } }, x:matmul(x):totable())
    assert.same({ 5, 11 }, x:matmul(mb.tensor { 1, 2 }):totable())
  end)
  it("reduces", function()
    local x = mb.tensor { { 1, 5 }, { 3, 4 } }
    assert.equal(13, x:sum():item())
    assert.same({ 4, 9 }, x:sum(1):totable())
    assert.same({ { 6 }, { 7 } }, x:sum(2, { keep = true }):totable())
    assert.same({ 2, 2 }, x:argmax(2):totable())
    assert.same({ 1, 4 }, x:min(1):totable())
    assert.same({ 2, 0.5 }, x:var(1, { ddof = 1 }):totable())
  end)
  it("finds no extreme whose index a tensor cannot hold", function()
    local x = mb.zeros(2, 2 ^ 23 + 1)
    x:set(2, 2 ^ 23 + 1, 1)
    assert.error_matches(function() x:argmax() end, "argmax: a tensor holds indices up to 16777216 exactly")
    assert.equal(2 ^ 23 + 1, x:argmax(2):get(2))
  end)
  it("compares within a tolerance", function()
    local same, difference = mb.ones(2):allclose(mb.tensor { 1, 1.5 })
    assert.is_false(same)
    assert.equal(0.5, difference)
    assert.is_true((mb.ones(2):allclose(mb.tensor { 1, 1.5 }, { absolute = 0.6 })))
    local inf, nan = math.huge, 0 / 0
    for _, pair in ipairs { { 1, inf }, { inf, 1 }, { -inf, inf }, { inf, nan }, { nan, nan } } do
      assert.is_false((mb.tensor { pair[1] }:allclose(mb.tensor { pair[2] })), ("%g and %g"):format(pair[1], pair[2]))
    end
    assert.is_true((mb.tensor { inf, -inf }:allclose(mb.tensor { inf, -inf })))
  end)
end)

describe("printing", function()
  it("never floods a terminal", function()
    local text = tostring(mb.full(0 / 0, 50, 60, 70, 80))
    assert.is_true(#text < 600)
    assert.matches("{50, 60, 70, 80}", text)
    assert.matches("16800000 NaN", text)
    assert.matches("min 1  max 1  mean 1", tostring(mb.ones(2, 3)))
    assert.equal("tensor {1}: 5", tostring(mb.tensor { 5 }))
  end)
  it("shows all elements if asked to", function()
    local lines, original = {}, print
    _G.print = function(text) lines[#lines + 1] = text end -- luacheck: ignore
    local ok, err = pcall(function() mb.arange(80):reshape(2, 2, 20):show() end)
    _G.print = original -- luacheck: ignore
    assert(ok, err)
    assert.equal(1, #lines)
    local numbers, longest = {}, 0
    for line in lines[1]:gmatch "[^\n]+" do longest = math.max(longest, #line) end
    for number in lines[1]:match("\n(.*)"):gmatch "%d+" do numbers[#numbers + 1] = tonumber(number) end
    assert.same(mb.arange(80):totable(), numbers)
    assert.is_true(longest <= 100)
    assert.matches("%[%[%[1, 2, .*, 20%],\n  %[21, .*40%]%],\n %[%[41, .*%]%]%]$", lines[1])
  end)
end)

describe("a comparison of a tensor with < and its like", function()
  local x = mb.ones(2, 3)
  it("names the method that gives a tensor", function()
    for sign, compare in pairs {
      ["x:gt%(5%)"] = function() return x > 5 end, ["x:lt%(5%)"] = function() return x < 5 end,
      ["x:ge%(5%)"] = function() return x >= 5 end, ["x:le%(5%)"] = function() return x <= 5 end,
      ["x:lt%(y%)"] = function() return x < x end,
    } do
      assert.error_matches(compare, "comparison: expected two numbers, got .*tensor {2, 3}.*; write " .. sign)
    end
  end)
end)
