--- Rigaku's ASC: X-ray diffraction in text, "*NAME = value", and the values of each group behind *COUNT.
local columns = require "moonbow.spectra.columns"
local scans = require "moonbow.spectra.scans"
local units = require "moonbow.spectra.units"
local Source = require "moonbow.spectra.source"

local asc = { name = "rigaku_asc", title = "a Rigaku ASC file" }

function asc.matches(source) return source.bytes:find "^%s*%*TYPE[ \t]*=" ~= nil end

local function fields_of(text, fields)
  for name, value in text:gmatch "%*([%w_/]+)[ \t]*=[ \t]*([^\n]*)" do fields[name] = fields[name] or value end
  return fields
end

local shared = { "SAMPLE", "COMMENT", "DATE", "GONIO", "ATTACHMENT", "FILTER", "C_MONOCHRO", "COUNTER", "SCAN_AXIS",
  "MEAS_MODE", "TARGET", "XRAY_CHAR", "WAVE_LENGTH1", "WAVE_LENGTH2", "SPEED_DIM", "MEMO", "SPEED", "KV", "MA",
  "OFFSET", "START", "STOP", "STEP" }

local function number(source, fields, name, what)
  local value = tonumber(fields[name])
  if not value then source:fail("%s: *%s is %s, expected a number", what, name, fields[name] or "missing") end
  return value
end

local function read_group(source, head, group, i)
  local what = "group " .. i
  local fields = setmetatable(fields_of(group.header, {}), { __index = head })
  local count = number(source, fields, "COUNT", what)
  local values = columns.list(source, group.body, what)
  columns.check_count(source, #values, count, what)
  count = #values
  local first, step = number(source, fields, "START", what), number(source, fields, "STEP", what)
  local metadata = {}
  for _, name in ipairs(shared) do metadata[name] = columns.metadata(fields[name] or "") end
  local unit, axis = fields.YUNIT, fields.SCAN_AXIS or ""
  return { y = columns.values(source, values, what), x = Source.even(first, first + (count - 1) * step, count),
    axis = axis:find "^2theta" and "2theta" or axis ~= "" and axis or nil, unit = units.axis(fields.XUNIT or ""),
    quantity = units.quantity(unit or ""), decided = unit and "*YUNIT = " .. unit or nil, metadata = metadata, scan = i,
    names = metadata.SAMPLE and { tostring(metadata.SAMPLE) } or nil }
end

-- Returns the text above the groups, and the header and the values of each.
local function parts_of(text)
  local first = text:find("*BEGIN", 1, true)
  local parts, at = {}, first or #text + 1
  while true do
    local _, label = text:find("%*COUNT[ \t]*=[^\n]*\n?", at)
    if not label then break end
    local stop = text:find("*", label + 1, true)
    parts[#parts + 1] = { header = text:sub(at, label),
      body = columns.part(text, label + 1, stop and stop - 1) }
    at = stop or #text + 1
  end
  return text:sub(1, (first or 0) - 1), parts
end

function asc.read(source)
  local head, parts = parts_of(source:take_text())
  if #parts == 0 then source:fail("no values behind *COUNT; is the file cut off?") end
  local fields, blocks = fields_of(head, {}), {}
  local announced = tonumber(fields.GROUP_COUNT)
  if announced and announced > #parts then source:cut(#parts, ("%.0f"):format(announced), "groups") end
  for b, i in ipairs(scans.chosen(source, #parts)) do blocks[b] = read_group(source, fields, parts[i], i) end
  return scans.label(source, blocks, { "START", "SPEED" })
end

return asc
