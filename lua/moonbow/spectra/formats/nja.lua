--- Seifert's NJA: X-ray diffraction in text, "&Name=value", and rows below #Values: angle and intensity, or the two
-- angles of a pole figure, its intensity and background.
local core = require "moonbow.core"
local axes = require "moonbow.spectra.axes"
local columns = require "moonbow.spectra.columns"
local scans = require "moonbow.spectra.scans"

local nja = { name = "nja", title = "a Seifert NJA file" }

function nja.matches(source)
  local head = "\n" .. source.bytes:sub(1, 4096)
  return head:find "[\r\n]#MeasParameter" ~= nil or head:find "[\r\n]#Values[ \t]*\r?\n&NoValues" ~= nil
end

local function fields_of(text)
  local fields = {}
  for name, value in text:gmatch "&([^=\n\t&]+)=([^\t\n]*)" do fields[name] = value end
  return fields
end

-- Values that are whole only times the time of a step are counts divided by it.
local function quantity_of(values, fields)
  local time = tonumber(fields.Time)
  if not time or time <= 0 then return nil end
  local is_whole, times = true, true
  for _, value in ipairs(values) do
    is_whole = is_whole and value % 1 == 0
    times = times and math.abs(value * time - math.floor(value * time + 0.5)) < 0.05
  end
  if is_whole or not times then return nil end
  return "counts per second", ("the values are whole only times the %g s of a step"):format(time)
end

local function block_of(source, fields, x, y, more)
  local metadata = {}
  for name, value in pairs(fields) do metadata[name] = columns.metadata(value) end
  for name, value in pairs(more or {}) do metadata[name] = value end
  local quantity, decided = quantity_of(y, fields)
  return { x = x, y = columns.values(source, y, "#Values"), unit = "deg", quantity = quantity, decided = decided,
    metadata = metadata }
end

local function pattern(source, fields, body)
  local x, y = columns.read(source, body, 2, "#Values")
  columns.check_count(source, #x, tonumber(fields.NoValues), "#Values")
  local block = block_of(source, fields, x, y)
  block.axis = fields.ScanAxis or "2theta"
  return { block }
end

-- Returns the last row of the spectrum along beta that begins at a row: alpha is the same.
local function last_row(alpha, first)
  local last = first
  while alpha[last + 1] == alpha[first] do last = last + 1 end
  return last
end

-- The positions from first to last; those of the spectrum before if they are the same.
local function positions(beta, first, last, before)
  local x = core.column_list(core.column_copy(beta, first, last - first + 1))
  return before and axes.equal(before, x) and before or x
end

-- A pole figure: one spectrum along beta for each alpha.
local function pole_figure(source, fields, body)
  local alpha, beta, values, background = columns.read(source, body, 4, "#Values")
  columns.check_count(source, #alpha, tonumber(fields.NoValues), "#Values")
  local blocks, first = {}, 1
  while first <= #alpha do
    local last = last_row(alpha, first)
    local x = positions(beta, first, last, blocks[1] and blocks[#blocks].x)
    local block = block_of(source, fields, x, core.column_copy(values, first, last - first + 1),
      { ["alpha (deg)"] = alpha[first], background = background[first] })
    block.axis, block.scan = "beta", #blocks + 1
    blocks[#blocks + 1], first = block, last + 1
  end
  source:note("a pole figure: %d spectra along beta; the measured background is in the metadata", #blocks)
  return scans.label(source, blocks, { "alpha (deg)", "background" })
end

function nja.read(source)
  local text = source:take_text()
  local from, to = text:find "#Values[^\n]*\n"
  if not from then source:fail "no #Values; is the file cut off?" end
  local count_line = text:match("^(&[^\n]*\n)", to + 1) or ""
  local fields = fields_of(text:sub(1, to + #count_line))
  local first = to + #count_line + 1
  local stop = text:find("#", first, true)
  if stop then source:note "only the first table #Values is read" end
  local body = columns.part(text, first, stop and stop - 1)
  local width = columns.width(body)
  if width == 2 then return pattern(source, fields, body) end
  if width == 4 then return pole_figure(source, fields, body) end
  source:fail("#Values: expected rows of 2 or 4 numbers, got %d", width)
end

return nja
