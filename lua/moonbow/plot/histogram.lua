--- Panels of histograms.
local check = require "moonbow.check"
local axes = require "moonbow.plot.axes"
local marks = require "moonbow.plot.marks"
local panel = require "moonbow.plot.panel"
local style = require "moonbow.plot.style"
local values = require "moonbow.plot.values"

local histogram = {}

local most_bins, most_asked = 200, 10000

local entry_rules = { values = check.optional "table|tensor", label = check.optional "string|number" }
histogram.rules = panel.rules({
  bins = check.optional "positive integer|table|tensor", density = false, log_y = false,
  x_range = check.optional "table",
}, entry_rules)

local function quantile(sorted, q)
  local place = 1 + q * (#sorted - 1)
  local below = math.floor(place)
  local next_one = sorted[below + 1] or sorted[below]
  return sorted[below] + (place - below) * (next_one - sorted[below])
end

--- Returns the number of bins for sorted numbers after D. Freedman and P. Diaconis, "On the histogram as a
-- density estimator", 1981: bins 2 IQR / n^(1/3) wide; after H. Sturges (1926) if the IQR is 0.
function histogram.count_bins(sorted)
  local extent = sorted[#sorted] - sorted[1]
  local width = 2 * (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / (#sorted) ^ (1 / 3)
  if extent == 0 then return 1 end
  if width <= 0 then return math.ceil(math.log(#sorted, 2)) + 1 end
  return math.max(1, math.ceil(math.min(most_bins, extent / width)))
end

-- Edges of equal bins, the last one exactly at the greatest value. Bins narrower than the numbers between low and high
-- are apart are left out.
local function even_edges(low, high, count)
  local half = math.max(0.5, 1e-9 * math.abs(low))
  if low == high then low, high = low - half, high + half end
  local edges = { low }
  for i = 1, count - 1 do
    local edge = low + (high - low) * i / count
    if edge > edges[#edges] and edge < high then edges[#edges + 1] = edge end
  end
  edges[#edges + 1] = high
  return edges
end

local function edges_of(operation, bins, groups)
  if type(bins) == "number" and bins > most_asked then
    check.fail(operation, "bins: expected at most %d, got %d", most_asked, bins)
  end
  if bins and type(bins) ~= "number" then
    local edges = values.list(operation, "bins", bins)
    if #edges < 2 then check.fail(operation, "bins: expected at least two edges, got one") end
    for i, edge in ipairs(edges) do
      if not values.drawable(edge) then check.fail(operation, "bins: expected finite edges, got %g", edge) end
      if i > 1 and edge <= edges[i - 1] then
        check.fail(operation, "bins: expected rising edges, got %g after %g", edge, edges[i - 1])
      end
    end
    return edges
  end
  local all = {}
  for _, group in ipairs(groups) do table.move(group.values, 1, #group.values, #all + 1, all) end
  if #all == 0 then return even_edges(0, 1, 1) end
  table.sort(all)
  return even_edges(all[1], all[#all], bins or histogram.count_bins(all))
end

-- Finds the bin of v by bisection; the last bin includes its upper edge.
local function bin_of(edges, v)
  if v < edges[1] or v > edges[#edges] then return nil end
  local low, high = 1, #edges
  while high - low > 1 do
    local middle = (low + high) // 2
    if v >= edges[middle] then low = middle else high = middle end
  end
  return low
end

local function count(edges, group, density)
  local heights, total = {}, 0
  for i = 1, #edges - 1 do heights[i] = 0 end
  for _, v in ipairs(group) do
    local bin = bin_of(edges, v)
    if bin then heights[bin], total = heights[bin] + 1, total + 1 end
  end
  for i = 1, density and total > 0 and #heights or 0 do
    heights[i] = heights[i] / (total * (edges[i + 1] - edges[i]))
  end
  return heights
end

local function drawable_only(list)
  local kept = {}
  for _, v in ipairs(list) do
    if values.drawable(v) then kept[#kept + 1] = v end
  end
  return kept
end

-- Returns the outline of the bars, from the base up and back to it.
local function outline(edges, heights, base)
  local rows = { { edges[1], base } }
  for i, height in ipairs(heights) do
    local top = math.max(height, base)
    rows[#rows + 1], rows[#rows + 2] = { edges[i], top }, { edges[i + 1], top }
  end
  rows[#rows + 1] = { edges[#edges], base }
  return rows
end

local function shape(rows, x, y)
  local curve = { x = {}, y = {}, joined = true }
  for i, row in ipairs(rows) do
    curve.x[i], curve.y[i] = axes.fraction(x, row[1]), axes.fraction(y, row[2])
  end
  return curve
end

local function read_groups(operation, options)
  local groups = panel.entries(operation, options, "values", entry_rules)
  for _, group in ipairs(groups) do
    group.values = drawable_only(values.list(group.where, "values", group.values))
  end
  return groups
end

-- Fits the bins that the x axis shows, and the marks.
local function y_axis(operation, options, edges, heights, x)
  local seen = {}
  for _, list in ipairs(heights) do
    for i, height in ipairs(list) do
      if edges[i] < x.high and edges[i + 1] > x.low then seen[#seen + 1] = height end
    end
  end
  local low, high = values.span({ seen }, options.log_y)
  if options.log_y then low = low and low / 2 else low, high = 0, high and high > 0 and high or 1 end
  low, high = marks.span(options.marks, "y", low, high, options.log_y)
  local y = axes.new(operation, "y", options, low, high, 0, 0.08)
  y.whole = not options.density
  return y
end

--- A panel of histograms drawn over each other.
-- @param given options as in plot.histogram
function histogram.panel(operation, given)
  local options = panel.options(operation, given, histogram.rules)
  options.y_label = options.y_label or options.density and "density" or "count"
  local groups = read_groups(operation, options)
  local edges = edges_of(operation, options.bins, groups)
  local heights, labels, shapes, blocks = {}, {}, {}, {}
  for i, group in ipairs(groups) do heights[i] = count(edges, group.values, options.density) end
  local low, high = marks.span(options.marks, "x", edges[1], edges[#edges])
  local x = axes.new(operation, "x", options, low, high, 0.02, 0.02)
  local y = y_axis(operation, options, edges, heights, x)
  for i, group in ipairs(groups) do
    local rows = outline(edges, heights[i], y.low)
    labels[#labels + 1] = group.label
    shapes[i], blocks[i] = shape(rows, x, y), values.block("$bins" .. i, rows)
  end
  local function data(text_only)
    local elements, opacity = {}, #groups == 1 and 0.5 or 0.3
    for i = 1, text_only and 0 or #groups do
      local wash = style.wash(i, opacity)
      elements[i] = ("$bins%d using 1:2 with filledcurves y=%s %s notitle"):format(i, values.number(y.low), wash)
    end
    for i, group in ipairs(groups) do
      local look, title = style.line(i), panel.title(group.label)
      elements[#elements + 1] = ("$bins%d using 1:2 with lines %s %s"):format(i, look, title)
    end
    return "", blocks, elements
  end
  return panel.new{
    kind = "histogram", options = options, x = x, y = y, labels = labels, shapes = shapes, series = #groups,
    data = data,
  }
end

return histogram
