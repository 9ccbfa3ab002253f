--- mb.profile: the time of a training step or of an inference, by layer and operation.
local clock = require "moonbow.clock"
local core = require "moonbow.core"
local check = require "moonbow.check"
local autograd = require "moonbow.autograd"
local labels = require "moonbow.data.labels"
local values_of = require "moonbow.data.values_of"
local interrupt = require "moonbow.interrupt"
local ops = require "moonbow.ops"
local optim = require "moonbow.train.optim"
local Layer = require "moonbow.nn.layer"
local report = require "moonbow.train.profile.report"

local REAL_BYTES = 4
local WARM_UP = 2 -- steps that are not measured; after them memory is reused

-- Multiply-adds in the forward pass of matrix products of the first two arguments. The gradient of each argument costs
-- as many.
local products = {
  conv1d = function(_, x, w, _, stride, dilation, padding)
    return core.size(x, 1) * core.window(core.size(x, 2), core.size(w, 1), stride, dilation, padding) * core.count(w)
  end,
  matmul = function(y, a) return core.count(y) * core.size(a, core.rank(a)) end,
  dense = function(y, x) return core.count(y) * core.size(x, core.rank(x)) end,
}

local views = { reshape = true, narrow = true } -- these read and write no elements

local function bytes_of(...)
  local sum = 0
  for i = 1, select("#", ...) do
    local value = select(i, ...)
    if core.is_tensor(value) and not core.is_factored(value) then sum = sum + core.count(value) * REAL_BYTES end
  end
  return sum
end

-- Returns a watcher for autograd that records events { operation, pass, seconds, macs, bytes, source }; source is the
-- forward event of a backward event. Nested operations are part of the outer one. macs_later counts multiply-adds of
-- weight gradients that are kept as factors, which the optimiser computes.
local function new_recorder()
  local recorder = { events = {}, macs_later = 0 }
  local is_inside = false

  local function timed(event, f, finish)
    return function(...)
      if is_inside then return f(...) end
      is_inside = true
      local begin = clock()
      local results = table.pack(f(...))
      event.seconds = clock() - begin
      is_inside = false
      recorder.events[#recorder.events + 1] = event
      finish(results, ...)
      return table.unpack(results, 1, results.n)
    end
  end

  function recorder.forward(name, forward)
    local event = { operation = name, pass = "forward" }
    return timed(event, forward, function(results, _, ...)
      recorder.event = event
      event.macs = products[name] and products[name](results[1], ...)
      event.bytes = views[name] and 0 or bytes_of(results[1], ...)
    end)
  end

  function recorder.backward(source, backward)
    local event = { operation = source.operation, pass = "backward", source = source }
    return timed(event, backward, function(gradients, dy)
      local dx, dw = gradients[1], gradients[2]
      local is_later = dw and source.macs and core.is_factored(dw)
      local products_done = (dx and 1 or 0) + (dw and not is_later and 1 or 0)
      event.macs = source.macs and source.macs * products_done
      if is_later then recorder.macs_later = recorder.macs_later + source.macs end
      event.bytes = views[source.operation] and 0 or bytes_of(dy, table.unpack(gradients, 1, gradients.n))
    end)
  end

  return recorder
end

-- Assigns the layer that has just run to every forward event that has none yet.
local function claim(events, layer, first)
  for i = first, #events do
    if not events[i].layer then events[i].layer = layer end
  end
  return #events + 1
end

-- Runs one step and returns its events and the seconds of its phases.
local function run_step(job)
  local recorder = new_recorder()
  local events, phases, first = recorder.events, {}, 1
  local function step()
    local begin, output = clock(), nil
    Layer.traced_as_run(function(layer) first = claim(events, layer, first) end,
      function() output = job.model(job.x) end)
    local loss = job.y and job.loss(output, job.y)
    phases.forward = clock() - begin
    if loss then
      begin = clock()
      autograd.backward(loss)
      phases.backward = clock() - begin
      begin = clock()
      job.optimizer:step(job.parameters)
      phases.optimizer = clock() - begin
      core.close(loss)
    end
    core.close(output)
  end
  if job.y then autograd.watched(recorder, step) else autograd.no_grad(autograd.watched, recorder, step) end
  return events, phases, recorder.macs_later
end

-- Calls f with the model in a mode and with a generator of its own, and restores the model's state.
local function with_model_kept(model, training, f)
  local _ <close> = model:keep_modes()
  local gradients, state = {}, training and model:state()
  for _, parameter in ipairs(model:parameters()) do gradients[parameter.value] = parameter.value.grad or false end
  local _ <close> = setmetatable({}, { __close = function()
    for value, gradient in pairs(gradients) do value.grad = gradient or nil end
    if state then model:load_state(state) end
  end })
  for value in pairs(gradients) do value.grad = nil end
  if training then model:train() else model:eval() end
  model:set_rng(core.rng { 0 })
  f()
end

local losses = { cross_entropy = ops.cross_entropy, mse = ops.mse }

local profile_options = {
  steps = check.default(3, "positive integer"), optimizer = check.optional "table",
  loss = check.one_of("cross_entropy", { "cross_entropy", "mse" }),
}

-- Reads targets as the loss requires; nil for an inference.
local function read_targets(y, rows, loss)
  if y == nil then return nil end
  check.kind("profile", "y", y, "tensor|table")
  if loss == "cross_entropy" then return core.tensor((labels.classes("profile", "y", y, rows))) end
  return type(y) == "table" and core.tensor(y) or y
end

local function build(model, x)
  local _ <close> = model:keep_modes()
  model:eval()
  autograd.no_grad(model, core.narrow(x, 1, 1))
end

--- Measures where a training step (with y) or an inference (without) spends its time. The model keeps its weights,
-- statistics, gradients, mode and generator. Normal runs are not slowed down.
--
-- print(report) shows the time by layer and by operation, with GFLOP/s if multiply-adds are known; they are those that
-- were done, so a skipped gradient of the spectra does not count. "other" is the time outside operations: the tape,
-- sums of gradients, Lua. bytes counts the tensors that an operation reads and writes; of a backward pass, the
-- gradients. The gradient of large dense weights is computed, tile by tile, in the optimiser's step.
-- @param model layer that is built if it is not yet
-- @param x tensor|spectra (N, L, C)
-- @param y? tensor|table targets of the loss: labels (N), or values for "mse"; nil for an inference
-- @option steps measured steps, whose mean is reported; two that are not measured come first
-- @option loss of the training step
-- @option optimizer one of mb.optim, whose step is measured; a new Adam unless given
-- @return table report: seconds of a step, samples_per_second, phases { forward, backward, optimizer } in seconds;
--   rows, layers, operations: lists of { layer (its path, or "loss", "optimizer", "other"), type, operation, pass,
--   calls, seconds, share, flops, bytes }, whose seconds sum up to those of the step
-- @usage print(mb.profile(model, x, y))
local function profile(model, x, y, options)
  options = check.options("profile", options, profile_options)
  if not Layer.is_layer(model) then
    check.fail("profile", "model: expected a layer, got %s", check.show(model))
  end
  x = check.kind("profile", "x", values_of(x), "tensor")
  y = read_targets(y, core.size(x, 1), options.loss)
  if options.optimizer and not optim.is_optimizer(options.optimizer) then
    check.fail("profile", "optimizer: expected one of mb.optim, got %s", check.show(options.optimizer))
  end
  local _ <close> = interrupt.catch "profile"
  build(model, x)
  local steps = {}
  with_model_kept(model, y ~= nil, function()
    local job = {
      model = model, x = x, y = y, loss = losses[options.loss],
      optimizer = options.optimizer or optim.Adam {}, parameters = model:parameters(),
    }
    for i = 1 - WARM_UP, options.steps do
      interrupt.check()
      local events, phases, macs_later = run_step(job)
      if i > 0 then steps[i] = { events = events, phases = phases, macs_later = macs_later } end
    end
  end)
  return report(model, core.size(x, 1), steps)
end

return check.takes(profile, 4, profile_options)
