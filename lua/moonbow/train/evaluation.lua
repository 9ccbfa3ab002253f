--- The result of mb.evaluate.
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

--- The quality of a model on a data set. For a classifier print(evaluation) shows accuracy and classes, and the
-- confusion matrix if there are few classes.
--
-- @class evaluation
-- @field accuracy number share of right classes
-- @field loss number mean loss
-- @field count integer rows that counted
-- @field rmse number of numbers: the root of the mean square of the error; mae, bias and r2 likewise
-- @field exact number of several labels per spectrum: the share of spectra whose labels are all right
-- @field macro_f1 number the mean F1 of the classes that occur or are predicted
-- @field confusion table confusion[true][predicted]: counts
-- @field precision table by class; 0 if undefined; recall and f1 likewise
-- @field classes table the names of the classes, if the data set knows them
local Evaluation = {}

local MOST_CLASSES = 10 -- at most this many are shown

local function class_name(evaluation, k) return tostring(evaluation.classes and evaluation.classes[k] or k) end

local function sum(row)
  local total = 0
  for _, count in ipairs(row) do total = total + count end
  return total
end

-- The classes to show: all, or those with the lowest F1.
local function classes_shown(evaluation)
  local order = {}
  for k in ipairs(evaluation.f1) do order[k] = k end
  if #order <= MOST_CLASSES then return order end
  table.sort(order, function(a, b)
    if evaluation.f1[a] ~= evaluation.f1[b] then return evaluation.f1[a] < evaluation.f1[b] end
    return a < b
  end)
  return { table.unpack(order, 1, MOST_CLASSES) }
end

local function per_class(evaluation, order)
  local rows = { { "class", "spectra", "precision", "recall", "F1" } }
  for _, k in ipairs(order) do
    local row = { class_name(evaluation, k), sum(evaluation.confusion[k]) }
    for _, name in ipairs { "precision", "recall", "f1" } do row[#row + 1] = ("%.4f"):format(evaluation[name][k]) end
    rows[#rows + 1] = row
  end
  return text_table.format(rows)
end

local function confusion(evaluation)
  local rows = { { "true \\ predicted" } }
  for k, counts in ipairs(evaluation.confusion) do
    rows[1][k + 1] = class_name(evaluation, k)
    rows[k + 1] = { class_name(evaluation, k), table.unpack(counts) }
  end
  return text_table.format(rows)
end

local function show_numbers(evaluation)
  local parts = {}
  for i, name in ipairs(evaluation.shows) do parts[i] = ("%s %.4g"):format(name, evaluation[name]) end
  return ("%s, on %s"):format(table.concat(parts, ", "), check.show_count(evaluation.count, "spectrum", "spectra"))
end

local function show(evaluation)
  if evaluation.shows then return show_numbers(evaluation) end
  local n, classes, order = 0, #evaluation.f1, classes_shown(evaluation)
  for _, row in ipairs(evaluation.confusion) do n = n + sum(row) end
  local lines = {
    ("accuracy %.4f, loss %.4f, macro F1 %.4f, on %s of %d classes"):format(evaluation.accuracy, evaluation.loss,
      evaluation.macro_f1, check.show_count(n, "spectrum", "spectra"), classes), "", per_class(evaluation, order),
  }
  if #order < classes then
    lines[#lines + 1] = ("(the %d classes with the lowest F1)"):format(#order)
  else
    lines[#lines + 1] = "\n" .. confusion(evaluation)
  end
  return table.concat(lines, "\n")
end

--- Draws the confusion matrix.
-- @return figure
-- @usage evaluation:plot():save "confusion.png"
function Evaluation:plot()
  if not self.confusion then check.fail("evaluation:plot", "only classes have a confusion matrix") end
  local names = {}
  for k in ipairs(self.f1) do names[k] = class_name(self, k) end
  return require("moonbow.plot").heatmap { z = self.confusion, x_names = names, y_names = names, x_label = "predicted",
    y_label = "true", cell_format = #names <= MOST_CLASSES and "%d" or nil }
end

local new = shown.kind("evaluation", show, Evaluation)
counted.methods(Evaluation, "evaluation:")

return new
