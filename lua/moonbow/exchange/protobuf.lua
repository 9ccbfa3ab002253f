--- Protocol buffers: a table as the bytes of a message, by a schema, and back.
--
-- A schema gives each message as a list of fields { number, name, kind, "repeated" }, in the order of their numbers. A
-- kind is "int" (64 bits, also of enums), "float", "bytes" (a string; or a tensor, for its bytes), "place" (as bytes,
-- but read as { first, last }, their place in the text) or the name of another message. Repeated numbers are written
-- one by one, which every reader takes as well as packed ones.
-- Source: protobuf.dev/programming-guides/encoding.
local core = require "moonbow.core"
local limits = require "moonbow.io.limits"

local protobuf = {}

local function varint(n)
  local bytes = {}
  while not math.ult(n, 128) do
    bytes[#bytes + 1] = string.char(n & 127 | 128)
    n = n >> 7
  end
  bytes[#bytes + 1] = string.char(n)
  return table.concat(bytes)
end

local function size_of(chunk) return core.is_tensor(chunk) and core.count(chunk) * core.real_bytes or #chunk end

local function append(rope, chunk)
  rope[#rope + 1] = chunk
  rope.size = rope.size + size_of(chunk)
end

local VARINT, LENGTH, FIXED32 = 0, 2, 5 -- wire types

local function key(number, wire) return varint(number << 3 | wire) end

local scalars = {
  int = function(number, value) return key(number, VARINT) .. varint(value) end,
  float = function(number, value) return key(number, FIXED32) .. string.pack("<f", value) end,
}

-- Appends the values of a field of numbers: one chunk, since a forest has lists of a million.
local function append_scalars(rope, number, scalar, values)
  local parts = {}
  for i, value in ipairs(values) do parts[i] = scalar(number, value) end
  append(rope, table.concat(parts))
end

local function append_bytes(rope, number, chunks, size)
  append(rope, key(number, LENGTH) .. varint(size))
  for _, chunk in ipairs(chunks) do append(rope, chunk) end
end

--- Encodes a message. Weights stay tensors in the result, so that a model of gigabytes is not copied at each level.
-- @param value a table of the fields that are there
-- @return a list of strings and tensors, whose bytes are the message, with their number as its size
function protobuf.encode(schema, message, value)
  local rope = { size = 0 }
  for _, field in ipairs(schema[message]) do
    local number, name, kind, repeated = table.unpack(field)
    local values = value[name]
    if not repeated then values = { values } end
    if scalars[kind] then
      append_scalars(rope, number, scalars[kind], values or {})
    else
      for _, one in ipairs(values or {}) do
        local is_whole = kind == "bytes" or kind == "place"
        local inner = is_whole and { one, size = size_of(one) } or protobuf.encode(schema, kind, one)
        append_bytes(rope, number, inner, inner.size)
      end
    end
  end
  return rope
end

-- ---- reading ----

local function fail(format, ...) error(format:format(...), 0) end

-- Returns the number at a byte, and the byte behind it.
local function read_varint(text, at, last)
  local value = 0
  for shift = 0, 63, 7 do
    local byte = at <= last and text:byte(at) or fail("it is truncated")
    value, at = value | (byte & 127) << shift, at + 1
    if byte < 128 then return value, at end
  end
  fail("a number has more than 10 bytes")
end

local function read_float(text, at, last)
  if at + 3 > last then fail("it is truncated") end
  return string.unpack("<f", text, at)
end

local numbers = { int = { VARINT, read_varint }, float = { FIXED32, read_float } }

-- Returns the first and last byte of what has a length before it.
local function read_length(text, at, last)
  local size, first = read_varint(text, at, last)
  if size < 0 or size > last - first + 1 then fail("it is truncated") end
  return first, first + size - 1
end

-- Returns the byte behind a field that the schema does not have.
local function skip(text, at, last, wire)
  if wire == VARINT then return select(2, read_varint(text, at, last)) end
  if wire == LENGTH then return select(2, read_length(text, at, last)) + 1 end
  local size = wire == FIXED32 and 4 or wire == 1 and 8 or fail("a field has the wire type %d", wire)
  if at + size - 1 > last then fail("it is truncated") end
  return at + size
end

local fields_of = setmetatable({}, { __mode = "k" }) -- list of fields -> the same by number

local function by_number(list)
  if not fields_of[list] then
    fields_of[list] = {}
    for _, field in ipairs(list) do fields_of[list][field[1]] = field end
  end
  return fields_of[list]
end

-- Reads one value of a field. Returns it and the byte behind it.
local function read_value(reader, field, at, last)
  reader.left = reader.left - 1
  if reader.left < 0 then fail("it holds more values than mb.limits.entries") end
  local text, kind = reader.text, field[3]
  if numbers[kind] then return numbers[kind][2](text, at, last) end
  local first, final = read_length(text, at, last)
  if kind == "place" then return { first, final }, final + 1 end
  if kind == "bytes" then return text:sub(first, final), final + 1 end
  return reader:read(kind, first, final), final + 1
end

local function read_field(reader, found, field, wire, at, last)
  local number, name, kind, repeated = table.unpack(field)
  local packs = repeated and numbers[kind] and wire == LENGTH
  if not packs and wire ~= (numbers[kind] or { LENGTH })[1] then
    fail("field %d (%s) has the wire type %d", number, name, wire)
  end
  local value
  if not packs then
    value, at = read_value(reader, field, at, last)
    if repeated then table.insert(found[name], value) else found[name] = value end
    return at
  end
  local first, final = read_length(reader.text, at, last)
  while first <= final do
    value, first = read_value(reader, field, first, final)
    table.insert(found[name], value)
  end
  return final + 1
end

local Reader = {}
Reader.__index = Reader

function Reader:read(message, at, last)
  local found, fields = {}, by_number(self.schema[message])
  for _, field in ipairs(self.schema[message]) do
    if field[4] then found[field[2]] = {} end
  end
  while at <= last do
    local number_and_wire, behind = read_varint(self.text, at, last)
    local field, wire = fields[number_and_wire >> 3], number_and_wire & 7
    at = behind
    at = field and read_field(self, found, field, wire, at, last) or skip(self.text, at, last, wire)
  end
  return found
end

--- Decodes the bytes first to last of a text (default: all). Fields that the schema does not have are skipped. Raises a
-- message without position for what is no such message, and for more values than limits.entries.
-- @return a table with the fields that are there, and a list, which may be empty, for each that is repeated
function protobuf.decode(schema, message, text, first, last)
  local reader = setmetatable({ schema = schema, text = text, left = limits.entries }, Reader)
  return reader:read(message, first or 1, last or #text)
end

return protobuf
