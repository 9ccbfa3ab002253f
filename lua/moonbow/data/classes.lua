--- Classes of spectra from lists of peaks, alone or mixed.
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local spectra = require "moonbow.data.spectra"

local known_options = spectra.known {
  peaks = check.required "table",
  names = check.optional "table",
  shift = check.default(50, "non-negative"),
  variation = check.default(0.1, "non-negative"),
  mixture = { 1, 1 },
  impurity = { 0, 0.7 },
}

local function read_peak(options, k, p, peak)
  local what = ("class %d, peak %d"):format(k, p)
  check.kind("classes", what, peak, "table")
  for key in pairs(peak) do
    if key ~= 1 and key ~= 2 then
      check.fail("classes", "%s: expected { position, height }, got an entry [%s]", what, tostring(key))
    end
  end
  local position = check.kind("classes", what .. ", position", peak[1], "number")
  local height = check.kind("classes", what .. ", height", peak[2], "positive")
  return {
    position = { position - options.shift, position + options.shift },
    height = { math.max(height - options.variation, 0), height + options.variation },
  }
end

local function read_names(options)
  local names = options.names
  if not names then return nil end
  check.list("classes", "names", names)
  if #names > #options.peaks then
    check.fail("classes", "names: expected at most one for each of %d classes, got %d", #options.peaks, #names)
  end
  for k, name in ipairs(names) do check.kind("classes", ("names[%d]"):format(k), name, "string|number") end
  return names
end

local function read_classes(options)
  local classes = {}
  check.list("classes", "peaks", options.peaks)
  for k, peaks in ipairs(options.peaks) do
    check.list("classes", "class " .. k, peaks)
    if #peaks == 0 then check.fail("classes", "class %d has no peaks", k) end
    classes[k] = {}
    for p, peak in ipairs(peaks) do classes[k][p] = read_peak(options, k, p, peak) end
    table.sort(classes[k], function(a, b) return a.position[1] < b.position[1] end)
  end
  if #classes == 0 then check.fail("classes", "peaks: expected a list of classes, got none") end
  return classes
end

--- Generates spectra of classes that are given as lists of peaks { position, height }.
--
-- ceiling(samples) is the mean over samples (10000) of the posterior of the likeliest class, for an observer who knows
-- all ranges and the background, and who measures position and height of each peak with the normal errors of the
-- Cramér-Rao bound under this noise. The observer does not know the width, but knows mixing and asymmetry; classes with
-- equal numbers of peaks have them in the same order. No classifier exceeds this bound by more than the sampling error;
-- a classifier can reach it if peaks stand apart and well above the noise. Raises for mixtures, whose bound is unknown.
-- @option peaks a list of classes, each a list of peaks { position in points from 1, height }
-- @option names of the classes; "1", "2", ... unless given
-- @option shift each position varies uniformly and independently by up to this many points either way
-- @option variation each height varies uniformly and independently by up to this either way, not below 0
-- @option mixture range of the number of classes in a spectrum, which is uniform: the label's and random others; their
--   intensities are then divided by their sum
-- @option impurity uniform range of the intensity of each other class; the label's class has 1
-- @see data.single_peak
-- @return table as mb.data.single_peak, but position and height = (n, largest number of peaks) if a class has several
--   peaks, in order of position (in mixtures class by class, the label's first), with NaN if a spectrum has fewer;
--   mixtures also have share = (n, classes), with the sum 1
-- @usage mb.data.classes { peaks = { { { 100, 1 }, { 220, 0.4 } }, { { 110, 1 } } } }
local function classes(given)
  local options = spectra.options("classes", given, known_options)
  local names = read_names(options)
  local set = spectra.make("classes", options, read_classes(options),
    { mixture = options.mixture, impurity = options.impurity })
  set.classes = {}
  for k = 1, #options.peaks do set.classes[k] = names and names[k] or tostring(k) end
  return report.set(set)
end

return check.takes(classes, 1, known_options)
