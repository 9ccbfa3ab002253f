-- mb.card: what a saved model is; what mb.fit, pipelines and mb.cross_validate add to it.
local json = require "cjson"
local mb = require "moonbow"
local nn = mb.nn

local path = os.tmpname()
teardown(function() os.remove(path) end)

local x, y, kinds = mb.rng(1):normal(0, 1, 12, 6, 1), {}, {}
for i = 1, 12 do
  y[i], kinds[i] = i % 2 + 1, i % 2 == 0 and "calcite" or "quartz"
end

local function trained(options)
  local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
  mb.fit(model, { x = x, y = y }, options)
  return model
end

local function fit_options()
  return { epochs = 3, batch_size = 4, seed = 7, l2 = 0.01, verbose = false, optimizer = mb.optim.SGD { lr = 0.05 },
    validation = { x = x, y = y }, early_stopping = { patience = 2 } }
end

describe("a card", function()
  it("names several inputs", function()
    local model = nn.Graph { inputs = { "x", "c" }, { name = "flat", from = "x", nn.Flatten {} },
      { name = "class", from = { "flat", "c" }, nn.Dense { units = 2 } } }
    model:build { x = { 6, 1 }, c = { 2 } }
    assert(mb.save(model, path))
    assert.is_truthy(tostring(mb.card(path)):find("18 parameters; takes c (N, 2), x (N, 6, 1)", 1, true))
  end)
  it("says what a trained network is", function()
    local model = trained(fit_options())
    assert(mb.save(model, path, { classes = { "a", "b" }, axis = { 1, 2, 3, 4, 5, 6 }, unit = "nm", note = "n\27" }))
    local card = assert(mb.card(path))
    assert.same({ "network", 2, 14, { 6, 1 }, { "a", "b" }, mb.VERSION },
      { card.kind, card.layers, card.parameters, card.shape, card.classes, card.version })
    local training = card.training
    assert.same({ 3, 4, 7, "SGD", "cross_entropy", 12, 12, 2 }, { training.most_epochs, training.batch_size,
      training.seed, training.optimizer, training.loss, training.rows, training.validation_rows, training.patience })
    assert.is_near(0.05, training.lr, 1e-12)
    local text = tostring(card)
    for _, line in ipairs { "model            network of 2 layers, 14 parameters; takes (N, 6, 1)",
      "classes          a, b", "axis             1 to 6 nm, 6 points", "note             n\\x1B",
      "data             12 spectra and 12 to validate, digest " .. training.data, "moonbow          " .. mb.VERSION } do
      assert.is_truthy(text:find(line, 1, true), line .. "\n" .. text)
    end
  end)
  it("has the learning rate before the schedule changed it, whether or not the training was resumed", function()
    local folder = os.tmpname()
    os.remove(folder)
    for _, epochs in ipairs { 2, 3 } do
      local options = fit_options()
      options.epochs, options.checkpoint = epochs, folder
      options.schedule = { "step", every = 1, factor = 0.1 }
      mb.seed(1)
      assert(mb.save(trained(options), path))
      assert.is_near(0.05, mb.card(path).training.lr, 1e-12)
    end
    os.execute("rm -r " .. folder)
  end)
  it("has a record of plain values, and counts of rows", function()
    local model = trained(fit_options())
    for _, case in ipairs { { { rows = "all" }, "training.rows: expected a positive integer, got 'all'" },
      { { data = "0f", rows = 3, validation_rows = true }, "training.validation_rows: expected a positive integer" },
      { { data = 3 }, "training.data: expected a string, got 3" }, { { lr = {} }, "training.lr: expected" },
      { { 7 }, "training: a name: expected a string, got 1" } } do
      assert.error_matches(function() mb.save(model, path, { training = case[1] }) end, case[2], nil, true)
    end
  end)
  it("says what each of several inputs takes", function()
    local model = nn.Graph { inputs = { "map", "state" }, { name = "rows", from = "map", nn.Flatten {} },
      { name = "class", from = { "rows", "state" }, nn.Dense { units = 2 } } }
    model:build { map = { 6, 1 }, state = { 3 } }
    assert(mb.save(model, path))
    assert.matches("; takes map (N, 6, 1), state (N, 3)\n", tostring(mb.card(path)), 1, true)
  end)
  it("has the digest of the data, which changes with each value", function()
    local function digest_of(spectra, labels)
      local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
      mb.fit(model, { x = spectra, y = labels }, { epochs = 1, verbose = false })
      assert(mb.save(model, path))
      return mb.card(path).training.data
    end
    local other, labels = x:copy(), { table.unpack(y) }
    other:set(12, 6, 1, 5)
    labels[12] = 2
    local first = digest_of(x, y)
    assert.equal(first, digest_of(x:copy(), mb.tensor(y)))
    assert.not_equal(first, digest_of(other, y))
    assert.not_equal(first, digest_of(x, labels))
  end)
  it("has the steps, the seed and the cross-validated figures of a pipeline", function()
    local set = mb.spectra.set { x = x:reshape(12, 6), axis = { 1, 2, 3, 4, 5, 6 }, unit = "cm-1",
      labels = { kind = kinds } }
    local list = { "snv", { "logistic", C = 2 } }
    local validation = mb.cross_validate(list, set, { label = "kind", folds = 3 })
    assert(mb.pipeline(list):fit(set, { label = "kind", seed = 3 }):save(path, { validation = validation }))
    local card = assert(mb.card(path))
    assert.equal("logistic", card.kind)
    assert.same({ "snv, logistic { C = 2 }", 3, 12, 2 }, { card.training.pipeline, card.training.seed,
      card.training.rows, card.training.C })
    assert.same(validation.mean, card.validation.mean)
    assert.same(validation.interval, card.validation.interval)
    assert.matches("cross%-validated  kind by snv, logistic { C = 2 }: 12 spectra, 3 folds\n +accuracy %d",
      tostring(card))
    local model, info = assert(mb.load(path)) -- and after another way through a file
    assert(mb.save(model, path, info))
    assert.equal(tostring(card):gsub("digest +%x+$", ""), (tostring(mb.card(path)):gsub("digest +%x+$", "")))
  end)
  it("claims nothing of weights that were replaced", function()
    local validation = mb.cross_validate({ { "logistic", C = 1 } }, { x = x, y = y }, { folds = 3 })
    local weights = os.tmpname()
    local ways = {
      load_state = function(model) model:load_state(trained(fit_options()):state()) end,
      import = function(model)
        assert(mb.export_pytorch(trained { epochs = 2, seed = 5, verbose = false }, weights))
        assert(mb.import_pytorch(weights, model))
      end,
      ["a step of one's own"] = function(model) mb.no_grad(function() model.layers[2].bias:fill(1) end) end,
    }
    local first = trained { epochs = 2, seed = 1, verbose = false }
    assert(mb.save(first, path, { validation = validation }))
    assert.is_table(mb.card(path).training)
    for name, replace in pairs(ways) do
      local model, info = assert(mb.load(path))
      local changed = os.tmpname()
      assert(mb.save(model, changed, info))
      assert.same(info.training, mb.card(changed).training)
      assert.same(info.validation, mb.card(changed).validation)
      replace(model)
      for _, given in ipairs { {}, info } do
        assert(mb.save(model, changed, given))
        local card = assert(mb.card(changed))
        assert.same({}, { card.training, card.validation }, name)
      end
      model:load_state(first:state()) -- those of the file again
      assert(mb.save(model, changed, info))
      assert.same(info.training, mb.card(changed).training)
      os.remove(changed)
    end
    os.remove(weights)
  end)
  it("has the training that came last, without figures of another one", function()
    local validation = mb.cross_validate({ { "logistic", C = 1 } }, { x = x, y = y }, { folds = 3 })
    assert(mb.save(trained(fit_options()), path, { validation = validation }))
    local model, info = assert(mb.load(path))
    mb.fit(model, { x = x, y = y }, { epochs = 4, verbose = false })
    assert(mb.save(model, path, info))
    local card = mb.card(path)
    assert.same({ 4, nil }, { card.training.most_epochs, card.validation })
  end)
  it("has the training of the best weights, if it ended early", function()
    for _, case in ipairs { { "early_stopping" }, { "interrupted", function() error "mine" end },
      { "callback", function(control) control.stop() end } } do
      local values, model = { 3, 1, 2, 2, 2, 2 }, nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
      pcall(mb.fit, model, { x = x, y = y }, { epochs = 6, verbose = false, validation = { x = x, y = y },
        metrics = { mine = function() return table.remove(values, 1) end }, monitor = { "val_mine", mode = "min" },
        early_stopping = { patience = 2 }, callbacks = { function(record, control)
          if record.epoch == 3 and case[2] then case[2](control) end
        end } })
      assert(mb.save(model, path))
      local training = mb.card(path).training
      assert.same({ case[1], 2, case[2] and 3 or 4 }, { training.stopped, training.best_epoch, training.epochs })
    end
  end)
  it("keeps the training of a network whose statistics were recalibrated", function()
    local model = nn.Sequential { nn.Flatten {}, nn.BatchNorm1d {}, nn.Dense { units = 2 } }
    mb.fit(model, { x = x, y = y }, { epochs = 1, verbose = false })
    mb.recalibrate(model, x * 2)
    assert(mb.save(model, path))
    assert.equal(1, mb.card(path).training.epochs)
  end)
  it("is part of a file of ONNX", function()
    assert(mb.save(trained(fit_options()), path))
    local model, info = assert(mb.load(path))
    assert(mb.export_onnx(model, path, info))
    local _, back = assert(mb.import_onnx(path))
    assert.same(info.training, back.training)
    model:load_state(trained { epochs = 2, seed = 5, verbose = false }:state())
    assert(mb.export_onnx(model, path, info))
    _, back = assert(mb.import_onnx(path))
    assert.is_nil(back.training)
  end)
  it("of a model that was not trained here has no training", function()
    local model = nn.Sequential { nn.Dense { units = 2 } }
    model:build { 3 }
    assert(mb.save(model, path))
    local card = assert(mb.card(path))
    assert.is_nil(card.training)
    assert.equal("model", tostring(card):match "^%a+")
    assert.is_nil(tostring(card):find("training", 1, true))
  end)
  it("is nil and a message for other files", function()
    assert.is_nil((mb.card "/nowhere/model.safetensors"))
    assert(mb.safetensors.write(path, { a = x }))
    local card, message = mb.card(path)
    assert.is_nil(card)
    assert.matches("no description of a moonbow model", message)
  end)
  it("is refused if training or figures are no plain values", function()
    local model = trained { epochs = 1, verbose = false }
    assert.error_matches(function() mb.save(model, path, { training = { seed = {} } }) end,
      "save: info: training.seed: expected a string or a finite number or a boolean, got a table", nil, true)
    assert.error_matches(function() mb.save(model, path, { validation = { title = 3 } }) end,
      "save: info: validation.title: expected a string, got 3", nil, true)
    assert(mb.save(model, path))
    local tensors, metadata = assert(mb.safetensors.read(path))
    local description = json.decode(metadata.moonbow)
    description.info.training = { seed = { 1 } }
    assert(mb.safetensors.write(path, tensors, { moonbow = json.encode(description) }))
    local loaded, message = mb.load(path)
    assert.is_nil(loaded)
    assert.matches("training.seed", message, 1, true)
  end)
end)
