-- Measures the seconds for the dissimilarities of 1000 spectra to 1000 others, 1000 points each, warping with window
-- 50; and for the 5 nearest of each, for which warping need not compute all of them.
--   lua bench/distances.lua
local mb = require "moonbow"
local clock = require "moonbow.clock"

local WINDOW = 50

local function seconds(f)
  local begin = clock()
  f()
  return (clock() - begin)
end

local options = { n = 1000, length = 1000, first = 450, border = 500, last = 550, background = 0.2 }
local function spectra(seed)
  options.seed = seed
  return mb.data.border_peaks(options).train
end

local a, b = spectra(1), spectra(2)
local low = math.min(a.x:min():item(), b.x:min():item())
local measure = dofile "bench/measure.lua"
print(("%s, %d threads"):format(measure.processor(), mb.threads()))
for _, metric in ipairs(mb.neighbours.metrics) do
  local of = { metric = metric, window = metric:find "dtw" and WINDOW or nil, verbose = false }
  local x, examples = a.x - low, b.x - low -- so that none is negative
  local model = mb.neighbours.fit(examples, b.y, of)
  local all = seconds(function() mb.neighbours.distances(x, examples, of) end)
  print(("%-15s matrix %6.2f s   5 nearest %6.2f s"):format(metric, all,
    seconds(function() model:nearest(x) end)))
end
