--- Siemens and Bruker RAW, the binary files of DIFFRAC: versions 1 ("RAW "), 2 ("RAW2"), 3 ("RAW1.01") and 4
-- ("RAW4.00"). A file holds one or several ranges, each with an axis of its own.
local core = require "moonbow.core"

local raw = { name = "bruker_raw", title = "Bruker RAW" }

local MOST_RANGES = 10000
local MOST_TEXTS = 100 -- segments of text, all of which are metadata of each range
local UNKNOWN_ANGLE = -1e6 -- version 1 writes it for drives that did not move

function raw.matches(source)
  local bytes = source.bytes
  return bytes:find "^RAW " ~= nil or bytes:find "^RAW2" ~= nil or bytes:find "^RAW1%.01" ~= nil
    or bytes:find "^RAW4%.00" ~= nil
end

-- Reads the intensities of a range: the first real of each record of `stride` bytes. Returns as many as there are if
-- the file is cut off and partial = true; nil for none.
local function intensities(source, offset, count, stride)
  local there = math.max(0, math.min(count, (#source.bytes - offset) // stride))
  if there < count then source:cut(there, count, "points of a range") end
  if there == 0 then return nil end
  if stride == 4 then return source:tensor(offset, there, "f4") end
  local list = {}
  for i = 1, there do list[i] = source:number(offset + (i - 1) * stride, "f4") end
  return core.tensor(list)
end

-- Makes the block of a range { first, step, count, seconds, axis, metadata }, whose records begin at an offset.
local function block_of(source, range, offset, stride)
  if range.count < 1 then return nil end
  if not (range.step == range.step and math.abs(range.step) < 1e6 and math.abs(range.first) < 1e6) then
    source:fail("byte %d: a range from %g in steps of %g", offset, range.first, range.step)
  end
  local y = intensities(source, offset, range.count, stride)
  if not y then return nil end
  local x = {}
  for i = 1, core.size(y, 1) do x[i] = range.first + (i - 1) * range.step end
  range.metadata.seconds_per_step = range.seconds
  return { y = y, x = x, axis = range.axis or "2theta", unit = "deg", quantity = "counts", metadata = range.metadata,
    decided = "RAW files hold counts" }
end

local function advance(source, blocks, block, number)
  blocks[#blocks + 1] = block
  if number > MOST_RANGES then source:fail("more than %d ranges", MOST_RANGES) end
end

-- ---- version 1: a header of 156 bytes per range; later ranges may repeat the magic or leave it out ----

local function read_version_1(source)
  local blocks, at, number = {}, 0, 0
  repeat
    number = number + 1
    if source:text(at, 4) == "RAW " then at = at + 4 end
    local first, theta = source:number(at + 20, "f4"), source:number(at + 24, "f4")
    local range = { count = source:number(at, "u4"), seconds = source:number(at + 4, "f4"),
      step = source:number(at + 8, "f4"), first = first,
      metadata = { sample = source:field(at + 36, 32), k_alpha1 = source:number(at + 68, "f4"),
        k_alpha2 = source:number(at + 72, "f4") } }
    if first == UNKNOWN_ANGLE then range.first, range.axis = theta, "theta" end
    local follows = source:number(at + 148, "u4")
    at = at + 152
    advance(source, blocks, block_of(source, range, at, 4), number)
    at = at + range.count * 4
  until follows == 0 or at >= #source.bytes
  return blocks
end

-- ---- version 2: a header of 256 bytes, and one of at least 48 bytes per range ----

local function read_version_2(source)
  local count = source:number(4, "u2")
  local about = { measured = source:field(168, 20), anode = source:field(188, 2), k_alpha1 = source:number(190, "f4"),
    k_alpha2 = source:number(194, "f4") }
  local blocks, at = {}, 256
  for number = 1, count do
    if at >= #source.bytes then
      source:cut(number - 1, count, "ranges")
      break
    end
    local length = source:number(at, "u2")
    if length < 48 then source:fail("byte %d: a header of %d bytes for range %d", at, length, number) end
    local range = { count = source:number(at + 2, "u2"), seconds = source:number(at + 8, "f4"),
      step = source:number(at + 12, "f4"), first = source:number(at + 16, "f4"),
      metadata = { measured = about.measured, anode = about.anode, k_alpha1 = about.k_alpha1,
        k_alpha2 = about.k_alpha2, kelvin = source:number(at + 46, "i2") } }
    advance(source, blocks, block_of(source, range, at + length, 4), number)
    at = at + length + range.count * 4
  end
  return blocks
end

-- ---- version 3: a header of 712 bytes, and one of 304 bytes and a supplement per range ----

local STATUS = { "done", "active", "aborted", "interrupted" }

-- What scans: the drive that the axis is of, by the code at byte 196 of a range's header.
local SCANS = { [0] = "2theta", "2theta", "theta", "chi", "phi", "x", "y", "z" }

local function about_version_3(source)
  return { status = STATUS[source:number(8, "u4")], measured = source:field(16, 10) .. " " .. source:field(26, 10),
    operator = source:field(36, 72), site = source:field(108, 218), sample = source:field(326, 60),
    comment = source:field(386, 160), anode = source:field(608, 4), k_alpha1 = source:number(624, "f8"),
    k_alpha2 = source:number(632, "f8"), k_alpha_ratio = source:number(648, "f8") }
end

local function read_range_3(source, at, about)
  local kind = source:number(at + 196, "u4")
  local is_theta = kind == 2
  local metadata = { kilovolt = source:number(at + 224, "u4"), milliampere = source:number(at + 228, "u4"),
    wavelength = source:number(at + 240, "f8") }
  for name, value in pairs(about) do metadata[name] = value end
  return { count = source:number(at + 4, "u4"), first = source:number(at + (is_theta and 8 or 16), "f8"),
    step = source:number(at + 176, "f8"), seconds = source:number(at + 192, "f4"), axis = SCANS[kind] or "2theta",
    metadata = metadata }
end

local function read_version_3(source)
  local about, count = about_version_3(source), source:number(12, "u4")
  if about.status ~= "done" then source:note("the measurement is marked as %s", about.status or "of unknown state") end
  local blocks, at = {}, 712
  for number = 1, count do
    if at >= #source.bytes then
      source:cut(number - 1, count, "ranges")
      break
    end
    local length = source:number(at, "u4")
    if length < 260 then source:fail("byte %d: a header of %d bytes for range %d", at, length, number) end
    local range, stride = read_range_3(source, at, about), source:number(at + 252, "u4")
    if stride < 4 or stride > 4 + 8 * 32 then stride = 4 end
    local data = at + length + source:number(at + 256, "u4")
    advance(source, blocks, block_of(source, range, data, stride), number)
    at = data + range.count * stride
  end
  return blocks
end

-- ---- version 4: segments with kind and length; kinds 0 and 160 begin a range ----

local TEXT, SOURCE, RANGE_HEADER = 10, 30, 160

local function read_segment_4(source, at, kind, length, about, texts)
  if kind == TEXT and length > 36 then
    texts.count = texts.count + 1
    if texts.count > MOST_TEXTS then source:fail("byte %d: more than %d texts", at, MOST_TEXTS) end
    about[source:field(at + 12, 24):lower()] = source:field(at + 36, length - 36)
  elseif kind == SOURCE and length >= 120 then
    about.k_alpha1, about.k_alpha2 = source:number(at + 80, "f8"), source:number(at + 88, "f8")
    about.k_alpha_ratio, about.anode = source:number(at + 104, "f8"), source:field(at + 116, 4)
  end
end

local function read_range_4(source, at, about)
  local scan = source:field(at + 32, 24)
  local metadata = { scan = scan }
  for name, value in pairs(about) do metadata[name] = value end
  return { count = source:number(at + 88, "u4"), first = source:number(at + 72, "f8"),
    step = source:number(at + 80, "f8"), seconds = source:number(at + 92, "f4"), metadata = metadata }
end

-- Names the axis by the scan: coupled scans are over 2theta, others over the drive that they name.
local function name_axis_4(range)
  local scan = range.metadata.scan
  range.axis = scan:find "[Cc]oupled" and "2theta" or scan:find "2[Tt]heta" and "2theta" or scan:find "[Dd]etector"
    and "2theta" or scan:lower()
  if range.axis == "" then range.axis = "2theta" end
end

local function read_version_4(source)
  local about = { measured = source:field(12, 12) .. " " .. source:field(24, 10) }
  local blocks, at, number, texts = {}, 61, 0, { count = 0 }
  while at + 8 <= #source.bytes do
    local kind, length = source:number(at, "u4"), source:number(at + 4, "u4")
    if kind == 0 or kind == RANGE_HEADER then
      number = number + 1
      local range, stride = read_range_4(source, at, about), source:number(at + 136, "u4")
      if stride < 4 or stride > 1024 then source:fail("byte %d: records of %d bytes", at + 136, stride) end
      name_axis_4(range)
      local data = at + RANGE_HEADER + source:number(at + 140, "u4")
      advance(source, blocks, block_of(source, range, data, stride), number)
      at = data + range.count * stride
    else
      read_segment_4(source, at, kind, length, about, texts)
      at = at + math.max(length, 8)
    end
  end
  return blocks
end

function raw.read(source)
  local bytes = source.bytes
  if bytes:find "^RAW1%.01" then return read_version_3(source) end
  if bytes:find "^RAW4%.00" then return read_version_4(source) end
  return (bytes:find "^RAW2" and read_version_2 or read_version_1)(source)
end

return raw
