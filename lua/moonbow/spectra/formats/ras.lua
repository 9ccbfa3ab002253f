--- Rigaku's RAS: X-ray diffraction in text, one header and one table for each scan. Columns: position, counts, and the
-- factor of the attenuator; the counts are as they were counted, behind the attenuator.
local attenuation = require "moonbow.spectra.attenuation"
local columns = require "moonbow.spectra.columns"
local scans = require "moonbow.spectra.scans"
local units = require "moonbow.spectra.units"

local ras = { name = "ras", title = "a Rigaku RAS file" }

function ras.matches(source) return source.bytes:find "^%s*%*RAS_DATA_START" ~= nil end

-- Lines of a header that describe the measurement.
local kept = { "^FILE_SAMPLE", "^FILE_COMMENT", "^FILE_MEMO", "^FILE_OPERATOR", "^HW_XG_TARGET_NAME", "^HW_XG_WAVE",
  "^HW_COUNTER_SELECT", "^HW_GONIOMETER_NAME", "^MEAS_COND_XG_", "^MEAS_SCAN_" }

local function header_of(text)
  local header = {}
  for name, value in text:gmatch '%*([%w_-]+)[ \t]+"?([^"\n]*)' do header[name] = value end
  return header
end

local function metadata_of(header)
  local metadata = {}
  for name, value in pairs(header) do
    for _, pattern in ipairs(kept) do
      if name:find(pattern) then metadata[name] = columns.metadata(value) end
    end
  end
  return metadata
end

-- Adds the places of the axes that stand still, and returns their names.
local function add_axes(metadata, header)
  local names, i = {}, 0
  while header["MEAS_COND_AXIS_NAME-" .. i] do
    local name, unit = header["MEAS_COND_AXIS_NAME-" .. i], header["MEAS_COND_AXIS_UNIT-" .. i]
    local place = columns.metadata(header["MEAS_COND_AXIS_POSITION-" .. i] or "")
    if math.type(place) and name:find "%S" and name ~= header.MEAS_SCAN_AXIS_X then
      name = unit and unit ~= "" and ("%s (%s)"):format(name, unit) or name
      metadata[name], names[#names + 1] = place, name
    end
    i = i + 1
  end
  return names
end

-- Returns the block of a scan and the names of its fixed positions.
local function read_scan(source, scan, i)
  local what = "scan " .. i
  local header, width = header_of(scan.header), columns.width(scan.body)
  if width < 2 or width > 3 then source:fail("%s: expected rows of 2 or 3 numbers, got %d", what, width) end
  local x, counts, factors = columns.read(source, scan.body, width, what)
  local announced = tonumber(header.MEAS_DATA_COUNT)
  local count = #x
  if not scan.ends then
    source:cut(count, announced and ("%.0f"):format(announced) or "an unknown number of", "points of " .. what)
  end
  columns.check_count(source, count, announced, what)
  local metadata, unit = metadata_of(header), header.MEAS_SCAN_UNIT_Y
  local names = add_axes(metadata, header)
  local name = header.MEAS_SCAN_AXIS_X or ""
  local decided = unit and "MEAS_SCAN_UNIT_Y " .. unit or "the file does not say what its values are"
  decided = decided .. attenuation.correct(source, counts, factors)
  local sample = header.FILE_SAMPLE
  return { y = columns.values(source, counts, what), x = x, names = sample and sample ~= "" and { sample } or nil,
    axis = (name:find "^2%-?Theta" or name:find "^TwoTheta") and "2theta" or name ~= "" and name or nil,
    unit = units.axis(header.MEAS_SCAN_UNIT_X or ""), quantity = units.quantity(unit or ""), decided = decided,
    metadata = metadata, scan = i }, names
end

-- Returns the header and the table of each scan.
local function parts_of(source)
  local text, parts, at = source:take_text(), {}, 1
  while true do
    local first, last = text:find("*RAS_INT_START", at, true)
    if not first then break end
    local stop = text:find("*", last + 1, true)
    parts[#parts + 1] = { header = text:sub(at, first - 1), body = columns.part(text, last + 1, stop and stop - 1),
      ends = stop ~= nil }
    at = stop or #text + 1
  end
  if #parts == 0 then source:fail("a header without a table; is the file cut off?") end
  return parts
end

function ras.read(source)
  local parts, blocks, names = parts_of(source), {}, nil
  for b, i in ipairs(scans.chosen(source, #parts, attenuation.RAW)) do
    blocks[b], names = read_scan(source, parts[i], i)
  end
  return scans.label(source, blocks, names)
end

return ras
