--- MAT files of level 4 (MATLAB up to 4, and `save -v4`): their variables.
-- Source: The MathWorks, MAT-File Format (R2019b), chapter 2.
local arrays = require "moonbow.spectra.arrays"
local limits = require "moonbow.io.limits"

local level4 = {}

local HEADER, MOST_NAME = 20, 64
local types = { [0] = "f8", "f4", "i4", "i2", "u2", "u1" }
local NUMBERS, TEXT, SPARSE = 0, 1, 2

-- Reads the header at an offset: { type, kind, rows, columns, is_complex, name, order, data, behind }; nil if none is
-- there. It has no mark, so every field is checked.
local function header_at(bytes, at, order)
  if at + HEADER > #bytes then return nil end
  local code, rows, columns, is_complex, length = string.unpack(order .. "i4i4i4i4i4", bytes, at + 1)
  local type, kind = types[code // 10 % 10], code % 10
  local is_known = code >= 0 and code // 1000 == (order == ">" and 1 or 0) and code // 100 % 10 == 0 and type
    and kind <= SPARSE
  is_known = is_known and rows >= 0 and columns >= 0 and is_complex // 2 == 0 and length >= 2 and length <= MOST_NAME
  if not is_known then return nil end
  local name = bytes:sub(at + HEADER + 1, at + HEADER + length)
  if not name:find "^%a[%w_]*%z$" or rows > 0 and columns > limits.elements // rows then return nil end
  local data = at + HEADER + length
  local size = rows * columns * tonumber(type:sub(2)) * (1 + is_complex)
  return { type = type, kind = kind, rows = rows, columns = columns, is_complex = is_complex == 1, order = order,
    name = name:sub(1, -2), data = data, behind = data + size }
end

--- The byte order if the bytes begin as a file of this level does; else nil.
function level4.order(bytes)
  return header_at(bytes, 0, "<") and "<" or header_at(bytes, 0, ">") and ">" or nil
end

local function text_of(source, header)
  local codes = source:list(header.data, header.rows * header.columns, header.type, header.order)
  return arrays.text(header.name, arrays.rows_of_text(codes, header.rows), { header.rows, header.columns })
end

local function variable_of(source, header)
  local shape = { header.rows, header.columns }
  if header.kind == NUMBERS and not header.is_complex then
    return arrays.numbers { name = header.name, shape = shape, fortran = true, source = source, offset = header.data,
      type = header.type, order = header.order }
  end
  if header.kind == TEXT and header.rows <= limits.entries then return text_of(source, header) end
  return { kind = "other", name = header.name, shape = shape,
    what = header.kind == SPARSE and "a sparse matrix" or "complex numbers" }
end

--- Returns the variables of a file.
function level4.variables(source)
  local bytes, list, at = source.bytes, {}, 0
  local order = level4.order(bytes) or source:fail "not a MATLAB file"
  while at < #bytes do
    local header = header_at(bytes, at, order)
    if not header and #bytes - at > HEADER + MOST_NAME then source:fail("byte %d: expected a variable", at) end
    if not header or header.behind > #bytes then
      source:cut(#list, ("more than %d"):format(#list), "variables")
      break
    end
    list[#list + 1], at = variable_of(source, header), header.behind
  end
  return list
end

return level4
