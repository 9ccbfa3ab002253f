--- How the axis of a set of spectra is labelled in figures.
local check = require "moonbow.check"
local units = require "moonbow.spectra.units"

local written = { ["cm-1"] = "cm⁻¹", deg = "°", um = "µm", us = "µs", points = false, ["1/Å"] = "Å⁻¹",
  ["1/nm"] = "nm⁻¹", ["m/z"] = false }

local function text_of(spectra)
  local name, unit = spectra.axis_name, spectra.unit
  if name == "2theta" then name = "2θ" end
  if unit and written[unit] ~= nil then unit = written[unit] end
  if not name then return unit or nil end
  return check.printable(unit and ("%s (%s)"):format(name, unit) or name)
end

--- Returns the label, "Raman shift (cm⁻¹)", or nil; and true if the axis falls from left to right on paper.
return function(spectra) return text_of(spectra), units.falls_on_paper[spectra.axis_name or false] or false end
