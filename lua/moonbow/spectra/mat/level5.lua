--- MAT files of level 5 (MATLAB 5 to 7.2, also with compressed variables): their variables.
-- Source: The MathWorks, MAT-File Format (R2019b), chapter 1.
local zlib = require "zlib"
local arrays = require "moonbow.spectra.arrays"
local limits = require "moonbow.io.limits"
local Source = require "moonbow.spectra.source"

local level5 = {}

local HEADER, CHUNK = 128, 1 << 12 -- compressed bytes inflated at a time, to at most 4 MB
local MATRIX, COMPRESSED = 14, 15
local CELL, STRUCT, OBJECT, CHAR, SPARSE, LAST_NUMBER = 1, 2, 3, 4, 5, 15
local IS_COMPLEX = 0x0800
local types = { "i1", "u1", "i2", "u2", "i4", "u4", "f4", nil, "f8", [12] = "i8", [13] = "u8", [16] = "u1", [17] = "u2",
  [18] = "u4" } -- 16 to 18: UTF-8, 16 and 32
local UTF8, UTF16 = 16, 17
local OPAQUE = 17
local other_classes = { [SPARSE] = "a sparse matrix", [16] = "a function",
  [OPAQUE] = "an object, such as a table or a string" }

--- The byte order if the bytes begin as a file of this level does; else nil.
function level5.order(bytes)
  if #bytes < HEADER or bytes:find("^%z") then return nil end
  local mark = bytes:sub(125, 128)
  return mark == "\0\1IM" and "<" or mark == "\1\0MI" and ">" or nil
end

-- What is read: a source, its byte order, and what may still be read of it.
local Reader = {}
Reader.__index = Reader

function Reader:number(at) return self.source:number(at, "u4", self.order) end

-- Reads the tag of an element: its type, the size and offset of its data, and the offset of the next element.
function Reader:tag(at)
  local first = self:number(at)
  local size = first >> 16
  if size > 0 then
    if size > 4 then self.source:fail("byte %d: a small data element of %d bytes", at, size) end
    return first & 0xffff, size, at + 4, at + 8
  end
  size = self:number(at + 4)
  self.source:need(at + 8, size, "a data element")
  return first, size, at + 8, at + 8 + (first == COMPRESSED and size or (size + 7) // 8 * 8)
end

function Reader:integers(at)
  local type, size, data, behind = self:tag(at)
  if not types[type] or types[type]:find "^f" then self.source:fail("byte %d: integers of type %d", at, type) end
  local width = tonumber(types[type]:sub(2))
  self.source:claim(size)
  return self.source:list(data, size // width, types[type], self.order), behind
end

function Reader:text(at)
  local _, size, data, behind = self:tag(at)
  self.source:claim(size)
  return self.source:field(data, size), behind
end

-- Counts what was read, so that a small file cannot hold endless empty elements.
function Reader:spend(at)
  self.budget.left = self.budget.left - 1
  if self.budget.left < 0 then
    self.source:fail("byte %d: more than %d elements; limits.entries = %d", at, limits.entries, limits.entries)
  end
end

-- The code points of a text, in the order of the file.
function Reader:characters(at)
  local type, size, data = self:tag(at)
  if type == UTF8 then
    local codes = {}
    self.source:claim(size)
    for _, code in utf8.codes(Source.as_utf8(self.source:text(data, size))) do codes[#codes + 1] = code end
    return codes
  end
  local codes = self:integers(at)
  if type ~= UTF16 then return codes end
  local joined = {}
  for _, code in ipairs(codes) do
    local high = joined[#joined]
    if high and code & 0xfc00 == 0xdc00 and high & 0xfc00 == 0xd800 then
      joined[#joined] = 0x10000 + ((high & 0x3ff) << 10 | code & 0x3ff)
    else
      joined[#joined + 1] = code
    end
  end
  return joined
end

function Reader:read_text(variable, at)
  if arrays.count(variable.shape) == 0 then return arrays.text(variable.name, { "" }, variable.shape) end
  local rows = variable.shape[1]
  if rows > limits.entries then self.source:fail("byte %d: a text of %d rows", at, rows) end
  return arrays.text(variable.name, arrays.rows_of_text(self:characters(at), rows), variable.shape)
end

function Reader:read_numbers(variable, at)
  local type, size, data = self:tag(at)
  variable.type = types[type]
  local count = arrays.count(variable.shape)
  if not variable.type then self.source:fail("byte %d: numbers of type %d in %s", at, type, variable.name) end
  if count * tonumber(variable.type:sub(2)) ~= size then
    self.source:fail("byte %d: %s (%s) has %d numbers in %d bytes", at, variable.name,
      table.concat(variable.shape, " x "), count, size)
  end
  self.source:claim(size)
  variable.source, variable.offset, variable.order, variable.fortran = self.source, data, self.order, true
  return arrays.numbers(variable)
end

function Reader:read_cell(variable, at, depth)
  variable.kind, variable.items = "cell", {}
  for i = 1, arrays.count(variable.shape) do variable.items[i], at = self:variable(at, depth + 1) end
  return variable, at
end

function Reader:read_struct(variable, at, depth)
  local sizes, behind = self:integers(at)
  local _, size, data, first = self:tag(behind)
  local width = sizes[1] or 0
  if width < 1 then self.source:fail("byte %d: names of fields have %d bytes", at, width) end
  variable.kind, variable.fields, variable.elements = "struct", {}, {}
  self.source:claim(size)
  for i = 0, size // width - 1 do variable.fields[i + 1] = self.source:field(data + i * width, width) end
  if #variable.fields == 0 then return variable, first end
  at = first
  for i = 1, arrays.count(variable.shape) do
    variable.elements[i] = {}
    for _, field in ipairs(variable.fields) do variable.elements[i][field], at = self:variable(at, depth + 1) end
  end
  return variable, at
end

-- Reads the sizes and checks that their product is a number of values that a file may have.
function Reader:shape(at)
  local shape, behind = self:integers(at)
  local count = 1
  if #shape < 2 then self.source:fail("byte %d: a shape of %d sizes", at, #shape) end
  for i, size in ipairs(shape) do
    if size < 0 or size > 0 and count > limits.elements // size then
      self.source:fail("byte %d: an impossible shape (%s)", at, table.concat(shape, " x ", 1, i))
    end
    count = count * size
  end
  return shape, behind
end

--- Reads the variable at an offset. Returns it and the offset behind.
function Reader:variable(at, depth)
  local type, size, data, behind = self:tag(at)
  self:spend(at)
  if type ~= MATRIX then self.source:fail("byte %d: an element of type %d, expected a variable", at, type) end
  if depth > limits.depth then self.source:fail("byte %d: more than %d levels", at, limits.depth) end
  if size == 0 then return arrays.numbers { name = "", shape = { 0, 0 }, type = "f8" }, behind end
  local flags, next_at = self:integers(data)
  local variable, class = { attributes = {} }, (flags[1] or 0) & 0xff
  if class == OPAQUE then
    return { kind = "other", name = self:text(next_at), shape = {}, what = other_classes[OPAQUE] }, behind
  end
  variable.shape, next_at = self:shape(next_at)
  variable.name, next_at = self:text(next_at)
  if (flags[1] or 0) & IS_COMPLEX ~= 0 then
    variable.kind, variable.what = "other", "complex numbers"
    return variable, behind
  end
  local last
  variable, last = self:content(variable, class, next_at, depth)
  return variable, last or behind
end

-- Of cells and structs also returns the offset behind their last part: WITec's files state other sizes.
function Reader:content(variable, class, at, depth)
  if class == CELL then return self:read_cell(variable, at, depth) end
  if class == OBJECT then variable.class, at = self:text(at) end
  if class == STRUCT or class == OBJECT then return self:read_struct(variable, at, depth) end
  if class == CHAR then return self:read_text(variable, at) end
  if class > SPARSE and class <= LAST_NUMBER then return self:read_numbers(variable, at) end
  variable.kind, variable.what = "other", other_classes[class] or ("a value of class %d"):format(class)
  return variable
end

-- Inflates a compressed element, within what may still be unpacked. Returns a reader of it.
function Reader:inflated(offset, size)
  local stream, parts, budget = zlib.inflate(), {}, self.budget
  for first = offset, offset + size - 1, CHUNK do
    local packed = self.source:text(first, math.min(CHUNK, offset + size - first))
    local ok, part, ended = pcall(stream, packed)
    if not ok then self.source:fail("byte %d: a compressed variable is damaged", offset) end
    parts[#parts + 1], budget.unpacked = part, budget.unpacked - #part
    if budget.unpacked < 0 then
      self.source:fail("its compressed variables have more than limits.unpacked = %d bytes", limits.unpacked)
    end
    if ended then break end
  end
  local source = Source.of(table.concat(parts), self.source.path, self.source.options)
  source.notes = self.source.notes
  return setmetatable({ source = source, order = self.order, budget = budget }, Reader)
end

-- True if the element at an offset ends in the file.
function Reader:is_whole(at)
  local left = #self.source.bytes - at
  if left < 8 then return false end
  return self:number(at) >> 16 > 0 or self:number(at + 4) <= left - 8
end

--- Returns the variables of a file.
function level5.variables(source)
  local budget = { left = limits.entries, unpacked = limits.unpacked }
  local reader = setmetatable({ source = source, order = level5.order(source.bytes), budget = budget }, Reader)
  local list, at = {}, HEADER
  while at < #source.bytes do
    if not reader:is_whole(at) then
      source:cut(#list, ("more than %d"):format(#list), "variables")
      break
    end
    local type, size, data, behind = reader:tag(at)
    local variable
    if type == COMPRESSED then variable = reader:inflated(data, size):variable(0, 1)
    elseif type == MATRIX then variable = reader:variable(at, 1)
    else source:fail("byte %d: an element of type %d, expected a variable", at, type) end
    if variable.name ~= "" then list[#list + 1] = variable end -- MATLAB keeps data of objects without a name
    at = behind
  end
  return list
end

return level5
