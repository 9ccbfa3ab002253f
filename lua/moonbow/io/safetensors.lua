--- Files of named tensors in the format safetensors: eight bytes with the length of a JSON header; the header with
-- type, shape and byte range of each tensor; the bytes of the tensors. Other programs read these files too.
-- Source: github.com/huggingface/safetensors.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local limits = require "moonbow.io.limits"
local writer = require "moonbow.io.safetensors_writer"

local safetensors = {}

local MAX_HEADER = 100 * 1024 * 1024 -- limit of the format
local MAX_COUNT = 1 << 40

--- Writes tensors under names, and strings as metadata. The file appears whole or not at all: a temporary file beside
-- it is written to the disk and then renamed. It carries a checksum and, under "moonbow.version", mb.VERSION; equal
-- content gives equal bytes. Raises for names and strings that are not UTF-8.
-- @param path string of the file
-- @param tensors table { [name] = tensor }
-- @param metadata? table { [key] = string }
-- @return boolean true; or nil and a message
function safetensors.write(path, tensors, metadata)
  metadata = metadata or {}
  check.kind("safetensors.write", "path", path, "string")
  check.kind("safetensors.write", "tensors", tensors, "table")
  check.kind("safetensors.write", "metadata", metadata, "table")
  for _, given in ipairs { { tensors, "tensor" }, { metadata, "string" } } do
    for name, value in pairs(given[1]) do
      check.kind("safetensors.write", "name of a " .. given[2], name, "string")
      check.kind("safetensors.write", name, value, given[2])
    end
  end
  if tensors.__metadata__ then check.fail("safetensors.write", "no tensor can have the name '__metadata__'") end
  return writer.write(path, tensors, metadata)
end

-- ---- reading ----

-- Bytes of an element, and core.decode's name of the type if it can be read.
local formats = {
  BOOL = { 1, "b1" }, I8 = { 1, "i1" }, I16 = { 2, "i2" }, I32 = { 4, "i4" }, I64 = { 8, "i8" }, U8 = { 1, "u1" },
  U16 = { 2, "u2" }, U32 = { 4, "u4" }, U64 = { 8, "u8" }, F16 = { 2, "f2" }, BF16 = { 2, "t2" }, F32 = { 4, "f4" },
  F64 = { 8, "f8" }, F8_E4M3 = { 1 }, F8_E5M2 = { 1 }, F8_E8M0 = { 1 }, C64 = { 8 },
}

local function is_count(value) return math.type(value) == "integer" and value >= 0 end

-- Returns the number of elements of a shape; nil if it is impossible.
local function count_of(shape)
  local count = 1
  for _, n in ipairs(shape) do
    if not is_count(n) or n > 0 and count > MAX_COUNT // n then return nil end
    count = count * n
  end
  return count
end

-- Checks one entry of the header; returns a message if it is wrong.
local function entry_error(name, entry)
  if type(entry) ~= "table" or type(entry.shape) ~= "table" or type(entry.data_offsets) ~= "table"
    or type(entry.dtype) ~= "string" then
    return check.show(name) .. " has no type, shape or place"
  end
  local first, last = table.unpack(entry.data_offsets, 1, 2)
  entry.count = count_of(entry.shape)
  if not entry.count then return check.show(name) .. " has an impossible shape" end
  local size = (formats[entry.dtype] or {})[1]
  if not (is_count(first) and is_count(last)) or first > last or size and last - first ~= entry.count * size then
    return check.show(name) .. ": its shape does not fit its place in the file; the file is truncated or damaged"
  end
  entry.name, entry.first, entry.last = name, first, last
end

-- Returns the entries in the order of their bytes, which must cover the data without gap or overlap; or nil and a
-- message.
local function ordered_entries(header, data_size)
  local entries = {}
  for name, entry in pairs(header) do
    local reason = entry_error(name, entry)
    if reason then return nil, reason end
    entries[#entries + 1] = entry
  end
  table.sort(entries, function(a, b)
    if a.first ~= b.first then return a.first < b.first end
    if a.last ~= b.last then return a.last < b.last end
    return a.name < b.name
  end)
  local at = 0
  for _, entry in ipairs(entries) do
    if entry.first ~= at then
      return nil, ("%s begins at byte %d of the data instead of %d: bytes %s"):format(check.show(entry.name),
        entry.first, at, entry.first < at and "are claimed twice" or "belong to no tensor")
    end
    at = entry.last
  end
  if at > data_size then
    return nil, ("the file is truncated: %d bytes of %d follow its header"):format(data_size, at)
  end
  if at < data_size then return nil, ("%d bytes at the end belong to no tensor"):format(data_size - at) end
  return entries
end

-- Reads the tensor of an entry from the file's text, whose data follow byte `before`; or returns nil and the reason.
local function read_tensor(text, before, entry)
  local type_name, shape = (formats[entry.dtype] or {})[2], entry.shape
  if not type_name then return nil, ("has type %s, which cannot be read"):format(check.show(entry.dtype)) end
  if entry.count == 0 then return nil, "is empty" end
  if entry.count > limits.elements then
    return nil, ("has %d elements; limits.elements = %d"):format(entry.count, limits.elements)
  end
  if #shape > 4 then return nil, ("has %d dimensions, at most 4 can be read"):format(#shape) end
  if #shape == 0 then shape = { 1 } end
  local tensor, element = core.decode(text, before + entry.first + 1, type_name, false, shape)
  if tensor then return tensor end
  if entry.dtype == "F64" then return nil, "holds numbers too large for float32" end
  return nil, ("holds integers that float32 cannot hold exactly, number %d the first of them"):format(element)
end

-- Returns the header as a table, and the number of bytes before the data; or nil and a message.
local function read_header(text)
  if #text < 8 then return nil, "not a safetensors file: it is too short" end
  local size = string.unpack("<i8", text)
  if size < 2 or size > MAX_HEADER or text:sub(9, 9) ~= "{" then
    return nil, "not a safetensors file: it has no header"
  end
  if size > #text - 8 then return nil, "the file is truncated: its header is longer than the file" end
  if size > limits.header then
    return nil, ("its header has %d bytes; limits.header = %d"):format(size, limits.header)
  end
  local header, err = json.decode(text:sub(9, 8 + size))
  if type(header) ~= "table" then return nil, "its header is " .. (err or "no JSON object") end
  return header, 8 + size
end

-- Removes the metadata from the header and returns it; or nil and a message.
local function take_metadata(header)
  local metadata = header.__metadata__
  header.__metadata__ = nil
  if metadata == nil or metadata == json.null then return {} end
  if type(metadata) ~= "table" or #metadata > 0 then return nil, "its __metadata__ is not a table of strings" end
  for key, value in pairs(metadata) do
    if type(value) ~= "string" then return nil, "its __metadata__ holds no string under " .. check.show(key) end
  end
  return metadata
end

local function parse(text)
  local header, before = read_header(text)
  if not header then return nil, before end
  local metadata, bad = take_metadata(header)
  if not metadata then return nil, bad end
  local entries, reason = ordered_entries(header, #text - before)
  if not entries then return nil, reason end
  local tensors, skipped, first_skipped = {}, {}, nil
  for _, entry in ipairs(entries) do
    tensors[entry.name], skipped[entry.name] = read_tensor(text, before, entry)
    first_skipped = first_skipped or skipped[entry.name] and entry.name
  end
  if first_skipped and not next(tensors) then
    return nil, check.show(first_skipped) .. " " .. skipped[first_skipped]
  end
  if metadata[writer.DIGEST] and metadata[writer.DIGEST] ~= writer.digest(tensors, metadata) then
    return nil, "its content does not fit its checksum: the file is damaged, or another program changed it"
  end
  metadata[writer.DIGEST] = nil
  return tensors, metadata, skipped
end

--- Reads a file that write or another program wrote. F64 is rounded to float32; F16, BF16, bool and integers of 8 to 64
-- bits are converted if float32 holds them exactly. Tensors of other types or of more than 4 dimensions, empty ones,
-- and those with numbers that float32 cannot hold are left out and named.
-- @param path string of the file
-- @return table { [name] = tensor }; or nil and a message: for a file that is missing, of another format, truncated or
--   damaged; if its tensors do not cover its bytes without gap or overlap; if none of its tensors can be read
-- @return table metadata as { [key] = string }
-- @return table { [name] = why it was left out }
function safetensors.read(path)
  check.kind("safetensors.read", "path", path, "string")
  local text, err = files.read(path)
  if not text then return nil, err end
  local tensors, metadata, skipped = parse(text)
  if not tensors then return nil, path .. ": " .. metadata end
  return tensors, metadata, skipped
end

return safetensors
