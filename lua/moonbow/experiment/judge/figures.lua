--- The figures of a judgement, narrow enough to be read on a phone.
local check = require "moonbow.check"
local plot = require "moonbow.plot"
local units = require "moonbow.spectra.units"

local figures = {}

local WIDTH, HEIGHT = 400, 300
local MOST_CLASSES = 12

-- Labels the spectra by thirds of a target: "low: 0.9 to 8.4".
local function with_thirds(set, target)
  local values, cells = {}, {}
  for i, cell in ipairs(set.labels[target]) do values[i] = tonumber((cell:gsub(",", "."))) end
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local first, second = sorted[math.max(1, #sorted // 3)], sorted[math.max(1, 2 * #sorted // 3)]
  local names = { ("1: to %g"):format(first), ("2: to %g"):format(second), ("3: to %g"):format(sorted[#sorted]) }
  for i, value in ipairs(values) do cells[i] = names[value <= first and 1 or value <= second and 2 or 3] end
  return set:with { labels = { [target] = cells } }
end

local function count_different(cells)
  local seen, count = {}, 0
  for _, cell in ipairs(cells) do
    if not seen[cell] then seen[cell], count = true, count + 1 end
  end
  return count
end

--- The spectra by class, or by thirds of the target: means, and bands of one standard deviation.
function figures.spectra(set, task, title)
  local shown = task == "number" and with_thirds(set, title) or set
  local by = count_different(shown.labels[title]) <= MOST_CLASSES and title or nil
  return shown:plot { by = by, width = WIDTH, height = HEIGHT, title = by and "by " .. check.printable(title) or nil }
end

local function axis_label(set)
  if not set.axis_name then return set.unit end
  return set.unit and ("%s (%s)"):format(set.axis_name, set.unit) or set.axis_name
end

--- The growth of the error by band of the axis.
function figures.importance(set, bands)
  local x, y = {}, {}
  for b, band in ipairs(bands) do x[b], y[b] = (band.low + band.high) / 2, band.growth end
  return plot.lines { x = x, y = y, style = "steps", x_label = axis_label(set), y_label = "growth of the error",
    reverse_x = units.falls_on_paper[set.axis_name or false] or false, width = WIDTH, height = HEIGHT }
end

--- Confusion matrix, or predicted against true numbers.
function figures.predictions(outcome)
  local figure = outcome:plot()
  figure.width, figure.height = WIDTH, outcome.task == "class" and WIDTH or HEIGHT
  return figure
end

return figures
