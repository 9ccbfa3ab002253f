--- What decides on the best epoch: the validation loss, or a metric.
local check = require "moonbow.check"

local monitor = {}

local is_higher_better = { accuracy = true, balanced_accuracy = true, macro_f1 = true, auc = true, exact = true,
  r2 = true, loss = false, rmse = false, mae = false }

-- The names of a training's records.
local function known_names(job)
  local names = { "loss" }
  if job.has_accuracy then names[2] = "accuracy" end
  if not job.validation then return names end
  names[#names + 1] = "val_loss"
  if job.has_accuracy then names[#names + 1] = "val_accuracy" end
  for key, value in pairs(job.options.metrics or {}) do
    names[#names + 1] = "val_" .. (type(key) == "string" and key or value)
  end
  return names
end

--- Reads the option monitor: { name, sign }, where the least sign * value is the best.
-- @param given a name, { name, mode = "min" or "max" }, or nil
function monitor.read(job, given)
  if given == nil then return { name = job.validation and "val_loss" or "loss", sign = 1 } end
  local options = type(given) == "table" and given or { given }
  for key in pairs(options) do
    if key ~= 1 and key ~= "mode" then
      check.fail("fit", "monitor: expected a name, or { name, mode = 'max' }, got the key %s", check.show(key))
    end
  end
  local name, mode = check.name("fit", "monitor", options[1], known_names(job)), options.mode
  if mode ~= nil then check.name("fit", "monitor.mode", mode, { "min", "max" }) end
  local is_higher = is_higher_better[name:gsub("^val_", "")]
  if mode == nil and is_higher == nil then
    check.fail("fit", "monitor: nothing says whether a high %s is good; write { '%s', mode = 'min' } or 'max'", name,
      name)
  end
  if mode then is_higher = mode == "max" end
  return { name = name, sign = is_higher and -1 or 1 }
end

--- The value of a record, and the same with the sign that makes less better.
function monitor.value(job, record)
  local value = record[job.monitor.name]
  if value == nil then check.fail("fit", "monitor: %s has no value in epoch %d", job.monitor.name, record.epoch) end
  return value, job.monitor.sign * value
end

return monitor
