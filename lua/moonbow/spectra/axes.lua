--- Axes of spectra: their differences, and grids to which spectra are resampled.
local check = require "moonbow.check"

local axes = {}

local TOLERANCE = 1e-4 -- of a step: axes that differ by less are the same

--- True unless a value is NaN or infinite.
function axes.is_finite(value) return value == value and math.abs(value) ~= math.huge end

--- "rising", "falling", or "none" for one point; else nil and the point where the axis turns, or which is not finite.
-- Points may be equal: files print rounded positions.
function axes.direction(axis)
  local first, last = axis[1], axis[#axis]
  for i = 1, #axis, math.max(#axis - 1, 1) do -- between finite ends, only finite values rise or fall
    if not axes.is_finite(axis[i]) then return nil, i end
  end
  if #axis == 1 then return "none" end
  local rises, previous = last > first, first
  for i = 2, #axis do
    local value = axis[i]
    if not (rises and value >= previous or not rises and value <= previous) then return nil, i end
    previous = value
  end
  if last == first then return nil, #axis end
  return rises and "rising" or "falling"
end

-- The least and the greatest value of an axis.
local function ends(axis)
  local first, last = axis[1], axis[#axis]
  return math.min(first, last), math.max(first, last)
end

local function mean_step(axis) return #axis > 1 and math.abs(axis[#axis] - axis[1]) / (#axis - 1) or 0 end

--- Returns nil if two axes are the same, else their difference in words.
-- @param a, b lists of numbers
function axes.difference(a, b)
  if #a ~= #b then
    return ("%d points from %.7g to %.7g there, %d from %.7g to %.7g here"):format(#a, a[1], a[#a], #b, b[1], b[#b])
  end
  if a == b then return nil end
  local most = mean_step(a) * TOLERANCE
  for i, value in ipairs(a) do
    local apart = value - b[i]
    if apart > most or apart < -most then
      return ("point %d of the axis is %.9g there and %.9g here"):format(i, value, b[i])
    end
  end
end

--- True if two axes have the same points.
function axes.equal(a, b)
  for i = 1, math.max(#a, #b) do
    if a[i] ~= b[i] then return false end
  end
  return true
end

--- Returns nil if two axes are in the same unit, else the difference in words.
function axes.unit_difference(a, b)
  if a ~= b then return ("the axis is in %s there and in %s here"):format(a or "no unit", b or "no unit") end
end

-- Returns the range that all axes cover; or nil, and the numbers of the axis that begins last and of the one that ends
-- first.
local function common_range(list)
  local low, high, begins_last, ends_first = -math.huge, math.huge, nil, nil
  for i, axis in ipairs(list) do
    local least, greatest = ends(axis)
    if least > low then low, begins_last = least, i end
    if greatest < high then high, ends_first = greatest, i end
  end
  if low < high then return low, high end
  return nil, begins_last, ends_first
end

--- Returns the first point between the two ends of a range, given in either order, and the last; nil if there is none.
function axes.within(axis, one, other)
  local low, high = math.min(one, other), math.max(one, other)
  local first, last
  for i, value in ipairs(axis) do
    if value >= low and value <= high then first, last = first or i, i end
  end
  return first, last
end

--- Raises for crop if the points first to last are one place, of which files hold several points: they are no axis.
function axes.check_crop(axis, first, last)
  if first < last and axis[first] == axis[last] then
    check.fail("crop", "expected points at different places of the axis, got %d at %.7g", last - first + 1, axis[first])
  end
end

--- Returns the grid to which spectra with several axes are resampled: the points of the coarsest axis, the one with the
-- longest mean step, within the range that all axes cover. So no spectrum gets points between those that were measured,
-- and the coarsest keep their values. Returns nil and the reason if there is none.
-- @param list of axes
-- @param name_of a function(i) that names axis i in the reason
function axes.common_grid(list, name_of)
  local low, high, ends_first = common_range(list) -- high: without a range, the axis that begins last
  if not low then
    local function describe(i) return ("that of %s from %.7g to %.7g"):format(name_of(i), ends(list[i])) end
    return nil, ("the axes have no range in common: %s, %s"):format(describe(ends_first), describe(high))
  end
  local coarsest = list[1]
  for _, axis in ipairs(list) do
    if mean_step(axis) > mean_step(coarsest) then coarsest = axis end
  end
  local first, last = axes.within(coarsest, low, high)
  if not first or first == last then
    return nil, ("the range that all axes cover, %.7g to %.7g, holds less than two points"):format(low, high)
  end
  return axes.distinct(table.move(coarsest, first, last, 1, {}))
end

--- Returns an axis without repeated points, and the numbers of the points that are left; nil if none repeat.
function axes.distinct(axis)
  local list, kept = {}, {}
  for i, value in ipairs(axis) do
    if value ~= axis[i - 1] then
      list[#list + 1], kept[#kept + 1] = value, i
    end
  end
  return list, #kept < #axis and kept or nil
end

local MOST_POINTS = 1 << 24
local known_grid = { first = check.required "finite", last = check.required "finite", step = check.optional "positive",
  points = check.optional "positive integer" }

local function even(operation, name, given)
  local grid = check.options(operation, given, known_grid)
  if (grid.step == nil) == (grid.points == nil) then
    check.fail(operation, "%s: expected either step or points beside first and last", name)
  end
  local span = grid.last - grid.first
  -- A step that divides the range reaches its end in spite of rounding.
  local count = grid.points or math.abs(span) / grid.step * (1 + 1e-12) // 1 + 1
  if count < 2 or count > MOST_POINTS then
    check.fail(operation, "%s: expected 2 to %d points, got %.0f", name, MOST_POINTS, count)
  end
  local step = grid.points and span / (count - 1) or span < 0 and -grid.step or grid.step
  local list = {}
  for i = 1, count do list[i] = grid.first + step * (i - 1) end
  if grid.points then list[#list] = grid.last end
  return list
end

--- Reads a grid as the user gives it: a list or tensor, or { first, last, step } or { first, last, points } by name.
-- Raises unless it rises or falls throughout.
-- @param name of the argument in messages ("grid")
function axes.grid(operation, given, name)
  name = name or "grid"
  local is_even = type(given) == "table" and (given.first or given.last or given.step or given.points)
  local grid = is_even and even(operation, name, given) or check.numbers(operation, name, given)
  local direction, i = axes.direction(grid)
  if not direction or select(2, axes.distinct(grid)) then
    check.fail(operation, "%s: expected values that only rise or only fall%s", name, i and ", not so at point " .. i
      or "")
  end
  return grid
end

return axes
