--- The results of a sweep as one self-contained HTML page, legible on a phone and in print.
local check = require "moonbow.check"
local distributions = require "moonbow.distributions"
local progress = require "moonbow.progress"

local page = {}

local LEVEL = 0.01 -- p below which a page names a factor: one page in 100 with only noise names one
local MOST_ROWS, MOST_CURVES, MOST_LINES, MOST_FAILED = 300, 60, 400, 50

local style = [[
:root { color-scheme: light; --ink: #1b1f24; --soft: #5b6470; --line: #d7dce2; --mark: #00664c; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; }
p { max-width: 46rem; } .soft { color: var(--soft); } .wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; min-width: 100%; }
th, td { padding: .3rem .8rem .3rem 0; border-bottom: 1px solid var(--line); text-align: left; white-space: nowrap; }
.n { text-align: right; font-variant-numeric: tabular-nums; }
svg { display: block; width: 100%; height: auto; max-width: 46rem; margin: .5rem 0 1rem; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); }
pre { background: #f4f6f8; padding: .75rem; overflow-x: auto; font-size: .85rem; }
@media (max-width: 40rem) { svg text { font-size: 20px; } }
@media print { body { max-width: none; padding: 0; font-size: 10pt; } tr, svg, pre { break-inside: avoid; } }
]]

local function escape(text)
  return (check.printable(tostring(text)):gsub("[&<>\"]", { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;",
    ['"'] = "&quot;" }))
end

local function escape_lines(text) return (text:gsub("[^\n]+", escape)) end

local function show(value)
  if value == nil then return "" end
  return math.type(value) == "float" and ("%.4g"):format(value) or tostring(value)
end

local function show_mean(item) return item.sd and ("%s ± %.2g"):format(show(item.mean), item.sd) or show(item.mean) end

local function show_p(p) return not p and "" or p < 0.001 and "< 0.001" or ("%.3f"):format(p) end

local function html_table(heading, rows, left)
  local out = { '<div class="wide"><table><thead><tr>' }
  for c, cell in ipairs(heading) do
    out[#out + 1] = ("<th%s>%s</th>"):format(c > left and ' class="n"' or "", escape(cell))
  end
  out[#out + 1] = "</tr></thead><tbody>"
  for _, row in ipairs(rows) do
    out[#out + 1] = "<tr>"
    for c = 1, #heading do
      out[#out + 1] = ("<td%s>%s</td>"):format(c > left and ' class="n"' or "", escape(row[c] == nil and "" or row[c]))
    end
    out[#out + 1] = "</tr>"
  end
  out[#out + 1] = "</tbody></table></div>"
  return table.concat(out)
end

-- ---- figures ----

local WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 300, 70, 20, 12, 44

-- Maps a range of values to pixels; a range of one value is in the middle.
local function scale(low, high, first, last)
  if high <= low then return function() return (first + last) / 2 end end
  return function(value) return first + (value - low) / (high - low) * (last - first) end
end

local function text(x, y, anchor, words)
  return ('<text x="%.1f" y="%.1f" text-anchor="%s">%s</text>'):format(x, y, anchor, escape(words))
end

local function line(points, colour, width)
  return ('<polyline fill="none" stroke="%s" stroke-width="%g" points="%s"/>'):format(colour, width,
    table.concat(points, " "))
end

local function svg(height, title, parts)
  return ('<svg viewBox="0 0 %d %d" role="img" aria-label="%s">%s</svg>'):format(WIDTH, height, escape(title),
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
    text(LEFT - 6, TOP + 10, "end", show(high)), text(LEFT - 6, HEIGHT - BOTTOM, "end", show(low)),
    text((LEFT + WIDTH) / 2, HEIGHT - 8, "middle", x_label),
  }
end

-- Draws the objective over steps of each configuration's first reporting trial, the best ones last, on top.
local function learning_curves(summary)
  local name, trials, by_key = summary.sweep.objective.name, {}, {}
  for _, result in ipairs(summary.results) do
    local key = require("moonbow.sweep.space").canonical(result.config)
    if #(result.reports or {}) > 1 and not by_key[key] then by_key[key] = result end
  end
  for rank, item in ipairs(summary.configurations) do
    local result = by_key[item.key]
    if result and #trials < MOST_CURVES then trials[#trials + 1] = { rank = rank, result = result } end
  end
  local low, high, last = math.huge, -math.huge, 0
  for _, trial in ipairs(trials) do
    for _, report in ipairs(trial.result.reports) do
      local value = tonumber(report.metrics[name])
      if value then low, high, last = math.min(low, value), math.max(high, value), math.max(last, report.step) end
    end
  end
  if low > high then return "" end
  local x, y = scale(0, last, LEFT, WIDTH - RIGHT), scale(low, high, HEIGHT - BOTTOM, TOP)
  local parts = { axes(("step, 0 to %s"):format(show(last)), low, high) }
  for i = #trials, 1, -1 do
    local points = {}
    for _, report in ipairs(trials[i].result.reports) do
      local value = tonumber(report.metrics[name])
      if value then points[#points + 1] = ("%.1f,%.1f"):format(x(report.step), y(value)) end
    end
    parts[#parts + 1] = line(points, colour_of(trials[i].rank, #summary.configurations), i == 1 and 2.5 or 1)
  end
  return ("<h2>Learning curves</h2><p>%s over the steps that trials reported, a line for the first seed of each of "
    .. "%d configurations, the best in the strongest blue.</p>"):format(escape(name), #trials)
    .. svg(HEIGHT, "learning curves", parts)
end

-- Draws the mean of each level of a factor, with its 95 % interval from the spread between seeds and configurations.
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
    rows[i] = { name = show(key), mean = mean, low = mean - half, high = mean + half }
  end
  return rows
end

local MOST_LEVELS = 24

local function effect_figure(summary, factor)
  if #factor.levels > MOST_LEVELS or #factor.levels < 2 then return "" end
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
  parts[#parts + 1] = text(200, height - 4, "middle", show(low)) .. text(WIDTH - 60, height - 4, "middle", show(high))
  return ("<h3>%s</h3>"):format(escape(factor.name)) .. svg(height, factor.name, parts)
end

local END_ROOM = 100 -- for the figures beside the last axis

-- Returns the vertical axis of an entry of the space at x: a function from its values to y, and the drawing, with the
-- values of a choice or the ends of a range.
local function axis_of(name, entry, x)
  local first, last, labels, index = HEIGHT - BOTTOM, TOP + 10, {}, {}
  local y = scale(0, 1, first, last)
  local function label(value, at) labels[#labels + 1] = text(x + 6, at - 3, "start", show(value)) end
  if entry.kind == "choice" then
    y = scale(1, #entry.values, first, last)
    for i, value in ipairs(entry.values) do
      index[value] = i
      if #entry.values <= MOST_LEVELS / 2 or i == 1 or i == #entry.values then label(value, y(i)) end
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

-- Draws one vertical axis per name, the objective last, and a line per configuration, the worst first.
local function parallel(summary)
  local names, list = {}, {}
  for _, name in ipairs(summary.sweep.space.names) do names[#names + 1] = name end
  for rank, item in ipairs(summary.configurations) do
    if item.mean then list[#list + 1] = { rank = rank, item = item } end
  end
  if #list < 2 or #names < 2 then return "" end
  local every = math.max(1, math.ceil(#list / MOST_LINES))
  local place, parts = {}, {}
  local function at(c) return LEFT + (c - 1) / #names * (WIDTH - LEFT - END_ROOM) end
  for c, name in ipairs(names) do
    place[c], parts[c] = axis_of(name, summary.sweep.space.entries[name], at(c))
  end
  local low, high = list[1].item.mean, list[#list].item.mean
  local y = scale(math.min(low, high), math.max(low, high), HEIGHT - BOTTOM, TOP + 10)
  parts[#parts + 1] = text(at(#names + 1), HEIGHT - 24, "middle", summary.sweep.objective.name)
    .. text(at(#names + 1) + 6, TOP + 14, "start", show(math.max(low, high)))
    .. text(at(#names + 1) + 6, HEIGHT - BOTTOM, "start", show(math.min(low, high)))
  for i = #list, 1, -1 do
    if i % every == 0 or i == 1 then
      local points = {}
      for c, name in ipairs(names) do
        local value = list[i].item.config[name]
        if value ~= nil then points[#points + 1] = ("%.1f,%.1f"):format(at(c), place[c](value)) end
      end
      points[#points + 1] = ("%.1f,%.1f"):format(at(#names + 1), y(list[i].item.mean))
      parts[#parts + 1] = line(points, colour_of(list[i].rank, #list), i == 1 and 2.5 or 1)
    end
  end
  return "<h2>All configurations at a glance</h2><p>A line for each configuration"
    .. (every > 1 and (", one in %d shown"):format(every) or "")
    .. "; the best is the thick one. Choices stand in their order, ranges on their scale.</p>"
    .. svg(HEIGHT, "parallel coordinates", parts)
end

-- ---- sections ----

local function overview(summary)
  local sweep, counts, parts = summary.sweep, summary.counts, {}
  for _, status in ipairs { "done", "stopped", "failed", "timeout", "memory", "killed" } do
    if counts[status] then parts[#parts + 1] = ("%d %s"):format(counts[status], status) end
  end
  local seconds = 0
  for _, result in ipairs(summary.results) do seconds = seconds + (result.seconds or 0) end
  return ("<h1>%s</h1><p>%d trials of %d configurations: %s; %s of computing. Objective: %s, %s is better. "
    .. "Version %s.</p>"):format(escape(sweep.name), #summary.results, #summary.configurations,
    table.concat(parts, ", "), progress.show_time(seconds), escape(sweep.objective.name),
    sweep.objective.minimize and "smaller" or "larger", sweep.version)
end

-- Shows shares of the variance, for grids.
local function variance_table(summary)
  local variance, rows, above, figures = summary.variance, {}, {}, {}
  for i, factor in ipairs(variance.factors) do
    rows[i] = { factor.name, ("%.1f %%"):format(100 * factor.share), show_p(factor.corrected) }
    if factor.share > variance.seed and (factor.corrected or 1) < LEVEL then above[#above + 1] = factor.name end
    figures[i] = effect_figure(summary, factor)
  end
  rows[#rows + 1] = { "interactions and the rest", ("%.1f %%"):format(100 * variance.rest), "" }
  rows[#rows + 1] = { "the seed alone", ("%.1f %%"):format(100 * variance.seed), "" }
  local verdict = #above == 0 and "<b>No factor explains more than the seed does.</b>"
    or ("<b>More than the seed: %s.</b>"):format(escape(table.concat(above, ", ")))
  return "<p>" .. verdict .. " Shares of the variance of " .. escape(summary.sweep.objective.name)
    .. " (analysis of variance, omega squared); p of each factor against the spread between seeds, corrected for their "
    .. "number.</p>" .. html_table({ "factor", "share", "p" }, rows, 1)
    .. ("<p class=\"soft\">Mean of each value, with its 95 %% interval (factors with up to %d values):</p>"):format(
      MOST_LEVELS) .. table.concat(figures)
end

-- Shows what distinguishes the best configurations, if values rarely repeat.
local function importance_table(summary)
  local rows, sure = {}, {}
  for i, factor in ipairs(summary.importance) do
    rows[i] = { factor.name, ("%.0f %%"):format(100 * factor.importance), show_p(factor.corrected) }
    if factor.corrected < LEVEL then sure[#sure + 1] = factor.name end
  end
  local verdict = #sure == 0 and "<b>No factor tells the best configurations from the others.</b>"
    or ("<b>What tells the best: %s.</b>"):format(escape(table.concat(sure, ", ")))
  local seed = summary.variance and (" The seed alone makes %.1f %% of the variance."):format(
    100 * summary.variance.seed) or ""
  return "<p>" .. verdict .. seed .. " How much each factor tells the best fifth from all (PED-ANOVA), their sum being "
    .. "100 %; p by shuffling, corrected for their number.</p>"
    .. html_table({ "factor", "importance", "p" }, rows, 1)
end

local function importance(summary)
  local body
  if summary.importance then
    body = importance_table(summary)
  elseif summary.variance and summary.sweep.strategy[1] == "grid" then
    body = variance_table(summary)
  else
    body = "<p>Too few configurations, or seeds, have results: nothing can be said.</p>"
  end
  return "<h2>What matters</h2>" .. body
end

local function ranking(summary)
  local heading, rows = { "rank" }, {}
  for _, name in ipairs(summary.sweep.space.names) do heading[#heading + 1] = name end
  for _, name in ipairs { summary.sweep.objective.name, "seeds", "difference to the best", "p" } do
    heading[#heading + 1] = name
  end
  for rank, item in ipairs(summary.configurations) do
    if rank > MOST_ROWS then break end
    local row, difference = { rank }, item.difference or {}
    for c, name in ipairs(summary.sweep.space.names) do row[1 + c] = show(item.config[name]) end
    local at = 1 + #summary.sweep.space.names
    row[at + 1], row[at + 2] = item.mean and show_mean(item) or "no result", item.n
    row[at + 3] = difference.mean and show_mean(difference) or ""
    row[at + 4] = show_p(difference.corrected)
    rows[#rows + 1] = row
  end
  local rest = #summary.configurations - #rows
  return "<h2>Configurations</h2><p>Mean and standard deviation over seeds; the difference to the best is paired by "
    .. "seed, p by the paired t-test, corrected for the number of comparisons (Holm)."
    .. (rest > 0 and (" %d more are in trials.csv."):format(rest) or "") .. "</p>" .. html_table(heading, rows, 0)
end

local function failures(summary)
  local rows = {}
  for _, result in ipairs(summary.results) do
    if result.status ~= "done" and result.status ~= "stopped" and #rows < MOST_FAILED then
      rows[#rows + 1] = { result.id, result.seed, result.status, (result.reason or ""):match "^[^\n]*":sub(1, 200) }
    end
  end
  if #rows == 0 then return "" end
  return "<h2>Trials without a result</h2>" .. html_table({ "trial", "seed", "status", "reason" }, rows, 4)
end

local function early_stops(summary)
  if summary.stopped == 0 then return "" end
  local flat = summary.flat > 0 and (" <b>%d of them had not begun to improve: configurations that start late may be "
    .. "among them; a larger first step of the strategy would show it.</b>"):format(summary.flat) or ""
  return ("<p>%d trials were stopped early.%s</p>"):format(summary.stopped, flat)
end

local function code(best)
  if not best then return "" end
  return "<h2>The best configuration</h2><pre>" .. escape_lines(best) .. "</pre>"
end

--- Returns the page.
-- @param summary from collect.summary
-- @param best Lua code of the best configuration, or nil
function page.html(summary, best)
  return table.concat { '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1"><title>', escape(summary.sweep.name),
    "</title><style>", style, "</style></head><body>", overview(summary), early_stops(summary), importance(summary),
    ranking(summary), learning_curves(summary), parallel(summary),
    code(best), failures(summary),
    "</body></html>\n" }
end

return page
