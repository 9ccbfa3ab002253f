-- What a training can do besides its steps: averages, accumulation, schedules, shares for validation; against plain
-- loops.
local lfs = require "lfs"
local mb = require "moonbow"
local expect = require "support.expect"
local small_training = require "support.small_training"
local bytes = require "support.state_bytes"
local nn = mb.nn
local raises, close = expect.raises, expect.close
local set_of, small, fit = small_training.set_of, small_training.network, small_training.fit

describe("accumulated gradients", function()
  it("are those of one batch of all rows", function()
    local set = set_of(30)
    local function train(options)
      local model = small()
      options.optimizer, options.shuffle = mb.optim.SGD { lr = 0.1 }, false
      options.seed, options.epochs, options.l2 = 3, 4, 0.01
      fit(model, set, options)
      return model
    end
    local whole, parts = train { batch_size = 16 }, train { batch_size = 4, accumulate = 4 }
    for i, entry in ipairs(whole:parameters()) do close(entry.value, parts:parameters()[i].value, 1e-6) end
    local uneven, two = train { batch_size = 30 }, train { batch_size = 20, accumulate = 2 }
    for i, entry in ipairs(uneven:parameters()) do close(entry.value, two:parameters()[i].value, 1e-6) end
  end)
  it("are those of one batch if rows or classes count differently", function()
    for _, options in ipairs { {}, { class_weights = { 1, 6 } }, { loss = { "focal" }, class_weights = { 1, 6 } } } do
      local found = {}
      for i, size in ipairs { 30, 8 } do
        local set, model, given = set_of(30), small(), { shuffle = false, seed = 3, epochs = 2, l2 = 0.01,
          batch_size = size, accumulate = i == 2 and 4 or nil, optimizer = mb.optim.SGD { lr = 0.1 } }
        set.weights = not options.class_weights and (mb.arange(30):gt(20) * 9 + 1) or nil
        for key, value in pairs(options) do given[key] = value end
        local history = fit(model, set, given)
        found[i] = { model:parameters()[1].value, mb.tensor { history[1].loss, history[2].loss } }
      end
      for i = 1, 2 do close(found[1][i], found[2][i], 1e-6) end
    end
  end)
end)

describe("limits of gradients", function()
  -- One weight, whose gradient for the loss mean(w x) is the mean of x.
  local function one_step(options)
    local model = nn.Dense { units = 1, bias = false, initializer = "zeros" }
    options.optimizer, options.epochs, options.batch_size = mb.optim.SGD { lr = 1 }, 1, 4
    options.loss = function(output) return output:mean() end
    local x = mb.tensor { 3, -4 } * mb.ones(4, 2)
    local history = fit(model, { x = x, y = mb.zeros(4) }, options)
    return model.weight:reshape(-1):totable(), history
  end
  it("cut each element, and say the norm before that", function()
    local moved, history = one_step { clip_value = 3.5, grad_norm = true }
    assert.same({ -3, 3.5 }, moved)
    assert.near(5, history[1].grad_norm, 1e-5)
    assert.matches("grad_norm", tostring(history))
    assert.matches("lines", tostring(history:plot "grad_norm"))
  end)
  it("scale all, and then cut", function()
    local moved, history = one_step { clip_norm = 2.5, clip_value = 1.75 }
    assert.near(-1.5, moved[1], 1e-6)
    assert.near(1.75, moved[2], 1e-6)
    assert.near(5, history[1].grad_norm, 1e-5)
    assert.is_nil(select(2, one_step {})[1].grad_norm)
  end)
end)

describe("a moving average of weights", function()
  local set = set_of(32)
  it("is that of a plain loop, and is what the model ends with", function()
    local averaged, plain, steps = small(), small(), 0
    fit(averaged, set, { ema = 0.9, epochs = 3, batch_size = 8, seed = 5 })
    plain:build({ 12, 1 }, mb.rng { 5, 2 })
    local expected = plain:state()
    local optimizer, rng = mb.optim.Adam {}, mb.rng { 5, 1 }
    plain:train()
    for _ = 1, 3 do
      local order = rng:permutation(32)
      for first = 1, 32, 8 do
        local rows = order:narrow(first, 8)
        plain(set.x:index(rows)):cross_entropy(mb.tensor(set.y):index(rows)):backward()
        optimizer:step(plain:parameters())
        steps = steps + 1
        local kept = math.min(0.9, (1 + steps) / (10 + steps))
        for name, value in pairs(plain:state()) do expected[name] = expected[name] * kept + value * (1 - kept) end
      end
    end
    for name, value in pairs(averaged:state()) do close(value, expected[name], 2e-6) end
  end)
  it("is what validation judges, and what early stopping keeps", function()
    local model, states = small(), {}
    local history = fit(model, set, { ema = 0.95, validation = set_of(16, 2), epochs = 6, batch_size = 8,
      early_stopping = { patience = 6 },
      callbacks = { function(_, control) states[#states + 1] = control.model:state() end } })
    for name, value in pairs(model:state()) do close(value, states[history.best_epoch][name], 0) end
    local best = mb.evaluate(model, set_of(16, 2)).loss
    assert.near(history[history.best_epoch].val_loss, best, 1e-6)
  end)
end)

describe("schedules", function()
  -- The rates of all steps, as the weight of a loss with gradient 1 shows them.
  local function rates(schedule, options)
    local model, list, last = nn.Dense { units = 1, bias = false, initializer = "zeros" }, {}, 0
    options = options or {}
    options.optimizer, options.batch_size, options.schedule = mb.optim.SGD { lr = 0.5 }, 2, schedule
    options.epochs, options.shuffle = options.epochs or 2, false
    options.augment = function(x, y)
      local weight = model.weight:item()
      if weight ~= last then list[#list + 1] = last - weight end
      last = weight
      return x, y
    end
    options.loss = function(output) return output:mean() end
    local history = fit(model, { x = mb.ones(8, 1), y = mb.zeros(8) }, options)
    list[#list + 1] = last - model.weight:item()
    return list, history
  end
  local function same(expected, got)
    assert.equal(#expected, #got)
    for i, value in ipairs(expected) do assert.near(value, got[i], 1e-6) end
  end
  it("follow a function of the step", function()
    local calls = {}
    local got = rates(function(step, steps, lr)
      calls[#calls + 1] = ("%d %d %g"):format(step, steps, lr)
      return step / 10
    end)
    same({ 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8 }, got)
    assert.same({ "1 8 0.5", "8 8 0.5" }, { calls[1], calls[8] })
    raises("schedule: result: expected a non-negative float32, got nil", rates, function() end)
  end)
  it("warm up over steps, and count accumulated ones once", function()
    same({ 0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5 }, (rates { "constant", warmup = 1 }))
    same({ 0.25, 0.5, 0.05, 0.05 }, (rates({ "step", every = 1, warmup = 1 }, { accumulate = 2 })))
  end)
  it("follow a cosine with every step", function()
    local got, history = rates { "cosine", per = "step", min_lr = 0.1 }
    for i, rate in ipairs(got) do assert.near(0.1 + 0.4 * (1 + math.cos(math.pi * (i - 1) / 7)) / 2, rate, 1e-6) end
    assert.near(0.1, history[2].lr, 1e-9)
  end)
end)

describe("monitor", function()
  local set, validation = set_of(24), set_of(24, 7)
  it("decides on the best epoch, by metrics of which more is better", function()
    local model, states = small(), {}
    local values, epoch = { 0.2, 0.9, 0.5, 0.9 }, 0
    local history = fit(model, set, { validation = validation, epochs = 4, early_stopping = { patience = 4 },
      metrics = { mine = function()
        epoch = epoch + 1
        return values[epoch]
      end }, monitor = { "val_mine", mode = "max" },
      callbacks = { function(_, control) states[#states + 1] = control.model:state() end } })
    assert.same({ 2, "val_mine" }, { history.best_epoch, history.monitor })
    for name, value in pairs(model:state()) do close(value, states[2][name], 0) end
    assert.matches("best: epoch 2, val_mine 0.9000", tostring(history))
  end)
  it("stops early, and lowers the rate, when it no longer improves", function()
    local history = fit(small(), set, { validation = validation, epochs = 9,
      metrics = { same = function() return 1 end }, monitor = { "val_same", mode = "min" },
      early_stopping = { patience = 3 },
      schedule = { "plateau", patience = 2, factor = 0.5 } })
    assert.equal(4, #history)
    assert.same({ 1e-3, 1e-3, 1e-3, 5e-4 }, history:values "lr")
  end)
  it("takes known names, and asks for a direction if there is none", function()
    raises("monitor: expected one of 'loss', 'accuracy', got 'val_loss'", fit, small(), set, { monitor = "val_loss" })
    raises("write { 'val_mine', mode = 'min' } or 'max'", fit, small(), set, { validation = validation,
      metrics = { mine = function() return 1 end }, monitor = "val_mine" })
    assert.equal("val_accuracy", fit(small(), set, { validation = validation, monitor = "val_accuracy" }).monitor)
  end)
end)

describe("a share for validation", function()
  it("is held out, with each class in its share, and is not trained on", function()
    local set, seen = set_of(100), {}
    set.x = mb.arange(100):reshape(100, 1, 1) * mb.ones(100, 12, 1)
    for i = 1, 100 do set.y[i] = i % 5 == 0 and 2 or 1 end
    local history = fit(small(), set, { validation = 0.2, epochs = 2, batch_size = 100, augment = function(x, y)
      for i = 1, #y do seen[x[i][1][1] // 1 | 0] = y[i] end
      return x, y
    end })
    local rows, second = 0, 0
    for _, class in pairs(seen) do rows, second = rows + 1, second + (class == 2 and 1 or 0) end
    assert.same({ 80, 16 }, { rows, second })
    assert.is_number(history[1].val_loss)
  end)
  it("keeps groups together", function()
    local set, groups, seen = set_of(60), {}, {}
    set.x = mb.arange(60):reshape(60, 1, 1) * mb.ones(60, 12, 1)
    for i = 1, 60 do groups[i] = (i - 1) // 6 end
    fit(small(), set, { validation = { share = 0.3, groups = groups }, epochs = 1, augment = function(x)
      for i = 1, #x do seen[groups[x[i][1][1] // 1 | 0]] = (seen[groups[x[i][1][1] // 1 | 0]] or 0) + 1 end
      return x
    end })
    for _, count in pairs(seen) do assert.equal(6, count) end
    raises("share: expected a number of at least 0 and below 1, got 2", fit, small(), set,
      { validation = { share = 2 } })
    local history = fit(small(), set, { validation = { groups = groups }, epochs = 1 }) -- a share of 0.2
    assert.is_number(history[1].val_loss)
  end)
end)

describe("a share for validation of classes", function()
  -- How many of 100 rows are trained on, by the list kinds of what they are.
  local function trained_on(kinds, y, options)
    local counts = {}
    options.validation, options.epochs, options.batch_size = 0.2, 1, 100
    options.augment = function(x, labels)
      for i = 1, #x do
        local kind = kinds[x[i][1][1] // 1 | 0]
        counts[kind] = (counts[kind] or 0) + 1
      end
      return x, labels
    end
    fit(small(), { x = mb.arange(100):reshape(100, 1, 1) * mb.ones(100, 12, 1), y = y }, options)
    return counts
  end
  it("has the share of each if some rows are ignored, or labels are rows of shares", function()
    local ignored, classes, rows = {}, {}, {}
    for i = 1, 100 do
      ignored[i] = i % 10 == 0 and 2 or i % 10 == 5 and 0 or 1
      classes[i] = i % 10 == 0 and 2 or 1
      rows[i] = classes[i] == 2 and { 0.2, 0.8 } or { 1, 0 }
    end
    for seed = 1, 4 do
      local loss = { "cross_entropy", ignore = 0 }
      assert.same({ [0] = 8, 64, 8 }, trained_on(ignored, ignored, { seed = seed, loss = loss }))
      assert.same({ 72, 8 }, trained_on(classes, rows, { seed = seed }))
    end
  end)
  it("may be none, but not all", function()
    local set = set_of(40)
    for _, share in ipairs { 0, { share = 0 } } do
      local history, plain = fit(small(), set, { validation = share }), fit(small(), set, {})
      assert.is_nil(history[1].val_loss)
      assert.equal("loss", history.monitor)
      assert.same(plain:values "loss", history:values "loss")
    end
    raises("fit: validation: expected a table or a number of at least 0 and below 1", fit, small(), set,
      { validation = 1 })
    raises("share: expected a number of at least 0 and below 1, got 1", fit, small(), set,
      { validation = { share = 1 } })
    raises("give the option validation", fit, small(), set, { validation = 0, metrics = { "auc" } })
  end)
end)

describe("a training with all of it", function()
  it("resumes bit for bit", function()
    local folder = os.tmpname()
    os.remove(folder)
    local function train(epochs, checkpoint)
      local model = small()
      fit(model, set_of(40), { epochs = epochs, batch_size = 8, ema = 0.9, accumulate = 2, clip_value = 0.5,
        augment = { { "noise", sd = 0.1 }, "mix" }, lr_factors = { ["1"] = 0.5 }, monitor = "val_accuracy",
        validation = 0.25, schedule = function(step) return 0.01 / step end,
        optimizer = mb.optim.RMSprop { momentum = 0.5 }, checkpoint = checkpoint })
      return bytes(model)
    end
    local whole = train(6)
    train(2, folder)
    assert.equal(whole, train(6, folder))
    assert.equal(whole, train(6, folder))
    raises("another ema (0.9, now nil)", function()
      fit(small(), set_of(40), { epochs = 6, batch_size = 8, accumulate = 2, clip_value = 0.5,
        augment = { { "noise", sd = 0.1 }, "mix" }, lr_factors = { ["1"] = 0.5 }, monitor = "val_accuracy",
        validation = 0.25, schedule = function(step) return 0.01 / step end,
        optimizer = mb.optim.RMSprop { momentum = 0.5 }, checkpoint = folder })
    end)
    for name in lfs.dir(folder) do os.remove(folder .. "/" .. name) end
    lfs.rmdir(folder)
  end)
end)
