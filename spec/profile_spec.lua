-- mb.profile: its sums are consistent, and it leaves the model as it was. No spec depends on a time.
local mb = require "moonbow"
local nn = mb.nn

local function small()
  local model = nn.Sequential {
    nn.Conv1d { filters = 4, kernel = 3, padding = "same", activation = "tanh" }, nn.BatchNorm1d {},
    nn.Residual { nn.Sequential { nn.Conv1d { filters = 4, kernel = 5, padding = "same" } } },
    nn.Flatten {}, nn.Dropout { rate = 0.5 }, nn.Dense { units = 2 },
  }
  model:build({ 16, 1 }, mb.rng(1))
  return model
end

local x, y = mb.rand(mb.rng(2), 8, 16, 1), { 1, 2, 1, 2, 1, 2, 1, 2 }

local function row_of(report, layer, operation, pass)
  for _, row in ipairs(report.rows) do
    if row.layer == layer and row.operation == operation and row.pass == pass then return row end
  end
end

local function sum(rows, field)
  local total = 0
  for _, row in ipairs(rows) do total = total + row[field] end
  return total
end

local function assert_near(expected, value)
  assert.is_true(math.abs(value - expected) <= 1e-9 * math.abs(expected))
end

describe("a profile", function()
  it("adds up, in rows, by layer, by operation and by phase", function()
    local report = mb.profile(small(), x, y)
    for _, rows in ipairs { report.rows, report.layers, report.operations } do
      assert_near(report.seconds, sum(rows, "seconds"))
      assert_near(1, sum(rows, "share"))
      assert_near(sum(report.rows, "flops"), sum(rows, "flops"))
      assert_near(sum(report.rows, "calls"), sum(rows, "calls"))
    end
    local phases = report.phases
    assert_near(report.seconds, phases.forward + phases.backward + phases.optimizer)
    assert_near(report.samples_per_second, 8 / report.seconds)
  end)
  it("places every operation in its layer, in either pass", function()
    local report = mb.profile(small(), x, y)
    for _, place in ipairs {
      { "1", "conv1d" }, { "1", "tanh" }, { "2", "batch_norm" }, { "3.1.1", "conv1d" }, { "3", "add" },
      { "4", "reshape" }, { "5", "dropout" }, { "6", "dense" }, { "loss", "cross_entropy" },
    } do
      for _, pass in ipairs { "forward", "backward" } do
        local row = row_of(report, place[1], place[2], pass)
        assert.is_truthy(row, table.concat(place, " ") .. " " .. pass)
        assert.equal(1, row.calls)
      end
    end
    assert.equal(2 * 9 + 1 + 2, #report.rows)
    assert.equal("Conv1d", row_of(report, "3.1.1", "conv1d", "forward").type)
  end)
  it("counts the work that was done: no gradient of the spectra, two gradients for later layers", function()
    local report = mb.profile(small(), x, y)
    local first, second, dense = 2 * 8 * 16 * 3 * 4, 2 * 8 * 16 * 5 * 4 * 4, 2 * 8 * 64 * 2
    assert.equal(first, row_of(report, "1", "conv1d", "forward").flops)
    assert.equal(first, row_of(report, "1", "conv1d", "backward").flops)
    assert.equal(second, row_of(report, "3.1.1", "conv1d", "forward").flops)
    assert.equal(2 * second, row_of(report, "3.1.1", "conv1d", "backward").flops)
    assert.equal(dense, row_of(report, "6", "dense", "forward").flops)
    assert.equal(2 * dense, row_of(report, "6", "dense", "backward").flops)
    assert.equal(2 * (first + second * 1.5 + dense * 1.5), sum(report.rows, "flops"))
  end)
  it("counts the bytes of tensors, and none for views", function()
    local report = mb.profile(small(), x, y)
    assert.equal(4 * (8 * 16 + 3 * 4 + 4 + 8 * 16 * 4), row_of(report, "1", "conv1d", "forward").bytes)
    -- The gradient of the result, of weights and of bias.
    assert.equal(4 * (8 * 16 * 4 + 3 * 4 + 4), row_of(report, "1", "conv1d", "backward").bytes)
    assert.equal(4 * 2 * 8 * 16 * 4, row_of(report, "1", "tanh", "forward").bytes)
    assert.equal(0, row_of(report, "4", "reshape", "forward").bytes)
  end)
  it("of an inference has a forward pass only", function()
    local report = mb.profile(small(), x)
    for _, row in ipairs(report.rows) do assert.equal("forward", row.pass) end
    assert.is_nil(report.phases.backward)
    assert.is_nil(row_of(report, "5", "dropout", "forward"))
    assert_near(report.seconds, sum(report.rows, "seconds"))
  end)
  it("averages over its steps", function()
    for _, steps in ipairs { 1, 4 } do
      local report = mb.profile(small(), x, y, { steps = steps })
      assert.equal(1, row_of(report, "1", "conv1d", "forward").calls)
    end
  end)
  it("counts an operation of one's own as one, whatever it calls", function()
    local square = mb.operation("square", function(a)
      return (a * a):abs(), function(dy) return dy * a * 2 end
    end)
    local twice = nn.Lambda { function(a) return square(square(a)) end }
    local model = nn.Sequential { nn.Dense { units = 2 }, twice }
    local report = mb.profile(model, mb.rand(mb.rng(1), 3, 5), { 1, 2, 1 })
    for _, pass in ipairs { "forward", "backward" } do
      assert.equal(2, row_of(report, "2", "square", pass).calls)
      assert.is_nil(row_of(report, "2", "mul", pass))
    end
  end)
  it("fits losses other than the default", function()
    local inputs, targets = mb.rand(mb.rng(1), 3, 5), mb.ones(3, 1)
    local report = mb.profile(nn.Dense { units = 1 }, inputs, targets, { loss = "mse" })
    assert.is_truthy(row_of(report, "loss", "mse", "backward"))
    assert.is_truthy(row_of(report, "1", "dense", "backward"))
  end)
  it("prints a table by layer and one by operation", function()
    local text = tostring(mb.profile(small(), x, y))
    assert.matches("^training step of Sequential, batch 8, mean of 3: [%d.]+ ms, [%d.]+ samples/s", text)
    assert.matches("\n3%.1%.1 +Conv1d +[%d.]+ +[%d.]+ %%", text)
    assert.matches("\nconv1d +backward +2 ", text)
    assert.matches("^inference of Sequential", tostring(mb.profile(small(), x)))
  end)
end)

describe("profiling leaves", function()
  it("weights, statistics, gradients, mode and generator as they were", function()
    local model, twin = small(), small()
    model:set_rng(mb.rng(5))
    twin:set_rng(mb.rng(5))
    local gradient = mb.ones(2)
    model.layers[6].bias.grad = gradient
    mb.profile(model, x, y)
    mb.profile(model, x)
    assert.is_false(model.training)
    assert.is_true(rawequal(gradient, model.layers[6].bias.grad))
    assert.is_nil(model.layers[6].weight.grad)
    local state = model:state()
    for name, value in pairs(twin:state()) do
      assert.is_true((state[name]:allclose(value, { relative = 0, absolute = 0 })), name)
    end
    assert.is_true(model:train()(x):allclose(twin:train()(x), { relative = 0, absolute = 0 }))
  end)
  it("nothing changed after an error", function()
    local model = small()
    model:train()
    assert.error_matches(function() mb.profile(model, x, { 1, 2, 1, 2, 1, 2, 1, 9 }) end, "cross_entropy")
    assert.is_true(model.training)
    local failing = nn.Lambda { function() error "broken" end }
    assert.error_matches(function() mb.profile(failing, x) end, "broken")
    local loss = model(x):cross_entropy(y)
    loss:backward()
    assert.is_truthy(model.layers[6].weight.grad)
  end)
end)

describe("profile refuses", function()
  it("invalid arguments", function()
    local function refuses(message, ...)
      local arguments = { ... }
      assert.error_matches(function() mb.profile(table.unpack(arguments)) end, message)
    end
    refuses("profile: model: expected a layer, got 3", 3, x)
    refuses("profile: x: expected a tensor, got 3", small(), 3)
    refuses("profile: y: expected a tensor or a table, got 3", small(), x, 3)
    refuses("profile: y: expected 8 labels, one per row, got 2", small(), x, { 1, 2 })
    refuses("profile: y: row 2: expected", small(), x, { 1, "x", 1, 2, 1, 2, 1, 2 })
    refuses("unknown option 'step'; did you mean 'steps'", small(), x, y, { step = 1 })
    refuses("steps: expected a positive integer, got 0", small(), x, y, { steps = 0 })
    refuses("optimizer: expected one of mb.optim, got a table", small(), x, y, { optimizer = {} })
  end)
end)
