--- The epochs of a training: batches, validation, the best weights so far.
local clock = require "moonbow.clock"
local core = require "moonbow.core"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local average = require "moonbow.train.average"
local batches = require "moonbow.train.batches"
local checkpoint = require "moonbow.train.checkpoint"
local evaluation = require "moonbow.train.evaluate"
local finite = require "moonbow.train.finite"
local metrics = require "moonbow.train.metrics"
local monitor = require "moonbow.train.monitor"
local named = require "moonbow.train.named"
local parameters = require "moonbow.train.parameters"
local update = require "moonbow.train.update"

local epochs = {}

local function fail(job, what, batch, cause)
  check.fail("fit", "%s in epoch %d%s: %s", what, job.epoch, batch and (", batch %d"):format(batch) or "", cause)
end

-- Returns the value of a loss; raises unless it is finite.
local function value_of(job, loss, kind, batch, x, y)
  local value = loss:item()
  if not finite.is_number(value) then
    fail(job, ("the %s is %s"):format(kind, check.show(value)), batch, finite.blame(job.model, x, y))
  end
  return value
end

-- Sums up the losses of batches, weighted, and the right rows among those that count.
local function new_sums(job)
  local sums, losses, weight, hits, rows = {}, 0, 0, 0, 0
  local count_hits = metrics.hits(job.chosen_loss)
  function sums.add(loss, batch_weight, output, y, weights)
    local count = batch_weight or core.size(y, 1)
    losses, weight = losses + loss * count, weight + count
    if not count_hits then return end
    local more, counted = count_hits(output, y, weights)
    hits, rows = hits + more, rows + counted
  end
  function sums.loss() return weight > 0 and losses / weight or 0 end
  function sums.accuracy() return count_hits and (rows > 0 and hits / rows or 0) or nil end
  return sums
end

-- The rows of a batch, changed by the augmentation.
local function batch_of(job, rows, rng)
  local x, y, weights = named.index(job.x, rows), core.index(job.y, rows), named.index(job.weights, rows)
  if job.augment then x, y = job.augment(x, y, rng) end
  if weights and named.count(x) ~= core.size(weights, 1) then
    check.fail("fit", "augment: expected %d spectra, those of the batch, as their rows have weights, got %d",
      core.size(weights, 1), named.count(x))
  end
  return x, y, weights
end

local function close_all(loss, output, x, y)
  for _, temporary in ipairs { loss, output, y } do core.close(temporary) end
  named.close(x)
end

-- One pass over the data. Returns mean loss and share of right classes (nil for other losses).
local function train(job)
  local n, options = named.count(job.x), job.options
  local order = options.shuffle and job.rng:permutation(n) or core.arange(1, 1, n)
  local sums, rng = new_sums(job), job.augment and job.augment_rng(job.epoch)
  local last, batch_rows = batches.split(n, options.batch_size, job.least_rows)
  local every, gathered = options.accumulate or 1, 0
  for batch = 1, last do
    interrupt.check()
    local x, y, weights = batch_of(job, core.narrow(order, batch_rows(batch)), rng)
    local output = job.model(x)
    local loss, weight = job.loss(output, y, weights)
    sums.add(value_of(job, loss, "loss", batch, x, y), weight, output, y, weights)
    local counts = weight or core.size(y, 1)
    gathered = gathered + counts
    update.backward(job, loss, every > 1 and counts or nil)
    if batch % every == 0 or batch == last then
      if every > 1 then update.divide(job, gathered) end
      update.step(job, function(what, cause) fail(job, what, batch, cause) end)
      gathered = 0
    end
    close_all(loss, output, x, y)
    job.progress.batch(batch, last, sums.loss())
  end
  return sums.loss(), sums.accuracy()
end

-- Measures the mean loss on the validation set, the share of right classes, and the metrics.
local function validate(job, record)
  local set, sums, batch, outputs = job.validation, new_sums(job), 0, {}
  evaluation.each_batch("fit", job.model, set.x, 128, function(output, first, count)
    local x, y, weights = named.narrow(set.x, first, count), core.narrow(set.y, first, count),
      named.narrow(set.weights, first, count)
    local loss, weight = job.validation_loss(output, y, weights)
    batch = batch + 1
    sums.add(value_of(job, loss, "validation loss", batch, x, y), weight, output, y, weights)
    if job.metrics then outputs[batch] = core.copy(output) end
  end)
  record.val_loss, record.val_accuracy = sums.loss(), sums.accuracy()
  if not job.metrics then return end
  for name, value in pairs(job.metrics(core.concat(outputs, 1), set.y, set.weights)) do
    record["val_" .. name] = value
  end
end

-- Returns where the outputs for the first rows became NaN or infinite, if the loss did, too; otherwise nil. If the loss
-- is finite, outputs of -infinity may be intended.
local function bad_loss(job, rows)
  local x, y, problem = named.narrow(job.x, 1, rows), core.narrow(job.y, 1, rows), nil
  local weights = named.narrow(job.weights, 1, rows)
  evaluation.each_batch("fit", job.model, x, rows, function(output)
    if core.find_non_finite { output } and not finite.is_number((job.validation_loss(output, y, weights)):item()) then
      problem = finite.blame(job.model, x, y)
    end
  end)
  return problem
end

-- Raises if the last steps of an epoch have blown up the weights. Without a validation, which would show it, outputs
-- are checked, too: those of one row, or of a batch if no epoch follows.
local function check_weights(job, is_last)
  local tensors = {}
  for _, list in ipairs { job.parameters, job.model:buffers() } do
    for _, entry in ipairs(list) do tensors[#tensors + 1] = entry.value end
  end
  local problem = core.find_non_finite(tensors) and finite.bad_state(job.model)
  if not problem and not job.validation then
    problem = bad_loss(job, is_last and math.min(job.options.batch_size, named.count(job.x)) or 1)
  end
  if problem then fail(job, "training has blown up", nil, problem) end
end

local function keep_state(job)
  for _, list in ipairs { job.parameters, job.model:buffers() } do
    for _, entry in ipairs(list) do core.copy_from(job.best_state[entry.name], entry.value) end
  end
end

-- Keeps the best weights; returns true if patience is exhausted.
local function follow_best(job, record)
  local value, monitored = monitor.value(job, record)
  local stopping = job.stopping
  if not job.best or monitored < job.monitor.sign * job.best - (stopping and stopping.min_delta or 0) then
    job.best, job.history.best_epoch, job.waited = value, record.epoch, 0
    keep_state(job)
    return false
  end
  job.waited = job.waited + 1
  return stopping and job.waited >= stopping.patience
end

local function call_back(job, record)
  local control = {
    stop = function() job.history.stopped = "callback" end, model = job.model, optimizer = job.optimizer,
  }
  for _, callback in ipairs(job.options.callbacks or {}) do callback(record, control) end
end

local function run_one(job)
  local options, history, epoch, begin = job.options, job.history, job.epoch, clock()
  local record = { epoch = epoch }
  parameters.check_any(job)
  parameters.drop_gradients(job)
  job.norms = { sum = 0, count = 0 }
  job.model:train()
  record.loss, record.accuracy = train(job)
  job.model:eval() -- for what metrics and callbacks run it on
  record.lr, record.grad_norm = job.lr, job.norms.count > 0 and job.norms.sum / job.norms.count or nil
  average.swap(job) -- what is judged and kept is the average
  if job.validation then validate(job, record) end
  check_weights(job, epoch == options.epochs)
  record.seconds = clock() - begin
  history[epoch] = record
  local is_over = follow_best(job, record)
  job.progress.epoch(record, job.best, history.best_epoch)
  call_back(job, record)
  parameters.follow(job)
  average.swap(job)
  if is_over then history.stopped = "early_stopping" end
  local _, monitored = monitor.value(job, record)
  job.optimizer.lr = job.schedule.next(job.optimizer.lr, epoch, options.epochs, monitored)
  checkpoint.save(job)
end

-- Returns why a training stopped before its last epoch, and of which epoch its weights are.
local function ending(job)
  local history, last, reason = job.history, #job.history, "a callback ended it"
  if history.stopped == "early_stopping" then
    reason = ("no %s %s for %s"):format(job.monitor.sign > 0 and "lower" or "higher", job.monitor.name,
      check.show_count(job.stopping.patience, "epoch"))
  end
  return ("stopped after epoch %d/%d: %s; best %.4f in epoch %d; the weights are those of epoch %d"):format(last,
    job.options.epochs, reason, job.best, history.best_epoch, job.restores_best and history.best_epoch or last)
end

--- Runs the remaining epochs of a job of mb.fit.
function epochs.run(job)
  local history = job.history
  for epoch = #history + 1, job.options.epochs do
    if history.stopped then break end
    job.epoch = epoch
    run_one(job)
  end
  if not job.restores_best then average.swap(job) end
  if history.stopped then job.progress.stopped(ending(job)) end
end

return epochs
