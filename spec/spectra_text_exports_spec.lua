-- Texts as instruments and other programs export them: what stands in the place of numbers, beside them and below them.
local files = require "support.spectra_files"

local read, values = files.read, files.values

local function notes_of(set) return table.concat(set.notes, "\n") end

local function rows_of(count, form)
  local lines = {}
  for i = 1, count do lines[i] = form:format(400 + i, i * 7 % 5, i * 3 % 7, i % 4, i % 3) end
  return table.concat(lines)
end

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

it("Ctrl-Z at the end of a text is left out", function()
  for _, mark in ipairs { "\26", "\26\26\26", "\26\r\n", "\r\n\26" } do
    local set = assert(read("nm,abs\r\n400,.1\r\n401,.2\r\n402,.3" .. mark))
    assert.same({ 3, "nm", "absorbance" }, { set.length, set.unit, set.quantity })
    assert.equal(2, read("##TITLE=a\r\n##JCAMP-DX=4.24\r\n##DATA TYPE=INFRARED SPECTRUM\r\n##XUNITS=1/CM\r\n"
      .. "##YUNITS=ABSORBANCE\r\n##NPOINTS=2\r\n##XYPOINTS=(XY..XY)\r\n400,1\r\n401,2\r\n##END=" .. mark).length)
  end
end)
