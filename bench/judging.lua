-- Times preprocessing, distances and the models that are solved beside SciPy's, pybaselines' and scikit-learn's, in
-- alternating pairs on one thread: processor seconds, least of the pairs, and the median ratio.
--   lua bench/judging.lua [PYTHON] [--pairs N] [--only TEXT]     PYTHON has numpy, scipy, scikit-learn and pybaselines
package.path = (arg[0]:match "^(.*/)" or "./") .. "?.lua;" .. package.path
local mb = require "moonbow"
local argparse = require "argparse"
local time_pairs = require "support.pairs"

local parser = argparse("lua bench/judging.lua", "Times preprocessing and models beside those of Python.")
parser:argument("python", "an interpreter with scipy, scikit-learn and pybaselines", "python3")
parser:option("--pairs", "how often each is timed", "7"):convert(tonumber)
parser:option("--only", "times the cases whose names begin with this")
local args = parser:parse()

mb.threads(1)
local rng = mb.rng(1)
local wide, few = rng:uniform(0, 1, 1000, 5000, 1), rng:uniform(0, 1, 50, 5000, 1)
local rows, others = wide:reshape(1000, 5000), rng:uniform(0, 1, 1000, 5000)
local numbers, classes = rng:normal(0, 1, 1000), {}
for i = 1, 1000 do classes[i] = i % 5 + 1 end

local function step(...)
  local given = { ... }
  return function(x) return function() mb.preprocess.fit({ given }, x) end end
end

-- Name, and what is timed; the same names are in judging_peer.py.
local cases = {
  { "savitzky_golay 1000 x 5000", step "savitzky_golay"(wide) },
  { "snv 1000 x 5000", step "snv"(wide) },
  { "als_baseline 50 x 5000", function()
    mb.preprocess.fit({ { "als_baseline", lambda = 1e6, iterations = 10 } }, few)
  end },
  { "arpls_baseline 50 x 5000", function()
    mb.preprocess.fit({ { "arpls_baseline", lambda = 1e6, iterations = 10, tol = 1e-12 } }, few)
  end },
  { "airpls_baseline 50 x 5000", function()
    mb.preprocess.fit({ { "airpls_baseline", lambda = 1e6, iterations = 10, tol = 1e-12 } }, few)
  end },
  { "rolling_ball 50 x 5000", function() mb.preprocess.fit({ { "rolling_ball", half_window = 50 } }, few) end },
  { "distances 1000 x 1000 x 5000", function() mb.neighbours.distances(rows, others, { verbose = false }) end },
  { "neighbours 1000 x 1000 x 5000", function()
    mb.neighbours.fit(rows, classes, { k = 1, verbose = false }):predict(rows)
  end },
  { "pca 1000 x 5000, 10", function() mb.pca.fit(rows, { components = 10 }) end },
  { "pls 1000 x 5000, 10", function() mb.pls.fit(rows, numbers, { components = 10 }) end },
  { "ridge 1000 x 5000", function() mb.ridge.fit(rows, numbers) end },
  { "logistic 1000 x 5000, 5", function() mb.logistic.fit(rows, classes) end },
}

local chosen = {}
for _, case in ipairs(cases) do
  if case[1]:find(args.only or "", 1, true) == 1 then chosen[#chosen + 1] = case end
end
time_pairs(chosen, { python = args.python, script = "bench/judging_peer.py", pairs = args.pairs, threads = 1 })
