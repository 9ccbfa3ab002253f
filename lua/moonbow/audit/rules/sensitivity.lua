--- Rules on what small changes of the spectra do to the predictions.
local core = require "moonbow.core"
local predictions = require "moonbow.audit.predictions"

local TENTH, LOSS, LEVEL = 0.1, 0.05, 0.01

local function shifted(x, points)
  local length = core.size(x, 2)
  local ends = {}
  for i = 1, points do ends[i] = core.slice(x, 2, 1, 1) end
  ends[points + 1] = core.slice(x, 2, 1, length - points)
  return core.concat(ends, 2)
end

local function scaled(x, factor) return core.mul(x, factor) end

-- A straight line from 0 to a share of the range of all values.
local function sloped(x, share)
  local range = core.describe(x)
  local length = core.size(x, 2)
  local line = core.arange(0, (range.max - range.min) * share / (length - 1), length)
  return core.add(x, core.reshape(line, 1, length, 1))
end

-- What is left of the accuracy on changed spectra, if significantly less.
local function harm(a, change)
  local part = a.probe_part
  local before = predictions.judge(predictions.network(a.model, part.x), part.y)
  local after = predictions.judge(predictions.network(a.model, change(part.x)), part.y)
  local _, _, p = predictions.compare(before, after)
  if before.accuracy - after.accuracy < LOSS or p > LEVEL then return nil end
  return before.accuracy, after.accuracy
end

local function shift(a)
  local points = math.max(1, math.floor(TENTH * (a.width or a.shape[1] / 100) + 0.5))
  if a.shape[1] < 10 * points then return nil end
  local before, after = harm(a, function(x) return shifted(x, points) end)
  if not before then return nil end
  return { value = before - after, text = ("If the spectra shift by %s, the accuracy falls from %.1f to %.1f "
    .. "%%.%s"):format(a.points(points), 100 * before, 100 * after,
    a.width and (" The peaks are %s wide."):format(a.points(a.width)) or "") }
end

local function scale(a)
  local before, after = harm(a, function(x) return scaled(x, 1 + TENTH) end)
  if not before then return nil end
  return { value = before - after, text = ("If all intensities grow by a tenth, as with a longer exposure, the "
    .. "accuracy falls from %.1f to %.1f %%."):format(100 * before, 100 * after) }
end

local function slope(a)
  if a.shape[1] < 2 then return nil end
  local before, after = harm(a, function(x) return sloped(x, TENTH) end)
  if not before then return nil end
  return { value = before - after, text = ("If a linear baseline is added that rises to a tenth of the range of the "
    .. "values, the accuracy falls from %.1f to %.1f %%."):format(100 * before, 100 * after) }
end

return {
  { name = "shift", needs = "judged", find = shift,
    source = "experiments/feature_maps.lua: only pooling made maps less sensitive to shifts",
    advice = "If shifts are no part of the class: shift the training spectra at random, or pool more." },
  { name = "scale", needs = "judged", find = scale, source = "measured on these spectra",
    advice = 'If intensity is no part of the class: the step "max" or "snv" before the network.' },
  { name = "slope", needs = "judged", find = slope,
    source = "experiments/smoothing.lua: subtracting the baseline helped a forest from 0.918 to 0.965",
    advice = 'The step "als_baseline", or training spectra with random baselines.' },
}
