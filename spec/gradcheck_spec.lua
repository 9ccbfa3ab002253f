-- mb.gradcheck: right gradients pass, wrong ones do not, and the report says where.
local mb = require "moonbow"
local expect = require "support.expect"
local interpreter = require "support.interpreter"
local nn = mb.nn
local raises = expect.raises

-- x * x, with a factor of its gradient for element 3 that is wrong unless it is 1.
local function square(factor)
  return mb.operation("square", function(x)
    return x * x, function(dy)
      local gradient = dy * x * 2
      gradient:set(3, gradient[3] * factor)
      return gradient
    end
  end)
end

describe("gradcheck", function()
  it("passes right gradients of operations, several inputs and layers with their weights", function()
    local rng = mb.rng(1)
    assert.is_true(mb.gradcheck(square(1), rng:normal(0, 1, 6)).ok)
    local both = mb.gradcheck(function(a, b) return (a * b):tanh():sum(1) end, { rng:normal(0, 1, 3, 4), mb.rand(4) })
    assert.is_true(both.ok)
    assert.same({ "x1", "x2" }, { both.inputs[1].name, both.inputs[2].name })
    local model = nn.Sequential { nn.Conv1d { filters = 3, kernel = 3, activation = "tanh" }, nn.Flatten {},
      nn.Dense { units = 2 } }
    model:build({ 9, 2 }, mb.rng(2))
    local found = mb.gradcheck(model, rng:normal(0, 1, 4, 9, 2))
    assert.is_true(found.ok, tostring(found))
    assert.equal("3.bias", found.inputs[5].name)
    assert.is_true(found.worst < 5e-3)
    assert.equal(3, #mb.gradcheck(nn.Dense { units = 2 }, mb.rand(3, 4)).inputs) -- not built before
  end)
  it("finds one wrong element", function()
    local found = mb.gradcheck(square(1.1), mb.tensor { 1, -1, 2, 0.5 })
    assert.is_false(found.ok)
    assert.equal(3, found.inputs[1].at)
    assert.near(0.1, found.worst, 0.01)
    assert.near(1.1, found.inputs[1].tape / found.inputs[1].difference, 0.01)
    assert.matches("gradients DO NOT agree", tostring(found))
    assert.is_false(mb.gradcheck(function(x) return x * x:detach() end, mb.tensor { 1, 2 }).ok)
  end)
  it("finds that a difference quotient is not finite", function()
    local five_times = mb.operation("exp", function(x) return x:exp(), function(dy) return dy * 5 end end)
    local found = mb.gradcheck(five_times, mb.tensor { 0, 88.722, 1 })
    assert.is_false(found.ok)
    assert.same({ 2, math.huge, math.huge }, { found.inputs[1].at, found.inputs[1].difference, found.worst })
    assert.is_false(mb.gradcheck(function(x) return x:exp() end, mb.tensor { 0 / 0 }).ok)
  end)
  it("finds small gradients that are wrong or missing, and passes those that are right", function()
    local x = mb.tensor { 1, 2, 3 }
    assert.is_true(mb.gradcheck(function(v) return v * v * 1e-6 end, x).ok)
    local missing = mb.gradcheck(mb.operation("f", function(v) return v * v * 1e-6, function() end end), x)
    assert.is_false(missing.ok)
    assert.same({ 3, 0 }, { missing.inputs[1].at, missing.inputs[1].tape })
    assert.near(1, missing.worst, 1e-3)
    assert.is_true(mb.gradcheck(function(v) return v:softmax():sum() end, x).ok) -- 0, up to rounding
  end)
  it("tells gradients that rounding hides by moving all elements together", function()
    local x = mb.rand(mb.rng(1), 10000, 64)
    local function mean_of(factor)
      return mb.gradcheck(mb.operation("mean", function(v)
        return v:mean(), function(dy) return mb.full(dy:item() * factor / v:count(), v:shape()) end
      end), x, { most = 5 })
    end
    assert.is_true(mean_of(1).ok)
    for factor, error in pairs { [0] = 1, [0.5] = 0.5, [1.02] = 0.02, [-1] = 2 } do
      local found = mean_of(factor)
      assert.is_false(found.ok)
      assert.equal("all", found.inputs[1].at)
      assert.near(error, found.worst, 2e-3)
    end
  end)
  it("moves large elements by more", function()
    local cases = { sqrt = { 1e6, 2e6, 1e30 }, sin = { 100, 1e4 }, exp = { 80, -80, 1 }, log = { 1e20, 1 } }
    for name, values in pairs(cases) do
      local found = mb.gradcheck(function(x) return x[name](x) end, mb.tensor(values))
      assert.is_true(found.ok, name .. ": " .. tostring(found))
    end
    assert.is_true(mb.gradcheck(function(x) return x * x end, mb.tensor { 1, 1e6 }, { step = 1e-9 }).ok)
  end)
  it("leaves inputs, weights and gradients as they were", function()
    local model, x = nn.Dense { units = 2 }, mb.rand(3, 4)
    model(x):sum():backward()
    local before = { x:tobytes(), model.weight:tobytes(), model.weight.grad:tobytes() }
    mb.gradcheck(model, x)
    mb.gradcheck(function(v) return v:sum() * 1e-6 + 1 end, x) -- moves all elements together
    assert.same(before, { x:tobytes(), model.weight:tobytes(), model.weight.grad:tobytes() })
  end)
  it("checks some of many elements, and refuses what it cannot check", function()
    assert.equal(10, mb.gradcheck(function(x) return x * 2 end, mb.rand(50), { most = 10 }).inputs[1].checked)
    raises("gradcheck: inputs[1]: expected a tensor, got 3", mb.gradcheck, print, { 3 })
    raises("gradcheck: result of f: expected a tensor, got nil", mb.gradcheck, function() end, mb.ones(1))
    raises("gradcheck: inputs: expected at least one tensor, got none", mb.gradcheck, print, {})
    raises("f: expected a function or a table", mb.gradcheck, 3, mb.ones(1))
  end)
end)

describe("cross_entropy", function()
  it("warns once of a softmax before it", function()
    local pipe = io.popen(([[%s -e '
      local mb = require "moonbow"
      local x = mb.rand(3, 2):param()
      for _ = 1, 3 do x:softmax():cross_entropy { 1, 2, 1 } end
      x:cross_entropy { 1, 2, 1 }' 2>&1]]):format(interpreter))
    local text = pipe:read "a"
    pipe:close()
    local _, count = text:gsub("result of softmax, which cross_entropy takes itself", "")
    assert.equal(1, count, text)
  end)
end)
