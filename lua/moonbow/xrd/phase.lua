--- One phase of a measured pattern: a crystal with what a refinement may change of it, and its pattern.
local core = require "moonbow.core"
local check = require "moonbow.check"
local lattice = require "moonbow.xrd.lattice"
local peaks = require "moonbow.xrd.peaks"
local shape = require "moonbow.xrd.shape"

local phase = {}

--- The most that refined numbers may be: the reciprocal of the crystallite size in 1 / angstrom, microstrain, and the
-- logarithm of r of a texture, either way.
phase.bounds = { broadening = 1 / 10, microstrain = 0.03, texture = math.log(5) }
--- The same in a search: with more freedom, false phases fit what others leave.
phase.bounds_of_search = { broadening = 1 / 50, microstrain = 0.01, texture = math.log(2) }

local MOST_STRAIN = 0.1

--- Raises if lengths may change by more than a tenth: a cell that far from its file's is another structure.
function phase.check_strain(operation, strain)
  if strain > MOST_STRAIN then check.fail(operation, "strain: expected at most %g, got %g", MOST_STRAIN, strain) end
end

--- Directions along which crystallites may prefer to lie.
phase.directions = { { 0, 0, 1 }, { 1, 0, 0 }, { 0, 1, 0 }, { 1, 1, 0 }, { 1, 0, 1 }, { 0, 1, 1 }, { 1, 1, 1 } }

--- A candidate: its crystal, the strains that its symmetry allows, and its families with the intensities of the
-- file's cell.
-- @param physics of mb.xrd.peaks, with the range two_theta
function phase.candidate(operation, crystal, physics)
  local list = peaks.of(operation, crystal, physics)
  return { crystal = crystal, strains = lattice.strains(crystal), families = peaks.families(list),
    wavelengths = peaks.wavelengths(list), peaks = list, two_theta = physics.two_theta }
end

--- Gives a candidate the families of a wider range 2theta.
function phase.widen(operation, candidate, physics, range)
  local wider = setmetatable({ two_theta = range }, { __index = physics })
  local list = peaks.of(operation, candidate.crystal, wider)
  candidate.families, candidate.peaks, candidate.two_theta = peaks.families(list), list, range
end

--- A phase at the cell of its file.
-- @param candidate as phase.candidate gives it
-- @param size of crystallites in angstrom
-- @return { candidate, strain (list), broadening, microstrain, texture (log r), direction (nil: none), scale }
function phase.new(candidate, size)
  local strain = {}
  for k = 1, #candidate.strains do strain[k] = 0 end
  return { candidate = candidate, strain = strain, broadening = 1 / size, microstrain = 0, texture = 0, scale = 0 }
end

function phase.copy(p)
  local copy = {}
  for name, value in pairs(p) do copy[name] = value end
  copy.strain = table.move(p.strain, 1, #p.strain, 1, {})
  return copy
end

--- The cell as refined.
function phase.cell(p) return lattice.strained(p.candidate.crystal, p.candidate.strains, p.strain) end

--- How far the lengths of the refined cell are from the file's: the largest share.
function phase.deviation(p)
  local cell, largest = phase.cell(p), 0
  for i = 1, 3 do largest = math.max(largest, math.abs(cell[i] / p.candidate.crystal.cell[i] - 1)) end
  return largest
end

--- The refined numbers of a phase: { owner, key, low, high, step, name } of each.
-- @param reach most that a length may change, as a share
-- @param bounds phase.bounds, or those of a search
function phase.parameters(p, reach, bounds)
  local list, texture = {}, bounds.texture
  for k = 1, #p.strain do list[k] = { p.strain, k, -reach, reach, 1e-5, "cell" } end
  list[#list + 1] = { p, "broadening", 0, bounds.broadening, 1e-5, "size" }
  list[#list + 1] = { p, "microstrain", 0, bounds.microstrain, 1e-5, "strain" }
  if p.direction then list[#list + 1] = { p, "texture", -texture, texture, 1e-3, "texture" } end
  return list
end

-- Multiplies the strengths of a phase by its texture.
local function families_of(p)
  local candidate = p.candidate
  if not p.direction or p.texture == 0 then return candidate.families end
  local h, k, l = table.unpack(p.direction)
  return core.xrd_texture(candidate.families, candidate.crystal.cell, candidate.crystal.operators,
    { h, k, l, math.exp(p.texture) })
end

--- The pattern of a phase per unit of mass, (1, L): a crystal scatters as its intensity by the volume of its cell, of
-- which a gram holds 1 / (mass of the cell).
-- @param data { axis, instrument, physics, smear (square degrees that means of points add to W; nil: none) }
-- @param globals { displacement (degrees), W (square degrees) }
function phase.pattern(p, data, globals)
  local candidate = p.candidate
  if not candidate.families then return core.full(0, 1, #data.axis) end
  local instrument = setmetatable({ W = globals.W + (data.smear or 0) }, { __index = data.instrument })
  local cell = phase.cell(p)
  local y = core.xrd_phase(data.axis, candidate.wavelengths, families_of(p),
    shape.sample(cell, p.broadening > 0 and 1 / p.broadening or nil, p.microstrain),
    shape.flat(instrument, data.zero, globals.displacement, peaks.polarisation(data.physics)))
  return core.reshape(core.mul(y, 1 / (candidate.crystal.mass * lattice.volume(cell))), 1, -1)
end

return phase
