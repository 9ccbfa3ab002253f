-- Augmentation: by hand and in a training, against plain loops; what "mix" takes for labels.
local mb = require "moonbow"
local expect = require "support.expect"
local small_training = require "support.small_training"
local bytes = require "support.state_bytes"
local nn = mb.nn
local raises, close = expect.raises, expect.close
local set_of, small, fit = small_training.set_of, small_training.network, small_training.fit

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
