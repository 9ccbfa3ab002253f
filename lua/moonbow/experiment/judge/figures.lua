--- The figures of a judgement, narrow enough to be read on a phone.
local core = require "moonbow.core"
local check = require "moonbow.check"
local labels = require "moonbow.data.labels"

local figures = {}

local WIDTH, HEIGHT = 430, 320
local LINE, FRAME = 20, 90 -- pixels of a line of the legend, and around the axes
local MOST_CLASSES = 12

-- Labels the spectra by thirds of a target: "1: ≤ 8.4".
local function with_thirds(set, target)
  local values, cells = {}, {}
  for i, cell in ipairs(set.labels[target]) do values[i] = tonumber((cell:gsub(",", "."))) end
  local sorted = table.move(values, 1, #values, 1, {})
  table.sort(sorted)
  local limits = { sorted[(#sorted + 2) // 3], sorted[(2 * #sorted + 2) // 3], sorted[#sorted] }
  for i, value in ipairs(values) do
    local third = value <= limits[1] and 1 or value <= limits[2] and 2 or 3
    cells[i] = ("%d: ≤ %.4g"):format(third, limits[third])
  end
  return set:with { labels = { [target] = cells } }
end

-- The least and greatest mean, less and more one standard deviation, of the classes in a label.
local function reach(set, by)
  local y, names = set:classes(by)
  local rows, low, high = {}, math.huge, -math.huge
  for i, class in ipairs(core.totable(y)) do
    rows[class] = rows[class] or {}
    table.insert(rows[class], i)
  end
  for class in ipairs(names) do
    local x = set:select(rows[class]).x
    local mean, sd = core.mean(x, 1), #rows[class] > 1 and core.std(x, 1) or 0
    low, high = math.min(low, core.min(core.sub(mean, sd))[1]), math.max(high, core.max(core.add(mean, sd))[1])
  end
  return low, high, #names
end

--- The spectra by class, or by thirds of the target: means, and bands of one standard deviation. The legend gets room
-- above them.
function figures.spectra(set, task, title)
  local shown = task == "number" and with_thirds(set, title) or set
  if labels.count_different(shown.labels[title]) > MOST_CLASSES then
    return shown:plot { width = WIDTH, height = HEIGHT }
  end
  local low, high, count = reach(shown, title)
  local margin, room = 0.05 * (high - low), (high - low) * LINE * (count + 1) / (HEIGHT - FRAME)
  return shown:plot { by = title, title = "by " .. check.printable(title), width = WIDTH,
    height = HEIGHT + LINE * count, y_range = high > low and { low - margin, high + room } or nil }
end

--- The growth of the error by band of the axis.
function figures.importance(bands) return bands:plot { width = WIDTH, height = HEIGHT } end

--- Confusion matrix, or predicted against true numbers.
function figures.predictions(outcome)
  local figure = outcome:plot()
  figure.width, figure.height = WIDTH, outcome.task == "class" and WIDTH or HEIGHT
  return figure
end

return figures
