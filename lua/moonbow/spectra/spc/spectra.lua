--- The spectra of an SPC file: all on the axis of the file, or each on its own.
local header = require "moonbow.spectra.spc.header"
local values = require "moonbow.spectra.spc.values"

local spectra = {}

local SUBHEADER = header.SUBHEADER
local NEW_HEADER, ENTRY = 512, 12 -- bytes

-- Reads the spectrum at an offset, whose values follow its subheader after `skip` bytes for each point. Returns the
-- subheader with the values as y, and the offset behind; or nil and how many points there are, if the file ends before.
local function read_one(source, h, offset, skip)
  if offset > #source.bytes - SUBHEADER then return nil, 0 end
  local sub = header.read_sub(source, offset, h.order)
  local points = skip == 0 and h.points or sub.points
  local exponent, size = values.form(h, sub)
  local there = (#source.bytes - offset - SUBHEADER) // (skip + size)
  if points < 1 then source:fail("byte %d: a spectrum of %d points", offset, points) end
  if there < points then return nil, there, exponent end
  sub.y = values.read(source, h, offset + SUBHEADER + skip * points, points, exponent)
  sub.points = points
  return sub, offset + SUBHEADER + (skip + size) * points
end

-- The one spectrum of a file that ends within it.
local function read_part(source, h, offset, there, exponent)
  if there < 1 then source:fail("its only spectrum, of %d points, is cut off", h.points) end
  source:cut(there, h.points, "points")
  local sub = header.read_sub(source, offset, h.order)
  sub.y, sub.points = values.read(source, h, offset + SUBHEADER, there, exponent), there
  return sub
end

-- The axis of all spectra, or its first `count` points.
local function common_axis(source, h, count)
  if h.flags.has_axis then return source:list(h.size, count, "f4", h.order) end
  if count == h.points then return source.even(h.first, h.last, count) end
  return source.even(h.first, h.first + (h.last - h.first) * ((count - 1) / (h.points - 1)), count)
end

--- Reads the spectra on the axis of the file. Returns the axis and a list of subheaders with the values as y.
function spectra.read_common(source, h)
  local offset, subs = h.size, {}
  if h.flags.has_axis then
    source:need(offset, 4 * h.points, "the axis")
    offset = offset + 4 * h.points
  end
  while not h.count and offset < #source.bytes - SUBHEADER or #subs < (h.count or 0) do
    local sub, following, exponent = read_one(source, h, offset, 0)
    if not sub and h.count == 1 then sub = read_part(source, h, offset, following, exponent)
    elseif not sub then source:cut(#subs, h.count or #subs + 1, "spectra") break end
    subs[#subs + 1], offset = sub, following
  end
  if #subs == 0 then source:fail("no whole spectrum of %d points is there", h.points) end
  return common_axis(source, h, subs[1].points), subs
end

-- The offsets of the spectra, as the directory at h.points says; nil if none is there.
local function directory(source, h)
  if h.points < NEW_HEADER or h.points > #source.bytes - ENTRY * h.count then return nil end
  local offsets = {}
  for i = 1, h.count do
    offsets[i] = source:number(h.points + ENTRY * (i - 1), "u4", h.order)
    if offsets[i] < NEW_HEADER or offsets[i] > #source.bytes - SUBHEADER then return nil end
  end
  return offsets
end

--- Reads the spectra that have an axis each. Returns a list of subheaders with the axis as x and the values as y.
function spectra.read_own(source, h)
  local offsets, following, subs = directory(source, h), h.size, {}
  while #subs < h.count do
    local offset = offsets and offsets[#subs + 1] or following
    local sub, behind = read_one(source, h, offset, 4)
    if not sub then source:cut(#subs, h.count, "spectra") break end
    source:claim(behind - offset)
    sub.x = source:list(offset + SUBHEADER, sub.points, "f4", h.order)
    subs[#subs + 1], following = sub, behind
  end
  if #subs == 0 then source:fail("no whole spectrum is there") end
  return subs
end

return spectra
