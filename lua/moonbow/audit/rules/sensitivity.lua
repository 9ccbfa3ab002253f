--- Rules on what small changes of the spectra do to the predictions. The raw spectra are changed if they and the steps
-- of their preprocessing are known: of a spectrum of another exposure, the standardized values are not those times a
-- factor.
local core = require "moonbow.core"
local check = require "moonbow.check"
local predictions = require "moonbow.audit.predictions"
local preprocess = require "moonbow.data.preprocess"

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

-- The spectra that can be changed: raw ones, if they are known.
local function spectra(part) return part.raw or part.x end

-- The accuracies on spectra as they are and changed, if it falls significantly; nil and a reason if the steps refuse
-- the changed ones.
local function harm(a, change)
  local part = a.probe_part
  local x = change(spectra(part))
  if part.raw then
    local ok, prepared = check.refusal(preprocess.apply, part.fitted, x)
    if not ok then return nil, "the steps refuse the changed spectra: " .. check.reason(prepared) end
    x = prepared
  end
  local before = predictions.judge(predictions.network(a.model, part.x), part.y)
  local after = predictions.judge(predictions.network(a.model, x), part.y)
  local _, _, p = predictions.compare(before, after)
  if before.accuracy - after.accuracy < LOSS or p > LEVEL then return nil end
  return before.accuracy, after.accuracy
end

-- Why intensities cannot be changed: of prepared spectra without the raw ones; else nil.
local function why_not(part)
  return part.steps and not part.raw and ("only prepared spectra (%s), not the raw ones"):format(part.steps) or nil
end

-- " before the steps (snv)" if raw spectra are changed.
local function place_of(part) return part.raw and (" before the steps (%s)"):format(part.steps) or "" end

local function shift(a)
  local part, points_of, width = a.probe_part, a.points, a.width
  if part.raw then points_of, width = a.raw_points, a.raw_width end
  local length = core.size(spectra(part), 2)
  local points = math.max(1, math.floor(TENTH * (width or length / 100) + 0.5))
  if length < 10 * points then return nil end
  local before, after = harm(a, function(x) return shifted(x, points) end)
  if not before then return nil, after end
  return { value = before - after, looked = { part },
    text = ("If the %sspectra shift by %s%s, the accuracy falls from %.1f to %.1f "
    .. "%%.%s"):format(why_not(part) and "prepared " or "", points_of(points), place_of(part), 100 * before,
    100 * after, width and (" The peaks are %s wide."):format(points_of(width)) or "") }
end

local function scale(a)
  local part = a.probe_part
  if why_not(part) then return nil, why_not(part) end
  local before, after = harm(a, function(x) return scaled(x, 1 + TENTH) end)
  if not before then return nil, after end
  return { value = before - after, looked = { part },
    text = ("If all values grow by a tenth%s, as intensities do with a longer exposure, "
    .. "the accuracy falls from %.1f to %.1f %%."):format(place_of(part), 100 * before, 100 * after) }
end

local function slope(a)
  local part = a.probe_part
  if why_not(part) then return nil, why_not(part) end
  if core.size(spectra(part), 2) < 2 then return nil end
  local before, after = harm(a, function(x) return sloped(x, TENTH) end)
  if not before then return nil, after end
  local has_baseline_step = part.steps and part.steps:find "baseline"
  return { value = before - after, looked = { part },
    text = ("If a linear baseline is added%s that rises to a tenth of the range of the "
    .. "values, the accuracy falls from %.1f to %.1f %%."):format(place_of(part), 100 * before, 100 * after),
    advice = has_baseline_step and "Training spectra with random baselines." or nil }
end

return {
  { name = "shift", needs = "judged", find = shift,
    source = "experiments/feature_maps.lua: only pooling made maps less sensitive to shifts",
    advice = "If shifts are no part of the class: shift the training spectra at random, or pool more." },
  { name = "scale", needs = "judged", find = scale, source = "measured on these spectra",
    advice = 'If intensity is no part of the class: "max" or "snv" as the first step before the network.' },
  { name = "slope", needs = "judged", find = slope,
    source = "experiments/smoothing.lua: subtracting the baseline helped a forest from 0.918 to 0.965",
    advice = 'The step "als_baseline", or training spectra with random baselines.' },
}
