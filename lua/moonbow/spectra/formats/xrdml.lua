--- PANalytical's XRDML: X-ray diffraction, schema 1.0 to 2.x. Source: the schemas' documentation, and files.
--
-- <intensities> are corrected for the beam attenuator; <counts> are as the detector counted them and are multiplied by
-- the attenuation factors. Both are counts per step, not per second.
local core = require "moonbow.core"
local numbers = require "moonbow.spectra.numbers"
local scans = require "moonbow.spectra.scans"
local units = require "moonbow.spectra.units"
local xml = require "moonbow.spectra.xml"

local xrdml = { name = "xrdml", title = "a PANalytical XRDML file" }

local RAW = "counts" -- the block of that name: counts as they are stored

function xrdml.matches(source) return xml.root(source.bytes) == "xrdMeasurements" end

-- What becomes metadata: path in <xrdMeasurement> or <scan>; units are in the element's attribute.
local of_measurement = { "usedWavelength/kAlpha1", "usedWavelength/kAlpha2", "usedWavelength/kBeta",
  "usedWavelength/ratioKAlpha2KAlpha1", "incidentBeamPath/xRayTube/anodeMaterial",
  "incidentBeamPath/xRayTube/tension", "incidentBeamPath/xRayTube/current", "incidentBeamPath/radius" }
local of_scan = { "header/startTimeStamp", "header/endTimeStamp",
  "header/source/instrumentControlSoftware", "header/source/instrumentID", "dataPoints/commonCountingTime" }

-- Adds the text at a path under its last name, with the unit: "tension (kV)".
local function add(metadata, element, path, name)
  local text = xml.text(element, path)
  if not text then return end
  local unit = xml.at(element, path).attributes.unit
  name = name or path:match "[^/]*$"
  local is_id = text:find "^0%d"
  metadata[unit and ("%s (%s)"):format(name, unit) or name] = not is_id and tonumber(text) or text
end

local function describe(metadata, element, paths)
  for _, path in ipairs(paths) do add(metadata, element, path) end
end

local function measurement_metadata(root, measurement)
  local metadata = {}
  for _, name in ipairs { "id", "name", "preparedBy" } do add(metadata, root, "sample/" .. name, "sample " .. name) end
  for _, name in ipairs { "measurementType", "sampleMode" } do metadata[name] = measurement.attributes[name] end
  local detector = xml.at(measurement, "diffractedBeamPath/detector")
  metadata.detector = detector and detector.attributes.name
  local used = xml.child(measurement, "usedWavelength")
  metadata.usedWavelength = used and used.attributes.intended
  describe(metadata, measurement, of_measurement)
  return metadata
end

-- Reads the numbers of an element by numbers.list or numbers.tensor.
local function read(how, source, element)
  local values, word = how(element.text)
  if not values then source:fail("<%s>: expected a number, got %s", element.name, word) end
  return values
end

local function number(source, element, name)
  local text = xml.text(element, name)
  if not text then return nil end
  return tonumber(text) or source:fail("<%s>: expected a number, got %s", name, text)
end

local function expect_count(source, element, have, count)
  if have ~= count then source:fail("<%s>: %d numbers for %d points", element.name, have, count) end
end

-- Returns the factors as a number or a tensor; nil if there are none.
local function factors_of(source, points, count)
  local common = number(source, points, "commonBeamAttenuationFactor")
  local each = xml.child(points, "beamAttenuationFactors")
  if common or not each then return common end
  local factors = read(numbers.tensor, source, each)
  expect_count(source, each, core.size(factors, 1), count)
  return factors
end

-- Returns the counts as they were in front of the attenuator, and what was done.
local function corrected(source, points, counts)
  if xml.child(points, "divergenceCorrections") or xml.child(points, "commonDivergenceCorrection") then
    source:note("the divergence corrections of the file were not applied to its counts")
  end
  local factors = factors_of(source, points, core.size(counts, 1))
  if not factors then return counts, "" end
  source:note('the stored counts were multiplied by the attenuation factors; block = "%s" gives them as stored', RAW)
  return scans.finite(source, core.mul(counts, factors)), " times the attenuation factors"
end

local function has_factors(points)
  return xml.child(points, "beamAttenuationFactors") or xml.child(points, "commonBeamAttenuationFactor")
end

-- Returns the values, their kind, and how that was decided.
local function values_of(source, points)
  local intensities, counts = xml.child(points, "intensities"), xml.child(points, "counts")
  local is_raw = source:wanted "block" == RAW
  local stored = not is_raw and intensities or counts
  if not stored then source:fail(is_raw and "no <counts>" or "a scan without <intensities> and <counts>") end
  local values, unit = read(numbers.tensor, source, stored), stored.attributes.unit or "counts"
  local quantity = units.quantity(unit) or source:fail("<%s> in %s is not read", stored.name, unit)
  local done
  if is_raw or stored == intensities then
    done = has_factors(points) and (is_raw and ", not" or ",") .. " corrected for attenuation" or ""
  else
    values, done = corrected(source, points, values)
  end
  return values, quantity, ('<%s unit="%s">%s'):format(stored.name, unit, done)
end

-- The axis that the points are drawn against: 2Theta for Gonio, the first for coupled axes.
local function main_axis(scan)
  local name = scan.attributes.scanAxis or "Gonio"
  return name == "Gonio" and "2Theta" or name:match "^[^-]*"
end

-- Returns the positions along an axis as a list.
local function positions(source, element, count)
  local each = xml.child(element, "listPositions")
  if each then
    local axis = read(numbers.list, source, each)
    expect_count(source, each, #axis, count)
    return axis
  end
  local first, last = number(source, element, "startPosition"), number(source, element, "endPosition")
  if first and last then return source.even(first, last, count) end
  source:fail('<positions axis="%s"> without positions', element.attributes.axis)
end

-- Returns the element of the axis. Positions that are the same for all points become metadata: "Omega (deg)".
local function read_axis(source, scan, points, metadata)
  local wanted, moving, main, names = main_axis(scan), nil, nil, {}
  for _, element in ipairs(xml.children(points, "positions")) do
    local axis, unit = element.attributes.axis or "position", element.attributes.unit
    local name, common = unit and ("%s (%s)"):format(axis, unit) or axis, number(source, element, "commonPosition")
    if common then
      metadata[name], names[#names + 1] = common, name
    else
      moving = moving or element
      if axis == wanted then main = element end
    end
  end
  return main or moving or source:fail("a scan whose positions do not change"), names
end

local function scan_metadata(scan, common)
  local metadata = {}
  for name, value in pairs(common) do metadata[name] = value end
  for _, name in ipairs { "scanAxis", "mode", "status" } do metadata[name] = scan.attributes[name] end
  describe(metadata, scan, of_scan)
  add(metadata, scan, "header/author/name", "author")
  return metadata
end

-- Returns the block of a scan, and the names of its fixed positions.
local function read_scan(source, scan, i, common)
  local points = xml.child(scan, "dataPoints") or source:fail("scan %d: no <dataPoints>", i)
  local status = scan.attributes.status
  if status and status ~= "Completed" then source:note("scan %d: its status is %s", i, status) end
  if xml.child(points, "countingTimes") then source:note("scan %d: counting times differ between points", i) end
  local y, quantity, decided = values_of(source, points)
  local metadata = scan_metadata(scan, common)
  local element, names = read_axis(source, scan, points, metadata)
  local axis, unit = element.attributes.axis, element.attributes.unit
  return { y = y, x = positions(source, element, core.size(y, 1)), axis = axis == "2Theta" and "2theta" or axis,
    unit = unit, quantity = quantity, decided = decided, metadata = metadata, scan = i }, names
end

-- The scans of all measurements in order, without the one in which the file is cut off.
local function scans_of(root)
  local found = {}
  for _, measurement in ipairs(xml.children(root, "xrdMeasurement")) do
    local common = measurement_metadata(root, measurement)
    for _, scan in ipairs(xml.children(measurement, "scan")) do
      if not scan.open then found[#found + 1] = { element = scan, common = common } end
    end
  end
  return found
end

function xrdml.read(source)
  local found, blocks, names = scans_of(xml.whole(source)), {}, nil
  for b, i in ipairs(scans.chosen(source, #found, RAW)) do
    blocks[b], names = read_scan(source, found[i].element, i, found[i].common)
  end
  return scans.label(source, blocks, names)
end

return xrdml
