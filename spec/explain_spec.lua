-- Looking inside: maps, gradients, occlusion, importance and filters against plain loops and what is known of the data.
local mb = require "moonbow"
local expect = require "support.expect"
local bytes = require "support.state_bytes"
local nn, explain = mb.nn, mb.explain
local raises, close = expect.raises, expect.close

local function linear(points, units, seed)
  local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = units } }
  model:build({ points, 1 }, mb.rng(seed or 1))
  return model, model.layers[2].weight
end

-- A network that averages the maps of one convolution: Grad-CAM has a closed form.
local function averaging(points, seed)
  local model = nn.Sequential {
    nn.Conv1d { filters = 3, kernel = 5, padding = "same", activation = "relu" }, nn.GlobalAvgPool1d {},
    nn.Dense { units = 2 },
  }
  model:build({ points, 1 }, mb.rng(seed))
  return model
end

describe("model:maps", function()
  local model = nn.Sequential {
    nn.Conv1d { filters = 4, kernel = 3, activation = "relu" }, nn.MaxPool1d { size = 2 },
    nn.Residual { nn.Sequential { nn.Conv1d { filters = 4, kernel = 3, padding = "same" }, nn.BatchNorm1d {} } },
    nn.Flatten {}, nn.Dropout { rate = 0.5 }, nn.Dense { units = 2 },
  }
  model:build({ 20, 1 }, mb.rng(1))
  local x = mb.rng(2):normal(0, 1, 3, 20, 1)

  it("has every layer's output by its path, in the order of use", function()
    local maps, paths = model:maps(x), {}
    for i, map in ipairs(maps) do
      paths[i] = map.path
      assert.is_true(mb.is_tensor(map.output))
    end
    assert.same({ "1", "2", "3.1.1", "3.1.2", "3.1", "3", "4", "5", "6" }, paths)
    for i = 1, 6 do close(maps[tostring(i)], mb.no_grad(model:first(i), x), 2e-6) end
    close(maps["3"] - maps["2"], maps["3.1"])
  end)
  it("leaves the model as it was: mode, statistics, gradients", function()
    model:train()
    local before = bytes(model)
    model:maps(x)
    assert.is_true(model.layers[5].training)
    assert.equal(before, bytes(model))
    model:eval()
  end)
  it("prints shapes, and draws a map on the axis of the spectra", function()
    local maps = model:maps(x)
    assert.matches("3%.1%.2  BatchNorm1d  3 x 9 x 4", tostring(maps))
    assert.matches("heatmap 'layer 2'", tostring(maps:plot("2", { row = 2 })))
    raises("path: expected one of", maps.plot, maps, "9")
    raises("layer 4: expected a map (N, L, C), got shape {3, 36}", maps.plot, maps, "4")
    raises("row: expected at most 3, got 4", maps.plot, maps, "2", { row = 4 })
    raises("axis: expected 20 numbers", maps.plot, maps, "2", { axis = { 1, 2 } })
    raises("maps:plot: axis[2]: expected a finite number, got 'a'", maps.plot, maps, "2", { axis = { 1, "a" } })
  end)
end)

describe("the centres of a map", function()
  it("are where a peak of the spectrum stands in it", function()
    for _, part in ipairs {
      { nn.Conv1d { filters = 1, kernel = 7, initializer = "ones" } },
      { nn.Conv1d { filters = 1, kernel = 7, padding = "same", stride = 3, initializer = "ones" } },
      { nn.Conv1d { filters = 1, kernel = 4, initializer = "ones" }, nn.MaxPool1d { size = 3, stride = 2 } },
      { nn.BlurPool1d { size = 2, blur = 3 } },
      { nn.AvgPool1d { size = 4 }, nn.Upsample1d { factor = 4 } },
      { nn.AvgPool1d { size = 2 }, nn.Upsample1d { factor = 3, mode = "linear" } },
      { nn.AvgPool1d { size = 2 },
        nn.Conv1dTranspose { filters = 1, kernel = 6, stride = 3, padding = { 1, 2 }, initializer = "ones" } },
      { nn.Conv1dTranspose { filters = 1, kernel = 4, stride = 2, padding = "same", initializer = "ones" } },
      { nn.Conv1dTranspose { filters = 1, kernel = 4, padding = { 2, 1 }, initializer = "ones" } },
      { nn.Conv1d { filters = 1, kernel = 5, dilation = 2, padding = "causal", initializer = "ones" } },
    } do
      local model = nn.Sequential(part)
      model:build { 200, 1 }
      local path = tostring(#part)
      for at = 50, 150, 9 do
        local x = (-((mb.arange(200) - at) / 6) ^ 2):exp():reshape(1, 200, 1)
        local maps = model:maps(x)
        local map, centres = maps[path], maps.positions(path)
        local weights = map:reshape(-1) / map:sum()
        local found = (weights * mb.tensor(centres)):sum():item() -- the centre of mass, which windows keep
        assert.is_true(math.abs(found - at) <= 0.1, ("%s: %g for %g"):format(tostring(model), found, at))
      end
    end
  end)
end)

describe("the way to a map", function()
  it("is over the whole axis behind a layer that is no window", function()
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, padding = "causal" },
      nn.Lambda { function(x) return x:reshape(#x, 10, 4) end } }
    model:build { 20, 1 }
    local expected = {}
    for i = 1, 10 do expected[i] = 2 * i - 0.5 end
    assert.same(expected, model:maps(mb.zeros(1, 20, 1)).positions "2")
  end)
  -- Pooled by 2 and by 4, and a branch that is not.
  local graph = nn.Graph { inputs = { "x" },
    { name = "a", from = "x", nn.MaxPool1d { size = 2 } }, { name = "b", from = "a", nn.MaxPool1d { size = 4 } },
    { name = "side", from = "x", nn.Sequential { nn.Conv1d { filters = 2, kernel = 3 }, nn.Flatten {} } },
    { name = "flat", from = "b", nn.Flatten {} },
    { name = "class", from = { "flat", "side" }, nn.Dense { units = 2 } } }
  local concat = nn.Concat {
    nn.Conv1d { filters = 2, kernel = 8, stride = 8 },
    nn.Sequential { nn.MaxPool1d { size = 2 }, nn.MaxPool1d { size = 4 } },
  }
  it("is that of its branch, in a Graph and in a Concat", function()
    graph:build { 64, 1 }
    concat:build { 64, 1 }
    for _, case in ipairs { { graph, "2", 8, 4.5, 8 }, { graph, "3.1", 62, 2, 1 }, { concat, "1", 8, 4.5, 8 },
      { concat, "2.1", 32, 1.5, 2 }, { concat, "2.2", 8, 4.5, 8 } } do
      local model, path, length, first, step = table.unpack(case)
      local centres = model:maps(mb.zeros(1, 64, 1)).positions(path)
      assert.same({ length, first, first + (length - 1) * step }, { #centres, centres[1], centres[length] }, path)
    end
    assert.same({ stride = 8, field = 8 }, graph:reach())
    local steps = graph:trace()
    local sides = {}
    for _, step in ipairs(steps) do sides[step.path] = step.is_side end
    assert.same({ false, false, true, false, false },
      { sides["1"], sides["2"], sides["3.1"], sides["4"], sides["5"] })
  end)
  it("leads Grad-CAM of a Graph to the peak", function()
    local x = mb.zeros(1, 64, 1)
    x:set(1, 50, 1, 1)
    local cam = explain.grad_cam(graph, x, { layer = "2", elementwise = true, signed = true })
    local values = cam.values[1]:abs()
    assert.is_true(math.abs(values:argmax(1)[1] - 50) < 8)
  end)
end)

describe("saliency", function()
  it("of a linear network is the size of its weights", function()
    local model, weight = linear(6, 3)
    local x = mb.rng(2):normal(0, 1, 2, 6, 1)
    local found = explain.saliency(model, x, { target = { 3, 1 } })
    for row, class in ipairs { 3, 1 } do
      close(found.values[row], weight:transpose(1, 2)[class]:abs())
    end
    local signed = explain.saliency(model, x, { target = 2, signed = true })
    close(signed.values[1], weight:transpose(1, 2)[2])
    local product = explain.saliency(model, x, { target = 2, times_input = true })
    close(product.values[2], weight:transpose(1, 2)[2] * x[2]:reshape(-1))
  end)
  it("takes the largest of the channels, and the output that is largest", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    model:build({ 4, 2 }, mb.rng(3))
    local x = mb.rng(4):normal(0, 1, 5, 4, 2)
    local found, classes = explain.saliency(model, x), model(x):argmax(2):totable()
    assert.same(classes, found.target)
    local by_class = model.layers[2].weight:transpose(1, 2)
    for row, class in ipairs(classes) do
      close(found.values[row], by_class[class // 1 | 0]:reshape(4, 2):abs():max(2))
    end
  end)
  it("is of what the last layer makes: a logit, or behind a softmax or sigmoid a probability", function()
    local x, step = mb.rng(2):normal(0, 1, 1, 6, 1), 1e-2
    for _, last in ipairs { nn.Softmax {}, nn.Sigmoid {} } do
      local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 }, last }
      model:build({ 6, 1 }, mb.rng(1))
      local found = explain.saliency(model, x, { target = 2, signed = true })
      for point = 1, 6 do
        local move = mb.zeros(1, 6, 1)
        move:set(1, point, 1, step)
        local change = model(x + move) - model(x - move)
        assert.near(change:get(1, 2) / (2 * step), found.values:get(1, point), 1e-4)
      end
      close(explain.saliency(model:first(2), x, { target = 2, signed = true }).values[1],
        model.layers[2].weight:transpose(1, 2)[2])
    end
  end)
  it("changes no gradient, weight or mode, and needs no built generator", function()
    local model = linear(6, 2)
    local x = mb.rng(2):normal(0, 1, 70, 6, 1)
    model(x):sum():backward()
    model:train()
    local gradient, before = model.layers[2].weight.grad:tobytes(), bytes(model)
    assert.equal(70, explain.saliency(model, x).values:size(1))
    assert.equal(gradient, model.layers[2].weight.grad:tobytes())
    assert.equal(before, bytes(model))
    assert.is_true(model.training)
    assert.equal("weight", model:parameters()[1].name:match "weight")
  end)
  it("says what is wrong", function()
    local model, x = linear(6, 2), mb.ones(2, 6, 1)
    raises("explain.saliency: target: expected outputs from 1 to 2, got 3", explain.saliency, model, x, { target = 3 })
    raises("expected one output per spectrum, 2, got 1", explain.saliency, model, x, { target = { 1 } })
    raises("axis: expected 6 numbers", explain.saliency, model, x, { axis = { 1, 2 } })
    raises("expected a network, whose gradients are known", explain.saliency,
      mb.ridge.fit(mb.rand(4, 6), { 1, 2, 3, 4 }), x)
    raises("give set.x", explain.saliency, model, { x = x })
    raises("the outputs of the network", explain.saliency, model, x * (0 / 0))
    raises("not recorded inside mb.no_grad", mb.no_grad, explain.saliency, model, x)
  end)
end)

describe("integrated gradients", function()
  it("of a linear network are weights times differences, whatever the steps", function()
    local model, weight = linear(6, 2)
    local x = mb.rng(2):normal(0, 1, 3, 6, 1)
    local baseline = mb.rng(3):normal(0, 1, 6, 1)
    local found = explain.integrated_gradients(model, x, { target = 1, baseline = baseline, steps = 1 })
    close(found.values, (x - baseline):reshape(3, 6) * weight:transpose(1, 2)[1])
    assert.is_true(found.gap < 1e-4)
    local mean = explain.integrated_gradients(model, x, { target = 1, baseline = "mean", steps = 2 })
    close(mean.values:sum(1), mb.zeros(6))
  end)
  it("add up to the change of the output", function()
    local model = averaging(40, 1)
    model.layers[1].bias = mb.tensor { -0.5, 0.3, -0.2 } -- without a bias one step is exact
    local x = mb.rng(2):normal(0, 1, 4, 40, 1)
    local coarse = explain.integrated_gradients(model, x, { target = 1, steps = 1 })
    local fine = explain.integrated_gradients(model, x, { target = 1, steps = 400 })
    local change = (model(x) - model(mb.zeros(1, 40, 1))):transpose(1, 2)[1]
    close(fine.values:sum(2), change, 2e-3)
    assert.is_true(fine.gap < 0.02)
    assert.is_true(fine.gap < coarse.gap)
    raises("baseline: expected one spectrum of shape {40, 1}", explain.integrated_gradients, model, x,
      { baseline = mb.zeros(3) })
    raises("explain.integrated_gradients: baseline: expected a tensor, got a table", explain.integrated_gradients,
      model, x, { baseline = { 0, 0 } })
    raises("did you mean 'mean'", explain.integrated_gradients, model, x, { baseline = "means" })
    raises("baseline", explain.integrated_gradients, model, x, { baseline = mb.zeros(40, 1) / 0 })
  end)
  it("start from a spectrum of the same dimensions, but for those of size 1", function()
    local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    model:build({ 6, 2 }, mb.rng(1))
    local x, baseline = mb.rng(2):normal(0, 1, 3, 6, 2), mb.rng(3):normal(0, 1, 6, 2)
    local function explained(given)
      return explain.integrated_gradients(model, x, { target = 1, baseline = given, steps = 1 }).values
    end
    local by_channel = (x - baseline) * model.layers[2].weight:transpose(1, 2)[1]:reshape(6, 2)
    close(explained(baseline), by_channel:sum(3):detach())
    close(explained(baseline:reshape(1, 6, 2)), explained(baseline))
    raises("baseline: expected one spectrum of shape {6, 2}, got shape {2, 6}", explained, baseline:transpose(1, 2))
    raises("baseline: expected one spectrum of shape {6, 2}, got shape {12}", explained, baseline:reshape(12))
    local flat, rows = linear(6, 2), mb.rng(4):normal(0, 1, 3, 6, 1)
    for _, shape in ipairs { { 6 }, { 1, 6 }, { 6, 1 }, { 1, 6, 1 } } do
      assert.same({ 3, 6 }, explain.integrated_gradients(flat, rows, { baseline = mb.ones(6):reshape(table.unpack(
        shape)) }).values:shape())
    end
  end)
end)

describe("Grad-CAM", function()
  it("of averaged maps is their sum, weighted by the last layer", function()
    local model = averaging(30, 2)
    local x = mb.rng(3):normal(0, 1, 4, 30, 1)
    local found = explain.grad_cam(model, x, { target = 2 })
    local weights = model.layers[3].weight:transpose(1, 2)[2] / 30
    close(found.values, (model:maps(x)["1"] * weights):sum(3):relu())
    close(explain.grad_cam(model, x, { target = 2, elementwise = true }).values, found.values)
    assert.is_true(explain.grad_cam(model, x, { target = 2, signed = true }).values:min():item() < 0)
    assert.equal("1", found.layer)
  end)
  it("weights each position by its own gradient, which is exact before a linear layer", function()
    local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 3, padding = "same", activation = "relu" },
      nn.Flatten {}, nn.Dense { units = 2 } }
    model:build({ 12, 1 }, mb.rng(5))
    local x = mb.rng(6):normal(0, 1, 3, 12, 1)
    local found = explain.grad_cam(model, x, { target = 1, elementwise = true, signed = true })
    close(found.values:sum(2) + model.layers[3].bias[1], model(x):transpose(1, 2)[1])
    local map, weights = model:maps(x)["1"], model.layers[3].weight:transpose(1, 2)[1]:reshape(12, 2)
    close(explain.grad_cam(model, x, { target = 1 }).values, (map * weights:mean(1)):sum(3):relu())
  end)
  it("marks the peak of the evaluation data, and not their background", function()
    for seed = 1, 3 do
      local set = mb.data.single_peak { n = 400, test = 200, background = 0.3, noise = 0.02, seed = seed }
      local model = nn.Sequential { nn.Conv1d { filters = 16, kernel = 20, padding = "same", activation = "relu" },
        nn.GlobalMaxPool1d {}, nn.Dense { units = 2 } }
      mb.fit(model, set.train, { epochs = 30, optimizer = mb.optim.Adam { lr = 5e-3 }, seed = seed, verbose = false })
      assert.is_true(mb.evaluate(model, set.test).accuracy > 0.85)
      local rows = {}
      for i, class in ipairs(set.test.y:totable()) do rows[#rows + 1] = class == 1 and i or nil end
      local high, position = set.test.x:index(rows), set.test.position:index(rows)
      local found = explain.grad_cam(model, high, { target = 1, elementwise = true })
      local on_peak = found:share(position - 30, position + 30):mean():item()
      assert.is_true(on_peak > 0.95, ("%.3f of the weight is on the peak"):format(on_peak)) -- 61 of 1000 points
      local beside = found:share(1, position - 60):mean():item()
      assert.is_true(beside < 0.03, ("%.3f of the weight is left of it"):format(beside))
    end
  end)
  it("takes the layer by path, also inside others", function()
    local model = nn.Sequential { nn.Residual { nn.Conv1d { filters = 1, kernel = 3, padding = "same" } },
      nn.MaxPool1d { size = 2 }, nn.GlobalAvgPool1d {}, nn.Dense { units = 2 } }
    model:build({ 16, 1 }, mb.rng(1))
    local x = mb.rng(2):normal(0, 1, 2, 16, 1)
    assert.same({ 2, 16 }, explain.grad_cam(model, x, { layer = "1.1" }).values:shape())
    assert.equal("2", explain.grad_cam(model, x).layer)
    local twice = nn.Conv1d { filters = 1, kernel = 3, padding = "same" }
    local shared = nn.Sequential { twice, nn.MaxPool1d { size = 2 }, twice, nn.GlobalAvgPool1d {},
      nn.Dense { units = 2, initializer = "ones" } }
    shared:build({ 16, 1 }, mb.rng(1))
    close(explain.grad_cam(shared, x, { signed = true }).values:slice(2, 1, 1),
      shared:maps(x)[3].output:slice(2, 1, 1):reshape(2, 1) / 8, 1e-5)
    raises("layer: expected one of '1.1', '1', '2', got '3'", explain.grad_cam, model, x, { layer = "3" })
    raises("no layer whose output is a map", explain.grad_cam, (linear(16, 2)), x)
  end)
end)

-- Pools and weights what a layer makes of (N, L, 1), so that Grad-CAM of its map has a closed form.
local function pooled(layer, points)
  local model = nn.Sequential { layer, nn.GlobalAvgPool1d {}, nn.Dense { units = 2 } }
  model:build({ points, 1 }, mb.rng(5))
  return model, model.layers[3].weight:detach():transpose(1, 2)[2] / points
end

local function rectified(filters, kernel)
  return nn.Conv1d { filters = filters, kernel = kernel, padding = "same", activation = "relu" }
end

describe("Grad-CAM of branches", function()
  local x = mb.rng(6):normal(0, 1, 3, 12, 1)
  local function signed(model, options)
    options = options or {}
    options.target, options.signed = 2, true
    return explain.grad_cam(model, x, options)
  end

  it("is of what a Concat or a Residual makes of all of them", function()
    local branch_2 = nn.Sequential { rectified(2, 5), rectified(3, 3) }
    local concat, weights = pooled(nn.Concat { rectified(1, 3), branch_2 }, 12)
    local maps = concat:maps(x)
    local joined = mb.concat({ maps["1.1"], maps["1.2"] }, 3)
    for _, options in ipairs { {}, { layer = "1" } } do
      local found = signed(concat, options)
      assert.equal("1", found.layer)
      close(found.values, (joined * weights):sum(3))
    end
    local branch = signed(concat, { layer = "1.2" }) -- a Sequential: what its last layer makes
    close(branch.values, (maps["1.2.2"] * weights:narrow(2, 3)):sum(3))
    close(signed(concat, { layer = "1.2.2" }).values, branch.values)
    local residual, own = pooled(nn.Residual { rectified(1, 3), activation = "relu" }, 12)
    close(signed(residual).values, ((residual:maps(x)["1.1"] + x):relu() * own):sum(3))
    raises("layer: expected one of '1.1', '1', got '2'", signed, residual, { layer = "2" })
  end)
  it("is of what a Graph joins, by the name of the node", function()
    for join, f in pairs {
      add = function(a, b) return a + b end, multiply = function(a, b) return a * b end,
      concat = function(a, b) return mb.concat({ a, b }, 3) end,
    } do
      local graph = nn.Graph { inputs = { "x" }, { name = "a", from = "x", rectified(2, 3) },
        { name = "b", from = "x", rectified(2, 5) }, { name = "both", from = { "a", "b" }, join = join } }
      local model, weights = pooled(graph, 12)
      local maps, found = model:maps(x), signed(model)
      assert.equal("1.both", found.layer)
      local joined = f(maps["1.1"], maps["1.2"])
      close(found.values, (joined * weights):sum(3))
      close(signed(model, { layer = "1.both" }).values, found.values)
      close(signed(model, { layer = "1" }).values, found.values) -- the Graph, whose output it is
      local flat = nn.Sequential { graph, nn.Flatten {}, nn.Dense { units = 2 } }
      flat:build({ 12, 1 }, mb.rng(1))
      local sum = signed(flat, { elementwise = true }).values:sum(2)
      close(sum + flat.layers[3].bias[2], flat(x):transpose(1, 2)[2], 1e-5)
      raises("expected one of '1.1', '1.2', '1.both', got 'both'", signed, flat, { layer = "both" })
    end
  end)
  it("is of the last map that no other stands beside", function()
    local function branches(...)
      return nn.Sequential { nn.Concat { nn.Sequential { rectified(2, 3), nn.GlobalMaxPool1d {} }, ... },
        nn.Dense { units = 2 } }
    end
    local both = branches(nn.Sequential { rectified(1, 5), nn.GlobalAvgPool1d {} })
    both:build({ 12, 1 }, mb.rng(1))
    raises("layer: several maps stand side by side; expected one of '1.1.1', '1.2.1'", signed, both)
    assert.equal("1.1.1", signed(both, { layer = "1.1.1" }).layer)
    local stem = nn.Sequential { rectified(1, 3), both }
    assert.equal("1", signed(stem).layer)
    assert.equal("1.1.1", signed(branches(nn.Flatten {})).layer) -- beside it are no maps
  end)
end)

describe("a layer in several places", function()
  it("has a map in each", function()
    local twice = nn.Conv1d { filters = 1, kernel = 1, bias = false, initializer = "ones" }
    local model = nn.Sequential { twice, nn.MaxPool1d { size = 2 }, twice, nn.GlobalAvgPool1d {},
      nn.Dense { units = 2, initializer = "ones" } }
    model:build { 20, 1 }
    local x = mb.zeros(1, 20, 1)
    x:set(1, 12, 1, 1)
    local maps = model:maps(x)
    for i = 1, 5 do assert.equal(tostring(i), maps[i].path) end
    assert.same({ 20, 10 }, { maps["1"]:size(2), maps["3"]:size(2) })
    -- Half of the points of the first map lead through the pooling to the mean of 10.
    close(explain.grad_cam(model, x, { target = 1, layer = "1" }).values, x:reshape(1, 20) / 20)
    local last, expected = explain.grad_cam(model, x, { target = 1 }), mb.zeros(1, 20)
    for point = 1, 20 do -- pooled, the peak lies at 11.5, and falls to the centres beside it, 9.5 and 13.5
      expected:set(1, point, math.max(0, 1 - math.abs(point - 11.5) / 2) / 10)
    end
    close(last.values, expected)
    assert.equal("3", last.layer)
    close(explain.grad_cam(model, x, { target = 1, layer = "3" }).values, expected)
    raises("layer: expected one of '1', '2', '3', got '4'", explain.grad_cam, model, x, { layer = "4" })
  end)
end)

describe("occlusion", function()
  it("is the fall of the output when points are hidden, as a plain loop has it", function()
    local model = linear(9, 2, 4)
    local x = mb.rng(5):normal(0, 1, 2, 9, 1)
    local found = explain.occlusion(model, x, { width = 1, stride = 1, fill = "zero", target = 2 })
    local whole = model(x):softmax()
    for point = 1, 9 do
      local hidden = x:copy()
      for row = 1, 2 do hidden:set(row, point, 1, 0) end
      local fall = whole - model(hidden):softmax()
      for row = 1, 2 do assert.near(fall:get(row, 2), found.values:get(row, point), 1e-6) end
    end
  end)
  it("covers every point, by lines, zeros or means", function()
    local model = linear(50, 2)
    local ramp = (mb.arange(50) * mb.ones(3, 1)):reshape(3, 50, 1) / 50
    for _, width in ipairs { 1, 7, 20, 50 } do
      assert.same({ 3, 50 }, explain.occlusion(model, ramp, { width = width }).values:shape())
    end
    local hidden = explain.occlusion(model, ramp, { width = 10, fill = "line" }).values:narrow(1, 1)
    close(hidden:reshape(-1):narrow(11, 25), mb.zeros(25), 1e-4) -- a line hides nothing of a line
    close(explain.occlusion(model, ramp, { fill = "mean" }).values, mb.zeros(3, 50), 1e-6)
    raises("stride: expected at most the width, 5", explain.occlusion, model, ramp, { width = 5, stride = 6 })
    raises("width: expected at most 50", explain.occlusion, model, ramp, { width = 51 })
  end)
  it("takes forests, linear models, pipelines on sets, and numbers", function()
    local rng = mb.rng(7)
    local x = rng:normal(0, 1, 200, 20, 1)
    local y = {}
    for i = 1, 200 do y[i] = x:get(i, 13, 1) > 0 and 2 or 1 end
    local function best(found) return found.values:abs():mean(1):argmax(1)[1] end
    local options = { width = 1, stride = 1, fill = "zero", target = y }
    assert.equal(13, best(explain.occlusion(mb.forest.fit(x, y, { trees = 30, verbose = false }), x, options)))
    assert.equal(13, best(explain.occlusion(mb.linear.fit(x, y), x, options)))
    local labels, numbers = {}, {}
    for i = 1, 200 do labels[i], numbers[i] = y[i] == 2 and "above" or "below", x:get(i, 13, 1) end
    local set = mb.spectra.set { x = x:reshape(200, 20), axis = { first = 400, last = 438, step = 2 }, unit = "cm-1",
      labels = { side = labels, height = numbers } }
    local fitted = mb.pipeline({ "standardize", { "logistic", C = 1 } }):fit(set, { label = "side" })
    local found = explain.occlusion(fitted, set, options)
    assert.equal(13, best(found))
    assert.equal(424, found.axis[13])
    local pls = mb.pipeline({ { "pls", components = 5 } }):fit(set, { target = "height" })
    assert.equal(13, best(explain.occlusion(pls, set, { width = 1, stride = 1, fill = "zero" })))
    raises("expected a network, a fitted pipeline or another model", explain.occlusion, {}, x)
    raises("outputs: expected one of 'classes', 'labels', 'numbers'", explain.occlusion, fitted, set, { outputs = "x" })
  end)
end)

describe("permutation importance", function()
  local rng = mb.rng(7)
  local x, y = rng:normal(0, 1, 300, 20, 1), {}
  for i = 1, 300 do y[i] = x:get(i, 13, 1) > 0 and 2 or 1 end
  local set = { x = x, y = y }

  it("finds the band that decides, of every kind of model", function()
    local net = linear(20, 2)
    mb.fit(net, set, { epochs = 30, optimizer = mb.optim.Adam { lr = 0.02 }, verbose = false })
    for _, model in ipairs { mb.forest.fit(x, y, { trees = 30, verbose = false }), mb.logistic.fit(x, y), net,
      mb.pipeline({ { "logistic", C = 1 } }):fit(set), mb.pipeline { { "logistic", C = 1 } } } do
      local found = explain.importance(model, set, { bands = 10, axis = mb.arange(20) * 10 })
      assert.same({ 10, 130, 140 }, { #found, found:strongest(1)[1].low, found:strongest(1)[1].high })
      assert.is_true(found:strongest(2)[2].growth < 0.2 * found:strongest(1)[1].growth)
    end
  end)
  it("is of bands whose points, which they have, differ by one at most", function()
    local model = mb.ridge.fit(mb.rng(1):normal(0, 1, 30, 60, 1), mb.rng(2):normal(0, 1, 30, 1))
    local data = { x = mb.rng(3):normal(0, 1, 10, 60, 1), y = mb.zeros(10, 1) }
    for bands, expected in pairs { [40] = { 1, 2 }, [30] = { 2, 2 }, [7] = { 8, 9 }, [99] = { 1, 1 } } do
      local found = explain.importance(model, data, { bands = bands, repeats = 1 })
      local sum, least, most = 0, math.huge, 0
      for _, band in ipairs(found) do
        assert.equal(band.high - band.low + 1, band.points)
        sum, least, most = sum + band.points, math.min(least, band.points), math.max(most, band.points)
      end
      assert.same({ 60, expected[1], expected[2] }, { sum, least, most })
      assert.matches("\nband  +points  growth of the error\n", tostring(found))
    end
  end)
  it("of an exact model of numbers is what theory gives", function()
    local model = linear(20, 1)
    local weight = mb.zeros(20, 1)
    weight:set(5, 1, 3)
    model:load_state { ["2.weight"] = weight, ["2.bias"] = mb.zeros(1) }
    local numbers = x:slice(2, 5, 1):reshape(300, 1) * 3
    local found = explain.importance(model, { x = x, y = numbers }, { bands = 20, repeats = 20 })
    assert.near(0, found.error, 1e-5)
    local sd = x:slice(2, 5, 1):std():item()
    assert.near(3 * sd * math.sqrt(2), found[5].growth, 0.15) -- two independent draws differ by sd * sqrt 2
    for b, band in ipairs(found) do
      if b ~= 5 then assert.near(0, band.growth, 1e-5) end
    end
  end)
  it("takes several labels per spectrum", function()
    local model = linear(20, 2)
    local marks = mb.stack({ x:slice(2, 3, 1):reshape(-1):gt(0), x:slice(2, 9, 1):reshape(-1):gt(0) }, 2)
    mb.fit(model, { x = x, y = marks }, { loss = "binary_cross_entropy", epochs = 40, verbose = false,
      optimizer = mb.optim.Adam { lr = 0.02 } })
    local found = explain.importance(model, { x = x, y = marks }, { bands = 20, outputs = "labels" })
    local best = found:strongest(2)
    assert.same({ 3, 9 }, { math.min(best[1].low, best[2].low), math.max(best[1].low, best[2].low) })
  end)
  it("is the same for the same seed, prints and draws itself", function()
    local model = mb.logistic.fit(x, y)
    local one, again = explain.importance(model, set, { bands = 4 }), explain.importance(model, set, { bands = 4 })
    for b = 1, 4 do assert.equal(one[b].growth, again[b].growth) end
    assert.matches("the strongest of 4 bands", tostring(one))
    assert.matches("lines", tostring(one:plot { title = "bands" }))
    raises("task: expected one of 'class', 'number', got 'clas'", explain.importance, model, set, { task = "clas" })
    raises("only a pipeline is fitted again", explain.importance, model, set, { folds = {} })
    for message, folds in pairs { ["folds: expected at least one, got none"] = {},
      ["folds[1]: expected a table, got 1"] = { 1, 2 },
      ["folds[1].train: expected a tensor, got a table"] = { { train = { 1, 2 }, test = { 3 } } },
      ["folds[1].test: expected rows from 1 to 300, got 1 to 999"] = { { train = mb.tensor { 1, 2 },
        test = mb.tensor { 1, 999 } } } } do
      raises(message, explain.importance, { "plsda" }, set, { folds = folds })
    end
    raises("groups: expected one group for each row, got 'sample'", explain.importance, model, set,
      { groups = "sample" })
    raises("input: a pipeline has only one, without a name", explain.importance, { "plsda" }, set, { input = "x" })
    raises("input: there is only one, without a name", explain.importance, model, set, { input = "x" })
    raises("y: row 300 is of class 3", explain.importance, model, { x = x, y = (function()
      local list = table.move(y, 1, 299, 1, {})
      list[300] = 3
      return list
    end)() })
  end)
end)

describe("an svm", function()
  it("has scores from 0 to 1, fitted alone, in a pipeline, and saved and loaded", function()
    local x, y, kinds = mb.rng(7):normal(0, 1, 120, 20, 1), {}, {}
    for i = 1, 120 do y[i] = x:get(i, 13, 1) > 0 and 2 or 1 end
    for i = 1, 120 do kinds[i] = y[i] == 2 and "b" or "a" end
    local set = mb.spectra.set { x = x:reshape(120, 20), axis = { first = 400, last = 438, step = 2 }, unit = "cm-1",
      labels = { kind = kinds } }
    local fitted = mb.pipeline({ { "svm", C = 0.1 } }):fit(set, { label = "kind" })
    local path = os.tmpname()
    assert(fitted:save(path))
    local models, alone = { fitted, mb.ensemble { fitted }, (mb.load(path)) }, fitted.model
    os.remove(path)
    models[4] = mb.ensemble { models[3] }
    local off = (alone:decision_function(x) + 1) / 2 - mb.tensor(y):reshape(120, 1):eq(mb.tensor { { 1, 2 } })
    local error = math.sqrt((off * off):mean():item())
    for _, model in ipairs(models) do
      assert.near(error, explain.importance(model, set, { label = "kind", repeats = 1 }).error, 1e-6)
    end
    assert.near(error, explain.importance(alone, { x = x, y = y }, { repeats = 1 }).error, 1e-6)
    local expected = explain.occlusion(fitted, set).values
    for _, model in ipairs(models) do close(explain.occlusion(model, set).values, expected, 1e-6) end
    close(explain.occlusion(alone, x).values, expected, 1e-6)
  end)
end)

describe("the axis of a fitted pipeline", function()
  local x, heights = mb.rng(3):normal(0, 1, 20, 61), {}
  for i = 1, 20 do heights[i] = x:get(i, 30) end
  local set = mb.spectra.set { x = x, axis = { first = 200, last = 500, step = 5 }, unit = "cm-1",
    labels = { height = heights } }
  local function fit(step) return mb.pipeline({ step, { "ridge", alpha = 1 } }):fit(set, { target = "height" }) end

  it("is that of the spectra which its steps prepare", function()
    local grid = { first = 214, last = 454, step = 4 }
    for _, case in ipairs { { { "crop", low = 250, high = 450 }, 250, 450, 41 }, { "snv", 200, 500, 61 },
      { { "bin", width = 10 }, 202.5, 500, 31 }, { { "resample", grid = grid }, 214, 454, 61 } } do
      local step, first, last, count = table.unpack(case)
      local fitted, falling = fit(step), set:flip()
      for _, given in ipairs { { set.x, { axis = set.axis } }, { set.x, { axis = mb.tensor(set.axis) } }, { set },
        { set, { axis = set.axis } }, { falling }, { falling, { axis = falling.axis } } } do
        local axis = explain.occlusion(fitted, given[1], given[2]).axis
        assert.same({ first, last, count }, { axis[1], axis[#axis], #axis })
      end
      local prepared = explain.occlusion(fitted, set).axis
      assert.same(prepared, explain.occlusion(fitted, set.x, { axis = prepared }).axis)
      local bands = explain.importance(fitted, { x = set.x, y = heights }, { axis = set.axis, bands = 3, repeats = 1 })
      assert.same({ first, last }, { bands[1].low, bands[3].high })
    end
  end)
  it("is not guessed", function()
    local fitted, shifted = fit { "crop", low = 250, high = 450 }, {}
    for i, position in ipairs(set.axis) do shifted[i] = position + 1 end
    for _, x_or_set in ipairs { set.x, set } do
      raises("axis: expected 61 numbers, one for each point, got 2", explain.occlusion, fitted, x_or_set,
        { axis = { 1, 2 } })
      raises("axis: expected the one from which the steps of the pipeline make another: point 1 of the axis is 200 "
        .. "there and 201 here", explain.occlusion, fitted, x_or_set, { axis = shifted })
    end
    assert.equal(201, explain.occlusion(fit "snv", set.x, { axis = shifted }).axis[1])
  end)
end)

describe("filters", function()
  local model = nn.Sequential { nn.Conv1d { filters = 2, kernel = 4 }, nn.Conv1d { filters = 3, kernel = 2 } }
  model:build({ 30, 1 }, mb.rng(1))
  local weight = mb.zeros(4, 1, 2)
  for k = 1, 4 do
    weight:set(k, 1, 1, 0.25) -- a mean
    weight:set(k, 1, 2, k % 2 == 0 and 0.25 or -0.25) -- alternating signs
  end
  model.layers[1].weight = weight

  it("have the response of a mean and of alternating signs", function()
    local found = explain.filters(model, { frequencies = 65 })
    for i, f in ipairs(found.frequency) do
      local re, im = 0, 0
      for k = 0, 3 do re, im = re + 0.25 * math.cos(2 * math.pi * f * k), im + 0.25 * math.sin(2 * math.pi * f * k) end
      assert.near(math.sqrt(re * re + im * im), found.response:get(1, i), 1e-5)
      assert.near(found.response:get(1, 66 - i), found.response:get(2, i), 1e-5)
    end
    assert.same({ 0, 0.5 }, { found.frequency[1], found.frequency[65] })
    assert.matches("1        0.5    1               0         constant", tostring(found))
  end)
  it("multiply sines as the layer does, whatever its dilation, stride and groups", function()
    for _, options in ipairs { { dilation = 3 }, { stride = 2 }, { dilation = 2, stride = 3 }, { groups = 2 } } do
      options.filters, options.kernel, options.bias = 2, 4, false
      local conv = nn.Conv1d(options)
      conv:build({ 60, 2 }, mb.rng(1))
      local found = explain.filters(conv, { frequencies = 9 })
      local turn = (mb.arange(60) * (2 * math.pi)):reshape(1, 60, 1)
      for i, f in ipairs(found.frequency) do
        local squares = 0
        for channel = 1, 2 do
          local mask = mb.zeros(1, 1, 2)
          mask:set(1, 1, channel, 1)
          local with_cos, with_sin = conv((turn * f):cos() * mask), conv((turn * f):sin() * mask)
          squares = squares + with_cos * with_cos + with_sin * with_sin
        end
        local amplitude = squares:sqrt():detach()
        for k = 1, amplitude:size(2) do
          for filter = 1, 2 do assert.near(found.response:get(filter, i), amplitude:get(1, k, filter), 2e-5) end
        end
      end
    end
    local dilated = nn.Conv1d { filters = 1, kernel = 2, dilation = 3, initializer = "ones" }
    dilated:build { 20, 1 }
    local found = explain.filters(dilated, { frequencies = 4 })
    close(found.response[1], mb.tensor { 2, 0, 2, 0 }, 1e-6)
    assert.equal(3, found.dilation)
    assert.matches("^layer : 1 filter of 2 points, 3 apart\n", tostring(found))
    assert.matches("\n1 1\n4 1\n", found:plot():script())
  end)
  it("are chosen by path, and drawn", function()
    assert.same({ 3, 2, 2 }, explain.filters(model, { layer = "2" }).weight:shape())
    assert.matches("figure of 2 panels", tostring(explain.filters(model):plot { filters = { 2 } }))
    raises("layer: expected one of '1', '2'", explain.filters, model, { layer = "3" })
    raises("has no Conv1d", explain.filters, (linear(3, 2)))
    raises("filters: expected at least one, got none", function() explain.filters(model):plot { filters = {} } end)
    raises("filters[1]: expected at most 2, got 3", function() explain.filters(model):plot { filters = { 3 } } end)
    raises("no weights yet", explain.filters, mb.models.cnn { classes = 2 })
  end)
end)

describe("an attribution", function()
  local model, x = linear(5, 2), mb.ones(2, 5, 1)
  local found = explain.saliency(model, x, { axis = { 10, 20, 30, 40, 50 }, x_label = "shift" })
  found.values = mb.tensor { { 0, -1, 3, 0, 0 }, { 0, 0, 0, 0, 0 } }

  it("says what share of its weight lies where", function()
    assert.same({ 0.75, 0 }, found:share(25, 50):totable())
    assert.same({ 0.25, 0 }, found:share({ 20, 1 }, mb.tensor { 20, 2 }):totable())
    assert.same({ 0.75, 0 }, found:share(50, 25):totable()) -- as on an axis that falls
    assert.same({ 0.25, 0 }, found:share({ 25, 1 }, { 10, 2 }):totable())
    raises("low: expected a number, or 2 of them", found.share, found, { 1 }, 2)
  end)
  it("prints, and draws spectrum and weights one below the other, aligned", function()
    assert.equal("saliency of 2 spectra, 5 points; most weight on average at 30", tostring(found))
    local script = found:plot { row = 1 }:script()
    local _, margins = script:gsub("set lmargin 11", "")
    local _, ranges = script:gsub("set xrange %[10:50%]", "")
    assert.same({ 2, 2 }, { margins, ranges })
    assert.matches("saliency: spectrum 1, output %d", script)
    raises("row: expected at most 2, got 3", found.plot, found, { row = 3 })
  end)
end)
