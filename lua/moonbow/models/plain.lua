--- Networks of convolutions with pooling, one after the other, and a head.
local nn = require "moonbow.nn"
local check = require "moonbow.check"
local initializers = require "moonbow.nn.initializers"
local parts = require "moonbow.models.parts"

local models = {}

-- @param start function(options) that returns the list of the layers before the convolutions
local function define(name, own, start)
  local rules = parts.rules(own, { "body", "convolution", "norm", "head" })
  models[name] = check.takes(function(given)
    local options = parts.options(name, given, rules)
    local layers = start and start(options) or {}
    parts.append_body(layers, options, name, own)
    parts.append_head(layers, options, name)
    return parts.finish(layers, options, name)
  end, 1, rules)
end

--- The two-layer network of Lee et al. 2020 (Nat. Commun. 11:86) for mixtures of phases in X-ray diffraction. Published
-- for 4501 points, with dropout 0.5 in the first version of the benchmark.
-- @see models
-- @return layer
define("lee2020_cnn2", {
  kernel = { 50, 25 }, stride = { 2, 3 }, pool = { 3, 2 }, pool_stride = { 2, 3 }, units = { 2000, 500 },
  dropout = 0.3,
})

--- The three-layer network of Lee et al. 2020 (Nat. Commun. 11:86). Its last pooling, size 1 and stride 2, drops every
-- second point.
-- @see models
-- @return layer
define("lee2020_cnn3", {
  kernel = { 20, 15, 10 }, stride = { 1, 1, 2 }, pool = { 3, 2, 1 }, pool_stride = { 3, 3, 2 },
  units = { 2500, 1000 }, dropout = 0.3,
})

--- The six-layer network of Szymanski et al. 2021 (Chem. Mater. 33:4204), as benchmarked. The original (4501 points)
-- has pool_padding = "same", dense_batch_norm = true, and keeps dropout on when it predicts, to judge its own
-- confidence.
-- @see models
-- @return layer
define("szymanski2021", {
  kernel = { 35, 30, 25, 20, 15, 10 }, pool = { 3, 3, 2, 1, 1, 1 }, pool_stride = 2, units = { 3100, 1200 },
  dense_activation = "relu", dropout = 0.7,
})

local vgg_filters, vgg_pool = { 6, 16, 16, 32, 32, 64, 64 }, { 2, 1, 2, 1, 2, 1, 2 }

--- The VGG-like network of Wang et al. 2020 (J. Chem. Inf. Model. 60:2004), as benchmarked: linear hidden layers,
-- dropout only behind the pooling.
-- @see models
-- @return layer
define("wang2020", {
  filters = vgg_filters, kernel = 5, pool = vgg_pool, conv_dropout = 0.2, units = { 120, 84, 186 },
})

--- The network of Schuetzke et al. 2021 (IUCrJ 8:408), after its published code. It is the body of wang2020 without
-- biases, with "same" pooling, ReLU in the hidden layers and He's initial values. Published for 3250 points and 28
-- iron ores or 76 cement phases, on spectra of which the logarithm was scaled to 0 .. 1; not benchmarked.
-- @see models
-- @return layer
define("schuetzke2021", {
  filters = vgg_filters, kernel = 5, bias = false, initializer = "he_uniform", pool = vgg_pool,
  pool_padding = "same", conv_dropout = 0.2, units = { 120, 84, 186 }, dense_activation = "relu",
  dense_initializer = "he_uniform",
})

--- The network of Liu et al. 2017 (Analyst 142:4067) for Raman spectra, as benchmarked: batch norm, then leaky ReLU
-- with slope 0.1; the hidden layer is linear.
-- @see models
-- @return layer
define("liu2017", {
  filters = { 16, 32, 64 }, kernel = { 21, 11, 5 }, pool = 2, activation = "leaky_relu", alpha = 0.1,
  batch_norm = true, units = { 2048 }, dropout = 0.5,
})

--- The regression network of Cui and Fearn 2018 (Chemom. Intell. Lab. Syst. 182:9) for near-infrared spectra. It has
-- one filter, no pooling, ELU, one linear output; not benchmarked. Published for 100 standardised points, loss "mse",
-- L2 penalty 0.003.
-- @see models
-- @return layer
define("cui2018", {
  classes = 1, filters = 1, kernel = 5, pool = 1, activation = "elu", initializer = "he_normal",
  units = { 36, 18, 12 }, dense_activation = "elu", dense_initializer = "he_normal",
  output_initializer = "he_normal",
})

--- VGG16 of Simonyan and Zisserman 2015 with kernels 3 in one dimension instead of 3 x 3; not benchmarked. The original
-- has no dropout before the first dense layer. At 5000 points its first dense layer alone holds 327 million weights:
-- units = { 512 } is a sensible choice there.
-- @see models
-- @return layer
define("vgg16", {
  filters = { 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512 }, kernel = 3,
  pool = { 1, 2, 1, 2, 1, 1, 2, 1, 1, 2, 1, 1, 2 }, units = { 4096, 4096 }, dense_activation = "relu",
  dropout = 0.5,
})

--- Convolutions with pooling and the output, no hidden layer: three convolutions unless options say otherwise.
-- @see models
-- @return layer
-- @usage local model = mb.models.cnn { classes = 2, length = 1000, filters = 16 }
define("cnn", { kernel = { 20, 15, 10 }, pool = 2 })

--- One convolution, pooling, and the output: the smallest network of its kind.
-- @see models
-- @return layer
define("one_convolution", { kernel = 20, pool = 4 })

--- The network that follows from the review: few filters, as wide as peaks; max-pooling that keeps their places; a
-- small hidden layer with ReLU. Max-pooling by 4 points comes first, which keeps heights and saves three quarters of
-- the work, then a square root, which lifts weak peaks. For spectra whose maximum is 1, of about 5000 points with peaks
-- about ten points wide: 99,850 weights for 500 classes. docs/measurements/benchmark.md has how it is trained and what
-- it reaches.
-- @option first_pool points of the max-pooling before the square root; 1 is none
-- @see models
-- @return layer
-- @usage local model = mb.models.moonbow { classes = 2, length = 1000 }
define("moonbow", {
  first_pool = check.default(4, "positive integer"), filters = { 24, 32, 6 }, kernel = { 9, 9, 1 }, pool = { 4, 2, 1 },
  units = { 64 }, dense_activation = "relu",
}, function(options)
  local root = nn.SignedSqrt {}
  return options.first_pool > 1 and { nn.MaxPool1d { size = options.first_pool }, root } or { root }
end)

local logistic_rules = {
  classes = check.required "positive integer", length = check.optional "positive integer",
  output_initializer = check.default("glorot_uniform", "string|number|function"),
}

--- Logistic regression: a dense layer on the whole spectrum.
-- @see models
-- @return layer
function models.logistic_regression(given)
  local options = check.options("logistic_regression", given, logistic_rules)
  initializers.check("logistic_regression", "output_initializer", options.output_initializer)
  options.head, options.units, options.dropout = "flatten", {}, 0
  local layers = {}
  parts.append_head(layers, options, "logistic_regression")
  return parts.finish(layers, options, "logistic_regression")
end

check.takes(models.logistic_regression, 1, logistic_rules)

return models
