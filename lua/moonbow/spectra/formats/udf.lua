--- Philips' UDF: X-ray diffraction in text, "Name,value,/" and the counts behind RawScan.
local columns = require "moonbow.spectra.columns"
local Source = require "moonbow.spectra.source"

local udf = { name = "udf", title = "a Philips UDF file" }

local HEAD = 8192

function udf.matches(source)
  local head = "\n" .. source.bytes:sub(1, HEAD)
  return head:find "^%s*SampleIdent," ~= nil or head:find "[\r\n]DataAngleRange," ~= nil
end

-- Returns the fields above the scan: "DataAngleRange" -> "10.00, 70.00".
local function fields_of(text)
  local fields = {}
  for name, value in ("\n" .. text):gmatch "\n(%w+),([^\n]*)" do
    value = columns.trim(value:match "^(.*)/%s*$" or value)
    fields[name] = columns.trim(value:match "^(.*),$" or value)
  end
  return fields
end

-- Returns the first and the last angle, and the step.
local function angles_of(source, fields)
  local first, last = (fields.DataAngleRange or ""):match "^([%d.+-]+)[%s,]+([%d.+-]+)"
  first, last = tonumber(first), tonumber(last)
  local step = tonumber((fields.ScanStepSize or ""):match "^[%d.]+")
  if not (first and last and step and step > 0) then
    source:fail "DataAngleRange or ScanStepSize is missing or no number"
  end
  return first, last, step
end

local function metadata_of(fields)
  local metadata = {}
  for name, value in pairs(fields) do metadata[name] = columns.metadata(value) end
  return metadata
end

function udf.read(source)
  local text = source:take_text()
  local from, to = text:find "\nRawScan[ \t]*\n?"
  if not from then source:fail "no RawScan; only its raw scans are read" end
  local fields = fields_of(text:sub(1, from))
  local first, last, step = angles_of(source, fields)
  local stop = text:find("/", to + 1, true)
  local counts = columns.list(source, columns.part(text, to + 1, stop and stop - 1), "RawScan")
  local count, announced = #counts, math.floor(math.abs(last - first) / step + 0.5) + 1
  if not stop and count >= announced then source:cut(count, "an unknown number of", "points of RawScan") end
  columns.check_count(source, count, announced, "RawScan")
  return { { y = columns.values(source, counts, "RawScan"),
    x = Source.even(first, first + (count - 1) * (last < first and -step or step), count), axis = "2theta",
    unit = "deg", quantity = "counts", decided = "the RawScan of a UDF file", metadata = metadata_of(fields),
    names = fields.SampleIdent and fields.SampleIdent ~= "" and { fields.SampleIdent } or nil } }
end

return udf
