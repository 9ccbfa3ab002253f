--- PerkinElmer's text: "PE ... SPECTRUM ASCII" with #HDR, #GR and #DATA, and .asp, a list of numbers.
local columns = require "moonbow.spectra.columns"
local units = require "moonbow.spectra.units"

local pe = { name = "pe_ascii", title = "a PerkinElmer ASCII file" }

function pe.matches(source) return source.bytes:find "^PE [^\n]-SPECTRUM[ \t]+ASCII" ~= nil end

-- Returns the lines below a mark: { "NM", "", "0.5" }.
local function lines_below(text, mark)
  local lines, from = {}, text:find(mark, 1, true)
  for line in text:sub(from and from + #mark + 1 or #text + 1):gmatch "([^\n]*)\n" do
    if line:find "^#" then break end
    lines[#lines + 1] = columns.trim(line)
  end
  return lines
end

local PLACES = { file = 3, date = 4, time = 5, analyst = 8, instrument = 21 } -- lines of the head

local function metadata_of(head)
  local lines, metadata = {}, {}
  for line in head:gmatch "([^\n]*)\n" do
    if line:find "^#" then break end
    lines[#lines + 1] = line
  end
  for name, i in pairs(PLACES) do
    metadata[name] = columns.metadata(lines[i] or "")
  end
  return metadata
end

function pe.read(source)
  local text = source:take_text()
  local at = text:find("\n#DATA", 1, true)
  if not at then source:fail "no #DATA; is the file cut off?" end
  local graph = lines_below(text, "\n#GR")
  local x, y = columns.read(source, columns.part(text, at + 6), 2, "#DATA")
  columns.check_count(source, #x, math.tointeger(tonumber(graph[7])), "#DATA")
  local unit, name = units.axis(graph[1] or "")
  local kind = graph[2] or ""
  local quantity, percent = units.quantity(kind)
  return { { x = x, y = columns.values(source, y, "#DATA"), unit = unit, axis = name, quantity = quantity,
    percent = percent and true or nil, decided = kind ~= "" and "line 2 below #GR: " .. kind or nil,
    metadata = metadata_of(text:sub(1, at)) } }
end

return pe
