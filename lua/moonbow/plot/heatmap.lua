--- Panels that show a matrix in colours.
local check = require "moonbow.check"
local axes = require "moonbow.plot.axes"
local gnuplot = require "moonbow.plot.gnuplot"
local names = require "moonbow.plot.names"
local resample = require "moonbow.plot.resample"
local style = require "moonbow.plot.style"
local values = require "moonbow.plot.values"

local heatmap = {}

heatmap.rules = {
  title = check.optional "string", x_label = check.optional "string", y_label = check.optional "string",
  z_label = check.optional "string", z = check.required "table|tensor", z_range = check.optional "table",
  x = check.optional "table|tensor", y = check.optional "table|tensor",
  x_names = check.optional "table", y_names = check.optional "table", cell_format = check.optional "string",
  reverse_x = false, reverse_y = check.optional "boolean",
  width = check.optional "positive integer", height = check.optional "positive integer",
}

local most_boxes = 4000   -- more cells are drawn as an image
local most_labels = 10000
local least_width, least_height, most_pixels = 560, 460, 4000
local ramp = { ".", ":", "-", "=", "+", "*", "%", "@" }

local function read_matrix(operation, z)
  local rows = values.rows(operation, "z", z)
  for i, row in ipairs(rows) do
    if #row ~= #rows[1] then
      check.fail(operation, "z[%d] has %d numbers, but z[1] has %d", i, #row, #rows[1])
    end
  end
  return rows
end

-- Returns positions of the columns (or rows): the given numbers, or 1, 2, ... if there are names or nothing.
local function centres_of(operation, options, name, count)
  local given, texts = options[name], options[name .. "_names"]
  if given and texts then check.fail(operation, "expected %s or %s_names, got both", name, name) end
  if texts then
    texts = names.read(operation, name .. "_names", texts)
    options[name .. "_names"] = texts
  end
  if texts and #texts ~= count then
    check.fail(operation, "%s_names has %d names, but z has %d %s", name, #texts, count,
      name == "x" and "columns" or "rows")
  end
  if not given then
    local list = {}
    for i = 1, count do list[i] = i end
    return list
  end
  local list = values.list_of(operation, name, given, count, name == "x" and "a row of z" or "a column of z")
  local rising = count > 1 and list[2] > list[1]
  for i = 2, count do
    if not values.drawable(list[i] - list[i - 1]) or list[i] == list[i - 1]
      or (list[i] > list[i - 1]) ~= rising then
      check.fail(operation, "%s: expected rising or falling numbers, got %g after %g", name,
        list[i], list[i - 1])
    end
  end
  return list
end

-- Returns the borders between cells, half way between their centres.
local function edges_of(centres)
  local n, edges = #centres, {}
  if n == 1 then return { centres[1] - 0.5, centres[1] + 0.5 } end
  for i = 2, n do edges[i] = (centres[i - 1] + centres[i]) / 2 end
  edges[1], edges[n + 1] = 2 * centres[1] - edges[2], 2 * centres[n] - edges[n]
  return edges
end

local function axis_of(operation, options, name, edges)
  local low, high = math.min(edges[1], edges[#edges]), math.max(edges[1], edges[#edges])
  local axis = axes.new(operation, name, options, low, high, 0, 0)
  axis.whole = options[name] == nil
  return axis
end

-- Returns rows {x, y, x_low, x_high, y_low, y_high, z} for boxes of any sizes. Each reaches
-- a little beneath the next, since otherwise the paper would shine through between them.
local function boxes_block(map)
  local rows = {}
  for i, z_row in ipairs(map.z) do
    for j, v in ipairs(z_row) do
      if values.drawable(v) then
        local x1, x2, y1, y2 = map.x_edges[j], map.x_edges[j + 1], map.y_edges[i], map.y_edges[i + 1]
        x2, y2 = x2 + 0.02 * (x2 - x1), y2 + 0.02 * (y2 - y1)
        rows[#rows + 1] = { map.x[j], map.y[i], math.min(x1, x2), math.max(x1, x2), math.min(y1, y2),
          math.max(y1, y2), v }
      end
    end
  end
  if #rows == 0 then rows[1] = { 0 / 0, 0 / 0, 0, 0, 0, 0, 0 } end
  return values.block("$map", rows),
    "$map using 1:2:3:4:5:6:7 with boxxyerror fs solid noborder fc palette notitle"
end

-- Viewers blur the pixels of an image, so they are repeated up to about the resolution of the screen.
local function pixels(count)
  return count < 400 and count * math.ceil(400 / count) or math.min(count, 800)
end

local function image_block(map)
  local image = resample.map(map, pixels(#map.z), pixels(#map.z[1]))
  return values.block("$map", image.z),
    ("$map matrix using (%s + %s * $1):(%s + %s * $2):3 with image notitle"):format(
      values.number(image.x0 + image.dx), values.number(image.dx), values.number(image.y0 + image.dy),
      values.number(image.dy))
end

-- Returns the length of the longest text of a cell, in characters.
local function longest_cell(map, format)
  local longest = 0
  for _, row in ipairs(map.z) do
    for _, v in ipairs(row) do
      local ok, text = pcall(string.format, format, v)
      longest = math.max(longest, ok and style.length(text) or 0)
    end
  end
  return longest
end

-- Returns width and height at which names, and numbers in the cells, do not overlap.
local function size_of(options, map)
  local across, along, wide, high = {}, {}, 0, 0
  for _, name in ipairs { "x", "y" } do
    local list = options[name .. "_names"]
    across[name], along[name] = names.room(list or {})
    if not list then across[name] = 0 end
  end
  if options.cell_format then
    wide, high = style.character * (longest_cell(map, options.cell_format) + 0.5), style.line_height
  end
  wide, high = #map.z[1] * math.max(wide, across.x), #map.z * math.max(high, across.y)
  local width = math.min(most_pixels, math.ceil(math.max(least_width, wide + along.y + 170)))
  local height = math.min(most_pixels, math.ceil(math.max(least_height, high + along.x + 110)))
  return options.width or width, options.height or height
end

local function label_at(text, x, y, colour)
  return ("set label %s at first %s, first %s center front tc rgb '%s'"):format(
    gnuplot.line(text), values.number(x), values.number(y), colour)
end

local function cell_labels(operation, map, format, z_axis)
  local lines = {}
  if #map.z * #map.z[1] > most_labels then
    check.fail(operation, "cell_format: expected at most %d cells, got %d", most_labels, #map.z * #map.z[1])
  end
  for i, z_row in ipairs(map.z) do
    for j, v in ipairs(z_row) do
      if values.drawable(v) then
        local ok, text = pcall(string.format, format, v)
        if not ok then check.fail(operation, "cell_format '%s' cannot show the number %g", format, v) end
        local colour = axes.fraction(z_axis, v) < 0.6 and "#ffffff" or "#000000"
        lines[#lines + 1] = label_at(text, map.x[j], map.y[i], colour)
      end
    end
  end
  return table.concat(lines, "\n")
end

-- Colours of a text terminal: characters of increasing density.
local function ramp_labels(map, z_axis)
  local grid = resample.map(map, math.min(#map.z, 18), math.min(#map.z[1], 70))
  local lines = {}
  for i, z_row in ipairs(grid.z) do
    for j, v in ipairs(z_row) do
      if values.drawable(v) then
        local step = math.max(1, math.min(#ramp, math.ceil(axes.fraction(z_axis, v) * #ramp)))
        lines[#lines + 1] = label_at(ramp[step], grid.x0 + j * grid.dx, grid.y0 + i * grid.dy, "#000000")
      end
    end
  end
  return table.concat(lines, "\n")
end

local function ramp_title(title, z_axis, z_label)
  return ("%s%s %.4g %s %.4g"):format(title and title .. "\n" or "", z_label or "", z_axis.low,
    table.concat(ramp), z_axis.high)
end

local function draw(options, map, axis, labels, text_only)
  local title = options.title
  if text_only and not labels then title = ramp_title(title, axis.z, options.z_label) end
  local block, element = "", "NaN notitle"
  if not text_only then
    block, element = (#map.z * #map.z[1] <= most_boxes and boxes_block or image_block)(map)
  end
  local y_names, margin = "", 4
  if options.y_names then y_names, margin = names.y(options.y_names) end
  margin = margin + (options.y_label and 6 or 3)
  local width = (text_only and 70 or (options.width - 80) / style.character) - margin
  return table.concat({
    style.preamble(text_only), axes.commands(axis.x), axes.commands(axis.y),
    "unset grid", "set border 15", "set palette " .. style.palette,
    ("set cbrange [%s:%s]"):format(values.number(axis.z.low), values.number(axis.z.high)), axes.labels(axis.z, "cb"),
    options.z_label and "set cblabel " .. gnuplot.label(options.z_label) .. " offset character 1, 0" or "",
    options.x_names and names.x(options.x_names, width, options.x_label, margin, text_only) or "",
    y_names,
    title and "set title " .. gnuplot.label(title) or "",
    labels or text_only and ramp_labels(map, axis.z) or "",
    block, "plot " .. element,
  }, "\n")
end

--- A panel of a matrix in colours.
-- @param given options as in plot.heatmap
function heatmap.panel(operation, given)
  local options = check.options(operation, given, heatmap.rules)
  if options.reverse_y == nil then options.reverse_y = options.y_names ~= nil end
  local z = read_matrix(operation, options.z)
  local map = {
    z = z, x = centres_of(operation, options, "x", #z[1]), y = centres_of(operation, options, "y", #z),
  }
  map.x_edges, map.y_edges = edges_of(map.x), edges_of(map.y)
  options.width, options.height = size_of(options, map)
  local low, high = values.span(z)
  local axis = {
    x = axis_of(operation, options, "x", map.x_edges), y = axis_of(operation, options, "y", map.y_edges),
    z = axes.new(operation, "z", options, low, high, 0, 0),
  }
  local labels = options.cell_format and cell_labels(operation, map, options.cell_format, axis.z)
  return {
    kind = "heatmap", title = options.title, series = 1, width = options.width, height = options.height,
    draw = function(text_only) return draw(options, map, axis, labels, text_only) end,
  }
end

return heatmap
