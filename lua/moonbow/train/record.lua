--- What is known of the training of a model, for its card: plain values by name, which mb.save keeps.
local core = require "moonbow.core"
local check = require "moonbow.check"

local record = {}

local records = setmetatable({}, { __mode = "k" }) -- model -> its record

--- Remembers how a model was trained. Returns the model.
function record.remember(model, values)
  records[model] = values
  return model
end

--- What is remembered of a model; nil if nothing is.
function record.of(model) return records[model] end

--- The digest of data to train on, as a text: XXH64 of the spectra and then the labels or targets.
-- @param x tensor
-- @param y tensor, or a list of numbers
function record.digest(x, y)
  y = core.is_tensor(y) and y or core.tensor(y)
  return ("%016x"):format(core.digest(y, core.digest(x, 0)))
end

local function show_seed(seed) return type(seed) == "table" and "{" .. table.concat(seed, ", ") .. "}" or seed end

local function name_of(value)
  if type(value) == "table" then value = value[1] end
  return type(value) == "function" and "a function" or value
end

--- The record of a training that mb.fit has ended.
function record.of_job(job)
  local options, history = job.options, job.history
  return {
    data = record.digest(job.x, job.y), rows = core.size(job.x, 1),
    validation_rows = job.validation and core.size(job.validation.x, 1) or nil,
    epochs = #history, most_epochs = options.epochs, best_epoch = history.best_epoch, stopped = history.stopped,
    batch_size = options.batch_size, optimizer = job.optimizer.name, lr = job.optimizer.lr,
    loss = name_of(options.loss), schedule = name_of(options.schedule), seed = show_seed(options.seed),
    l2 = options.l2 > 0 and options.l2 or nil, clip_norm = options.clip_norm,
    patience = job.stopping and job.stopping.patience or nil,
    class_weights = options.class_weights and (type(options.class_weights) == "string" and options.class_weights
      or "given") or nil,
  }
end

--- Raises unless a record, which may come from a file, has names and plain values.
function record.check(operation, name, values)
  for key, value in pairs(check.kind(operation, name, values, "table")) do
    check.kind(operation, name .. ": a name", key, "string")
    check.kind(operation, ("%s.%s"):format(name, check.printable(key)), value, "string|finite|boolean")
  end
  return values
end

return record
