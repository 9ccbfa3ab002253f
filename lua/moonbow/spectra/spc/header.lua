--- The header of an SPC file: of the new form in either byte order, or of the old form.
local codes = require "moonbow.spectra.spc.codes"

local header = {}

local FLAGS = { "words16", "chromatogram", "multifile", "any_z", "ordered_z", "labels", "own_axes", "has_axis" }
local NEW_LITTLE, NEW_BIG, OLD = 0x4B, 0x4C, 0x4D
local FLOAT = -128 -- an exponent that stands for reals of 32 bits
local SUBHEADER = 32
local MOST_POINTS, MOST_TECHNIQUE = 2^31, 14

header.FLOAT, header.SUBHEADER = FLOAT, SUBHEADER

-- True for 0 and for what is neither so small nor so large that it must be something else than a place on an axis.
local function is_place(x) return x == 0 or math.abs(x) > 1e-20 and math.abs(x) < 1e20 end

-- True if the numbers of a header could be an axis: images and programs, which share its second byte, have none there.
local function has_axis(bytes, version)
  if version == OLD then
    local points, first, last = string.unpack("<fff", bytes, 5)
    return points >= 1 and points < MOST_POINTS and points % 1 == 0 and is_place(first) and is_place(last)
  end
  local first, last = string.unpack(version == NEW_BIG and ">dd" or "<dd", bytes, 9)
  return bytes:byte(3) <= MOST_TECHNIQUE and is_place(first) and is_place(last)
end

local function version_of(bytes)
  local version = bytes:byte(2)
  return (version == NEW_LITTLE or version == NEW_BIG or version == OLD) and version or nil
end

--- Returns the version byte if the bytes begin as an SPC file: its version, known codes, and an axis.
-- The second byte of a zip and of some text is one of these versions, too.
function header.version(bytes)
  local version = version_of(bytes)
  if not version or bytes:find "^PK[\3\5]" or not bytes:find("\0", 1, true) then return nil end
  local at = version == OLD and 17 or 29
  local axis, values = bytes:byte(at, at + 1)
  if not values then return version end
  return codes.axes[axis] and codes.values[values] and has_axis(bytes, version) and version or nil
end

local function flags_of(byte)
  local flags = {}
  for i, name in ipairs(FLAGS) do flags[name] = byte >> (i - 1) & 1 == 1 end
  return flags
end

-- Returns the date as text; nil if a writer left none or one that is no date. Some writers count years from 1900.
local function date(year, month, day, hour, minute)
  if year > 0 and year < 200 then year = year + 1900 end
  if year < 1 or month < 1 or month > 12 or day < 1 or day > 31 or hour > 23 or minute > 59 then return nil end
  return ("%04d-%02d-%02d %02d:%02d"):format(year, month, day, hour, minute)
end

-- The three names of axes between NULs.
local function labels(text)
  local x, y, z = (text .. "\0\0\0"):match "^(%Z*)%z(%Z*)%z(%Z*)%z"
  return { x = x, y = y, z = z }
end

local function read_new(source, order)
  local function number(offset, type) return source:number(offset, type, order) end
  local packed = number(32, "u4")
  return { size = 512, order = order, exponent = number(3, "i1"), points = number(4, "u4"), first = number(8, "f8"),
    last = number(16, "f8"), count = math.max(1, number(24, "u4")), axis = number(28, "u1"), values = number(29, "u1"),
    z_axis = number(30, "u1"), z_step = number(312, "f4"), planes = number(316, "u4"), w_step = number(320, "f4"),
    w_axis = number(324, "u1"), log = number(248, "u4"), labels = labels(source:text(218, 30)),
    date = date(packed >> 20, packed >> 16 & 15, packed >> 11 & 31, packed >> 6 & 31, packed & 63),
    comment = source:field(88, 130), resolution = source:field(36, 9), instrument = source:field(45, 9),
    method = source:field(264, 48), technique = codes.techniques[number(2, "u1")] }
end

-- The first subheader is part of the old header. The file does not count its spectra: they reach to its end.
local function read_old(source)
  local function number(offset, type) return source:number(offset, type) end
  local points, year = number(4, "f4"), number(18, "u2")
  if not (points >= 1 and points < 2^32) then source:fail("byte 4: expected a number of points, got %g", points) end
  return { size = 224, order = "<", old = true, exponent = number(2, "i2"), points = points // 1 | 0,
    first = number(8, "f4"), last = number(12, "f4"), axis = number(16, "u1"), values = number(17, "u1"),
    z_axis = year >> 12, z_step = 0, planes = 0, log = 0, labels = labels(source:text(194, 30)),
    date = date(year & 4095, number(20, "u1"), number(21, "u1"), number(22, "u1"), number(23, "u1")),
    comment = source:field(64, 130), resolution = source:field(24, 8), scans = number(34, "u2") }
end

--- Reads the header: flags, order, size, exponent, points, first, last, count (nil: to the end of the file), the codes
-- axis, values, z_axis and w_axis, and texts.
function header.read(source)
  local version = version_of(source.bytes)
  if not version then source:fail("its second byte is no version of SPC") end
  source:need(0, version == OLD and 256 or 512, "an SPC header")
  local h = version == OLD and read_old(source) or read_new(source, version == NEW_BIG and ">" or "<")
  h.flags = flags_of(source:number(0, "u1"))
  if h.old and (h.flags.has_axis or h.flags.own_axes) then
    source:fail("SPC of the old form with an axis of its own (flags 0x%02X) is not read", source:number(0, "u1"))
  end
  if not h.flags.multifile and not h.flags.own_axes then h.count = 1 end
  return h
end

--- Reads the subheader of a spectrum at an offset.
function header.read_sub(source, offset, order)
  source:need(offset, SUBHEADER, "a subheader")
  return { exponent = source:number(offset + 1, "i1"), z = source:number(offset + 4, "f4", order),
    z_next = source:number(offset + 8, "f4", order), points = source:number(offset + 16, "u4", order),
    scans = source:number(offset + 20, "u4", order), w = source:number(offset + 24, "f4", order) }
end

return header
