-- The whole review: runs its experiments, each in a process of its own, and shows their results on one page.
--
-- Results are in --out, a folder for each experiment; an experiment that has results of the same seeds and settings is
-- not run again, and neither is one that has a larger run: a full one, or more seeds. Results are replaced only by new
-- ones. The page shows all results that are there, also of experiments that are not among the names. The folder
-- networks has trained networks until all experiments have results: several train the same one, and an experiment that
-- was interrupted does not train its networks again.
package.path = (arg[0]:match "^.*/" or "./") .. "?.lua;" .. package.path
local uv = require "luv"
local clock = require "moonbow.clock"
local experiment = require "moonbow.experiment"
local files = require "moonbow.io.files"
local interrupt = require "moonbow.interrupt"
local json = require "moonbow.io.json"
local output = require "moonbow.experiment.output"
local page = require "lib.page"
local progress = require "moonbow.progress"
local trained = require "moonbow.experiment.trained"
local verdict = require "moonbow.experiment.verdict"

local POLL = 100 -- milliseconds between two checks for Ctrl-C

local names = { "evaluation_dataset", "pooling_benefit", "feature_maps", "convolution_contribution", "single_filter",
  "relu_emptiness", "pooling_resolution", "border_peaks", "batch_norm", "dissimilarity", "depth", "smoothing" }
-- From 460 to 6 s on an AMD EPYC Zen 5; feature_maps and smoothing find networks of evaluation_dataset.
local longest_first = { "batch_norm", "evaluation_dataset", "depth", "relu_emptiness", "single_filter",
  "convolution_contribution", "pooling_benefit", "feature_maps", "border_peaks", "pooling_resolution", "dissimilarity",
  "smoothing" }

-- A seed of these is an untrained network, not a repetition: a number for all would make their shares worthless.
local counts_networks = { single_filter = true, relu_emptiness = true }

local parser = experiment.parser("review", "Runs the experiments of the review and writes a page with what they found.",
  "repetitions of each experiment; single_filter and relu_emptiness, whose seeds are networks, keep their own number")
parser:argument("names", "some of them: " .. table.concat(names, ", ")):args "*"
parser:option("--jobs", "how many run at once, each on one thread", tostring(uv.available_parallelism()))
  :convert(experiment.number("review", "--jobs", "positive integer"))
parser:flag("--fresh", "run again what has results already, also larger ones")
local args = output.parse(parser)
if args.seeds then output.check_seeds("review", args.seed, args.seeds) end
interrupt.end_script_with "interrupted; the same command starts again"
args.out = args.out or experiment.folder("review", args.quick)
experiment.prepare(args.out)

local wanted = {}
for _, name in ipairs(#args.names > 0 and args.names or names) do
  local is_known = false
  for _, known in ipairs(names) do is_known = is_known or known == name end
  if not is_known then experiment.fail(("no '%s'; there are: %s"):format(name, table.concat(names, ", "))) end
  wanted[name] = true
end

local networks = args.out .. "/networks" -- trained ones, shared by the experiments
local is_fresh_part = args.fresh and #args.names > 0 -- trains anew, beside the networks that others share
if args.fresh and not is_fresh_part then trained.clear(networks) end

local function folder_of(name) return args.out .. "/" .. name end

local function results_of(name)
  local results = output.read_json(folder_of(name) .. "/results.json")
  return page.is_result(results) and results.name == name and results or nil
end

-- The interpreter that runs this script, and the environment for one thread.
local scripts = arg[0]:match "^(.*/)" or "./"
local interpreter = uv.exepath()
local environment = { "OMP_NUM_THREADS=1" }
for name, value in pairs(uv.os_environ()) do
  if name ~= "OMP_NUM_THREADS" then environment[#environment + 1] = name .. "=" .. value end
end

-- What the script of an experiment is called with.
local function arguments_of(name)
  local list = { scripts .. name .. ".lua", "--out", folder_of(name), "--seed", tostring(args.seed) }
  local trains = name ~= "dissimilarity"
  if trains and not is_fresh_part then table.move({ "--networks", networks }, 1, 2, #list + 1, list) end
  if args.quick then list[#list + 1] = "--quick" end
  local seeds = not counts_networks[name] and args.seeds
  if seeds then table.move({ "--seeds", tostring(seeds) }, 1, 2, #list + 1, list) end
  return list
end

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- The seeds and settings with which this call would run an experiment, as its script says; nil if it says nothing.
local function plan_of(name)
  local words = { quoted(interpreter) }
  for _, argument in ipairs(arguments_of(name)) do words[#words + 1] = quoted(argument) end
  local pipe <close> = assert(io.popen(table.concat(words, " ") .. " --plan 2>/dev/null"))
  return (json.decode(pipe:read "a"))
end

local function are_same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key in pairs(a) do
    if b[key] == nil then return false end
  end
  for key, value in pairs(b) do
    if not are_same(a[key], value) then return false end
  end
  return true
end

local function is_done(got, plan)
  for key, value in pairs(plan) do
    if not are_same(got[key], value) then return false end
  end
  return true
end

-- True for a full run beside a quick one, and for more seeds of the same run.
local function is_larger(got, plan)
  local is_same = got.first_seed == plan.first_seed and are_same(got.settings, plan.settings)
  return output.is_larger(got, plan) and (is_same or got.quick ~= plan.quick)
end

-- Says in words why an experiment need not run; nil if it has to.
local function reason_to_keep(name)
  local got = not args.fresh and results_of(name)
  local plan = got and plan_of(name)
  if type(plan) ~= "table" then return nil end
  if is_done(got, plan) then return "done before" end
  if not is_larger(got, plan) then return nil end
  return ("its larger run is kept, %s; --fresh replaces it"):format(output.size_of(got))
end

local began = clock()
local function say(...) progress.line(clock() - began, ...) end

local queue, failed, running = {}, {}, {} -- running: the processes

local function start(name)
  experiment.prepare(folder_of(name))
  local log, reason = uv.fs_open(folder_of(name) .. "/log.txt", "w", tonumber("644", 8))
  if not log then experiment.fail(reason) end
  local arguments = arguments_of(name)
  local old = results_of(name)
  say("%s: started%s", name, old and (", replaces results of %s"):format(output.size_of(old)) or "")
  local process, err
  local options = { args = arguments, env = environment, stdio = { nil, log, log } }
  process, err = uv.spawn(interpreter, options, function(code)
    running[process] = nil
    process:close()
    uv.fs_close(log)
    if interrupt.came() then return end
    local results = code == 0 and results_of(name)
    say("%s: %s", name, results and page.verdict(results) or "failed, see " .. folder_of(name) .. "/log.txt")
    if not results then failed[#failed + 1] = name end
  end)
  if not process then experiment.fail(("%s: %s"):format(name, err)) end
  running[process] = true
end

-- Runs the queue, --jobs processes at once; Ctrl-C stops them all.
local function run_queue()
  local _ <close> = interrupt.catch("review", function() return "the same command goes on with what is missing" end)
  local timer = uv.new_timer()
  local _ <close> = setmetatable({}, { __close = function()
    for process in pairs(running) do process:kill "sigterm" end
    timer:close()
    uv.run()
  end })
  timer:start(POLL, POLL, function() end) -- a signal does not end the wait for events
  while #queue > 0 or next(running) do
    interrupt.check()
    local free = args.jobs
    for _ in pairs(running) do free = free - 1 end
    for _ = 1, math.min(free, #queue) do start(table.remove(queue, 1)) end
    uv.run "once"
  end
end

for _, name in ipairs(longest_first) do
  local reason = wanted[name] and reason_to_keep(name)
  if reason then
    say("%s: %s", name, reason)
  elseif wanted[name] then
    queue[#queue + 1] = name
  end
end
run_queue()

local all, rows, seconds = {}, { { "claim", "measured, mean ± sd", "ceiling", "verdict" } }, 0
for _, name in ipairs(names) do
  local results = results_of(name)
  if results then
    all[#all + 1], seconds = results, seconds + results.seconds
    for i, figure in ipairs(page.headlines(results)) do
      rows[#rows + 1] = { i == 1 and results.claim or "", ("%s: %s"):format(figure.name,
        verdict.show_spread(figure.values)),
        i == 1 and results.ceiling and ("%.3f"):format(results.ceiling) or "", i == 1 and page.verdict(results) or "" }
    end
  end
end
print()
experiment.table(rows)
local about = ("%s, %.1f minutes of one core; moonbow, %s."):format(page.count(all), seconds / 60,
  os.date "!%Y-%m-%d")
local path = args.out .. "/review.html"
local html = page.render(all, about, function(results, name)
  return (files.read(("%s/%s.svg"):format(folder_of(results.name), name)))
end)
local written, why = files.write(path, html)
if not written then experiment.fail(why) end
print(("\nwrote %s (%.0f s)"):format(path, clock() - began))
if #failed > 0 then experiment.fail("failed: " .. table.concat(failed, ", ")) end
if #all == #names then trained.clear(networks) end
