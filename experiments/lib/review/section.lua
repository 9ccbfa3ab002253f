--- The section of one claim: sentence, condition, test, what came out, figures, what speaks against it, command.
local html = require "moonbow.page"
local progress = require "moonbow.progress"
local board = require "lib.review.board"
local claims = require "lib.review.claims"
local dots = require "lib.review.dots"
local estimates = require "lib.review.estimates"

local section = {}

local CHANCE = 0.5 -- the accuracy of guessing one of two classes
local LEGIBLE = 0.75 -- of the width for which a script draws a figure

local escape = html.escape

local function labelled(label, text)
  return text and ("<p><b>%s.</b> %s</p>"):format(label, escape(text)) or ""
end

local answers = { yes = "Yes", no = "No", undecided = "Undecided" }

-- "0.960 (0.954 to 0.966)", and what it is compared with.
local function measured_of(results, rule)
  local figure = estimates.measured(results, rule.figure)
  local other = estimates.measured(results, rule.above or rule.below)
  if not figure then return "" end
  return ("%s: %s%s"):format(figure.name, estimates.text(figure.values), other
    and ("; %s: %s"):format(other.name, estimates.text(other.values)) or "")
end

-- "--trained 13": the options by which a rule that is undecided would be decided, if mean and spread stay; nil if that
-- cannot be said. Where not every seed has a value, another option than --seeds counts them.
local function deciding_options(results, rule)
  local needed, figure = estimates.seeds_needed(results, rule), estimates.measured(results, rule.figure)
  if not needed or needed <= #figure.values then return nil end
  local has_all = #figure.values == results.seeds
  local counter = not has_all and claims[results.name] and claims[results.name].counter
  if not has_all and not (counter and results.settings[counter] == #figure.values) then return nil end
  local seeds = (has_all or needed > results.seeds) and ("--seeds %d "):format(needed) or ""
  return ((seeds .. (counter and ("--%s %d"):format(counter, needed) or "")):gsub(" $", ""))
end

local function rules(results)
  local items = {}
  for i, rule in ipairs(results.rules) do
    local deciding = rule.answer == "undecided" and not results.quick and deciding_options(results, rule)
    local answer = results.quick and "Not decided" or answers[rule.answer] or rule.answer
    local more = deciding and (" With this mean and spread <code>%s</code> would decide it."):format(deciding) or ""
    items[i] = ('<li><b>%s</b>: %s. <span class="soft">%s.%s</span></li>'):format(escape(answer), escape(rule.text),
      escape(measured_of(results, rule)), more)
  end
  return "<ul>" .. table.concat(items, "\n") .. "</ul>"
end

local function about_axis(spec, from, is_cut)
  local begins = spec.from ~= CHANCE and "" or from == CHANCE and " The axis begins at chance."
    or (" The axis begins at %.3g, the dashed line is chance."):format(from)
  return begins .. (is_cut and " An arrow: the interval goes on beyond the axis." or "")
end

local function drawn(results, claim)
  local parts = {}
  for _, spec in ipairs(claim and claim.dots or {}) do
    local svg, from, is_cut = dots.draw(spec, results)
    if svg then
      parts[#parts + 1] = ("<figure>%s<figcaption>%s%s Bars are 95 %% intervals%s.</figcaption></figure>"):format(svg,
        escape(spec.caption), about_axis(spec, from, is_cut), results.quick and ", for three seeds or more" or "")
    end
  end
  return table.concat(parts, "\n")
end

-- "Accuracy over stride: Pooling costs the position of a peak": the name of the file in words, and the claim.
local function caption_of(results, name)
  return (name:gsub("_", " "):gsub("^%l", string.upper)) .. ": " .. results.claim
end

-- A figure that the experiment drew, as it is, and so wide that its letters are legible; on a phone it scrolls.
local function own_figure(results, name, svg)
  if svg == "" then
    return ("<p>%s.svg is missing, or is no drawing; <code>--fresh</code> draws it again.</p>"):format(escape(name))
  end
  local width = tonumber(svg:match "width=[\"'](%d+)" or "") or 640
  return ('<figure><div class="wide"><div style="min-width:%.0fpx;max-width:%.0fpx">%s</div></div>'
    .. "<figcaption>%s</figcaption></figure>"):format(LEGIBLE * width, width, svg, escape(caption_of(results, name)))
end

local function own_figures(results, read_figure)
  local parts = {}
  for i, name in ipairs(results.figures) do
    local svg = html.drawing(read_figure(results, name) or "", ("%s-%d"):format(escape(results.name), i),
      caption_of(results, name))
    parts[i] = (results.quick and '<p class="quick">Quick run: decides nothing</p>' or "") .. own_figure(results, name,
      svg)
  end
  if #parts == 0 then return "" end
  return '<details class="drawn"><summary>The figures of the script</summary><p>As the script drew them. Error bars, '
    .. "where there are any, are standard deviations over the seeds, not the 95 % intervals of the figures above.</p>"
    .. table.concat(parts, "\n") .. "</details>" .. '<p class="on_paper always">The figures of the script are in '
    .. "review.html, which this was printed from.</p>"
end

local function measured(results)
  local heading, rows, sources = { "Figure", "mean (95 % interval)" }, {}, board.sources_of { results }
  for _, source in ipairs(sources) do heading[#heading + 1] = source[2]:lower() end
  for i, figure in ipairs(results.measured) do
    rows[i] = { figure.name, estimates.text(figure.values) }
    for k, source in ipairs(sources) do
      rows[i][2 + k] = figure[source[1]] and board.show(figure[source[1]]) or nil
    end
  end
  return '<p class="on_paper">The table of all figures is in review.html, which this was printed from.</p>'
    .. '<details class="all"><summary>All that was measured</summary>' .. html.table(heading, rows, 1) .. "</details>"
end

local function settings(results)
  local parts = {}
  for name, value in pairs(results.settings) do parts[#parts + 1] = name .. " " .. board.show(value) end
  table.sort(parts)
  return escape(("%s%d seed%s from %d; %s; %d thread%s; %s; %s"):format(results.quick and "quick run; " or "",
    results.seeds, results.seeds > 1 and "s" or "", results.first_seed, table.concat(parts, ", "), results.threads,
    results.threads > 1 and "s" or "", progress.show_time(results.seconds), results.written))
end

-- The options that differ from the script's own; results of older versions do not say which.
local function options_of(results)
  local options = results.options or results.quick and "--quick" or ""
  return options ~= "" and " " .. escape(options) or ""
end

local function heading(results, claim)
  local kind = claim and (claim.number and ("Claim %d. "):format(claim.number) or "Our own question. ") or ""
  return ('<h2>%s%s</h2>'):format(kind, escape(results.claim))
end

--- The section of an experiment.
-- @param read_figure function(results, name): the text of an SVG, or nil
function section.of(results, read_figure)
  local claim, of_full = claims[results.name], results.quick and " of the full run" or ""
  return table.concat({
    ('<section id="%s">'):format(escape(results.name)), heading(results, claim),
    claim and labelled(claim.number and "The talk" or "The question", claim.says) or "",
    claim and labelled("Condition" .. of_full, claim.condition) or "",
    claim and labelled("Test" .. of_full, claim.tested) or "",
    ("<p><b>What came out.</b> %s</p>"):format(board.verdict(results)),
    rules(results), drawn(results, claim),
    claim and labelled("What speaks against it, by the full runs so far", claim.against) or "",
    claim and not results.quick and labelled("Figures of others", claim.others) or "",
    ("<p><b>Command.</b> <code>lua experiments/%s.lua%s</code></p>"):format(escape(results.name), options_of(results)),
    own_figures(results, read_figure), measured(results),
    ('<p class="soft">%s</p></section>'):format(settings(results)),
  }, "\n")
end

section.style = [[
figure { margin: 1rem 0; } figcaption { color: var(--soft); font-size: .9rem; max-width: 32rem; }
code { overflow-wrap: anywhere; } .drawn svg { margin: 0; }
dt { font-weight: 600; } dd { margin: 0 0 .5rem 1.5rem; max-width: 46rem; } .data { max-width: 32rem; }
.on_paper { display: none; color: var(--soft); }
@media print {
  details { display: none; } h3 { break-after: avoid; } .on_paper { display: block; }
  @supports selector(::details-content) { /* prints a closed table */
    .on_paper:not(.always) { display: none; } details.all { display: block; }
    details.all::details-content { content-visibility: visible; display: block; }
  }
  .all th, .all td { padding-top: 0; padding-bottom: 0; }
  .dots, .network, .data svg { max-height: none; max-width: 11cm; }
}
]]

return section
