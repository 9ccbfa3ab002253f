-- Judging: reliability, calibration, ensembles, dropout votes and conformal sets, against plain loops and what theory
-- says of data with known probabilities.
local mb = require "moonbow"
local check = require "moonbow.check"
local expect = require "support.expect"
local nn = mb.nn
local raises, close = expect.raises, expect.close

-- A network whose logits are its inputs, times a factor.
local function identity(classes, factor)
  local model = nn.Dense { units = classes, bias = false }
  model:build({ classes }, mb.rng(1))
  local weight = mb.zeros(classes, classes)
  for k = 1, classes do weight:set(k, k, factor or 1) end
  return model:load_state { weight = weight }
end

-- Logits and classes drawn with exactly their probabilities.
local function drawn(n, classes, seed)
  local rng = mb.rng(seed)
  local logits, y = rng:normal(0, 1.5, n, classes), {}
  for i, row in ipairs(logits:softmax():totable()) do
    local u, k = rng:random(), 1
    while u > row[k] and k < classes do u, k = u - row[k], k + 1 end
    y[i] = k
  end
  return { x = logits, y = y }
end

-- Sets of spectra whose class is hard to tell.
local function spectra(n, seed)
  local rng = mb.rng(seed)
  local x, y = rng:normal(0, 1, n, 8, 1), {}
  for i = 1, n do
    y[i] = i % 3 + 1
    for c = 1, 3 do x:set(i, c, 1, x:get(i, c, 1) + (c == y[i] and 1.2 or 0)) end
  end
  return { x = x, y = y }
end

-- The warning of f().
local function warning_of(f)
  local warn, text = check.warn, nil
  check.warn = function(_, format, ...) text = format:format(...) end
  local ok, err = pcall(f)
  check.warn = warn
  assert(ok, err)
  return text
end

describe("reliability", function()
  it("is what a plain loop finds", function()
    local set = drawn(500, 3, 1)
    local found = mb.reliability(identity(3), set, { bins = 7 })
    local counts, sums, hits, brier, loss = {}, {}, {}, 0, 0
    for b = 1, 7 do counts[b], sums[b], hits[b] = 0, 0, 0 end
    for i, row in ipairs(set.x:softmax():totable()) do
      local best = 1
      for k = 2, 3 do best = row[k] > row[best] and k or best end
      local b = math.ceil(row[best] * 7)
      counts[b], sums[b] = counts[b] + 1, sums[b] + row[best]
      hits[b] = hits[b] + (best == set.y[i] and 1 or 0)
      loss = loss - math.log(row[set.y[i]]) / 500
      for k = 1, 3 do brier = brier + (row[k] - (k == set.y[i] and 1 or 0)) ^ 2 / 500 end
    end
    local ece = 0
    for b = 1, 7 do
      assert.equal(counts[b], found.bins[b].count)
      if counts[b] > 0 then
        assert.near(sums[b] / counts[b], found.bins[b].confidence, 1e-5)
        assert.near(hits[b] / counts[b], found.bins[b].accuracy, 1e-5)
        ece = ece + math.abs(sums[b] - hits[b]) / 500
      end
    end
    assert.near(ece, found.ece, 1e-5)
    assert.near(brier, found.brier, 1e-5)
    assert.near(loss, found.log_loss, 1e-5)
    assert.equal(found.log_loss, found.log_loss)
  end)
  it("keeps shares of votes in bins of their own, which end at them", function()
    local rows, y = {}, {}
    for tenths = 5, 9 do -- of 100 spectra each, with 9, 8, 7, 6 and 5 tenths right
      for i = 1, 100 do
        rows[#rows + 1] = { math.log(tenths / 10), math.log(1 - tenths / 10) }
        y[#y + 1] = i <= 140 - 10 * tenths and 1 or 2
      end
    end
    local found = mb.reliability(identity(2), { x = mb.tensor(rows), y = y })
    for tenths = 5, 9 do
      assert.equal(100, found.bins[tenths].count)
      assert.near(tenths / 10, found.bins[tenths].high, 1e-12)
    end
    assert.near((0.4 + 0.2 + 0 + 0.2 + 0.4) / 5, found.ece, 1e-6)
  end)
  it("is good for true probabilities, and bad for a network that is too sure", function()
    local set = drawn(4000, 4, 2)
    assert.is_true(mb.reliability(identity(4), set).ece < 0.025)
    local sure = mb.reliability(identity(4, 5), set)
    assert.is_true(sure.ece > 0.15)
    assert.is_true(sure.confidence > sure.accuracy)
    assert.matches("calibration error 0%.[12]", tostring(sure))
    assert.matches("lines", tostring(sure:plot()))
  end)
  it("takes pipelines on sets, and refuses scores", function()
    local data = spectra(90, 3)
    assert.is_true(mb.reliability(mb.pipeline({ "snv", { "logistic", C = 1 } }):fit(data), data).ece < 0.3)
    raises("the model gives scores", mb.reliability, mb.linear.fit(data.x, data.y, { kind = "svm" }), data)
    raises("this one predicts numbers", mb.reliability, mb.ridge.fit(data.x, data.y), data)
    raises("it is { x = x, y = y }", mb.reliability, identity(3), 3)
    local labels = nn.Sequential { nn.Flatten {}, nn.Dense { units = 2 } }
    mb.fit(labels, { x = data.x, y = mb.ones(90, 2) }, { loss = "binary_cross_entropy", epochs = 1, verbose = false })
    for name, f in pairs { reliability = mb.reliability, calibrate = mb.calibrate } do
      raises(name .. ": expected a model of classes, this one predicts labels of which several may hold", f, labels,
        data)
    end
  end)
end)

describe("temperature scaling", function()
  it("finds the factor by which logits are too large", function()
    local set = drawn(4000, 4, 5)
    for _, factor in ipairs { 0.25, 1, 4 } do
      local found = mb.calibrate(identity(4, factor), set)
      assert.near(1, found.temperature / factor, 0.06)
      assert.is_true(found.log_loss.after <= found.log_loss.before + 1e-6)
      assert.near(mb.reliability(found, set).log_loss, found.log_loss.after, 1e-4)
      assert.is_true(mb.reliability(found, drawn(4000, 4, 6)).ece < 0.025)
    end
  end)
  it("is at the least loss", function()
    local set = drawn(300, 3, 7)
    local found = mb.calibrate(identity(3, 2), set)
    local function loss(temperature) return (set.x * 2 / temperature):cross_entropy(set.y):item() end
    assert.is_true(loss(found.temperature) <= loss(found.temperature * 1.02) + 1e-6)
    assert.is_true(loss(found.temperature) <= loss(found.temperature / 1.02) + 1e-6)
  end)
  it("says so where all classes are right, or nothing is known of them, whatever the size of logits", function()
    local rows = mb.rng(1):normal(0, 1, 60, 3)
    local right, any = { x = rows, y = rows:argmax(2):totable() }, { x = rows, y = {} }
    for i = 1, 60 do any.y[i] = i % 3 + 1 end
    for _, factor in ipairs { 1e-3, 1, 50, 1000, 1e5 } do
      local found
      assert.matches("all classes are right; calibrate on spectra that the model has not seen", warning_of(function()
        found = mb.calibrate(identity(3, factor), right)
      end))
      assert.is_true(found.temperature < 0.011)
      assert.is_true(found.log_loss.after <= found.log_loss.before)
      assert.matches("the model says nothing of the classes", warning_of(function()
        found = mb.calibrate(identity(3, factor), any)
      end))
      assert.is_true(found.temperature > 30 * math.max(1, factor))
    end
    assert.matches("the model says nothing of the classes", warning_of(function()
      mb.calibrate(identity(3, 0), any)
    end))
  end)
  it("finds temperatures of logits of every size", function()
    local set = drawn(4000, 4, 5)
    for _, factor in ipairs { 1e-4, 1e4 } do
      assert.near(1, mb.calibrate(identity(4, factor), set).temperature / factor, 0.06)
    end
  end)
  it("makes shares of votes better, though classes have none", function()
    local train, set, test = spectra(300, 11), spectra(200, 12), spectra(1000, 13)
    local five = mb.neighbours.fit(train.x, train.y, { k = 5, verbose = false })
    local forest = mb.forest.fit(train.x, train.y, { trees = 10, verbose = false })
    for _, model in ipairs { five, forest, mb.ensemble { five, forest },
      mb.neighbours.fit(train.x, train.y, { k = 15, verbose = false }),
      mb.pipeline({ { "neighbours", k = 5 } }):fit(train) } do
      local before, found = mb.reliability(model, test), mb.calibrate(model, set)
      local after = mb.reliability(found, test)
      assert.is_true(after.ece < math.max(before.ece, 0.05))
      assert.is_true(after.log_loss < before.log_loss and after.log_loss < 0.9)
      assert.is_true(found.temperature < 3)
      assert.equal(mb.predict(model, test.x):tobytes(), found:predict(test.x):tobytes())
    end
  end)
  it("keeps the classes, and makes probabilities of scores", function()
    local data = spectra(120, 3)
    for _, model in ipairs { mb.linear.fit(data.x, data.y, { kind = "svm" }),
      mb.forest.fit(data.x, data.y, { trees = 9, verbose = false }),
      mb.pipeline({ { "plsda", components = 3 } }):fit(data) } do
      local found = mb.calibrate(model, spectra(120, 4))
      local p = found:predict_proba(data.x)
      close(p:sum(2), mb.ones(120), 1e-5)
      assert.equal(found:predict(data.x):tobytes(), mb.predict(found, data.x):tobytes())
      assert.is_number(mb.reliability(found, data).ece)
    end
    local network = identity(3, 3)
    local set = drawn(100, 3, 1)
    assert.equal(mb.predict(network, set.x):tobytes(), mb.calibrate(network, set):predict(set.x):tobytes())
  end)
end)

describe("an ensemble", function()
  local data = spectra(150, 3)
  local forest = mb.forest.fit(data.x, data.y, { trees = 9, verbose = false })
  local logistic = mb.logistic.fit(data.x, data.y)

  it("averages probabilities, and says how many disagree", function()
    local both, other = mb.ensemble { forest, logistic }, spectra(60, 4)
    local mean = (forest:predict_proba(other.x) + logistic:predict_proba(other.x)) / 2
    close(both:predict_proba(other.x), mean)
    assert.equal(mean:argmax(2):tobytes(), both:predict(other.x):tobytes())
    local differs = both:disagreement(other.x):totable()
    for i, class in ipairs(mean:argmax(2):totable()) do
      local expected = (forest:predict(other.x)[i] ~= class and 0.5 or 0)
        + (logistic:predict(other.x)[i] ~= class and 0.5 or 0)
      assert.equal(expected, differs[i])
    end
    local classes, probabilities = mb.predict(both, other.x)
    close(probabilities, mean)
    assert.equal(60, #classes)
    assert.equal("ensemble of 2 models of classes", tostring(both))
  end)
  it("of numbers averages them", function()
    local y = data.x:slice(2, 1, 1):reshape(150)
    local a, b = mb.ridge.fit(data.x, y), mb.pls.fit(data.x, y, { components = 2 })
    local both = mb.ensemble { a, b }
    close(both:predict(data.x), (a:predict(data.x):reshape(150, 1) + b:predict(data.x):reshape(150, 1)) / 2, 1e-5)
    local spread = (a:predict(data.x) - b:predict(data.x):reshape(150)):abs() / math.sqrt(2)
    close(both:disagreement(data.x):reshape(150), spread, 1e-5)
    raises("which have no probabilities", both.predict_proba, both, data.x)
  end)
  it("of pipelines takes sets of raw spectra", function()
    local labels = {}
    for i, class in ipairs(data.y) do labels[i] = "c" .. class end
    local set = mb.spectra.set { x = data.x:reshape(150, 8), axis = { first = 1, last = 8, step = 1 },
      labels = { kind = labels } }
    local one = mb.pipeline({ { "crop", low = 1, high = 5 }, { "logistic", C = 1 } }):fit(set, { label = "kind" })
    local two = mb.pipeline({ "snv", { "plsda", components = 2 } }):fit(set, { label = "kind" })
    local both = mb.ensemble { one, mb.calibrate(two, set, { label = "kind" }) }
    assert.same({ 150, 3 }, both:predict_proba(set):shape())
    local sets = mb.conformal(one, set, { label = "kind" }):sets(set)
    assert.equal("c", sets[1][1]:sub(1, 1))
    assert.is_true(mb.reliability(one, set, { label = "kind" }).accuracy > 0.5)
    assert.is_true(mb.conformal(mb.ensemble { one, logistic }, data):evaluate(data).coverage > 0.85)
  end)
  it("averages scores, which are no probabilities, with scores only", function()
    local svm = mb.linear.fit(data.x, data.y, { kind = "svm" })
    local plsda = mb.plsda.fit(data.x, data.y, { components = 2 })
    local both = mb.ensemble { svm, plsda }
    local mean = ((svm:decision_function(data.x) + 1) / 2 + plsda:decision_function(data.x)) / 2
    close(both:decision_function(data.x), mean)
    local predicted, found = mb.predict(both, data.x)
    assert.equal(both:predict(data.x):tobytes(), predicted:tobytes())
    close(found, mean)
    assert.equal(mean:argmax(2):tobytes(), both:predict(data.x):tobytes())
    raises("its models give no probabilities", both.predict_proba, both, data.x)
    raises("models[2]: gives scores, models[1] gives probabilities", mb.ensemble, { logistic, svm })
    for _, scored in ipairs { svm, plsda, both, mb.pipeline({ { "svm", C = 1e-5 } }):fit(data) } do
      raises("expected probabilities, and the model gives scores", mb.reliability, scored, data)
    end
  end)
  it("says how many classes there are, as soon as one of its models knows it", function()
    local network = nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 } }
    assert.equal(3, mb.ensemble({ network, forest }).classes)
    assert.equal(3, mb.ensemble({ mb.ensemble { forest }, logistic }).classes)
    assert.is_nil(mb.ensemble({ mb.ridge.fit(data.x, data.y) }).classes)
    local unbuilt = mb.ensemble { network }
    assert.is_nil(unbuilt.classes)
    assert.equal("class", mb.ensemble({ unbuilt }).task)
    unbuilt:predict(data.x)
    assert.equal(3, unbuilt.classes)
    assert.equal(3, mb.ensemble({ network }).classes)
  end)
  it("of models with other classes, or in another order, is none", function()
    local function fitted(first, last)
      local set, labels = data.x:narrow(1, 150), {}
      for i, class in ipairs(data.y) do labels[i] = class == 1 and first or class == 2 and "m" or last end
      return mb.pipeline({ { "logistic", C = 1 } }):fit(mb.spectra.set { x = set:reshape(150, 8),
        axis = { first = 1, last = 8, step = 1 }, labels = { kind = labels } }, { label = "kind" })
    end
    raises("models[2]: class 3 is 'z', that of models[1] is 'p'", mb.ensemble, { fitted("a", "p"), fitted("a", "z") })
    assert.same({ "a", "m", "p" }, mb.ensemble({ fitted("a", "p"), logistic }).names)
  end)
  it("says what is wrong", function()
    raises("ensemble: models: expected at least one, got none", mb.ensemble, {})
    raises("models[2]: predicts numbers, models[1] predicts classes", mb.ensemble, { forest,
      mb.ridge.fit(data.x, data.y) })
    raises("ensemble: model: expected a network", mb.ensemble, { 3 })
    local two = mb.logistic.fit(data.x, data.y, { classes = 4 })
    raises("models[2]: gives 4 outputs, models[1] gives 3", function()
      mb.ensemble({ forest, two }):predict(data.x)
    end)
  end)
end)

describe("weights of rows", function()
  it("are refused, since no judgement counts them", function()
    local data, model = spectra(30, 3), identity(3)
    local weighted = drawn(30, 3, 1)
    weighted.weights = mb.ones(30)
    for name, f in pairs { reliability = mb.reliability, calibrate = mb.calibrate, conformal = mb.conformal } do
      raises(name .. ": data.weights: weights of rows are not taken here", f, model, weighted)
    end
    local found = mb.conformal(model, drawn(30, 3, 2))
    raises("data.weights: weights of rows are not taken here", found.evaluate, found, weighted)
    local network = nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 } }
    raises("test.weights: weights of rows are not taken here", mb.probe, network, data.x, data.y, mb.logistic.fit,
      { test = { x = data.x, y = data.y, weights = mb.ones(30) } })
    local graph = nn.Graph { inputs = { "a", "b" }, { name = "rows", from = "a", nn.Flatten {} },
      { name = "others", from = "b", nn.Flatten {} },
      { name = "class", from = { "rows", "others" }, nn.Dense { units = 3 } } }
    graph:build { a = { 8, 1 }, b = { 8, 1 } }
    raises("data.weights: weights of rows are not taken here", mb.explain.importance, graph,
      { x = { a = data.x, b = data.x }, y = data.y, weights = mb.ones(30) })
  end)
end)

describe("dropout votes", function()
  local model = nn.Sequential { nn.Flatten {}, nn.Dropout { rate = 0.5 }, nn.Dense { units = 3 } }
  model:build({ 8, 1 }, mb.rng(1))
  local x = spectra(40, 3).x

  it("count classes over passes with dropout on", function()
    local found = mb.dropout_votes(model, x, { times = 50, seed = 3 })
    close(found.share:sum(2), mb.ones(40), 1e-5)
    close(found.mean:sum(2), mb.ones(40), 1e-5)
    assert.equal(found.share:argmax(2):tobytes(), found.classes:tobytes())
    close(found.share:max(2), found.confidence)
    assert.is_true(found.sd:max():item() > 0.05 and found.confidence:min():item() < 0.9)
    local again = mb.dropout_votes(model, x, { times = 50, seed = 3 })
    assert.equal(found.mean:tobytes(), again.mean:tobytes())
    assert.not_equal(found.mean:tobytes(), mb.dropout_votes(model, x, { times = 50, seed = 4 }).mean:tobytes())
  end)
  it("have the mean and spread of a linear layer with dropout", function()
    local linear = nn.Sequential { nn.Dropout { rate = 0.25 }, nn.Dense { units = 1 } }
    linear:build({ 6 }, mb.rng(2))
    local rows = mb.rng(3):normal(0, 1, 5, 6)
    local found = mb.dropout_votes(linear, rows, { times = 4000 })
    assert.is_nil(found.share)
    close(found.mean, linear(rows), 0.05)
    local product = rows * linear.layers[2].weight:reshape(1, 6)
    close(found.sd:reshape(5), (product * product * (0.25 / 0.75)):sum(2):sqrt(), 0.05)
  end)
  it("have the same spread far from 0", function()
    local linear = nn.Sequential { nn.Dropout { rate = 0.25 }, nn.Dense { units = 1 } }
    linear:build({ 6 }, mb.rng(2))
    local rows, bias = mb.rng(3):normal(0, 1, 5, 6), linear.layers[2].bias
    local near = mb.dropout_votes(linear, rows, { times = 200 })
    mb.no_grad(function() bias:set(1, 5000) end)
    local far = mb.dropout_votes(linear, rows, { times = 200 })
    close(far.sd, near.sd, 1e-3)
    close(far.mean - 5000, near.mean, 1e-2)
  end)
  it("leave the network as it was, and need dropout", function()
    model:train()
    local rng = mb.rng(9)
    model:set_rng(rng)
    mb.dropout_votes(model, x, { times = 2 })
    assert.is_true(model.training and rawequal(model.rng, rng))
    model:eval():set_rng()
    raises("the network has no Dropout with a rate above 0", mb.dropout_votes, identity(3), mb.ones(2, 3))
    raises("the outputs of the network", mb.dropout_votes, model, x * (0 / 0))
    raises("dropout_votes: model: expected a layer", mb.dropout_votes, mb.ridge.fit(mb.rand(3, 2), { 1, 2, 3 }), x)
  end)
end)

describe("a network that ends in what makes probabilities", function()
  it("gets no second softmax or sigmoid", function()
    local data = spectra(30, 3)
    local function ending(name)
      local model = nn.Sequential { nn.Flatten {}, nn.Dropout { rate = 0.5 },
        nn.Dense { units = 3, activation = name } }
      model:build({ 8, 1 }, mb.rng(1))
      return model
    end
    local model = ending "softmax"
    for name, f in pairs { reliability = mb.reliability, calibrate = mb.calibrate, conformal = mb.conformal,
      ["explain.importance"] = mb.explain.importance } do
      raises(name .. ": expected logits, but the network ends in a softmax (Dense), which is part of " .. name
        .. " already", f, model, data)
    end
    raises("the network ends in a softmax", mb.dropout_votes, model, data.x)
    raises("the network ends in a softmax", mb.explain.occlusion, model, data.x)
    local both = mb.ensemble { model }
    raises("the network ends in a softmax", both.predict, both, data.x)
    local labels = ending "sigmoid"
    raises("the network ends in a sigmoid", mb.dropout_votes, labels, data.x, { outputs = "labels" })
    local numbers = mb.ensemble({ model }, { outputs = "numbers" })
    close(numbers:predict(data.x), model:eval()(data.x))
    assert.equal(3, mb.explain.saliency(model, data.x:narrow(1, 3)).values:size(1))
  end)
end)

describe("conformal sets", function()
  it("hold the truth as often as they say, on 20 splits", function()
    local model = identity(3, 2) -- too sure of itself, which must not matter
    for _, method in ipairs { "threshold", "adaptive" } do
      for _, coverage in ipairs { 0.8, 0.95 } do
        local sum, least = 0, 1
        for split = 1, 20 do
          local all = drawn(1200, 3, 100 + split)
          local rows, test = mb.split.holdout(1200, 0.5, { seed = split })
          local function part(of)
            local y = {}
            for i, row in ipairs(of:totable()) do y[i] = all.y[row // 1 | 0] end
            return { x = all.x:index(of), y = y }
          end
          local found = mb.conformal(model, part(rows), { coverage = coverage, method = method })
          local judged = found:evaluate(part(test))
          sum, least = sum + judged.coverage / 20, math.min(least, judged.coverage)
        end
        -- A split's coverage has a standard deviation of sqrt(c (1 - c) (1 / 600 + 1 / 600)): 0.023 for 0.8.
        local sd = math.sqrt(coverage * (1 - coverage) / 300)
        local limit = 3.5 * sd / math.sqrt(20)
        assert.is_true(sum > coverage - limit, ("%s: %.4f"):format(method, sum))
        if method == "threshold" then assert.is_true(sum < coverage + 1 / 601 + limit, ("%.4f"):format(sum)) end
        assert.is_true(least > coverage - 4 * sd)
      end
    end
  end)
  it("take the score at the place that theory gives", function()
    local set = drawn(19, 3, 4)
    local found, scores = mb.conformal(identity(3), set, { coverage = 0.9 }), {}
    for i, row in ipairs(set.x:softmax():totable()) do scores[i] = 1 - row[set.y[i]] end
    table.sort(scores)
    assert.near(scores[18], found.threshold, 1e-6) -- ceil(20 * 0.9)
    local contains = found:contains(set.x):totable()
    for i, row in ipairs(set.x:softmax():totable()) do
      local expected = {}
      for k, p in ipairs(row) do
        assert.equal(1 - p <= found.threshold + 1e-7 and 1 or 0, contains[i][k])
        if contains[i][k] == 1 then expected[#expected + 1] = k end
      end
      assert.same(expected, found:sets(set.x)[i])
    end
    raises("a coverage of 0.9 needs at least 9 spectra to calibrate on, got 8", mb.conformal, identity(3),
      drawn(8, 3, 4))
  end)
  it("adapt by adding up the likelier classes", function()
    local set = drawn(50, 4, 4)
    local found = mb.conformal(identity(4), set, { method = "adaptive", coverage = 0.9 })
    local contains = found:contains(set.x):totable()
    for i, row in ipairs(set.x:softmax():totable()) do
      for k, p in ipairs(row) do
        local sum = 0
        for _, other in ipairs(row) do sum = sum + (other > p and other or 0) end
        assert.equal(sum <= found.threshold + 1e-6 and 1 or 0, contains[i][k])
      end
    end
  end)
  it("hold the likeliest class, if they adapt", function()
    local set = drawn(400, 3, 4)
    local found = mb.conformal(identity(3, 20), set, { method = "adaptive", coverage = 0.5 })
    assert.equal(0, found:evaluate(drawn(400, 3, 5)).empty)
  end)
  it("are intervals for numbers, which cover as stated", function()
    local rng, sum = mb.rng(5), 0
    local model = identity(1)
    local function numbers(n)
      local x = rng:normal(0, 1, n, 1)
      return { x = x, y = x + rng:normal(0, 0.5, n, 1) }
    end
    for _ = 1, 20 do
      local found = mb.conformal(model, numbers(300), { coverage = 0.9 })
      local test = numbers(300)
      local low, high = found:intervals(test.x)
      close(high - low, mb.full(2 * found.threshold, 300), 1e-5)
      assert.near(0.5 * 1.645, found.threshold, 0.15)
      sum = sum + found:evaluate(test).coverage / 20
    end
    assert.near(0.9, sum, 0.02)
    raises("take intervals", function() mb.conformal(model, numbers(30)):sets(mb.ones(2, 1)) end)
    raises("take sets", function() mb.conformal(identity(3), drawn(30, 3, 1)):intervals(mb.ones(2, 3)) end)
  end)
  it("refuse what has no set and no interval", function()
    local model, x = nn.Sequential { nn.Dense { units = 1 } }, mb.rand(30, 2)
    raises("conformal: data.y: row 1 is NaN", mb.conformal, model, { x = x, y = mb.full(0 / 0, 30) })
    raises("conformal: coverage: expected a number above 0 and below 1, got 0", mb.conformal, identity(3),
      drawn(30, 3, 1), { coverage = 0 })
    assert.matches("coverage 1e%-12", tostring(mb.conformal(identity(3), drawn(30, 3, 1), { coverage = 1e-12 })))
    raises("outputs: expected one of 'classes', 'numbers', got 'labels'", mb.conformal, identity(3), drawn(30, 3, 1),
      { outputs = "labels" })
    local found = mb.conformal(identity(3), drawn(30, 3, 1), { outputs = "classes" })
    raises("unknown option 'outputs'", found.evaluate, found, drawn(30, 3, 2), { outputs = "numbers" })
    raises("conformal: x: expected a tensor, got nil", found.sets, found)
  end)
  it("print what they hold and cover", function()
    local set = drawn(200, 3, 1)
    local found = mb.conformal(identity(3), set, { coverage = 0.8 })
    assert.matches("^conformal sets: coverage 0.8, calibrated on 200 spectra, threshold 0%.", tostring(found))
    local judged = found:evaluate(set)
    assert.matches("^coverage 0%.8%d*, mean size %d", tostring(judged))
    assert.near(0.805, judged.coverage, 0.01)
    local sizes = found:contains(set.x):sum(2)
    assert.equal(sizes:eq(0):sum():item(), judged.empty)
    assert.near(sizes:mean():item(), judged.size, 1e-6)
  end)
end)

describe("a model without names of its classes", function()
  it("is judged on sets with as many classes only", function()
    local data, labels = spectra(90, 3), {}
    local model = mb.logistic.fit(data.x, data.y)
    local function set_of(names)
      for i, class in ipairs(data.y) do labels[i] = names[class] end
      return mb.spectra.set { x = data.x:reshape(90, 8), axis = { first = 1, last = 8, step = 1 },
        labels = { kind = labels } }
    end
    local whole, less = set_of { "a", "b", "c" }, set_of { "b", "b", "c" }
    assert.near(model:score(data.x, data.y), mb.reliability(model, whole, { label = "kind" }).accuracy, 1e-6)
    for _, name in ipairs { "reliability", "conformal", "calibrate" } do
      raises("label: the set has 2 classes of kind, the model 3, and it does not know their names", mb[name], model,
        less, { label = "kind" })
    end
  end)
end)

describe("a network from mb.load", function()
  -- Three classes by the place of a peak on a steep line, which snv scales.
  local function measured(n, seed, classes)
    local rng, rows, labels = mb.rng(seed), {}, {}
    for i = 1, n do
      local class, slope = classes[i % #classes + 1], rng:random()
      rows[i], labels[i] = {}, "class " .. class
      for k = 1, 24 do
        rows[i][k] = 50 + slope * k + rng:normal(0, 1) + (math.abs(k - 6 * class) < 2 and 30 or 0)
      end
    end
    return mb.spectra.set { x = rows, axis = { first = 1, last = 24, step = 1 }, labels = { kind = labels } }
  end
  local train, test = measured(90, 1, { 1, 2, 3 }), measured(60, 2, { 1, 2, 3 })
  local steps, prepared = mb.preprocess.fit({ "snv", { "crop", low = 3, high = 22 } }, train)
  local y, names = train:classes "kind"
  local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = 3 } }
  mb.fit(model, { x = prepared.x, y = y }, { epochs = 60, seed = 1, verbose = false,
    optimizer = mb.optim.Adam { lr = 0.03 } })
  local path = os.tmpname()
  assert(mb.save(model, path, { classes = names, axis = train.axis, preprocessing = steps }))
  local loaded = assert(mb.load(path))
  os.remove(path)
  local truth = test:classes("kind", names)
  local by_hand = { x = mb.preprocess.apply(steps, test).x, y = truth }
  local accuracy = mb.predict(loaded, test):eq(truth):mean():item()

  it("is judged on sets of raw spectra as mb.predict prepares them", function()
    assert.is_true(accuracy > 0.9)
    assert.near(accuracy, mb.reliability(loaded, test, { label = "kind" }).accuracy, 1e-6)
    assert.equal(mb.calibrate(loaded, by_hand).temperature, mb.calibrate(loaded, test, { label = "kind" }).temperature)
    assert.equal(mb.ensemble({ loaded }):predict(test):tobytes(), mb.predict(loaded, test):tobytes())
    assert.equal(mb.conformal(loaded, by_hand).threshold, mb.conformal(loaded, test, { label = "kind" }).threshold)
    assert.equal("class", mb.conformal(loaded, test, { label = "kind" }):sets(test)[1][1]:sub(1, 5))
  end)
  it("is explained on the spectra as it gets them", function()
    assert.same(20, mb.explain.saliency(loaded, test).x:shape()[2])
    assert.equal(3, mb.explain.occlusion(loaded, test).axis[1])
    assert.equal(mb.explain.saliency(loaded, by_hand.x).values:tobytes(),
      mb.explain.saliency(loaded, test).values:tobytes())
    assert.near(mb.explain.importance(loaded, by_hand).error,
      mb.explain.importance(loaded, test, { label = "kind" }).error, 1e-6)
  end)
  it("numbers classes by its own names, of which a set may lack some", function()
    local two = measured(40, 3, { 2, 3 })
    local right = mb.predict(loaded, two):eq((two:classes("kind", names))):mean():item()
    assert.is_true(right > 0.9)
    assert.near(right, mb.reliability(loaded, two, { label = "kind" }).accuracy, 1e-6)
    local some = { x = mb.preprocess.apply(steps, two).x, y = two:classes("kind", names) }
    assert.near(mb.explain.importance(loaded, some).error,
      mb.explain.importance(loaded, two, { label = "kind" }).error, 1e-6)
    local fitted = mb.pipeline({ "snv", { "logistic", C = 1 } }):fit(train, { label = "kind" })
    assert.is_true(mb.explain.importance(fitted, two, { label = "kind" }).error < 0.4)
  end)
  it("refuses spectra that its steps have preprocessed already", function()
    raises("predict: the spectra are preprocessed already (snv, crop)", mb.predict, loaded,
      mb.preprocess.apply(steps, test))
    local _, despiked = mb.preprocess.fit({ "despike" }, test)
    assert.same({ 60 }, mb.predict(loaded, despiked):shape())
  end)
end)
