--- Methods of sets that change the points of the axis.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"
local set = require "moonbow.spectra.set"

local Spectra = set.class

--- Returns the set with the points of the axis from low to high only; the two may be exchanged.
-- @param low number least value of the axis; nil for no bound
-- @param high number greatest value of the axis; nil for no bound
-- @return spectra
-- @usage spectra:crop(400, 1800)
function Spectra:crop(low, high)
  low = check.kind("crop", "low", low or -math.huge, "number")
  high = check.kind("crop", "high", high or math.huge, "number")
  local first, last = axes.within(self.axis, low, high)
  if not first then
    check.fail("crop", "no point of the axis, %.7g to %.7g, lies in %.7g to %.7g", self.axis[1], self.axis[#self.axis],
      low, high)
  end
  axes.check_crop(self.axis, first, last)
  return set.like(self, { x = core.slice(self.x, 2, first, last - first + 1),
    axis = table.move(self.axis, first, last, 1, {}) })
end

-- The values at some of the points, given by their numbers.
local function at_points(x, points)
  local columns = core.transpose(core.reshape(x, core.size(x, 1), -1), 1, 2)
  local picked = core.transpose(core.index(columns, core.tensor(points)), 1, 2)
  return core.reshape(picked, core.size(x, 1), #points, 1)
end

--- Returns the set with the points in the opposite order.
-- @return spectra
function Spectra:flip()
  local points, axis = {}, {}
  for i = 1, self.length do points[i], axis[i] = self.length + 1 - i, self.axis[self.length + 1 - i] end
  return set.like(self, { x = at_points(self.x, points), axis = axis })
end

--- Returns the set with a rising axis: itself, or flipped.
-- @return spectra
function Spectra:rising()
  if self.direction == "falling" then return Spectra.flip(self) end
  return self
end

-- A grid may miss the ends of the axis by rounding.
local function clamp(grid, axis)
  local low, high = math.min(axis[1], axis[#axis]), math.max(axis[1], axis[#axis])
  local slack, clamped = (high - low) / #axis * 1e-4, {}
  for i, value in ipairs(grid) do
    if value < low - slack or value > high + slack then return nil, low, high end
    clamped[i] = math.max(low, math.min(high, value))
  end
  return clamped
end

--- Interpolates a set to a grid, a list of numbers. Returns nil and the reason if the axis does not cover it.
function set.resampled(spectra, grid)
  local axis, points = axes.distinct(spectra.axis)
  local inside, low, high = clamp(grid, axis)
  if not inside then
    return nil, ("the grid, %.7g to %.7g, goes beyond the axis, %.7g to %.7g"):format(grid[1], grid[#grid], low, high)
  end
  if #axis < 2 then return nil, "the axis has one point" end
  local x = points and at_points(spectra.x, points) or spectra.x
  return set.like(spectra, { x = core.resample(x, axis, inside), axis = grid })
end

--- Returns the set on another grid, by linear interpolation. The grid may rise or fall, and lies within the axis.
-- @param grid table|tensor the new axis; or { first = 400, last = 1800, step = 2 }, or points = 701 in place of step
-- @return spectra
-- @usage spectra:resample { first = 400, last = 1800, step = 2 }
function Spectra:resample(grid)
  local spectra, why = set.resampled(self, axes.grid("resample", grid))
  if not spectra then check.fail("resample", "%s", why) end
  return spectra
end
