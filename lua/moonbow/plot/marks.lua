--- Reference lines of a panel.
local check = require "moonbow.check"
local axes = require "moonbow.plot.axes"
local gnuplot = require "moonbow.plot.gnuplot"
local values = require "moonbow.plot.values"

local marks = {}

local line_look = "nohead back lt 1 lw 1 dt (6,4) lc rgb '#666666'"
local text_look = "front boxed tc rgb '#555555'"
local text_box = "set style textbox opaque noborder fillcolor rgb '#ffffff' margins 0.6,0.6" -- bars may lie behind it

--- Checks the option marks: a list of {x = number} or {y = number}, each with an optional label.
function marks.check(operation, list)
  check.list(operation, "marks", list)
  local checked = {}
  for i, mark in ipairs(list) do
    local where = ("%s mark %d"):format(operation, i)
    checked[i] = check.options(where, mark, {
      x = check.optional "number", y = check.optional "number", label = check.optional "string|number",
    })
    if (mark.x == nil) == (mark.y == nil) then
      check.fail(where, "expected either x or y, got %s", mark.x and "both" or "neither")
    end
  end
  return checked
end

--- Returns the range low, high (nil: of nothing) with the marks of an axis in it.
-- @param name "x" or "y"
function marks.span(list, name, low, high, log)
  local all = { low, high }
  for _, mark in ipairs(list) do all[#all + 1] = mark[name] end
  return values.span({ all }, log)
end

--- The gnuplot commands of reference lines; those out of range are left out.
function marks.commands(list, x, y)
  local lines = { #list > 0 and text_box or nil }
  for _, mark in ipairs(list) do
    local at, label = values.number(mark.x or mark.y), mark.label and gnuplot.line(mark.label)
    local ends, text
    if mark.x and axes.shows(x, mark.x) then
      ends = ("from first %s, graph 0 to first %s, graph 1"):format(at, at)
      text = ("at first %s, graph 0.98 right rotate by 90 offset character 0.7, 0"):format(at)
    elseif mark.y and axes.shows(y, mark.y) then
      ends = ("from graph 0, first %s to graph 1, first %s"):format(at, at)
      text = ("at graph 0.99, first %s right offset character 0, 0.5"):format(at)
    end
    if ends then lines[#lines + 1] = ("set arrow %s %s"):format(ends, line_look) end
    if ends and label then lines[#lines + 1] = ("set label %s %s %s"):format(label, text, text_look) end
  end
  return table.concat(lines, "\n")
end

--- Marks as curves for legend.place.
function marks.curves(list, x, y)
  local curves = {}
  for _, mark in ipairs(list) do
    if mark.x and axes.shows(x, mark.x) then
      local f = axes.fraction(x, mark.x)
      curves[#curves + 1] = { x = { f, f }, y = { 0, 1 }, joined = true }
    elseif mark.y and axes.shows(y, mark.y) then
      local f = axes.fraction(y, mark.y)
      curves[#curves + 1] = { x = { 0, 1 }, y = { f, f }, joined = true }
    end
  end
  return curves
end

return marks
