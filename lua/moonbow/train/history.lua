--- The result of mb.fit.
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"
local text_table = require "moonbow.text_table"

--- A training, epoch by epoch: a list of { epoch, loss, accuracy, val_loss, val_accuracy, lr, grad_norm, seconds, and
-- metrics of the validation set as val_NAME }. print(history) shows it as a table.
--
-- @class history
-- @field best_epoch integer the epoch with the best value of what is monitored
-- @field monitor string what is monitored: "val_loss", without validation "loss", unless mb.fit was told otherwise
-- @field stopped string "early_stopping" or "callback" if one of them ended the training before its last epoch
local History = {}

local MOST_EPOCHS = 20 -- at most this many are shown

-- The epochs to show: all, or a few at equal distances, with the best and the last one.
local function epochs_shown(history)
  local shows, step = {}, (#history - 1) / (MOST_EPOCHS - 1)
  for i = 0, MOST_EPOCHS - 1 do shows[#history > MOST_EPOCHS and math.floor(1 + i * step + 0.5) or i + 1] = true end
  shows[history.best_epoch or 1] = true
  return shows
end

local first_columns = { "epoch", "loss", "accuracy", "val_loss", "val_accuracy" }
local last_columns = { "lr", "grad_norm", "seconds" }
local formats = { epoch = "%d", lr = "%.3g", grad_norm = "%.3g", seconds = "%.2f" }

-- The columns of a training: losses and accuracies, its metrics by name, rate and time.
local function columns_of(history)
  local record, names, is_known, others = history[1] or {}, {}, {}, {}
  local function add(list)
    for _, name in ipairs(list) do
      is_known[name] = true
      if record[name] then names[#names + 1] = name end
    end
  end
  add(first_columns)
  for name in pairs(record) do others[#others + 1] = name:find "^val_" and not is_known[name] and name or nil end
  table.sort(others)
  add(others)
  add(last_columns)
  return names
end

local function history_rows(history)
  local names, rows, shows = columns_of(history), {}, epochs_shown(history)
  rows[1] = names
  for i, record in ipairs(history) do
    local row = {}
    for c, name in ipairs(names) do row[c] = record[name] and (formats[name] or "%.4f"):format(record[name]) or "" end
    if shows[i] then rows[#rows + 1] = row end
  end
  return rows
end

local endings = { early_stopping = "ended by early stopping", callback = "ended by a callback" }

local function show(history)
  if #history == 0 then return "history: no epoch has ended" end
  local rows, best = history_rows(history), history[history.best_epoch]
  local name = history.monitor or best and best.val_loss and "val_loss" or "loss"
  local lines = { text_table.format(rows, { left = 0 }) }
  if #rows - 1 < #history then lines[2] = ("(%d of %d epochs)"):format(#rows - 1, #history) end
  local best_text = best and ("epoch %d, %s %.4f"):format(best.epoch, name, best[name]) or "none"
  lines[#lines + 1] = ("best: %s; %s"):format(best_text,
    endings[history.stopped] or ("not stopped before epoch %d"):format(#history))
  return table.concat(lines, "\n")
end

--- The values of one column, by epoch.
-- @param name string "loss", "accuracy", "val_loss", "val_accuracy", "lr", "grad_norm", "seconds", or val_NAME of a
--   metric
-- @return table a list of numbers
-- @usage mb.plot.lines { y = history:values "val_accuracy", x_label = "epoch" }
function History:values(name)
  local known = columns_of(self)
  for _, names in ipairs { first_columns, last_columns } do table.move(names, 1, #names, #known + 1, known) end
  check.name("history:values", "name", name, known)
  local list = {}
  for i, record in ipairs(self) do
    if record[name] == nil then check.fail("history:values", "this training has no %s", name) end
    list[i] = record[name]
  end
  return list
end

--- Draws the learning curves by epoch: of training and, if there are, of validation.
-- @param name? string what to draw: "loss", "accuracy", "lr", "grad_norm", or another column; the loss unless given
-- @return figure
-- @usage history:plot():save "loss.png"
function History:plot(name)
  if #self == 0 then check.fail("history:plot", "no epoch has ended") end
  name = name or "loss"
  local series = { { y = self:values(name), label = "training" } }
  if self[1]["val_" .. name] then series[2] = { y = self:values("val_" .. name), label = "validation" } end
  if name:find "^val_" then series[1].label = "validation" end
  local marks = self.best_epoch and { { x = self.best_epoch, label = "best" } } or {}
  return require("moonbow.plot").lines { series = series, x_label = "epoch", y_label = name, marks = marks }
end

local new = shown.kind("history", show, History)
counted.methods(History, "history:")

return new
