--- What is known of the training of a model, for its card: plain values by name, which mb.save keeps.
local core = require "moonbow.core"
local check = require "moonbow.check"
local named = require "moonbow.train.named"
local Layer = require "moonbow.nn.layer"

local record = {}

local records = setmetatable({}, { __mode = "k" }) -- model -> its record
local weights_of = setmetatable({}, { __mode = "k" }) -- record, or figures -> the digest of weights that they are of

-- The digest of a network's weights, without statistics, which mb.recalibrate may change; nil for other models, whose
-- weights stay as they are.
local function digest_of(model)
  if not Layer.is_layer(model) then return nil end
  local digest = 0
  for _, parameter in ipairs(model:parameters()) do digest = core.digest(parameter.value, digest) end
  return digest
end

--- Remembers how a model was trained, and that this and the figures of its validation, if there are some, are true of
-- its present weights. Returns the model.
function record.remember(model, values, validation)
  local digest = digest_of(model)
  records[model] = values
  for _, claim in pairs { values, validation } do weights_of[claim] = digest end
  return model
end

--- A record, or figures of a validation, for the card of a model; nil if they are remembered to be of other weights:
-- those before load_state, an import, or another training.
function record.valid(model, claim)
  local digest = claim and weights_of[claim]
  return (digest == nil or digest == digest_of(model)) and claim or nil
end

--- What is remembered of a model, whatever its weights are now; nil if nothing is.
function record.latest(model) return records[model] end

--- What is remembered of a model and its present weights; nil if nothing is.
function record.of(model) return record.valid(model, records[model]) end

--- The digest of data to train on, as a text: XXH64 of the spectra and then the labels or targets.
-- @param x tensor, or tensors by name, in the order of names
-- @param y tensor, or a list of numbers
function record.digest(x, y)
  y = core.is_tensor(y) and y or core.tensor(y)
  local digest = 0
  named.map(x, function(part) digest = core.digest(part, digest) end)
  return ("%016x"):format(core.digest(y, digest))
end

local function show_seed(seed) return type(seed) == "table" and "{" .. table.concat(seed, ", ") .. "}" or seed end

local function name_of(value)
  if type(value) == "table" then value = value[1] end
  return type(value) == "function" and "a function" or value
end

-- "shift, noise": the names of what changed the batches.
local function augmentation(list)
  if type(list) ~= "table" then return name_of(list) end
  local names = {}
  for i, entry in ipairs(list) do names[i] = name_of(entry) end
  return table.concat(names, ", ")
end

--- The record of a training that mb.fit has ended, or that was interrupted.
function record.of_job(job)
  local options, history = job.options, job.history
  return {
    data = record.digest(job.x, job.y), rows = named.count(job.x),
    validation_rows = job.validation and named.count(job.validation.x) or nil,
    epochs = #history, most_epochs = options.epochs, best_epoch = history.best_epoch,
    stopped = history.stopped or not job.is_over and "interrupted" or nil,
    batch_size = options.batch_size, optimizer = job.optimizer.name, lr = job.first_lr,
    loss = name_of(options.loss), schedule = name_of(options.schedule), seed = show_seed(options.seed),
    l2 = options.l2 > 0 and options.l2 or nil, clip_norm = options.clip_norm, clip_value = options.clip_value,
    accumulate = options.accumulate, ema = options.ema, monitor = history.monitor,
    augment = options.augment and augmentation(options.augment) or nil,
    patience = job.stopping and job.stopping.patience or nil,
    class_weights = options.class_weights and (type(options.class_weights) == "string" and options.class_weights
      or "given") or nil,
  }
end

-- Of what a card counts with.
local kinds = { data = "string", rows = "positive integer", validation_rows = "positive integer" }

--- Raises unless a record, which may come from a file, has names and plain values.
function record.check(operation, name, values)
  for key, value in pairs(check.kind(operation, name, values, "table")) do
    check.kind(operation, name .. ": a name", key, "string")
    check.kind(operation, ("%s.%s"):format(name, check.printable(key)), value, kinds[key] or "string|finite|boolean")
  end
  return values
end

return record
