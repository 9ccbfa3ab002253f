--- MAT files of version 7.3, which are HDF5: their variables. MATLAB writes sizes in reverse, and says in attributes
-- what a dataset is: MATLAB_class "double", "char", "cell", "struct". Cells, and the fields of arrays of structs, are
-- references to objects in /#refs#.
local arrays = require "moonbow.spectra.arrays"
local limits = require "moonbow.io.limits"
local Source = require "moonbow.spectra.source"

local level73 = {}

--- True if an HDF5 file is one of MATLAB.
function level73.matches(tree)
  if tree.source.bytes:find("^MATLAB 7%.3 MAT%-file") then return true end
  for _, object in ipairs(tree.list) do
    if object.attributes.MATLAB_class then return true end
  end
  return false
end

-- Reads all texts and references, which are small, at once: lists of numbers by path.
local function read_codes(tree)
  local paths, codes = {}, {}
  for _, object in ipairs(tree.list) do
    local is_text = object.attributes.MATLAB_class == "char" and (object.type or ""):find "^u"
    if not object.same and (is_text or object.type == "reference") then paths[#paths + 1] = object.path end
  end
  for path, bytes in pairs(tree:read(paths)) do
    local type = tree.by_path[path].type
    type = type == "reference" and "u8" or type
    codes[path] = Source.of(bytes, tree.source.path):list(0, #bytes // tonumber(type:sub(2)), type)
  end
  return codes
end

local function reversed(shape)
  local sizes = {}
  for i, size in ipairs(shape) do sizes[#shape + 1 - i] = size end
  return sizes
end

local variable_of

-- Counts the bytes of an object that a reference leads to: many may lead to one.
local function count_bytes(tree, codes, object)
  local bytes = tonumber((object.type or ""):match "^[fiu](%d)$") or 0
  for _, size in ipairs(object.shape or {}) do bytes = bytes * (size + 0.0) end
  codes.bytes = codes.bytes + bytes
  if codes.bytes > #tree.source.bytes + limits.unpacked then
    tree.source:fail("its references lead to more bytes than it has and limits.unpacked = %d", limits.unpacked)
  end
end

-- The objects that a dataset of references leads to, as variables.
local function items_of(tree, codes, object, level)
  local items = {}
  for i, address in ipairs(codes[object.path] or {}) do
    local target = tree.by_address[address]
    if target then count_bytes(tree, codes, target) end
    items[i] = target and variable_of(tree, codes, target, level + 1) or arrays.numbers { name = "", shape = { 0, 0 } }
  end
  return items
end

-- A group is a struct; a field that is a dataset of references without a class has a value for each of its elements.
local function struct_of(tree, codes, object, level)
  local struct = { kind = "struct", shape = { 1, 1 }, fields = {}, elements = { {} }, attributes = {},
    class = tree.text(object, "MATLAB_class") }
  for _, member in ipairs(tree:members(object.path)) do
    struct.fields[#struct.fields + 1] = member.name
    if member.type == "reference" and not member.attributes.MATLAB_class then
      for i, item in ipairs(items_of(tree, codes, member, level)) do
        struct.elements[i] = struct.elements[i] or {}
        struct.elements[i][member.name] = item
      end
    else
      struct.elements[1][member.name] = variable_of(tree, codes, member, level + 1)
    end
  end
  for _, element in ipairs(struct.elements) do
    for _, field in ipairs(struct.fields) do
      element[field] = element[field] or arrays.numbers { name = field, shape = { 0, 0 } }
    end
  end
  return struct
end

local function content(tree, codes, object, level)
  local class = object.attributes.MATLAB_class
  if object.kind == "group" then return struct_of(tree, codes, object, level) end
  if object.kind ~= "dataset" then return tree:variable(object) end
  if object.attributes.MATLAB_empty == 1 then return arrays.numbers { shape = { 0, 0 } } end
  local shape = reversed(object.shape or { 0 })
  if class == "char" and codes[object.path] then
    return arrays.text(nil, arrays.rows_of_text(codes[object.path], shape[1] or 1), shape)
  end
  if object.type == "reference" then
    return { kind = "cell", shape = shape, items = items_of(tree, codes, object, level) }
  end
  return tree:variable(object, true)
end

function variable_of(tree, codes, object, level)
  if level > limits.depth then tree.source:fail("%s: more than %d levels", object.path, limits.depth) end
  codes.left = codes.left - 1 -- references may lead to one object many times
  if codes.left < 0 then tree.source:fail("more than %d references; limits.entries", limits.entries) end
  local variable = content(tree, codes, object, level)
  variable.name = object.name
  return variable
end

--- Returns the variables of a file.
function level73.variables(tree)
  local codes, list = read_codes(tree), {}
  codes.left, codes.bytes = limits.entries, 0
  for _, object in ipairs(tree:members "/") do
    if object.name:sub(1, 1) ~= "#" then list[#list + 1] = variable_of(tree, codes, object, 1) end
  end
  return list
end

return level73
