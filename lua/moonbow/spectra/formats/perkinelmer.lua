--- PerkinElmer SP, of one spectrum, and FSM, the image of a microscope.
local core = require "moonbow.core"
local blocks = require "moonbow.spectra.perkinelmer.blocks"
local units = require "moonbow.spectra.units"

local perkinelmer = { name = "perkinelmer", title = "PerkinElmer" }

function perkinelmer.matches(source) return source.bytes:sub(1, 4) == "PEPE" end

local short = { A = "absorbance", E = "single beam" } -- kinds that the instrument's labels shorten

-- Sets unit and name of the axis and the kind of the values by their labels.
local function describe(block, axis_label, values_label)
  block.unit, block.axis = units.axis(axis_label)
  local quantity, percent = units.quantity(values_label)
  block.quantity, block.percent = short[values_label] or quantity, percent and true
  block.decided = values_label ~= "" and ("label '%s'"):format(values_label) or nil
end

-- ---- SP ----

local DATASET, HISTORY = 120, 35711
local RANGE, COUNT, AXIS, VALUES_LABEL, VALUES, NAME, ALIAS = 35698, 35701, 35703, 35704, 35708, 35709, 35713
local ARRAY, PAIR = 0x7516, 0x751D -- types
local ARRAY_HEAD = 6 -- bytes: type and size of values

-- Returns the values of a spectrum, which are reals of 64 bits, or what of them is there, and their number.
local function read_array(source, at, count)
  if source:number(at, "u2") ~= ARRAY then
    source:fail("byte %d: values of type 0x%04X are not read", at, source:number(at, "u2"))
  end
  if source:number(at + 2, "u4") < 8 * count then
    source:fail("byte %d: %d points, but room for %d", at, count, source:number(at + 2, "u4") // 8)
  end
  local there = math.min(count, (#source.bytes - at - ARRAY_HEAD) // 8)
  if there < count then source:cut(there, count, "points") end
  if there < 1 then source:fail("no point is there") end
  source:claim(8 * there)
  return source:tensor(at + ARRAY_HEAD, there, "f8"), there
end

-- Finds the parts of a data set that are there, of the values at least the head: { [id] = { at, size } }, and metadata.
local function parts_of(source, at, size)
  local parts, metadata = {}, {}
  blocks.each(source, at, math.min(at + size, #source.bytes), function(id, from, length)
    local needed = id == VALUES and ARRAY_HEAD or length
    if from + needed <= #source.bytes then parts[id] = parts[id] or { at = from, size = length } end
    if id == HISTORY then blocks.describe(source, from, from + length, metadata) end
  end)
  return parts, metadata
end

local function read_dataset(source, at, size)
  local parts, metadata = parts_of(source, at, size)
  local function value(id) return parts[id] and blocks.value(source, parts[id].at, parts[id].size) end
  local count, range = value(COUNT), parts[RANGE]
  if not (math.type(count) == "integer" and count >= 1 and range and parts[VALUES]) then
    if at + size > #source.bytes then source:cut(0, 1, "spectra") end
    source:fail("its data set lacks the number of points, the range or the values")
  end
  if source:number(range.at, "u2") ~= PAIR then source:fail("byte %d: expected the range of the axis", range.at) end
  local first, last = source:number(range.at + 2, "f8"), source:number(range.at + 10, "f8")
  local y, there = read_array(source, parts[VALUES].at, count)
  if there < count then last = first + (last - first) * (there - 1) / (count - 1) end
  local block = { x = source.even(first, last, there), y = y, metadata = metadata }
  describe(block, tostring(value(AXIS) or ""), tostring(value(VALUES_LABEL) or ""))
  local name = tostring(value(NAME) or ""):gsub("^.*[/\\]", "")
  if name == "" then name = tostring(value(ALIAS) or "") end
  block.names = { name ~= "" and name or nil }
  return block
end

local function read_sp(source)
  local list = {}
  blocks.each(source, blocks.FIRST, #source.bytes, function(id, at, size)
    if id == DATASET then list[#list + 1] = read_dataset(source, at, size) end
  end)
  return list
end

-- ---- FSM ----

local IMAGE, IMAGE_HISTORY, SPECTRUM = 5100, 5104, 5105

-- Reads the description of an image: a name, steps, ranges and places as reals, the numbers of points, and labels.
local function read_image(source, at)
  local from = at + 2 + source:number(at, "u2")
  local reals, counts = source:list(from, 10, "f8"), source:list(from + 80, 3, "u4")
  local labels, label_at = {}, from + 92
  for i = 1, 4 do
    local size = source:number(label_at, "u2")
    labels[i] = source:field(label_at + 2, size)
    label_at = label_at + 2 + size
  end
  return { name = source:field(at + 2, source:number(at, "u2")), x_step = reals[1], y_step = reals[2], first = reals[4],
    last = reals[5], x = reals[8], y = reals[9], columns = counts[1], rows = counts[2], points = counts[3],
    axis = labels[3], values = labels[4] }
end

-- Labels of places: columns run first.
local function places(image, count)
  local x, y = {}, {}
  for i = 1, count do
    x[i] = ("%.7g"):format(image.x + (i - 1) % image.columns * image.x_step)
    y[i] = ("%.7g"):format(image.y + (i - 1) // image.columns * image.y_step)
  end
  return { ["x (um)"] = x, ["y (um)"] = y }
end

-- Adds a spectrum of an image to the rows, if the file holds it whole.
local function add_spectrum(source, image, rows, at, size)
  if not image then source:fail("byte %d: a spectrum before the description of the image", at) end
  if size ~= 4 * image.points then
    source:fail("byte %d: a spectrum of %d bytes for %d points", at, size, image.points)
  end
  if at + size > #source.bytes or #rows >= image.columns * image.rows then return end
  rows[#rows + 1] = core.reshape(source:tensor(at, image.points, "f4"), 1, image.points)
end

local function read_fsm(source)
  local image, rows, metadata = nil, {}, {}
  blocks.each(source, blocks.FIRST, #source.bytes, function(id, at, size)
    if id == IMAGE then image = read_image(source, at)
    elseif id == IMAGE_HISTORY then blocks.describe(source, at, at + size, metadata)
    elseif id == SPECTRUM then add_spectrum(source, image, rows, at, size) end
  end)
  if not image then source:fail("it lacks the description of the image") end
  local count = image.columns * image.rows
  if #rows < count then source:cut(#rows, count, "spectra") end
  if #rows == 0 then source:fail("no whole spectrum is there") end
  local block = { x = source.even(image.first, image.last, image.points), metadata = metadata,
    y = #rows == 1 and rows[1] or core.concat(rows, 1) }
  block.columns, block.labels = { "x (um)", "y (um)" }, places(image, #rows)
  describe(block, image.axis, image.values)
  return { block }
end

-- ---- the file ----

local kinds = { ["2D constant interval DataSet file"] = read_sp, ["DataSet - 4DConst3DInterval"] = read_fsm }

function perkinelmer.read(source)
  local kind = source:field(4, 40)
  if not kinds[kind] then source:fail("a PerkinElmer file of the kind '%s' is not read", kind) end
  return kinds[kind](source)
end

return perkinelmer
