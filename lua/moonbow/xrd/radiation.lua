--- Characteristic lines of X-ray tubes, and other radiation.
local check = require "moonbow.check"

local radiation = {}

local HC = 12398.419843 -- eV angstrom

-- Wavelengths in angstrom: Cu, Co, Fe and Cr from Hoelzer et al. (1997), Phys. Rev. A 56, 4554; Mo from Bearden (1967),
-- as in International Tables C (2004), table 4.2.2.1. K beta is beta 1,3.
local lines = {
  Cr = { Ka1 = 2.289726, Ka2 = 2.293651, Kb = 2.084881 },
  Fe = { Ka1 = 1.936041, Ka2 = 1.939973, Kb = 1.756604 },
  Co = { Ka1 = 1.788996, Ka2 = 1.792835, Kb = 1.620826 },
  Cu = { Ka1 = 1.540593, Ka2 = 1.544427, Kb = 1.392234 },
  Mo = { Ka1 = 0.709317, Ka2 = 0.713607, Kb = 0.632303 },
}
local KA2 = 0.5 -- intensity of K alpha 2 to that of K alpha 1

--- What is accepted, for messages and the help.
radiation.names = {}
for _, anode in ipairs { "Cu", "Co", "Mo", "Fe", "Cr" } do
  for _, line in ipairs { "", "Ka", "Ka1", "Ka2", "Kb" } do radiation.names[#radiation.names + 1] = anode .. line end
end

local function named(operation, name)
  check.name(operation, "radiation", name, radiation.names)
  local anode, line = name:sub(1, 2), name:sub(3)
  local of = lines[anode]
  if line == "" then
    return { { name = anode .. "Ka1", wavelength = of.Ka1, weight = 1 / (1 + KA2) },
      { name = anode .. "Ka2", wavelength = of.Ka2, weight = KA2 / (1 + KA2) } }
  end
  local wavelength = line == "Ka" and (of.Ka1 + KA2 * of.Ka2) / (1 + KA2) or of[line]
  return { { name = name, wavelength = wavelength, weight = 1 } }
end

local function listed(operation, list)
  local found, sum = {}, 0
  for i, line in ipairs(check.list(operation, "radiation", list)) do
    local name = ("radiation[%d]"):format(i)
    check.kind(operation, name, line, "table")
    local wavelength = check.kind(operation, name .. ".wavelength", line.wavelength, "positive")
    local weight = check.kind(operation, name .. ".weight", line.weight, "positive")
    found[i], sum = { name = ("%.7g A"):format(wavelength), wavelength = wavelength, weight = weight }, sum + weight
  end
  if #found == 0 then check.fail(operation, "radiation: expected at least one line, got none") end
  for _, line in ipairs(found) do line.weight = line.weight / sum end
  return found
end

--- The lines of a radiation, the first of which is the reference.
-- @return list of { name, wavelength (angstrom), weight (they add up to 1), energy (eV) }
function radiation.lines(operation, given)
  local found
  if type(given) == "number" then
    check.kind(operation, "radiation", given, "positive")
    found = { { name = ("%.7g A"):format(given), wavelength = given, weight = 1 } }
  else
    found = type(given) == "table" and listed(operation, given) or named(operation, given)
  end
  for _, line in ipairs(found) do
    line.energy = HC / line.wavelength
    if line.wavelength < 0.05 or line.wavelength > 10 then
      check.fail(operation, "radiation: expected a wavelength of 0.05 to 10 angstrom, got %g", line.wavelength)
    end
  end
  return found
end

--- "CuKa1 1.540593 A, CuKa2 1.544427 A (1 : 0.5)"
function radiation.text(found)
  local names, weights = {}, {}
  for i, line in ipairs(found) do
    local wavelength = ("%.7g A"):format(line.wavelength)
    names[i] = line.name == wavelength and wavelength or line.name .. " " .. wavelength
    weights[i] = ("%.4g"):format(line.weight / found[1].weight)
  end
  return table.concat(names, ", ") .. (#found > 1 and (" (%s)"):format(table.concat(weights, " : ")) or "")
end

return radiation
