--- Rigaku's RASX: X-ray diffraction, a zip archive with Data0/Profile0.txt and Data0/MesurementConditions0.xml for each
-- scan. A profile has a position, counts and the factor of the attenuator in each line; the counts are as they were
-- counted, behind the attenuator.
local core = require "moonbow.core"
local archive = require "moonbow.spectra.archive"
local attenuation = require "moonbow.spectra.attenuation"
local numbers = require "moonbow.spectra.numbers"
local scans = require "moonbow.spectra.scans"
local units = require "moonbow.spectra.units"
local xml = require "moonbow.spectra.xml"

local rasx = { name = "rasx", title = "a Rigaku RASX file" }

local PROFILE, CONDITIONS = "^Data%d+/Profile%d+%.txt$", "MesurementConditions"

function rasx.matches(source)
  return archive.holds(source, PROFILE) or archive.holds(source, "^Data%d+/" .. CONDITIONS .. "%d+%.xml$")
end

-- What becomes metadata: paths in <MeasurementConditions>, and the path of the unit.
local described = { { "GeneralInformation/Operator" }, { "GeneralInformation/SampleName" },
  { "GeneralInformation/Comment" }, { "GeneralInformation/SystemName" }, { "ScanInformation/AxisName" },
  { "ScanInformation/Mode" }, { "ScanInformation/Step" }, { "ScanInformation/StartTime" },
  { "ScanInformation/EndTime" }, { "ScanInformation/Speed", "ScanInformation/SpeedUnit" },
  { "HWConfigurations/XrayGenerator/TargetName" }, { "HWConfigurations/XrayGenerator/WavelengthKalpha1" },
  { "HWConfigurations/XrayGenerator/WavelengthKalpha2" }, { "HWConfigurations/XrayGenerator/WavelengthKbeta" },
  { "HWConfigurations/XrayGenerator/WaveType" },
  { "HWConfigurations/XrayGenerator/Voltage", "HWConfigurations/XrayGenerator/VoltageUnit" },
  { "HWConfigurations/XrayGenerator/Current", "HWConfigurations/XrayGenerator/CurrentUnit" } }

local function named(name, unit) return unit and unit ~= "" and ("%s (%s)"):format(name, unit) or name end

-- Returns the metadata of a scan, and the names of the axes beside the scan's own. The state of an axis, fixed or
-- scanned, does not say if it differs between scans: in maps the outer axis is scanned, too.
local function metadata_of(root)
  local metadata, names = {}, {}
  for _, row in ipairs(described) do
    local text = xml.text(root, row[1])
    local name = named(row[1]:match "[^/]*$", row[2] and xml.text(root, row[2]))
    metadata[name] = tonumber(text) or text
  end
  for _, axis in ipairs(xml.child(root, "Axes") or {}) do
    local given = axis.attributes
    if given.Name and given.Position and given.Name ~= metadata.AxisName then
      local name = named(given.Name, given.Unit)
      metadata[name], names[#names + 1] = tonumber(given.Position) or given.Position, name
    end
  end
  return metadata, names
end

-- Returns the numbers in a line.
local function width_of(line)
  local _, width = line:gsub("%S+", "")
  return width
end

-- Returns the three columns; the third is nil if the file has two.
local function columns_of(source, part)
  local read, width, total, is_even = { core.column(), core.column() }, nil, 0, true
  archive.lines(source, part, function(text)
    if total == 0 then text = text:gsub("^\239\187\191", "") end
    local first = not width and text:find "%S"
    if first then
      width = width_of(text:match("[^\r\n]*", first))
      read[3] = width ~= 2 and core.column() or nil
    end
    local count, word = numbers.columns({ text = text }, read)
    if not count then source:fail("%s: expected a number, got %s", part, word) end
    total, is_even = total + count, is_even and count % (width or 1) == 0
  end)
  if width ~= 2 and width ~= 3 or not is_even then
    source:fail("%s: %d numbers; expected lines of 2 or 3, position, counts and factor", part, total)
  end
  return table.unpack(read)
end

local of_2theta = { TwoTheta = true, TwoThetaTheta = true, TwoThetaOmega = true }

local function conditions_of(part) return (part:gsub("Profile", CONDITIONS):gsub("txt$", "xml")) end

-- Returns the block of a scan, and the names of its fixed positions.
local function read_scan(source, part, i)
  local x, counts, factors = columns_of(source, part)
  local conditions = conditions_of(part)
  local content = archive.pieces(source, conditions) or source:fail("%s is missing", conditions)
  local root = xml.tree(source, content, conditions)
  local scan = xml.child(root, "ScanInformation") or {}
  local planned = tonumber(xml.text(scan, "DataCount"))
  if planned and planned ~= #x then source:cut(#x, ("%.0f"):format(planned), "points") end
  local metadata, names = metadata_of(root)
  local name, unit = xml.text(scan, "AxisName"), xml.text(scan, "PositionUnit")
  local intensity = xml.text(scan, "IntensityUnit")
  local decided = (intensity and "IntensityUnit " .. intensity or "the file does not say what its values are")
    .. attenuation.correct(source, counts, factors)
  return { y = scans.finite(source, core.column_tensor(counts)), x = x, axis = of_2theta[name] and "2theta" or name,
    unit = unit and units.axis(unit) or unit, quantity = intensity and units.quantity(intensity),
    decided = decided, metadata = metadata, scan = i }, names
end

-- The profiles; without those whose conditions a damaged archive has lost.
local function profiles_of(source)
  local parts = {}
  for _, part in ipairs(archive.matching(source, PROFILE)) do
    local is_whole = not archive.is_cut(source) or archive.holds(source, "^" .. conditions_of(part) .. "$")
    if is_whole then parts[#parts + 1] = part end
  end
  return parts
end

function rasx.read(source)
  local parts, blocks, names = profiles_of(source), {}, nil
  if #parts == 0 then source:fail("images of a detector without a profile are not read") end
  for b, i in ipairs(scans.chosen(source, #parts, attenuation.RAW)) do
    blocks[b], names = read_scan(source, parts[i], i)
  end
  return scans.label(source, blocks, names)
end

return rasx
