--- Panels of lines and points.
local check = require "moonbow.check"
local axes = require "moonbow.plot.axes"
local curves = require "moonbow.plot.curves"
local gnuplot = require "moonbow.plot.gnuplot"
local marks = require "moonbow.plot.marks"
local panel = require "moonbow.plot.panel"
local style = require "moonbow.plot.style"
local values = require "moonbow.plot.values"

local lines = {}

lines.rules = panel.rules({
  x_range = check.optional "table", log_x = false, log_y = false, reverse_x = false,
}, curves.rules)

-- The axis has no margin in x if curves are lines, so that spectra fill the frame; marks beyond them get one.
local function x_axis(operation, options, list)
  local xs, pad = {}, 0
  for i, curve in ipairs(list) do
    xs[i] = curve.x
    if curve.style == "points" or curve.style == "both" then pad = 0.03 end
  end
  local first, last = values.span(xs, options.log_x)
  local low, high = marks.span(options.marks, "x", first, last, options.log_x)
  local axis = axes.new(operation, "x", options, low, high, low == first and pad or 0.03, high == last and pad or 0.03)
  axis.whole = values.whole(xs)
  return axis
end

-- Adds the heights at which a line, whose points may lie beyond the x axis, enters and leaves it.
local function add_crossings(seen, heights, curve, x, log)
  for i = 2, #heights do
    local a, b = heights[i - 1], heights[i]
    if values.drawable(a, log) and values.drawable(b, log) then
      for _, part in ipairs(axes.crossings(x, curve.x[i - 1], curve.x[i])) do
        seen[#seen + 1] = curve.style == "steps" and a or axes.between(a, b, part, log)
      end
    end
  end
end

-- Fits the points, lines, errors and marks in the x range; on a log axis also a point whose error reaches to 0.
local function y_axis(operation, options, list, x)
  local seen = {}
  for _, curve in ipairs(list) do
    local low, high = {}, {}
    for i, y in ipairs(curve.y) do
      local e = curve.error and values.drawable(curve.error[i]) and curve.error[i] or 0
      low[i], high[i] = y - e, y + e
      if axes.shows(x, curve.x[i]) then seen[#seen + 1], seen[#seen + 2], seen[#seen + 3] = y, low[i], high[i] end
    end
    local drawn = curve.error and curve.style == "line" and { curve.y, low, high } or { curve.y }
    for _, heights in ipairs(curve.style == "points" and {} or drawn) do
      add_crossings(seen, heights, curve, x, options.log_y)
    end
  end
  local low, high = values.span({ seen }, options.log_y)
  low, high = marks.span(options.marks, "y", low, high, options.log_y)
  return axes.new(operation, "y", options, low, high, 0.05, 0.05)
end

-- Adds a curve, and the ends of its errors, in the form for legend.place.
local function add_shapes(shapes, curve, x, y)
  local joined = curve.style ~= "points"
  for sign = curve.error and -1 or 0, curve.error and 1 or 0 do
    local shape = { x = {}, y = {}, joined = joined }
    for place, i in ipairs(curve.indices) do
      local at = curve.drawable[i] and curve.y[i] + (sign == 0 and 0 or sign * curve.error[i])
      local ok = at and values.drawable(at, y.log)
      shape.x[place] = ok and axes.fraction(x, curve.x[i])
      shape.y[place] = ok and axes.fraction(y, at)
    end
    shapes[#shapes + 1] = shape
  end
end

local with = { line = "lines", steps = "steps", points = "points", both = "linespoints" }

local function look(curve, number)
  if curve.style == "points" then return style.points(number) end
  if curve.style == "both" then return style.line(number, curve.dash) .. " " .. style.symbol(number) end
  return style.line(number, curve.dash)
end

-- Adds the data blocks and plot elements of one curve; bands go to back, beneath all lines.
local function add_curve(blocks, back, front, curve, number, x, y, text_only)
  local name, points = "curve" .. number, curves.points(curve)
  blocks[#blocks + 1] = values.block("$" .. name, points)
  front[#front + 1] = ("%s with %s %s %s"):format(
    values.source(name, points), with[curve.style], look(curve, number), panel.title(curve.label))
  if curve.error and curve.style == "line" then
    blocks[#blocks + 1] = values.block("$band" .. number, curves.band(curve, x, y))
    if not text_only then
      local wash = style.wash(number, 0.2)
      back[#back + 1] = ("$band%d using 1:3:4 with filledcurves %s notitle"):format(number, wash)
    end
  elseif curve.error then
    blocks[#blocks + 1] = values.block("$error" .. number, curves.limits(curve, curve.indices, y))
    back[#back + 1] = ("$error%d using 1:3:(0):($4 - $3) %s"):format(number, style.error_bars)
  end
  local lone = with[curve.style]:find "points" and {} or curves.lone_points(curve)
  if #lone > 0 then
    blocks[#blocks + 1] = values.block("$lone" .. number, lone)
    front[#front + 1] = ("$lone%d using 1:2 with points %s notitle"):format(number, style.points(number))
  end
end

-- A gnuplot command that says so if there is nothing to draw.
local function note_of(list, x, y)
  for _, curve in ipairs(list) do
    for _, is_drawable in ipairs(curve.drawable) do
      if is_drawable then return "" end
    end
  end
  local text = (x.log or y.log) and "no numbers above 0" or "no numbers"
  return ("set label %s at graph 0.5, 0.5 center"):format(gnuplot.label(text))
end

--- A panel of curves.
-- @param given options as in plot.lines
-- @param default_style of a series that names none
function lines.panel(operation, given, default_style)
  local options = panel.options(operation, given, lines.rules)
  options.style = options.style or default_style
  local list = curves.read(operation, options)
  local x = x_axis(operation, options, list)
  local y = y_axis(operation, options, list, x)
  local labels, shapes = {}, {}
  for _, curve in ipairs(list) do
    curves.thin(curve, x, y, options.width, options.height)
    labels[#labels + 1] = curve.label
    add_shapes(shapes, curve, x, y)
  end
  local function data(text_only)
    local blocks, back, front = {}, {}, {}
    for number, curve in ipairs(list) do add_curve(blocks, back, front, curve, number, x, y, text_only) end
    return note_of(list, x, y), blocks, table.move(front, 1, #front, #back + 1, back)
  end
  return panel.new{
    kind = operation:match "%w+$", options = options, x = x, y = y, labels = labels, shapes = shapes,
    series = #list, data = data,
  }
end

return lines
