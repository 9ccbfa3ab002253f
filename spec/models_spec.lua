-- The networks: parameters, multiply-adds and shapes as published, a training step at three lengths, options.
local mb, mb64 = require "support.both"()
local nn = mb.nn

-- Returns the number of weights of a network, without making its dense layers, some of which would take gigabytes: only
-- the body is built; the weights of dense layers follow from their units.
local function count(model, length)
  local body, dense = {}, {}
  for _, layer in ipairs(model.layers) do
    local list = layer.type == "Dense" and dense or #dense == 0 and body
    if list then list[#list + 1] = layer end
  end
  body = nn.Sequential(body)
  local flat = body:build({ length, 1 }, mb.rng(1))[1]
  local found = { flat = flat, body = body:count_parameters(), all = body:count_parameters(), macs = 0 }
  for _, step in ipairs(body:trace { length, 1 }) do
    if step.layer.macs then found.macs = found.macs + step.layer:macs(step.input, step.output) end
  end
  for _, layer in ipairs(dense) do
    local units = layer.options.units
    found.all, found.macs = found.all + flat * units + units, found.macs + flat * units
    flat = units
  end
  return found
end

-- As benchmarked, with 5000 points and 500 classes: parameters in all and in the body, each with the unit
-- of its last digit; the flattened maps; multiply-adds in millions, to half a percent.
local benchmarked = {
  lee2020_cnn2 = { 19.15e6, 1e4, 106e3, 1e3, 139 * 64, 70 },
  lee2020_cnn3 = { 25.35e6, 1e4, 104e3, 1e3, 139 * 64, 146 },
  lee2020_inception3 = { 78.87e6, 1e4, 155e3, 1e3, 139 * 147, 206 },
  lee2020_inception6 = { 186.8e6, 1e5, 420e3, 1e3, 139 * 332, 351 },
  szymanski2021 = { 20.21e6, 1e4, 412e3, 1e3, 78 * 64, 543 },
  wang2020 = { 2.56e6, 1e4, 40e3, 1e3, 312 * 64, 36 },
  ho2019_resnet = { 5.20e6, 1e4, 1.25e6, 1e4, 79 * 100, 988 },
  liu2017 = { 82.96e6, 1e4, 17e3, 1e3, 625 * 64, 112 },
}

local function assert_rounds_to(expected, unit, value, what)
  assert.is_true(math.abs(value - expected) <= unit / 2,
    ("%s: %.0f, expected %.0f"):format(what, value, expected))
end

describe("networks hold", function()
  for name, expected in pairs(benchmarked) do
    it(name .. " as benchmarked", function()
      local found = count(mb.models[name] { classes = 500 }, 5000)
      assert_rounds_to(expected[1], expected[2], found.all, "parameters")
      assert_rounds_to(expected[3], expected[4], found.body, "parameters of the body")
      assert.equal(expected[5], found.flat)
      -- The published figures have three digits and count additions of biases.
      assert.is_true(math.abs(found.macs / 1e6 - expected[6]) <= 0.5 + 0.005 * expected[6], found.macs)
    end)
  end
  it("the number of parameters of the built model", function()
    for _, name in ipairs { "lee2020_cnn2", "wang2020" } do
      local built = mb.models[name] { classes = 3, length = 300 }:count_parameters()
      assert.equal(built, count(mb.models[name] { classes = 3 }, 300).all)
    end
  end)
  it("at most 100,000 weights in the network that follows from the review", function()
    local found = count(mb.models.moonbow { classes = 500 }, 5000)
    assert.equal(99850, found.all)
    assert.equal(156 * 6, found.flat)
    local unpooled = mb.models.moonbow { classes = 2, first_pool = 1, length = 1000 }
    assert.equal("SignedSqrt", unpooled.layers[1].type)
  end)
  it("the modified versions as derived from their code, with 27 classes", function()
    assert_rounds_to(81.99e6, 1e4,
      count(mb.models.liu2017 { classes = 27, batch_norm = false }, 5000).all, "liu2017")
    assert_rounds_to(29.49e6, 1e4, count(mb.models.ho2019_resnet { classes = 27, batch_norm = false,
      first_activation = "relu", units = { 3100, 1200 }, dense_activation = "relu" }, 5000).all,
      "ho2019_resnet")
    assert_rounds_to(41.1e6, 1e5, count(mb.models.wang2020 { classes = 27, kernel = 20, conv_dropout = 0,
      units = { 2000, 500 }, dense_activation = "relu", dropout = 0.3 }, 5000).all, "wang2020")
  end)
  it("the originals as published", function()
    assert.equal(1340878, count(mb.models.ho2019_resnet { classes = 30, bias = false,
      strides = { 1, 2, 2, 2, 2, 2 }, first_activation = "relu", dropout = 0 }, 1000).all)
    assert.equal(4549, mb.models.cui2018 { length = 100 }:count_parameters())
    assert.equal(71 * 64, count(mb.models.szymanski2021 { classes = 5, pool_padding = "same" }, 4501).flat)
    -- Body without biases: 40190; 3250 points in four "same" pools of 2: 204.
    assert.equal(40190 + (204 * 64 + 1) * 120 + 121 * 84 + 85 * 186 + 187 * 28,
      count(mb.models.schuetzke2021 { classes = 28 }, 3250).all)
  end)
  it("VGG16 as published, if kernels are 3 x 3 and images have three colours", function()
    local model, sum = mb.models.vgg16 { classes = 1000 }, 0
    local body = nn.Sequential { table.unpack(model.layers, 1, 18) }
    assert.same({ 7, 512 }, body:build { 224, 1 })
    for i, parameter in ipairs(body:parameters()) do
      sum = sum + parameter.value:count() * (parameter.value:rank() == 3 and 3 or 1) * (i == 1 and 3 or 1)
    end
    local inputs = 7 * 7 * 512
    for _, layer in ipairs { table.unpack(model.layers, 19) } do
      if layer.type == "Dense" then
        sum, inputs = sum + (inputs + 1) * layer.options.units, layer.options.units
      end
    end
    assert.equal(138357544, sum)
  end)
end)

describe("networks", function()
  for name, make in pairs(mb.models) do
    it(name .. " trains a step at lengths 300, 1000 and 5000", function()
      -- Hidden layers are small, so that the test needs little memory.
      local small = { classes = 2, units = { 32 }, dropout = 0.1 }
      if name == "logistic_regression" then small = { classes = 2 } end
      if name == "ibtehaz2023_ramannet" then small.dropout = { 0.1, 0 } end
      for _, length in ipairs { 300, 1000, 5000 } do
        local model = make(small)
        model:build({ length, 1 }, mb.rng(1))
        local first = model:parameters()[1].value
        local before = first:copy()
        local loss = model:train()(mb.rand(mb.rng(2), 2, length, 1)):cross_entropy { 1, 2 }
        loss:backward()
        mb.optim.Adam {}:step(model:parameters())
        assert.is_true(loss:item() == loss:item() and loss:item() < math.huge)
        assert.is_false((first:allclose(before, { relative = 0, absolute = 0 })), "length " .. length)
      end
    end)
  end
  it("name the layer for which a length is too short", function()
    assert.error_matches(function() mb.models.lee2020_cnn2 { classes = 2, length = 3 } end,
      "lee2020_cnn2 > layer 2 %(MaxPool1d%).*the input has 2")
  end)
end)

-- Networks that are not in the benchmark.
local others = {
  ismailfawaz2023_lite = { classes = 3, length = 120, filters = 2, kernel = 8 },
  ibtehaz2023_ramannet = { classes = 3, length = 41, window = 8, step = 4, features = 3, units = { 6, 5 } },
  deng2022_sanet = { classes = 3, length = 40, filters = { 2, 3 }, last_filters = 2 },
}

describe("networks of others", function()
  it("hold the published number of trained weights: LITE, without its output", function()
    local model, frozen = mb.models.ismailfawaz2023_lite { classes = 2, length = 1000 }, 0
    for _, name in ipairs(model:frozen_names()) do
      assert.equal("1.4.weight", name)
      frozen = frozen + model.layers[1].layers[4].weight:count()
    end
    assert.equal(9814, model:count_parameters() - frozen - 33 * 2)
  end)
  it("hold the numbers that follow from the code of their authors", function()
    -- 38 windows of 50 points to 25 units, 950 to 512, 512 to 256, 256 to 30; two weights of each batch norm.
    assert.equal(38 * 25 * (51 + 2) + 951 * 512 + 2 * 512 + 513 * 256 + 2 * 256 + 257 * 30,
      mb.models.ibtehaz2023_ramannet { classes = 30, length = 1000 }:count_parameters())
    -- Six kernels with 48 points in all; dense layers of 6 F / 16 and F units; six maps of F channels to F.
    local sum, channels = 192 * 32 + 2 * 32 + 1025 * 30, 1
    for _, filters in ipairs { 16, 32, 64, 128, 192 } do
      local units = 6 * filters // 16
      sum = sum + 48 * channels * filters + 6 * 2 * filters + (6 * filters + 1) * units + (units + 1) * filters
        + 6 * filters * filters + 2 * filters
      channels = filters
    end
    assert.equal(sum, mb.models.deng2022_sanet { classes = 30, length = 1000 }:count_parameters())
  end)
  it("fixed filters of LITE see what each would see alone", function()
    local fixed = mb.models.ismailfawaz2023_lite { classes = 2, length = 300 }.layers[1].layers[4]
    local x = mb.rng(3):normal(0, 1, 2, 300, 1)
    local filters = { [1] = { -1, 1 }, [2] = { -1, 1, -1, 1 }, [7] = { 1, -1 }, [13] = { -1, -1, 2, 2, -1, -1 },
      [14] = { -0.25, -1, -1, -0.25, 0.5, 2, 2, 0.5, -0.25, -1, -1, -0.25 } }
    local y = mb.no_grad(fixed, x)
    for channel, values in pairs(filters) do
      local alone = x:conv1d(mb.tensor(values):reshape(-1, 1, 1), nil, { padding = "same" }):relu()
      assert.is_true((y:slice(3, channel, 1):allclose(alone, { absolute = 1e-5 })), "filter " .. channel)
    end
    local lengths = {}
    for channel = 1, 17 do lengths[channel] = fixed.weight:slice(3, channel, 1):ne(0):sum():item() end
    assert.same({ 2, 4, 8, 16, 32, 64, 2, 4, 8, 16, 32, 64, 6, 12, 24, 48, 96 }, lengths)
  end)
  it("fixed filters of LITE stay in training, and in a file", function()
    local model = mb.models.ismailfawaz2023_lite(others.ismailfawaz2023_lite)
    local before = model.layers[1].layers[4].weight:copy()
    local x, path = mb.rand(4, 120, 1), os.tmpname()
    local set = { x = x, y = { 1, 2, 3, 1 } }
    mb.fit(model, set, { epochs = 2, optimizer = mb.optim.Adam { lr = 0.1 }, verbose = false })
    assert(mb.save(model, path))
    local loaded = mb.load(path)
    os.remove(path)
    for _, one in ipairs { model, loaded } do
      assert.same({ "1.4.weight" }, one:frozen_names())
      assert.same(before:totable(), one.layers[1].layers[4].weight:totable())
    end
  end)
  it("separable convolutions of LITE are as long and as dilated as published", function()
    local layers = mb.models.ismailfawaz2023_lite { classes = 2 }.layers
    for place, expected in pairs { [3] = { 20, 2, 113, 113 }, [4] = { 1, 1, 1, 32 }, [6] = { 10, 4, 32, 32 },
      [7] = { 1, 1, 1, 32 } } do
      local options = layers[place].options
      assert.same(expected, { options.kernel, options.dilation, options.groups, options.filters })
    end
  end)
  it("LITE has a pool before its head, if one is asked for", function()
    local model = mb.models.ismailfawaz2023_lite { classes = 3, length = 160, head = "flatten", pool = 16 }
    assert.same({ 10 * 32, 3 }, model.layers[#model.layers].weight:shape())
    assert.error_matches(function() mb.models.ismailfawaz2023_lite { classes = 2, kernel = 3 } end,
      "kernel: expected at least 4, got 3")
  end)
  it("windows of RamanNet are dense layers that share nothing, and end before the last point", function()
    local model = mb.models.ibtehaz2023_ramannet { classes = 2, length = 40, window = 8, step = 4, features = 3 }
    local layer = model.layers[1]
    local x = mb.rng(4):normal(0, 1, 2, 40, 1)
    local y = mb.no_grad(layer, x)
    assert.same({ 2, 8, 3 }, y:shape())
    for i = 1, 8 do
      local weight, bias = layer.weight:slice(3, 3 * i - 2, 3):reshape(8, 3), layer.bias:narrow(3 * i - 2, 3)
      local alone = x:slice(2, 4 * i - 3, 8):reshape(2, 8):matmul(weight) + bias
      assert.is_true((y:slice(2, i, 1):reshape(2, 3):allclose(alone, { absolute = 1e-5 })), "window " .. i)
    end
    assert.error_matches(function() layer(mb.rand(2, 50, 1)) end, "input has 11 windows, weights expect 8")
    assert.error_matches(function() layer(mb.rand(2, 40, 2)) end, "input has 2 channels, weights expect 1")
    assert.error_matches(function() mb.models.ibtehaz2023_ramannet { classes = 2, length = 50 } end,
      "LocallyConnected1d%): expected a length of more than 50, that of a window, got 50")
    assert.error_matches(function() mb.models.ibtehaz2023_ramannet { classes = 2, units = { 3 } } end,
      "dropout: expected 2 entries, one before each hidden layer and one before the output, got 3")
  end)
  it("maps of SANet are weighted by what their blocks find", function()
    local model = mb.models.deng2022_sanet(others.deng2022_sanet)
    local gated = model.layers[2]
    local x = mb.no_grad(model:first(1), mb.rand(2, 40, 1))
    assert.same({ 2, 20, 12 }, x:shape())
    local maps, gate = mb.no_grad(gated.layers[1], x), mb.no_grad(gated.layers[2], x)
    assert.same((maps * gate:reshape(2, 1, 2)):totable(), mb.no_grad(gated, x):totable())
    assert.is_true(gate:min():item() > 0 and gate:max():item() < 1)
  end)
  for name, options in pairs(others) do
    it(name .. " has right gradients", function()
      mb64.seed(1)
      local model, x = mb64.models[name](options), mb64.rng(5):normal(0, 1, 3, options.length, 1)
      model:train()(x)
      local found = mb64.gradcheck(model:eval(), x)
      assert.is_true(found.ok, tostring(found))
    end)
    it(name .. " is the same in a file", function()
      local model, path = mb.models[name](options), os.tmpname()
      local x = mb.rng(5):normal(0, 1, 3, options.length, 1)
      model:train()(x)
      model:eval()
      assert(mb.save(model, path))
      local loaded = mb.load(path)
      os.remove(path)
      assert.same(mb.no_grad(model, x):totable(), mb.no_grad(loaded, x):totable())
    end)
  end
  it("of which files of Keras and PyTorch cannot hold a layer are refused", function()
    for name, layer in pairs { ibtehaz2023_ramannet = "LocallyConnected1d", deng2022_sanet = "Gated" } do
      local model = mb.models[name](others[name])
      for ending, export in pairs { keras = mb.export_keras, safetensors = mb.export_pytorch } do
        assert.error_matches(function() export(model, "refused." .. ending) end, layer)
      end
    end
  end)
end)

describe("options of networks", function()
  local function types(model)
    local names = {}
    for i, layer in ipairs(model.layers) do names[i] = layer.type end
    return table.concat(names, " ")
  end

  it("are numbers for all convolutions, or lists", function()
    local model = mb.models.lee2020_cnn3 { classes = 2, filters = { 4, 5, 6 }, kernel = 7, length = 300 }
    local shapes = {}
    for _, parameter in ipairs(model:parameters()) do
      if parameter.value:rank() == 3 then shapes[#shapes + 1] = table.concat(parameter.value:shape(), " ") end
    end
    assert.same({ "7 1 4", "7 4 5", "7 5 6" }, shapes)
    assert.equal("Conv1d MaxPool1d Conv1d MaxPool1d Flatten Dense",
      types(mb.models.cnn { classes = 2, kernel = { 3, 3 }, filters = 4 }))
  end)
  it("that are numbers do not change the number of convolutions, even in place of the only list", function()
    local function convolutions(name, options)
      options.classes = options.classes or 2
      return select(2, types(mb.models[name](options)):gsub("Conv1d", ""))
    end
    assert.equal(3, convolutions("cnn", { kernel = 9 }))
    assert.equal(3, convolutions("cnn", { filters = 8, kernel = 9, pool = 3, stride = 2, pool_stride = 2 }))
    assert.equal(6, convolutions("szymanski2021", { kernel = 9, pool = 2 }))
    assert.equal(3, convolutions("liu2017", { filters = 8, kernel = 9 }))
    assert.equal(13, convolutions("vgg16", { filters = 8, pool = 1 }))
    assert.equal(7, convolutions("wang2020", { filters = 8, pool = 1 }))
    assert.equal(1, convolutions("one_convolution", { kernel = 9 }))
    assert.equal(2, convolutions("cnn", { filters = { 8, 4 }, kernel = 9 }))
  end)
  it("choose pooling, activation, normalisation, dropout and head", function()
    local small = { classes = 2, filters = 4, kernel = { 9, 9 }, pool = { 4, 1 } }
    local function with(options)
      for key, value in pairs(small) do options[key] = options[key] or value end
      return types(mb.models.cnn(options))
    end
    assert.equal("Conv1d MaxPool1d Conv1d Flatten Dense", with {})
    assert.equal("Conv1d AvgPool1d Conv1d Flatten Dense", with { pooling = "average" })
    assert.equal("Conv1d MaxPool1d Conv1d MaxPool1d Flatten Dense", with { pool_stride = 2 })
    assert.equal("Conv1d BatchNorm1d MaxPool1d Conv1d BatchNorm1d Flatten Dense", with { batch_norm = true })
    assert.equal("Conv1d Activation MaxPool1d Conv1d Activation Flatten Dense",
      with { activation = "leaky_relu", alpha = 0.1 })
    assert.equal("Conv1d MaxPool1d Dropout Conv1d GlobalAvgPool1d Dense",
      with { conv_dropout = 0.1, head = "global" })
    assert.equal("Conv1d MaxPool1d Conv1d GlobalMaxPool1d Dropout Dense BatchNorm1d Dropout Dense",
      with { head = "global_max", units = { 3 }, dense_batch_norm = true, dropout = 0.5 })
  end)
  it("reach the layers", function()
    local model = mb.models.szymanski2021 { classes = 2, activation = "elu", initializer = "he_normal",
      bias = false, units = { 3 }, dense_activation = "tanh", dense_initializer = 0.5,
      output_initializer = "zeros", pool_padding = "same", length = 300 }
    local conv, hidden, output = model.layers[1], model.layers[15], model.layers[17]
    assert.same({ "elu", "he_normal", false },
      { conv.options.activation, conv.options.initializer, conv.options.bias })
    assert.equal("same", model.layers[2].options.padding)
    assert.same({ "tanh", 0.5 }, { hidden.options.activation, hidden.weight:min():item() })
    assert.equal(0, output.weight:abs():max():item())
    local norm = mb.models.liu2017 { classes = 2, momentum = 0.8, epsilon = 1e-4 }.layers[2]
    assert.same({ 0.8, 1e-4 }, { norm.options.momentum, norm.options.epsilon })
    local default = mb.models.liu2017 { classes = 2 }.layers[2].options
    assert.same({ "leaky_relu", 0.1 }, { default.activation, default.alpha })
  end)
  it("of the residual network", function()
    local model = mb.models.ho2019_resnet { classes = 3, filters = 4, first_filters = 4, head = "global",
      batch_norm = false, strides = { 2, 1 }, blocks = 1, length = 128 }
    assert.same({ 2, 3 }, model(mb.ones(2, 128, 1)):shape())
    assert.equal("Conv1d Residual Residual GlobalAvgPool1d Dropout Dense", types(model))
    assert.equal("relu", model.layers[2].options.activation)
  end)
  it("are checked", function()
    local function refuses(name, options, message)
      options.classes = options.classes or 2
      assert.error_matches(function() mb.models[name](options) end, message)
    end
    assert.error_matches(function() mb.models.lee2020_cnn2 { clases = 3 } end, "did you mean 'classes'")
    assert.error_matches(function() mb.models.lee2020_cnn2 {} end,
      "classes: expected a positive integer, got nil")
    refuses("lee2020_cnn3", { kernel = { 3, 3 } }, "stride: expected 2 entries, as in kernel, got 3")
    refuses("cnn", { filters = { 8, 8 } },
      "kernel: expected 2 entries, as in filters, got 3 by default; give it, too")
    refuses("cnn", { kernel = { 3, 3, size = 2 } }, "kernel: expected a list, got the key 'size'")
    refuses("cnn", { units = { 3, n = 1 } }, "units: expected a list, got the key 'n'")
    refuses("lee2020_inception3", { blocks = { { 1, 2, 3, 4, 5, 6, 7 } } }, "blocks%[1%]: expected 6 .* got 7")
    refuses("cnn", { alpha = 0.2 }, "alpha: expected none beside the activation 'relu', got 0.2")
    refuses("cnn", { dropout = 1 }, "dropout: expected a number of at least 0 and below 1, got 1")
    refuses("cnn", { batch_norm = true, epsilon = -1 }, "epsilon: expected a non%-negative float32, got %-1")
    refuses("cnn", { kernel = { 3, "x" } }, "kernel%[2%]: expected a positive integer, got 'x'")
    refuses("cnn", { kernel = {} }, "kernel: expected a number for each convolution, got none")
    refuses("cnn", { pooling = "maximum" }, "pooling: expected one of 'max', 'average'")
    refuses("cnn", { units = { 0 } }, "units%[1%]: expected a positive integer, got 0")
    refuses("ho2019_resnet", { pool = 2 }, "unknown option 'pool'")
    refuses("cnn", { dense_activation = "rellu" }, "cnn: dense_activation: expected one of .*did you mean 'relu'")
    refuses("cnn", { output_initializer = "he" }, "cnn: output_initializer: expected one of ")
    refuses("ho2019_resnet", { blocks = 1e9 }, "blocks: expected at most 1000, got 1000000000")
    refuses("ho2019_resnet", { strides = { 2, 0 } }, "strides%[2%]: expected a positive integer, got 0")
    refuses("lee2020_inception3", { blocks = { { 1, 2, 3, 4, 5 } } },
      "blocks%[1%]: expected 6 numbers of filters, got 5")
  end)
end)
