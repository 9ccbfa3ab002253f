--- The findings of an audit as text and as a page.
local check = require "moonbow.check"
local html = require "moonbow.page"

local report = {}

local WIDTH = 100

local function wrap(text, indent)
  local lines, line = {}, indent
  for word in text:gmatch "%S+" do
    if #line + #word + 1 > WIDTH and line ~= indent then lines[#lines + 1], line = line, indent end
    line = line == indent and indent .. word or line .. " " .. word
  end
  lines[#lines + 1] = line
  return table.concat(lines, "\n")
end

local function counts(audit)
  local faults = 0
  for _, finding in ipairs(audit.findings) do faults = faults + (finding.is_fault and 1 or 0) end
  return faults, #audit.findings - faults
end

--- "2 faults and 1 remark by 40 rules; 9 skipped".
function report.summary(audit)
  local faults, remarks = counts(audit)
  return ("%s and %s by %s%s"):format(check.show_count(faults, "fault"), check.show_count(remarks, "remark"),
    check.show_count(audit.looked, "rule"), #audit.skipped > 0 and ("; %d skipped"):format(#audit.skipped) or "")
end

local function skipped_lines(audit)
  local by_why, order = {}, {}
  for _, skipped in ipairs(audit.skipped) do
    if not by_why[skipped.why] then by_why[skipped.why], order[#order + 1] = {}, skipped.why end
    table.insert(by_why[skipped.why], skipped.name)
  end
  local lines = {}
  for i, why in ipairs(order) do lines[i] = ("%s: %s"):format(why, table.concat(by_why[why], ", ")) end
  return lines
end

-- Findings that follow each other and have the same advice, together: four simple models may be as good as a network.
local function groups(audit)
  local list, last = {}, {}
  for _, finding in ipairs(audit.findings) do
    if finding.is_fault ~= last.is_fault or finding.advice ~= last.advice then list[#list + 1] = {} end
    table.insert(list[#list], finding)
    last = finding
  end
  return list
end

local function heading(group)
  local names = {}
  for i, finding in ipairs(group) do names[i] = finding.name .. (finding.where and ", " .. finding.where or "") end
  return ("%s: %s"):format(group[1].is_fault and "fault" or "remark", table.concat(names, "; "))
end

local function sources(group)
  local list = {}
  for i, finding in ipairs(group) do list[i] = finding.source end
  return ("%s: %s."):format(#list > 1 and "Sources" or "Source", table.concat(list, "; "))
end

--- The text for the terminal.
function report.text(audit)
  local lines = { wrap(("Audit of %s: %s."):format(audit.title, report.summary(audit)), "") }
  for _, group in ipairs(groups(audit)) do
    lines[#lines + 1] = "\n" .. wrap(heading(group), "")
    for _, finding in ipairs(group) do lines[#lines + 1] = wrap(check.printable(finding.text), "  ") end
    lines[#lines + 1] = wrap("What to do: " .. group[1].advice, "  ")
    lines[#lines + 1] = wrap(sources(group), "  ")
  end
  for i, line in ipairs(skipped_lines(audit)) do
    lines[#lines + 1] = wrap((i == 1 and "Skipped, " or "") .. line, i == 1 and "" or "  ")
    if i == 1 then lines[#lines] = "\n" .. lines[#lines] end
  end
  return table.concat(lines, "\n")
end

local style = [[
.finding { border-left: 4px solid var(--line); padding-left: .75rem; margin: 1.25rem 0; break-inside: avoid; }
.fault { border-color: #a33b00; } .finding p { margin: .25rem 0; }
]]

local function section(group)
  local texts = {}
  for i, finding in ipairs(group) do texts[i] = html.escape(finding.text) end
  return ('<div class="finding%s"><h3>%s</h3><p>%s</p><p>What to do: %s</p><p class="soft">%s</p></div>')
    :format(group[1].is_fault and " fault" or "", html.escape(heading(group)), table.concat(texts, "</p><p>"),
      html.escape(group[1].advice), html.escape(sources(group)))
end

--- The findings as a part of a page, and the style that it needs.
function report.body(audit)
  local body = {}
  for i, group in ipairs(groups(audit)) do body[i] = section(group) end
  local lines = skipped_lines(audit)
  for i, line in ipairs(lines) do lines[i] = "<li>" .. html.escape(line) .. "</li>" end
  if #lines > 0 then
    body[#body + 1] = "<details><summary>Skipped rules</summary><ul>" .. table.concat(lines, "\n")
      .. "</ul></details>"
  end
  return table.concat(body, "\n"), style
end

--- The page.
function report.page(audit)
  local title = "Audit of " .. audit.title
  local body, own_style = report.body(audit)
  return html.document(title, { ("<h1>%s</h1><p>%s.</p>"):format(html.escape(title),
    html.escape(report.summary(audit))),
    body }, own_style)
end

return report
