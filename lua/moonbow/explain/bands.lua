--- Bands of the axis and how much a model needs them, as mb.explain.importance gives them.
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

--- How much the error of a model grows when a band of the axis is permuted among the spectra: a list of { low = ,
-- high = , points = , growth = }. print(importance) shows the strongest bands. The points of two bands differ by one at
-- most: where they are few, a band of one more says more for that alone.
--
-- @class importance
-- @field error number the root mean squared error without any permutation
-- @field what string what the error is of: "the scores of the classes" or "the numbers"
local Importance = {}

local MOST_NAMED = 5

--- Returns the bands with the largest growth, the largest first.
-- @param count? integer at most so many (5)
-- @return table a list of { low = , high = , points = , growth = }
function Importance:strongest(count)
  count = check.kind("importance:strongest", "count", count or MOST_NAMED, "positive integer")
  local sorted = table.move(self, 1, #self, 1, {})
  table.sort(sorted, function(a, b) return a.growth > b.growth or a.growth == b.growth and a.low < b.low end)
  return table.move(sorted, 1, math.min(count, #sorted), 1, {})
end

local function show(importance)
  local rows = { { "band", "points", "growth of the error" } }
  for i, band in ipairs(Importance.strongest(importance)) do
    rows[i + 1] = { ("%.6g to %.6g"):format(band.low, band.high), band.points, ("%.4g"):format(band.growth) }
  end
  return ("root mean squared error of %s %.4g; the strongest of %s:\n%s"):format(importance.what, importance.error,
    check.show_count(#importance, "band"), text_table.format(rows))
end

local known = { title = check.optional "string", width = check.default(640, "positive integer"),
  height = check.default(420, "positive integer") }

--- Draws the growth of the error by band of the axis.
-- @option title above the plot
-- @option width in pixels of 1/96 inch
-- @option height in pixels of 1/96 inch
-- @return figure
function Importance:plot(options)
  options = check.options("importance:plot", options, known)
  local x, y = {}, {}
  for b, band in ipairs(self) do x[b], y[b] = (band.low + band.high) / 2, band.growth end
  return require("moonbow.plot").lines { x = x, y = y, style = "steps", x_label = self.x_label,
    y_label = "growth of the error", reverse_x = self.falls, title = options.title, width = options.width,
    height = options.height }
end

check.takes(Importance.plot, 1, known)

local make = shown.kind("importance", show, Importance)
counted.methods(Importance, "importance:")

return make
