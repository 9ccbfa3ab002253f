--- The radiation that the file of a pattern states in its metadata, which each format names in its own way.
local check = require "moonbow.check"

local ALPHA_2 = 0.5 -- intensity of K alpha 2 to that of K alpha 1, where the file has no ratio

-- Keys of the wavelengths of K alpha 1 and 2, of their ratio, of K beta, of the line in use, of the unit, and of what
-- was diffracted; `alone`: the name of K alpha 1 where that of both is another. XRDML names both "K-Alpha 1", too.
local formats = {
  { alpha1 = "kAlpha1 (Angstrom)", alpha2 = "kAlpha2 (Angstrom)", ratio = "ratioKAlpha2KAlpha1",
    beta = "kBeta (Angstrom)", line = "usedWavelength" }, -- XRDML
  { alpha1 = "WaveLengthAlpha1 (Å)", alpha2 = "WaveLengthAlpha2 (Å)", beta = "WaveLengthBeta (Å)",
    ratio = "WaveLengthRatio" }, -- Bruker BRML
  { alpha1 = "k_alpha1", alpha2 = "k_alpha2", ratio = "k_alpha_ratio" }, -- Bruker RAW, Stoe RAW
  { alpha1 = "WL1", alpha2 = "WL2", ratio = "WLRATIO", unit = "WL_UNIT" }, -- Bruker UXD
  { alpha1 = "WavelengthKalpha1", alpha2 = "WavelengthKalpha2", beta = "WavelengthKbeta",
    line = "WaveType", alone = "Ka1" }, -- Rigaku RASX
  { alpha1 = "HW_XG_WAVE_LENGTH_ALPHA1", alpha2 = "HW_XG_WAVE_LENGTH_ALPHA2", beta = "HW_XG_WAVE_LENGTH_BETA",
    line = "MEAS_COND_XG_WAVE_TYPE", alone = "Ka1", unit = "HW_XG_WAVE_LENGTH_UNIT" }, -- Rigaku RAS
  { alpha1 = "WAVE_LENGTH1", alpha2 = "WAVE_LENGTH2", line = "XRAY_CHAR" }, -- Rigaku ASC
  { alpha1 = "LabdaAlpha1", alpha2 = "LabdaAlpha2", ratio = "RatioAlpha21" }, -- Philips UDF
  { alpha1 = "_diffrn_radiation_wavelength", probe = "_diffrn_radiation_probe" }, -- CIF
}

-- A number above 0, also as "1.5406(1)"; nil for others.
local function positive(value)
  local number = tonumber(value) or tonumber((tostring(value):gsub("%(%d+%)$", "")))
  return number and number > 0 and number or nil
end

-- The lines by the keys of one format; nil if it states none.
local function lines_of(operation, metadata, keys)
  local alpha1, alpha2 = positive(metadata[keys.alpha1]), positive(metadata[keys.alpha2])
  local probe, unit = tostring(metadata[keys.probe] or "x-ray"):lower(), tostring(metadata[keys.unit] or "A")
  if not alpha1 or not unit:find "^[AÅ]" then return nil end
  if not probe:find "^x" then
    check.fail(operation, "radiation: the pattern's file states %s, and form factors are those of X-rays", probe)
  end
  local line = tostring(metadata[keys.line] or ""):lower()
  if line:find "beta" or line:find "kb" then
    return positive(metadata[keys.beta]) or check.fail(operation, "radiation: the pattern's file states %s, but no "
      .. "wavelength of it", metadata[keys.line])
  end
  local ratio = tonumber(metadata[keys.ratio]) or ALPHA_2
  if not alpha2 or ratio <= 0 or keys.alone and metadata[keys.line] == keys.alone then return alpha1 end
  return { { wavelength = alpha1, weight = 1 }, { wavelength = alpha2, weight = ratio } }
end

--- The radiation, as mb.xrd.peaks takes it, that metadata state; nil if they state none. Raises for neutrons.
return function(operation, metadata)
  for _, keys in ipairs(formats) do
    local lines = lines_of(operation, metadata, keys)
    if lines then return lines end
  end
end
