-- JCAMP-DX: tables written here in every form, and the measured files.
local mb = require "moonbow"
local core = require "moonbow.core"
local damage = require "support.damage"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local line_tables = require "moonbow.spectra.formats.jcamp.lines"
local measured = require "support.measured"

local HEAD = [[
##TITLE= sample a
##JCAMP-DX= 4.24 $$ by hand
##DATA TYPE= INFRARED SPECTRUM
##XUNITS= 1/CM
##YUNITS= ABSORBANCE
##XFACTOR= 1
##YFACTOR= 0.5
##FIRSTX= 400
##LASTX= 406
##NPOINTS= 7
]]

local function file(table, head) return (head or HEAD) .. table .. "\n##END=\n" end

local function read_lines(lines, head) return files.read(file("##XYDATA= (X++(Y..Y))\n" .. lines, head)) end

local function refuses(message, bytes, options)
  local set, got = files.read(bytes, options)
  assert.is_nil(set)
  assert.equal(message, got)
end

local SEVEN = { 0.5, 1, 1.5, 2, -1, -2, 50 }

describe("lines of JCAMP-DX", function()
  it("are read as AFFN, PAC, SQZ, DIF and DUP", function()
    for name, lines in pairs {
      AFFN = "400 1 2 3 4\n404 -2 -4 100",
      ["AFFN with commas"] = "400, 1, 2, 3, 4\n404, -2, -4, 1.0E2",
      ["AFFN with exponents"] = "400 1e0 20E-1 3. 4\n4.04e2 -2 -4 1E2",
      PAC = "400+1+2+3+4\n404-2-4+100",
      SQZ = "400ABCD\n404bdA00",
      DIF = "400AJJJ\n403Dok\n405dJ04\n406A00",
      DIFDUP = "400AJU\n403Dok\n405dJ04\n406A00",
    } do
      local set = assert(read_lines(lines))
      assert.same(SEVEN, files.values(set), name)
      assert.same({ 400, 401, 402, 403, 404, 405, 406 }, set.axis, name)
      assert.same({}, set.notes, name)
    end
  end)

  it("repeat with counts of several digits", function()
    local values = files.values(assert(read_lines("400AT2K%S0", HEAD:gsub("= 7\n", "= 33\n"):gsub("406", "432"))))
    assert.equal(33, #values)
    assert.same({ 0.5, 0.5, 1.5, 1.5 }, { values[1], values[22], values[23], values[33] })
  end)

  it("never take a check value of DIF for a point", function()
    local set = assert(read_lines("400AJJJJJJ\n406G"))
    assert.same({ 0.5, 1, 1.5, 2, 2.5, 3, 3.5 }, files.values(set))
  end)

  it("note check values of DIF that differ, and go on from them", function()
    local set = assert(read_lines("400AJJJ\n403EJJJ\n406H"))
    assert.same({ 0.5, 1, 1.5, 2, 3, 3.5, 4 }, files.values(set))
    assert.same({ "1 values that repeat the last point of the line above differ from it; the first is in line 13: 5, "
      .. "expected 4" }, set.notes)
  end)

  it("note abscissas that deviate", function()
    local set = assert(read_lines("400 1 2 3 4\n405 -2 -4 100"))
    assert.same(SEVEN, files.values(set))
    assert.same({ "1 of 2 lines begin with an abscissa that deviates; the first is line 13: 405, expected 404" },
      set.notes)
  end)

  it("read '?' as an unknown value, and leave out comments", function()
    local set = assert(read_lines("400 1 2 ? 4 $$ 5 6 7\n404 -2 -4 100"))
    assert.equal("NaN", tostring(files.values(set)[3]):upper():match "NAN" and "NaN")
    assert.same({ "1 values are unknown, '?': NaN" }, set.notes)
  end)

  it("are refused by line and reason", function()
    for lines, reason in pairs {
      ["400 1 2\n402 x"] = "line 13: expected numbers",
      ["400 1 2\n402 1.2.3"] = "line 13: expected numbers",
      ["400JJ"] = "line 12: expected a value behind the abscissa, got a difference or a repeat count",
      ["400AS0\nA1"] = "line 13: expected the abscissa at the start of a line",
      ["400AJS99999999999999999"] = "line 12: too many points for the file's size",
      ["400AJZ9999999999"] = "line 12: too many points for the file's size",
      ["400 1e39"] = "line 12: a value is beyond float32",
      [""] = "line 12: expected points",
    } do
      local set, message = read_lines(lines)
      assert.is_nil(set, lines)
      assert.equal(reason, message)
    end
  end)
end)

describe("the axis of JCAMP-DX", function()
  it("comes from FIRSTX and LASTX, not from DELTAX, which is rounded", function()
    local set = assert(read_lines("400 1 2 3 4\n404 5 6 7", HEAD .. "##DELTAX= 1.01\n"))
    assert.same({ 400, 401, 402, 403, 404, 405, 406 }, set.axis)
  end)

  it("comes from DELTAX or from the lines if the file has no LASTX", function()
    local head = HEAD:gsub("##LASTX[^\n]*\n", "")
    assert.same({ 400, 402, 404, 406 }, read_lines("400 1 2\n404 3 4", head .. "##DELTAX= 2\n").axis)
    assert.same({ 400, 402, 404, 406 }, read_lines("400 1 2\n404 3 4", head).axis)
    refuses("line 11: neither LASTX nor DELTAX gives the axis",
      file("##XYDATA= (X++(Y..Y))\n400 1 2", head))
  end)

  it("runs to the last point there, or to NPOINTS if that fits the lines", function()
    local short = assert(read_lines("400 1 2\n402 3 4 5"))
    assert.same({ 400, 401, 402, 403, 404 }, short.axis)
    local finer = assert(read_lines("400 1 2\n403 3 4", HEAD:gsub("406", "404.5")))
    assert.same({ 400, 401.5, 403, 404.5 }, finer.axis)
    assert.same({ "the file announces 7 points, 4 are there" }, finer.notes)
  end)

  it("takes the factor of the abscissas into account", function()
    local set = assert(read_lines("200 1 2 3 4\n202 -2 -4 100", HEAD:gsub("XFACTOR= 1", "XFACTOR= 2")))
    assert.same({}, set.notes)
  end)
end)

describe("pairs of JCAMP-DX", function()
  it("are read with both factors", function()
    local head = HEAD:gsub("XFACTOR= 1", "XFACTOR= 2"):gsub("NPOINTS= 7", "NPOINTS= 3")
    for _, form in ipairs { "XYPOINTS= (XY..XY)", "XYDATA=(XY..XY)", "PEAK TABLE= (XY..XY)" } do
      local set = assert(files.read(file("##" .. form .. "\n200, 4; 201, 8\n 203.5 -10 $$ the last", head)))
      assert.same({ 400, 402, 407 }, set.axis)
      assert.same({ 2, 4, -5 }, files.values(set))
    end
  end)

  it("may have widths, multiplets and other columns", function()
    local set = assert(files.read(file("##PEAK TABLE= (XYW..XYW)\n1 4 0.1\n2 8 0.2", (HEAD:gsub("= 7\n", "= 2\n")))))
    assert.same({ { 1, 2 }, { 2, 4 } }, { set.axis, files.values(set) })
    set = assert(files.read(file("##PEAK TABLE= (XYM)\n1, 4, D\n2, 8, T", (HEAD:gsub("= 7\n", "= 2\n")))))
    assert.same({ { 1, 2 }, { 2, 4 } }, { set.axis, files.values(set) })
    set = assert(files.read(file("##PEAK TABLE= (XYM)\n1E0, 4e1, d2\n2E3, 80, 1x", (HEAD:gsub("= 7\n", "= 2\n")))))
    assert.same({ { 1, 2000 }, { 20, 40 } }, { set.axis, files.values(set) })
    refuses("line 12: expected numbers, got 'D'", file "##PEAK TABLE= (XYM)\n1, D, 4\n2, 8, T")
  end)

  it("of peaks are sorted, and said to be peaks", function()
    local set = assert(files.read(file("##PEAK TABLE= (XY..XY)\n3 4 1 8 2 6", (HEAD:gsub("= 7\n", "= 3\n")))))
    assert.same({ { 1, 2, 3 }, { 4, 3, 2 } }, { set.axis, files.values(set) })
    assert.same({ "the points are peaks, with nothing between them" }, set.notes)
    local even = assert(files.read(file("##PEAK TABLE= (XY..XY)\n1 4 2 8 3 6 4 4 5 8 6 6 7 4 8 ?",
      (HEAD:gsub("= 7\n", "= 8\n")))))
    assert.same({ "1 values are unknown, '?': NaN", "a PEAK TABLE with even steps is taken as a curve" }, even.notes)
  end)

  it("of a curve that turns back are refused", function()
    local set, message = files.read(file("##XYDATA= (XY..XY)\n3 4 1 8 2 6", (HEAD:gsub("= 7\n", "= 3\n"))))
    assert.is_nil(set)
    assert.truthy(message:find("the axis neither rises nor falls", 1, true))
  end)

  it("are refused by line and reason", function()
    refuses("line 12: 3 numbers are no groups of 2", file "##XYPOINTS= (XY..XY)\n1 2 3")
    refuses("line 12: expected points", file "##XYPOINTS= (XY..XY)\n")
    refuses("line 12: expected numbers, got 'x'", file "##XYPOINTS= (XY..XY)\n1 x")
    refuses("line 12: a value is beyond float32", file "##XYPOINTS= (XY..XY)\n1 1e39")
    refuses("line 11: a table of the form '(XW..XW)' is not read: it has no ordinate", file "##XYPOINTS= (XW..XW)\n1 1")
    refuses("line 11: a table of the form '(Y)..' is not read", file "##XYPOINTS= (Y)..\n1 1")
  end)

  it("may be assignments with texts", function()
    local set = assert(files.read(file("##PEAK ASSIGNMENTS= (XYA)\n(2.5, 4, <CH2 (a)>)\n(1.5, 2, <CH3>)(2, 6, <>)",
      (HEAD:gsub("= 7\n", "= 3\n")))))
    assert.same({ { 1.5, 2, 2.5 }, { 1, 3, 2 } }, { set.axis, files.values(set) })
    assert.equal("2.5: CH2 (a); 1.5: CH3; 2: ", set.metadata[1].assignments)
    local bare = assert(files.read(file("##PEAK ASSIGNMENTS= (XA)\n(1.5, <CH3>)", (HEAD:gsub("= 7\n", "= 1\n")))))
    assert.same({ 1 }, files.values(bare))
    refuses("line 12: expected numbers, got 'x, 1,'", file "##PEAK ASSIGNMENTS= (XYA)\n(x, 1, <CH3>)")
  end)
end)

describe("labels of JCAMP-DX", function()
  it("may be written with blanks, signs, lower case and without '-' or '='", function()
    local set = assert(files.read("## title = b\n## JCAMPDX = 5\n##data_type=RAMAN SPECTRUM\n##X-UNITS= 1/CM\n"
      .. "##YUNITS=COUNTS\n##firstx=1\n##Last X = 2\n##xy data=(X++(Y..Y))\n1 5 6\n##END"))
    assert.same({ 5, 6 }, files.values(set))
    assert.same({ 1, 2 }, set.axis)
    assert.same({ "cm-1", "Raman shift", "counts", "YUNITS=COUNTS" },
      { set.unit, set.axis_name, set.quantity, set.decided })
    assert.same({ "b" }, set.names)
  end)

  it("become metadata, comments left out", function()
    local set = assert(read_lines("400 1 2 3 4 5 6 7", HEAD .. "##DATE= 24/7/2018\n##RESOLUTION= 4 $$ cm-1\n"
      .. "##CAS REGISTRY NO= 100-41-4\n##DATA PROCESSING=\nsmoothed $$ twice\nscaled\n##= a comment\n"))
    local metadata = set.metadata[1]
    assert.same({ DATE = "24/7/2018", RESOLUTION = 4, ["CAS REGISTRY NO"] = "100-41-4",
      ["DATA PROCESSING"] = "smoothed \nscaled", ["DATA TYPE"] = "INFRARED SPECTRUM" }, metadata)
  end)

  it("say in percent or not what transmittance is", function()
    local head = HEAD:gsub("ABSORBANCE", "TRANSMITTANCE")
    local ratio = assert(read_lines("400 1 1 1 1 1 1 1", head))
    assert.same({ "transmittance", nil }, { ratio.quantity, ratio.percent })
    local percent = assert(read_lines("400 160 160 160 160 160 160 164", head))
    assert.is_true(percent.percent)
    assert.equal("YUNITS=TRANSMITTANCE, with values up to 82: percent", percent.decided)
  end)

  it("that the values contradict are noted", function()
    local set = assert(read_lines("400 1 2 3 4 -2 -4 100", HEAD .. "##FIRSTY= 0.5\n##MAXY= 60.0\n##MINY= -2\n"))
    assert.same({ "line 15: the values deviate from MAXY=60, got 50" }, set.notes)
  end)

  it("may have exponents of Fortran, and decimal commas in front of exponents", function()
    for _, factor in ipairs { "2.5D-01", "0.025D1", "2,5E-1", "2,5e-01" } do
      local set = assert(read_lines("400 2 4 6 8\n404 -4 -8 200", HEAD:gsub("YFACTOR= 0.5", "YFACTOR= " .. factor)))
      assert.same(SEVEN, files.values(set), factor)
    end
    local set = assert(read_lines("0 2 4 6 8 -4 -8 200", HEAD:gsub("= 400", "= 4.0D+02"):gsub("= 406", "= 40.6D1")))
    assert.same({ 400, 406 }, { set.axis[1], set.axis[7] })
  end)

  it("that are no numbers are refused if they are factors", function()
    refuses("line 11: the factor of Y is '1/1000', expected a number",
      file("##XYDATA= (X++(Y..Y))\n400 1 2 3", HEAD:gsub("YFACTOR= 0.5", "YFACTOR= 1/1000")))
    assert.is_truthy(read_lines("400 1 2 3 4 -2 -4 100", HEAD:gsub("YFACTOR= 0.5", "YFACTOR=")))
  end)

  it("may have decimal commas, as the table", function()
    local head = HEAD:gsub("FIRSTX= 400", "FIRSTX= 400,5"):gsub("LASTX= 406", "LASTX= 403,5")
      :gsub("YFACTOR= 0.5", "YFACTOR= 1,0"):gsub("= 7\n", "= 4\n")
    local set = assert(read_lines("400,5 0,25 0,5\n402,5 1,5 2", head))
    assert.same({ { 400.5, 401.5, 402.5, 403.5 }, { 0.25, 0.5, 1.5, 2 } }, { set.axis, files.values(set) })
    local pairs_set = assert(files.read(file("##XYPOINTS= (XY..XY)\n400,5 0,25\n401 0,5\n402 1\n403,5 2", head)))
    assert.same({ { 400.5, 401, 402, 403.5 }, { 0.25, 0.5, 1, 2 } }, { pairs_set.axis, files.values(pairs_set) })
  end)

  it("without decimal commas: the table decides", function()
    local head = HEAD:gsub("YFACTOR= 0.5", "YFACTOR= 1"):gsub("= 7\n", "= 2\n"):gsub("406", "401")
    assert.same({ 0.25, 0.5 }, files.values(assert(read_lines("400,0 0,25 0,5", head))))
    local set = assert(files.read(file("##PEAK TABLE= (XY..XY)\n41,520 43,1000", head)))
    assert.same({ { 41, 43 }, { 520, 1000 } }, { set.axis, files.values(set) })
  end)
end)

describe("files of several blocks", function()
  local function block(title, table, more)
    return HEAD:gsub("sample a", title) .. (more or "") .. table .. "\n##END=\n"
  end
  local LINES = "##XYDATA= (X++(Y..Y))\n400 1 2 3 4 -2 -4 100"
  local LINK = "##TITLE= all\n##JCAMP-DX= 5\n##DATATYPE=LINK\n##BLOCKS= %d\n%s##END= $$ of all\n"

  it("give a spectrum each, in a LINK block or one behind the other", function()
    local both = block("a", LINES) .. block("b", LINES, "##RESOLUTION= 4\n")
    for _, bytes in ipairs { both, LINK:format(2, both) } do
      local set = assert(files.read(bytes))
      assert.same({ "a", "b" }, set.names)
      assert.same({ nil, 4 }, { set.metadata[1].RESOLUTION, set.metadata[2].RESOLUTION })
      assert.same({}, set.notes)
    end
  end)

  it("leave out tables of peaks beside curves; block reads one", function()
    local peaks = block("p", "##PEAK TABLE= (XY..XY)\n1 2", ""):gsub("= 7\n", "= 1\n")
    local bytes = LINK:format(2, block("a", LINES) .. peaks)
    local set = assert(files.read(bytes))
    assert.same({ "left out: 1 table of peaks; block = a number reads one" }, set.notes)
    assert.same({ "p" }, assert(files.read(bytes, { block = 2 })).names)
    assert.same({ "p" }, assert(files.read(bytes, { block = "p" })).names)
    refuses("block = 3: it holds 2 tables: 1 'a', 2 'p'", bytes, { block = 3 })
    refuses("block = 'q': it holds 2 tables: 1 'a', 2 'p'", bytes, { block = "q" })
  end)

  it("that lack a block are cut off, or noted", function()
    local cut = "##TITLE= all\n##BLOCKS= 3\n" .. block("a", LINES)
    refuses("the file is cut off: 1 of 3 blocks are there; partial = true reads them", cut)
    assert.same({ "the file is cut off: 1 of 3 blocks are there" }, assert(files.read(cut, { partial = true })).notes)
    local set = assert(files.read(LINK:format(3, block("a", LINES))))
    assert.same({ "the file announces 3 blocks, 1 are there" }, set.notes)
  end)

  it("without a table are refused", function()
    refuses("JCAMP-DX without a table of data, in 2 blocks", "##TITLE= a\n##TITLE=b\n##END=\n##END=\n")
    refuses("JCAMP-DX without a table of data, in 1 blocks; the file ends without ##END=", "##TITLE= a\n##XUN")
  end)
end)

describe("NTUPLES", function()
  local FID = [[
##TITLE= fid
##JCAMP-DX= 5.0
##DATA TYPE= NMR FID
##NTUPLES= NMR FID
##VAR_NAME= TIME, FID/REAL, FID/IMAG, PAGE NUMBER
##SYMBOL= X, R, I, N
##VAR_TYPE= INDEPENDENT, DEPENDENT, DEPENDENT, PAGE
##VAR_FORM= AFFN, ASDF, ASDF, AFFN
##VAR_DIM= 4, 4, 4, 2
##UNITS= SECONDS, ARBITRARY UNITS, ARBITRARY UNITS,
##FACTOR= 0.5, 10, 100, 1
##FIRST= 0, 10, 500, 1
##LAST= 1.5, 40, 800, 2
##PAGE= N=1
##DATA TABLE= (X++(R..R)), XYDATA $$ real
0AJJJ
3D
##PAGE= N=2
##DATA TABLE= (X++(I..I)), XYDATA
0EJJJ
3H
##END NTUPLES= NMR FID
##END=
]]

  it("of real and imaginary part give the real part, block the other", function()
    local set = assert(files.read(FID))
    assert.same({ 10, 20, 30, 40 }, files.values(set))
    assert.same({ 0, 0.5, 1, 1.5 }, set.axis)
    assert.same({ "s", "intensity", "UNITS=ARBITRARY UNITS" }, { set.unit, set.quantity, set.decided })
    assert.same({ "R (FID/REAL) is read; block = 'I' reads FID/IMAG" }, set.notes)
    assert.same({ 500, 600, 700, 800 }, files.values(assert(files.read(FID, { block = "I" }))))
  end)

  local PAGES = [[
##TITLE= cosy
##NTUPLES= nD NMR SPECTRUM
##SYMBOL= F1, F2, Y
##VAR_DIM= 2, 3, 3
##UNITS= HZ, PPM, COUNTS
##FACTOR= 1, 0.1, 2
##FIRST= 9, 5, 2
##LAST= 8, 4, 6
##PAGE= F1= 9.0
##DATA TABLE= (F2++(Y..Y)), PROFILE
50ABC
##PAGE= F1= 8.0
##FIRST= 8, 5, 8
##DATA TABLE= (F2++(Y..Y)), PROFILE
50DEF
##END NTUPLES=
##END=
]]

  it("of pages give a spectrum each, with the page as a label", function()
    local set = assert(files.read(PAGES))
    assert.same({ 2, 4, 6 }, files.values(set, 1))
    assert.same({ 8, 10, 12 }, files.values(set, 2))
    assert.same({ 5, 4.5, 4 }, set.axis)
    assert.same({ ["F1 (HZ)"] = { "9.0", "8.0" } }, set.labels)
    assert.same({ "ppm", "counts" }, { set.unit, set.quantity })
    assert.same({}, set.notes)
  end)

  it("compare FIRST of the whole with the first page alone", function()
    local set = assert(files.read((PAGES:gsub("##FIRST= 8, 5, 8\n", ""))))
    assert.same({ { 8, 10, 12 }, {} }, { files.values(set, 2), set.notes })
    set = assert(files.read((PAGES:gsub("9, 5, 2", "9, 5, 30"):gsub("##FIRST= 8, 5, 8", "##FIRST= 8, 5, 90"))))
    assert.same({ "line 11: the values deviate from FIRSTY=30, got 2",
      "line 15: the values deviate from FIRSTY=90, got 8" }, set.notes)
  end)

  it("of mass spectra are pages of pairs", function()
    local bytes = "##TITLE= gc\n##NTUPLES= MASS SPECTRUM\n##SYMBOL= X, Y, T\n##VAR_DIM= ,,1\n##UNITS= M/Z, RELATIVE "
      .. "ABUNDANCE, SECONDS\n##PAGE= T= 5\n##NPOINTS= 2\n##DATA TABLE= (XY..XY), PEAKS\n28, 100 32, 20\n"
      .. "##END NTUPLES=\n##END=\n"
    local set = assert(files.read(bytes))
    assert.same({ { 28, 32 }, { 100, 20 }, "m/z" }, { set.axis, files.values(set), set.unit })
    assert.same({ "the points are peaks, with nothing between them" }, set.notes)
  end)

  it("that lack pages are cut off", function()
    local cut = PAGES:gsub("##PAGE= F1= 8.0.*", "")
    refuses("the file is cut off: 1 of 2 pages are there; partial = true reads them", cut)
  end)
end)

describe("several tables in a file of JCAMP-DX", function()
  local MASSES = "##TITLE= a\n##JCAMP-DX= 4.24\n##DATA TYPE= MASS SPECTRUM\n##XUNITS= M/Z\n##OWNER= b\n"

  local function scans(count)
    local parts = { MASSES }
    for i = 1, count do
      parts[i + 1] = ("##SCAN= %d\n##TIME= %d\n##XYPOINTS= (XY..XY)\n1, %d\n2, 3\n"):format(i, 2 * i, i)
    end
    return table.concat(parts) .. "##END=\n"
  end

  it("have the labels right in front of them", function()
    local set = assert(files.read(scans(3)))
    for i, metadata in ipairs(set.metadata) do
      assert.same({ i, 2 * i, "b" }, { metadata.SCAN, metadata.TIME, metadata.OWNER })
    end
  end)
  it("have the numbers and units right in front of them, and factors of their block", function()
    local bytes = HEAD .. "##XYDATA= (X++(Y..Y))\n400 1 2 3 4 -2 -4 100\n%s##XYDATA= (X++(Y..Y))\n%s\n##END=\n"
    local set = assert(files.read(bytes:format("##YFACTOR= 0.1\n##YUNITS= TRANSMITTANCE\n", "400 1 2 3 4 5 6 10")))
    assert.same({ SEVEN, { "absorbance", "transmittance" } }, { files.values(set, 1), set.labels.values })
    assert.equal(1, files.values(set, 2)[7])
    local own = bytes:format("##FIRSTX= 500\n##DELTAX= 2\n##NPOINTS= 3\n", "500 1 2 4")
    set = assert(files.read(own, { block = 2 }))
    assert.same({ { 500, 502, 504 }, { 0.5, 1, 2 } }, { set.axis, files.values(set) })
    assert.same({}, set.notes)
    assert.same({ 400, 401, 402, 403, 404, 405, 406 }, assert(files.read(own, { block = 1 })).axis)
  end)
  it("are read in a time that grows with their number", function() -- its square would take minutes
    assert.equal(10000, assert(files.read(scans(10000))).x:size(1))
  end)
  it("are spectra of NMR, not what was recorded over time", function()
    local function block(kind, unit, first)
      return ("##TITLE= a\n##DATA TYPE= NMR %s\n##XUNITS= %s\n##FIRSTX= %d\n##LASTX= %d\n##NPOINTS= 3\n"):format(kind,
        unit, first, first + 2) .. "##XYDATA= (X++(Y..Y))\n" .. first .. " 5 6 7\n##END=\n"
    end
    local bytes = "##TITLE= a\n##JCAMP-DX= 5.01\n##DATA TYPE= LINK\n##BLOCKS= 2\n" .. block("FID", "SECONDS", 1)
      .. block("SPECTRUM", "HZ", 10) .. "##END=\n"
    local set = assert(files.read(bytes))
    assert.same({ { 10, 11, 12 }, "Hz" }, { set.axis, set.unit })
    assert.same({ "left out: 1 table of free induction decays; block = a number reads one" }, set.notes)
    assert.same({ 1, 2, 3 }, assert(files.read(bytes, { block = 1 })).axis)
    assert.same({ 10, 11, 12 }, assert(files.read(bytes, { block = "Y" })).axis)
  end)
end)

describe("the option ppm", function()
  local function nmr(labels, unit)
    return ("##TITLE= a\n##JCAMP-DX= 5.01\n##DATA TYPE= NMR SPECTRUM\n%s##XUNITS= %s\n##YUNITS= ARBITRARY UNITS\n"
      .. "##FIRSTX= 3000\n##LASTX= 1000\n##NPOINTS= 3\n##XYDATA= (X++(Y..Y))\n3000 5 6 7\n##END=\n"):format(labels,
      unit or "HZ")
  end
  local FREQUENCY, REFERENCE = "##.OBSERVE FREQUENCY= 500\n", "##.SHIFT REFERENCE= INTERNAL, CDCl3, 2, 7.26\n"

  it("gives the axis of NMR as chemical shifts, by frequency and reference", function()
    local bytes = nmr(FREQUENCY .. REFERENCE)
    assert.same({ { 3000, 2000, 1000 }, "Hz" }, { assert(files.read(bytes)).axis, assert(files.read(bytes)).unit })
    local set = assert(files.read(bytes, { ppm = true }))
    assert.same({ 7.26 + 2, 7.26, 7.26 - 2 }, set.axis)
    assert.same({ "ppm", "chemical shift", {} }, { set.unit, set.axis_name, set.notes })
    local other = nmr "##.OBSERVEFREQUENCY= 250.0\n##.SHIFT  REFERENCE= EXTERNAL, a b, 1, -1\n"
    assert.same({ -1, -5, -9 }, assert(files.read(other, { ppm = true })).axis)
  end)
  it("takes 0 Hz for 0 ppm, with a note, if the file has no reference", function()
    for _, empty in ipairs { "", "##.SHIFT REFERENCE=\n" } do
      local set = assert(files.read(nmr(FREQUENCY .. empty), { ppm = true }))
      assert.same({ 6, 4, 2 }, set.axis)
      assert.same({ "ppm: 0 Hz is taken for 0 ppm, as there is no .SHIFT REFERENCE" }, set.notes)
    end
  end)
  it("leaves an axis in ppm as it is", function()
    assert.same({ 3000, 2000, 1000 }, assert(files.read(nmr(FREQUENCY .. REFERENCE, "PPM"), { ppm = true })).axis)
  end)
  it("refuses other axes, and labels that do not say what is needed", function()
    local options = { ppm = true }
    refuses("ppm: expected an axis in ppm, or in Hz in JCAMP-DX, got cm-1",
      file "##XYDATA= (X++(Y..Y))\n400 1 2 3 4\n404 -2 -4 100", options)
    refuses("ppm: expected an axis in ppm, or in Hz in JCAMP-DX, got none that is known", "1 2\n3 4\n5 6\n", options)
    for value, shown in pairs { [""] = "none", ["0"] = "0", ["-4"] = "-4", ["?"] = "?" } do
      refuses("ppm: expected .OBSERVE FREQUENCY in MHz, got " .. shown,
        nmr("##.OBSERVE FREQUENCY= " .. value .. "\n"), options)
    end
    for _, value in ipairs { "CDCl3", "INTERNAL, CDCl3, 4, 7.26", "INTERNAL, CDCl3, 0, 7.26", "INTERNAL, CDCl3, 1, ?",
      "INTERNAL, CDCl3, 1.5, 7", "INTERNAL, CDCl3, 99999999999999999999, 7" } do
      refuses(("ppm: .SHIFT REFERENCE=%s: expected 'INTERNAL, solvent, one of 3 points, ppm'"):format(value),
        nmr(FREQUENCY .. "##.SHIFT REFERENCE= " .. value .. "\n"), options)
    end
  end)
end)

describe("a file of JCAMP-DX that is cut off", function()
  it("is refused with what is there, which partial reads", function()
    local bytes = HEAD .. "##XYDATA= (X++(Y..Y))\n400 1 2 3 4"
    refuses("the file is cut off: 4 of 7 points are there; partial = true reads them", bytes)
    local set = assert(files.read(bytes, { partial = true }))
    assert.same({ { 400, 401, 402, 403 }, { 0.5, 1, 1.5, 2 } }, { set.axis, files.values(set) })
    refuses("the file is cut off: 4 of an unknown number of points are there; partial = true reads them",
      (bytes:gsub("##NPOINTS= 7\n", "")))
  end)

  it("behind its last point is read, with a note", function()
    local set = assert(files.read(HEAD .. "##XYDATA= (X++(Y..Y))\n400 1 2 3 4 5 6 7"))
    assert.same({ "the file ends without ##END=: its last value may be incomplete" }, set.notes)
  end)
end)

describe("the decoder", function()
  it("bounds the points that counts of repeats announce, for the whole file", function()
    assert.same({ nil, 1, "too many points for the file's size" }, { core.asdf("1AJZ999999", nil, nil, 1, 1000) })
    local block = (HEAD .. "##XYDATA= (X++(Y..Y))\n400AS600\n##END=\n"):gsub("= 7\n", "= 1600\n")
    local most <const> = line_tables.MOST_REPEATED
    line_tables.MOST_REPEATED = 2000
    local one, two = files.read(block), files.read(block:rep(2))
    line_tables.MOST_REPEATED = most
    assert.equal(1600, one.length)
    assert.is_nil(two)
  end)
end)

describe("damaged files of JCAMP-DX", function()
  it("are read or refused with a message", function()
    local path = os.tmpname()
    for _, bytes in ipairs { file "##XYDATA= (X++(Y..Y))\n400AJU\n403Dok\n405dJ04\n406A00",
      file "##PEAK TABLE= (XY..XY)\n3 4 1 8 2 6", file "##PEAK ASSIGNMENTS= (XYA)\n(1.5, 2, <CH3>)" } do
      damage.all(mb.spectra.read, path, bytes)
      damage.all(function(at) return mb.spectra.read(at, { partial = true }) end, path, bytes)
    end
    os.remove(path)
  end)
end)

describe("measured files of JCAMP-DX", function()
  it("hold what other readers find", function()
    local folder, missing = measured "instrument_files"
    if not folder then return pending(missing) end
    local count = 0
    for _, entry in ipairs(index.entries(folder)) do
      if entry.file:find "^jcamp/" and entry.reference.spectra ~= mb.json_null and entry.file ~= "jcamp/simple.jdx" then
        local set = assert(mb.spectra.read(folder .. "/" .. entry.file))
        assert.same({}, index.differences(set, entry.reference), entry.file)
        count = count + 1
      end
    end
    assert.equal(11, count)
    refuses("JCAMP-DX without a table of data, in 5 blocks", files.bytes(folder .. "/jcamp/simple.jdx"))
  end)

  it("in several forms are equal", function()
    local folder, missing = measured "jcamp"
    if not folder then return pending(missing) end
    local function values(name) return files.values(assert(mb.spectra.read(folder .. "/" .. name))) end
    assert.same(values "noencoding_example.jdx", values "difdup_example.jdx")
    local longest = values "cheminfo/compression-small__jcamp-squeezed.dx"
    for _, name in ipairs { "fix", "packed", "difdup" } do
      local list = values("cheminfo/compression-small__jcamp-" .. name .. ".dx")
      assert.same(table.move(longest, 1, #list, 1, {}), list)
    end
    -- jtpolysd.jdx has another YFACTOR, and integers that the writer rounded
    local fix, dif = values "lancashire/jtpolys.jdx", values "lancashire/jtpolysd.jdx"
    for i, value in ipairs(fix) do assert.near(value * 2.3884185791 / 2.384185791, dif[i], 1e-6) end
  end)
end)
