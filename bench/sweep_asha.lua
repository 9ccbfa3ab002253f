-- Does halving find the best configuration of a grid, and in which share of the grid's time?
--
--     lua bench/sweep_asha.lua [FILE] [--seeds N] [--steps N] [--workers N]
--
-- runs the grid of a sweep file (experiments/sweeps/pooling_depth.lua), then the same space with ASHA for several seeds
-- of the strategy, which draw another order of the configurations. The time of a trial is that of its training epochs;
-- an epoch of a configuration counts as long as the grid took for it, so that a busy machine does not change the share.
local argparse = require "argparse"
local lfs = require "lfs"
local mb = require "moonbow"
local collect = require "moonbow.sweep.collect"
local definition = require "moonbow.sweep.definition"
local files = require "moonbow.io.files"
local folders = require "moonbow.sweep.folder"
local space = require "moonbow.sweep.space"
local text_table = require "moonbow.text_table"
local words = require "moonbow.sweep.words"

local parser = argparse("lua bench/sweep_asha.lua", "Compares ASHA with the grid of a sweep file.")
parser:argument("file", "the sweep file"):default "experiments/sweeps/pooling_depth.lua"
parser:option("--seeds", "of the strategy"):convert(math.tointeger):default "5"
parser:option("--steps", "the last step that a trial reports"):convert(math.tointeger):default "12"
parser:option("--workers", "processes"):convert(math.tointeger):default "2"
local args = parser:parse()

local root = os.tmpname()
os.remove(root)
assert(lfs.mkdir(root))

-- Runs a sweep file; returns its results, and its configurations, the best first.
local function run(path, name)
  local out = root .. "/" .. name
  assert(mb.sweep.run(path, { out = out, workers = args.workers }))
  local folder = folders.open(out, assert(definition.load(path)))
  local summary = collect.ranking(folder.sweep, (collect.read(folder, folder.result)))
  return summary.results, summary.configurations
end

-- Writes the sweep with another strategy.
local function with_strategy(seed, trials)
  local path = ("%s/asha%d.lua"):format(root, seed)
  assert(files.write(path, ([[
    local sweep = assert(loadfile(%q))(...)
    sweep.strategy = { "asha", trials = %d, steps = %d, seed = %d }
    return sweep
  ]]):format(files.absolute(args.file), trials, args.steps, seed)))
  return path
end

local grid, grid_ranking = run(args.file, "grid")
local epoch, grid_time, ranks = {}, 0, {} -- seconds of an epoch by configuration
for _, result in ipairs(grid) do
  local key = space.canonical(result.config)
  epoch[key] = (epoch[key] or 0) + result.seconds / #result.reports / (#grid / #grid_ranking)
  grid_time = grid_time + result.seconds
end
for rank, item in ipairs(grid_ranking) do ranks[item.key] = rank end
print("grid: " .. words.result(grid_ranking[1], { name = "objective" }))
print("second: " .. words.result(grid_ranking[2], { name = "objective" }))

local rows = { { "seed of ASHA", "its best is the grid's number", "epochs", "share of the grid's time" } }
for seed = 1, args.seeds do
  local results, ranking = run(with_strategy(seed, #grid_ranking), "asha" .. seed)
  local time, epochs = 0, 0
  for _, result in ipairs(results) do
    epochs = epochs + #result.reports
    time = time + #result.reports * epoch[space.canonical(result.config)]
  end
  rows[#rows + 1] = { seed, ranks[ranking[1].key], epochs, ("%.0f %%"):format(100 * time / grid_time) }
end
print(text_table.format(rows, { left = 0 }))
os.execute("rm -rf " .. root)
