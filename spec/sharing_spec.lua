-- Layers and tensors that are used in several places of a network: one set of weights, moved, counted and saved once.
local mb = require "moonbow"
local nn = mb.nn

local path = os.tmpname()
teardown(function() os.remove(path) end)

local function near(expected, value) assert.is_true(math.abs(value - expected) < 1e-6, tostring(value)) end

-- y = w^2 x with w = 1.
local function squared()
  local d = nn.Dense { units = 1, bias = false, initializer = 1 }
  local model = nn.Sequential { d, d }
  model:build { 1 }
  return model, d
end

local function names(list)
  local found = {}
  for i, entry in ipairs(list) do found[i] = entry.name end
  return found
end

describe("a layer used twice", function()
  it("is moved once, by the sum of its gradients", function()
    local model, d = squared()
    model(mb.ones(1, 1)):sum():backward()
    near(2, d.weight.grad:item())
    mb.optim.SGD { lr = 0.1 }:step(model:parameters())
    near(0.8, d.weight:item())
    assert.same({ "1.weight" }, names(model:parameters()))
  end)
  it("is moved once by Adam, however often it is used", function()
    local model, d = squared()
    local optimizer, w, alone = mb.optim.Adam { lr = 0.1 }, mb.ones(1, 1):param(), mb.optim.Adam { lr = 0.1 }
    for _ = 1, 5 do
      model(mb.ones(1, 1)):sum():backward()
      optimizer:step(model:parameters())
      local loss = (w * w):sum()
      loss:backward()
      alone:step { { name = "w", value = w } }
    end
    near(w:item(), d.weight:item())
  end)
  it("counts once in clip_norm and l2", function()
    local function trained(options)
      local model, d = squared()
      options.epochs, options.verbose, options.optimizer = 1, false, mb.optim.SGD { lr = 0.1 }
      options.loss = function(output) return output:sum() end
      mb.fit(model, { x = mb.ones(1, 1), y = mb.ones(1) }, options)
      return d.weight:item()
    end
    near(0.9, trained { clip_norm = 1 })
    near(1 - 0.1 * (2 + 2 * 0.5), trained { l2 = 0.5 })
  end)
  it("counts once in the summary, which says so", function()
    local conv = nn.Conv1d { filters = 3, kernel = 3, padding = "same" }
    local model = nn.Sequential { conv, nn.ReLU {}, conv, nn.Flatten {}, nn.Dense { units = 2 } }
    local text = model:summary { 8, 3 }
    assert.matches("\n1 +Conv1d +8 x 3 +30 +216\n", text)
    assert.matches("\n3 +Conv1d +8 x 3 +shared +216\n", text)
    assert.matches("total: 80 parameters, 480 multiply%-adds", text)
    assert.matches("receptive field 5 points", text)
  end)
  it("counts once in count_parameters", function()
    local model = squared()
    assert.equal(1, model:count_parameters())
    assert.equal(0, nn.ReLU {}:count_parameters())
    assert.error_matches(function() nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }:count_parameters() end,
      "count_parameters: weights are not there yet: model:build{ L, C }", 1, true)
  end)
  it("has one set of weights in a siamese network and in a shortcut", function()
    local twin = nn.Sequential { nn.Dense { units = 2 }, nn.Tanh {} }
    local siamese = nn.Concat { twin, nn.Sequential { nn.Lambda { function(x) return x * 2 end }, twin } }
    assert.same({ 4 }, siamese:build { 3 })
    assert.same({ "1.1.weight", "1.1.bias" }, names(siamese:parameters()))
    local d = nn.Dense { units = 1, bias = false, initializer = 1 }
    local residual = nn.Residual { d, d }
    residual(mb.ones(1, 1)):sum():backward()
    mb.optim.SGD { lr = 0.1 }:step(residual:parameters())
    near(0.8, d.weight:item())
  end)
  it("is one batch norm, whose statistics move with each use", function()
    local norm = nn.BatchNorm1d { momentum = 0.5 }
    local model = nn.Sequential { norm, norm }
    model:train()(mb.tensor { { 4 }, { 8 } })
    assert.same({ "1.running_mean", "1.running_var" }, names(model:buffers()))
    near(0.5 * (0.5 * 0 + 0.5 * 6) + 0.5 * 0, norm.running_mean:item())
  end)
  it("has the mean of its uses after recalibrate", function()
    local norm, x = nn.BatchNorm1d { epsilon = 0 }, mb.randn(mb.rng(1), 40, 1) * 3 + 5
    local model = nn.Sequential { norm, norm }
    model:build { 1 }
    mb.recalibrate(model, x, { batch_size = 40 })
    near(x:mean():item() / 2, norm.running_mean:item())
    assert.is_true(math.abs(norm.running_var:item() - (x:var():item() + 1) / 2) < 1e-4)
  end)
  it("resumes from a checkpoint", function()
    local folder = os.tmpname()
    os.remove(folder)
    local function weights(epochs, checkpoint)
      local d = nn.Dense { units = 2, activation = "tanh" }
      local model = nn.Sequential { d, d }
      mb.fit(model, { x = mb.randn(mb.rng(1), 12, 2), y = { 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2 } },
        { epochs = epochs, batch_size = 4, checkpoint = checkpoint, verbose = false })
      return d.weight:tobytes()
    end
    weights(2, folder)
    assert.equal(weights(4), weights(4, folder))
    os.execute("rm -r " .. folder)
  end)
  it("is one layer again after config and from_config, as text, and in a file", function()
    local twin = nn.Sequential { nn.Dense { units = 3, activation = "tanh" } }
    local model = nn.Sequential { twin, nn.Concat { twin, nn.Sequential { twin, twin } }, nn.Dense { units = 2 } }
    model:build({ 3 }, mb.rng(1))
    local again = nn.from_config(model:config())
    assert.is_true(rawequal(again.layers[1], again.layers[2].layers[1]))
    assert.is_true(rawequal(again.layers[1], again.layers[2].layers[2].layers[2]))
    assert.equal(tostring(model), tostring(again))
    assert.matches("nn.Sequential{} %-%-%[%[layer 1 again%]%]", tostring(model))

    assert(mb.save(model, path))
    local back, x = assert(mb.load(path)), mb.randn(mb.rng(2), 4, 3)
    assert.equal(model(x):tobytes(), back(x):tobytes())
    assert.same({ "1.1.weight", "1.1.bias", "3.weight", "3.bias" }, names(back:parameters()))
    for _, trained in ipairs { model, back } do
      trained(x):cross_entropy({ 1, 2, 1, 2 }):backward()
      mb.optim.SGD { lr = 0.1 }:step(trained:parameters())
    end
    assert.equal(model(x):tobytes(), back(x):tobytes())
  end)
  it("is still two layers in an older file, which has the weights twice", function()
    local a, b = nn.Dense { units = 2 }, nn.Dense { units = 2 }
    local old = nn.Sequential { a, b }
    old:build({ 2 }, mb.rng(1))
    mb.no_grad(function() b.weight:copy_from(a.weight) end)
    assert(mb.save(old, path))
    local back, x = assert(mb.load(path)), mb.randn(mb.rng(2), 4, 2)
    assert.equal(old(x):tobytes(), back(x):tobytes())
    assert.equal(4, #back:parameters())
  end)
end)

describe("a tensor that two layers share", function()
  local function tied()
    local a = nn.Dense { units = 1, bias = false, initializer = 1 }
    local b = nn.Dense { units = 1, bias = false, initializer = 1 }
    local model = nn.Sequential { a, b }
    model:build { 1 }
    b.weight = a.weight
    return model, a, b
  end
  it("is moved once, whatever layer it belongs to", function()
    local model, a, b = tied()
    assert.same({ "1.weight" }, names(model:parameters()))
    model(mb.ones(1, 1)):sum():backward()
    mb.optim.SGD { lr = 0.1 }:step(model:parameters())
    near(0.8, a.weight:item())
    near(0.8, b.weight:item())
  end)
  it("is shared again after from_config, and in a file", function()
    local model = tied()
    local again = nn.from_config(model:config())
    again:build({ 1 }, mb.rng(1))
    assert.is_true(rawequal(again.layers[1].weight, again.layers[2].weight))
    mb.no_grad(function() model.layers[1].weight:fill(3) end)
    assert(mb.save(model, path))
    local back = assert(mb.load(path))
    assert.is_true(rawequal(back.layers[1].weight, back.layers[2].weight))
    near(9, back(mb.ones(1, 1)):item())
  end)
  it("is in the description of a network that was made of one, but is not built", function()
    local config = tied():freeze():config()
    assert.same({ { "1.weight", "2.weight" } }, config.ties)
    local again = nn.from_config(nn.from_config(config):config())
    assert.same(config, again:config())
    again:build({ 1 }, mb.rng(1))
    assert.is_true(rawequal(again.layers[1].weight, again.layers[2].weight))
    assert.same(config, again:config())
    assert.same({ "1.weight", "2.weight" }, again:frozen_names())
  end)
  it("may be set before the second layer is made", function()
    local a, b = nn.Dense { units = 2 }, nn.Dense { units = 2 }
    a:build { 2 }
    b.weight = a.weight
    b:build { 2 }
    assert.is_true(rawequal(a.weight, b.weight))
  end)
  it("replaces the weight in the state, and has to have its shape", function()
    local d = nn.Dense { units = 2, bias = false }
    d:build { 3 }
    d.weight = mb.full(7, 3, 2)
    assert.equal(7, d:state().weight:min():item())
    d.weight = mb.ones(2, 3)
    assert.error_matches(function() d:parameters() end,
      "Dense: weight: expected a tensor of shape {3, 2}, got tensor {2, 3}", nil, true)
  end)
end)

describe("a weight that is not a parameter", function()
  it("stays as it is in training, while the others move, and is saved", function()
    local frozen, free = nn.Dense { units = 3 }, nn.Dense { units = 2 }
    local model, x, y = nn.Sequential { frozen, free }, mb.randn(mb.rng(1), 6, 4), { 1, 2, 1, 2, 1, 2 }
    model:build({ 4 }, mb.rng(2))
    frozen.weight = frozen.weight:detach()
    local kept, moved = frozen.weight:copy(), free.weight:copy()
    mb.fit(model, { x = x, y = y }, { epochs = 2, verbose = false })
    mb.profile(model, x, y, { steps = 1 })
    assert.is_true(kept == frozen.weight)
    assert.is_false(moved == free.weight)
    assert(mb.save(model, path))
    assert.is_true(kept == mb.load(path).layers[1].weight)
    assert.error_matches(function() frozen.weight.grad = kept end, "grad: only a parameter has a gradient$")
  end)
  local set = { x = mb.randn(mb.rng(1), 6, 4), y = { 1, 2, 1, 2, 1, 2 } }
  local function fit(model) mb.fit(model, set, { epochs = 2, verbose = false }) end
  local function with_ones()
    local model = nn.Sequential { nn.Dense { units = 3 }, nn.Dense { units = 2 } }
    model:build({ 4 }, mb.rng(2))
    model.layers[1].weight = mb.ones(4, 3)
    return model
  end
  it("is frozen, also in what is loaded or made of its description", function()
    local model = with_ones()
    assert.same({ "1.weight" }, model:frozen_names())
    assert.matches("total: 23 parameters %(12 frozen%)", model:summary())
    assert(mb.save(model, path))
    for _, again in ipairs { mb.load(path), nn.from_config(model:config()):restore({ 4 }, model:state()) } do
      assert.same({ "1.weight" }, again:frozen_names())
      fit(again)
      assert.is_true(mb.ones(4, 3) == again.layers[1].weight)
      assert.is_false(model.layers[2].weight == again.layers[2].weight)
    end
  end)
  it("stays while others are frozen and let go, and is trained once it is let go itself", function()
    local model = with_ones():freeze "2":unfreeze "2"
    fit(model)
    assert.is_true(mb.ones(4, 3) == model.layers[1].weight)
    assert.same({}, model:unfreeze():frozen_names())
    fit(model)
    assert.is_false(mb.ones(4, 3) == model.layers[1].weight)
  end)
  it("gives way to a parameter, which is trained and not frozen", function()
    local model = with_ones():freeze()
    model.layers[1].weight = mb.ones(4, 3):param()
    assert.same({ "1.bias", "2.weight", "2.bias" }, model:frozen_names())
    fit(model)
    assert.is_false(mb.ones(4, 3) == model.layers[1].weight)
  end)
  it("is frozen in a batch norm, whose statistics stay if both are", function()
    local norm = nn.BatchNorm1d {}
    local model = nn.Sequential { norm, nn.Dense { units = 2 } }
    model:build({ 4 }, mb.rng(2))
    norm.gamma, norm.beta = mb.ones(4), mb.zeros(4)
    fit(model)
    assert.is_true(mb.zeros(4) == norm.running_mean)
  end)
end)

describe("a weight that is the result of an operation on another", function()
  it("is refused by fit, which could not move it", function()
    local a, b = nn.Dense { units = 2, bias = false }, nn.Dense { units = 4, bias = false }
    local model = nn.Sequential { a, b }
    model:build { 4 }
    b.weight = a.weight:transpose()
    local x = mb.ones(3, 4)
    assert.error_matches(function() mb.fit(model, { x = x, y = x }, { loss = "mse", verbose = false }) end,
      "fit: 2.weight is the result of 'transpose', which a step cannot change; make it a parameter, or detach%(%) it$")
  end)
end)

describe("a layer that contains itself", function()
  it("is an error", function()
    local model = nn.Sequential { nn.Sequential { nn.ReLU {} } }
    model.layers[1].layers[2] = model
    for _, use in ipairs { model.parameters, model.train, model.config,
      function(layer) return layer:build { 3 } end, function(layer) return layer(mb.ones(1, 3)) end } do
      assert.error_matches(function() use(model) end, "Sequential: layer 1.2 (Sequential) contains itself", nil, true)
    end
  end)
end)

describe("descriptions from outside are refused when they", function()
  local function refuses(message, config)
    assert.error_matches(function() nn.from_config(config) end, "from_config: " .. message, nil, true)
  end
  it("repeat a layer that does not come before, or tie weights that do not exist", function()
    refuses("layer 1: same_as: expected the path of a layer before it, got '1'",
      { type = "Sequential", layers = { { type = "ReLU", same_as = "1" } } })
    refuses("layer 1: same_as: expected the path of a layer before it, got ''",
      { type = "Sequential", layers = { { type = "ReLU", same_as = "" } } })
    refuses("layer 2: same_as: layer 1 is a ReLU, got the type 'Tanh'",
      { type = "Sequential", layers = { { type = "ReLU" }, { type = "Tanh", same_as = "1" } } })
    refuses("ties: there is no '3.weight'; the paths of layers are '', '1'", { type = "Sequential",
      layers = { { type = "ReLU" } }, ties = { { "1.weight", "3.weight" } } })
    refuses("ties[2]: expected a string, got NaN", { type = "ReLU", ties = { { "weight", 0 / 0 } } })
  end)
  it("name tensors that their layers do not have, once these are made", function()
    local function built(message, config)
      assert.error_matches(function() nn.from_config(config):build { 4 } end, message, nil, true)
    end
    local function network(field, given)
      return { type = "Sequential", layers = { { type = "Dense", units = 4 }, { type = "BatchNorm1d" },
        { type = "ReLU" } }, [field] = given }
    end
    built("layer 1 (Dense): frozen: there is no 'wieght'; its tensors are weight, bias",
      network("frozen", { "1.bias", "1.wieght" }))
    built("layer 2 (BatchNorm1d): frozen: there is no 'running_mean'; its tensors are gamma, beta",
      network("frozen", { "2.running_mean" }))
    built("layer 2 (BatchNorm1d): ties: there is no 'weight'; its tensors are gamma, beta, running_mean, running_var",
      network("ties", { { "1.bias", "2.weight" } }))
    built("layer 3 (ReLU): frozen: there is no 'weight'; it has no weights", network("frozen", { "3.weight" }))
    assert.same({ "1.bias" }, (function()
      local model = nn.from_config(network("frozen", { "1.bias" }))
      model:build { 4 }
      return model:frozen_names()
    end)())
  end)
  it("are nested without end, or repeat a repetition", function()
    local deep, wide = { type = "ReLU" }, { type = "Sequential", layers = { { type = "ReLU" }, { type = "ReLU" } } }
    for _ = 1, 200 do deep = { type = "Sequential", layers = { deep } } end
    assert.error_matches(function() nn.from_config(deep) end, "nested more than 100 deep")
    wide.layers[2] = { type = "Sequential", layers = { { type = "ReLU" } } }
    local twice = "2"
    for i = 1, 30 do
      wide.layers[i + 2] = { type = "Sequential", layers = { { type = "Sequential", same_as = twice },
        { type = "Sequential", same_as = twice } } }
      twice = tostring(i + 2)
    end
    refuses("it has more than 1048576 layers", wide)
  end)
  it("are not descriptions", function()
    refuses("layer 1: expected a description, got 3", { type = "Sequential", layers = { 3 } })
    refuses("layers: expected a table, got 'x'", { type = "Sequential", layers = "x" })
    refuses("layer 1: unknown layer 'Nothing'; one of your own has to be defined by nn.class before",
      { type = "Sequential", layers = { { type = "Nothing" } } })
  end)
end)
