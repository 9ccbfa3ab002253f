-- The networks: parameters, multiply-adds and shapes as published, a training step at three lengths, options.
local mb = require "moonbow"
local nn = mb.nn

local function parameters(model)
  local sum = 0
  for _, parameter in ipairs(model:parameters()) do sum = sum + parameter.value:count() end
  return sum
end

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
  local found = { flat = flat, body = parameters(body), all = parameters(body), macs = 0 }
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
      local built = parameters(mb.models[name] { classes = 3, length = 300 })
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
    assert.equal(4549, parameters(mb.models.cui2018 { length = 100 }))
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
