-- Texts of X-ray diffractometers, written here by their layouts, and the measured files.
local mb = require "moonbow"
local files = require "support.spectra_files"
local index = require "support.instrument_index"

local refuses, survives = files.expect_refusal, files.expect_survival

-- Reads a measured file and compares it with the index.
local function agrees(name)
  local path, reference = files.measured(name)
  if not path then return pending(reference) end
  local set = assert(mb.spectra.read(path))
  assert.same({}, index.differences(set, reference), name)
  return set
end

describe("RAS", function()
  local function scan(rows, more)
    return "*RAS_HEADER_START\r\n*FILE_SAMPLE \"Si\"\r\n*HW_COUNTER_NAME-4 \"\140o\"\r\n"
      .. "*MEAS_COND_AXIS_NAME-0 \"Omega\"\r\n"
      .. "*MEAS_COND_AXIS_UNIT-0 \"deg\"\r\n*MEAS_COND_AXIS_POSITION-0 \"1.5\"\r\n*MEAS_DATA_COUNT \"3\"\r\n"
      .. "*MEAS_SCAN_AXIS_X \"TwoThetaTheta\"\r\n*MEAS_SCAN_UNIT_X \"deg\"\r\n*MEAS_SCAN_UNIT_Y \"counts\"\r\n"
      .. (more or "") .. "*RAS_HEADER_END\r\n*RAS_INT_START\r\n" .. rows .. "*RAS_INT_END\r\n"
  end
  local ROWS = "10.0 7 1.0\r\n10.5 4 1.0\r\n11.0 30 1.0\r\n"
  local function file(...) return "*RAS_DATA_START\r\n" .. table.concat { ... } .. "*RAS_DATA_END\r\n" end

  it("holds positions, counts and factors", function()
    local set = assert(files.read(file(scan(ROWS))))
    assert.same({ { 10, 10.5, 11 }, { 7, 4, 30 } }, { set.axis, files.values(set) })
    assert.same({ "2theta", "deg", "counts", "MEAS_SCAN_UNIT_Y counts" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ "Si" }, set.names)
    assert.equal(1.5, set.metadata[1]["Omega (deg)"])
    assert.same({}, set.notes)
  end)

  it("is multiplied by the factors once, or read as stored", function()
    local bytes = file(scan "10.0 7 100.0\r\n10.5 4 100.0\r\n11.0 30 1.0\r\n")
    local set = assert(files.read(bytes))
    assert.same({ 700, 400, 30 }, files.values(set))
    assert.equal("MEAS_SCAN_UNIT_Y counts, times the attenuation factors", set.decided)
    assert.same({ "the stored counts were multiplied by the attenuation factors; "
      .. 'block = "counts" gives them as stored' }, set.notes)
    local raw = assert(files.read(bytes, { block = "counts" }))
    assert.same({ 7, 4, 30 }, files.values(raw))
    assert.equal("MEAS_SCAN_UNIT_Y counts, not corrected for attenuation", raw.decided)
  end)

  it("may hold several scans, which differ by their places", function()
    local bytes = file(scan(ROWS), (scan(ROWS, ""):gsub('"1.5"', '"2.5"')))
    local set = assert(files.read(bytes))
    assert.same({ scan = { "1", "2" }, ["Omega (deg)"] = { "1.5", "2.5" } }, set.labels)
    assert.same({ 7, 4, 30 }, files.values(assert(files.read(bytes, { block = 2 }))))
    refuses("block = 3: the file holds 2 scans", bytes, { block = 3 })
  end)

  it("is cut off, or wrong, by scan and reason", function()
    local cut = file(scan(ROWS)):gsub("11.0 30.*", "")
    refuses("the file is cut off: 2 of 3 points of scan 1 are there; partial = true reads them", cut)
    assert.same({ 7, 4 }, files.values(assert(files.read(cut, { partial = true }))))
    refuses("a header without a table; is the file cut off?", "*RAS_DATA_START\n*RAS_HEADER_START\n")
    refuses("scan 1: expected a number, got 'x'", file(scan "1 2 1\n3 x 1\n"))
    refuses("scan 1: 5 numbers, which do not fill rows of 3", file(scan "1 2 1\n3 4\n"))
    refuses("scan 1: expected rows of 2 or 3 numbers, got 4", file(scan "1 2 1 1\n"))
    assert.same({ "scan 1: 3 points are announced, 4 are there" },
      assert(files.read(file(scan "1 2\n3 4\n5 6\n7 8\n"))).notes)
  end)

  it("that is damaged is read or refused", function() survives(file(scan(ROWS))) end)

  it("of instruments holds what other readers find", function()
    local one, two = agrees "rigaku_ras/rigaku_test.ras", agrees "rigaku_ras/MB120718Si3.ras"
    agrees "rigaku_ras/XRD_RIGAKU.ras"
    if one then assert.same(files.values(one), files.values(two)) end
  end)
end)

describe("Rigaku ASC", function()
  local HEAD = "*TYPE\t\t=  Raw\r\n*SAMPLE\t\t=  CuPc\r\n*GROUP_COUNT\t=  %d\r\n*SCAN_AXIS\t=  2theta/theta\r\n"
    .. "*XUNIT\t\t=  deg.\r\n*YUNIT\t\t=  counts\r\n\r\n"
  local GROUP = "*BEGIN\r\n*START\t\t=  %g\r\n*STOP\t\t=  5\r\n*STEP\t\t=  0.5\r\n"
    .. "*COUNT\t\t=  3\r\n767, 763\r\n717\r\n*END\r\n"

  it("holds the values of groups", function()
    local set = assert(files.read(HEAD:format(1) .. GROUP:format(4) .. "\r\n*EOF\r\n"))
    assert.same({ { 4, 4.5, 5 }, { 767, 763, 717 } }, { set.axis, files.values(set) })
    assert.same({ "2theta", "deg", "counts", "*YUNIT = counts" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ "CuPc" }, set.names)
    local two = assert(files.read(HEAD:format(2) .. GROUP:format(4) .. GROUP:format(4)))
    assert.same({ "1", "2" }, two.labels.scan)
  end)

  it("is cut off, or wrong, by group and reason", function()
    local bytes = HEAD:format(1) .. GROUP:format(4)
    refuses("the file is cut off: 2 of 3 points of group 1 are there; partial = true reads them",
      (bytes:gsub("717.*", "")))
    refuses("the file is cut off: 1 of 2 groups are there; partial = true reads them",
      HEAD:format(2) .. GROUP:format(4))
    refuses("no values behind *COUNT; is the file cut off?", HEAD:format(1))
    refuses("group 1: *START is x, expected a number", (bytes:gsub("START\t\t=  4", "START\t\t=  x")))
    survives(bytes)
  end)

  it("of an instrument holds what other readers find", function() agrees "rigaku_asc_txt/2Theta.asc" end)
end)

describe("UXD", function()
  local HEAD = "; made\n_FILEVERSION=2\n_SAMPLE='BT86'\n_ANODE='Cu'\n"

  it("holds angles and counts, or counts from a start", function()
    local set = assert(files.read(HEAD .. "_DRIVE='COUPLED'\n_STEPTIME=0.5\n_2THETACOUNTS\n3.0\t187\n3.5\t183\n"))
    assert.same({ { 3, 3.5 }, { 187, 183 } }, { set.axis, files.values(set) })
    assert.same({ "2theta", "deg", "counts", "_2THETACOUNTS" }, { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ "BT86", "Cu", 0.5 }, { set.names[1], set.metadata[1].ANODE, set.metadata[1].STEPTIME })
    set = assert(files.read(HEAD .. "_DRIVE='THETA'\n_START=10\n_STEPSIZE=0.5\n_STEPCOUNT=3\n_CPS\n   1.5 2\n 4\n"))
    assert.same({ { 10, 10.5, 11 }, { 1.5, 2, 4 } }, { set.axis, files.values(set) })
    assert.same({ "theta", "counts per second" }, { set.axis_name, set.quantity })
  end)

  it("may hold several ranges", function()
    local range = "; (Data for Range number %d)\n_KHI=%d\n_START=10\n_STEPSIZE=0.5\n_COUNTS\n %d 2\n"
    local set = assert(files.read(HEAD .. range:format(1, 5, 7) .. range:format(2, 6, 8)))
    assert.same({ { 7, 2 }, { 8, 2 } }, { files.values(set, 1), files.values(set, 2) })
    assert.same({ scan = { "1", "2" }, KHI = { "5", "6" } }, set.labels)
  end)

  it("is cut off, or wrong, by range and reason", function()
    local bytes = HEAD .. "_START=10\n_STEPSIZE=0.5\n_STEPCOUNT=3\n_COUNTS\n 1 2\n"
    refuses("the file is cut off: 2 of 3 points of range 1 are there; partial = true reads them", bytes)
    refuses("range 1: _START or _STEPSIZE is missing", HEAD .. "_COUNTS\n1 2\n")
    refuses("range 1: a table _PSDCOUNTS is not read", HEAD .. "_PSDCOUNTS\n1 2\n")
    refuses("no table of a range; is the file cut off?", HEAD)
    refuses("range 1: expected numbers, got none", HEAD .. "_COUNTS\n")
    survives(HEAD .. "_DRIVE='COUPLED'\n_2THETACOUNTS\n3.0\t187\n3.5\t183\n")
  end)

  it("of an instrument holds what other readers find", function() agrees "uxd/BT86_.UXD" end)
end)

describe("UDF", function()
  local BYTES = "SampleIdent,Sample5 ,/\nTitle1,Dat2rit program ,/\nDiffrType,PW1710,/\nLabdaAlpha1, 1.54056,/\n"
    .. "DataAngleRange,   5.0000, 6.0000,/\nScanStepSize,    0.250,/\nScanType,CONTINUOUS,/\nRawScan\n"
    .. "     800,     854,     800,\n     841,     859/\n"

  it("holds the counts of a range", function()
    local set = assert(files.read(BYTES))
    assert.same({ { 5, 5.25, 5.5, 5.75, 6 }, { 800, 854, 800, 841, 859 } }, { set.axis, files.values(set) })
    assert.same({ "2theta", "deg", "counts" }, { set.axis_name, set.unit, set.quantity })
    assert.same({ "Sample5", 1.54056 }, { set.names[1], set.metadata[1].LabdaAlpha1 })
  end)

  it("is cut off, or wrong, with the reason", function()
    refuses("the file is cut off: 3 of 5 points of RawScan are there; partial = true reads them",
      (BYTES:gsub(",\n     841.*", "")))
    refuses("the file is cut off: 5 of an unknown number of points of RawScan are there; partial = true reads them",
      (BYTES:gsub("/\n$", "")))
    refuses("no RawScan; only its raw scans are read", (BYTES:gsub("RawScan.*", "")))
    refuses("DataAngleRange or ScanStepSize is missing or no number", (BYTES:gsub("0.250", "x")))
    assert.same({ "RawScan: 5 points are announced, 6 are there" },
      assert(files.read((BYTES:gsub("859/", "859, 3/")))).notes)
    survives(BYTES)
  end)
end)

describe("GSAS", function()
  local function line(text) return text .. (" "):rep(80 - #text) .. "\r\n" end
  local function bank(rest, ...) return line "PbSO4" .. line("BANK 1 " .. rest) .. table.concat { ... } end

  it("holds values behind counts of detectors, which abut", function()
    local bytes = bank("12 2 CONST 1000 50 0 0 STD", line(("     179"):rep(9) .. " 2123456"),
      line("     187     188" .. ("       0"):rep(8)))
    local set = assert(files.read(bytes))
    local values = files.values(set)
    assert.equal(12, #values)
    assert.same({ 179, 123456, 187, 188 }, { values[9], values[10], values[11], values[12] })
    assert.same({ 10, 10.5, 15.5 }, { set.axis[1], set.axis[2], set.axis[12] })
    assert.same({ "2theta", "deg", "counts", "a table STD of GSAS" },
      { set.axis_name, set.unit, set.quantity, set.decided })
  end)

  it("holds values with deviations, in columns or with angles", function()
    local esd = bank("2 1 CONS 1000 50 0 0 ESD", line "   179.5     2.5   180.5     2.5")
    assert.same({ 179.5, 180.5 }, files.values(assert(files.read(esd))))
    local fxye = bank("2 2 CONS 1000 50 0 0 FXYE", "1000.0 179.5 2.5\n1050.0 180.5 2.5\n")
    local set = assert(files.read(fxye))
    assert.same({ { 10, 10.5 }, { 179.5, 180.5 } }, { set.axis, files.values(set) })
  end)

  it("holds times of flight in ticks, or in microseconds", function()
    local slog = bank("2 2 SLOG 1000 2000 0.001 0 FXYE", "1000.0 179.5 2.5\n1050.0 180.5 2.5\n")
    local of_slog = assert(files.read(slog))
    assert.same({ { 1000, 1050 }, "us" }, { of_slog.axis, of_slog.unit })
    local alt = bank("2 1 RALF 32000 32 32000 0.001 ALT", line "   32000 1.2500.0100   32064 1.5000.0100")
    local set = assert(files.read(alt))
    assert.same({ { 1000, 1002 }, { 1250, 1500 } }, { set.axis, files.values(set) })
    assert.same({ "time of flight", "us" }, { set.axis_name, set.unit })
  end)

  it("may hold several banks", function()
    local body = line "     179     180"
    local set = assert(files.read(bank("2 1 CONST 1000 50 0 0 STD", body,
      line "BANK 2 2 1 CONST 1000 50 0 0 STD", body)))
    assert.same({ scan = { "1", "2" }, bank = { "1", "2" } }, set.labels)
  end)

  it("is cut off, or not read, by bank and reason", function()
    refuses("the file is cut off: 2 of 3 points of bank 1 are there; partial = true reads them",
      bank("3 1 CONST 1000 50 0 0 STD", line "     179     180"))
    refuses("bank 1: points spaced as LOG6 in a table STD are not read",
      bank("2 1 LOG6 1000 50 0 0 STD", line "     179     180"))
    refuses("bank 1: tables FXYZ are not read", bank("2 1 CONST 1000 50 0 0 FXYZ", line "1 2"))
    refuses("2 values for an axis of 1 points", bank("2 1 RALF 32000 32 32000 0.001 ALT",
      line "   32000 1.2500.0100         1.5000.0100"))
    refuses("bank 1: expected a number, got '     x'", bank("2 1 CONST 1000 50 0 0 STD", line "     179       x"))
    survives(bank("2 1 CONST 1000 50 0 0 STD", line "     179     180"))
  end)

  it("of an instrument holds what other readers find", function() agrees "powder_ascii/PBSO4.XRA" end)
end)

describe("texts of FullProf and the ILL", function()
  it("begin with the range", function()
    local set = assert(files.read "  10.0  0.5  12.0  Al2O3\n  1.5 2 3\n 4 5\n")
    assert.same({ { 10, 10.5, 11, 11.5, 12 }, { 1.5, 2, 3, 4, 5 } }, { set.axis, files.values(set) })
    assert.same({ "Al2O3", "2theta", "deg" }, { set.names[1], set.axis_name, set.unit })
    assert.same({ 10, 10.5, 11 }, assert(files.read "x\ry\rz\r3 1\r10 0.5 11\r1 2\r3\r").axis)
    local rows = { "100 1 322" }
    for i = 1, 20 do rows[i + 1] = ("%d %d %d"):format(100 + i, 259 + i, 52 + i) end
    assert.truthy(not tostring(select(2, files.read(table.concat(rows, "\n") .. "\n"))):find "points of the pattern")
    local counts = files.read "1 1 3 2 1\n0 0 0 2 0\n4 2 6 3 1\n" -- a table, not 3 points and 11 numbers behind them
    assert.is_nil(counts)
    local chance = assert(files.read "k 9 8 7 6\n1 2 3 4 5\n2 1 1 1 1\n3 5 6 7 8\n4 1 6 5 1\n5 3 1 8 9\n")
    assert.same({ 5, { 9, 8, 7, 6 } }, { #chance, chance.axis })
    refuses("expected the first angle, the step and the last angle in line 1 or 5", "1 2\n", { format = "fullprof" })
    refuses("the file is cut off: 3 of 5 points of the pattern are there; partial = true reads them",
      "  10.0  0.5  12.0  Al2O3\n  1.5 2 3\n")
    local part = assert(files.read("  10.0  0.5  12.0  Al2O3\n  1.5 2 3\n", { partial = true }))
    assert.same({ 10, 10.5, 11 }, part.axis)
  end)

  local D1A = "D1A5 Title\n     Ident: 1\n1.9114 A\n  4     -1.000   100.018    1  100000.0       0.0\n"
    .. "  -10.0000    0.5000  -8.5000\n     0.8     0.3     0.3     0.7\n    0.1    0.2    0.3    0.4\n"

  it("of D1A have it in line 5, and deviations behind the values", function()
    local set = assert(files.read(D1A))
    assert.same({ -10, -9.5, -9, -8.5 }, set.axis)
    assert.near(0.7, files.values(set)[4], 1e-7)
    assert.same({ "4 standard deviations behind the values are left out" }, set.notes)
    survives(D1A)
  end)

  it("of an instrument hold what other readers find", function() agrees "powder_ascii/D1A5.dat" end)
end)

describe("NJA", function()
  local HEAD = "#MeasParameter\r\n&Anode=Cr\t&kV=40\r\n&Time=10.0\t&Counts=0\r\n\r\n#Values\r\n&NoValues=4\r\n"

  it("holds a pattern", function()
    local set = assert(files.read(HEAD .. " 20.0 7.5\r\n 20.5 7.6\r\n 21.0 7.0\r\n 21.5 8.0\r\n"))
    assert.same({ 20, 20.5, 21, 21.5 }, set.axis)
    assert.same({ "2theta", "deg", "counts per second", "the values are whole only times the 10 s of a step" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ "Cr", 40 }, { set.metadata[1].Anode, set.metadata[1].kV })
  end)

  local POLE = HEAD .. "0.0 0.0 74 37\r\n0.0 3.5 75 37\r\n5.0 0.0 70 36\r\n5.0 3.5 71 36\r\n"

  it("holds a pole figure: a spectrum along beta for each alpha", function()
    local set = assert(files.read(POLE))
    assert.same({ { 74, 75 }, { 70, 71 } }, { files.values(set, 1), files.values(set, 2) })
    assert.same({ { "0", "5" }, { "37", "36" } }, { set.labels["alpha (deg)"], set.labels.background })
    assert.equal("beta", set.axis_name)
    refuses("the file is cut off: 3 of 4 points of #Values are there; partial = true reads them",
      (POLE:gsub("5.0 3.5.*", "")))
    refuses("#Values: expected rows of 2 or 4 numbers, got 3", HEAD .. "1 2 3\r\n")
    refuses("no #Values; is the file cut off?", "#MeasParameter\r\n&Time=1\r\n")
    survives(POLE)
  end)

  -- The index counts all 2121 rows as one spectrum along beta, which runs from 0 to 360 degrees 21 times.
  it("of an instrument holds the rows of the index", function()
    local path, reference = files.measured "seifert_nja/seifert-111.nja"
    if not path then return pending(reference) end
    local set = assert(mb.spectra.read(path))
    assert.same({ 21, 101 }, { #set, set.length })
    local all, sum = {}, 0
    for i = 1, #set do table.move(files.values(set, i), 1, 101, #all + 1, all) end
    for _, value in ipairs(all) do sum = sum + value end
    assert.equal(reference.points, #all)
    assert.near(reference.y_first, all[1], 1e-4)
    assert.near(reference.y_last, all[#all], 1e-4)
    assert.near(reference.y_sum, sum, 0.01)
  end)
end)

describe("pdCIF", function()
  local RANGE = "data_%s\n_pd_meas_2theta_range_min 10\n_pd_meas_2theta_range_max '11'\n_pd_meas_2theta_range_inc 0.5\n"
    .. "_journal_year\n2014\n_pd_calc_method\n;\nloop_\n_not\n;\nloop_\n_pd_meas_counts_total\n_pd_proc_ls_weight\n"
    .. "55(7) 0.1\n60(8) .\n? 0.2 # the last\n"

  it("holds a range and a loop of values", function()
    local set = assert(files.read(RANGE:format "zn"))
    local values = files.values(set)
    assert.same({ { 10, 10.5, 11 }, 55, 60 }, { set.axis, values[1], values[2] })
    assert.truthy(values[3] ~= values[3])
    assert.same({ "2theta", "deg", "counts", "_pd_meas_counts_total" },
      { set.axis_name, set.unit, set.quantity, set.decided })
    assert.same({ "zn", 2014 }, { set.names[1], set.metadata[1]._journal_year })
  end)

  it("holds listed positions, in several data blocks", function()
    local block = "data_%s\nloop_\n_cell_a\n'x y'\nloop_\n_pd_proc_2theta_corrected\n_pd_meas_intensity_total\n"
      .. "10.0(1) 5\n10.5 6\n#END\n_end 1\n"
    local set = assert(files.read("# comment\n" .. block:format "a" .. block:format "b"))
    assert.same({ "a", "b" }, set.names)
    assert.same({ 10, 10.5 }, set.axis)
    local bytes = block:format "a" .. "data_text\n_cell_a 1\n" .. block:format "b"
    assert.same({ "b" }, assert(files.read(bytes, { block = "b" })).names)
    assert.same({ "b" }, assert(files.read(bytes, { block = 2 })).names)
    refuses("block = 'c': the patterns are 'a', 'b'", bytes, { block = "c" })
  end)

  it("is cut off, or wrong, by data block and reason", function()
    refuses("a CIF without a powder pattern (_pd_meas_, _pd_proc_ or _pd_calc_ items); mb.xrd.read reads structures",
      "data_a\n_cell_a 1\n")
    refuses("the file is cut off: 2 of 3 points of data_zn are there; partial = true reads them",
      (RANGE:format "zn":gsub("%?.*", "")))
    refuses("data_a: neither a list of positions nor a range is there", "data_a\nloop_\n_pd_meas_counts_total\n1 2\n")
    local missing = files.values(assert(files.read("data_a\n_pd_meas_2theta_range_min 1\n"
      .. "_pd_meas_2theta_range_max 2\nloop_\n_pd_meas_counts_total\n? 2\n")))
    assert.is_true(missing[1] ~= missing[1])
    refuses("data_a: expected a number, got 'x'", "data_a\nloop_\n_pd_meas_counts_total\n1 x\n")
    refuses("data_a: expected a number, got '12(3)4'", "data_a\nloop_\n_pd_meas_counts_total\n1 12(3)4\n")
    survives(RANGE:format "zn")
  end)

  it("takes the positions in the loop of the values before those of others", function()
    local set = assert(files.read("data_a\nloop_\n_pd_meas_2theta_scan\n_pd_meas_detector_id\n10 1\n20 1\n30 1\n"
      .. "loop_\n_pd_proc_d_spacing\n_pd_proc_intensity_total\n4 100\n2 200\n1 300\n"))
    assert.same({ { 4, 2, 1 }, "d-spacing", "Å" }, { set.axis, set.axis_name, set.unit })
    assert.same({ 100, 200, 300 }, files.values(set))
  end)

  it("of an instrument holds what other readers find", function() agrees "pdcif/1517474.cif" end)
end)
