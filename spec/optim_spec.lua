-- Optimisers: the state that they keep of parameters, and refusals.
local mb = require "moonbow"
local nn = mb.nn

-- A training step on w^2 x with x = 1, whose gradient is 2 w.
local function step(optimizer, w)
  (w * w):sum():backward()
  optimizer:step { { name = "w", value = w } }
end

describe("an optimiser used again", function()
  it("starts to count steps anew for another model", function()
    for name in pairs { Adam = 1, AdamW = 1, RMSprop = 1, Lion = 1 } do
      local used, first = mb.optim[name] { lr = 0.1 }, mb.tensor({ 5 }):param()
      for _ = 1, 20 do step(used, first) end
      local a, b = mb.tensor({ 3 }):param(), mb.tensor({ 3 }):param()
      step(used, a)
      step(mb.optim[name] { lr = 0.1 }, b)
      assert.equal(b:item(), a:item(), name)
    end
  end)
  it("continues with the moments of the same parameter", function()
    local function run(pauses)
      local optimizer, w, other = mb.optim.Adam { lr = 0.1 }, mb.tensor({ 5 }):param(), mb.tensor({ 1 }):param()
      for _ = 1, 5 do
        step(optimizer, w)
        if pauses then step(optimizer, other) end
      end
      return w:item()
    end
    assert.equal(run(false), run(true))
  end)
  it("counts the steps of a parameter from its first gradient", function()
    local optimizer, a, late = mb.optim.Adam { lr = 0.1 }, mb.tensor({ 5 }):param(), mb.tensor({ 3 }):param()
    local fresh = mb.tensor({ 3 }):param()
    for _ = 1, 10 do step(optimizer, a) end
    local list = { { name = "a", value = a }, { name = "late", value = late } }
    ;(a * a + late * late):sum():backward()
    optimizer:step(list)
    step(mb.optim.Adam { lr = 0.1 }, fresh)
    assert.equal(fresh:item(), late:item())
  end)
  it("has its learning rate back after fit, however fit ends", function()
    local x, y = mb.randn(mb.rng(1), 6, 4), { 1, 2, 1, 2, 1, 2 }
    local optimizer = mb.optim.SGD { lr = 0.5 }
    local rates = {}
    for fold = 1, 3 do
      local history = mb.fit(nn.Dense { units = 2 }, { x = x, y = y }, { epochs = 4, optimizer = optimizer,
        schedule = { "cosine" }, verbose = false })
      rates[fold] = history[1].lr
      assert.equal(0.5, optimizer.lr)
    end
    assert.same({ 0.5, 0.5, 0.5 }, rates)
    assert.error_matches(function()
      mb.fit(nn.Dense { units = 2 }, { x = x, y = y }, { epochs = 4, optimizer = optimizer, verbose = false,
        schedule = { "step", every = 1 }, callbacks = { function(record)
          if record.epoch == 2 then error "stop" end
        end } })
    end, "stop")
    assert.equal(0.5, optimizer.lr)
  end)
  it("continues with another's state, which is kept for each parameter", function()
    local function run(pause)
      local optimizer, a, b = mb.optim.Adam { lr = 0.1 }, mb.tensor({ 5 }):param(), mb.tensor({ 3 }):param()
      local list = { { name = "a", value = a }, { name = "b", value = b } }
      for i = 1, 8 do
        if i == pause then
          local moments, steps = optimizer:state(list)
          assert.same({ a = pause - 1, b = pause - 4 }, steps)
          optimizer = mb.optim.Adam { lr = 0.1 }
          optimizer:load_state(list, moments, steps)
        end
        local loss = (a * a):sum()
        if i > 3 then loss = loss + (b * b):sum() end
        loss:backward()
        optimizer:step(list)
      end
      return { a:item(), b:item() }
    end
    assert.same(run(), run(6))
  end)
end)

describe("an optimiser", function()
  it("takes the steps that its formula gives", function()
    local function two_steps(optimizer)
      local w = mb.tensor({ 5 }):param()
      step(optimizer, w)
      local first = w:item()
      step(optimizer, w)
      return first, w:item()
    end
    local first, second = two_steps(mb.optim.Lion { lr = 0.25, weight_decay = 0.2 })
    assert.near(5 - 0.25 * (1 + 0.2 * 5), first, 1e-6)
    assert.near(first - 0.25 * (1 + 0.2 * first), second, 1e-6)
    first, second = two_steps(mb.optim.RMSprop { lr = 0.1, rho = 0.5, epsilon = 1e-3, momentum = 0.5 })
    local v, m = 0.5 * 100, 10 / (math.sqrt(50) + 1e-3)
    assert.near(5 - 0.1 * m, first, 1e-5)
    v = 0.5 * v + 0.5 * 4 * first ^ 2
    m = 0.5 * m + 2 * first / (math.sqrt(v) + 1e-3)
    assert.near(first - 0.1 * m, second, 1e-5)
  end)
  it("multiplies the learning rate of a parameter by its factor", function()
    for name in pairs { SGD = 1, Adam = 1, RMSprop = 1, Lion = 1 } do
      local optimizer, a, b, c = mb.optim[name] { lr = 0.1 }, mb.tensor({ 3 }):param(), mb.tensor({ 3 }):param(),
        mb.tensor({ 3 }):param()
      ;(a * a + b * b + c * c):sum():backward()
      optimizer:step { { name = "a", value = a }, { name = "b", value = b, lr_factor = 0.5 },
        { name = "c", value = c, lr_factor = 0 } }
      assert.near((3 - a:item()) / 2, 3 - b:item(), 1e-6)
      assert.equal(3, c:item())
      assert.equal(0.1, optimizer.lr)
    end
  end)
end)

describe("an optimiser's state", function()
  it("does not change with later steps of either optimiser", function()
    local a, b = mb.optim.Adam {}, mb.optim.Adam {}
    local w = mb.tensor({ 3 }):param()
    local list = { { name = "w", value = w } }
    step(a, w)
    local moments, steps = a:state(list)
    local first = moments["1.w"]:item()
    b:load_state(list, moments, steps)
    step(a, w)
    step(b, w)
    assert.equal(first, moments["1.w"]:item())
    assert.same({ w = 1 }, steps)
  end)
  it("is refused if it is invalid, and nothing changes", function()
    local a = mb.optim.Adam {}
    local list = { { name = "w", value = mb.tensor({ 3 }):param() } }
    step(a, list[1].value)
    local function refuses(message, ...)
      local ok, text = pcall(a.load_state, a, ...)
      assert.is_false(ok)
      assert.equal(message, text:match "load_state: (.*)")
      assert.same({ w = 1 }, select(2, a:state(list)))
    end
    local moments = a:state(list)
    refuses("moments: expected a table, got nil", list)
    refuses("steps: expected a table, got 5", list, moments, 5)
    refuses("steps of 'w': expected a positive integer, got 1.5", list, moments, { w = 1.5 })
    refuses("moment '1.w': expected a tensor of shape {1}, got nil", list, {}, { w = 1 })
    refuses("moment '2.w': expected a tensor of shape {1}, got tensor {2}", list,
      { ["1.w"] = mb.ones(1), ["2.w"] = mb.ones(2) }, { w = 1 })
    refuses("parameters[1]: expected { name = string, value = tensor }, got 3", { 3 }, moments, {})
    refuses("parameters[1]: expected { name = string, value = tensor }, got a table", { { value = mb.ones(1) } },
      moments, {})
    assert.error_matches(function() a:state(5) end, "state: parameters: expected a table, got 5$")
  end)
end)

describe("a parameter that is listed twice", function()
  it("is moved once", function()
    for _, optimizer in ipairs { mb.optim.SGD { lr = 0.1, momentum = 0.9 }, mb.optim.Adam { lr = 0.1 } } do
      local w, once = mb.tensor({ 1 }):param(), mb.tensor({ 1 }):param()
      local entry = { name = "w", value = w }
      for _ = 1, 3 do
        (w * w):sum():backward()
        optimizer:step { entry, entry }
        step(optimizer, once)
      end
      assert.equal(once:item(), w:item())
    end
  end)
end)

describe("optimisers refuse", function()
  local function refuses(message, f, ...)
    local arguments = { ... }
    assert.error_matches(function() f(table.unpack(arguments)) end, message, nil, true)
  end
  it("decay rates, momenta and learning rates out of their range", function()
    refuses("Adam: beta1: expected a number of at least 0 and below 1, got 1", mb.optim.Adam, { beta1 = 1 })
    refuses("AdamW: beta2: expected", mb.optim.AdamW, { beta2 = 1 })
    refuses("Adam: lr: expected a positive float32, got NaN", mb.optim.Adam, { lr = 0 / 0 })
    refuses("Adam: epsilon: expected", mb.optim.Adam, { epsilon = 0 })
    refuses("SGD: momentum: expected a number from 0 to 1, got -1", mb.optim.SGD, { momentum = -1 })
    refuses("SGD: weight_decay: expected a non-negative float32, got inf", mb.optim.SGD, { weight_decay = math.huge })
  end)
  it("Nesterov's momentum without a momentum", function()
    refuses("SGD: nesterov: expected a momentum above 0 beside it, got 0", mb.optim.SGD, { nesterov = true })
  end)
  it("a learning rate that was set to an invalid value later", function()
    local w = mb.tensor({ 1 }):param()
    for _, lr in ipairs { 0 / 0, -1, math.huge, "fast", false } do
      local optimizer = mb.optim.Adam {}
      optimizer.lr = lr
      refuses("step: lr: expected a non-negative float32, got ", step, optimizer, w)
    end
    refuses("SGD: has no field 'learning_rate'; lr may be set", function()
      mb.optim.SGD {}.learning_rate = 3
    end)
  end)
  it("a model, nothing, or tensors where they take model:parameters()", function()
    local optimizer, model = mb.optim.SGD {}, nn.Sequential { nn.Dense { units = 1 } }
    refuses("step: parameters: expected the list from model:parameters() of a built model, got a Sequential",
      optimizer.step, optimizer, model)
    refuses("of a built model, got none", optimizer.step, optimizer, model:parameters())
    refuses("step: parameters[1]: expected { name = string, value = tensor }, got tensor {2}", optimizer.step,
      optimizer, { mb.ones(2) })
  end)
end)
