--- Claims on trials: a file names the process that runs a trial, and becomes the trial's result.
--
-- A process is identified by host, number and start time, since the system reuses numbers. A claim is void when its
-- process has ended. A claim of another host is never void here: there, Slurm or the user knows which processes run.
-- Claim and result are one file, so that a short trial costs one new file and one renaming.
local lfs = require "lfs"
local uv = require "luv"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"

local claims = {}

local GRACE = 10 -- seconds that a process may take between creating or changing a claim and writing all of it

-- Returns the start time of a process in ticks since the system started, or nil if there is no such process.
local function start_of(pid)
  local file = io.open(("/proc/%d/stat"):format(pid), "r")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  local fields, number = text:match "^.*%)%s(.*)$", 2 -- after the name, which may hold any characters
  for field in (fields or ""):gmatch "%S+" do
    number = number + 1
    if number == 22 then return field end
  end
end

local own

--- Returns this process as claims and results name it: { host, pid, process_start }.
function claims.process()
  local pid = math.tointeger(uv.os_getpid())
  if not own or own.pid ~= pid then
    own = { host = uv.os_gethostname(), pid = pid, process_start = start_of(pid) or "unknown" }
  end
  return own
end

-- Creates a file that must not exist, with a claim of this process. Returns it, open; false if it exists; nil and a
-- message.
local function create(path)
  local fd, err, code = uv.fs_open(path, "wx", tonumber("644", 8))
  if not fd then
    if code == "EEXIST" then return false end
    return nil, err
  end
  local text = json.encode(claims.process()) .. "\n"
  local written, why = uv.fs_write(fd, text, 0)
  if written == #text then return fd end
  uv.fs_close(fd)
  os.remove(path)
  return nil, ("%s: %s"):format(path, why or "could not be written")
end

--- Returns true, and the process's number and host, if a claim is held (only true while it is written); false for a
-- void or missing claim.
function claims.is_held(path)
  local text = files.read(path)
  if not text then return false end
  local claim = json.decode(text)
  if type(claim) ~= "table" then
    local changed = lfs.attributes(path, "modification")
    return changed ~= nil and os.time() - changed < GRACE
  end
  if claim.host ~= claims.process().host then return true, claim.pid, claim.host end
  return start_of(claim.pid) == claim.process_start, claim.pid, claim.host
end

-- Takes over a void claim. A lock keeps two processes from taking it at the same time.
local function take_over(path)
  local lock <close>, err = files.lock(path:match "^(.*)/" .. "/.takeover")
  if not lock then return lock, err end
  if claims.is_held(path) then return nil end
  os.remove(path)
  local fd, why = create(path)
  return fd or nil, why
end

--- Claims a trial. Returns the file, open; nil if another process holds it; nil and a message if it cannot be made.
function claims.take(path)
  local fd, err = create(path)
  if fd or err then return fd, err end
  if claims.is_held(path) then return nil end
  return take_over(path)
end

--- Releases a claim.
function claims.release(path, fd)
  uv.fs_close(fd)
  os.remove(path)
end

--- Turns a claim into a result: the text, which also names this process, replaces the claim's, and the file moves. Does
-- not wait for the disk, which would take longer than a short trial: after a power failure a trial may have to run
-- again. Returns true, or nil and a message; the claim has ended.
function claims.finish(path, fd, text, target)
  local written, err = uv.fs_write(fd, text, 0)
  uv.fs_close(fd)
  local ok, why = written == #text, err or "could not be written"
  if ok then ok, why = os.rename(path, target) end
  if ok then return true end
  os.remove(path)
  return nil, ("%s: %s"):format(target, why)
end

return claims
