--- Which parts of the axis a model uses: the growth of its error when the values of a band are permuted among the
-- spectra (Breiman 2001, Mach. Learn. 45, 5).
local core = require "moonbow.core"
local check = require "moonbow.check"
local closing = require "moonbow.train.closing"
local inputs = require "moonbow.explain.inputs"
local interrupt = require "moonbow.interrupt"
local make = require "moonbow.explain.bands"
local named = require "moonbow.train.named"
local outputs = require "moonbow.train.outputs"
local pipelines = require "moonbow.pipeline"
local problem = require "moonbow.pipeline.problem"
local replaced = require("moonbow.explain.occlusion").replaced
local scores = require "moonbow.pipeline.scores"
local splits = require "moonbow.train.splits"
local subject = require "moonbow.explain.subject"
local values_of = require "moonbow.data.values_of"
local Layer = require "moonbow.nn.layer"

local OPERATION = "explain.importance"

-- What should be predicted: numbers, or 1 for the class and 0 for the others.
local function wanted(y, about, columns)
  if about.task == "number" then return y end
  local rows = {}
  for i, class in ipairs(y) do
    if class > columns then
      check.fail(OPERATION, "y: row %d is of class %d, the model knows %d", i, class, columns)
    end
    rows[i] = {}
    for k = 1, columns do rows[i][k] = k == class and 1 or 0 end
  end
  return core.tensor(rows)
end

local function root_mean_square(found, truth)
  local difference = core.sub(found, truth)
  return math.sqrt(core.mean(core.mul(difference, difference))[1])
end

local function random_order(n, rng)
  local order = {}
  for i = 1, n do order[i] = i end
  rng:shuffle(order)
  return core.tensor(order)
end

-- Adds the growth of the error by each band of an input (nil: the only one). Bands are those of prepared spectra: a
-- step at the edge of a band of raw ones would be a peak in their derivative.
-- @param part { x and places (of prepared spectra), scores = function(x), y, about }
local function add_growth(bands, part, options, name)
  local x, axis, rng = named.at(part.x, name), named.at(part.places, name).axis, core.rng { options.seed, 7 }
  local found = part.scores(part.x)
  local truth = wanted(part.y, part.about, core.size(found, 2))
  if core.size(truth, 2) ~= core.size(found, 2) then
    check.fail(OPERATION, "y: expected %d numbers per row, the outputs of the model, got %d", core.size(found, 2),
      core.size(truth, 2))
  end
  local error, count = root_mean_square(found, truth), math.min(options.bands, #axis)
  bands.error = bands.error + error
  for b = 1, count do
    local first, last = (b - 1) * #axis // count + 1, b * #axis // count
    bands[b] = bands[b] or { low = math.min(axis[first], axis[last]), high = math.max(axis[first], axis[last]),
      points = last - first + 1, growth = 0 }
    for _ = 1, options.repeats do
      interrupt.check()
      local other = core.index(core.slice(x, 2, first, last - first + 1), random_order(core.size(x, 1), rng))
      local worse = root_mean_square(part.scores(named.with(part.x, name, replaced(x, first, last, other))), truth)
      bands[b].growth = bands[b].growth + (worse - error) / options.repeats
    end
  end
end

-- A part of the data as its fitted model sees it.
local function part_of(model, data, y, about, options)
  data, options = subject.prepared(OPERATION, model, data, options)
  local kind = options.outputs or outputs.recorded(model) or about.task == "number" and "numbers" or nil
  return { x = named.read(OPERATION, "data.x", data), places = subject.places(OPERATION, data, options), y = y,
    about = about, scores = scores.of_values(OPERATION, model, data, kind) }
end

-- What a model predicts, for problem.read.
local function task_of(model, options)
  if not Layer.is_layer(model) then return type(model) == "table" and scores.task(model) or "number" end
  local shape = model.input_shape and model:build(model.input_shape)
  return outputs.kind(model, options.outputs, shape and shape[1] or 2) == "classes" and "class" or "number"
end

-- The folds that were given: { train, test } each, as mb.split.k_fold returns them.
local function check_folds(folds, n)
  check.list(OPERATION, "folds", folds)
  if #folds == 0 then check.fail(OPERATION, "folds: expected at least one, got none") end
  for i, fold in ipairs(folds) do
    check.kind(OPERATION, ("folds[%d]"):format(i), fold, "table", "{ train = rows, test = rows }, as mb.split.k_fold "
      .. "returns them")
    for _, part in ipairs { "train", "test" } do
      local name = ("folds[%d].%s"):format(i, part)
      local rows = core.describe(check.kind(OPERATION, name, fold[part], "tensor"))
      if rows.min < 1 or rows.max > n then
        check.fail(OPERATION, "%s: expected rows from 1 to %d, got %g to %g", name, n, rows.min, rows.max)
      end
    end
  end
  return folds
end

local function folds_of(read, options)
  if options.folds then return check_folds(options.folds, read.n) end
  return splits.k_fold(OPERATION, "folds", read.n, 5, { stratify = problem.class_list(read), groups = read.groups,
    seed = options.seed })
end

local function finish(bands, read, place)
  bands.what = read.task == "class" and "the scores of the classes" or "the numbers"
  bands.x_label, bands.falls = place.x_label, place.falls
  return make(bands)
end

-- The bands of a pipeline, each time fitted on the training rows of a fold, and judged on its test rows.
local function of_pipeline(pipeline, data, options)
  if options.input then check.fail(OPERATION, "input: a pipeline has only one, without a name") end
  local bands, read = { error = 0 }, problem.read(OPERATION, data, options, pipeline.task)
  local folds, place = folds_of(read, options), nil
  for _, fold in ipairs(folds) do
    local fitted = pipelines.fit_rows(pipeline, problem.part(read, problem.rows(fold.train), options.seed))
    local data_of_fold, y, about = problem.part(read, problem.rows(fold.test), options.seed)
    local part = part_of(fitted, data_of_fold, y, about, options)
    add_growth(bands, part, options)
    place = part.places
  end
  for _, band in ipairs(bands) do band.growth = band.growth / #folds end
  bands.error = bands.error / #folds
  return finish(bands, read, place)
end

-- The problem of a set, or of { x, y } where x may be several inputs by name.
local function read_problem(model, data, options)
  local x = data.x
  if not named.is_table(data) or not named.is_table(x) then
    inputs.check(OPERATION, "data.x", model, values_of(data) ~= data and data or data.x, options)
    return problem.read(OPERATION, data, options, task_of(model, options), scores.names(model))
  end
  inputs.check(OPERATION, "data.x", model, x, options)
  local _, any = next(named.read(OPERATION, "data.x", x))
  local read = problem.read(OPERATION, { x = any, y = data.y, classes = data.classes,
    weights = data.weights }, options, task_of(model, options))
  read.data = x
  return read
end

-- The bands of each input that is asked for.
local function of_model(model, data, options)
  if options.folds then
    check.fail(OPERATION, "folds: only a pipeline is fitted again; this model is fitted already")
  end
  local read = read_problem(model, data, options)
  local part = part_of(model, read.data, read.y, { task = read.task }, options)
  return inputs.results(inputs.of_asked(options, part.x, function(_, name)
    local bands = { error = 0 }
    add_growth(bands, part, options, name)
    return finish(bands, read, named.at(part.places, name))
  end))
end

local function importance(model, data, options)
  local _ <close> = interrupt.catch(OPERATION)
  check.kind(OPERATION, "data", data, "table")
  if getmetatable(model) == nil and type(model) == "table" and #model > 0 then model = pipelines.new(model) end
  return (getmetatable(model) == pipelines.class and of_pipeline or of_model)(model, data, options)
end

return function(...) return closing(importance, ...) end
