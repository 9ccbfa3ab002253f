--- Zip archives, as far as NumPy's .npz files need them: entries stored or deflated, no encryption, one disk.
-- Source: PKWARE's APPNOTE.TXT 6.3.10.
local zlib = require "zlib"

local zip = {}

local STORED, DEFLATED, RAW_DEFLATE = 0, 8, -15
local END, END64_PLACE, END64 = "PK\5\6", "PK\6\7", "PK\6\6"
local CENTRAL, LOCAL = "PK\1\2", "PK\3\4"
local UNKNOWN = 0xffffffff -- a size or place of more than 32 bits stands elsewhere
local CHUNK = 1 << 16
local DAY_ONE = 1 << 5 | 1 -- 1 January 1980: the same content gives the same bytes

local function crc_of(content) return (zlib.crc32()(content)) end

-- Number of entries and place of the directory; or nil.
local function find_directory(bytes)
  for place = #bytes - 21, math.max(1, #bytes - 21 - 0xffff), -1 do
    if bytes:sub(place, place + 3) == END then
      local count, _, directory = string.unpack("<I2I4I4", bytes, place + 10)
      if directory ~= UNKNOWN and count ~= 0xffff then return count, directory end
      local at = place - 20
      if at < 1 or bytes:sub(at, at + 3) ~= END64_PLACE then return nil end
      local end64 = string.unpack("<i8", bytes, at + 8)
      if end64 < 0 or end64 + 56 > #bytes or bytes:sub(end64 + 1, end64 + 4) ~= END64 then return nil end
      count, _, directory = string.unpack("<i8i8i8", bytes, end64 + 33)
      return count, directory
    end
  end
end

-- Sizes and place that do not fit 32 bits stand, in this order, in the extra field with the number 1.
local function widen(entry, extra)
  local first = 1
  while first + 3 <= #extra do
    local id, size = string.unpack("<I2I2", extra, first)
    if id == 1 and first + 3 + size <= #extra then
      local at, last = first + 4, first + 3 + size
      for _, key in ipairs { "size", "packed", "place" } do
        if entry[key] == UNKNOWN and at + 7 <= last then entry[key], at = string.unpack("<i8", extra, at) end
      end
    end
    first = first + 4 + size
  end
end

local function read_entry(bytes, at)
  if at < 1 or at + 45 > #bytes or bytes:sub(at, at + 3) ~= CENTRAL then return nil end
  local flags, method, _, _, crc, packed, size, name_length, extra_length, comment_length =
    string.unpack("<I2I2I2I2I4I4I4I2I2I2", bytes, at + 8)
  local place = string.unpack("<I4", bytes, at + 42)
  local entry = { flags = flags, method = method, crc = crc, packed = packed, size = size, place = place }
  local name_end = at + 45 + name_length
  entry.name = bytes:sub(at + 46, name_end)
  widen(entry, bytes:sub(name_end + 1, name_end + extra_length))
  return entry, name_end + extra_length + comment_length + 1
end

-- Stops as soon as more comes out than the directory promised.
local function inflate(packed, size)
  local stream, parts, got = zlib.inflate(RAW_DEFLATE), {}, 0
  for first = 1, #packed, CHUNK do
    local ok, part, ended = pcall(stream, packed:sub(first, first + CHUNK - 1))
    if not ok then return nil end
    parts[#parts + 1], got = part, got + #part
    if ended or got > size then break end
  end
  return table.concat(parts)
end

local function read_content(bytes, entry)
  local at = entry.place + 1
  if entry.place < 0 or at + 29 > #bytes or bytes:sub(at, at + 3) ~= LOCAL then
    return nil, "its place is wrong"
  end
  local name_length, extra_length = string.unpack("<I2I2", bytes, at + 26)
  local first = at + 30 + name_length + extra_length
  if entry.packed < 0 or first + entry.packed - 1 > #bytes then return nil, "it is truncated" end
  if entry.flags & 1 == 1 then return nil, "it is encrypted" end
  if entry.method ~= STORED and entry.method ~= DEFLATED then
    return nil, ("compression method %d is not known; 0 and 8 are"):format(entry.method)
  end
  local content = bytes:sub(first, first + entry.packed - 1)
  if entry.method == DEFLATED then content = inflate(content, entry.size) end
  if not content or #content ~= entry.size or crc_of(content) ~= entry.crc then
    return nil, "its content does not fit its checksum"
  end
  return content
end

--- The entries of an archive, { [name] = content }; or nil and a message.
function zip.read(bytes)
  local count, directory = find_directory(bytes)
  if not count then return nil, "not a zip archive, or truncated" end
  local entries, at = {}, directory + 1
  for i = 1, count do
    local entry, next_at = read_entry(bytes, at)
    if not entry then return nil, ("entry %d of the archive is damaged"):format(i) end
    local content, err = read_content(bytes, entry)
    if not content then return nil, ("%s: %s"):format(entry.name, err) end
    entries[entry.name], at = content, next_at
  end
  return entries
end

-- What local header and directory have in common.
local function common(entry)
  return string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, entry.method, 0, DAY_ONE, entry.crc, #entry.packed,
    #entry.content, #entry.name, 0)
end

--- Writes { { name, content }, ... } through put(string). Raises for more than 4 GB, where other rules begin.
function zip.write(entries, put, compress)
  local directory, place = {}, 0
  for i, given in ipairs(entries) do
    local entry = { name = given.name, content = given.content, packed = given.content,
      crc = crc_of(given.content),
      method = compress and DEFLATED or STORED }
    if compress then entry.packed = zlib.deflate(6, RAW_DEFLATE)(entry.content, "finish") end
    if place + #entry.packed + #entry.content >= UNKNOWN - CHUNK then
      error("save_npz: an archive of more than 4 GB; save the arrays one by one as npy", 0)
    end
    local head = LOCAL .. common(entry) .. entry.name
    put(head)
    put(entry.packed)
    directory[i] = CENTRAL .. string.pack("<I2", 20) .. common(entry)
      .. string.pack("<I2I2I2I4I4", 0, 0, 0, 0, place) .. entry.name
    place = place + #head + #entry.packed
  end
  local listing = table.concat(directory)
  put(listing)
  put(END .. string.pack("<I2I2I2I2I4I4I2", 0, 0, #entries, #entries, #listing, place, 0))
end

return zip
