--- The verification set of J. Schuetzke's spectra-model-benchmark (January 2024): is one known substance
-- there?
local core = require "moonbow.core"
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local peaks = require "moonbow.data.peaks"

local known_options = {
  n = check.default(5000, "positive integer"), points = check.default(5000, "positive integer"),
  positions = { 4291, 4701 }, heights = { 0.744, 1 }, shift = check.default(100, "integer"),
  height = check.default(0.1, "non-negative"), sigma = { 2.5, 30 }, boundary = check.default(100,
    "positive integer"),
  min_peaks = check.default(2, "positive integer"), max_peaks = check.default(10, "positive integer"),
  cases = { 0.2, 0.4, 0.4 }, impurity = { 0, 0.7 }, weak = { 0.03, 0.2 },
  validation = check.default(0.2, "fraction"), seed = check.seed(2023), normalize = false,
}

local OTHER, TARGET = 1, 2

local function scale(heights, factor)
  for i, height in ipairs(heights) do heights[i] = height * factor end
end

local function append(list, more) table.move(more, 1, #more, #list + 1, list) end

-- Draws peaks at any position; the highest has height 1, all are rounded to three decimals as the authors do.
local function draw_unrelated(rng, options)
  local count = core.rng_integers(rng, options.min_peaks, options.max_peaks, true)
  local positions, heights, highest = {}, {}, 0
  for i = 1, count do
    positions[i] = core.rng_integers(rng, options.boundary, options.points - options.boundary) + 1
  end
  for i = 1, count do
    heights[i] = core.rng_uniform(rng, 0.01, 1)
    highest = math.max(highest, heights[i])
  end
  for i, height in ipairs(heights) do heights[i] = (height / highest * 1000 + 0x1.8p52 - 0x1.8p52) / 1000 end
  return positions, heights
end

-- case 1: without the target, 2: with a weak target, 3: unrelated peaks are the weak ones.
local function draw_negative(rng, case, options)
  local positions, heights = draw_unrelated(rng, options)
  if case > 1 then
    local moved, changed = core.peaks_draw("verification", rng, options.positions, options.heights,
      options.points, options.shift, options.height)
    if case == 2 then
      scale(changed, core.rng_uniform(rng, table.unpack(options.impurity)))
    else
      scale(heights, core.rng_uniform(rng, table.unpack(options.weak)))
    end
    append(positions, moved)
    append(heights, changed)
  end
  return positions, heights, core.rng_uniform(rng, table.unpack(options.sigma))
end

local function draw_spectra(rng, options)
  local n = options.n
  local x, case = core.full(0, { 2 * n, options.points, 1 }), core.full(0, { 2 * n })
  core.peaks_varied("verification", x, 1, n, rng, options.positions, options.heights, options.shift,
    options.height, false, options.sigma[1], options.sigma[2], options.normalize)
  local cases = core.rng_choice(rng, 3, n, true, options.cases, true)
  for i = 1, n do
    local positions, heights, sigma = draw_negative(rng, core.get(cases, i), options)
    core.peaks_exact("verification", x, n + i, positions, heights, sigma, options.normalize)
    core.set(case, n + i, core.get(cases, i))
  end
  return x, case
end

local function check_cases(cases)
  local sum = 0
  for i = 1, 3 do sum = sum + check.kind("verification", ("cases[%d]"):format(i), cases[i], "fraction") end
  if #cases ~= 3 or math.abs(sum - 1) > 1e-8 then
    check.fail("verification", "cases: expected three shares with the sum 1, got %d with the sum %g",
      #cases, sum)
  end
end

local function check_options(options)
  check_cases(options.cases)
  peaks.fill_range("verification", options, "sigma")
  for _, name in ipairs { "impurity", "weak" } do
    local low, high = peaks.fill_range("verification", options, name)
    if not (low >= 0 and low <= high and high < math.huge) then
      check.fail("verification", "%s: expected {low, high} with 0 <= low <= high, got {%g, %g}", name, low, high)
    end
  end
  peaks.check_class("verification", "target", options, options.points)
  if 2 * options.boundary >= options.points then
    check.fail("verification", "boundary: expected less than half of the %d points, got %d", options.points,
      options.boundary)
  end
  if options.min_peaks > options.max_peaks then
    check.fail("verification", "min_peaks: expected at most max_peaks, %d, got %d", options.max_peaks,
      options.min_peaks)
  end
end

--- Generates spectra with a target (class 2) or without it as main substance (class 1), in random order. With default
-- options they equal those of the authors' script draw for draw and number for number (rounded to float32), if the last
-- argument of its uniform(0.01, 1, size, endpoint=True), which NumPy refuses, is removed. Source: J. Schuetzke's
-- spectra-model-benchmark (January 2024).
--
-- Spectra of class 2 have the target's peaks, every one moved by -shift..shift - 1 points and changed by U(-height,
-- height); sigma of the Gaussian filter is U(sigma). Spectra of class 1 have 2 to 10 peaks anywhere: alone in 20 % of
-- them (case 1), with the target weakened by U(impurity) in 40 % (case 2), and weakened by U(weak) beside the whole
-- target in 40 % (case 3).
-- @option n spectra of each class
-- @option points of a spectrum
-- @option positions of the target's peaks, in points from 1
-- @option heights of the target's peaks
-- @option shift by how many points a peak of the target moves
-- @option height by how much a height of the target changes
-- @option sigma range of the Gaussian filter, in points
-- @option boundary points at either end without unrelated peaks
-- @option min_peaks least unrelated peaks
-- @option max_peaks most unrelated peaks
-- @option cases shares of the three cases of class 1
-- @option impurity range of the target's intensity in case 2
-- @option weak range of the unrelated peaks' intensity in case 3
-- @option validation share of the validation set
-- @option seed an integer, or a table of integers
-- @option normalize true: each spectrum is divided by its maximum
-- @return table { train, validation: each { x = tensor (n, points, 1), y = (n), case = (n): 0 for class 2 }; classes =
--   names; axis; options }
local function verification(given)
  local options = check.options("verification", check.copy(given), known_options)
  check_options(options)
  local rng = core.rng(options.seed)
  local x, case = draw_spectra(rng, options)
  local order = core.rng_permutation(rng, 2 * options.n)
  local split = math.floor(options.n * (1 - options.validation) * 2)
  local function part(first, count)
    if count < 1 then
      check.fail("verification", "validation: a share of %g leaves a part empty", options.validation)
    end
    local rows = core.narrow(order, first, count)
    local cases = core.index(case, rows)
    return { x = core.index(x, rows), y = core.add(core.eq(cases, 0), OTHER), case = cases }
  end
  return report.set {
    train = part(1, split), validation = part(split + 1, 2 * options.n - split),
    classes = { [OTHER] = "other", [TARGET] = "target" }, axis = core.arange(1, 1, options.points),
      options = options,
  }
end

return check.takes(verification, 1, known_options)
