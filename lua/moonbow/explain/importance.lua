--- Which parts of the axis a model uses: the growth of its error when the values of a band are permuted among the
-- spectra (Breiman 2001, Mach. Learn. 45, 5).
local core = require "moonbow.core"
local check = require "moonbow.check"
local axis_label = require "moonbow.spectra.axis_label"
local closing = require "moonbow.train.closing"
local interrupt = require "moonbow.interrupt"
local make = require "moonbow.explain.bands"
local pipelines = require "moonbow.pipeline"
local preprocess = require "moonbow.data.preprocess"
local problem = require "moonbow.pipeline.problem"
local replaced = require("moonbow.explain.occlusion").replaced
local scores = require "moonbow.pipeline.scores"
local split = require "moonbow.train.split"
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

-- Adds the growth of the error by each band. Bands are those of prepared spectra: a step at the edge of a band of raw
-- ones would be a peak in their derivative.
-- @param part { x (prepared), axis, scores = function(x), y, about }
local function add_growth(bands, part, options)
  local x, axis, rng = part.x, part.axis, core.rng { options.seed, 7 }
  local found = part.scores(x)
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
      growth = 0 }
    for _ = 1, options.repeats do
      interrupt.check()
      local other = core.index(core.slice(x, 2, first, last - first + 1), random_order(core.size(x, 1), rng))
      local worse = root_mean_square(part.scores(replaced(x, first, last, other)), truth)
      bands[b].growth = bands[b].growth + (worse - error) / options.repeats
    end
  end
end

local function axis_of(data, options)
  local x, given = values_of(data), options.axis
  local list = given and check.numbers(OPERATION, "axis", given) or x ~= data and data.axis or {}
  for i = #list + 1, #list == 0 and core.size(x, 2) or 0 do list[i] = i end
  if #list ~= core.size(x, 2) then
    check.fail(OPERATION, "axis: expected %d numbers, one for each point, got %d", core.size(x, 2), #list)
  end
  return list
end

-- A part of the data as its fitted model sees it.
local function part_of(model, data, y, about, options)
  local steps = scores.preprocessing(model)
  if steps then data = preprocess.apply(steps, data) end
  local kind = options.outputs or about.task == "number" and "numbers" or nil
  return { x = values_of(data), axis = axis_of(data, options), y = y, about = about,
    scores = scores.of(OPERATION, model, kind) }
end

-- What a model predicts, for problem.read.
local function task_of(model, options)
  if getmetatable(model) == pipelines.fitted_class then return model.task end
  if Layer.is_layer(model) then
    if options.outputs then return options.outputs == "classes" and "class" or "number" end
    local outputs = model.input_shape and model:build(model.input_shape)
    return outputs and outputs[1] == 1 and "number" or "class"
  end
  return type(model) == "table" and model.classes and not model.numbers and "class" or "number"
end

local function folds_of(read, options)
  if options.folds then return options.folds end
  return split.k_fold(read.n, 5, { stratify = problem.class_list(read), groups = read.groups, seed = options.seed })
end

-- The bands of a pipeline, each time fitted on the training rows of a fold, and judged on its test rows.
local function of_pipeline(bands, pipeline, data, options)
  local read = problem.read(OPERATION, data, options, pipeline.task)
  local folds = folds_of(read, options)
  for _, fold in ipairs(folds) do
    local fitted = pipelines.fit_rows(pipeline, problem.part(read, problem.rows(fold.train), options.seed))
    local part, y, about = problem.part(read, problem.rows(fold.test), options.seed)
    add_growth(bands, part_of(fitted, part, y, about, options), options)
  end
  for _, band in ipairs(bands) do band.growth = band.growth / #folds end
  bands.error = bands.error / #folds
  return read
end

local function of_model(bands, model, data, options)
  if options.folds then
    check.fail(OPERATION, "folds: only a pipeline is fitted again; this model is fitted already")
  end
  local read = problem.read(OPERATION, data, options, task_of(model, options))
  add_growth(bands, part_of(model, read.data, read.y, { task = read.task }, options), options)
  return read
end

local function importance(model, data, options)
  local _ <close> = interrupt.catch(OPERATION)
  local bands = { error = 0 }
  if getmetatable(model) == nil and type(model) == "table" and #model > 0 then model = pipelines.new(model) end
  local read = (getmetatable(model) == pipelines.class and of_pipeline or of_model)(bands, model, data, options)
  bands.what = read.task == "class" and "the scores of the classes" or "the numbers"
  if values_of(data) ~= data then bands.x_label, bands.falls = axis_label(data) end
  bands.x_label = options.x_label or bands.x_label
  return make(bands)
end

return function(...) return closing(importance, ...) end
