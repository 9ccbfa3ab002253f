--- The scoreboard of several experiments as one self-contained HTML page.
local html = require "moonbow.page"
local progress = require "moonbow.progress"
local verdict = require "moonbow.experiment.verdict"

local page, escape = {}, html.escape

local style = [[
.board tr:not(.first) td, .board .first td:not([rowspan]) { border-bottom-style: dotted; }
.verdict { font-weight: 600; } .holds { color: #00664c; } .part { color: #8a5a00; }
.not { color: #a33b00; } .open { color: var(--soft); }
@media (max-width: 40rem) {
  .board thead { display: none; } .board tr { display: block; padding: .2rem 0; }
  .board .first { border-top: 1px solid var(--line); margin-top: .6rem; padding-top: .6rem; }
  .board td { display: block; border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  .board td[data-label]:not(:empty)::before { content: attr(data-label) ": "; color: var(--soft); }
}
]]

local classes = { holds = "holds", ["holds in part"] = "part", ["does not hold here"] = "not" }

-- Formats numbers as in a table, 0.9534 or 12.
local function show(value)
  return math.type(value) == "float" and ("%.4g"):format(value) or tostring(value)
end

local function show_verdict(results)
  return ('<span class="verdict %s">%s</span>'):format(classes[results.verdict] or "open", escape(results.verdict))
end

local function figure_named(results, name)
  for _, figure in ipairs(results.measured) do
    if figure.name == name then return figure end
  end
end

--- Returns the figures of an experiment on the scoreboard, at most six: those with a published one, else those that
-- the rules compare.
function page.headlines(results)
  local chosen, seen = {}, {}
  local function choose(figure)
    if figure and not seen[figure] and #chosen < 6 then chosen[#chosen + 1], seen[figure] = figure, true end
  end
  for _, figure in ipairs(results.measured) do
    if figure.published then choose(figure) end
  end
  if #chosen > 0 then return chosen end
  for _, rule in ipairs(results.rules) do
    choose(figure_named(results, rule.figure))
    choose(figure_named(results, rule.above or rule.below)) -- no figure if the limit is a number
  end
  return chosen
end

-- Returns the rows of an experiment, one for each of its headlines; claim, ceiling and verdict span them.
local function board_rows(results)
  local rows, chosen = {}, page.headlines(results)
  local function spanning(attributes, content)
    return ('<td rowspan="%d"%s>%s</td>'):format(#chosen, attributes, content)
  end
  for i, figure in ipairs(chosen) do
    rows[i] = table.concat {
      i == 1 and '<tr class="first">' or "<tr>",
      i == 1 and spanning("", ('<a href="#%s">%s</a>'):format(escape(results.name), escape(results.claim))) or "",
      "<td>", escape(figure.name), '</td><td class="number" data-label="published">',
      figure.published and show(figure.published) or "", '</td><td class="number" data-label="measured">',
      verdict.show_spread(figure.values), "</td>",
      i == 1 and spanning(' class="number" data-label="ceiling"',
        results.ceiling and ("%.3f"):format(results.ceiling) or "") .. spanning("", show_verdict(results)) or "",
      "</tr>",
    }
  end
  return table.concat(rows, "\n")
end

local function scoreboard(all)
  local parts = {}
  for i, results in ipairs(all) do parts[i] = board_rows(results) end
  return '<table class="board"><thead><tr><th>Claim</th><th>Figure</th><th class="number">Published</th>'
    .. '<th class="number">Measured, mean ± sd</th><th class="number">Ceiling</th><th>Verdict</th></tr></thead><tbody>'
    .. table.concat(parts, "\n") .. "</tbody></table>"
end

-- Returns the drawing for the page: without its prolog, and with names that no other drawing has.
local function inline(svg, prefix)
  svg = svg:match "<svg.*</svg>" or ""
  local function named(before) return before .. prefix .. "-" end
  return (svg:gsub("id=[\"']", named):gsub("href=[\"']#", named):gsub("url%(#", named))
end

local function rules(results)
  local items = {}
  for i, rule in ipairs(results.rules) do
    items[i] = ("<li><b>%s</b>: %s</li>"):format(escape(rule.answer), escape(rule.text))
  end
  return "<ul>" .. table.concat(items, "\n") .. "</ul>"
end

local function measured(results)
  local rows = {}
  for i, figure in ipairs(results.measured) do
    rows[i] = { figure.name, verdict.show_spread(figure.values), figure.published and show(figure.published) or nil,
      #figure.values }
  end
  return "<details><summary>All that was measured</summary>"
    .. html.table({ "Figure", "mean ± sd", "published", "n" }, rows, 1) .. "</details>"
end

local function settings(results)
  local parts = {}
  for name, value in pairs(results.settings) do parts[#parts + 1] = name .. " " .. show(value) end
  table.sort(parts)
  return escape(("%s%d seed%s from %d; %s; %d thread%s; %s; %s"):format(results.quick and "quick run; " or "",
    results.seeds, results.seeds > 1 and "s" or "", results.first_seed, table.concat(parts, ", "), results.threads,
    results.threads > 1 and "s" or "", progress.show_time(results.seconds), results.written))
end

local function section(results, read_figure)
  local figures = {}
  for i, name in ipairs(results.figures) do
    figures[i] = inline(read_figure(results, name) or "", ("%s-%d"):format(escape(results.name), i))
  end
  return ('<section id="%s"><h2>%s</h2><p>%s · experiments/%s.lua</p>%s%s%s<p class="soft">%s</p></section>'):format(
    escape(results.name), escape(results.claim), show_verdict(results), escape(results.name), rules(results),
    table.concat(figures, "\n"), measured(results), settings(results))
end

local result_kinds = {
  name = "string", claim = "string", verdict = "string", rules = "table", measured = "table", seeds = "integer",
  first_seed = "integer", quick = "boolean", seconds = "number", settings = "table", threads = "integer",
  written = "string", figures = "table",
}

local function is_a(value, kind) return type(value) == kind or math.type(value) == kind end

local function are_all(list, kind)
  for _, value in pairs(list) do
    if not is_a(value, kind) then return false end
  end
  return true
end

local function is_figure(figure)
  return is_a(figure.name, "string") and is_a(figure.values, "table") and #figure.values > 0
    and are_all(figure.values, "number") and (figure.published == nil or is_a(figure.published, "number"))
end

--- True if a value from a file has the form of an experiment's results, as far as the page shows them
-- (docs/guide/5_experiments.md).
function page.is_result(value)
  if type(value) ~= "table" then return false end
  for name, kind in pairs(result_kinds) do
    if not is_a(value[name], kind) then return false end
  end
  if not (are_all(value.measured, "table") and are_all(value.rules, "table") and are_all(value.figures, "string")) then
    return false
  end
  for _, figure in ipairs(value.measured) do
    if not is_figure(figure) then return false end
  end
  for _, name in ipairs(value.figures) do
    if name:find("/", 1, true) then return false end
  end
  return value.ceiling == nil or is_a(value.ceiling, "number")
end

local how = [[<h2>How a verdict is found</h2><p>Every claim is a list of rules on measured figures. A rule is answered
yes or no where the 95 % interval of the mean over the seeds (Student's t) excludes its limit, and is undecided where it
does not or where there are fewer than three seeds. All yes: holds. All no: does not hold here. Some yes and some no:
holds in part. Otherwise: not decided by this many seeds. The ceiling is the best accuracy that any classifier can reach
on the data.</p>]]

--- Returns the page.
-- @param all a list of results, as docs/results.schema.json describes them
-- @param about lines for the head of the page, plain text
-- @param read_figure function(results, name): the text of an SVG, or nil
function page.render(all, about, read_figure)
  local body = { "<h1>Networks for spectra: the review, executed</h1><p>", escape(about), "</p>", scoreboard(all), how }
  for _, results in ipairs(all) do body[#body + 1] = section(results, read_figure) end
  return html.document("Networks for spectra: the review, executed", body, style)
end

return page
