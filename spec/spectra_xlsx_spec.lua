-- Excel workbooks.
local mb = require "moonbow"
local files = require "support.spectra_files"
local index = require "support.instrument_index"
local damage = require "support.damage"

local expect_refusal = files.expect_refusal

local STYLES = '<styleSheet><numFmts><numFmt numFmtId="164" formatCode="dd\\.mm\\.yyyy"/>'
  .. '<numFmt numFmtId="165" formatCode="0.0&quot;mm&quot;"/>'
  .. '<numFmt numFmtId="166" formatCode="0.0%;[Red]-0.0%"/></numFmts><cellXfs><xf numFmtId="0"/><xf numFmtId="14"/>'
  .. '<xf numFmtId="164"/><xf numFmtId="165"/><xf numFmtId="10"/><xf numFmtId="166"/></cellXfs></styleSheet>'
local STRINGS = "<sst><si><t>class</t></si><si><r><t>cal</t></r><r><t>cite</t></r><rPh><t>no</t></rPh></si>"
  .. "<si><t>quartz</t></si></sst>"

-- A workbook of sheets { name = , rows = , more = (below the rows) }.
local function xlsx(sheets, given)
  given = given or {}
  local names, relations, members = {}, {}, {}
  for i, sheet in ipairs(sheets) do
    names[i] = ('<sheet name="%s" sheetId="%d" r:id="rId%d"/>'):format(sheet.name or "Sheet" .. i, i, i)
    relations[i] = ('<Relationship Id="rId%d" Type="http://x/worksheet" Target="worksheets/sheet%d.xml"/>'):format(i, i)
    members[i] = { ("xl/worksheets/sheet%d.xml"):format(i), "<worksheet><sheetData>" .. sheet.rows .. "</sheetData>"
      .. (sheet.more or "") .. "</worksheet>" }
  end
  table.move({ { "xl/workbook.xml", '<workbook xmlns:r="urn:r">' .. (given.properties or "") .. "<sheets>"
    .. table.concat(names) .. "</sheets></workbook>" },
    { "xl/_rels/workbook.xml.rels", "<Relationships>" .. table.concat(relations) .. "</Relationships>" },
    { "xl/styles.xml", STYLES }, { "xl/sharedStrings.xml", given.strings or STRINGS } }, 1, 4, #members + 1, members)
  return files.zip(members, given.stored)
end

-- Rows of cells: numbers, texts (inline), or XML as it is.
local function rows(...)
  local lines = {}
  for r, row in ipairs { ... } do
    local cells = {}
    for c, cell in ipairs(row) do
      local place = ("%s%d"):format(string.char(64 + c), r)
      if type(cell) == "number" then cell = ('<c r="%s"><v>%s</v></c>'):format(place, cell)
      elseif cell:sub(1, 2) == "<c" then cell = cell:gsub("<c", ('<c r="%s"'):format(place), 1)
      elseif cell ~= "" then cell = ('<c r="%s" t="inlineStr"><is><t>%s</t></is></c>'):format(place, cell) end
      cells[c] = cell
    end
    lines[r] = ('<row r="%d">%s</row>'):format(r, table.concat(cells))
  end
  return table.concat(lines)
end

local PLAIN = rows({ "class", 400, 401.5, 403 }, { "a", 0.25, 0.5, 1e-3 }, { "b", 1, 2, 3 })

local function one(content, more) return xlsx { { rows = content, more = more } } end

describe("a table of labels", function()
  it("may be a workbook", function()
    local path = os.tmpname()
    local function join(content)
      local file <close> = assert(io.open(path, "wb"))
      file:write(content)
      file:close()
      return mb.spectra.set { x = mb.ones(2, 3), axis = { 1, 2, 3 }, names = { "a", "b" } }:join(path, { by = "name" })
    end
    local joined = assert(join(xlsx { { rows = "" }, { rows = rows({ "name", "fat" }, { "b", 1.5 }, { "a", 2 }) } }))
    assert.same({ "2", "1.5" }, joined.labels.fat)
    local none, err = join(xlsx { { rows = "" } })
    os.remove(path)
    assert.is_nil(none)
    assert.equal(path .. ": its sheets are empty", err)
  end)
end)

describe("xlsx", function()
  it("takes cells that show percents for fractions", function()
    local function read(style)
      local list = { { "Wavelength (nm)", "Transmittance (%)" } }
      for i = 1, 9 do list[i + 1] = { 400 + i, ('<c s="%d"><v>0.%d5</v></c>'):format(style, i) } end
      return assert(files.read(one(rows(table.unpack(list)))))
    end
    for style, percent in pairs { [0] = true, [4] = false, [5] = false } do
      local set = read(style)
      assert.same({ "transmittance", percent }, { set.quantity, set.percent or false })
      assert.equal(mb.tensor { 0.15 }:item(), files.values(set)[1])
      assert.equal(not percent, table.concat(set.notes):find("the cells show percents", 1, true) ~= nil)
    end
  end)

  it("reads spectra in rows", function()
    local set = assert(files.read(one(PLAIN)))
    assert.same({ 400, 401.5, 403 }, set.axis)
    assert.same({ 1, 2, 3 }, files.values(set, 2))
    assert.same({ "a", "b" }, set.labels.class)
  end)

  it("reads spectra in columns", function()
    local set = assert(files.read(one(rows({ "Wavelength (nm)", "s1", "s2" }, { 400, 1, 5 }, { 401, 2, 6 },
      { 402, 3, 7 }, { 403, 4, 8 }))))
    assert.same({ 400, 401, 402, 403 }, set.axis)
    assert.same({ 5, 6, 7, 8 }, files.values(set, 2))
  end)

  it("reads shared, inline and computed texts", function()
    local set = assert(files.read(one(rows({ '<c t="s"><v>0</v></c>', "formula", 400, 401 },
      { '<c t="s"><v>1</v></c>', '<c t="str"><f>A1</f><v>x "y"</v></c>', '<c><f>1+1</f><v>2</v></c>', 3 },
      { '<c t="s"><v>2</v></c>', '<c t="b"><v>1</v></c>', 4, 5 }))))
    assert.same({ "calcite", "quartz" }, set.labels.class)
    assert.same({ 'x "y"', "TRUE" }, set.labels.formula)
    assert.same({ 2, 3 }, files.values(set))
  end)

  it("writes numbers of labels with the digits that they have", function()
    local set = assert(files.read(one(rows({ "part", 400, 401 }, { "<c><v>1.1000000000000001</v></c>", 1, 2 },
      { "<c><v>0.30000000000000004</v></c>", 1, 2 }))))
    assert.same({ "1.1", "0.30000000000000004" }, set.labels.part)
  end)

  it("turns dates into text, by built-in formats and by formats of the user", function()
    local content = rows({ "day", "mm", 400, 401 }, { '<c s="1"><v>45292</v></c>', '<c s="3"><v>2.5</v></c>', 1, 2 },
      { '<c s="2"><v>45293.5</v></c>', '<c s="3"><v>3</v></c>', 3, 4 })
    local set = assert(files.read(one(content)))
    assert.same({ "2024-01-01", "2024-01-02 12:00:00" }, set.labels.day)
    assert.same({ "2.5", "3" }, set.labels.mm)
    set = assert(files.read(xlsx({ { rows = content } }, { properties = '<workbookPr date1904="1"/>' })))
    assert.equal("2028-01-02", set.labels.day[1])
  end)

  it("turns times of no day into text", function()
    local set = assert(files.read(one(rows({ "time", 400, 401 }, { '<c s="1"><v>0.5208333333333334</v></c>', 1, 2 },
      { '<c s="1"><v>0.00005</v></c>', 3, 4 }))))
    assert.same({ "12:30", "00:00:04" }, set.labels.time)
  end)

  it("does not take dates for numbers", function()
    local set, message = files.read(one(rows({ "class", 400, 401 }, { "a", 1, '<c s="1"><v>45292</v></c>' })))
    assert.is_nil(set)
    assert.matches("sheet Sheet1: line 2.*2024%-01%-01", message)
  end)

  it("gives the text of merged cells to all rows", function()
    local content = rows({ "class", 400, 401 }, { "a", 1, 2 }, { "", 3, 4 }, { "b", 5, 6 }, { "", 7, 8 })
    local merged = '<mergeCells><mergeCell ref="A2:A3"/><mergeCell ref="A4:A5"/></mergeCells>'
    local set = assert(files.read(one(content, merged)))
    assert.same({ "a", "a", "b", "b" }, set.labels.class)
    expect_refusal("sheet Sheet1: merged cells A2:A4 overlap", one(content,
      '<mergeCells><mergeCell ref="A2:A4"/></mergeCells>'))
    expect_refusal("sheet Sheet1: merged cells A3:A2 are not a range", one(content,
      '<mergeCells><mergeCell ref="A3:A2"/></mergeCells>'))
    expect_refusal("sheet Sheet1: merged cells  are not a range", one(content, "<mergeCells><mergeCell/></mergeCells>"))
  end)

  it("reads the first sheet that holds spectra, or the one that is asked for", function()
    local file = xlsx { { name = "readme", rows = rows { "Measured in May" } }, { name = "empty", rows = "" },
      { name = "train", rows = PLAIN }, { name = "test", rows = PLAIN:gsub("0.25", "7") } }
    local set = assert(files.read(file))
    assert.equal(0.25, files.values(set)[1])
    assert.equal("train", set.metadata[1].sheet)
    assert.equal('of the sheets readme, empty, train, test, train is read; block = "NAME" reads another',
      set.notes[#set.notes])
    assert.equal(7, files.values(assert(files.read(file, { block = "test" })))[1])
    assert.equal(7, files.values(assert(files.read(file, { block = 4 })))[1])
    expect_refusal("its sheets are empty", file, { block = "empty" })
    local columns = rows({ "nm", "s" }, { 1, 2 }, { 2, 4 }, { 3, 6 })
    file = xlsx { { name = "a", rows = "" }, { name = "b", rows = columns } }
    assert.same({ 2, 4, 6 }, files.values(assert(files.read(file, { block = "b" }))))
    file = xlsx { { name = "readme", rows = rows { "Measured in May" } }, { name = "empty", rows = "" },
      { name = "train", rows = PLAIN }, { name = "test", rows = PLAIN } }
    expect_refusal("block = data: no such sheet; there are readme, empty, train, test", file, { block = "data" })
    local _, message = files.read(xlsx { { rows = rows { "Measured in May" } } })
    assert.matches("^sheet Sheet1: line 1", message)
  end)

  it("reads cells without places, and rows and cells that are left out", function()
    local set = assert(files.read(one("<row><c t='inlineStr'><is><t>k</t></is></c><c><v>1</v></c><c><v>2</v></c></row>"
      .. '<row r="4"><c r="A4" t="inlineStr"><is><t>a</t></is></c><c r="B4"><v>3</v></c><c r="C4"><v>4</v></c></row>')))
    assert.same({ 3, 4 }, files.values(set))
    assert.same({ "", "x" }, assert(files.read(one(rows({ 1, 2, "k" }, { 3, 4 }, { 5, 6, "x" })))).labels.k)
    local _, message = files.read(one(rows({ "k", 1, 2 }, { "a", "", 2 })))
    assert.matches("sheet Sheet1: line 2, column 2 %(1%)", message)
  end)

  it("refuses what is wrong, with the cell", function()
    expect_refusal("sheet Sheet1: row 2, column 2: a formula without its value; open the workbook in a spreadsheet "
      .. "program and save it", one(rows({ "k", 1, 2 }, { "a", "<c><f>1+1</f><v/></c>", 2 })))
    expect_refusal("sheet Sheet1: row 1, column 1: there is no text 7", one(rows { '<c t="s"><v>7</v></c>' }))
    expect_refusal("sheet Sheet1: row 1, column 1: there is no text x", one(rows { '<c t="s"><v>x</v></c>' }))
    expect_refusal("sheet Sheet1: row 1, column 1: expected a number, got 1,5", one(rows { "<c><v>1,5</v></c>" }))
    expect_refusal("sheet Sheet1: row 1 is out of order", one('<row r="2"/><row r="1"/>'))
    expect_refusal("sheet Sheet1: row 1048577 is out of order", one '<row r="1048577"/>')
    expect_refusal("sheet Sheet1: cell A1 is out of order", one '<row r="1"><c r="B1"/><c r="A1"/></row>')
    expect_refusal("sheet Sheet1: cell XFE1 is out of order", one '<row r="1"><c r="XFE1"/></row>')
    expect_refusal("sheet Sheet1: cell A1 is out of order", one '<c r="A1"/>')
    expect_refusal("its sheets are empty", one '<row r="1"><c r="A1"><c r="B1"/></c></row>')
    expect_refusal("sheet Sheet1: cell 1 is out of order", one '<row r="1"><c r="1"/></row>')
    expect_refusal("its sheets are empty", xlsx {})
    expect_refusal("its sheets are empty", one "")
  end)

  it("refuses old and encrypted workbooks by their names", function()
    local ole = "\208\207\17\224\161\177\26\225" .. ("\0"):rep(500)
    expect_refusal("is an old Excel workbook (.xls), which is not read; save it as .xlsx",
      ole .. ("Workbook"):gsub(".", "%0\0"))
    expect_refusal("is encrypted; save it without a password", ole .. ("EncryptedPackage"):gsub(".", "%0\0"))
  end)

  it("refuses bombs: of XML, of empty cells, of merged cells", function()
    expect_refusal("xl/sharedStrings.xml: XML with a document type (DTD) is not read",
      xlsx({ { rows = PLAIN } }, { strings = '<!DOCTYPE a [<!ENTITY x "y">]><sst/>' }))
    local wide = {}
    for r = 1, 100 do wide[r] = ('<row r="%d"><c r="XFD%d"><v>1</v></c></row>'):format(r, r) end
    expect_refusal("sheet Sheet1: 1638400 cells, of which 100 are filled", one(table.concat(wide)))
    expect_refusal("sheet Sheet1: too many merged cells", one(rows({ "a" }) .. '<row r="1000000"/>',
      "<mergeCells>" .. ('<mergeCell ref="A1:A1048576"/>'):rep(100) .. "</mergeCells>"))
  end)

  it("refuses a long text that many cells share, by their references or merged", function()
    local unpacked = mb.limits.unpacked
    finally(function() mb.limits.unpacked = unpacked end)
    mb.limits.unpacked = 20000
    local strings = "<sst><si><t>" .. ("a"):rep(5000) .. "</t></si></sst>"
    local function refused(content, more)
      expect_refusal("sheet Sheet1: its cells have more than limits.unpacked = 20000 bytes",
        xlsx({ { rows = content, more = more } }, { strings = strings }))
    end
    refused(('<row><c t="s"><v>0</v></c></row>'):rep(5))
    refused('<row><c t="s"><v>0</v></c></row>' .. ("<row/>"):rep(4),
      '<mergeCells><mergeCell ref="A1:A5"/></mergeCells>')
  end)

  it("survives damage", function()
    local path = os.tmpname()
    local _, refused = damage.all(mb.spectra.read, path, one(PLAIN))
    damage.all(mb.spectra.read, path, xlsx({ { rows = PLAIN } }, { stored = true }))
    os.remove(path)
    assert.is_true(refused > 100)
  end)
end)

describe("xlsx of others", function()
  for _, name in ipairs { "synthetic_nirs", "nirone_forensic_T_avg" } do
    it(name, function()
      local path, reference = files.measured("xlsx/" .. name .. ".xlsx")
      if not path then return pending(reference) end
      assert.same({}, index.differences(assert(mb.spectra.read(path)), reference))
    end)
  end

  it("synthetic_nirs equals its twin in text", function()
    local path, message = files.measured "xlsx/synthetic_nirs.xlsx"
    if not path then return pending(message) end
    local sheet = assert(mb.spectra.read(path))
    local text = assert(mb.spectra.read((files.measured "synthetic_twin_csv/synthetic_nirs.csv")))
    assert.same(text.axis, sheet.axis)
    assert.same(text.x:totable(), sheet.x:totable())
    assert.same(text.labels.sample_id, sheet.labels.sample_id)
    for i, protein in ipairs(text.labels.protein) do
      assert.near(tonumber(protein), tonumber(sheet.labels.protein[i]), 1e-14)
    end
  end)
end)
