--- Texts of Ocean Optics (SpectraSuite, OceanView): settings, then x and y below a line ">>>>>Begin ... Data<<<<<". A
-- line ">>>>>End ... Data<<<<<" ends them in files of SpectraSuite. The words are in the language of the program.
local core = require "moonbow.core"
local columns = require "moonbow.spectra.columns"
local read_table = require "moonbow.io.csv.read"

local ocean = { name = "ocean_text", title = "an Ocean Optics text file" }

local HEAD = 8192

function ocean.matches(source) return source.bytes:sub(1, HEAD):find "\n>>>>>[^\r\n]*<<<<<" ~= nil end

-- Returns the settings, and the number of pixels, whose name has this word in most languages.
local function settings_of(head)
  local metadata, pixels = {}, nil
  for line in head:gmatch "[^\n]+" do
    local name, value = line:match "^:*([^:]+):[ \t]*(.*)$"
    if name then metadata[columns.trim(name)] = columns.metadata(value) end
    if name and name:find "[Pp]ixel" then pixels = math.tointeger(tonumber(value)) end
  end
  return metadata, pixels
end

function ocean.read(source)
  local text = source:take_text()
  local first, last = text:find "\n>>>>>[^\n]*"
  if not first then source:fail "expected a line '>>>>>Begin ... Data<<<<<' above the data" end
  local stop = text:find("\n>>>>>", last, true)
  local blank = ("\n"):rep(core.count_lines(text, 1, last) + 1) -- messages count the lines of the file
  local body = blank .. text:sub(last + 2, stop or #text)
  local set, why = core.in_c_locale(read_table, body, { decimal = source.options.decimal })
  if not set then source:fail("%s", why) end
  if set.blocks or core.size(set.x, 1) > 1 then source:fail "expected two columns, x and y" end
  local metadata, pixels = settings_of(text:sub(1, first))
  columns.check_count(source, #set.axis, pixels, "the spectrum")
  source:note_encoding()
  return { { x = set.axis, y = set.x, metadata = metadata } }
end

return ocean
