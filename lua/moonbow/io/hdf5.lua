--- HDF5: what a file holds, and the values of its datasets and attributes. It needs moonbow.hdf5, a module in C on
-- libhdf5, which is built where that library is installed.
--
-- libhdf5 crashes on damaged files (11 of 4000 that were changed at random, libhdf5 1.10.8), so it runs in a child
-- process with bounded time and memory: a crash becomes a message. Objects and values come back through a pipe.
local moonbow = require "moonbow.core"
local limits = require "moonbow.io.limits"
local optional = require "moonbow.io.optional"

local hdf5 = {}

local MOST_OBJECTS = 100000
local SECONDS, BYTES_PER_SECOND = 20, 10 << 20 -- of processor time: some, and more for large files
local SPARE_BYTES = 256 << 20 -- memory that libhdf5 takes for itself
local MOST_DEFLATED, SMALL = 1032, 4096 -- upper bounds of what packs: bytes out per byte in, and extra
local sizes = { f4 = 4, f8 = 8, i1 = 1, i2 = 2, i4 = 4, i8 = 8, u1 = 1, u2 = 2, u4 = 4, u8 = 8, reference = 8 }

--- True if the bytes are those of an HDF5 file: its signature stands at the beginning, or behind a block for the user.
function hdf5.matches(bytes)
  local signature, at = "\137HDF\r\n\26\n", 0
  while at + #signature <= #bytes and at <= 1 << 20 do
    if bytes:sub(at + 1, at + #signature) == signature then return true end
    at = at == 0 and 512 or at * 2
  end
  return false
end

-- Sends a value through the pipe: nil, strings, numbers, booleans and tables of them.
local function send(put, value)
  local kind = math.type(value) or type(value)
  if kind == "string" then
    put(string.pack("<c1i8", "s", #value))
    put(value)
  elseif kind == "userdata" then -- numbers as libhdf5 read them
    put(string.pack("<c1i8", "s", #value))
    put(value)
  elseif kind == "integer" then put(string.pack("<c1i8", "i", value))
  elseif kind == "float" then put(string.pack("<c1d", "f", value))
  elseif kind ~= "table" then put(string.pack("<c1i8", "b", value and 1 or 0))
  else
    local count = 0
    for _ in pairs(value) do count = count + 1 end
    put(string.pack("<c1i8", "t", count))
    for key, inner in pairs(value) do
      send(put, key)
      send(put, inner)
    end
  end
end

local LARGE = 1 << 16 -- bytes that are read into memory that tensors take next

local NO_END = "the end is missing"

local receive

-- What follows the letter of a value and its 8 bytes. The child may have gone wild: it may send no more than room.
local readers = {
  s = function(child, room, word)
    local size = string.unpack("<i8", word)
    room.left = room.left - size
    if size < 0 or room.left < 0 then error("more than was asked for", 0) end
    return size < LARGE and child:take(size) or moonbow.file_take(child:pipe(), size) or error(NO_END, 0)
  end,
  i = function(_, _, word) return (string.unpack("<i8", word)) end,
  f = function(_, _, word) return (string.unpack("<d", word)) end,
  b = function(_, _, word) return string.unpack("<i8", word) == 1 end,
  t = function(child, room, word)
    local value = {}
    for _ = 1, string.unpack("<i8", word) do
      local key = receive(child, room)
      value[key] = receive(child, room)
    end
    return value
  end,
}

function receive(child, room)
  local word = child:take(9) or error(NO_END, 0)
  room.left = room.left - #word
  if room.left < 0 then error("more than was asked for", 0) end
  return readers[word:sub(1, 1)](child, room, word:sub(2))
end

-- Calls f(file) with the file open in a child process; returns its table, or nil and a message.
local function in_child(bytes, f)
  local core, reason = optional("moonbow.hdf5", "it is an HDF5 file, and moonbow was built without libhdf5")
  if not core then return nil, reason end
  local seconds = SECONDS + #bytes // BYTES_PER_SECOND
  local most = 2 * #bytes + 2 * limits.unpacked + SPARE_BYTES
  local child <close>, err = core.child(function(put)
    local file, why = core.open(bytes)
    local done, result = pcall(f, file)
    send(put, file and (done and result or { failure = tostring(result) }) or { failure = why })
  end, seconds, most)
  if not child then return nil, err end
  local received, result = pcall(receive, child, { left = most })
  local ended, how = child:finish()
  if not (received and ended) then return nil, ("libhdf5 failed on it: %s"):format(how or result) end
  if result.failure then return nil, result.failure end
  return result
end

-- The numbers of a string of little-endian ones, as a list; a single value as itself.
local function unpack_numbers(bytes, type, is_single)
  local list, letter = {}, type:sub(1, 1)
  local size = sizes[type]
  local format = letter == "f" and (size == 4 and "<f" or "<d") or ("<%s%d"):format(letter == "u" and "I" or "i", size)
  for i = 1, #bytes // size do list[i] = (string.unpack(format, bytes, (i - 1) * size + 1)) end
  return is_single and list[1] or list
end

local function attributes_of(file, path, count)
  local attributes = {}
  for i = 1, count do
    local name, type, shape, values = file:attribute(path, i)
    if name and shape and values then
      local is_single = #shape == 0 or #shape == 1 and shape[1] == 1
      if type == "text" then values = is_single and values[1] or values
      elseif type ~= "reference" then values = unpack_numbers(values, type, is_single) end
      attributes[name] = values
    end
  end
  return attributes
end

-- Adds the object at a path, and all below it. An object with several names is listed under each, but what is in a
-- group only once, since groups may hold each other. paths: of the objects so far, by their addresses.
local function add_objects(file, found, paths, path, depth)
  if #found == MOST_OBJECTS or depth > limits.depth then error("more objects or levels than are read", 0) end
  local object, err = file:about(path)
  if not object then
    found[#found + 1] = { path = path, kind = "unreadable", reason = err, attributes = {} }
    return
  end
  local first = paths[object.address]
  object.path, object.attributes = path, attributes_of(file, path, object.attributes)
  object.same = first
  found[#found + 1] = object
  if first then return end
  paths[object.address] = path
  if object.kind ~= "group" then return end
  for _, name in ipairs(file:names(path) or {}) do
    add_objects(file, found, paths, (path == "/" and "" or path) .. "/" .. name, depth + 1)
  end
end

--- Lists the objects of a file.
-- @param bytes its content
-- @return list of { path = "/entry/data", kind = "group", "dataset", "type" or "unreadable", attributes = { [name] =
--   string, number or list of them } }, of a dataset also type ("f4", "i8", "text", "compound") and shape, {} for a
--   single value and nil for none; same = path of the same object if it has several; address, which references hold;
--   reason of what is unreadable. Or nil and a message.
function hdf5.objects(bytes)
  return in_child(bytes, function(file)
    local found = {}
    add_objects(file, found, {}, "/", 0)
    return found
  end)
end

-- Returns why the values of a dataset are not read; nil if they may be.
local function size_fault(object, file_bytes)
  if object.kind ~= "dataset" or not object.shape then return "it holds no values" end
  if object.outside then return "its values are in other files" end
  local count, most = 1, sizes[object.type] and limits.elements or limits.entries
  for _, size in ipairs(object.shape) do
    count = size == 0 and 0 or count > most // size and most + 1 or count * size
  end
  if count > most then return ("more than %d values"):format(most) end
  local bytes = count * (sizes[object.type] or 1)
  if bytes > object.stored * MOST_DEFLATED + SMALL then
    return ("%d values, for which the file holds %d bytes"):format(count, object.stored)
  end
  if bytes > file_bytes and bytes > limits.unpacked then
    return ("its values would have %d bytes; limits.unpacked = %d"):format(bytes, limits.unpacked)
  end
end

--- Reads the values of datasets.
-- @param bytes the content of the file
-- @param paths list
-- @return { [path] = values }: little-endian numbers as a string, of the type that hdf5.objects gives (references are
--   addresses, as u8); texts as a list. Or nil and a message.
-- @return { [path] = why it was not read }
function hdf5.read(bytes, paths)
  local result, err = in_child(bytes, function(file)
    local values, reasons = {}, {}
    for _, path in ipairs(paths) do
      local object, why = file:about(path)
      why = not object and why or size_fault(object, #bytes)
      if not why then values[path], why = file:read(path) end
      reasons[path] = why
    end
    return { values, reasons }
  end)
  if not result then return nil, err end
  return result[1], result[2]
end

return hdf5
