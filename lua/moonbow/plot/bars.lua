--- Panels of grouped bars.
local check = require "moonbow.check"
local axes = require "moonbow.plot.axes"
local marks = require "moonbow.plot.marks"
local names = require "moonbow.plot.names"
local panel = require "moonbow.plot.panel"
local style = require "moonbow.plot.style"
local values = require "moonbow.plot.values"

local bars = {}

local entry_rules = {
  values = check.optional "table|tensor", error = check.optional "table|tensor|number",
  label = check.optional "string|number",
}
bars.rules = panel.rules({ categories = check.required "table" }, entry_rules)

local group_width = 0.8   -- share of the distance between categories
local most_pixels = 4000
local frame = 90   -- pixels beside the axes

local function read_series(operation, options)
  local list, n = panel.entries(operation, options, "values", entry_rules), #options.categories
  for _, s in ipairs(list) do
    s.values = values.list_of(s.where, "values", s.values, n, "categories")
    s.error = values.errors(s.where, s.error, n, "categories")
  end
  return list
end

local function error_at(s, i)
  return s.error and values.drawable(s.error[i]) and s.error[i] or 0
end

local function y_axis(operation, options, list)
  local ends = {}
  for _, s in ipairs(list) do
    for i, v in ipairs(s.values) do
      ends[#ends + 1], ends[#ends + 2] = v - error_at(s, i), v + error_at(s, i)
    end
  end
  local low, high = marks.span(options.marks, "y", values.span { ends })
  low, high = math.min(0, low or 0), math.max(0, high or 1)
  return axes.new(operation, "y", options, low, high, low < 0 and 0.08 or 0, high > 0 and 0.08 or 0)
end

-- Returns rows {x, value, error} of one series, with each bar beside the bars of the other series.
local function rows_of(s, number, series_count)
  local rows = {}
  local offset = group_width * ((number - 0.5) / series_count - 0.5)
  for i, v in ipairs(s.values) do
    rows[i] = values.drawable(v) and { i + offset, v, error_at(s, i) }
  end
  return rows
end

local function shapes_of(list, x, y)
  local shapes = {}
  for number, s in ipairs(list) do
    local half = group_width / #list / 2
    for i, row in ipairs(rows_of(s, number, #list)) do
      if row then
        local left, right = axes.fraction(x, row[1] - half), axes.fraction(x, row[1] + half)
        local base = axes.fraction(y, math.max(0, y.low))
        local top = axes.fraction(y, row[2] + error_at(s, i))
        local xs, ys = { left, left, right, right }, { base, top, top, base }
        shapes[#shapes + 1] = { x = xs, y = ys, joined = true }
      end
    end
  end
  return shapes
end

--- A panel of bars.
-- @param given options as in plot.bars
function bars.panel(operation, given)
  local options = panel.options(operation, given, bars.rules)
  local categories = names.read(operation, "categories", options.categories)
  if #categories == 0 then check.fail(operation, "categories: expected at least one name, got none") end
  if not options.fixed_width then
    options.width = math.max(options.width, math.min(most_pixels, frame + #categories * names.room(categories)))
  end
  local list = read_series(operation, options)
  local margin = math.max(0.6, 2 - #categories / 2)   -- so that a single bar does not fill the frame
  local x = axes.new(operation, "x", { x_label = options.x_label }, 1 - margin, #categories + margin, 0, 0)
  local y = y_axis(operation, options, list)
  local labels, blocks, sources = {}, {}, {}
  for i, s in ipairs(list) do
    local name, rows = "bars" .. i, rows_of(s, i, #list)
    labels[#labels + 1], blocks[i], sources[i] = s.label, values.block("$" .. name, rows), values.source(name, rows)
  end
  local settings = table.concat({
    "set grid noxtics", ("set boxwidth %.6g absolute"):format(group_width / #list),
    y.low < 0 and "set xzeroaxis lt 1 lw 1 lc rgb '#333333'" or "",
  }, "\n")
  local function data(text_only)
    local width = text_only and 70 or (options.width - frame) / style.character
    local elements = {}
    for i, s in ipairs(list) do
      elements[i] = ("%s with boxes %s %s"):format(sources[i], style.fill(i), panel.title(s.label))
    end
    for i, s in ipairs(list) do
      if s.error then
        elements[#elements + 1] = ("$bars%d using 1:($2 - $3):(0):(2 * $3) %s"):format(i, style.error_bars)
      end
    end
    return settings .. "\n" .. names.x(categories, width, options.x_label, 10, text_only), blocks, elements
  end
  return panel.new{
    kind = "bars", options = options, x = x, y = y, labels = labels, shapes = shapes_of(list, x, y),
    series = #list, data = data,
  }
end

return bars
