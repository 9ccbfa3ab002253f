--- Learning rates over the epochs.
local check = require "moonbow.check"

local kinds = {}

--- Multiplies the learning rate by a factor when the validation loss no longer falls. Equals Keras' ReduceLROnPlateau,
-- whose defaults these are.
-- @option patience epochs without a lower loss before a change
-- @option factor the rate is multiplied by it
-- @option min_lr the rate falls no lower
-- @option min_delta by how much a loss has to be lower to count
-- @option cooldown epochs after a change that do not count
-- @usage mb.fit(model, set.train, { schedule = { "plateau", patience = 5, factor = 0.5 } })
kinds.plateau = {
  defaults = {
    patience = check.default(10, "positive integer"), factor = check.default(0.1, "fraction below 1"),
    min_lr = check.default(0, "non-negative real"), min_delta = check.default(1e-4, "non-negative real"),
    cooldown = check.default(0, "non-negative integer"),
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
-- @usage mb.fit(model, set.train, { schedule = { "step", every = 10 } })
kinds.step = {
  defaults = { every = check.required "positive integer", factor = check.default(0.1, "fraction") },
  start = function(options)
    return function(lr, epoch) return epoch % options.every == 0 and lr * options.factor or lr end
  end,
}

--- Lowers the learning rate along half a cosine, to its least value in the last epoch (Loshchilov and Hutter 2017).
-- @option min_lr the rate of the last epoch
-- @usage mb.fit(model, set.train, { schedule = { "cosine", min_lr = 1e-5 } })
kinds.cosine = {
  defaults = { min_lr = check.default(0, "non-negative real") },
  start = function(options, first)
    return function(_, epoch, epochs)
      local low = math.min(options.min_lr, first)
      return low + (first - low) * (1 + math.cos(math.pi * epoch / epochs)) / 2
    end
  end,
}

local schedule = { kinds = kinds, options = { check.one_of(nil, { "plateau", "step", "cosine" }) } }

-- The options of all kinds together, for code that only looks at names.
for _, kind in pairs(kinds) do
  for name, rule in pairs(kind.defaults) do
    schedule.options[name] = type(rule) == "table" and rule.required and check.optional(rule.kinds) or rule
  end
end

--- Returns { next = a function (lr, epoch, epochs, loss) that gives the rate of the next epoch; state = the numbers
-- that it keeps between epochs }.
-- @param given a table with the kind, "plateau", "step" or "cosine", at 1 and its options; or nil
function schedule.start(given, first)
  local state = {}
  if given == nil then return { next = function(lr) return lr end, state = state } end
  check.kind("fit", "schedule", given, "table")
  local kind = kinds[check.name("fit", "schedule[1]", given[1], schedule.options[1].names)]
  local options = {}
  for key, value in pairs(given) do
    if key ~= 1 then options[key] = value end
  end
  return { next = kind.start(check.options("fit schedule", options, kind.defaults), first, state),
    state = state }
end

return schedule
