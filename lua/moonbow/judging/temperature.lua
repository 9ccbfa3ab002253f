--- The logits of any classifier, which a temperature divides.
local core = require "moonbow.core"
local calibrated = require "moonbow.judging.calibrated"
local scores = require "moonbow.pipeline.scores"
local Layer = require "moonbow.nn.layer"

-- How many votes of neighbours or trees the probabilities of a model are shares of; nil if they are not.
local function votes_of(model)
  model = scores.inner(model)
  if model.kind == "neighbours" then return model.k end
  if model.kind == "forest" then return (core.forest_size(model.grown)) end
  local sum
  for _, member in ipairs(rawget(model, "members") or {}) do
    local own = votes_of(member)
    if not own then return nil end
    sum = (sum or 0) + own
  end
  return sum
end

-- The logarithms of probabilities. Of shares of votes each class gets one vote more, since no vote of a few does not
-- mean that a class is impossible (Laplace).
local function logarithm(found, votes)
  if votes then found = core.mul(core.add(core.mul(found, votes), 1), 1 / (votes + core.size(found, 2))) end
  return core.log(core.maximum(found, 1e-30))
end

--- Calibrates a model on what was judged.
return function(model, judged)
  local names = scores.names(model)
  if Layer.is_layer(model) then
    local ask = scores.of_raw("calibrate", model, "numbers")
    return calibrated(ask, function(logits) return logits end, ask(judged.x), judged.y, names)
  end
  local has_shares, votes = scores.are_probabilities(model), votes_of(model)
  return calibrated(judged.ask, function(found) return has_shares and logarithm(found, votes) or found end,
    judged.found, judged.y, names)
end
