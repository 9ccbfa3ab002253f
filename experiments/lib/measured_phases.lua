-- Measured powder patterns whose phases are known: folders of $MOONBOW_DATA, with CIF files in references/ beside them.
-- Their names say what they hold: "MnO+TiO2.xy", or "NiO_0p6007-Bi2O3_0p4008--8min.xrdml" with shares of the mass.
local lfs = require "lfs"
local mb = require "moonbow"

-- The space groups of the samples, by which the CIF files are named.
local groups = { TiO2 = 141, NiO = 225, Bi2O3 = 14, ZnO = 186, V2O5 = 59, MnCO3 = 167, In2O3 = 206, ["La(OH)3"] = 176,
  Li2CO3 = 15, ZrO2 = 14, LiMnO2 = 59, Mn2O3 = 206, MnO = 225, MnO2 = 136, Li2MnO3 = 12, LiF = 225 }

local function names_in(folder, pattern)
  local list = {}
  for name in lfs.dir(folder) do
    if name:find(pattern) then list[#list + 1] = name end
  end
  table.sort(list)
  return list
end

-- Shares by the name of the phase; equal ones where the file does not say.
local function fractions_of(name)
  local fractions, count = {}, 0
  for formula, digits in name:gmatch "([%w()]+)_0p(%d+)" do
    fractions[("%s_%d"):format(formula, groups[formula])] = tonumber("0." .. digits)
    count = count + 1
  end
  if count > 0 then return fractions end
  for formula in name:gsub("%.%w+$", ""):gmatch "[^+]+" do
    fractions[("%s_%d"):format(formula, groups[formula])], count = true, count + 1
  end
  for phase in pairs(fractions) do fractions[phase] = 1 / count end
  return fractions
end

--- Reads a folder.
-- @return list of { pattern, fractions }, list of crystals; nil if the folder is missing
return function(folder)
  local root = os.getenv "MOONBOW_DATA"
  local path = root and root .. "/" .. folder
  if not path or not lfs.attributes(path) then return nil end
  local tests, candidates = {}, {}
  for _, name in ipairs(names_in(path .. "/references", "%.cif$")) do
    candidates[#candidates + 1] = assert(mb.xrd.read(path .. "/references/" .. name))
    candidates[#candidates].name = name:gsub("%.cif$", "")
  end
  for _, pattern in ipairs { "%.xy$", "%.xrdml$" } do
    for _, name in ipairs(names_in(path, pattern)) do
      tests[#tests + 1] = { pattern = assert(mb.spectra.read(path .. "/" .. name))[1], fractions = fractions_of(name) }
    end
  end
  return tests, candidates
end
