--- Zip archives, as far as NumPy's .npz files and those of instruments need them: entries stored or deflated, also with
-- sizes behind their content, as programs write them that cannot go back; no encryption, one disk.
-- Source: PKWARE's APPNOTE.TXT 6.3.10.
local zlib = require "zlib"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"

local zip = {}

local STORED, DEFLATED, RAW_DEFLATE = 0, 8, -15
local SIZES_BEHIND = 8 -- flag: sizes and checksum follow the content
local END, END64_PLACE, END64 = "PK\5\6", "PK\6\7", "PK\6\6"
local CENTRAL, LOCAL = "PK\1\2", "PK\3\4"
local UNKNOWN = 0xffffffff -- stands for a size or offset of more than 32 bits, which zip64 fields hold
local CHUNK = 1 << 12 -- bytes of the archive that are unpacked at a time, to at most 4 MB
local MOST_DEFLATED, SMALL = 1032, 64 -- upper bounds of a deflated stream: bytes out per byte in, and extra
local MARGIN = 1 << 16 -- bytes for headers and the directory
local DAY_ONE = 1 << 5 | 1 -- 1 January 1980: the same content gives the same bytes

local function crc_of(content) return (zlib.crc32()(content)) end

-- Reads the zip64 end record. Returns number of entries, size, offset and end of the directory.
local function read_end64(bytes, place)
  local at = place - 20
  if at < 1 or bytes:sub(at, at + 3) ~= END64_PLACE then return nil end
  local end64 = string.unpack("<i8", bytes, at + 8)
  if end64 < 0 or end64 + 56 > #bytes or bytes:sub(end64 + 1, end64 + 4) ~= END64 then return nil end
  local on_disk, count, size, directory = string.unpack("<i8i8i8i8", bytes, end64 + 25)
  return on_disk == count and count, size, directory, end64
end

-- Returns number of entries, offset and end of the directory; or nil. They are in the end record, which must directly
-- follow the directory and end the file.
local function find_directory(bytes)
  for place = #bytes - 21, math.max(1, #bytes - 21 - 0xffff), -1 do
    if bytes:sub(place, place + 3) == END and place + 21 + string.unpack("<I2", bytes, place + 20) == #bytes then
      local disk, first_disk, on_disk, count, size, directory = string.unpack("<I2I2I2I2I4I4", bytes, place + 4)
      local stop = place - 1
      if directory == UNKNOWN or count == 0xffff or size == UNKNOWN then
        count, size, directory, stop = read_end64(bytes, place)
      elseif disk ~= 0 or first_disk ~= 0 or on_disk ~= count then
        return nil
      end
      if count and count >= 0 and size >= 0 and directory >= 0 and directory <= stop and directory + size == stop then
        return count, directory, stop
      end
      return nil
    end
  end
end

-- Reads sizes and offset that do not fit 32 bits: the extra field with ID 1 (zip64) holds them in this order.
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

local function stored_piece(bytes) return true, bytes end

-- Returns a function(bytes) that unpacks the next bytes of an entry: true, the piece, and true at the end; or false and
-- a message.
local function unpacker(entry)
  if entry.method == STORED then return stored_piece end
  local stream = zlib.inflate(RAW_DEFLATE)
  return function(bytes) return pcall(stream, bytes) end
end

-- Finds where the content of an entry begins; returns a message if the entry is wrong.
local function locate(bytes, entry, directory)
  local at = entry.place + 1
  if entry.place < 0 or at + 29 > directory or bytes:sub(at, at + 3) ~= LOCAL then return "its place is wrong" end
  local name_length, extra_length = string.unpack("<I2I2", bytes, at + 26)
  if bytes:sub(at + 30, at + 29 + name_length) ~= entry.name then return "its place is wrong: another name is there" end
  entry.first = at + 30 + name_length + extra_length
  if entry.packed < 0 or entry.packed > directory - entry.first + 1 then return "it is truncated" end
  if entry.flags & 1 == 1 then return "it is encrypted" end
  if entry.method ~= STORED and entry.method ~= DEFLATED then
    return ("compression method %d is not known; 0 and 8 are"):format(entry.method)
  end
  local most = entry.method == STORED and entry.packed or entry.packed * MOST_DEFLATED + SMALL
  if entry.size < 0 or entry.size > most then return "its size is impossible" end
end

-- Reads all entries of the directory, and checks them before anything is unpacked; or returns nil and a message.
local function read_directory(bytes)
  local count, directory, stop = find_directory(bytes)
  if not count then return nil, "not a zip archive, or truncated, or its directory is damaged" end
  if count > limits.entries then return nil, ("%d entries; limits.entries = %d"):format(count, limits.entries) end
  local entries, at, unpacked, seen = {}, directory + 1, 0, {}
  for i = 1, count do
    local entry, next_at = read_entry(bytes, at)
    if not entry or next_at > stop + 1 then return nil, ("entry %d of the archive is damaged"):format(i) end
    local reason = seen[entry.name] and "the name comes twice" or locate(bytes, entry, directory)
    if reason then return nil, ("%s: %s"):format(check.show(entry.name), reason) end
    if entry.method == DEFLATED then unpacked = unpacked + entry.size end
    entries[i], seen[entry.name], at = entry, true, next_at
  end
  if at ~= stop + 1 then return nil, ("the directory holds more than its %d entries"):format(count) end
  if unpacked > limits.unpacked then
    return nil, ("its packed entries would have %d bytes; limits.unpacked = %d"):format(unpacked, limits.unpacked)
  end
  return entries
end

-- Returns a message if two entries share bytes: these would let a small file unpack to any size.
local function overlap(entries)
  local sorted = table.move(entries, 1, #entries, 1, {})
  table.sort(sorted, function(a, b) return a.place < b.place end)
  for i = 2, #sorted do
    local before, entry = sorted[i - 1], sorted[i]
    if before.first + before.packed > entry.place + 1 then
      return ("%s and %s share bytes"):format(check.show(before.name), check.show(entry.name))
    end
  end
end

--- The entries of an archive as a list of { name, packed, size, ... }, checked, not yet unpacked; or nil and a message.
function zip.entries(bytes)
  local entries, err = read_directory(bytes)
  local reason = not entries and err or overlap(entries)
  if reason then return nil, reason end
  return entries
end

-- Reads the header in front of an entry's content; nil if there is none, or its sizes are only behind the content.
local function read_local(bytes, at)
  if at + 29 > #bytes or bytes:sub(at, at + 3) ~= LOCAL then return nil end
  local flags, method, _, _, crc, packed, size, name_length = string.unpack("<I2I2I2I2I4I4I4I2", bytes, at + 6)
  if flags & SIZES_BEHIND ~= 0 then return nil end
  return { flags = flags, method = method, crc = crc, packed = packed, size = size, place = at - 1,
    name = bytes:sub(at + 30, at + 29 + name_length) }
end

--- The entries of an archive that is cut off or whose directory is damaged, up to the first that is not whole: as
-- zip.entries returns them.
function zip.whole_entries(bytes)
  local entries, at, unpacked, seen = {}, 1, 0, {}
  local entry = read_local(bytes, at)
  while entry and not seen[entry.name] and not locate(bytes, entry, #bytes) and #entries < limits.entries do
    unpacked = unpacked + entry.size
    if unpacked > limits.unpacked then break end
    entries[#entries + 1], seen[entry.name], at = entry, true, entry.first + entry.packed
    entry = read_local(bytes, at)
  end
  return entries
end

-- Unpacks an entry as zip.unpack does. Returns a message if it is wrong.
local function unpack_entry(bytes, entry, put)
  local unpacked, last, got, checksum = unpacker(entry), entry.first + entry.packed - 1, 0, zlib.crc32()
  for at = entry.first, last, CHUNK do
    local ok, piece, ended = unpacked(bytes:sub(at, math.min(at + CHUNK - 1, last)))
    if not ok then return piece == "not enough memory" and piece or "its packed content is damaged" end
    got = got + #piece
    if got > entry.size then break end
    checksum(piece)
    put(piece)
    if ended then break end
  end
  if got ~= entry.size or checksum "" ~= entry.crc then return "its content does not fit its checksum" end
end

--- Calls put(piece) for the content of an entry in pieces of at most 4 MB, which is never in memory as a whole. Returns
-- true; or nil and a message, which comes after pieces that are wrong.
function zip.unpack(bytes, entry, put)
  local err = unpack_entry(bytes, entry, put)
  if err then return nil, ("%s: %s"):format(check.show(entry.name), err) end
  return true
end

--- The content of an entry of the archive; or nil and a message.
function zip.content(bytes, entry)
  local pieces = {}
  local ok, err = zip.unpack(bytes, entry, function(piece) pieces[#pieces + 1] = piece end)
  if not ok then return nil, err end
  local joined, content = pcall(table.concat, pieces)
  if joined then return content end
  return nil, ("%s: %s"):format(check.show(entry.name), content)
end

-- The fields that a local header and a directory entry have in common.
local function common(entry)
  return string.pack("<I2I2I2I2I2I4I4I4I2I2", 20, 0, entry.method, 0, DAY_ONE, entry.crc, #entry.packed,
    #entry.content, #entry.name, 0)
end

--- Writes { { name, content }, ... } through put(string). Raises for more than 4 GB, which would need zip64.
function zip.write(entries, put, compress)
  local directory, place = {}, 0
  for i, given in ipairs(entries) do
    local entry = { name = given.name, content = given.content, packed = given.content,
      crc = crc_of(given.content),
      method = compress and DEFLATED or STORED }
    if compress then entry.packed = zlib.deflate(6, RAW_DEFLATE)(entry.content, "finish") end
    if place + #entry.packed + #entry.content >= UNKNOWN - MARGIN then
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
