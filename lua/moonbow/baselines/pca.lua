--- Principal components: the directions in which spectra vary most.
local core = require "moonbow.core"
local check = require "moonbow.check"
local classifier = require "moonbow.baselines.classifier"

local pca = {}

--- Fitted principal components.
--
-- @class pca
-- @field components tensor (k, D) orthonormal; the largest element of each is positive
-- @field mean tensor (D)
-- @field variance tensor (k) of the training spectra along each component
-- @field explained tensor (k) share of the total variance
-- @field total number variance of all points
local Pca = { __name = "pca", kind = "pca" }
Pca.__index = Pca

local known_options = { components = check.default(2, "positive integer") }

local function make(components, mean, variance, total)
  return setmetatable({ components = components, mean = mean, variance = variance, total = total,
    explained = total > 0 and core.mul(variance, 1 / total) or variance }, Pca)
end

--- Fits principal components (Pearson 1901), as scikit-learn's PCA with svd_solver "full".
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), N > components; NaN and infinity raise
-- @option components how many
-- @return pca
-- @usage local scores = mb.pca.fit(x, { components = 2 }):transform(x)
function pca.fit(x, options)
  options = check.options("pca.fit", options, known_options)
  return make(core.pca(classifier.rows("pca.fit", "x", x), options.components))
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

function Pca.__tostring(model)
  local shares = {}
  for i, share in ipairs(core.totable(model.explained)) do shares[i] = ("%.1f %%"):format(100 * share) end
  return ("%s of %s, which explain %s of the variance"):format(check.show_count(#shares, "principal component"),
    check.show_count(core.size(model.components, 2), "point"), table.concat(shares, ", "))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Pca.config(model) return { total = model.total } end

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
  return make(components, core.reshape(tensors.mean, D), core.reshape(tensors.variance, k),
    check.kind("load", "total", config.total, "non-negative"))
end

require("moonbow.counted").methods(Pca, "pca:")

check.takes(pca.fit, 2, known_options)

return pca
