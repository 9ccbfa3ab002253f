--- Bruker's BRML: X-ray diffraction, a zip archive with Experiment0/RawData0.xml and one such member for each scan.
--
-- Each point of a scan is a <Datum> of several numbers; <DataViews> says which of them are the axes and the counts. The
-- counts hold the absorber already: where its factor changes, they do not jump, and divided by it they are whole.
local core = require "moonbow.core"
local limits = require "moonbow.io.limits"
local archive = require "moonbow.spectra.archive"
local numbers = require "moonbow.spectra.numbers"
local scans = require "moonbow.spectra.scans"
local units = require "moonbow.spectra.units"
local xml = require "moonbow.spectra.xml"

local brml = { name = "brml", title = "a Bruker BRML file" }

local MEMBER = "^Experiment%d+/RawData%d+%.xml$"
local POINT = "Datum" -- the element of a point
local WIDEST = 1000 -- numbers of a point
local BYTES, COLUMN = 8, 16 -- of a number in memory; numbers that take as much as an empty column
local TIME_AND_ABSORBER = 2 -- numbers before those of the axes, in files without <DataViews>

function brml.matches(source) return archive.holds(source, MEMBER) end

-- Elements of the description of the instrument that become metadata.
local described = { WaveLengthAlpha1 = true, WaveLengthAlpha2 = true, WaveLengthBeta = true,
  WaveLengthRatio = true, TubeMaterial = true, Voltage = true, Current = true, GoniometerType = true }
local of_route = { "ScanMode", "TimePerStep", "TimePerStepEffective" }

local function fail(source, part, format, ...) source:fail("%s: " .. format, part, ...) end

local function named(name, unit) return unit and unit ~= "" and ("%s (%s)"):format(name, unit) or name end

local function number_or_text(text) return tonumber(text) or text end

-- Adds an element that holds a value as text or as attributes.
local function add(metadata, element)
  local value = element.attributes.Value or element.text:match "%S.*"
  local name = named(element.name, element.attributes.Unit)
  if value and metadata[name] == nil then metadata[name] = number_or_text(value) end
end

-- Adds positions of drives that do not move. Returns the names.
local function add_drives(metadata, root)
  local drives, names = xml.at(root, "FixedInformation/Drives"), {}
  for _, drive in ipairs(drives or {}) do
    local position, name = xml.child(drive, "Position"), drive.attributes.VisibleName
    if position and name and position.attributes.Value then
      name = named(name, (position.attributes.Unit or ""):gsub("°", "deg"))
      metadata[name], names[#names + 1] = number_or_text(position.attributes.Value), name
    end
  end
  return names
end

local function metadata_of(root, route)
  local metadata, information = {}, xml.child(route, "ScanInformation")
  for _, name in ipairs { "TimeStampStarted", "TimeStampFinished" } do metadata[name] = xml.text(root, name) end
  for _, name in ipairs(information and of_route or {}) do
    metadata[name] = number_or_text(xml.text(information, name))
  end
  metadata["scan name"] = information and information.attributes.VisibleName
  xml.each(xml.child(root, "FixedInformation") or {}, function(element)
    if described[element.name] then add(metadata, element) end
    local item = element.name == "InfoItem" and element.attributes
    if item and item.Name and item.Value ~= "" then metadata[item.Name] = item.Value end
  end)
  return metadata, add_drives(metadata, root)
end

-- Returns the route that options.block names, or else that of the measured data.
local function choose_route(source, part, root)
  local routes, block = xml.children(xml.child(root, "DataRoutes") or {}, "DataRoute"), source:wanted "block"
  local wanted, flags, chosen = type(block) == "string" and block or "Measured", {}, nil
  for i, route in ipairs(routes) do
    flags[i] = route.attributes.RouteFlag or "without a name"
    if flags[i] == wanted then chosen = chosen or route end
  end
  if not chosen and #routes == 1 and wanted ~= block then chosen = routes[1] end
  local list = table.concat(flags, ", ")
  if not chosen then fail(source, part, "no data route %s; there are: %s", wanted, list) end
  if #flags > 1 then source:note('of the data routes %s, %s is read; block = "NAME" reads another', list, wanted) end
  return chosen
end

-- The axes that are scanned; the main one is the first, or the one that the user saw as such.
local function axes_of(route)
  local axes, main = xml.children(xml.at(route, "ScanInformation/ScanAxes") or {}, "ScanAxisInfo"), 1
  for i, axis in ipairs(axes) do
    if axis.attributes.UIVisibility == "Primary" then main = i end
  end
  return axes, main
end

local function type_of(view) return view.attributes["xsi:type"] or "" end

local function is_field(field, id)
  local given = field.attributes
  return given.AxisId == id or (given.FieldName or ""):match "%S+" == id
end

-- Returns the offset of an axis in a view; nil if it is not there.
local function offset_in(view, id)
  local offset, found = -1, nil
  xml.each(view, function(element)
    if element.name == "FieldDefinitions" then
      offset = offset + 1
      if is_field(element, id) then found = found or offset end
    end
  end)
  return found
end

local function start_of(source, part, view)
  return math.tointeger(tonumber(view.attributes.Start)) or fail(source, part, "a data view without a start")
end

-- Returns the view of the recorded counts; others, such as of temperatures, are named in a note.
local function recorded_view(source, part, views)
  local chosen, others = nil, {}
  for _, view in ipairs(views) do
    if type_of(view):find("RecordedRawDataView", 1, true) then
      local recording = xml.child(view, "Recording")
      local is_count = recording and (recording.attributes.Category == "Count"
        or (xml.child(recording, "Unit") or view).attributes.Base == "Counts")
      if is_count and not chosen then chosen = view
      else others[#others + 1] = recording and recording.attributes.LogicName or "without a name" end
    end
  end
  if not chosen then fail(source, part, "no data view of counts") end
  if #others > 0 then source:note("also recorded, left out: %s", table.concat(others, ", ")) end
  return chosen
end

local function check_recorded(source, part, view)
  local length, kind = view.attributes.Length, type_of(view)
  if kind ~= "RecordedRawDataView" then
    fail(source, part, "counts of a detector in a member of their own (%s) are not read", kind)
  end
  if length ~= "1" then fail(source, part, "points with %s counts of a line or area detector are not read", length) end
end

-- Returns the columns of the axis and of the counts (from 1), and the axis.
local function columns_of(source, part, route)
  local axes, main = axes_of(route)
  local id = axes[main] and axes[main].attributes.AxisId or "TwoTheta"
  local views = xml.child(route, "DataViews")
  if not (views and views[1]) then
    return TIME_AND_ABSORBER + main, TIME_AND_ABSORBER + math.max(#axes, 1) + 1, axes[main]
  end
  local recorded, column = recorded_view(source, part, views), nil
  check_recorded(source, part, recorded)
  for _, view in ipairs(views) do
    local offset = type_of(view) == "VaryingRawDataView" and offset_in(view, id)
    if offset then column = column or start_of(source, part, view) + offset + 1 end
  end
  if not column then fail(source, part, "no data view of the axis %s", id) end
  return column, start_of(source, part, recorded) + 1, axes[main]
end

-- Returns the columns { count = points, ... } for points like the first; those of too many numbers are only counted.
local function columns_for(text)
  local columns, width = { count = 0, width = 0 }, numbers.columns({ text = text }, { false }) or 0
  local is_kept = width > 0 and width <= WIDEST
  columns.width = width
  for c = 1, is_kept and width or 1 do columns[c] = is_kept and core.column() end
  return columns
end

-- Returns a function that adds the text of a point to the columns of its route. What is wrong is kept there, since the
-- route may not be the one that is read.
local function point_reader(source, part)
  local given, most, total = {}, limits.unpacked // BYTES, 0
  return function(route, text)
    if not route.points then
      route.points = columns_for(text)
      total = total + #route.points * COLUMN
    end
    local columns = route.points
    given.text, columns.count = text, columns.count + 1
    local count, word = numbers.columns(given, columns)
    columns.wrong = columns.wrong or not count and word
    columns.is_uneven = columns.is_uneven or count ~= columns.width
    total = total + (count or 0)
    if total > most then fail(source, part, "more numbers than limits.unpacked / %d = %d", BYTES, most) end
  end
end

-- Returns the columns of all points.
local function data_of(source, part, route)
  local columns = route.points or fail(source, part, "no <%s>", POINT)
  if columns.wrong then fail(source, part, "<%s>: expected a number, got %s", POINT, columns.wrong) end
  if columns.is_uneven then fail(source, part, "points of different numbers of values") end
  if columns.width > WIDEST then fail(source, part, "points of more than %d values are not read", WIDEST) end
  return columns
end

-- Notes a scan that ended early.
local function check_points(source, part, route, count)
  local planned = tonumber(xml.text(route, "ScanInformation/MeasurementPoints"))
  if planned and planned ~= count then
    source:note("%s: the measurement ended early: %d of %.0f points", part, count, planned)
  end
end

-- Returns the positions, the counts and the axis of a route.
local function read_points(source, part, route)
  local x_column, y_column, axis = columns_of(source, part, route)
  local columns = data_of(source, part, route)
  local first, last = math.min(x_column, y_column), math.max(x_column, y_column)
  if first < 1 or last > columns.width then
    fail(source, part, "column %d of points of %d values", last, columns.width)
  end
  check_points(source, part, route, columns.count)
  local x, counts = columns[x_column], columns[y_column]
  route.points = nil
  return x, scans.finite(source, core.column_tensor(counts)), axis and axis.attributes or {}
end

-- Returns the block of a scan, and the names of its fixed positions.
local function read_scan(source, part, i)
  local root = xml.tree(source, archive.pieces(source, part), part, POINT, point_reader(source, part))
  if root.name ~= "RawData" then fail(source, part, "expected <RawData>, got <%s>", root.name) end
  local route = choose_route(source, part, root)
  local x, y, axis = read_points(source, part, route)
  local metadata, names = metadata_of(root, route)
  local is_2theta = (axis.AxisId or "TwoTheta") == "TwoTheta"
  return { y = y, x = x, axis = is_2theta and "2theta" or axis.VisibleName or axis.AxisId,
    unit = units.axis(axis.Unit or "deg") or axis.Unit, quantity = "counts",
    decided = "the recorded counts, which hold the absorber already", metadata = metadata, scan = i }, names
end

function brml.read(source)
  local parts, blocks, names = archive.matching(source, MEMBER), {}, nil
  for b, i in ipairs(scans.chosen(source, #parts, true)) do
    blocks[b], names = read_scan(source, parts[i], i)
  end
  return scans.label(source, blocks, names)
end

return brml
