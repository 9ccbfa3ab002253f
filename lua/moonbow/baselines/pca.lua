--- Principal components: the directions in which spectra vary most.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"
local dealing = require "moonbow.train.dealing"
local distributions = require "moonbow.distributions"
local moments = require "moonbow.moments"

local pca = {}

--- Fitted principal components.
--
-- @class pca
-- @field components tensor (k, D) orthonormal, also where the spectra vary along fewer directions; the largest element
--   of each is positive
-- @field mean tensor (D)
-- @field variance tensor (k) of the training spectra along each component
-- @field explained tensor (k) share of the total variance
-- @field total number variance of all points
-- @field n integer number of training spectra
-- @field q_mean number mean of their squared distances from the plane of the components, of each spectrum from the
--   components of others
-- @field q_variance number variance of these
local Pca = { __name = "pca", kind = "pca" }
Pca.__index = Pca

local known_options = { components = check.default(2, "positive integer") }

local function make(components, mean, variance, fields)
  fields.components, fields.mean, fields.variance = components, mean, variance
  fields.explained = fields.total > 0 and core.mul(variance, 1 / fields.total) or variance
  return setmetatable(fields, Pca)
end

-- The number of components along which the training spectra vary, at least 1.
local function varying(model) return math.max(core.sum(core.gt(model.variance, 0)):item() // 1 | 0, 1) end

-- Q: the squared distances from the plane of these components.
local function residuals(model, x)
  return core.totable(core.pca_residuals(x, model.mean, core.narrow(model.components, 1, varying(model))))
end

local FOLDS = 5

-- Q of each row from components of the other folds: the rows that components are fitted on lie too near to their plane.
local function held_out_residuals(model, x)
  local n, k, list = core.size(x, 1), core.size(model.components, 1), {}
  if n < 3 then return residuals(model, x) end
  for _, fold in ipairs(dealing.folds("pca.fit", n, math.min(FOLDS, n), { seed = 0 })) do
    local components, mean, variance = core.pca(core.index(x, fold.train), math.min(k, core.count(fold.train) - 1))
    local found = residuals({ components = components, mean = mean, variance = variance }, core.index(x, fold.test))
    table.move(found, 1, #found, #list + 1, list)
  end
  return list
end

-- Adds what the limits of outliers need: the number of training rows, mean and variance of their Q.
local function add_training(model, x)
  local mean, squares = moments.mean_and_squares(held_out_residuals(model, x))
  local n = core.size(x, 1)
  model.n, model.q_mean, model.q_variance = n, mean, squares / (n - 1)
  return model
end

--- Fits principal components (Pearson 1901), as scikit-learn's PCA with svd_solver "full".
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), N > components; NaN and infinity raise
-- @option components how many
-- @return pca
-- @usage local scores = mb.pca.fit(x, { components = 2 }):transform(x)
function pca.fit(x, options)
  options = check.options("pca.fit", options, known_options)
  x = classifier.rows("pca.fit", "x", x)
  local components, mean, variance, total = core.pca(x, options.components)
  return add_training(make(components, mean, variance, { total = total }), x)
end

--- Computes the scores of spectra: their coordinates along the components.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @return tensor (N, k)
function Pca.transform(model, x)
  x = classifier.rows("pca", "x", x, core.size(model.components, 2))
  return core.affine(x, model.mean, core.transpose(model.components, 1, 2))
end

--- Computes spectra from scores.
-- @param scores tensor (N, k)
-- @return tensor (N, D)
function Pca.inverse_transform(model, scores)
  scores = classifier.rows("pca", "scores", scores, core.size(model.components, 1))
  return core.affine(scores, nil, model.components, model.mean)
end

local outlier_options = { level = check.default(0.95, "fraction below 1") }

-- The limit of Q that a share of spectra like the training ones keep: a scaled chi-squared distribution (Box 1954) by
-- the mean and variance of the training Q, with Wilson and Hilferty's approximation of its quantile.
local function q_limit(model, level)
  local mean, variance = model.q_mean, model.q_variance
  if not (mean > 0 and variance > 0) then return mean end
  local scale, df = variance / (2 * mean), 2 * mean * mean / variance
  local z = distributions.normal_quantile(level)
  return scale * df * (1 - 2 / (9 * df) + z * math.sqrt(2 / (9 * df))) ^ 3
end

local function t2_limit(model, level)
  local k, n = varying(model), model.n
  if n <= k + 1 then return math.huge end
  return k * (n - 1) * (n + 1) / (n * (n - k)) * distributions.fisher_quantile(1 - level, k, n - k)
end

--- Marks spectra that are unlike the training spectra, by Hotelling's T2 (far out along the components) and Q (far from
-- their plane).
-- @param x tensor|spectra (N, L, C) or rows (N, D), with as many points as the model was fitted on
-- @option level share of spectra like the training ones below each limit
-- @return table { t2 = list, q = list, t2_limit, q_limit, is_outlier = list of booleans: beyond either limit }
function Pca.outliers(model, x, options)
  options = check.options("pca:outliers", options, outlier_options)
  x = classifier.rows("pca", "x", x, core.size(model.components, 2))
  local scores, weights = model:transform(x), core.totable(model.variance)
  for a, variance in ipairs(weights) do weights[a] = variance > 0 and 1 / variance or 0 end
  local t2 = core.matmul(core.mul(scores, scores), core.reshape(core.tensor(weights), -1, 1))
  local found = { t2 = core.totable(core.reshape(t2, -1)), is_outlier = {}, q = residuals(model, x),
    t2_limit = t2_limit(model, options.level), q_limit = q_limit(model, options.level) }
  for i, value in ipairs(found.t2) do found.is_outlier[i] = value > found.t2_limit or found.q[i] > found.q_limit end
  return found
end

check.takes(Pca.outliers, 2, outlier_options)

function Pca.__tostring(model)
  local shares = {}
  for i, share in ipairs(core.totable(model.explained)) do shares[i] = ("%.1f %%"):format(100 * share) end
  return ("%s of %s, which explain %s of the variance"):format(check.show_count(#shares, "principal component"),
    check.show_count(core.size(model.components, 2), "point"), table.concat(shares, ", "))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Pca.config(model)
  return { total = model.total, n = model.n, q_mean = model.q_mean, q_variance = model.q_variance }
end

--- Returns the numbers of the model, for from_state. mb.save writes them.
-- @return table { components, mean, variance }
function Pca.state(model) return { components = model.components, mean = model.mean, variance = model.variance } end

--- Rebuilds a model from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return pca
function pca.from_state(config, tensors)
  classifier.check_description(config, tensors)
  local components = check.kind("load", "components", tensors.components, "tensor")
  if core.rank(components) ~= 2 then
    check.fail("load", "components: expected (k, D), got %s", check.show(components))
  end
  local k, D = core.size(components, 1), core.size(components, 2)
  for name, count in pairs { components = k * D, mean = D, variance = k } do
    check.kind("load", name, tensors[name], "tensor")
    core.check_finite("load", name, tensors[name])
    if core.count(tensors[name]) ~= count then
      check.fail("load", "%s: expected %d numbers, got %d", name, count, core.count(tensors[name]))
    end
  end
  local fields = { n = check.kind("load", "n", config.n, "positive integer") }
  for _, name in ipairs { "total", "q_mean", "q_variance" } do
    fields[name] = check.kind("load", name, config[name], "non-negative")
  end
  return make(components, core.reshape(tensors.mean, D), core.reshape(tensors.variance, k), fields)
end

require("moonbow.counted").methods(Pca, "pca:")

check.takes(pca.fit, 2, known_options)

return pca
