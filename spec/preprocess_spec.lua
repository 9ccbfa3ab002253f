-- Preprocessing: the result of each step, saved steps, and SciPy's figures for comparison.
local mb, mb64 = require "support.both"()

-- A step for spectra of L points, with the options that must be given.
local function step_of(name, L)
  local known, step = require("moonbow.data.steps")[name].options or {}, { name }
  local given = { axis = mb.arange(L), grid = mb.linspace(1, L, 7), low = 2, high = L - 1, width = 3, half_window = 3 }
  for key, value in pairs(given) do
    if known[key] ~= nil then step[key] = value end
  end
  return step
end

describe("preprocess", function()
  it("computes each step", function()
    local x = mb.tensor { { 1, 2, 3, 6 }, { 4, 4, 0, 8 } }:reshape(2, 4, 1)
    local function apply(name) return select(2, mb.preprocess.fit({ name }, x)):reshape(2, 4) end
    assert.is_true((apply("snv"):mean(2):allclose(mb.zeros(2), { absolute = 1e-6 })))
    assert.is_true((apply("snv"):std(2):allclose(mb.ones(2))))
    assert.is_true((apply("min_max"):allclose(mb.tensor { { 0, 0.2, 0.4, 1 }, { 0.5, 0.5, 0, 1 } })))
    assert.is_true((apply("max"):max(2):allclose(mb.ones(2))))
    assert.is_true((apply("area"):mean(2):allclose(mb.ones(2))))
    assert.is_true((apply("standardize"):allclose(mb.tensor { { -1, -1, 1, -1 }, { 1, 1, -1, 1 } })))
  end)
  it("uses the fitted values", function()
    local fitted = mb.preprocess.fit({ "standardize" }, mb.tensor { { 1, 2 }, { 3, 6 } }:reshape(2, 2, 1))
    assert.same({ { { 1 }, { 2 } } }, mb.preprocess.apply(fitted, mb.tensor { { 3, 8 } }:reshape(1, 2, 1)):totable())
    assert.error_matches(function() mb.preprocess.apply(fitted, mb.ones(1, 3, 1)) end, "fitted on 2 points")
  end)
  it("keeps constant spectra finite", function()
    local refused = { msc = true, emsc = true, kubelka_munk = true, normalize_band = true } -- nothing to divide by
    for _, name in ipairs(mb.preprocess.names) do
      local ok, _, y = pcall(mb.preprocess.fit, { step_of(name, 13) }, mb.zeros(2, 13, 1))
      assert.equal(not refused[name], ok, name)
      if ok then assert.equal(0, y:describe().nan + y:describe().inf, name) end
    end
  end)
  it("scales small and large numbers, and numbers far from 0, accurately", function()
    local function apply(name, values)
      return select(2, mb.preprocess.fit({ name }, mb.tensor(values):reshape(1, -1, 1))):reshape(-1)
    end
    local function times(factor, offset)
      return { offset + factor, offset + 2 * factor, offset + 3 * factor, offset + 4 * factor }
    end
    local z = 1.3416408
    for _, values in ipairs { times(1, 0), times(1e-13, 0), times(1e-37, 0), times(1e25, 0), times(8e37, 0),
      times(1, 1e7) } do
      assert.is_true((apply("snv", values):allclose(mb.tensor { -z, -z / 3, z / 3, z }, { relative = 1e-5 })))
      assert.is_true((apply("min_max", values):allclose(mb.tensor { 0, 1 / 3, 2 / 3, 1 }, { relative = 1e-5 })))
    end
    assert.is_true((apply("snv", { 1e-13, 2e-13, 3e-13 }):allclose(mb.tensor { -1.2247449, 0, 1.2247449 },
      { absolute = 1e-6 })))
    for _, factor in ipairs { 1e-13, 1e-37, 1, 8e37 } do
      assert.is_true((apply("max", times(factor, 0)):allclose(mb.tensor { 0.25, 0.5, 0.75, 1 }, { relative = 1e-4 })))
      assert.is_true((apply("area", times(factor, 0)):allclose(mb.tensor { 0.4, 0.8, 1.2, 1.6 }, { relative = 1e-4 })))
    end
  end)
  it("divides a point that never varied by 1", function()
    local fitted = mb.preprocess.fit({ "standardize" }, mb.tensor { { 0, 5 }, { 0, 5 } }:reshape(2, 2, 1))
    local y = mb.preprocess.apply(fitted, mb.tensor { { 1e-3, 5.5 } }:reshape(1, 2, 1))
    assert.is_true((y:reshape(2):allclose(mb.tensor { 1e-3, 0.5 })))
    fitted = mb.preprocess.fit({ "standardize" }, mb.tensor { { 10000001 }, { 10000004 } }:reshape(2, 1, 1))
    assert.same({ 1e7 + 2.5, 1.5 }, { fitted[1].mean[1], fitted[1].sd[1] })
  end)
  it("does not invert a spectrum to give it the maximum 1", function()
    local x = mb.tensor { { 1, 2 }, { -3, -1 } }:reshape(2, 2, 1)
    assert.error_matches(function() mb.preprocess.fit({ "max" }, x) end, "max: row 2 has no value above 0")
  end)
  it("refuses NaN and infinity, in spectra and in the results of steps", function()
    local x = mb.ones(3, 6, 1)
    local fitted = mb.preprocess.fit({ "standardize" }, x)
    x:set(2, 4, 1, 0 / 0)
    for _, step in ipairs { "snv", "min_max", "max", "area", "standardize", "savitzky_golay", "als_baseline" } do
      assert.error_matches(function() mb.preprocess.fit({ step }, x) end,
        "preprocess.fit: x: row 2, point 4 is NaN")
    end
    assert.error_matches(function() mb.preprocess.apply(fitted, x) end, "preprocess.apply: x: row 2, point 4 is NaN")
    fitted[1].sd[3] = 1e-30
    x = mb.ones(3, 6, 1)
    x:set(3, 3, 1, 3e38)
    assert.error_matches(function() mb.preprocess.apply(fitted, x) end,
      "the result of standardize: row 3, point 3 is infinity")
  end)
  it("refuses a fitted step that is damaged", function()
    local x = mb.ones(1, 2, 1)
    local function refuses(message, fitted)
      assert.error_matches(function() mb.preprocess.apply(fitted, x) end, message)
    end
    refuses("step 1: expected one of .* got nil", { {} })
    refuses("step 1: expected a table, got 'snv'", { "snv" })
    refuses("step 1: mean: expected a table, got nil", { { name = "standardize", sd = { 1, 1 } } })
    refuses("step 1: sd%[2%]: expected a finite number, got NaN",
      { { name = "standardize", mean = { 1, 1 }, sd = { 1, 0 / 0 } } })
    refuses("step 1: sd%[1%]: expected a non%-negative number, got %-1",
      { { name = "standardize", mean = { 1, 1 }, sd = { -1, 1 } } })
    refuses("sd: expected as many numbers as for mean", { { name = "standardize", mean = { 1, 1 }, sd = { 1 } } })
    refuses("unknown option 'scale'", { { name = "snv", scale = 1 } })
    refuses("lambda: expected a positive number", { { name = "als_baseline", options = { lambda = -1 } } })
    refuses("fitted: expected a list, got an entry %[name%]", { name = "snv" })
  end)
  it("refuses a list of steps with a gap", function()
    assert.error_matches(function() mb.preprocess.fit({ "snv", nil, "max" }, mb.ones(1, 2, 1)) end,
      "names: entry 2 of 3 is nil")
    assert.error_matches(function() mb.preprocess.fit({ step = "snv" }, mb.ones(1, 2, 1)) end, "got an entry %[step%]")
  end)
  it("refuses a grid by its ends in a file: the fitted step holds a list", function()
    local path = os.tmpname()
    finally(function() os.remove(path) end)
    local model = mb.pca.fit(mb.rng(1):normal(0, 1, 12, 6), { components = 1 })
    local steps = mb.preprocess.fit({ { "resample", axis = { 1, 6 }, grid = { first = 1, last = 6, points = 3 } } },
      mb.ones(1, 2, 1))
    assert(mb.save(model, path, { preprocessing = steps }))
    assert.same({ 1, 3.5, 6 }, select(2, assert(mb.load(path))).preprocessing[1].options.grid)
    local tensors, about = mb.safetensors.read(path)
    about.moonbow = about.moonbow:gsub('"grid":%b[]', '"grid":{"first":1,"last":6,"points":3}')
    assert(mb.safetensors.write(path, tensors, { moonbow = about.moonbow }))
    local loaded, message = mb.load(path)
    assert.is_nil(loaded)
    assert.matches("step 1: grid: expected a list of positions, as preprocess.fit gives it", message, 1, true)
  end)

  it("keeps no list of the caller's", function()
    local axis, grid = { 0, 1 }, { 0.5 }
    local fitted = mb.preprocess.fit({ { "resample", axis = axis, grid = grid } }, mb.tensor { { { 0 }, { 10 } } })
    axis[2], grid[1] = 2, 0.75
    assert.equal(5, mb.preprocess.apply(fitted, mb.tensor { { { 0 }, { 10 } } }):item())
  end)
  it("gives the same for any number of threads", function()
    local shape = (mb.arange(300) * 0.05):sin() * 3 + 4 -- common to all spectra, as scatter corrections expect
    local x, threads = mb.rand(mb.rng(1), 90, 300, 2) + shape:reshape(1, 300, 1), mb.threads()
    local function apply(step, count)
      mb.threads(count)
      local fitted, y = mb.preprocess.fit({ step }, x)
      mb.threads(threads)
      return y:tobytes() .. table.concat(fitted[1].mean or {}, " ") .. table.concat(fitted[1].sd or {}, " ")
    end
    for _, name in ipairs(mb.preprocess.names) do
      local step = step_of(name, 300)
      local one = apply(step, 1)
      for _, count in ipairs { 2, 3 } do assert.is_true(one == apply(step, count), name) end
    end
  end)
  it("refuses unknown steps", function()
    assert.error_matches(function() mb.preprocess.fit({ "sn" }, mb.ones(1, 2, 1)) end, "did you mean 'snv'")
    assert.error_matches(function() mb.preprocess.fit({ "snv" }, mb.ones(2)) end, "got shape {2}")
  end)
end)

local x = {
  0.8142176872, 1.32544973, 1.043209367, 0.6849881502, 0.1692167723, -0.5115757724, -0.4524526126,
  0.06873336213, 0.5568139005, 1.366986599, 1.538168234, 1.574598908, 1.209098362, 0.3635208707,
  0.02030424003, 0.09082227085, 0.2918628878, 1.113623047, 1.919569762, 2.080607356, 2.105746831, 1.403118357,
  0.8879285828, 0.5524329664, 0.3043739945
}

-- Compares with SciPy in double, and in float up to the precision of float.
local function check(step, expected, values)
  for _, library in ipairs { mb, mb64 } do
    local y = select(2, library.preprocess.fit({ step }, library.tensor(values or x):reshape(1, -1, 1)))
    local same, off = y:reshape(-1):allclose(library.tensor(expected),
      { relative = 0, absolute = library == mb64 and 1e-8 or 1e-5 })
    assert.is_true(same, ("off by %g"):format(off))
  end
end

-- scipy.signal.savgol_filter(x, window, order, derivative, delta), SciPy 1.17.1.
local smoothed = {
  { window = 5, order = 2, derivative = 0, delta = 1,
    0.8892250668, 1.152604661, 1.111700298, 0.6786368672, 0.09101038284, -0.4101937929, -0.4338255816,
    -0.004155139108, 0.6696379708, 1.241387457, 1.604289979, 1.558395948, 1.118191202, 0.4553263568,
    0.03698302942, 0.02453006815, 0.38843974, 1.112985563, 1.822017761, 2.17496857, 1.976568847, 1.482228459,
    0.8951725518, 0.5276032427, 0.3155815282
  },
  { window = 11, order = 3, derivative = 0, delta = 1,
    1.120191984, 1.030657478, 0.8079958869, 0.5163648188, 0.2199218807, -0.0171753203, -0.04254869966,
    0.2057927972, 0.6212186974, 1.016707216, 1.249685498, 1.218939723, 0.9490985244, 0.6159307266,
    0.3935343895, 0.4093367428, 0.6787364499, 1.092434658, 1.504720928, 1.731858999, 1.763753228, 1.625723442,
    1.298392151, 0.7623818635, -0.001684913112
  },
  { window = 7, order = 2, derivative = 1, delta = 0.5,
    0.05633977089, -0.1612033551, -0.3787464811, -0.5962896071, -0.5684312132, -0.2366689543, 0.2429641955,
    0.6338032601, 0.8241442122, 0.6412670249, 0.171181697, -0.2818235936, -0.5768070721, -0.5639473882,
    -0.2492926522, 0.2787983715, 0.7123279483, 0.8474003441, 0.6094028896, 0.1823831981, -0.3160243999,
    -0.6514110236, -0.816829161, -0.9822472985, -1.147665436
  },
  { window = 9, order = 4, derivative = 2, delta = 2.0,
    -0.29757057, -0.1795916737, -0.08254829075, -0.006440421305, 0.04873193467, 0.08992124144, 0.1174980916,
    0.06271085768, -0.0181091375, -0.05832060148, -0.1031944962, -0.1029955419, -0.02725327918, 0.03262771818,
    0.09978460589, 0.1200112343, 0.06117348799, 0.002243802712, -0.08484407374, -0.1285673216, -0.07973182824,
    -0.03966087012, 0.02092518005, 0.1020263223, 0.2036425565
  },
  { window = 25, order = 5, derivative = 0, delta = 1,
    1.450029063, 0.7673236629, 0.4075801004, 0.2664736961, 0.2617364424, 0.3308651136, 0.4288293754,
    0.5257798953, 0.6047564516, 0.6593960439, 0.6916410023, 0.7094470974, 0.72449165, 0.7498816409,
    0.7978618209, 0.8775228199, 0.9925092575, 1.138727852, 1.302055531, 1.45604754, 1.559645554, 1.554885784,
    1.364607091, 0.8901590929, 0.00911027485
  },
  { window = 7, order = 6, derivative = 3, delta = 1,
    3.509454345, 1.33966797, 0.09531513394, -0.2584537485, 0.6058439406, 0.4547573957, -0.6406550215,
    0.0673853549, -0.3798124984, -0.2965291179, 0.2780660208, -0.4016634787, 0.6096583577, 0.6038019793,
    -0.4164782668, 0.2200104487, 0.02257845006, -0.9159189093, 0.07849743031, -0.087550639, 0.1394272042,
    0.6526797347, -0.6681688187, 0.4836537921, 7.376613456
  },
}

-- Eilers and Boelens 2005 with scipy.sparse.linalg.spsolve.
local baselines = {
  { lambda = 10, p = 0.01, iterations = 10,
    -0.3661794594, -0.389170819, -0.4109817814, -0.428717329, -0.4380282529, -0.4334516388, -0.4089173273,
    -0.3660894484, -0.3109421251, -0.2490146577, -0.1849785906, -0.1218894668, -0.06107968255,
    -0.002185145583, 0.05642841427, 0.1167609732, 0.1772362143, 0.2337098889, 0.2821523751, 0.3194139642,
    0.3439823649, 0.3561064793, 0.3577969738, 0.3521115269, 0.3426379485
  },
  { lambda = 1000, p = 0.1, iterations = 3,
    -0.140714949, -0.1146194824, -0.08842852242, -0.06190256903, -0.03468895822, -0.006360336942,
    0.02353103842, 0.0549782176, 0.08754586504, 0.1208110248, 0.1543976678, 0.1880543823, 0.2216681341,
    0.2552645428, 0.2889679716, 0.3229136091, 0.3569948463, 0.3908961925, 0.4242435379, 0.4567350453,
    0.4882184105, 0.5187037162, 0.548362798, 0.5774559332, 0.6062773553
  },
  { lambda = 1e7, p = 0.001, iterations = 10,
    -0.707089027, -0.6646000052, -0.6221109832, -0.5796219607, -0.5371329372, -0.494643912, -0.4521548844,
    -0.4096658555, -0.3671768261, -0.3246877973, -0.28219877, -0.2397097447, -0.1972207221, -0.1547317025,
    -0.1122426861, -0.06975367291, -0.02726466319, 0.01522434297, 0.05771334551, 0.1002023445, 0.14269134,
    0.1851803326, 0.2276693228, 0.2701583114, 0.3126472992
  },
}

local function options_of(name, reference)
  local step = { name }
  for key, value in pairs(reference) do
    if type(key) == "string" then step[key] = value end
  end
  return step
end

describe("Savitzky and Golay's filter", function()
  it("equals SciPy's, ends included", function()
    for _, reference in ipairs(smoothed) do
      check(options_of("savitzky_golay", reference), { table.unpack(reference) })
    end
    check({ "savitzky_golay", window = 1, order = 0 }, x)
  end)
  it("keeps polynomials up to its order, and takes their derivative", function()
    local cubic, second = {}, {}
    for i = 1, 60 do
      local t = i / 10
      cubic[i], second[i] = t ^ 3 - 4 * t ^ 2 + t, 6 * t - 8
    end
    local spectra = mb64.tensor(cubic):reshape(1, 60, 1)
    local function apply(options)
      options[1] = "savitzky_golay"
      return select(2, mb64.preprocess.fit({ options }, spectra)):reshape(60)
    end
    assert.is_true((apply { window = 21, order = 3 }:allclose(mb64.tensor(cubic), { absolute = 1e-9 })))
    assert.is_true((apply { window = 21, order = 3, derivative = 2, delta = 0.1 }:allclose(mb64.tensor(second),
      { absolute = 1e-8 })))
    assert.equal(0, apply { window = 5, order = 1, derivative = 2 }:abs():max():item())
  end)
  -- numpy.polynomial.legendre.legfit; savgol_filter, which solves with powers up to 50^8, gives 1.3111 at 701
  it("stays accurate for long windows and high orders", function()
    local y = {}
    for i = 0, 1999 do y[i + 1] = math.sin(i * 0.01) + math.exp(-0.5 * ((i - 700) / 5) ^ 2) end
    local z = select(2, mb64.preprocess.fit({ { "savitzky_golay", window = 101, order = 8 } },
      mb64.tensor(y):reshape(1, 2000, 1)))
    for at, expected in pairs { [1] = 3.45568352e-11, [4] = 2.99955002e-2, [701] = 1.3127120900901,
      [2000] = 0.908818851 } do
      assert.is_true(math.abs(z:get(1, at, 1) - expected) < 1e-8)
    end
  end)
  it("changes nothing if it interpolates", function()
    for _, window in ipairs { 51, 65 } do
      local y = mb64.randn(mb64.rng(1), 1, window + 3, 1)
      local z = select(2, mb64.preprocess.fit({ { "savitzky_golay", window = window, order = window - 1 } }, y))
      assert.is_true((z:allclose(y, { absolute = 1e-9 })))
    end
  end)
  it("takes the memory of a few windows for a wide one", function()
    local before = collectgarbage "count"
    local y = select(2, mb.preprocess.fit({ { "savitzky_golay", window = 3999 } }, mb.ones(1, 4000, 1)))
    assert.is_true(collectgarbage "count" - before < 10000) -- KB; a matrix of weights would take 128 MB
    assert.is_true((y:allclose(mb.ones(1, 4000, 1))))
  end)
  it("refuses invalid windows", function()
    local function refuses(message, options)
      options[1] = "savitzky_golay"
      assert.error_matches(function() mb.preprocess.fit({ options }, mb.ones(2, 20, 1)) end, message)
    end
    refuses("window: expected an odd number of points, got 4", { window = 4 })
    refuses("order: expected 0 to 4, less than the window, got 5", { window = 5, order = 5 })
    refuses("window: 21 points do not fit into spectra of 20 points", { window = 21 })
    refuses("window: 32767 points do not fit", { window = 32767, order = 32766 })
    refuses("derivative: expected an integer from 0 to 8, got 9", { derivative = 9 })
    refuses("unknown option 'widow'; did you mean 'window'", { widow = 3 })
  end)
end)

describe("the baseline by asymmetric least squares", function()
  it("equals the authors'", function()
    for _, reference in ipairs(baselines) do
      local expected = {}
      for i, value in ipairs(reference) do expected[i] = x[i] - value end
      check(options_of("als_baseline", reference), expected)
    end
    local short = { lambda = 2, p = 0.1, iterations = 5 }
    check(options_of("als_baseline", short), { x[1] - 0.8348541607, x[2] - 0.953993207, x[3] - 1.06384584 },
      { x[1], x[2], x[3] })
    check(options_of("als_baseline", short), { x[1] - 0.8601693923, x[2] - 0.8335651123, x[3] - 0.7862825649,
      x[4] - 0.7222377139 }, { x[1], x[2], x[3], x[4] })
  end)
  it("becomes the line of weighted least squares as lambda grows", function()
    local y, weights = {}, {}
    for i = 1, 400 do y[i] = math.sin(i / 30) + i / 100 end
    local function line(w)
      local s, sx, sy, sxx, sxy = 0, 0, 0, 0, 0
      for i = 1, 400 do
        s, sx, sy, sxx, sxy = s + w[i], sx + w[i] * i, sy + w[i] * y[i], sxx + w[i] * i * i, sxy + w[i] * i * y[i]
      end
      local slope = (s * sxy - sx * sy) / (s * sxx - sx * sx)
      return function(i) return (sy - slope * sx) / s + slope * i end
    end
    for i = 1, 400 do weights[i] = 1 end
    local first = line(weights)
    for i = 1, 400 do weights[i] = y[i] > first(i) and 0.01 or 0.99 end
    local second = line(weights)
    for _, lambda in ipairs { 1e14, 1e15, 1e16, 1e20, 1e38 } do
      local z = select(2, mb64.preprocess.fit({ { "als_baseline", lambda = lambda, iterations = 2 } },
        mb64.tensor(y):reshape(1, -1, 1))):reshape(-1)
      for i = 1, 400 do assert.is_true(math.abs(z[i] - (y[i] - second(i))) < 1e-6, lambda) end
    end
  end)
  it("keeps the peak and subtracts the slope", function()
    local y = {}
    for i = 1, 500 do y[i] = 0.3 + i / 1000 + math.exp(-0.5 * ((i - 250) / 5) ^ 2) end
    local z = select(2, mb.preprocess.fit({ { "als_baseline", p = 0.001 } }, mb.tensor(y):reshape(1, 500, 1)))
    assert.is_true(z:get(1, 250, 1) > 0.95 and z:get(1, 250, 1) < 1.05)
    for _, t in ipairs { 1, 100, 400, 500 } do assert.is_true(math.abs(z:get(1, t, 1)) < 0.03) end
  end)
  it("treats channels and spectra independently, whatever the number of threads", function()
    local all = mb.rand(mb.rng(1), 200, 300, 2)
    local function apply(spectra) return select(2, mb.preprocess.fit({ "als_baseline" }, spectra)) end
    local before = mb.threads()
    mb.threads(1)
    local one = apply(all)
    mb.threads(3)
    local three = apply(all)
    mb.threads(before)
    assert.equal(one:tobytes(), three:tobytes())
    local alone = apply(all:narrow(7, 1):slice(3, 2, 1))
    assert.equal(alone:tobytes(), one:narrow(7, 1):slice(3, 2, 1):tobytes())
  end)
  it("refuses invalid parameters", function()
    local function refuses(message, options, length)
      options[1] = "als_baseline"
      assert.error_matches(function() mb.preprocess.fit({ options }, mb.ones(2, length or 20, 1)) end, message)
    end
    refuses("p: expected a number between 0 and 1, got 2", { p = 2 })
    refuses("lambda: expected a positive number, got %-1", { lambda = -1 })
    refuses("expected spectra of at least 3 points, got 2", {}, 2)
  end)
end)

describe("resampling", function()
  it("interpolates, on axes that rise or fall", function()
    local y = { 0, 10, 30, 60 }
    check({ "resample", axis = { 1, 2, 4, 8 }, grid = { 1, 1.5, 3, 5, 8 } }, { 0, 5, 20, 37.5, 60 }, y)
    check({ "resample", axis = { 8, 4, 2, 1 }, grid = { 8, 5, 1.25 } }, { 0, 7.5, 52.5 }, y)
  end)
  it("takes axes in double", function()
    local far = 2 ^ 24
    check({ "resample", axis = { far, far + 1, far + 2 }, grid = { far + 0.5, far + 1 } }, { 5, 10 }, { 0, 10, 30 })
  end)
  it("keeps channels apart", function()
    local spectra = mb.tensor { { { 0, 1 }, { 10, 3 } } }
    local y = select(2, mb.preprocess.fit({ { "resample", axis = { 0, 1 }, grid = { 0.5 } } }, spectra))
    assert.same({ { { 5, 2 } } }, y:totable())
  end)
  it("refuses to extrapolate", function()
    local function refuses(message, axis, grid)
      assert.error_matches(function()
        mb.preprocess.fit({ { "resample", axis = axis, grid = grid } }, mb.ones(1, 3, 1))
      end, message)
    end
    refuses("grid: 4 lies outside the axis, 1 to 3", { 1, 2, 3 }, { 4 })
    refuses("axis: expected at least 2 values that only rise or only fall", { 1, 3, 2 }, { 2 })
    refuses("axis", { 1, 2 }, { 1.5 })
    refuses("grid%[1%]: expected a finite number, got 'x'", { 1, 2, 3 }, { "x" })
    refuses("grid: entry 2 of 3 is nil", { 1, 2, 3 }, { 1, nil, 2 })
  end)
end)

describe("steps with options", function()
  it("are saved with the model", function()
    local spectra, path = mb.randn(mb.rng(1), 4, 20, 1), os.tmpname()
    local model = mb.nn.Sequential { mb.nn.Flatten {}, mb.nn.Dense { units = 2 } }
    local steps = { { "resample", axis = mb.arange(20), grid = mb.linspace(1, 20, 39) }, { "als_baseline", p = 0.1 },
      { "savitzky_golay", window = 5, derivative = 1 }, "standardize" }
    local fitted, processed = mb.preprocess.fit(steps, spectra)
    assert.same({ 4, 39, 1 }, processed:shape())
    model:build { 39, 1 }
    assert(mb.save(model, path, { preprocessing = fitted }))
    local _, info = assert(mb.load(path))
    os.remove(path)
    assert.equal(processed:tobytes(), mb.preprocess.apply(info.preprocessing, spectra):tobytes())
  end)
end)
