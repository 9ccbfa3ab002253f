--- Activation functions by name.
local core = require "moonbow.core"
local autograd = require "moonbow.autograd"
local elementwise = require "moonbow.elementwise"
local ops = require "moonbow.ops"
local check = require "moonbow.check"

local functions = {
  --- x itself.
  -- @return tensor of the shape of x
  linear = function(x) return x end,
  --- The softmax over the last dimension.
  -- @return tensor of the shape of x
  softmax = function(x) return ops.softmax(x) end,
  --- The logarithm of the softmax over the last dimension.
  -- @return tensor of the shape of x
  log_softmax = function(x) return ops.log_softmax(x) end,
}
for _, row in ipairs(elementwise) do
  local operation, default = ops[row[1]], row.alpha
  if row.layer then
    functions[row[1]] = default and function(x, alpha) return operation(x, alpha or default) end
      or function(x) return operation(x) end
  end
end

local activations = { names = {}, functions = functions }
for name in pairs(functions) do activations.names[#activations.names + 1] = name end
table.sort(activations.names)

--- Finds the function of a name; for a user's function one that calls it and checks its result; nil for nil.
function activations.find(operation, activation)
  if activation == nil then return nil end
  if type(activation) == "function" then
    return function(x, alpha)
      local y = activation(autograd.share(x), alpha)
      if not core.is_tensor(y) then check.fail(operation, "activation: expected a tensor, got %s", check.show(y)) end
      return autograd.share(y)
    end
  end
  check.name(operation, "activation", activation, activations.names)
  return functions[activation]
end

--- Tells whether an activation, by name or as a function, does something with alpha.
function activations.takes_alpha(activation)
  local row = elementwise.find(activation)
  return row and row.alpha ~= nil or type(activation) == "function"
end

--- Raises if there is an alpha that the activation would ignore.
function activations.check_alpha(operation, activation, alpha)
  if alpha == nil or activations.takes_alpha(activation) then return end
  check.fail(operation, "alpha: expected none beside the activation %s, got %s; leaky_relu and elu take one",
    check.show(activation), check.show(alpha))
end

--- Reads the options activation and alpha of a layer: layer.activate (nil: none), layer.slope, if it is a ReLU, a leaky
-- one or none, and layer.is_rising, true if it never falls.
function activations.read(layer, options)
  layer.activate = activations.find(layer.type, options.activation)
  activations.check_alpha(layer.type, options.activation, options.alpha)
  layer.slope = activations.slope(options.activation, options.alpha)
  layer.is_rising = activations.is_rising(options.activation, options.alpha)
end

--- The shape that a layer's activation makes of a shape: a function of the user's may change it, as a gated unit does.
function activations.shape_after(layer, shape)
  if type(layer.options.activation) ~= "function" then return shape end
  return core.shape(autograd.no_grad(layer.activate, core.full(0, shape), layer.options.alpha))
end

--- Applies activate(x, alpha) to an x that nothing else needs, whose memory it may take; returns x if activate is nil.
function activations.apply(activate, x, alpha)
  if not activate then return x end
  local y = activate(x, alpha)
  core.drop(x, y)
  return y
end

--- True if an activation, by name or nil, never falls: it may then come after max-pooling as well as before.
function activations.is_rising(activation, alpha)
  if activation == nil or activation == "linear" then return true end
  local row = elementwise.find(activation)
  return row ~= nil and row.rising == true and (alpha or 0) >= 0
end

--- The factor of negative values in a ReLU (0), a leaky ReLU (alpha), or none (1); nil for every other activation.
function activations.slope(activation, alpha)
  if activation == nil or activation == "linear" then return 1 end
  if activation == "relu" then return 0 end
  return activation == "leaky_relu" and (alpha or elementwise.find(activation).alpha) or nil
end

return activations
