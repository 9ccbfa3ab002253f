--- Finds a place for the legend where it hides no data.
local check = require "moonbow.check"
local style = require "moonbow.plot.style"

local legend = {}

local places = { "auto", "top right", "top left", "bottom right", "bottom left", "outside" }
local sample, line_height, frame = 52, 22.5, 90   -- in pixels of an SVG, in which gnuplot makes legends largest
local least_plot = 300   -- pixels beside a legend

function legend.check(operation, choice)
  if type(choice) == "boolean" then return choice and "auto" or false end
  return check.name(operation, "legend", choice, places)
end

local function box(labels)
  local longest = 0
  for _, label in ipairs(labels) do longest = math.max(longest, style.length(label)) end
  return 1.2 * style.character * longest + sample, #labels * line_height
end

-- The width of a legend outside, in which gnuplot begins a new column at the lower end of the plot.
local function width_outside(options, labels)
  local _, breaks = (options.title or ""):gsub("\n", "")
  local height = options.height - 75 - (options.title and 25 * (1 + breaks) or 0) - (options.x_label and 25 or 0)
  local rows = math.max(1, height // line_height)
  return math.ceil(math.ceil(#labels / rows) * box(labels))
end

-- Counts the steps of the curves that pass through a corner of the panel.
local function crowd(curves, left, right, bottom, top)
  local count = 0
  for _, curve in ipairs(curves) do
    local last_x, last_y
    for i = 1, #curve.x do
      local x, y = curve.x[i], curve.y[i]
      if x then
        local steps = 1
        if curve.joined and last_x then
          steps = math.min(50, math.ceil(math.max(math.abs(x - last_x), math.abs(y - last_y)) * 25))
        end
        for step = 1, steps do
          local t = step / steps
          local at_x = last_x and last_x + t * (x - last_x) or x
          local at_y = last_y and last_y + t * (y - last_y) or y
          if at_x >= left and at_x <= right and at_y >= bottom and at_y <= top then count = count + 1 end
        end
      end
      last_x, last_y = x, y
    end
  end
  return count
end

--- Returns the place of the legend: options.legend itself, or for "auto" the first free corner, else outside.
-- @param options of the panel: legend, width, height, title, x_label
-- @param labels texts of the legend
-- @param curves list of {x=, y=, joined=}: points as fractions of the panel, false at gaps
-- @return place, or false for no legend, and the width for a legend outside
function legend.place(options, labels, curves)
  local choice = options.legend
  if not choice or #labels == 0 then return false, 0 end
  local box_width, box_height = box(labels)
  if choice == "auto" then
    choice = "outside"
    local w, h = box_width / (options.width - frame), box_height / (options.height - frame)
    if w < 0.6 and h < 0.5 then
      for _, place in ipairs { "top right", "top left", "bottom right", "bottom left" } do
        local left, bottom = place:find "left" and 0 or 1 - w, place:find "bottom" and 0 or 1 - h
        if crowd(curves, left, left + w, bottom, bottom + h) == 0 then
          choice = place
          break
        end
      end
    end
  end
  return choice, choice == "outside" and width_outside(options, labels) or 0
end

--- Returns the width at which the plot beside a legend outside has half of a given width, or 300 pixels.
function legend.least_width(outside, given)
  return outside == 0 and 0 or outside + math.min(least_plot, given // 2)
end

--- Returns the width of a figure: as given, but at least the least; then it warns.
function legend.width(operation, given, least)
  if given >= least then return given end
  check.warn(operation, "width: the plot and the legend beside it need %d pixels, got %d, so the figure is wider; "
    .. "give fewer or shorter labels, more width or height, or legend = false", least, given)
  return least
end

--- The gnuplot command for a legend at a place.
function legend.command(place, text_only)
  if not place then return "unset key" end
  if text_only then return "set key outside top center horizontal" end
  if place == "outside" then place = "outside right top" end
  return ("set key %s Left reverse samplen 2.4 spacing 1.15"):format(place)
end

return legend
