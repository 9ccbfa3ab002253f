-- Shapes by arithmetic equal those that layers make; descriptions from outside cost bounded memory.
local mb = require "moonbow"
local nn = mb.nn

describe("build computes the shape of a run", function()
  local layers = {
    Conv1d = { { filters = 3, kernel = 4 }, { filters = 2, kernel = 5, stride = 3, padding = "same" },
      { filters = 2, kernel = 3, dilation = 4 }, { filters = 2, kernel = 3, padding = 2, stride = 2 },
      { filters = 4, kernel = 3, groups = 2, padding = { 5, 1 } }, { filters = 2, kernel = 9, padding = "causal" } },
    Conv1dTranspose = { { filters = 3, kernel = 4, stride = 2 }, { filters = 2, kernel = 2, padding = { 0, 3 } },
      { filters = 3, kernel = 3, stride = 5, padding = "same" },
      { filters = 2, kernel = 5, padding = 2, dilation = 2 } },
    MultiHeadAttention = { { heads = 2 }, { heads = 1, bias = false } },
    LSTM = { { units = 3 }, { units = 2, return_sequences = true, bidirectional = true } },
    GRU = { { units = 3, return_sequences = true }, { units = 2, bidirectional = true } },
    Upsample1d = { { factor = 3 }, { factor = 2, mode = "linear" } },
    MaxPool1d = { { size = 3 }, { size = 2, stride = 5 }, { size = 3, stride = 2, padding = "same" } },
    AvgPool1d = { { size = 4 }, { size = 3, padding = "same" } },
    BlurPool1d = { { size = 1, stride = 4 }, { size = 3, blur = 5 } },
    Dense = { { units = 5 } }, BatchNorm1d = { {} }, LayerNorm = { {} }, Dropout = { { rate = 0.5 } },
    GroupNorm = { { groups = 1 }, { groups = 2 } }, ChannelDropout = { { rate = 0.5 } },
    SqueezeExcite = { {}, { ratio = 1 } },
    Position = { {} }, GlobalAvgPool1d = { {} }, GlobalMaxPool1d = { {} }, Flatten = { {} },
    Activation = { { name = "elu" } }, ReLU = { {} }, Softmax = { {} },
    Lambda = { { function(x) return x:max_pool1d { size = 2 } end } },
    Residual = { { nn.Conv1d { filters = 2, kernel = 3, padding = "same" }, nn.Dense { units = 2 } }, { nn.ReLU {} } },
    Concat = { { nn.Dense { units = 3 }, nn.ReLU {}, nn.Position {} } },
    Sequential = { { nn.MaxPool1d { size = 2 }, nn.Flatten {}, nn.Dense { units = 4 } } },
  }
  for name, cases in pairs(layers) do
    it(name, function()
      for _, options in ipairs(cases) do
        local layer = nn[name](options)
        local output = layer:build({ 23, 2 }, mb.rng(1))
        table.insert(output, 1, 3)
        assert.same(output, layer(mb.rand(mb.rng(2), 3, 23, 2)):shape())
      end
    end)
  end
end)

describe("a shape that does not fit", function()
  local function refuses(message, f, ...)
    local arguments = { ... }
    assert.error_matches(function() f(table.unpack(arguments)) end, message, nil, true)
  end
  it("names the layer, before any weight is made", function()
    local conv = nn.Conv1d { filters = 1000, kernel = 1000000000 }
    local model = nn.Sequential { nn.ReLU {}, conv, name = "net" }
    for _, use in ipairs { function() model:build { 20, 1 } end, function() model(mb.ones(1, 20, 1)) end } do
      refuses("net > layer 2 (Conv1d): kernel spans 1000000000 points", use)
    end
    assert.is_nil(conv.weight)
    refuses("layer 1 (Concat): branch 2 gives shape {1, 10, 1}, which does not fit beside {1, 20, 1}", function()
      nn.Sequential { nn.Concat { nn.ReLU {}, nn.MaxPool1d { size = 2 } } }:build { 20, 1 }
    end)
  end)
  it("is not that of the weights that exist", function()
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.BatchNorm1d {}, nn.Flatten {},
      nn.Dense { units = 2 } }
    model:build { 10, 1 }
    refuses("layer 1 (Conv1d): input has 3 channels, weights expect 1", model.build, model, { 10, 3 })
    refuses("layer 4 (Dense): input has 18 features, weights expect 16", model.build, model, { 11, 1 })
    assert.same({ 10, 1 }, model.input_shape)
  end)
  it("is not a shape", function()
    local model = nn.Sequential { nn.Dense { units = 2 } }
    refuses("build: shape: expected a table, got 3", model.build, model, 3)
    refuses("build: shape[1]: expected a positive integer, got 'x'", model.build, model, { "x" })
    refuses("build: shape: expected {L, C}, the input without its batch, got 4 dimensions", model.build, model,
      { 1, 2, 3, 4 })
    refuses("summary: shape: expected a table, got nil", model.summary, model)
    refuses("reach: shape: expected a table, got nil", model.reach, model)
    refuses("build: rng: expected a generator, as mb.rng(seed) makes it, got 5", model.build, model, { 3 }, 5)
  end)
end)

describe("the shape of inputs", function()
  it("is kept as it was, whatever becomes of the table", function()
    local model, shape = nn.Sequential { nn.Dense { units = 2 } }, { 10, 1 }
    model:build(shape)
    shape[1] = 99
    assert.same({ 10, 1 }, model.input_shape)
    assert.matches("1 +Dense +10 x 2", model:summary())
  end)
  it("is the shape of the first call if there was no build, so that the model can be saved", function()
    local model, path = nn.Sequential { nn.Dense { units = 2 } }, os.tmpname()
    finally(function() os.remove(path) end)
    local y = model(mb.ones(4, 10, 3))
    assert.same({ 10, 3 }, model.input_shape)
    assert(mb.save(model, path))
    assert.equal(y:tobytes(), assert(mb.load(path))(mb.ones(4, 10, 3)):tobytes())
  end)
end)

describe("a generator for build", function()
  local MESSAGE = "build: rng: the layer has its weights already, from its first use, a file, or the option length of "
    .. "mb.models; build a new one, or leave rng out"
  local function refuses(model)
    assert.error_matches(function() model:build({ 40, 1 }, mb.rng(1)) end, MESSAGE, nil, true)
    model:build { 40, 1 }
  end
  it("is refused if nothing would be drawn from it", function()
    refuses(mb.models.one_convolution { classes = 2, pool = 4, filters = 3, length = 40 })
    local used = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    used(mb.zeros(1, 40, 1))
    refuses(used)
    local built = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    built:build({ 40, 1 }, mb.rng(2))
    refuses(built)
  end)
  it("draws what a network lacks, and is taken by one without weights", function()
    local first = nn.Dense { units = 3 }
    first:build({ 4 }, mb.rng(2))
    local kept = first.weight:totable()
    local function head(seed)
      local model = nn.Sequential { first, nn.Dense { units = 2 } }
      model:build({ 4 }, mb.rng(seed))
      return model.layers[2].weight:totable()
    end
    assert.same(head(1), head(1))
    assert.not_same(head(1), head(2))
    assert.same(kept, first.weight:totable())
    nn.Sequential { nn.Dropout { rate = 0.5 }, nn.ReLU {} }:build({ 4 }, mb.rng(1))
    nn.Sequential { nn.Dropout { rate = 0.5 }, nn.ReLU {} }:build({ 4 }, mb.rng(1))
  end)
  it("is not needed to train a network that was built", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    model:build({ 6, 1 }, mb.rng(3))
    local weights = model.layers[2].weight:totable()
    mb.fit(model, { x = mb.zeros(4, 6, 1), y = { 1, 2, 1, 2 } }, { epochs = 1, seed = 1, verbose = false })
    assert.same(weights, model.layers[2].weight:totable()) -- of spectra of zeros no weight has a gradient
  end)
end)

describe("restoring from tensors", function()
  local function restore(config, shape, tensors) return nn.from_config(config):restore(shape, tensors) end
  local function refuses(message, ...)
    local arguments = { ... }
    assert.error_matches(function() restore(table.unpack(arguments)) end, message, nil, true)
  end
  local dense = { type = "Sequential", layers = { { type = "Dense", units = 2 }, { type = "BatchNorm1d" } } }
  local function tensors()
    return { ["1.weight"] = mb.full(2, 3, 2), ["1.bias"] = mb.ones(2), ["2.gamma"] = mb.ones(2),
      ["2.beta"] = mb.zeros(2), ["2.running_mean"] = mb.zeros(2), ["2.running_var"] = mb.full(4, 2) }
  end
  it("takes the tensors themselves, and draws nothing", function()
    local given = tensors()
    mb.seed(1)
    local model = restore(dense, { 3 }, given)
    assert.is_true(rawequal(given["1.weight"], model.layers[1].weight))
    assert.is_true(rawequal(given["2.running_var"], model.layers[2].running_var))
    local after = mb.rand(4):totable()
    mb.seed(1)
    assert.same(mb.rand(4):totable(), after)
    assert.equal(6, #model:parameters() + #model:buffers())
  end)
  it("refuses other names and shapes", function()
    local given = tensors()
    given["1.weight"] = nil
    refuses("layer 1 (Dense): weight: expected a tensor of shape {3, 2}, got nil", dense, { 3 }, given)
    refuses("layer 1 (Dense): weight: expected a tensor of shape {5, 2}, got tensor {3, 2}", dense, { 5 }, tensors())
    refuses("restore: the model has no 'a\\x1B[2Jb'", { type = "ReLU" }, { 3 }, { ["a\27[2Jb"] = mb.ones(1) })
    refuses("restore: a tensor's name: expected a string, got 1", { type = "ReLU" }, { 3 }, { mb.ones(1) })
    for _, name in ipairs { "3.weight", "1.forward", "x", "1.2.y" } do
      given = tensors()
      given[name] = mb.ones(1)
      refuses(("restore: the model has no '%s'"):format(name), dense, { 3 }, given)
    end
  end)
  it("costs no memory if the description asks for more than the tensors have", function()
    local before = mb.memory().peak
    local concat = { type = "ReLU" }
    for _ = 1, 40 do concat = { type = "Concat", layers = { concat, { type = "ReLU" } } } end
    refuses("got nil", { type = "Sequential", layers = { concat, { type = "Dense", units = 2 } } }, { 1000000, 5 }, {})
    local doubled = { type = "Sequential", layers = {} }
    for i = 1, 40 do doubled.layers[i] = { type = "Concat", layers = { { type = "ReLU" }, { type = "ReLU" } } } end
    refuses("Concat): the output would have 2.56e+09 elements, more than mb.limits.elements", doubled,
      { 1000000, 5 }, {})
    refuses("Conv1d: the output would have 4e+18 elements, more than mb.limits.elements",
      { type = "Conv1d", filters = 2000000000, kernel = 2, padding = "same" }, { 2000000000, 1 }, {})
    refuses("would have a dimension of 4000000000000000000", { type = "Flatten" }, { 2000000000, 2000000000 }, {})
    refuses("shape[1]: expected at most 2147483647, got 4294967296", { type = "Flatten" }, { 1 << 32 }, {})
    assert.equal(before, mb.memory().peak)
  end)
end)
