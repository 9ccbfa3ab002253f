--- The results of a sweep as one self-contained HTML page.
local figures = require "moonbow.sweep.figures"
local html = require "moonbow.page"
local progress = require "moonbow.progress"
local words = require "moonbow.sweep.words"

local page, escape = {}, html.escape

local LEVEL = 0.01 -- p below which a page names a factor: one page in 100 with only noise names one
local MOST_ROWS, MOST_FAILED = 300, 50

local style = [[
svg { max-width: 46rem; } svg polyline { vector-effect: non-scaling-stroke; }
svg text { font: 12px system-ui, sans-serif; fill: var(--ink); paint-order: stroke; stroke: #fff; stroke-width: 4px; }
@media (max-width: 40rem) { svg text { font-size: 20px; } }
]]

local function show_mean(item)
  return item.sd and ("%s ± %.2g"):format(words.cell(item.mean), item.sd) or words.cell(item.mean)
end

local function show_p(p) return not p and "" or p < 0.001 and "< 0.001" or ("%.3f"):format(p) end

local function overview(summary)
  local sweep, seconds = summary.sweep, 0
  for _, result in ipairs(summary.results) do seconds = seconds + (result.seconds or 0) end
  local unplanned = words.unplanned(summary.unplanned)
  return ("<h1>%s</h1><p>%d trials of %d configurations%s: %s; %s of computing. Objective: %s, %s is better. "
    .. "Version %s.</p>"):format(escape(sweep.name), #summary.results, #summary.configurations,
    unplanned and (" (%s)"):format(unplanned) or "", words.counts(summary.counts), progress.show_time(seconds),
    escape(sweep.objective.name), sweep.objective.minimize and "smaller" or "larger", sweep.version)
end

-- Shows shares of the variance, for grids.
local function variance_table(summary)
  local variance, rows, above, drawings = summary.variance, {}, {}, {}
  for i, factor in ipairs(variance.factors) do
    rows[i] = { factor.name, ("%.1f %%"):format(100 * factor.share), show_p(factor.corrected) }
    if factor.share > variance.seed and (factor.corrected or 1) < LEVEL then above[#above + 1] = factor.name end
    local drawing = figures.effect(summary, factor)
    drawings[i] = drawing and ("<h3>%s</h3>"):format(escape(factor.name)) .. drawing or ""
  end
  rows[#rows + 1] = { "interactions and the rest", ("%.1f %%"):format(100 * variance.rest), "" }
  rows[#rows + 1] = { "the seed alone", ("%.1f %%"):format(100 * variance.seed), "" }
  local verdict = not variance.varies and "<b>No value varies with the seed: nothing is known of chance, and no factor "
    .. "has a p.</b>" or #above == 0 and "<b>No factor explains more than the seed does.</b>"
    or ("<b>More than the seed: %s.</b>"):format(escape(table.concat(above, ", ")))
  return "<p>" .. verdict .. " Shares of the variance of " .. escape(summary.sweep.objective.name)
    .. " (analysis of variance, omega squared); p of each factor against the spread between seeds, corrected for their "
    .. "number.</p>" .. html.table({ "factor", "share", "p" }, rows, 1)
    .. ("<p class=\"soft\">Mean of each value, with its 95 %% interval (factors with up to %d values):</p>"):format(
      figures.MOST_LEVELS) .. table.concat(drawings)
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
    .. html.table({ "factor", "importance", "p" }, rows, 1)
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
  local names, rows = summary.sweep.space.names, {}
  local heading = { "rank", summary.sweep.objective.name, "seeds" }
  table.move(names, 1, #names, #heading + 1, heading)
  table.move({ "difference to the best", "p" }, 1, 2, #heading + 1, heading)
  for rank = 1, math.min(MOST_ROWS, #summary.configurations) do
    local item = summary.configurations[rank]
    local row, difference = { rank, item.mean and show_mean(item) or "no result", item.n }, item.difference or {}
    for c, name in ipairs(names) do row[3 + c] = words.cell(item.config[name]) end
    row[#heading - 1], row[#heading] = difference.mean and show_mean(difference) or "", show_p(difference.corrected)
    rows[rank] = row
  end
  local rest = #summary.configurations - #rows
  return "<h2>Configurations</h2><p>Mean and standard deviation over seeds; the difference to the best is paired by "
    .. "seed, p by the paired t-test, corrected for the number of pairs of configurations (Holm), since the best is "
    .. "chosen by the same values."
    .. (rest > 0 and (" %d more are in trials.csv."):format(rest) or "") .. "</p>" .. html.table(heading, rows, 0)
end

local function learning_curves(summary)
  local drawing, count = figures.learning_curves(summary)
  if not drawing then return "" end
  return ("<h2>Learning curves</h2><p>%s over the steps that trials reported, a line for the first seed of each of "
    .. "%d configurations, the best in the strongest blue.</p>"):format(escape(summary.sweep.objective.name), count)
    .. drawing
end

local function parallel(summary)
  local drawing, every = figures.parallel(summary)
  if not drawing then return "" end
  return "<h2>All configurations at a glance</h2><p>A line for each configuration"
    .. (every > 1 and (", one in %d shown"):format(every) or "")
    .. "; the best is the thick one. Choices stand in their order, ranges on their scale.</p>" .. drawing
end

local function failures(summary)
  local rows = {}
  for _, result in ipairs(summary.results) do
    if result.status ~= "done" and result.status ~= "stopped" and #rows < MOST_FAILED then
      rows[#rows + 1] = { result.id, result.seed, result.status, (result.reason or ""):match "^[^\n]*":sub(1, 200) }
    end
  end
  if #rows == 0 then return "" end
  return "<h2>Trials without a result</h2>" .. html.table({ "trial", "seed", "status", "reason" }, rows, 4)
end

local function early_stops(summary)
  if summary.stopped == 0 then return "" end
  local flat = summary.flat > 0 and (" <b>%d of them had not begun to improve: configurations that start late may be "
    .. "among them; a larger first step of the strategy would show it.</b>"):format(summary.flat) or ""
  return ("<p>%d trial%s stopped early.%s</p>"):format(summary.stopped,
    summary.stopped == 1 and " was" or "s were", flat)
end

local function code(best)
  if not best then return "" end
  return "<h2>The best configuration</h2><pre>" .. escape(best) .. "</pre>"
end

--- Returns the page.
-- @param summary from collect.summary
-- @param best Lua code of the best configuration, or nil
function page.html(summary, best)
  return html.document(summary.sweep.name, { overview(summary), early_stops(summary), importance(summary),
    ranking(summary), learning_curves(summary), parallel(summary), code(best), failures(summary) }, style)
end

return page
