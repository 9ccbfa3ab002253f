--- Plots for spectra, training and results, drawn by gnuplot.
--
-- Every function takes one table of options and returns a figure: figure:save(path) writes .svg,
-- .png, .pdf or .txt and returns path, or nil and a message; figure:show() shows it in a window or
-- as text. For the REPL the data alone will do: plot.lines(y), plot.lines(x, y).
--
-- Numbers come as Lua tables or tensors. NaN and infinity are gaps. Labels are shown as they are:
-- UTF-8, no markup. Misuse raises. Options of all plots: title, width, height (pixels of 1/96
-- inch). Options of all but heatmap:
--
-- - x_label, y_label: texts, units included
-- - x_range, y_range: {low, high}; either may be nil; fits the data by default (bars: no x_range)
-- - series: list of tables, one for each curve or group. What stands beside series instead of
--   inside holds for all of them; without series the options describe the only one
-- - legend: "auto" (a free corner, or outside), "top right", "top left", "bottom right",
--   "bottom left", "outside", or false; only labelled series appear
-- - marks: reference lines, a list of {x = number, label = text} and {y = number, label = text}
local core = require "moonbow.core"
local check = require "moonbow.check"
local Figure = require "moonbow.plot.figure"
local bars = require "moonbow.plot.bars"
local heatmap = require "moonbow.plot.heatmap"
local histogram = require "moonbow.plot.histogram"
local lines = require "moonbow.plot.lines"
local values = require "moonbow.plot.values"

local plot = {}

-- Options from data given directly: f(y), or f(x, y).
local function options_of(first, second, x_name, y_name)
  if not values.is_list(first) then return first end
  if second == nil then return { [y_name] = first } end
  return { [x_name] = first, [y_name] = second }
end

-- A figure of the panel that panel(...) makes, which writes numbers into gnuplot's language.
local function new_figure(panel, ...) return Figure.new(core.in_c_locale(panel, ...)) end

--- Lines: spectra, learning curves.
-- A series has y (a vector, or a matrix whose rows become curves), x (1, 2, ... by default), label
-- (for a matrix a text, or a list of them), error (a vector like y or a number: half the height of a
-- band around lines, of bars otherwise), style ("line", "points", "both", "steps") and dash
-- ("solid", "dashed", "dotted", "dash-dot", "dash-dot-dot", "long"). Beyond 5000 points a line is
-- thinned to what the picture can show.
-- Further options: log_x, log_y, reverse_x (high wavenumbers left).
-- @return figure
function plot.lines(options, y)
  return new_figure(lines.panel, "plot.lines", options_of(options, y, "x", "y"), "line")
end

--- Points: as plot.lines, with style "points".
-- @return figure
function plot.scatter(options, y)
  return new_figure(lines.panel, "plot.scatter", options_of(options, y, "x", "y"), "points")
end

--- Histograms, several groups over each other.
-- A series has values (a vector) and label.
-- Further options: bins (a number, or a list of rising edges; by default after Freedman and
-- Diaconis), density (true: area 1 each, for groups of different size), log_y.
-- Values outside the edges, NaN and infinity are not counted.
-- @return figure
function plot.histogram(options)
  return new_figure(histogram.panel, "plot.histogram", options_of(options, nil, nil, "values"))
end

--- Bars, grouped by category.
-- A series has values (one for each category), error (the same, or one number: error bars) and label.
-- Further options: categories (names, required).
-- @return figure
function plot.bars(options, heights)
  return new_figure(bars.panel, "plot.bars", options_of(options, heights, "categories", "values"))
end

--- A matrix in colours: confusion matrices, maps of spectra.
-- Options: z (matrix, required; z[row][column]), x_label, y_label, z_label (colour bar), z_range,
-- x and y (places of columns and rows, rising or falling, spaced as they like) or x_names and
-- y_names, cell_format (shows each number, as for string.format), reverse_x, reverse_y (by default
-- true with y_names: first row on top). Without width and height, names and numbers in cells make
-- the figure as large as they need, up to 4000 pixels. Beyond 4000 cells the map is an image, and
-- cells smaller than its pixels are averaged.
-- @return figure
function plot.heatmap(options)
  return new_figure(heatmap.panel, "plot.heatmap", options_of(options, nil, nil, "z"))
end

local function panels_of(operation, figures)
  local panels = {}
  for i, figure in ipairs(check.list(operation, "panels", figures)) do
    if getmetatable(figure) ~= Figure then
      check.fail(operation, "panel %d: expected a figure, got %s", i, check.show(figure))
    end
    if #figure.panels > 1 then check.fail(operation, "panel %d is itself a grid", i) end
    panels[i] = figure.panels[1]
  end
  if #panels == 0 then check.fail(operation, "panels: expected at least one figure, got none") end
  return panels
end

local grid_rules = {
  panels = check.required "table", columns = check.optional "positive integer",
  title = check.optional "string", width = check.optional "positive integer",
  height = check.optional "positive integer",
}

--- Several figures in one, row by row: plot.grid{ panels = { f, g } } or plot.grid(f, g).
-- Options: panels (list of figures, required), columns (2), title, width, height (by default those
-- of the panels together).
-- @return figure
function plot.grid(options, ...)
  local operation = "plot.grid"
  if getmetatable(options) == Figure then options = { panels = { options, ... } } end
  options = check.options(operation, options, grid_rules)
  local panels = panels_of(operation, options.panels)
  local columns = options.columns or math.min(2, #panels)
  local width, height = 0, 0
  for _, panel in ipairs(panels) do
    width, height = math.max(width, panel.width), math.max(height, panel.height)
  end
  return Figure.grid(panels, columns, options.title, options.width or width * columns,
    options.height or height * math.ceil(#panels / columns))
end

for name, kind in pairs { lines = lines, scatter = lines, histogram = histogram, bars = bars, heatmap = heatmap } do
  check.takes(plot[name], 1, kind.rules)
end
check.takes(plot.grid, 1, grid_rules)

return plot
