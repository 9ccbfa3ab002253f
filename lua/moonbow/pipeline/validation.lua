--- The result of mb.cross_validate.
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local distributions = require "moonbow.distributions"
local metrics = require "moonbow.pipeline.metrics"
local moments = require "moonbow.moments"
local shown = require "moonbow.shown"

--- How well a pipeline predicts spectra that it was not fitted on. print(validation) shows its metrics with intervals.
--
-- @class validation
-- @field task string "class" or "number"
-- @field pipeline string the steps and the model
-- @field title string the label or target that was predicted
-- @field n integer number of spectra
-- @field folds integer folds of each repeat
-- @field repeats integer
-- @field mean table by the name of a metric: its mean over the folds that have one (AUC needs two classes among the
--   test rows, R2 and RPD two numbers); of classes accuracy, balanced_accuracy, macro_f1, auc; of numbers rmse, bias,
--   r2, rpd. Folds with the same test rows count once. What folds do not have is that of all predictions, without an
--   interval: rmse with leave-one-out (RMSECV), as that of a spectrum is its absolute error; r2 and rpd if no fold has
--   them; balanced_accuracy and macro_f1 if no fold has test rows of two classes
-- @field interval table by the name of a metric: { low, high }, 95 %, by the corrected variance of Nadeau and Bengio
--   (2003); nil if all folds have the same, since their spread is unknown then
-- @field count table by the name of a metric: the number of folds that have one
-- @field by_fold table a list with the metrics of each fold
-- @field overall table the metrics of all predictions of the first repeat together
-- @field confusion table of the first repeat: confusion[true][predicted]
-- @field predicted table the predictions of the first repeat, in the order of the spectra
-- @field truth table what they should be
-- @field scores table of classes: the scores of each spectrum in the first repeat
-- @field names table the names of the classes
-- @field chosen table what was chosen in each fold for the model's tuned option
-- @field seconds number that it took
local Validation = {}

local ROUNDING = 1e-12 -- of the numbers of which differences are taken

-- Returns mean, half the width of the 95 % interval, and p (that the mean of no difference is as large) of the numbers
-- of folds, whose training rows overlap (Nadeau and Bengio 2003, Mach. Learn. 52, 239). A spread of 0 says nothing of
-- other folds: no width, and p only of a mean of 0.
-- @param size of the numbers, or of those that they are differences of
local function corrected(list, ratio, size)
  local mean, squares = moments.mean_and_squares(list)
  local df = #list - 1
  local deviation = df > 0 and math.sqrt((1 / #list + ratio) * squares / df) or 0
  if deviation <= ROUNDING * size then return mean, nil, math.abs(mean) <= ROUNDING * size and 1 or nil end
  return mean, distributions.student_quantile(0.05, df) * deviation, distributions.student_p(mean / deviation, df)
end

local function interval_of(mean, half) return half and { mean - half, mean + half } or nil end

-- The largest absolute value.
local function size_of(list)
  local size = 0
  for _, value in ipairs(list) do size = math.max(size, math.abs(value)) end
  return size
end

-- The value of each fold that has one; of folds with the same test rows, which tell nothing new of other spectra, their
-- mean. Repeats have them with leave-one-out, and of groups that can be dealt in one way only.
-- @param value_of function(fold, f)
local function by_test_rows(validation, value_of)
  local list, place, count = {}, {}, {}
  for f, fold in ipairs(validation.by_fold) do
    local value, rows = value_of(fold, f), validation.tested and validation.tested[f] or f
    if value then
      local at = place[rows] or #list + 1
      place[rows], count[at] = at, (count[at] or 0) + 1
      list[at] = (list[at] or 0) + (value - (list[at] or 0)) / count[at]
    end
  end
  return list
end

local function count_with(validation, name)
  local count = 0
  for _, fold in ipairs(validation.by_fold) do count = count + (fold[name] and 1 or 0) end
  return count
end

local function is_undefined(validation, name) return count_with(validation, name) == 0 end
local function has_one_class(validation) return is_undefined(validation, "auc") end

-- When the mean of a metric over the folds is none of that metric: the RMSE of one spectrum is its absolute error, the
-- balanced accuracy of one class its accuracy.
local pooled_if = {
  rmse = function(validation) return validation.folds == validation.n end,
  r2 = is_undefined, rpd = is_undefined, balanced_accuracy = has_one_class, macro_f1 = has_one_class,
}

local function is_pooled(validation, name) return pooled_if[name] ~= nil and pooled_if[name](validation, name) end

local function summarise(validation)
  validation.mean, validation.interval, validation.count = {}, {}, {}
  for _, name in ipairs(metrics.names[validation.task]) do
    local list = by_test_rows(validation, function(fold) return fold[name] end)
    if #list > 0 then
      local mean, half = corrected(list, validation.ratio, size_of(list))
      validation.mean[name], validation.interval[name] = mean, interval_of(mean, half)
      validation.count[name] = count_with(validation, name)
    end
    if is_pooled(validation, name) then
      validation.mean[name], validation.interval[name] = validation.overall[name], nil
    end
  end
end

-- What is beside a mean: its interval, and of which folds or predictions it is.
local function basis(validation, name)
  if is_pooled(validation, name) then return "over all predictions" end
  local interval, all = validation.interval[name], #validation.by_fold
  local texts = { interval and ("95 %% interval %.4g to %.4g"):format(interval[1], interval[2])
    or "no interval: it does not vary" }
  if validation.count[name] < all then
    texts[2] = ("; of %d of %d folds, others have none"):format(validation.count[name], all)
  elseif name == "rmse" then
    texts[2] = ("; over all predictions %.4g"):format(validation.overall.rmse)
  end
  return table.concat(texts)
end

local function metric_line(validation, name)
  local mean = validation.mean[name]
  return mean and ("%s %.4g, %s"):format(metrics.titles[name], mean, basis(validation, name))
end

local function chosen_text(validation)
  if not validation.chosen[1] then return nil end
  local texts = {}
  for i, value in ipairs(validation.chosen) do texts[i] = ("%g"):format(value) end
  return ("%s by fold: %s"):format(validation.tuned, shown.list(texts, 10))
end

local function show(validation)
  local lines = { ("%s of %s by %s: %d folds%s"):format(validation.title,
    check.show_count(validation.n, "spectrum", "spectra"), validation.pipeline, validation.folds,
    validation.repeats > 1 and (", %d times"):format(validation.repeats) or "") }
  for _, name in ipairs(metrics.names[validation.task]) do lines[#lines + 1] = metric_line(validation, name) end
  lines[#lines + 1] = chosen_text(validation)
  return table.concat(lines, "\n")
end

-- True of two lists of equal length with the same entries.
local function is_same(a, b)
  for i, entry in ipairs(a) do
    if entry ~= b[i] then return false end
  end
  return #a == #b
end

local function check_comparable(a, b)
  if a.task ~= b.task or a.title ~= b.title or not is_same(a.truth, b.truth)
    or not is_same(a.tested or {}, b.tested or {}) then
    check.fail("validation:compare", "other: expected a validation on the same folds: same set, folds, repeats, groups "
      .. "and seed")
  end
end

--- Compares two pipelines on the same folds by the paired t-test with Nadeau and Bengio's corrected variance. Of rmse
-- with leave-one-out, it compares the absolute errors of the spectra; any other metric that is that of all predictions
-- raises. If the pipelines differ by the same amount in all folds, nothing is known of its spread: there is no interval
-- then, and no p, but 1 for a difference of 0.
-- @param other validation of another pipeline, with the same set, label or target, folds, repeats, groups and seed
-- @param metric? string its name; accuracy of classes and rmse of numbers unless given
-- @return table { difference (mean of this one less that of the other), interval = { low, high } (95 %) or nil, p (that
--   equal pipelines would differ at least as much) or nil, metric }
-- @usage
-- local data = { x = x, y = y }
-- local result = mb.cross_validate({ "plsda" }, data):compare(mb.cross_validate({ "snv", "logistic" }, data))
function Validation:compare(other, metric)
  if getmetatable(other) ~= Validation then
    check.fail("validation:compare", "other: expected a validation, got %s", check.show(other))
  end
  check_comparable(self, other)
  metric = check.name("validation:compare", "metric", metric or metrics.names[self.task][1], metrics.names[self.task])
  local is_of_folds, both = metric == "rmse" or not (is_pooled(self, metric) or is_pooled(other, metric)), {}
  local differences = by_test_rows(self, function(fold, f)
    local own, its = fold[metric], other.by_fold[f][metric]
    if not (is_of_folds and own and its) then return nil end
    both[#both + 1], both[#both + 2] = own, its
    return own - its
  end)
  if #differences == 0 then check.fail("validation:compare", "metric: %s is not defined in any fold", metric) end
  local mean, half, p = corrected(differences, self.ratio, size_of(both))
  return { difference = mean, interval = interval_of(mean, half), p = p, metric = metric }
end

local function scatter(validation)
  local low, high = math.huge, -math.huge
  for _, list in ipairs { validation.truth, validation.predicted } do
    for _, value in ipairs(list) do low, high = math.min(low, value), math.max(high, value) end
  end
  return require("moonbow.plot").lines { x_label = "true " .. validation.title,
    y_label = "predicted " .. validation.title, title = validation.pipeline, series = {
      { x = validation.truth, y = validation.predicted, style = "points", label = "spectra" },
      { x = { low, high }, y = { low, high }, label = "equal" },
    } }
end

--- Draws the confusion matrix of classes; or the predicted numbers against the true ones.
-- @return figure
function Validation:plot()
  if self.task == "number" then return scatter(self) end
  local names = {}
  for k = 1, #self.confusion do names[k] = check.printable(tostring(self.names and self.names[k] or k)) end
  return require("moonbow.plot").heatmap { z = self.confusion, x_names = names, y_names = names,
    x_label = "predicted " .. self.title, y_label = "true " .. self.title, title = self.pipeline,
    cell_format = #names <= 12 and "%d" or nil }
end

local make = shown.kind("validation", show, Validation)
counted.methods(Validation, "validation:")

--- Makes a validation of its fields but mean and interval, with ratio (test rows by training rows of a fold) and
--- tested (the test rows of each fold, as texts) and units (spectra, or groups of them).
return function(fields)
  summarise(fields)
  return make(fields)
end
