--- Sets of classes, and intervals of numbers, that hold the truth with a stated probability (Vovk, Gammerman and Shafer
-- 2005).
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"
local judging = require "moonbow.judging.read"
local scores = require "moonbow.pipeline.scores"

--- A model that predicts sets of classes, or intervals of numbers. print(conformal) says what it was calibrated on.
--
-- @class conformal
-- @field coverage number the probability with which a set holds the truth
-- @field threshold number the largest score of a class that is in a set; of numbers, half the width of the interval
-- @field method string "threshold" or "adaptive" of classes, "residual" of numbers
-- @field count integer spectra that it was calibrated on
-- @field names table the names of the classes, if the model has them
local Conformal = {}

local function show(conformal)
  return ("conformal %s: coverage %g, calibrated on %s, %s %.4g"):format(conformal.method == "residual" and "intervals"
    or "sets", conformal.coverage, check.show_count(conformal.count, "spectrum", "spectra"),
    conformal.method == "residual" and "half width" or "threshold", conformal.threshold)
end

-- The scores of all classes, (N, classes): the less, the sooner a class is in the set.
local measures = {
  threshold = function(probabilities) return core.sub(1, probabilities) end,
  -- The probability of the classes that are likelier: 0 of the likeliest, which is in every set.
  adaptive = function(probabilities)
    local n, classes, columns = core.size(probabilities, 1), core.size(probabilities, 2), {}
    for k = 1, classes do
      local own = core.slice(probabilities, 2, k, 1)
      columns[k] = core.reshape(core.sum(core.mul(probabilities, core.gt(probabilities, own)), 2), n, 1)
    end
    return core.concat(columns, 2)
  end,
}

local function check_task(conformal, operation, is_of_numbers)
  if (conformal.method == "residual") ~= is_of_numbers then
    check.fail("conformal:" .. operation, "the model predicts %s", is_of_numbers and "classes; take sets"
      or "numbers; take intervals")
  end
end

--- Which classes are in the set of each spectrum. A set of method "threshold" may be empty: no class is likely enough.
-- @param x tensor|spectra|table (N, L, C), raw ones for a fitted pipeline
-- @return tensor (N, classes) of 1 for a class in the set, 0 for the others
function Conformal:contains(x)
  check_task(self, "contains", false)
  return core.le(measures[self.method](self.ask(x)), self.threshold)
end

--- The sets of classes.
-- @param x tensor|spectra|table (N, L, C), raw ones for a fitted pipeline
-- @return table a list of lists of class numbers, or of names if the model has them
function Conformal:sets(x)
  local sets = {}
  for i, row in ipairs(core.totable(self:contains(x))) do
    sets[i] = {}
    for k, is_in in ipairs(row) do
      if is_in == 1 then table.insert(sets[i], self.names and self.names[k] or k) end
    end
  end
  return sets
end

--- The intervals of numbers.
-- @param x tensor|spectra|table (N, L, C), raw ones for a fitted pipeline
-- @return tensor (N) the lower ends
-- @return tensor (N) the upper ends
function Conformal:intervals(x)
  check_task(self, "intervals", true)
  local found = core.reshape(self.ask(x), -1)
  return core.sub(found, self.threshold), core.add(found, self.threshold)
end

local judge_options = { label = judging.options.label, target = judging.options.target }

local evaluation = shown.kind("coverage", function(result)
  return ("coverage %.4f, mean size %.4g, on %s%s"):format(result.coverage, result.size,
    check.show_count(result.count, "spectrum", "spectra"),
    result.empty and (", %d empty, %d with one class"):format(result.empty, result.single) or "")
end)

--- Measures the coverage on other spectra.
-- @param data spectra|table a set, or { x, y }; weights of rows raise
-- @option label name of the set's label with the classes
-- @option target name of the set's label with the numbers
-- @return table { coverage, size (mean number of classes, or width of the interval), count, and of classes empty and
--   single (sets with no and with one class) }; it prints itself
function Conformal:evaluate(data, options)
  options = check.options("conformal:evaluate", options, judge_options)
  options.outputs = self.outputs
  local read = judging.judged("conformal:evaluate", self.model, data, options)
  if self.method == "residual" then
    local off = core.abs(core.sub(core.reshape(read.found, -1), core.reshape(read.y, -1)))
    return evaluation { coverage = core.mean(core.le(off, self.threshold)):item(), size = 2 * self.threshold,
      count = read.n }
  end
  local contains = core.le(measures[self.method](read.found), self.threshold)
  local sizes, hits = core.sum(contains, 2), 0
  for i, class in ipairs(judging.classes(read.y)) do hits = hits + core.get(contains, i, class) end
  return evaluation { coverage = hits / read.n, size = core.mean(sizes):item(), count = read.n,
    empty = core.sum(core.eq(sizes, 0)):item() // 1 | 0, single = core.sum(core.eq(sizes, 1)):item() // 1 | 0 }
end

check.takes(Conformal.evaluate, 2, judge_options)

local make = shown.kind("conformal", show, Conformal)
counted.methods(Conformal, "conformal:")

-- The scores of what is true.
local function own_scores(model, read, method)
  if read.task == "number" then
    if core.size(read.found, 2) ~= 1 or core.size(read.y, 2) ~= 1 then
      check.fail("conformal", "expected a model of one number, got %d", core.size(read.found, 2))
    end
    return core.totable(core.reshape(core.abs(core.sub(read.found, read.y)), -1))
  end
  local all, list = measures[method](judging.probabilities("conformal", model, read.found)), {}
  for i, class in ipairs(judging.classes(read.y)) do list[i] = core.get(all, i, class) end
  return list
end

--- Calibrates a model; see mb.conformal.
return function(model, data, options)
  local read = judging.judged("conformal", model, data, options)
  local method = read.task == "number" and "residual" or options.method
  local list = own_scores(model, read, method)
  local place = math.max(1, math.ceil((#list + 1) * options.coverage - 1e-9))
  if place > #list then
    check.fail("conformal", "data: a coverage of %g needs at least %d spectra to calibrate on, got %d",
      options.coverage, math.ceil(options.coverage / (1 - options.coverage) - 1e-9), #list)
  end
  table.sort(list)
  return make { coverage = options.coverage, threshold = list[place], method = method, count = #list, ask = read.ask,
    model = model, outputs = options.outputs, names = scores.names(model) }
end
