-- Spectra from text files: accepted files, and the message of each refusal.
local mb = require "moonbow"
local read_csv = require "moonbow.io.read_csv"
local measured = require "support.measured"

local path = os.tmpname()

local function read(text, options)
  local file = assert(io.open(path, "wb"))
  file:write(text)
  file:close()
  return read_csv(path, options)
end

local function refuses(text, message)
  local set, err = read(text)
  assert.is_nil(set)
  assert.equal(path .. ": " .. message, err)
end

teardown(function() os.remove(path) end)

describe("read_csv", function()
  it("reads spectra, axis and labels", function()
    local set = read "kind,100,101.5,103\na,1,2,3\nb,4,5,-6e-1\n"
    assert.same({ 2, 3, 1 }, set.x:shape())
    assert.same({ 100, 101.5, 103 }, set.axis)
    assert.same({ { { 1 }, { 2 }, { 3 } } }, set.x:narrow(1, 1):totable())
    assert.same({ "a", "b" }, set.labels.kind)
    assert.same({ "kind" }, set.columns)
  end)
  it("finds the separator and the decimal comma", function()
    local expected = { { { 1.5 }, { 2 } } }
    assert.same(expected, read("k;1;2\na;1.5;2\n").x:totable())
    assert.same(expected, read("k;1,5;2,5\na;1,5;2\n").x:totable())
    assert.same(expected, read("k\t1\t2\na\t1.5\t2\n").x:totable())
    assert.same(expected, read("k 1   2\n  a  1.5\t 2  \n").x:totable())
    assert.same(expected, read("1|2\n1.5|2\n", { separator = "|" }).x:totable())
    assert.same({ "x y" }, read('"k l" 1 2\n"x y" 1.5 2\n').labels["k l"])
  end)
  it("takes quotes, comments, blank lines, line breaks of all systems, a byte order mark", function()
    local set = read '\239\187\191# made today\r\n"say ""k""",1,2\r\n\r\n"a,b",1,2\r\n# end\r\n'
    assert.same({ "a,b" }, set.labels['say "k"'])
    assert.same({ 1, 2, 1 }, set.x:shape())
    assert.equal(2, read("k,1,2\ra,1,2\rb,1,2").x:size(1))
    assert.equal(1, read("%x\nk,1,2\na,1,2\n", { comment = "%" }).x:size(1))
  end)
  it("takes a falling axis, and a file without labels", function()
    local set = read "3,2,1\n4,5,6\n"
    assert.same({ 3, 2, 1 }, set.axis)
    assert.same({}, set.columns)
  end)
  it("names the error and its position", function()
    refuses("", "the file is empty")
    refuses("# nothing\n\n", "all lines start with '#'; comment = \"\" reads them")
    refuses("k,1,2\n", "expected spectra below the header, found none")
    refuses("k,l\na,b\n", "line 1: expected a header with axis values, but no column's name is a number: 'k', 'l'; "
      .. "lines above the table have to go, or to start with '#'")
    refuses(",X1,X2\na,5,6\n", "line 1: expected a header with axis values, but no column's name is a number: "
      .. "'X1', 'X2'; lines above the table have to go, or to start with '#'")
    refuses("k,1,2\na,1,x\n", "line 2, column 3 (2): expected a number, got 'x'")
    refuses("k,1,2\n\na,1,\n", "line 3, column 3 (2): the value is missing")
    refuses("k,1,2\na,NA,3\n", "line 2, column 2 (1): the value is missing")
    refuses("k,1,2\na,1,0x10\n", "line 2, column 3 (2): expected a number, got '0x10'")
    refuses("k,1,2\na,1,inf\n", "line 2, column 3 (2): expected a number, got 'inf'")
    refuses("k,1,2\na,1\n", "line 2: expected 3 cells as in the header, got 2")
    refuses("k,1,2\na,1,2,3\n", "line 2: expected 3 cells as in the header, got more")
    refuses('k,1,2\n"a,1,2\n', "line 2, column 1 (k): a quote does not end")
    refuses("k,1,2,1,2\na,1,2,3,4\n", "line 1, column 4: the axis goes from 2 to 1; expected one axis that only rises")
    refuses("k,1,1\na,1,2\n", "line 1, column 3: the axis holds 1 twice")
    refuses("k,1,2\na,1,2\nk,3,4\nb,1,2\n", "line 3: a second header; expected one axis for the whole file")
    refuses("k,k,1,2\na,b,1,2\n", "line 1: two columns are named 'k'")
    local set, err = read_csv "no/such/file.csv"
    assert.is_nil(set)
    assert.matches("No such file", err)
    assert.error_matches(function() read_csv(3) end, "path: expected a string, got 3")
    assert.error_matches(function() read_csv(path, { seperator = ";" }) end, "did you mean 'separator'")
  end)
  it("keeps the axis in double precision", function()
    assert.same({ 16777216, 16777217 }, read("k,16777216,16777217\na,1,2\n").axis)
  end)
  it("reads measured spectra", function()
    local meats, why = measured "meats_ftir/Fresh_meats.csv"
    if not meats then return pending(why) end
    local set = assert(read_csv(meats))
    assert.same({ 120, 448, 1 }, set.x:shape())
    assert.same({ "meat", "run", "sample", "supplier" }, set.columns)
    assert.equal(1005.3495, set.axis[1])
  end)
end)

describe("separator and decimal sign", function()
  it("fit all lines: blanks with decimal commas", function()
    local set = read "class 400,5 401,5\nA 0,25 0,5\n"
    assert.same({ 400.5, 401.5 }, set.axis)
    assert.same({ { { 0.25 }, { 0.5 } } }, set.x:totable())
    assert.same({ "A" }, set.labels.class)
  end)
  it("are named with the line that does not fit", function()
    refuses("k;400,5;401\na;1;2\nb;1,5;2\nc;1.5;2\n",
      "line 4, column 2 (400,5): expected a number, got '1.5' (with semicolons and decimal commas)")
  end)
  it("are refused if two fit, and taken if they are given", function()
    local text = "class 400,5\nA 0,25\n"
    refuses(text, "reads in two ways, with commas: 1 spectrum at 5 to 5; with blanks and decimal commas: "
      .. "1 spectrum at 400.5 to 400.5; give separator and decimal")
    assert.same({ 400.5 }, read(text, { separator = " ", decimal = "," }).axis)
  end)
  it("are decided neither by two lines nor by text", function()
    assert.same({ { { 0 }, { 0 } }, { { 0.25 }, { 0.5 } } }, read("a;400;401\nblank;0;0\nb;0,25;0,5\n").x:totable())
    local set = read "a;400;401\n1,2-ethanediol;0.5;0\nb;0.25;0.5\n"
    assert.same({ { { 0.5 }, { 0 } }, { { 0.25 }, { 0.5 } } }, set.x:totable())
    assert.same({ "1,2-ethanediol", "b" }, set.labels.a)
  end)
  it("may be any characters in labels", function()
    assert.same({ "a b" }, read("sample name\t400\t401\na b\t1\t2\n").labels["sample name"])
    assert.same({ "a;b" }, read("k,400,401\na;b,1,2\n").labels.k)
  end)
  it("may mix blanks and tabs", function()
    assert.same({ { { 1 }, { 2 }, { 3 } } }, read("20.0 49\t50\n1 2\t3\n").x:totable())
  end)
  it("are not taken from the exponents or the blanks of other cells", function()
    local text = "4,0300e+02;4,0800e+02;4,1000e+02\n2,4374e+02;8,1469e+02;8,9699e+02\n"
    assert.same({ 403, 408, 410 }, read(text).axis)
    refuses("#\t405,000\n\t37,754\n", "reads in two ways, with tabs and decimal commas: 1 spectrum at 405 to 405; "
      .. "with commas: 1 spectrum at 405 to 0; give separator and decimal")
  end)
  it("may both be commas if numbers with one are quoted", function()
    local set = read 's,"400,5","401,5"\na,"1,25",2\nb,"0,5","-1"\n'
    assert.same({ 400.5, 401.5 }, set.axis)
    assert.same({ { { 1.25 }, { 2 } }, { { 0.5 }, { -1 } } }, set.x:totable())
    assert.same({ { { 1.5 }, { 2.25 } } }, read('s,1,2\na,"1,500","2,250"\n', { decimal = "," }).x:totable())
  end)
  it("are in doubt if three digits follow every sign and other numbers are whole", function()
    for _, case in ipairs {
      { "k;400;401\na;1.200;3\nb;900;2.000\n", "'1.200'" }, { "k;400;401\na;900;4\nb;900;2,000\n", "'2,000'" },
      { 'k,400,401\na,"1,200","3,456"\n', "'1,200'" },
    } do
      local set, err = read(case[1])
      assert.is_nil(set)
      assert.is_truthy(err:find(case[2] .. " may hold a decimal sign or a separator of thousands", 1, true), err)
    end
    assert.same({ { { 1.5 }, { 3 } } }, read("k;400;401\na;1.500;3\n", { decimal = "." }).x:totable())
    for _, clear in ipairs { "0.200", "1.25", "1200", "1.2e3" } do
      assert.is_truthy(read("k;400;401\na;1.200;3\nb;900;" .. clear .. "\n"), clear)
    end
    assert.is_truthy(read("n;400;401\n1;1.200;3.125\n2;9.000;1.000\n"))
  end)
  it("are named by the line with the error, not by the header, which another sign does not fit", function()
    refuses("P;400,5;401,5\na;1,5;NaN\n",
      "line 2, column 3 (401,5): the value is missing (with semicolons and decimal commas)")
    refuses("k\t999\t1 000\t1 001\na\t1\t2\t3\n",
      "line 1: the name of column 3 looks like a number but is not one: '1 000' (with tabs)")
    refuses("P;400,5;401.5\na;1,5;2\n", "line 1: the name of column 3 looks like a number but is not one: '401.5' "
      .. "(with semicolons and decimal commas)")
    refuses("Wellenzahl,Absorbanz\n400,5,0,25\n401,5,0,5\n", "line 2: expected 2 cells as in the header, got more")
    refuses("Wavenumber,A\n400,0.5\n401,NaN\n402,1\n", "line 3, column 2 (A): the value is missing")
  end)
  it("come from Excel's first line", function()
    assert.same({ { { 1.5 }, { 2 } } }, read("sep=;\nk;400;401\na;1,5;2\n").x:totable())
  end)
  it("are one character each", function()
    assert.error_matches(function() read("k,1\na,1\n", { separator = ",," }) end, "expected one character.*got ',,'")
    assert.error_matches(function() read("k,1\na,1\n", { separator = "\xe9" }) end, "expected one character")
    assert.error_matches(function() read("k,1\na,1\n", { separator = "" }) end, "expected one character")
    assert.error_matches(function() read("k,1\na,1\n", { decimal = "x" }) end, "decimal: expected one of")
  end)
end)

describe("a header cell that looks like a number and is not", function()
  for text, cell in pairs {
    ['class,999,"1,000","1,001"\na,1,2,3\n'] = "'1,000'", ["class,999,1'000\na,1,2\n"] = "'1'000'",
    ["class,999,1\u{202f}000\na,1,2\n"] = "'1\u{202f}000'", ["k;1.000,5;1.001,5\na;1,0;2\n"] = "'1.000,5'",
    ["k,400,401.2.3\na,1,2\n"] = "'401.2.3'",
  } do
    it("is refused: " .. cell, function()
      local set, err = read(text)
      assert.is_nil(set)
      assert.is_truthy(err:find("looks like a number but is not one: " .. cell, 1, true), err)
    end)
  end
end)

it("read_csv asks if the axis has separators of thousands", function()
  refuses("k;999;1.000;1.001\na;1;2;3\n",
    "line 1, column 4: the axis goes from 1 to 1.001; expected one axis that only falls (a separator of thousands?)")
end)

describe("lines with a comment sign", function()
  it("are spectra if all lines have the sign", function()
    local set = read "k,400,401\n#1,1,2\n#2,3,4\n"
    assert.same({ { { 1 }, { 2 } }, { { 3 }, { 4 } } }, set.x:totable())
    assert.same({ "#1", "#2" }, set.labels.k)
  end)
  it("are refused if some read as spectra, unless the option says what they are", function()
    local text = "k,400,401\n#1,1,2\n2,3,4\n"
    refuses(text, "line 2: starts with '#', but reads as a spectrum; comment = \"\" reads such lines, "
      .. "comment = '#' leaves them out")
    assert.same({ "#1", "2" }, read(text, { comment = "" }).labels.k)
    local set = read(text, { comment = "#" })
    assert.same({ { "2" }, 1 }, { set.labels.k, set.skipped })
    assert.same({ "comment lines left out: 1" }, set.notes)
  end)
  it("are counted if they are left out", function()
    local set = read "# made\nk,400,401\na,1,2\n# over\n"
    assert.equal(2, set.skipped)
    assert.same({ "comment lines left out: 2" }, set.notes)
    assert.same({ 0, {} }, { read("k,400,401\na,1,2\n").skipped, read("k,400,401\na,1,2\n").notes })
  end)
  it("are the header that NumPy's savetxt writes", function()
    local set = read "# 400 401\n1 2\n3 4\n"
    assert.same({ 400, 401 }, set.axis)
    assert.same({ { { 1 }, { 2 } }, { { 3 }, { 4 } } }, set.x:totable())
    assert.same({ "line 1: taken as the header, though it starts with '#'" }, set.notes)
    assert.same({ 400, 401, 402 }, read("# by me\n# 400,401,402\n1,2,3\n4,5,6\n").axis)
  end)
  it("are the header whose first column is named by the sign", function()
    local set = read "#,label,400\n1,a,5\n2,b,6\n"
    assert.same({ { 400 }, { "#", "label" }, { "1", "2" } }, { set.axis, set.columns, set.labels["#"] })
    assert.same({ "a", "b" }, read("# 400 401 402\na 1 2 3\nb 4 5 6\n").labels["#"])
  end)
  it("are the header if a name is above text, even with as many names as numbers", function()
    local set = read "# kind,group,400,401\na,x,1,2\nb,y,4,5\n"
    assert.same({ { 400, 401 }, { "a", "b" }, { "x", "y" } }, { set.axis, set.labels.kind, set.labels.group })
    set = read "# kind,group,400,401\n1,2,3,4\n3,4,5,6\n"
    assert.same({ { 1, 2, 3, 4 }, 1 }, { set.axis, set.skipped }) -- above numbers only: a comment
  end)
  it("are refused if two of them may be the header", function()
    refuses("# kind,400,401,402,group\n# 400,401,402,k,g\n5,1,2,3,6\n6,1,2,3,7\n",
      "line 2: a second line that could be the header, commented out")
  end)
  it("are refused if they may be rows below the header", function()
    local set, err = read "# label 400 401 402\n#1 a 1 2 3\nb c 4 5 6\n"
    assert.is_nil(set)
    assert.matches("line 2: starts with '#', but reads as a spectrum", err)
  end)
end)

describe("spectra in columns", function()
  it("are one spectrum if there are two columns", function()
    for _, text in ipairs { "400 1\n401 2\n402 3\n", "x,y\n400,1\n401,2\n402,3\n", "#x y\n400\t1\n401\t2\n402\t3\n" } do
      local set = read(text)
      assert.same({ 400, 401, 402 }, set.axis)
      assert.same({ { { 1 }, { 2 }, { 3 } } }, set.x:totable())
      assert.equal("read as one spectrum, with its axis in the first column", set.notes[1])
    end
  end)
  it("take their names from a comment right above, as NumPy's savetxt writes it", function()
    local set = read "# by me\n# nm a b\n400 1 2\n401 2 3\n402 2 1\n"
    assert.same({ { "a", "b" }, { 2, 3, 1 }, 1 }, { set.labels.spectrum, set.x:shape(), set.skipped })
    assert.same({ "read as spectra in columns, with their axis in the first",
      "line 2: taken as the names of columns, though it starts with '#'", "comment lines left out: 1" }, set.notes)
    assert.same({ "1", "2" }, read("# x 1 2\n400.5 1 2\n401 2 3\n402 2 1\n").labels.spectrum)
    assert.is_nil(read("# made today\n400 1\n401 2\n402 2\n").labels.spectrum)
  end)
  it("are never spectra of two points", function()
    refuses("400,1\n401,2\n401,3\n403,1\n",
      "line 3, column 1: the axis holds 401 twice")
  end)
  it("are recognised by a sorted axis, even if it holds a point twice", function()
    local lines = {}
    for i = 1, 12 do lines[i] = ("%d,%d,%d\n"):format(i == 6 and 405 or 400 + i, i * i, i * 3) end
    refuses(table.concat(lines), "line 6, column 1: the axis holds 405 twice")
    for i = 1, 12 do lines[i] = ("%d,%d,%d\n"):format(i == 6 and 408 or 413 - i, i * i, i * 3) end
    refuses(table.concat(lines), "line 6, column 1: the axis holds 408 twice")
  end)
  it("are in doubt if names and the first column count", function()
    refuses("x,1,2,3\n1,5,6,7\n2,6,7,8\n3,6,6,6\n4,1,2,3\n", "line 1: does the first column hold an axis or "
      .. "sample numbers? Name it, or give axis = 'x' or 'line 1'")
  end)
  it("have the message about their own error if their names are not a header", function()
    refuses("a,b,c\n1.5,6,7\n2.5,6,6\n3.5,1,2\n4.5,1,x\n5.5,2,3\n", "line 1: expected a header with axis values, but "
      .. "no column's name is a number: 'a' ... 'c'; lines above the table have to go, or to start with '#'; with "
      .. "spectra in columns: line 5, column 3 (c): expected a number, got 'x'")
  end)
  it("take their names from the first line, which units may follow", function()
    for _, units in ipairs { "", "nm,counts,counts\n" } do
      local lines = { "wavelength,a,b\n" .. units }
      for i = 1, 8 do lines[i + 1] = ("%d,%d,%d\n"):format(400 + i, i % 3, i % 2) end
      local set = read(table.concat(lines))
      assert.same({ 401, 402, 403, 404, 405, 406, 407, 408 }, set.axis)
      assert.same({ 2, 8, 1 }, set.x:shape())
      assert.same({ 1, 2, 0, 1, 2, 0, 1, 2 }, set.x[1]:reshape(-1):totable())
      assert.same({ { "a", "b" }, { "spectrum" } }, { set.labels.spectrum, set.columns })
      assert.equal(units == "" and 0 or 1, set.skipped)
    end
  end)
  it("may be few if the first is named as an axis, in German and French, too", function()
    local names = { "wavenumber", "Wavelength / nm", "Wellenzahl [cm-1]", "Longueur d'onde (nm)", "cm-1", "x" }
    for _, name in ipairs(names) do
      local set = assert(read(name .. ";1;2\n400;5;7\n401;6;7\n402;6;6\n403;5;6\n"))
      assert.same({ { 400, 401, 402, 403 }, { "1", "2" } }, { set.axis, set.labels.spectrum }, name)
    end
    assert.same({ { { 5 }, { 6 } }, { { 7 }, { 7 } } }, read("2Theta,a,b\n400,5,7\n401,6,7\n").x:totable())
  end)
  -- Lines of text: a first line, and eight rows below it as row(i) gives them.
  local function table_of(first, row)
    local lines = { first }
    for i = 1, 8 do lines[i + 1] = row(i) end
    return table.concat(lines, "\n") .. "\n"
  end
  it("may be named by dates, and by numbers among other names", function()
    local dates = read "cm-1,2024-05-01,2024-05-02\n400,1,2\n401,2,3\n402,3,3\n"
    assert.same({ "2024-05-01", "2024-05-02" }, dates.labels.spectrum)
    local set = read(table_of("cm-1,1,2a,3", function(i) return ("%d,%d,1,2"):format(400 + i, i) end))
    assert.same({ "1", "2a", "3" }, set.labels.spectrum)
  end)
  it("may be named by numbers that count, if the axis is not whole", function()
    local function row(i) return ("%.1f,%d,%d"):format(400 + i / 2, i % 3, i % 2) end
    local set = read(table_of(",1,2", row))
    assert.same({ { "1", "2" }, 400.5 }, { set.labels.spectrum, set.axis[1] })
    local function whole(i) return ("%d,%d,%d"):format(400 + i, i % 3, i % 2) end
    refuses(table_of(",1,2", whole), "line 1: does the first column hold an axis or sample numbers? Name it, or give "
      .. "axis = 'column 1' or 'line 1'")
    assert.same({ 1, 2 }, read(table_of(",1,2", function(i) return i .. ",1,3" end)).axis)
    assert.same({ 1, 2 }, read(table_of("fat,1,2", row)).axis)
  end)
  it("are one spectrum if a number names the second of two", function()
    local set = read(table_of(",1", function(i) return ("%d,%d"):format(400 + i, i % 3) end))
    assert.same({ { 1, 8, 1 }, { "1" } }, { set.x:shape(), set.labels.spectrum })
  end)
  it("are not sample numbers below an axis in another dialect or written by R", function()
    local set = read(table_of("No;400,5;401,5", function(i) return ("%d;%d;%d"):format(100 + i, i, 2 * i) end))
    assert.same({ { 400.5, 401.5 }, { "No" } }, { set.axis, set.columns })
    set = read(table_of(";1;2", function(i) return ("%d,5;%d;%d"):format(400 + i, i, 2 * i) end))
    assert.same({ { 2, 8, 1 }, 401.5 }, { set.x:shape(), set.axis[1] })
    local refused, err = read(table_of("No,X400,X401.5", function(i) return ("%d,%d,%d"):format(100 + i, i, i % 3) end))
    assert.is_nil(refused)
    assert.is_truthy(err:find("no column's name is a number: 'No' ... 'X401.5'", 1, true), err)
  end)
  it("do not have numbers in comments as a header", function()
    local function row(i) return ("%d,5\t%d,5"):format(400 + i, i) end
    for _, comment in ipairs { "# made by me, 12.5", "#Acq. time (s)=\t1\n#Laser=\t532" } do
      assert.same({ 1, 9, 1 }, read(table_of(comment .. "\n400,5\t1,25", row)).x:shape())
    end
  end)
  it("may lack a name at the end", function()
    local set = read(table_of("nm,a,,", function(i) return ("%d,%d,%d,"):format(400 + i, i % 3, i % 2) end))
    assert.same({ "a", "column 3" }, set.labels.spectrum)
  end)
  it("are refused if the first only counts the rows", function()
    local function row(i) return ("%d,%d,%d"):format(i - 1, 400 + i, i % 2) end
    refuses(table_of(",b,a", row),
      "line 1, column 'column 1' only counts the rows; leave it out, or name it 'channel' if it is the axis")
    refuses(table_of("id,A400,A401", row),
      "line 1, column 'id' only counts the rows; leave it out, or name it 'channel' if it is the axis")
    assert.equal(2, read(table_of("channel,a,b", row)).x:size(1))
  end)
  it("are refused if two of them are axes", function()
    refuses(table_of("nm,cm-1,a", function(i) return ("%d,%.1f,%d"):format(400 + i, 1e7 / (400 + i), i % 2) end),
      "line 1, column 2 is a second axis: 'cm-1'; axis = 'NAME' chooses one")
  end)
  it("are refused if a third column without a name may be errors", function()
    local lines = {}
    for i = 1, 8 do lines[i] = ("%d,%d,%d\n"):format(400 + i, i % 3, i % 2) end
    refuses(table.concat(lines),
      "line 1: three columns without names: x and y, and errors or a second spectrum? Name them in a first line")
  end)
  it("need more than one column", function()
    refuses("1\n2\n3\n", "line 1: expected cells with tabs, semicolons, commas or blanks between them, found one cell; "
      .. "give another separator")
  end)
end)

describe("rows and columns of a table", function()
  it("may be empty at the end, as Excel writes them", function()
    local set = read "kind,400,401,,\na,5,2,,\n,,,,\nb,1,2,,\n,,,,\n"
    assert.same({ { { 5 }, { 2 } }, { { 1 }, { 2 } } }, set.x:totable())
    assert.same({ "empty columns at the end left out: 2", "empty rows left out: 2" }, set.notes)
    assert.equal(2, set.skipped)
    assert.same({ { { 1 }, { 2 } } }, read("400,401,\n1,2,\n").x:totable())
  end)
  it("may be empty at the start", function()
    local set = read ";;k;400,5;401,5\n;;a;1,5;2\n;;b;2;1,5\n"
    assert.same({ { 400.5, 401.5 }, { "k" } }, { set.axis, set.columns })
    assert.same({ "empty columns at the start left out: 2" }, set.notes)
    assert.same({ 1, 3, 1 }, read(",400,1\n,401,2\n,402,3\n").x:shape())
  end)
  it("may be empty above the header", function()
    local set = read ";;;\n;;;\nk;400,5;401,5;\na;1,5;2;\n"
    assert.same({ { 400.5, 401.5 }, { "a" }, 2 }, { set.axis, set.labels.k, set.skipped })
  end)
  it("may lack the last name, or the first as R writes it", function()
    assert.same({ "a", "b" }, read("400,401,\n1,2,a\n3,4,b\n").labels["column 3"])
    local set = read '"kind" "400" "401"\n"1" "a" 1 2\n"2" "b" 3 4\n'
    assert.same({ { "1", "2" }, { "a", "b" } }, { set.labels["column 1"], set.labels.kind })
    assert.same({ "x" }, read('"400"\t"401"\n"x"\t1\t2\n').labels["column 1"])
    refuses("k;400;401\na;2;3;4\nb;2;3\n", "line 2: expected 3 cells as in the header, got more")
    refuses('"k" "400" "401"\n"a" 2 3 4\n', "line 2: expected 3 cells as in the header, got more")
  end)
  it("may begin with the mark of another file", function()
    refuses("\239\187\191k,1,2\na,1,2\n\239\187\191k,1,2\nb,1,2\n",
      "line 3: a second header; expected one axis for the whole file")
  end)
  it("may have a label that is the column's name", function()
    assert.same({ "kind", "b" }, read("kind,400,401,402\nkind,5,2,9\nb,1,2,3\n").labels.kind)
    assert.same({ "kind" }, read("kind,400,401\nkind,1,2\n").labels.kind)
    assert.same({ "b", "d" }, read("a,b,400,401\na,b,0.2,0.1\nc,d,1,2\n").labels.b)
  end)
  it("may have no name", function()
    local set = read ",,400,401\na,b,1,2\n"
    assert.same({ "column 1", "column 2" }, set.columns)
    assert.same({ "b" }, set.labels["column 2"])
  end)
  it("have no second header, with labels or without", function()
    refuses("400,401,402\n1,2,1\n400,401,402\n",
      "line 3: a second header; expected one axis for the whole file (or is the first missing?)")
  end)
  it("are whole: a number cut at the end of the file is refused if others are longer", function()
    local text = "k,400,401\na,1.123,2.123\nb,1.123,2.123\nc,1.123,2.123\nd,1.123,2.1"
    refuses(text, "line 5: the last number is shorter than those above, and no line break follows; is the file cut?")
    assert.same({ "no line break follows the last line; the file may be cut" }, read(text .. "24").notes)
    assert.same({}, read(text .. "\n").notes)
    assert.same({ "d" }, { read(text .. "\n# 1.5").labels.k[4] })
  end)
end)

describe("a cell", function()
  it("is refused if single precision cannot hold it", function()
    refuses("k,1,2\na,1e39,1\n", "line 2, column 2 (1): the number is too large for single precision: '1e39'")
    refuses("k,1,2\na,1,-1e400\n", "line 2, column 3 (2): the number is too large for single precision: '-1e400'")
    refuses("k,1e400,1e401\na,1,2\n", "line 1: the axis value in column 2 is too large: '1e400'")
  end)
  it("ends with its quote", function()
    refuses('k,1,2\n"A"90.5,1,2\n', "line 2, column 1 (k): text follows a quote")
    refuses('k,"1"9,2\nA,1,2\n', "line 1, column 2: text follows a quote")
    assert.same({ "A" }, read('k,1,2\n"A" ,1,2\n').labels.k)
    refuses('"k\nind,1,2\na,1,2\n', "line 1: a quote does not end")
  end)
  it("may have blanks in its quotes, and no digit before its decimal sign", function()
    assert.same({ { { 1.5 }, { -0.5 } } }, read('k," 1 "," 2 "\na," 1.5 ",-.5\n').x:totable())
    assert.same({ { { 0.5 }, { -0.25 } } }, read("k;1;2\na;,5;-,25\n").x:totable())
  end)
  it("is shown without terminal escapes", function()
    refuses("k\27[2J,1,2\na,1,\27[31mx\n", [[line 2, column 3 (2): expected a number, got '\x1B[31mx']])
    refuses("\27[2J,1,2\n\"a,1,2\n", [[line 2, column 1 (\x1B[2J): a quote does not end]])
  end)
end)

describe("a file that is not a table of text", function()
  it("is refused at its first NUL", function() refuses("k,1,2\na,1,\0\n", "not text (byte 11 is 0)") end)
  it("is named: a folder, and a path with NUL", function()
    local set, err = read_csv "spec"
    assert.is_nil(set)
    assert.matches("spec", err)
    assert.is_nil((read_csv(path .. "\0")))
  end)
end)

describe("a random table in a random dialect", function()
  local texts = { "a", "x y", "1,2-diol", "a;b", "12", "1.5", "1,5", "\u{e9}", 'say "hi"', "", "a\tb", "-", "nan" }

  local function quoted(text, separator)
    if text:find '[,;\t "]' or separator == " " and text == "" then return '"' .. text:gsub('"', '""') .. '"' end
    return text
  end
  -- Returns { axis, labels, x } and the same as text; all numbers have few digits and are exact in binary.
  local function draw(rng)
    local function pick(list) return list[rng:integers(1, #list + 1)] end
    local separator = pick { ",", ";", "\t", " " }
    local decimal = separator == "," and "." or pick { ".", "," }
    local L, expected, lines = rng:integers(4, 9), { axis = {}, labels = {}, x = {} }, {}
    local function number(value) return (("%.2f"):format(value):gsub("%.", decimal)) end
    local cells = { "kind" }
    for i = 1, L do
      expected.axis[i] = 400 + 2 * i + rng:integers(0, 8) / 8
      cells[i + 1] = ("%.3f"):format(expected.axis[i]):gsub("%.", decimal)
    end
    lines[1] = table.concat(cells, separator)
    for row = 1, rng:integers(1, 6) do
      expected.labels[row], expected.x[row] = pick(texts), {}
      cells = { quoted(expected.labels[row], separator) }
      for i = 1, L do
        expected.x[row][i] = { rng:integers(-400, 4000) / 4 }
        cells[i + 1] = number(expected.x[row][i][1])
      end
      lines[row + 1] = table.concat(cells, separator)
    end
    return expected, table.concat(lines, pick { "\n", "\r\n" }) .. pick { "\n", "" }
  end

  it("is read as it was written", function()
    local rng = mb.rng(17)
    for _ = 1, 200 do
      local expected, text = draw(rng)
      local set, err = read(text)
      assert.is_truthy(set, ("%s\n%s"):format(err, text))
      assert.same(expected, { axis = set.axis, labels = set.labels.kind, x = set.x:totable() }, text)
    end
  end)
end)

-- Values that other programs read from the same files: points, and the ends of the axis and of the first spectrum.
describe("files of instruments", function()
  local refused = {
    ["perkinelmer_txt/flu1.txt"] = "line 41", ["rigaku_asc_txt/2Theta.asc"] = "line 28",
    ["witec_txt/Witec-Map-x.dat"] = "one cell", ["witec_txt/Witec-Map-y.dat"] = "one cell",
    ["witec_txt/Witec_TrueMatch.txt"] = "line 1056", ["witec_txt/Size.txt"] = "two ways",
  }
  local texts = { xy = true, dpt = true, perkinelmer_txt = true, renishaw_txt = true, witec_txt = true,
    labspec_txt = true, spc_twin_txt = true, rigaku_asc_txt = true, rigaku_ras_twin_csv = true,
    synthetic_twin_csv = true }
  local function near(a, b) return math.abs(a - b) <= 1e-6 * math.abs(b) end

  it("are read as other programs read them, or refused", function()
    local index, why = measured "instrument_files/INDEX.json"
    if not index then return pending(why) end
    local count = 0
    for _, entry in ipairs(require("cjson").decode(assert(io.open(index)):read "a")) do
      if texts[entry.format] then
        local set, err = read_csv(index:gsub("INDEX.json$", "") .. entry.file)
        local expected = entry.reference
        count = count + 1
        if refused[entry.file] then
          assert.is_nil(set, entry.file)
          assert.is_truthy(err:find(refused[entry.file], 1, true), err)
        else
          assert.is_truthy(set, err)
          assert.same({ expected.spectra, expected.points, 1 }, set.x:shape(), entry.file)
          assert.is_true(near(set.axis[1], expected.x_first) and near(set.axis[#set.axis], expected.x_last))
          assert.is_true(near(set.x:get(1, 1, 1), expected.y_first), entry.file)
          assert.is_true(near(set.x:get(1, #set.axis, 1), expected.y_last), entry.file)
        end
      end
    end
    assert.is_true(count > 15)
  end)
end)
