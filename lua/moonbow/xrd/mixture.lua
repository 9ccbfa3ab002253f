--- What a powder pattern is made of: phases, weights, and what no phase explains.
local check = require "moonbow.check"
local core = require "moonbow.core"
local counted = require "moonbow.counted"
local fields = require "moonbow.spectra.fields"
local json = require "moonbow.io.json"
local plot = require "moonbow.plot"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local mixture = {}

local TICK = 0.04 -- of the highest value: distance between rows of tick marks
local LEAST_TICK = 1 -- percent of the strongest peak

--- What a powder pattern is made of. print(mixture) shows it, mixture:plot() draws it.
--
-- A fit has all fields; a network and a dissimilarity leave out what they do not know.
--
-- @class mixture
-- @field method string "fit", "network" or "dissimilarity"
-- @field phases table list of { crystal, weight (share of the crystalline mass that was found), merit (fit: by how
--   much the squared residual rises without it, as a share of what remains beyond noise, less if its cell had to
--   change; network: its probability; dissimilarity: 1 - dissimilarity), alternatives (list of { crystal, merit }:
--   candidates that are as good) }, the largest first; a fit adds cell (angstrom and degrees), size (of crystallites in
--   angstrom, infinite where no broadening is seen), strain, and texture ({ h, k, l, r })
-- @field unknown boolean true: a phase is in the pattern that is not among the candidates
-- @field unexplained number share of the intensity above the background that stands where no phase has peaks
-- @field unexplained_at table angles 2theta (degrees) of the strongest peaks of these, the strongest first
-- @field rwp number weighted residual, 0 to 1: sqrt(sum w (y - calculated)^2 / sum w y^2), w = 1 / y
-- @field displacement number shift of 2theta by -displacement cos(theta), in degrees
-- @field gaussian number full width of the instrument's peaks at 2theta = 0, in degrees: the root of W
-- @field at_bounds table list of { parameter ("cell", "size", "strain", "texture", "displacement", "gaussian"), value,
--   phase (name; nil for the whole pattern) }: what a fit left at a bound, so that it, and weights, may be wrong
-- @field tried integer number of candidates
-- @field settings string what was assumed, in words
-- @field axis table angles 2theta in degrees
-- @field observed tensor (L) values
-- @field calculated tensor (L) values of the fit
-- @field background tensor (L) background of the fit
local Mixture = {}

local function size_text(size)
  if not size then return "" end
  return size < 5000 and ("%.0f"):format(size) or ">5000"
end

local function phase_row(phase)
  local crystal = phase.crystal
  local names = {}
  for i, other in ipairs(phase.alternatives or {}) do names[i] = check.printable(other.crystal.name) end
  local texture = phase.texture and math.abs(phase.texture[4] - 1) > 0.05 and phase.texture
  return { check.printable(crystal.name), crystal.formula, crystal.space_group, ("%.1f"):format(100 * phase.weight),
    phase.merit and ("%.3g"):format(phase.merit) or "", size_text(phase.size),
    texture and ("%d%d%d %.2f"):format(table.unpack(texture)) or "", table.concat(names, ", ") }
end

-- What stays unexplained, in words.
local function unknown_text(m)
  if not m.unexplained then return m.unknown and "a phase is not among the candidates" or nil end
  if not m.unknown then
    return ("%.1f %% of the intensity stands where no phase has peaks"):format(100 * m.unexplained)
  end
  local places = {}
  for i, angle in ipairs(m.unexplained_at) do places[i] = ("%.2f"):format(angle) end
  return ("a phase is NOT AMONG THE CANDIDATES: %.1f %% of the intensity stands where no phase has peaks%s"):format(
    100 * m.unexplained, #places > 0 and ", strongest at 2theta " .. table.concat(places, ", ") or "")
end

local bound_text = { cell = "%.1f %%", size = "%.0f A", strain = "%.2g", texture = "%.2g", displacement = "%.2g deg",
  gaussian = "%.2g deg" }

--- What a fit left at a bound, in words; nil if nothing is.
function mixture.bounds_text(m)
  local texts = {}
  for i, bound in ipairs(m.at_bounds or {}) do
    local value = bound.parameter == "cell" and 100 * bound.value or bound.value
    texts[i] = ("%s%s (%s)"):format(bound.parameter, bound.phase and " of " .. check.printable(bound.phase) or "",
      bound_text[bound.parameter]:format(value))
  end
  return texts[1] and "at the bounds of the refinement, which may mislead it: " .. table.concat(texts, ", ") or nil
end

local function heading_of(m)
  local text = ("%s of %s, by %s"):format(check.show_count(#m.phases, "phase"),
    check.show_count(m.tried, "candidate"), m.method)
  if m.rwp then text = text .. (", Rwp %.3f, displacement %.3f deg"):format(m.rwp, m.displacement) end
  return text
end

local function text_of(m)
  local rows = { { "phase", "formula", "space group", "weight (%)", "merit", "size (A)", "texture", "or as well" } }
  for i, phase in ipairs(m.phases) do rows[i + 1] = phase_row(phase) end
  local lines = { heading_of(m), m.settings, text_table.format(rows, { left = 3 }) }
  lines[#lines + 1] = mixture.bounds_text(m)
  lines[#lines + 1] = unknown_text(m)
  return table.concat(lines, "\n")
end

--- Makes a mixture of a table with the fields above.
mixture.new = shown.kind("mixture", text_of, Mixture)

-- One row of tick marks for each phase, beneath the curves.
local function ticks_of(m, phase, y)
  local x, heights = {}, {}
  for _, peak in ipairs(phase.ticks or {}) do
    if peak.relative >= LEAST_TICK and peak.two_theta >= m.axis[1] and peak.two_theta <= m.axis[#m.axis] then
      x[#x + 1], heights[#heights + 1] = peak.two_theta, y
    end
  end
  return x[1] and { x = x, y = heights, style = "points", label = check.printable(phase.crystal.name) } or nil
end

--- Draws the measured and calculated pattern, their difference, and tick marks of the peaks of each phase.
-- @return figure
-- @usage mb.xrd.fit(mb.xrd.pattern("TiO2.cif", { radiation = "Cu", grid = { first = 20, last = 60, step = 0.05 } }),
--   { "TiO2.cif" }, { radiation = "Cu" }):plot():save "phases.svg"
function Mixture.plot(m)
  local height = core.max(m.observed)[1]
  local series = { { x = m.axis, y = m.observed, label = "measured" } }
  local below = 0
  if m.calculated then
    local difference = core.sub(m.observed, m.calculated)
    below = math.min(0, core.min(difference)[1])
    series[2] = { x = m.axis, y = m.calculated, label = "calculated" }
    series[3] = { x = m.axis, y = difference, label = "difference" }
  end
  for i, phase in ipairs(m.phases) do
    series[#series + 1] = ticks_of(m, phase, below - i * TICK * height)
  end
  return plot.lines { series = series, x_label = "2θ (°)", y_label = "intensity" }
end

--- The curves of a fit as a set of spectra: measured, calculated, background.
-- @return spectra
function Mixture.spectra(m)
  if not m.calculated then check.fail("mixture:spectra", "only a fit has a calculated pattern") end
  local rows = core.concat({ core.reshape(m.observed, 1, -1, 1), core.reshape(m.calculated, 1, -1, 1),
    core.reshape(m.background, 1, -1, 1) }, 1)
  return fields.set { x = rows, axis = m.axis, axis_name = "2theta", unit = "deg", quantity = "intensity",
    names = { "measured", "calculated", "background" } }
end

-- A list that stays one in a file if it is empty.
local function list_of(values) return values and setmetatable(table.move(values, 1, #values, 1, {}), json.list) end

local function plain_phase(phase)
  local alternatives = list_of {}
  for i, other in ipairs(phase.alternatives or {}) do
    alternatives[i] = { name = other.crystal.name, merit = other.merit }
  end
  return { name = phase.crystal.name, formula = phase.crystal.formula, space_group = phase.crystal.space_group,
    path = phase.crystal.path, weight = phase.weight, merit = phase.merit, cell = phase.cell,
    size = phase.size and phase.size < math.huge and phase.size or nil, strain = phase.strain, texture = phase.texture,
    alternatives = alternatives }
end

--- The mixture as plain tables, numbers and texts, as for a file of JSON.
-- @return table
function Mixture.record(m)
  local phases = list_of {}
  for i, phase in ipairs(m.phases) do phases[i] = plain_phase(phase) end
  return { method = m.method, phases = phases, unknown = m.unknown, unexplained = m.unexplained,
    unexplained_at = list_of(m.unexplained_at), rwp = m.rwp, displacement = m.displacement, gaussian = m.gaussian,
    at_bounds = list_of(m.at_bounds), tried = m.tried, settings = m.settings }
end

counted.methods(Mixture, "mixture:")

return mixture
