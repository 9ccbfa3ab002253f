-- Every differentiable operation against central differences in double, and float against double.
local mb, mb64 = require "support.both"()
local check = require "support.gradcheck"
local seeded = require "support.seeded"

local rng
local it = seeded.it(it, function(seed) rng = mb64.rng(seed) end)
local function normal(...) return rng:normal(0, 1, ...):totable() end
local function positive(...) return rng:uniform(0.5, 2, ...):totable() end

describe("a case", function()
  it("draws the same numbers whichever cases come before it", function()
    local seed = seeded.seed "draws the same numbers whichever cases come before it"
    assert.same(mb64.rng(seed):normal(0, 1, 5):totable(), normal(5))
  end)
end)

describe("gradients of elementwise operations", function()
  local of_positive = { log = true, sqrt = true, log1p = true }
  for _, row in ipairs(require "moonbow.elementwise") do
    local name = row[1]
    local draw = of_positive[name] and positive or normal
    it(name, function() check(function(_, x) return x[name](x) end, { draw(3, 4) }) end)
  end
  it("leaky_relu with a slope of at most 0", function()
    check(function(_, x) return x:leaky_relu(0) + x:leaky_relu(-0.5) end, { normal(3, 4) })
  end)
  for _, name in ipairs { "add", "sub", "mul", "div", "maximum", "minimum" } do
    for _, shape in ipairs { { 2, 3, 4 }, { 4 }, { 3, 1 }, { 1 }, { 2, 1, 4 } } do
      it(name .. " with {" .. table.concat(shape, ", ") .. "}", function()
        check(function(_, a, b) return a[name](a, b) end, { normal(2, 3, 4), positive(shape) })
        check(function(_, a, b) return b[name](b, a) end, { positive(2, 3, 4), normal(shape) })
      end)
    end
    it(name .. " with a number", function()
      check(function(_, a) return a[name](a, 0.7) end, { normal(3, 4) })
    end)
  end
  it("pow", function()
    check(function(_, a, b) return a ^ b end, { positive(3, 4), normal(4) })
    check(function(_, a) return a ^ 3 end, { normal(3, 4) })
    check(function(_, a) return 2 ^ a end, { normal(3, 4) })
  end)
  it("operators with a number on the left", function()
    check(function(_, a) return 1 - a + 2 * a / 3 - 5 / a - (-a) end, { positive(3, 4) })
  end)
end)

describe("gradients of reductions", function()
  for _, name in ipairs { "sum", "mean", "var", "min", "max", "std" } do
    it(name, function()
      check(function(_, x) return x[name](x) end, { normal(2, 3, 4) })
      for dimension = 1, 3 do
        check(function(_, x) return x[name](x, dimension) end, { normal(2, 3, 4) })
        check(function(_, x) return x[name](x, dimension, { keep = true }) * x end, { normal(2, 3, 4) })
      end
    end)
  end
  it("var with ddof", function() check(function(_, x) return x:var(2, { ddof = 1 }) end, { normal(2, 5) }) end)
  it("sum_squares", function() check(function(_, x) return x:sum_squares() end, { normal(2, 5) }) end)
end)

describe("gradients of reductions over several dimensions", function()
  for _, name in ipairs { "sum", "mean", "var", "std", "min", "max", "prod", "norm", "logsumexp", "median" } do
    it(name, function()
      for _, dimensions in ipairs { 0, 2, { 1, 3 }, { 2, 3 }, { 3, 1, 2 } } do
        dimensions = dimensions ~= 0 and dimensions or nil
        check(function(_, x) return x[name](x, dimensions) end, { normal(2, 3, 4) })
        check(function(_, x) return x[name](x, dimensions, { keep = true }) * x end, { normal(2, 3, 4) })
      end
    end)
  end
  it("prod with zeros", function()
    for _, values in ipairs { { 2, 0, 3 }, { 0, 0, 3 }, { 0, 1, 2 } } do
      check(function(_, x) return x:prod() end, { values })
    end
  end)
  it("norm with other exponents", function()
    for _, p in ipairs { 1, 3, math.huge } do
      check(function(_, x) return x:norm(2, { p = p }) end, { normal(3, 4) })
    end
  end)
  it("norm at 0 is 0", function()
    local x = mb.zeros(2, 3):param()
    x:norm(2):sum():backward()
    assert.same({ { 0, 0, 0 }, { 0, 0, 0 } }, x.grad:totable())
  end)
  it("quantile", function()
    for _, q in ipairs { 0, 0.3, 0.5, 1 } do
      check(function(_, x) return x:quantile(q, 2) end, { normal(3, 5) })
      check(function(_, x) return x:quantile(q, { 1, 2 }) end, { normal(3, 5) })
    end
  end)
end)

describe("gradients along a dimension", function()
  it("cumsum, diff, sort, topk, gather, scatter, interpolate, flip, roll", function()
    for dimension = 1, 3 do
      check(function(_, x) return x:cumsum(dimension) end, { normal(3, 4, 5) })
      check(function(_, x) return x:diff(dimension, 2) end, { normal(3, 4, 5) })
      check(function(_, x) return (x:sort(dimension)) end, { normal(3, 4, 5) })
      check(function(_, x) return (x:sort(dimension, { descending = true })) end, { normal(3, 4, 5) })
      check(function(_, x) return (x:topk(2, dimension)) end, { normal(3, 4, 5) })
      check(function(_, x)
        return x:gather(dimension, x:argmax(dimension, { keep = true }))
      end, { normal(3, 4, 5) })
      check(function(_, x, y)
        local highest = x:argmax(dimension, { keep = true })
        return x:scatter(dimension, highest, y:gather(dimension, highest))
          + x:scatter(dimension, highest, y:gather(dimension, highest), { add = true })
      end, { normal(3, 4, 5), normal(3, 4, 5) })
      check(function(_, x) return x:interpolate({ 1, 2.3, 2, 1.9 }, dimension) + x:interpolate(4, dimension) end,
        { normal(3, 4, 5) })
      check(function(_, x) return x:flip(dimension) + x:roll(2, dimension) end, { normal(3, 4, 5) })
      check(function(_, x) return x:index({ 2, 3, 2 }, dimension) end, { normal(3, 4, 5) })
    end
  end)
  it("pad", function()
    for dimension = 1, 3 do
      for _, mode in ipairs { "zero", "reflect", "edge" } do
        check(function(_, x) return x:pad(2, 1, { dimension = dimension, mode = mode }) end, { normal(3, 4, 3) })
      end
    end
  end)
  it("permute, squeeze, split, range, stack", function()
    check(function(_, x) return x:permute(3, 1, 2) end, { normal(2, 3, 4) })
    check(function(_, x) return x:permute(4, 2, 3, 1) end, { normal(2, 3, 4, 2) })
    check(function(_, x) return x:squeeze() end, { normal(2, 1, 4) })
    check(function(_, x) local parts = x:split(2, 2) return parts[1] * parts[2] end, { normal(2, 4) })
    check(function(_, x) return x[{ { 2, -1 }, 2, { -1, 1, -2 } }] end, { normal(3, 2, 4) })
    for dimension = 1, 3 do
      check(function(library, a, b) return library.stack({ a, b, a }, dimension) end, { normal(2, 3), normal(2, 3) })
    end
  end)
  it("where and clamp", function()
    check(function(library, a, b) return library.where(a:gt(0), a, b) end, { normal(3, 4), normal(4) })
    check(function(library, a, b) return library.where(b:lt(0), a * b, 2) end, { normal(4), normal(3, 4) })
    check(function(_, x) return x:clamp(-0.5, 0.5) + x:clamp(nil, 0.2) end, { normal(3, 4) })
  end)
end)

describe("gradients of shape operations", function()
  it("reshape, transpose, narrow, slice, rows", function()
    check(function(_, x) return x:reshape(4, 6) end, { normal(2, 3, 4) })
    check(function(_, x) return x:transpose() end, { normal(2, 3, 4) })
    check(function(_, x) return x:transpose(1, 3) end, { normal(2, 3, 4) })
    check(function(_, x) return x:narrow(2, 2) end, { normal(4, 3) })
    check(function(_, x) return x:slice(2, 2, 2) end, { normal(2, 4, 3) })
    check(function(_, x) return x[2] * x[1] end, { normal(3, 4) })
  end)
  it("index, with a row taken twice", function()
    check(function(_, x) return x:index { 3, 1, 3 } end, { normal(4, 2) })
  end)
  it("concat", function()
    for dimension = 1, 3 do
      check(function(library, a, b) return library.concat({ a, b, a }, dimension) end, { normal(2, 3, 2),
        normal(2, 3, 2) })
    end
  end)
end)

describe("gradients of products", function()
  it("matmul", function()
    check(function(_, a, b) return a:matmul(b) end, { normal(3, 4), normal(4, 2) })
    check(function(_, a, b) return a:matmul(b) end, { normal(2, 3, 4), normal(4, 5) })
    check(function(_, a, b) return a:matmul(b) end, { normal(3, 4), normal(4) })
  end)
end)

describe("gradients of conv1d", function()
  for _, kernel in ipairs { 1, 3, 4 } do
    for stride = 1, 3 do
      for _, padding in ipairs { "valid", "same", kernel - 1 } do
        it(("kernel %d, stride %d, padding %s"):format(kernel, stride, padding), function()
          for _, sizes in ipairs { { 1, 1, 1 }, { 3, 2, 3 } } do
            local batch, channels, filters = table.unpack(sizes)
            for dilation = 1, 2 do
              check(function(_, x, w, b)
                return x:conv1d(w, b, { stride = stride, padding = padding, dilation = dilation })
              end, { normal(batch, 11, channels), normal(kernel, channels, filters), normal(filters) })
            end
          end
        end)
      end
    end
  end
end)

describe("gradients of conv1d with groups and padding", function()
  for _, case in ipairs { { 4, 4, 4 }, { 4, 8, 4 }, { 6, 4, 2 }, { 20, 20, 2 } } do
    local channels, filters, groups = table.unpack(case)
    it(("%d channels, %d filters, %d groups"):format(channels, filters, groups), function()
      for _, padding in ipairs { "same", "causal", { 4, 0 }, { 0, 5 } } do
        for stride = 1, 2 do
          check(function(_, x, w, b)
            return x:conv1d(w, b, { groups = groups, padding = padding, stride = stride, dilation = 3 - stride })
          end, { normal(2, 6, channels), normal(3, channels // groups, filters), normal(filters) })
        end
      end
    end)
  end
end)

describe("gradients of pooling", function()
  for _, name in ipairs { "max_pool1d", "avg_pool1d" } do
    for size = 1, 3 do
      for stride = 1, 4 do
        for _, padding in ipairs { "valid", "same" } do
          it(("%s, size %d, stride %d, padding %s"):format(name, size, stride, padding), function()
            check(function(_, x) return x[name](x, { size = size, stride = stride, padding = padding }) end,
              { normal(2, 9, 3) })
          end)
        end
      end
    end
  end
end)

-- Returns a layer with weights, made anew for each library, as a function of its input and weights.
local function layer_gradient(make, shape, prepare)
  local function build(library)
    local layer = make(library)
    layer:build({ table.unpack(shape, 2) }, library.rng(1))
    return prepare and prepare(layer, library) or layer
  end
  local values = { normal(shape) }
  for _, parameter in ipairs(build(mb64):parameters()) do
    values[#values + 1] = normal(parameter.value:shape())
  end
  check(function(library, x, ...)
    local layer = build(library)
    local weights, i = { ... }, 0
    layer:visit(function(part)
      for _, weight in ipairs(part.weights or {}) do
        i = i + 1
        part[weight.name] = weights[i]
      end
    end)
    return layer(x)
  end, values)
end

local function training(layer, library) return layer:train():set_rng(library.rng(5)) end

describe("gradients of layers", function()
  local layers = {
    Conv1d = function(library)
      return library.nn.Conv1d { filters = 3, kernel = 4, stride = 2, padding = "same", activation = "tanh" }
    end,
    ["Conv1d of groups"] = function(library)
      return library.nn.Conv1d { filters = 4, kernel = 3, groups = 2, padding = "causal", activation = "relu" }
    end,
    Conv1dTranspose = function(library)
      return library.nn.Conv1dTranspose { filters = 3, kernel = 4, stride = 2, padding = { 1, 0 }, activation = "tanh" }
    end,
    ["Conv1dTranspose with dilation"] = function(library)
      return library.nn.Conv1dTranspose { filters = 3, kernel = 3, dilation = 2, padding = "same", bias = false }
    end,
    Upsample1d = function(library) return library.nn.Upsample1d { factor = 3 } end,
    ["Upsample1d on lines"] = function(library) return library.nn.Upsample1d { factor = 2, mode = "linear" } end,
    MultiHeadAttention = function(library) return library.nn.MultiHeadAttention { heads = 2 } end,
    ["MultiHeadAttention of one head, without biases"] = function(library)
      return library.nn.MultiHeadAttention { heads = 1, bias = false }
    end,
    LSTM = function(library) return library.nn.LSTM { units = 3 } end,
    ["LSTM step by step"] = function(library)
      return library.nn.LSTM { units = 2, activation = "softplus" }
    end,
    ["LSTM of both directions"] = function(library)
      return library.nn.LSTM { units = 2, bidirectional = true, return_sequences = true }
    end,
    GRU = function(library) return library.nn.GRU { units = 3, return_sequences = true } end,
    ["GRU of both directions"] = function(library) return library.nn.GRU { units = 2, bidirectional = true } end,
    Dense = function(library) return library.nn.Dense { units = 3, activation = "gelu" } end,
    BatchNorm1d = function(library) return library.nn.BatchNorm1d {} end,
    ["BatchNorm1d with ReLU"] = function(library) return library.nn.BatchNorm1d { activation = "relu" } end,
    ["BatchNorm1d with leaky ReLU"] = function(library)
      return library.nn.BatchNorm1d { activation = "leaky_relu", alpha = 0.3 }
    end,
    ["BatchNorm1d with ELU"] = function(library) return library.nn.BatchNorm1d { activation = "elu" } end,
    ["BatchNorm1d whose result is recomputed for several"] = function(library)
      local nn = library.nn
      return nn.Sequential {
        nn.BatchNorm1d { activation = "leaky_relu" },
        nn.Concat {
          nn.Conv1d { filters = 2, kernel = 3, padding = "same" },
          nn.MaxPool1d { size = 3, stride = 1, padding = "same" },
          nn.Sequential { nn.Conv1d { filters = 2, kernel = 1, bias = false }, nn.BatchNorm1d {} },
        },
        nn.Conv1d { filters = 2, kernel = 2 },
      }
    end,
    LayerNorm = function(library) return library.nn.LayerNorm {} end,
    GroupNorm = function(library) return library.nn.GroupNorm { groups = 1 } end,
    ["GroupNorm of several groups"] = function(library) return library.nn.GroupNorm { groups = 2 } end,
    ChannelDropout = function(library) return library.nn.ChannelDropout { rate = 0.4 } end,
    SqueezeExcite = function(library) return library.nn.SqueezeExcite { ratio = 1 } end,
    BlurPool1d = function(library) return library.nn.BlurPool1d { size = 3, stride = 2 } end,
    Position = function(library)
      return library.nn.Sequential { library.nn.Position {}, library.nn.Conv1d { filters = 2, kernel = 3 } }
    end,
    Flatten = function(library) return library.nn.Flatten {} end,
    GlobalAvgPool1d = function(library) return library.nn.GlobalAvgPool1d {} end,
    GlobalMaxPool1d = function(library) return library.nn.GlobalMaxPool1d {} end,
    Dropout = function(library) return library.nn.Dropout { rate = 0.4 } end,
    Lambda = function(library) return library.nn.Lambda { function(x) return x * x end } end,
    Softmax = function(library) return library.nn.Softmax {} end,
    LogSoftmax = function(library) return library.nn.LogSoftmax {} end,
    Residual = function(library)
      local nn = library.nn
      return nn.Residual { nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, padding = "same" }, nn.Tanh {} } }
    end,
    ["Residual with leaky ReLU"] = function(library)
      local nn = library.nn
      return nn.Residual { nn.Conv1d { filters = 2, kernel = 3, padding = "same" }, nn.Tanh {},
        activation = "leaky_relu", alpha = 0.2 }
    end,
    ["Residual with ReLU"] = function(library)
      return library.nn.Residual { library.nn.Tanh {}, activation = "relu" }
    end,
    ["Residual with GELU"] = function(library)
      return library.nn.Residual { library.nn.Tanh {}, activation = "gelu" }
    end,
    Concat = function(library)
      local nn = library.nn
      local pool = nn.AvgPool1d { size = 3, stride = 1, padding = "same" }
      return nn.Concat { nn.Conv1d { filters = 2, kernel = 1 }, pool }
    end,
  }
  local names = {}
  for name in pairs(layers) do names[#names + 1] = name end
  table.sort(names) -- so that each draws the same numbers in every run
  for _, name in ipairs(names) do
    -- Layer norm over two channels is a step function, whose gradient float cannot resolve.
    local make, shape = layers[name], { 3, 7, name == "LayerNorm" and 6 or 2 }
    it(name, function()
      layer_gradient(make, shape)
      layer_gradient(make, shape, training)
    end)
  end
end)

describe("gradients of losses", function()
  it("cross-entropy", function()
    check(function(_, x) return x:cross_entropy { 1, 3, 2 } end, { normal(3, 4) })
    check(function(library, x) return x:cross_entropy({ 1, 3, 2 }, library.tensor { 1, 2, 0.5, 3 }) end,
      { normal(3, 4) })
  end)
  it("mean squared error", function()
    check(function(_, a, b) return a:mse(b) end, { normal(3, 4), normal(3, 4) })
  end)
  it("of a sum that uses one tensor many times", function()
    check(function(_, x) return (x * x + x):exp() * x end, { normal(3) })
  end)
  it("of an operation written in Lua", function()
    check(function(library, x)
      local cube = library.operation("cube", function(a)
        return a * a * a, function(dy) return dy * a * a * 3 end
      end)
      return cube(x) * x
    end, { normal(3, 2) })
  end)
  it("finds a wrong gradient", function()
    assert.has_error(function()
      check(function(library, x)
        return library.operation("wrong", function(a) return a * a, function(dy) return dy * a end end)(x)
      end, { normal(3) })
    end)
    assert.is_not.equal(mb, mb64)
  end)
end)
