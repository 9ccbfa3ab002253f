--- Ridge regression: linear regression with a penalty on the squared coefficients.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local regressor = require "moonbow.baselines.regressor"

local ridge = {}

--- A fitted ridge regression.
--
-- @class ridge
-- @field weight tensor (D, M)
-- @field bias tensor (M)
local Ridge = regressor.of_kind "ridge"

local known_options = { alpha = check.default(1, "positive") }

--- Fits ridge regression (Hoerl and Kennard 1970), as scikit-learn's Ridge; the intercept is not penalised.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D); NaN and infinity raise
-- @param y tensor|table (N) or (N, M) numbers
-- @option alpha weight of the squared coefficients against the squared errors
-- @return ridge
function ridge.fit(x, y, options)
  local single
  options, x, y, single = regressor.arguments("ridge.fit", x, y, options, known_options)
  local weight, bias = core.ridge(x, y, options.alpha)
  return setmetatable({ weight = weight, bias = bias, alpha = options.alpha, single = single }, Ridge)
end

--- Predicts numbers.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @return tensor (N), or (N, M) if fit was given y (N, M)
function Ridge.predict(model, x)
  x = classifier.rows("ridge", "x", x, core.size(model.weight, 1))
  return regressor.shaped(core.affine(x, nil, model.weight, model.bias), model.single)
end

function Ridge.__tostring(model)
  return ("ridge regression, alpha %g, %s, %s"):format(model.alpha,
    check.show_count(core.size(model.weight, 1), "point"), check.show_count(core.count(model.bias), "target"))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Ridge.config(model) return { alpha = model.alpha, single = model.single } end

--- Returns the weights, for from_state. mb.save writes them.
-- @return table { weight, bias }
function Ridge.state(model) return { weight = model.weight, bias = model.bias } end

--- Rebuilds a model from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return ridge
function ridge.from_state(config, tensors)
  classifier.check_description(config, tensors)
  local weight, bias = classifier.loaded_weights(tensors)
  local single = check.kind("load", "single", config.single, "boolean")
  if single and core.count(bias) > 1 then
    check.fail("load", "bias: expected one number, got %d", core.count(bias))
  end
  return setmetatable({ weight = weight, bias = bias, single = single,
    alpha = check.kind("load", "alpha", config.alpha, "positive") }, Ridge)
end

require("moonbow.counted").methods(Ridge, "ridge:")

check.takes(ridge.fit, 3, known_options)

return ridge
