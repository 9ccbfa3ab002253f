--- Steps that change the axis.
local core = require "moonbow.core"
local check = require "moonbow.check"
local axes = require "moonbow.spectra.axes"

local ROUNDING = 1e-3 -- of a bin: a position that is below an edge by less lies on it, as 0.06 does with width 0.02

-- The bins of an axis: lists of the first and last point of each and of the means of their positions.
local function bins_of(options)
  local axis, bins, from = options.axis, {}, nil
  for t, position in ipairs(axis) do
    local number = (math.abs(position - axis[1]) / options.width + ROUNDING) // 1
    if number ~= from then
      bins[#bins + 1], from = { first = t, sum = 0 }, number
    end
    local bin = bins[#bins]
    bin.last, bin.sum = t, bin.sum + position
  end
  return bins
end

return {
  --- Interpolates linearly from the points of one axis to those of another.
  -- @option axis a list or tensor with the position of each point of the spectra; a set of spectra knows it
  -- @option grid a list or tensor with the new positions, which must lie within axis; or { first = 400, last = 1800,
  --   step = 2 }, or points in place of step
  resample = {
    takes_axis = true,
    options = { axis = check.required "table|tensor", grid = check.required "table|tensor" },
    prepare = function(options)
      options.axis = check.numbers("resample", "axis", options.axis)
      options.grid = axes.grid("resample", options.grid)
    end,
    new_axis = function(options) return options.grid end,
    apply = function(x, options) return core.resample(x, options.axis, options.grid) end,
  },
  --- Averages the points within bins of equal width, counted from the first point; empty bins are left out. The new
  -- positions are the means of the old ones. A point that lies below the edge of the next bin by less than a thousandth
  -- of a width belongs to that bin, since positions are rounded.
  -- @option width of a bin, in the axis' unit
  -- @option axis a list or tensor with the position of each point; a set of spectra knows it
  bin = {
    takes_axis = true,
    options = { width = check.required "positive", axis = check.required "table|tensor" },
    prepare = function(options) options.axis = check.numbers("bin", "axis", options.axis) end,
    new_axis = function(options)
      local list = {}
      for i, bin in ipairs(bins_of(options)) do list[i] = bin.sum / (bin.last - bin.first + 1) end
      return list
    end,
    apply = function(x, options)
      if core.size(x, 2) ~= #options.axis then
        check.fail("bin", "the axis has %d points, the spectra have %d", #options.axis, core.size(x, 2))
      end
      local parts = {}
      for i, bin in ipairs(bins_of(options)) do
        local mean = core.mean(core.slice(x, 2, bin.first, bin.last - bin.first + 1), 2)
        parts[i] = core.reshape(mean, core.size(x, 1), 1, core.size(x, 3))
      end
      return core.concat(parts, 2)
    end,
  },
  --- Keeps the points within a range of the axis.
  -- @option low one end of the range, in the axis' unit
  -- @option high the other end
  -- @option axis a list or tensor with the position of each point; a set of spectra knows it
  crop = {
    takes_axis = true,
    options = { low = check.required "number", high = check.required "number", axis = check.required "table|tensor" },
    prepare = function(options)
      options.axis = check.numbers("crop", "axis", options.axis)
      local first, last = axes.within(options.axis, options.low, options.high)
      if not first then
        check.fail("crop", "no point of the axis lies within %g to %g", options.low, options.high)
      end
      axes.check_crop(options.axis, first, last)
    end,
    new_axis = function(options)
      local first, last = axes.within(options.axis, options.low, options.high)
      return table.move(options.axis, first, last, 1, {})
    end,
    apply = function(x, options)
      if core.size(x, 2) ~= #options.axis then
        check.fail("crop", "the axis has %d points, the spectra have %d", #options.axis, core.size(x, 2))
      end
      local first, last = axes.within(options.axis, options.low, options.high)
      return core.slice(x, 2, first, last - first + 1)
    end,
  },
}
