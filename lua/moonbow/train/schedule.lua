--- Learning rates over the epochs and steps.
local check = require "moonbow.check"

local kinds = {}

local warmup = check.default(0, "non-negative")

--- Multiplies the learning rate by a factor when the validation loss no longer falls. Equals Keras' ReduceLROnPlateau,
-- whose defaults these are.
-- @option patience epochs without a lower loss before a change
-- @option factor the rate is multiplied by it
-- @option min_lr the rate falls no lower
-- @option min_delta by how much a loss has to be lower to count
-- @option cooldown epochs after a change that do not count
-- @option warmup epochs, or a part of one, in which the rate rises from 0, with every step
-- @usage mb.fit(model, set.train, { schedule = { "plateau", patience = 5, factor = 0.5 } })
kinds.plateau = {
  defaults = {
    patience = check.default(10, "positive integer"), factor = check.default(0.1, "fraction below 1"),
    min_lr = check.default(0, "non-negative real"), min_delta = check.default(1e-4, "non-negative real"),
    cooldown = check.default(0, "non-negative integer"), warmup = warmup,
  },
  start = function(options, _, state)
    state.best, state.waited, state.cooling = math.huge, 0, 0
    return function(lr, _, _, loss)
      if state.cooling > 0 then state.cooling, state.waited = state.cooling - 1, 0 end
      if loss < state.best - options.min_delta then
        state.best, state.waited = loss, 0
      elseif state.cooling <= 0 then
        state.waited = state.waited + 1
      end
      if state.waited < options.patience then return lr end
      state.waited, state.cooling = 0, options.cooldown
      return math.max(lr * options.factor, math.min(lr, options.min_lr))
    end
  end,
}

--- Multiplies the learning rate by a factor at regular intervals.
-- @option every epochs between two changes
-- @option factor the rate is multiplied by it
-- @option warmup epochs, or a part of one, in which the rate rises from 0, with every step
-- @usage mb.fit(model, set.train, { schedule = { "step", every = 10 } })
kinds.step = {
  defaults = { every = check.required "positive integer", factor = check.default(0.1, "fraction"),
    warmup = warmup },
  start = function(options)
    return function(lr, epoch) return epoch % options.every == 0 and lr * options.factor or lr end
  end,
}

local function on_cosine(low, first, done) return low + (first - low) * (1 + math.cos(math.pi * done)) / 2 end

--- Lowers the learning rate along half a cosine (Loshchilov and Hutter 2017).
-- @option min_lr the least rate
-- @option per "epoch": the rate changes between epochs, and would be the least one after the last epoch, as PyTorch's
--   CosineAnnealingLR with T_max = epochs; "step": it changes with every step, and is the least one in the last step
-- @option warmup epochs, or a part of one, in which the rate rises from 0, with every step
-- @usage mb.fit(model, set.train, { schedule = { "cosine", min_lr = 1e-5, warmup = 1, per = "step" } })
kinds.cosine = {
  defaults = { min_lr = check.default(0, "non-negative real"), per = check.one_of("epoch", { "epoch", "step" }),
    warmup = warmup },
  start = function(options, first)
    local low = math.min(options.min_lr, first)
    if options.per == "step" then return function(lr) return lr end end
    return function(_, epoch, epochs) return on_cosine(low, first, epoch / epochs) end
  end,
  rate = function(options, first, steps)
    if options.per ~= "step" then return nil end
    local low = math.min(options.min_lr, first)
    return function(_, step) return on_cosine(low, first, (step - 1) / math.max(steps - 1, 1)) end
  end,
}

--- Leaves the learning rate as it is, but for the warm-up.
-- @option warmup epochs, or a part of one, in which the rate rises from 0, with every step
-- @usage mb.fit(model, set.train, { schedule = { "constant", warmup = 0.5 } })
kinds.constant = {
  defaults = { warmup = warmup },
  start = function() return function(lr) return lr end end,
}

local schedule = { kinds = kinds, options = { check.one_of(nil, { "plateau", "step", "cosine", "constant" }) } }

-- The options of all kinds together, for code that only looks at names.
for _, kind in pairs(kinds) do
  for name, rule in pairs(kind.defaults) do
    schedule.options[name] = type(rule) == "table" and rule.required and check.optional(rule.kinds) or rule
  end
end

-- The rate of each step: the base rate of its epoch, or what the kind says, in the warm-up a part of it; nil if it is
-- the base rate alone.
local function rate_of(kind, options, first, per_epoch, epochs)
  local own = kind.rate and kind.rate(options, first, per_epoch * epochs)
  local warm = options.warmup * per_epoch
  if warm == 0 then return own end
  return function(lr, step) return (own and own(lr, step) or lr) * math.min(1, step / warm) end
end

local function of_function(f, first, steps)
  return function(_, step)
    return check.kind("fit", "schedule: result", f(step, steps, first), "non-negative real")
  end
end

--- Returns { next = a function (lr, epoch, epochs, monitored) that gives the rate of the next epoch; rate = a function
-- (lr, step) that gives the rate of a step from that of its epoch, or nil; state = the numbers that are kept between
-- epochs }.
-- @param given a table with the kind, "plateau", "step", "cosine" or "constant", at 1 and its options; a function(step,
--   steps, lr); or nil
-- @param first the rate at the beginning
-- @param per_epoch, epochs steps of an epoch, and epochs
function schedule.start(given, first, per_epoch, epochs)
  local state = {}
  local function same(lr) return lr end
  if given == nil then return { next = same, state = state } end
  check.kind("fit", "schedule", given, "table|function")
  if type(given) == "function" then
    return { next = same, rate = of_function(given, first, per_epoch * epochs), state = state }
  end
  local name, options = check.named("fit", "schedule[1]", given, schedule.options[1].names)
  local kind = kinds[name]
  options = check.options("fit schedule", options, kind.defaults)
  return { next = kind.start(options, first, state), state = state,
    rate = rate_of(kind, options, first, per_epoch, epochs) }
end

return schedule
