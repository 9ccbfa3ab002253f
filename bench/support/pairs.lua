-- Times functions beside those of a Python script, in alternating pairs.
local uv = require "luv"
local clock = require "moonbow.clock"
local measure = require "measure"
local experiment = require "moonbow.experiment"

-- Starts the script, which reads the names of cases and prints the seconds that each took. Returns a function of a
-- name; nil if there is no such interpreter.
local function start(python, script, threads)
  local input, output = uv.new_pipe(), uv.new_pipe()
  local environment = { "OMP_NUM_THREADS=" .. threads, "OPENBLAS_NUM_THREADS=" .. threads,
    "PATH=" .. os.getenv "PATH" }
  local handle = uv.spawn(python, { args = { script }, stdio = { input, output, 2 }, env = environment },
    function() end)
  if not handle then return nil end
  local text = ""
  output:read_start(function(_, part) text = part and text .. part or text .. "\n" end)
  return function(name)
    input:write(name .. "\n")
    while not text:find "\n" do uv.run "once" end
    local line, rest = text:match "^([^\n]*)\n(.*)$"
    text = rest
    return tonumber(line)
  end
end

local function seconds_of(f, now)
  collectgarbage()
  local begin = now()
  f()
  return now() - begin
end

--- Prints a table of the cases, each { name, f }: the least seconds of both, and the median ratio.
-- Options: python, script; pairs: how often each is timed; threads: with one, processor seconds are taken, else those
-- of the clock.
return function(cases, options)
  local now = options.threads == 1 and os.clock or clock
  local peer = start(options.python, options.script, options.threads)
  local lines = { { "", "moonbow ms", "peer ms", "times as fast" } }
  for _, case in ipairs(cases) do
    local name, f = table.unpack(case)
    local ours, theirs, ratios = math.huge, math.huge, {}
    f()
    for i = 1, options.pairs do
      local mine = seconds_of(f, now)
      local other = peer and peer(name)
      ours, theirs = math.min(ours, mine), math.min(theirs, other or math.huge)
      if other then ratios[i] = other / mine end
    end
    local format = ours < 0.01 and "%.2f" or "%.1f"
    lines[#lines + 1] = { name, format:format(ours * 1e3), #ratios > 0 and format:format(theirs * 1e3) or "",
      #ratios > 0 and ("%.2f"):format(measure.median(ratios)) or "" }
  end
  if peer then peer "end" end
  experiment.table(lines)
  if #lines[2][3] == 0 then print(options.python .. " cannot run the peers; only moonbow is measured") end
end
