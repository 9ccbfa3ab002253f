--- Dissimilarities of spectra, as in Iwasaki, Kusne and Takeuchi (2017), and nearest neighbours.
local core = require "moonbow.core"
local check = require "moonbow.check"
local values_of = require "moonbow.data.values_of"
local classifier = require "moonbow.baselines.classifier"

local neighbours = {}

--- A nearest-neighbour classifier: its examples, and how they decide.
--
-- @class neighbours
-- @field x tensor the examples
-- @field y tensor (N) their classes
-- @field k integer number of neighbours that decide
local Neighbours = classifier.of_kind("neighbours", "predict_proba")

--- The names of the dissimilarities.
neighbours.metrics = {
  "euclidean", "manhattan", "chebyshev", "cosine", "pearson", "jensen_shannon", "earth_movers", "dtw", "ddtw",
}

local warps = { dtw = true, ddtw = true }
local multiplies = { euclidean = true, cosine = true, pearson = true }
local sums_up = { jensen_shannon = true, earth_movers = true }
local follows_axis = { earth_movers = true, dtw = true, ddtw = true }

local metric_options = {
  metric = check.one_of("euclidean", neighbours.metrics), window = check.optional "integer", verbose = true,
}

local function check_window(operation, options)
  local window = options.window
  if window and not warps[options.metric] then
    check.fail(operation, "window: only dtw and ddtw have one, not %s", options.metric)
  end
  if window and window < 0 then check.fail(operation, "window: expected at least 0, got %d", window) end
end

local function rows_for(operation, name, x, metric, points)
  x = values_of(x)
  if follows_axis[metric] and core.is_tensor(x) and core.rank(x) == 3 and core.size(x, 3) > 1 then
    check.fail(operation, "%s: %s needs spectra of one channel, got shape %s", name, metric,
      check.show_shape(core.shape(x)))
  end
  return classifier.rows(operation, name, x, points)
end

local PART = 1e9 -- least comparisons of two points in one call; Ctrl-C is checked between calls
local PRODUCT = 0.1 -- of a comparison: time of a product
local MOST_NUMBERS = 50000000 -- in one call: its rows, and their distances

local function part_size(b, options)
  local count, L = core.size(b, 1), core.size(b, 2)
  local per_point = warps[options.metric] and math.min(2 * (options.window or L) + 1, L)
    or multiplies[options.metric] and PRODUCT or 1
  return math.max(64, math.min(math.ceil(PART / (count * L * per_point)), MOST_NUMBERS // (count + L)))
end

local function in_parts(operation, a, b, options, f)
  return classifier.in_parts(operation, a, part_size(b, options), options.verbose, f)
end

--- Computes the dissimilarity of each spectrum of a to each of b.
--
-- - "euclidean", "manhattan", "chebyshev"
-- - "cosine": 1 - cosine (1 to a spectrum of zeros); "pearson": 1 - r (1 to a constant spectrum)
-- - "jensen_shannon": the root of the divergence, natural logarithm; "earth_movers": the area between the cumulated
--   spectra, in points. Both compare spectra divided by their sums; negative values raise
-- - "dtw": dynamic time warping, the root of the least sum of squared differences; "ddtw": the same of derivatives
--   (Keogh and Pazzani 2001)
-- @param a tensor|spectra spectra (N, L, C) or rows (N, D); NaN and infinity raise
-- @param b tensor|spectra the same, with as many points
-- @option metric the dissimilarity
-- @option window of "dtw" and "ddtw": how many points two matched points may be apart (Sakoe and Chiba 1978); no limit
--   unless given
-- @option verbose true: shows progress if it takes more than a second
-- @return tensor (N of a, N of b)
-- @usage mb.neighbours.distances(a, b, { metric = "cosine" })
function neighbours.distances(a, b, options)
  options = check.options("distances", options, metric_options)
  check_window("distances", options)
  a, b = rows_for("distances", "a", a, options.metric), rows_for("distances", "b", b, options.metric)
  return in_parts("distances", a, b, options, function(part)
    return core.distances(part, b, options.metric, options.window)
  end)
end

check.takes(neighbours.distances, 3, metric_options)

local fit_options = {
  k = check.default(5, "positive integer"), weights = check.one_of("uniform", { "uniform", "distance" }),
  classes = check.optional "positive integer", metric = metric_options.metric, window = metric_options.window,
  verbose = true,
}

local function new(options, x, y)
  return setmetatable({ k = options.k, weights = options.weights, metric = options.metric,
    window = options.window, classes = options.classes, verbose = options.verbose, x = x, y = y }, Neighbours)
end

--- Keeps spectra as examples.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), as for distances
-- @param y tensor|table (N) or (N, 1) class numbers 1, 2, ...
-- @option k number of neighbours that decide
-- @option weights "uniform", or "distance": each neighbour counts 1 / distance; if some are at distance 0, only they
--   count
-- @option classes number of classes; the largest label unless given
-- @return neighbours
-- @see neighbours.distances
-- @usage mb.neighbours.fit(x, y, { k = 5, metric = "dtw", window = 20 })
function neighbours.fit(x, y, options)
  local checked, _, classes = classifier.arguments("neighbours.fit", x, y, options, fit_options)
  options, y = checked, core.tensor(classes)
  check_window("neighbours.fit", options)
  x = core.copy(rows_for("neighbours.fit", "x", x, options.metric))
  core.check_finite("neighbours.fit", "x", x)
  local n = core.size(x, 1)
  if options.k > n then
    check.fail("neighbours.fit", "k: expected at most %d, the rows of x, got %d", n, options.k)
  end
  -- Raises if the rows cannot be compared: if they are too short, or one of them has no shares.
  local first = core.narrow(x, 1, 1)
  core.close(core.distances(first, sums_up[options.metric] and x or first, options.metric, options.window))
  return new(options, x, y)
end

check.takes(neighbours.fit, 3, fit_options)

--- Finds the k nearest examples of each spectrum.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the examples
-- @return tensor (N, k), distances, ascending
-- @return tensor (N, k), the numbers of the examples; at equal distance the first
function Neighbours.nearest(model, x)
  x = rows_for("neighbours", "x", x, model.metric, core.size(model.x, 2))
  return in_parts("neighbours", x, model.x, model, function(part)
    return core.nearest(part, model.x, model.metric, model.window, model.k)
  end)
end

--- Predicts the probabilities of the classes: the share of each among the neighbours.
-- @param x tensor|spectra spectra (N, L, C) or rows (N, D), with as many points as the examples
-- @return tensor (N, classes)
function Neighbours.predict_proba(model, x)
  local distances, numbers = model:nearest(x)
  return core.vote(distances, numbers, model.y, model.classes, model.weights == "distance")
end

function Neighbours.__tostring(model)
  return ("%s, %s%s, %s of %s, %s"):format(check.show_count(model.k, "nearest neighbour"), model.metric,
    model.window and " with window " .. model.window or "", check.show_count(core.size(model.x, 1), "example"),
    check.show_count(core.size(model.x, 2), "point"), check.show_count(model.classes, "class", "classes"))
end

-- ---- for mb.save and mb.load ----

--- Returns the model's settings as a plain table, for from_state. mb.save writes it.
-- @return table
function Neighbours.config(model)
  return { k = model.k, weights = model.weights, metric = model.metric, window = model.window,
    classes = model.classes }
end

--- Returns the examples and their classes, for from_state. mb.save writes them.
-- @return table { x, y }
function Neighbours.state(model) return { x = model.x, y = model.y } end

--- Rebuilds a model from its config() and state(), and checks both. mb.load calls it.
-- @param config table from config()
-- @param tensors table from state()
-- @return neighbours
function neighbours.from_state(config, tensors)
  classifier.check_description(config, tensors)
  check.kind("load", "y", tensors.y, "tensor")
  classifier.loaded_classes(config.classes, core.max(tensors.y):item())
  config.verbose = true
  return neighbours.fit(tensors.x, tensors.y, config)
end

require("moonbow.counted").methods(Neighbours, "neighbours:")

return neighbours
