-- Models that are solved: PCA, PLS, PLS-DA, ridge and logistic regression beside scikit-learn's, files, misuse.
local mb = require "moonbow"
local damage = require "support.damage"

-- The data of scikit-learn 1.9.1's figures below: rng = np.random.default_rng(5); x = rng.normal(size=(30, 50));
-- y = x[:, :3].sum(1) + rng.normal(size=30), both in float32; classes 1: y < -1, 2: y < 1, 3.
local rng = mb.rng(5)
local x = rng:normal(0, 1, 30, 50)
local y = x:slice(2, 1, 3):sum(2):reshape(30) + rng:normal(0, 1, 30)
local classes = {}
for i, value in ipairs(y:totable()) do classes[i] = value < -1 and 1 or value < 1 and 2 or 3 end

local path = os.tmpname()
teardown(function() os.remove(path) end)

local function near(expected, got, tolerance)
  got = got:reshape(-1):totable()
  for i, value in ipairs(expected) do
    if math.abs(got[i] - value) > (tolerance or 1e-5) then
      error(("element %d: expected %.9g, got %.9g"):format(i, value, got[i]), 2)
    end
  end
end

-- Saves and loads a model; `use` of both gives equal tensors.
local function travels(model, use)
  assert(mb.save(model, path))
  local loaded = assert(mb.load(path))
  assert.same(use(model):totable(), use(loaded):totable())
  assert.equal(tostring(model), tostring(loaded))
end

describe("pca", function()
  it("finds scikit-learn's components, of fewer rows than points as of more", function()
    local model = mb.pca.fit(x, { components = 3 })
    near({ 4.78608582, 4.32195025, 3.77489365 }, model.variance)
    near({ 0.10110049, 0.09129616, 0.07974023 }, model.explained)
    assert.is_true(model.components:max(2):min():item() > 0.3)
    near({ 0.04540199, 0.1435768, 0.16690718 }, model.components[1]:narrow(1, 3):abs())
    local scores = mb.pca.fit(x:transpose(), { components = 29 })
    near(x:transpose():reshape(-1):totable(), scores:inverse_transform(scores:transform(x:transpose())), 1)
  end)
  it("has orthonormal components beyond the rank, along which no training spectrum is an outlier", function()
    local draw = mb.rng(1)
    local flat = draw:integers(0, 5, { shape = { 20, 2 } }):matmul(draw:integers(0, 9, { shape = { 2, 50 } }))
    local model = mb.pca.fit(flat, { components = 4 })
    near({ 0, 0 }, model.variance:narrow(3, 2))
    near(flat:reshape(-1):totable(), model:inverse_transform(model:transform(flat)))
    near({ 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1 },
      model.components:matmul(model.components:transpose(1, 2)))
    for _, value in ipairs(model:outliers(flat).t2) do assert.is_true(value < 20) end
    local off = flat:narrow(1, 1) + draw:normal(0, 5, 1, 50)
    assert.is_true(model:outliers(off).is_outlier[1])
  end)
  it("gives spectra back from all scores", function()
    local model = mb.pca.fit(x, { components = 29 })
    near(x:reshape(-1):totable(), model:inverse_transform(model:transform(x:reshape(30, 50, 1))))
    travels(model, function(m) return m:transform(x) end)
  end)
end)

describe("outliers of a pca", function()
  it("have the limits of their distributions", function()
    -- scipy.stats: f.ppf(0.95, 3, 27), norm.ppf(0.975)
    local distributions = require "moonbow.distributions"
    assert.is_true(math.abs(distributions.fisher_quantile(0.05, 3, 27) - 2.9603513) < 1e-6)
    assert.is_true(math.abs(distributions.normal_quantile(0.975) - 1.9599640) < 1e-6)
    assert.is_true(math.abs(distributions.normal_quantile(0.05) + 1.6448536) < 1e-6)
    local model = mb.pca.fit(x, { components = 3 })
    assert.is_true(math.abs(model:outliers(x).t2_limit - 3 * 29 * 31 / (30 * 27) * 2.9603513) < 1e-5)
  end)
  it("are a share 1 - level of like spectra, also where components hold noise of few spectra", function()
    for _, shape in ipairs { { 60, 100, 10 }, { 200, 400, 10 }, { 20, 100, 3 } } do
      local n, points, k = table.unpack(shape)
      local draw = mb.rng(1)
      local model = mb.pca.fit(draw:normal(0, 1, n, points), { components = k })
      local count = 0
      for _, is_outlier in ipairs(model:outliers(draw:normal(0, 1, 1000, points), { level = 0.99 }).is_outlier) do
        count = count + (is_outlier and 1 or 0)
      end
      assert.is_true(count > 0 and count < 30, count)
    end
  end)
  it("are few among like spectra, and all that are unlike", function()
    local like = mb.rng(1):normal(0, 1, 400, 30)
    local model = mb.pca.fit(like:narrow(1, 200), { components = 4 })
    local count = 0
    for _, is_outlier in ipairs(model:outliers(like:narrow(201, 200)).is_outlier) do
      if is_outlier then count = count + 1 end
    end
    assert.is_true(count >= 4 and count < 60, count)
    for _, is_outlier in ipairs(model:outliers(like:narrow(1, 20) + 4).is_outlier) do assert.is_true(is_outlier) end
    travels(model, function(m) return mb.tensor(m:outliers(like).q) end)
  end)
end)

describe("pls", function()
  it("predicts what scikit-learn predicts", function()
    local model = mb.pls.fit(x:reshape(30, 50, 1), y, { components = 4 })
    near({ -2.99306008, 1.70870615, -1.21748524, -1.37466385 }, model:predict(x))
    near({ -2.09649834, -0.00454463, -0.60213855, -0.83574262 }, model:predict(x, 1))
    local by_hand = (x - model.x_mean):matmul(model:coefficients()) + model.y_mean
    near(by_hand:reshape(-1):totable(), model:predict(x))
    assert.same({ 30 }, model:predict(x):shape())
    assert.is_true(model:score(x, y) > 0.9)
    travels(model, function(m) return m:predict(x) end)
  end)
  it("predicts several targets", function()
    local two = mb.concat({ y:reshape(30, 1), (y * 2):reshape(30, 1) }, 2)
    local model = mb.pls.fit(x, two, { components = 4 })
    assert.same({ 30, 2 }, model:predict(x):shape())
    near({ -2.99306008, -2.99306008 * 2 }, model:predict(x), 1e-4)
    travels(model, function(m) return m:predict(x) end)
  end)
  it("refuses what cannot be fitted", function()
    assert.error_matches(function() mb.pls.fit(x, y, { components = 30 }) end,
      "components: expected at most 29 for 30 rows of 50 points, got 30")
    assert.error_matches(function() mb.pls.fit(x, mb.zeros(29)) end, "y: expected numbers %(N%) or %(N, M%)")
    assert.error_matches(function() mb.pls.fit(x, y):predict(mb.zeros(2, 49)) end, "x has 49 points")
    assert.error_matches(function() mb.pls.fit(x, y):predict(x, 3) end, "components: expected at most 2, got 3")
    assert.error_matches(function() mb.pls.fit(x * (0 / 0), y) end, "x: .*NaN")
  end)
  it("discriminates classes", function()
    local model = mb.plsda.fit(x, classes, { components = 5 })
    near({ 1, 1, 1 }, model:decision_function(x):sum(2))
    assert.is_true(model:score(x, classes) > 0.9)
    travels(model, function(m) return m:decision_function(x) end)
    assert.error_matches(function() mb.plsda.fit(x, mb.ones(30)) end, "expected at least 2 classes")
  end)
end)

describe("ridge", function()
  it("predicts what scikit-learn predicts", function()
    local model = mb.ridge.fit(x, y, { alpha = 2 })
    near({ -2.34910468, 1.34042732, -0.84400007, -1.26983542 }, model:predict(x))
    near({ 0.06671441 }, model.bias)
    travels(model, function(m) return m:predict(x) end)
  end)
end)

describe("numbers to predict", function()
  it("are a tensor or a table, of one number or a row of numbers for each spectrum", function()
    local two, column = mb.concat({ y:reshape(30, 1), (y * 3):reshape(30, 1) }, 2), y:reshape(30, 1)
    for _, fit in ipairs { mb.ridge.fit, mb.pls.fit } do
      for _, numbers in ipairs { y, column, two } do
        assert.same(fit(x, numbers):predict(x):totable(), fit(x, numbers:totable()):predict(x):totable())
      end
      assert.near(fit(x, two):score(x, two), fit(x, two):score(x, two:totable()), 1e-12)
      local ragged = two:totable()
      ragged[7][2] = nil
      assert.error_matches(function() fit(x, ragged) end, "y%[7%]: expected 2 numbers, as in y%[1%], got 1")
      ragged[7] = 3
      assert.error_matches(function() fit(x, ragged) end, "y%[7%]: expected a table, got 3")
    end
  end)
end)

describe("logistic", function()
  it("predicts what scikit-learn predicts", function()
    local model = mb.logistic.fit(x, classes, { C = 0.5, tol = 1e-9 })
    near({ 0.89410666, 0.09756503, 0.00832831, 0.06314709, 0.04993836, 0.88691454 }, model:predict_proba(x))
    assert.equal(1, model:score(x, classes))
    travels(model, function(m) return m:predict_proba(x) end)
  end)
  it("predicts of two classes what scikit-learn predicts with twice the C", function()
    -- LogisticRegression(C=1, tol=1e-10).fit(x, classes > 1).predict_proba(x)[:3, 1]
    local two = {}
    for i, class in ipairs(classes) do two[i] = class > 1 and 2 or 1 end
    local model = mb.logistic.fit(x, two, { C = 0.5, tol = 1e-9 })
    near({ 0.08816669, 0.94571143, 0.91803761 }, model:predict_proba(x):slice(2, 2, 1):narrow(1, 3))
  end)
  it("refuses one class, and counts classes without members", function()
    assert.error_matches(function() mb.logistic.fit(x, mb.ones(30)) end,
      "expected at least 2 classes, all labels are 1")
    assert.same({ 30, 5 }, mb.logistic.fit(x, classes, { classes = 5 }):predict_proba(x):shape())
  end)
end)

describe("files of solved models", function()
  it("are read or refused if damaged", function()
    for _, model in ipairs { mb.pca.fit(x), mb.pls.fit(x, y), mb.plsda.fit(x, classes), mb.ridge.fit(x, y),
      mb.logistic.fit(x, classes) } do
      assert(mb.save(model, path))
      local file = assert(io.open(path, "rb"))
      local bytes = file:read "a"
      file:close()
      damage.all(mb.load, path, bytes)
    end
  end)
end)
