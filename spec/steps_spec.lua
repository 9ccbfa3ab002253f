-- Steps of preprocessing beside pybaselines and NumPy, with sets of spectra, and refusals.
local mb = require "moonbow"

-- The data of the figures below: rng = np.random.default_rng(7); t = np.arange(60);
-- x = exp(-((t - 20) / 3)^2) + 0.5 exp(-((t - 41) / 4)^2) + 0.01 t + 0.3, in float32, + 0.01 rng.normal(size=60).
local points, axis = {}, {}
do
  local noise = mb.rng(7):normal(0, 1, 60):totable()
  for t = 0, 59 do
    points[t + 1] = math.exp(-((t - 20) / 3) ^ 2) + 0.5 * math.exp(-((t - 41) / 4) ^ 2) + 0.01 * t + 0.3
      + 0.01 * noise[t + 1]
    axis[t + 1] = 400 + 2 * t + t % 3 * 0.1
  end
end
local x = mb.tensor(points):reshape(1, 60, 1)

local function applied(step, spectra)
  local _, y = mb.preprocess.fit({ step }, spectra or x)
  return y
end

local function near(expected, got, tolerance)
  for i, value in ipairs(expected) do
    if math.abs(got[i] - value) > tolerance then
      error(("value %d: expected %.9g, got %.9g"):format(i, value, got[i]), 2)
    end
  end
end

local function at(tensor, ...)
  local list, picked = tensor:reshape(-1):totable(), {}
  for i, place in ipairs { ... } do picked[i] = list[place] end
  return picked
end

local function refuses(message, step, spectra)
  assert.error_matches(function() applied(step, spectra) end, message)
end

describe("baselines", function()
  it("are those of pybaselines 1.2", function()
    local figures = { als_baseline = { 0.29473549, 0.50127862, 0.71196223, 0.88845971 },
      arpls_baseline = { 0.29753914, 0.49727169, 0.70884877, 0.89199148 },
      airpls_baseline = { 0.29272337, 0.4940754, 0.70503148, 0.8858287 } }
    for name, expected in pairs(figures) do
      near(expected, at(x - applied { name, lambda = 1e4 }, 1, 21, 42, 60), 2e-5)
    end
  end)
  it("roll below the spectrum", function()
    local baseline = x - applied { "rolling_ball", half_window = 12, smooth = 0 }
    assert.is_true((x - baseline):min():item() >= 0)
    assert.is_true(applied({ "rolling_ball", half_window = 12 }):max():item() > 0.8)
    refuses("half_window: expected 1 to 60", { "rolling_ball", half_window = 61 })
  end)
end)

describe("despike", function()
  it("removes a cosmic ray and leaves the rest", function()
    local hit = mb.tensor(points)
    hit:set(33, hit:get(33) + 5)
    local repaired = applied({ "despike", half_window = 3 }, hit:reshape(1, 60, 1)):reshape(-1):totable()
    for t = 1, 60 do
      assert.is_true(math.abs(repaired[t] - points[t]) < (math.abs(t - 33.5) < 1 and 0.1 or 1e-6), t)
    end
  end)
end)

describe("derivative", function()
  it("is that of the polynomial around each point of an uneven axis", function()
    near({ 0.00232209, 0.00308739, 0.00410646, 0.00475387, 0.00304097 },
      at(applied { "derivative", window = 7, order = 2, axis = axis }, 1, 2, 21, 31, 60), 1e-6)
    near({ -0.00161734, -0.00092068, -0.03317342, 0.00041803, -0.00388443 },
      at(applied { "derivative", window = 7, order = 3, derivative = 2, axis = axis }, 1, 2, 21, 31, 60), 1e-6)
  end)
  it("is Savitzky-Golay's within an even axis", function()
    local even = {}
    for t = 1, 60 do even[t] = 10 - 0.5 * t end -- falling: the sign turns
    local mine = at(applied { "derivative", axis = even }, 20, 30, 40)
    local other = at(applied { "savitzky_golay", derivative = 1, delta = 0.5 }, 20, 30, 40)
    near({ -other[1], -other[2], -other[3] }, mine, 1e-6)
  end)
  it("loses no digits to an offset", function()
    local far = x + 30000
    for order = 1, 2 do
      local step = { "derivative", order = 3, derivative = order, axis = mb.arange(60) }
      local other = applied({ "savitzky_golay", order = 3, derivative = order }, far):reshape(-1):totable()
      near(other, applied(step, far):reshape(-1):totable(), 5e-7)
      near(applied(step, far - 30000):reshape(-1):totable(), applied(step, far):reshape(-1):totable(), 5e-7)
    end
  end)
  it("refuses what does not fit", function()
    refuses("window: expected an odd number", { "derivative", axis = axis, window = 8 })
    refuses("derivative: expected at most the order 2", { "derivative", axis = axis, derivative = 3 })
    refuses("axis: expected a table or a tensor", { "derivative" })
    local twice = table.move(axis, 1, 60, 1, {})
    twice[5] = twice[4]
    refuses("the axis holds 406 twice", { "derivative", axis = twice })
  end)
end)

describe("scatter corrections", function()
  local rows = { points, {}, {} }
  for t = 0, 59 do
    rows[2][t + 1] = 2 * points[t + 1] + 0.5 + 0.01 * t
    rows[3][t + 1] = 0.7 * points[t + 1] + 0.1 - 0.0005 * (t - 20) ^ 2
  end
  local three = mb.tensor(rows):reshape(3, 60, 1)

  it("fit offset, slope and polynomial", function()
    near({ 0.46365345, 2.70273111, 0.13177385 }, at(applied("msc", three), 121, 141, 180), 2e-5)
    near({ 0.50334853, 2.09395192, 1.23250017 }, at(applied({ "emsc", degree = 2 }, three), 121, 141, 180), 2e-5)
  end)
  it("lose no digits to an offset", function()
    for _, offset in ipairs { 1000, 50000 } do
      local far = three + offset
      for _, step in ipairs { "msc", { "emsc", degree = 2 }, { "emsc", degree = 6 } } do
        local off = (applied(step, far) - offset - applied(step, far - offset)):abs():max():item()
        assert.is_true(off < 1.5 * 2 ^ -23 * offset, off) -- the digits that a float has there
      end
    end
  end)
  it("take the reference of the training spectra along", function()
    local fitted, y = mb.preprocess.fit({ "emsc" }, three)
    near(y[2]:reshape(-1):totable(), mb.preprocess.apply(fitted, three:narrow(2, 1)):reshape(-1):totable(), 1e-6)
    assert.error_matches(function() mb.preprocess.apply(fitted, mb.zeros(1, 59, 1)) end, "fitted on 60 points")
  end)
  it("refuse what has no slope", function()
    refuses("msc: a spectrum does not rise", "msc", mb.concat({ three, three:narrow(1, 1) * -0.1 }, 1))
    refuses("is a polynomial: nothing tells its slope", "msc", mb.full(2, 3, 10, 1))
    refuses("degree: expected at most 8, got 9", { "emsc", degree = 9 })
  end)
end)

describe("steps along the axis", function()
  it("crop, bin and normalise by a band, and sets know their axis", function()
    local set = mb.spectra.set { x = x, axis = axis, unit = "cm-1" }
    local fitted, cropped = mb.preprocess.fit({ { "crop", low = 420, high = 450 }, { "bin", width = 10 } }, set)
    assert.is_true(cropped.axis[1] > 420 and cropped.axis[#cropped.axis] < 450)
    assert.equal(3, cropped.length)
    assert.same(cropped.x:totable(), mb.preprocess.apply(fitted, set).x:totable())
    local band = applied({ "normalize_band", low = 430, high = 450, by = "max" }, set).x
    assert.is_true(math.abs(band:slice(2, 16, 10):max():item() - 1) < 1e-6)
    local turned = applied({ "crop", low = 450, high = 420 }, set)
    assert.same(applied({ "crop", low = 420, high = 450 }, set).axis, turned.axis)
    refuses("no point of the axis lies within 1 to 2", { "crop", low = 1, high = 2 }, set)
    refuses("a spectrum is not above 0 within the band", { "normalize_band", low = 430, high = 450 },
      mb.spectra.set { x = x * 0, axis = axis })
    refuses("normalize_band: the axis has 2 points, the spectra have 30", { "normalize_band", low = 1, high = 2,
      axis = { 1, 2 } }, mb.ones(1, 30, 1))
  end)
  it("leave each point on its side of an edge where an axis differs by rounding only", function()
    local function set(changed, last)
      local even = {}
      for t = 1, 60 do even[t] = 10 * t end
      even[20], even[60] = changed, last
      return mb.spectra.set { x = x, axis = even }
    end
    local fitted_on = set(200, 600.0005)
    for _, step in ipairs { { "crop", low = 200, high = 400 }, { "normalize_band", low = 200, high = 200 },
      { "bin", width = 190, axis = fitted_on.axis }, { "resample", grid = { 10, 200, 600.0005 } } } do
      local fitted, y = mb.preprocess.fit({ step, "snv" }, fitted_on)
      for _, other in ipairs { set(199.9995, 600), set(200.0005, 600), set(199.9995, 600.0005) } do
        local z = mb.preprocess.apply(fitted, other)
        assert.same(y.x:totable(), z.x:totable(), step[1])
      end
    end
    local wide = mb.preprocess.fit({ { "crop", low = 200, high = 400 } }, fitted_on)
    assert.equal(20, mb.preprocess.apply(wide, set(195, 600)).length) -- another axis is taken as it is
  end)
  it("refuse an axis other than that of the set", function()
    local set = mb.spectra.set { x = x, axis = axis }
    local other = {}
    for t, position in ipairs(axis) do other[t] = 1e7 / position end
    refuses("step 1 %(derivative%): axis: expected that of the set, or none .*: point 1 of the axis is 400 there and "
      .. "25000 here", { "derivative", axis = other }, set)
    assert.error_matches(function()
      mb.preprocess.fit({ { "crop", low = 420, high = 450 }, { "bin", width = 10, axis = axis } }, set)
    end, "step 2 %(bin%): axis: expected that of the set, .* there, 60 from 400 to 518.2 here")
    assert.same(applied({ "derivative" }, set).x:totable(), applied({ "derivative", axis = axis }, set).x:totable())
  end)
  it("refuse in apply what they refuse in fit", function()
    local set = mb.spectra.set { x = x, axis = axis }
    local twice = require("support.spectra_files").repeated { 459, 460, 460, 461 }
    for message, step in pairs {
      ["crop: no point of the axis lies within 500 to 510"] = { "crop", low = 500, high = 510 },
      ["normalize_band: no point of the axis lies within 500 to 510"] = { "normalize_band", low = 500, high = 510 },
      ["derivative: the axis holds 460 twice"] = { "derivative", window = 3 },
      ["derivative: window: expected an odd number of at most the 4 points, got 5"] = { "derivative", window = 5 },
    } do
      local fitted = mb.preprocess.fit({ step }, set)
      assert.error_matches(function() mb.preprocess.apply(fitted, twice) end, message)
      refuses(message, step, twice)
    end
  end)
  it("bins hold equally many points of an even axis", function()
    local even = {}
    for t = 1, 60 do even[t] = 10 + (t - 1) * 0.02 end -- positions are rounded: (10.12 - 10) / 0.04 is below 3
    for _, points_of_bin in ipairs { 2, 5 } do
      local set = mb.spectra.set { x = x, axis = even }
      local _, binned = mb.preprocess.fit({ { "bin", width = points_of_bin * 0.02 } }, set)
      assert.equal(60 // points_of_bin, #binned.axis)
      for b, position in ipairs(binned.axis) do
        local first = (b - 1) * points_of_bin + 1
        near({ position }, { (even[first] + even[first + points_of_bin - 1]) / 2 }, 1e-9)
      end
    end
  end)
  it("bins hold the means of their points", function()
    local y = applied { "bin", width = 5, axis = axis }
    local sum = 0
    for t = 1, 3 do sum = sum + points[t] end
    near({ sum / 3 }, at(y, 1), 1e-6)
  end)
end)

describe("kubelka_munk", function()
  it("turns reflectance into what concentration is proportional to", function()
    local r = mb.tensor { { { 0.5 }, { 0.2 } } }
    near({ 0.25, 1.6 }, applied("kubelka_munk", r):reshape(-1):totable(), 1e-6)
    near({ 0.25, 1.6 }, applied({ "kubelka_munk", percent = true }, r * 100):reshape(-1):totable(), 1e-6)
    refuses("expected reflectance above 0, got 0", "kubelka_munk", r * 0)
  end)

  local r = { { 0.5, 0.2, 0.8, 0.6, 0.7 }, { 0.4, 0.1, 0.3, 0.2, 0.3 } }
  local function set_of(quantity, factor, percent)
    return mb.spectra.set { x = mb.tensor(r) * factor, axis = { 1000, 1010, 1020, 1030, 1040 }, quantity = quantity,
      percent = percent }
  end
  local percent, fraction = set_of("%R", 100), set_of("reflectance", 1)
  local expected = select(2, mb.preprocess.fit({ "kubelka_munk" }, fraction.x)):reshape(-1):totable()
  local crop = { "crop", low = 1000, high = 1040 }

  it("takes from a set whether it is in percent", function()
    for _, list in ipairs { { "kubelka_munk" }, { crop, "kubelka_munk" }, { { "savitzky_golay", window = 1, order = 0 },
      "kubelka_munk" } } do
      local steps, y = mb.preprocess.fit(list, percent)
      near(expected, y.x:reshape(-1):totable(), 1e-6)
      near(expected, mb.preprocess.apply(steps, percent.x):reshape(-1):totable(), 1e-6)
      near(expected, mb.preprocess.apply(steps, percent).x:reshape(-1):totable(), 1e-6)
    end
    near(expected, applied("kubelka_munk", fraction).x:reshape(-1):totable(), 1e-6)
    near(expected, applied("kubelka_munk", set_of("reflectance", 100)).x:reshape(-1):totable(), 1e-6) -- above 2
    near(expected, applied({ "kubelka_munk", percent = true }, set_of(nil, 100)).x:reshape(-1):totable(), 1e-6)
    local y = applied("max", percent)
    assert.same(applied("kubelka_munk", y.x):totable(), select(2, mb.preprocess.fit({ "max", "kubelka_munk" },
      percent)).x:totable())
  end)
  it("refuses a set that says something else", function()
    local function refuses_set(message, step, set)
      assert.error_matches(function() applied(step, set) end, "kubelka_munk: " .. message, nil, true)
    end
    local from_0 = "percent: expected values from 0 to 1, the set says that its are in percent"
    local in_percent = "percent: expected values in percent, the set says that its are from 0 to 1"
    refuses_set(from_0, { "kubelka_munk", percent = false }, percent)
    refuses_set(in_percent, { "kubelka_munk", percent = true }, fraction)
    refuses_set("expected reflectance, the set holds absorbance", "kubelka_munk", set_of("absorbance", 1))
    refuses_set("percent: expected true or false", "kubelka_munk", applied(crop, applied("despike", percent)))
    local of_percent, of_fraction = mb.preprocess.fit({ crop, "kubelka_munk" }, percent),
      mb.preprocess.fit({ crop, "kubelka_munk" }, fraction)
    assert.error_matches(function() mb.preprocess.apply(of_fraction, percent) end, from_0, nil, true)
    assert.error_matches(function() mb.preprocess.apply(of_percent, fraction) end, in_percent, nil, true)
  end)
end)

describe("all steps", function()
  it("travel with a model", function()
    local path = os.tmpname()
    local model = mb.ridge.fit(mb.rng(1):normal(0, 1, 5, 3, 1), { 1, 2, 3, 4, 5 })
    local steps, y = mb.preprocess.fit({ "despike", "arpls_baseline", { "rolling_ball", half_window = 9 },
      { "derivative", axis = axis }, "emsc", "msc" }, mb.concat({ x, x * 2 + 0.1 }, 1))
    assert(mb.save(model, path, { preprocessing = steps }))
    local _, info = mb.load(path)
    os.remove(path)
    assert.same(y:totable(), mb.preprocess.apply(info.preprocessing, mb.concat({ x, x * 2 + 0.1 }, 1)):totable())
  end)
end)
