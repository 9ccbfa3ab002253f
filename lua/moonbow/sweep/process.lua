--- A worker process as the runner sees it: its trial, its answers, what it prints, its memory.
--
-- What a worker prints goes to the log of its trial. It answers on a socket after it has printed, and answers are read
-- after all else that has come, so that nothing lands in the log of the next trial.
local uv = require "luv"
local check = require "moonbow.check"
local clock = require "moonbow.clock"
local files = require "moonbow.io.files"
local json = require "moonbow.io.json"
local trials = require "moonbow.sweep.trial"

local CODE = "require('moonbow.sweep.worker').main()"
local MOST_LOG = 1 << 20   -- bytes that a trial prints and its log keeps
local MOST_LINE = 1 << 16  -- bytes of a line that are kept together
local MOST_TAIL = 500      -- bytes of it in the reason of an end
local LOOK = 10            -- milliseconds between looks for what a worker left
local MOST_LOOKS = 100     -- where process 1 does not wait for ended programs, they stay as zombies

local Process = { __name = "worker process" }
Process.__index = Process

local process = {}

--- Returns the environment of workers, which share the cores: this process's, with a number of threads.
function process.environment(threads)
  -- Absolute, since a trial may change the folder of its process, and require something there.
  local list = { "OMP_NUM_THREADS=" .. threads, "LUA_PATH=" .. package.path:gsub("[^;]+", files.absolute),
    "LUA_CPATH=" .. package.cpath:gsub("[^;]+", files.absolute) }
  local own = { OMP_NUM_THREADS = true, LUA_PATH = true, LUA_CPATH = true, LUA_PATH_5_4 = true, LUA_CPATH_5_4 = true }
  for name, value in pairs(uv.os_environ()) do
    if not own[name] then list[#list + 1] = name .. "=" .. value end
  end
  return list
end

-- ---- what it prints ----

local function log(self, text)
  local room = MOST_LOG - self.logged
  if text == "" or room <= 0 or not self.log_id then return end
  self.logged = self.logged + #text
  if #text > room then text = text:sub(1, room) .. "\n... what it printed after this is not kept" end
  self.folder:log(self.log_id, text)
end

-- Keeps what comes from standard output (1) or standard error (2): whole lines, so that those of both do not mix.
local function keep(self, stream, text)
  self.tail = (self.tail .. text):sub(-MOST_TAIL)
  text = self.partial[stream] .. text
  local lines, rest = text:match "^(.*)\n([^\n]*)$"
  log(self, lines or "")
  self.partial[stream] = rest or text
  if #self.partial[stream] > MOST_LINE then self:flush(stream) end
end

--- Writes a line without an end to the log, of one stream or of both.
function Process.flush(self, stream)
  for i = stream or 1, stream or 2 do
    log(self, self.partial[i])
    self.partial[i] = ""
  end
end

--- The end of what the worker printed, for the reason of its end.
function Process.wrote(self)
  local text = self.tail:gsub("%s+$", "")
  return text == "" and "" or "; it wrote: " .. trials.printable(text)
end

-- ---- its start, its messages, its end ----

local function read_answers(self)
  local lines = self.unread
  self.unread = lines:match "[^\n]*$"
  for id, status in lines:gmatch "(%S+) (%w+)\n" do self.on_answer(self, id, status) end
end

local function read_from(self)
  for stream, pipe in ipairs { self.output, self.err } do
    pipe:read_start(function(_, text) if text then keep(self, stream, text) end end)
  end
  self.socket:read_start(function(_, text)
    if not text then return end
    self.unread = self.unread .. text
    self.later:start(0, 0, function() read_answers(self) end)
  end)
end

local function close(self)
  for _, handle in ipairs { self.socket, self.output, self.err, self.later, self.handle } do handle:close() end
  self:kill() -- programs that it started and left
end

--- Starts a worker of a sweep's folder; raises if that fails.
-- @param environment from process.environment
-- @param on_answer function(process, id, status): see moonbow.sweep.worker
-- @param on_exit function(process, code, signal)
function process.start(folder, environment, on_answer, on_exit)
  local self = setmetatable({ folder = folder, on_answer = on_answer, socket = uv.new_pipe(false),
    output = uv.new_pipe(false), err = uv.new_pipe(false), later = uv.new_timer(), unread = "", tail = "", logged = 0,
    partial = { "", "" } }, Process)
  local err
  self.handle, err = uv.spawn(uv.exepath(), { args = { "-e", CODE }, env = environment,
    stdio = { nil, self.output, self.err, self.socket }, detached = true }, function(code, signal)
      read_answers(self)
      close(self)
      on_exit(self, code, signal)
    end)
  if not self.handle then check.fail("sweep", "no worker could be started: %s", err) end
  self.pid = self.handle:get_pid()
  read_from(self)
  self:send { path = folder.sweep.path, root = folder.root, quick = folder.sweep.quick }
  return self
end

function Process.send(self, value) self.socket:write(json.encode(value) .. "\n") end

--- Gives the worker a trial.
function Process.begin(self, trial)
  self.trial, self.log_id, self.logged, self.tail = trial, trial.id, 0, ""
  self.began, self.memory = clock(), 0
  self:send { id = trial.id, config = trial.config, seed = trial.seed }
end

--- Lets a worker without a trial end.
function Process.leave(self)
  if self.is_leaving then return end
  self.is_leaving = true
  self.socket:shutdown()
end

--- Ends the worker and the programs that it started: it leads a group of processes. Returns false if all are gone.
function Process.kill(self) return uv.kill(-self.pid, "sigkill") == 0 end

--- Calls done once the programs that an ended worker left are gone, too: after a signal they are there for a while.
function Process.when_gone(self, done)
  local timer, looks = uv.new_timer(), 0
  timer:start(0, LOOK, function()
    looks = looks + 1
    if self:kill() and looks < MOST_LOOKS then return end
    timer:close()
    done()
  end)
end

--- Measures the resident memory, whose largest value is in memory, in bytes.
function Process.measure(self)
  local file = io.open(("/proc/%d/statm"):format(self.pid), "r")
  local pages = file and file:read("a"):match "^%d+ (%d+)"
  if file then file:close() end
  self.memory = math.max(self.memory, (tonumber(pages) or 0) * 4096)
end

return process
