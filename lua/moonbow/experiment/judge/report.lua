--- The report of a judgement as one self-contained HTML page.
local audits = require "moonbow.audit.report"
local check = require "moonbow.check"
local core = require "moonbow.core"
local html = require "moonbow.page"
local tables = require "moonbow.experiment.judge.tables"
local counts = require "moonbow.experiment.confusion"

local MOST_BANDS, MOST_UNLIKE = 5, 30

local style = [[
svg { max-width: 34rem; } .wide { max-width: 62rem; }
.wide td:first-child { white-space: normal; min-width: 9rem; }
.verdict { font-size: 1.1rem; font-weight: 600; } .warning { border-left: 4px solid #a33b00; padding-left: .75rem; }
]]

local paragraph, drawing = html.paragraph, html.figure

local function predictions(found, figures)
  local outcome = found.outcome
  local where = found.parts and "on the test rows, by the pipeline fitted on the training rows"
    or "in the cross-validation, each by a model that has not seen the spectrum or its replicates"
  local heading, rows = tables.metrics(found)
  local body = { "<h2>Predictions</h2>", paragraph("Of the recommended pipeline, " .. where .. "."),
    html.table(heading, rows, 1),
    drawing(figures.predictions, "predictions") }
  if outcome.task == "class" then
    rows = counts.rows(outcome.confusion, found.names)
    body[#body + 1] = html.table(rows[1], table.move(rows, 2, #rows, 1, {}), 1)
  end
  return table.concat(body, "\n")
end

local function strongest(bands)
  local rows = {}
  for i, band in ipairs(bands:strongest(MOST_BANDS)) do
    rows[i] = { ("%.6g to %.6g"):format(band.low, band.high), ("%.3g"):format(band.growth) }
  end
  return rows
end

local function importance(found, figures)
  local what = found.outcome.task == "class" and "of the scores of the classes" or "of the prediction"
  return table.concat({ "<h2>Where the prediction comes from</h2>", paragraph(("How much the error %s (root mean "
    .. "square) grows if the values of a band of the prepared spectra are permuted among the test spectra. A band "
    .. "whose neighbours say the same shows little."):format(what)), drawing(figures.importance, "importance"),
    html.table({ "band", "growth of the error" }, strongest(found.bands), 1) }, "\n")
end

local function audit(found)
  local body, own_style = audits.body(found.audit)
  return table.concat({ ("<style>%s</style>"):format(own_style), "<h2>The network</h2>",
    paragraph(("What an audit says about the best network, %s, fitted on the spectra of one fold and tested on those "
      .. "that it has not seen: %s."):format(found.audited, audits.summary(found.audit)) .. (found.unknown > 0
      and (" Left out: %s of classes that these folds do not train on."):format(check.show_count(found.unknown,
        "spectrum", "spectra")) or "")), body }, "\n")
end

local function unlike(found, set)
  local names = {}
  for i, mark in ipairs(found.marks) do
    if mark then names[#names + 1] = set.names[found.rows[i]] end
  end
  local body = { "<h2>Spectra unlike the training spectra</h2>" }
  if #names == 0 then
    body[2] = paragraph "None lies beyond the limits of Hotelling's T2 or Q that 99 % of such spectra keep."
  else
    body[2] = paragraph(("%s beyond the limits of Hotelling's T2 or Q that 99 %% of spectra like the training ones "
      .. "keep: %s%s. Their predictions are less certain than the figures above."):format(
      check.show_count(#names, "spectrum lies", "spectra lie"), table.concat(names, ", ", 1,
        math.min(#names, MOST_UNLIKE)), #names > MOST_UNLIKE and (" and %d more"):format(#names - MOST_UNLIKE) or ""))
  end
  return table.concat(body, "\n")
end

local function conclusion(found, about)
  local body = { paragraph(found.comparison:verdict(), "verdict") }
  for _, text in ipairs(about.sentences) do body[#body + 1] = paragraph(text) end
  for _, text in ipairs(about.warnings) do body[#body + 1] = paragraph(text, "warning") end
  return table.concat(body, "\n")
end

local function comparison(found, about)
  local heading, rows = tables.comparison(found)
  return table.concat({ "<h2>Pipelines compared</h2>", paragraph(("Cross-validation%s: %d folds%s%s. p is that of the "
    .. "paired test with Nadeau and Bengio's correction against the best%s."):format(
    found.parts and " on the training rows" or "", about.folds, about.repeats > 1
    and (", %d times"):format(about.repeats) or "", about.grouped and ", replicates kept together" or "",
    found.parts and ". The columns of the parts of the split are for their spectra, which had no part in the choice"
    or "")),
    html.table(heading, rows, 1) }, "\n")
end

--- Returns the page.
-- @param found the judgement, with audit and audited (the pipeline) if a network was compared
-- @param set of spectra
-- @param figures { spectra, predictions, importance }; the last two are nil if nothing is recommended
-- @param about { title, sentences, warnings, folds, repeats, grouped, command }
return function(found, set, figures, about)
  local title = ("%s of %s"):format(check.printable(about.title), check.show_count(#set, "spectrum", "spectra"))
  local body = { ("<h1>%s</h1>"):format(html.escape(title)), conclusion(found, about), comparison(found, about) }
  if found.outcome then body[#body + 1] = predictions(found, figures) end
  body[#body + 1] = "<h2>The spectra</h2>" .. drawing(figures.spectra, "spectra")
  if found.outcome then
    body[#body + 1] = importance(found, figures)
    body[#body + 1] = unlike(found, set)
  end
  if found.audit then body[#body + 1] = audit(found) end
  body[#body + 1] = "<h2>How it was made</h2>" .. ("<pre>%s</pre>"):format(html.escape(about.command))
    .. ("<pre>%s</pre>"):format(html.escape(tostring(set)))
    .. paragraph(("moonbow %s, %s"):format(core.version, os.date "!%Y-%m-%d %H:%M UTC"), "soft")
  return html.document(title, body, style)
end
