-- The data sets of Schuetzke et al.: digests of the arrays that NumPy and SciPy draw (bench/published.py),
-- options, refusals.
local mb = require "moonbow"
local zlib = require "zlib"

local function digest(x)
  local crc, value = zlib.crc32(), nil
  for first = 1, #x, 500 do value = crc(x:narrow(first, math.min(500, #x - first + 1)):tobytes()) end
  return ("%08x"):format(value)
end

local function count(flags) return flags:gt(0):sum():item() end

local function small(options)
  for key, value in pairs { train = 3, validation = 2 } do options[key] = options[key] or value end
  return options
end

local function refuses(make, message, options)
  assert.error_matches(function() make(options) end, message)
end

describe("challenge", function()
  local set = mb.data.challenge {}
  it("is the published set", function()
    assert.equal("c929f85f", digest(set.train.x))
    assert.equal("36b98ee5", digest(set.validation.x))
    assert.equal("c33b8916", digest(set.test.x))
    assert.is_true(math.abs(set.train.x:sum():item() - 1963.38286) < 1e-4)
    assert.is_true(math.abs(set.train.x:sum_squares():item() - 145.36145) < 1e-5)
    local maxima = {}
    for i = 1, 10 do maxima[i] = set.train.x[i]:argmax(1):item() - 1 end
    assert.same({ 2974, 2956, 2961, 3048, 3005, 3039, 3042, 2956, 2982, 2958 }, maxima)
  end)
  it("has labels, names, kinds and rivals", function()
    for part, each in pairs { train = 50, validation = 10, test = 6 } do
      assert.equal(27 * each, #set[part].y)
      for i = 1, #set[part].y do assert.equal((i - 1) // each + 1, set[part].y[i]) end
    end
    assert.equal("26", set.classes[27])
    assert.same({ "minor", "position", "height" }, { set.kinds[9], set.kinds[10], set.kinds[19] })
    assert.equal(72, count(set.test.rival))
    for i = 1, 162 do
      local class, rival = set.test.y[i], set.test.rival[i]
      if rival > 0 then assert.is_true(class > 9 and (class - 1) // 3 == (rival - 1) // 3) end
    end
  end)
  it("varies as asked", function()
    local triplet = { kind = "height", { positions = { 30, 60 }, heights = { 0.2, 1 } },
      { positions = { 30, 60 }, heights = { 0.5, 1 } }, { positions = { 30, 60 }, heights = { 0.8, 1 } } }
    local other = mb.data.challenge { triplets = { triplet }, points = 90, train = 2, validation = 1,
      shift = 0,
      height = 0, sigma = { 1, 1 }, test_shift = 5, test_height = 0.1, test_sigma = 1, normalize = true,
        seed = 1 }
    assert.same({ 6, 90, 1 }, other.train.x:shape())
    assert.is_true(math.abs(other.train.x:get(3, 30, 1) - 0.5) < 1e-6)
    local heights = {}
    for i = 1, 18 do
      local x = other.test.x[i]
      local shift = x:argmax(1):item() - 60
      heights[i] = ("%d %.1f"):format(shift, x:get(30 + shift, 1))
    end
    assert.same({ "0 0.2", "-5 0.2", "5 0.2", "0 0.3", "-5 0.3", "5 0.3", "0 0.4", "-5 0.4", "5 0.4",
      "0 0.6", "-5 0.6",
      "5 0.6", "0 0.8", "-5 0.8", "5 0.8", "0 0.7", "-5 0.7", "5 0.7" }, heights)
  end)
  it("refuses invalid options", function()
    local make = mb.data.challenge
    refuses(make, "unknown option 'class'", { class = 3 })
    refuses(make, "triplets: expected a list of triplets, got an empty table", { triplets = {} })
    refuses(make, "triplets%[1%]: expected 3 classes, got 0", { triplets = { { kind = "minor" } } })
    refuses(make, "did you mean 'minor'", { triplets = { { kind = "minr" } } })
    refuses(make, "a peak at point 3001 of 3000", { points = 3000 })
    refuses(make, "sigma: expected {low, high}", { sigma = { 2 } })
    refuses(make, "sigma: expected {low, high} with 0 < low <= high", { sigma = { 3, 2 } })
    refuses(make, "challenge: shift: expected an integer from 0 to %d+, got %-1", { shift = -1 })
  end)
end)

describe("universal", function()
  it("is the published set", function()
    local set = mb.data.universal {}
    local peaks, sum = 0, 0
    for _, class in ipairs(set.peaks) do
      peaks = peaks + #class.positions
      for _, position in ipairs(class.positions) do sum = sum + position - 1 end
    end
    assert.same({ 500, 1749, 4404062 }, { #set.peaks, peaks, sum })
    assert.same({ positions = { 2775, 3877 }, heights = { 0.24, 1 } }, set.peaks[165])
    assert.equal("57843cf8", digest(set.train.x))
    assert.equal("b5f36789", digest(set.validation.x))
    assert.equal("41fc6a24", digest(set.test.x))
    local pairs_of = {}
    for i = 1, 4500 do
      local a, b = set.test.y[i] - 1, set.test.rival[i] - 1
      if b >= 0 then
        local key = ("%d %d"):format(math.min(a, b), math.max(a, b))
        pairs_of[key] = (pairs_of[key] or 0) + 1
      end
    end
    assert.same({ ["8 318"] = 12, ["164 281"] = 12, ["219 347"] = 4, ["15 482"] = 2, ["206 403"] = 2 },
      pairs_of)
  end)
  it("has the first of all classes if fewer are asked for", function()
    local few, more = mb.data.universal(small { classes = 9 }), mb.data.universal(small { classes = 10 })
    assert.equal(few.train.x, more.train.x:narrow(1, 27))
    assert.equal(few.test.x, more.test.x:narrow(1, 81))
    assert.equal(17, few.test.x[73]:argmax(1):item() - few.test.x[74]:argmax(1):item())
  end)
  it("normalises", function()
    local raw = mb.data.universal(small { classes = 5 })
    local scaled = mb.data.universal(small { classes = 5, normalize = true })
    assert.equal(1, scaled.train.x:reshape(15, 5000):max(2):min():item())
    assert.is_true((select(2, mb.preprocess.fit({ "max" }, raw.test.x)):allclose(scaled.test.x)))
  end)
  it("draws other classes by other options", function()
    local set = mb.data.universal(small { classes = 40, points = 600, class_seed = 1, boundary = 60,
      distribution = "uniform", min_peaks = 1, max_peaks = 3, max_height = 10 })
    local counts = {}
    for _, class in ipairs(set.peaks) do
      counts[#class.positions] = (counts[#class.positions] or 0) + 1
      assert.equal(1, math.max(table.unpack(class.heights)))
      for i, position in ipairs(class.positions) do
        assert.is_true(position > 60 and position <= 540)
        assert.is_true(i == 1 or position >= class.positions[i - 1])
      end
    end
    assert.is_true(counts[1] > 5 and counts[2] > 5 and counts[3] > 5 and counts[4] == nil)
    assert.equal(set.train.x, mb.data.universal(set.options and small { classes = set.peaks,
      points = 600 }).train.x)
    assert.is_false(set.train.x == mb.data.universal(small { classes = set.peaks, points = 600,
      seed = 3 }).train.x)
  end)
  it("excludes classes that overlap, so that no test spectrum has a rival", function()
    local crowded = { classes = 60, points = 500, max_peaks = 2, train = 1, validation = 1, shift = 10,
      test_shift = 10,
      test_height = 0.05 }
    assert.is_true(count(mb.data.universal(crowded).test.rival) > 20)
    crowded.overlap = "exclude"
    local set = mb.data.universal(crowded)
    assert.equal(60, #set.peaks)
    assert.equal(0, count(set.test.rival))
  end)
  it("finds rivals as training spectra do", function() -- the same peak within reach, heights up to a factor
    local function rival(second, options)
      options = options or {}
      options.classes = { { positions = { 100, 200 }, heights = { 0.5, 1 } }, second }
      options.points, options.train, options.validation, options.test_shift, options.test_height = 300, 1,
        1, 0, 0
      return mb.data.universal(options).test.rival[1]
    end
    assert.equal(2, rival { positions = { 150, 250 }, heights = { 0.5, 1 } })
    assert.equal(0, rival { positions = { 151, 250 }, heights = { 0.5, 1 } })
    assert.equal(2, rival { positions = { 51, 151 }, heights = { 0.5, 1 } })
    assert.equal(0, rival { positions = { 50, 151 }, heights = { 0.5, 1 } })
    assert.equal(0, rival { positions = { 100, 200 }, heights = { 0.6, 1 } }) -- 0.55 / 1 > 0.5
    assert.equal(2, rival { positions = { 100, 200 }, heights = { 0.57, 1 } }) -- 0.52 / 1.04
    assert.equal(0, rival { positions = { 100 }, heights = { 1 } })
  end)
  it("refuses invalid options", function()
    local make = mb.data.universal
    refuses(make, "boundary: expected less than half of the 5000 points, got 2500", { boundary = 2500 })
    refuses(make, "min_peaks: expected at most max_peaks, 10, got 11", { min_peaks = 11 })
    refuses(make, "classes: expected a number or a list of classes, got an empty table", { classes = {} })
    refuses(make, "classes%[1%].positions: expected a table, got nil", { classes = { {} } })
    refuses(make, "as many heights as positions, at least 1, got 0 and 1",
      { classes = { { positions = { 1 }, heights = {} } } })
    refuses(make, "positions%[1%]: expected a positive integer, got 0",
      { classes = { { positions = { 0 }, heights = { 1 } } } })
    local class = { positions = { 9 }, heights = { 1 } }
    refuses(make, "classes 1 and 2 overlap", { classes = { class, class }, overlap = "exclude" })
    refuses(make, "found only %d+ of 50 classes", { classes = 50, points = 300, max_peaks = 2,
      overlap = "exclude" })
    refuses(make, "height: expected a non%-negative number, got %-1", { height = -1 })
  end)
end)

describe("verification", function()
  it("is what the published script draws", function()
    local set = mb.data.verification {}
    assert.equal("56aed73e", digest(set.train.x))
    assert.equal("ceecbb8b", digest(set.validation.x))
    assert.equal(5000, count(set.train.y:eq(2)) + count(set.validation.y:eq(2)))
    assert.equal(set.train.case:eq(0), set.train.y:eq(2))
    assert.same({ "other", "target" }, set.classes)
  end)
  it("varies as asked", function()
    local set = mb.data.verification { n = 50, points = 200, boundary = 20, positions = { 50 },
      heights = { 1 }, shift = 0,
      height = 0, sigma = { 2, 2 }, cases = { 0, 1, 0 }, impurity = { 0.5, 0.5 }, validation = 0.5, seed = 1,
      min_peaks = 1, max_peaks = 1, normalize = true }
    assert.same({ 50, 200, 1 }, set.train.x:shape())
    for i = 1, 50 do
      if set.train.y[i] == 2 then assert.equal(50, set.train.x[i]:argmax(1):item()) end
      assert.equal(set.train.y[i] == 2 and 0 or 2, set.train.case[i])
    end
  end)
  it("refuses invalid options", function()
    local make = mb.data.verification
    refuses(make, "validation: a share of 1 leaves a part empty", { n = 5, validation = 1 })
    refuses(make, "cases: expected three shares with the sum 1, got 3 with the sum 3", { n = 5,
      cases = { 1, 1, 1 } })
    refuses(make, "cases%[3%]: expected a number from 0 to 1, got nil", { n = 5, cases = { 0.5, 0.5 } })
    refuses(make, "target: a peak at point 4291 of 300", { n = 5, points = 300 })
    refuses(make, "impurity: expected {low, high}", { n = 5, impurity = { 1 } })
  end)
end)
