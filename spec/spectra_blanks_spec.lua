-- Runs of blanks in a line are read in a time that grows with their length: at the square of it, these would take half
-- an hour each.
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
