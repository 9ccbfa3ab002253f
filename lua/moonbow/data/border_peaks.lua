--- Artificial spectra whose class says on which side of a border their peak lies.
local core = require "moonbow.core"
local check = require "moonbow.check"
local report = require "moonbow.data.report"
local spectra = require "moonbow.data.spectra"

local CELL = 64 -- points of a cell, within which align places the border

local known_options = spectra.known {
  length = check.default(2000, "positive integer"),
  crop = check.optional "positive integer",
  align = check.optional "integer",
  first = check.default(950, "positive integer"),
  border = check.default(1000, "positive integer"),
  last = check.default(1050, "positive integer"),
  height = { 0.6, 1 },
  background = 0,
}

local function fail(...) check.fail("border_peaks", ...) end

local function check_positions(options)
  local first, border, last, length = options.first, options.border, options.last, options.length
  if first < border and border <= last and last <= length then return end
  fail("expected 1 <= first < border <= last <= length, got %d, %d, %d and %d", first, border, last, length)
end

--- Returns the first point of a window of options.crop points. Of the windows that hold all positions and have
-- options.align points before the border in its cell, it is the one with the border nearest to its middle.
local function window_start(options)
  local crop, border, best = options.crop, options.border, nil
  local function off_centre(start) return math.abs(border - start - crop / 2) end
  for start = (border - options.align - 1) % CELL + 1, options.length - crop + 1, CELL do
    local holds_all = start <= options.first and start + crop > options.last
    if holds_all and (not best or off_centre(start) < off_centre(best)) then best = start end
  end
  local advice = crop > options.length - CELL and "shorter" or "longer" -- one has to leave room to be moved by a cell
  return best or fail("no window of %d points among %d holds positions %d to %d with the border %d points "
    .. "into a cell of %d; take a %s crop or another align", crop, options.length, options.first, options.last,
    options.align, CELL, advice)
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

local function crop_part(part, options)
  for _, name in ipairs { "x", "peak", "background", "noise" } do
    if part[name] then part[name] = core.slice(part[name], 2, options.start, options.crop) end
  end
end

--- Generates spectra with one peak. In class 1 ("below") the maximum is at one of the points first to border - 1, in
-- class 2 ("above") at one of border to last; positions are uniform. See claim 5 of the review.
--
-- Pooling affects the border only if a cell straddles it, so the border of a cropped spectrum must not fall between two
-- cells by accident. align is the number of points before the border in its cell of 64 points, from 0 to 63; cells are
-- counted from the window's first point. With 0 the border lies between cells of 2, 4, ..., 64 points; with an odd
-- align it lies inside a cell of each of these sizes. The window with the border nearest to its middle is taken. A
-- whole spectrum starts at point 1, so its align is (border - 1) % 64: 39 by default.
--
-- Positions count the points of a whole spectrum from 1, cropped or not. The distance to the border is signed: 1, 2,
-- ... for border, border + 1, ... and -1, -2, ... for border - 1, border - 2, ...; with the default positions it is
-- from -50 to 51, and the last bin includes 51.
-- @option length points of a whole spectrum
-- @option first least position of class 1
-- @option border least position of class 2
-- @option last greatest position of class 2
-- @option height uniform range of the height
-- @option background its maximum is uniform from 0 to this; 0 for none
-- @option crop points of the window that is cut from whole spectra; no window unless given
-- @option align points of the border's cell before the border, 0 to 63 (37 with a crop)
-- @see data.single_peak
-- @return table as mb.data.single_peak; options have start (the window's first point) and align too; and distance =
--   function(position): number or tensor; bins = the distances 1-2, 3-5, 6-10, 11-20 and 21 on, as {from, to}
local function border_peaks(given)
  local options = spectra.options("border_peaks", given, known_options)
  check_positions(options)
  place_window(options)
  local border = options.border
  local set = spectra.make("border_peaks", options, {
    { { position = { options.first, border - 1 }, height = options.height } },
    { { position = { border, options.last }, height = options.height } },
  }, { whole_points = true })
  if options.crop then
    for _, part in ipairs { set.train, set.validation, set.test } do crop_part(part, options) end
    set.axis = core.arange(options.start, 1, options.crop)
  end
  set.classes = { "below", "above" }
  set.distance = function(position)
    local is_above = core.is_tensor(position) and position:ge(border) or (position >= border and 1 or 0)
    return position - border + is_above
  end
  set.bins = { { 1, 2 }, { 3, 5 }, { 6, 10 }, { 11, 20 }, { 21, math.huge } }
  return report.set(set)
end

return check.takes(border_peaks, 1, known_options)
