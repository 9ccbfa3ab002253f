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
        local inner = kind == "bytes" and { one, size = size_of(one) } or protobuf.encode(schema, kind, one)
        append_bytes(rope, number, inner, inner.size)
      end
    end
  end
  return rope
end

return protobuf
