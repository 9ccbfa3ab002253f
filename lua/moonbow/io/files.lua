--- Files that appear whole or not at all, and are still there after a crash; folders; locks.
local lfs = require "lfs"
local core = require "moonbow.core"

local files = {}

local MAX_LINKS = 40
local LARGE = 1 << 20 -- bytes of a file that is read in one piece
local ROOM = 65536 -- free bytes that the disk must have for a small file

-- Returns a message if no file can have this path.
local function path_error(path)
  if path == "" then return "the path is empty" end
  if path:find("\0", 1, true) then return ("%q: a path holds no NUL"):format(path) end
end

-- Returns the path of the file itself, with symbolic links followed; or nil and a message.
local function follow_links(path)
  for _ = 1, MAX_LINKS do
    local about = lfs.symlinkattributes(path)
    if not about or about.mode ~= "link" then return path end
    local is_absolute = about.target:sub(1, 1) == "/"
    path = is_absolute and about.target or (path:match "^(.*/)" or "") .. about.target
  end
  return nil, "too many links"
end

local function fill(writer, fill_with)
  local failure
  local function put(bytes)
    if failure then return end
    local ok, err = core.file_put(writer, bytes)
    if not ok then failure = err end
  end
  fill_with(put)
  if failure then return nil, failure end
  return core.file_commit(writer)
end

-- Calls use(writer) with a writer of a temporary file beside path; returns true, or nil and a message. The temporary
-- file is removed unless it was committed.
local function with_writer(path, use)
  local bad = path_error(path)
  if bad then return nil, bad end
  local target, err = follow_links(path)
  local writer <close>, reason = core.file_begin(target or "")
  local ok, failure = nil, err or reason
  if writer then ok, failure = use(writer) end
  if ok then return true end
  return nil, ("%s: could not be written: %s"):format(path, failure)
end

--- Writes a temporary file beside path, waits until it is on the disk, and renames it. A link at path is followed; an
-- existing file keeps its mode; a new one gets rw-rw-rw- less the umask. Folders, devices and read-only files are
-- refused. Temporary files that a killed process left for this path are removed.
-- @param content a string, or a function(put), which may call put(string) any number of times
-- @return true; or nil and a message, and path is as before. Errors of the function are raised.
function files.write(path, content)
  local function fill_with(put) put(content) end
  if type(content) == "function" then fill_with = content end
  return with_writer(path, function(writer) return fill(writer, fill_with) end)
end

--- Checks that a small file could be written at path: true, or nil and a message. A file at path is not changed.
function files.check_writable(path)
  return with_writer(path, function(writer) return core.file_put(writer, ("\0"):rep(ROOM)) end)
end

--- Appends one line to a file with a single write, so that lines of several processes do not mix. If a killed process
-- left an unfinished line, it is ended first. Returns true, or nil and a message.
function files.append(path, line)
  local bad = path_error(path)
  if bad then return nil, bad end
  local ok, err = core.file_append(path, line .. "\n")
  return ok, err and ("%s: %s"):format(path, err)
end

--- A lock, by a file at path that is there while it is held. It ends with the process, however that ends.
-- @return the lock, for <close> or files.unlock; nil if another holder has it; nil and a message if locking fails
function files.lock(path)
  local bad = path_error(path)
  if bad then return nil, bad end
  local lock, err = core.file_lock(path)
  return lock, err and ("%s: %s"):format(path, err)
end

--- Releases a lock.
files.unlock = core.file_unlock

--- Makes a folder, and its parents if they are missing. Returns true, or nil and a message.
function files.make_folders(path)
  local bad = path_error(path)
  if bad then return nil, bad end
  local made = path:sub(1, 1) == "/" and "/" or ""
  for part in path:gmatch "[^/]+" do
    made = made .. part .. "/"
    local ok, err = lfs.mkdir(made)
    local mode = not ok and lfs.attributes(made:sub(1, -2), "mode")
    if mode and mode ~= "directory" then err = "it is a file, not a folder" end
    if not ok and mode ~= "directory" then return nil, ("%s: could not be made: %s"):format(made, err) end
  end
  return true
end

--- The path from the root of the file system, so that it stays the same when the process changes its folder.
function files.absolute(path) return path:sub(1, 1) == "/" and path or lfs.currentdir() .. "/" .. path end

--- True if a path exists, as a file or anything else.
function files.exists(path) return lfs.attributes(path, "mode") ~= nil end

local unreadable = { directory = "it is a folder", ["char device"] = "it is a device, not a file",
  ["block device"] = "it is a device, not a file", socket = "it is a socket, not a file" }

-- Reads a file of a known size. Returns the content; or nil and a message.
local function read_large(path, size)
  local ok, content, why = pcall(core.file_read, path, size)
  if ok and content then return content end
  return nil, ("%s: %s"):format(path, ok and why or "not enough memory")
end

--- The whole content of a file or pipe, or nil and a message.
function files.read(path)
  local bad = path_error(path)
  if bad then return nil, bad end
  local about = lfs.attributes(path) or {}
  local kind = unreadable[about.mode]
  if kind then return nil, ("%s: %s"):format(path, kind) end
  if about.mode == "file" and about.size >= LARGE then return read_large(path, about.size) end
  local file, err = io.open(path, "rb")
  if not file then return nil, err end
  local ok, content, why = pcall(file.read, file, "a")
  file:close()
  if ok and content then return content end
  return nil, ("%s: %s"):format(path, why or content or "cannot be read")
end

return files
