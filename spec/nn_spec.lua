-- Layers: shapes, weights by name, state, configuration, errors with their path.
local mb = require "moonbow"
local nn = mb.nn

local function output(layer, shape) return layer:build(shape, mb.rng(1)) end

local function small()
  return nn.Sequential {
    nn.Conv1d { filters = 4, kernel = 3, activation = "relu", padding = "same" }, nn.BatchNorm1d {},
    nn.MaxPool1d { size = 2 },
    nn.Residual { nn.Sequential { nn.Conv1d { filters = 4, kernel = 3, padding = "same" } } },
    nn.Flatten {}, nn.Dropout { rate = 0.5 }, nn.Dense { units = 2 },
  }
end

-- An activation given as an option equals one as a layer behind.
describe("the activation of", function()
  local function agree(with_option, with_layer)
    local x, dy = mb.rng(4):normal(0, 1, 5, 30, 3), mb.rng(5):normal(0, 1, 5, 30, 3)
    for _, mode in ipairs { "train", "eval" } do
      local y, dx = {}, {}
      for i, layer in ipairs { with_option, with_layer } do
        local input = x:copy():param()
        y[i] = layer[mode](layer)(input)
        y[i]:backward(dy)
        dx[i] = input.grad
      end
      assert.is_true((y[1]:allclose(y[2], { absolute = 1e-6 })))
      assert.is_true((dx[1]:allclose(dx[2], { absolute = 1e-6 })))
    end
  end
  local alphas = { leaky_relu = 0.3, elu = 0.3 }
  for _, name in ipairs { "relu", "leaky_relu", "linear", "elu" } do
    it("batch norm: " .. name, function()
      agree(nn.BatchNorm1d { activation = name, alpha = alphas[name] },
        nn.Sequential { nn.BatchNorm1d {}, nn.Activation { name = name, alpha = alphas[name] } })
    end)
    it("a shortcut: " .. name, function()
      agree(nn.Residual { nn.Sigmoid {}, activation = name, alpha = alphas[name] },
        nn.Sequential { nn.Residual { nn.Sigmoid {} }, nn.Activation { name = name, alpha = alphas[name] } })
    end)
  end
end)

describe("output shapes", function()
  it("of convolutions equal Keras'", function()
    local function conv(options)
      options.filters = 7
      return output(nn.Conv1d(options), { 20, 3 })
    end
    assert.same({ 18, 7 }, conv { kernel = 3 })
    assert.same({ 20, 7 }, conv { kernel = 4, padding = "same" })
    assert.same({ 7, 7 }, conv { kernel = 4, padding = "same", stride = 3 })
    assert.same({ 6, 7 }, conv { kernel = 3, stride = 3 })
    assert.same({ 14, 7 }, conv { kernel = 4, dilation = 2 })
    assert.same({ 22, 7 }, conv { kernel = 3, padding = 2 })
  end)
  it("of pools", function()
    assert.same({ 6, 3 }, output(nn.MaxPool1d { size = 3 }, { 20, 3 }))
    assert.same({ 7, 3 }, output(nn.AvgPool1d { size = 3, padding = "same" }, { 20, 3 }))
    assert.same({ 7, 3 }, output(nn.MaxPool1d { size = 2, stride = 3 }, { 20, 3 }))
    assert.same({ 3 }, output(nn.GlobalAvgPool1d {}, { 20, 3 }))
    assert.same({ 60 }, output(nn.Flatten {}, { 20, 3 }))
  end)
  it("of branches", function()
    local branches = nn.Concat { nn.Conv1d { filters = 2, kernel = 1 }, nn.Conv1d { filters = 5, kernel = 1 } }
    assert.same({ 20, 7 }, output(branches, { 20, 3 }))
  end)
end)

describe("weights", function()
  it("are named by their place, and the same for the same seed", function()
    local a, b, c = small(), small(), small()
    a:build({ 16, 1 }, mb.rng(1))
    b:build({ 16, 1 }, mb.rng(1))
    c:build({ 16, 1 }, mb.rng(2))
    local names = {}
    for i, parameter in ipairs(a:parameters()) do names[i] = parameter.name end
    assert.same({ "1.weight", "1.bias", "2.gamma", "2.beta", "4.1.1.weight", "4.1.1.bias", "7.weight", "7.bias" },
      names)
    assert.is_true(a:parameters()[1].value:allclose(b:parameters()[1].value, { relative = 0, absolute = 0 }))
    assert.is_false((a:parameters()[1].value:allclose(c:parameters()[1].value)))
  end)
  it("have the spread of their initialiser", function()
    local function sd(initializer)
      local layer = nn.Conv1d { filters = 200, kernel = 5, initializer = initializer }
      layer:build({ 10, 20 }, mb.rng(1))
      return layer.weight:std():item()
    end
    for name, expected in pairs {
      glorot_uniform = math.sqrt(2 / 1100), glorot_normal = math.sqrt(2 / 1100), he_uniform = math.sqrt(2 / 100),
      he_normal = math.sqrt(2 / 100), lecun_uniform = 0.1, lecun_normal = 0.1, zeros = 0, ones = 0,
      normal = 0.05, uniform = 0.05 / math.sqrt(3),
    } do
      assert.is_true(math.abs(sd(name) - expected) <= 0.03 * expected, name)
    end
    assert.equal(0, sd(0.5))
    assert.equal(0, sd(function(_, shape) return mb.full(3, shape) end))
    assert.error_matches(function() sd(function() return mb.ones(2) end) end, "expected a tensor of shape {5, 20, 200}")
  end)
  it("are non-negative, or shaped like peaks, with the sum 1 in each filter", function()
    for _, name in ipairs { "non_negative", "peak" } do
      local layer = nn.Conv1d { filters = 200, kernel = 20, initializer = name }
      layer:build({ 30, 3 }, mb.rng(1))
      local sums = layer.weight:reshape(60, 200):sum(1)
      assert.is_true(layer.weight:min():item() >= 0, name)
      assert.is_true(math.abs(sums:mean():item() - 1) < 0.02, name)
      local dense = nn.Dense { units = 4, initializer = name }
      assert.same({ 4 }, dense:build({ 9 }, mb.rng(1)))
    end
    local layer = nn.Conv1d { filters = 50, kernel = 21, initializer = "peak" }
    layer:build({ 30, 2 }, mb.rng(1))
    local weights = layer.weight:totable()
    for f = 1, 50 do
      local turns = 0
      for k = 2, 20 do
        local here = weights[k][1][f]
        if here > weights[k - 1][1][f] and here > weights[k + 1][1][f] then turns = turns + 1 end
        assert.equal(here, weights[k][2][f])
      end
      assert.equal(1, turns)
    end
  end)
  it("are restored by state and load_state", function()
    local a, b = small(), small()
    a:build({ 16, 1 }, mb.rng(1))
    b:build({ 16, 1 }, mb.rng(2))
    a:train()(mb.randn(mb.rng(3), 4, 16, 1))
    b:load_state(a:state())
    local x = mb.randn(mb.rng(4), 4, 16, 1)
    assert.is_true(a:eval()(x):allclose(b:eval()(x), { relative = 0, absolute = 0 }))
    local state = a:state()
    state["7.bias"] = mb.ones(3)
    assert.error_matches(function() b:load_state(state) end, "'7.bias': expected shape {2}, got {3}")
    state["7.bias"] = nil
    assert.error_matches(function() b:load_state(state) end, "expected a tensor '7.bias', got nil")
    state = a:state()
    state.other = mb.ones(1)
    assert.error_matches(function() b:load_state(state) end, "no 'other'")
  end)
  it("are restored by config and from_config", function()
    local a = small()
    local b = nn.from_config(a:config())
    assert.equal(tostring(a), tostring(b))
    assert.error_matches(function() nn.Lambda { function(x) return x end }:config() end, "cannot be saved")
  end)
end)

describe("pooling that does not alias", function()
  it("is the largest value of each window, blurred, at every stride-th point", function()
    local x = mb.tensor { 0, 0, 8, 0, 0, 0, 0, 4, 0 }:reshape(1, 9, 1)
    local function apply(options) return nn.BlurPool1d(options)(x):reshape(-1):totable() end
    assert.same({ 6, 6, 2, 0, 1, 3, 3, 1, 0 }, apply { size = 2, stride = 1 }) -- 0 8 8 0 0 0 4 4 0 blurred by 1 2 1
    assert.same({ 6, 2, 1, 3, 0 }, apply { size = 2 })
    assert.same({ 3, 3, 1, 0, 0.5, 1.5, 1.5, 0.5, 0 }, apply { size = 1, stride = 1, blur = 4 })
  end)
  it("changes the map of a shifted spectrum less than plain pooling does", function()
    local x = mb.zeros(2, 64, 1)
    x[1]:set(30, 1, 1)
    x[2]:set(31, 1, 1)
    local function off(layer)
      local y = layer(x):reshape(2, -1)
      return (y[1] - y[2]):sum_squares():item() / y[1]:sum_squares():item()
    end
    assert.is_true(off(nn.BlurPool1d { size = 2, blur = 5 }) < off(nn.MaxPool1d { size = 2 }))
  end)
  it("counts in the receptive field", function()
    local model = nn.Sequential { nn.Conv1d { filters = 1, kernel = 5 }, nn.BlurPool1d { size = 2, blur = 3 },
      nn.Conv1d { filters = 1, kernel = 3 } }
    assert.same({ stride = 2, field = 5 + 1 + 2 + 4 }, model:reach { 40, 1 })
    assert.error_matches(function() nn.BlurPool1d { size = 2, blur = 1 } end,
      "blur: expected an integer from 2 to 100, got 1")
  end)
end)

describe("a position channel", function()
  it("runs from -1 to 1 in every spectrum", function()
    local y = nn.Position {}(mb.full(7, 2, 5, 1))
    for i = 1, 2 do
      assert.same({ { 7, -1 }, { 7, -0.5 }, { 7, 0 }, { 7, 0.5 }, { 7, 1 } }, y[i]:totable())
    end
    assert.error_matches(function() nn.Position {}(mb.ones(2, 5)) end, "expected 3 dimensions")
  end)
end)

describe("modes", function()
  it("drop the same elements while not recording", function()
    local x = mb.rng(1):normal(0, 1, 2, 50, 3)
    local function dropped() return nn.Dropout { rate = 0.5 }:train():set_rng(mb.rng(7))(x:param()):totable() end
    local recorded = dropped()
    assert.not_same(x:totable(), recorded)
    mb.no_grad(function() assert.same(recorded, dropped()) end)
  end)
  it("switch dropout and batch norm, and build leaves them alone", function()
    local dropout, x = nn.Dropout { rate = 0.5 }, mb.ones(1000)
    assert.equal(1000, dropout(x:reshape(1, 1000)):sum():item())
    dropout:train():set_rng(mb.rng(1))
    local y = dropout(x:reshape(1, 1000))
    assert.is_true(math.abs(y:sum():item() - 1000) < 150)
    assert.same({ 0, 2 }, { y:min():item(), y:max():item() })
    local norm = nn.BatchNorm1d {}:train()
    norm:build { 5, 2 }
    assert.is_true(norm.training)
    assert.same({ 0, 0 }, norm.running_mean:totable())
    norm(mb.full(10, 4, 5, 2))
    assert.is_true(norm.running_mean:allclose(mb.full(1, 2)))
  end)
end)

describe("errors", function()
  it("name the path of the layer", function()
    local model = nn.Sequential { nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 } }, name = "net" }
    model:build { 10, 1 }
    local _, message = pcall(function() return (model(mb.ones(1, 10, 3))) end)
    assert.matches("^spec/nn_spec.lua:%d+: net > layer 1 %(Sequential%) > layer 1 %(Conv1d%): "
      .. "input has 3 channels, weights expect 1$", message)
    assert.error_matches(function() model(mb.ones(1, 2, 1)) end, "layer 1 %(Conv1d%)")
  end)
  it("name the option", function()
    assert.error_matches(function() nn.Conv1d { filters = 2, kernal = 3 } end, "did you mean 'kernel'")
    assert.error_matches(function() nn.Conv1d { filters = 2 } end, "kernel")
    assert.error_matches(function() nn.Conv1d { filters = 0, kernel = 3 } end,
      "filters: expected a positive integer, got 0")
    assert.error_matches(function() nn.Dense { units = 2, activation = "rellu" } end, "did you mean 'relu'")
    assert.error_matches(function() nn.Dense { units = 2, initializer = "he" } end, "initializer")
    assert.error_matches(function() nn.Dropout { rate = 1 } end, "rate")
    assert.error_matches(function() nn.Sequential {} end, "expected a list of layers")
    assert.error_matches(function() nn.Sequential { 3 } end, "layer 1: expected a layer, got 3")
    assert.error_matches(function() nn.Flatten {} (3) end, "expected a tensor, got 3")
    assert.error_matches(function() nn.Residual { nn.Conv1d { filters = 2, kernel = 3 } }(mb.ones(1, 9, 1)) end,
      "the body gives shape {1, 7, 2}, the shortcut {1, 9, 1}")
  end)
end)

describe("summary", function()
  it("counts parameters, multiply-adds, stride and receptive field", function()
    local text = small():summary { 16, 1 }
    assert.matches("total: 142 parameters, 640 multiply%-adds", text)
    assert.matches("total stride 2, receptive field 8 points", text)
  end)
end)
