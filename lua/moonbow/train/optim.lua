--- Optimisers, which move the weights of a network against their gradients: mb.fit takes one as its option optimizer.
--
-- optimizer:step(parameters) takes the list from model:parameters(). An optimiser's state belongs to the parameter, as
-- in PyTorch: its moments, and the number of steps that corrects their bias, start from 0 for each parameter that is
-- new to the optimiser.
local core = require "moonbow.core"
local check = require "moonbow.check"

local optim = {}

--- Moves weights against their gradients. Made by mb.optim.Adam{} and the like.
--
-- @class optimizer
-- @field lr number the learning rate; may be set at any time
-- @field name string the kind: "Adam"
-- @field options table the options given, with defaults
local Optimizer = {}
Optimizer.__index = Optimizer

--- Raises for an unknown field, since a misspelt one would have no effect: optimizer.learning_rate = 0.1.
function Optimizer.__newindex(optimizer, field, value)
  if field ~= "lr" and Optimizer[field] == nil then
    check.fail(optimizer.name, "has no field %s; lr may be set", check.show(field))
  end
  rawset(optimizer, field, value)
end

local function fail_at(operation, parameters, i)
  check.fail(operation, "parameters[%d]: expected { name = string, value = tensor }, got %s", i,
    check.show(parameters[i]))
end

-- The list of parameters.
local function checked_list(operation, parameters)
  check.kind(operation, "parameters", parameters, "table")
  if #parameters == 0 then
    check.fail(operation, "parameters: expected the list from model:parameters() of a built model, got %s",
      next(parameters) == nil and "none" or check.show(parameters))
  end
  return parameters
end

-- Returns the state of a new parameter: its number of steps and its moments.
local function new_state(optimizer, value)
  local state = { steps = 0 }
  for i = 1, optimizer.moment_count do state[i] = core.full(0, core.shape(value)) end
  return state
end

-- Returns the group of the parameters with this number of steps and this factor of the learning rate.
local function group_of(groups, steps, factor)
  for _, group in ipairs(groups) do
    if group.steps == steps and group.factor == factor then return group end
  end
  local group = { steps = steps, factor = factor, values = {}, gradients = {}, m = {}, v = {} }
  groups[#groups + 1] = group
  return group
end

local function add(group, value, gradient, state)
  local n = #group.values + 1
  group.values[n], group.gradients[n], group.m[n], group.v[n] = value, gradient, state[1], state[2]
end

-- Returns the parameters that have a gradient, each once, in groups with equal numbers of steps and factors of the
-- learning rate; and the gradients by record.
local function gather(optimizer, parameters)
  local groups, states, gradients, group = {}, optimizer.states, {}, nil
  for i = 1, #parameters do
    local parameter = parameters[i]
    local value = type(parameter) == "table" and parameter.value
    local record = core.record(value)
    if record and record.grad and not gradients[record] then
      local state = states[record] or new_state(optimizer, value)
      states[record], gradients[record] = state, record.grad
      local factor = parameter.lr_factor or 1
      if not group or group.steps ~= state.steps or group.factor ~= factor then
        group = group_of(groups, state.steps, factor)
      end
      add(group, value, record.grad, state)
    elseif not record and not core.is_tensor(value) then
      fail_at("step", parameters, i)
    end
  end
  return groups, gradients
end

--- Moves every parameter one step against its gradient, and clears the gradient. Parameters without a gradient do not
-- change; one that is listed twice moves once. Raises unless lr is a finite number of at least 0.
-- @param parameters table the list of { name, value } from model:parameters(); the learning rate of an entry with a
--   field lr_factor is multiplied by it
function Optimizer:step(parameters)
  local lr = check.kind("step", "lr", self.lr, "non-negative real")
  local groups, gradients = gather(self, checked_list("step", parameters))
  for _, group in ipairs(groups) do
    self.lr = lr * group.factor
    self.move(self, group.values, group.gradients, group.m, group.v, group.steps + 1)
  end
  self.lr = lr
  for record, gradient in pairs(gradients) do
    local state = self.states[record]
    state.steps, record.grad = state.steps + 1, nil
    core.close(gradient)
  end
end

-- Returns name and tensor of parameter i.
local function named(operation, parameters, i)
  local parameter = parameters[i]
  if type(parameter) ~= "table" or type(parameter.name) ~= "string" or not core.is_tensor(parameter.value) then
    fail_at(operation, parameters, i)
  end
  return parameter.name, parameter.value
end

--- Copies the optimiser's state of parameters.
-- @param parameters table the list from model:parameters()
-- @return table { ["1.2.weight"] = tensor, ... }: the number of the moment, 1 (Adam, AdamW and RMSprop have 1 and 2),
--   before the name of the parameter
-- @return table { ["2.weight"] = number of its steps, ... }
function Optimizer:state(parameters)
  local moments, steps = {}, {}
  for i = 1, #checked_list("state", parameters) do
    local name, value = named("state", parameters, i)
    local state = self.states[core.record(value) or false]
    for k, moment in ipairs(state or {}) do moments[k .. "." .. name] = core.copy(moment) end
    steps[name] = state and state.steps
  end
  return moments, steps
end

-- Reads the state of a parameter; nil if moments and steps do not name it.
local function read_state(optimizer, name, value, moments, steps)
  if steps[name] == nil then return nil end
  local state = { steps = check.kind("load_state", ("steps of '%s'"):format(name), steps[name], "positive integer") }
  for k = 1, optimizer.moment_count do
    local moment = moments[k .. "." .. name]
    if not core.is_tensor(moment) or not core.same_shape(moment, value) then
      check.fail("load_state", "moment '%d.%s': expected a tensor of shape %s, got %s", k, name,
        check.show_shape(core.shape(value)), check.show(moment))
    end
    state[k] = core.copy(moment)
  end
  return state
end

--- Restores the state that state(parameters) returned; parameters that it does not name have no state. Raises, and
-- changes nothing, if moments are missing or have other shapes.
-- @param parameters table the list from model:parameters()
-- @param moments table the first result of state
-- @param steps table the second result of state
function Optimizer:load_state(parameters, moments, steps)
  check.kind("load_state", "moments", moments, "table")
  check.kind("load_state", "steps", steps, "table")
  local states = {}
  for i = 1, #checked_list("load_state", parameters) do
    local name, value = named("load_state", parameters, i)
    states[core.record(value) or false] = read_state(self, name, value, moments, steps) or false
  end
  for record, state in pairs(states) do
    if record then self.states[record] = state or nil end
  end
end

function Optimizer.__tostring(self)
  local options = { ("lr = %g"):format(self.lr) }
  for name, value in pairs(self.options) do
    if name ~= "lr" then table.insert(options, ("%s = %s"):format(name, tostring(value))) end
  end
  table.sort(options)
  return ("optim.%s{%s}"):format(self.name, table.concat(options, ", "))
end

--- Returns a value for a <close> variable, which restores lr at the end of the variable's block, however it ends.
-- @return any
function Optimizer:keep_lr()
  local lr = self.lr
  return setmetatable({}, { __close = function() self.lr = lr end })
end

local function define(name, defaults, moment_count, move)
  optim[name] = function(given)
    local options = check.options(name, given, defaults)
    if options.nesterov and options.momentum == 0 then
      check.fail(name, "nesterov: expected a momentum above 0 beside it, got 0")
    end
    return setmetatable({
      name = name, lr = options.lr, options = options, moment_count = moment_count, move = move,
      states = setmetatable({}, { __mode = "k" }), -- by the tape's record of the parameter
    }, Optimizer)
  end
  check.takes(optim[name], 1, defaults)
end

local positive, decay = "positive real", "fraction below 1"

--- Stochastic gradient descent, with momentum if asked for. Sources: Polyak 1964; Nesterov 1983, as in PyTorch.
-- @option lr learning rate
-- @option momentum share of the last step that is kept; 0: no momentum
-- @option nesterov true: Nesterov's gradient, taken ahead of the step; needs a momentum
-- @option weight_decay factor of the weights that is added to the gradient
-- @return optimizer
-- @usage mb.optim.SGD { lr = 0.01, momentum = 0.9 }
define("SGD", {
  lr = check.default(0.01, positive), momentum = check.default(0, "fraction"), nesterov = false,
  weight_decay = check.default(0, "non-negative real"),
}, 1, function(self, values, gradients, velocity)
  local options = self.options
  core.sgd_step(values, gradients, velocity, nil, self.lr, options.momentum, options.nesterov,
    options.weight_decay)
end)

local function define_adam(name, weight_decay, decoupled)
  define(name, {
    lr = check.default(1e-3, positive), beta1 = check.default(0.9, decay), beta2 = check.default(0.999, decay),
    epsilon = check.default(1e-8, positive), weight_decay = check.default(weight_decay, "non-negative real"),
    keras_epsilon = false,
  }, 2, function(self, values, gradients, m, v, steps)
    local options = self.options
    local correction = options.keras_epsilon and math.sqrt(1 - options.beta2 ^ steps) or 1
    core.adam_step(values, gradients, m, v, self.lr, options.beta1, options.beta2,
      options.epsilon / correction, options.weight_decay, decoupled, steps)
  end)
end

--- Adam: steps scaled by the moments of the gradient. Source: Kingma and Ba 2015.
-- @option lr learning rate
-- @option beta1 share of the first moment, the mean gradient, that is kept in a step
-- @option beta2 share of the second moment, the mean square, that is kept in a step
-- @option epsilon is added to the root of the second moment
-- @option weight_decay factor of the weights that is added to the gradient
-- @option keras_epsilon true: epsilon is added to the root of the second moment before its bias is corrected, as in
--   Keras (whose default is 1e-7); in the first steps it then weighs up to 32 times as much
-- @return optimizer
-- @usage mb.optim.Adam { lr = 3e-4 }
define_adam("Adam", 0, false)
--- Adam with decoupled weight decay. Source: Loshchilov and Hutter 2019.
-- @option weight_decay each step makes the weights smaller by lr times this share of them
-- @return optimizer
-- @see optim.Adam
define_adam("AdamW", 0.01, true)

--- RMSprop: steps scaled by the mean square of the gradient, with momentum if asked for. Source: Tieleman and Hinton
-- 2012, as in PyTorch.
-- @option lr learning rate
-- @option rho share of the mean square that is kept in a step
-- @option momentum share of the last step that is kept; 0: no momentum
-- @option epsilon is added to the root of the mean square
-- @option weight_decay factor of the weights that is added to the gradient
-- @return optimizer
-- @usage mb.optim.RMSprop { lr = 1e-3, momentum = 0.9 }
define("RMSprop", {
  lr = check.default(1e-3, positive), rho = check.default(0.99, decay), momentum = check.default(0, "fraction"),
  epsilon = check.default(1e-8, positive), weight_decay = check.default(0, "non-negative real"),
}, 2, function(self, values, gradients, m, v)
  local options = self.options
  core.rmsprop_step(values, gradients, m, v, self.lr, options.rho, options.momentum, options.epsilon,
    options.weight_decay)
end)

--- Lion: steps of one size, by the sign of a mean of gradients. It holds one moment, half the memory of Adam, and needs
-- a learning rate 3 to 10 times lower, and a weight decay higher by as much. Source: Chen et al. 2023.
-- @option lr learning rate: by how much each weight moves in a step
-- @option beta1 share of the moment in the mean whose sign decides
-- @option beta2 share of the moment that is kept in a step
-- @option weight_decay each step makes the weights smaller by lr times this share of them
-- @return optimizer
-- @usage mb.optim.Lion { lr = 1e-4 }
define("Lion", {
  lr = check.default(1e-4, positive), beta1 = check.default(0.9, decay), beta2 = check.default(0.99, decay),
  weight_decay = check.default(0, "non-negative real"),
}, 1, function(self, values, gradients, m)
  local options = self.options
  core.lion_step(values, gradients, m, nil, self.lr, options.beta1, options.beta2, options.weight_decay)
end)

--- True if a value is an optimiser.
-- @param value any
-- @return boolean
function optim.is_optimizer(value) return getmetatable(value) == Optimizer end

require("moonbow.counted").methods(Optimizer, "", { keep_lr = false }, "optimizer")

return optim
