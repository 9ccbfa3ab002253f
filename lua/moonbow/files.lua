--- Files that appear whole or not at all, and are still there after a crash.
local lfs = require "lfs"
local uv = require "luv"

local files = {}

local READABLE_BY_ALL = tonumber("644", 8)

-- The system may take less than all at once.
local function write_all(descriptor, bytes)
  local done = 0
  while done < #bytes do
    local count, err = uv.fs_write(descriptor, done == 0 and bytes or bytes:sub(done + 1), -1)
    if not count then return nil, err end
    done = done + count
  end
  return true
end

-- A new name is only safe once its folder is on the disk; some file systems cannot do that, and need not.
local function sync_folder(path)
  local descriptor = uv.fs_open(path:match "^(.*/)" or ".", "r", 0)
  if not descriptor then return end
  uv.fs_fsync(descriptor)
  uv.fs_close(descriptor)
end

local function fill(descriptor, fill_with)
  local failure
  local function put(bytes)
    if failure then return end
    local ok, err = write_all(descriptor, bytes)
    if not ok then failure = err end
  end
  local ok, err = pcall(fill_with, put)
  if ok and not failure then failure = select(2, uv.fs_fsync(descriptor)) end
  local close_failure = select(2, uv.fs_close(descriptor))
  if not ok then return nil, nil, err end
  failure = failure or close_failure
  return not failure, failure
end

--- Writes a file beside its place, waits until it is on the disk, and renames it.
-- @param fill_with a function(put), which calls put(string) as often as it likes
-- @return true, or nil and a message; whatever was at path is then untouched. What fill_with raises is
--   raised.
function files.write(path, fill_with)
  local temporary = path .. ".partial"
  local descriptor, err = uv.fs_open(temporary, "w", READABLE_BY_ALL)
  if not descriptor then return nil, err end
  local ok, failure, raised = fill(descriptor, fill_with)
  if ok then ok, failure = uv.fs_rename(temporary, path) end
  if ok then
    sync_folder(path)
    return true
  end
  uv.fs_unlink(temporary)
  if raised then error(raised, 0) end
  return nil, ("%s: could not be written: %s"):format(path, failure or "unknown reason")
end

--- Makes a folder and those above it, where they are missing. Returns true, or nil and a message.
function files.make_folders(path)
  local made = path:sub(1, 1) == "/" and "/" or ""
  for part in path:gmatch "[^/]+" do
    made = made .. part .. "/"
    if not lfs.attributes(made, "mode") then
      local ok, err = lfs.mkdir(made)
      if not ok and not lfs.attributes(made, "mode") then return nil, ("%s: %s"):format(made, err) end
    end
  end
  return true
end

--- Whether there is something at a path.
function files.exists(path) return lfs.attributes(path, "mode") ~= nil end

--- The whole content of a file, or nil and a message.
function files.read(path)
  local file, err = io.open(path, "rb")
  if not file then return nil, err end
  local content, why = file:read "a"
  file:close()
  if not content then return nil, ("%s: %s"):format(path, why or "cannot be read") end
  return content
end

return files
