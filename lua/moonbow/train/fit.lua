--- mb.fit: training by mini-batches.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local check = require "moonbow.check"
local files = require "moonbow.io.files"
local interrupt = require "moonbow.interrupt"
local optim = require "moonbow.train.optim"
local augment = require "moonbow.train.augment"
local average = require "moonbow.train.average"
local batches = require "moonbow.train.batches"
local checkpoint = require "moonbow.train.checkpoint"
local closing = require "moonbow.train.closing"
local epochs = require "moonbow.train.epochs"
local evaluation = require "moonbow.train.evaluate"
local losses = require "moonbow.train.losses"
local metrics = require "moonbow.train.metrics"
local monitor = require "moonbow.train.monitor"
local named = require "moonbow.train.named"
local new_history = require "moonbow.train.history"
local parameters = require "moonbow.train.parameters"
local progress = require "moonbow.progress"
local record = require "moonbow.train.record"
local row_losses = require "moonbow.train.row_losses"
local schedules = require "moonbow.train.schedule"
local sets = require "moonbow.train.sets"
local splits = require "moonbow.train.splits"
local streams = require "moonbow.train.streams"

local early_stopping_options = {
  patience = check.default(10, "positive integer"), min_delta = check.default(0, "non-negative"),
  restore_best = true,
}

local share_options = { share = check.default(0.2, "fraction below 1"), groups = check.optional "table|tensor" }

local fit_options = {
  epochs = check.default(10, "positive integer"), batch_size = check.default(32, "positive integer"),
  optimizer = check.optional "any", loss = check.default("cross_entropy", "string|table|function", row_losses.options),
  seed = check.seed(0), shuffle = true,
  validation = check.optional("table|fraction below 1", share_options, "0.2, or a set { x = x, y = y }"),
  early_stopping = check.optional("table", early_stopping_options, "{ patience = 10 }"),
  schedule = check.optional("table|function", schedules.options, '{ "cosine" }'),
  clip_norm = check.optional "positive real", clip_value = check.optional "positive real", grad_norm = false,
  augment = check.optional "string|table|function", accumulate = check.optional "positive integer",
  ema = check.optional "fraction below 1", monitor = check.optional "string|table", lr_factors = check.optional "table",
  class_weights = check.optional "string|table|tensor",
  l2 = check.default(0, "non-negative real"), callbacks = check.optional "table", verbose = true,
  metrics = check.optional "table",
  checkpoint = check.optional("string|table", checkpoint.options, '"folder"'),
}

local function check_callbacks(callbacks)
  check.each("fit", "callbacks", check.list("fit", "callbacks", callbacks), "function")
end

local function read_options(given)
  local options = check.options("fit", given, fit_options)
  if options.optimizer and not optim.is_optimizer(options.optimizer) then
    check.fail("fit", "optimizer: expected one of mb.optim, as mb.optim.Adam{}, got %s",
      check.show(options.optimizer))
  end
  check_callbacks(options.callbacks or {})
  local stopping = options.early_stopping
  stopping = stopping and check.options("fit early_stopping", stopping, early_stopping_options)
  return options, stopping
end

-- The classes of which a split takes equal shares: of soft labels the largest, of rows that do not count 0.
local function strata(job)
  if not job.chosen_loss.is_of_classes then return nil end
  local classes = metrics.class_numbers(job.y)
  return job.weights and core.mul(classes, core.gt(job.weights, 0)) or classes
end

-- Splits the rows of the training set, of classes so that each gives its share. Returns nil for a share of 0.
local function hold_out(job, given)
  local share = check.options("fit validation", type(given) == "number" and { share = given } or given, share_options)
  if share.share == 0 then return nil end
  local train, test = splits.holdout("fit validation", named.count(job.x), share.share, {
    seed = streams.seed(job.options.seed, "holdout"), groups = share.groups, stratify = strata(job) })
  local function part(rows)
    return named.index(job.x, rows), core.index(job.y, rows), named.index(job.weights, rows)
  end
  local x, y, weights = part(test)
  job.x, job.y, job.weights = part(train)
  return { x = x, y = y, weights = weights }
end

local function is_share(given)
  return type(given) == "number" or type(given) == "table" and given.x == nil and (given.share or given.groups) ~= nil
end

-- Reads class numbers or targets of training and validation, as the loss requires.
local function read_sets(job, set)
  local options, chosen, read = job.options, losses.read("fit", job.options.loss), sets.with_targets
  local classes
  if chosen.is_of_classes then
    losses.check_logits("fit", job.model)
    read, classes = sets.with_labels, losses.classes_of("fit", job.output_shape)
  elseif chosen.kind and chosen.kind.unit then
    losses.check_logits("fit", job.model, "sigmoid")
    read = sets.with_shares
  end
  local ignored = chosen.options and chosen.options.ignore
  job.x, job.y, job.weights = read("fit", "data", set, classes, ignored)
  job.chosen_loss = chosen
  if is_share(options.validation) then
    job.validation = hold_out(job, options.validation)
  elseif options.validation then
    local x, y, weights = read("fit", "validation", options.validation, classes, ignored)
    local takes, err = pcall(job.model.trace, job.model, named.shape(x))
    if not takes then check.rethrow("fit: validation.x: ", err) end
    job.validation = { x = x, y = y, weights = weights }
  end
  job.has_accuracy = metrics.hits(chosen) ~= nil
  job.metrics = metrics.read("fit", options.metrics, chosen)
  if job.metrics and not job.validation then
    check.fail("fit", "metrics: they are those of the validation set; give the option validation")
  end
end

local function build(job, set)
  local model, seed = job.model, job.options.seed
  local shape = named.shape(sets.read_x("fit", "data", set))
  job.output_shape = model:ensure_built(shape, streams.rng(seed, "weights"))
  job.least_rows = batches.least_rows(model, shape)
  parameters.start(job)
  job.rng, job.layer_rng = streams.rng(seed, "batches"), streams.rng(seed, "layers")
end

-- The number of elements of an output, or of a label.
local function count_of(shape, first)
  local count = 1
  for i = first, #shape do count = count * shape[i] end
  return count
end

-- Raises for labels that 'mix' cannot blend. A loss of the user's own does not tell how many classes there are; numbers
-- have the shape of the outputs, or are not all whole.
local function check_mix(job)
  if job.weights then
    check.fail("fit", "augment: 'mix' mixes labels, which weights of rows, or ignored labels, do not allow")
  end
  if not job.chosen_loss.f or count_of(core.shape(job.y), 2) == count_of(job.output_shape, 1) then return end
  if augment.are_whole(job.y, -math.huge) then
    check.fail("fit", "augment: 'mix' cannot mix class numbers for a loss that is a function; give soft labels "
      .. "(N, classes), or a function as augment")
  end
end

-- The function that changes batches, and the generator of each epoch.
local function read_augment(job)
  local given, seed = job.options.augment, job.options.seed
  if given == nil then return end
  local classes = job.chosen_loss.is_of_classes and losses.classes_of("fit", job.output_shape)
  local change, mixes = augment.read("fit", given, classes)
  if mixes then check_mix(job) end
  job.augment = change
  function job.augment_rng(epoch) return streams.rng(seed, "augment", epoch) end
end

local function start_schedule(job)
  local count = batches.split(named.count(job.x), job.options.batch_size, job.least_rows)
  local per_epoch = -(-count // (job.options.accumulate or 1))
  job.first_lr = job.optimizer.lr
  job.schedule = schedules.start(job.options.schedule, job.first_lr, per_epoch, job.options.epochs)
  return per_epoch
end

-- Returns a value for a <close> variable, which sets the model to evaluation mode and clears its gradients. It restores
-- the best weights so far unless the training is complete and restores_best is false.
local function leave_in_order(job)
  return setmetatable({}, { __close = function()
    job.model:eval()
    parameters.drop_gradients(job)
    if job.best_state and not (job.is_over and not job.restores_best) then job.model:load_state(job.best_state) end
    if job.history.best_epoch then record.remember(job.model, record.of_job(job)) end -- of the weights that it has now
    checkpoint.leave(job)
  end })
end

-- Returns the message after Ctrl-C: the state of the model, and how to resume.
local function how_to_go_on(job)
  local best = job.history.best_epoch
  local left = best and ("the model has its best weights, of epoch %d; "):format(best) or ""
  if job.checkpoint and files.exists(job.checkpoint.path) then
    return ("%sthe same command resumes from the checkpoint in %s"):format(left, job.checkpoint.folder)
  end
  return ("%sthe same command starts again (%s)"):format(left, job.checkpoint and "no checkpoint was due yet"
    or "with the option checkpoint of mb.fit it resumes")
end

local function train(model, set, given)
  local options, stopping = read_options(given)
  evaluation.check_model("fit", model)
  if not autograd.is_recording() then check.fail("fit", "nothing is recorded inside mb.no_grad; call it outside") end
  local job = {
    model = model, options = options, stopping = stopping, waited = 0, history = new_history {},
    optimizer = options.optimizer or optim.Adam {}, restores_best = stopping and stopping.restore_best,
    class_names = type(set) == "table" and rawget(set, "classes") or nil,
  }
  local _ <close> = interrupt.catch("fit", function() return how_to_go_on(job) end)
  local _ <close> = job.optimizer:keep_lr()
  local _ <close> = leave_in_order(job)
  local _ <close> = model:keep_modes() -- restores the generators, before the model goes to evaluation mode
  build(job, set)
  read_sets(job, set)
  job.loss, job.validation_loss = losses.make(job.chosen_loss, options.class_weights, set, job.y, job.weights,
    job.output_shape)
  job.monitor = monitor.read(job, options.monitor)
  job.history.monitor = job.monitor.name
  read_augment(job)
  local per_epoch = start_schedule(job)
  average.start(job)
  local _ <close> = checkpoint.open(job)
  checkpoint.resume(job)
  job.steps = #job.history * per_epoch
  job.best_state = job.best_state or model:state()
  model:set_rng(job.layer_rng)
  local shown <close> = progress.start(options.epochs, options.verbose, #job.history)
  job.progress = shown
  epochs.run(job)
  job.is_over = true
  return job.history
end

--- Trains a model by mini-batches.
--
-- A single row that is left over at the end of an epoch joins the batch before if the model has a batch norm of (N, C)
-- or (N, 1, C), which could not compute a variance from one value per channel. See docs/guide/3_training.md.
--
-- Checkpoints: the whole state of the training (weights, which of them are frozen, best weights, optimiser, schedule,
-- generators, history) goes to folder/checkpoint.safetensors, which is always complete. The same call with the same
-- folder resumes from it, whatever ended the process, and gives the same weights, bit for bit, as an uninterrupted
-- training; after the last epoch it only loads them. The model may have the weights that training began with, or those
-- that it has made. More epochs may be asked for, unless the schedule depends on their number ("cosine", functions that
-- take steps); fewer than the training has made raise, as do other data, networks, first weights or options, and a
-- folder in which another training runs (see docs/files.md). State inside functions (loss, callbacks, layers) is not
-- saved.
--
-- If a training ends early, by an error (of a callback, a loss, a full disk), by Ctrl-C, by a loss, a validation loss
-- or a gradient that is NaN or infinite, or because its coroutine is closed, the model has its best weights and running
-- statistics so far. These are, with and without early stopping, those after the epoch with the best value of monitor,
-- the validation loss unless another is named, or those before training if no epoch has ended. The model is always
-- left in evaluation mode, with its previous generators and without gradients; earlier gradients are not used. NaN and
-- infinity raise before the optimiser's step, with the epoch, the batch and the layer; also if only the last step made
-- weights or outputs infinite. See docs/guide/3_training.md.
--
-- Ctrl-C ends a script with code 130 and a line on how to resume; at the prompt, and in a program that embeds Lua, fit
-- raises. A second Ctrl-C ends the process at once.
-- @param model layer that is built for the spectra if it is not yet; its outputs are logits for "cross_entropy"
-- @param set table { x = tensor (N, L, C), or a table of tensors by name for a network of several inputs; y = class
--   numbers from 1 on, (N) or (N, 1), soft labels (N, classes), or targets of the loss; weights =
--   a number from 0 on for each row (optional): losses are means weighted by them, and rows of weight 0 count in no
--   accuracy }
-- @option epochs passes over the set
-- @option batch_size rows of a step
-- @option optimizer one of mb.optim; Adam with its defaults unless given. fit leaves its lr as it was
-- @option loss "cross_entropy" or "focal" for classes, "binary_cross_entropy" for several labels per spectrum, "mse",
--   "l1" or "huber" for numbers; with options, { "huber", delta = 0.5 }, those of loss "huber"; or a
--   function(output, y, weights) that returns a tensor of one element
-- @option loss.label_smoothing of "cross_entropy" and "binary_cross_entropy": the share of a label that goes to others
-- @option loss.ignore of "cross_entropy" and "focal": rows with this label count in no loss and no accuracy
-- @option loss.gamma of "focal": the exponent of the probability that is missing
-- @option loss.positive_weight of "binary_cross_entropy": the loss of labels 1 is multiplied by it
-- @option loss.delta of "huber": the difference from which on the loss is linear
-- @option metrics a list of names and, under names of your own, functions(outputs, y) that return a number: measured on
--   the validation set after each epoch, as val_NAME of the record. Names for losses of classes: "balanced_accuracy",
--   "macro_f1", "auc"; for "binary_cross_entropy": "exact" (all labels of a spectrum are right), "macro_f1"; for other
--   losses: "rmse", "mae", "bias", "r2"
-- @option seed an integer, or a table of integers, for new weights, shuffling and dropout
-- @option shuffle false: rows keep their order in each epoch
-- @option validation a set like the first one: its loss and accuracy are reported after each epoch; or a
--   number such as 0.2: this share of the training set is held out, the same share of each class (of soft labels, the
--   largest counts) and of the rows that do not count; 0: none
-- @option validation.share the share, below 1, beside groups
-- @option validation.groups one label per row: rows of one group stay together
-- @option monitor what decides on the best epoch, early stopping and the schedule "plateau": "val_loss" (without
--   validation "loss"), "val_accuracy", or val_NAME of one of the metrics; of metrics of your own with the direction,
--   { "val_worst", mode = "max" }
-- @option early_stopping ends training when what is monitored no longer improves
-- @option early_stopping.patience epochs without improvement after which training ends
-- @option early_stopping.min_delta by how much a loss has to be lower to count
-- @option early_stopping.restore_best true: the model ends with the weights of the best epoch
-- @option schedule { "plateau", ... }, { "step", ... }, { "cosine", ... } or { "constant", ... } with the options of
--   schedule "plateau", schedule "step", schedule "cosine" or schedule "constant": how the learning rate changes; or a
--   function(step, steps, lr), called before each step with its number, their number, and the optimiser's rate, which
--   returns the rate
-- @option schedule.every of "step": epochs between two changes
-- @option schedule.factor of "plateau" and "step": the rate is multiplied by it
-- @option schedule.patience of "plateau": epochs without a lower loss
-- @option schedule.min_delta of "plateau": by how much a loss has to be lower
-- @option schedule.cooldown of "plateau": epochs after a change that do not count
-- @option schedule.min_lr of "plateau" and "cosine": the least rate
-- @option schedule.per of "cosine": "epoch", or "step": the rate changes with every step
-- @option schedule.warmup epochs, or a part of one, in which the rate rises from 0, with every step
-- @option clip_norm gradients are scaled to at most this norm, taken over all parameters
-- @option clip_value each element of a gradient is cut to at most this size, after clip_norm
-- @option grad_norm true: history has the mean norm of the gradient in each epoch; so it has with clip_norm
-- @option augment changes each batch at random: a list of names and { name, option = value }, as mb.augment takes it;
--   or a function(x, y, rng) that returns x and y. It draws from seed, and each epoch anew
-- @option accumulate batches whose gradients are added up to one step (1), as if they were one batch
-- @option ema share of an exponential moving average of the weights that is kept in a step, such as 0.999: validation,
--   the best epoch and the model at the end take the average; running statistics are those of the weights themselves
-- @option lr_factors { ["1"] = 0.1, ["3.weight"] = 0.5, body = 0 }: the learning rate of a layer and its parts, of a
--   tensor, or of a container with this name is multiplied by the factor; of several the one whose layer lies deepest
--   counts
-- @option class_weights "balanced", one number per class, or { [name] = number } for some classes of set.classes; for
--   "cross_entropy" and "focal"
-- @option l2 factor of the sum of squares of all weights, which is added to the loss; without biases and the gamma and
--   beta of norms: parameters whose names end so
-- @option callbacks a list of functions(record, control), called after each epoch; control.stop() ends training, and
--   control.model is the model, in evaluation mode, as it is for functions of metrics. What callbacks freeze or
--   unfreeze is so from the next epoch on, which begins in training mode and without their gradients
-- @option verbose true: progress on standard error
-- @option checkpoint a folder, or a table with it: saves the training, so that the same call resumes it after an
--   interruption
-- @option checkpoint.folder for checkpoint.safetensors
-- @option checkpoint.every epochs between two checkpoints
-- @option checkpoint.seconds least seconds between two checkpoints, each of which takes as long as writing the weights
--   five times; one is always written at the end
-- @return history a list of { epoch, loss, accuracy, val_loss, val_accuracy, lr, grad_norm, seconds, and metrics as
--   val_NAME }, with best_epoch, monitor and stopped ("early_stopping", "callback", or nil); print shows a table
-- @usage
-- local history = mb.fit(model, set.train, {
--   epochs = 50, optimizer = mb.optim.Adam { lr = 3e-4 },
--   validation = set.validation, early_stopping = { patience = 10 },
-- })
local function fit(model, set, given) return closing(train, model, set, given) end

return check.takes(fit, 3, fit_options, "mb.fit(model, { x = x, y = y }, { epochs = 10 })")
