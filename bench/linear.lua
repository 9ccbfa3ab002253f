-- Compares linear classifiers with scikit-learn's, same solver and settings, on standardised spectra: accuracy in
-- 5-fold cross-validation of measured spectra, and seconds, preprocessing included.
--   lua bench/linear.lua [PYTHON]
-- PYTHON and the measured spectra are as for bench/forest.lua.
local mb = require "moonbow"
local experiment = require "moonbow.experiment"
local clock = require "moonbow.clock"

local KINDS, CS, TOL = { "logistic", "svm" }, { 0.01, 1 }, 1e-4

local function accuracy(set, kind, C)
  local hits, tested, D = 0, 0, set.x:size(2)
  for _, split in ipairs(set.splits) do
    local fitted, x = mb.preprocess.fit({ "standardize" }, set.x:index(split.train):reshape(-1, D, 1))
    local model = mb.linear.fit(x, set.y:index(split.train), { kind = kind, C = C, tol = TOL })
    local x_test = mb.preprocess.apply(fitted, set.x:index(split.test):reshape(-1, D, 1))
    hits = hits + #split.test * model:score(x_test, set.y:index(split.test))
    tested = tested + #split.test
  end
  return hits / tested
end

local sets = {}
for _, set in ipairs(dofile "bench/support/sets.lua" (os.getenv "MOONBOW_DATA" or "../shared/data")) do
  if #set.splits > 1 then sets[#sets + 1] = set end
end
local ask = dofile "bench/support/sklearn.lua"
local peer, reason = ask(arg[1] or "python3", "bench/linear_sklearn.py", sets,
  { kinds = KINDS, C = CS, tol = TOL })
print(peer and "scikit-learn " .. peer.version or reason)
local lines = { { "data set", "kind", "C", "moonbow", "scikit-learn", "moonbow s", "scikit-learn s" } }
for _, set in ipairs(sets) do
  for _, kind in ipairs(KINDS) do
    for _, C in ipairs(CS) do
      local begin = clock()
      local ours, theirs = accuracy(set, kind, C), peer and peer.rows[#lines]
      lines[#lines + 1] = { set.name, kind, C, ("%.4f"):format(ours),
        theirs and ("%.4f"):format(theirs.accuracy) or "", ("%.3f"):format((clock() - begin)),
        theirs and ("%.3f"):format(theirs.seconds) or "" }
    end
  end
end
experiment.table(lines)
