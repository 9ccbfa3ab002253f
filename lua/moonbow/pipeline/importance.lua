--- Which parts of the axis a pipeline uses: the growth of its error when the values of a band are permuted among the
-- spectra (Breiman 2001, Mach. Learn. 45, 5).
local core = require "moonbow.core"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local pipelines = require "moonbow.pipeline"
local preprocess = require "moonbow.data.preprocess"
local problem = require "moonbow.pipeline.problem"

-- The scores of classes as shares; those of PLS-DA are estimates of them already.
local function memberships(fitted, scores)
  local model = fitted.pipeline.model
  if model == "network" then return core.softmax(scores) end
  if model == "svm" then return core.mul(core.add(scores, 1), 0.5) end
  return scores
end

-- What should be predicted: numbers, or 1 for the class and 0 for the others.
local function wanted(y, about)
  if about.task == "number" then return y end
  local rows = {}
  for i, class in ipairs(y) do
    rows[i] = {}
    for k = 1, about.classes do rows[i][k] = k == class and 1 or 0 end
  end
  return core.tensor(rows)
end

local function root_mean_square(fitted, x, truth)
  local scores = fitted.pipeline.estimator.predict(fitted.model, x, fitted.value)
  if fitted.task == "class" then scores = memberships(fitted, scores) end
  local difference = core.sub(scores, truth)
  return math.sqrt(core.mean(core.mul(difference, difference))[1])
end

-- The spectra with the points first to last of each taken from another one.
local function permuted(x, first, last, order)
  local parts, L = {}, core.size(x, 2)
  if first > 1 then parts[1] = core.slice(x, 2, 1, first - 1) end
  parts[#parts + 1] = core.index(core.slice(x, 2, first, last - first + 1), order)
  if last < L then parts[#parts + 1] = core.slice(x, 2, last + 1, L - last) end
  return #parts > 1 and core.concat(parts, 2) or parts[1]
end

local function random_order(n, rng)
  local order = {}
  for i = 1, n do order[i] = i end
  rng:shuffle(order)
  return core.tensor(order)
end

-- Adds the growth of the error by each band on the test rows of a fold. Bands are those of the prepared spectra: a step
-- at the edge of a band of raw ones would be a peak in their derivative.
local function add_growth(bands, pipeline, read, fold, options)
  local fitted = pipelines.fit_rows(pipeline, problem.part(read, problem.rows(fold.train), options.seed))
  local data, y, about = problem.part(read, problem.rows(fold.test), options.seed)
  local prepared, truth = preprocess.apply(fitted.preprocessing, data), wanted(y, about)
  local x, axis, rng = prepared.x, prepared.axis, core.rng { options.seed, 7 }
  local error, count = root_mean_square(fitted, x, truth), math.min(options.bands, #axis)
  for b = 1, count do
    interrupt.check()
    local first, last = (b - 1) * #axis // count + 1, b * #axis // count
    bands[b] = bands[b] or { low = math.min(axis[first], axis[last]), high = math.max(axis[first], axis[last]),
      growth = 0 }
    for _ = 1, options.repeats do
      local worse = root_mean_square(fitted, permuted(x, first, last, random_order(core.size(x, 1), rng)), truth)
      bands[b].growth = bands[b].growth + (worse - error) / options.repeats
    end
  end
end

local known = { bands = check.default(40, "positive integer"), repeats = check.default(5, "positive integer"),
  seed = check.default(1, "integer"), label = problem.known.label, target = problem.known.target,
  groups = problem.known.groups }

--- Returns a list of bands { low, high, growth }: the mean growth over the folds of the root mean squared error of
-- numbers, or of the scores of classes against 1 for the right one and 0 for the others.
-- @param pipeline a pipeline
-- @param set of spectra
-- @param folds a list of { train, test } as split.k_fold gives it
-- @param options label, target and groups as for mb.cross_validate; bands (40), repeats of each permutation (5), seed
return function(pipeline, set, folds, options)
  options = check.options("importance", options, known)
  local read = problem.read("importance", set, options, pipeline.task)
  local _ <close> = interrupt.catch "importance"
  local bands = {}
  for _, fold in ipairs(folds) do add_growth(bands, pipeline, read, fold, options) end
  for _, band in ipairs(bands) do band.growth = band.growth / #folds end
  return bands
end
