--- Crystals from CIF files, and how they print. Reading needs moonbow.crystal, a module in C++ on gemmi.
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local files = require "moonbow.io.files"
local optional = require "moonbow.io.optional"
local lattice = require "moonbow.xrd.lattice"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local crystal = {}

local MOST_SHOWN = 20 -- sites
local DALTON = 1.66053907 -- g/cm3 of one dalton in one cubic angstrom

--- A crystal structure. print(crystal) shows its cell, space group and sites.
--
-- @class crystal
-- @field name string the block of the file
-- @field path string the file; nil if it came from text
-- @field formula string of the cell's content by the formula unit, "O2 Ti"
-- @field units number formula units in the cell
-- @field space_group string Hermann-Mauguin symbol with its setting, "R -3 c:H"
-- @field number integer of the space group; 0 for settings that no table has
-- @field cell table a, b, c in angstrom, alpha, beta, gamma in degrees
-- @field volume number in cubic angstrom
-- @field mass number of the cell's content in dalton
-- @field density number in g/cm3
-- @field sites table list of { label, element, charge, position, occupancy, multiplicity, u (isotropic, in square
--   angstrom), anisotropic (U11, U22, U33, U12, U13, U23) }
-- @field notes table list of texts: what was left out or interpreted
local Crystal = {}

-- Atoms of each element in the cell, and the names of the elements in order.
local function content(sites)
  local counts, names = {}, {}
  for _, site in ipairs(sites) do
    if not counts[site.element] then
      counts[site.element] = 0
      names[#names + 1] = site.element
    end
    counts[site.element] = counts[site.element] + site.multiplicity * site.occupancy
  end
  table.sort(names)
  return counts, names
end

local function is_whole(value) return math.abs(value - math.floor(value + 0.5)) < 1e-3 end

-- The largest number of formula units that leaves whole numbers of atoms; 1 if there are none.
local function formula_units(counts, names)
  for units = 96, 2, -1 do
    local fits = true
    for _, name in ipairs(names) do fits = fits and is_whole(counts[name] / units) and counts[name] / units > 0.5 end
    if fits then return units end
  end
  return 1
end

local function formula_of(sites)
  local counts, names = content(sites)
  local units, parts = formula_units(counts, names), {}
  for i, name in ipairs(names) do
    local count = ("%.4g"):format(counts[name] / units)
    parts[i] = name .. (count == "1" and "" or count)
  end
  return table.concat(parts, " "), units
end

local function displacement_text(site)
  if site.anisotropic then return "anisotropic" end
  return site.u and ("%.4f"):format(site.u) or ""
end

local function site_table(sites)
  local rows = { { "site", "atom", "x", "y", "z", "occupancy", "U (A2)", "in the cell" } }
  for i = 1, math.min(#sites, MOST_SHOWN) do
    local site = sites[i]
    local charge = site.charge == 0 and "" or ("%d%s"):format(math.abs(site.charge), site.charge > 0 and "+" or "-")
    local x, y, z = table.unpack(site.position)
    rows[i + 1] = { site.label, site.element .. charge, ("%.5f"):format(x), ("%.5f"):format(y), ("%.5f"):format(z),
      ("%.4g"):format(site.occupancy), displacement_text(site), site.multiplicity }
  end
  return text_table.format(rows, { left = 2 })
end

local function text_of(c)
  local lines = { ("%s: %s, %s (%d), %.4g formula units in %.2f A3, %.3f g/cm3"):format(check.printable(c.name),
    c.formula, c.space_group, c.number, c.units, c.volume, c.density) }
  lines[2] = ("cell %.6g %.6g %.6g A, %.6g %.6g %.6g deg"):format(table.unpack(c.cell))
  lines[3] = site_table(c.sites)
  if #c.sites > MOST_SHOWN then lines[#lines + 1] = ("and %d more sites"):format(#c.sites - MOST_SHOWN) end
  for _, note in ipairs(c.notes) do lines[#lines + 1] = check.printable(note) end
  return table.concat(lines, "\n")
end

local make = shown.kind("crystal", text_of, Crystal)
counted.methods(Crystal, "crystal:")

local function reader()
  return optional("moonbow.crystal", "crystals need gemmi, and moonbow was built without it (docs/building.md)")
end

--- The module in C++; raises if moonbow was built without it.
function crystal.reader(operation)
  local module, err = reader()
  return module or check.fail(operation, "%s", err)
end

--- Makes a crystal of the table that moonbow.crystal gives.
function crystal.new(c, path)
  c.path, c.volume = path, lattice.volume(c.cell)
  c.formula, c.units = formula_of(c.sites)
  c.mass = 0
  for _, site in ipairs(c.sites) do c.mass = c.mass + site.mass * site.multiplicity * site.occupancy end
  c.density = c.mass / c.volume * DALTON
  return make(c)
end

local known = { block = check.optional "string" }

--- Reads a crystal structure from a CIF file, with gemmi. Operators are those listed, or else those of the symbol of
-- the space group, in the setting that the file states. Positions that are rounded, such as 0.333, are moved to the
-- special position within 0.1 A; split atoms stay split. What was left out, interpreted, or contradicts itself is in
-- crystal.notes. What cannot be used (no cell, no group, unknown elements, no positions) is refused with block and tag.
-- @param path string
-- @option block name of the data block; else the first with atoms
-- @return crystal or nil and a message
-- @usage local rutile = mb.xrd.read "TiO2.cif"
function crystal.read(path, options)
  check.kind("xrd.read", "path", path, "string")
  options = check.options("xrd.read", options, known)
  local module, missing = reader()
  if not module then return nil, missing end
  local bytes, err = files.read(path)
  if not bytes then return nil, err end
  local c, why = module.read(bytes, options.block)
  if not c then return nil, ("%s: %s"):format(path, check.printable(why)) end
  return crystal.new(c, path)
end

check.takes(crystal.read, 2, known)

local known_text = { block = check.optional "string" }

--- Reads a crystal structure from the text of a CIF file; otherwise as mb.xrd.read.
-- @param text string
-- @option block name of the data block; else the first with atoms
-- @return crystal or nil and a message
function crystal.parse(text, options)
  check.kind("xrd.parse", "text", text, "string")
  options = check.options("xrd.parse", options, known_text)
  local module, missing = reader()
  if not module then return nil, missing end
  local c, why = module.read(text, options.block)
  if not c then return nil, check.printable(why) end
  return crystal.new(c)
end

check.takes(crystal.parse, 2, known_text)

--- True if a value is a crystal.
function crystal.is(value) return getmetatable(value) == Crystal end

--- Returns a crystal as it is, or that of a path; raises for another value.
-- @return crystal or nil and a message
function crystal.of(operation, name, value)
  if crystal.is(value) then return value end
  if type(value) == "string" then return crystal.read(value) end
  check.fail(operation, "%s: expected a crystal, as mb.xrd.read gives it, or a path, got %s", name, check.show(value))
end

return crystal
