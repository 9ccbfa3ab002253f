--- A classifier whose probabilities were calibrated by one temperature.
local core = require "moonbow.core"
local check = require "moonbow.check"
local counted = require "moonbow.counted"
local shown = require "moonbow.shown"

--- A classifier with probabilities softmax(logits / temperature); the classes are those of the model. It goes where a
-- fitted model goes: mb.predict, mb.reliability, mb.conformal, mb.ensemble.
--
-- @class calibrated
-- @field temperature number above 1, the model was too sure; below 1, not sure enough
-- @field log_loss table { before = , after = } on the spectra that it was calibrated on
-- @field classes integer their number
-- @field names table those of the model, if it has them
local Calibrated = {}

local function show(calibrated)
  return ("calibrated: temperature %.4g; log loss %.4f before, %.4f after"):format(calibrated.temperature,
    calibrated.log_loss.before, calibrated.log_loss.after)
end

--- Predicts probabilities.
-- @param x tensor|spectra (N, L, C), as the model takes them
-- @return tensor (N, classes)
function Calibrated:predict_proba(x)
  return core.softmax(core.mul(self.logits_of(self.ask(x)), 1 / self.temperature))
end

--- Predicts the classes, as the model does.
-- @param x tensor|spectra (N, L, C), as the model takes them
-- @return tensor (N)
function Calibrated:predict(x) return core.argmax(self.ask(x), 2) end

local make = shown.kind("calibrated", show, Calibrated)
counted.methods(Calibrated, "calibrated:")

-- The mean cross-entropy at a temperature.
local function loss_at(logits, y, temperature)
  return core.cross_entropy(core.mul(logits, 1 / temperature), y):item()
end

-- The logits less that of the right class.
local function against_truth(logits, y)
  local n, classes = core.size(logits, 1), core.size(logits, 2)
  local is_right = core.eq(core.reshape(y, n, 1), core.reshape(core.arange(1, 1, classes), 1, classes))
  return core.sub(logits, core.reshape(core.sum(core.mul(logits, is_right), 2), n, 1))
end

local RANGE, STEPS = 100, 40 -- of temperatures below and above 1 and the mean difference of logits

-- The temperature with the least loss, and true if it is within the range: where the derivative by 1 / temperature,
-- whose sign is known where the loss itself is rounded to 0, changes its sign. It rises throughout.
local function best(logits, y)
  local off = against_truth(logits, y)
  local scale = core.mean(core.abs(off)):item()
  if scale == 0 then return 1, false end
  local low, high = math.log(math.min(1, scale) / RANGE), math.log(math.max(1, scale) * RANGE)
  local least, most = low, high
  for _ = 1, STEPS do
    local middle = (low + high) / 2
    local shares = core.softmax(core.mul(off, math.exp(-middle)))
    if core.sum(core.mul(shares, off)):item() > 0 then low = middle else high = middle end
  end
  return math.exp((low + high) / 2), low > least and high < most
end

--- Calibrates ask(x), which gives (N, classes), of which logits_of makes logits, on what it found of some spectra with
-- classes y.
return function(ask, logits_of, found, y, names)
  local logits = logits_of(found)
  local temperature, is_within = best(logits, y)
  if not is_within then
    check.warn("calibrate", "the temperature is at its limit, %.3g: %s", temperature,
      core.sum(core.ne(core.argmax(logits, 2), y)):item() == 0
        and "all classes are right; calibrate on spectra that the model has not seen"
        or "the model says nothing of the classes")
  end
  return make { takes_raw = true, temperature = temperature, ask = ask, logits_of = logits_of, names = names,
    classes = core.size(logits, 2),
    log_loss = { before = loss_at(logits, y, 1), after = loss_at(logits, y, temperature) } }
end
