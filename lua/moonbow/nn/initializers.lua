--- Initial values of weights, by the names of Keras.
-- An initialiser is a name, a number (all weights equal), or a function(rng, shape, fan_in, fan_out)
-- that returns a tensor of that shape. Normal ones are not truncated (Keras truncates, PyTorch does not).
-- Sources: Glorot and Bengio 2010; He et al. 2015; LeCun et al. 1998.
local core = require "moonbow.core"
local check = require "moonbow.check"

local named = {
  zeros = function(_, shape) return core.full(0, shape) end,
  ones = function(_, shape) return core.full(1, shape) end,
  uniform = function(rng, shape) return rng:uniform(-0.05, 0.05, shape) end,
  normal = function(rng, shape) return rng:normal(0, 0.05, shape) end,
}

local function scaled(name, variance)
  named[name .. "_uniform"] = function(rng, shape, fan_in, fan_out)
    local limit = math.sqrt(3 * variance(fan_in, fan_out))
    return rng:uniform(-limit, limit, shape)
  end
  named[name .. "_normal"] = function(rng, shape, fan_in, fan_out)
    return rng:normal(0, math.sqrt(variance(fan_in, fan_out)), shape)
  end
end
scaled("glorot", function(fan_in, fan_out) return 2 / (fan_in + fan_out) end)
scaled("he", function(fan_in) return 2 / fan_in end)
scaled("lecun", function(fan_in) return 1 / fan_in end)

local initializers = {}

--- All names, sorted.
initializers.names = {}
for name in pairs(named) do initializers.names[#initializers.names + 1] = name end
table.sort(initializers.names)

--- Raises unless value is a name, a number or a function.
function initializers.check(operation, option, value)
  check.kind(operation, option, value, "string|number|function")
  if type(value) == "string" then check.name(operation, option, value, initializers.names) end
end

--- A tensor of the shape with initial values.
function initializers.make(initializer, rng, shape, fan_in, fan_out)
  if type(initializer) == "number" then return core.full(initializer, shape) end
  local make = named[initializer] or initializer
  local values = make(rng, shape, fan_in, fan_out)
  if not core.is_tensor(values) or check.show_shape(core.shape(values)) ~= check.show_shape(shape) then
    check.fail("initializer", "expected a tensor of shape %s, got %s", check.show_shape(shape), check.show(values))
  end
  return values
end

return initializers
