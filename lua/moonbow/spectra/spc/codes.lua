--- The codes of SPC files: units of axes, kinds of values, techniques.
local codes = {}

--- By code: the unit and the name of an axis. Code 0 is an axis that the file does not name.
codes.axes = {
  [0] = {}, { "cm-1", "wavenumber" }, { "um", "wavelength" }, { "nm", "wavelength" }, { "s", "time" },
  { "min", "time" }, { "Hz", "frequency" }, { "kHz", "frequency" }, { "MHz", "frequency" }, { "m/z", "m/z" },
  { "ppm", "chemical shift" },
  { "days", "time" }, { "years", "time" }, { "cm-1", "Raman shift" }, { "eV", "energy" }, {}, { "points", "diode" },
  { "points", "channel" }, { "deg", "angle" }, { "°F", "temperature" }, { "°C", "temperature" },
  { "K", "temperature" }, { "points", "points" }, { "ms", "time" }, { "us", "time" }, { "ns", "time" },
  { "GHz", "frequency" }, { "cm", "wavelength" }, { "m", "wavelength" }, { "mm", "wavelength" }, { "h", "time" },
  [255] = { "points", "points" }, -- a double interferogram
}

--- By code: the kind of the values, as units.lua writes it or in the words of the format.
codes.values = {
  [0] = "intensity", "interferogram", "absorbance", "Kubelka-Munk", "counts", "voltage", "angle", "current", "length",
  "voltage", "log(1/R)", "percent", "intensity", "intensity", "energy", [16] = "decibel", [19] = "temperature",
  [20] = "temperature", [21] = "temperature", [22] = "refractive index", [23] = "extinction coefficient",
  [24] = "real part", [25] = "imaginary part", [26] = "complex", [128] = "transmittance", [129] = "reflectance",
  [130] = "single beam", [131] = "emission", [255] = "single beam",
}

codes.techniques = { "gas chromatogram", "chromatogram", "HPLC chromatogram", "FT-IR, FT-NIR or FT-Raman", "NIR",
  [7] = "UV-Vis", [8] = "X-ray diffraction", [9] = "mass spectrum", [10] = "NMR", [11] = "Raman",
  [12] = "fluorescence", [13] = "atomic", [14] = "diode array" }

return codes
