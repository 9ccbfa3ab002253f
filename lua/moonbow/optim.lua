--- Optimisers. optimizer:step(parameters) takes what model:parameters() gives, moves every value
-- against its gradient and clears the gradient; parameters without one stay as they are. optimizer.lr may
-- be changed at any time.
local core = require "moonbow.core"
local check = require "moonbow.check"

local optim = {}

local Optimizer = {}
Optimizer.__index = Optimizer

local function zeros_like(tensor) return core.full(0, core.shape(tensor)) end

-- The values with a gradient, their gradients, and for each a tensor of either moment.
local function gather(optimizer, parameters, moments)
  local values, gradients, lists = {}, {}, { {}, {} }
  for _, parameter in ipairs(parameters) do
    local value = parameter.value
    local gradient = value.grad
    if gradient then
      local kept = optimizer.moments[value]
      if not kept then
        kept = {}
        for i = 1, moments do kept[i] = zeros_like(value) end
        optimizer.moments[value] = kept
      end
      values[#values + 1], gradients[#values + 1] = value, gradient
      for i = 1, moments do lists[i][#values] = kept[i] end
    end
  end
  return values, gradients, lists[1], lists[2]
end

--- Moves all parameters one step.
function Optimizer:step(parameters)
  check.kind("step", "parameters", parameters, "table")
  self.steps = self.steps + 1
  local values, gradients, m, v = gather(self, parameters, self.moment_count)
  self.move(self, values, gradients, m, v)
  for i, value in ipairs(values) do
    value.grad = nil
    core.close(gradients[i])
  end
end

--- What the optimiser remembers of parameters: { ["1.weight"] = first moment, ... } with the number of the
-- moment before the name ("2.1.weight").
function Optimizer:state(parameters)
  local state = {}
  for _, parameter in ipairs(parameters) do
    for i, moment in ipairs(self.moments[parameter.value] or {}) do
      state[i .. "." .. parameter.name] = moment
    end
  end
  return state
end

--- Takes over what state(parameters) gave after so many steps.
function Optimizer:load_state(parameters, state, steps)
  self.steps = steps
  for _, parameter in ipairs(parameters) do
    local kept = {}
    for i = 1, self.moment_count do kept[i] = state[i .. "." .. parameter.name] end
    self.moments[parameter.value] = #kept == self.moment_count and kept or nil
  end
end

local function define(name, defaults, moment_count, move)
  optim[name] = function(given)
    local options = check.options(name, given, defaults)
    return setmetatable({
      name = name, lr = options.lr, options = options, steps = 0, moment_count = moment_count, move = move,
      moments = setmetatable({}, { __mode = "k" }),
    }, Optimizer)
  end
end

local positive, share = "positive", "fraction"

--- Stochastic gradient descent: SGD{ lr = 0.01, momentum = 0, nesterov = false, weight_decay = 0 }.
-- weight_decay is added to the gradient. Sources: Polyak 1964; Nesterov 1983, as in PyTorch.
define("SGD", {
  lr = check.default(0.01, positive), momentum = check.default(0, share), nesterov = false,
  weight_decay = check.default(0, "non-negative"),
}, 1, function(self, values, gradients, velocity)
  local options = self.options
  core.sgd_step(values, gradients, velocity, nil, self.lr, options.momentum, options.nesterov,
    options.weight_decay)
end)

local function define_adam(name, weight_decay, decoupled)
  define(name, {
    lr = check.default(1e-3, positive), beta1 = check.default(0.9, share), beta2 = check.default(0.999, share),
    epsilon = check.default(1e-8, positive), weight_decay = check.default(weight_decay, "non-negative"),
    keras_epsilon = false,
  }, 2, function(self, values, gradients, m, v)
    local options = self.options
    local correction = options.keras_epsilon and math.sqrt(1 - options.beta2 ^ self.steps) or 1
    core.adam_step(values, gradients, m, v, self.lr, options.beta1, options.beta2,
      options.epsilon / correction, options.weight_decay, decoupled, self.steps)
  end)
end

--- Adam{ lr = 1e-3, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8, weight_decay = 0, keras_epsilon = false },
-- the decay added to the gradient. keras_epsilon: epsilon joins the root of the second moment before its
-- bias is corrected, as in Keras (whose default is 1e-7); in the first steps it then weighs up to 32 times
-- as much. Source: Kingma and Ba 2015.
define_adam("Adam", 0, false)
--- AdamW: the same options, with the decay (default 0.01) apart from the gradient. Source: Loshchilov and
-- Hutter 2019.
define_adam("AdamW", 0.01, true)

--- Whether a value is an optimiser.
function optim.is_optimizer(value) return getmetatable(value) == Optimizer end

return optim
