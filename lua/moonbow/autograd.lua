--- The tape: operations record how to run backward, and backward walks the records.
--
-- A tensor that the tape follows carries a record. That of a parameter holds its gradient
-- (x.grad). That of a result holds the operation's inputs and a closure that turns the gradient
-- of the result into gradients of the inputs. Records are numbered in the order they were made,
-- so that walking them from the highest number down meets every result before its inputs.
local core = require "moonbow.core"
local check = require "moonbow.check"

local any_tracked, track, record_of, version = core.any_tracked, core.track, core.record, core.version

local autograd = {}

local recording = true
local watch -- while operations are measured; see autograd.watched
local last_order = 0

local function total_version(inputs, count)
  local total = 0
  for i = 1, count do
    if core.is_tensor(inputs[i]) then total = total + version(inputs[i]) end
  end
  return total
end

local function record(y, name, backward, owns_gradients, ...)
  last_order = last_order + 1
  local inputs, count = { ... }, select("#", ...)
  return track(y, {
    name = name, order = last_order, inputs = inputs, count = count, backward = backward,
    owns_gradients = owns_gradients, version = total_version(inputs, count), event = watch and watch.event,
  })
end

--- Defines an operation on the kernels of core: forward(...) returns the result and a closure
-- backward(dy, needs_1, needs_2, ...) that returns one gradient per argument (nil where there is
-- none or where needs_i is false). forward must call nothing but core, and backward must return
-- fresh tensors or dy itself: they are given back to the pool as soon as they have been used.
function autograd.define(name, forward)
  return function(...)
    local run = watch and watch.forward(name, forward) or forward
    local y, backward = run(...)
    if recording and any_tracked(...) then return record(y, name, backward, true, ...) end
    return y
  end
end

--- Runs f(...) without recording and returns its results. Nested calls are fine; after an error
-- recording is as it was.
-- @usage local scores = mb.no_grad(function() return model(x) end)
function autograd.no_grad(f, ...)
  if type(f) ~= "function" then
    local callable = getmetatable(f)
    if not (type(callable) == "table" and callable.__call) then check.kind("no_grad", "f", f, "function") end
  end
  local before = recording
  recording = false
  local results = table.pack(pcall(f, ...))
  recording = before
  if not results[1] then error(results[2], 0) end
  return table.unpack(results, 2, results.n)
end

--- Whether operations on tracked tensors are recorded now.
function autograd.is_recording() return recording end

--- Calls f(...) while every operation asks the watcher for what to run instead of its own functions:
-- watcher.forward(name, forward), and watcher.backward(event, backward), where event is what watcher.event
-- was when the result was recorded.
function autograd.watched(watcher, f, ...)
  local outer = watch
  watch = watcher
  local ok, err = pcall(f, ...)
  watch = outer
  if not ok then error(err, 0) end
end

--- A new differentiable operation, from a script or the REPL.
-- forward(...) gets the arguments and returns the result and a closure backward(dy, needs_1, ...)
-- that returns one gradient per argument, of the argument's shape, or nil for arguments without
-- one. Both run without being recorded, and may use every tensor operation. needs_i tells whether
-- argument i wants its gradient.
-- @param name for messages
-- @return a function
-- @usage
-- local square = mb.operation("square", function(x)
--   return x * x, function(dy) return dy * x * 2 end
-- end)
function autograd.operation(name, forward)
  check.kind("operation", "name", name, "string")
  check.kind("operation", "forward", forward, "function")
  return function(...)
    local y, backward = autograd.no_grad(watch and watch.forward(name, forward) or forward, ...)
    if not core.is_tensor(y) then
      check.fail(name, "forward must return a tensor, got %s", check.show(y))
    end
    if not (recording and any_tracked(...)) then return y end
    if type(backward) ~= "function" then
      check.fail(name, "forward must return a backward function behind its result, got %s",
        check.show(backward))
    end
    return record(core.alias(y), name, backward, false, ...)
  end
end

local function same_shape(a, b)
  if core.rank(a) ~= core.rank(b) then return false end
  for d = 1, core.rank(a) do
    if core.size(a, d) ~= core.size(b, d) then return false end
  end
  return true
end

-- All records that y depends on, latest first.
local function collect(y)
  local tensors, seen = { y }, { [record_of(y)] = true }
  local next_index = 1
  while next_index <= #tensors do
    local node = record_of(tensors[next_index])
    next_index = next_index + 1
    if node.used then
      check.fail("backward", "the tape of '%s' was used by an earlier backward; run forward again", node.name)
    end
    for i = 1, node.count or 0 do
      local input = node.inputs[i]
      if any_tracked(input) and not seen[record_of(input)] then
        seen[record_of(input)] = true
        tensors[#tensors + 1] = input
      end
    end
  end
  table.sort(tensors, function(a, b) return record_of(a).order > record_of(b).order end)
  return tensors
end

-- Adds a gradient to what is pending for a node. The first one is kept as it is; a sum is ours,
-- so that later ones are added in place.
local function accumulate(pending, node, gradient)
  local slot = pending[node]
  if not slot then
    pending[node] = { gradient = gradient }
  elseif slot.is_sum then
    core.add_into(slot.gradient, gradient)
  else
    pending[node] = { gradient = core.add(slot.gradient, gradient), is_sum = true }
  end
end

local function check_gradient(node, i, gradient)
  if not core.is_tensor(gradient) then
    check.fail(node.name, "backward returned %s as gradient of argument %d, expected a tensor",
      check.show(gradient), i)
  end
  if not same_shape(gradient, node.inputs[i]) then
    check.fail(node.name, "backward returned a gradient of shape %s for argument %d of shape %s",
      check.show_shape(core.shape(gradient)), i, check.show_shape(core.shape(node.inputs[i])))
  end
end

-- Runs one record backward and hands the gradients on.
local function step(node, dy, pending)
  if total_version(node.inputs, node.count) ~= node.version then
    check.fail("backward", "an input of '%s' was changed in place after it was used", node.name)
  end
  local needs = {}
  for i = 1, node.count do needs[i] = any_tracked(node.inputs[i]) end
  local run = watch and watch.backward(node.event, node.backward) or node.backward
  local gradients = table.pack(run(dy, table.unpack(needs, 1, node.count)))
  for i = 1, node.count do
    local gradient = gradients[i]
    if needs[i] and gradient ~= nil then
      check_gradient(node, i, gradient)
      -- Each pending slot owns its tensor, and two may share one memory.
      accumulate(pending, record_of(node.inputs[i]), core.alias(gradient))
    end
    if node.owns_gradients and gradient ~= nil and not rawequal(gradient, dy) then core.close(gradient) end
  end
end

-- A parameter keeps its gradient, in memory of its own; a further backward adds to it.
local function keep_gradient(leaf, gradient)
  if not leaf.grad and core.is_sole(gradient) then
    leaf.grad = gradient
    return
  end
  leaf.grad = leaf.grad and core.add(leaf.grad, gradient) or core.copy(gradient)
  core.close(gradient)
end

--- Computes the gradients of y with respect to every parameter it was computed from, and adds
-- them to x.grad of each. The tape is freed on the way: a second backward through it is an error.
-- @param y a tensor that depends on a parameter
-- @param dy gradient of y, of its shape; may be left out where y has one element
function autograd.backward(y, dy)
  check.kind("backward", "y", y, "tensor")
  if not any_tracked(y) then
    check.fail("backward", "the result does not depend on any parameter (made by param())")
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
  local pending = { [record_of(y)] = { gradient = core.alias(dy) } }
  autograd.no_grad(function()
    local tensors = collect(y)
    for index = 1, #tensors do
      local node = record_of(tensors[index])
      tensors[index] = false
      local slot = pending[node]
      pending[node] = nil
      if not slot then
        node.used = node.backward and true
      elseif node.backward then
        step(node, slot.gradient, pending)
        node.used, node.inputs, node.count, node.backward = true, nil, 0, nil
        core.close(slot.gradient)
      else
        keep_gradient(node, slot.gradient)
      end
    end
  end)
end

--- Makes x a parameter: the tape follows it, and backward leaves its gradient in x.grad.
-- The memory is shared with x. Raises for a result of a recorded operation: detach it first.
-- @return x
function autograd.param(x)
  check.kind("param", "x", x, "tensor")
  if any_tracked(x) then
    if record_of(x).inputs or record_of(x).used then
      check.fail("param", "this tensor is the result of '%s'; call detach() first", record_of(x).name)
    end
    return x
  end
  last_order = last_order + 1
  return track(x, { order = last_order })
end

--- Sets or clears x.grad of a parameter.
function autograd.set_gradient(x, gradient)
  local leaf = record_of(x)
  if not leaf or leaf.inputs or leaf.used then check.fail("grad", "only a parameter has a gradient") end
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
