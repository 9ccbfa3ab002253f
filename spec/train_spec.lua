-- Training: learning, reproducibility, stopping, schedules, errors.
local mb = require "moonbow"
local bytes = require "support.state_bytes"
local expect = require "support.expect"
local nn = mb.nn

local function data() return mb.data.border_peaks { n = 200, validation = 100, test = 100, crop = 160, seed = 3 } end

local function network()
  return nn.Sequential {
    nn.Conv1d { filters = 8, kernel = 9, padding = "same", activation = "relu" }, nn.BatchNorm1d {},
    nn.MaxPool1d { size = 4 }, nn.Flatten {}, nn.Dropout { rate = 0.2 }, nn.Dense { units = 2 },
  }
end

local function fit(model, set, options)
  options.verbose = false
  return mb.fit(model, set, options)
end

describe("fit", function()
  it("learns", function()
    local set, model = data(), network()
    local history = fit(model, set.train, { epochs = 15, validation = set.validation, batch_size = 16 })
    assert.is_true(history[15].loss < history[1].loss / 5)
    assert.is_true(mb.evaluate(model, set.test).accuracy > 0.9)
    assert.is_false(model.training)
    assert.is_number(history[1].val_accuracy)
  end)
  it("is bit-identical for the same seed, on one thread and on two", function()
    local set, threads = data(), mb.threads()
    local function run(seed, count)
      mb.threads(count)
      local model = network()
      fit(model, set.train, { epochs = 2, seed = seed })
      mb.threads(threads)
      return bytes(model)
    end
    local reference = run(1, 1)
    assert.is_true(reference == run(1, 1))
    assert.is_true(reference == run(1, 2))
    assert.is_false(reference == run(2, 1))
  end)
  it("stops early and restores the best weights", function()
    local set, model = data(), network()
    local best
    local history = fit(model, set.train, { epochs = 60, validation = set.validation,
      optimizer = mb.optim.Adam { lr = 0.02 }, early_stopping = { patience = 3 } })
    assert.equal("early_stopping", history.stopped)
    assert.equal(#history, history.best_epoch + 3)
    for _, record in ipairs(history) do best = math.min(best or math.huge, record.val_loss) end
    assert.is_true(math.abs(mb.evaluate(model, set.validation).loss - best) < 1e-6)
  end)
  it("follows schedules", function()
    local set = data()
    local function rates(schedule, epochs)
      local history = fit(network(), set.train, { epochs = epochs, schedule = schedule,
        optimizer = mb.optim.SGD { lr = 0.1 } })
      local found = {}
      for i, record in ipairs(history) do found[i] = tonumber(("%.4g"):format(record.lr)) end
      return found
    end
    assert.same({ 0.1, 0.1, 0.05, 0.05, 0.025 }, rates({ "step", every = 2, factor = 0.5 }, 5))
    assert.same({ 0.1, 0.08536, 0.05, 0.01464 }, rates({ "cosine" }, 4))
    assert.same({ 0.1, 0.1, 0.01, 0.001 }, rates({ "plateau", patience = 1, min_delta = 1e9 }, 4) and
      rates({ "plateau", patience = 1, min_delta = 1e3 }, 4))
  end)
  it("clips, weighs classes, penalises, calls back", function()
    local set, epochs = data(), {}
    local model = network()
    local history = fit(model, set.train, { epochs = 5, clip_norm = 1e-9, optimizer = mb.optim.SGD { lr = 1 },
      l2 = 1e-3, class_weights = "balanced", callbacks = { function(record, control)
        epochs[#epochs + 1] = record.epoch
        if record.epoch == 2 then control.stop() end
      end } })
    assert.same({ 1, 2 }, epochs)
    assert.equal("callback", history.stopped)
    local untrained = network():build({ 160, 1 }) and network()
    untrained:build({ 160, 1 }, mb.rng { 0, 2 })
    assert.is_true((model.layers[1].weight:allclose(untrained.layers[1].weight, { absolute = 1e-6 })))
  end)
  it("names where a NaN came from, and keeps the best weights", function()
    local set, model = data(), network()
    set.train.x:set(5, 7, 1, 0 / 0)
    assert.error_matches(function() fit(model, set.train, { shuffle = false }) end,
      "loss is NaN in epoch 1, batch 1: the input holds NaN")
    set = data()
    local bad = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 },
      nn.Lambda { function(x) return x * 0 / 0 end } }
    assert.error_matches(function() fit(bad, set.train, {}) end, "layer 3 %(Lambda%): its output is the first")
    model = network()
    local kept
    assert.error_matches(function()
      fit(model, set.train, { epochs = 5, early_stopping = {}, callbacks = { function(record, control)
        kept = kept or bytes(control.model)
        if record.epoch == 1 then mb.no_grad(function() control.model.layers[6].weight:fill(0 / 0) end) end
      end } })
    end, "layer 6 %(Dense%): its weight is not finite")
    assert.is_true(kept == bytes(model))
  end)
  it("refuses arguments that do not fit together", function()
    local set = data()
    local function refuses(message, train, options)
      assert.error_matches(function() fit(network(), train, options) end, message)
    end
    refuses("data.y: expected 200 labels", { x = set.train.x, y = mb.ones(3) }, {})
    refuses("data.x: expected a tensor, got nil", { y = set.train.y }, {})
    refuses("data.x: expected a row for each spectrum, %(N, L, C%), got shape {3}",
      { x = mb.ones(3), y = { 1, 2, 1 } }, {})
    refuses("data.y: expected 200 labels or targets, one per row of x, got 3", { x = set.train.x, y = mb.ones(3) },
      { loss = print })
    refuses("did you mean 'epochs'", set.train, { epoch = 3 })
    refuses("epochs: expected a positive integer, got 0", set.train, { epochs = 0 })
    refuses("loss: expected one of", set.train, { loss = "cross" })
    refuses("optimizer", set.train, { optimizer = { lr = 1 } })
    refuses("schedule", set.train, { schedule = { "linear" } })
    refuses("data.y: row 1: expected a class number from 1 to 2", { x = set.train.x, y = set.train.y + 5 }, {})
  end)
end)

describe("evaluate and predict", function()
  it("compute loss and accuracy", function()
    local model = nn.Lambda { function(x) return x:reshape(x:size(1), 2) end }
    local x = mb.tensor { { 2, 1 }, { 0, 1 }, { 3, 0 }, { 1, 4 } }:reshape(4, 2, 1)
    local result = mb.evaluate(model, { x = x, y = { 1, 2, 2, 2 } }, { batch_size = 3 })
    assert.equal(0.75, result.accuracy)
    assert.same({ { 1, 0 }, { 1, 2 } }, result.confusion)
    assert.same({ 0.5, 1 }, result.precision)
    assert.same({ 1, 2 / 3 }, result.recall)
    assert.is_true(math.abs(result.macro_f1 - (2 / 3 + 0.8) / 2) < 1e-12)
    local classes, probabilities = mb.predict(model, x, { batch_size = 3 })
    assert.same({ 1, 2, 1, 2 }, classes:totable())
    assert.is_true((probabilities:sum(2):allclose(mb.ones(4))))
  end)
end)

describe("what a network predicts", function()
  local x, close, raises = mb.rng(1):normal(0, 1, 200, 8, 1), expect.close, expect.raises
  local marks = mb.stack({ x:slice(2, 3, 1):reshape(-1):gt(0), x:slice(2, 6, 1):reshape(-1):gt(0) }, 2)
  local function trained(loss, y, options)
    local model = nn.Sequential { nn.Flatten {}, nn.Dropout { rate = 0.1 }, nn.Dense { units = y:size(2) } }
    options = options or {}
    options.loss, options.epochs, options.optimizer = loss, options.epochs or 30, mb.optim.Adam { lr = 0.05 }
    fit(model, { x = x, y = y }, options)
    return model
  end
  it("are labels of which several may hold, after a training for them", function()
    local loss = { "binary_cross_entropy", label_smoothing = 0.01 }
    for _, options in ipairs { {}, { validation = 0.2, early_stopping = { patience = 3 } } } do
      for _, y in ipairs { marks, marks:slice(2, 1, 1) } do
        local model = trained(loss, y, options)
        local found, probabilities, names = mb.predict(model, x)
        close(model(x):sigmoid(), probabilities)
        close(model(x):gt(0), found, 0)
        assert.is_true((found - y):abs():mean():item() < 0.05)
        assert.is_nil(names)
      end
    end
  end)
  it("are numbers after a training for numbers", function()
    local targets = mb.concat({ x:slice(2, 3, 1):reshape(-1, 1), x:slice(2, 6, 1):reshape(-1, 1) * 5 }, 2)
    for _, loss in ipairs { "mse", "l1", { "huber", delta = 0.5 } } do
      for _, y in ipairs { targets, targets:slice(2, 1, 1) } do
        local model = trained(loss, y, { epochs = 2 })
        local found, none = mb.predict(model, x)
        close(model(x), found, 0)
        assert.is_nil(none)
      end
    end
  end)
  it("is known of a loaded network, by name for a set", function()
    local path = os.tmpname()
    local axis = { 1, 2, 3, 4, 5, 6, 7, 8 }
    assert(mb.save(trained("binary_cross_entropy", marks), path, { classes = { "calcite", "halite" }, axis = axis }))
    local model = assert(mb.load(path))
    os.remove(path)
    local found, probabilities, names = mb.predict(model, mb.spectra.set { x = x, axis = axis })
    close(model(x):sigmoid(), probabilities)
    for i, row in ipairs(found:totable()) do
      local expected = {}
      if row[1] == 1 then expected[1] = "calcite" end
      if row[2] == 1 then expected[#expected + 1] = "halite" end
      assert.same(expected, names[i])
    end
  end)
  it("may be said, and is classes where nothing says it", function()
    local model = trained("binary_cross_entropy", marks, { epochs = 1 })
    close(model(x):softmax(), (select(2, mb.predict(model, x, { outputs = "classes" }))))
    close(model(x), (mb.predict(model, x, { outputs = "numbers" })), 0)
    local other = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    close(other(x):softmax(), (select(2, mb.predict(other, x))))
    close(other(x):sigmoid(), (select(2, mb.predict(other, x, { outputs = "labels" }))))
    local own = trained(function(output, y) return output:mse(y) end, marks, { epochs = 1 })
    assert.same({ 200 }, mb.predict(own, x):shape())
    model:load_state(own:state()) -- of which the training says nothing
    assert.same({ 200 }, mb.predict(model, x):shape())
    raises("predict: outputs: expected one of 'classes', 'labels', 'numbers', got 'class'", mb.predict, other, x,
      { outputs = "class" })
    raises("outputs: only a network has to be told", mb.predict, mb.ridge.fit(x:reshape(200, 8), marks),
      x:reshape(200, 8), { outputs = "numbers" })
    raises("ends in a sigmoid", mb.predict, nn.Sequential { nn.Flatten {}, nn.Dense { units = 2,
      activation = "sigmoid" } }, x, { outputs = "labels" })
    local bad = x * 1
    bad:set(150, 3, 1, 0 / 0)
    for _, kind in ipairs { "labels", "numbers" } do
      assert.error_matches(function() mb.predict(other, bad, { outputs = kind }) end, "NaN")
    end
  end)
  it("is the same for what judges and explains", function()
    local model = trained("binary_cross_entropy", marks)
    local probabilities = model(x):sigmoid()
    close(probabilities, mb.ensemble({ model }):predict(x))
    assert.is_nil(mb.dropout_votes(model, x, { times = 3 }).classes)
    assert.is_true(mb.dropout_votes(model, x, { times = 3 }).mean:sum(2):max():item() > 1.5)
    local set = { x = x, y = marks }
    local said = mb.explain.importance(model, set, { bands = 8, outputs = "labels" })
    assert.equal(said.error, mb.explain.importance(model, set, { bands = 8 }).error)
    local function occluded(outputs) return mb.explain.occlusion(model, x, { target = 1, outputs = outputs }).values end
    close(occluded "labels", occluded(), 0)
    raises("outputs: expected one of 'classes', 'numbers', got 'labels'", mb.conformal, model, set)
    raises("expected a model of classes", mb.reliability, model, { x = x, y = mb.ones(200) })
  end)
end)

describe("predict on one spectrum without its batch", function()
  it("says what shape the network was built for", function()
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.Flatten {}, nn.Dense { units = 2 } }
    model:build { 8, 1 }
    assert.error_matches(function() mb.predict(model, mb.zeros(4, 8, 1)[1]) end,
      "predict: x: expected %(N, 8, 1%), got shape {8, 1}; one spectrum of many is x:narrow%(i, 1%)")
  end)
end)

describe("a network or set that is invalid for fit, evaluate or predict", function()
  local x, y = mb.randn(mb.rng(1), 6, 4, 1), { 1, 2, 1, 2, 1, 2 }
  it("is refused if it ends in a softmax: a second one would flatten the probabilities", function()
    local Dense = nn.Dense
    for _, layers in ipairs {
      { nn.Flatten {}, Dense { units = 2 }, nn.Softmax {} },
      { nn.Flatten {}, Dense { units = 2, activation = "softmax" } },
      { nn.Flatten {}, nn.Sequential { Dense { units = 2 }, nn.Activation { name = "softmax" } } },
    } do
      local model = nn.Sequential(layers)
      local message = "expected logits, but the network ends in a softmax"
      assert.error_matches(function() mb.predict(model, x) end, "predict: " .. message)
      assert.error_matches(function() mb.evaluate(model, { x = x, y = y }) end, "evaluate: " .. message)
      assert.error_matches(function() fit(model, { x = x, y = y }, {}) end, "fit: " .. message)
    end
    local free = nn.Sequential { nn.Flatten {}, Dense { units = 2, activation = "softmax" } }
    assert.equal(1, #fit(free, { x = x, y = mb.ones(6, 2) }, { epochs = 1, loss = "mse" }))
  end)
  it("is refused unless it has one output per row", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Lambda { function(rows) return rows:mean(1, { keep = true }) end } }
    assert.error_matches(function() mb.predict(model, x) end,
      "predict: expected outputs for each of 6 rows of x, got 1$")
    assert.error_matches(function() mb.evaluate(model, { x = x, y = y }) end,
      "evaluate: expected outputs for each of 6 rows of x, got 1$")
  end)
  it("is refused inside no_grad", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    assert.error_matches(function() mb.no_grad(fit, model, { x = x, y = y }, {}) end,
      "fit: nothing is recorded inside mb.no_grad; call it outside$")
  end)
  it("leaves tensors that a loss of one's own has kept", function()
    local model, kept = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }, {}
    local history = fit(model, { x = x, y = mb.ones(6, 2) }, { epochs = 1, loss = function(output, target)
      local loss = output:mse(target)
      kept[#kept + 1] = { output = output, target = target, loss = loss }
      return loss
    end })
    assert.equal(history[1].loss, kept[1].loss:item())
    assert.equal(kept[1].loss:item(), kept[1].output:mse(kept[1].target):item())
  end)
  it("is refused if the loss does not depend on the model", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    for _, l2 in ipairs { 0, 0.1 } do
      assert.error_matches(function()
        fit(model, { x = x, y = y }, { l2 = l2, loss = function(output) return output:detach():sum() end })
      end, "fit: loss: it does not depend on the parameters of the model$")
    end
  end)
  it("is named: the set, the optimiser", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    local set = { x = x, y = y }
    assert.error_matches(function() fit(model, { x = mb.ones(6), y = y }, {}) end,
      "fit: data.x: expected a row for each spectrum, %(N, L, C%), got shape {6}$")
    assert.error_matches(function() fit(model, set, { validation = { x = mb.ones(6, 5, 1), y = y } }) end,
      "fit: validation.x: layer 2 %(Dense%): input has 5 features, weights expect 4$")
    assert.error_matches(function() fit(model, set, { optimizer = "adam" }) end,
      "fit: optimizer: expected one of mb.optim, as mb.optim.Adam{}, got 'adam'$")
  end)
  it("is refused if the seed is no seed, as in all functions that take one", function()
    local model, set = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }, { x = x, y = y }
    for _, seed in ipairs { { a = 1 }, { 1, a = 1 }, {}, { 1, -1 }, { 1, nil, 3 }, { 1.5 }, -1, 1.5, "x" } do
      assert.error_matches(function() fit(model, set, { seed = seed }) end,
        "fit: seed: expected a non%-negative integer or a list of non%-negative integers, got ")
    end
    fit(model, set, { seed = { 1, 2.0, math.maxinteger } })
    for name, f in pairs {
      cross_validate = function(o) mb.cross_validate({ "constant" }, set, o) end,
      holdout = function(o) mb.split.holdout(6, 0.5, o) end,
      ["forest.fit"] = function(o) mb.forest.fit(x, y, o) end,
      augment = function(o) mb.augment(x, { "noise" }, o) end,
      universal = function(o) mb.data.universal { class_seed = o.seed } end,
      gradcheck = function(o) mb.gradcheck(function(w) return w:sum() end, mb.ones(2), o) end,
    } do
      assert.error_matches(function() f { seed = -1 } end,
        name .. ": %l*_?seed: expected a non%-negative integer.*got %-1$")
    end
  end)
  it("is refused if class names are not strings, and weights are given by name", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    assert.error_matches(function() fit(model, { x = x, y = y, classes = { 1, 2 } }, { class_weights = { a = 1 } }) end,
      "fit: data.classes%[1%]: expected a string, got 1$")
  end)
end)

describe("recalibrate", function()
  it("gives the statistics of the data, with weights unchanged", function()
    local norm = nn.BatchNorm1d { momentum = 0.99 }
    local model = nn.Sequential { norm }
    local x = mb.randn(mb.rng(1), 64, 5, 2) * 3 + 7
    model:build { 5, 2 }
    mb.recalibrate(model, x, { batch_size = 64 })
    assert.is_true((norm.running_mean:allclose(x:mean(1):mean(1), { relative = 1e-4 })))
    assert.equal(0.99, norm.momentum)
    mb.recalibrate(model, x, { batch_size = 16 })
    assert.is_true((norm.running_mean:allclose(x:mean(1):mean(1), { relative = 1e-4 })))
  end)
  it("gives about the variance of all rows, even if they are sorted", function()
    local norm = nn.BatchNorm1d {}
    local model = nn.Sequential { norm }
    model:build { 5, 1 }
    local x = mb.concat({ mb.rand(mb.rng(1), 100, 5, 1), mb.rand(mb.rng(2), 100, 5, 1) + 9 }, 1)
    mb.recalibrate(model, x, { batch_size = 20 })
    assert.near(4.5 ^ 2, norm.running_var:item(), 2)
  end)
end)

describe("optimisers", function()
  local function minimum(optimizer, steps)
    local x = mb.tensor { 5, -3 }:param()
    for _ = 1, steps do
      (x - mb.tensor { 1, 2 }):sum_squares():backward()
      optimizer:step { { name = "x", value = x } }
    end
    return x
  end
  it("find a minimum", function()
    for name, optimizer in pairs { sgd = mb.optim.SGD { lr = 0.1 }, adam = mb.optim.Adam { lr = 0.1 },
      nesterov = mb.optim.SGD { lr = 0.05, momentum = 0.8, nesterov = true },
      adamw = mb.optim.AdamW { lr = 0.1, weight_decay = 1e-6 } } do
      assert.is_true((minimum(optimizer, 500):allclose(mb.tensor { 1, 2 }, { absolute = 1e-3 })), name)
    end
  end)
  it("equals Keras' Adam", function() -- keras.optimizers.Adam(0.1, epsilon=1e-3) of Keras 3.15
    local x = mb.tensor { 1, -2 }:param()
    local optimizer = mb.optim.Adam { lr = 0.1, epsilon = 1e-3, keras_epsilon = true }
    local gradients = { { 1e-3, 2 }, { 5e-4, -1 }, { 2e-3, 0.5 } }
    local expected = { { 0.9969347, -2.098443 }, { 0.9937527, -2.124705 }, { 0.987612, -2.158283 } }
    for step = 1, 3 do
      (x * mb.tensor(gradients[step])):sum():backward()
      optimizer:step { { name = "x", value = x } }
      assert.is_true((x:allclose(mb.tensor(expected[step]), { relative = 1e-6 })))
    end
  end)
  it("clear gradients", function() assert.is_nil(minimum(mb.optim.Adam {}, 1).grad) end)
end)

describe("schedules refuse", function()
  it("factors that change nothing, and invalid numbers", function()
    local function refuses(message, schedule)
      assert.error_matches(function()
        fit(nn.Dense { units = 2 }, { x = mb.ones(2, 2), y = { 1, 2 } }, { epochs = 1, schedule = schedule })
      end, message, nil, true)
    end
    refuses("fit schedule: factor: expected a number of at least 0 and below 1, got 1", { "plateau", factor = 1 })
    refuses("fit schedule: cooldown: expected a non-negative integer, got 1.5", { "plateau", cooldown = 1.5 })
    refuses("fit schedule: every: expected a positive integer, got 1e+300", { "step", every = 1e300 })
    refuses("fit schedule: factor: expected a number from 0 to 1, got NaN", { "step", every = 1, factor = 0 / 0 })
  end)
end)
