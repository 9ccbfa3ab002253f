--- Plots for spectra, training and results, drawn by gnuplot.
--
-- Every function takes one table of options and returns a figure: figure:save(path) writes .svg, .png, .pdf or .txt
-- and returns path, or nil and a message; figure:show() shows it in a window or as text. At the prompt the data can be
-- given without a table: mb.plot.lines(y), mb.plot.lines(x, y). With options, data go into their table, by name.
--
-- Numbers are Lua tables or tensors. NaN and infinity are gaps. Labels are shown as they are: UTF-8, no markup.
-- Misuse raises.
--
-- Options of a series that are given beside series hold for all series; without series they describe the only one.
-- @option title above the plot
-- @option width in pixels of 1/96 inch; more, with a warning, if a legend beside the plot would leave it no room
-- @option height in pixels of 1/96 inch
-- @option x_label text, units included
-- @option y_label text, units included
-- @option x_range {low, high}; either may be nil; fits the data and marks unless given
-- @option y_range {low, high}; either may be nil; fits the data in the x range, and marks, unless given
-- @option legend "auto" (a free corner, or outside), "top right", "top left", "bottom right", "bottom left",
--   "outside", or false; only labelled series appear
-- @option marks reference lines, a list of {x = number, label = text} and {y = number, label = text}
-- @option series a list of tables, one for each curve or group
local core = require "moonbow.core"
local check = require "moonbow.check"
local Figure = require "moonbow.plot.figure"
local bars = require "moonbow.plot.bars"
local heatmap = require "moonbow.plot.heatmap"
local histogram = require "moonbow.plot.histogram"
local legend = require "moonbow.plot.legend"
local lines = require "moonbow.plot.lines"
local values = require "moonbow.plot.values"
local values_of = require "moonbow.data.values_of"

local plot = {}

-- A name among the entries of a table of data, or nil.
local function option_in(data)
  if type(data) ~= "table" or values.is_tensor(data) or values_of(data) ~= data then return nil end
  for key in pairs(data) do
    if type(key) == "string" then return key end
  end
end

-- Returns options for data given without a table: f(y), or f(x, y). Raises for options beside data.
local function options_of(operation, first, second, x_name, y_name)
  local names = second == nil and y_name or x_name .. " = ..., " .. y_name
  local function refuse(got, option)
    check.fail(operation, "expected either data or one table of options, got %s; write %s { %s = ..., %s = ... }", got,
      operation, names, option)
  end
  if not values.is_list(first) then
    if type(first) == "table" and second ~= nil then refuse("options and a second argument", "title") end
    return first
  end
  local beside, as_second = option_in(first), option_in(second)
  if beside then refuse("the option " .. check.show(beside) .. " beside a list", beside) end
  if as_second then refuse("a table of options as the second argument, " .. y_name, as_second) end
  if second == nil then return { [y_name] = first } end
  return { [x_name] = first, [y_name] = second }
end

-- Makes a figure of the panel that panel(...) returns, in the C locale, since it writes numbers for gnuplot.
local function new_figure(panel, ...) return Figure.new(core.in_c_locale(panel, ...)) end

--- Lines: spectra, learning curves. A line of more than 5000 points is thinned to the resolution of the picture.
-- @param options table|spectra options, or the data: y, or x if y follows; a set of spectra is drawn as by spectra:plot
-- @param y? table|tensor the data, after x
-- @option y a vector; or a matrix, or spectra (N, L, 1), whose rows become curves
-- @option x 1, 2, ... unless given
-- @option label in the legend; for a matrix a text, or a list of them
-- @option error a vector like y or a number: half the height of a band around lines, of bars otherwise
-- @option style "line", "points", "both" or "steps"
-- @option dash "solid", "dashed", "dotted", "dash-dot", "dash-dot-dot" or "long"
-- @option log_x true: a logarithmic axis, on which numbers that are not above 0 are gaps
-- @option log_y true: the same for y
-- @option reverse_x true: high wavenumbers left
-- @option series.y a vector, or a matrix whose rows become curves
-- @option series.x 1, 2, ... unless given
-- @option series.label in the legend
-- @option series.error half the height of a band, or of bars
-- @option series.style of these curves
-- @option series.dash of these curves
-- @see plot
-- @return figure
-- @usage mb.plot.lines { x = set.axis, y = set.train.x[1], x_label = "2θ (°)" }:save("spectrum.svg")
function plot.lines(options, y)
  if values_of(options) == options then
    return new_figure(lines.panel, "plot.lines", options_of("plot.lines", options, y, "x", "y"), "line")
  end
  if y ~= nil then check.fail("plot.lines", "expected a set of spectra alone; write spectra:plot { title = ... }") end
  return options:plot { curves = "single" }
end

--- Points: as plot.lines, with style "points".
-- @param options table options, or the data: y, or x if y follows
-- @param y? table|tensor the data, after x
-- @see plot.lines, plot
-- @return figure
function plot.scatter(options, y)
  return new_figure(lines.panel, "plot.scatter", options_of("plot.scatter", options, y, "x", "y"), "points")
end

--- Histograms; several groups are drawn over each other. Values outside the edges, NaN and infinity are not counted.
-- @param options table options, or the values
-- @option values a vector
-- @option label in the legend
-- @option series.values a vector
-- @option series.label in the legend
-- @option bins a number, or a list of rising edges; by the rule of Freedman and Diaconis unless given
-- @option density true: area 1 each, for groups of different size
-- @option log_y true: a logarithmic axis
-- @see plot
-- @return figure
function plot.histogram(options)
  return new_figure(histogram.panel, "plot.histogram", options_of("plot.histogram", options, nil, nil, "values"))
end

--- Bars, grouped by category. Without width, the figure is as wide as the names of the categories need, up to 4000
-- pixels.
-- @param options table options, or the categories if the values follow
-- @param heights? table|tensor the values, after the categories
-- @option categories names of the groups of bars
-- @option values one for each category
-- @option error the same, or one number: error bars
-- @option label in the legend
-- @option series.values one for each category
-- @option series.error the same, or one number: error bars
-- @option series.label in the legend
-- @see plot
-- @return figure
function plot.bars(options, heights)
  return new_figure(bars.panel, "plot.bars", options_of("plot.bars", options, heights, "categories", "values"))
end

--- A matrix in colours: confusion matrices, maps of spectra. Without width and height, the figure is as large as names
-- and numbers in cells need, up to 4000 pixels. A map of more than 4000 cells is an image, in which cells smaller than
-- its pixels are averaged.
-- @param options table options, or the matrix
-- @option z a matrix, z[row][column]
-- @option z_label of the colour bar
-- @option z_range {low, high}; fits the data unless given
-- @option x positions of the columns, rising or falling, at any distances
-- @option y positions of the rows
-- @option x_names of the columns, in place of x
-- @option y_names of the rows, in place of y
-- @option cell_format format of the number in each cell, as for string.format
-- @option reverse_x true: high wavenumbers left
-- @option reverse_y true: first row on top, as with y_names
-- @see plot
-- @return figure
-- @usage mb.plot.heatmap { z = result.confusion, x_names = set.classes, y_names = set.classes, cell_format = "%d" }
function plot.heatmap(options)
  return new_figure(heatmap.panel, "plot.heatmap", options_of("plot.heatmap", options, nil, nil, "z"))
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

--- Several figures in one, row by row.
-- @param options table options, or the first figure
-- @param ... figure further figures
-- @option panels a list of figures
-- @option columns panels per row (2)
-- @option title above all of them
-- @option width in pixels of 1/96 inch; the sum of the panels unless given
-- @option height in pixels of 1/96 inch; the sum of the panels unless given
-- @return figure
-- @usage mb.plot.grid(f, g)
function plot.grid(options, ...)
  local operation = "plot.grid"
  if getmetatable(options) == Figure then options = { panels = { options, ... } } end
  options = check.options(operation, options, grid_rules)
  local panels = panels_of(operation, options.panels)
  local columns = options.columns or math.min(2, #panels)
  local width, height, least = 0, 0, 0
  for _, panel in ipairs(panels) do
    width, height = math.max(width, panel.width), math.max(height, panel.height)
    least = math.max(least, panel.least_width or 0)
  end
  width = options.width and legend.width(operation, options.width, least * columns) or width * columns
  return Figure.grid(panels, columns, options.title, width, options.height or height * math.ceil(#panels / columns))
end

for name, kind in pairs { lines = lines, scatter = lines, histogram = histogram, bars = bars, heatmap = heatmap } do
  check.takes(plot[name], 1, kind.rules)
end
check.takes(plot.grid, 1, grid_rules)

return plot
