-- Compares gradients of the tape with central differences, in double, and gradients in float with those in double.
local mb, mb64 = require "support.both"()

local STEP = 1e-5

-- The loss is a fixed random mixture of all elements of the result, so that each counts differently.
local function loss_of(library, f, inputs)
  local y = f(library, table.unpack(inputs))
  return (y * library.rand(library.rng(7), y:shape())):sum()
end

local function copies(library, values)
  local tensors = {}
  for i, value in ipairs(values) do tensors[i] = library.tensor(value) end
  return tensors
end

local function tape_gradients(library, f, values)
  local inputs = copies(library, values)
  for _, x in ipairs(inputs) do x:param() end
  loss_of(library, f, inputs):backward()
  local gradients = {}
  for i, x in ipairs(inputs) do
    assert(x.grad, "no gradient for input " .. i)
    gradients[i] = x.grad
  end
  return gradients
end

local function numeric_gradient(f, values, i)
  local inputs = copies(mb64, values)
  local flat = inputs[i]:reshape(-1)
  local gradient = mb64.zeros(#flat)
  for e = 1, #flat do
    local value = flat[e]
    flat:set(e, value + STEP)
    local above = loss_of(mb64, f, inputs):item()
    flat:set(e, value - STEP)
    local below = loss_of(mb64, f, inputs):item()
    flat:set(e, value)
    gradient:set(e, (above - below) / (2 * STEP))
  end
  return gradient
end

local function relative_error(a, b)
  local scale = math.max(b:abs():max():item(), 1e-3)
  return (a:reshape(-1) - b:reshape(-1)):abs():max():item() / scale
end

--- Raises unless all gradients of f(library, x1, x2, ...) agree: at most 1e-6 between the tape in double and
-- central differences, and 1e-4 between float and double.
-- @param values a list of nested tables, one per input
return function(f, values)
  local gradients = tape_gradients(mb64, f, values)
  local in_float = tape_gradients(mb, f, values)
  for i, gradient in ipairs(gradients) do
    local difference = relative_error(gradient, numeric_gradient(f, values, i))
    assert(difference <= 1e-6, ("input %d: off central differences by %g"):format(i, difference))
    local rounded = relative_error(mb64.tensor(in_float[i]:totable()), gradient)
    assert(rounded <= 1e-4, ("input %d: float is off double by %g"):format(i, rounded))
  end
end
