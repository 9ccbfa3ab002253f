--- The drawings of a sweep's page, as SVG inside HTML.
local distributions = require "moonbow.distributions"
local page = require "moonbow.page"
local space = require "moonbow.sweep.space"
local words = require "moonbow.sweep.words"

local figures = { MOST_LEVELS = 24 } -- levels of a factor in a drawing

local MOST_CURVES, MOST_LINES = 60, 400
local WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 70, 20, 12, 44

-- Maps a range of values to pixels; a range of one value is in the middle.
local function scale(low, high, first, last)
  if high <= low then return function() return (first + last) / 2 end end
  return function(value) return first + (value - low) / (high - low) * (last - first) end
end

local function text(x, y, anchor, content)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>'):format(x, y, anchor, page.escape(content))
end

local function line(points, colour, width)
  return ('<polyline fill="none" stroke="%s" stroke-width="%g" points="%s"/>'):format(colour, width,
    table.concat(points, " "))
end

local function svg(height, title, parts)
  return ('<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>'):format(WIDTH, height, page.escape(title),
    table.concat(parts))
end

-- Returns a colour from blue (best) to a pale grey (worst).
local function colour_of(rank, count)
  local share = count > 1 and (rank - 1) / (count - 1) or 0
  return ("rgb(%.0f,%.0f,%.0f)"):format(20 + 160 * share, 80 + 105 * share, 160 + 30 * share)
end

local function axes(x_label, low, high)
  return table.concat {
    line({ LEFT .. "," .. TOP, LEFT .. "," .. HEIGHT - BOTTOM, WIDTH - RIGHT .. "," .. HEIGHT - BOTTOM }, "#5b6470", 1),
    text(LEFT - 6, TOP + 10, "end", words.cell(high)), text(LEFT - 6, HEIGHT - BOTTOM, "end", words.cell(low)),
    text((LEFT + WIDTH) / 2, HEIGHT - 8, "middle", x_label),
  }
end

-- Returns the first trial with reports of each configuration, the best first: a list of { rank, result }.
local function reporting(summary)
  local trials, by_key = {}, {}
  for _, result in ipairs(summary.results) do
    local key = #(result.reports or {}) > 1 and space.canonical(result.config)
    if key and not by_key[key] then by_key[key] = result end
  end
  for rank, item in ipairs(summary.configurations) do
    local result = by_key[item.key]
    if result and #trials < MOST_CURVES then trials[#trials + 1] = { rank = rank, result = result } end
  end
  return trials
end

-- Calls visit(step, value) for each report of a trial that has the objective.
local function each_value(trial, name, visit)
  for _, report in ipairs(trial.result.reports) do
    local value = tonumber(report.metrics[name])
    if value then visit(report.step, value) end
  end
end

--- Draws the objective over steps of the first reporting trial of each configuration, the best ones last, on top.
-- Returns the drawing and the number of curves; nil if there is none.
function figures.learning_curves(summary)
  local name, trials = summary.sweep.objective.name, reporting(summary)
  local low, high, last = math.huge, -math.huge, 0
  for _, trial in ipairs(trials) do
    each_value(trial, name, function(step, value)
      low, high, last = math.min(low, value), math.max(high, value), math.max(last, step)
    end)
  end
  if low > high then return nil end
  local x, y = scale(0, last, LEFT, WIDTH - RIGHT), scale(low, high, HEIGHT - BOTTOM, TOP)
  local parts = { axes(("step, 0 to %s"):format(words.cell(last)), low, high) }
  for i = #trials, 1, -1 do
    local points = {}
    each_value(trials[i], name, function(step, value)
      points[#points + 1] = ("%.1f,%.1f"):format(x(step), y(value))
    end)
    parts[#parts + 1] = line(points, colour_of(trials[i].rank, #summary.configurations), i == 1 and 2.5 or 1)
  end
  return svg(HEIGHT, "learning curves", parts), #trials
end

-- Returns the mean of each level of a factor, with its 95 % interval from the spread between seeds and configurations.
local function effect(summary, factor)
  local values, order = {}, {}
  for i, level in ipairs(factor.levels) do order[i], values[level.value] = level.value, {} end
  for _, item in ipairs(summary.configurations) do
    local list = values[item.config[factor.name]]
    for _, number in ipairs(list and item.list or {}) do list[#list + 1] = number end
  end
  table.sort(order, function(a, b)
    if type(a) == "number" and type(b) == "number" then return a < b end
    return tostring(a) < tostring(b)
  end)
  local rows = {}
  for i, key in ipairs(order) do
    local list, sum, squares = values[key], 0, 0
    for _, number in ipairs(list) do sum = sum + number end
    local mean = sum / #list
    for _, number in ipairs(list) do squares = squares + (number - mean) ^ 2 end
    local half = #list > 1
      and distributions.student_quantile(0.05, #list - 1) * math.sqrt(squares / (#list - 1) / #list) or 0
    rows[i] = { name = words.cell(key), mean = mean, low = mean - half, high = mean + half }
  end
  return rows
end

--- Draws the effect of a factor; nil for one level, or more than figures.MOST_LEVELS.
function figures.effect(summary, factor)
  if #factor.levels > figures.MOST_LEVELS or #factor.levels < 2 then return nil end
  local rows, low, high = effect(summary, factor), math.huge, -math.huge
  for _, row in ipairs(rows) do low, high = math.min(low, row.low), math.max(high, row.high) end
  local height = 30 + 26 * #rows
  local x, parts = scale(low, high, 200, WIDTH - RIGHT - 40), {}
  for i, row in ipairs(rows) do
    local y = 26 * i - 4
    parts[#parts + 1] = text(190, y + 4, "end", row.name)
      .. line({ ("%.1f,%d"):format(x(row.low), y), ("%.1f,%d"):format(x(row.high), y) }, "#14509f", 2)
      .. ('<circle cx="%.1f" cy="%d" r="4" fill="#14509f"/>'):format(x(row.mean), y)
  end
  parts[#parts + 1] = text(200, height - 4, "middle", words.cell(low))
    .. text(WIDTH - 60, height - 4, "middle", words.cell(high))
  return svg(height, factor.name, parts)
end

local END_ROOM = 100 -- for the figures beside the last axis

-- Returns the vertical axis of an entry of the space at x: a function from its values to y, and the drawing, with the
-- values of a choice or the ends of a range.
local function axis_of(name, entry, x)
  local first, last, labels, index = HEIGHT - BOTTOM, TOP + 10, {}, {}
  local y = scale(0, 1, first, last)
  local function label(value, at) labels[#labels + 1] = text(x + 6, at - 3, "start", words.cell(value)) end
  if entry.kind == "choice" then
    y = scale(1, #entry.values, first, last)
    for i, value in ipairs(entry.values) do
      index[value] = i
      if #entry.values <= figures.MOST_LEVELS / 2 or i == 1 or i == #entry.values then label(value, y(i)) end
    end
  else
    label(entry.low, first)
    label(entry.high, last)
  end
  local drawing = line({ ("%.1f,%d"):format(x, last), ("%.1f,%d"):format(x, first) }, "#5b6470", 1)
    .. text(x, HEIGHT - 24, "middle", name) .. table.concat(labels)
  if entry.kind == "choice" then return function(value) return y(index[value]) end, drawing end
  return function(value) return y(entry:to_unit(value)) end, drawing
end

-- Draws the axes of all names and of the objective. Returns the drawings, and a function that returns the points of a
-- configuration.
local function parallel_axes(summary, low, high)
  local names, parts, place = summary.sweep.space.names, {}, {}
  local function at(c) return LEFT + (c - 1) / #names * (WIDTH - LEFT - END_ROOM) end
  for c, name in ipairs(names) do
    place[c], parts[c] = axis_of(name, summary.sweep.space.entries[name], at(c))
  end
  local y, last = scale(low, high, HEIGHT - BOTTOM, TOP + 10), at(#names + 1)
  parts[#parts + 1] = text(last, HEIGHT - 24, "middle", summary.sweep.objective.name)
    .. text(last + 6, TOP + 14, "start", words.cell(high)) .. text(last + 6, HEIGHT - BOTTOM, "start", words.cell(low))
  return parts, function(item)
    local points = {}
    for c, name in ipairs(names) do
      local value = item.config[name]
      if value ~= nil then points[#points + 1] = ("%.1f,%.1f"):format(at(c), place[c](value)) end
    end
    points[#points + 1] = ("%.1f,%.1f"):format(last, y(item.mean))
    return points
  end
end

--- Draws one vertical axis per name, the objective last, and a line per configuration, the worst first. Returns the
-- drawing, and n if one in n configurations is shown; nil if there is nothing to compare.
function figures.parallel(summary)
  local list = {}
  for _, item in ipairs(summary.configurations) do
    if item.mean then list[#list + 1] = item end
  end
  if #list < 2 or #summary.sweep.space.names < 2 then return nil end
  local every, low, high = math.ceil(#list / MOST_LINES), math.huge, -math.huge
  for _, item in ipairs(list) do low, high = math.min(low, item.mean), math.max(high, item.mean) end
  local parts, points_of = parallel_axes(summary, low, high)
  for i = #list, 1, -1 do
    if i % every == 0 or i == 1 then
      parts[#parts + 1] = line(points_of(list[i]), colour_of(i, #list), i == 1 and 2.5 or 1)
    end
  end
  return svg(HEIGHT, "parallel coordinates", parts), every
end

return figures
