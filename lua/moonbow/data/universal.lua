--- The universal synthetic data set of Schuetzke, Szymanski and Reischl (npj Comput. Mater. 9:100, 2023).
local core = require "moonbow.core"
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local peaks = require "moonbow.data.peaks"

local class_options = {
  class_seed = check.seed(2022), boundary = check.default(100, "positive integer"),
  min_peaks = check.default(2, "positive integer"), max_peaks = check.default(10, "positive integer"),
  max_height = check.default(100, "positive integer"),
  distribution = check.one_of("gamma", { "gamma", "uniform" }),
}

local known_options = peaks.options {
  classes = check.default(500, "positive integer|table"), test_height = check.default(0.04, "non-negative"),
  overlap = check.one_of("by_hand", { "by_hand", "allow", "exclude" }),
}
for name, rule in pairs(class_options) do known_options[name] = rule end

-- Published classes that vary less in the test set (the authors count from 0).
local less_shift = { [8] = 17, [318] = 17 }
local less_height = { [164] = 0.025, [281] = 0.025, [219] = 0.025, [347] = 0.025 }

local function fail(...) check.fail("universal", ...) end

-- Rounds to the nearest integer, halves to the even one, as NumPy does.
local function round(value) return value + 0x1.8p52 - 0x1.8p52 end

local function draw_count(rng, options)
  if options.distribution == "uniform" then
    return core.rng_integers(rng, options.min_peaks, options.max_peaks, true)
  end
  return round(core.rng_gamma(rng, 1.2, 1.2) + options.min_peaks) // 1 | 0
end

-- Draws all peaks, keeps at most max_peaks of them, and scales these to the largest height 1.
local function draw_class(rng, options)
  local count, list, highest = draw_count(rng, options), {}, 0
  for i = 1, count do
    list[i] = { position = core.rng_integers(rng, options.boundary, options.points - options.boundary) + 1,
      order = i }
  end
  for i = 1, count do
    list[i].height = core.rng_integers(rng, 1, options.max_height, true)
  end
  for i = count, options.max_peaks + 1, -1 do list[i] = nil end
  for _, peak in ipairs(list) do highest = math.max(highest, peak.height) end
  table.sort(list, function(a, b)
    if a.position ~= b.position then return a.position < b.position end
    return a.order < b.order
  end)
  local class = { positions = {}, heights = {} }
  for i, peak in ipairs(list) do
    class.positions[i], class.heights[i] = peak.position, round(peak.height / highest * 1000) / 1000
  end
  return class
end

local function meets_one_of(classes, class, options)
  for _, other in ipairs(classes) do
    if peaks.overlap(class, other, options) then return true end
  end
  return false
end

local function draw_classes(options)
  if 2 * options.boundary >= options.points then
    fail("boundary: expected less than half of the %d points, got %d", options.points, options.boundary)
  end
  if options.min_peaks > options.max_peaks then
    fail("min_peaks: expected at most max_peaks, %d, got %d", options.max_peaks, options.min_peaks)
  end
  local rng, classes, tries = core.rng(options.class_seed), {}, 0
  while #classes < options.classes do
    local class = draw_class(rng, options)
    tries = tries + 1
    if options.overlap ~= "exclude" or not meets_one_of(classes, class, options) then
      classes[#classes + 1] = class
    elseif tries > 100 * options.classes then
      fail("overlap: found only %d of %d classes that do not overlap in %d draws", #classes,
        options.classes, tries)
    end
  end
  return classes
end

local function check_classes(classes, options)
  if #classes == 0 then fail("classes: expected a number or a list of classes, got an empty table") end
  for k, class in ipairs(classes) do
    peaks.check_class("universal", ("classes[%d]"):format(k), class, options.points)
    for j = 1, options.overlap == "exclude" and k - 1 or 0 do
      if peaks.overlap(class, classes[j], options) then
        fail("overlap: classes %d and %d overlap; leave one out or allow it", j, k)
      end
    end
  end
  return classes
end

-- True if the options draw the published classes, however many: only these have exceptions.
local function are_published(options)
  local defaults = check.options("universal", {}, class_options)
  for name, value in pairs(defaults) do
    if options[name] ~= value then return false end
  end
  return type(options.classes) == "number" and options.points == 5000
end

--- Generates spectra of classes that differ in positions and heights of 2 to 10 peaks. With default options they equal
-- those of the authors' scripts draw for draw and number for number (rounded to float32): 500 classes, 50, 10 and 9
-- spectra of 5000 points each. Source: Schuetzke, Szymanski and Reischl 2023 (npj Comput. Mater. 9:100).
--
-- Classes have round(gamma(1.2, 1.2) + 2) peaks, at most 10; positions are uniform, heights are integers 1 to 100
-- divided by the largest. In training and validation spectra, every peak moves by -shift..shift - 1 points and changes
-- its height by U(-height, height), independently; sigma of the Gaussian filter is U(sigma). In the nine test spectra
-- of a class, all peaks move by 0, -test_shift or test_shift, all heights but the largest change by 0, test_height or
-- -test_height, and sigma is test_sigma.
-- @option classes the number of classes to draw, or a list of own { positions = {points from 1}, heights = {...} }
-- @option class_seed of the classes
-- @option boundary points at either end without peaks
-- @option min_peaks least peaks of a class
-- @option max_peaks most peaks of a class
-- @option max_height heights are integers up to this, divided by the largest
-- @option distribution of the number of peaks; "uniform" is from min_peaks to max_peaks
-- @option points of a spectrum
-- @option train training spectra per class
-- @option validation validation spectra per class
-- @option shift by how many points a peak moves
-- @option height by how much a height changes
-- @option sigma range of the Gaussian filter, in points
-- @option test_shift by how many points the peaks of test spectra move
-- @option test_height by how much the heights of test spectra change
-- @option test_sigma Gaussian filter of the test spectra
-- @option seed of the training and validation spectra
-- @option normalize true: each spectrum is divided by its maximum, as the authors do before training
-- @option overlap "by_hand": six of the published classes vary less in the test set, as the authors chose; other
--   classes have no exceptions; "allow": no exceptions; "exclude": a class is drawn again if its training spectra and
--   those of an earlier class may look the same (peaks that merge or vanish are not considered)
-- @return table { train, validation, test: each { x = tensor (n, points, 1), y = (n) classes from 1 }; classes =
--   names, the authors' numbers from 0; peaks = list of { positions, heights }; axis; options }. test.rival (n) is the
--   other class in whose training range a test spectrum lies (divided by its maximum), or 0: no network can distinguish
--   such spectra from what it was trained on
local function universal(given)
  local options = check.options("universal", check.copy(given), known_options)
  options.keep_ones = false
  local classes = type(options.classes) == "table" and check_classes(options.classes, options)
    or draw_classes(options)
  local by_hand, variants = options.overlap == "by_hand" and are_published(options), {}
  for k, class in ipairs(classes) do
    local shift = by_hand and less_shift[k - 1] or options.test_shift
    local height = by_hand and less_height[k - 1] or options.test_height
    variants[k] = peaks.variants(class, { 0, -shift, shift }, { 0, height, -height }, options.points)
  end
  return report.set(peaks.make_set("universal", classes, variants, options))
end

return check.takes(universal, 1, known_options)
