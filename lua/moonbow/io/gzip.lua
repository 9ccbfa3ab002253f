--- Files packed by gzip (RFC 1952): unpacked in memory, up to limits.unpacked bytes.
local zlib = require "zlib"
local limits = require "moonbow.io.limits"

local gzip = {}

local MARK, GZIP_WINDOW = "\31\139", 31
local CHUNK = 1 << 12 -- packed bytes that are inflated at a time, to at most 4 MB

--- True if bytes begin as a gzip file does.
function gzip.is(bytes) return bytes:sub(1, 2) == MARK end

-- Unpacks the member that begins at `first` into parts. Returns where the next begins; or nil and a message.
local function unpack_member(bytes, first, parts)
  local stream, at = zlib.inflate(GZIP_WINDOW), first
  while at <= #bytes do
    local ok, part, ended, taken = pcall(stream, bytes:sub(at, at + CHUNK - 1))
    if not ok then return nil, "the gzip file is damaged: " .. tostring(part):gsub("^.-:%d+: ", "") end
    parts[#parts + 1], parts.size = part, parts.size + #part
    if parts.size > limits.unpacked then
      return nil, ("it unpacks to more than limits.unpacked = %d bytes"):format(limits.unpacked)
    end
    if ended then return first + taken end
    at = at + CHUNK
  end
  return nil, "the gzip file is cut off"
end

--- Unpacks a file, which may hold several members, one after the other; zeros may follow.
-- @return the content; or nil and a message
function gzip.unpack(bytes)
  local parts, at = { size = 0 }, 1
  repeat
    local next_member, why = unpack_member(bytes, at, parts)
    if not next_member then return nil, why end
    at = next_member
  until bytes:sub(at, at + 1) ~= MARK
  if bytes:find("[^%z]", at) then return nil, ("the gzip file is damaged: byte %d belongs to nothing"):format(at) end
  return table.concat(parts)
end

return gzip
