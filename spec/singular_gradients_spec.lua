-- Gradients for which a formula gives 0 times infinity although the derivative exists.
local mb = require "moonbow"

local nan, inf = 0 / 0, math.huge

-- Returns the gradient of the sum of f(x) at the given numbers.
local function gradient(f, ...)
  local x = mb.tensor { ... }:param()
  f(x):sum():backward()
  return x.grad:totable()
end

local function is_close(expected, given)
  for i, value in ipairs(expected) do
    assert.is_true(math.abs(given[i] - value) <= 1e-6, ("entry %d: %g, expected %g"):format(i, given[i], value))
  end
end

describe("the gradient of a power", function()
  it("of exponent 0 is 0, also at 0", function()
    assert.same({ 0, 0, 0 }, gradient(function(x) return x ^ 0 end, 0, 2, inf))
    assert.same({ 0, 0 }, gradient(function(x) return x ^ mb.zeros(2) end, 0, -1))
  end)
  it("of the base 0 is 0", function()
    assert.same({ 0, 0 }, gradient(function(b) return mb.zeros(2) ^ b end, 2, 0))
    assert.same({ 0, 0 }, gradient(function(b) return 0 ^ b end, 2, 0.5))
    is_close({ 8 * math.log(2) }, gradient(function(b) return 2 ^ b end, 3))
  end)
  it("with a root is 0 if nothing depends on it", function()
    is_close({ 0, 0.25 }, gradient(function(x) return (x ^ 0.5):maximum(0.5) end, 0, 4))
    is_close({ 0 }, gradient(function(x) return (x ^ -1):minimum(5) end, 0))
  end)
end)

describe("the gradient of the standard deviation", function()
  it("of equal values is 0", function()
    assert.same({ 0, 0, 0 }, gradient(function(x) return x:std() end, 3, 3, 3))
    assert.same({ 0 }, gradient(function(x) return x:std() end, 3))
    local x = mb.tensor { { 0.1, 1 }, { 0.1, 3 }, { 0.1, 2 } }:param()
    x:std(1, { ddof = 1 }):sum():backward()
    is_close({ 0, 0, 0 }, x.grad:slice(2, 1, 1):reshape(3):totable())
    is_close({ -0.5, 0.5, 0 }, x.grad:slice(2, 2, 1):reshape(3):totable())
  end)
  it("of other values equals that of the definition", function()
    is_close({ -0.5, 0.5 }, gradient(function(x) return x:std() end, 1, 3))
    is_close({ -0.5, 0.5 }, gradient(function(x) return x:std() end, 1e-30, 3e-30))
    assert.equal(1, mb.tensor { 1e-30, 3e-30 }:std():item() * 1e30 // 0.999999)
  end)
end)

describe("the gradient of a product", function()
  local function prod(x) return x:prod() end
  it("is found if the products of some factors are beyond all floats", function()
    local x = mb.ones(600) * 10
    x:narrow(1, 300):fill(0.1)
    x:param():prod():backward()
    assert.is_true(x.grad:allclose(1 / x, { relative = 1e-4 }))
    is_close({ 0, 0, 0 }, { table.unpack(gradient(prod, 1e20, 1e20, 5, 0), 1, 3) })
    local large = gradient(prod, 1e30, 1e30, 1e-30, 1e-30)
    is_close({ 1, 1, 1e-30, 1e-30 }, { large[3] / 1e30, large[4] / 1e30, large[1], large[2] })
  end)
  it("is 0 if nothing depends on it", function()
    assert.same({ 0, 0 }, gradient(function(x) return x:prod():minimum(5) end, inf, 2))
  end)
end)

describe("the gradient of maximum and minimum", function()
  it("belongs to the operand that is the result, also if that is NaN", function()
    local left, right = mb.tensor { nan, nan, 1, 1, 2, 3 }, mb.tensor { 1, nan, nan, 1, 3, 2 }
    for name, of_left in pairs { maximum = { 1, 1, 0, 1, 0, 1 }, minimum = { 1, 1, 0, 1, 1, 0 } } do
      local a, b = left:copy():param(), right:copy():param()
      a[name](a, b):sum():backward()
      assert.same(of_left, a.grad:totable())
      assert.same(of_left, (1 - b.grad):totable())
    end
    assert.same({ 1, 0 }, gradient(function(x) return x:maximum(0) end, nan, -1))
  end)
end)

describe("a gradient of 0", function()
  it("stays 0 before an operation with an infinite derivative, or none", function()
    assert.same({ 0 }, gradient(function(x) return x:sqrt():maximum(1) end, 0))
    assert.same({ 0 }, gradient(function(x) return x:log():maximum(-5) end, 0))
    assert.same({ 0 }, gradient(function(x) return x:exp():minimum(5) end, 200))
    assert.same({ 0 }, gradient(function(x) return (1 / x):minimum(5) end, 0))
    assert.same({ 0 }, gradient(function(x) return (x * x:exp()):minimum(5) end, 200))
    assert.same({ 0, 0.25 }, gradient(function(x) return x:sqrt():narrow(2, 1) end, -1, 4))
  end)
end)

describe("an infinite gradient", function()
  it("ends at a relu or an extreme that does not pass on", function()
    assert.same({ 0, 0.25 }, gradient(function(x) return x:relu():sqrt() end, -1, 4))
    assert.same({ 0 }, gradient(function(x) return x:maximum(0):sqrt() end, -1))
    assert.same({ 0 }, gradient(function(x) return x:leaky_relu(0):sqrt() end, -1))
    is_close({ -0.25 }, gradient(function(x) return (-x):maximum(0):sqrt() end, -4))
  end)
  it("ends at a square at 0: a norm has the gradient 0 there", function()
    assert.same({ 0, 0 }, gradient(function(x) return (x * x):sum():sqrt() end, 0, 0))
    assert.same({ 0, 0 }, gradient(function(x) return (x ^ 2):sum():sqrt() end, 0, 0))
    assert.same({ 0, 0 }, gradient(function(x) return x:sum_squares():sqrt() end, 0, 0))
    assert.same({ 0 }, gradient(function(x) return x:abs():sqrt() end, 0))
  end)
  it("ends at a class that softmax rules out", function()
    is_close({ 0, 0, 0 }, gradient(function(x) return x:reshape(1, 3):softmax():sqrt():maximum(0) end, 0, -inf, -inf))
  end)
  it("ends at a relu that batch norm or a sum does too", function()
    local norm = mb.nn.Sequential { mb.nn.BatchNorm1d {}, mb.nn.ReLU {} }
    norm:build { 1 }
    local x = mb.tensor { { -1 }, { 4 } }:param()
    norm(x):sqrt():sum():backward()
    is_close({ 0, 0.25 }, x.grad:reshape(2):totable())
    local sum = mb.nn.Residual { mb.nn.Flatten {}, activation = "relu" }
    x.grad = nil
    sum(x):sqrt():sum():backward()
    is_close({ 0, 2 / math.sqrt(8) / 2 }, x.grad:reshape(2):totable())
  end)
end)

describe("at infinity", function()
  it("gelu and its gradient have their limits", function()
    assert.same({ 0, inf }, mb.tensor { -inf, inf }:gelu():totable())
    assert.same({ 0, 1 }, gradient(function(x) return x:gelu() end, -inf, inf))
  end)
  it("the other activations have theirs", function()
    for name, expected in pairs { sigmoid = { 0, 0 }, tanh = { 0, 0 }, softplus = { 0, 1 }, elu = { 0, 1 },
      selu = { 0, 1.0507009873554805 }, relu = { 0, 1 }, leaky_relu = { 0.01, 1 }, signed_sqrt = { 0, 0 } } do
      is_close(expected, gradient(function(x) return x[name](x) end, -inf, inf))
    end
  end)
  it("a relu is 0 below, however it is computed", function()
    local x = mb.tensor { { -inf }, { 1 } }
    for name, layer in pairs {
      ReLU = mb.nn.ReLU {},
      BatchNorm1d = mb.nn.Sequential { mb.nn.BatchNorm1d {}, mb.nn.ReLU {} },
      Residual = mb.nn.Residual { mb.nn.Flatten {}, activation = "relu" },
    } do
      layer:build { 1 }
      assert.equal(0, layer(x):get(1, 1), name)
    end
    assert.equal(0, x:leaky_relu(0):get(1, 1))
  end)
end)

describe("at exactly 0", function()
  it("a leaky relu has its slope in every form", function()
    local function slope_of(f)
      local x = mb.zeros(1, 1):param()
      f(x):sum():backward()
      return x.grad:item()
    end
    local nn = mb.nn
    local function built(layer)
      layer:build { 1 }
      return layer
    end
    local forms = {
      method = function(x) return x:leaky_relu(0.25) end,
      layer = built(nn.LeakyReLU { alpha = 0.25 }),
      option = built(nn.BatchNorm1d { activation = "leaky_relu", alpha = 0.25, epsilon = 1e-12 }),
      fused = built(nn.Sequential { nn.BatchNorm1d { epsilon = 1e-12 }, nn.LeakyReLU { alpha = 0.25 } }),
      sum = function(x) return nn.Residual { nn.Flatten {}, activation = "leaky_relu",
        alpha = 0.25 }(x) * 0.5 end,
      convolution = function(x)
        local conv = nn.Sequential { nn.Conv1d { filters = 1, kernel = 1, initializer = 1, bias = false },
          nn.LeakyReLU { alpha = 0.25 } }
        return conv(x:reshape(1, 1, 1))
      end,
    }
    for name, form in pairs(forms) do
      assert.is_true(math.abs(slope_of(form) - 0.25) < 1e-6, ("%s: %g"):format(name, slope_of(form)))
    end
  end)
  it("signed_sqrt has a slope", function()
    assert.near(0.5 / math.sqrt(1e-3), gradient(function(x) return x:signed_sqrt() end, 0)[1], 1e-4)
  end)
  it("elu and selu have the slope of their lower branch", function()
    is_close({ 0.5 }, gradient(function(x) return x:elu(0.5) end, 0))
    is_close({ 1.0507009873554805 * 1.6732632423543772 }, gradient(function(x) return x:selu() end, 0))
  end)
end)

describe("cross-entropy", function()
  it("of a class at -infinity that is not the label's passes 0 back", function()
    local x = mb.tensor { { 0, -inf, 1 } }:param()
    x:cross_entropy { 3 }:backward()
    local p = 1 / (1 + math.exp(1))
    is_close({ p, 0, -p }, x.grad:reshape(3):totable())
    x.grad = nil
    x:log_softmax():slice(2, 3, 1):sum():backward()
    is_close({ -p, 0, p }, x.grad:reshape(3):totable())
  end)
  it("leaves out a row of weight 0, whatever its logits", function()
    local x = mb.tensor { { 0, -inf }, { 0, 0 }, { nan, 1 } }:param()
    local loss = x:cross_entropy({ 2, 1, 2 }, mb.tensor { 1, 0 })
    assert.is_true(math.abs(loss:item() - math.log(2)) < 1e-6)
    loss:backward()
    is_close({ 0, 0, -0.5, 0.5, 0, 0 }, x.grad:reshape(6):totable())
  end)
  it("refuses weights below 0", function()
    for _, weight in ipairs { -1, nan, inf } do
      assert.error_matches(function() mb.ones(1, 2):cross_entropy({ 1 }, mb.tensor { 1, weight }) end,
        "cross_entropy: class weights: expected numbers of at least 0, got .* for class 2$")
    end
  end)
end)
