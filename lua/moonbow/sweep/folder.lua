--- The folder of a sweep: a folder for each version, with a JSON file for each trial that has ended, logs and claims.
--
--     results/sweeps/NAME/VERSION/sweep.json           the parts of the version, the sweep's name and objective
--     results/sweeps/NAME/VERSION/trials/ID.json       written beside and renamed: whole or not there
--     results/sweeps/NAME/VERSION/logs/ID.log          append-only
--     results/sweeps/NAME/VERSION/claims/ID            names the process that runs the trial
--     results/sweeps/NAME/VERSION/checkpoints/ID/      for mb.fit
--     results/sweeps/NAME/VERSION/rungs/               values by which ASHA stops trials: see halving
--     results/sweeps/NAME/VERSION/slurm/               numbers of the jobs, and what they wrote
--
-- Nothing has to be cleaned up after a kill: see claims; and a result is complete or missing. After a loss of power it
-- may be damaged, which is as good as missing.
local lfs = require "lfs"
local check = require "moonbow.check"
local core = require "moonbow.core"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local claims = require "moonbow.sweep.claims"
local halving = require "moonbow.sweep.halving"
local reports = require "moonbow.sweep.reports"
local space = require "moonbow.sweep.space"
local version = require "moonbow.sweep.version"

local Folder = { __name = "folder of a sweep" }
Folder.__index = Folder

local folder = {}

--- Returns the identity of a trial in a version: 16 hexadecimal digits.
-- @param key of its configuration: see space.canonical
function folder.id(key, seed) return ("%016x"):format(core.digest(("%s %d"):format(key, seed))) end

local function read_json(path)
  local text, err = files.read(path)
  if not text then return nil, err end
  return json.decode(text)
end

-- Returns the versions below a folder that have results, except one: { version, parts, trials }.
local function other_versions(root, own)
  local found = {}
  if lfs.attributes(root, "mode") ~= "directory" then return found end
  for name in lfs.dir(root) do
    local trials = root .. "/" .. name .. "/trials"
    if name ~= own and #name == 16 and lfs.attributes(trials, "mode") == "directory" then
      local count = 0
      for file in lfs.dir(trials) do count = count + (file:find "%.json$" and 1 or 0) end
      local about = read_json(root .. "/" .. name .. "/sweep.json")
      if count > 0 and about then found[#found + 1] = { version = name, parts = about.parts, trials = count } end
    end
  end
  table.sort(found, function(a, b) return a.version < b.version end)
  return found
end

--- Opens the folder of a sweep's version, which need not exist yet.
-- @param root such as results/sweeps/NAME
function folder.open(root, sweep)
  root = files.absolute(root) -- a trial may change the folder of its process
  return setmetatable({ root = root, path = root .. "/" .. sweep.version, sweep = sweep, claimed = {},
    configs = {} }, Folder)
end

--- Returns other versions of the sweep with results: a list of { version, trials, differences (names of parts) }.
function Folder.others(self)
  local others = other_versions(self.root, self.sweep.version)
  for _, other in ipairs(others) do other.differences = version.differences(other.parts, self.sweep.parts) end
  return others
end

--- Makes the folders. Returns true, or nil and a message.
function Folder.prepare(self)
  for _, name in ipairs { "trials", "logs", "claims" } do
    local ok, err = files.make_folders(self.path .. "/" .. name)
    if not ok then return nil, err end
  end
  local path = self.path .. "/sweep.json"
  if files.exists(path) then return true end
  local sweep = self.sweep
  return files.write(path, json.encode { name = sweep.name, version = sweep.version, parts = sweep.parts,
    objective = sweep.objective } .. "\n")
end

-- False of a trial that was stopped where the sweep would not stop it now: strategy or objective have changed, or the
-- first seed of its configuration, which decided, runs again or has ended otherwise since.
local function holds(self, result)
  if result.status ~= "stopped" then return true end
  local rule = halving.rule(self.sweep)
  if not rule or result.rule ~= rule then return false end
  if not result.first then return true end
  local first = self:outcome(folder.id(space.canonical(result.config), self.sweep.seeds[1]))
  return first ~= nil and first.status == result.first
end

--- Returns the result of a trial; nil if it has not ended, or was stopped by what does not hold any more; nil and a
-- message if the file is damaged.
function Folder.result(self, id)
  local path = self.path .. "/trials/" .. id .. ".json"
  if not files.exists(path) then return nil end
  local result, err = read_json(path)
  local is_table = type(result) == "table" and type(result.config) == "table"
  if is_table and type(result.status) == "string" then return holds(self, result) and result or nil end
  return nil, ("%s: %s"):format(path, err or "it is no result of a trial")
end

-- Matches a result as Folder.write writes it, unless a name or value has a brace; captures configuration and metrics as
-- text, seed, and status.
local LAYOUT = '^{"config":({[^{}]*}),"host":[^{}]*"metrics":({[^{}]*}),"pid":%d+,"process_start":"%w+",'
  .. '"reports":%[.*%],[^{}%[%]]*"seed":(%d+),"started":"[^"]*","status":"(%a+)","versions":{[^{}]*}}\n$'

--- Returns the outcome of a trial, for a ranking: a result with config and its key, seed, status, and the objective as
-- its only metric; or nil and a message. Most of the file is not decoded, and equal configurations are decoded once:
-- 10,000 results are read in 0.3 s.
function Folder.outcome(self, id)
  local file, objective = io.open(self.path .. "/trials/" .. id .. ".json", "rb"), self.sweep.objective.name
  if not file then return nil end
  local text = file:read "a"
  file:close()
  local config, metrics, seed, status = text:match(LAYOUT)
  if not config then return self:result(id) end
  local at, last = metrics:find(json.encode(objective) .. ":", 1, true)
  local value = at and metrics:find("^[{,]", at - 1) and tonumber(metrics:match("^[^,}]+", last + 1))
  self.configs[config] = self.configs[config] or json.decode(config)
  if not (value and self.configs[config]) then return self:result(id) end
  return { id = id, config = self.configs[config], key = config, metrics = { [objective] = value },
    seed = math.tointeger(seed), status = status }
end

--- True if a trial has a result. One that is damaged, as a loss of power may leave it, is none: the trial runs again.
function Folder.has(self, id) return self:outcome(id) ~= nil end

--- Writes the result of a claimed trial, whole or not at all, and ends the claim. Returns true, or nil and a
-- message.
function Folder.write(self, id, result)
  local fd = self.claimed[id]
  self.claimed[id] = nil
  for key, value in pairs(claims.process()) do result[key] = value end
  local text, err = json.encode(result)
  if not text then
    claims.release(self:claim_path(id), fd)
    return nil, err
  end
  return claims.finish(self:claim_path(id), fd, text .. "\n", self.path .. "/trials/" .. id .. ".json")
end

--- Removes the result of a trial, so that it runs again.
function Folder.forget(self, id) return os.remove(self.path .. "/trials/" .. id .. ".json") end

function Folder.claim_path(self, id) return self.path .. "/claims/" .. id end

--- Claims a trial. Returns true; nil if another process runs it; nil and a message if the claim cannot be made.
function Folder.claim(self, id)
  local fd, err = claims.take(self:claim_path(id))
  self.claimed[id] = fd
  return fd and true, err
end

--- Releases the claim on a trial, unless a result replaced it.
function Folder.release(self, id)
  local fd = self.claimed[id]
  self.claimed[id] = nil
  if fd then claims.release(self:claim_path(id), fd) end
end

--- Returns the trials that processes run now: { [id] = { pid, host, process_start, job (of Slurm), restart } }.
function Folder.running(self)
  local found, path = {}, self.path .. "/claims"
  if lfs.attributes(path, "mode") ~= "directory" then return found end
  local paths = {}
  for id in lfs.dir(path) do
    if #id == 16 then paths[#paths + 1] = path .. "/" .. id end
  end
  for claim, process in pairs(claims.held(paths)) do
    if process.pid then found[claim:match "[^/]+$"] = process end
  end
  return found
end

--- Appends a line to the log of a trial. Returns true, or nil and a message.
function Folder.log(self, id, line) return files.append(self.path .. "/logs/" .. id .. ".log", line) end

local MOST_REPORT = 4096 -- bytes at the end of a log among which the last report is looked for

--- Returns the last report in a trial's log, { step, metrics, seconds }; nil if there is none near its end.
function Folder.last_report(self, id)
  local file = io.open(self:log_path(id), "rb")
  if not file then return nil end
  local size = file:seek "end"
  file:seek("set", math.max(0, size - MOST_REPORT))
  local list = reports.read(file:read "a")
  file:close()
  return list[#list]
end

--- Returns the reports of a trial, of all its starts: see moonbow.sweep.reports.
function Folder.reports(self, id) return reports.read((files.read(self:log_path(id))) or "") end

--- The path of a trial's log.
function Folder.log_path(self, id) return self.path .. "/logs/" .. id .. ".log" end

--- Returns the folder for checkpoints of a trial, and makes it.
function Folder.checkpoint(self, id)
  local path = self.path .. "/checkpoints/" .. id
  local ok, err = files.make_folders(path)
  if not ok then check.fail("sweep", "%s", err) end
  return path
end

--- The ids of all trials with a file of a result, which may be damaged, as a set.
function Folder.kept(self)
  local found, path = {}, self.path .. "/trials"
  if lfs.attributes(path, "mode") ~= "directory" then return found end
  for name in lfs.dir(path) do
    local id = name:match "^(%x+)%.json$"
    if id and #id == 16 then found[id] = true end
  end
  return found
end

--- The ids of all trials that have results, as a set.
function Folder.ended(self)
  local found = self:kept()
  for id in pairs(found) do found[id] = self:has(id) or nil end
  return found
end

return folder
