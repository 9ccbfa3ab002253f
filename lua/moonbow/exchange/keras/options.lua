--- Options in a description of Keras, checked. All raise a message without position.
local check = require "moonbow.check"

local options = {}

function options.fail(format, ...) error(format:format(...), 0) end

local fail = options.fail

--- The value of an option, which has to be of a kind; the default if it is not there.
function options.option(config, name, kind, default)
  local value = config[name]
  if value == nil then value = default end
  if kind == "integer" then value = math.tointeger(value) end
  if (kind == "integer" and "number" or kind) ~= type(value) then
    fail("the option %s is %s", name, check.show(config[name]))
  end
  return value
end

--- A number from 1 on.
function options.at_least_one(config, name, default)
  local value = options.option(config, name, "integer", default)
  if value < 1 or value > 1 << 30 then fail("the option %s is %d", name, value) end
  return value
end

--- A size that Keras writes as a list of one.
function options.size(config, name, default)
  local value = config[name]
  if type(value) == "table" and #value == 1 then value = value[1] end
  return options.at_least_one({ [name] = value }, name, default)
end

--- Raises unless an option has one of the values that moonbow's layer has.
function options.need(config, name, ...)
  local value = config[name]
  for i = 1, select("#", ...) do
    if value == (select(i, ...)) then return end
  end
  if value ~= nil then fail("the option %s is %s", name, check.show(value)) end
end

local names = {
  relu = "relu", tanh = "tanh", sigmoid = "sigmoid", elu = "elu", selu = "selu", gelu = "gelu", softplus = "softplus",
  softmax = "softmax", log_softmax = "log_softmax", softmax_v2 = "softmax", log_softmax_v2 = "log_softmax", -- Keras 2
}

--- True if Keras has an activation of moonbow as a name, without options.
function options.has_activation(name) return names[name] == name end

--- The name of an activation; nil for none. A layer in its place, { class_name, config }, has options of its own.
function options.activation_of(config)
  local value = config.activation
  if type(value) == "table" then
    if type(value.config) ~= "string" then fail("the activation is a layer, %s", check.show(value.class_name)) end
    value = value.config -- of a function
  end
  if value == nil or value == "linear" then return nil end
  return names[value] or fail("the activation %s", check.show(value))
end

return options
