--- The tape: operations record how to run backward, and backward walks the records.
--
-- A tensor that the tape follows carries a record. That of a parameter holds its gradient
-- (x.grad). That of a result holds the records of the operation's inputs, and a closure that turns
-- the gradient of the result into gradients of the inputs; an input that the closure does not need is
-- not kept. Records are numbered in the order they were made, so that walking them from the highest
-- number down meets every result before its inputs.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"

local is_tracked, records_of, track, record_of = core.is_tracked, core.records, core.track, core.record
local is_recording = core.is_recording
local versions, same_shape = core.versions, core.same_shape

local autograd = {}

local current_watcher, call_watched = core.scoped() -- while operations are measured; see autograd.watched
local was_watched = false -- until then nobody need be asked
local last_order = 0

-- How to make a result again, and how many backward passes, of operations on that result, will ask for it.
local Recipe = {}
Recipe.__index = Recipe

--- The result, made once for all who use it.
function Recipe:take()
  self.made = self.made or self.remake()
  return self.made
end

--- Called by each user when it has done; the last one lets go of the memory.
function Recipe:drop()
  self.users = self.users - 1
  if self.users == 0 then
    core.close(self.made)
    self.made = nil
  end
end

--- For an operation whose backward needs x: x, or false and a recipe, which it shall keep instead of x.
function autograd.keep(x)
  local node = record_of(x)
  local recipe = node and node.recipe
  if not recipe or versions { x } > 0 or not is_recording() then return x end
  recipe.users = recipe.users + 1
  return false, recipe
end

-- parents: the records of the inputs, false for those the tape does not follow. saved: what backward needs.
local function record(y, name, parents, backward, saved, watch, inputs, remake)
  last_order = last_order + 1
  return track(y, {
    name = name, order = last_order, parents = parents, backward = backward, saved = saved,
    version = core.hold(saved), inputs = inputs, event = watch and watch.event,
    recipe = remake and setmetatable({ remake = remake, users = 0 }, Recipe),
  })
end

--- Defines an operation on the kernels of core: forward(...) returns the result, a closure
-- backward(dy, needs_1, needs_2, ...) that returns one gradient per argument (nil where there is none or
-- where needs_i is false), a list of the tensors that the closure uses, which must not change until
-- then (left out: all arguments), and, where the result is cheap to make again from these, a function that
-- does. forward must call nothing but core, and backward must return fresh
-- tensors or dy itself: they are given back to the pool as soon as they have been used.
function autograd.define(name, forward)
  return counted.like(function(...)
    local watch = was_watched and current_watcher()
    local run = watch and watch.forward(name, forward) or forward
    local y, backward, saved, remake = run(...)
    local parents = records_of(...)
    if parents then return record(y, name, parents, backward, saved or { ... }, watch, nil, remake) end
    return y
  end, forward)
end

--- Runs f(...) without recording and returns its results. Nested calls are fine; after an error
-- recording is as it was. It concerns the coroutine that calls it, for as long as f runs: others record
-- meanwhile, also one that f makes, unless they call no_grad themselves.
-- @usage local scores = mb.no_grad(function() return model(x) end)
function autograd.no_grad(f, ...)
  if type(f) ~= "function" then
    local callable = getmetatable(f)
    if not (type(callable) == "table" and callable.__call) then check.kind("no_grad", "f", f, "function") end
  end
  return core.unrecorded(f, ...)
end

--- True while operations on tracked tensors are recorded in the coroutine that asks.
autograd.is_recording = is_recording

--- Calls f(...), and returns its results, while every operation of this coroutine asks the watcher for what to run
-- instead of its own functions: watcher.forward(name, forward), and watcher.backward(event, backward), where event is
-- what watcher.event was when the result was recorded.
function autograd.watched(watcher, f, ...)
  was_watched = true
  return call_watched(watcher, f, ...)
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
    local watch = was_watched and current_watcher()
    local y, backward = core.unrecorded(watch and watch.forward(name, forward) or forward, ...)
    if not core.is_tensor(y) then
      check.fail(name, "forward must return a tensor, got %s", check.show(y))
    end
    local parents = records_of(...)
    if not parents then return y end
    if type(backward) ~= "function" then
      check.fail(name, "forward must return a backward function behind its result, got %s",
        check.show(backward))
    end
    local inputs = { ... }
    return record(core.alias(y), name, parents, backward, inputs, watch, inputs)
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

--- Another tensor of the same memory and record, for functions of the user's, who may keep it: x itself may be
-- disowned. What is no tensor is returned as it is.
function autograd.share(x)
  if not core.is_tensor(x) then return x end
  local y = core.alias(x)
  return is_tracked(x) and track(y, record_of(x)) or y
end

-- Adds b, which is ours, to a, in place where nothing else looks at a. Returns the sum.
local function add_to(a, b)
  local sum = core.is_sole(a) and core.add_into(a, b) or core.add(a, b)
  core.close(b)
  return sum
end

-- Runs one record backward; returns the list of gradients of its inputs. Those of the operations here are
-- ours, but for dy, which may stand for several; those of a user's operation are checked, and the user's.
local function gradients_of(node, dy)
  local parents = node.parents
  if versions(node.saved) ~= node.version then
    check.fail("backward", "a tensor that '%s' needs was changed in place after it was used", node.name)
  end
  local watch = was_watched and current_watcher()
  local run = watch and watch.backward(node.event, node.backward) or node.backward
  if not node.inputs then return core.gradients(dy, run(dy, table.unpack(parents))) end
  local needs = {}
  for i = 1, #parents do needs[i] = parents[i] ~= false end
  local gradients = { run(dy, table.unpack(needs)) }
  for i = 1, #parents do
    if not parents[i] then
      gradients[i] = nil
    elseif gradients[i] ~= nil then
      check_gradient(node, i, gradients[i])
      gradients[i] = core.alias(gradients[i])
    end
  end
  return gradients
end

local function is_parameter(node) return node.name == nil end

-- Hands the gradient of a record on to its parents. nodes and pending: the records that wait for their turn
-- and their gradients so far, by number. Returns how many more wait now.
local function step(node, dy, nodes, pending, leaves)
  local parents, gradients, more = node.parents, gradients_of(node, dy), 0
  core.release(node.saved)
  node.parents, node.backward, node.saved, node.inputs = nil, nil, nil, nil
  core.close(dy)
  for i = 1, #parents do
    local parent, gradient = parents[i], gradients[i]
    if gradient and not parent then
      core.close(gradient)
    elseif gradient and is_parameter(parent) then
      leaves[parent] = leaves[parent] and add_to(leaves[parent], gradient) or gradient
    elseif gradient and pending[parent.order] then
      pending[parent.order] = add_to(pending[parent.order], gradient)
    elseif gradient then
      nodes[parent.order], pending[parent.order], more = parent, gradient, more + 1
    end
  end
  return more
end

-- The gradients of all parameters that root depends on, by their records.
local function walk(root, dy)
  if is_parameter(root) then return { [root] = dy } end
  local nodes, pending, leaves, waiting = { [root.order] = root }, { [root.order] = dy }, {}, 1
  for order = root.order, 1, -1 do
    local node = nodes[order]
    if node then
      if not node.parents then
        check.fail("backward", "the tape of '%s' was used by an earlier backward; run forward again", node.name)
      end
      waiting = waiting - 1 + step(node, pending[order], nodes, pending, leaves)
      nodes[order], pending[order] = nil, nil
      if waiting == 0 then break end
    end
  end
  return leaves
end

-- A parameter keeps its gradient, in memory of its own; a further backward adds to it.
local function keep_gradient(leaf, gradient)
  if leaf.grad then
    leaf.grad = add_to(leaf.grad, gradient)
  elseif core.is_sole(gradient) then
    leaf.grad = gradient
  else
    leaf.grad = core.copy(gradient)
    core.close(gradient)
  end
end

--- Computes the gradients of y with respect to every parameter it was computed from, and adds
-- them to x.grad of each. The tape is freed on the way: a second backward through it is an error.
-- @param y a tensor that depends on a parameter
-- @param dy gradient of y, of its shape; may be left out where y has one element
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
    for leaf, gradient in pairs(walk(record_of(y), core.alias(dy))) do keep_gradient(leaf, gradient) end
  end)
end

--- Makes x a parameter: the tape follows it, and backward leaves its gradient in x.grad.
-- The memory is shared with x. Raises for a result of a recorded operation: detach it first.
-- @return x
function autograd.param(x)
  check.kind("param", "x", x, "tensor")
  if not is_tracked(x) then return track(x, {}) end
  if not is_parameter(record_of(x)) then
    check.fail("param", "this tensor is the result of '%s'; call detach() first", record_of(x).name)
  end
  return x
end

--- Sets or clears x.grad of a parameter.
function autograd.set_gradient(x, gradient)
  local leaf = record_of(x)
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
