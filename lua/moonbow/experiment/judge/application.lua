--- A saved model, applied to other spectra.
local core = require "moonbow.core"
local check = require "moonbow.check"
local evaluate = require "moonbow.train.evaluate"
local expected = require "moonbow.data.expected"
local files = require "moonbow.io.files"
local label_numbers = require "moonbow.spectra.label_numbers"
local metrics = require "moonbow.pipeline.metrics"
local outputs = require "moonbow.train.outputs"
local store = require "moonbow.io.store"
local unlike = require "moonbow.experiment.judge.unlike"

local application = {}

--- The path of the principal components that are saved beside a model.
function application.path_of_marks(path) return (path:gsub("%.safetensors$", "")) .. ".pca.safetensors" end

-- Returns the mark of each spectrum; nil if no principal components are beside the model.
local function marks_of(path, set)
  path = application.path_of_marks(path)
  if not files.exists(path) then return nil end
  local model, info = store.load(path)
  if not model then return nil, info end
  return unlike.marks(model, expected.prepare("predict", info, set))
end

-- The predicted classes, by name if the model has names, and the score of each; or rows of predicted numbers.
local function predict(model, set)
  local predicted, scores, names = evaluate.predict(model, set)
  if not scores then return core.totable(core.reshape(predicted, #set, -1)) end
  local list, classes, of = core.totable(scores), {}, {}
  for i, class in ipairs(core.totable(predicted)) do
    class = class // 1 | 0
    classes[i], of[i] = names and names[i] or tostring(class), list[i][class]
  end
  return classes, of
end

-- The numbers of a model of one number, as a list; of several it is not known which of them the truth is.
local function single_numbers(rows)
  local list = {}
  for i, row in ipairs(rows) do
    if #row > 1 then
      check.fail("own_spectra", "--target: expected a model of one number, this one predicts %d of each spectrum; "
        .. "without --target, all are written", #row)
    end
    list[i] = row[1]
  end
  return list
end

-- What the scores are called: those of some models are no probabilities.
local function score_name(model)
  local no_probability = model.kind == "plsda" or model.kind == "linear" and model.loss == "svm"
  return no_probability and "score" or "probability"
end

-- The headings of what is predicted.
local function titles_of(model, predicted, scores)
  if scores then return { "predicted", score_name(model) } end
  local titles, count = {}, #predicted[1]
  for m = 1, count do titles[m] = count == 1 and "predicted" or "predicted " .. m end
  return titles
end

local function texts_of(numbers)
  local texts = {}
  for m, number in ipairs(numbers) do texts[m] = ("%.6g"):format(number) end
  return texts
end

--- Loads a model. Returns it and what came with it; or nil and a message.
function application.load(path)
  local model, info = store.load(path)
  if not model then return nil, info end
  if not info.axis then return nil, path .. ": holds no axis to predict with" end
  if outputs.recorded(model) == "labels" then return nil, path .. ": predicts labels of which several may hold" end
  return model, info
end

-- How well predictions meet the truth, in words.
local function quality_of(predicted, truth, is_class)
  if is_class ~= truth.is_class then
    check.fail("own_spectra", "%s: expected a model of %s, this one predicts %s, whose column %s names",
      is_class and "--target" or "--label", is_class and "numbers" or "classes", is_class and "classes" or "numbers",
      is_class and "--label" or "--target")
  end
  if is_class then
    local right = 0
    for i, name in ipairs(predicted) do right = right + (name == truth.cells[i] and 1 or 0) end
    return ("accuracy %.3f"):format(right / #predicted)
  end
  local list = single_numbers(predicted)
  local numbers, why, at = label_numbers.read(truth.cells)
  if not numbers then check.fail("own_spectra", "%s%s", at and ("spectrum %d: "):format(at) or "", why) end
  local found = metrics.numbers(numbers, list)
  return ("RMSEP %.4g, bias %.4g"):format(found.rmse, found.bias) .. (found.r2 and (", R2 %.4g"):format(found.r2) or "")
end

--- Predicts spectra: returns a heading and rows, and a sentence on how well the truth is met.
-- @param path of the model, beside which the principal components may lie
-- @param truth { cells, title, is_class } of a label or a target; or nil
function application.table(model, path, set, truth)
  local predicted, scores = predict(model, set)
  local quality = truth and quality_of(predicted, truth, scores ~= nil)
  local marks, why = marks_of(path, set)
  if why then check.warn("own_spectra", "no marks of unlike spectra: %s", why) end
  local heading, rows = { "spectrum", "name", table.unpack(titles_of(model, predicted, scores)) }, {}
  if marks then heading[#heading + 1] = "unlike" end
  heading[#heading + 1] = truth and truth.title or nil
  for i, value in ipairs(predicted) do
    local cells = { i, set.names[i], table.unpack(scores and { value, ("%.3f"):format(scores[i]) } or texts_of(value)) }
    if marks then cells[#cells + 1] = marks[i] and "yes" or "" end
    cells[#cells + 1] = truth and truth.cells[i] or nil
    rows[i] = cells
  end
  return heading, rows, quality
end

return application
