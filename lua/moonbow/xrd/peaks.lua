--- Peaks of a crystal's powder pattern.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local crystals = require "moonbow.xrd.crystal"
local lattice = require "moonbow.xrd.lattice"
local radiation = require "moonbow.xrd.radiation"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local peaks = {}

local MOST_SHOWN = 30
local NUMBERS = 8 -- of each family that core.xrd_families lists
local LEAST = 1e-10 -- of the largest intensity: what remains is rounding
local B_OF_U = 8 * math.pi ^ 2

--- Peaks of a powder pattern, list[1] at the lowest angle. print(peaks) shows them as a table.
--
-- Each peak is { h, k, l, d (A), two_theta (degrees), multiplicity, F2 (mean |F|^2, in electrons squared), intensity
-- (of the multiplicity, F2, the Lorentz-polarisation factor and the line's weight), relative (to the largest, in
-- percent), line (its name), line_index }.
--
-- @class peaks
-- @field crystal crystal
-- @field radiation table list of lines { name, wavelength (A), weight, energy (eV) }
-- @field settings string what was assumed, in words
-- @field notes table list of texts
local Peaks = {}

local function text_of(list)
  local has_lines = #list.radiation > 1
  local rows = { { "hkl", "2theta", "d (A)", "multiplicity", "|F|2", "intensity", "relative (%)",
    has_lines and "line" or nil } }
  for i = 1, math.min(#list, MOST_SHOWN) do
    local p = list[i]
    rows[i + 1] = { ("%d %d %d"):format(p.h, p.k, p.l), ("%.4f"):format(p.two_theta), ("%.5f"):format(p.d),
      p.multiplicity, ("%.2f"):format(p.F2), ("%.5g"):format(p.intensity), ("%.3f"):format(p.relative),
      has_lines and p.line or nil }
  end
  local lines = { ("%s of %s (%s)"):format(check.show_count(#list, "peak"), check.printable(list.crystal.name),
    list.crystal.formula), list.settings, text_table.format(rows) }
  if #list > MOST_SHOWN then lines[#lines + 1] = ("and %d more"):format(#list - MOST_SHOWN) end
  for _, note in ipairs(list.notes) do lines[#lines + 1] = check.printable(note) end
  return table.concat(lines, "\n")
end

--- Makes peaks of a list with the fields above.
peaks.new = shown.kind("peaks", text_of, Peaks)
counted.methods(Peaks, "peaks:")

--- Options of the physics, which mb.xrd.pattern has, too.
peaks.physics = {
  radiation = check.required "string|number|table",
  monochromator = check.optional "non-negative",
  dispersion = true,
  debye_waller = true,
  B = check.optional "non-negative",
}

local known = { two_theta = check.default({ 5, 90 }, "table"), texture = check.optional "table",
  cell = check.optional "table" }
for name, rule in pairs(peaks.physics) do known[name] = rule end

-- What the scatterers of a crystal's sites are for one line, as core.xrd_families takes them.
local function scatterers_of(operation, c, line, options, notes)
  local module, list = crystals.reader(operation), {}
  for _, site in ipairs(c.sites) do
    local factors = module.form_factor(site.number)
    if not factors then
      check.fail(operation, "%s: no form factor of %s; the tables end at Cf", c.name, site.element)
    end
    table.move(factors, 1, 9, #list + 1, list)
    local real, imaginary, is_known = 0, 0, true
    if options.dispersion then real, imaginary, is_known = module.dispersion(site.number, line.energy) end
    if not is_known and site.number > 2 then
      notes[site.element .. ": no table of its dispersion, 0 was taken"] = true
    end
    local u = site.u and B_OF_U * site.u or options.B
    if not u and not site.anisotropic and options.debye_waller then
      notes["sites without displacement (U or B) were taken at rest; B = ... sets one"] = true
    end
    local at = #list
    list[at + 1], list[at + 2], list[at + 3] = real, imaginary, site.occupancy
    list[at + 4] = options.debye_waller and not site.anisotropic and u or 0
  end
  return list
end

-- Adds the peaks of one line.
local function add_line(operation, list, c, index, options, notes)
  local line, low, high = list.radiation[index], options.two_theta[1], options.two_theta[2]
  local half = line.wavelength / 2
  local flat = core.xrd_families(options.cell or c.cell, c.operators,
    scatterers_of(operation, c, line, options, notes), c.atoms, options.debye_waller,
    half / math.sin(math.rad(high / 2)), half / math.sin(math.rad(low / 2)), line.wavelength,
    peaks.polarisation(options), options.texture)
  for i = 0, #flat - NUMBERS, NUMBERS do
    local d, F2 = flat[i + 5], flat[i + 6]
    local strength = flat[i + 4] * F2 * flat[i + 7] * line.weight
    list[#list + 1] = { h = flat[i + 1], k = flat[i + 2], l = flat[i + 3], multiplicity = flat[i + 4], d = d, F2 = F2,
      two_theta = math.deg(2 * math.asin(math.min(1, half / d))), line = line.name, line_index = index,
      strength = strength, intensity = strength * flat[i + 8] }
  end
end

-- Removes peaks that only rounding left, and sets the relative intensities.
local function finish(list)
  local largest, kept = 0, 0
  for _, p in ipairs(list) do largest = math.max(largest, p.intensity) end
  for i = 1, #list do
    local p = list[i]
    list[i] = nil
    if p.intensity > LEAST * largest then
      kept = kept + 1
      list[kept], p.relative = p, 100 * p.intensity / largest
    end
  end
  table.sort(list, function(p, q)
    if p.two_theta ~= q.two_theta then return p.two_theta < q.two_theta end
    if p.line_index ~= q.line_index then return p.line_index < q.line_index end
    if p.h ~= q.h then return p.h > q.h end
    if p.k ~= q.k then return p.k > q.k end
    return p.l > q.l
  end)
end

--- What is assumed of all phases, in words: radiation, monochromator, form factors, displacements.
function peaks.settings(operation, options)
  local texts = { radiation.text(radiation.lines(operation, options.radiation)) }
  texts[2] = options.monochromator and ("monochromator at 2theta = %g deg"):format(options.monochromator)
    or "no monochromator"
  texts[3] = "form factors of neutral atoms" .. (options.dispersion and " with dispersion" or " without dispersion")
  texts[4] = options.debye_waller and (options.B and ("displacements, B = %g A2 where there are none")
    :format(options.B) or "displacements of the file") or "atoms at rest"
  return table.concat(texts, "; ")
end

local function settings_text(operation, options)
  local text = peaks.settings(operation, options)
  if not options.texture then return text end
  local h, k, l, r = table.unpack(options.texture)
  return ("%s; March-Dollase texture r = %g along %d %d %d"):format(text, r, h, k, l)
end

--- Checks { h, k, l, r } of March and Dollase.
function peaks.check_texture(operation, texture)
  if not texture then return end
  check.list(operation, "texture", texture)
  if #texture ~= 4 then check.fail(operation, "texture: expected { h, k, l, r }, got %d entries", #texture) end
  for i = 1, 3 do
    texture[i] = check.kind(operation, ("texture[%d]"):format(i), texture[i], "integer")
    if math.abs(texture[i]) > 100 then check.fail(operation, "texture: expected indices up to 100") end
  end
  if texture[1] == 0 and texture[2] == 0 and texture[3] == 0 then
    check.fail(operation, "texture: 0 0 0 is no direction")
  end
  check.kind(operation, "texture[4]", texture[4], "positive")
end

--- Checks a cell that replaces that of a crystal.
function peaks.check_cell(operation, cell, c)
  if not cell then return end
  check.list(operation, "cell", cell)
  if #cell ~= 6 then check.fail(operation, "cell: expected a, b, c, alpha, beta, gamma, got %d entries", #cell) end
  check.each(operation, "cell", cell, "positive")
  for i = 1, 3 do
    if cell[i] < 0.5 or cell[i] > 1000 then check.fail(operation, "cell[%d]: expected 0.5 to 1000 A", i) end
    if cell[i + 3] >= 180 then check.fail(operation, "cell[%d]: expected an angle below 180 deg", i + 3) end
  end
  if not lattice.is_cell(cell) then
    check.fail(operation, "cell: there is none with the angles %g, %g and %g", table.unpack(cell, 4))
  end
  if not lattice.has_symmetry(cell, c.operators) then
    check.fail(operation, "cell: %g %g %g A, %g %g %g deg has not the symmetry of %s, %s", table.unpack { cell[1],
      cell[2], cell[3], cell[4], cell[5], cell[6], check.printable(c.name), c.space_group })
  end
end

local function check_range(operation, range)
  check.list(operation, "two_theta", range)
  if #range ~= 2 then check.fail(operation, "two_theta: expected { from, to }, got %d entries", #range) end
  check.each(operation, "two_theta", range, "positive")
  if range[1] >= range[2] or range[2] > 180 then
    check.fail(operation, "two_theta: expected 0 < from < to <= 180, got %g and %g", range[1], range[2])
  end
end

--- cos^2 of the monochromator's angle 2theta; 1 without one.
function peaks.polarisation(options)
  return options.monochromator and math.cos(math.rad(options.monochromator)) ^ 2 or 1
end

--- The families of peaks as core.xrd_phase takes them: rows h, k, l, line, strength; nil if there are no peaks.
function peaks.families(list)
  local rows = {}
  for i, p in ipairs(list) do rows[i] = { p.h, p.k, p.l, p.line_index, p.strength } end
  return rows[1] and core.tensor(rows)
end

--- The wavelengths of peaks, as core.xrd_phase takes them.
function peaks.wavelengths(list)
  local found = {}
  for i, line in ipairs(list.radiation) do found[i] = line.wavelength end
  return found
end

--- The peaks of a crystal by checked options. Used by mb.xrd.pattern, too.
function peaks.of(operation, c, options)
  local list = { crystal = c, radiation = radiation.lines(operation, options.radiation), notes = {} }
  local notes = {}
  for index = 1, #list.radiation do add_line(operation, list, c, index, options, notes) end
  finish(list)
  for note in pairs(notes) do list.notes[#list.notes + 1] = note end
  table.sort(list.notes)
  list.settings = settings_text(operation, options)
  return peaks.new(list)
end

--- Computes the peaks of a crystal's powder pattern: kinematic, without absorption and extinction. Form factors of
-- neutral atoms (International Tables C, 1992), dispersion of Cromer and Liberman, both from gemmi. Reflections that
-- symmetry makes equal are one peak; |F|^2 is the mean over Friedel pairs.
-- @param crystal crystal|string as mb.xrd.read gives it, or the path of a CIF file
-- @option radiation "Cu" (K alpha 1 and 2, 2 : 1), "CuKa1", "CuKa2", "CuKb", "CuKa" (the mean of 1 and 2); so for Co,
--   Mo, Fe and Cr; or a wavelength in angstrom, or a list of { wavelength = ..., weight = ... }
-- @option two_theta the range { from, to } in degrees
-- @option monochromator angle 2theta of a crystal monochromator in degrees, 26.6 for graphite and Cu; 90 for radiation
--   that is polarised across the plane of diffraction (synchrotron)
-- @option dispersion false: without f' and f"
-- @option debye_waller false: atoms at rest
-- @option B displacement in square angstrom of sites for which the file has none
-- @option texture { h, k, l, r } preferred orientation of March and Dollase along the normal of the planes hkl; r < 1
--   for plates that lie flat
-- @option cell { a, b, c, alpha, beta, gamma } in place of the file's
-- @return peaks or nil and a message
-- @usage print(mb.xrd.peaks("TiO2.cif", { radiation = "CuKa1" }))
function peaks.peaks(crystal, options)
  options = check.options("xrd.peaks", options, known)
  check_range("xrd.peaks", options.two_theta)
  peaks.check_texture("xrd.peaks", options.texture)
  local c, err = crystals.of("xrd.peaks", "crystal", crystal)
  if not c then return nil, err end
  peaks.check_cell("xrd.peaks", options.cell, c)
  return peaks.of("xrd.peaks", c, options)
end

check.takes(peaks.peaks, 2, known, "mb.xrd.peaks(crystal, { radiation = \"Cu\" })")

return peaks
