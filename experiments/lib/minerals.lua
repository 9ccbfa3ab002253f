-- Simple minerals and compounds whose cells and positions every textbook has (Wyckoff, Crystal Structures, 1963), so
-- that experiments on powder patterns need no files. Some have the same structure, with other cells and atoms.
local mb = require "moonbow"

local halite = { "F m -3 m", "%s 0 0 0\n%s .5 .5 .5" }
local rutile = { "P 42/m n m", "%s 0 0 0\n%s .3053 .3053 0" }
local fluorite = { "F m -3 m", "%s 0 0 0\n%s .25 .25 .25" }
local corundum = { "R -3 c:H", "%s 0 0 .3535\n%s .306 0 .25" }

local function cubic(a) return { a, a, a, 90, 90, 90 } end
local function tetragonal(a, c) return { a, a, c, 90, 90, 90 } end
local function hexagonal(a, c) return { a, a, c, 90, 90, 120 } end

local list = {
  { "periclase", cubic(4.2112), halite, "Mg", "O" }, { "bunsenite", cubic(4.1771), halite, "Ni", "O" },
  { "manganosite", cubic(4.4448), halite, "Mn", "O" }, { "halite", cubic(5.6402), halite, "Na", "Cl" },
  { "rutile", tetragonal(4.5937, 2.9587), rutile, "Ti", "O" },
  { "cassiterite", tetragonal(4.7382, 3.1871), rutile, "Sn", "O" },
  { "pyrolusite", tetragonal(4.3983, 2.8730), rutile, "Mn", "O" },
  { "fluorite", cubic(5.4626), fluorite, "Ca", "F" }, { "cerianite", cubic(5.4110), fluorite, "Ce", "O" },
  { "corundum", hexagonal(4.7589, 12.991), corundum, "Al", "O" },
  { "hematite", hexagonal(5.038, 13.772), corundum, "Fe", "O" },
  { "zincite", hexagonal(3.2495, 5.2069), { "P 63 m c", "%s .33333 .66667 0\n%s .33333 .66667 .382" }, "Zn", "O" },
  { "anatase", tetragonal(3.7845, 9.5143), { "I 41/a m d:1", "%s 0 0 0\n%s 0 0 .2081" }, "Ti", "O" },
}

local CIF = "data_%s\n_cell_length_a %g\n_cell_length_b %g\n_cell_length_c %g\n_cell_angle_alpha %g\n"
  .. "_cell_angle_beta %g\n_cell_angle_gamma %g\n_space_group_name_H-M_alt '%s'\nloop_\n_atom_site_label\n"
  .. "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n%s\n"

--- Returns the crystals, as mb.xrd.read gives them.
return function()
  local crystals = {}
  for i, entry in ipairs(list) do
    local name, cell, structure, cation, anion = table.unpack(entry)
    local a, b, c, alpha, beta, gamma = table.unpack(cell)
    crystals[i] = assert(mb.xrd.parse(CIF:format(name, a, b, c, alpha, beta, gamma, structure[1],
      structure[2]:format(cation, anion))))
  end
  return crystals
end
