--- The losses that mb.fit knows by name: each gives one loss per row, whose weighted mean is the loss of a batch.
local core = require "moonbow.core"
local check = require "moonbow.check"
local ops = require "moonbow.ops"

local kinds = {}

local smoothing = check.default(0, "fraction below 1")
local ignored = check.optional "integer"

local function per_row(x) return ops.reshape(x, core.size(x, 1), -1) end

-- Moves a share of each row's target to all classes alike.
local function smoothed(target, share)
  if share == 0 then return target end
  return core.add(core.mul(target, 1 - share), share / core.size(target, 2))
end

--- Cross-entropy of the outputs as logits. y are class numbers, or soft labels: rows of the shares of all classes.
-- @option label_smoothing this share of each label is spread over all classes alike (Szegedy et al. 2016)
-- @option ignore rows with this label count in no loss and no accuracy; an integer that is no class, such as 0
-- @usage mb.fit(model, set.train, { loss = { "cross_entropy", label_smoothing = 0.1 } })
kinds.cross_entropy = {
  reads = "classes", defaults = { label_smoothing = smoothing, ignore = ignored },
  rows = function(logits, target, class_weights, options)
    target = smoothed(target, options.label_smoothing)
    if class_weights then target = core.mul(target, class_weights) end
    return ops.neg(ops.sum(ops.mul(ops.log_softmax(logits), target), 2))
  end,
}

--- Focal loss: cross-entropy times (1 - p) ^ gamma, p the probability of the right class, so that rows that are right
-- already count less (Lin et al. 2017). y as for loss "cross_entropy".
-- @option gamma the exponent; 0 is cross-entropy
-- @option ignore rows with this label count in no loss and no accuracy; an integer that is no class, such as 0
-- @usage mb.fit(model, set.train, { loss = { "focal", gamma = 2 } })
kinds.focal = {
  reads = "classes", defaults = { gamma = check.default(2, "non-negative real"), ignore = ignored },
  rows = function(logits, target, class_weights, options)
    local log_p = ops.log_softmax(logits)
    local missing = ops.maximum(ops.sub(1, ops.exp(log_p)), 1e-7) -- its power has no derivative at 0
    if class_weights then target = core.mul(target, class_weights) end
    return ops.neg(ops.sum(ops.mul(ops.mul(ops.pow(missing, options.gamma), log_p), target), 2))
  end,
}

--- Binary cross-entropy of each output as a logit, the mean over the outputs: for several labels per spectrum. y are 0
-- and 1, or probabilities, of the shape of the outputs.
-- @option label_smoothing this share of each label moves to 0.5
-- @option positive_weight the loss of labels 1 is multiplied by it
-- @usage mb.fit(model, { x = x, y = mb.ones(#x, 2) }, { loss = "binary_cross_entropy" })
kinds.binary_cross_entropy = {
  reads = "targets", unit = true,
  defaults = { label_smoothing = smoothing, positive_weight = check.default(1, "positive real") },
  rows = function(logits, target, _, options)
    local share = options.label_smoothing
    target = core.add(core.mul(target, 1 - share), share / 2)
    local rest = core.sub(1, target)
    local positive = ops.mul(ops.softplus(ops.neg(logits)), core.mul(target, options.positive_weight))
    return ops.mean(per_row(ops.add(positive, ops.mul(ops.softplus(logits), rest))), 2)
  end,
}

--- The square of the difference to y, the mean over the outputs.
-- @usage mb.fit(model, { x = x, y = mb.ones(#x, 2) }, { loss = "mse" })
kinds.mse = {
  reads = "targets", defaults = {},
  rows = function(output, target)
    local difference = ops.sub(output, target)
    return ops.mean(per_row(ops.mul(difference, difference)), 2)
  end,
}

--- The absolute difference to y, the mean over the outputs.
-- @usage mb.fit(model, { x = x, y = mb.ones(#x, 2) }, { loss = "l1" })
kinds.l1 = {
  reads = "targets", defaults = {},
  rows = function(output, target) return ops.mean(per_row(ops.abs(ops.sub(output, target))), 2) end,
}

--- Half the square of the difference d to y up to delta, and delta (|d| - delta / 2) beyond it, the mean over the
-- outputs (Huber 1964).
-- @option delta the difference from which on the loss is linear
-- @usage mb.fit(model, { x = x, y = mb.ones(#x, 2) }, { loss = { "huber", delta = 0.5 } })
kinds.huber = {
  reads = "targets", defaults = { delta = check.default(1, "positive real") },
  rows = function(output, target, _, options)
    local size = ops.abs(ops.sub(output, target))
    local near = ops.minimum(size, options.delta) -- near (size - near / 2) is both branches
    return ops.mean(per_row(ops.mul(near, ops.sub(size, ops.mul(near, 0.5)))), 2)
  end,
}

local names = check.sorted_keys(kinds)

local row_losses = { kinds = kinds, names = names, options = { check.one_of(nil, names) } }

-- The options of all kinds together, for code that only looks at names.
for _, kind in pairs(kinds) do
  for name, rule in pairs(kind.defaults) do row_losses.options[name] = rule end
end

--- Returns the kind of a loss, its name and its options; nil for a function.
-- @param given a name, or a table with it at 1 and the options
function row_losses.read(operation, given)
  if type(given) == "function" then return nil end
  local name, options = check.named(operation, type(given) == "table" and "loss[1]" or "loss", given, names)
  return kinds[name], name, check.options(operation .. " loss", options, kinds[name].defaults)
end

return row_losses
