--- Partial least squares: regression on the few directions in which spectra and targets vary together.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local regressor = require "moonbow.baselines.regressor"

local pls = {}

--- A fitted PLS regression.
--
-- @class pls
-- @field components integer how many predict uses
-- @field rotations tensor (A, D): products with centred spectra are the scores
-- @field loadings tensor (A, D) of the spectra
-- @field y_loadings tensor (A, M)
-- @field x_mean tensor (D)
-- @field y_mean tensor (M)
local Pls = regressor.of_kind "pls"

local known_options = { components = check.default(2, "positive integer") }

--- Fits partial least squares by SIMPLS (de Jong 1993). With one target the predictions are those of scikit-learn's
-- PLSRegression(scale=False); spectra are centred and not scaled. Fewer components are fitted, with a warning, if
-- nothing is left for more; if y does not vary with x, one that predicts the mean of y.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), N > components; NaN and infinity raise
-- @param y tensor|table (N) or (N, M) numbers
-- @option components how many; mb.cross_validate chooses them
-- @return pls
-- @usage mb.pls.fit(x, y, { components = 3 }):predict(x_test)
function pls.fit(x, y, options)
  local single
  options, x, y, single = regressor.arguments("pls.fit", x, y, options, known_options)
  local rotations, loadings, y_loadings, x_mean, y_mean, found = core.pls(x, y, options.components)
  if found == 0 then
    check.warn("pls.fit", "y does not vary with x: every prediction is its mean")
  elseif found < options.components then
    check.warn("pls.fit", "components: only %d can be fitted, %d were asked for", found, options.components)
  end
  return setmetatable({ components = core.size(rotations, 1), rotations = rotations, loadings = loadings,
    y_loadings = y_loadings, x_mean = x_mean, y_mean = y_mean, single = single }, Pls)
end

local function read_components(model, components)
  local most = core.size(model.rotations, 1)
  components = check.kind("pls", "components", components or model.components, "positive integer")
  if components > most then check.fail("pls", "components: expected at most %d, got %d", most, components) end
  return components
end

--- Computes the scores of spectra on all components.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @return tensor (N, A)
function Pls.transform(model, x)
  x = classifier.rows("pls", "x", x, core.size(model.rotations, 2))
  return core.affine(x, model.x_mean, core.transpose(model.rotations, 1, 2))
end

--- Predicts numbers.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @param components? integer how many of the components to use; model.components unless given
-- @return tensor (N), or (N, M) if fit was given y (N, M)
function Pls.predict(model, x, components)
  components = read_components(model, components)
  local scores = core.slice(model:transform(x), 2, 1, components)
  local y = core.affine(scores, nil, core.narrow(model.y_loadings, 1, components), model.y_mean)
  return regressor.shaped(y, model.single)
end

--- Returns the regression coefficients: predictions are y_mean + (x - x_mean) coefficients.
-- @param components? integer as for predict
-- @return tensor (D, M)
function Pls.coefficients(model, components)
  components = read_components(model, components)
  return core.matmul(core.narrow(model.rotations, 1, components), core.narrow(model.y_loadings, 1, components), true)
end

function Pls.__tostring(model)
  return ("PLS, %s, %s, %s"):format(check.show_count(model.components, "component"),
    check.show_count(core.size(model.rotations, 2), "point"), check.show_count(core.count(model.y_mean), "target"))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Pls.config(model) return { components = model.components, single = model.single } end

--- Returns the numbers of the model, for from_state. mb.save writes them.
-- @return table { rotations, loadings, y_loadings, x_mean, y_mean }
function Pls.state(model)
  return { rotations = model.rotations, loadings = model.loadings, y_loadings = model.y_loadings,
    x_mean = model.x_mean, y_mean = model.y_mean }
end

--- Rebuilds a model from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return pls
function pls.from_state(config, tensors)
  classifier.check_description(config, tensors)
  local rotations = check.kind("load", "rotations", tensors.rotations, "tensor")
  if core.rank(rotations) ~= 2 then check.fail("load", "rotations: expected (A, D), got %s", check.show(rotations)) end
  local A, D = core.size(rotations, 1), core.size(rotations, 2)
  local M = core.count(check.kind("load", "y_mean", tensors.y_mean, "tensor"))
  local model = { components = check.kind("load", "components", config.components, "positive integer"),
    single = check.kind("load", "single", config.single, "boolean") }
  local shapes = { rotations = { A, D }, loadings = { A, D }, y_loadings = { A, M }, x_mean = { D }, y_mean = { M } }
  for name, shape in pairs(shapes) do
    check.kind("load", name, tensors[name], "tensor")
    core.check_finite("load", name, tensors[name])
    if core.count(tensors[name]) ~= shape[1] * (shape[2] or 1) then
      check.fail("load", "%s: expected shape %s, got %s", name, check.show_shape(shape), check.show(tensors[name]))
    end
    model[name] = core.reshape(tensors[name], table.unpack(shape))
  end
  if model.components > A or model.single and M > 1 then check.fail("load", "components: expected at most %d", A) end
  return setmetatable(model, Pls)
end

require("moonbow.counted").methods(Pls, "pls:")

check.takes(pls.fit, 3, known_options)

return pls
