--- How the results of training print themselves: histories, evaluations, folds.
local core = require "moonbow.core"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

local report = {}

local MOST_EPOCHS, MOST_CLASSES, MOST_FOLDS = 12, 10, 20 -- that are shown

-- ---- mb.fit ----

-- The epochs to show: all, or a few at equal distances, with the best and the last one.
local function epochs_shown(history)
  local shows, step = {}, (#history - 1) / (MOST_EPOCHS - 1)
  for i = 0, MOST_EPOCHS - 1 do shows[#history > MOST_EPOCHS and math.floor(1 + i * step + 0.5) or i + 1] = true end
  shows[history.best_epoch or 1] = true
  return shows
end

local columns = { "epoch", "loss", "accuracy", "val_loss", "val_accuracy", "lr", "seconds" }
local formats = { epoch = "%d", lr = "%.3g", seconds = "%.2f" }

local function history_rows(history)
  local names, rows, shows = {}, {}, epochs_shown(history)
  for _, name in ipairs(columns) do
    if history[1][name] then names[#names + 1] = name end
  end
  rows[1] = names
  for i, record in ipairs(history) do
    local row = {}
    for c, name in ipairs(names) do row[c] = record[name] and (formats[name] or "%.4f"):format(record[name]) or "" end
    if shows[i] then rows[#rows + 1] = row end
  end
  return rows
end

local endings = { early_stopping = "ended by early stopping", callback = "ended by a callback" }

--- What mb.fit returns: a table of its epochs, which was the best, and what ended the training.
report.history = shown.kind("history", function(history)
  if #history == 0 then return "history: no epoch has ended" end
  local rows, best = history_rows(history), history[history.best_epoch]
  local name = best and best.val_loss and "val_loss" or "loss"
  local lines = { text_table.format(rows, { left = 0 }) }
  if #rows - 1 < #history then lines[2] = ("(%d of %d epochs)"):format(#rows - 1, #history) end
  local best_text = best and ("epoch %d, %s %.4f"):format(best.epoch, name, best[name]) or "none"
  lines[#lines + 1] = ("best: %s; %s"):format(best_text,
    endings[history.stopped] or ("not stopped before epoch %d"):format(#history))
  return table.concat(lines, "\n")
end)

-- ---- mb.evaluate ----

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

--- What mb.evaluate returns: accuracy, loss, and a table of the classes; of few classes the confusion matrix, too.
report.evaluation = shown.kind("evaluation", function(evaluation)
  local n, classes, order = 0, #evaluation.f1, classes_shown(evaluation)
  for _, row in ipairs(evaluation.confusion) do n = n + sum(row) end
  local lines = {
    ("accuracy %.4f, loss %.4f, macro F1 %.4f, on %d spectra of %d classes"):format(evaluation.accuracy,
      evaluation.loss, evaluation.macro_f1, n, classes), "", per_class(evaluation, order),
  }
  if #order < classes then
    lines[#lines + 1] = ("(the %d classes with the lowest F1)"):format(#order)
  else
    lines[#lines + 1] = "\n" .. confusion(evaluation)
  end
  return table.concat(lines, "\n")
end)

-- ---- mb.split ----

--- What mb.split.k_fold returns: how many rows each fold has.
report.folds = shown.kind("folds", function(folds)
  local rows = { { "fold", "train", "test" } }
  for f = 1, math.min(#folds, MOST_FOLDS) do
    rows[f + 1] = { f, core.count(folds[f].train), core.count(folds[f].test) }
  end
  local rest = #folds > MOST_FOLDS and ("\n(%d of %d folds)"):format(MOST_FOLDS, #folds) or ""
  return text_table.format(rows, { left = 0 }) .. rest
end)

return report
