-- Trained networks in a folder: read instead of trained again, if all that their weights follow from is the same.
local lfs = require "lfs"
local mb = require "moonbow"
local said = require "support.said"
local safetensors = require "moonbow.io.safetensors"
local state_bytes = require "support.state_bytes"
local temporary_folder = require "support.temporary_folder"
local trained = require "moonbow.experiment.trained"

describe("a trained network in a folder", function()
  local folder
  before_each(function() folder = temporary_folder() end)
  after_each(function() os.execute("rm -rf " .. folder) end)

  local function data(seed)
    local part = { x = mb.rng(seed):normal(0, 1, 40, 8, 1), y = {} }
    for i = 1, 40 do part.y[i] = i % 2 + 1 end
    return part
  end

  local function options(changes)
    local all = { epochs = 3, seed = 1, optimizer = mb.optim.Adam { lr = 0.01 }, validation = data(2),
      early_stopping = { patience = 2 }, verbose = false }
    for key, value in pairs(changes or {}) do all[key] = value end
    return all
  end

  local function network(units)
    return mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = units or 4, activation = "relu" },
      mb.nn.BatchNorm1d {}, mb.nn.Dropout { rate = 0.2 }, mb.nn.Dense { units = 2 } }
  end

  -- The training by mb.fit, or of the folder: weights and history without times, and the network.
  local function train(keeps, model, set, changes)
    local history
    if keeps then
      history = trained.fit(folder, model, set, options(changes))
    else
      history = mb.fit(model, set, options(changes))
    end
    local shown = { best_epoch = history.best_epoch, monitor = history.monitor, stopped = history.stopped }
    for i, record in ipairs(history) do shown[i] = { record.loss, record.accuracy, record.val_loss, record.lr } end
    return { state_bytes(model), shown }, model
  end

  local function files()
    local paths = {}
    for name in lfs.dir(folder) do
      if name:sub(1, 1) ~= "." then paths[#paths + 1] = folder .. "/" .. name end
    end
    return paths
  end

  it("has the weights and the history that mb.fit gives, when it is trained and when it is read", function()
    local plain = train(false, network(), data(1))
    assert.same(plain, (train(true, network(), data(1))))
    local got, model = train(true, network(), data(1))
    assert.same(plain, got)
    assert.is_false(model.training)
    assert.equal(1, #files())
    local ready = network()
    ready:build({ 8, 1 }, mb.rng { 1, 2 }) -- as mb.fit builds it
    assert.same(plain, (train(true, ready, data(1))))
    assert.equal(1, #files())
    local seeds = { seed = { 1, 5 } }
    assert.same(train(false, network(), data(1), seeds), (train(true, network(), data(1), seeds)))
  end)

  -- Fills the weights in the only file with zeros: what is read there now was not trained.
  local function empty()
    local tensors, metadata = safetensors.read(files()[1])
    for _, value in pairs(tensors) do value:fill(0) end
    metadata["moonbow.version"] = nil
    assert(safetensors.write(files()[1], tensors, metadata))
  end

  local function is_empty(model) return model:parameters()[1].value:abs():max():item() == 0 end

  it("is known for what it was trained for, when it is read, too", function()
    local set = { x = data(1).x, y = mb.zeros(40, 2) }
    for _ = 1, 2 do
      local model = network()
      trained.fit(folder, model, set, options { loss = "binary_cross_entropy", validation = 0.2 })
      assert.same({ 40, 2 }, mb.predict(model, set.x):shape())
    end
    assert.equal(1, #files())
  end)

  it("is read if nothing differs", function()
    train(true, network(), data(1))
    empty()
    assert.is_true(is_empty(select(2, train(true, network(), data(1)))))
    assert.is_true(is_empty(select(2, train(true, network(), data(1), { verbose = true }))))
  end)

  it("is trained if the network, its weights, the data or the options differ", function()
    train(true, network(), data(1))
    empty()
    local frozen, other = network(), network()
    frozen:build({ 8, 1 }, mb.rng { 1, 2 })
    frozen:freeze "5"
    other:build({ 8, 1 }, mb.rng(9))
    local weighted = data(1)
    weighted.weights = {}
    for i = 1, 40 do weighted.weights[i] = i end
    for name, case in pairs {
      network = { network(5), data(1) }, frozen = { frozen, data(1) }, weights = { other, data(1) },
      data = { network(), data(3) }, ["weights of rows"] = { network(), weighted },
      epochs = { network(), data(1), { epochs = 4 } }, seed = { network(), data(1), { seed = 2 } },
      rate = { network(), data(1), { optimizer = mb.optim.Adam { lr = 0.02 } } },
      optimizer = { network(), data(1), { optimizer = mb.optim.SGD { lr = 0.01 } } },
      patience = { network(), data(1), { early_stopping = { patience = 1 } } },
      validation = { network(), data(1), { validation = data(5) } },
      share = { network(), data(1), { validation = 0.25 } },
    } do
      assert.is_false(is_empty(select(2, train(true, table.unpack(case)))), name)
    end
    assert.equal(13, #files())
  end)

  it("is trained if names of classes are in another order, by which classes are weighed", function()
    local function named(...)
      local set = data(1)
      set.classes = { ... }
      return set
    end
    local weights = { class_weights = { one = 5 } }
    train(true, network(), named("one", "other"), weights)
    train(true, network(), named("one", "other"), weights)
    assert.equal(1, #files())
    train(true, network(), named("other", "one"), weights)
    assert.equal(2, #files())
  end)

  it("is not kept if it, or an option, holds a function", function()
    local function ignore() end
    train(true, network(), data(1), { callbacks = { ignore } })
    local layers = { mb.nn.Flatten {}, mb.nn.Lambda { function(x) return x end }, mb.nn.Dense { units = 2 } }
    train(true, mb.nn.Sequential(layers), data(1))
    assert.same({}, files())
  end)

  it("is trained again if its file is damaged", function()
    local plain = train(true, network(), data(1))
    local path = files()[1]
    local bytes = assert(io.open(path, "rb")):read "a"
    local file = assert(io.open(path, "wb"))
    file:write(bytes:sub(1, -9))
    file:close()
    assert.same(plain, (train(true, network(), data(1))))
    assert.equal(#bytes, lfs.attributes(path, "size"))
  end)

  it("is returned with a warning if its file cannot be written", function()
    os.execute("rm -rf " .. folder)
    local plain = train(false, network(), data(1))
    local text = said(function() assert.same(plain, (train(true, network(), data(1)))) end)
    assert.matches("the trained network is not kept: .*: could not be written", text)
    assert.is_nil(lfs.attributes(folder, "mode"))
  end)

  it("is removed with its folder", function()
    train(true, network(), data(1))
    assert(io.open(folder .. "/.0123.safetensors.0.partial", "w")):close() -- of a killed process
    trained.clear(folder)
    assert.is_nil(lfs.attributes(folder, "mode"))
    trained.clear(folder)
  end)
end)
