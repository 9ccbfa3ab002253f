--- The quality of predictions: of classes by their scores, of numbers.
local moments = require "moonbow.moments"

local metrics = {}

local NEARLY_ONE = 1 - 1e-6 -- in float, few probabilities are between it and 1

-- The rest of a row's probability; 0 unless that of the class is rounded to about 1, so that only the rest tells which
-- of two rows is surer. It is added up by size, not in the order of the classes, so that equal rests are ties.
local function rest_of(row, class)
  local others, rest = {}, 0
  if not (row[class] >= NEARLY_ONE and row[class] <= 1) then return rest end
  for k, score in ipairs(row) do others[#others + 1] = k ~= class and score or nil end
  table.sort(others)
  for _, score in ipairs(others) do rest = rest + score end
  return rest
end

-- The area under the curve of one class against the others, by the ranks of its scores; nil if either is empty.
local function auc(scores, truth, class)
  local order, rests, positives = {}, {}, 0
  for i = 1, #truth do
    order[i], rests[i] = i, rest_of(scores[i], class)
    if truth[i] == class then positives = positives + 1 end
  end
  if positives == 0 or positives == #truth then return nil end
  local function is_less(a, b)
    if scores[a][class] ~= scores[b][class] then return scores[a][class] < scores[b][class] end
    return rests[a] > rests[b]
  end
  table.sort(order, is_less)
  local sum, i = 0, 1
  while i <= #order do
    local j = i
    while j < #order and not is_less(order[i], order[j + 1]) do j = j + 1 end
    for at = i, j do
      if truth[order[at]] == class then sum = sum + (i + j) / 2 end -- ties share their mean rank
    end
    i = j + 1
  end
  return (sum - positives * (positives + 1) / 2) / (positives * (#truth - positives))
end

local function mean(list)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return #list > 0 and sum / #list or nil
end

--- Scores predicted classes.
-- @param truth, predicted lists of class numbers
-- @param scores list of rows of a score for each class
-- @return { accuracy, balanced_accuracy, macro_f1, auc (mean over the classes, each against the others), confusion }
function metrics.classes(truth, predicted, scores, classes)
  local confusion, right = {}, 0
  for i = 1, classes do
    confusion[i] = {}
    for j = 1, classes do confusion[i][j] = 0 end
  end
  for i, class in ipairs(truth) do
    confusion[class][predicted[i]] = confusion[class][predicted[i]] + 1
    if class == predicted[i] then right = right + 1 end
  end
  local recalls, f1s, aucs = {}, {}, {}
  for k = 1, classes do
    local actual, guessed = 0, 0
    for j = 1, classes do actual, guessed = actual + confusion[k][j], guessed + confusion[j][k] end
    if actual > 0 then recalls[#recalls + 1] = confusion[k][k] / actual end
    if actual + guessed > 0 then f1s[#f1s + 1] = 2 * confusion[k][k] / (actual + guessed) end
    aucs[#aucs + 1] = auc(scores, truth, k)
  end
  return { accuracy = right / #truth, balanced_accuracy = mean(recalls), macro_f1 = mean(f1s), auc = mean(aucs),
    confusion = confusion }
end

-- The sums of a target: squared errors, squared distances from its mean, and errors; it is each columns-th number.
local function sums_of(truth, predicted, first, columns)
  local list, errors, bias = {}, 0, 0
  for i = first, #truth, columns do
    list[#list + 1] = truth[i]
    errors, bias = errors + (predicted[i] - truth[i]) ^ 2, bias + (predicted[i] - truth[i])
  end
  return errors, select(2, moments.mean_and_squares(list)), bias
end

--- Scores predicted numbers.
-- @param truth, predicted lists of numbers; of several targets those of the first row, of the second one, and so on
-- @param columns? targets, 1 unless given
-- @return { rmse, bias (mean of predicted less true), both over all numbers; r2, rpd (sd of the truth by the RMSE),
--   each the mean over the targets, as their units may differ; nil for targets that do not vary }
function metrics.numbers(truth, predicted, columns)
  columns = columns or 1
  local n, all_errors, all_bias, r2, rpd = #truth // columns, 0, 0, {}, {}
  for c = 1, columns do
    local errors, spread, bias = sums_of(truth, predicted, c, columns)
    all_errors, all_bias = all_errors + errors, all_bias + bias
    if spread > 0 then r2[#r2 + 1] = 1 - errors / spread end
    if spread > 0 and errors > 0 then rpd[#rpd + 1] = math.sqrt(spread / (n - 1) / (errors / n)) end
  end
  return { rmse = math.sqrt(all_errors / #truth), bias = all_bias / #truth, r2 = mean(r2), rpd = mean(rpd) }
end

--- The metrics that are shown, in order, by task; the first decides.
metrics.names = { class = { "accuracy", "balanced_accuracy", "macro_f1", "auc" },
  number = { "rmse", "bias", "r2", "rpd" } }

--- Titles of the metrics.
metrics.titles = { accuracy = "accuracy", balanced_accuracy = "balanced accuracy", macro_f1 = "macro F1",
  auc = "ROC AUC", rmse = "RMSE", bias = "bias", r2 = "R2", rpd = "RPD" }

return metrics
