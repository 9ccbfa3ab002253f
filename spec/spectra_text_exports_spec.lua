-- Texts as instruments and other programs export them: what stands in the place of numbers, beside them and below them.
local damage = require "support.damage"
local files = require "support.spectra_files"
local mb = require "moonbow"

local read, refuses, values = files.read, files.expect_refusal, files.values

local function notes_of(set) return table.concat(set.notes, "\n") end

local function rows_of(count, form)
  local lines = {}
  for i = 1, count do lines[i] = form:format(400 + i, i * 7 % 5, i * 3 % 7, i % 4, i % 3) end
  return table.concat(lines)
end

describe("text in the place of a number", function()
  it("in the first line of x and y is refused", function()
    for text, fault in pairs { NaN = "the value is missing", ["-inf"] = "expected a number, got '-inf'",
      over = "expected a number, got 'over'", ["90.00%"] = "expected a number, got '90.00%'",
      [""] = "the value is missing" } do
      for _, separator in ipairs { "\t", ";", text == "" and ";" or " " } do
        local row = "%d" .. separator .. "%d\n"
        local _, why = read("400" .. separator .. text .. "\n" .. rows_of(4, row))
        assert.equal("line 1, column 2: " .. fault, why)
      end
    end
    refuses("line 1, column 2: expected a number, got '90.00%'", "400,90.00%\n401,91.00%\n402,91.50%\n403,91.20%\n")
    refuses("line 1, column 2: the value is missing", "400 NaN 0.5\n401 0.6 0.4\n402 0.6 0.4\n403 0.7 0.5\n")
  end)
  it("below the names is refused, and takes no point with it", function()
    refuses("line 2, column 1: expected a number or a label, got '#REF!'; comment = \"#\" leaves the line out",
      "nm,abs\n#REF!,0.5\n404,90.1\n408,90.2\n412,90.3\n")
    refuses("line 2, column 1 (nm): the value is missing", "nm,abs\nNaN,0.5\n404,90.1\n408,90.2\n412,90.3\n")
    refuses("line 2, column 2 (abs): expected a number, got 'over'", "nm abs\n400 over\n401 0.5\n402 0.6\n403 0.6\n")
  end)
  it("is a comment if comments are chosen, and leaves the names", function()
    local text = "nm,abs\n#REF!,0.5\n404,90.1\n408,90.2\n412,90.3\n"
    local set = assert(read(text, { comment = "#" }))
    assert.same({ "nm", 3 }, { set.unit, set.length })
    assert.equal("nm", read((text:gsub("#REF!", "# gain, 5"))).unit)
    set = assert(read("nm,abs\n# made today\nnm,AU\n404,90.1\n408,90.2\n412,90.3\n"))
    assert.same({ "absorbance", "comment lines left out: 1" }, { set.quantity, set.notes[3] })
  end)
end)

it("exponents of Fortran are read, and names such as 2D4 are none", function()
  local set = assert(read "400 1.0D-01\n401 1.5d+00\n402 -2.5D+002\n403 1.25E-1\n")
  assert.same({ 0.10000000149011612, 1.5, -250, 0.125 }, values(set))
  assert.same({ 1.5 }, { read("nm;a\n400;1,5D+00\n401;2,5D+00\n402;3,5D+00\n").x:get(1, 1, 1) })
  assert.same({ "2D4", "1.5D" }, read("nm,2D4,1.5D\n" .. rows_of(3, "%d,%d,%d\n")).names)
end)

describe("a table of PANalytical", function()
  it("holds intensities, along the axis that it names above", function()
    local set = assert(read("[Measurement conditions]\nSample identification,Si\nScan axis,Gonio\n\n[Scan points]\n"
      .. "Angle,TimePerStep,Intensity,ESD\n" .. rows_of(9, "%d.01,48,%d,31.6\n")))
    assert.same({ 1, 9, "2theta", "deg", "intensity" }, { #set, set.length, set.axis_name, set.unit, set.quantity })
    assert.same({ 2, 4 }, { set.x:get(1, 1, 1), set.x:get(1, 2, 1) })
    assert.matches("column 2 %(TimePerStep%) left out: a setting of each point; block = 2 reads it", notes_of(set))
    assert.matches("column 4 %(ESD%) left out: errors of the values", notes_of(set))
  end)
end)

describe("a table of Avantes", function()
  it("has fewer units than names, and lines of text above", function()
    for _, first in ipairs { "", "sample 1\n" } do
      local set = assert(read(first .. "Integration time: 100.00 ms\nAverage: 10 scans\n"
        .. "Wave   ;Sample   ;Dark     ;Reference;Absorbance\n[nm]   ;[counts] ;[counts] ;[counts] \n\n"
        .. rows_of(9, "%d.5;%d;%d;%d;0.%d\n")))
      assert.same({ 3, "nm", "counts", { "Sample", "Dark", "Reference" } },
        { #set, set.unit, set.quantity, set.names })
      assert.equal("100.00 ms", set.metadata[1]["Integration time"])
      assert.matches("column 5 %(Absorbance%) left out: values of another kind; block = 5 reads it", notes_of(set))
    end
  end)
  it("is of no kind if a later name alone says one", function()
    assert.is_nil(read("Wave;Sample;Dark;Absorbance\n" .. rows_of(9, "%d;%d;%d;%d\n")).quantity)
  end)
end)

describe("a table of R with decimal commas", function()
  it("has decimal points in its names", function()
    for _, head in ipairs { '"";"X400";"X401.5";"X403"\n', "id;400;401.5;403\n" } do
      local set = assert(read(head .. '"1";1,5;2,5;3,5\n"2";2,5;3,5;4,5\n'))
      assert.same({ { 400, 401.5, 403 }, { 1.5, 2.5, 3.5 } }, { set.axis, values(set) })
    end
  end)
  it("has none if a point may separate thousands, or a name holds a comma", function()
    assert.matches("a separator of thousands%?", select(2, read "k;999;1.000;1.001\na;1,5;2;3\n"))
    refuses("line 1: the name of column 3 looks like a number but is not one: '401.5' (with semicolons and decimal "
      .. "commas)", "P;400,5;401.5\na;1,5;2\n")
  end)
end)

describe("text below a table", function()
  local table_text = "nm\tabs\n400\t.1\n401\t.2\n402\t.3\n403\t.3\n"
  local jasco = "TITLE\tx\nXUNITS\tNANOMETERS\nYUNITS\tABSORBANCE\nXYDATA\n" .. table_text:gsub("^[^\n]*\n", "")
    .. "\n##### Extended Information\n[Comments]\nSample name\tx\n\n[Measurement Information]\nResponse\t0.06 sec\n"
  local cary = "s0,,s1,,s2,\nWavelength (nm),Abs,Wavelength (nm),Abs,Wavelength (nm),Abs\n"
    .. rows_of(9, "%d,%d,_,%d,_,%d\n"):gsub("(%d+)(,%d,)_(,%d,)_", "%1%2%1%3%1") .. "\ns0\nCollection Time: 12/1/2026\n"
    .. "  Start (nm)   800.0\n  UV-Vis Ave. Time (sec)   0.1\n"

  it("is metadata", function()
    local set = assert(read(table_text .. "\n[Comments]\nSample\tx\n"))
    assert.same({ { 400, 401, 402, 403 }, "x" }, { set.axis, set.metadata[1].Sample })
    assert.matches("lines 7 to 8, below the table: read as metadata", notes_of(set))
    set = assert(read(jasco))
    assert.same({ 4, "nm", "absorbance", "0.06 sec" }, { set.length, set.unit, set.quantity, set.metadata[1].Response })
    set = assert(read(cary))
    assert.same({ 3, 9, "12/1/2026" }, { #set, set.length, set.metadata[1]["Collection Time"] })
    set = assert(read("k,400,401,402\na,1,2,3\nb,2,3,4\n\nmade by: me\n"))
    assert.same({ 2, "me" }, { #set, set.metadata[1]["made by"] })
  end)
  it("holds no rows", function()
    for _, below in ipairs { "\n[Comments]\n404\t.5\n", "\n[Comments]\nx\t1\n\n404 .5\n", "\nNaN\t.5\n",
      "\n[Second]\n400\t.1\n401\t.2\n402\t.3\n", "text\t.5\n" } do
      local set, why = read(table_text .. below)
      assert.is_nil(set)
      assert.matches("^line [67]", why)
    end
    local _, why = read("k,400,401,402\na,1,2,3\nb,2,3,4\n\nc,x,y,z\n")
    assert.matches("^line 5, column 2", why)
  end)
  it("hides no fault above", function()
    refuses("line 3, column 2 (abs): expected a number, got 'x'",
      "nm\tabs\n400\t.1\n401\tx\n402\t.3\n403\t.3\n\n[Comments]\nSample\ty\n")
  end)
  it("that is damaged is read or refused", function()
    local path = os.tmpname()
    for _, text in ipairs { jasco, cary, '"Wavelength\n(nm)","a\nb"\n400,1\n401,2\n402,3\n' } do
      assert.is_true(damage.all(mb.spectra.read, path, text) > 100)
    end
    os.remove(path)
  end)
end)

describe("line breaks in quotes", function()
  it("are blanks", function()
    local set = assert(read '"Wavelength\n(nm)",Absorbance\n400,.1\n401,.2\n402,.3\n')
    assert.same({ "nm", "absorbance", 3, {} }, { set.unit, set.quantity, set.length,
      { table.unpack(set.notes, 2) } })
    set = assert(read 'k,400,401\r\n"a\r\n""b"", c",1,2\r\nd,3,4\r\n')
    assert.same({ 'a "b", c', "d" }, set.labels.k)
  end)
  it("are blanks in a table of labels, too", function()
    local path = os.tmpname()
    local file = assert(io.open(path, "wb"))
    file:write 'name,"kind of\nrock"\na,calcite\nb,"iron\noxide"\n'
    file:close()
    local set = mb.spectra.set { x = mb.ones(2, 3), axis = { 1, 2, 3 }, names = { "a", "b" } }
    assert.same({ "calcite", "iron oxide" }, set:join(path, { by = "name" }).labels["kind of rock"])
    os.remove(path)
  end)
  it("keep the numbers of the lines below", function()
    refuses("line 4, column 2 (Absorbance): expected a number, got 'x'",
      '"Wavelength\n(nm)",Absorbance\n400,.1\n401,x\n402,.3\n')
    refuses("line 2, column 1 (k): a quote does not end", 'k,400,401\n"a,1,2\nb,3,4\n')
  end)
end)

it("Ctrl-Z at the end of a text is left out", function()
  for _, mark in ipairs { "\26", "\26\26\26", "\26\r\n", "\r\n\26" } do
    local set = assert(read("nm,abs\r\n400,.1\r\n401,.2\r\n402,.3" .. mark))
    assert.same({ 3, "nm", "absorbance" }, { set.length, set.unit, set.quantity })
    assert.equal(2, read("##TITLE=a\r\n##JCAMP-DX=4.24\r\n##DATA TYPE=INFRARED SPECTRUM\r\n##XUNITS=1/CM\r\n"
      .. "##YUNITS=ABSORBANCE\r\n##NPOINTS=2\r\n##XYPOINTS=(XY..XY)\r\n400,1\r\n401,2\r\n##END=" .. mark).length)
  end
end)
