-- border_peaks: classes, positions, windows, distances, independence of the parts, misuse.
local mb = require "moonbow"
local border_peaks = require "moonbow.data.border_peaks"

local function argmax(x) return x:reshape(x:size(1), x:size(2)):argmax(2) end

describe("border_peaks", function()
  it("gives three parts of spectra with classes and positions", function()
    local set = border_peaks {}
    assert.same({ 1000, 2000, 1 }, set.train.x:shape())
    assert.same({ 300, 2000, 1 }, set.validation.x:shape())
    assert.same({ 2000, 2000, 1 }, set.test.x:shape())
    assert.same({ "below", "above" }, set.classes)
    assert.same({ 2000 }, set.axis:shape())
    assert.same({ 1, 2000 }, { set.axis[1], set.axis[2000] })
    for part, n in pairs { train = 1000, validation = 300, test = 2000 } do
      local y, position = set[part].y, set[part].position
      assert.same({ n }, y:shape())
      assert.equal(n / 2, y:eq(1):sum():item())
      assert.equal(n / 2, y:eq(2):sum():item())
      assert.is_true((position:ge(1000) + 1):allclose(y))
      assert.is_true(position:min():item() >= 950 and position:max():item() <= 1050)
    end
    assert.equal(950, set.test.position:min():item())
    assert.equal(1050, set.test.position:max():item())
  end)

  it("has the maximum of a clean spectrum at its position", function()
    local set = border_peaks { n = 200, validation = 1, test = 1, noise = 0 }
    assert.same(set.train.position:totable(), argmax(set.train.x):totable())
    local heights = set.train.x:max(2)
    assert.is_true(heights:min():item() > 0.6 and heights:max():item() < 1)
  end)

  it("follows its options", function()
    local set = border_peaks {
      n = 101, validation = 1, test = 1, length = 100, first = 20, border = 40, last = 43, height = { 2, 2 },
      width = { 1, 1 }, noise = 0,
    }
    assert.same({ 101, 100, 1 }, set.train.x:shape())
    assert.equal(51, set.train.y:eq(1):sum():item())
    assert.equal(20, set.train.position:min():item())
    assert.equal(43, set.train.position:max():item())
    assert.equal(2, set.train.x:max():item())
    local i = set.train.position[1]
    local row = set.train.x[1]:reshape(100)
    assert.is_true(math.abs(row[i + 1] - 2 * math.exp(-0.5)) < 1e-6)
  end)

  it("gives the same spectra for the same seed, others for another", function()
    local function make(seed) return border_peaks { n = 20, validation = 20, test = 20, seed = seed } end
    local one, again, other = make(5), make(5), make(6)
    for _, part in ipairs { "train", "validation", "test" } do
      assert.is_true(one[part].x:allclose(again[part].x, { relative = 0, absolute = 0 }))
      assert.is_false(one[part].x:allclose(other[part].x))
    end
    assert.is_false(one.train.x:allclose(one.validation.x))
    assert.is_false(one.train.x:allclose(one.test.x))
    assert.not_same(one.train.y:totable(), one.test.y:totable())
    local listed, seed = make { 5 }, { 5, 1 }
    assert.is_true(one.test.x:allclose(listed.test.x, { relative = 0, absolute = 0 }))
    assert.is_false(one.test.x:allclose(make(seed).test.x))
    assert.same({ 5, 1 }, seed)
  end)

  it("gives parts that do not depend on each other's size, nor on the default generator", function()
    mb.seed(1)
    local one = border_peaks { n = 20, validation = 1, test = 30 }
    mb.seed(2)
    local other = border_peaks { n = 50, validation = 7, test = 30 }
    assert.is_true(one.test.x:allclose(other.test.x, { relative = 0, absolute = 0 }))
  end)

  it("keeps the peaks under any noise and background", function()
    local function make(noise, background)
      return border_peaks { n = 50, validation = 1, test = 1, noise = noise, background = background }.train
    end
    local clean, noisy, both = make(0, 0), make(0.05, 0), make(0.05, 0.2)
    assert.same(clean.position:totable(), noisy.position:totable())
    assert.same(clean.position:totable(), both.position:totable())
    assert.is_true(math.abs((noisy.x - clean.x):std():item() - 0.05) < 1e-3)
    local background = both.x - noisy.x
    assert.is_true(background:min():item() > -1e-6)
    assert.is_true(background:max():item() < 0.2 + 1e-6 and background:max():item() > 0.15)
  end)

  it("does not depend on the number of threads", function()
    local before = mb.threads()
    local function make(threads)
      mb.threads(threads)
      return border_peaks({ n = 100, validation = 1, test = 1, background = 0.1 }).train.x:tobytes()
    end
    local one, two, three = make(1), make(2), make(3)
    mb.threads(before)
    assert.is_true(one == two and one == three)
  end)
end)

describe("a crop of border_peaks", function()
  it("is cut from the whole spectra", function()
    local whole = border_peaks { n = 20, validation = 2, test = 2 }
    local crop = border_peaks { n = 20, validation = 2, test = 2, crop = 320 }
    assert.equal(835, crop.options.start)
    for _, part in ipairs { "train", "validation", "test" } do
      assert.same(whole[part].x:slice(2, 835, 320):totable(), crop[part].x:totable())
      assert.same(whole[part].position:totable(), crop[part].position:totable())
    end
    assert.same({ 320 }, crop.axis:shape())
    assert.same({ 835, 1154 }, { crop.axis[1], crop.axis[320] })
  end)

  it("keeps positions in points of the whole spectrum", function()
    local set = border_peaks { n = 50, validation = 1, test = 1, crop = 320, noise = 0 }
    local at = argmax(set.train.x)
    for i = 1, 50 do assert.equal(set.train.position[i], set.axis[math.tointeger(at[i])]) end
  end)

  it("misaligns the border with all cells of up to 64 points by default", function()
    for _, crop in ipairs { 200, 256, 320, 512, 2000 - 64 } do
      local options = border_peaks({ n = 1, validation = 1, test = 1, crop = crop }).options
      assert.equal(37, options.align)
      for _, cell in ipairs { 2, 4, 8, 16, 32, 64 } do assert.not_equal(0, (1000 - options.start) % cell) end
    end
  end)

  it("puts the border where align says, near the middle", function()
    for align = 0, 63 do
      local options = border_peaks({ n = 1, validation = 1, test = 1, crop = 320, align = align }).options
      assert.equal(align, (1000 - options.start) % 64)
      assert.is_true(math.abs(1000 - options.start - 160) <= 32)
      assert.is_true(options.start <= 950 and options.start + 319 >= 1050)
    end
  end)

  it("stays inside the spectrum", function()
    local set = border_peaks {
      n = 4, validation = 1, test = 1, length = 150, first = 90, border = 100, last = 110,
      crop = 130, align = 20,
    }
    assert.same({ 16, 20 }, { set.options.start, set.options.align })
    assert.equal(130, set.train.x:size(2))
  end)

  it("is not needed: whole spectra return align, too", function()
    local options = border_peaks({ n = 1, validation = 1, test = 1 }).options
    assert.same({ 1, 39 }, { options.start, options.align })
  end)
end)

describe("the distance to the border", function()
  local set = border_peaks { n = 60, validation = 1, test = 1 }

  it("is 1 on either side of it, and signed", function()
    local expected = { [950] = -50, [998] = -2, [999] = -1, [1000] = 1, [1001] = 2, [1050] = 51 }
    for position, distance in pairs(expected) do assert.equal(distance, set.distance(position)) end
    assert.same({ -50, -2, -1, 1, 2, 51 },
      set.distance(mb.tensor { 950, 998, 999, 1000, 1001, 1050 }):totable())
  end)

  it("has the sign of the class", function()
    local distance = set.distance(set.train.position)
    for i = 1, 60 do assert.equal(set.train.y[i], distance[i] > 0 and 2 or 1) end
  end)

  it("falls into exactly one bin", function()
    for position = 950, 1050 do
      local distance, hits = math.abs(set.distance(position)), 0
      for _, bin in ipairs(set.bins) do
        if distance >= bin[1] and distance <= bin[2] then hits = hits + 1 end
      end
      assert.equal(1, hits)
    end
  end)
end)

describe("misuse of border_peaks", function()
  local function refuses(message, options)
    local ok, err = pcall(border_peaks, options)
    assert.is_false(ok)
    assert.truthy(err:find(message, 1, true), ("%q\nlacks\n%q"):format(err, message))
  end

  it("is refused by name", function()
    refuses("border_peaks: unknown option 'frist'; did you mean 'first'?", { frist = 3 })
    refuses("border_peaks: n: expected a positive integer, got 0", { n = 0 })
    refuses("border_peaks: noise: expected a number, got 'loud'", { noise = "loud" })
    refuses("border_peaks: noise: expected a finite number of at least 0, got -1", { noise = -1 })
    refuses("border_peaks: background: expected a finite number of at least 0, got inf",
      { background = math.huge })
    refuses("border_peaks: height: expected a table, got 0.5", { height = 0.5 })
    refuses("border_peaks: height: expected {low, high}", { height = { 0.5 } })
    refuses("border_peaks: width: expected {low, high}", { width = { 2, 3, 4 } })
    refuses("border_peaks: width: expected {low, high} with 0 < low <= high, got {0, 3}",
      { width = { 0, 3 } })
    refuses("expected 1 <= first < border <= last <= length, got 950, 950, 1050 and 2000", { border = 950 })
    refuses("expected 1 <= first < border <= last <= length, got 950, 1000, 1050 and 1000", { length = 1000 })
    refuses("take a longer crop or another align", { crop = 110 })
    for _, crop in ipairs { 1999, 2000, 3000 } do refuses("take a shorter crop or another align", { crop = crop }) end
    refuses("border_peaks: seed: expected a non-negative integer or a list of non-negative integers, got 'x'",
      { seed = "x" })
    refuses("border_peaks: seed: expected a non-negative integer or a list of non-negative integers, got -1",
      { seed = -1 })
  end)

  it("is refused if no window fits", function()
    refuses("no window of 101 points among 2000 holds positions 950 to 1050 with the border 37 points into a "
      .. "cell of 64", { crop = 101 })
    refuses("no window of 2001 points", { crop = 2001 })
    refuses("align: expected an integer from 0 to 63, got 64", { crop = 320, align = 64 })
    refuses("align: expected an integer from 0 to 63, got -1", { crop = 320, align = -1 })
    refuses("align: only a crop can move the border within a cell; give crop too", { align = 3 })
  end)
end)
