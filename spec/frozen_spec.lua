-- Factors of learning rates, frozen weights, and states that fit in part.
local mb = require "moonbow"
local expect = require "support.expect"
local small_training = require "support.small_training"
local nn = mb.nn
local raises = expect.raises
local set_of, small, fit = small_training.set_of, small_training.network, small_training.fit

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
    raises('fit: lr_factors: expected names of layers as keys, as in { ["1"] = 0.1 }, got the key 1', moved, { 0.1 })
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
