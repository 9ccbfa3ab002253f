-- Units of axes and kinds of values, by the texts of files.
local mb = require "moonbow"
local units = require "moonbow.spectra.units"
local temporary_folder = require "support.temporary_folder"

local function axis(text) return { units.axis(text) } end
local function quantity(text) return { units.quantity(text) } end

describe("the axis", function()
  it("has the unit that stands behind its name, whatever the letters", function()
    for text, expected in pairs { ["Wavelength (Å)"] = { "Å", "wavelength", false },
      ["Wavelength (\u{212B})"] = { "Å", "wavelength", false }, ["Wavelength (A)"] = { "Å", "wavelength", false },
      ["1/Å"] = { "1/Å", "q", false }, ["Q (Å⁻¹)"] = { "1/Å", "q", false },
      ["|q| (1/nm)"] = { "1/nm", "q", false }, ["Scattering vector (1/nm)"] = { "1/nm", "q", false },
      ["s (nm-1)"] = { "1/nm", "s", false }, ["1/d (1/Å)"] = { "1/Å", "1/d", false },
      tth = { "deg", "2theta", false }, ["tth (deg)"] = { "deg", "2theta", false },
      ["Energy (MeV)"] = { "MeV", "energy", false },
      ["Energy (meV)"] = { "meV", "energy", false }, ["Pos. [°2Th.]"] = { "deg", "2theta", false },
      ["°2Theta"] = { "deg", "2theta", false }, ["DEGREES 2-THETA"] = { "deg", "2theta", false },
      ["Raman shift, cm-1"] = { "cm-1", "Raman shift", false }, ["Wavelength nm"] = { "nm", "wavelength", false },
      wavelength_nm = { "nm", "wavelength", false }, Wellenzahl = { "cm-1", "wavenumber", false },
      ["m/z (m/z)"] = { "m/z", "m/z", true }, ["Wavelength (air)"] = { "nm", "wavelength", true },
      ["2Theta (Cu Ka)"] = { "deg", "2theta", true }, ["Wavenumber (cm^{-1})"] = { "cm-1", "wavenumber", false } } do
      assert.same(expected, axis(text), text)
    end
  end)

  it("has no unit of another scale", function()
    for _, text in ipairs { "Wavelength (m)", "Wavenumber (1/m)", "Wavelength (pm)", "Mass (kg)", "MEV", "mHz", "nM",
      "µM", "sample, s", "sample nm" } do
      assert.is_nil(axis(text)[1], text)
    end
  end)
end)

describe("the kind of values", function()
  it("is that of a name, or of a known unit behind it", function()
    for text, expected in pairs { ["-log10(T)"] = { "absorbance" }, ["Abs."] = { "absorbance" },
      ["Absorbance (AU)"] = { "absorbance" }, ["Absorbance (A)"] = { "absorbance" },
      ["Absorbance [-]"] = { "absorbance" },
      ["Intensity (counts)"] = { "counts" }, ["Signal (counts)"] = { "counts" }, ["Intensity, counts"] = { "counts" },
      ["Counts (s-1)"] = { "counts per second" }, ["Intensity / a.u."] = { "intensity" },
      ["Intensity (785 nm)"] = { "intensity" }, ["Transmittance (%)"] = { "transmittance", "%" },
      ["Reflectance, %"] = { "reflectance", "%" }, ["Absorbance (log 1/R)"] = { "log(1/R)" } } do
      assert.same(expected, quantity(text), text)
    end
  end)

  it("is not known of functions of it, other scales, and names of samples", function()
    for _, text in ipairs { "F(R)", "ln(T)", "log(R)", "dR/R", "log(counts)", "Sqrt(Counts)",
      "1st derivative (absorbance)",
      "Absorption (%)", "Absorbance (mAU)", "leaf (L)", "leaf (R)", "tumor (N)", "tumor (T)", "sample/A", "sample/C",
      "T (K)", "Counts (10^3)", "I/I0", "mAU" } do
      assert.same({}, quantity(text), text)
      assert.is_false(units.tells(text), text)
    end
  end)
end)

describe("units and kinds that are not known", function()
  it("come back from CSV and XY, with names", function()
    local folder = temporary_folder()
    local function back(suffix, options)
      options.x, options.axis = { { 0.1, 0.2, 0.4 } }, { 1, 2, 3 }
      local path = folder .. "/a." .. suffix
      assert(mb.spectra.write(mb.spectra.set(options), path))
      local set = assert(mb.spectra.read(path))
      os.remove(path)
      return { set.unit, set.axis_name, set.quantity, set.percent or false, set.names[1] }
    end
    for _, suffix in ipairs { "csv", "xy" } do
      assert.same({ "K", "temperature", "fluorescence", false, "calcite 1" }, back(suffix, { unit = "K",
        axis_name = "temperature", quantity = "fluorescence", names = { "calcite 1" } }))
      assert.same({ "mbar", nil, "yield", true, "a" }, back(suffix, { unit = "mbar", quantity = "yield", percent = true,
        names = { "a" } }))
    end
    os.remove(folder)
  end)
end)

describe("each unit and kind of values", function()
  it("comes back from the files that hold it", function()
    local folder = temporary_folder()
    for _, suffix in ipairs { "csv", "xy", "jdx" } do
      local path = folder .. "/a." .. suffix
      units.each(function(unit, name, is_percent)
        local set = mb.spectra.set { x = { { 0.1, 0.2, 0.4 } }, axis = { 1, 2, 3 }, unit = unit,
          axis_name = unit and name, quantity = not unit and name or nil, percent = is_percent }
        assert(mb.spectra.write(set, path))
        local back = assert(mb.spectra.read(path))
        assert.same({ set.unit, set.quantity, set.percent or nil }, { back.unit, back.quantity, back.percent }, name)
        if suffix ~= "jdx" then assert.equal(set.axis_name, back.axis_name) end
      end)
      os.remove(path)
    end
    os.remove(folder)
  end)
end)
