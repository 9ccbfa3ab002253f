-- single_peak and classes: their content, the sum of their parts, and the best accuracy of a classifier.
local mb = require "moonbow"

local small = { n = 40, validation = 4, test = 6 }

local function with(options)
  local all = {}
  for key, value in pairs(small) do all[key] = value end
  for key, value in pairs(options) do all[key] = value end
  return all
end

describe("single_peak", function()
  it("gives the talk's data by default", function()
    local set = mb.data.single_peak {}
    assert.same({ 1000, 1000, 1 }, set.train.x:shape())
    assert.same({ 300, 1000, 1 }, set.validation.x:shape())
    assert.same({ 2000, 1000, 1 }, set.test.x:shape())
    assert.same({ "high", "low" }, set.classes)
    for k, range in ipairs { { 0.7, 0.9 }, { 0.5, 0.7 } } do
      local low, high, count = 9, 0, 0
      for i = 1, 2000 do
        if set.test.y[i] == k then
          low, high, count = math.min(low, set.test.height[i]), math.max(high, set.test.height[i]), count + 1
        end
      end
      assert.equal(1000, count)
      assert.is_true(low >= range[1] and low < range[1] + 0.003 and high <= range[2] and high > range[2] - 0.003)
    end
    local position, width = set.test.position:describe(), set.test.width:describe()
    assert.is_true(position.min >= 450 and position.min < 451 and position.max <= 550 and position.max > 549)
    assert.is_true(width.min >= 2 and width.min < 2.02 and width.max <= 6 and width.max > 5.98)
    assert.is_nil(set.test.background)
  end)

  it("has Gaussian peaks where its parameters say, and parts that add up", function()
    local part = mb.data.single_peak(with { parts = true }).train
    assert.is_true((part.peak + part.background + part.noise):allclose(part.x, { absolute = 1e-6 }))
    for i = 1, 40 do
      local at = math.floor(part.position[i])
      local z = (at - part.position[i]) / part.width[i]
      assert.is_true(math.abs(part.peak:get(i, at, 1) - part.height[i] * math.exp(-z * z / 2)) < 1e-4)
    end
    local background, noise = part.background:describe(), part.noise:std():item()
    assert.is_true(background.min >= -1e-6 and background.max <= 0.2 and background.max > 0.15)
    assert.is_true(math.abs(noise - 0.02) < 5e-4)
  end)

  it("keeps the peaks under any noise and background", function()
    local function peaks(options)
      options.parts = true
      return mb.data.single_peak(with(options)).train.peak:tobytes()
    end
    local reference = peaks {}
    for _, options in ipairs {
      { noise = 0.1 }, { background = 0 }, { background_kinds = "hump" }, { counts = 100 }, { orders = { 2, 3 } },
    } do
      assert.equal(reference, peaks(options))
    end
    assert.not_equal(reference, peaks { seed = 2 })
  end)

  it("mixes the backgrounds that were asked for", function()
    local function background(options)
      options.parts = true
      return mb.data.single_peak(with(options)).train.background:reshape(40, 1000)
    end
    local decay = background { background_kinds = "exponential" }
    local line = background { background_kinds = { "polynomial" }, orders = { 1, 1 } }
    for i = 1, 40 do
      assert.is_true(decay:get(i, 1) > decay:get(i, 500) and decay:get(i, 500) > decay:get(i, 1000))
      local ratio = decay:get(i, 400) ^ 2 / (decay:get(i, 200) * decay:get(i, 600)) -- an exponential has equal ratios
      assert.is_true(math.abs(ratio - 1) < 1e-3)
      assert.is_true(math.abs(line:get(i, 300) * 2 - line:get(i, 100) - line:get(i, 500)) < 1e-6)
    end
    assert.equal(0, background({ background = 0 }):max():item())
    local hump = background { background_kinds = "hump" }
    assert.is_true(hump:min():item() >= 0 and hump:max():item() <= 0.2)
  end)

  it("has other shapes with parameters of their own", function()
    local function part(shape) return mb.data.single_peak(with { shape = shape, noise = 0, background = 0 }).train end
    assert.is_nil(part("gaussian").mixing)
    local voigt, skewed = part "pseudo_voigt", part "asymmetric"
    assert.is_true(voigt.mixing:min():item() >= 0 and voigt.mixing:max():item() > 0.9)
    assert.is_true(skewed.asymmetry:min():item() >= 0 and skewed.asymmetry:max():item() > 0.45)
    assert.is_true(part("lorentzian").x:reshape(40, 1000):min(2):min():item() > 1e-6) -- tails that never end
    for i = 1, 40 do
      local centre, sum = skewed.position[i], 0
      for t = 1, 1000 do sum = sum + skewed.x:get(i, t, 1) * (t - centre) end
      if skewed.asymmetry[i] > 0.05 then assert.is_true(sum > 0) end
    end
  end)

  it("counts photons", function()
    local part = mb.data.single_peak(with { counts = 50, noise = 0, background = 0.2 }).train
    local scaled = part.x * 50
    for i = 1, 40 do
      for t = 1, 1000, 7 do
        local value = scaled:get(i, t, 1)
        assert.is_true(math.abs(value - math.floor(value + 0.5)) < 1e-4 and value > -1e-6)
      end
    end
  end)

  it("refuses invalid options", function()
    local function refuses(message, options)
      local ok, err = pcall(mb.data.single_peak, options)
      assert.is_false(ok)
      assert.truthy(err:find(message, 1, true), ("%q\nlacks\n%q"):format(err, message))
    end
    refuses("single_peak: unknown option 'widht'; did you mean 'width'?", { widht = { 1, 2 } })
    refuses("single_peak: heights: expected 2 numbers, got 3", { heights = { 1, 2, 3 } })
    refuses("single_peak: heights: expected a positive number, got -1", { heights = { 1, -1 } })
    refuses("single_peak: width: expected {low, high}", { width = { 2 } })
    refuses("single_peak: background_kinds: expected one of 'polynomial', 'exponential', 'hump', got 'bump' "
      .. "(did you mean 'hump'?)", { background_kinds = { "bump" } })
    refuses("single_peak: expected positions from 1 to the length, 300, got 450 to 550", { length = 300 })
    refuses("single_peak: orders: expected {low, high} of integers of at least 1", { orders = { 0, 2 } })
    refuses("single_peak: shape: expected one of", { shape = "square" })
    refuses("single_peak: height: expected {low, high} with 0 <= low", { variation = 0.7 })
  end)
end)

-- Fits height, position and width by maximum likelihood, with known background: the ceiling is the accuracy of this
-- fit, if its theory is right.
local function fitted_height(y, position, height, width)
  for _ = 1, 6 do
    local a = { { 0, 0, 0 }, { 0, 0, 0 }, { 0, 0, 0 } }
    local b = { 0, 0, 0 }
    for t = math.max(1, position - 30) // 1, (position + 30) // 1 do
      local z = (t - position) / width
      local profile = math.exp(-z * z / 2)
      local slope = { profile, height * profile * z / width, height * profile * z * z / width }
      for i = 1, 3 do
        b[i] = b[i] + slope[i] * (y[t] - height * profile)
        for j = 1, 3 do a[i][j] = a[i][j] + slope[i] * slope[j] end
      end
    end
    for i = 1, 3 do -- Gauss and Jordan; the matrix is positive definite
      for j = 1, 3 do
        if j ~= i then
          local factor = a[j][i] / a[i][i]
          for k = 1, 3 do a[j][k] = a[j][k] - factor * a[i][k] end
          b[j] = b[j] - factor * b[i]
        end
      end
    end
    height, position, width = height + b[1] / a[1][1], position + b[2] / a[2][2], width + b[3] / a[3][3]
  end
  return height
end

describe("the ceiling", function()
  it("equals the accuracy of maximum likelihood on spectra of the generator", function()
    local set = mb.data.single_peak { n = 1, validation = 1, test = 3000, parts = true, noise = 0.04 }
    local clean = (set.test.x - set.test.background):reshape(3000, 1000)
    local hits = 0
    for i = 1, 3000 do
      local y = clean[i]:totable()
      local height = fitted_height(y, set.test.position[i], set.test.height[i], set.test.width[i])
      if (height > 0.7) == (set.test.y[i] == 1) then hits = hits + 1 end
    end
    local ceiling = set.ceiling()
    local error = math.sqrt(ceiling * (1 - ceiling) / 3000)
    assert.is_true(math.abs(hits / 3000 - ceiling) < 3 * error, ("%g against %g"):format(hits / 3000, ceiling))
  end)
  it("is near that of the first trial for the default data", function()
    local ceiling = mb.data.single_peak(small).ceiling()
    assert.is_true(ceiling > 0.977 and ceiling < 0.985)
    assert.equal(ceiling, mb.data.single_peak(with { noise = 0.02 }).ceiling())
    assert.is_true(ceiling > mb.data.single_peak(with { noise = 0.03 }).ceiling())
    assert.equal(1, mb.data.single_peak(with { noise = 0 }).ceiling())
  end)
  it("is all but 1 at the border", function()
    assert.is_true(mb.data.border_peaks(small).ceiling() > 0.9999)
  end)
end)

describe("classes", function()
  local peaks = { { { 220, 0.4 }, { 100, 1 } }, { { 110, 1 } }, { { 300, 0.5 }, { 350, 0.5 } } }

  it("have their peaks where the lists say", function()
    local set = mb.data.classes(with { peaks = peaks, length = 400, shift = 5, variation = 0.05, names = { "a", "b" } })
    assert.same({ "a", "b", "3" }, set.classes)
    assert.same({ 40, 2 }, set.train.position:shape())
    for i = 1, 40 do
      local k = set.train.y[i] // 1 | 0
      local expected = ({ { { 100, 1 }, { 220, 0.4 } }, { { 110, 1 } }, { { 300, 0.5 }, { 350, 0.5 } } })[k]
      for p = 1, 2 do
        local position, height = set.train.position:get(i, p), set.train.height:get(i, p)
        if expected[p] then
          assert.is_true(math.abs(position - expected[p][1]) <= 5.001 and math.abs(height - expected[p][2]) <= 0.0501)
        else
          assert.is_true(position ~= position and height ~= height)
        end
      end
    end
    assert.is_true(set.ceiling() > 0.99)
  end)

  it("mix", function()
    local set = mb.data.classes(with { peaks = peaks, length = 400, shift = 5, mixture = { 2, 3 }, parts = true })
    assert.same({ 40, 3 }, set.train.share:shape())
    assert.same({ 40, 5 }, set.train.position:shape())
    assert.is_true(set.train.share:sum(2):allclose(mb.ones(40)))
    assert.same(set.train.y:totable(), set.train.share:argmax(2):totable())
    assert.has_error(function() set.ceiling() end)
  end)

  it("refuse invalid lists", function()
    local function refuses(message, options)
      local ok, err = pcall(mb.data.classes, options)
      assert.is_false(ok)
      assert.truthy(err:find(message, 1, true), ("%q\nlacks\n%q"):format(err, message))
    end
    refuses("classes: peaks: expected", {})
    refuses("classes: class 2 has no peaks", { peaks = { { { 100, 1 } }, {} } })
    refuses("classes: class 1, peak 1, height: expected a positive number, got nil", { peaks = { { { 100 } } } })
    refuses("classes: class 1, peak 1: expected a table, got 100", { peaks = { { 100, 1 } } })
    refuses("classes: mixture: expected {low, high} with 1 <= low <= high <= classes, 1, got {1, 2}",
      { peaks = { { { 100, 1 } } }, mixture = { 1, 2 } })
  end)
end)
