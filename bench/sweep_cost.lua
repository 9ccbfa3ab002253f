-- What a sweep costs beside its trials: a sweep of a trivial function.
--
--     lua bench/sweep_cost.lua [--trials 10000] [--workers 2]
local argparse = require "argparse"
local lfs = require "lfs"
local mb = require "moonbow"
local clock = require "moonbow.clock"
local files = require "moonbow.io.files"
local space = require "moonbow.sweep.space"
local strategies = require "moonbow.sweep.strategies"

local parser = argparse("lua bench/sweep_cost.lua", "Measures what a sweep costs beside its trials.")
parser:option("--trials", "of the sweep"):convert(math.tointeger):default "10000"
parser:option("--workers", "processes"):convert(math.tointeger):default "2"
local args = parser:parse()

local root = os.tmpname()
os.remove(root)
assert(lfs.mkdir(root))
local path = root .. "/trivial.lua"
assert(files.write(path, ([[
  local sweep = require("moonbow").sweep
  return { space = { x = sweep.range(0, 1), n = sweep.integer(1, 1000), kind = { "a", "b", "c" } }, seeds = 1,
    strategy = { "random", trials = %d }, objective = "score", run = function(config) return { score = config.x } end }
]]):format(args.trials)))

-- Calls f, and prints the time, and in brackets that of the processor in this process, which other programs do not
-- lengthen: in seconds, or in milliseconds for each of a number of trials.
local function time(name, each, f)
  local began, before = clock(), os.clock()
  local result = f()
  local unit = each and 1e3 / each or 1
  print(("%-28s %6.3f (%.3f) %s"):format(name, unit * (clock() - began), unit * (os.clock() - before),
    each and "ms a trial" or "s"))
  return result
end

local here, there = { out = root .. "/here" }, { out = root .. "/there" }
time("plan", args.trials, function() return assert(mb.sweep.plan(path, here)) end)
time("run in one process", args.trials, function() return mb.sweep.run(path, { out = here.out, workers = 0 }) end)
time(("run with %d workers"):format(args.workers), args.trials, function()
  return mb.sweep.run(path, { out = there.out, workers = args.workers })
end)
time("status", nil, function() return mb.sweep.status(path, here) end)
time("collect", args.trials, function() return mb.sweep.collect(path, here) end)
local page = ("%s/%s/page.html"):format(here.out, mb.sweep.plan(path, here).version)
print(("%-28s %6.2f MB"):format("page", lfs.attributes(page, "size") / 1e6))

-- Suggestions of TPE with so many configurations behind it.
local function suggest(count)
  local sweep, history = mb.sweep, {}
  local strategy = strategies.new { strategy = { "tpe", trials = 2 * count, seed = 1 }, space = space.parse {
    lr = sweep.range(1e-5, 1, { scale = "log" }), n = sweep.integer(1, 100, { scale = "log" }),
    kind = { "a", "b", "c", "d" }, m = sweep.when({ kind = "c" }, sweep.range(0, 1)) } }
  local function step()
    local config = strategy:next(history)
    history[#history + 1] = { config = config, value = (math.log(config.lr, 10) + 2.5) ^ 2 + config.n / 100 }
  end
  for _ = 1, count do step() end
  time(("a suggestion of TPE at %d"):format(count), 100, function()
    for _ = 1, 100 do step() end
  end)
end
suggest(1000)
os.execute("rm -rf " .. root)
