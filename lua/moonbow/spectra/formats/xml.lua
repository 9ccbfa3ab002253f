--- XML that no format takes: refused with the name of its first element.
local reader = require "moonbow.spectra.xml"

local xml = { name = "xml", title = "XML" }

function xml.matches(source) return reader.root(source.bytes) ~= nil end

function xml.read(source)
  source:fail("is XML of no known format; its first element is <%s>", reader.root(source.bytes))
end

return xml
