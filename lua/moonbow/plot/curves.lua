--- Curves of a panel: read from options, checked, and thinned out for drawing.
local check = require "moonbow.check"
local axes = require "moonbow.plot.axes"
local panel = require "moonbow.plot.panel"
local style = require "moonbow.plot.style"
local thin = require "moonbow.plot.thin"
local values = require "moonbow.plot.values"

local curves = {}

local thin_above = 5000   -- points

--- Options of one series.
curves.rules = {
  x = check.optional "table|tensor", y = check.optional "table|tensor",
  error = check.optional "table|tensor|number", label = check.optional "string|number|table",
  style = check.one_of(nil, { "line", "points", "both", "steps" }), dash = check.one_of(nil, style.dash_names),
}

local function counted(n)
  local list = {}
  for i = 1, n do list[i] = i end
  return list
end

local function label_of(label, row, rows)
  if type(label) == "table" then return label[row] and tostring(label[row]) end
  return label and tostring(label) .. (rows > 1 and " " .. row or "")
end

local function check_labels(where, label, rows)
  if type(label) ~= "table" then return end
  check.list(where, "label", label)
  if #label ~= rows then check.fail(where, "label has %d texts, but y has %d rows", #label, rows) end
  for i, text in ipairs(label) do check.kind(where, ("label[%d]"):format(i), text, "string|number") end
end

local function error_rows(where, given, rows)
  if given == nil or type(given) == "number" then return nil end
  local errors = values.rows(where, "error", given)
  if #errors ~= #rows then check.fail(where, "error has %d rows, but y has %d", #errors, #rows) end
  return errors
end

-- Adds the curves of one entry: one, or one for each row of a matrix y.
local function add(list, entry)
  local where = entry.where
  local rows = values.rows(where, "y", entry.y)
  local errors = error_rows(where, entry.error, rows)
  check_labels(where, entry.label, #rows)
  local x = entry.x and values.list(where, "x", entry.x)
  for i, y in ipairs(rows) do
    list[#list + 1] = {
      x = x and values.list_of(where, "x", x, #y, "y") or counted(#y), y = y,
      error = values.errors(where, errors and errors[i] or entry.error, #y, "y"),
      label = label_of(entry.label, i, #rows), style = entry.style, dash = entry.dash,
    }
  end
end

--- The curves of an option table with series, or with y for one entry.
-- @return list of {x=, y=, error=, label=, style=, dash=}
function curves.read(operation, options)
  local list = {}
  for _, entry in ipairs(panel.entries(operation, options, "y", curves.rules)) do add(list, entry) end
  return list
end

-- Returns the cell of each point on an axis divided into count cells; points outside share one cell beyond
-- the edge.
local function cells_of(list, axis, count, drawable)
  local cells = {}
  for i, v in ipairs(list) do
    cells[i] = drawable[i] and math.floor(count * math.max(-0.01, math.min(1.01, axes.fraction(axis, v))))
  end
  return cells
end

--- Marks the drawable points of a curve and adds the indices of the points to draw.
function curves.thin(curve, x, y, width, height)
  local n, drawable, low, high = #curve.y, {}, {}, {}
  for i = 1, n do
    drawable[i] = values.drawable(curve.x[i], x.log) and values.drawable(curve.y[i], y.log)
  end
  curve.drawable, curve.indices = drawable, counted(n)
  curve.band_indices = curve.indices
  if n <= thin_above then return end
  if curve.style == "points" then   -- symbols are some 6 pixels wide
    curve.indices = thin.cloud(cells_of(curve.x, x, width // 2, drawable),
      cells_of(curve.y, y, height // 2, drawable))
    return
  end
  local columns = cells_of(curve.x, x, 2 * width, drawable)   -- PNG has twice the pixels
  curve.indices = thin.line(columns, { curve.y })
  if not curve.error then return end
  for i = 1, n do
    low[i], high[i] = curve.y[i] - curve.error[i], curve.y[i] + curve.error[i]
    if not values.drawable(curve.error[i]) then columns[i] = false end
  end
  curve.band_indices = thin.line(columns, { low, high })
end

--- Returns rows {x, y} of a data block, false at gaps.
function curves.points(curve)
  local rows = {}
  for place, i in ipairs(curve.indices) do
    rows[place] = curve.drawable[i] and { curve.x[i], curve.y[i] }
  end
  return rows
end

--- Returns rows {x, y, y - error, y + error}, false at gaps; cut off at the end of a log axis.
function curves.limits(curve, indices, y)
  local rows = {}
  for place, i in ipairs(indices) do
    local e = curve.error[i]
    local low = y.log and math.max(curve.y[i] - e, y.low) or curve.y[i] - e
    rows[place] = curve.drawable[i] and values.drawable(e) and { curve.x[i], curve.y[i], low, curve.y[i] + e }
  end
  return rows
end

-- Adds rows where a band goes through an end of an axis.
local function add_crossings(rows, before, row, x, y)
  local parts = {}
  for k, axis in pairs { x, [3] = y, [4] = y } do
    table.move(axes.crossings(axis, before[k], row[k]), 1, 2, #parts + 1, parts)
  end
  table.sort(parts)
  for _, part in ipairs(parts) do
    local between = { axes.between(before[1], row[1], part, x.log) }
    for k = 2, 4 do between[k] = axes.between(before[k], row[k], part, y.log) end
    rows[#rows + 1] = between
  end
end

-- Cuts a row off at the ends of the axes; false if it lies beyond the x axis by more than rounding.
local function cut(row, x, y)
  if not row or math.abs(axes.fraction(x, row[1]) - 0.5) > 0.5 + 1e-9 then return false end
  local function inside(axis, v) return math.max(axis.low, math.min(axis.high, v)) end
  return { inside(x, row[1]), row[2], inside(y, row[3]), inside(y, row[4]) }
end

--- Returns rows {x, y, y - error, y + error} of a band, false at gaps, cut off at the ends of the axes: gnuplot (5.4)
-- fills the wrong area if both ends of a piece lie beyond them.
function curves.band(curve, x, y)
  local rows = {}
  for _, row in ipairs(curves.limits(curve, curve.band_indices, y)) do
    local before = rows[#rows]
    if before and row then add_crossings(rows, before, row, x, y) end
    rows[#rows + 1] = row
  end
  for i, row in ipairs(rows) do rows[i] = cut(row, x, y) end
  return rows
end

--- Returns rows of the points between two gaps, which a line does not show.
function curves.lone_points(curve)
  local rows, ok = {}, curve.drawable
  for i = 1, #ok do
    if ok[i] and not ok[i - 1] and not ok[i + 1] then rows[#rows + 1] = { curve.x[i], curve.y[i] } end
  end
  return rows
end

return curves
