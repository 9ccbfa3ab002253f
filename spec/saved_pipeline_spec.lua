-- A saved model knows the axis, unit, steps and classes of the set that it was trained on, and prepares other sets.
local mb = require "moonbow"

local path = os.tmpname()
teardown(function() os.remove(path) end)

-- Two kinds of spectra, a peak at 450 or at 470 cm-1, on an axis from low to high.
local function spectra(low, high, points, options)
  local rng, rows, kinds, heights, axis = mb.rng(options and options.seed or 1), {}, {}, {}, {}
  for t = 1, points do axis[t] = low + (high - low) * (t - 1) / (points - 1) end
  local noise = rng:normal(0, 0.02, 20 * points):totable()
  for i = 1, 20 do
    rows[i], kinds[i] = {}, i % 2 == 0 and "calcite" or "quartz"
    heights[i] = tostring(1 + i / 20)
    for t = 1, points do
      local place = i % 2 == 0 and 450 or 470
      rows[i][t] = { (1 + i / 20) * math.exp(-((axis[t] - place) / 6) ^ 2) + noise[(i - 1) * points + t] }
    end
  end
  return mb.spectra.set { x = mb.tensor(rows), axis = axis, unit = options and options.unit or "cm-1",
    quantity = "counts", labels = { kind = kinds, height = heights } }
end

local function saved(list, options)
  local fitted = mb.pipeline(list):fit(spectra(400, 520, 61), options)
  assert(fitted:save(path))
  return fitted, assert(mb.load(path))
end

describe("a saved pipeline", function()
  it("predicts raw spectra on another axis, in either order", function()
    local fitted, model = saved({ "snv", "logistic" }, { label = "kind" })
    assert.same(fitted:predict(spectra(400, 520, 61)):totable(), mb.predict(model, spectra(400, 520, 61)):totable())
    for _, other in ipairs { spectra(390, 530, 141, { seed = 2 }), spectra(390, 530, 141, { seed = 3 }):flip() } do
      local predicted, probabilities, names = mb.predict(model, other)
      assert.same({ 20 }, predicted:shape())
      assert.same({ 20, 2 }, probabilities:shape())
      assert.same(other.labels.kind, names)
    end
  end)
  it("keeps the points of its steps on an axis that differs by rounding only", function()
    local fitted, model = saved({ { "crop", low = 440, high = 480 }, "pls" }, { target = "height" })
    local set = spectra(400, 520, 61)
    local other = mb.spectra.set { x = set.x, axis = mb.tensor(set.axis) + 1e-4, unit = "cm-1" }
    assert.is_true(other.axis[41] > 480)
    for _, f in ipairs { fitted, model } do
      assert.same(fitted:predict(set):totable(), mb.predict(f, other):totable())
    end
  end)
  it("refuses another range, unit or kind of values", function()
    local _, model = saved({ "snv", "logistic" }, { label = "kind" })
    assert.error_matches(function() mb.predict(model, spectra(410, 520, 61)) end,
      "predict: the spectra do not cover the axis of the model: the grid, 400 to 520, goes beyond the axis, 410 to 520")
    assert.error_matches(function() mb.predict(model, spectra(400, 520, 61, { unit = "nm" })) end,
      "the model was trained on an axis in cm%-1, the spectra have nm")
    assert.error_matches(function() mb.predict(model, spectra(400, 520, 61):with { quantity = "absorbance" }) end,
      "the model was trained on values in counts, the spectra have absorbance")
  end)
  it("refuses percent where it was trained on fractions, and the reverse", function()
    local fractions = spectra(400, 520, 61):with { quantity = "transmittance" }
    local percent = fractions:with { quantity = "%T" }
    for trained, other in pairs { [fractions] = percent, [percent] = fractions } do
      local fitted = mb.pipeline({ "logistic" }):fit(trained, { label = "kind" })
      assert(fitted:save(path))
      local model = assert(mb.load(path))
      assert.is_true(mb.predict(model, trained):eq(fitted:predict(trained)):mean():item() == 1)
      for _, predict in ipairs { function() mb.predict(model, other) end, function() fitted:predict(other) end } do
        assert.error_matches(predict, "trained on values in %%?transmittance, the spectra have %%?transmittance")
      end
    end
  end)
  it("is like the fitted one, which brings a set to its axis too", function()
    local fitted, model = saved({ "snv", "logistic" }, { label = "kind" })
    local other = spectra(390, 530, 141, { seed = 2 })
    assert.same(mb.predict(model, other):totable(), fitted:predict(other):totable())
    assert.error_matches(function() fitted:predict(spectra(410, 520, 61)) end, "do not cover the axis of the model")
    assert.equal(1, mb.reliability(fitted, other, { label = "kind" }).accuracy)
  end)
  it("takes tensors as they are", function()
    local _, model = saved({ "logistic" }, { label = "kind" })
    local set = spectra(400, 520, 61)
    assert.same(mb.predict(model, set):totable(), mb.predict(model, set.x):totable())
  end)
  it("holds every model that files can hold", function()
    local set = spectra(400, 520, 61)
    for _, model in ipairs { "plsda", "svm", "forest", "neighbours", { "network", epochs = 3 } } do
      local fitted, loaded = saved({ "snv", model }, { label = "kind" })
      assert.same(fitted:predict(set):totable(), mb.predict(loaded, set):totable())
    end
    for _, model in ipairs { "pls", "ridge", { "forest", trees = 5 } } do
      local fitted, loaded = saved({ "snv", model }, { target = "height" })
      assert.same(fitted:predict(set):reshape(-1):totable(), mb.predict(loaded, set):reshape(-1):totable())
    end
    assert.error_matches(function() saved({ "neighbours" }, { target = "height" }) end,
      "fitted:save: model: no file holds neighbours that predicts numbers")
    assert.error_matches(function() saved({ "constant" }, { label = "kind" }) end,
      "no file holds constant that predicts classes")
  end)
  it("predicts numbers in their own unit by a network", function()
    local set = spectra(400, 520, 61)
    local fitted, loaded = saved({ { "network", epochs = 150, lr = 0.01 } }, { target = "height" })
    local predicted = fitted:predict(set):reshape(-1):totable()
    for i, height in ipairs(set.labels.height) do assert.is_true(math.abs(predicted[i] - height) < 0.3, i) end
    local x = set.x
    assert.same(fitted:predict(x):totable(), loaded(x):totable())
  end)
end)

describe("mb.predict of a set", function()
  local set = spectra(400, 520, 61)
  local fitted = mb.pipeline({ "snv", { "logistic", C = 1 } }):fit(set, { label = "kind" })
  local calibrated = mb.calibrate(fitted, set, { label = "kind" })
  assert(fitted:save(path))
  local loaded = assert(mb.load(path))
  local falling = spectra(390, 530, 141, { seed = 2 }):flip()
  local models = { fitted, calibrated, mb.ensemble { fitted }, mb.ensemble { calibrated, fitted },
    mb.calibrate(loaded, set, { label = "kind" }), mb.ensemble { loaded } }

  it("lets pipelines, calibrated models and ensembles bring it to their axis and steps", function()
    for _, model in ipairs(models) do
      local predicted, probabilities, names = mb.predict(model, falling)
      assert.same(model:predict(falling):totable(), predicted:totable())
      assert.same({ 20, 2 }, probabilities:shape())
      assert.equal(predicted:tobytes(), probabilities:argmax(2):tobytes())
      assert.same(falling.labels.kind, names)
      assert.error_matches(function() mb.predict(model, spectra(400, 520, 61, { unit = "nm" })) end,
        "the model was trained on an axis in cm%-1, the spectra have nm")
    end
    assert.equal(fitted:scores(falling):tobytes(), select(2, mb.predict(fitted, falling)):tobytes())
  end)
  it("gives no names of tensors, and no scores of numbers", function()
    local _, probabilities, names = mb.predict(fitted, set.x)
    assert.equal(fitted:scores(set.x):tobytes(), probabilities:tobytes())
    assert.is_nil(names)
    local numbers = mb.pipeline({ "snv", { "ridge", alpha = 1 } }):fit(set, { target = "height" })
    for _, model in ipairs { numbers, mb.ensemble { numbers } } do
      local found, none = mb.predict(model, falling)
      assert.equal(model:predict(falling):tobytes(), found:tobytes())
      assert.is_nil(none)
    end
  end)
  it("gives scores where there are no probabilities", function()
    for _, name in ipairs { "plsda", "svm" } do
      local scored = mb.pipeline({ "snv", name }):fit(set, { label = "kind" })
      local both = mb.ensemble { scored, scored }
      assert.equal(scored:scores(falling):tobytes(), select(2, mb.predict(scored, falling)):tobytes())
      assert.equal(both:decision_function(falling):tobytes(), select(2, mb.predict(both, falling)):tobytes())
    end
  end)
  it("is what explanations ask of raw spectra, too", function()
    for _, model in ipairs(models) do
      local growth = mb.explain.importance(model, falling, { label = "kind", bands = 4 })
      local risen = mb.explain.importance(model, falling:flip(), { label = "kind", bands = 4 })
      assert.near(risen.error, growth.error, 1e-6)
      assert.is_true(growth.error < 0.4)
      assert.same(mb.predict(model, falling):totable(), mb.explain.occlusion(model, falling).target)
    end
  end)
end)
