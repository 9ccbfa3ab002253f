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
function Calibrated:predict_proba(x) return core.softmax(core.mul(self.logits(x), 1 / self.temperature)) end

--- Predicts the classes.
-- @param x tensor|spectra (N, L, C), as the model takes them
-- @return tensor (N)
function Calibrated:predict(x) return core.argmax(self:predict_proba(x), 2) end

local make = shown.kind("calibrated", show, Calibrated)
counted.methods(Calibrated, "calibrated:")

-- The mean cross-entropy at a temperature.
local function loss_at(logits, y, log_temperature)
  local value = core.cross_entropy(core.mul(logits, math.exp(-log_temperature)), y)
  return value:item()
end

local GOLDEN = (math.sqrt(5) - 1) / 2
local LEAST, MOST = math.log(0.01), math.log(100)

-- The logarithm of the temperature with the least loss, which has one minimum, by golden sections.
local function best(logits, y)
  local low, high = LEAST, MOST
  local a, b = high - GOLDEN * (high - low), low + GOLDEN * (high - low)
  local at_a, at_b = loss_at(logits, y, a), loss_at(logits, y, b)
  while high - low > 1e-4 do
    if at_a < at_b then
      high, b, at_b = b, a, at_a
      a = high - GOLDEN * (high - low)
      at_a = loss_at(logits, y, a)
    else
      low, a, at_a = a, b, at_b
      b = low + GOLDEN * (high - low)
      at_b = loss_at(logits, y, b)
    end
  end
  return (low + high) / 2
end

--- Calibrates logits(x) on the logits of some spectra with classes y.
return function(logits_of, logits, y, names)
  local log_temperature = best(logits, y)
  if log_temperature < LEAST + 0.01 or log_temperature > MOST - 0.01 then
    check.warn("calibrate", "the temperature is at its limit, %.3g: %s", math.exp(log_temperature),
      log_temperature < 0 and "all classes are right; calibrate on spectra that the model has not seen"
        or "the model says nothing of the classes")
  end
  return make { takes_raw = true, temperature = math.exp(log_temperature), logits = logits_of,
    classes = core.size(logits, 2), names = names,
    log_loss = { before = loss_at(logits, y, 0), after = loss_at(logits, y, log_temperature) } }
end
