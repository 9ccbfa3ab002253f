-- Generators of artificial spectra copy their options, and ignore none.
local mb = require "moonbow"

local small = { n = 4, validation = 1, test = 1 }

local function with(options)
  for key, value in pairs(small) do options[key] = options[key] or value end
  return options
end

describe("a generator", function()
  it("does not hand out its defaults to be changed", function()
    mb.data.single_peak(with {}).options.width[1] = 99
    assert.equal(2, mb.data.single_peak(with {}).options.width[1])
    local set = mb.data.challenge { train = 1, validation = 1 }
    local before, first = set.peaks[1].positions[1], set.test.x:narrow(1, 1):tobytes()
    set.peaks[1].positions[1] = 9
    local again = mb.data.challenge { train = 1, validation = 1 }
    assert.equal(before, again.peaks[1].positions[1])
    assert.is_true(first == again.test.x:narrow(1, 1):tobytes())
  end)
  it("keeps no table of the caller's", function()
    local width = { 2, 6 }
    local classes = { { positions = { 300 }, heights = { 1 } }, { positions = { 600 }, heights = { 1 } } }
    local set = mb.data.single_peak(with { width = width })
    local before = set.ceiling(200)
    width[1], width[2] = 60, 80
    assert.equal(before, set.ceiling(200))
    set = mb.data.universal { classes = classes, points = 1000, train = 1, validation = 1 }
    classes[1].positions[1] = 5
    assert.equal(300, set.peaks[1].positions[1])
  end)
  it("refuses options that it would ignore", function()
    local function refuses(message, name, options)
      assert.error_matches(function() mb.data[name](with(options)) end, message)
    end
    local peaks = { { { 100, 1 } }, { { 200, 1 } } }
    refuses("mixing: only the shape 'pseudo_voigt' has it, not 'gaussian'", "single_peak", { mixing = { 0.5, 0.5 } })
    refuses("asymmetry: only the shape 'asymmetric' has it, not 'lorentzian'", "border_peaks",
      { asymmetry = { 0.5, 0.5 }, shape = "lorentzian" })
    refuses("background_kinds: expected a list of names, got none", "single_peak", { background_kinds = {} })
    refuses("background_kinds: expected a list of names, got none", "single_peak",
      { background_kinds = { hump = true } })
    refuses("names: expected at most one for each of 2 classes, got 3", "classes",
      { peaks = peaks, names = { "a", "b", "c" } })
    refuses("names%[2%]: expected a string or a number, got true", "classes", { peaks = peaks, names = { "a", true } })
    refuses("peaks: expected a list, got an entry", "classes", { peaks = { peaks[1], second = peaks[2] } })
    refuses("peaks: e", "classes", { peaks = { peaks[1], nil, peaks[2] } })
    refuses("class 1, peak 1: expected { position, height }, got an entry %[width%]", "classes",
      { peaks = { { { 100, 1, width = 5 } }, peaks[2] } })
    refuses("class 1, peak 1: expected { position, height }, got an entry %[3%]", "classes",
      { peaks = { { { 100, 1, 5 } }, peaks[2] } })
    assert.error_matches(function() mb.data.verification { n = 4, boundary = 2500 } end,
      "verification: boundary: expected less than half of the 5000 points, got 2500")
    assert.error_matches(function() mb.data.verification { n = 4, min_peaks = 9, max_peaks = 8 } end,
      "verification: min_peaks: expected at most max_peaks, 8, got 9")
    assert.error_matches(function() mb.data.verification { n = 4, weak = { -1, 0 } } end,
      "weak: expected {low, high} with 0 <= low <= high, got {%-1, 0}")
  end)
  it("has a ceiling that does not depend on the unit of intensity", function()
    local function ceiling(unit)
      return mb.data.single_peak(with { heights = { 0.8 * unit, 0.6 * unit }, variation = 0.1 * unit,
        noise = 0.1 * unit, background = 0.2 * unit }).ceiling(1000)
    end
    local expected = ceiling(1)
    assert.is_true(expected > 0.85 and expected < 0.95)
    for _, unit in ipairs { 2 ^ -40, 2 ^ 40 } do assert.equal(expected, ceiling(unit)) end
  end)
  it("needs no kinds of background if there is no background", function()
    assert.equal(0, mb.data.single_peak(with { background = 0, background_kinds = {}, parts = true }).train.background
      :abs():max():item())
  end)
end)
