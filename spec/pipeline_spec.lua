-- Pipelines, their networks, and what they predict.
local mb = require "moonbow"
local made_heights = require "support.made_heights"

local x, heights, classes = made_heights(60, 1)

describe("a pipeline", function()
  it("prints itself", function()
    assert.equal("snv, savitzky_golay { derivative = 1 }, pls { components = 2 }",
      tostring(mb.pipeline { "snv", { "savitzky_golay", derivative = 1 }, { "pls", components = 2 } }))
  end)
  it("refuses what it does not know", function()
    assert.error_matches(function() mb.pipeline {} end, "expected steps and a model last, got an empty list")
    assert.error_matches(function() mb.pipeline { "snv" } end, "model: expected one of 'constant', .*got 'snv'")
    assert.error_matches(function() mb.pipeline { "snw", "pls" } end, "step 1: .*did you mean 'snv'")
    assert.error_matches(function() mb.pipeline { { "pls", component = 2 } } end, "did you mean 'components'")
    assert.error_matches(function() mb.pipeline({ "logistic" }):fit({ x = x, y = heights }) end,
      "y: row 1: expected a class number")
    local names = {}
    for i, class in ipairs(classes) do names[i] = tostring(class) end
    local set = mb.spectra.set { x = x, axis = mb.arange(1, 40), labels = { kind = names } }
    assert.error_matches(function() mb.pipeline({ "pls" }):fit(set, { label = "kind" }) end,
      "the model predicts numbers, the data hold classes %(label%)")
    assert.error_matches(function() mb.pipeline({ "pls" }):fit(set) end,
      "either label %(classes%) or target %(numbers%)")
  end)
  it("fits and predicts raw spectra with every model", function()
    for _, model in ipairs { "pls", "ridge", "neighbours", "forest", { "network", epochs = 5 } } do
      local fitted = mb.pipeline({ "snv", model }):fit({ x = x, y = heights }, { task = "number" })
      assert.same({ 60, 1 }, fitted:predict(x):shape())
    end
    for _, model in ipairs { "plsda", "logistic", "svm", "forest", "neighbours", { "network", epochs = 5 } } do
      local fitted = mb.pipeline({ "snv", model }):fit({ x = x, y = classes })
      assert.same({ 60 }, fitted:predict(x):shape())
      assert.same({ 60, 2 }, fitted:scores(x):shape())
    end
  end)
  it("chooses the simplest model that is not worse", function()
    local fitted = mb.pipeline({ "pls" }):fit({ x = x, y = heights })
    assert.is_true(fitted.value <= 3, fitted.value) -- a baseline and a peak
    assert.is_true(math.abs(fitted:predict(x):get(1, 1) - heights:get(1)) < 0.1)
  end)
end)

describe("a network of a pipeline", function()
  local nn = mb.nn
  local function ending(make_last)
    return { { "network", epochs = 1, net = function(outputs)
      return nn.Sequential { nn.Flatten {}, nn.Dense { units = 4, activation = "relu" }, make_last(outputs) }
    end } }
  end

  it("is refused where the training cannot scale its numbers", function()
    local function numbers(make_last)
      return mb.cross_validate(ending(make_last), { x = x, y = heights }, { folds = 2, task = "number" })
    end
    local message = "network: net: expected a network that ends in a dense layer of one unit, with a bias and without "
      .. "an activation"
    local activations = { "sigmoid", "tanh", "relu", "leaky_relu", "elu", "softplus", "signed_sqrt", "gelu", "selu" }
    for _, name in ipairs(activations) do
      assert.error_matches(function()
        numbers(function(outputs) return nn.Dense { units = outputs, activation = name } end)
      end, message)
    end
    assert.error_matches(function() numbers(function() return nn.Dense { units = 1, bias = false } end) end, message)
    assert.error_matches(function() numbers(function() return nn.Flatten {} end) end, message)
    for _, last in ipairs { {}, { nn.Flatten {} } } do
      local found = numbers(function() return nn.Sequential { nn.Dense { units = 1 }, table.unpack(last) } end)
      assert.is_true(found.mean.rmse < 10)
    end
  end)
  it("predicts what it was trained for, in the unit of the numbers", function()
    local pipeline = mb.pipeline(ending(function() return nn.Dense { units = 1 } end))
    local one = pipeline:fit({ x = x, y = heights }, { task = "number" }):predict(x)
    local other = pipeline:fit({ x = x, y = heights * 1000 + 500 }, { task = "number" }):predict(x)
    assert.is_true((other - (one * 1000 + 500)):abs():max():item() < 1)
  end)
  it("has an output for each class", function()
    for _, units in ipairs { 1, 3 } do
      assert.error_matches(function()
        mb.cross_validate(ending(function() return nn.Dense { units = units } end), { x = x, y = classes })
      end, ("network: net: expected a network with 2 outputs, one for each class, got shape {%d}"):format(units))
    end
  end)
  it("has to be a new one for each fold", function()
    local one = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    assert.error_matches(function()
      mb.cross_validate({ { "network", epochs = 1, net = function() return one end } }, { x = x, y = classes })
    end, "network: net: expected a new network from each call, got one that was fitted before")
    assert.error_matches(function()
      mb.cross_validate({ { "network", net = function() return nil end } }, { x = x, y = classes })
    end, "network: model: expected a layer or a network of layers, got nil")
  end)
end)

describe("what is predicted", function()
  local labels = { kind = {}, sample = {} }
  for i = 1, 60 do labels.kind[i], labels.sample[i] = "k" .. classes[i], "s" .. i // 2 end
  local set = mb.spectra.set { x = x, axis = { first = 1, last = x:size(2), step = 1 }, labels = labels }
  local function refuses(message, data, options, model)
    assert.error_matches(function() mb.cross_validate({ model or "plsda" }, data, options) end, message, nil, true)
  end
  it("takes groups by the name of a label, by several names, or one for each row", function()
    local given = { "sample", { "sample" }, labels.sample, (mb.class_numbers(labels.sample)) }
    for _, groups in ipairs(given) do
      local validation = mb.cross_validate({ "plsda" }, set, { label = "kind", groups = groups })
      assert.same(mb.cross_validate({ "plsda" }, set, { label = "kind", groups = "sample" }).predicted,
        validation.predicted)
    end
    refuses("groups: no label 'samples'", set, { label = "kind", groups = { "samples" } })
    refuses("groups: expected one group for each row, got 'sample'; only a set has labels", { x = x, y = classes },
      { groups = "sample" })
  end)
  it("is cross-validated on a set that is preprocessed, too, with and without further steps", function()
    local _, prepared = mb.preprocess.fit({ "snv" }, set)
    for _, pipeline in ipairs { { "plsda" }, { "standardize", "plsda" } } do
      assert.is_true(mb.cross_validate(pipeline, prepared, { label = "kind", folds = 3 }).mean.accuracy > 0.5)
      local fitted = mb.pipeline(pipeline):fit(prepared, { label = "kind" })
      assert.same({ 60 }, fitted:predict(prepared):shape())
      assert.is_true(mb.explain.importance(pipeline, prepared, { label = "kind", bands = 3 }).error < 1)
    end
  end)
  it("is refused where it is no target, or no list of names", function()
    refuses("targets: column: expected a string, got a table", set, { target = { {} } }, "pls")
    refuses("data.classes: expected a table, got 2", { x = x, y = classes, classes = 2 })
    refuses("pls: 2 training rows are too few, so that an inner cross-validation cannot choose components; give it",
      { x = x:narrow(1, 3), y = mb.tensor { 1, 2, 4 } }, { folds = 3 }, "pls")
  end)
end)

describe("data of a pipeline", function()
  it("has no class without a name", function()
    for _, model in ipairs { "constant", "plsda", "forest" } do
      assert.error_matches(function() mb.cross_validate({ model }, { x = x, y = classes, classes = { "low" } }) end,
        "cross_validate: y: row %d+: expected a class number from 1 to 1, the number of classes, got 2")
    end
  end)
  local function refused(message, pipeline, data, options)
    assert.error_matches(function() mb.cross_validate(pipeline, data, options) end, message)
  end
  it("have three dimensions, no weights, and a task that the model can do", function()
    refused("x: expected spectra %(N, L, C%), got shape", { "pls" },
      { x = x:reshape(60, 40), y = heights })
    refused("data.weights: weights of rows are not taken", { "pls" }, { x = x, y = heights, weights = heights })
    refused("task: the model predicts classes, got 'number'", { "plsda" }, { x = x, y = classes }, { task = "number" })
    refused("row 1: expected a class number, got .*; for numbers give task = 'number'", { "forest" },
      { x = x, y = heights })
  end)
end)
