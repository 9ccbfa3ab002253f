-- A convolution fuses the pooling and the relu behind it into one pass, with the same numbers as separate layers.
local mb, mb64 = require "support.both"()
local check = require "support.gradcheck"
local seeded = require "support.seeded"

local rng
local it = seeded.it(it, function(seed) rng = mb64.rng(seed) end)
local function normal(...) return rng:normal(0, 1, ...):totable() end

local function network(nn, activation, kernel, stride, pool)
  return nn.Sequential {
    nn.Conv1d { filters = 5, kernel = kernel, stride = stride, padding = "same", activation = activation },
    nn.MaxPool1d(pool), nn.Flatten {},
  }
end

-- Applies the layers one by one, so that nothing can be fused.
local function apart(model, x)
  for _, layer in ipairs(model.layers) do x = layer(x) end
  return x
end

local pools = { { size = 2 }, { size = 3, stride = 2 }, { size = 2, stride = 3 }, { size = 1, stride = 2 } }
local activations = { "linear", "relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "selu", "gelu" }

-- Returns the gradients of x and of all parameters for a loss that weighs the elements of the result.
local function gradients_of(model, run, x, weights)
  for _, parameter in ipairs(model:parameters()) do parameter.value.grad = nil end
  local input = x:copy():param();
  (run(input) * weights):sum():backward()
  local gradients = { input.grad }
  for _, parameter in ipairs(model:parameters()) do gradients[#gradients + 1] = parameter.value.grad end
  return gradients
end

-- Fused layers have the gradients of the same layers apart.
local function assert_same_gradients(model, x, tolerance)
  local weights = mb.rand(mb.rng(3), model(x):shape())
  local expected = gradients_of(model, function(input) return apart(model, input) end, x, weights)
  for i, gradient in ipairs(gradients_of(model, model, x, weights)) do
    assert.is_true(gradient:allclose(expected[i], { relative = tolerance, absolute = tolerance }))
  end
end

-- The rules, by what runs: how many layers of a network the first pass does.
describe("a Sequential fuses", function()
  local nn, fusion, Layer = mb.nn, require "moonbow.nn.fusion", require "moonbow.nn.layer"
  local x = mb.randn(mb.rng(1), 3, 23, 2)
  local most = require("moonbow.core").pool_most
  local function conv(options)
    options = options or {}
    options.filters, options.kernel = 5, options.kernel or 3
    return nn.Conv1d(options)
  end
  local norm, pool = nn.BatchNorm1d, nn.MaxPool1d
  local function fused(layers, run)
    local model = nn.Sequential(layers)
    model:build({ 23, 2 }, mb.rng(1))
    local function last() return select(2, fusion.run(model.layers, 1, x)) end
    return run and run(model, last) or last()
  end
  local function unrecorded(_, last) return mb.no_grad(last) end
  local function training(model, last) return mb.no_grad(function() model:train() return last() end) end

  it("a convolution with max-pooling behind an activation that never falls", function()
    for _, activation in ipairs { "linear", "relu", "leaky_relu", "elu", "tanh", "sigmoid", "softplus", "selu" } do
      assert.equal(2, fused { conv { activation = activation }, pool { size = 2 } }, activation)
    end
    assert.equal(2, fused { conv { activation = "relu" }, pool { size = 2 }, pool { size = 2 } })
    assert.equal(1, fused { conv { activation = "gelu" }, pool { size = 2 } })
    assert.equal(1, fused { conv { activation = function(y) return -y end }, pool { size = 2 } })
    assert.equal(1, fused { conv(), pool { size = 2, padding = "same" } })
    assert.equal(1, fused { conv(), nn.AvgPool1d { size = 2 } })
    assert.equal(1, fused { conv(), nn.ReLU {}, pool { size = 2 } })
    assert.equal(1, fused { nn.ReLU {}, pool { size = 2 } })
  end)
  it("no windows longer than the map, or than a kernel takes", function()
    assert.equal(2, fused { conv { kernel = 4 }, pool { size = 20 } })
    assert.error_matches(function() fused { conv { kernel = 4 }, pool { size = 21 } } end, "layer 2 %(MaxPool1d%)")
    local long = mb.randn(mb.rng(1), 1, most + 2, 1)
    local function last(size)
      local model = nn.Sequential { nn.Conv1d { filters = 1, kernel = 1 }, pool { size = size } }
      return select(2, fusion.run(model.layers, 1, long))
    end
    assert.same({ 2, 1 }, { last(most), last(most + 1) })
  end)
  it("a batch norm with max-pooling, in either mode", function()
    assert.equal(2, fused { norm { activation = "relu" }, pool { size = 2 } })
    assert.equal(2, fused({ norm {}, pool { size = 2 } }, training))
    assert.equal(1, fused { norm { activation = "gelu" }, pool { size = 2 } })
    assert.equal(1, fused { norm { activation = "leaky_relu", alpha = -1 }, pool { size = 2 } })
  end)
  it("batch norm into a convolution's filters while not recording or training", function()
    assert.equal(2, fused({ conv(), norm {} }, unrecorded))
    assert.equal(3, fused({ conv(), norm { activation = "relu" }, pool { size = 2 } }, unrecorded))
    assert.equal(2, fused({ conv(), norm { activation = "gelu" }, pool { size = 2 } }, unrecorded))
    assert.equal(1, fused({ conv { activation = "relu" }, norm {} }, unrecorded))
    assert.equal(1, fused { conv(), norm {} })
    assert.equal(1, fused({ conv(), norm {} }, training))
  end)
  it("nothing while each layer shows its own output", function()
    local model, counts = nn.Sequential { conv { activation = "relu" }, pool { size = 2 } }, {}
    model:build({ 23, 2 }, mb.rng(1))
    Layer.traced_as_run(function(_, _, y) counts[#counts + 1] = y:size(2) end, model, x)
    assert.same({ 10, 10, 10 }, counts)
    model = nn.Sequential { conv { kernel = 1 }, pool { size = 2, stride = 3 } }
    local input, finite = x:copy(), {}
    input:set(1, 3, 1, 0 / 0) -- between two windows, so that only the convolution's own output holds it
    for i, step in ipairs(model:trace_on(input)) do finite[i] = step.finite end
    assert.same({ false, true }, finite)
  end)
end)

describe("a convolution and the pooling behind it", function()
  for _, activation in ipairs(activations) do
    for _, pool in ipairs(pools) do
      it(("%s, pool %d / %s"):format(activation, pool.size, pool.stride), function()
        local model = network(mb.nn, activation, 4, 1, pool)
        model:build({ 23, 2 }, mb.rng(1))
        local x = mb.randn(mb.rng(2), 3, 23, 2)
        local y = model(x)
        assert.is_true(y:allclose(apart(model, x), { relative = 0, absolute = 1e-6 }))
        assert.is_true(mb.no_grad(model, x):allclose(y, { relative = 0, absolute = 1e-6 }))
        assert_same_gradients(model, x, 1e-5)
      end)
    end
  end

  it("has the gradients of central differences", function()
    for _, pool in ipairs(pools) do
      check(function(library, x, w, b)
        local ops = library == mb and require "moonbow.ops" or nil
        if ops then return ops.conv1d(x, w, b, 1, 1, "same", 1, pool.size, pool.stride or pool.size, 0) end
        return x:conv1d(w, b, { padding = "same" }):relu():max_pool1d(pool)
      end, { normal(2, 12, 3), normal(4, 3, 5), normal(5) })
    end
  end)

  it("refuses a slope for which a backward pass is impossible", function()
    local conv1d = require("moonbow.ops").conv1d
    local x, w = mb.ones(1, 6, 2), mb.ones(3, 2, 2):param()
    assert.error_matches(function() conv1d(x, w, nil, 1, 1, "same", 1, nil, nil, 0.1) end,
      "conv1d: slope: expected 0 or nil where backward follows, got 0.1")
  end)

  it("is not fused with an activation that falls", function()
    for name, alpha in pairs { leaky_relu = -0.5, elu = -1 } do
      local model = mb.nn.Sequential { mb.nn.Conv1d { filters = 5, kernel = 3 },
        mb.nn.BatchNorm1d { activation = name, alpha = alpha }, mb.nn.MaxPool1d { size = 2 } }
      model:build({ 20, 2 }, mb.rng(1))
      model:eval()
      local x = mb.randn(mb.rng(4), 6, 20, 2)
      assert.is_true(mb.no_grad(model, x):allclose(apart(model, x), { relative = 1e-5, absolute = 1e-5 }))
    end
  end)

  it("names the pooling if windows do not fit", function()
    local model = mb.nn.Sequential { mb.nn.Conv1d { filters = 2, kernel = 3 }, mb.nn.MaxPool1d { size = 9 } }
    assert.error_matches(function() model(mb.ones(1, 8, 1)) end, "layer 2 %(MaxPool1d%)")
  end)

  it("gives every layer its own output if that is asked for", function()
    local model = network(mb.nn, "relu", 3, 1, { size = 2 })
    local shapes = {}
    for i, step in ipairs(model:trace { 8, 1 }) do shapes[i] = step.output[2] end
    assert.same({ 8, 4, 20 }, { shapes[1], shapes[2], shapes[3] })
  end)

  it("passes on NaN", function()
    local model = network(mb.nn, "relu", 3, 1, { size = 2 })
    model:build({ 8, 1 }, mb.rng(1))
    local x = mb.ones(1, 8, 1)
    x:set(1, 4, 1, 0 / 0)
    assert.is_true(model(x):describe().nan > 0)
  end)

  it("folds batch norm into its filters while not recording, and only then", function()
    local nn = mb.nn
    for _, bias in ipairs { true, false } do
      for _, activation in ipairs { "linear", "relu", "leaky_relu", "gelu" } do
        local model = nn.Sequential {
          nn.Conv1d { filters = 5, kernel = 3, padding = "same", bias = bias },
          nn.BatchNorm1d { activation = activation, alpha = activation == "leaky_relu" and 0.1 or nil },
          nn.MaxPool1d { size = 2 }, nn.Conv1d { filters = 3, kernel = 3 }, nn.BatchNorm1d {},
        }
        local x = mb.randn(mb.rng(4), 6, 20, 2)
        model:build({ 20, 2 }, mb.rng(5))
        model:train()
        for _ = 1, 3 do model(x * 2 + 1) end -- running statistics of their own
        model:eval()
        local recorded = model(x)
        local folded = mb.no_grad(model, x)
        assert.is_true(folded:allclose(recorded, { relative = 1e-5, absolute = 1e-5 }))
      end
    end
  end)

  it("keeps what it folded until one of its tensors changes or is replaced", function()
    local conv, norm = mb.nn.Conv1d { filters = 5, kernel = 3 }, mb.nn.BatchNorm1d { activation = "relu" }
    local model, x = mb.nn.Sequential { conv, norm }, mb.randn(mb.rng(4), 6, 20, 2)
    model:build({ 20, 2 }, mb.rng(5))
    local function check_inference()
      local folded = mb.no_grad(model, x)
      local kept = conv.folded
      assert.is_true(mb.no_grad(model, x):allclose(folded, { relative = 0, absolute = 0 }))
      assert.equal(kept, conv.folded)
      assert.is_true(folded:allclose(model(x), { relative = 1e-5, absolute = 1e-5 }))
      assert.is_nil(conv.folded)
      mb.no_grad(model, x)
    end
    check_inference()
    local owners = {
      weight = conv, bias = conv, gamma = norm, beta = norm, running_mean = norm, running_var = norm,
    }
    for name, owner in pairs(owners) do
      owner[name]:detach():fill(0.5)
      check_inference()
      owner[name] = owner[name]:detach():copy():fill(2)
      check_inference()
    end
    model:train()
    model(x)
    model:eval()
    check_inference()
  end)
end)

describe("a batch norm and the pooling behind it", function()
  -- Other activations follow the pooling then: sums of gradients are rounded in another order.
  local same_bits = { linear = true, relu = true, leaky_relu = true }
  for _, activation in ipairs(activations) do
    for _, pool in ipairs(pools) do
      it(("%s, pool %d / %s"):format(activation, pool.size, pool.stride), function()
        local tolerance = same_bits[activation] and 0 or 1e-5
        local nn = mb.nn
        local model = nn.Sequential {
          nn.Conv1d { filters = 5, kernel = 3 }, nn.BatchNorm1d { activation = activation, momentum = 0 },
          nn.MaxPool1d(pool), nn.Conv1d { filters = 2, kernel = 2 },
        }
        model:build({ 23, 2 }, mb.rng(1))
        local x = mb.randn(mb.rng(2), 3, 23, 2)
        for _, mode in ipairs { "train", "eval" } do
          model[mode](model)
          local y = model(x)
          assert.is_true(y:allclose(apart(model, x), { relative = 0, absolute = 0 }))
          assert_same_gradients(model, x, tolerance)
        end
      end)
    end
  end

  it("has the gradients of central differences", function()
    for _, pool in ipairs(pools) do
      for _, slope in ipairs { 0, 0.1, 1 } do
        check(function(library, x, gamma, beta)
          local ops = library == mb and require "moonbow.ops" or nil
          local size, stride = pool.size, pool.stride or pool.size
          if ops then return ops.batch_norm(x, gamma, beta, nil, nil, 0, 1e-3, slope, size, stride) end
          local rows = x:reshape(-1, x:size(3))
          local centred = rows - rows:mean(1)
          local z = centred / ((centred * centred):mean(1) + 1e-3):sqrt() * gamma + beta
          return z:reshape(x:shape()):leaky_relu(slope):max_pool1d(pool)
        end, { normal(2, 12, 3), normal(3), normal(3) })
      end
    end
  end)
end)

describe("a convolution that is cheaper to recompute than to keep", function()
  local nn = mb.nn
  local model = nn.Sequential {
    nn.Conv1d { filters = 4, kernel = 7, bias_initializer = 0.5 }, nn.BatchNorm1d { activation = "leaky_relu" },
    nn.MaxPool1d { size = 2 }, nn.Conv1d { filters = 2, kernel = 3 },
  }
  model:build({ 23, 1 }, mb.rng(1))
  model:train()
  local x = mb.randn(mb.rng(2), 3, 23, 1)

  it("gives the same gradients, bit for bit", function()
    local function keeping(input) -- the sum is another result, which is kept
      local y = model.layers[1](input) + 0
      for i = 2, 4 do y = model.layers[i](y) end
      return y
    end
    local weights = mb.rand(mb.rng(3), model(x):shape())
    local expected = gradients_of(model, keeping, x, weights)
    for i, gradient in ipairs(gradients_of(model, model, x, weights)) do
      assert.is_true(gradient:allclose(expected[i], { relative = 0, absolute = 0 }))
    end
  end)

  it("refuses to be recomputed from something else", function()
    local y = model(x)
    mb.no_grad(function() model.layers[1].bias:fill(0) end)
    assert.error_matches(function() y:sum():backward() end, "'conv1d' needs was changed in place")
  end)
end)
