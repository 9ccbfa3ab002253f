--- Named values of files that hold several: variables of MATLAB, datasets of HDF5, arrays of npz.
--
-- A variable is { name, kind, shape, attributes = { [name] = value } }, with shape as the program that wrote it shows
-- it, and by its kind:
--   "numbers"  methods of this file
--   "text"     texts = list of strings
--   "cell"     items = list of variables without names, the first index running fastest
--   "struct"   elements = list of { [field] = variable }, fields = their names in order, class = "dataset"
--   "other"    what = "a sparse matrix", which is not read
local core = require "moonbow.core"

local arrays = {}

local Numbers = { kind = "numbers" }
Numbers.__index = Numbers

--- Makes a variable of numbers.
-- @param fields name, shape, attributes; type ("f8"), order, and source and offset, where its numbers stand, or
--   load() -> source, at whose beginning they stand; fortran = true if the first index runs fastest; packing =
--   { factor, addend, missing } if they stand for others: number * factor + addend, or NaN for those in a list
function arrays.numbers(fields)
  fields.attributes = fields.attributes or {}
  fields.offset = fields.offset or 0
  return setmetatable(fields, Numbers)
end

--- Makes a variable of texts.
function arrays.text(name, texts, shape)
  return { kind = "text", name = name, texts = texts, shape = shape or { #texts }, attributes = {} }
end

--- The number of values in a shape.
function arrays.count(shape)
  local count = 1
  for _, size in ipairs(shape) do count = count * size end
  return count
end

--- The sizes above 1 of a shape.
function arrays.long_sizes(shape)
  local sizes = {}
  for _, size in ipairs(shape) do
    if size > 1 then sizes[#sizes + 1] = size end
  end
  return sizes
end

local function letter(code)
  code = math.tointeger(code)
  local is_known = code and code >= 0 and code <= 0x10ffff and code & 0x1ff800 ~= 0xd800
  return is_known and utf8.char(code) or "?"
end

--- Returns the rows of a matrix of characters, whose first index runs fastest, without blanks and NULs at their ends.
-- @param codes list of code points
function arrays.rows_of_text(codes, rows)
  local texts = {}
  for row = 1, rows do
    local letters = {}
    for i = row, #codes, rows do letters[#letters + 1] = letter(codes[i]) end
    texts[row] = table.concat(letters):match "^(.*[^%s%z])" or ""
  end
  return texts
end

--- Returns a variable in words for messages: "X (50 x 200)".
function arrays.show(variable)
  local sizes = table.concat(variable.shape, " x ")
  if variable.kind == "numbers" then return ("%s (%s)"):format(variable.name, sizes == "" and "1" or sizes) end
  return ("%s (%s)"):format(variable.name, variable.what or variable.kind)
end

function Numbers:count() return arrays.count(self.shape) end

function Numbers:open()
  self.source = self.source or self.load()
  return self.source
end

local function unpack_list(list, packing)
  local is_missing = {}
  for _, number in ipairs(packing.missing) do is_missing[number] = true end
  for i, number in ipairs(list) do
    list[i] = is_missing[number] and 0 / 0 or number * packing.factor + packing.addend
  end
end

--- Returns a tensor with NaN for the number that means missing.
function arrays.without(x, missing)
  local is_there = core.ne(x, missing)
  return core.mul(x, core.div(is_there, is_there))
end

local function unpack_tensor(x, packing)
  for _, number in ipairs(packing.missing) do x = arrays.without(x, number) end
  return core.add(core.mul(x, packing.factor), packing.addend)
end

--- Returns all numbers as a list, in the order of the file.
function Numbers:list()
  if not self.values then
    self.values = self:open():list(self.offset, self:count(), self.type, self.order)
    if self.packing then unpack_list(self.values, self.packing) end
  end
  return self.values
end

-- The sizes in the order of the file, of which the last runs fastest, and the place of a dimension among them.
local function stored(array, dimension)
  if not array.fortran then return array.shape, dimension end
  local shape, rank = {}, #array.shape
  for i, size in ipairs(array.shape) do shape[rank + 1 - i] = size end
  return shape, rank + 1 - dimension
end

--- Returns the numbers as a tensor (N, L), of which L runs along a dimension, and the sizes and places of the other
-- dimensions, the last of which runs fastest through the N rows.
function Numbers:spectra(dimension)
  local shape, place = stored(self, dimension)
  local before, after, others = 1, 1, {}
  for i, size in ipairs(shape) do
    if i < place then before = before * size elseif i > place then after = after * size end
    if i ~= place then others[#others + 1] = { size = size, place = self.fortran and #shape + 1 - i or i } end
  end
  local length = self.shape[dimension]
  local x = self:open():tensor(self.offset, { before, length, after }, self.type, self.order)
  if self.packing then x = unpack_tensor(x, self.packing) end
  if after > 1 then x = core.transpose(x, 2, 3) end
  return core.reshape(x, before * after, length), others
end

--- Returns the numbers of a matrix of `count` rows as columns of texts, or of a vector as one column.
function Numbers:columns(count)
  local list, columns = self:list(), {}
  local width = #list // count
  for column = 1, width do
    columns[column] = {}
    for row = 1, count do
      local i = self.fortran and (column - 1) * count + row or (row - 1) * width + column
      columns[column][row] = ("%.14g"):format(list[i])
    end
  end
  return columns
end

return arrays
