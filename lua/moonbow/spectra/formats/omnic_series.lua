--- Thermo OMNIC SRS: a series of spectra in time, of the variants rapid scan, high speed, TG and GC.
--
-- No description of the format is public. The places of its parts were found by others in files of these variants: a
-- record of the amplifier's settings follows each header at a distance, and stands before the first spectrum.
local core = require "moonbow.core"
local header = require "moonbow.spectra.omnic.header"

local series = { name = "omnic_series", title = "OMNIC series" }

function series.matches(source) return source.bytes:sub(1, 18) == "Spectral Exte File" end

local MARK = "\2\0\0\0\24\0\0\0\0\0"
-- What follows the mark, and how many marks there are, in all but TG and GC.
local variants = { { "HC\0PCG", 3, "rapid scan" }, { "HC\0\200\175G", 4, "high speed" } }
local TO_HEADER, TO_VALUES = 152, 60 -- from the first mark back to the header, from the last on to the spectra
local RECORD, GAP = 84, 16 -- bytes: the name of a spectrum before its values, and what lies between spectra
local MOST_MARKS = 5

-- Returns the offsets of the marks, at most five.
local function marks_of(source, mark)
  local list, at = {}, source.bytes:find(mark, 2, true)
  while at and #list < MOST_MARKS do
    list[#list + 1] = at - 1
    at = source.bytes:find(mark, at + 1, true)
  end
  return list
end

-- Returns the offset of the header and that of the first spectrum, and the name of the variant.
local function places(source)
  for _, variant in ipairs(variants) do
    local marks = marks_of(source, MARK .. variant[1])
    if #marks == variant[2] then return marks[1] - TO_HEADER, marks[#marks] + TO_VALUES, variant[3] end
  end
  local marks = marks_of(source, MARK)
  if #marks ~= 3 then
    source:fail("OMNIC series with %s%d marks is not read: none of rapid scan, high speed, TG or GC",
      #marks == MOST_MARKS and "more than " or "", #marks == MOST_MARKS and MOST_MARKS - 1 or #marks)
  end
  return marks[1] - TO_HEADER, marks[3] + TO_VALUES, "TG or GC"
end

-- Wavenumbers rise as they are stored, whatever the order of the ends in the header; interferograms run as it says.
local function axis_of(source, h)
  if h.unit == "points" or not h.unit then return source.even(h.first, h.last, h.points) end
  return source.even(math.min(h.first, h.last), math.max(h.first, h.last), h.points)
end

-- Reads the spectra that are there. Returns the rows and their names.
local function read_rows(source, at, count, points)
  local step = GAP + RECORD + 4 * points
  local there = math.max(0, (#source.bytes - at + GAP) // step)
  if there < count then source:cut(there, count, "spectra") end
  if there < 1 then source:fail("no whole spectrum is there") end
  local rows, names = {}, {}
  for i = 1, math.min(there, count) do
    local from = at + (i - 1) * step
    names[i] = source:field(from, RECORD)
    rows[i] = core.reshape(source:tensor(from + RECORD, points, "f4"), 1, points)
    if names[i] == "" then names[i] = nil end
  end
  return rows, names
end

function series.read(source)
  local at, values_at, variant = places(source)
  local h = header.read(source, at)
  source:need(at, 1030, "the header of a series")
  local count, start, step = source:number(at + 1026, "u4"), source:number(at + 1002, "f4"),
    source:number(at + 1010, "f4")
  if h.points < 1 or count < 1 then source:fail("byte %d: %d spectra of %d points", at, count, h.points) end
  local rows, names = read_rows(source, values_at, count, h.points)
  local times = {}
  for i = 1, #rows do times[i] = ("%.6g"):format(start + (i - 1) * step) end
  h.metadata.series, h.metadata.variant = source:field(at + 938, 64), variant
  source:note("a series of the variant %s; its background is not read", variant)
  return { { x = axis_of(source, h), y = core.concat(rows, 1), unit = h.unit, axis = h.axis, quantity = h.quantity,
    percent = h.percent, decided = h.decided, names = names, metadata = h.metadata, columns = { "time (min)" },
    labels = { ["time (min)"] = times } } }
end

return series
