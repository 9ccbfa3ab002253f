--- Rules on batch norm and dropout.
local check = require "moonbow.check"
local network = require "moonbow.audit.network"
local words = require "moonbow.audit.words"

local LEFT, RATIO, MOMENTUM, LEAST_MOMENTUM = 0.01, 2, 0.9, 0.5

local function norms(a) return network.of(a.flow, { norm = true }) end

-- A momentum that forgets the first statistics within so many steps.
local function momentum_for(steps)
  local most = LEFT ^ (1 / steps)
  if most >= MOMENTUM then return ("momentum = %g."):format(MOMENTUM) end
  if most < LEAST_MOMENTUM then return "More epochs of patience, or smaller batches." end
  return ("momentum = %g, or more epochs of patience."):format(100 * most // 1 / 100)
end

-- The share of the first running statistics that is left when patience may end.
local function norm_memory(a)
  local steps, found, worst, momentum = a.steps * a.options.patience, {}, 0, 0
  for _, part in ipairs(norms(a)) do
    local left = part.options.momentum ^ steps
    if left > LEFT then
      found[#found + 1], worst, momentum = part, math.max(worst, left), math.max(momentum, part.options.momentum)
    end
  end
  if #found == 0 then return nil end
  return { layers = found, value = worst, text = ("An epoch has %s, so that after %s of patience %.3g %% of the "
    .. "initial running statistics are left in each batch norm (%g^%d). Until they are gone, validation runs with "
    .. "statistics that match no data, and early stopping may end a training that works."):format(
    check.show_count(a.steps, "step"), check.show_count(a.options.patience, "epoch"), 100 * worst, momentum, steps),
    advice = momentum_for(steps) }
end

local recalibrate = "mb.recalibrate(model, x) with the training spectra"

-- What to do if the statistics of these layers are not those of the data.
local function advice_for(found)
  local momentum = 0
  for _, part in ipairs(found) do momentum = math.max(momentum, part.options.momentum) end
  return recalibrate .. (momentum > MOMENTUM and (", or momentum = %g from the start."):format(MOMENTUM) or ".")
end

local function stale_variance(a)
  local found, worst = {}, 1
  for _, entry in ipairs(#norms(a) > 0 and a.recalibrated.ratios or {}) do
    local off = math.max(entry.ratio, 1 / entry.ratio)
    if off > RATIO then found[#found + 1], worst = entry.part, math.max(worst, off) end
  end
  if #found == 0 then return nil end
  return { layers = found, value = worst, text = ("The running variance of batch norm, with its epsilon, differs "
    .. "from the variance of the training spectra by a factor of up to %s: the statistics are not those of the "
    .. "data."):format(words.number(worst)), advice = advice_for(found) }
end

local function stale_accuracy(a)
  if not a.is_stale then return nil end
  local again = a.recalibrated.judged
  return { layers = norms(a), value = again.accuracy - a.judged.accuracy, text = ("With the same weights, the "
    .. "accuracy is %.1f instead of %.1f %% once the running statistics of batch norm are recomputed from the "
    .. "training spectra."):format(100 * again.accuracy, 100 * a.judged.accuracy), advice = advice_for(norms(a)) }
end

local function dropout_before_norm(a)
  local dropouts, found = {}, {}
  for _, part in ipairs(a.flow) do
    if part.kind == "dropout" and part.options.rate > 0 then dropouts[#dropouts + 1] = part.path end
    local is_behind = false
    for _, path in ipairs(part.kind == "norm" and dropouts or {}) do
      is_behind = is_behind or a.model:is_on_way(path, part.path)
    end
    if is_behind then found[#found + 1] = part end
  end
  if #found == 0 then return nil end
  return { layers = found, value = #found, text = "Dropout comes before a batch norm: it raises the variance in "
    .. "training but not in prediction, and the batch norm then divides by a variance that is too large." }
end

return {
  { name = "norm_memory", needs = "plan", is_fault = true, find = norm_memory,
    source = "experiments/challenge.lua: with momentum 0.9 instead of 0.99 and nothing else changed, the accuracy of "
      .. "resnet was 75.9 instead of 3.7 % (two seeds and one)",
    advice = "momentum = 0.9." },
  { name = "stale_variance", needs = "trained", find = stale_variance,
    source = "experiments/batch_norm.lua: with momentum 0.99 the running variance was five times too large",
    advice = recalibrate .. "." },
  { name = "stale_accuracy", needs = "judged", is_fault = true, find = stale_accuracy,
    source = "experiments/batch_norm.lua: 0.504 became 0.867 with the same weights",
    advice = recalibrate .. "." },
  { name = "dropout_before_norm", needs = "network", find = dropout_before_norm,
    source = "Li et al. 2019, Understanding the disharmony between dropout and batch normalization; not measured here",
    advice = "Dropout after the last batch norm." },
}
