--- NumPy's files: .npy holds one array, .npz (a zip archive of .npy files) several. Arrays load as tensors; tensors
-- save as arrays. Source: numpy.lib.format.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local limits = require "moonbow.io.limits"
local npy_header = require "moonbow.io.npy_header"
local zip = require "moonbow.io.zip"

local npy = {}

local MAGIC, TYPES, NAMES = npy_header.MAGIC, npy_header.TYPES, npy_header.NAMES

-- The last index of a Fortran array runs slowest: it is the transpose of a C array with the shape reversed.
local function reversed(list)
  local result = {}
  for i, value in ipairs(list) do result[#list + 1 - i] = value end
  return result
end

local function transposed(x)
  local rank = core.rank(x)
  for d = 1, rank // 2 do x = core.transpose(x, d, rank + 1 - d) end
  return x
end

-- @param room bytes that the tensor may take; optional
-- @return tensor, information; or nil and a message without the name of the file
local function parse(bytes, room)
  local header, err = npy_header.read(bytes)
  if not header then return nil, err end
  if room and 4 * header.count > room then
    return nil, ("takes %d bytes, but %d are left; limits.unpacked = %d"):format(4 * header.count, room,
      limits.unpacked)
  end
  local code = header.number.code
  local expected, got = header.count * tonumber(code:sub(2)), #bytes - header.first + 1
  if got ~= expected then
    return nil, ("%s: %d bytes of numbers expected, %d found"):format(
      got < expected and "the file is truncated" or "more data than the header says", expected, got)
  end
  local shape = header.fortran and reversed(header.shape) or header.shape
  local x, element = core.decode(bytes, header.first, code, header.number.swap, shape)
  if not x then
    return nil, ("number %d in the file, of type %s, cannot be held by a tensor (float32) %s"):format(element,
      NAMES[code], code:sub(1, 1) == "f" and "without becoming infinite" or "exactly")
  end
  return header.fortran and transposed(x) or x, { type = NAMES[code], fortran_order = header.fortran }
end

--- Reads an array that numpy.save wrote: bool (as 0 and 1), integers of 8 to 64 bits, float16, float32, and float64
-- (rounded to float32); C or Fortran order, either byte order. A scalar becomes a tensor of one element.
-- @param path string of the file
-- @return tensor the array; or nil and a message: for a file that is missing, of another format, truncated, empty, of
--   more than 4 dimensions, of another type (Python objects are never unpickled), or with integers that float32 cannot
--   hold exactly
-- @return table { type = "float64", fortran_order = false }
function npy.load_npy(path)
  check.kind("load_npy", "path", path, "string")
  local bytes, err = files.read(path)
  if not bytes then return nil, err end
  local x, more = parse(bytes)
  if not x then return nil, path .. ": " .. more end
  return x, more
end

local function type_code(operation, name)
  local names = check.sorted_keys(TYPES)
  check.name(operation, "type", name, names)
  return TYPES[name]
end

-- Returns header and numbers of an array; raises if the type cannot hold them.
local function format(operation, name, x, code)
  local shape = core.shape(x)
  local dictionary = ("{'descr': '%s%s', 'fortran_order': False, 'shape': (%s%s), }"):format(
    code:sub(2) == "1" and "|" or "<", code, table.concat(shape, ", "), #shape == 1 and "," or "")
  local header = dictionary .. (" "):rep(-(#MAGIC + 4 + #dictionary + 1) % 64) .. "\n"
  local numbers, element = core.encode(x, code)
  if not numbers then
    check.fail(operation, "%s: element %d is %s, which %s cannot hold", name, element,
      core.get(core.reshape(x, core.count(x)), element), NAMES[code])
  end
  return MAGIC .. "\1\0" .. string.pack("<I2", #header) .. header, numbers
end

local array_options = { type = "float32" }
local archive_options = { type = check.default("float32", "string|table"), compress = false }

--- Saves a tensor in numpy.load's format; the file appears whole or not at all.
-- @param x tensor
-- @param path string of the file
-- @option type "float32", "float64", "bool", "int8" to "int64", "uint8" to "uint64": raises unless it can hold every
--   element
-- @return boolean true; or nil and a message
function npy.save_npy(x, path, options)
  check.kind("save_npy", "x", x, "tensor")
  check.kind("save_npy", "path", path, "string")
  options = check.options("save_npy", options, array_options)
  local header, numbers = format("save_npy", "x", x, type_code("save_npy", options.type))
  return files.write(path, function(put)
    put(header)
    put(numbers)
  end)
end

-- Returns by name: the arrays of an archive, their { type, fortran_order }, and the reasons why others were left out;
-- or nil and a message. Members are unpacked one by one, so that only one is in memory as bytes and as numbers.
local function parse_all(bytes, entries)
  local arrays, about, skipped, first_skipped, room = {}, {}, {}, nil, limits.unpacked
  for _, entry in ipairs(entries) do
    local name = entry.name:gsub("%.npy$", "")
    if arrays[name] or skipped[name] then return nil, check.show(name) .. " is there twice" end
    local content, err = zip.content(bytes, entry)
    if not content then return nil, err end
    local is_packed = entry.packed < entry.size
    local x, more = parse(content, is_packed and room or nil)
    if x then arrays[name], about[name] = x, more else skipped[name], first_skipped = more, first_skipped or name end
    if x and is_packed then room = room - 4 * core.count(x) end
  end
  if first_skipped and not next(arrays) then
    return nil, ("%s: %s"):format(check.show(first_skipped), skipped[first_skipped])
  end
  return arrays, about, skipped
end

--- Reads what numpy.savez or numpy.savez_compressed wrote. Members that load_npy would refuse are left out and named.
-- @param path string of the file
-- @return table { [name] = tensor }; or nil and a message: for a file that is missing, not an archive, damaged, beyond
--   mb.limits, or without a member that can be read
-- @return table { [name] = { type, fortran_order } }
-- @return table { [name] = why it was left out }
function npy.load_npz(path)
  check.kind("load_npz", "path", path, "string")
  local bytes, err = files.read(path)
  if not bytes then return nil, err end
  local entries, why = zip.entries(bytes)
  if not entries then return nil, path .. ": " .. why end
  local arrays, about, skipped = parse_all(bytes, entries)
  if not arrays then return nil, path .. ": " .. about end
  return arrays, about, skipped
end

--- Saves tensors in numpy.load's format; the file appears whole or not at all.
-- @param arrays table { [name] = tensor }
-- @param path string of the file
-- @option type of all arrays, as for save_npy, or { [name] = type } of some, the others being float32
-- @option compress true: the members are deflated
-- @return boolean true; or nil and a message
function npy.save_npz(arrays, path, options)
  check.kind("save_npz", "arrays", arrays, "table")
  check.kind("save_npz", "path", path, "string")
  options = check.options("save_npz", options, archive_options)
  for name in pairs(arrays) do check.kind("save_npz", "name of an array", name, "string") end
  local entries, names = {}, check.sorted_keys(arrays)
  local types = type(options.type) == "table" and options.type or {}
  for name in pairs(types) do check.name("save_npz", "type", name, names) end
  local others = types == options.type and "float32" or options.type
  for i, name in ipairs(names) do
    local header, numbers = format("save_npz", name, check.kind("save_npz", name, arrays[name], "tensor"),
      type_code("save_npz", types[name] or others))
    entries[i] = { name = name .. ".npy", content = header .. numbers }
  end
  return files.write(path, function(put) zip.write(entries, put, options.compress) end)
end

check.takes(npy.save_npy, 3, array_options)
check.takes(npy.save_npz, 3, archive_options)

return npy
