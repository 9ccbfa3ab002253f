--- Protocol buffers: a table as the bytes of a message, by a schema.
--
-- A schema gives each message as a list of fields { number, name, kind, "repeated" }, in the order of their numbers. A
-- kind is "int" (64 bits, also of enums), "float", "bytes" (a string; or a tensor, for its bytes) or the name of
-- another message. Repeated numbers are written one by one, which every reader takes as well as packed ones.
-- Source: protobuf.dev/programming-guides/encoding.
local core = require "moonbow.core"

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

local function append_key(rope, number, wire) append(rope, varint(number << 3 | wire)) end

local function append_value(rope, schema, number, kind, value)
  if kind == "int" then
    append_key(rope, number, VARINT)
    append(rope, varint(value))
  elseif kind == "float" then
    append_key(rope, number, FIXED32)
    append(rope, string.pack("<f", value))
  else
    local inner = kind ~= "bytes" and protobuf.encode(schema, kind, value)
    append_key(rope, number, LENGTH)
    append(rope, varint(inner and inner.size or size_of(value)))
    for _, chunk in ipairs(inner or { value }) do append(rope, chunk) end
  end
end

--- Encodes a message. Weights stay tensors in the result, so that a model of gigabytes is not copied at each level.
-- @param value a table of the fields that are there
-- @return a list of strings and tensors, whose bytes are the message, with their number as its size
function protobuf.encode(schema, message, value)
  local rope = { size = 0 }
  for _, field in ipairs(schema[message]) do
    local number, name, kind, repeated = table.unpack(field)
    local given = value[name]
    if given ~= nil then
      for _, one in ipairs(repeated and given or { given }) do append_value(rope, schema, number, kind, one) end
    end
  end
  return rope
end

return protobuf
