--- Rules on the spectra and their labels.
local core = require "moonbow.core"
local check = require "moonbow.check"
local network = require "moonbow.audit.network"
local parts = require "moonbow.audit.parts"
local peaks = require "moonbow.audit.peaks"
local record = require "moonbow.train.record"
local words = require "moonbow.audit.words"

local FEWEST, IMBALANCE, WIDE_INTERVAL, SLOW, WINDOW, SPARSE = 10, 5, 0.1, 0.5, 10, 2
local SMALL, LARGE = 1e-2, 1e2
local SHORTEST = 5 -- points of a window: of noise, 1 / window is slow, which has to be far below SLOW

local function not_finite(a)
  local count = a.train.bad
  for _, other in ipairs(a.others) do count = count + other.part.bad end
  if count == 0 then return nil end
  return { value = count, text = ("%s NaN or infinite. One of them makes every weight NaN in the first step."):format(
    check.show_count(count, "value is", "values are")) }
end

-- True if layers with weights get the spectra as they are, and not behind a norm. What own functions do is not known.
local function is_seen(a)
  for _, entry in ipairs(network.entries(a.flow)) do
    if not entry.normed and entry.part.parameters > 0 then return true end
  end
  return false
end

local function input_scale(a)
  if not is_seen(a) then return nil end
  local mean_square = core.sum_squares(a.train.x) / core.count(a.train.x)
  local size = math.sqrt(mean_square)
  if size > SMALL and size < LARGE then return nil end
  return { value = size, text = ("The root mean square of the values is %s. Initial weights and the usual learning "
    .. "rates are made for values of about 1."):format(words.number(size)) }
end

local function counts_of(a)
  local counts = {}
  for class = 1, a.classes do counts[class] = 0 end
  for _, class in ipairs(core.totable(a.train.labels)) do
    counts[class // 1 | 0] = counts[class // 1 | 0] + 1
  end
  local least, most = 1, 1
  for class = 2, a.classes do
    least = counts[class] < counts[least] and class or least
    most = counts[class] > counts[most] and class or most
  end
  return counts[least], least, counts[most], most
end

local function spectra(count) return check.show_count(count, "training spectrum", "training spectra") end

local function few_spectra(a)
  local count, class = counts_of(a)
  if count >= FEWEST then return nil end
  return { value = count, text = ("%s has only %s: too few to show what varies within the "
    .. "class."):format(check.capital(a.class_name(class)), spectra(count)) }
end

local function imbalance(a)
  local least, rare, most, frequent = counts_of(a)
  if most <= IMBALANCE * least then return nil end
  local is_weighted = (record.of(a.model) or {}).class_weights
  return { value = most / math.max(least, 1), text = ("%s has %s, %s %d: a network that never predicts %s "
    .. "loses little accuracy."):format(check.capital(a.class_name(frequent)), spectra(most), a.class_name(rare), least,
    a.class_name(rare)), advice = is_weighted and "Judge by balanced accuracy." or nil }
end

-- Steps that remove baselines: what is slow behind them is none.
local removers = { als_baseline = true, arpls_baseline = true, airpls_baseline = true, rolling_ball = true, snv = true,
  msc = true, emsc = true }

local function is_without_baseline(steps)
  for name in (steps or ""):gmatch "[%w_]+" do
    if removers[name] then return true end
  end
  return false
end

local function baseline(a)
  if is_without_baseline(a.train.steps) then return nil end
  local length, window = a.shape[1], a.shape[1] // WINDOW
  if window < SHORTEST then return nil end
  if not a.width or length < SPARSE * WINDOW * a.width then return nil end -- broad bands are no baselines
  local share = peaks.slow_share(a.train.x, a.train.y, a.means, window)
  if share < SLOW then return nil end
  return { value = share, text = ("%.0f %% of the variance within the classes is slower than %s: baselines rather than "
    .. "peaks."):format(100 * share, a.points(window)) }
end

local function few_tests(a)
  local judged = a.judged
  if judged.high - judged.low <= WIDE_INTERVAL then return nil end
  if judged.count < a.other.n then return nil, "only" .. parts.tell(a.judged_part):gsub("%.$", "") end
  return { value = judged.high - judged.low, text = ("The accuracy of %.1f %% comes from %s: its 95 %% confidence "
    .. "interval is %.1f to %.1f %%. Smaller differences mean nothing."):format(100 * judged.accuracy,
    a.count_unseen(judged.count), 100 * judged.low, 100 * judged.high) }
end

return {
  { name = "not_finite", needs = "any data", is_fault = true, find = not_finite, source = "arithmetic",
    advice = "Crop the range, or leave these spectra out." },
  { name = "input_scale", needs = "data", find = input_scale,
    source = "experiments/batch_norm.lua: spectra of small numbers kept the running statistics wrong for 640 steps",
    advice = 'Divide each spectrum by its maximum (step "max"), or standardize the points.' },
  { name = "few_spectra", needs = "classes", find = few_spectra,
    source = "experiments/evaluation_dataset.lua: a forest fell from 0.85 to 0.53 when 1000 spectra became 250",
    advice = "Measure more, or judge by cross-validation and expect little." },
  { name = "imbalance", needs = "classes", find = imbalance, source = "arithmetic",
    advice = 'class_weights = "balanced" of mb.fit; judge by balanced accuracy.' },
  { name = "baseline", needs = "classes", find = baseline,
    source = "experiments/smoothing.lua: with the baseline subtracted a forest reached 0.965 instead of 0.918, as "
      .. "much as the network",
    advice = 'The step "als_baseline", or "snv", before any model.' },
  { name = "few_tests", needs = "judged", find = few_tests,
    source = "the binomial distribution (Wilson 1927)",
    advice = "More test spectra, or cross-validation (mb.cross_validate)." },
}
