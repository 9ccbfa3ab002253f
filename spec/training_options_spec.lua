-- What a training can do besides its steps: augmentation, averages, accumulation, schedules, frozen weights, several
-- inputs; against plain loops.
local lfs = require "lfs"
local mb = require "moonbow"
local expect = require "support.expect"
local bytes = require "support.state_bytes"
local nn = mb.nn
local raises, close = expect.raises, expect.close

local function set_of(n, seed)
  local rng = mb.rng(seed or 1)
  local x, y = rng:normal(0, 1, n, 12, 1), {}
  for i = 1, n do y[i] = x[i][3][1] + x[i][8][1] > 0 and 2 or 1 end
  return { x = x, y = y }
end

local function small()
  return nn.Sequential { nn.Conv1d { filters = 3, kernel = 3, activation = "relu" }, nn.Flatten {},
    nn.Dense { units = 2 } }
end

local function fit(model, set, options)
  options.verbose = false
  options.epochs = options.epochs or 3
  return mb.fit(model, set, options)
end

describe("augmentation", function()
  local x = mb.rng(3):normal(0, 1, 200, 30, 2)

  it("shifts each spectrum by its own distance, all channels alike", function()
    local ramp = mb.arange(30):reshape(1, 30, 1) * mb.ones(200, 30, 2)
    local y = mb.augment(ramp, { { "shift", points = 3 } }, { seed = 1 })
    local moves = (y - ramp):slice(2, 10, 10):reshape(200, 20)
    close(moves:max(2), moves:min(2), 1e-4)
    local distance = moves:mean(2)
    assert.is_true(distance:min():item() < -2.9 and distance:max():item() > 2.9)
    assert.is_true(distance:abs():max():item() <= 3.0001)
    assert.near(0, distance:mean():item(), 0.4)
    assert.is_true(y:max():item() <= 30 and y:min():item() >= 1) -- the ends are repeated
  end)
  it("warps between knots, and leaves what it may not change", function()
    local ramp = mb.arange(29):reshape(1, 29, 1) * mb.ones(200, 29, 1)
    local moves = (mb.augment(ramp, { { "warp", points = 2, knots = 3, share = 0.5 } }) - ramp):reshape(200, 29)
    local changed = 0
    for i = 1, 200 do
      local row = moves[i]
      if row:abs():max():item() > 0 then
        changed = changed + 1
        assert.near((row[8] + row[12]) / 2, row[10], 1e-3) -- straight between points 1 and 15
        assert.near((row[18] + row[24]) / 2, row[21], 1e-3)
      end
    end
    assert.is_true(changed > 75 and changed < 125)
  end)
  it("adds noise of the size that was asked for", function()
    local noise = mb.augment(x, { { "noise", sd = 0.3 } }) - x
    assert.near(0.3, noise:std():item(), 0.01)
    assert.near(0, noise:mean():item(), 0.01)
    local ten = mb.augment(x * 10, { { "noise", sd = 0.1, relative = true } }) - x * 10
    assert.near(1, ten:std():item(), 0.05)
  end)
  it("scales, and adds straight baselines", function()
    local y = mb.augment(mb.ones(500, 3, 1), { { "scale", by = 0.2, offset = 1, slope = 0.5 } }):reshape(500, 3)
    local middle = y:slice(2, 2, 1)
    local rise = (y:slice(2, 3, 1) - y:slice(2, 1, 1)) / 2
    close((y:slice(2, 1, 1) + y:slice(2, 3, 1)) / 2, middle, 1e-5)
    assert.is_true(rise:abs():max():item() <= 0.5 and rise:abs():max():item() > 0.48)
    assert.is_true(middle:min():item() >= -0.2001 and middle:max():item() <= 2.2001 and middle:max():item() > 1.9)
  end)
  it("mixes spectra and labels in the same shares", function()
    local classes = {}
    for i = 1, 200 do classes[i] = i % 3 + 1 end
    local marked = mb.tensor(classes):reshape(200, 1, 1) * mb.ones(200, 4, 1)
    local y, soft = mb.augment(marked, { { "mix", alpha = 1 } }, { y = classes, classes = 3 })
    close(soft:sum(2), mb.ones(200), 1e-5)
    close(y:reshape(200, 4):mean(2), (soft * mb.tensor { 1, 2, 3 }):sum(2), 1e-5)
    assert.is_true(soft:max(2):min():item() < 0.6)
    local _, numbers = mb.augment(marked, { "mix" }, { y = marked:mean(2) })
    assert.same({ 200, 1 }, numbers:shape())
  end)
  it("is the same for a seed and any number of threads, other for another", function()
    local list = { { "shift", points = 2 }, { "warp", points = 1 }, { "noise", sd = 0.1 }, { "scale", by = 0.1 },
      "mix" }
    local threads = mb.threads()
    local one = mb.augment(x, list, { seed = { 1, 2 } }):tobytes()
    mb.threads(1)
    assert.equal(one, mb.augment(x, list, { seed = { 1, 2 } }):tobytes())
    mb.threads(threads)
    assert.not_equal(one, mb.augment(x, list, { seed = 2 }):tobytes())
  end)
  it("says what is wrong", function()
    raises("augment[1]: expected one of 'mix'", mb.augment, x, { "blur" })
    raises("points: expected a non-negative float32, got nil", mb.augment, x, { "shift" })
    raises("knots: expected at least 2, got 1", mb.augment, x, { { "warp", points = 1, knots = 1 } })
    raises("shift takes spectra (N, L, C), got tensor {2, 3}", mb.augment, mb.ones(2, 3), { { "shift", points = 1 } })
    raises("expected at least one of", mb.augment, x, {})
    raises("input: the set has only one", mb.augment, x, { { "shift", points = 1, input = "a" } })
  end)
  it("changes the batches of a training, each epoch anew, and never the set", function()
    local set, seen = set_of(20), {}
    local before = set.x:tobytes()
    fit(small(), set, { epochs = 2, batch_size = 20, shuffle = false, augment = function(batch, y, rng)
      local changed = batch + rng:normal(0, 1, batch:shape())
      seen[#seen + 1] = changed:tobytes()
      return changed, y
    end })
    assert.equal(2, #seen)
    assert.not_equal(seen[1], seen[2])
    assert.equal(before, set.x:tobytes())
    local one, other, again = small(), small(), small()
    fit(one, set, { augment = { { "noise", sd = 0.5 } }, seed = 1 })
    fit(again, set, { augment = { { "noise", sd = 0.5 } }, seed = 1 })
    fit(other, set, { seed = 1 })
    assert.equal(bytes(one), bytes(again))
    assert.not_equal(bytes(one), bytes(other))
  end)
  it("mixes classes in a training, and refuses it beside weights", function()
    local set = set_of(40)
    fit(small(), set, { augment = "mix" })
    set.weights = mb.ones(40)
    raises("'mix' mixes labels, which weights of rows", fit, small(), set, { augment = "mix" })
    raises("as many labels as spectra, 5, got 32", fit, small(), set_of(40), { augment = function(x_, y)
      return x_:narrow(1, 5), y
    end })
  end)
end)

describe("mix beside a loss of one's own", function()
  local x = mb.rng(1):normal(0, 1, 24, 12, 1)
  local function train(units, y, loss)
    local model, seen = nn.Sequential { nn.Flatten {}, nn.Dense { units = units } }, nil
    fit(model, { x = x, y = y }, { augment = "mix", epochs = 1, batch_size = 24, loss = function(output, labels)
      seen = labels
      return loss(output, labels)
    end })
    return seen
  end
  local function squares(output, y) return ((output - y:reshape(24, -1)) ^ 2):mean() end
  local classes, soft, temperatures = {}, mb.zeros(24, 3), {}
  for i = 1, 24 do
    classes[i], temperatures[i] = i % 3 + 1, 20 + i
    soft:set(i, classes[i], 1)
  end
  it("refuses class numbers, however they are given", function()
    local function cross_entropy(output, y) return output:cross_entropy(y:reshape(-1)) end
    for _, y in ipairs { classes, mb.tensor(classes), mb.tensor(classes):reshape(24, 1) } do
      raises("fit: augment: 'mix' cannot mix class numbers for a loss that is a function; give soft labels", train, 3,
        y, cross_entropy)
      raises("'mix' cannot mix class numbers", train, 2, y, squares) -- an embedding of 2 numbers, 3 classes
    end
  end)
  it("mixes soft labels and targets", function()
    close(mb.ones(24), train(3, soft, squares):sum(2), 1e-5)
    for _, y in ipairs { temperatures, mb.tensor(temperatures):reshape(24, 1) } do
      assert.is_true(train(1, y, squares):max():item() <= 44)
    end
    local numbers = mb.rng(2):normal(0, 1, 24)
    train(2, numbers, function(output, y) -- a mean and the logarithm of a variance for each spectrum
      local mean, log = output:slice(2, 1, 1), output:slice(2, 2, 1)
      return ((mean - y:reshape(24, 1)) ^ 2 / log:exp() + log):mean()
    end)
  end)
  it("needs the number of classes in mb.augment", function()
    for _, y in ipairs { classes, mb.tensor(classes) } do
      raises("augment: y: 'mix' cannot mix class numbers without the option classes", mb.augment, x, "mix", { y = y })
      local _, same = mb.augment(x, { { "noise", sd = 1 } }, { y = y })
      assert.same({ 24 }, same:shape())
      local _, mixed = mb.augment(x, "mix", { y = y, classes = 3 })
      assert.same({ 24, 3 }, mixed:shape())
    end
    for _, y in ipairs { soft, mb.tensor(temperatures):reshape(24, 1), mb.rng(2):normal(0, 1, 24) } do
      local _, mixed = mb.augment(x, "mix", { y = y })
      assert.same(y:shape(), mixed:shape())
    end
  end)
end)

describe("a function that augments", function()
  it("keeps the number of spectra if rows have weights", function()
    local set, options = set_of(30), { augment = function(x, y) return x:narrow(1, 3), y:narrow(1, 3) end, epochs = 1 }
    fit(small(), set, options)
    set.weights = mb.ones(30)
    raises("augment: expected 30 spectra, those of the batch, as their rows have weights, got 3", fit, small(), set,
      options)
  end)
end)

describe("labels of mb.augment", function()
  it("are one for each spectrum, and class numbers if there are classes", function()
    local x = mb.rand(4, 9, 1)
    local _, y = mb.augment(x, "mix", { y = { 1, 2, 3, 1 }, classes = 3 })
    close(mb.ones(4), y:sum(2), 1e-6)
    raises("augment: y: expected 4 labels, one per row, got 2", mb.augment, x, "mix", { y = { 1, 2 }, classes = 3 })
    raises("augment: y: expected 4 labels, one per spectrum, got 2", mb.augment, x, "mix", { y = { 1, 2 } })
    raises("row 2: expected a class number from 1 to 3", mb.augment, x, "mix", { y = { 1, 4, 1, 1 }, classes = 3 })
  end)
end)

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

describe("factors of the learning rate", function()
  it("hold for a layer, a tensor, or a container by name", function()
    local set = set_of(16)
    local function moved(factors)
      local model = nn.Sequential { nn.Sequential { name = "body", nn.Conv1d { filters = 2, kernel = 3 } },
        nn.Flatten {}, nn.Dense { units = 2 } }
      model:build({ 12, 1 }, mb.rng(1))
      local before = model:state()
      fit(model, set, { lr_factors = factors, epochs = 1, batch_size = 16, optimizer = mb.optim.SGD { lr = 0.1 } })
      local far = {}
      for name, value in pairs(model:state()) do far[name] = (value - before[name]):norm():item() end
      return far
    end
    local plain = moved(nil)
    local got = moved { body = 0, ["3"] = 0.5, ["3.bias"] = 2 }
    assert.equal(0, got["1.1.weight"])
    assert.near(plain["3.weight"] / 2, got["3.weight"], 1e-6)
    assert.near(plain["3.bias"] * 2, got["3.bias"], 1e-6)
    raises("fit lr_factors: no weights at '7'; there are 1.1.weight", moved, { ["7"] = 1 })
    raises("lr_factors['3']: expected a non-negative float32, got -1", moved, { ["3"] = -1 })
  end)
  it("are those of the deepest layer, however long its name is", function()
    local function moved(name, factors)
      local inner = nn.Sequential { name = "in", nn.Dense { units = 2 } }
      local model = nn.Sequential { nn.Sequential { name = name, nn.Flatten {}, inner }, nn.Dense { units = 2 },
        nn.Dense { units = 2 } }
      model:build({ 12, 1 }, mb.rng(1))
      model.layers[3].weight = model.layers[2].weight
      local before = model:state()
      fit(model, set_of(16), { lr_factors = factors, epochs = 1, optimizer = mb.optim.SGD { lr = 0.1 } })
      return function(tensor) return model:state()[tensor]:ne(before[tensor]):max():item() == 1 end
    end
    for _, name in ipairs { "encoder", "e", "enc" } do
      assert.is_true(moved(name, { [name] = 0, ["1.2"] = 1 }) "1.2.1.weight")
      assert.is_false(moved(name, { [name] = 1, ["1.2"] = 0 }) "1.2.1.weight")
      assert.is_false(moved(name, { [name] = 1, ["in"] = 0 }) "1.2.1.weight")
      assert.is_true(moved(name, { [name] = 0, ["in"] = 0, ["1.2.1.bias"] = 1 }) "1.2.1.bias")
      raises("lr_factors: expected one factor for 1.2.1.weight, got 0 from '1' and 2 from '" .. name
        .. "', which lie equally deep", moved, name, { ["1"] = 0, [name] = 2 })
      assert.is_false(moved(name, { ["1"] = 0, [name] = 0 }) "1.2.1.weight")
    end
    assert.is_false(moved("e", { ["3"] = 0 }) "2.weight") -- layer 3 shares it
  end)
end)

describe("frozen weights", function()
  local set = set_of(24)
  local function network()
    local model = nn.Sequential { nn.Sequential { name = "body", nn.Conv1d { filters = 3, kernel = 3 },
      nn.BatchNorm1d {} }, nn.Flatten {}, nn.Dense { units = 2 } }
    model:build({ 12, 1 }, mb.rng(1))
    return model
  end
  it("and the statistics of frozen batch norms stay in a training", function()
    local model = network():freeze "body"
    local before = model:state()
    assert.same({ "1.1.weight", "1.1.bias", "1.2.gamma", "1.2.beta" }, model:frozen_names())
    fit(model, set, { l2 = 0.1 })
    for name, value in pairs(model:state()) do
      local same = value:tobytes() == before[name]:tobytes()
      assert.equal(name:sub(1, 2) == "1.", same, name)
    end
    assert.matches("total: 80 parameters %(18 frozen%)", model:summary())
  end)
  it("are frozen in a file, too, until they are let go", function()
    local path = os.tmpname()
    local model = network():freeze("1.1", "3.bias")
    assert(mb.save(model, path))
    local loaded = mb.load(path)
    os.remove(path)
    assert.same({ "1.1.weight", "1.1.bias", "3.bias" }, loaded:frozen_names())
    local before = loaded:state()
    fit(loaded, set, {})
    assert.equal(before["1.1.weight"]:tobytes(), loaded:state()["1.1.weight"]:tobytes())
    assert.not_equal(before["1.2.gamma"]:tobytes(), loaded:state()["1.2.gamma"]:tobytes())
    loaded:unfreeze()
    assert.same({}, loaded:frozen_names())
    fit(loaded, set, {})
    assert.not_equal(before["1.1.weight"]:tobytes(), loaded:state()["1.1.weight"]:tobytes())
  end)
  it("are frozen in all places that share them", function()
    local shared = nn.Dense { units = 12 }
    local model = nn.Sequential { nn.Flatten {}, shared, nn.Sequential { nn.Dense { units = 12 } },
      nn.Dense { units = 2 } }
    model:build { 12, 1 }
    model.layers[3].layers[1].weight = shared.weight
    model:freeze "2.weight"
    assert.is_true(rawequal(model.layers[3].layers[1].weight, shared.weight))
    local before = shared.weight:tobytes()
    fit(model, set, {})
    assert.equal(before, shared.weight:tobytes())
  end)
  it("are let go, or frozen, by a callback, while the others go on as they were", function()
    local function train(before, change, options)
      local model, states = before(network()), {}
      options = options or {}
      options.epochs, options.optimizer = options.epochs or 4, mb.optim.Adam { lr = 0.05 }
      options.callbacks = { function(record, control)
        states[record.epoch] = control.model:state()
        if record.epoch == 2 then change(control.model) end
      end }
      fit(model, set, options)
      return states
    end
    local function same(model) return model end
    local function freeze(...)
      local names = { ... }
      return function(model) return model:freeze(table.unpack(names)) end
    end
    local function unfreeze(model) return model:unfreeze() end
    local function moves(states, name, epoch)
      return states[epoch][name]:tobytes() ~= states[epoch - 1][name]:tobytes()
    end
    for _, options in ipairs { {}, { ema = 0.5 }, { l2 = 0.1, clip_norm = 1 } } do
      local states = train(freeze "3", unfreeze, options)
      for epoch = 2, 4 do assert.equal(epoch > 2, moves(states, "3.weight", epoch)) end
    end
    local states = train(same, freeze("1", "3.bias"))
    for name in pairs(states[1]) do
      for epoch = 2, 4 do assert.equal(epoch == 2 or name == "3.weight", moves(states, name, epoch), name) end
    end
    -- The moments of the others stay: letting go what is not frozen changes no bit.
    local plain, again = train(same, same), train(same, unfreeze)
    for name, value in pairs(plain[4]) do assert.equal(value:tobytes(), again[4][name]:tobytes(), name) end
    raises("the model has no parameters to train: all are frozen", train, same, freeze())
    train(same, freeze(), { epochs = 2 }) -- no epoch follows
  end)
  it("are named, or refused", function()
    raises("freeze: no weights at 'head'; there are 1.1.weight, 1.1.bias", function() network():freeze "head" end)
    raises("freeze: the layer has no weights yet", function() small():freeze() end)
    raises("the model has no parameters to train: all are frozen or detached", fit, network():freeze(), set, {})
  end)
end)

describe("a partial load_state", function()
  it("takes what fits, and says what became of the rest", function()
    local from, into = small(), nn.Sequential { nn.Conv1d { filters = 3, kernel = 3 }, nn.Flatten {},
      nn.Dense { units = 5 }, nn.Dense { units = 2 } }
    from:build({ 12, 1 }, mb.rng(1))
    into:build({ 12, 1 }, mb.rng(2))
    local state, before = from:state(), into:state()
    state.more = mb.ones(1)
    local itself, report = into:load_state(state, { partial = true })
    assert.is_true(rawequal(into, itself))
    assert.same({ "1.weight", "1.bias" }, report.loaded)
    assert.same({ "3.weight", "3.bias" }, report.other_shape)
    assert.same({ "4.weight", "4.bias" }, report.missing)
    assert.same({ "more" }, report.unknown)
    assert.equal("2 tensors loaded; other shape: 3.weight, 3.bias; missing: 4.weight, 4.bias; unknown: more",
      tostring(report))
    assert.equal(state["1.weight"]:tobytes(), into:state()["1.weight"]:tobytes())
    assert.equal(before["3.weight"]:tobytes(), into:state()["3.weight"]:tobytes())
    raises("'3.weight': expected shape {30, 5}, got {30, 2}", function() into:load_state(from:state()) end)
  end)
end)

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
