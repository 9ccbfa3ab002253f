--- Files of named tensors in the format safetensors: eight bytes with the length of a JSON header, the header
-- with type, shape and place of each tensor, and their bytes. Other programs read them too.
-- Source: github.com/huggingface/safetensors.
local json = require "cjson.safe"
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.files"

local safetensors = {}

local MAX_HEADER = 100 * 1024 * 1024

local function describe(tensors, metadata)
  local names, header, offset = {}, {}, 0
  for name in pairs(tensors) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local bytes = core.count(tensors[name]) * 4
    header[name] = { dtype = "F32", shape = core.shape(tensors[name]), data_offsets = { offset, offset + bytes } }
    offset = offset + bytes
  end
  if metadata and next(metadata) then header.__metadata__ = metadata end
  local text = json.encode(header)
  return names, text .. (" "):rep(-#text % 8)
end

--- Writes tensors under names, and strings as metadata. The file appears whole or not at all: it is written
-- beside its place, to the disk, and then renamed.
-- @param tensors { [name] = tensor }
-- @param metadata { [key] = string }, or nil
-- @return true, or nil and a message
function safetensors.write(path, tensors, metadata)
  check.kind("safetensors.write", "path", path, "string")
  check.kind("safetensors.write", "tensors", tensors, "table")
  for name, tensor in pairs(tensors) do check.kind("safetensors.write", tostring(name), tensor, "tensor") end
  for key, value in pairs(metadata or {}) do check.kind("safetensors.write", tostring(key), value, "string") end
  local names, header = describe(tensors, metadata)
  return files.write(path, function(put)
    put(string.pack("<I8", #header) .. header)
    for _, name in ipairs(names) do put(core.tobytes(tensors[name])) end
  end)
end

local FORMATS = { F32 = 4, F64 = 8 }

local function is_count(value) return type(value) == "number" and value >= 0 and value % 1 == 0 end

-- Checks the entry of a tensor in the header; returns a message where it lies.
local function entry_error(name, entry, data_size)
  if type(entry) ~= "table" or type(entry.shape) ~= "table" or type(entry.data_offsets) ~= "table" then
    return ("'%s' has no shape or place"):format(name)
  end
  local size = FORMATS[entry.dtype]
  if not size then return ("'%s' has type %s; F32 and F64 can be read"):format(name, tostring(entry.dtype)) end
  if #entry.shape > 4 then return ("'%s' has %d dimensions, at most 4 can be read"):format(name, #entry.shape) end
  local count = 1
  for _, n in ipairs(entry.shape) do
    if not is_count(n) or n < 1 or n > 2 ^ 40 then return ("'%s' has an impossible shape"):format(name) end
    count = count * n
  end
  local first, last = entry.data_offsets[1], entry.data_offsets[2]
  if not (is_count(first) and is_count(last)) or last - first ~= count * size or last > data_size then
    return ("'%s': its shape does not fit its place in the file; the file is truncated or damaged"):format(name)
  end
end

-- text is the file, whose data begin after so many bytes.
local function read_tensor(text, before, entry)
  local first, last = before + entry.data_offsets[1] | 0, before + entry.data_offsets[2] | 0
  local shape = {}
  for d, n in ipairs(entry.shape) do shape[d] = n | 0 end
  if #shape == 0 then shape[1] = 1 end
  if entry.dtype == "F32" then return core.frombytes(text:sub(first + 1, last), shape) end
  return core.decode(text:sub(first + 1, last), "f8", false, shape)
end

--- Reads what write wrote, or another program; F64 becomes float32.
-- @return { [name] = tensor }, metadata as { [key] = string }; or nil and a message: for a file that is not
--   there, not of this format, truncated, or with types other than F32 and F64
function safetensors.read(path)
  check.kind("safetensors.read", "path", path, "string")
  local text, err = files.read(path)
  if not text then return nil, err end
  local function fail(reason) return nil, path .. ": " .. reason end
  if #text < 8 then return fail "not a safetensors file: it is too short" end
  local header_size = string.unpack("<i8", text)
  if header_size < 2 or header_size > MAX_HEADER or text:sub(9, 9) ~= "{" then
    return fail "not a safetensors file: no header where one is expected"
  end
  if header_size > #text - 8 then return fail "the file is truncated: its header is longer than the file" end
  local header = json.decode(text:sub(9, 8 + header_size))
  if type(header) ~= "table" then return fail "not a safetensors file: its header is not JSON" end
  local before, tensors, metadata = 8 + header_size, {}, header.__metadata__ or {}
  for name, entry in pairs(header) do
    if name ~= "__metadata__" then
      local reason = entry_error(name, entry, #text - before)
      if reason then return fail(reason) end
      tensors[name] = read_tensor(text, before, entry)
      if not tensors[name] then return fail(("'%s' holds numbers too large for float32"):format(name)) end
    end
  end
  return tensors, metadata
end

return safetensors
