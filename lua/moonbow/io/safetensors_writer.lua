--- The content of a safetensors file: its checksum, and how it is written. See moonbow.io.safetensors.
local core = require "moonbow.core"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local limits = require "moonbow.io.limits"

local writer = {}

--- The key of the metadata that holds the checksum of the tensors and the rest of the metadata.
writer.DIGEST = "moonbow.digest"
local VERSION = "moonbow.version" -- key of the metadata: version that wrote the file

--- The digest of the content: XXH64 of names and values in the order of the names, each seeded with the last.
function writer.digest(tensors, metadata)
  local digest = 0
  for _, key in ipairs(check.sorted_keys(metadata)) do
    if key ~= writer.DIGEST then digest = core.digest(metadata[key], core.digest(key, digest)) end
  end
  for _, name in ipairs(check.sorted_keys(tensors)) do
    digest = core.digest(tensors[name], core.digest(name, digest))
  end
  return ("%016x"):format(digest)
end

local function complete(tensors, metadata)
  local all = {}
  for key, value in pairs(metadata) do all[key] = value end
  all[VERSION] = core.version
  all[writer.DIGEST] = writer.digest(tensors, all)
  return all
end

local function header_of(tensors, names, metadata, integers)
  local header, offset = { __metadata__ = complete(tensors, metadata) }, 0
  for _, name in ipairs(names) do
    local is_integer = integers[name]
    local bytes = is_integer and 8 or core.count(tensors[name]) * 4
    header[name] = { dtype = is_integer and "I64" or "F32", data_offsets = { offset, offset + bytes },
      shape = is_integer and setmetatable({}, json.list) or core.shape(tensors[name]) }
    offset = offset + bytes
  end
  local text, err = json.encode(header)
  if not text then check.fail("safetensors.write", "%s", err) end
  if #text > limits.header then
    check.fail("safetensors.write", "names and metadata take %d bytes; limits.header = %d", #text, limits.header)
  end
  return text .. (" "):rep(-#text % 8)
end

--- Writes tensors that were checked: see safetensors.write.
-- @param integers the set of names of tensors of one number that are written as I64 without dimensions; none unless
--   given
-- @return true; or nil and a message
function writer.write(path, tensors, metadata, integers)
  integers = integers or {}
  local names = check.sorted_keys(tensors)
  -- The eight bytes of an integer stand at a multiple of eight, without which PyTorch cannot view them in place.
  table.sort(names, function(a, b)
    if integers[a] ~= integers[b] then return integers[a] == true end
    return a < b
  end)
  local header = header_of(tensors, names, metadata, integers)
  return files.write(path, function(put)
    put(string.pack("<I8", #header) .. header)
    for _, name in ipairs(names) do
      local tensor = tensors[name]
      put(integers[name] and string.pack("<i8", core.totable(tensor)[1] // 1 | 0) or core.tobytes(tensor))
    end
  end)
end

return writer
