-- Numbers of binary files (csrc/bind/dtype.c): what decode takes exactly, encode gives back. The first two bytes choose
-- the type, its byte order and the rank.
local core = ...

local types = { "b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "t2" }

return function(bytes)
  if #bytes < 3 then return end
  local a, b = bytes:byte(1, 2)
  local type, swap = types[a % #types + 1], b & 1 == 1
  local size = math.tointeger(type:sub(2))
  local count = (#bytes - 2) // size
  if count == 0 then return end
  local x, element = core.decode(bytes, 3, type, swap, b & 2 == 2 and { 1, count } or { count }, b & 4 == 4)
  if not x then
    assert(element >= 1 and element <= count, "no element")
  elseif not swap and b & 4 == 0 and type:find "^[iu]" then
    assert(core.encode(x, type) == bytes:sub(3, 2 + count * size), "other bytes")
  end
end
