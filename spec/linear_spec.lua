-- Linear classifiers: the optimum by its gradient, accuracy beside scikit-learn's, files, misuse.
local mb = require "moonbow"
local measured = require "support.measured"
local said = require "support.said"

local built, why = pcall(mb.linear.fit, mb.tensor { { 0 }, { 1 } }, { 1, 2 })
if not built then
  pending(why)
  return
end

-- scikit-learn 1.9.1 on standardised spectra, as bench/linear.lua prints it: kind, C, accuracy.
local SKLEARN = {
  meats_ftir = { { "logistic", 0.01, 0.9667 }, { "logistic", 1, 0.9917 }, { "svm", 0.01, 0.9833 },
    { "svm", 1, 0.9917 } },
  coffee_ftir = { { "logistic", 0.01, 0.8929 }, { "logistic", 1, 0.9821 }, { "svm", 0.01, 0.9821 },
    { "svm", 1, 0.9821 } },
}

local path = os.tmpname()
teardown(function() os.remove(path) end)

-- Three overlapping classes of 4 points each.
local function blobs(n)
  local rng = mb.rng(3)
  local y = rng:integers(1, 3, { endpoint = true, shape = { n } })
  local centres = mb.tensor { { 1, 0, 0, 1 }, { 0, 1, 0, -1 }, { 0, 0, 2, 0 } }
  return centres:index(y) + rng:normal(0, 1, n, 4), y
end

local function cross_validate(set, options)
  local right, tested, D = 0, 0, set.x:size(2)
  for _, split in ipairs(set.splits) do
    local fitted, x = mb.preprocess.fit({ "standardize" }, set.x:index(split.train):reshape(-1, D, 1))
    local model = mb.linear.fit(x, set.y:index(split.train), options)
    local x_test = mb.preprocess.apply(fitted, set.x:index(split.test):reshape(-1, D, 1))
    right = right + #split.test * model:score(x_test, set.y:index(split.test))
    tested = tested + #split.test
  end
  return right / tested
end

describe("linear classifiers", function()
  it("are at the minimum of their loss", function()
    local x, y = blobs(90)
    local with_constant = mb.concat({ x, mb.full(2, 90, 1) }, 2)
    for _, kind in ipairs { "logistic", "svm" } do
      local C = 0.3
      local model = mb.linear.fit(x, y, { kind = kind, C = C, tol = 1e-8, intercept_scaling = 2 })
      local decision = model:decision_function(x)
      for k = 1, 3 do
        local sign = y:eq(k) * 2 - 1
        local margin = decision:slice(2, k, 1):reshape(90) * sign
    -- Minus the derivative of the loss with respect to the margin: log(1 + exp(-m)), or max(0, 1 - m)^2.
        local pull = kind == "logistic" and (margin * -1):sigmoid() or (1 - margin):relu() * 2
        local loss_gradient = (pull * sign * -C):reshape(1, 90):matmul(with_constant):reshape(5)
        local bias = model.bias:narrow(k, 1) / 2 -- the weight of the constant 2
        local weight = mb.concat { model.weight:slice(2, k, 1):reshape(4), bias }
        assert.is_true(loss_gradient:abs():max():item() > 0.1)
        assert.is_true(((weight + loss_gradient):abs():max():item()) < 1e-4, kind .. " " .. k)
      end
    end
  end)
  it("are as accurate as scikit-learn's", function()
    local folder, missing = measured()
    if not folder then return pending(missing) end
    for _, set in ipairs(dofile "bench/support/sets.lua" (folder)) do
      for _, row in ipairs(SKLEARN[set.name] or {}) do
        local accuracy = cross_validate(set, { kind = row[1], C = row[2] })
        assert.is_true(math.abs(accuracy - row[3]) < 1e-4,
          ("%s %s %g: %.4f"):format(set.name, row[1], row[2], accuracy))
      end
    end
  end)
  it("give decisions, probabilities, and the same each time", function()
    local x, y = blobs(60)
    for _, classes in ipairs { 2, 3 } do
      local labels = y:minimum(classes)
      local model = mb.linear.fit(x, labels)
      local p = model:predict_proba(x)
      assert.same({ 60, classes }, p:shape())
      assert.is_true((p:sum(2):allclose(mb.ones(60))))
      assert.same(p:argmax(2):totable(), model:predict(x):totable())
      assert.is_true(model:score(x, labels) > 0.75)
      local again = mb.linear.fit(x:reshape(60, 2, 2), labels:totable())
      assert.equal(model.weight:tobytes(), again.weight:tobytes())
    end
  end)
  it("accept classes without rows, and work without an intercept", function()
    local x, y = blobs(60)
    local model = mb.linear.fit(x, y:minimum(2), { classes = 5, fit_intercept = false })
    local p = model:predict_proba(x)
    assert.equal(0, p:slice(2, 3, 3):max():item())
    assert.is_true((p:sum(2):allclose(mb.ones(60))))
    assert.same({ 0, 0 }, model.bias:narrow(1, 2):totable())
  end)
  it("are equal after loading", function()
    local x, y = blobs(60)
    for _, kind in ipairs { "logistic", "svm" } do
      local model = mb.linear.fit(x, y, { kind = kind })
      assert.is_true(mb.save(model, path, { classes = { "a", "b", "c" } }))
      local back, info = assert(mb.load(path))
      assert.equal(model:decision_function(x):tobytes(), back:decision_function(x):tobytes())
      assert.same({ "a", "b", "c" }, info.classes)
      assert.equal(tostring(model), tostring(back))
    end
    assert.equal("linear support vector machine, 4 points, 3 classes", tostring((mb.load(path))))
  end)
  it("are refused from a file that is damaged", function()
    local x, y = blobs(60)
    local model = mb.linear.fit(x, y)
    local function refuses(message, state, config)
      local damaged = setmetatable({ state = function() return state end, config = function() return config end },
        { __index = model })
      assert(mb.save(damaged, path))
      local back, err = mb.load(path)
      assert.is_nil(back)
      assert.matches(message, err)
    end
    local config = model:config()
    refuses("weight: expected shape {points, 3}, got", { weight = mb.ones(4, 2), bias = mb.ones(3) }, config)
    refuses("bias: expected shape {3}, got", { weight = mb.ones(4, 3), bias = mb.ones(2) }, config)
    refuses("weight: row 1, point 1 is NaN", { weight = mb.full(0 / 0, 4, 3), bias = mb.ones(3) }, config)
    refuses("bias: expected a tensor", { weight = mb.ones(4, 3) }, config)
    refuses("loss: expected one of", { weight = mb.ones(4, 3), bias = mb.ones(3) }, { loss = "x", classes = 3 })
  end)
  it("give probabilities even if every logistic function is 0 in float", function()
    local x, y = blobs(60)
    local model = mb.linear.fit(x, y)
    local far = model:decision_function(mb.zeros(1, 4))
    model.bias = model.bias - 300 - far:reshape(-1) -- all classes are far away, at the same distance
    local p = model:predict_proba(mb.zeros(1, 4)):reshape(-1)
    assert.is_true((p:allclose(mb.full(1 / 3, 3))))
  end)
  it("warn where the search ends early", function()
    local rng = mb.rng(6)
    local y = rng:integers(1, 4, { shape = { 40 } })
    local x = (rng:normal(0, 1, 40, 60) + y:reshape(40, 1) * 0.7):abs()
    local function warning_of(C)
      return said(function() mb.linear.fit(x, y, { kind = "svm", C = C, tol = 1e-8 }) end)
    end
    assert.matches("linear.fit: no minimum after 1000 iterations", warning_of(100))
    assert.equal("", warning_of(0.01))
  end)
  it("refuse invalid arguments", function()
    local x, y = blobs(6)
    local function refuses(message, ...)
      local arguments = { ... }
      assert.error_matches(function() mb.linear.fit(table.unpack(arguments)) end, message)
    end
    refuses("unknown option 'penalty'", x, y, { penalty = "l1" })
    refuses("did you mean 'logistic'", x, y, { kind = "logistics" })
    refuses("C: expected a positive number, got 0", x, y, { C = 0 })
    refuses("y: expected at least 2 classes, all labels are 1", x, mb.ones(6))
    refuses("y: expected 6 labels, one per row, got 2", x, { 1, 2 })
    refuses("y: row 3: expected a class number .* got 0 %(classes count from 1%)", x, { 1, 2, 0, 1, 1, 1 })
    refuses("x: row 1, point 2 is infinity", mb.tensor { { 1, 1 / 0 }, { 1, 2 } }, { 1, 2 })
    refuses("x: expected a tensor", 3, y)
    local model = mb.linear.fit(x, y, { kind = "svm" })
    assert.error_matches(function() model:predict_proba(x) end, "an svm gives no probabilities")
    local steep = mb.linear.fit(x, y)
    steep.weight = steep.weight * 1e6
    assert.error_matches(function() steep:predict(mb.full(3e38, 1, 4)) end, "decision_function: row 1, point %d is")
    local holed = mb.ones(2, 4)
    holed:set(2, 3, 0 / 0)
    for _, method in ipairs { "predict", "decision_function" } do
      assert.error_matches(function() model[method](model, holed) end, "linear: x: row 2, point 3 is NaN")
    end
    assert.error_matches(function() model:predict(mb.ones(2, 5)) end, "x has 5 points .* fitted on 4")
  end)
end)
