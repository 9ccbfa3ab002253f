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

local function is_known(figure)
  for _, source in ipairs(board.sources) do
    if figure[source[1]] then return true end
  end
  return false
end

--- Returns the figures of an experiment on the scoreboard, at most six: those of which others had one, else those that
-- the rules compare.
function board.headlines(results)
  local chosen, seen = {}, {}
  local function choose(figure)
    if figure and not seen[figure] and #chosen < MOST then chosen[#chosen + 1], seen[figure] = figure, true end
  end
  for _, figure in ipairs(results.quick and {} or results.measured) do
    if is_known(figure) then choose(figure) end
  end
  if #chosen > 0 then return chosen end
  for _, rule in ipairs(results.rules) do
    choose(estimates.measured(results, rule.figure))
    choose(estimates.measured(results, rule.above or rule.below)) -- no figure if the limit is a number
  end
  return chosen
end

local function cell(label, content)
  return ('<td class="number" data-label="%s">%s</td>'):format(label, content)
end

-- Figures of others as cells; none in a quick run, which does not compare.
local function others(figure, is_quick)
  local cells = {}
  for i, source in ipairs(is_quick and {} or board.sources) do
    cells[i] = cell(source[2]:lower(), figure[source[1]] and board.show(figure[source[1]]) or "")
  end
  return table.concat(cells)
end

-- Returns the rows of an experiment, one for each of its headlines; claim and verdict span them.
local function rows_of(results, is_quick)
  local rows, chosen = {}, board.headlines(results)
  local function spanning(content) return ('<td rowspan="%d">%s</td>'):format(#chosen, content) end
  for i, figure in ipairs(chosen) do
    rows[i] = table.concat {
      i == 1 and '<tr class="first">' or "<tr>",
      i == 1 and spanning(('<a href="#%s">%s</a>'):format(html.escape(results.name), html.escape(results.claim))) or "",
      "<td>", html.escape(figure.name), "</td>", others(figure, is_quick),
      cell("measured", html.escape(estimates.text(figure.values))), i == 1 and spanning(board.verdict(results)) or "",
      "</tr>",
    }
  end
  return table.concat(rows, "\n")
end

--- The table of all results.
-- @param is_quick true: without the figures of others
function board.table(all, is_quick)
  local parts, headings = {}, {}
  for i, results in ipairs(all) do parts[i] = rows_of(results, is_quick) end
  for i, source in ipairs(is_quick and {} or board.sources) do
    headings[i] = ('<th class="number">%s</th>'):format(source[2])
  end
  return '<table class="board"><thead><tr><th>Claim</th><th>Figure</th>' .. table.concat(headings)
    .. '<th class="number">Measured (95 % interval)</th><th>Verdict</th></tr></thead><tbody>'
    .. table.concat(parts, "\n") .. "</tbody></table>"
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
@media print { .board tr { break-inside: auto; } } /* a claim spans many rows */
]]

return board
