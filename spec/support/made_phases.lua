--- Crystals whose mixtures are simulated and fitted.
local mb = require "moonbow"

local made_phases = {}

--- A cubic crystal; sites as lines "label x y z".
function made_phases.cubic(name, a, group, sites)
  return assert(mb.xrd.parse(("data_%s\n_cell_length_a %g\n_cell_length_b %g\n_cell_length_c %g\n"
    .. "_space_group_name_H-M_alt '%s'\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n"
    .. "_atom_site_fract_z\n%s\n"):format(name, a, a, a, group, sites)))
end

made_phases.HALITE = made_phases.cubic("halite", 5.6402, "F m -3 m", "Na 0 0 0\nCl .5 .5 .5")
made_phases.NICKEL = made_phases.cubic("nickel", 3.5238, "F m -3 m", "Ni 0 0 0")
made_phases.SILICON = made_phases.cubic("silicon", 5.4309, "F d -3 m:2", "Si .125 .125 .125")
made_phases.TUNGSTEN = made_phases.cubic("tungsten", 3.1652, "I m -3 m", "W 0 0 0")
made_phases.ALL = { made_phases.HALITE, made_phases.NICKEL, made_phases.SILICON, made_phases.TUNGSTEN }
made_phases.RUTILE = assert(mb.xrd.parse [[
data_rutile
_cell_length_a 4.5937
_cell_length_b 4.5937
_cell_length_c 2.9587
_space_group_name_H-M_alt 'P 42/m n m'
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Ti 0 0 0
O 0.3053 0.3053 0
]])
made_phases.GRID = { first = 20, last = 90, step = 0.03 }

--- The weights of a mixture's phases by their names.
function made_phases.weights(mixture)
  local by_name = {}
  for _, phase in ipairs(mixture.phases) do by_name[phase.crystal.name] = phase.weight end
  return by_name
end

--- The cell of a crystal with longer edges.
function made_phases.strained(crystal, a, c)
  return { crystal.cell[1] * a, crystal.cell[2] * a, crystal.cell[3] * c, 90, 90, 90 }
end

return made_phases
