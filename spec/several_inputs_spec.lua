-- Networks of several inputs by name: trained, predicted, saved.
local mb = require "moonbow"
local expect = require "support.expect"
local small_training = require "support.small_training"
local nn = mb.nn
local raises, close = expect.raises, expect.close
local fit = small_training.fit

describe("several inputs", function()
  local Both = nn.class("BothInputs", { units = 2 }, {
    make = function(layer, shape, rng)
      layer:add_parameter("weight", "he_normal", rng, { shape.spectrum[2], layer.options.units }, shape.spectrum[2], 2)
      layer:add_parameter("other", "he_normal", rng, { shape.metadata[2], layer.options.units }, shape.metadata[2], 2)
    end,
    forward = function(layer, x)
      return x.spectrum:reshape(#x.spectrum, -1):matmul(layer.weight) + x.metadata:matmul(layer.other)
    end,
    output_shape = function(layer, shape) return { shape.spectrum[1], layer.options.units } end,
  })
  local rng = mb.rng(4)
  local x, y = { spectrum = rng:normal(0, 1, 120, 6, 1), metadata = rng:normal(0, 1, 120, 3) }, {}
  for i = 1, 120 do y[i] = x.spectrum[i][2][1] + x.metadata[i][3] > 0 and 2 or 1 end

  it("are trained on, predicted and evaluated by name", function()
    local model = Both {}
    local history = fit(model, { x = x, y = y }, { epochs = 40, validation = 0.2,
      optimizer = mb.optim.Adam { lr = 0.05 },
      augment = { { "noise", sd = 0.01, input = "spectrum" } } })
    assert.is_true(history[40].val_accuracy > 0.85)
    local classes, probabilities = mb.predict(model, x)
    assert.same({ 120 }, classes:shape())
    assert.same({ 120, 2 }, probabilities:shape())
    assert.is_true(mb.evaluate(model, { x = x, y = y, weights = mb.ones(120) }).accuracy > 0.9)
    assert.same({ spectrum = { 6, 1 }, metadata = { 3 } }, model.input_shape)
  end)
  it("are those of a Graph", function()
    local model = nn.Graph { inputs = { "x", "metadata" },
      { name = "body", from = "x", nn.Sequential { nn.BatchNorm1d {}, nn.Flatten {} } },
      { name = "class", from = { "body", "metadata" }, nn.Dense { units = 2 } } }
    local inputs = { x = x.spectrum * 5 + 3, metadata = x.metadata }
    fit(model, { x = inputs, y = y }, { epochs = 2 })
    local classes, probabilities = mb.predict(model, inputs)
    close(model(inputs):softmax(), probabilities, 1e-6)
    close(model(inputs):argmax(2), classes, 0)
    mb.recalibrate(model, inputs)
    assert.near(inputs.x:mean():item(), model:state()["1.1.running_mean"]:get(1), 1e-4)
    raises("there is no value for the input 'metadata'", mb.predict, model, { x = inputs.x })
    raises("Graph: input: expected a table of tensors, { x = ..., metadata = ... }, got one tensor", fit, model,
      { x = inputs.x, y = y }, {})
  end)
  it("may be one input of a Graph", function()
    local model = nn.Graph { inputs = { "x" }, { name = "y", from = "x", nn.Sequential { nn.Flatten {},
      nn.Dense { units = 2 } } } }
    model:build { 6, 1 }
    close((mb.predict(model, x.spectrum)), (mb.predict(model, { x = x.spectrum })), 0)
    raises("there is no input 'y'", mb.predict, model, { x = x.spectrum, y = mb.ones(120, 1) })
  end)
  it("lead to one output, or are refused", function()
    local two = nn.Graph { inputs = { "x" }, outputs = { "a", "b" }, { name = "a", from = "x", nn.Flatten {} },
      { name = "b", from = "a", nn.Dense { units = 2 } } }
    two:build { 6, 1 }
    local set, message = { x = x.spectrum, y = y }, "expected a network of one output, got a Graph of several: a, b"
    for _, f in ipairs { mb.fit, mb.evaluate, mb.calibrate, mb.conformal, mb.reliability, mb.audit,
      mb.explain.importance } do raises(message, f, two, set) end
    for _, f in ipairs { mb.predict, mb.dropout_votes, mb.explain.saliency, mb.explain.occlusion } do
      raises(message, f, two, x.spectrum)
    end
    raises(message, mb.ensemble, { two })
  end)
  it("end in logits in a Graph, too", function()
    raises("the network ends in a softmax (Dense)", fit, nn.Graph { inputs = { "x" },
      { name = "flat", from = "x", nn.Flatten {} },
      { name = "class", from = "flat", nn.Sequential { nn.Dense { units = 2, activation = "softmax" } } } },
      { x = x.spectrum, y = y }, {})
  end)
  it("come back from a file", function()
    local model, path = Both {}, os.tmpname()
    model:build({ spectrum = { 6, 1 }, metadata = { 3 } }, mb.rng(1))
    assert(mb.save(model, path))
    local loaded = mb.load(path)
    os.remove(path)
    assert.equal(model(x):tobytes(), loaded(x):tobytes())
  end)
  it("need equal numbers of rows, tensors, and a layer that takes them", function()
    raises("data.x.spectrum: expected 119 rows, as data.x.metadata has, got 120", fit, Both {},
      { x = { spectrum = x.spectrum, metadata = x.metadata:narrow(1, 119) }, y = y }, {})
    raises("build: a Dense takes one input, got several: metadata, spectrum", fit, nn.Dense { units = 2 },
      { x = x, y = y }, {})
    raises("input of noise: expected one of 'metadata', 'spectrum', got nil", fit, Both {}, { x = x, y = y },
      { augment = { { "noise", sd = 1 } } })
    raises("BothInputs: expected values by the names of inputs, got an empty table", Both {}, {})
    raises("BothInputs: the name of an input: expected a string, got 1", Both {}, { mb.ones(2, 2) })
    raises("build: shape.metadata: expected a table, got 3", function()
      Both {}:build { spectrum = { 6, 1 }, metadata = 3 }
    end)
    x.bad = 3
    raises("data.x.bad: expected a tensor, got 3", fit, Both {}, { x = x, y = y }, {})
    x.bad = nil
  end)
  it("name the input that holds NaN", function()
    local bad = { spectrum = x.spectrum:copy(), metadata = x.metadata }
    bad.spectrum:set(5, 2, 1, 0 / 0)
    raises("the input holds NaN or infinity", fit, Both {}, { x = bad, y = y }, {})
  end)
end)
