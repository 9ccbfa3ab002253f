-- Texts of Raman, infrared and fluorescence instruments, written here by their layouts, and the measured files.
local mb = require "moonbow"
local damage = require "support.damage"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local measured = require "support.measured"
local temporary_folder = require "support.temporary_folder"

local refuses, survives = files.expect_refusal, files.expect_survival

-- Reads a measured file and compares it with the index.
local function agrees(name)
  local path, reference = files.measured(name)
  if not path then return pending(reference) end
  local set = assert(mb.spectra.read(path))
  assert.same({}, index.differences(set, reference), name)
  return set
end

describe("LabSpec's text", function()
  local HEAD = "#Acq. time (s)=\t3\n#Laser (nm)=\t473 \n#Title=\tgraphite\n#AxisType[0]=Intens\n#AxisUnit[0]=Cnt\n"
    .. "#AxisType[1]=Spectr\n#AxisUnit[1]=1/cm\n"
  local PLACES = "#AxisType[2]=X\n#AxisUnit[2]=\u{b5}m\n#AxisType[3]=Y\n#AxisUnit[3]=\u{b5}m\n"

  it("holds a spectrum in two columns", function()
    local set = assert(files.read(HEAD .. "100.5\t57\n102.5\t58\n"))
    assert.same({ { 100.5, 102.5 }, { 57, 58 } }, { set.axis, files.values(set) })
    assert.same({ "Raman shift", "cm-1", "counts", "AxisUnit[0]=Cnt" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ "graphite", 3, 473 }, { set.names[1], set.metadata[1]["Acq. time (s)"],
      set.metadata[1]["Laser (nm)"] })
  end)

  it("holds lines and maps in rows, behind their places", function()
    local set = assert(files.read(HEAD .. PLACES .. "\t\t100.5\t102.5\n-1.5\t2\t57\t58\n-1.5\t3\t59\t60\n"))
    assert.same({ { 57, 58 }, { 59, 60 } }, { files.values(set, 1), files.values(set, 2) })
    assert.same({ { "-1.5", "-1.5" }, { "2", "3" } }, { set.labels["Y (um)"], set.labels["X (um)"] })
    assert.same({ "Y (um)", "X (um)" }, set.columns)
    local bare = assert(files.read "\t100.5\t102.5\n0.5\t57\t58\n1.5\t59\t60\n")
    assert.same({ "0.5", "1.5" }, bare.labels["place 1"])
  end)

  it("is cut off, or wrong, with the reason", function()
    local map = HEAD .. PLACES .. "\t\t100.5\t102.5\n-1.5\t2\t57\t58\n-1.5\t3\t59"
    refuses("the file is cut off: 1 of more spectra; row 2 has 1 of 2 values are there; partial = true reads them", map)
    assert.same({ 57, 58 }, files.values(assert(files.read(map, { partial = true }))))
    refuses("an axis without spectra; is the file cut off?", HEAD .. "\t\t100.5\t102.5\n")
    refuses("expected rows of 2 numbers below the header, got 3", HEAD .. "1 2 3\n")
    refuses("row 1: expected a number, got 'x'", HEAD .. "\t100.5\t102.5\n-1.5\t2\tx\n")
    survives(HEAD .. PLACES .. "\t\t100.5\t102.5\n-1.5\t2\t57\t58\n-1.5\t3\t59\t60\n")
  end)

  it("of an instrument holds what other readers find", function() agrees "labspec_txt/Gd2O3_AlN_map_data.txt" end)
end)

describe("B&W Tek's text", function()
  local HEAD = "File Version;BWSpec4.11_1\r\nDate;2021-10-27\r\noperator;\r\npixel_num;4\r\nlaser_wavelength;784,82\r\n"
    .. "coefs_a0;769,44\r\nPixel;Wavelength;Wavenumber;Raman Shift;Dark;Raw data #1;Dark Subtracted #1;%TR #1;\r\n"
  local ROWS = "0;   ;   ;   ;1104,0;987,0;-117,0;0,0;\r\n1;786,13;12720,5;21,25;1200,0;1260,5;60,5;0,0;\r\n"
    .. "2;786,28;12718,1;23,65;1100,0;1172,0;72,0;0,0;\r\n3;   ;   ;   ;1200,0;1198,0;-2,0;1,5E+01;\r\n"

  it("holds counts of pixels, of which those with a shift are points", function()
    local set = assert(files.read(HEAD .. ROWS))
    assert.same({ { 21.25, 23.65 }, { 60.5, 72 } }, { set.axis, files.values(set) })
    assert.same({ "Raman shift", "cm-1", "counts", "the column Dark Subtracted #1" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ Date = "2021-10-27", laser_wavelength = 784.82 }, set.metadata[1])
    assert.equal("2 of 4 pixels have no Raman Shift and are left out", set.notes[2])
  end)

  it("has other columns, and points of decimals", function()
    local text = (HEAD .. ROWS):gsub(",", ".")
    local raw = assert(files.read(text, { block = "Raw data" }))
    assert.same({ { 1260.5, 1172 }, "counts" }, { files.values(raw), raw.quantity })
    assert.is_nil(assert(files.read(text, { block = "%TR" })).quantity)
    local bare = assert(files.read((text:gsub("2[13]%.[26]5;", ";"))))
    assert.same({ { 786.13, 786.28 }, "wavelength", "nm" }, { bare.axis, bare.axis_name, bare.unit })
  end)

  it("is cut off, or wrong, with the reason", function()
    local cut = HEAD .. ROWS:sub(1, -40)
    refuses("the file is cut off: 3 of 4 points of the table are there; partial = true reads them", cut)
    assert.same({ 60.5, 72 }, files.values(assert(files.read(cut, { partial = true }))))
    refuses("no table (Pixel;...); is the file cut off?", (HEAD:gsub("Pixel.*", "")))
    refuses("no column I; there are Pixel, Wavelength, Wavenumber, Raman Shift, Dark, Raw data #1, "
      .. "Dark Subtracted #1, %TR #1", HEAD .. ROWS, { block = "I" })
    refuses("row 2 of Dark Subtracted #1: expected a number, got 'x'", HEAD .. (ROWS:gsub("60,5", "x")))
    local bare = ROWS:gsub("786[^;]*;", ";"):gsub("2[13],[26]5;", ";")
    refuses("no column Raman Shift or Wavelength with values", HEAD .. bare)
    survives(HEAD .. ROWS)
  end)
end)

describe("Renishaw's text", function()
  local MAP = "#X\t\t#Y\t\t#Wave\t\t#Intensity\n1\t2\t200.5\t7\n1\t2\t199.5\t8\n1\t3\t200.5\t9\n1\t3\t199.5\t10\n"

  it("holds a spectrum for each place", function()
    local set = assert(files.read(MAP))
    assert.same({ { 200.5, 199.5 }, { 7, 8 }, { 9, 10 } }, { set.axis, files.values(set, 1), files.values(set, 2) })
    assert.same({ ["X (um)"] = { "1", "1" }, ["Y (um)"] = { "2", "3" } }, set.labels)
    assert.same({ "Raman shift", "cm-1", "counts" }, { set.axis_name, set.unit, set.quantity })
    local one = assert(files.read "#Wave\t\t#Intensity\n200.5\t7\n199.5\t8\n")
    assert.same({ 7, 8 }, files.values(one))
  end)

  it("may be without names, in four or three columns", function()
    local four, three = {}, {}
    for place = 1, 2 do
      for t = 1, 9 do
        four[#four + 1] = ("-11.5\t%d\t%d\t%d\n"):format(place, 600 - t, 10 * place + t)
        three[#three + 1] = ("%d\t%d\t%d\n"):format(place, 600 + t, 10 * place + t)
      end
    end
    local set = assert(files.read(table.concat(four)))
    assert.same({ 21, 22, 23, 24, 25, 26, 27, 28, 29 }, files.values(set, 2))
    assert.same({ ["X (um)"] = { "-11.5", "-11.5" }, ["Y (um)"] = { "1", "2" } }, set.labels)
    assert.same({ 599, 591 }, { set.axis[1], set.axis[9] })
    local line = assert(files.read(table.concat(three)))
    assert.same({ "1", "2" }, line.labels.place)
    assert.same({ 601, 609 }, { line.axis[1], line.axis[9] })
  end)

  it("without names is no such text if a word is no number", function()
    local rows = {}
    for i = 1, 9 do rows[i] = ("1\t%d\t7\n"):format(600 + i) end
    for _, word in ipairs { "6-4", "601?", ",6" } do
      rows[1] = ("1\t%s\t7\n"):format(word)
      assert(pcall(files.read, table.concat(rows)))
    end
  end)

  it("is cut off, or not read, with the reason", function()
    refuses("the file is cut off: 1 of 2 spectra of 2 points are there; partial = true reads them",
      (MAP:gsub("1\t3\t199.5.*", "")))
    refuses("point 2 is at 198 in one spectrum and at 199.5 in another; different axes in one file are not read",
      (MAP:gsub("3\t199.5", "3\t198")))
    survives(MAP)
  end)
end)

describe("WITec's text", function()
  local TABLE = "X-Axis\tMap_F(0/0)\tMap_F(1/0)\nrel. 1/cm\tCCD cts\tCCD cts\n 8.5E+01\t 9.94E+02\t 9.92E+02\n"
    .. " 9.5E+01\t 9.93E+02\t 9.91E+02\n"

  it("holds spectra in columns, with a line of units", function()
    local set = assert(files.read(TABLE))
    assert.same({ { 85, 95 }, { 994, 993 }, { 992, 991 } }, { set.axis, files.values(set, 1), files.values(set, 2) })
    assert.same({ x = { "0", "1" }, y = { "0", "0" } }, set.labels)
    assert.same({ "Raman shift", "cm-1", "counts", "the line of units: CCD cts" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    refuses("the table: 5 numbers, which do not fill rows of 3", (TABLE:gsub("\t 9.91E.*", "")))
    refuses("1 names for 2 spectra", (TABLE:gsub("\tMap_F%(1/0%)", "")))
    survives(TABLE)
  end)

  local MATCH = "[WITEC_TRUEMATCH_ASCII_HEADER]\nVersion = 1.0\n\n[SpectrumHeader]\nTitle = Particle 1\n"
    .. "SpectrumSize = 2\nXDataKind = nm\n\n[SampleMetaData]\nArea = 5.5\n\n[SpectrumData]\n528.5\t683\n528.75\t684\n"

  it("of TrueMatch holds spectra behind their headers", function()
    local more = MATCH:match "%[SpectrumHeader.*":gsub("Particle 1", "Particle 2")
    local set = assert(files.read(MATCH .. "\n" .. more))
    assert.same({ "Particle 1", "Particle 2" }, set.names)
    assert.same({ { 528.5, 528.75 }, { 683, 684 }, "nm" }, { set.axis, files.values(set, 2), set.unit })
    assert.equal(5.5, set.metadata[1].Area)
    refuses("the file is cut off: 1 of 2 points of spectrum 1 are there; partial = true reads them",
      (MATCH:gsub("528.75.*", "")))
    refuses("no [SpectrumData]; is the file cut off?", (MATCH:gsub("%[SpectrumData.*", "")))
    survives(MATCH)
  end)

  it("of its export holds a table behind [Data]", function()
    local head = "//Exported ASCII-File\n[Header]\nGraphName = Sa01--Spec\nSizeGraph = 2\n[Data]\n"
    local set = assert(files.read(head .. TABLE))
    assert.same({ { 994, 993 }, "Sa01--Spec" }, { files.values(set, 1), set.metadata[1].GraphName })
    assert.same({ 7, 8 }, files.values(assert(files.read(head .. "85.5\t7\n86.5\t8\n"))))
    refuses("no [Data]; is the file cut off?", "//Exported ASCII-File\n[Header]\n")
  end)

  it("that lists maps is refused", function()
    refuses("a list of maps with their sizes: it holds no spectra",
      "P_A32_006_Spec.Data 1\t16\t17\tSepsis\tbatch_1\t20140115\n")
  end)

  it("may be a pair of files", function()
    local folder = temporary_folder()
    local x, y = folder .. "/map-x.dat", folder .. "/map-y.dat"
    damage.write(x, " 8.5E+001\n 9.5E+001\n")
    damage.write(y, " 1.0E+000\n 2.0E+000\n 3.0E+000\n 4.0E+000\n")
    for _, path in ipairs { x, y, folder } do
      local set = assert(mb.spectra.read(path, { verbose = false }))
      assert.same({ { 85, 95 }, { 1, 2 }, { 3, 4 } }, { set.axis, files.values(set, 1), files.values(set, 2) })
    end
    damage.write(y, " 1.0E+000\n 2.0E+000\n 3.0E+000\n")
    local set, message = mb.spectra.read(y)
    assert.is_nil(set)
    assert.truthy(message:find("the file is cut off: 1 of 2 spectra of 2 points are there", 1, true))
    os.remove(x)
    set, message = mb.spectra.read(y)
    assert.is_nil(set)
    assert.truthy(message:find("one number in each line, and map-x.dat is not beside it", 1, true))
    os.remove(y)
    os.remove(folder)
  end)

  it("of instruments in several forms is equal", function()
    local folder, missing = measured "instrument_files"
    if not folder then return pending(missing) end
    local full = agrees "witec_txt/Witec-Map_full.txt"
    local y = assert(mb.spectra.read(folder .. "/witec_txt/Witec-Map-y.dat"))
    assert.same({ 25, 1024 }, { #full, full.length })
    for i = 1, 25 do assert.same(files.values(full, i), files.values(y, i)) end
    local two = assert(mb.spectra.read(folder .. "/witec_txt/Witec_TrueMatch.txt"))
    assert.same({ 2, 1024, "nm" }, { #two, two.length, two.unit })
  end)
end)

describe("PerkinElmer's text", function()
  local HEAD = "PE FL                   SPECTRUM    ASCII       PEDS        1.60        \n  -1\nSTD1.TXT\n07/12/10\n"
    .. "13:48:37.00\n#HDR\n-1\n-1\n#GR\nNM\n%s\n0.00002\n0.0\n405.0\n0.5\n2\n8\n27.5\n26.25\n#DATA\n"
  local BYTES = HEAD:format "%T" .. "405.000000\t27.5  \n405.500000\t26.25  \n"

  it("holds a spectrum behind #DATA", function()
    local set = assert(files.read(BYTES))
    assert.same({ { 405, 405.5 }, { 27.5, 26.25 } }, { set.axis, files.values(set) })
    assert.same({ "wavelength", "nm", "transmittance", true, "line 2 below #GR: %T" },
      { set.axis_name, set.unit, set.quantity, set.percent, set.decided })
    assert.equal("STD1.TXT", set.metadata[1].file)
    refuses("the file is cut off: 1 of 2 points of #DATA are there; partial = true reads them",
      (BYTES:gsub("405.5.*", "")))
    refuses("no #DATA; is the file cut off?", (BYTES:gsub("#DATA.*", "")))
    survives(BYTES)
  end)

  -- The index counts 182 points from 1 to 495: its reader took a line of the header, "1 0 0", for a point. The header
  -- announces 181 points from 405 in steps of 0.5.
  it("of an instrument holds the points that its header announces", function()
    local path, reference = files.measured "perkinelmer_txt/flu1.txt"
    if not path then return pending(reference) end
    local set = assert(mb.spectra.read(path))
    assert.same({ 181, 405, 495 }, { set.length, set.axis[1], set.axis[181] })
    local values, sum = files.values(set), 0
    for _, value in ipairs(values) do sum = sum + value end
    assert.near(reference.y_sum, sum, 0.01)
    assert.near(reference.y_last, values[181], 1e-5)
  end)

  local ASP = "3\r\n4000\r\n3999\r\n1\r\n2\r\n4\r\n0.5\r\n0.25\r\n0.75\r\n"

  it("of .asp is a list of numbers", function()
    local set = assert(files.read(ASP))
    assert.same({ { 4000, 3999.5, 3999 }, { 0.5, 0.25, 0.75 } }, { set.axis, files.values(set) })
    assert.same({ "cm-1", { "the axis is taken to be in cm-1: the file names no unit" } }, { set.unit, set.notes })
    refuses("the file is cut off: 2 of 3 points of the spectrum are there; partial = true reads them",
      (ASP:gsub("0.75.*", "")))
    local part = assert(files.read((ASP:gsub("0.75.*", "")), { partial = true }))
    assert.same({ 4000, 3999.5 }, part.axis)
    survives(ASP)
    agrees "perkinelmer_asp/ftir_ldpe_soil.asp"
  end)
end)

describe("RRUFF", function()
  local BYTES = "##NAMES=Soddyite\n##RRUFFID=R060361\n##LASER_WAVELENGTH=780\n107.5, 831.5\n108.5, 833.25\n##END=\n\n"

  it("holds pairs below its labels", function()
    local set = assert(files.read(BYTES))
    assert.same({ { 107.5, 108.5 }, { 831.5, 833.25 } }, { set.axis, files.values(set) })
    assert.same({ "Raman shift", "cm-1", "intensity", "LASER_WAVELENGTH: a Raman spectrum" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ "Soddyite", 780 }, { set.names[1], set.metadata[1].LASER_WAVELENGTH })
    refuses("the file is cut off: 1 of an unknown number of points are there; partial = true reads them",
      (BYTES:gsub("108.5.*", "")))
    refuses("the spectrum: expected a number, got 'x'", (BYTES:gsub("833.25", "x")))
    survives(BYTES)
  end)

  it("of the database is read", function()
    local folder, missing = measured "rruff_raman"
    if not folder then return pending(missing) end
    local name = "Anatase__R060277__Broad_Scan____0__unoriented__Raman_Data_RAW__21346.txt"
    local set = assert(mb.spectra.read(folder .. "/" .. name))
    assert.same({ "Raman shift", "the file's name: a Raman spectrum" }, { set.axis_name, set.decided })
    assert.near(79.84985, set.axis[1], 1e-9)
    assert.truthy(mb.spectra.read(folder .. "/raman_soddyite.rruff"))
  end)
end)

describe("Ocean Optics", function()
  local HEAD = "SpectraSuite Data File\n++++++\nUser: a\nIntegration Time (usec): 20000 (U1)\n"
    .. "Number of Pixels in Processed Spectrum: 3\n>>>>>Begin Processed Spectral Data<<<<<\n"
  local ROWS = "178.65\t0.5\n178.86\t2.5\n179.08\t1.5\n"

  it("writes x and y between lines of arrows", function()
    for _, tail in ipairs { ">>>>>End Processed Spectral Data<<<<<\n", "" } do
      local set = assert(files.read(HEAD .. ROWS .. tail))
      assert.same({ { 178.65, 178.86, 179.08 }, { 0.5, 2.5, 1.5 } }, { set.axis, files.values(set) })
      assert.same({ "a", "20000 (U1)" }, { set.metadata[1].User, set.metadata[1]["Integration Time (usec)"] })
    end
    local commas = HEAD .. ROWS:gsub("%.", ",") .. ">>>>> Datos<<<<< Extremo\n"
    assert.same({ 0.5, 2.5, 1.5 }, files.values(assert(files.read(commas))))
  end)
  it("says how many pixels there are", function()
    refuses("the file is cut off: 2 of 3 points of the spectrum are there; partial = true reads them",
      HEAD .. ROWS:gsub("179.08.*", ""))
    refuses("line 8, column 2 (0.5): expected a number, got 'x'", HEAD .. ROWS:gsub("2%.5", "x"))
    survives(HEAD .. ROWS)
  end)
  it("has two columns below such a line, also where the format is given", function()
    refuses("expected two columns, x and y", HEAD .. "nm\ta\tb\n" .. ROWS:gsub("\n", "\t7\n"))
    refuses("expected a line '>>>>>Begin ... Data<<<<<' above the data", ROWS, { format = "ocean_text" })
  end)
end)

describe("a table below settings", function()
  local function rows(form)
    local list = {}
    for i = 1, 9 do list[i] = form:format(340 + i, i * 7 % 5, i * 3 % 7) end
    return table.concat(list)
  end

  it("may have several numbers in a setting, as Spectral Evolution's", function()
    local head = "Comment: \nTemperature (C): 26.14,8.47,-5.77,26.78\nBattery: 7.49,7.40\nColumns [3]:\nData:\n"
    local set = assert(files.read(head .. "Wvl\tTarget\tReflect. %\n" .. rows " %d.0\t%d\t%d\n"))
    assert.same({ 2, 9 }, { set.x:size(1), set.length })
    assert.same({ "26.14,8.47,-5.77,26.78", "Target" }, { set.metadata[1]["Temperature (C)"], set.names[1] })
  end)
  it("may name other values by their unit, as Avantes'", function()
    local head = "\nIntegration time [ms]:    6.00\nAveraging Nr. [scans]: 79\n"
      .. "Wave   ;Sample   ;Reflectance\n[nm]   ;[counts] ;[%]\n\n"
    local set = assert(files.read(head .. rows " %d.00;%d;%d\n"))
    assert.same({ 1, 9, "nm", "counts" }, { set.x:size(1), set.length, set.unit, set.quantity })
    assert.truthy(table.concat(set.notes, "\n"):find(
      "column 3 (Reflectance) left out: values of another kind; block = 3 reads it", 1, true))
  end)
end)

describe("a column of whole numbers", function()
  it("is no .asp, whose codes are small", function()
    local set, why = files.read "479\n480\n482\n483\n485\n486\n488\n489\n"
    assert.is_nil(set)
    assert.truthy(why:find("found one cell", 1, true))
  end)
end)

describe("WITec's export", function()
  it("may have commas between its columns", function()
    local set = assert(files.read("//Exported ASCII-File\n[Header]\nSizeGraph = 2\n[Data]\nX-Axis,Spectrum 1\n"
      .. "nm,CCD cts\n 5.30E+02, 3.50E+02\n 5.31E+02, 3.25E+02\n"))
    assert.same({ { 530, 531 }, { 350, 325 }, "nm", "Spectrum 1" },
      { set.axis, files.values(set), set.unit, set.names[1] })
  end)
end)
