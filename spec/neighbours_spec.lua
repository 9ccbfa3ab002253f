-- Dissimilarities compared with SciPy's, neighbours with scikit-learn's, files, misuse.
local mb = require "moonbow"
local neighbours = mb.neighbours
local interrupted = require "support.interrupted"

-- scipy.spatial.distance 1.17.1 (jensenshannon and the like) and scipy.stats.wasserstein_distance, on
-- numpy.random.default_rng(5).random((5, 40)) in float32: rows 1 and 2 against rows 3, 4 and 5.
local SCIPY = {
  euclidean = { { 2.49234633, 2.97280310, 2.30007729 }, { 2.25490933, 2.98126057, 2.47060648 } },
  manhattan = { { 12.87437238, 15.34092081, 10.89208889 }, { 11.58565712, 15.63898609, 13.29477613 } },
  chebyshev = { { 0.78918622, 0.99346345, 0.78488031 }, { 0.74876714, 0.94868412, 0.73950607 } },
  cosine = { { 0.23200541, 0.34433966, 0.21470144 }, { 0.17751677, 0.32220509, 0.22609713 } },
  pearson = { { 0.84388434, 1.31261022, 0.79660639 }, { 0.76358318, 1.47630472, 1.00184526 } },
  jensen_shannon = { { 0.30738357, 0.39160017, 0.31507890 }, { 0.26315519, 0.34983427, 0.31238535 } },
  earth_movers = { { 1.26316111, 1.51136902, 1.36816958 }, { 2.11401873, 1.62082857, 2.09846598 } },
}

-- scikit-learn 1.9.1, KNeighborsClassifier(5, metric, weights), accuracy on the set peak_position of
-- bench/support/sets.lua: weights uniform, distance.
local SKLEARN = {
  euclidean = { 0.7945, 0.7985 }, manhattan = { 0.7495, 0.762 }, chebyshev = { 0.8225, 0.824 },
  cosine = { 0.785, 0.791 }, pearson = { 0.8185, 0.8175 },
}

local path = os.tmpname()
teardown(function() os.remove(path) end)

describe("distances", function()
  local x = mb.rng(5):random(5, 40)
  local a, b = x:narrow(1, 2), x:narrow(3, 3)
  it("equal SciPy's", function()
    for metric, expected in pairs(SCIPY) do
      local y = neighbours.distances(a, b, { metric = metric })
      assert.is_true((y:allclose(mb.tensor(expected), { relative = 1e-6, absolute = 0 })), metric)
    end
  end)
  it("of warping equal those of the plain algorithm", function()
    local function plain(p, q, window)
      local row = { [0] = 0 }
      for i = 1, #p do
        local before = row
        row = {}
        for j = math.max(1, i - window), math.min(#q, i + window) do
          local least = math.min(before[j] or math.huge, before[j - 1] or math.huge, row[j - 1] or math.huge)
          row[j] = (p[i] - q[j]) ^ 2 + least
        end
      end
      return math.sqrt(row[#q])
    end
    local p, q = a:totable(), b:totable()
    for _, window in ipairs { 0, 4, 40 } do
      local y = neighbours.distances(a, b, { metric = "dtw", window = window })
      for i = 1, 2 do
        for j = 1, 3 do assert.is_true(math.abs(y:get(i, j) - plain(p[i], q[j], window)) < 1e-5) end
      end
    end
    assert.same(neighbours.distances(a, b, { metric = "dtw" }):totable(),
      neighbours.distances(a, b, { metric = "dtw", window = 40 }):totable())
  end)
  it("under warping do not change with a shift", function()
    local t = mb.arange(100)
    local function peak(centre) return ((t - centre) / 3):pow(2):mul(-0.5):exp():reshape(1, 100, 1) end
    local here, there = peak(40), peak(50)
    local function distance(metric, window)
      return neighbours.distances(here, there, { metric = metric, window = window }):item()
    end
    assert.is_true(distance "euclidean" > 3)
    assert.is_true(distance("dtw", 12) < 0.05)
    assert.is_true(distance("ddtw", 12) < 0.05)
    assert.is_true(distance("dtw", 3) > 0.5)
    assert.is_true(math.abs(distance "earth_movers" - 10) < 1e-3)
  end)
  it("are the same if the rows need several parts", function()
    local many = mb.rng(1):random(200, 300)
    local whole = neighbours.distances(many, many:narrow(1, 170), { metric = "dtw", verbose = false })
    for _, i in ipairs { 1, 64, 65, 200 } do
      local one = neighbours.distances(many:narrow(i, 1), many:narrow(1, 170), { metric = "dtw" })
      assert.same(one:totable()[1], whole[i]:totable())
    end
  end)
  it("refuse spectra that cannot be compared", function()
    local function refuses(message, ...)
      local arguments = { ... }
      assert.error_matches(function() neighbours.distances(table.unpack(arguments)) end, message)
    end
    refuses("rows of a have 40 points, rows of b 39", a, mb.ones(2, 39))
    refuses("b: expected a tensor, got nil", a)
    refuses("a: expected spectra .* got shape {40}", mb.ones(40), b)
    refuses("distances: b: row 2, point 3 is infinity", mb.ones(1, 3), mb.tensor { { 1, 2, 3 }, { 1, 2, 1 / 0 } })
    local negative = mb.tensor { { 1, -1 } }
    local far = mb.full(3e38, 2, 4)
    for _, metric in ipairs { "euclidean", "manhattan", "chebyshev" } do
      refuses("row 1 of a is too far from row of b 1 for a number", far, -far, { metric = metric })
      assert.error_matches(function()
        neighbours.fit(far, { 1, 2 }, { k = 1, metric = metric }):predict(-far)
      end, "row 1 of a is too far from neighbour 1")
    end
    refuses("row 1 is negative at point 2", negative, mb.ones(1, 2), { metric = "earth_movers" })
    refuses("row 1 is zero", mb.ones(1, 2), mb.zeros(1, 2), { metric = "jensen_shannon" })
    refuses("did you mean 'euclidean'", a, b, { metric = "euclidian" })
    refuses("only dtw and ddtw have one, not cosine", a, b, { metric = "cosine", window = 3 })
    refuses("window: expected at least 0, got %-1", a, b, { metric = "dtw", window = -1 })
    refuses("dtw needs spectra of one channel", mb.ones(1, 5, 2), mb.ones(1, 5, 2), { metric = "dtw" })
    refuses("a derivative needs at least 3 points", mb.ones(1, 2), mb.ones(1, 2), { metric = "ddtw" })
  end)
end)

describe("nearest neighbours", function()
  it("end at Ctrl-C between two parts", function()
    local got = interrupted { "-e", [[
      local mb, core = require "moonbow", require "moonbow.core"
      require("moonbow.progress").job = function(operation)
        local function report(done, all)
          io.stderr:write(("now %s %d/%d\n"):format(operation, done, all))
          while not core.interrupted() do end
        end
        return setmetatable({ report = report }, { __close = function() end })
      end
      pcall(mb.neighbours.distances, mb.zeros(130, 1300), mb.zeros(12100, 1300), { metric = "manhattan" })
      print "went on"]] }
    assert.same({ 130, "now distances 64/130\ndistances: interrupted; the same command starts again\n", "" },
      { got.code, got.errors, got.output })
  end)
  it("classify as scikit-learn's", function()
    local set = dofile "bench/support/sets.lua"()[2]
    local train, test = set.splits[1].train, set.splits[1].test
    local x, y, x_test, y_test = set.x:index(train), set.y:index(train), set.x:index(test), set.y:index(test)
    for metric, expected in pairs(SKLEARN) do
      for i, weights in ipairs { "uniform", "distance" } do
        local score = neighbours.fit(x, y, { metric = metric, weights = weights }):score(x_test, y_test)
        assert.is_true(math.abs(score - expected[i]) < 0.00051, ("%s %s: %g"):format(metric, weights, score))
      end
    end
  end)
  it("under warping equal those of the whole matrix, on any number of threads", function()
    local set, threads = mb.data.border_peaks { n = 120, test = 40, crop = 160, seed = 1 }, mb.threads()
    for _, metric in ipairs { "dtw", "ddtw" } do
      local model = neighbours.fit(set.train.x, set.train.y, { k = 3, metric = metric, window = 10 })
      local matrix = neighbours.distances(set.test.x, set.train.x, { metric = metric, window = 10 })
      mb.threads(3)
      local distances, rows = model:nearest(set.test.x)
      mb.threads(threads)
      for i = 1, 40 do
        local order = {}
        for j = 1, 120 do order[j] = j end
        table.sort(order, function(p, q)
          local dp, dq = matrix:get(i, p), matrix:get(i, q)
          return dp < dq or dp == dq and p < q
        end)
        assert.same({ order[1], order[2], order[3] }, rows[i]:totable())
        assert.equal(matrix:get(i, order[3]), distances:get(i, 3))
      end
    end
  end)
  it("are equal after loading", function()
    local set = mb.data.border_peaks { n = 50, test = 20, crop = 160, seed = 1 }
    local model = neighbours.fit(set.train.x, set.train.y,
      { metric = "dtw", window = 4, weights = "distance" })
    assert.is_true(mb.save(model, path, { note = "n" }))
    local back, info = assert(mb.load(path))
    assert.equal(model:predict_proba(set.test.x):tobytes(), back:predict_proba(set.test.x):tobytes())
    assert.equal("n", info.note)
    assert.equal("5 nearest neighbours, dtw with window 4, 50 examples of 160 points, 2 classes",
      tostring(back))
  end)
  it("do not follow later changes of the examples", function()
    local x = mb.tensor { { 0, 0 }, { 1, 1 } }
    local model = neighbours.fit(x, { 1, 2 }, { k = 1 })
    x:fill(9)
    assert.same({ 2 }, model:predict(mb.tensor { { 2, 2 } }):totable())
  end)
  it("refuse invalid arguments", function()
    local x = mb.ones(3, 4)
    local function refuses(message, y, options, other)
      assert.error_matches(function() neighbours.fit(other or x, y, options) end, message)
    end
    refuses("k: expected at most 3, the rows of x, got 4", { 1, 2, 1 }, { k = 4 })
    refuses("y: expected 3 labels, one per row, got 2", { 1, 2 }, { k = 1 })
    refuses("y: row 3: expected a class number .* got 1.5", { 1, 2, 1.5 }, { k = 1 })
    refuses("x: row 2, point 1 is NaN", { 1, 2 }, { k = 1, metric = "dtw" }, mb.tensor { { 1, 1 }, { 0 / 0, 1 } })
    refuses("unknown option 'n_neighbors'", { 1, 2, 1 }, { n_neighbors = 1 })
    refuses("row 2 is negative", { 1, 2 }, { k = 1, metric = "jensen_shannon" },
      mb.tensor { { 1, 1 }, { 1, -1 } })
    local model = neighbours.fit(x, { 1, 2, 1 }, { k = 1 })
    assert.error_matches(function() model:predict(mb.ones(1, 5)) end, "x has 5 points .* fitted on 4")
    assert.error_matches(function() model:predict(3) end, "x: expected a tensor, got 3")
  end)
end)

describe("spectra that are nearly identical", function()
  local near_copies = require "moonbow.baselines.near_copies"
  -- 600 spectra of 20 points, one block for each of two classes 10 apart, of which the rows vary by about 1.
  local rng, rows, y = mb.rng(1), {}, {}
  for i = 1, 600 do
    rows[i], y[i] = {}, i <= 300 and 1 or 2
    for k = 1, 20 do rows[i][k] = { rng:normal(y[i] * 10, 1) } end
  end
  local x = mb.tensor(rows)
  it("are closer than a hundredth of the median distance, of all or within the classes", function()
    assert.near(0.01 * math.sqrt(2 * 20), near_copies.limit(x, y), 0.005)
    assert.near(0.01 * math.sqrt(20) * 10, near_copies.limit(x), 0.05)
  end)
  it("are counted once for each spectrum, or as pairs", function()
    local close = x:narrow(1, 3):add(0.001)
    assert.equal(3, near_copies.count(close, x))
    assert.equal(0, near_copies.count(x:narrow(1, 3):add(1), x))
    local both = mb.concat({ x:narrow(1, 5), close }, 1)
    local count, first = near_copies.pairs(both, 0.1, function() return true end)
    assert.same({ 3, { 1, 6 } }, { count, first })
    assert.equal(1, (near_copies.pairs(both, 0.1, function(i, j) return i == 8 and j == 3 end)))
  end)
  it("are so by their own size, too, where intensities range over decades", function()
    local function raw(seed)
      local draw, list = mb.rng(seed), {}
      for i = 1, 100 do
        local at, height, share = draw:uniform(58, 62), 10 ^ draw:uniform(0, 3), draw:uniform(0.2, 0.8)
        list[i] = {}
        for k = 1, 100 do
          list[i][k] = height * (math.exp(-((k - at) / 4) ^ 2) + share * math.exp(-((k - at - 20) / 4) ^ 2))
        end
      end
      return mb.tensor(list):reshape(100, 100, 1) + mb.rng(seed + 1):normal(0, 0.02, 100, 100, 1)
    end
    local function all() return true end
    local one, other = raw(1), raw(5)
    for _, change in ipairs { { 1, 0 }, { 100, 60000 } } do
      local a, b = one * change[1] + change[2], other * change[1] + change[2]
      assert.equal(0, near_copies.count(b, a))
      assert.equal(0, (near_copies.pairs(a, near_copies.limit(a), all)))
      local copies = (one + mb.rng(9):normal(0, 1e-4, 100, 100, 1)) * change[1] + change[2]
      assert.equal(100, near_copies.count(copies, a))
      assert.equal(100, (near_copies.pairs(mb.concat({ a, copies }, 1), near_copies.limit(a), all)))
    end
  end)
  it("are copies alone where all spectra are the same, and one spectrum is no pair", function()
    local same = mb.ones(4, 20, 1)
    assert.same({ 0, 4 }, { near_copies.limit(same), near_copies.count(same, same) })
    assert.equal(0, (near_copies.pairs(same:narrow(1, 1), 0, function() return true end)))
  end)
end)
