--- Artificial spectra whose class says on which side of a border their peak lies.
local core = require "moonbow.core"
local check = require "moonbow.check"

local CELL = 64 -- of points: what align refers to

local known_options = {
  n = check.default(1000, "positive integer"),
  validation = check.default(300, "positive integer"),
  test = check.default(2000, "positive integer"),
  length = check.default(2000, "positive integer"),
  crop = check.optional "positive integer",
  align = check.optional "integer",
  first = check.default(950, "positive integer"),
  border = check.default(1000, "positive integer"),
  last = check.default(1050, "positive integer"),
  height = { 0.6, 1 },
  width = { 2, 6 },
  noise = 0.02,
  background = 0,
  seed = check.default(1, "integer|table"),
}

local function fail(...) check.fail("border_peaks", ...) end

local function range(options, name)
  local low, high = options[name][1], options[name][2]
  if #options[name] ~= 2 or type(low) ~= "number" or type(high) ~= "number" then
    fail("%s: expected {low, high}", name)
  end
  return low, high
end

--- The first point of the window of options.crop points that has the border nearest to its middle,
-- among those that hold all positions and have the border options.align points into a cell.
local function window_start(options)
  local crop, border, best = options.crop, options.border, nil
  local function off_centre(start) return math.abs(border - start - crop / 2) end
  for start = (border - options.align - 1) % CELL + 1, options.length - crop + 1, CELL do
    local holds_all = start <= options.first and start + crop > options.last
    if holds_all and (not best or off_centre(start) < off_centre(best)) then best = start end
  end
  return best or fail("no window of %d points among %d holds positions %d to %d with the border %d points "
    .. "into a cell of %d; take a longer crop or another align", crop, options.length, options.first,
    options.last, options.align, CELL)
end

local function place_window(options)
  if not options.crop then
    if options.align then fail("align: only a crop can move the border within a cell; give crop too") end
    options.start, options.align = 1, (options.border - 1) % CELL
    return
  end
  options.align = options.align or 37
  if options.align < 0 or options.align >= CELL then
    fail("align: expected an integer from 0 to %d, got %d", CELL - 1, options.align)
  end
  options.start = window_start(options)
end

--- Part 1, 2, 3 (train, validation, test) has a stream of its own: seed and number seed a generator.
local function generate(options, part, n)
  local seed = type(options.seed) == "table" and { table.unpack(options.seed) } or { options.seed }
  seed[#seed + 1] = part
  local lowest, highest = range(options, "height")
  local narrowest, widest = range(options, "width")
  local x, y, position = core.border_peaks(core.rng(seed), n, options.length, options.first, options.border,
    options.last, lowest, highest, narrowest, widest, options.noise, options.background)
  if options.crop then x = core.slice(x, 2, options.start, options.crop) end
  return { x = x, y = y, position = position }
end

--- Spectra with one Gaussian peak; class 1 ("below") has its maximum at one of the points first to
-- border - 1, class 2 ("above") at border to last. Both classes are equal in number (an odd spectrum
-- goes to class 1) and in random order; positions are uniform. See claim 5 of the review.
--
-- Options: n (1000), validation (300), test (2000): spectra in each part. length (2000): points of a
-- spectrum. first (950), border (1000), last (1050). height {0.6, 1} and width {2, 6} (the Gaussian's
-- sigma, in points): uniform ranges. noise (0.02): sd of Gaussian noise. background (0): its maximum
-- is uniform from 0 to this; it mixes Chebyshev polynomials of order 1 to 5, an exponential decay and
-- a broad hump. seed (1): an integer or a table of integers; the parts have independent streams. The
-- same seed gives the same peaks under any noise and background.
--
-- crop (none): keeps a window of so many points, cut from whole spectra. Pooling sees the border only
-- as far as its cells straddle it, so the border must not fall between two cells by accident: align
-- (37 with a crop) is how many points of the border's cell of 64 come before the border, cells being
-- counted from the window's first point, 0 to 63. With 0 the border is a border of cells of 2, 4, ...
-- 64 points; an odd align misaligns all of these. The window is the one with the border nearest to its
-- middle. A whole spectrum starts at point 1, so that align is (border - 1) % 64 there: 39 by default.
--
-- @return { train, validation, test: each { x = (n, L, 1), y = (n) classes, position = (n) };
--   classes = names; axis = (L) the points of a spectrum; options = all options, with start (the
--   window's first point) and align; distance = function(position): number or tensor, see below;
--   bins = the distances 1-2, 3-5, 6-10, 11-20 and 21 on, as {from, to} }
-- Positions count the points of a whole spectrum from 1, cropped or not. The distance to the border is
-- signed: 1, 2, ... for border, border + 1, ... and -1, -2, ... for border - 1, border - 2, ...; with
-- the default positions -50 to 51, of which 51 belongs to the last bin too.
local function border_peaks(given)
  local options = check.options("border_peaks", given, known_options)
  place_window(options)
  local border = options.border
  return {
    train = generate(options, 1, options.n),
    validation = generate(options, 2, options.validation),
    test = generate(options, 3, options.test),
    classes = { "below", "above" },
    axis = core.arange(options.start, 1, options.crop or options.length),
    options = options,
    distance = function(position)
      local is_above = core.is_tensor(position) and position:ge(border) or (position >= border and 1 or 0)
      return position - border + is_above
    end,
    bins = { { 1, 2 }, { 3, 5 }, { 6, 10 }, { 11, 20 }, { 21, math.huge } },
  }
end

return border_peaks
