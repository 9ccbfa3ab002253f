-- Looking inside networks of several inputs: against weights, plain loops and networks of one input.
local mb = require "moonbow"
local expect = require "support.expect"
local nn, explain = mb.nn, mb.explain
local raises, close = expect.raises, expect.close

-- Spectra, flattened, beside conditions, before one dense layer.
local function linear(units)
  local model = nn.Graph { inputs = { "spectrum", "conditions" },
    { name = "flat", from = "spectrum", nn.Flatten {} },
    { name = "class", from = { "flat", "conditions" }, nn.Dense { units = units } } }
  model:build({ spectrum = { 6, 1 }, conditions = { 2 } }, mb.rng(1))
  return model, model.layers[2].weight:detach()
end

-- Spectra through a convolution and pooling, conditions through a dense layer, multiplied.
local function gated()
  local model = nn.Graph { inputs = { "conditions", "spectrum" },
    { name = "gate", from = "conditions", nn.Dense { units = 3, activation = "sigmoid" } },
    { name = "map", from = "spectrum", nn.Conv1d { filters = 3, kernel = 5, stride = 2, activation = "relu" } },
    { name = "pooled", from = "map", nn.GlobalAvgPool1d {} },
    { name = "both", from = { "pooled", "gate" }, join = "multiply" },
    { name = "class", from = "both", nn.Dense { units = 2 } } }
  model:build({ spectrum = { 21, 1 }, conditions = { 2 } }, mb.rng(2))
  return model
end

local function draw(n, points)
  local rng = mb.rng(3)
  return { spectrum = rng:normal(0, 1, n, points, 1), conditions = rng:normal(0, 1, n, 2) }
end

describe("explanations of several inputs", function()
  it("by gradients of a linear network are its weights, of each input", function()
    local model, weight = linear(3)
    local x, of_class = draw(70, 6), weight:transpose(1, 2)[2]
    local found = explain.saliency(model, x, { target = 2 })
    close(found.spectrum.values[70], of_class:narrow(1, 6):abs())
    close(found.conditions.values[1], of_class:narrow(7, 2):abs())
    local product = explain.saliency(model, x, { target = 2, times_input = true, input = "conditions" })
    close(product.values, x.conditions * of_class:narrow(7, 2))
    local integrated = explain.integrated_gradients(model, x, { target = 2, steps = 3, baseline = {
      spectrum = "mean" } })
    close(integrated.conditions.values, product.values)
    close(integrated.spectrum.values, ((x.spectrum - x.spectrum:mean(1)):reshape(70, 6) * of_class:narrow(1, 6)), 1e-5)
    assert.is_true(integrated.spectrum.gap < 1e-4)
    assert.equal(integrated.spectrum.gap, integrated.conditions.gap)
  end)
  it("by integrated gradients add up over all inputs", function()
    local found = explain.integrated_gradients(gated(), draw(5, 21), { target = 1, steps = 200 })
    assert.is_true(found.spectrum.gap < 0.02, found.spectrum.gap)
  end)
  it("by Grad-CAM are of those that have a map", function()
    local model, x = gated(), draw(4, 21)
    local found = explain.grad_cam(model, x, { target = 2, signed = true })
    assert.is_nil(found.conditions)
    assert.equal("2", found.spectrum.layer)
    local weights = mb.no_grad(model.layers[1], x.conditions) * model.layers[4].weight:transpose(1, 2)[2] / 9
    local map = (model:maps(x)["2"] * weights:reshape(4, 1, 3)):sum(3):detach() -- centred on the points 3, 5, ..., 19
    for i = 1, 9 do close(found.spectrum.values:slice(2, 2 * i + 1, 1), map:slice(2, i, 1), 1e-5) end
    close(explain.grad_cam(model, x, { target = 2, signed = true, input = "spectrum", layer = "2" }).values,
      found.spectrum.values)
    raises("no layer whose output is a map (N, L, C) of the input 'conditions'", explain.grad_cam, model, x,
      { input = "conditions" })
    raises("layer: expected one of '2', got '1'", explain.grad_cam, model, x, { layer = "1" })
  end)
  it("by Grad-CAM lie on the axis of their own input, where maps are joined", function()
    local both = nn.Graph { inputs = { "fine", "coarse" },
      { name = "a", from = "fine", nn.MaxPool1d { size = 4 } },
      { name = "b", from = "coarse", nn.MaxPool1d { size = 2 } },
      { name = "map", from = { "a", "b" }, nn.Conv1d { filters = 2, kernel = 3, padding = "same", initializer = 1 } },
      { name = "class", from = "map", nn.Sequential { nn.Flatten {}, nn.Dense { units = 2, initializer = "ones" } } } }
    both:build { fine = { 40, 1 }, coarse = { 20, 1 } }
    local x = { fine = mb.zeros(1, 40, 1), coarse = mb.zeros(1, 20, 1) }
    x.fine:set(1, 23, 1, 1)
    local trace, count = both.trace, 0
    both.trace = function(...)
      count = count + 1
      return trace(...)
    end
    local found = explain.grad_cam(both, x)
    assert.equal(1, count) -- for both inputs
    assert.same({ 40, 20 }, { #found.fine.axis, #found.coarse.axis })
    assert.same({ "3", "3" }, { found.fine.layer, found.coarse.layer })
    for name, at in pairs { fine = 22.5, coarse = 11.5 } do -- the sixth of ten places
      local values = found[name].values[1]
      local centre = (values * mb.arange(#values)):sum():item() / values:sum():item()
      assert.is_near(at, centre, 0.3)
    end
  end)
  it("by Grad-CAM are of each input's own map, also of a layer that they share", function()
    local shared = nn.Conv1d { filters = 1, kernel = 1, bias = false, initializer = "ones" }
    local pool, dense = nn.GlobalAvgPool1d {}, nn.Dense { units = 2, initializer = "ones" }
    local twice = nn.Graph { inputs = { "a", "b" }, { name = "fa", from = "a", shared },
      { name = "fb", from = "b", shared }, { name = "sum", from = { "fa", "fb" }, join = "add", pool },
      { name = "class", from = "sum", dense } }
    local once = nn.Graph { inputs = { "a", "b" }, nodes = { { name = "fa", from = "a", layer = 1 },
      { name = "fb", from = "b", layer = 1 }, { name = "sum", from = { "fa", "fb" }, join = "add", layer = 2 },
      { name = "class", from = "sum", layer = 3 } }, shared, pool, dense }
    local x = { a = mb.tensor { 1, 0, 0, 0 }:reshape(1, 4, 1), b = mb.tensor { 0, 0, 0, 9 }:reshape(1, 4, 1) }
    for _, model in ipairs { twice, once } do
      model:build { a = { 4, 1 }, b = { 4, 1 } }
      local found = explain.grad_cam(model, x, { target = 1 })
      for name, own in pairs(x) do
        close(found[name].values, own:reshape(1, 4) / 4)
        close(explain.grad_cam(model, x, { target = 1, input = name }).values, found[name].values)
      end
      local sum = explain.grad_cam(model, x, { target = 1, layer = "sum" })
      for name in pairs(x) do close(sum[name].values, (x.a + x.b):reshape(1, 4) / 4) end
    end
    local ways = twice:maps(x)
    assert.same({ "1", "2", "3", "4" }, { ways[1].path, ways[2].path, ways[3].path, ways[4].path })
    close(ways["1"], x.a)
    close(ways["2"], x.b)
    raises("layer: expected one of '1', 'sum', '2', got '3'", explain.grad_cam, twice, x, { layer = "3" })
  end)
  it("by occlusion are of one input while the others stay", function()
    local model, x = gated(), draw(3, 21)
    local whole = mb.no_grad(model, x):softmax()
    local found = explain.occlusion(model, x, { width = 1, fill = { conditions = "zero", spectrum = "zero" } })
    for _, name in ipairs { "spectrum", "conditions" } do
      local values = found[name].values
      for point = 1, values:size(2) do
        local hidden = { spectrum = x.spectrum:copy(), conditions = x.conditions:copy() }
        for row = 1, 3 do
          if name == "spectrum" then hidden[name]:set(row, point, 1, 0) else hidden[name]:set(row, point, 0) end
        end
        local fall = whole - mb.no_grad(model, hidden):softmax()
        for row = 1, 3 do
          assert.near(fall:get(row, found[name].target[row]), values:get(row, point), 1e-6)
        end
      end
    end
    raises("width: expected at most 2 points, those of the input 'conditions', got 5", explain.occlusion, model, x,
      { width = 5 })
    assert.same({ 3, 21 }, explain.occlusion(model, x, { width = { spectrum = 5 } }).spectrum.values:shape())
    raises("fill: expected one of 'line', 'zero', 'mean', got 'none'", explain.occlusion, model, x, { fill = "none" })
  end)
  it("by permutation are of the bands of each input", function()
    local model = linear(1)
    local weight = mb.zeros(8, 1)
    weight:set(8, 1, 3)
    model:load_state { ["2.weight"] = weight, ["2.bias"] = mb.zeros(1) }
    local x = draw(300, 6)
    local y = x.conditions:slice(2, 2, 1) * 3
    local found = explain.importance(model, { x = x, y = y }, { repeats = 20 })
    assert.same({ 6, 2 }, { #found.spectrum, #found.conditions })
    local sd = x.conditions:slice(2, 2, 1):std():item()
    assert.near(3 * sd * math.sqrt(2), found.conditions[2].growth, 0.15)
    assert.near(0, found.spectrum[3].growth + found.conditions[1].growth, 1e-5)
    assert.same(found.conditions, explain.importance(model, { x = x, y = y }, { repeats = 20, input = "conditions" }))
    raises("input: expected one of 'conditions', 'spectrum', got 'x'", explain.importance, model, { x = x, y = y },
      { input = "x" })
  end)
end)

describe("results by input", function()
  local model, x = gated(), draw(4, 21)
  it("print each, and draw themselves on the axis of their input", function()
    local axis = mb.linspace(100, 300, 21)
    local found = explain.saliency(model, x, { axis = { spectrum = axis }, x_label = { spectrum = "shift" } })
    assert.matches("^conditions: saliency of 4 spectra, 2 points; .*\nspectrum: saliency of 4 spectra, 21 points; ",
      tostring(found))
    local alone = explain.saliency(model, x, { axis = axis, x_label = "shift", input = "spectrum" })
    assert.equal(tostring(found.spectrum), tostring(alone))
    for _, one in ipairs { found.spectrum, alone } do
      local script = one:plot():script()
      assert.matches("set xrange [100:300]", script, nil, true)
      assert.matches("shift", script)
    end
    assert.matches("set xrange [1:2]", found.conditions:plot():script(), nil, true)
  end)
  it("take sets of spectra, with their axis", function()
    local set = mb.spectra.set { x = x.spectrum:reshape(4, 21), axis = { first = 400, last = 440, step = 2 },
      unit = "cm-1" }
    local found = explain.saliency(model, { spectrum = set, conditions = x.conditions })
    assert.same({ 400, 440 }, { found.spectrum.axis[1], found.spectrum.axis[21] })
    close(found.spectrum.values, explain.saliency(model, x).spectrum.values)
  end)
  it("say what is wrong", function()
    raises("input: expected one of 'conditions', 'spectrum', got 'x'", explain.saliency, model, x, { input = "x" })
    raises("input: there is only one, without a name", explain.saliency, nn.Sequential { nn.Flatten {} },
      x.spectrum, { input = "x" })
    raises("there is no value for the input 'conditions'", explain.saliency, model, { spectrum = x.spectrum })
    raises("axis: expected a table by the names of inputs, or the option input", explain.saliency, model, x,
      { axis = { 1, 2 } })
    raises("axis: expected 2 numbers", explain.saliency, model, x, { axis = { conditions = { 1 } } })
    raises("axis: expected one of 'conditions', 'spectrum', got 'spectra'", explain.saliency, model, x,
      { axis = { spectra = { 1 } } })
    raises("x_label: expected a string", explain.saliency, model, x, { x_label = { spectrum = 1 } })
    raises("baseline: expected 'zero', 'mean', or a table by the names of inputs", explain.integrated_gradients, model,
      x, { baseline = mb.zeros(21, 1) })
    raises("x: expected a tensor, got a table", explain.saliency, nn.Sequential { nn.Flatten {} }, x)
    raises("x.spectrum: expected 4 rows, as x.conditions has, got 3", explain.saliency, model,
      { spectrum = x.spectrum:narrow(1, 3), conditions = x.conditions })
  end)
  it("of maps have every layer's output, drawn on the points of its input", function()
    local maps = model:maps(x)
    assert.same({ 4, 9, 3 }, maps["2"]:shape())
    assert.matches("heatmap", tostring(maps:plot("2", { axis = mb.arange(21) })))
    raises("axis: expected 21 numbers", maps.plot, maps, "2", { axis = { 1, 2 } })
    raises("maps: x: expected a tensor", function() nn.Sequential { nn.Flatten {} }:maps(x) end)
  end)
  it("are of layers of one's own, too", function()
    local both = nn.class("Both", {}, { forward = function(_, values) return values.a * 2 - values.b end }) {}
    local two = { a = mb.rand(2, 8), b = mb.rand(2, 8) }
    local found = explain.saliency(both, two, { target = 3, signed = true })
    assert.same({ 2, -1 }, { found.a.values:get(1, 3), found.b.values:get(2, 3) })
    both = nn.class("Both", {}, { forward = function(_, values) return values.a + values.b end }) {}
    local maps = both:maps { a = mb.rand(2, 8, 1), b = mb.rand(2, 8, 1) }
    raises("it is not known which input leads to it", maps.plot, maps, "")
  end)
end)
