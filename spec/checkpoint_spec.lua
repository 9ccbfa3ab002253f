-- Killed trainings resume bit for bit; checkpoints of another training are refused; schedules and early
-- stopping as in Keras.
local lfs = require "lfs"
local mb = require "moonbow"
local interpreter = require "support.interpreter"
local temporary_folder = require "support.temporary_folder"

local root = temporary_folder()
teardown(function() os.execute("rm -r " .. root) end)

local function run(folder, place, number)
  return os.execute(("%s spec/support/killed_training.lua %s/%s %s %s 2>/dev/null"):format(interpreter,
    root, folder,
    place or "", number or ""))
end

local function outcome(folder)
  local tensors = assert(mb.safetensors.read(("%s/%s/model.safetensors"):format(root, folder)))
  local bytes, names = {}, {}
  for name in pairs(tensors) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do bytes[i] = name .. tensors[name]:tobytes() end
  local history = assert(io.open(("%s/%s/history.json"):format(root, folder))):read "a"
  return table.concat(bytes), require("cjson").decode(history)
end

-- Changes the state in a checkpoint, as an earlier version would have written it.
local function rewrite(path, change)
  local tensors, metadata = assert(mb.safetensors.read(path))
  local state = require "moonbow.io.json".decode(metadata.training)
  change(state)
  local text = assert(require "moonbow.io.json".encode(state))
  assert(require "moonbow.io.safetensors".write(path, tensors, { training = text }))
end

describe("a training that was killed", function()
  local weights, history
  setup(function()
    assert(run "whole")
    weights, history = outcome "whole"
  end)
  it("has weights that differ from the first ones", function()
    assert.equal("early_stopping", history.stopped)
    assert.is_true(#history.records > 6 and history.best_epoch == #history.records - 4)
    assert.is_true(tonumber(history.records[#history.records].lr) < 0.02)
  end)
  for _, moment in ipairs { { "batch", 3 }, { "batch", 31 }, { "checkpoint", 1 }, { "checkpoint", 70 },
    { "rename", 4 },
    { "renamed", 3 }, { "save", 1 }, { "save", 5 } } do
    local place, number = table.unpack(moment)
    it(("ends the same after SIGKILL at %s %d"):format(place, number), function()
      local folder = place .. number
      local _, how, code = run(folder, place, number)
      assert.is_true(how == "signal" and code == 9 or how == "exit" and code == 137, "was not killed there")
      assert.is_nil(lfs.attributes(("%s/%s/history.json"):format(root, folder)))
      assert(run(folder))
      local back, again = outcome(folder)
      assert.is_true(weights == back)
      assert.same(history, again)
    end)
  end
end)

describe("checkpoints", function()
  local nn = mb.nn
  local function fit(folder, options, set)
    local model = nn.Sequential { nn.Flatten {}, nn.Dropout { rate = 0.5 }, nn.Dense { units = 2 } }
    set = set or mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }
    options.verbose, options.checkpoint = false, folder and root .. "/" .. folder
    options.epochs, options.validation = options.epochs or 3, set.validation
    local history = mb.fit(model, set.train, options)
    return model.layers[3].weight, history
  end
  it("of a finished training load it, and allow more epochs", function()
    local whole, history = fit(nil, { epochs = 6 })
    fit("more", { epochs = 4 })
    local weights, again = fit("more", { epochs = 6 })
    assert.equal(whole, weights)
    assert.equal(6, #again)
    for epoch = 1, 6 do assert.equal(history[epoch].val_loss, again[epoch].val_loss) end
    assert.equal(whole, (fit("more", { epochs = 6 })))
  end)
  it("of more epochs than are asked for are refused", function()
    fit("fewer", { epochs = 4 })
    assert.error_matches(function() fit("fewer", { epochs = 1 }) end, "fit: checkpoint: .*/fewer/checkpoint.safetensors"
      .. ": expected at most 1 epoch, those that were asked for, got 4; ask for more, take another folder or remove it")
    assert.equal(4, #select(2, fit("fewer", { epochs = 4 })))
    local stopped = { epochs = 9, early_stopping = { patience = 1, min_delta = 9 } }
    local count = #select(2, fit("stopped", stopped))
    assert.is_true(count < 9)
    for _, epochs in ipairs { 9, count } do
      stopped.epochs = epochs
      assert.equal(count, #select(2, fit("stopped", stopped)))
    end
  end)
  it("are written every n-th epoch and at the end", function()
    local path, found = root .. "/some/deep/checkpoint.safetensors", {}
    fit(nil, { epochs = 1 })
    local set = mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }
    mb.fit(nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }, set.train, {
      epochs = 5, verbose = false, checkpoint = { folder = root .. "/some/deep", every = 2 },
      callbacks = { function(record)
        local tensors, metadata = mb.safetensors.read(path)
        found[record.epoch] = tensors and #require("cjson").decode(metadata.training).records or 0
      end },
    })
    assert.same({ 0, 0, 2, 2, 4 }, found)
    assert.equal(5, #require("cjson").decode(select(2, mb.safetensors.read(path)).training).records)
  end)
  it("wait until the given seconds have passed", function()
    local path, found = root .. "/slow/checkpoint.safetensors", {}
    local set = mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }
    mb.fit(nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }, set.train, {
      epochs = 3, verbose = false, checkpoint = { folder = root .. "/slow", seconds = 1000 },
      callbacks = { function() found[#found + 1] = lfs.attributes(path) ~= nil end },
    })
    assert.same({ false, false, false }, found)
    assert.is_table(lfs.attributes(path))
  end)
  it("keep SGD's velocity", function()
    local function options(epochs) return { epochs = epochs, optimizer = mb.optim.SGD { lr = 0.1,
      momentum = 0.9 } } end
    local whole = fit(nil, options(4))
    fit("sgd", options(2))
    assert.equal(whole, (fit("sgd", options(4))))
  end)
  it("know what callbacks have frozen and let go", function()
    local set = mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }
    local function train(epochs, folder, model)
      model = model or nn.Sequential { nn.Conv1d { filters = 2, kernel = 5 }, nn.Flatten {}, nn.Dense { units = 2 } }
      if not model.input_shape then
        model:build({ 160, 1 }, mb.rng(1))
        model:freeze "1"
      end
      mb.fit(model, set.train, { epochs = epochs, verbose = false, checkpoint = folder and root .. "/" .. folder,
        callbacks = { function(record, control)
          if record.epoch == 2 then control.model:unfreeze "1":freeze "3.bias" end
        end } })
      return model
    end
    local whole = train(5)
    for _, first in ipairs { 1, 2, 3, 5 } do
      local folder = "frozen" .. first
      local model = train(first, folder)
      local again = train(5, folder)
      assert.same(whole:state(), again:state())
      assert.same({ "3.bias" }, again:frozen_names())
      assert.same(whole:state(), train(5, folder, model):state()) -- with the marks that the callback left
      assert.same(whole:state(), train(5, folder):state())
    end
  end)
  it("of a schedule that is told the number of steps allow no more epochs", function()
    for name, schedule in pairs { counts = function(step, steps, lr) return lr * (1 - step / (steps + 1)) end,
      any = function(...) return 0.01 / select(2, ...) end, cosine = { "cosine" } } do
      fit(name, { epochs = 2, schedule = schedule })
      fit(name, { epochs = 2, schedule = schedule })
      assert.error_matches(function() fit(name, { epochs = 4, schedule = schedule }) end,
        "another schedule %(.* over 2 epochs, now .* over 4 epochs%)")
    end
    local function of_step(step) return 0.01 / step end
    local whole = fit(nil, { epochs = 4, schedule = of_step })
    fit("step", { epochs = 2, schedule = of_step })
    assert.equal(whole, (fit("step", { epochs = 4, schedule = of_step })))
  end)
  it("of earlier versions, which do not say how many epochs such a schedule is for, resume", function()
    local function schedule(_, steps) return 0.1 / steps end
    fit("earlier", { epochs = 2, schedule = schedule })
    rewrite(root .. "/earlier/checkpoint.safetensors", function(state)
      state.identity.schedule, state.began = "a function", nil
    end)
    assert.equal(4, #select(2, fit("earlier", { epochs = 4, schedule = schedule })))
    assert.error_matches(function() fit("earlier", { epochs = 4 }) end, "another schedule %(a function, now nil%)")
  end)
  it("of another training are refused", function()
    fit("mine", {})
    local function refuses(message, options, set)
      assert.error_matches(function() fit("mine", options, set) end, message)
    end
    refuses("of a training with another batch_size %(32, now 16%); take another folder", { batch_size = 16 })
    refuses("another seed %(0, now 1%)", { seed = 1 })
    refuses("another optimizer", { optimizer = mb.optim.Adam { lr = 1 } })
    refuses("another schedule %(nil, now {%[1%] = \"cosine\"} over 3 epochs%)", { schedule = { "cosine" } })
    refuses("another l2 %(0, now 0.1%)", { l2 = 0.1 })
    refuses("another schedule", { schedule = { "step", every = 1 } })
    refuses("another data", {}, mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160,
      seed = 9 })
    assert.error_matches(function()
      mb.fit(nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } },
        mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }.train, { epochs = 3,
          verbose = false,
          checkpoint = root .. "/mine" })
    end, "another")
  end)
  it("of another network that holds functions are refused", function()
    local set = mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }
    local function train(rate, f)
      local model = nn.Sequential { nn.Flatten {}, nn.Lambda { f }, nn.Dropout { rate = rate },
        nn.Dense { units = 2, initializer = function() return mb.zeros(160, 2) end } }
      mb.fit(model, set.train, { epochs = 2, verbose = false, checkpoint = root .. "/functions" })
      return model:state()
    end
    local first = train(0.5, function(x) return x end)
    assert.same(first, train(0.5, function(x) return x * 1 end)) -- what is inside functions is not compared
    assert.error_matches(function() train(0.25, function(x) return x end) end, "of a training with another model")
    rewrite(root .. "/functions/checkpoint.safetensors", function(state)
      state.identity.model, state.began, state.model = "holds functions", nil, nil
    end)
    assert.same(first, train(0.5, function(x) return x end))
  end)
  it("of weights by the names of classes know the order of these", function()
    local set = mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }
    local function train(...)
      fit("names", { class_weights = { one = 3 } }, { train = { x = set.train.x, y = set.train.y, classes = { ... } },
        validation = { x = set.validation.x, y = set.validation.y } })
    end
    train("one", "other")
    train("one", "other")
    assert.error_matches(function() train("other", "one") end, "another class_weights")
  end)
  it("of other data, in any bit or order, or another rate are refused by name", function()
    local x, y = mb.randn(mb.rng(1), 12, 6, 1), {}
    for i = 1, 12 do y[i] = i % 2 + 1 end
    local function labels(list) return mb.tensor(list or y) end
    local function train(changes)
      changes = changes or {}
      local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2, initializer = "ones" } }
      local optimizer = changes.optimizer or mb.optim.SGD { lr = 0.1, momentum = 0.9 }
      if changes.lr then optimizer.lr = changes.lr end
      mb.fit(model, { x = changes.x or x, y = changes.y or labels() }, { epochs = 2, verbose = false,
        optimizer = optimizer, checkpoint = root .. "/data",
        validation = { x = changes.vx or x, y = changes.vy or y } })
    end
    train()
    train()
    train { y = y, vy = labels() } -- the same labels, as a table and as a tensor
    local function refuses(changes, message)
      assert.error_matches(function() train(changes) end, "of a training with another " .. message)
    end
    local swapped = mb.tensor(y)
    swapped:set(1, y[2])
    swapped:set(2, y[1])
    local columns = {}
    for i = 1, 12 do
      columns[i] = x[i]:totable()
      columns[i][1], columns[i][2] = columns[i][2], columns[i][1]
    end
    local bit = x * 1
    bit:set(3, 3, 1, bit:get(3, 3, 1) + 1e-6)
    refuses({ x = -x }, "data%.x")
    refuses({ x = mb.tensor(columns) }, "data%.x")
    refuses({ x = x * -1, y = swapped }, "data%.x")
    refuses({ x = bit }, "data%.x")
    refuses({ y = swapped }, "data%.y")
    refuses({ vx = -x }, "validation%.x")
    refuses({ vy = swapped }, "validation%.y")
    refuses({ lr = 0.05 }, "optimizer%.lr %(0%.1.*, now 0%.05")
    refuses({ optimizer = mb.optim.SGD { lr = 0.1, momentum = 0.8 } }, "optimizer%.momentum %(0%.9.*, now 0%.8")
    refuses({ optimizer = mb.optim.SGD { lr = 0.1, momentum = 0.9, nesterov = true } }, "optimizer%.nesterov")
    refuses({ optimizer = mb.optim.Adam { lr = 0.1 } }, "optimizer")
    train()
  end)
  it("are equal bytes whenever a training is repeated", function()
    local path = "/checkpoint.safetensors"
    for _, folder in ipairs { "one", "two" } do fit(folder, { epochs = 2 }) end
    local function read(folder)
      local tensors, metadata = assert(mb.safetensors.read(root .. "/" .. folder .. path))
      return tensors, (metadata.training:gsub('"seconds":[^,}]*', ""))
    end
    local one, text = read "one"
    local two, again = read "two"
    assert.equal(text, again)
    for name, tensor in pairs(one) do assert.equal(tensor, two[name]) end
  end)
  it("of one folder belong to one training at a time", function()
    fit("shared", { epochs = 1 })
    local inner
    fit("shared", { epochs = 2, callbacks = { function()
      inner = select(2, pcall(fit, "shared", { epochs = 2 }))
    end } })
    assert.matches("fit: checkpoint: .*/shared: another training is at work in this folder", inner)
    assert.error_matches(function()
      fit("shared", { epochs = 3, callbacks = { function() error "mine" end } })
    end, "mine")
    fit("shared", { epochs = 4 }) -- the error released the lock
    assert.is_nil(lfs.attributes(root .. "/shared/checkpoint.lock"))
    local locked = root .. "/shared/checkpoint.lock"
    assert(io.open(locked, "w")):close() -- as a killed process leaves it
    fit("shared", { epochs = 5 })
  end)
  it("that were damaged change nothing and are refused by name", function()
    local safetensors = require "moonbow.io.safetensors"
    local path = root .. "/damaged/checkpoint.safetensors"
    fit("damaged", { epochs = 1 })
    local tensors, metadata = assert(mb.safetensors.read(path))
    local function refuses(change, message)
      local state = require "moonbow.io.json".decode(metadata.training)
      local changed = {}
      for name, tensor in pairs(tensors) do changed[name] = tensor end
      change(state, changed)
      local text = assert(require "moonbow.io.json".encode(state))
      assert(safetensors.write(path, changed, { training = text }))
      assert.error_matches(function() fit("damaged", { epochs = 2 }) end, message)
    end
    local function without(name) return function(state) state[name] = nil end end
    for _, name in ipairs { "records", "rng", "lr", "steps", "schedule", "identity", "waited" } do
      refuses(without(name), name)
    end
    refuses(function(state) state.records = { 5 } end, "records: expected a table, got 5")
    refuses(function(state) state.records[1].loss = "low" end, "records%[1%]%.loss: expected a number")
    refuses(function(state) state.records[1].epoch = 2 end, "epoch 1 is missing")
    refuses(function(state) state.rng = "pcg64:0" end, "rng: expected the state of a generator, got 'pcg64:0'")
    refuses(function(state) state.waited = "long" end, "waited: expected an integer")
    refuses(function(_, all) all["model.3.weight"] = nil end, "holds no model%.3%.weight")
    refuses(function(_, all) all["model.3.weight"] = mb.ones(2, 2) end, "expected shape {160, 2}, got {2, 2}")
    refuses(function(_, all) all["optimizer.1.3.weight"] = mb.ones(1) end, "optimizer%.1%.3%.weight: expected shape")
    refuses(function(_, all) all["optimizer.1.3.weight"] = nil end,
      "^fit: checkpoint: .*damaged/checkpoint.safetensors: load_state: ")
    refuses(function(_, all) all.surplus = mb.ones(1) end, "surplus: expected shape none")
      -- As another program may write it: with bytes that are not UTF-8.
    local state = metadata.training:gsub('"seed":"0"', '"seed":"\xff"')
    local header = '{"__metadata__":{"training":"' .. state:gsub('[\\"]', "\\%0") .. '"}}'
    local file = assert(io.open(path, "wb"))
    file:write(string.pack("<I8", #header), header)
    file:close()
    local _, err = pcall(fit, "damaged", { epochs = 2 })
    assert.matches("another seed %(\\xFF, now 0%)", err)
    assert(safetensors.write(path, tensors, metadata))
    file = assert(io.open(path, "rb"))
    local whole = file:read "a"
    file:close()
    file = assert(io.open(path, "wb"))
    file:write(whole:sub(1, -2), string.char(whole:byte(-1) ~ 1))
    file:close()
    assert.error_matches(function() fit("damaged", { epochs = 2 }) end, "does not fit its checksum")
  end)
  it("that are not checkpoints are refused", function()
    local path = root .. "/bad"
    assert(lfs.mkdir(path))
    assert(mb.safetensors.write(path .. "/checkpoint.safetensors", { a = mb.ones(1) }))
    assert.error_matches(function() fit("bad", {}) end, "holds no training that this version can resume")
    local file = assert(io.open(path .. "/checkpoint.safetensors", "w"))
    file:write "nonsense"
    file:close()
    assert.error_matches(function() fit("bad", {}) end, "not a safetensors file")
    assert.error_matches(function() fit("bad/checkpoint.safetensors/x", {}) end, "fit: checkpoint: ")
    assert.error_matches(function()
      mb.fit(nn.Dense { units = 2 }, { x = mb.ones(2, 2), y = { 1, 2 } }, { checkpoint = { every = 2 } })
    end, "folder: expected a string, got nil")
  end)
end)

describe("a checkpoint of pretrained weights", function()
  local nn = mb.nn
  local set = mb.data.border_peaks { n = 40, validation = 20, test = 1, crop = 160 }
  local function network(seed)
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 5 }, nn.BatchNorm1d {}, nn.Flatten {},
      nn.Dense { units = 2 } }
    if seed then model:build({ 160, 1 }, mb.rng(seed)) end
    return model
  end
  local function fit(model, folder, options)
    options = options or {}
    options.epochs, options.verbose, options.checkpoint = options.epochs or 2, false, folder
    options.validation = set.validation
    if type(folder) == "string" then options.checkpoint = root .. "/" .. folder end
    mb.fit(model, set.train, options)
    return model:state()
  end
  local function refuses(...)
    local ok, err = pcall(fit, ...)
    assert.is_false(ok)
    assert.matches("is of a training that began with other weights than those of the model; take another folder", err)
  end
  it("is refused for others, trained or frozen", function()
    local one = fit(network(1), "source")
    assert.same(one, fit(network(1), "source"))
    refuses(network(2), "source")
    refuses(network(), "source") -- unbuilt: mb.fit would draw them
    local bit = network(1)
    mb.no_grad(function() bit.layers[4].bias:set(1, 1e-6) end)
    refuses(bit, "source")
    refuses(mb.recalibrate(network(1), set.train.x), "source")
    fit(network(1):freeze "1", "frozen_source")
    refuses(network(2):freeze "1", "frozen_source")
    assert.same(one, fit(network(1), "source"))
  end)
  it("goes on with the same model, with more epochs or after it was interrupted", function()
    local whole = fit(network(1), nil, { epochs = 7 })
    for _, change in ipairs { {}, { ema = 0.9 }, { early_stopping = { patience = 7 } } } do
      local function train(model, epochs, callback)
        local options = { callbacks = { callback }, epochs = epochs }
        for name, value in pairs(change) do options[name] = value end
        local folder = root .. "/same" .. (next(change) or "")
        return fit(model, epochs and { folder = folder, every = 3 }, options)
      end
      local model = network(1)
      assert.error_matches(function()
        train(model, 7, function(record) if record.epoch == 5 then error "mine" end end)
      end, "mine")
      mb.recalibrate(model, set.train.x) -- replaces statistics, no weights
      train(model, 6)
      train(model, 6)
      local last = train(model, 7)
      if not next(change) then assert.same(whole, last) end
      local again = network(1)
      again:load_state(last)
      assert.same(last, train(again, 7)) -- as after mb.save and mb.load
      model:load_state(network(3):state())
      local ok, err = pcall(train, model, 7)
      assert.is_false(ok)
      assert.matches("began with other weights", err)
    end
  end)
  it("goes on with weights that mb.fit, or nothing that has a seed, has drawn", function()
    local first = fit(network(), "drawn")
    assert.same(first, fit(network(), "drawn"))
    refuses(network(1), "drawn")
    local function unseeded()
      local model = network()
      model:build { 160, 1 }
      return model
    end
    local before, other = unseeded(), unseeded()
    assert.not_same(before:state(), other:state())
    first = fit(before, "unseeded")
    assert.same(first, fit(other, "unseeded"))
    refuses(network(1), "unseeded")
  end)
  it("of an earlier version goes on, since it does not say how the training began", function()
    local first = fit(network(1), "without")
    rewrite(root .. "/without/checkpoint.safetensors", function(state)
      state.began, state.model, state.frozen = nil, nil, nil
    end)
    assert.same(first, fit(network(2), "without"))
    assert.same(fit(network(1), nil, { epochs = 4 }), fit(network(2), "without", { epochs = 4 }))
  end)
end)

describe("schedule and early stopping", function()
  -- What Keras 3.15's EarlyStopping and ReduceLROnPlateau do on these validation losses: options of both,
  -- the rate in each epoch until training stops, the best epoch.
  local losses = { 1, 0.9, 0.89995, 0.89985, 0.8, 0.85, 0.79995, 0.81, 0.79985, 0.7, 0.7, 0.7, 0.7, 0.7,
    0.7, 0.7, 0.7,
    0.7, 0.69995, 0.69, 0.69, 0.69, 0.69 }
  local cases = {
    { { patience = 25, min_delta = 0.0001 }, { "plateau", patience = 2, factor = 0.5 }, { 0.1, 0.1, 0.1,
      0.1, 0.1, 0.1,
      0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.0125, 0.0125, 0.00625, 0.00625, 0.003125,
        0.003125, 0.003125,
      0.003125, 0.001563 }, 20 },
    { { patience = 5, min_delta = 0.0001 }, { "plateau", patience = 2, factor = 0.5, cooldown = 2 }, { 0.1,
      0.1, 0.1, 0.1,
      0.1, 0.1, 0.1, 0.05, 0.05, 0.05, 0.05, 0.05, 0.025, 0.025, 0.025 }, 10 },
    { { patience = 8, min_delta = 0.0001 }, { "plateau", patience = 2, factor = 0.5, min_lr = 0.03,
      min_delta = 0 }, { 0.1,
      0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05, 0.03, 0.03, 0.03, 0.03 }, 10 },
    { { patience = 3, min_delta = 0.05 }, { "plateau", patience = 1, factor = 0.1, cooldown = 1,
      min_delta = 0.05 },
      { 0.1, 0.1, 0.1, 0.01, 0.001, 0.001, 0.0001, 1e-05 }, 5 },
  }
  for i, case in ipairs(cases) do
    it("do what Keras' do, case " .. i, function()
      local calls = 0
      local set = { x = mb.ones(2, 3, 1), y = mb.ones(2) }
      local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 1 } }
      local history = mb.fit(model, set, {
        epochs = #losses, optimizer = mb.optim.SGD { lr = 0.1 }, validation = set, early_stopping = case[1],
        schedule = case[2], verbose = false, loss = function(output)
          calls = calls + 1
          return output:sum() * 0 + losses[(calls + 1) // 2]
        end,
      })
      local rates = {}
      for epoch, record in ipairs(history) do rates[epoch] = tonumber(("%.4g"):format(record.lr)) end
      assert.same(case[3], rates)
      assert.equal(case[4], history.best_epoch)
    end)
  end
end)
