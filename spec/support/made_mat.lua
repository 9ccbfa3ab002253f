-- MAT files of levels 4 and 5, made by the published layout.
local zlib = require "zlib"

local mat = {}

local classes = { f8 = 6, f4 = 7, i1 = 8, u1 = 9, i2 = 10, u2 = 11, i4 = 12, u4 = 13 }
local codes = { i1 = 1, u1 = 2, i2 = 3, u2 = 4, i4 = 5, u4 = 6, f4 = 7, f8 = 9 }
local letters = { i1 = "i1", u1 = "I1", i2 = "i2", u2 = "I2", i4 = "i4", u4 = "I4", f4 = "f", f8 = "d" }
local order = "<" -- of what is made next

local function padded(bytes) return bytes .. ("\0"):rep(-#bytes % 8) end

local function element(code, bytes) return string.pack(order .. "I4I4", code, #bytes) .. padded(bytes) end

-- An element of up to 4 bytes in the short form.
local function small(code, bytes)
  return string.pack(order .. "I4", #bytes << 16 | code) .. bytes .. ("\0"):rep(4 - #bytes)
end

local function packed(type, list)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = string.pack(order .. letters[type], value) end
  return table.concat(parts)
end

local function matrix(class, shape, name, content, flags)
  local names = #name > 0 and #name <= 4 and small(1, name) or element(1, name)
  local head = element(6, string.pack(order .. "I4I4", class | (flags or 0), 0)) .. element(5, packed("i4", shape))
  return element(14, head .. names .. content)
end

--- Numbers in MATLAB's order: the first index runs fastest.
-- @param stored type of the numbers in the file, if it is another
function mat.numbers(name, shape, list, type, stored, flags)
  type = type or "f8"
  stored = stored or type
  return matrix(classes[type], shape, name, element(codes[stored], packed(stored, list)), flags)
end

--- Texts of one length as a matrix of characters.
function mat.text(name, texts, type)
  local list, width = {}, #texts[1]
  for column = 1, width do
    for _, text in ipairs(texts) do list[#list + 1] = text:byte(column) end
  end
  return matrix(4, { #texts, width }, name, element(codes[type or "u2"], packed(type or "u2", list)))
end

--- A text as UTF-8.
function mat.utf8(name, text) return matrix(4, { 1, utf8.len(text) or #text }, name, element(16, text)) end

function mat.cell(name, shape, items) return matrix(1, shape, name, table.concat(items)) end

--- A struct, or an object of a class, with fields { { name, variable }, ... } of one element.
function mat.struct(name, fields, class)
  local names, content = {}, {}
  for i, field in ipairs(fields) do names[i], content[i] = field[1] .. ("\0"):rep(32 - #field[1]), field[2] end
  return matrix(class and 3 or 2, { 1, 1 }, name, (class and element(1, class) or "")
    .. small(5, string.pack(order .. "i4", 32)) .. element(1, table.concat(names)) .. table.concat(content))
end

--- A variable of another class, such as 5 (sparse) or 16 (a function).
function mat.other(name, class) return matrix(class, { 2, 2 }, name, "") end

--- An empty element, as some writers put for [].
function mat.empty() return element(14, "") end

--- Compresses a variable.
function mat.compressed(variable)
  local bytes = zlib.deflate()(variable, "finish")
  return string.pack(order .. "I4I4", 15, #bytes) .. bytes
end

--- A file of level 5.
function mat.file(variables)
  local text = "MATLAB 5.0 MAT-file, made by a test"
  return text .. (" "):rep(116 - #text) .. ("\0"):rep(8) .. string.pack(order .. "I2I2", 0x0100, 0x4d49)
    .. table.concat(variables)
end

--- Calls f, which makes variables and files, with the other byte order.
function mat.big_endian(f)
  order = ">"
  local result = f()
  order = "<"
  return result
end

--- A variable of a file of level 4. kind: 0 numbers, 1 text, 2 sparse.
function mat.level4(name, rows, columns, list, kind, is_complex)
  local type = (order == ">" and 1000 or 0) + (kind or 0)
  local head = string.pack(order .. "i4i4i4i4i4", type, rows, columns, is_complex and 1 or 0, #name + 1)
  return head .. name .. "\0" .. packed("f8", list)
end

--- Small files for the fuzzer.
function mat.seeds()
  local x = { 11, 21, 12, 22, 13, 23 }
  local variables = { mat.numbers("X", { 2, 3 }, x), mat.numbers("wl", { 1, 3 }, { 400, 401, 402 }, "f8", "u2"),
    mat.text("label", { "a ", "bc" }), mat.cell("ids", { 1, 2 }, { mat.text("", { "p" }), mat.utf8("", "µ") }),
    mat.other("S", 5), mat.numbers("none", { 0, 0 }, {}) }
  local data = mat.struct("d", { { "data", mat.numbers("", { 2, 3 }, x, "f4") }, { "label", mat.empty() },
    { "axisscale", mat.cell("", { 2, 2 }, { mat.numbers("", { 1, 2 }, { 0, 1 }), mat.numbers("", { 1, 3 }, { 1, 2, 3 }),
      mat.empty(), mat.text("", { "nm" }) }) } }, "dataset")
  local packed_ones = {}
  for i, variable in ipairs(variables) do packed_ones[i] = mat.compressed(variable) end
  return { mat.file(variables), mat.file(packed_ones), mat.file { data }, mat.big_endian(function()
    return mat.file { mat.numbers("X", { 2, 3 }, x), mat.numbers("w", { 3, 1 }, { 3, 2, 1 }) }
  end), mat.level4("X", 2, 3, x) .. mat.level4("wl", 1, 3, { 4, 5, 6 }) .. mat.level4("t", 1, 2, { 65, 66 }, 1) }
end

return mat
