--- Rules that compare the network with simple models.
local check = require "moonbow.check"
local predictions = require "moonbow.audit.predictions"

local LEVEL = 0.05

-- A model that is not worse: the network has no more spectra right, or too few more for McNemar's test.
local function as_good(name)
  return function(a)
    local simple = a.simple[name]
    local only_network, only_simple, p = predictions.compare(a.judged, simple)
    local is_worse = only_network > only_simple and p < LEVEL
    if is_worse or not predictions.beats_guessing(simple, a.most_frequent) then return nil end
    local apart = only_simple + only_network == 0 and "Both classify the same spectra correctly."
      or ("The simple model alone is right on %s, the network alone on %d (p %.2g)."):format(
        check.show_count(only_simple, "spectrum", "spectra"), only_network, p)
    return { value = simple.accuracy, text = ("%s has an accuracy of %.1f %% on the %s, the network %.1f %%. "
      .. "%s"):format(check.capital(simple.words), 100 * simple.accuracy, a.unseen,
      100 * a.judged.accuracy, apart) }
  end
end

local function rule(model, name, source)
  return { name = name, needs = "judged", find = as_good(model), source = source,
    advice = "Use the simpler model, or say why a network is needed." }
end

return {
  rule("threshold", "threshold_as_good", "experiments/evaluation_dataset.lua: one threshold behind baseline "
    .. "subtraction reached 0.964, the network 0.962"),
  rule("logistic", "logistic_as_good", "experiments/border_peaks.lua, which compares networks with it"),
  rule("ridge", "ridge_as_good", "docs/guide/4_own_data.md: compare every network with something simple"),
  rule("plsda", "plsda_as_good", "docs/guide/4_own_data.md: what own_spectra compares first"),
  rule("forest", "forest_as_good", "experiments/pooling_benefit.lua: a forest on pooled spectra reached 0.943"),
}
