--- How sets of spectra draw themselves.
local core = require "moonbow.core"
local check = require "moonbow.check"
local plot = require "moonbow.plot"
local axis_label = require "moonbow.spectra.axis_label"
local set = require "moonbow.spectra.set"

local Spectra = set.class

local MOST_CURVES = 8 -- more spectra than these are drawn as their mean
local MOST_CLASSES = 20

local function y_label(spectra)
  local quantity = spectra.quantity
  if not quantity or quantity == "mixed" then return nil end
  return check.printable(quantity .. (spectra.percent and " (%)" or ""))
end

local function rows_of(x) return core.reshape(x, core.size(x, 1), core.size(x, 2)) end

-- The spectra as one curve with gaps between them, so that they have one colour and one label.
local function single_series(spectra, label)
  local x, y, nan = {}, {}, 0 / 0
  for _, row in ipairs(core.totable(rows_of(spectra.x))) do
    table.move(spectra.axis, 1, #row, #x + 1, x)
    table.move(row, 1, #row, #y + 1, y)
    x[#x + 1], y[#y + 1] = spectra.axis[#row], nan
  end
  return { x = x, y = y, label = label }
end

-- The mean, with a band of one standard deviation on each side.
local function mean_series(spectra, label)
  local rows = rows_of(spectra.x)
  local error = #spectra > 1 and core.reshape(core.std(rows, 1), spectra.length) or nil
  return { x = spectra.axis, y = core.reshape(core.mean(rows, 1), spectra.length), error = error,
    label = ("%s (%d)"):format(label, #spectra) }
end

-- The sets by the values of a label, in the order of their names.
local function parts_by(spectra, column)
  local y, names = Spectra.classes(spectra, column)
  if #names > MOST_CLASSES then
    check.fail("plot", "by: %s has %d values; at most %d are drawn", check.show(column), #names, MOST_CLASSES)
  end
  local rows, parts = {}, {}
  for i, class in ipairs(core.totable(y)) do
    rows[class] = rows[class] or {}
    table.insert(rows[class], i)
  end
  for class, name in ipairs(names) do
    parts[class] = { name = check.printable(name), spectra = Spectra.select(spectra, rows[class]) }
  end
  return parts
end

-- Few spectra by their names; many without names.
local function single_parts(spectra)
  if #spectra > MOST_CLASSES then return { { name = #spectra .. " spectra", spectra = spectra } } end
  local parts = {}
  for i, one in ipairs(spectra) do parts[i] = { name = check.printable(spectra.names[i]), spectra = one } end
  return parts
end

local function series_of(spectra, by, curves)
  if curves == "auto" then curves = (by or #spectra > MOST_CURVES) and "mean" or "single" end
  local parts = by and parts_by(spectra, by) or curves == "single" and single_parts(spectra)
    or { { name = "mean", spectra = spectra } }
  local series = {}
  for i, part in ipairs(parts) do
    series[i] = (curves == "single" and single_series or mean_series)(part.spectra, part.name)
  end
  return series
end

local known_options = { by = check.optional "string", curves = check.one_of("auto", { "auto", "mean", "single" }),
  title = check.optional "string", x_range = check.optional "table", y_range = check.optional "table",
  width = check.optional "positive integer", height = check.optional "positive integer" }

--- Draws the spectra: up to 8 as curves, more as their mean with a band of one standard deviation; with a label, the
-- mean of each of its values. Wavenumbers of infrared and ppm run from right to left, as the field draws them.
-- @option by a label, whose values have a colour each
-- @option curves "mean", or "single": each spectrum, in the colour of its label; "auto" decides by their number
-- @option title above the plot
-- @option x_range {low, high}
-- @option y_range {low, high}
-- @option width in pixels of 1/96 inch
-- @option height in pixels of 1/96 inch
-- @return figure
-- @see plot.lines
-- @usage spectra:plot { by = "mineral" }:save "minerals.svg"
function Spectra:plot(options)
  options = check.options("plot", options, known_options)
  local series, title = series_of(self, options.by, options.curves), options.title
  if #series == 1 and not options.by then -- one name needs no legend
    title, series[1].label = title or series[1].label, nil
  end
  local x_label, falls = axis_label(self)
  return plot.lines { series = series, title = title, x_label = x_label, y_label = y_label(self), reverse_x = falls,
    x_range = options.x_range, y_range = options.y_range, width = options.width, height = options.height }
end

check.takes(Spectra.plot, 1, known_options)
