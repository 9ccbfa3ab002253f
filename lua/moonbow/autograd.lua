--- The tape: operations record how to run backward, and backward walks the records. See docs/tape.md.
--
-- A tensor that the tape follows has a record. The record of a parameter holds its gradient (x.grad). The record of a
-- result holds at 1, 2, ... the records of the operation's arguments (false if the tape does not follow an argument),
-- the operation, and what it saved for its backward pass. Records are numbered in the order they were made. Backward
-- visits them from the highest number down, so it meets every result before the tensors from which it was made.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local made = require "moonbow.made"

local is_tracked, open, track, record_of = core.is_tracked, core.open_record, core.track, core.record
local is_recording = core.is_recording
local recall, same_shape = core.recall, core.same_shape

local autograd = {}

local current_watcher, call_watched = core.scoped() -- the watcher that measures operations; see autograd.watched
local was_watched = false -- while false, operations need not look for a watcher
local last_order = 0

-- ---- the tape as an operation's forward sees it ----

-- The methods of the record of a result, which an operation gets as its tape. save is in C: see csrc/bind/tape.c.
local Tape = core.tape_methods
Tape.recorded = true

--- True if argument i needs a gradient.
function Tape:needs(i) return self[i] ~= false end

--- Allows recomputing the result: f of the saved values returns it. Operations that save the result then need not hold
-- it in memory.
function Tape:recompute(f) self.remake = f end

-- The tape that operations get while nothing is recorded.
local function nothing() return false end
local IDLE = { recorded = false, save = nothing, needs = nothing, recompute = nothing }

local function finish(record, watch, y)
  last_order = last_order + 1
  record.order = last_order
  if watch then record.event = watch.event end
  return track(y, record, record.remake ~= nil)
end

--- Defines an operation on the kernels of core. operation.forward(tape, ...) returns the result and saves what
-- operation.backward needs with tape:save(...): tensors or anything else. backward(dy, ...) gets the saved values and
-- returns one gradient per argument of forward (nil or false if it has none). Neither captures tensors or calls
-- anything but core. The gradients are fresh tensors or dy itself, and go back to the pool as soon as they have been
-- used.
-- @return a function of the arguments of forward without the tape
function autograd.define(name, operation)
  local forward = operation.forward
  operation.name = name
  return counted.like(function(...)
    local record = open(operation, ...)
    if was_watched then
      local watch = current_watcher()
      local run = watch and watch.forward(name, forward) or forward
      if not record then return (run(IDLE, ...)) end
      return finish(record, watch, run(record, ...))
    end
    if not record then return forward(IDLE, ...) end
    return finish(record, nil, forward(record, ...))
  end, forward, 1)
end

--- Runs f(...) without recording and returns its results. Calls may be nested; after an error recording is as before.
-- It affects only the coroutine that calls it, while f runs: other coroutines record, also one that f makes, unless
-- they call no_grad themselves.
-- @param f function to run; a layer, too
-- @param ... any its arguments
-- @return any what f returns
-- @usage local scores = mb.no_grad(function() return model(x) end)
function autograd.no_grad(f, ...)
  if type(f) ~= "function" then
    local callable = getmetatable(f)
    if not (type(callable) == "table" and callable.__call) then check.kind("no_grad", "f", f, "function") end
  end
  return core.unrecorded(f, ...)
end

--- True if operations on tracked tensors are recorded in the calling coroutine.
autograd.is_recording = is_recording

--- Calls f(...) and returns its results. Meanwhile every operation of this coroutine runs the functions that the
-- watcher returns in place of its own: watcher.forward(name, forward), whose first argument is a tape, and
-- watcher.backward(event, backward), where event is the value of watcher.event when the result was recorded.
function autograd.watched(watcher, f, ...)
  was_watched = true
  return call_watched(watcher, f, ...)
end

--- Defines a differentiable operation in Lua. forward(...) gets the arguments and returns the result and a closure
-- backward(dy, needs_1, ...) that returns one gradient per argument, of the argument's shape, or nil for arguments
-- without one. Neither is recorded, and both may use every tensor operation. needs_i is true if argument i needs its
-- gradient.
-- @param name string for messages
-- @param forward function (...) that returns a tensor and backward
-- @return function the operation, to be called with tensors
-- @usage
-- local square = mb.operation("square", function(x)
--   return x * x, function(dy) return dy * x * 2 end
-- end)
function autograd.operation(name, forward)
  check.kind("operation", "name", name, "string")
  check.kind("operation", "forward", forward, "function")
  local operation = { name = name }
  local function run(_, ...) return core.unrecorded(forward, ...) end
  local function apply(...)
    local watch = was_watched and current_watcher()
    local y, backward = (watch and watch.forward(name, run) or run)(IDLE, ...)
    if not core.is_tensor(y) then
      check.fail(name, "forward must return a tensor, got %s", check.show(y))
    end
    local record = open(operation, ...)
    if not record then return y end
    if type(backward) ~= "function" then
      check.fail(name, "forward must return a backward function behind its result, got %s",
        check.show(backward))
    end
    record.closure, record.inputs = backward, { ... }
    record:hold(...)
    return finish(record, watch, core.alias(y))
  end
  made[apply] = { name, forward }
  return apply
end

--- Returns another tensor with the same memory and record, for a user's function, which may keep it although x itself
-- may be dropped. Values that are not tensors are returned as they are.
function autograd.share(x)
  if not core.is_tensor(x) then return x end
  local y = core.alias(x)
  return is_tracked(x) and track(y, record_of(x)) or y
end

-- ---- a record in the backward pass ----

-- Fails if the record was used before: using it removes its entries for arguments.
local function check_unused(record)
  if record[1] == nil then
    check.fail("backward", "the tape of '%s' was used by an earlier backward; run forward again", record.operation.name)
  end
end

local saved_of

-- Returns the result of a record that no tensor holds: recomputes it once for all its users, the last of which closes
-- it.
local function recompute(record)
  if not record.result then
    check_unused(record)
    record.result = core.remade(record.remake(saved_of(record)), record.users)
  end
  return record.result
end

function saved_of(record)
  local saved = record.saved
  if not saved then return end
  if record.producers then
    for i, producer in pairs(record.producers) do core.supply(saved, i, recompute(producer)) end
  end
  return recall(saved, record.operation.name)
end

local function check_gradient(record, i, gradient)
  if not core.is_tensor(gradient) then
    check.fail(record.operation.name, "backward returned %s as gradient of argument %d, expected a tensor",
      check.show(gradient), i)
  end
  local input = record.inputs[i]
  if not same_shape(gradient, input) then
    check.fail(record.operation.name, "backward returned a gradient of shape %s for argument %d of shape %s",
      check.show_shape(core.shape(gradient)), i, check.show_shape(core.shape(input)))
  end
end

-- Returns the gradients of a user's operation. They are checked and, since the user may keep them, aliased.
local function gradients_of_users(record, backward, dy)
  local needs = {}
  for i = 1, #record do needs[i] = record:needs(i) end
  local gradients = { backward(dy, table.unpack(needs)) }
  for i = 1, #record do
    if not needs[i] then
      gradients[i] = nil
    elseif gradients[i] ~= nil then
      check_gradient(record, i, gradients[i])
      gradients[i] = core.alias(gradients[i])
    end
  end
  return gradients
end

-- Runs one record backward; returns the list of gradients of its arguments, which the caller owns.
local function gradients_of(record, dy)
  local backward = record.operation.backward
  local run = backward or record.closure
  local watch = was_watched and current_watcher()
  if watch then run = watch.backward(record.event, run) end
  if backward then return core.gradients(dy, run(dy, saved_of(record))) end
  recall(record.saved, record.operation.name) -- raises if a saved tensor was changed
  return gradients_of_users(record, run, dy)
end

local function is_parameter(record) return record.operation == nil end

-- Passes the gradient of a record on to its parents. records and pending: the records whose turn is still to come, and
-- their gradients so far, by number. Returns how many records were added.
local function step(record, dy, records, pending, leaves)
  local gradients, more = gradients_of(record, dy), 0
  if record.saved then core.release(record.saved) end
  record.saved, record.producers, record.closure, record.inputs = nil, nil, nil, nil
  core.close(dy)
  for i = 1, #record do
    local parent, gradient = record[i], gradients[i]
    record[i] = nil
    if gradient and not parent then
      core.close(gradient)
    elseif gradient and is_parameter(parent) then
      leaves[parent] = leaves[parent] and core.accumulate(leaves[parent], gradient) or gradient
    elseif gradient and pending[parent.order] then
      pending[parent.order] = core.accumulate(pending[parent.order], gradient)
    elseif gradient then
      records[parent.order], pending[parent.order], more = parent, gradient, more + 1
    end
  end
  return more
end

-- Returns the gradients of all parameters on which root depends, by their records.
local function walk(root, dy)
  if is_parameter(root) then return { [root] = dy } end
  local records, pending, leaves, waiting = { [root.order] = root }, { [root.order] = dy }, {}, 1
  for order = root.order, 1, -1 do
    local record = records[order]
    if record then
      check_unused(record)
      waiting = waiting - 1 + step(record, pending[order], records, pending, leaves)
      records[order], pending[order] = nil, nil
      if waiting == 0 then break end
    end
  end
  return leaves
end

--- Computes the gradients of y with respect to every parameter from which it was computed, and adds them to x.grad of
-- each. The tape is freed on the way: a second backward through it raises.
-- @param dy? tensor gradient of y, of its shape; may be left out if y has one element
-- @usage
-- local w = mb.randn(3):param()
-- local loss = ((w - 1) ^ 2):sum()
-- loss:backward()
-- print(w.grad)
function autograd.backward(y, dy)
  check.kind("backward", "y", y, "tensor")
  if not is_tracked(y) then
    check.fail("backward", "the result does not depend on any parameter (made by param()), or was made in mb.no_grad")
  end
  if dy == nil then
    if core.count(y) ~= 1 then
      check.fail("backward", "expected a result with one element (a loss), got shape %s; pass its gradient",
        check.show_shape(core.shape(y)))
    end
    dy = core.full(1, core.shape(y))
  end
  check.kind("backward", "dy", dy, "tensor")
  if not same_shape(y, dy) then
    check.fail("backward", "expected a gradient of shape %s, got %s", check.show_shape(core.shape(y)),
      check.show_shape(core.shape(dy)))
  end
  core.unrecorded(function()
    for leaf, gradient in pairs(walk(record_of(y), core.alias(dy))) do
      leaf.grad = leaf.grad and core.accumulate(leaf.grad, gradient) or core.own(gradient)
    end
  end)
end

--- Returns the name of the operation that made x; nil for a parameter and for tensors that the tape does not follow.
function autograd.made_by(x)
  local record = record_of(x)
  return record and record.operation and record.operation.name
end

--- Makes x a parameter: the tape follows it, and backward leaves its gradient in x.grad. The memory is shared with x.
-- Raises for a result of a recorded operation: detach it first.
-- @return tensor x
function autograd.param(x)
  check.kind("param", "x", x, "tensor")
  if not is_tracked(x) then return track(x, {}) end
  if autograd.made_by(x) then
    check.fail("param", "this tensor is the result of '%s'; call detach() first", autograd.made_by(x))
  end
  return x
end

--- Sets or clears x.grad of a parameter. A tensor that the tape does not follow has none to clear.
function autograd.set_gradient(x, gradient)
  local leaf = record_of(x)
  if not leaf and gradient == nil then return end
  if not leaf or not is_parameter(leaf) then check.fail("grad", "only a parameter has a gradient") end
  if gradient ~= nil then
    check.kind("grad", "gradient", gradient, "tensor")
    if not same_shape(x, gradient) then
      check.fail("grad", "expected shape %s, got %s", check.show_shape(core.shape(x)),
        check.show_shape(core.shape(gradient)))
    end
  end
  leaf.grad = gradient
end

return autograd
