-- Compares random forests with scikit-learn's, same data, same number of threads: accuracy on several data sets, and
-- the time to fit 100 trees on 1000 spectra of 1000 points and to predict 2000.
--   lua bench/forest.lua [PYTHON]
-- PYTHON is an interpreter with scikit-learn (default python3), for example after
--   python3 -m venv peers && peers/bin/pip install scikit-learn
-- Measured spectra are read from $MOONBOW_DATA, else from ../shared/data.
local mb = require "moonbow"
local experiment = require "moonbow.experiment"
local clock = require "moonbow.clock"

local TREES, SEEDS, ROUNDS = 100, 5, 5

local function seconds(f)
  local begin = clock()
  local result = f()
  return (clock() - begin), result
end

local function fit(set, split, seed)
  return mb.forest.fit(set.x:index(split.train), set.y:index(split.train), { trees = TREES, seed = seed })
end

local function accuracy(set, seed)
  local hits, tested = 0, 0
  for _, split in ipairs(set.splits) do
    local n = #split.test
    hits = hits + n * fit(set, split, seed):score(set.x:index(split.test), set.y:index(split.test))
    tested = tested + n
  end
  return hits / tested, tested
end

local function best_times(set)
  local train, test = set.splits[1].train, set.splits[1].test
  local x, y, x_test = set.x:index(train), set.y:index(train), set.x:index(test)
  local fitted, predicted = math.huge, math.huge
  for seed = 0, ROUNDS - 1 do
    local time, model = seconds(function() return mb.forest.fit(x, y, { trees = TREES, seed = seed }) end)
    fitted = math.min(fitted, time)
    local function predict() return model:predict(x_test) end
    for _ = 1, 3 do predicted = math.min(predicted, (seconds(predict))) end
  end
  return fitted, predicted
end

local sets = dofile "bench/support/sets.lua" (os.getenv "MOONBOW_DATA" or "../shared/data")
local ask = dofile "bench/support/sklearn.lua"
local peer, reason = ask(arg[1] or "python3", "bench/forest_sklearn.py", sets,
  { trees = TREES, seeds = SEEDS, rounds = ROUNDS, threads = mb.threads() })
local measure = dofile "bench/measure.lua"
print(("%s, %d threads, %d trees, %d seeds, %s"):format(
  measure.processor(), mb.threads(), TREES, SEEDS,
  peer and "scikit-learn " .. peer.version or reason))

local lines = { { "data set", "moonbow", "scikit-learn", "difference", "standard error" } }
for _, set in ipairs(sets) do
  local ours, tested = {}, nil
  for seed = 0, SEEDS - 1 do ours[#ours + 1], tested = accuracy(set, seed) end
  local mean = experiment.spread(ours)
  local theirs = peer and experiment.spread(peer.accuracies[set.name])
  lines[#lines + 1] = { set.name, ("%.4f"):format(mean), peer and ("%.4f"):format(theirs) or "",
    peer and ("%+.4f"):format(mean - theirs) or "", ("%.4f"):format(math.sqrt(mean * (1 - mean) / tested)) }
end
experiment.table(lines)
local fitted, predicted = best_times(sets[1])
local function compare(what, ours, theirs)
  local beside = theirs and ("scikit-learn %7.1f ms   ratio %.1f"):format(1e3 * theirs, theirs / ours) or ""
  print(("%-8s %7.1f ms   %s"):format(what, 1e3 * ours, beside))
end
compare("fit", fitted, peer and peer.fit)
compare("predict", predicted, peer and peer.predict)
