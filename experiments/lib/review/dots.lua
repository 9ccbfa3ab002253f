--- Figures of the review: a row for each measured figure, with its mean and 95 % interval, wide enough for a phone.
local html = require "moonbow.page"
local estimates = require "lib.review.estimates"

local dots = {}

local WIDTH, LABELS, VALUES, ROW = 360, 150, 48, 22
local LEFT, RIGHT = LABELS + 8, WIDTH - VALUES - 8
local TINY = 1e-9 -- by which an interval may leave the axis without a sign
local BLUE = "#0072B2"

local function text(x, y, content, more)
  return ('<text x="%.1f" y="%.1f"%s>%s</text>'):format(x, y, more or "", html.escape(content))
end

local function line(x1, y1, x2, y2, style)
  return ('<line x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f" style="%s"/>'):format(x1, y1, x2, y2, style)
end

-- The least of 1, 2, 5 times a power of ten that is not below a value.
local function nice(value)
  local power = 10 ^ math.floor(math.log(math.max(value, 1e-9), 10))
  for _, factor in ipairs { 1, 2, 5, 10 } do
    if factor * power >= value * (1 - 1e-9) then return factor * power end
  end
end

-- The rows that were measured: { label } for a heading, or { label, estimate }; the least mean, and the most that a row
-- reaches.
local function found_rows(spec, results)
  local rows, least, most = {}, math.huge, 0
  for _, row in ipairs(spec.rows) do
    local figure = type(row) == "table" and estimates.measured(results, row[1])
    if type(row) == "string" then
      rows[#rows + 1] = { label = row }
    elseif figure then
      local estimate = estimates.of(figure.values)
      rows[#rows + 1] = { label = row[2], estimate = estimate }
      least, most = math.min(least, estimate.mean), math.max(most, estimate.high or estimate.mean)
    end
  end
  return rows, least, most
end

-- Where the axis begins: lower than it should, at a tenth, if a mean lies below.
local function start_of(from, least) return least < from and math.floor(least * 10) / 10 or from end

local function has_any(rows)
  for _, row in ipairs(rows) do
    if row.estimate then return true end
  end
  return false
end

local function axis(from, to, place, top, bottom)
  local parts = {}
  for i = 0, 2 do
    local value = from + (to - from) * i / 2
    parts[#parts + 1] = line(place(value), top, place(value), bottom, "stroke:#d7dce2")
    parts[#parts + 1] = text(place(value), bottom + 15, ("%.3g"):format(value),
      (' class="tick" text-anchor="%s"'):format(i == 0 and "start" or i == 2 and "end" or "middle"))
  end
  return table.concat(parts)
end

-- The head of an arrow at the end of the axis, for an interval that goes on beyond it.
local function arrow(x, y, direction)
  return ('<path class="cut" d="M%.1f %.1f l%d -5 v10 z" style="fill:%s"/>'):format(x + 6 * direction, y,
    -7 * direction, BLUE)
end

local function is_cut_below(row, from) return row.estimate and (row.estimate.low or from) < from - TINY end
local function is_cut_above(row, to) return row.estimate and (row.estimate.high or to) > to + TINY end

local function row_marks(row, y, place, from, to)
  if not row.estimate then return text(0, y + 5, row.label, ' class="group"') end
  local estimate, parts = row.estimate, { text(8, y + 5, row.label) }
  if estimate.low then
    parts[2] = line(place(estimate.low), y, place(estimate.high), y, ("stroke:%s;stroke-width:3"):format(BLUE))
  end
  if is_cut_below(row, from) then parts[#parts + 1] = arrow(LEFT, y, -1) end
  if is_cut_above(row, to) then parts[#parts + 1] = arrow(RIGHT, y, 1) end
  parts[#parts + 1] = ('<circle cx="%.1f" cy="%.1f" r="4.5" style="fill:%s"/>'):format(place(estimate.mean), y, BLUE)
  parts[#parts + 1] = text(WIDTH, y + 5, ("%.3f"):format(estimate.mean), ' text-anchor="end"')
  return table.concat(parts)
end

local function has_cut(rows, from, to)
  for _, row in ipairs(rows) do
    if is_cut_below(row, from) or is_cut_above(row, to) then return true end
  end
  return false
end

-- What a figure shows, for those who do not see it.
local function description(spec, rows)
  local words, group = {}, ""
  for _, row in ipairs(rows) do
    local estimate = row.estimate
    if not estimate then group = row.label .. ", " end
    words[#words + 1] = estimate and ("%s%s: %.3f%s"):format(group, row.label, estimate.mean, estimate.low
      and (" (%.3f to %.3f)"):format(estimate.low, estimate.high) or "")
  end
  return spec.caption .. " " .. table.concat(words, "; ")
end

--- A figure as SVG; where its axis begins; and true if an interval goes on beyond the axis, which an arrow shows. Nil
-- if nothing of it was measured. Where the axis begins below spec.from (chance), a dashed line is drawn there.
-- @param spec { from, to, rows } as in lib.review.claims
-- @param results of the experiment
function dots.draw(spec, results)
  local rows, least, most = found_rows(spec, results)
  if not has_any(rows) then return nil end
  local from, to = start_of(spec.from, least), spec.to or nice(most)
  local function place(value)
    return LEFT + (RIGHT - LEFT) * (math.max(from, math.min(to, value)) - from) / (to - from)
  end
  local top = results.quick and 26 or 6
  local bottom = top + #rows * ROW
  local parts = { ('<svg xmlns="http://www.w3.org/2000/svg" class="dots" viewBox="0 0 %d %d" role="img" '
    .. 'aria-label="%s">'):format(WIDTH, bottom + 22, html.escape(description(spec, rows))),
    axis(from, to, place, top, bottom) }
  if from < spec.from then
    parts[#parts + 1] = line(place(spec.from), top, place(spec.from), bottom, "stroke:#5b6470;stroke-dasharray:4 3")
  end
  if results.quick then parts[#parts + 1] = text(0, 14, "Quick run: decides nothing", ' class="quick"') end
  for i, row in ipairs(rows) do parts[#parts + 1] = row_marks(row, top + (i - 0.5) * ROW, place, from, to) end
  return table.concat(parts, "\n") .. "</svg>", from, has_cut(rows, from, to)
end

--- The style that the figures need.
dots.style = [[
.dots, .network { max-width: 32rem; font: 13px system-ui, sans-serif; fill: #1b1f24; margin: .5rem 0 0; }
.dots .tick { fill: #5b6470; font-size: 12px; } .dots .group, .network .group { font-weight: 600; }
.dots .group { paint-order: stroke; stroke: #fff; stroke-width: 5px; } /* legible across the lines of the axis */
.quick { color: #a33b00; fill: #a33b00; font-weight: 600; }
]]

return dots
