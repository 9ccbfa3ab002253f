--- Claims on trials: a file names the process that runs a trial, and becomes the trial's result.
--
-- A process is identified by host, number and start time, since the system reuses numbers. A claim is void when its
-- process has ended. Of another host's claims only those of Slurm jobs are judged: one is void when its job has left
-- the queue, or if it comes from an earlier run of our own job, which Slurm has put into the queue again.
-- Claim and result are one file, so that a short trial costs one new file and one renaming.
local lfs = require "lfs"
local uv = require "luv"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local queue = require "moonbow.sweep.queue"

local claims = {}

local GRACE = 10 -- seconds that a process may take between creating or changing a claim and writing all of it

-- Returns the start time of a process in ticks since the system started, or nil if there is no such process. A process
-- that has ended, and for which no other has waited yet (a zombie), is none.
local function start_of(pid)
  local file = io.open(("/proc/%d/stat"):format(pid), "r")
  if not file then return nil end
  local text = file:read "a"
  file:close()
  local fields, number = text:match "^.*%)%s(.*)$", 2 -- after the name, which may hold any characters
  for field in (fields or ""):gmatch "%S+" do
    number = number + 1
    if number == 3 and field:find "[ZX]" then return nil end
    if number == 22 then return field end
  end
end

local function number_of(name) return math.tointeger(tonumber(os.getenv(name))) end

local own

--- Returns this process as claims and results name it: { host, pid, process_start }, in a Slurm job with { job, restart
-- (how often Slurm has started it again) }.
function claims.process()
  local pid = math.tointeger(uv.os_getpid())
  if not own or own.pid ~= pid then
    local job = number_of "SLURM_JOB_ID"
    own = { host = uv.os_gethostname(), pid = pid, process_start = start_of(pid) or "unknown", job = job,
      restart = job and (number_of "SLURM_RESTART_COUNT" or 0) }
  end
  return own
end

-- A write to a file is only short where the disk is full.
local function fault_of(written, text, err)
  if written == #text then return nil end
  return err or ("%d of %d bytes were written: no space left on device"):format(written, #text)
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
  local fault = fault_of(written, text, why)
  if not fault then return fd end
  uv.fs_close(fd)
  os.remove(path)
  return nil, ("%s: %s"):format(path, fault)
end

-- Returns the process that a claim names, as claims.process, without entries while it is written; nil for no claim.
local function read(path)
  local text = files.read(path)
  if not text then return nil end
  local claim = json.decode(text)
  if type(claim) == "table" then return claim end
  local changed = lfs.attributes(path, "modification")
  return changed and math.abs(os.time() - changed) < GRACE and {} or nil -- one of the future would never become void
end

local function lives(process)
  local us = claims.process()
  if process.host == us.host then return start_of(process.pid) == process.process_start end
  if not process.job then return true end
  if process.job == us.job then return process.restart >= us.restart end
  return queue.has(process.job) ~= false
end

--- Returns those of a list of claims that are held, { [path] = process }; a process has no entries while it writes.
function claims.held(paths)
  local found, jobs, host = {}, {}, claims.process().host
  for _, path in ipairs(paths) do
    found[path] = read(path)
    if found[path] and found[path].host ~= host then jobs[#jobs + 1] = found[path].job end
  end
  queue.ask(jobs)
  for path, process in pairs(found) do
    if not lives(process) then found[path] = nil end
  end
  return found
end

--- Returns true if a claim is held or being written; false for a void or missing claim.
function claims.is_held(path)
  local process = read(path)
  return process ~= nil and lives(process)
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
  local ok, why = nil, fault_of(written, text, err)
  if not why then ok, why = os.rename(path, target) end
  if ok then return true end
  os.remove(path)
  return nil, ("%s: %s"):format(target, why)
end

return claims
