--- What a file is that is none of the expected format, for messages.
local zip = require "moonbow.io.zip"

-- What zip archives are by the end of the name of one entry.
local archives = {
  { "data.pkl", "a file of torch.save" }, { "config.json", "a file of Keras (mb.import_keras)" },
  { ".npy", "an .npz archive of NumPy" },
}

local function archive(bytes)
  for _, row in ipairs(archives) do
    for _, entry in ipairs(zip.entries(bytes) or {}) do
      if entry.name:sub(-#row[1]) == row[1] then return row[2] end
    end
    if bytes:find(row[1], 1, true) then return row[2] end -- of an archive that zip does not read
  end
  return "a zip archive"
end

local function is_safetensors(bytes)
  if #bytes < 9 then return false end
  local size = string.unpack("<I8", bytes)
  return size > 1 and size < #bytes - 7 and bytes:find("^%s*{", 9) ~= nil
end

--- What the bytes of a file are: "a file of torch.save"; nil if they are of no known kind.
return function(bytes)
  if bytes == "" then return "empty" end
  if bytes:find "^PK[\3\5]" then return archive(bytes) end
  if bytes:find "^\137HDF\r\n" then return "a file in HDF5, as those of Keras (mb.import_keras)" end
  if bytes:find "^\147NUMPY" then return "an array of NumPy (mb.load_npy)" end
  if bytes:find "^\128[\2-\5]" then return "a pickle of Python, as torch.save wrote it" end
  if is_safetensors(bytes) then return "a safetensors file (mb.import_pytorch, mb.load)" end
  local start = bytes:sub(1, 200)
  return not start:find "[^%g%s\128-\255]" and utf8.len((start:gsub("[\128-\255]*$", ""))) and "text" or nil
end
