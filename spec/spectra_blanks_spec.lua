-- Runs of blanks in a line are read in a time that grows with their length: at the square of it, these would take half
-- an hour each.
local mb = require "moonbow"
local omnic = require "support.made_omnic"
local files = require "support.spectra_files"

local BLANKS = (" "):rep(400000)

local rows = {}
for i = 1, 20 do rows[i] = ("%d\t%d\n"):format(i, i * 7 % 13) end
rows = table.concat(rows)

describe("a line with a long run of blanks is read:", function()
  for name, head in pairs {
    ["a comment with a key"] = "# key: a" .. BLANKS .. "b\nx\ty\n",
    ["a key and a value"] = "key\ta" .. BLANKS .. "b\nx\ty\n",
    ["a key"] = "k" .. BLANKS .. "b: 1\nx\ty\n", ["RRUFF's names"] = "##NAMES=a" .. BLANKS .. "b\n##RRUFFID=R1\n",
    ["names of columns"] = "x y" .. BLANKS .. "b\n", ["Renishaw's names"] = "#Wave" .. BLANKS .. "b\t#Intensity\n",
    ["a comment"] = "#" .. BLANKS .. "b\nx\ty\n", ["a name that ends in marks"] = "x" .. ("_"):rep(400000) .. "a\ty\n",
    ["LabSpec's title"] = "#Title=\ta" .. BLANKS .. "b\n", ["a unit"] = "wave (" .. BLANKS .. "b\ty\n",
    ["a name in percent"] = "x\ta" .. BLANKS .. "%b\n",
    ["signs of percent"] = "x\ty\nnm\t" .. ("%"):rep(400000) .. "a\n",
    ["a line of labels"] = "x\ty\nclass" .. BLANKS .. "b\ta" .. BLANKS .. "b\n",
  } do
    it(name, function()
      local set = assert(files.read(head .. rows))
      assert.equal(20, set.length)
    end)
  end

  it("or refused", function()
    local message = ("samples: expected a whole number, got 'a%s...'"):format((" "):rep(39))
    files.expect_refusal(message, "ENVI\nsamples = a" .. BLANKS .. "b\nlines = 1\nbands = 1\ndata type = 4\n")
  end)
end)

describe("a long run of what is no blank is read:", function()
  local LONG = 400000
  local digits, letters = ("1"):rep(LONG) .. "x", ("a"):rep(LONG)
  local jcamp = "##TITLE= t\n##JCAMP-DX= 4.24\n##DATA TYPE= RAMAN SPECTRUM\n##XUNITS= 1/CM\n##MAXX= %s\n"
    .. "##XYPOINTS= (XY..XY)\n1,2\n2,3\n##END=\n"
  for name, content in pairs {
    ["digits in front of a table"] = digits .. "=2\n\nk,400,401,402\na,1,2,3\nb,3,4,5\n",
    ["digits in a row above a table"] = digits .. " " .. digits .. "\n\nk,400,401,402\na,1,2,3\nb,3,4,5\n",
    ["digits as a number of JCAMP-DX"] = jcamp:format(digits),
    ["digits in a cell of BWSpec, and a line without cells"] = "File Version;BWSpec4\n" .. letters
      .. "\nPixel;Raman Shift;Dark Subtracted #1\n0;1;2\n1;2;3\n2;" .. digits .. ";3\n",
    ["brackets in a unit"] = ("("):rep(LONG) .. "a)b\ty\n" .. rows,
  } do
    it(name, function() assert.is_true(#assert(files.read(content)).axis > 1) end)
  end

  it("a line without a colon", function()
    local text = letters .. "\nUser: a\n>>>>>Begin Spectral Data<<<<<\n1\t2\n2\t3\n"
    assert.equal("a", assert(files.read(text, { format = "ocean_text" })).metadata[1].User)
  end)

  it("blanks alone in a field of a binary file", function()
    local set = assert(files.read(omnic.file { { 4, BLANKS }, omnic.spectrum { 1, 2, 3 } }))
    assert.is_nil(set.metadata[1].comment)
  end)

  it("blank lines in front of the numbers of a member", function()
    files.expect_refusal("Data0/MesurementConditions0.xml is missing",
      files.zip { { "Data0/Profile0.txt", BLANKS .. "\n1\t2\n2\t3\n" } })
  end)

  it("a line of a header of ENVI without a sign", function()
    files.expect_refusal("lines: expected a whole number, got 'b'", "ENVI\n" .. letters .. "\nlines = b\n")
  end)

  it("and metadata of blanks are shown and written", function()
    local set = mb.spectra.set { x = { 1, 2 }, axis = { 1, 2 }, metadata = { { a = "b" .. BLANKS .. "c",
      d = ("\n"):rep(#BLANKS) } } }
    assert.matches("a: b", tostring(set))
    local path = os.tmpname() .. ".jdx"
    assert(mb.spectra.write(set, path))
    os.remove(path)
  end)
end)
