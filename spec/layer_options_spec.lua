-- Options of layers: each has a range, and options that a layer would ignore are refused when it is made.
local mb = require "moonbow"
local nn = mb.nn
local nan = 0 / 0

local function refuses(message, f, ...)
  local arguments = table.pack(...)
  assert.error_matches(function() f(table.unpack(arguments, 1, arguments.n)) end, message, nil, true)
end

describe("a layer refuses, when it is made,", function()
  it("an invalid padding", function()
    local function padding(value) return { filters = 2, kernel = 3, padding = value } end
    refuses("Conv1d: padding: expected one of 'valid', 'same', 'causal', got 'Same' (did you mean 'same'?)", nn.Conv1d,
      padding "Same")
    refuses("Conv1d: padding: expected 'valid', 'same', 'causal' or a number of points, got -1", nn.Conv1d, padding(-1))
    refuses("Conv1d: padding: expected { left, right }, got a list of 1 entry", nn.Conv1d, padding { 1 })
    refuses("Conv1d: padding[2]: expected a non-negative integer, got -1", nn.Conv1d, padding { 1, -1 })
    refuses("Conv1d: padding: expected a list, got an entry [left]", nn.Conv1d, padding { left = 1 })
    refuses("Conv1d: padding: expected", nn.Conv1d, padding(nan))
    refuses("Conv1d: padding: expected", nn.Conv1d, padding(1.5))
  end)
  it("transposed convolution without an output", function()
    refuses("Conv1dTranspose: padding: expected one of 'valid', 'same', got 'causal'", nn.Conv1dTranspose,
      { filters = 1, kernel = 2, padding = "causal" })
    refuses("Conv1dTranspose: padding: expected 'valid', 'same' or a number of points, got -2", nn.Conv1dTranspose,
      { filters = 1, kernel = 2, padding = -2 })
    refuses("Conv1dTranspose: unknown option 'groups'", nn.Conv1dTranspose, { filters = 1, kernel = 2, groups = 1 })
    local layer = nn.Conv1dTranspose { filters = 1, kernel = 2, padding = 5 }
    refuses("Conv1dTranspose: padding cuts off 10 points, but the output has only 6", layer, mb.ones(1, 5, 1))
    layer(mb.ones(1, 20, 1))
    refuses("Conv1dTranspose: input has 2 channels, weights expect 1", layer, mb.ones(1, 20, 2))
  end)
  it("a recurrence that is none", function()
    refuses("LSTM: units: expected a positive integer, got 0", nn.LSTM, { units = 0 })
    refuses("GRU: return_sequences: expected a boolean, got 1", nn.GRU, { units = 2, return_sequences = 1 })
    refuses("LSTM: recurrent_initializer: expected one of", nn.LSTM, { units = 2, recurrent_initializer = "x" })
    refuses("LSTM: input: expected 3 dimensions, got shape {2, 3}", nn.LSTM { units = 2 }, mb.ones(2, 3))
    local layer = nn.GRU { units = 2 }
    layer(mb.ones(1, 5, 3))
    refuses("GRU: input has 4 channels, weights expect 3", layer, mb.ones(1, 5, 4))
  end)
  it("heads that do not divide the channels", function()
    refuses("MultiHeadAttention: heads: expected a positive integer, got 0", nn.MultiHeadAttention, { heads = 0 })
    refuses("MultiHeadAttention: initializer: expected one of", nn.MultiHeadAttention, { heads = 1, initializer = "x" })
    local layer = nn.MultiHeadAttention { heads = 3 }
    refuses("MultiHeadAttention: heads: expected a divisor of the 4 channels, got 3", layer, mb.ones(1, 5, 4))
    refuses("MultiHeadAttention: input: expected 3 dimensions, got shape {2, 3}", layer, mb.ones(2, 3))
    layer(mb.ones(1, 5, 6))
    refuses("MultiHeadAttention: input has 3 channels, weights expect 6", layer, mb.ones(1, 5, 3))
  end)
  it("upsampling of another kind", function()
    refuses("Upsample1d: factor: expected a positive integer, got 0", nn.Upsample1d, { factor = 0 })
    refuses("Upsample1d: mode: expected one of 'nearest', 'linear', got 'cubic'", nn.Upsample1d,
      { factor = 2, mode = "cubic" })
    refuses("Upsample1d: input: expected 3 dimensions, got shape {2, 3}", nn.Upsample1d { factor = 2 }, mb.ones(2, 3))
  end)
  it("groups that do not divide filters and channels", function()
    local conv = nn.Conv1d { filters = 6, kernel = 3, groups = 3 }
    refuses("Conv1d: groups: expected a divisor of the 6 filters, got 4", nn.Conv1d,
      { filters = 6, kernel = 3, groups = 4 })
    refuses("Conv1d: groups: expected a positive integer, got 0", nn.Conv1d, { filters = 6, kernel = 3, groups = 0 })
    refuses("Conv1d: groups: expected a divisor of the 4 channels, got 3", conv, mb.ones(1, 5, 4))
    conv(mb.ones(1, 5, 9))
    refuses("Conv1d: input has 6 channels, weights expect 9", conv, mb.ones(1, 5, 6))
  end)
  it("numbers out of their range", function()
    refuses("BatchNorm1d: epsilon: expected a non-negative float32, got -1", nn.BatchNorm1d, { epsilon = -1 })
    refuses("BatchNorm1d: epsilon: expected a non-negative float32, got NaN", nn.BatchNorm1d, { epsilon = nan })
    refuses("BatchNorm1d: momentum: expected a number from 0 to 1, got 1.5", nn.BatchNorm1d, { momentum = 1.5 })
    refuses("LayerNorm: epsilon: expected a non-negative float32, got -1", nn.LayerNorm, { epsilon = -1 })
    refuses("Dropout: rate: expected a number of at least 0 and below 1, got 1", nn.Dropout, { rate = 1 })
    refuses("Dropout: rate: expected a number of at least 0 and below 1, got NaN", nn.Dropout, { rate = nan })
    refuses("Activation: alpha: expected a finite float32, got NaN", nn.Activation, { name = "elu", alpha = nan })
    refuses("ELU: alpha: expected a finite float32, got inf", nn.ELU, { alpha = math.huge })
    refuses("Dense: initializer: expected", nn.Dense, { units = 2, initializer = nan })
    refuses("LayerNorm: epsilon: expected a non-negative float32, got 1e+300", nn.LayerNorm,
      { epsilon = 1e300 })
    refuses("Adam: lr: expected a positive float32, got 1e+39", mb.optim.Adam, { lr = 1e39 })
    refuses("BlurPool1d: blur: expected an integer from 2 to 100, got 1000000000", nn.BlurPool1d,
      { size = 2, blur = 1e9 })
  end)
  it("an alpha that the activation would ignore", function()
    refuses("BatchNorm1d: alpha: expected none beside the activation 'relu', got 0.3", nn.BatchNorm1d,
      { activation = "relu", alpha = 0.3 })
    refuses("BatchNorm1d: alpha: expected none beside the activation nil", nn.BatchNorm1d, { alpha = 0.3 })
    refuses("Activation: alpha: expected none beside the activation 'tanh'", nn.Activation,
      { name = "tanh", alpha = 0.3 })
    refuses("Residual: alpha: expected none", nn.Residual, { nn.ReLU {}, activation = "relu", alpha = 0.3 })
    refuses("ReLU: unknown option 'alpha'", nn.ReLU, { alpha = 0.3 })
    assert.is_truthy(nn.BatchNorm1d { activation = function(x, alpha) return x * alpha end, alpha = 0.3 })
  end)
  it("a third branch of a shortcut", function()
    refuses("Residual: expected at most 2 layers, got 3", nn.Residual, { nn.ReLU {}, nn.ReLU {}, nn.ReLU {} })
  end)
end)

describe("a layer", function()
  it("refuses arguments of a call besides the input", function()
    local conv = nn.Conv1d { filters = 2, kernel = 3 }
    refuses("Conv1d: expected one argument, got true as argument 2", conv, mb.ones(1, 5, 1), true)
    refuses("Sequential: expected one argument, got true as argument 2", nn.Sequential { conv }, mb.ones(1, 5, 1), true)
  end)
  it("refuses arguments that its methods would ignore", function()
    local model = nn.Sequential { nn.Dense { units = 2 } }
    refuses("train: expected no arguments, got false as argument 1", model.train, model, false)
    refuses("eval: expected no arguments, got true as argument 1", model.eval, model, true)
    refuses("build: shape: expected a table, got 10", model.build, model, 10, 1)
    refuses("build: rng: expected a generator, as mb.rng(seed) makes it, got 5", model.build, model, { 5, 1 }, 5)
    refuses("ReLU: unknown option 'alpha'; it takes none", nn.ReLU, { alpha = 1 })
    refuses("parameters: expected no arguments, got true as argument 1", model.parameters, model, true)
    refuses("load_state: expected a table of options, got false", model.load_state, model, {}, false)
    refuses("train: expected the object before the arguments, got nil; write object:train(...), with a colon",
      model.train)
    refuses("load_state: the model has no weights yet; build it first, or use restore", model.load_state, model,
      { ["1.weight"] = mb.ones(2, 2) })
  end)
  it("refuses an activation that does not return a tensor, and follows one that changes the shape", function()
    refuses("Dense: activation: expected a tensor, got nil", nn.Dense { units = 2, activation = function() end },
      mb.ones(1, 3))
    local half = function(x) return x:slice(x:rank(), 1, x:size(x:rank()) // 2) end
    for _, layer in ipairs { nn.Dense { units = 6, activation = half },
      nn.Conv1d { filters = 6, kernel = 1, activation = half } } do
      local model = nn.Sequential { layer, nn.Dense { units = 2 } }
      model:build { 4, 5 }
      assert.same({ 3, 2 }, model.layers[2].weight:shape())
      assert.same({ 2, 4, 2 }, model(mb.ones(2, 4, 5)):shape())
    end
  end)
  it("keeps its options as they were, whatever becomes of the table", function()
    local options = { units = 2 }
    local dense = nn.Dense(options)
    options.units = 7
    assert.equal(2, dense:config().units)
    assert.equal("nn.Dense{units = 2}", tostring(dense))
  end)
  it("whose weights exceed the machine's memory raises before it makes them", function()
    local dense = nn.Dense { units = 2e9 }
    refuses("layer 1 (Conv1d): weight of shape {3, 1, 1000000000} has 3e+09 elements, more than mb.limits.elements",
      function() nn.Sequential { nn.Conv1d { filters = 1e9, kernel = 3 } }:build { 3, 1 } end)
    local elements = mb.limits.elements
    finally(function() mb.limits.elements = elements end)
    mb.limits.elements = 1 << 60
    refuses("Dense: weight of shape {100000, 2000000000} takes 8e+05 GB, but this machine has", dense.build, dense,
      { 100000 })
  end)
  it("of one's own raises for an invalid initialiser", function()
    local Layer = require "moonbow.nn.layer"
    local function scale(initializer)
      return Layer.class("Scale", {}, {
        make = function(layer, shape, rng)
          layer:add_parameter("weight", initializer, rng, { shape[2] }, 1, 1)
        end,
        forward = function(layer, x) return x * layer.weight end,
      }) {}
    end
    refuses("(did you mean 'ones'?)", scale "one", mb.ones(1, 3))
    refuses("Scale: initializer: expected a tensor of shape {3}, got a table",
      scale(function() return {} end), mb.ones(1, 3))
    assert.same({ 3 }, scale "ones":build { 3 })
  end)
  it("is whole again after an initialiser failed", function()
    local fails = true
    local dense = nn.Dense { units = 2, bias_initializer = function(_, shape)
      if fails then error "not now" end
      return mb.zeros(table.unpack(shape))
    end }
    assert.error_matches(function() dense(mb.ones(1, 3)) end, "not now")
    fails = false
    dense(mb.ones(1, 3))
    assert.equal(2, #dense:parameters())
  end)
end)
