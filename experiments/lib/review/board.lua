--- The scoreboard of the review: a row for each headline of each claim.
local html = require "moonbow.page"
local estimates = require "lib.review.estimates"
local verdict = require "moonbow.experiment.verdict"

local board = {}

local MOST = 6

--- The sources of figures of others, and their headings.
board.sources = { { "talk", "Talk" }, { "published", "Publication" }, { "trial", "Our trial" } }

local classes = { holds = "holds", ["holds in part"] = "part", ["does not hold here"] = "not" }

--- A number as in a table, 0.9534 or 12.
function board.show(value)
  return math.type(value) == "float" and ("%.4g"):format(value) or tostring(value)
end

--- The verdict in words; of a quick run none, whatever a results.json of an older version says.
function board.verdict_text(results)
  return results.quick and results.verdict ~= "no rules" and verdict.OF_QUICK or results.verdict
end

--- The verdict, coloured.
function board.verdict(results)
  local text = board.verdict_text(results)
  return ('<span class="verdict %s">%s</span>'):format(classes[text] or "open", html.escape(text))
end

local function is_compared(results, figure)
  for _, source in ipairs(results.quick and {} or board.sources) do
    if figure[source[1]] then return true end
  end
  return false
end

--- Returns the figures of an experiment on the scoreboard, at most six: those that the rules compare, first of which
-- others had one too; then others of which others had one.
function board.headlines(results)
  local chosen, seen, deciding = {}, {}, {}
  local function choose(figure)
    if figure and not seen[figure] and #chosen < MOST then chosen[#chosen + 1], seen[figure] = figure, true end
  end
  for _, rule in ipairs(results.rules) do
    deciding[#deciding + 1] = estimates.measured(results, rule.figure)
    deciding[#deciding + 1] = estimates.measured(results, rule.above or rule.below) -- none if the limit is a number
  end
  for _, figure in ipairs(deciding) do
    if is_compared(results, figure) then choose(figure) end
  end
  for _, figure in ipairs(deciding) do choose(figure) end
  for _, figure in ipairs(results.measured) do
    if is_compared(results, figure) then choose(figure) end
  end
  return chosen
end

--- The sources of figures of others that stand beside some figure of full runs; a quick run is compared with nothing.
-- @param all list of results
function board.sources_of(all)
  local list = {}
  for _, source in ipairs(board.sources) do
    local has_any = false
    for _, results in ipairs(all) do
      for _, figure in ipairs(results.quick and {} or results.measured) do has_any = has_any or figure[source[1]] end
    end
    if has_any then list[#list + 1] = source end
  end
  return list
end

local function cell(label, content)
  return ('<td class="number" data-label="%s">%s</td>'):format(label, content)
end

-- Figures of others as cells, which are empty in a quick run.
local function others(results, figure, sources)
  local cells = {}
  for i, source in ipairs(sources) do
    local value = not results.quick and figure[source[1]]
    cells[i] = cell(source[2]:lower(), value and board.show(value) or "")
  end
  return table.concat(cells)
end

local function rows_of(results, sources)
  local rows, chosen = {}, board.headlines(results)
  local function spanning(content) return ('<td rowspan="%d">%s</td>'):format(#chosen, content) end
  for i, figure in ipairs(chosen) do
    rows[i] = table.concat {
      i == 1 and '<tr class="first">' or "<tr>",
      i == 1 and spanning(('<a href="#%s">%s</a>'):format(html.escape(results.name), html.escape(results.claim))) or "",
      "<td>", html.escape(figure.name), "</td>", others(results, figure, sources),
      cell("measured", html.escape(estimates.text(figure.values))), i == 1 and spanning(board.verdict(results)) or "",
      "</tr>",
    }
  end
  return "<tbody>" .. table.concat(rows, "\n") .. "</tbody>" -- of its own: a printed page does not break inside
end

--- The table of all results, with a column for each source of figures of others that has any.
function board.table(all)
  local parts, headings, sources = {}, {}, board.sources_of(all)
  for i, results in ipairs(all) do parts[i] = rows_of(results, sources) end
  for i, source in ipairs(sources) do headings[i] = ('<th class="number">%s</th>'):format(source[2]) end
  return '<table class="board"><thead><tr><th>Claim</th><th>Figure</th>' .. table.concat(headings)
    .. '<th class="number">Measured (95 % interval)</th><th>Verdict</th></tr></thead>'
    .. table.concat(parts, "\n") .. "</table>"
end

board.style = [[
.board tr:not(.first) td, .board .first td:not([rowspan]) { border-bottom-style: dotted; }
.verdict { font-weight: 600; } .holds { color: #00664c; } .part { color: #8a5a00; }
.not { color: #a33b00; } .open { color: var(--soft); } .board .number { white-space: normal; }
@media (max-width: 40rem) {
  .board thead { display: none; } .board tr { display: block; padding: .2rem 0; }
  .board .first { border-top: 1px solid var(--line); margin-top: .6rem; padding-top: .6rem; }
  .board td { display: block; border: 0; padding: .1rem 0; text-align: left; white-space: normal; }
  .board .number { text-align: left; }
  .board td[data-label]:not(:empty)::before { content: attr(data-label) ": "; color: var(--soft); }
}
.board tbody { break-inside: avoid; }
]]

return board
