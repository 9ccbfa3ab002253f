-- Trainings that fail: Ctrl-C, NaN, errors half-way, labels and options that do not fit.
local mb = require "moonbow"
local bytes = require "support.state_bytes"
local interrupted = require "support.interrupted"
local nn = mb.nn
local nan, inf = 0 / 0, math.huge

local root = os.tmpname()
os.remove(root)
teardown(function() os.execute("rm -rf " .. root) end)

local function set_of(n) return { x = mb.randn(mb.rng(1), n or 8, 4, 1), y = { 1, 2, 1, 2, 1, 2, 1, 2 } } end
local function dense(units) return nn.Sequential { nn.Flatten {}, nn.Dense { units = units or 2 } } end
local function fit(model, set, options)
  options = options or {}
  options.verbose, options.epochs = false, options.epochs or 2
  return mb.fit(model, set, options)
end

-- A script whose fit says "now" in epoch 2, and continues for long.
local SCRIPT = [[
  local mb = require "moonbow"
  local set = { x = mb.randn(mb.rng(1), 8, 4, 1), y = { 1, 2, 1, 2, 1, 2, 1, 2 } }
  model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
  function train(checkpoint)
    return mb.fit(model, set, { epochs = 10000000, verbose = false, checkpoint = checkpoint,
      early_stopping = { patience = 10000000 }, callbacks = { function(record)
        if record.epoch == 2 then io.stderr:write "now\n" end
      end } })
  end
]]
local function script(code) return interrupted { "-e", SCRIPT .. code } end

describe("Ctrl-C in fit", function()
  it("ends a script with code 130 and a line on how to resume, even inside pcall", function()
    local got = script "for _ = 1, 3 do pcall(train) end print 'went on'"
    assert.same({ 130, "" }, { got.code, got.output })
    assert.truthy(got.errors:find "^now\nfit: interrupted; the model has its best weights, of epoch %d+; [^\n]+\n$")
  end)
  it("leaves the best weights, and the model in order", function()
    local got = script [[
      local looking <close> = setmetatable({}, { __close = function()
        print(model.training, model.rng, model.layers[2].weight.grad)
      end })
      train()
    ]]
    assert.same({ 130, "false\tnil\tnil\n" }, { got.code, got.output })
  end)
  it("leaves a checkpoint from which the same command resumes", function()
    local code = ("mb_history = train %q"):format(root)
    local got = script(code)
    assert.equal(130, got.code)
    assert.truthy(got.errors:find("the same command resumes from the checkpoint in " .. root, 1, true))
    assert.is_table(mb.safetensors.read(root .. "/checkpoint.safetensors"))
  end)
  it("raises at the prompt, keeps the best weights, and has lua's own handler afterwards", function()
    local input = SCRIPT:gsub("\n%s*", " ") .. "\npcall(train)\nprint(model.training)\n"
      .. "io.stderr:write 'now' while true do end\nprint 'next'\n"
    local got = interrupted({ "-i" }, { input = input })
    assert.equal(0, got.code)
    assert.truthy(got.output:find("false\n", 1, true) and got.output:find("next\n", 1, true))
    assert.truthy(got.errors:find("interrupted!", 1, true))
    got = interrupted({ "-i" }, { input = SCRIPT:gsub("\n%s*", " ") .. "\ntrain()\n" })
    assert.truthy(got.errors:find "now\n[^\n]*fit: interrupted; the model has its best weights, of epoch %d+;")
  end)
  it("works again after a coroutine was closed inside fit", function()
    local code = [[
      local thread = coroutine.create(function()
        mb.fit(model, set, { verbose = false, callbacks = { coroutine.yield } })
      end)
      assert(coroutine.resume(thread))
      assert(coroutine.close(thread))
      assert(model.training == false)
      io.stderr:write "now\n"
      while true do end
    ]]
    local got = script(code)
    assert.equal(1, got.code)
    assert.truthy(got.errors:find("interrupted!", 1, true))
  end)
  for _, work in ipairs { "mb.predict(model, x)", "mb.evaluate(model, { x = x, y = y })", "mb.recalibrate(model, x)",
    "mb.profile(model, x, y, { steps = 1000000 })" } do
    it("ends a script in " .. work:match "mb%.%a+", function()
      local got = interrupted { "-e", [[
        local mb = require "moonbow"
        local x, y, runs = mb.ones(100000, 4, 1), mb.ones(100000), 0
        local model = mb.nn.Sequential { mb.nn.Lambda { function(x)
          runs = runs + 1
          if runs == 20 then io.stderr:write "now\n" end
          for _ = 1, 100000 do end
          return x
        end }, mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
        while true do pcall(function() ]] .. work .. " end) end" }
      assert.equal(130, got.code)
      assert.truthy(got.errors:find(("now\n%s: interrupted; "):format(work:match "mb%.(%a+)")))
    end)
  end
end)

describe("NaN in fit", function()
  local function raises(pattern, model, set, options)
    local before = model.built and bytes(model)
    assert.error_matches(function() fit(model, set, options) end, pattern)
    for _, list in ipairs { model:parameters(), model:buffers() } do
      for _, entry in ipairs(list) do
        assert.equal(0, entry.value:describe().nan + entry.value:describe().inf, entry.name)
        assert.is_nil(entry.value.grad)
      end
    end
    assert.is_false(model.training)
    if before then assert.is_true(before == bytes(model)) end
  end
  it("is never the best validation", function()
    local set, validation = set_of(), set_of()
    validation.x:set(3, 2, 1, nan)
    raises("validation loss is NaN in epoch 1, batch 1: the input holds NaN", dense(), set,
      { validation = validation, early_stopping = {} })
    raises("validation loss is NaN in epoch 1, batch 1: the labels or targets hold NaN", dense(1),
      { x = set.x, y = mb.ones(8) }, { loss = "mse", validation = { x = set.x, y = mb.full(nan, 8) } })
  end)
  it("in a gradient stops before the step, also if the norm is clipped", function()
    local bad = mb.operation("bad", function(x) return x, function(dy) return dy * inf end end)
    for _, clip in ipairs { false, 1 } do
      local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2, initializer = 0 } }
      raises("a gradient is not finite in epoch 1, batch 1: layer 2 %(Dense%): its gradient of weight", model, set_of(),
        { loss = function(output) return bad(output):sum() end, clip_norm = clip or nil })
    end
  end)
  it("in a gradient that is kept as its factors is found, also if only their product is infinite", function()
    local core = require "moonbow.core"
    for _, factor in ipairs { inf, nan, 1e25 } do
      local set = { x = mb.randn(mb.rng(1), 8, 200, 1) * 1e15, y = set_of().y }
      local bad = mb.operation("bad", function(x) return x, function(dy) return dy * factor end end)
      local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 64, initializer = 0, bias = false } }
      raises("a gradient is not finite in epoch 1, batch 1: layer 2 %(Dense%): its gradient of weight", model, set,
        { loss = function(output) return bad(output):sum() end })
      model(set.x):sum():backward()
      assert.is_true(core.is_factored(model.layers[2].weight.grad))
    end
  end)
  it("that the last step makes is found before fit returns", function()
    for _, epochs in ipairs { 1, 3 } do
      local set = set_of()
      set.x = set.x * 1e3
      raises("fit: training has blown up in epoch 1", dense(), set,
        { epochs = epochs, optimizer = mb.optim.SGD { lr = 1e38 } })
    end
    raises("fit: training has blown up in epoch 1: layer 3 %(Dense%): its output",
      nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 }, nn.Dense { units = 2 } }, set_of(),
      { epochs = 1, optimizer = mb.optim.SGD { lr = 1e30 } })
  end)
  it("is not reported for outputs of -infinity if the loss is finite", function()
    local masked = nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 },
      nn.Lambda { function(x) return x + mb.tensor { 0, 0, -inf } end } }
    assert.equal(2, #fit(masked, set_of()))
  end)
  it("restores the best weights without early stopping, too", function()
    local model, best = dense()
    assert.error_matches(function()
      fit(model, set_of(), { epochs = 9, callbacks = { function(record)
        if record.epoch == 3 then best = bytes(model) end
        if record.epoch == 4 then mb.no_grad(function() model.layers[2].weight:fill(inf) end) end
      end }, optimizer = mb.optim.SGD { lr = 1e-3 } })
    end, "loss is NaN in epoch 5, batch 1: layer 2 %(Dense%): its weight is not finite")
    assert.is_string(best)
    assert.is_true(model.layers[2].weight:describe().inf == 0)
  end)
  it("in the running statistics of a batch norm is undone, too", function()
    local set = set_of()
    local model = nn.Sequential { nn.BatchNorm1d {}, nn.Flatten {}, nn.Dense { units = 2 } }
    set.x:set(8, 1, 1, nan)
    raises("loss is NaN in epoch 1, batch 1: the input", model, set)
    local before = bytes(model)
    assert.error_matches(function() mb.recalibrate(model, set.x) end, "recalibrate: layer 1 %(BatchNorm1d%)")
    assert.is_true(before == bytes(model))
  end)
end)

describe("an error inside fit", function()
  local function order(model, rng)
    assert.is_false(model.training)
    assert.equal(rng, model.rng)
    for _, parameter in ipairs(model:parameters()) do assert.is_nil(parameter.value.grad) end
  end
  it("leaves mode, generator, gradients and the best weights in order", function()
    local function fails() error "mine" end
    local failing = mb.operation("failing", function(x) return x, fails end)
    local cases = {
      { callbacks = { fails } }, { loss = fails }, { loss = function(output) return failing(output):sum() end },
      { loss = function(output) return output:sum(), fails() end },
      { loss = function(output) output:sum():backward() fails() end },
    }
    for _, options in ipairs(cases) do
      local model, rng = nn.Sequential { nn.Flatten {}, nn.Dropout { rate = 0.5 }, nn.Dense { units = 2 } }, mb.rng(7)
      model:build { 4, 1 }
      model:set_rng(rng)
      local before = bytes(model)
      options.optimizer = mb.optim.SGD { lr = 1 }
      assert.error_matches(function() fit(model, set_of(), options) end, "mine")
      order(model, rng)
      assert.is_true(options.callbacks ~= nil or before == bytes(model))
    end
  end)
  it("leaves no gradients for the next fit", function()
    local function weights(is_disturbed)
      local model = dense()
      model:build({ 4, 1 }, mb.rng(3))
      if is_disturbed then (model(set_of().x):sum() * 100):backward() end
      fit(model, set_of())
      return bytes(model)
    end
    assert.is_true(weights(false) == weights(true))
  end)
  it("in a coroutine that is closed inside it leaves the same order", function()
    local model = dense()
    local thread = coroutine.create(function() fit(model, set_of(), { callbacks = { coroutine.yield } }) end)
    assert(coroutine.resume(thread))
    assert(coroutine.close(thread))
    order(model, nil)
  end)
  it("in a coroutine that an error ends leaves the same order", function()
    local model = dense()
    local thread = coroutine.create(function()
      fit(model, set_of(), { callbacks = { function() error { mine = true } end } })
    end)
    assert.same({ false, { mine = true } }, { coroutine.resume(thread) }) -- it is never closed
    order(model, nil)
    model:train()
    thread = coroutine.create(function() mb.evaluate(model, { x = mb.ones(2, 5, 1), y = { 1, 2 } }) end)
    assert.is_false(coroutine.resume(thread))
    assert.is_true(model.training)
  end)
end)

describe("a model in a callback, or in a metric", function()
  local network = function()
    return nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 }, nn.BatchNorm1d {}, nn.Dropout { rate = 0.5 },
      nn.Dense { units = 2 } }
  end
  local function train(options, folder, epochs)
    local model = network()
    options.seed, options.epochs, options.validation = 3, epochs or 3, set_of()
    options.checkpoint = folder and root .. "/" .. folder
    fit(model, set_of(), options)
    return bytes(model)
  end
  local other = mb.randn(mb.rng(2), 5, 4, 1) + 100
  local function runs(model)
    assert.is_false(model.training)
    assert.equal(model(other):tobytes(), model(other):tobytes())
    model(other):sum():backward()
  end
  it("is in evaluation mode, and the training goes on as if it had not run", function()
    local plain = train {}
    assert.is_true(plain == train { callbacks = { function(_, control) runs(control.model) end } })
    local model = network()
    fit(model, set_of(), { seed = 3, epochs = 3, validation = set_of(), metrics = { own = function()
      runs(model)
      return 0
    end } })
    assert.is_true(plain == bytes(model))
  end)
  it("is in training mode again in the next epoch, whatever mode they set, and resumes", function()
    local plain = train {}
    assert.is_true(plain == train { callbacks = { function(_, control) control.model:eval() end } })
    local function run_in_training() -- draws from dropout, and moves statistics
      return { callbacks = { function(_, control) control.model:train()(other):sum():backward() end } }
    end
    local whole = train(run_in_training())
    assert.is_false(plain == whole)
    train(run_in_training(), "modes", 2)
    assert.is_true(whole == train(run_in_training(), "modes"))
  end)
end)

describe("labels", function()
  it("of shape (N, 1) are labels (N)", function()
    local set = set_of()
    local column = { x = set.x, y = mb.tensor(set.y):reshape(8, 1) }
    local function trained(data)
      local model = dense()
      local history = fit(model, data, { validation = data, class_weights = "balanced" })
      local result = mb.evaluate(model, data)
      return { history[2].accuracy, history[2].val_accuracy, history[2].loss, result.accuracy, bytes(model) }
    end
    local expected = trained(set)
    assert.same(expected, trained(column))
    assert.same(expected, trained { x = set.x, y = { { 1 }, { 2 }, { 1 }, { 2 }, { 1 }, { 2 }, { 1 }, { 2 } } })
    assert.is_true(expected[1] <= 1)
  end)
  it("that are not class numbers are refused with their row, by every function that takes labels", function()
    local x, model = set_of().x, dense()
    for got, y in pairs {
      ["0 %(classes count from 1%)"] = { 1, 0, 1, 1, 1, 1, 1, 1 }, ["1.5"] = { 1, 1.5, 1, 1, 1, 1, 1, 1 },
      NaN = { 1, nan, 1, 1, 1, 1, 1, 1 }, ["'a'"] = { 1, "a", 1, 1, 1, 1, 1, 1 }, ["3"] = { 1, 3, 1, 1, 1, 1, 1, 1 },
      ["%-1"] = { 1, -1, 1, 1, 1, 1, 1, 1 },
    } do
      local set, good = { x = x, y = y }, set_of()
      local pattern = "y: row 2: expected a .*, got " .. got
      assert.error_matches(function() fit(model, set) end, "fit: data%." .. pattern)
      assert.error_matches(function() fit(model, good, { validation = set }) end, "fit: validation%." .. pattern)
      assert.error_matches(function() fit(model, set, { class_weights = "balanced" }) end, "fit: data%." .. pattern)
      assert.error_matches(function() mb.evaluate(model, set) end, "evaluate: data%." .. pattern)
    end
    assert.error_matches(function() fit(model, { x = x, y = mb.ones(8, 2) }) end, "one label per row.*{8, 2}")
    assert.error_matches(function() fit(model, { x = x, y = mb.ones(7) }) end, "data%.y: expected 8 labels.*got 7")
  end)
  it("of a regression have the shape of the outputs, except for a last dimension of 1", function()
    local x = set_of().x
    local function loss(y) return fit(dense(1), { x = x, y = y }, { loss = "mse" })[2].loss end
    local y = mb.randn(mb.rng(2), 8)
    assert.equal(loss(y), loss(y:reshape(8, 1)))
    assert.error_matches(function() fit(dense(2), { x = x, y = mb.ones(8, 2, 2) }, { loss = "mse" }) end,
      "mse: .*{8, 2}.*{8, 2, 2}")
    assert.error_matches(function()
      fit(nn.Sequential { nn.Dense { units = 2 } }, { x = x, y = mb.ones(8, 2, 4) }, { loss = "mse" })
    end, "mse: .*{8, 4, 2}.*{8, 2, 4}")
  end)
end)

describe("a network that does not classify", function()
  it("is refused by predict, evaluate and cross-entropy", function()
    local set = set_of()
    for shown, model in pairs {
      ["%(N, 1%)"] = dense(1), ["%(N, 4, 3%)"] = nn.Sequential { nn.Dense { units = 3 } },
      ["%(N, 4, 1%)"] = nn.Sequential { nn.ReLU {} },
    } do
      local pattern = ": expected a classifier, with outputs %(N, classes%).*got outputs " .. shown
      assert.error_matches(function() mb.predict(model, set.x) end, "predict" .. pattern)
      assert.error_matches(function() mb.evaluate(model, set) end, "evaluate" .. pattern)
      if #model:parameters() > 0 then assert.error_matches(function() fit(model, set) end, "fit" .. pattern) end
    end
    for name, f in pairs { predict = mb.predict, evaluate = mb.evaluate, fit = mb.fit, recalibrate = mb.recalibrate } do
      assert.error_matches(function() f(mb.forest, set.x) end, name .. ": .*expected a")
    end
  end)
  it("names rows with NaN or infinite outputs", function()
    local x, model = mb.ones(300, 4, 1), dense()
    model:build { 4, 1 }
    x:set(140, 2, 1, nan)
    x:set(200, 1, 1, inf)
    local pattern = "NaN or infinite for row 140, 200 of x: row 140 holds NaN or infinity itself"
    assert.error_matches(function() mb.predict(model, x) end, "predict: .*" .. pattern)
    assert.error_matches(function() mb.evaluate(model, { x = x, y = mb.ones(300) }) end, "evaluate: .*" .. pattern)
    mb.no_grad(function() model.layers[2].bias:fill(nan) end)
    assert.error_matches(function() mb.predict(model, mb.ones(300, 4, 1)) end,
      "for row 1, 2, 3, 4, 5 and 123 more of x$")
  end)
end)

describe("options of fit", function()
  local function refuses(pattern, options, set)
    assert.error_matches(function() fit(dense(), set or set_of(), options) end, pattern)
  end
  it("are reported at the line that calls fit", function()
    local _, err = pcall(function() mb.fit(dense(), set_of(), { loss = function() return 1 end, verbose = false }) end)
    assert.truthy(err:find "^spec/fit_spec.lua:%d+: fit: loss: ")
  end)
  it("refuse names of classes that are no list of names", function()
    local function set(classes) return { x = mb.zeros(4, 6), y = { 1, 2, 1, 2 }, classes = classes } end
    refuses("fit: data.classes: expected a table, got 2; a list of the names", {}, set(2))
    refuses("fit: data.classes%[2%]: expected a string or a number, got a table", {}, set { "one", {} })
    assert.error_matches(function() mb.evaluate(dense(), set "one") end, "evaluate: data.classes: expected a table")
  end)
  it("refuse a set of spectra, which has no classes before a label is named, and lists", function()
    local spectra = mb.spectra.set { x = mb.ones(4, 6), axis = { 1, 2, 3, 4, 5, 6 } }
    refuses("fit: data: expected { x = spectra, y = labels }, got a set of spectra; give { x = set.x", {}, spectra)
    assert.error_matches(function() mb.evaluate(dense(), spectra) end, "evaluate: data: expected { x = spectra")
    refuses("fit: data.x: expected a tensor, got a table; mb.tensor makes one of a list", {},
      { x = { { 1, 2 } }, y = { 1 } })
  end)
  it("refuse unknown keys of a set", function()
    local set = set_of()
    set.importance = mb.ones(8)
    refuses("fit: data: unknown key 'importance'", {}, set)
    refuses("fit: validation: unknown key 'importance'", { validation = set })
    refuses("fit: data: unknown key %[%d%]", {}, { set.x, set.y })
    assert.error_matches(function() mb.evaluate(dense(), set) end, "evaluate: data: unknown key 'importance'")
  end)
  it("take the sets of mb.data as they are", function()
    local sets = require "moonbow.train.sets"
    for _, made in ipairs {
      mb.data.border_peaks { n = 20, validation = 10, test = 10, crop = 160, parts = true },
      mb.data.single_peak { n = 20, validation = 10, test = 10, parts = true },
      mb.data.classes { n = 20, validation = 10, test = 10, peaks = { { { 300, 1 } }, { { 600, 1 } } } },
      mb.data.universal { classes = 3, train = 2, validation = 1 }, mb.data.challenge { train = 2, validation = 1 },
      mb.data.verification { n = 10 },
    } do
      for _, part in ipairs { "train", "validation", "test" } do
        if made[part] then sets.with_classes("fit", part, made[part]) end
      end
    end
  end)
  it("refuse a validation set that does not fit the network, before training", function()
    local trained = false
    refuses("Dense.*: input has 5 features, weights expect 4", { validation = { x = mb.ones(2, 5, 1), y = { 1, 2 } },
      loss = function(output) trained = true return output:sum() end })
    assert.is_false(trained)
  end)
  it("take class weights by number, by name, and as a tensor", function()
    local set = set_of()
    local function trained(weights, names)
      local model = dense()
      fit(model, { x = set.x, y = set.y, classes = names }, { class_weights = weights })
      return bytes(model)
    end
    local expected, names = trained { 1, 3 }, { "calcite", "quartz" }
    assert.is_true(expected == trained(mb.tensor { 1, 3 }))
    assert.is_true(expected == trained({ quartz = 3 }, names))
    assert.is_false(expected == trained({ quartz = 2 }, names))
  end)
  it("refuse invalid class weights", function()
    refuses("fit: class_weights: names are given, but the set has no 'classes'", { class_weights = { calcite = 1 } })
    local named = set_of()
    named.classes = { "calcite", "quartz" }
    refuses("fit: class_weights: .*did you mean 'calcite'", { class_weights = { calcit = 1 } }, named)
    refuses("fit: class_weights: expected 2 numbers, one per class .*, got 3", { class_weights = { 1, 1, 1 } })
    refuses("fit: class_weights: class 2: expected a finite number from 0, got %-1", { class_weights = { 1, -1 } })
    refuses("fit: class_weights: class 1: expected a finite number from 0, got NaN", { class_weights = { nan, 1 } })
    refuses("fit: class_weights: class 1: expected .*, got 'a'", { class_weights = { "a", 1 } })
    refuses("fit: class_weights: expected a weight above 0", { class_weights = { 0, 0 } })
    refuses("fit: class_weights: expected one of 'balanced'", { class_weights = "balance" })
    refuses("fit: class_weights: only with the losses 'cross_entropy' and 'focal'",
      { class_weights = "balanced", loss = function(o) return o:sum() end })
    refuses("fit: data.y: row 1: .*got 0", { class_weights = "balanced" },
      { x = set_of().x, y = { 0, 1, 0, 1, 0, 1, 0, 1 } })
  end)
  it("ignore a batch whose rows all have weight 0", function()
    local set = set_of()
    local history = fit(dense(), set, { class_weights = { 0, 1 }, batch_size = 1, epochs = 1 })
    assert.is_true(history[1].loss > 0)
  end)
  it("refuse a loss that is not a tensor of one element, and invalid callbacks", function()
    refuses("fit: loss: expected a tensor with one element from the function, got 0.5",
      { loss = function() return 0.5 end })
    refuses("fit: loss: expected a tensor with one element .*, got tensor {8, 2}", { loss = function(o) return o end })
    refuses("fit: loss: expected a tensor with one element .*, got nil", { loss = function() end })
    refuses("fit: callbacks%[1%]: expected a function, got 1", { callbacks = { 1 } })
    refuses("fit: callbacks: entry 1 of 2 is nil", { callbacks = { nil, print } })
    refuses("fit: callbacks: expected a list, got an entry %[epoch%]", { callbacks = { epoch = print } })
  end)

  it("gives the same weights after a look at the summary: a look makes none", function()
    local x, y = mb.rng(1):normal(0, 1, 12, 16, 1), mb.tensor { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2 }
    local function loss(look)
      local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.Flatten {}, nn.Dense { units = 2 } }
      if look then
        assert.is_truthy(model:summary { 16, 1 }:find "total: 66 parameters")
        model:reach { 16, 1 }
        assert.equal(0, #model:parameters())
      end
      return mb.fit(model, { x = x, y = y }, { epochs = 1, seed = 3, verbose = false })[1].loss
    end
    assert.equal(loss(false), loss(true))
  end)
end)
