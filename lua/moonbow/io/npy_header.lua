--- Headers of NumPy's arrays, in .npy and in the members of .npz. Source: numpy.lib.format.
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"

local npy_header = {}

local MAX_COUNT = 1 << 40
local MAGIC = "\x93NUMPY"
local TYPES = {
  bool = "b1", int8 = "i1", int16 = "i2", int32 = "i4", int64 = "i8", uint8 = "u1", uint16 = "u2",
  uint32 = "u4",
  uint64 = "u8", float32 = "f4", float64 = "f8",
}
local NAMES = {}
for name, code in pairs(TYPES) do NAMES[code] = name end
NAMES.f2 = "float16" -- is read, not written

local other_types = {
  O = "Python objects (pickles), which only Python can read", U = "text", S = "text", a = "text",
  c = "complex numbers",
  V = "records", M = "dates", m = "time spans", f = "reals of another size than 16, 32 and 64 bits",
}

-- Returns the text of the header and the byte at which the data begin; or nil and a message.
local function header_text(bytes)
  if bytes:sub(1, #MAGIC) ~= MAGIC then return nil, "not an npy file: it does not begin with \\x93NUMPY" end
  if #bytes < 12 then return nil, "the file is truncated in its header" end
  local major = bytes:byte(7)
  if major < 1 or major > 3 then
    return nil, ("version %d of the format is not known; 1 to 3 are"):format(major)
  end
  local length, first = string.unpack(major == 1 and "<I2" or "<I4", bytes, 9)
  if first + length - 1 > #bytes then return nil, "the file is truncated in its header" end
  return bytes:sub(first, first + length - 1), first + length
end

local function read_type(text)
  local quoted = text:match "'descr'%s*:%s*'([^']*)'"
  if not quoted then
    if text:find("'descr'%s*:%s*%[") then
      return nil, "holds records; an array of plain numbers is expected"
    end
    return nil, "bad header: no type 'descr'"
  end
  local order, code = quoted:match "^([<>|=]?)(%a%d+)$"
  if code and NAMES[code] then return { code = code, swap = order == ">" } end
  local kind = other_types[quoted:match "%a" or ""]
  return nil, ("holds %s (type %s); bool, integers and reals of up to 64 bits can be read"):format(
    kind or "something unknown", check.show(quoted))
end

local function read_shape(text)
  local list = text:match "'shape'%s*:%s*%(([%d%s,L]*)%)"
  if not list then return nil, "bad header: no 'shape'" end
  local shape, count = {}, 1
  for digits in list:gmatch "%d+" do
    local size = math.tointeger(tonumber(digits))
    if not size or size > MAX_COUNT then
      return nil, ("an impossible size %s in its shape"):format(digits:sub(1, 30))
    end
    if size == 0 then return nil, ("an empty array of shape (%s); a tensor has elements"):format(list:sub(1, 60)) end
    if count > MAX_COUNT // size then return nil, ("an impossible shape (%s)"):format(list:sub(1, 60)) end
    shape[#shape + 1], count = size, count * size
  end
  if count > limits.elements then
    return nil, ("%d elements; limits.elements = %d"):format(count, limits.elements)
  end
  if #shape > 4 then return nil, ("%d dimensions; a tensor has 1 to 4"):format(#shape) end
  if #shape == 0 then shape[1] = 1 end
  return shape, count
end

--- Reads the header of an array of numbers.
-- @return { number = { code = "f8", swap = big-endian }, shape, count, fortran, first = byte of the data }; or nil and
--   a message
function npy_header.read(bytes)
  local text, first = header_text(bytes)
  if not text then return nil, first end
  if not text:find "^%s*{.*}%s*$" then return nil, "bad header: not a dictionary" end
  local fortran = text:match "'fortran_order'%s*:%s*(%a+)"
  if fortran ~= "True" and fortran ~= "False" then
    return nil, "bad header: 'fortran_order' is neither True nor False"
  end
  local number, why = read_type(text)
  if not number then return nil, why end
  local shape, count = read_shape(text)
  if not shape then return nil, count end
  return { number = number, shape = shape, count = count, fortran = fortran == "True", first = first }
end

-- A text in UCS-4, up to its first NUL; nil if it holds no such codes.
local function wide_text(bytes, first, length, order)
  local letters = {}
  for i = 0, length - 1 do
    local code = string.unpack(order .. "I4", bytes, first + 4 * i)
    if code == 0 then break end
    if code > 0x10ffff then return nil end
    letters[#letters + 1] = utf8.char(code)
  end
  return table.concat(letters)
end

--- Reads an array of texts (types U and S) of one dimension as a list; nil if it is another.
function npy_header.texts(bytes)
  local text, first = header_text(bytes)
  local order, kind, digits = (text or ""):match "'descr'%s*:%s*'([<>|=]?)([US])(%d+)'"
  local length, shape, count = tonumber(digits), nil, nil
  if length then shape, count = read_shape(text) end
  if not shape or #shape > 1 or count > limits.entries then return nil end
  local size = kind == "U" and 4 * length or length
  if length < 1 or #bytes - first + 1 ~= count * size then return nil end
  local list = {}
  for i = 1, count do
    local at = first + (i - 1) * size
    list[i] = kind == "S" and bytes:sub(at, at + size - 1):match "^%Z*"
      or wide_text(bytes, at, length, order == ">" and ">" or "<")
    if not list[i] then return nil end
  end
  return list
end

npy_header.MAGIC, npy_header.TYPES, npy_header.NAMES = MAGIC, TYPES, NAMES

return npy_header
