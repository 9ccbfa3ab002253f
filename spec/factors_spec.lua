-- The gradient of the weights of a product is kept as its factors until it is read, if these are smaller: the results
-- are the same, and only the memory differs.
local mb = require "moonbow"
local core = require "moonbow.core"

local ROWS, INPUTS, UNITS = 9, 130, 170

-- Inputs, weights, and the gradient of a result.
local function factors(seed)
  local rng = mb.rng(seed or 1)
  return mb.randn(rng, ROWS, INPUTS), mb.randn(rng, INPUTS, UNITS):param(), mb.randn(rng, ROWS, UNITS)
end

-- The gradient of the weights, computed by another algorithm.
local function product(x, dy) return x:transpose():matmul(dy) end

local function close(a, b) return (a:allclose(b, { relative = 1e-4, absolute = 1e-4 })) end

local function same(a, b) return (a:allclose(b, { relative = 0, absolute = 0 })) end

describe("a gradient kept as its factors", function()
  it("looks like any other tensor", function()
    local looks = {
      function(g, e) return close(g, e) end,
      function(g, e) return close(e, g) end,
      function(g, e) return close(g + 0, e) end,
      function(g, e) return math.abs(g:get(3, 7) - e:get(3, 7)) < 1e-4 end,
      function(g, e) return close(g[5], e[5]) end,
      function(g, e) return close(g:narrow(3, 2), e:narrow(3, 2)) end,
      function(g, e) return close(g:copy(), e) end,
      function(g, e) return close(mb.tensor(g:totable()), e) end,
      function(g, e) return close(core.frombytes(core.tobytes(g), INPUTS, UNITS), e) end,
      function(g, e) return math.abs(core.sum_squares(g) / core.sum_squares(e) - 1) < 1e-4 end,
      function(g) return tostring(g) == tostring(g:copy()) end,
      function(g) return g == g:copy() end,
      function(g) return g:copy() == g end,
      function(g)
        local rows = 0
        for _ in ipairs(g) do rows = rows + 1 end
        return rows == INPUTS
      end,
      function(g)
        g:fill(3)
        return same(g, mb.full(3, INPUTS, UNITS))
      end,
    }
    for i, look in ipairs(looks) do
      local x, w, dy = factors();
      (x:matmul(w)):backward(dy)
      assert.is_true(core.is_factored(w.grad))
      assert.is_true(look(w.grad, product(x, dy)), "look " .. i)
      assert.is_false(core.is_factored(w.grad))
    end
  end)
  it("has its shape without being computed", function()
    local x, w, dy = factors();
    (x:matmul(w)):backward(dy)
    assert.same({ INPUTS, UNITS }, w.grad:shape())
    assert.equal(INPUTS * UNITS, w.grad:count())
    assert.equal(INPUTS, #w.grad)
    assert.is_true(core.is_factored(w.grad))
    assert.is_true(rawequal(w.grad, w.grad))
  end)
  it("is not used if the factors are not smaller", function()
    local w = mb.randn(mb.rng(1), 20, 30):param()
    mb.randn(mb.rng(2), 200, 20):matmul(w):sum():backward()
    assert.is_false(core.is_factored(w.grad))
  end)
  it("does not change with the tensors from which it was computed", function()
    local x, w, dy = factors();
    (x:matmul(w)):backward(dy)
    local expected = product(x, dy)
    x:fill(0)
    dy:fill(0)
    mb.no_grad(function() w:fill(0) end)
    assert.is_true(close(w.grad, expected))
  end)
  it("adds up over passes, and over uses of the weights", function()
    local x, w, dy = factors()
    local expected = product(x, dy) * 3;
    (x:matmul(w)):backward(dy);
    (x:matmul(w) + x:matmul(w)):backward(dy)
    assert.is_true(close(w.grad, expected))
  end)
  it("is passed on to the tensors from which the weights were computed", function()
    local x, w, dy = factors();
    (x:matmul(w * 2)):backward(dy)
    assert.is_true(close(w.grad, product(x, dy) * 2))
  end)
  it("sums over the points of spectra", function()
    local x, w, dy = factors();
    (x:reshape(3, 3, INPUTS):matmul(w)):backward(dy:reshape(3, 3, UNITS))
    assert.is_true(core.is_factored(w.grad))
    assert.is_true(close(w.grad, product(x, dy)))
  end)
  it("is an error once closed", function()
    local x, w, dy = factors();
    (x:matmul(w)):backward(dy)
    w.grad:close()
    assert.error_matches(function() return w.grad + 1 end, "has been closed")
  end)
  it("takes only the memory of the factors in a step", function()
    local x, w, dy = mb.randn(mb.rng(1), 4, 2000), mb.randn(mb.rng(2), 2000, 2000):param(), mb.ones(4, 2000)
    local optimizer = mb.optim.SGD {}
    mb.release_memory()
    local before = mb.memory().live
    for _ = 1, 3 do
      x:matmul(w):backward(dy)
      optimizer:step { { name = "w", value = w } }
    end
    assert.is_true(mb.memory().peak - before < 20e6, "16 MB are those of the velocity")
  end)
end)

describe("steps on factors", function()
  local variants = {
    { "SGD" }, { "SGD", weight_decay = 0.1 }, { "SGD", momentum = 0.9 },
    { "SGD", momentum = 0.9, nesterov = true, weight_decay = 0.1 },
    { "Adam" }, { "Adam", weight_decay = 0.1 }, { "Adam", keras_epsilon = true, epsilon = 1e-2 }, { "AdamW" },
  }
  for i, variant in ipairs(variants) do
    it("equal those on the gradient: " .. variant[1] .. " " .. i, function()
      local ends = {}
      for pass = 1, 2 do -- the gradient is read in pass 1, and stays as factors in pass 2
        local x, w, dy = factors()
        local options = { lr = 0.01 }
        for name, value in pairs(variant) do options[name] = name ~= 1 and value or nil end
        local optimizer = mb.optim[variant[1]](options)
        for _ = 1, 3 do
          local y = x:matmul(w);
          (y:tanh()):backward(dy)
          if pass == 1 then w.grad:sum() end
          assert.equal(pass == 2, core.is_factored(w.grad))
          optimizer:step { { name = "w", value = w } }
          assert.is_nil(w.grad)
        end
        ends[pass] = w
      end
      assert.is_true(same(ends[1], ends[2]))
    end)
  end
  it("train a network to the same bits as when every gradient is read", function()
    local states = {}
    for training = 1, 2 do
      local model = mb.nn.Sequential {
        mb.nn.Dense { units = 150, activation = "relu" }, mb.nn.Dense { units = 140, activation = "relu" },
        mb.nn.Dense { units = 3 },
      }
      local rng = mb.rng(4)
      mb.fit(model, { x = mb.randn(rng, 30, 200), y = rng:integers(1, 4, { shape = { 30 } }) }, {
        epochs = 3, batch_size = 10, verbose = false, clip_norm = training == 2 and 1e9 or nil,
      })
      states[training] = model:state()
    end
    for name, value in pairs(states[1]) do assert.is_true(same(value, states[2][name]), name) end
  end)
end)
