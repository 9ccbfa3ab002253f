-- Tables of text through the door: variants, encodings, what names say, damage; and random tables, read against a plain
-- reading line by line.
local zlib = require "zlib"
local core = require "moonbow.core"
local mb = require "moonbow"
local document = require "moonbow.io.csv.document"
local damage = require "support.damage"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local measured = require "support.measured"

local read, refuses = files.read, files.expect_refusal

local function rows_of(count, row)
  local lines = {}
  for i = 1, count do lines[i] = row(i) .. "\n" end
  return table.concat(lines)
end

-- Points on a curve without a trend.
local function value(i, k) return 100 + (i * 37 + (k or 0) * 11) % 17 end

describe("x and y", function()
  it("are read without a header, with one, and with units", function()
    for _, head in ipairs { "", "Wavenumber (cm-1),Absorbance\n", "Wavenumber,Absorbance\ncm-1,AU\n" } do
      local set = assert(read(head .. "400,1\n401,3\n402,2\n"))
      assert.same({ 400, 401, 402 }, set.axis)
      assert.same({ 1, 3, 2 }, files.values(set))
      assert.same(head ~= "" and { "cm-1", "wavenumber", "absorbance" } or {},
        { set.unit, set.axis_name, set.quantity })
    end
  end)
  it("take what the values are from the name of their column, and keep other names", function()
    assert.equal("by 'Intensity (counts)'", read("2theta,Intensity (counts)\n10,1\n11,2\n12,1\n").decided)
    assert.same({ "calcite" }, read("2theta,calcite\n10,1\n11,2\n12,1\n").names)
    local set = read("nm;%T\n400;90\n401;80\n402;85\n")
    assert.same({ "nm", "transmittance", true }, { set.unit, set.quantity, set.percent })
  end)
  it("have the unit that a cell, a line of units or metadata state, not the one of the bare name", function()
    local rows = "2.5;10\n2.6;20\n2.7;30\n"
    for _, head in ipairs { "Wavelength;Reflectance\n\u{b5}m;%\n", "# xunits: um\nWavelength;Reflectance\n%\n",
      "# xlabel: Wavelength\n# xunits: um\nx;Reflectance\n", "Wavelength (um);Reflectance\nnm;%\n" } do
      local set = assert(read(head:gsub("\n%%\n", "\n;%%\n") .. rows))
      assert.same({ "um", "wavelength", "reflectance" }, { set.unit, set.axis_name, set.quantity }, head)
    end
    assert.same({ "cm-1", "Raman shift" }, (function(set) return { set.unit, set.axis_name } end)(
      read("Raman shift;counts\ncm-1;\n" .. rows)))
    local indexed = read(";Wavelength;a;b\n;um;;\n" .. rows_of(9, function(i) return ("%d;%g;%d;%d"):format(i, i / 4,
      value(i), value(i, 1)) end))
    assert.same({ "um", 0.25 }, { indexed.unit, indexed.axis[1] })
  end)
  it("have the units of spacings, scattering vectors, wavelengths and angles, though they are short", function()
    for head, expected in pairs { ["d (A)"] = { "Å", "d-spacing" }, ["d (Å)"] = { "Å", "d-spacing" },
      ["d [nm]"] = { "nm", "d-spacing" }, ["d-spacing/Å"] = { "Å", "d-spacing" },
      ["d (Angstrom)"] = { "Å", "d-spacing" }, ["q (1/A)"] = { "1/Å", "q" }, ["q (A-1)"] = { "1/Å", "q" },
      ["Q (Å-1)"] = { "1/Å", "q" },
      ["Q (Å^-1)"] = { "1/Å", "q" }, ["q (A^-1)"] = { "1/Å", "q" }, ["Q [Å⁻¹]"] = { "1/Å", "q" },
      ["q (nm^-1)"] = { "1/nm", "q" }, ["wavelength (Å)"] = { "Å", "wavelength" },
      ["wavelength (nm)"] = { "nm", "wavelength" }, ["2theta (rad)"] = { "rad", "2theta" },
      ["2theta (deg)"] = { "deg", "2theta" } } do
      local set = assert(read(head .. ";intensity\n2.5;10\n2.6;20\n2.7;30\n"))
      assert.same(expected, { set.unit, set.axis_name }, head)
    end
  end)
  it("are in percent if a name or the line of units says so", function()
    for head, quantity in pairs { ["Transmittance [%]"] = "transmittance", ["T [%]"] = "transmittance",
      ["R [%]"] = "reflectance", ["T %"] = "transmittance", ["Reflectance / %"] = "reflectance",
      ["Transmission in %"] = "transmittance", ["Transmittance (percent)"] = "transmittance",
      ["Transmittance\ncm-1;%"] = "transmittance", ["T\ncm-1;[%]"] = "transmittance" } do
      local set = assert(read("Wavenumber;" .. head .. "\n400;95\n401;96\n402;97\n"))
      assert.same({ quantity, true }, { set.quantity, set.percent }, head)
    end
    for metadata, percent in pairs { ["# yunits: transmittance (%)"] = true, ["YUNITS: %T"] = true,
      ["# yunits: transmittance"] = false, ["# yunits: reflectance (%)"] = false } do
      local set = assert(read(metadata .. "\nWavenumber;T\n400;95\n401;96\n402;97\n"))
      assert.same({ "transmittance", percent }, { set.quantity, set.percent or false }, metadata)
    end
    for _, head in ipairs { "Intensity (%)", "Absorbance\ncm-1;%", "Transmittance" } do
      assert.is_nil(read("Wavenumber;" .. head .. "\n400;95\n401;96\n402;97\n").percent)
    end
  end)
  it("name the cell of the axis that looks like a number and is not", function()
    for text, cell in pairs { ['Wavenumber,I\n"1,000.5","1,234.5"\n"1,001.5",12\n'] = "'1,000.5'",
      ["x\ty\n1'000.5\t1'234.5\n1'001.5\t2\n"] = "'1'000.5'", ["x;y\ncm-1;counts\n1.000,5;1\n"] = "'1.000,5'" } do
      local _, why = read(text)
      assert.is_truthy(why:find("^line [23], column 1 %(%a+%): expected a number, got " .. cell), why)
    end
  end)
  it("may have points twice, if they are few", function()
    local text = rows_of(60, function(i) return ("%d,%d"):format(i == 30 and 429 or 400 + i, value(i)) end)
    local set = assert(read(text))
    assert.equal(60, set.length)
    assert.same({ "read as one spectrum, with its axis in the first column",
      "points of the axis that are there twice: 1" }, set.notes)
    refuses("line 3, column 1: the axis holds 401 twice", "400,1\n401,2\n401,3\n403,1\n")
  end)
end)

describe("letters in the names of columns", function()
  local function table_of(head)
    return head .. rows_of(9, function(i)
      return ("%d,%d,%d,%d"):format(400 + i, value(i), value(i, 1), value(i, 2))
    end)
  end
  it("are names of samples beside others", function()
    for _, head in ipairs { "wavelength,A,B,C\n", "wavelength,C,R,T\n", "wavelength,ctrl,KM,Au\n" } do
      local set = assert(read(table_of(head)))
      assert.same({ 3, nil }, { #set, set.quantity }, head)
      assert.matches("^column '%u%u?' is taken for a sample, not for ", set.notes[2])
    end
    assert.same({ 1, "transmittance" }, (function(set) return { #set, set.quantity } end)(
      read(table_of "wavelength,C,R,T\n", { block = "T" })))
  end)
  it("say what the values are if there is one, or beside a longer name", function()
    assert.equal("transmittance", read("nm,T,sigma\n400,1,2\n401,2,3\n402,2,3\n").quantity)
    local set = read(table_of "wavelength,Abs,T,R\n")
    assert.same({ 1, "absorbance" }, { #set, set.quantity })
  end)
end)

describe("a second line without numbers", function()
  local function table_of(head)
    return head .. rows_of(9, function(i) return ("%d,%d,%d,%d"):format(400 + i, value(i), 400 + i, value(i, 2)) end)
  end
  it("is a label of the spectra if it begins with a name", function()
    local set = read(table_of "wavelength,s1,s2,s3\nclass,C,T,C\n")
    assert.same({ { "spectrum", "class" }, { "C", "T", "C" } }, { set.columns, set.labels.class, set.quantity })
    assert.equal("line 2: read as the label 'class' of the spectra", set.notes[2])
    assert.same({ "T" }, read(table_of "wavelength,s1,s2,s3\nclass,C,T,C\n", { block = "s2" }).labels.class)
    assert.same({ "C", "T" }, read(table_of "x,a,x,b\nclass,C,class,T\n").labels.class)
  end)
  it("is one of units if it says kinds of values, or begins with a unit or an empty cell", function()
    for _, line in ipairs { "nm,C,T,C", "unit,counts,counts,counts", ",C,T,C", "unit,%,%,%" } do
      local set = read(table_of("wavelength,s1,s2,s3\n" .. line .. "\n"))
      assert.same({ "spectrum" }, #set > 1 and set.columns or { "spectrum" })
      assert.is_truthy(table.concat(set.notes, "; "):find "line 2 left out: it holds no number %(units%?%)")
    end
    assert.same({ "um", "counts" }, (function(set) return { set.unit, set.quantity } end)(
      read(table_of "Wavelength,a,Wavelength,b\num,counts,um,counts\n")))
  end)
end)

describe("columns beside a spectrum", function()
  local function table_of(head, third)
    return head .. rows_of(60, function(i) return ("%d\t%d\t%s"):format(400 + i, value(i), third(i)) end)
  end
  local function expect(text, note)
    local set = assert(read(text))
    assert.same({ 1, 60, 1 }, set.x:shape())
    assert.equal(value(1), set.x:get(1, 1, 1))
    assert.equal(note, set.notes[2])
  end
  it("are left out if they are errors", function()
    local function root(i) return ("%.4f"):format(math.sqrt(value(i))) end
    expect(table_of("", root), "column 3 left out: taken for errors of the values; block = 3 reads it")
    expect(table_of("2theta\tI\tsigma\n", function(i) return 90 + i end),
      "column 3 (sigma) left out: errors of the values; block = 3 reads it")
    expect(table_of("", function() return 0.5 end),
      "column 3 left out: taken for errors of the values; block = 3 reads it")
  end)
  it("are left out if they are a background, or values of another kind", function()
    expect(table_of("", function(i) return 105 + i // 30 end),
      "column 3 left out: taken for a background; block = 3 reads it")
    expect(table_of("# ColumnLabels: energy counts/s transmission\n", function(i) return value(i, 1) end),
      "line 1: taken as the names of columns, though it starts with '#'")
    assert.equal("counts per second", read(table_of("# ColumnLabels: energy counts/s transmission\n",
      function(i) return value(i, 1) end)).quantity)
  end)
  it("are read if block names them", function()
    local text = table_of("2theta\tI\tsigma\n", function(i) return 90 + i end)
    for _, block in ipairs { 3, "sigma" } do assert.equal(91, read(text, { block = block }).x:get(1, 1, 1)) end
    assert.equal(value(1), read(text, { block = "I" }).x:get(1, 1, 1))
    refuses("block: there is no column 'x' with values", text, { block = "x" })
  end)
  it("are refused without names if they may be a spectrum", function()
    refuses("line 1: three columns without names: x and y, and errors or a second spectrum? Name them in a first line",
      table_of("", function(i) return value(i, 5) end))
  end)
  it("may count the rows, as pandas' index", function()
    local set = read(",wavenumber,a,b\n" .. rows_of(9, function(i)
      return ("%d,%.1f,%d,%d"):format(i - 1, 400 + i / 2, value(i), value(i, 1))
    end))
    assert.same({ { "a", "b" }, 400.5, "wavenumber" }, { set.names, set.axis[1], set.axis_name })
    assert.equal("column 1 left out: it counts the rows; the axis is in column 2", set.notes[1])
    assert.equal(3, read(",nm,Intensity\n0,400,1\n1,401,3\n2,402,2\n").length)
  end)
end)

describe("rows between blanks", function()
  it("are refused if a cell may be empty", function()
    refuses("line 1: two blanks below may have an empty cell between them; expected another separator (with "
      .. "blanks)", " kind wn_400,0 wn_402,0 wn_404,0\n0  1,9e-8 -4,2e-8 1,05e-7\n")
    assert.same({ "a", "b" }, read(" kind X400 X402 X404\na 1 2 3\nb 4 5 6\n").labels.kind)
    assert.same({ "a", "b" }, read(" kind  X400  X402  X404\na  1  2  3\nb  4  5  6\n").labels.kind)
  end)
end)

describe("pairs of columns", function()
  local function pairs_text(head, shift, rows)
    return head .. rows_of(rows or 9, function(i)
      return ("%.2f;%d;%.2f;%d"):format(400 + i, value(i), 400 + i + shift, value(i, 1))
    end)
  end
  it("are one set if their axes are the same", function()
    for _, head in ipairs { "", "x;a;x;b\n", "a;;b;\n", "Wavenumber1;a;Wavenumber2;b\n" } do
      local set = assert(read(pairs_text(head, 0)))
      assert.same({ 2, 9, 1 }, set.x:shape())
      assert.equal(value(9, 1), set.x:get(2, 9, 1))
      if head ~= "" then assert.same({ "a", "b" }, set.names) end
    end
  end)
  it("are refused with the difference of their axes, unless they are resampled", function()
    refuses("its spectra have different axes: point 1 of the axis is 401 there and 401.25 here; the option resample "
      .. "puts all on one axis", pairs_text("x;a;x;b\n", 0.25))
    assert.equal(2, read(pairs_text("x;a;x;b\n", 0.25), { resample = true }).x:size(1))
  end)
  it("of different lengths may have separators of thousands, too", function()
    refuses("line 3, column 4: '1.125' may hold a decimal sign or a separator of thousands; give decimal, or write "
      .. "numbers without such separators", "x;a;x;b\n1;900;1;2\n2;1;2;1.125\n3;2;3;4\n4;5;;\n")
    refuses("line 2, column 1: '1,125' may hold a decimal sign or a separator of thousands; give decimal, or write "
      .. "numbers without such separators (with commas and decimal commas)",
      'x,a,x,b\n"1,125",900,"1,125",2\n"1,126",1,"1,126",5\n"1,127",2,"1,127",4\n"1,128",5,,\n')
  end)
  it("may have different lengths", function()
    local text = pairs_text("x;a;x;b\n", 0) .. "410;1;;\n411;2;;\n"
    local _, why = read(text)
    assert.matches("11 points from 401 to 411 there, 9 from 401 to 409 here", why)
    local _, hole = read(text .. "412;1;412;3\n")
    assert.matches("the value is missing", hole)
  end)
end)

describe("an axis that may have separators of thousands", function()
  it("is refused if commas also separate cells, as values are", function()
    for _, head in ipairs { "wavelength,counts\n", "" } do
      local _, why = read(head .. '"1,100",12\n"1,102",13\n"1,104",15\n')
      assert.is_truthy(why:find("column 1: '1,100' may hold a decimal sign or a separator of thousands", 1, true), why)
    end
    assert.same({ 1.1, 1.102, 1.104 }, read('nm,I\n"1,100","12,5"\n"1,102",13\n"1,104",15\n').axis)
    assert.same({ 1.1, 1.2, 1.3 }, read('nm,I\n"1,100",12\n"1,200",13\n"1,300",15\n', { decimal = "," }).axis)
  end)
  it("is read and noted in other files, unless a value tells", function()
    local note = "the axis is read with a decimal point: '1.100' is 1.1; if it is 1100, write it without a separator"
    local function notes(text) return table.concat(assert(read(text)).notes, "\n") end
    for _, text in ipairs { "nm;I\n1.100;12\n1.102;13\n1.104;15\n", "k;1.100;1.102;1.104\na;1;2;3\nb;1;2;3\n",
      "k;1.100 nm;1.102 nm;1.104 nm\na;1;2;3\nb;1;2;3\n", "x;a;x;b\n" .. rows_of(9, function(i)
        return ("1.10%d;%d;1.10%d;%d"):format(i - 1, value(i), i - 1, value(i, 1)) end) } do
      assert.is_truthy(notes(text):find(note, 1, true), text)
      assert.is_nil(notes(text:gsub("1%.10(%d)", "1.10%10")):find("decimal point", 1, true), text)
    end
    assert.is_nil(notes("nm;I\n1.100;12.5\n1.102;13\n1.104;15\n"):find("decimal point", 1, true))
    assert.is_truthy(notes("nm\tI\n1,100\t12\n1,102\t13\n1,104\t15\n"):find("with a decimal comma: '1,100'", 1, true))
  end)
end)

describe("names with numbers in them", function()
  it("are the axis", function()
    for name, unit in pairs { ["X%.1f"] = false, ["wn_%.1f"] = "cm-1", ["%.1f cm-1"] = "cm-1", ["%.1fnm"] = "nm" } do
      local head = {}
      for i = 1, 4 do head[i] = name:format(400 + i / 2) end
      local set = assert(read("sample," .. table.concat(head, ",") .. "\na,1,2,3,4\nb,2,3,4,5\n"))
      assert.same({ 400.5, 401, 401.5, 402 }, set.axis)
      assert.equal(unit or nil, set.unit)
      assert.same({ "a", "b" }, set.names)
    end
  end)
  it("say what the values are", function()
    local set = read "absorbance_1,absorbance_2,absorbance_3,fat\n0.5,0.25,0.75,12\n0.25,0.5,0.5,13\n"
    assert.same({ "absorbance", "by 'absorbance'", { "12", "13" } }, { set.quantity, set.decided, set.labels.fat })
  end)
  it("are names of spectra beside an axis", function()
    local function columns(head)
      return head .. rows_of(9, function(i) return ("%.1f,%d,%d,%d"):format(400 + i / 2, value(i), i % 2, 3) end)
    end
    for _, first in ipairs { "2theta", "x", "" } do
      assert.same({ "s1", "s2", "s3" }, read(columns(first .. ",s1,s2,s3\n")).names)
    end
    local why = "line 1: does the first column hold an axis or sample numbers? Name it, or give axis = 'id' or 'line 1'"
    refuses(why, columns "id,T20,T30,T50\n")
    refuses(why, "id,s1,s2,s3\n400.5,1,2,3\n401,2,3,4\n")
  end)
end)

describe("lines above a table", function()
  local wide, narrow = "kind,400,401,402\na,1,2,3\nb,4,5,6\n", "nm,counts\n400,1\n401,3\n402,2\n"
  it("are metadata", function()
    for _, form in ipairs { "%s: %s\n", "%s=%s\n", '"%s","%s"\n', "%s,%s,,\n" } do
      for _, text in ipairs { wide, narrow } do
        local set = assert(read(form:format("Title", "sample 7") .. form:format("Exposure", "10") .. "\n" .. text))
        assert.same({ Title = "sample 7", Exposure = 10 }, set.metadata[1])
        assert.equal(text == wide and 2 or 1, set.x:size(1))
        local notes = table.concat(set.notes, "\n")
        assert.is_truthy(notes:find("lines 1 to 2: read as metadata", 1, true), notes)
      end
    end
  end)
  it("are metadata in comments, too", function()
    local set = read("# Laser: 532\n# by me\n#x,2Theta,deg\n#y,Intensity,counts\n25,13\n25.5,2\n26,5\n")
    assert.equal(532, set.metadata[1].Laser)
    assert.same({ "deg", "counts" }, { set.unit, set.quantity })
  end)
  it("are no table themselves", function()
    refuses("line 1, column 2 is named '='; is this a list of settings?", "SUCCESS = 0\nERROR = 1\nUNKNOWN = 2\n")
  end)
  it("are refused if they hold cells for each column, or a cell that does not end", function()
    local _, why = read("group,1,2,1\nconc,low,high,low\n" .. rows_of(9, function(i) return i .. ",1,2,3" end))
    assert.is_truthy(why)
    refuses("line 1: a quote does not end", '"k\nind,400,401\na,1,2\n')
  end)
  it("do not hide a table that is refused", function()
    refuses("line 5, column 2 (counts): expected a number, got 'x'", "Title: a\n" .. "nm,counts\n400,1\n401,3\n402,x\n")
  end)
end)

describe("tables of Orange", function()
  it("have types and roles below the names", function()
    local set = assert(read "kind\t400\t401\nd\tc\tc\nclass\t\t\na\t1\t2\nb\t3\t4\n")
    assert.same({ { 400, 401 }, { "a", "b" } }, { set.axis, set.labels.kind })
    assert.equal("lines 2 and 3: types and roles of columns, as Orange writes them, left out", set.notes[1])
    set = assert(read "kind\t400\t401\nalpha beta\tcontinuous\tcontinuous\n\t\t\nalpha\t1\t2\nbeta\t3\t4\n")
    assert.equal(2, set.x:size(1))
  end)
  it("have labels by their roles, whatever their names, and values of any characters", function()
    local set = assert(read("401\t400\tfile\t1214.0 - 1258.0\t300\nc\tc\tF:/0deg F:/45deg\tc\tc\n"
      .. "\t\tmeta\tmeta\tclass\n1\t2\tF:/0deg\t15.5\t7\n3\t4\tF:/45deg\t16.5\t8\n"))
    assert.same({ { 401, 400 }, { "file", "1214.0 - 1258.0", "300" } }, { set.axis, set.columns })
    assert.same({ { "15.5", "16.5" }, { "7", "8" } }, { set.labels["1214.0 - 1258.0"], set.labels["300"] })
  end)
  it("may have them in front of the names", function()
    local set = assert(read "mS#kind\tC#400\tC#401\na\t1\t2\nb\t3\t4\n")
    assert.same({ { 400, 401 }, { "a", "b" } }, { set.axis, set.labels.kind })
  end)
end)

describe("text", function()
  local function utf16(text, form)
    local units = {}
    for _, code in utf8.codes(text) do units[#units + 1] = string.pack(form, code) end
    return table.concat(units)
  end
  local text, expected = "k\u{e9}\u{20ac},400,401\r\nb\u{e9},1,2\r\n", { "b\u{e9}" }
  it("may be UTF-16, with its mark or without", function()
    for _, form in ipairs { "<I2", ">I2" } do
      for _, mark in ipairs { "", "\u{feff}" } do
        local set = assert(read(utf16(mark .. "a,b,c,400,401\n" .. "1,2,3,4,5\r\n", form)))
        assert.same({ { 400, 401 }, "read as UTF-16" }, { set.axis, set.notes[1] })
      end
      assert.same(expected, read(utf16("\u{feff}" .. text, form)).labels["k\u{e9}\u{20ac}"])
    end
  end)
  it("may be Windows-1252, of which Latin-1 is a part, or mixed with UTF-8", function()
    local set = assert(read "k\xe9\x80,400,401\nb\xe9,1,2\n")
    assert.same(expected, set.labels["k\u{e9}\u{20ac}"])
    assert.equal("2 lines are not UTF-8, read as Windows-1252", set.notes[1])
    assert.same(expected, read("# \xe9\nk,400,401\nb\u{e9},1,2\n").labels.k)
  end)
  it("is refused if it is none", function()
    refuses("its format is not known", "k,1,2\na,1,\0\n")
    refuses("the file is empty", "")
    refuses("the file is empty", "\n\n")
    assert.same({ 3, 0, 1 }, { select(2, core.csv_lines("1\n2\n3\n4\n;\n5\n", "#", ",", 2)) }, "no more lines are kept")
  end)

  it("are numbered as in the file, whichever is asked for first", function()
    local lines = core.csv_lines(",a,1\n\n,# c\n,b,22\n,\n,c,3", "#", ",", 9)
    for _ = 1, 2 do
      local asked = { { 4, 6, ",c,3" }, { 1, 1, ",a,1" }, { 3, 4, ",b,22" }, { 2, 3, ",# c" }, { 3, 4, ",b,22" } }
      for _, row in ipairs(asked) do
        local number, is_commented, length = core.csv_about(lines, row[1])
        assert.same({ row[2], false, #row[3] }, { number, is_commented, length })
        assert.equal(row[3], core.csv_line(lines, row[1]))
      end
    end
    assert.equal(1, core.csv_margin(lines, ","))
    assert.same({ 4, false, 4 }, { core.csv_about(lines, 3) })
    assert.equal("c,3", core.csv_line(lines, 4))
    assert.equal("expected at most 1073741824 bytes", select(2, document.of(setmetatable({}, {
      __len = function() return 2 ^ 30 + 1 | 0 end, __index = string }), {})))
  end)
  it("may be packed by gzip", function()
    local function pack(bytes) return (zlib.deflate(6, 31)(bytes, "finish")) end
    local plain = "k,400,401\na,1,2\nb,3,4\n"
    local packed = pack(plain)
    assert.equal(2, read(packed).x:size(1))
    assert.equal(2, read(pack(plain:sub(1, 12)) .. pack(plain:sub(13)) .. "\0\0").x:size(1))
    refuses("the gzip file is cut off", packed:sub(1, -2))
    refuses("the gzip file is damaged: byte 41 belongs to nothing", packed .. ("x"):rep(3))
    assert.matches("the gzip file is damaged", select(2, read(packed:sub(1, -9) .. "\0\0\0\0" .. packed:sub(-4))))
    local limits = require "moonbow.io.limits"
    local before = limits.unpacked
    finally(function() limits.unpacked = before end)
    limits.unpacked = 10000
    refuses("it unpacks to more than limits.unpacked = 10000 bytes", pack(("1,2\n"):rep(10000)))
  end)
end)

-- Parses as before rows were parsed in C: cell by cell, with Lua's own numbers.
local function read_plainly(text, separator, decimal)
  local rows = {}
  for line in text:gmatch "[^\n]+" do
    local row = {}
    for _, cell in ipairs(core.csv_cells(line, separator)) do
      local number = decimal == "," and cell:gsub(",", ".") or cell
      row[#row + 1] = tonumber(number) and tonumber(number) + 0.0 or cell
    end
    rows[#rows + 1] = row
  end
  return rows
end

describe("a random table", function()
  local function float(number) return (string.unpack("<f", string.pack("<f", number))) end
  local function pick(rng, list) return list[rng:integers(1, #list + 1)] end
  local function draw(rng)
    local separator = pick(rng, { ",", ";", "\t", " " })
    local decimal = separator ~= "," and pick(rng, { ".", "," }) or "."
    local form = pick(rng, { "%.3f", "%.9g", "%.17g", "%.4e" })
    local points, lines = rng:integers(4, 20), {}
    local cells = { "kind" }
    for i = 1, points do cells[i + 1] = ("%.2f"):format(400 + 1.75 * i) end
    lines[1] = table.concat(cells, separator)
    for r = 1, rng:integers(1, 120) do
      cells[1] = "s" .. r
      for i = 1, points do cells[i + 1] = form:format(rng:normal(0, 100)) end
      lines[r + 1] = table.concat(cells, separator)
    end
    return table.concat(lines, "\n"):gsub("%.", decimal) .. "\n", separator, decimal
  end
  it("holds the numbers that a plain reading finds, or is refused", function()
    local rng, refused = mb.rng(23), 0
    for _ = 1, 60 do
      local text, separator, decimal = draw(rng)
      local set, why = read(text)
      refused = refused + (set and 0 or 1)
      local expected = read_plainly(text, separator, decimal)
      if set then
        assert.same(table.move(expected[1], 2, #expected[1], 1, {}), set.axis)
        local x = set.x:totable()
        for r = 2, #expected do
          for i = 2, #expected[r] do
            if float(expected[r][i]) ~= x[r - 1][i - 1][1] then error(("row %d, cell %d of\n%s"):format(r, i, text)) end
          end
        end
      else
        assert.matches("two ways", why)
      end
    end
    assert.is_true(refused < 4, refused .. " refused")
  end)
end)

describe("a damaged table", function()
  it("is read or refused", function()
    local path = os.tmpname()
    for _, text in ipairs {
      "Title: a\nkind,400,401,402\na,1,2,3\nb,4,5,6\n", '"nm";"a";"b"\n400,5;1,5;2\n401,5;3;4,5\n402,5;1;2\n',
      "x;a;x;b\n400;1;400.5;2\n401;2;401.5;1\n402;3;402.5;4\n", "# x y\n400 1\n401 2\n402 1\n",
      "kind\t400\t401\nd\tc\tc\nclass\t\t\na\t1\t2\n", "\255\254a\0,\0001\0,\0002\0\n\0b\0,\0003\0,\0004\0\n\0",
    } do
      assert.is_true(damage.all(mb.spectra.read, path, text) > 200)
    end
    os.remove(path)
  end)
end)

describe("measured tables", function()
  local folders = { "xy/", "dpt/", "renishaw_txt/", "synthetic_twin_csv/", "rigaku_ras_twin_csv/", "spc_twin_txt/",
    "rigaku_asc_txt/MnPcTheta.txt" }
  it("agree with the index", function()
    local folder, why = measured "instrument_files"
    if not folder then return pending(why) end
    local count = 0
    for _, entry in ipairs(index.entries(folder)) do
      for _, start in ipairs(folders) do
        if entry.file:sub(1, #start) == start then
          count = count + 1
          local set = assert(mb.spectra.read(folder .. "/" .. entry.file))
          assert.same({}, index.differences(set, entry.reference), entry.file)
        end
      end
    end
    assert.equal(12, count)
  end)
  it("are read from other collections", function()
    local sizes = { ["meats_ftir/Fresh_meats.csv"] = { 120, 448 }, ["tecator_nir/tecator.csv"] = { 240, 100 },
      ["coffee_ftir/Instant_Coffee_Quadrum.csv"] = { 56, 286 }, ["rruff_raman/raman_soddyite.rruff"] = { 1, 2444 },
      ["pharma_tablet_nir/Pharma_Instrument1.csv"] = { 655, 650 },
      ["xrd_limnti_oxyfluoride/MnO2.xy"] = { 1, 9001 }, ["xrd_limnti_oxyfluoride/Mn2O3+LiF.xy"] = { 1, 9001 } }
    for name, size in pairs(sizes) do
      local path, why = measured(name)
      if not path then return pending(why) end
      local set = assert(mb.spectra.read(path))
      assert.same(size, { set.x:size(1), set.length }, name)
    end
  end)
end)

describe("rows without labels", function()
  -- Returns the number of cells that core parses while f runs.
  local function cells_parsed(f)
    local table_of, number_of, count = core.csv_table, core.csv_number, 0
    core.csv_table = function(...) -- luacheck: ignore
      local results = table.pack(table_of(...))
      if results[1] then count = count + core.size(results[1], 1) * #select(5, ...) end
      return table.unpack(results, 1, results.n)
    end
    core.csv_number = function(...) -- luacheck: ignore
      count = count + 1
      return number_of(...)
    end
    f()
    core.csv_table, core.csv_number = table_of, number_of -- luacheck: ignore
    return count
  end

  it("are parsed once", function()
    local rows, points = 400, 200
    local function line(f)
      local cells = {}
      for i = 1, points do cells[i] = f(i) end
      return table.concat(cells, ",") .. "\n"
    end
    local text = { line(function(i) return 400 + i end) }
    for k = 1, rows do text[k + 1] = line(function(i) return value(i, k) / 7 end) end
    local set
    local parsed = cells_parsed(function() set = assert(read(table.concat(text))) end)
    assert.same({ rows, points, 1 }, set.x:shape())
    assert.is_true(parsed < 1.2 * rows * points, parsed)
  end)
end)
