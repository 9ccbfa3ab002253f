--- mb.fit: training by mini-batches.
local uv = require "luv"
local core = require "moonbow.core"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local autograd = require "moonbow.autograd"
local optim = require "moonbow.optim"
local random = require "moonbow.random"
local checkpoint = require "moonbow.train.checkpoint"
local evaluation = require "moonbow.train.evaluate"
local progress = require "moonbow.train.progress"
local schedules = require "moonbow.train.schedule"

local fit_options = {
  epochs = check.default(10, "positive integer"), batch_size = check.default(32, "positive integer"),
  optimizer = check.optional "table", loss = check.default("cross_entropy", "string|function"),
  seed = check.default(0, "integer|table"), shuffle = true, validation = check.optional "table",
  early_stopping = check.optional "table", schedule = check.optional "table",
  clip_norm = check.optional "positive", class_weights = check.optional "string|table|tensor",
  l2 = check.default(0, "non-negative"), callbacks = check.optional "table", verbose = true,
  checkpoint = check.optional "string|table",
}

local early_stopping_options = {
  patience = check.default(10, "positive integer"), min_delta = check.default(0, "non-negative"),
  restore_best = true,
}

local function clock() return uv.hrtime() / 1e9 end

local function seeded(seed, stream)
  local parts = type(seed) == "table" and { table.unpack(seed) } or { seed }
  parts[#parts + 1] = stream
  return core.rng(parts)
end

--- Weights n / (classes * count) of each class, as scikit-learn's "balanced".
local function balanced_weights(y, classes)
  local counts, weights = {}, {}
  for k = 1, classes do counts[k] = 0 end
  for i = 1, core.size(y, 1) do counts[y[i] // 1 | 0] = counts[y[i] // 1 | 0] + 1 end
  for k = 1, classes do weights[k] = counts[k] > 0 and core.size(y, 1) / (classes * counts[k]) or 0 end
  return core.tensor(weights)
end

local function loss_function(options, y)
  local weights = options.class_weights
  if type(weights) == "table" then weights = core.tensor(weights) end
  if type(weights) == "string" then check.name("fit", "class_weights", weights, { "balanced" }) end
  if type(options.loss) == "function" then return options.loss end
  check.name("fit", "loss", options.loss, { "cross_entropy", "mse" })
  if options.loss == "mse" then return ops.mse end
  return function(logits, labels)
    if weights == "balanced" then weights = balanced_weights(y, core.size(logits, 2)) end
    return ops.cross_entropy(logits, labels, weights)
  end
end

local function is_finite(value) return value == value and math.abs(value) < math.huge end

local function has_bad(x)
  local stats = core.describe(x)
  return stats.nan + stats.inf > 0
end

-- Where a NaN or infinity came from: the input, a weight, or the first layer whose output holds one.
local function blame(model, x)
  if has_bad(x) then return "the input holds NaN or infinity" end
  local found
  local paths = {}
  model:visit(function(part, path)
    paths[part] = ("layer %s (%s)"):format(path == "" and "1" or path, part.type)
    for _, weight in ipairs(not part.layers and part:parameters() or {}) do
      if not found and has_bad(weight.value) then found = paths[part] .. ": its " .. weight.name .. " is not finite" end
    end
  end)
  if found then return found end
  for _, step in ipairs(model:trace_on(x)) do
    if not step.finite then return paths[step.layer] .. ": its output is the first that is not finite" end
  end
  return "no layer's output: the loss itself"
end

-- Scales all gradients so that together their norm is at most the limit.
local function clip(parameters, limit)
  local sum = 0
  for _, parameter in ipairs(parameters) do
    if parameter.value.grad then sum = sum + core.sum_squares(parameter.value.grad) end
  end
  local norm = math.sqrt(sum)
  if norm <= limit then return end
  for _, parameter in ipairs(parameters) do
    local gradient = parameter.value.grad
    if gradient then parameter.value.grad = core.mul(gradient, limit / norm) end
  end
end

local function add_l2(loss, parameters, factor)
  for _, parameter in ipairs(parameters) do
    if parameter.name:find "weight$" then
      loss = ops.add(loss, ops.mul(ops.sum_squares(parameter.value), factor))
    end
  end
  return loss
end

-- One pass over the data. Returns mean loss and share of right classes (nil for other losses).
local function run_epoch(job, epoch)
  local n, options = core.size(job.x, 1), job.options
  local order = options.shuffle and job.rng:permutation(n) or core.arange(1, 1, n)
  local loss_sum, hits, seen = 0, 0, 0
  local batches = (n + options.batch_size - 1) // options.batch_size
  for batch = 1, batches do
    local first = (batch - 1) * options.batch_size + 1
    local rows = core.narrow(order, first, math.min(options.batch_size, n - first + 1))
    local x, y = core.index(job.x, rows), core.index(job.y, rows)
    local output = job.model(x)
    local loss = job.loss(output, y)
    local value, count = loss:item(), core.size(rows, 1)
    if not is_finite(value) then
      job.failure = ("fit: the loss is %s in epoch %d, batch %d: %s"):format(value, epoch, batch, blame(job.model, x))
      return nil
    end
    loss_sum, seen = loss_sum + value * count, seen + count
    if options.loss == "cross_entropy" then
      hits = hits + core.sum(core.eq(core.argmax(output, 2), y)):item()
    end
    if options.l2 > 0 then loss = add_l2(loss, job.parameters, options.l2) end
    autograd.backward(loss)
    if options.clip_norm then clip(job.parameters, options.clip_norm) end
    job.optimizer:step(job.parameters)
    for _, temporary in ipairs { loss, output, x, y } do core.close(temporary) end
    job.progress.batch(batch, batches, loss_sum / seen)
    uv.run "nowait"
    if job.interrupted then break end
  end
  return loss_sum / seen, options.loss == "cross_entropy" and hits / seen or nil
end

local function validate(job, record)
  if not job.options.validation then return end
  if job.options.loss == "cross_entropy" then
    local result = evaluation.evaluate(job.model, job.options.validation)
    record.val_loss, record.val_accuracy = result.loss, result.accuracy
    return
  end
  local x, y = evaluation.read_set("fit", job.options.validation, true)
  local sum = 0
  evaluation.each_batch(job.model, x, 128, function(output, first, count)
    sum = sum + job.loss(output, core.narrow(y, first, count)):item() * count
  end)
  record.val_loss = sum / core.size(x, 1)
end

-- Keeps the best weights; returns whether patience is at its end.
local function follow_best(job, record)
  local monitored = record.val_loss or record.loss
  local stopping = job.stopping
  if not job.best or monitored < job.best - (stopping and stopping.min_delta or 0) then
    job.best, job.history.best_epoch, job.waited = monitored, record.epoch, 0
    if job.keep_best then job.best_state = job.model:state() end
    return false
  end
  job.waited = job.waited + 1
  return stopping and job.waited >= stopping.patience
end

local function run_epochs(job)
  local options, history = job.options, job.history
  for epoch = #history + 1, history.stopped and 0 or options.epochs do
    local begin = clock()
    local record = { epoch = epoch, lr = job.optimizer.lr }
    job.model:train()
    record.loss, record.accuracy = run_epoch(job, epoch)
    if job.failure then return end
    if job.interrupted then
      history.stopped = "interrupted"
      return
    end
    validate(job, record)
    record.seconds = clock() - begin
    history[epoch] = record
    local is_over = follow_best(job, record)
    job.progress.epoch(record, job.best, history.best_epoch)
    local control = {
      stop = function() history.stopped = "callback" end, model = job.model, optimizer = job.optimizer,
    }
    for _, callback in ipairs(options.callbacks or {}) do callback(record, control) end
    if is_over then history.stopped = "early_stopping" end
    local monitored = record.val_loss or record.loss
    job.optimizer.lr = job.schedule.next(job.optimizer.lr, epoch, options.epochs, monitored)
    checkpoint.save(job)
    if history.stopped then return end
  end
end

-- Ctrl-C sets job.interrupted while f runs; afterwards it is what it was.
local function catching_interrupt(job, f)
  local signal = uv.new_signal()
  uv.signal_start(signal, "sigint", function() job.interrupted = true end)
  local ok, err = pcall(f, job)
  uv.signal_stop(signal)
  uv.close(signal)
  uv.run "nowait"
  if not ok then error(err, 0) end
end

--- Trains a model on { x = (N, L, C), y = (N) class numbers }.
--
-- Options: epochs (10); batch_size (32); optimizer (Adam with its defaults; its lr is after fit what it
-- was before); loss ("cross_entropy" of the outputs as logits, "mse", or a function(output, y) that
-- returns a tensor of one element); seed (0: an integer or a table of integers; weights not yet made,
-- shuffling and dropout draw from it); shuffle (true); validation ({ x, y }); early_stopping { patience
-- = 10, min_delta = 0, restore_best = true }, by the validation loss, or the training loss without
-- validation; schedule ({ "plateau", patience, factor, min_lr, min_delta, cooldown }, { "step", every,
-- factor } or { "cosine", min_lr }); clip_norm (gradients are scaled to at most this norm);
-- class_weights ("balanced", or one number per class); l2 (factor of the sum of squares of all weights,
-- without biases); callbacks (functions(record, control), called after each epoch; control.stop() ends
-- training); verbose (true: progress on standard error); checkpoint (a folder, or { folder, every = 1,
-- seconds = 0 }: see below).
--
-- Checkpoints: after every so many epochs, if so many seconds have passed since the last one (it costs as
-- many as writing the weights five times), and at the end, all that the training is made of (weights, best
-- weights, optimiser, schedule, generators, history) goes to folder/checkpoint.safetensors, which is always
-- whole. The same call with the same folder goes on from there, whatever ended the process, and gives the
-- same weights, bit for bit, as a training that was never interrupted; after the last epoch it only loads
-- them. More epochs may be asked for; with any other data, network or options it raises. What functions
-- (loss, callbacks, layers) remember is not kept.
--
-- Ctrl-C ends training at the next batch, with the best weights so far (with early stopping's restore_best,
-- or the present ones). A loss that is not finite restores the best weights so far and raises.
-- @return history: a list of { epoch, loss, accuracy, val_loss, val_accuracy, lr, seconds }, with best_epoch
--   and stopped ("early_stopping", "interrupted", "callback", or nil)
local function fit(model, set, given)
  local options = check.options("fit", given, fit_options)
  local x, y = evaluation.read_set("fit", set, true)
  local job = {
    model = model, x = x, y = y, options = options, rng = seeded(options.seed, 1), waited = 0, history = {},
    optimizer = options.optimizer or optim.Adam {}, loss = loss_function(options, y),
  }
  if not optim.is_optimizer(job.optimizer) then
    check.fail("fit", "optimizer: expected one of mb.optim, got %s", check.show(job.optimizer))
  end
  if options.early_stopping then
    job.stopping = check.options("fit early_stopping", options.early_stopping, early_stopping_options)
  end
  job.keep_best = job.stopping and job.stopping.restore_best
  local shape = core.shape(x)
  table.remove(shape, 1)
  model:build(shape, seeded(options.seed, 2))
  job.parameters = model:parameters()
  if #job.parameters == 0 then check.fail("fit", "the model has no parameters to train") end
  job.layer_rng = seeded(options.seed, 3)
  local _ <close> = job.optimizer:keep_lr()
  job.schedule = schedules.start(options.schedule, job.optimizer.lr)
  local _ <close> = checkpoint.open(job)
  checkpoint.resume(job)
  job.progress = progress.start(options.epochs, options.verbose, clock, #job.history)
  model:set_rng(job.layer_rng)
  catching_interrupt(job, run_epochs)
  model:eval()
  model:set_rng(random.default())
  if job.best_state then model:load_state(job.best_state) end
  if job.failure then core.raise(job.failure) end
  return job.history
end

return fit
