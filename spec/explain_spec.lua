-- Looking inside: gradients, occlusion, importance and filters against plain loops and what is known of the data.
local mb = require "moonbow"
local expect = require "support.expect"
local small_networks = require "support.small_networks"
local bytes = require "support.state_bytes"
local nn, explain = mb.nn, mb.explain
local raises, close = expect.raises, expect.close
local linear, averaging = small_networks.linear, small_networks.averaging

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
