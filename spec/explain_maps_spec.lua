-- Maps of layers and Grad-CAM: where they lie on the axis, of branches, of layers in several places.
local mb = require "moonbow"
local expect = require "support.expect"
local small_networks = require "support.small_networks"
local bytes = require "support.state_bytes"
local nn, explain = mb.nn, mb.explain
local raises, close = expect.raises, expect.close
local linear, averaging = small_networks.linear, small_networks.averaging

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
