-- Texts as instruments and other programs export them: what stands in the place of numbers, beside them and below them.
local files = require "support.spectra_files"

local read = files.read

it("Ctrl-Z at the end of a text is left out", function()
  for _, mark in ipairs { "\26", "\26\26\26", "\26\r\n", "\r\n\26" } do
    local set = assert(read("nm,abs\r\n400,.1\r\n401,.2\r\n402,.3" .. mark))
    assert.same({ 3, "nm", "absorbance" }, { set.length, set.unit, set.quantity })
    assert.equal(2, read("##TITLE=a\r\n##JCAMP-DX=4.24\r\n##DATA TYPE=INFRARED SPECTRUM\r\n##XUNITS=1/CM\r\n"
      .. "##YUNITS=ABSORBANCE\r\n##NPOINTS=2\r\n##XYPOINTS=(XY..XY)\r\n400,1\r\n401,2\r\n##END=" .. mark).length)
  end
end)
