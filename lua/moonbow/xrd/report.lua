--- The report of identified patterns as one self-contained HTML page.
local check = require "moonbow.check"
local core = require "moonbow.core"
local html = require "moonbow.page"
local mixture = require "moonbow.xrd.mixture"

local style = "svg { max-width: 44rem; } .wide { max-width: 62rem; } .verdict { font-weight: 600; }"

local function summary_rows(list)
  local rows = {}
  for i, entry in ipairs(list) do
    local texts = {}
    for j, phase in ipairs(entry.mixture.phases) do
      texts[j] = ("%s %.1f %%"):format(phase.crystal.name, 100 * phase.weight)
    end
    rows[i] = { entry.name, #texts > 0 and table.concat(texts, ", ") or "none",
      entry.mixture.unknown and "not among the candidates" or "", ("%.3f"):format(entry.mixture.rwp) }
  end
  return rows
end

local function phase_rows(phases)
  local rows = {}
  for i, phase in ipairs(phases) do
    local names, texture = {}, phase.texture
    for j, other in ipairs(phase.alternatives) do names[j] = other.crystal.name end
    rows[i] = { phase.crystal.name, phase.crystal.formula, phase.crystal.space_group, table.concat(names, ", "),
      ("%.1f"):format(100 * phase.weight), phase.merit and ("%.3g"):format(phase.merit) or "",
      ("%.4f %.4f %.4f"):format(table.unpack(phase.cell)),
      phase.size < 5000 and ("%.0f"):format(phase.size) or "> 5000", ("%.5f"):format(phase.strain),
      texture and ("%d%d%d %.2f"):format(table.unpack(texture)) or "" }
  end
  return rows
end

local heading = { "phase", "formula", "space group", "or as well", "weight (%)", "merit", "a, b, c (Å)", "size (Å)",
  "strain", "texture" }

local function section(entry, number)
  local lines, bounds = {}, mixture.bounds_text(entry.mixture)
  for line in tostring(entry.mixture):gmatch "[^\n]+" do lines[#lines + 1] = line end
  return table.concat({ ("<h2>%s</h2>"):format(html.escape(entry.name)),
    html.paragraph(lines[#lines], entry.mixture.unknown and "verdict" or nil),
    html.table(heading, phase_rows(entry.mixture.phases), 4), bounds and html.paragraph(bounds) or "",
    html.figure(entry.mixture:plot(), "pattern" .. number, entry.name .. ": the pattern and what fits it"),
    html.paragraph(lines[1] .. "; " .. lines[2], "soft") }, "\n")
end

local meanings = "Weights are shares of the crystalline mass that was found, without microabsorption. The merit of a "
  .. "phase says by how much the squared residual rises without it, as a share of what remains beyond noise, less if "
  .. "its cell had to change. A phase is "
  .. "not among the candidates if more than 2.5 % of the intensity stands where no phase has peaks."

--- Returns the page.
-- @param list of { name, mixture }
-- @param command text
return function(list, command)
  local body = { ("<h1>Phases of %s</h1>"):format(html.escape(check.show_count(#list, "powder pattern"))),
    html.table({ "pattern", "phases", "unknown", "Rwp" }, summary_rows(list), 3), html.paragraph(meanings) }
  for i, entry in ipairs(list) do body[#body + 1] = section(entry, i) end
  body[#body + 1] = ("<h2>How it was made</h2><pre>%s</pre>"):format(html.escape(command))
    .. html.paragraph(("moonbow %s, %s"):format(core.version, os.date "!%Y-%m-%d %H:%M UTC"), "soft")
  return html.document("Phases", body, style)
end
