--- Zip archives that no format takes: refused with what they hold.
local shown = require "moonbow.shown"
local archive = require "moonbow.spectra.archive"

local zip = { name = "zip", title = "a zip archive" }

local MOST_SHOWN = 5 -- names of members

local kinds = {
  { "^content%.xml$", "is an OpenDocument file, which is not read; save the sheet as .xlsx or text" },
  { "^word/", "is a Word document" }, { "^ppt/", "is a PowerPoint document" },
  { "^xl/workbook%.bin$", "is a binary Excel workbook (.xlsb), which is not read; save it as .xlsx or text" },
}

function zip.matches(source) return archive.is(source) end

function zip.read(source)
  local names = archive.names(source)
  for _, kind in ipairs(kinds) do
    if archive.holds(source, kind[1]) then source:fail("%s", kind[2]) end
  end
  source:fail("is a zip archive of no known format; it holds %s", shown.list(names, MOST_SHOWN))
end

return zip
