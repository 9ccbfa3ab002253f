--- Initial values of weights, by the names of Keras. Normal ones are not truncated (Keras truncates, PyTorch does not).
local core = require "moonbow.core"
local check = require "moonbow.check"

local named = {
  --- All weights 0.
  zeros = function(_, shape) return core.full(0, shape) end,
  --- All weights 1.
  ones = function(_, shape) return core.full(1, shape) end,
  --- Uniform from -0.05 to 0.05.
  uniform = function(rng, shape) return rng:uniform(-0.05, 0.05, shape) end,
  --- Normal with sd 0.05.
  normal = function(rng, shape) return rng:normal(0, 0.05, shape) end,
}

local scales = { non_negative = true } -- by fan_in

local function scaled(name, variance)
  scales[name .. "_uniform"], scales[name .. "_normal"] = true, true
  named[name .. "_uniform"] = function(rng, shape, fan_in, fan_out)
    local limit = math.sqrt(3 * variance(fan_in, fan_out))
    return rng:uniform(-limit, limit, shape)
  end
  named[name .. "_normal"] = function(rng, shape, fan_in, fan_out)
    return rng:normal(0, math.sqrt(variance(fan_in, fan_out)), shape)
  end
end
--- Uniform around 0 with the variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010.
-- @name glorot_uniform

--- Normal with the mean 0 and the variance 2 / (fan_in + fan_out). Source: Glorot and Bengio 2010.
-- @name glorot_normal
scaled("glorot", function(fan_in, fan_out) return 2 / (fan_in + fan_out) end)
--- Uniform around 0 with the variance 2 / fan_in, for ReLU. Source: He et al. 2015.
-- @name he_uniform

--- Normal with the mean 0 and the variance 2 / fan_in, for ReLU. Source: He et al. 2015.
-- @name he_normal
scaled("he", function(fan_in) return 2 / fan_in end)
--- Uniform around 0 with the variance 1 / fan_in, for SELU. Source: LeCun et al. 1998.
-- @name lecun_uniform

--- Normal with the mean 0 and the variance 1 / fan_in, for SELU. Source: LeCun et al. 1998.
-- @name lecun_normal
scaled("lecun", function(fan_in) return 1 / fan_in end)

--- Uniform from 0 to 2 / fan_in. For spectra, whose peaks point up: a non-negative input keeps its size, and no ReLU
-- cuts it off.
function named.non_negative(rng, shape, fan_in) return rng:uniform(0, 2 / fan_in, shape) end

--- A Gaussian along the kernel, its centre near the middle, its sigma uniform from 1/20 to 1/4 of the kernel, the same
-- for all channels, with the sum 1. For spectra, whose peaks point up: a non-negative input keeps its size, and no
-- ReLU cuts it off.
function named.peak(rng, shape)
  local kernel, filters = shape[1], shape[#shape]
  local channels = #shape == 3 and shape[2] or 1
  local profiles = {} -- [point][filter]
  for k = 1, kernel do profiles[k] = {} end
  for f = 1, filters do
    local centre = (kernel + 1) / 2 + rng:uniform(-1, 1) * kernel / 8
    local sigma, sum = rng:uniform(kernel / 20, kernel / 4), 0
    for k = 1, kernel do
      profiles[k][f] = math.exp(-((k - centre) / sigma) ^ 2 / 2)
      sum = sum + profiles[k][f] * channels
    end
    for k = 1, kernel do profiles[k][f] = profiles[k][f] / sum end
  end
  local weights = core.reshape(core.tensor(profiles), { kernel, 1, filters })
  return core.reshape(core.add(weights, core.full(0, { kernel, channels, filters })), shape)
end

local initializers = {}

--- All names, sorted.
initializers.names = {}
for name in pairs(named) do initializers.names[#initializers.names + 1] = name end
table.sort(initializers.names)

--- Raises unless value is a name, a finite number or a function.
function initializers.check(operation, option, value)
  check.kind(operation, option, value, "string|real|function")
  if type(value) == "string" then check.name(operation, option, value, initializers.names) end
end

--- A tensor of the shape with initial values. operation: for messages.
function initializers.make(operation, initializer, rng, shape, fan_in, fan_out)
  initializers.check(operation, "initializer", initializer)
  if type(initializer) == "number" then return core.full(initializer, shape) end
  local make = named[initializer] or initializer
  if scales[initializer] and not fan_in then
    check.fail(operation, "initializer: %s needs fan_in, the inputs of one output, got nil", check.show(initializer))
  end
  local values = make(rng, shape, fan_in, fan_out or fan_in)
  if not core.is_tensor(values) or check.show_shape(core.shape(values)) ~= check.show_shape(shape) then
    check.fail(operation, "initializer: expected a tensor of shape %s, got %s", check.show_shape(shape),
      check.show(values))
  end
  return values
end

return initializers
