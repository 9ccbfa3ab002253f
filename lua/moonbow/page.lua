--- Self-contained HTML pages, legible on a phone and in print. Nothing is loaded: a browser blocks and reports it.
local check = require "moonbow.check"

local page = {}

local style = [[
:root { color-scheme: light; --ink: #1b1f24; --soft: #5b6470; --line: #d7dce2; }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 62rem; color: var(--ink); background: #fff;
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.25; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 2.5rem 0 .25rem; }
h3 { font-size: 1rem; margin-bottom: 0; }
p, li { max-width: 46rem; overflow-wrap: anywhere; } .soft { color: var(--soft); } a { color: inherit; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { padding: .35rem .6rem .35rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } .wide th, .wide td { white-space: nowrap; }
pre { background: #f4f6f8; padding: .75rem; overflow-x: auto; font-size: .85rem; }
svg { display: block; width: 100%; height: auto; margin: 1rem 0; }
@page { margin: 18mm 15mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; } h2 { break-after: avoid; margin-top: 1.5rem; }
  h2, h3, li, tr, svg, pre { break-inside: avoid; } svg { max-height: 82mm; margin: .5rem 0; }
  pre { white-space: pre-wrap; overflow-wrap: anywhere; } .wide th, .wide td { white-space: normal; }
}
]]

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }

--- Any value as text of a page or of an attribute; control characters, but for line ends, become visible.
function page.escape(value)
  return (tostring(value):gsub("[^\n]+", check.printable):gsub('[&<>"]', entities))
end

local function add_row(out, kind, cells, count, left)
  out[#out + 1] = "<tr>"
  for c = 1, count do
    out[#out + 1] = ("<%s%s>%s</%s>"):format(kind, c > left and ' class="number"' or "",
      cells[c] == nil and "" or page.escape(cells[c]), kind)
  end
  out[#out + 1] = "</tr>"
end

--- A table that scrolls by itself where it is wider than the page.
-- @param heading list of cells, which determines the number of columns
-- @param rows list of lists of cells; nil is empty
-- @param left number of columns, from the first, that hold text; the others hold numbers
function page.table(heading, rows, left)
  local out = { '<div class="wide"><table><thead>' }
  add_row(out, "th", heading, #heading, left)
  out[#out + 1] = "</thead><tbody>\n"
  for _, row in ipairs(rows) do
    add_row(out, "td", row, #heading, left)
    out[#out + 1] = "\n"
  end
  out[#out + 1] = "</tbody></table></div>"
  return table.concat(out)
end

--- A paragraph of text.
-- @param class of CSS; optional
function page.paragraph(text, class)
  return ("<p%s>%s</p>"):format(class and (' class="%s"'):format(class) or "", page.escape(text))
end

--- The text of an SVG as a part of the page: without its prolog, and without gnuplot's titles, which browsers show as
-- tooltips and readers read out instead of the label; "" if it is no SVG.
-- @param name of its own on the page, escaped: what a drawing names inside is told apart by it
-- @param label text that says what the drawing shows
function page.drawing(svg, name, label)
  local function named(before) return before .. name .. "-" end
  local found = (svg:match "<svg.*</svg>" or ""):gsub("<title>.-</title>", ""):gsub("<desc>.-</desc>", "")
    :gsub("id=[\"']", named):gsub("href=[\"']#", named):gsub("url%(#", named)
  local start = ('<svg role="img" aria-label="%s"'):format(page.escape(label))
  return (found:gsub("^<svg", function() return start end))
end

--- A drawn figure as a part of the page, or a paragraph that says why it could not be drawn.
-- @param name as for page.drawing
-- @param label likewise
function page.figure(figure, name, label)
  local bytes, why = figure:bytes "svg"
  if not bytes then return page.paragraph("The figure could not be drawn: " .. why, "soft") end
  return page.drawing(bytes, name, label)
end

--- The whole page.
-- @param title text
-- @param body list of HTML texts
-- @param more_style CSS that only this page needs; optional
function page.document(title, body, more_style)
  return table.concat({
    '<!doctype html><html lang="en"><head><meta charset="utf-8">',
    '<meta http-equiv="Content-Security-Policy"',
    [[ content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">]],
    '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="icon" href="data:,">',
    ("<title>%s</title><style>"):format(page.escape(title)), style .. (more_style or ""), "</style></head><body>",
    table.concat(body, "\n"), "</body></html>\n",
  }, "\n")
end

return page
