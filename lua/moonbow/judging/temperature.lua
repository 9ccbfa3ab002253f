--- The logits of any classifier, which a temperature divides.
local core = require "moonbow.core"
local calibrated = require "moonbow.judging.calibrated"
local scores = require "moonbow.pipeline.scores"
local Layer = require "moonbow.nn.layer"

local function logarithm(found) return core.log(core.maximum(found, 1e-30)) end

--- Calibrates a model on what was judged.
return function(model, judged)
  local names = scores.names(model)
  if Layer.is_layer(model) then
    local function logits(x) return scores.of_raw("calibrate", model, "numbers")(x) end
    return calibrated(logits, logits(judged.x), judged.y, names)
  end
  local has_shares = scores.are_probabilities(model)
  local function logits(x)
    local found = judged.ask(x)
    return has_shares and logarithm(found) or found
  end
  return calibrated(logits, has_shares and logarithm(judged.found) or judged.found, judged.y, names)
end
