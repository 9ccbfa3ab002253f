--- Published networks for spectra. Each returns a model whose outputs are logits; every option of the
-- functions below may be given. classes is required; length builds the model for spectra of so many
-- points at once (else the first use does).
--
-- The versions are those benchmarked by Schuetzke, Szymanski and Reischl (npj Comput. Mater. 9:100, 2023).
local check = require "moonbow.check"
local nn = require "moonbow.nn"

local models = {}

local function append(list, ...)
  for _, entry in ipairs { ... } do list[#list + 1] = entry end
end

local function conv(filters, kernel, stride, activation, bias)
  return nn.Conv1d { filters = filters, kernel = kernel, stride = stride, padding = "same", activation = activation,
    bias = bias }
end

-- Dropout before each dense layer and before the output.
local function append_head(layers, units, options)
  append(layers, nn.Flatten {})
  for _, count in ipairs(units) do
    if options.dropout > 0 then append(layers, nn.Dropout { rate = options.dropout }) end
    append(layers, nn.Dense { units = count, activation = options.dense_activation })
  end
  if options.dropout > 0 then append(layers, nn.Dropout { rate = options.dropout }) end
  append(layers, nn.Dense { units = options.classes })
end

local function finish(layers, options, name)
  layers.name = name
  local model = nn.Sequential(layers)
  if options.length then model:build { options.length, 1 } end
  return model
end

local function head_options(units, dropout, activation)
  return {
    classes = check.required "positive integer", length = check.optional "positive integer",
    units = units, dropout = check.default(dropout, "fraction"), dense_activation = activation,
    activation = "relu", filters = check.default(64, "positive integer"),
  }
end

-- body: a list of { kernel, stride, pool size, pool stride }
local function plain_cnn(name, defaults, body)
  models[name] = function(given)
    local options = check.options(name, given, defaults)
    local layers = {}
    for _, part in ipairs(body) do
      append(layers, conv(options.filters, part[1], part[2], options.activation),
        nn.MaxPool1d { size = part[3], stride = part[4] })
    end
    append_head(layers, options.units, options)
    return finish(layers, options, name)
  end
end

--- The two-layer network of Lee et al. 2020 (Nat. Commun. 11:86). Options: classes, length, filters (64),
-- activation ("relu"), units ({2000, 500}), dense_activation ("linear", as benchmarked), dropout (0.3).
plain_cnn("lee2020_cnn2", head_options({ 2000, 500 }, 0.3, "linear"), { { 50, 2, 3, 2 }, { 25, 3, 2, 3 } })

--- The three-layer network of Lee et al. 2020, with units {2500, 1000}; options as lee2020_cnn2.
plain_cnn("lee2020_cnn3", head_options({ 2500, 1000 }, 0.3, "linear"),
  { { 20, 1, 3, 3 }, { 15, 1, 2, 3 }, { 10, 2, 1, 2 } })

--- The six-layer network of Szymanski et al. 2021 (Chem. Mater. 33:4204), without its batch norm. Options as
-- lee2020_cnn2, with units {3100, 1200}, dense_activation "relu", dropout 0.7.
plain_cnn("szymanski2021", head_options({ 3100, 1200 }, 0.7, "relu"),
  { { 35, 1, 3, 2 }, { 30, 1, 3, 2 }, { 25, 1, 2, 2 }, { 20, 1, 1, 2 }, { 15, 1, 1, 2 }, { 10, 1, 1, 2 } })

local resnet_options = {
  classes = check.required "positive integer", length = check.optional "positive integer",
  filters = check.default(100, "positive integer"), first_filters = check.default(64, "positive integer"),
  strides = { 2, 2, 2, 2, 2, 2 }, first_activation = "linear", bias = true, batch_norm = true,
  momentum = check.default(0.99, "fraction"), epsilon = check.default(1e-3, "positive"),
  head = check.one_of("flatten", { "flatten", "global" }), dropout = check.default(0.5, "fraction"),
}

local function norm(options)
  return options.batch_norm and nn.BatchNorm1d { momentum = options.momentum, epsilon = options.epsilon }
    or nn.Activation { name = "linear" }
end

local function residual_block(options, stride, is_first)
  local body = nn.Sequential {
    conv(options.filters, 5, stride, nil, options.bias), norm(options), nn.ReLU {},
    conv(options.filters, 5, 1, nil, options.bias), norm(options),
  }
  if not is_first then return nn.Residual { body } end
  return nn.Residual { body, nn.Sequential { conv(options.filters, 1, stride, nil, options.bias), norm(options) } }
end

--- The residual network of Ho et al. 2019 (Nat. Commun. 10:4927): a convolution 64@5, then stages of two
-- blocks of two convolutions 100@5. Options: classes, length; filters (100), first_filters (64); strides of
-- the stages ({2, 2, 2, 2, 2, 2} as benchmarked; the original has {1, 2, 2, 2, 2, 2}); first_activation
-- ("linear" as benchmarked, "relu" in the original); bias (true; the original has none); batch_norm (true),
-- momentum (0.99, Keras' default, as benchmarked) and epsilon (1e-3); head ("flatten" or "global");
-- dropout (0.5 as benchmarked, 0 in the original).
function models.ho2019_resnet(given)
  local options = check.options("ho2019_resnet", given, resnet_options)
  local layers = { conv(options.first_filters, 5, 1, nil, options.bias), norm(options) }
  if options.first_activation ~= "linear" then append(layers, nn.Activation { name = options.first_activation }) end
  for _, stride in ipairs(options.strides) do
    append(layers, residual_block(options, stride, true), nn.ReLU {}, residual_block(options, 1, false), nn.ReLU {})
  end
  append(layers, options.head == "global" and nn.GlobalAvgPool1d {} or nn.Flatten {})
  if options.dropout > 0 then append(layers, nn.Dropout { rate = options.dropout }) end
  append(layers, nn.Dense { units = options.classes })
  return finish(layers, options, "ho2019_resnet")
end

--- One convolution, max-pooling, and the output: the smallest network of its kind. Options: classes, length,
-- filters (64), kernel (20), pool (4), activation ("relu").
function models.one_convolution(given)
  local options = check.options("one_convolution", given, {
    classes = check.required "positive integer", length = check.optional "positive integer",
    filters = check.default(64, "positive integer"), kernel = check.default(20, "positive integer"),
    pool = check.default(4, "positive integer"), activation = "relu",
  })
  return finish({
    conv(options.filters, options.kernel, 1, options.activation), nn.MaxPool1d { size = options.pool },
    nn.Flatten {}, nn.Dense { units = options.classes },
  }, options, "one_convolution")
end

--- Logistic regression: a dense layer on the whole spectrum. Options: classes, length.
function models.logistic_regression(given)
  local options = check.options("logistic_regression", given, {
    classes = check.required "positive integer", length = check.optional "positive integer",
  })
  return finish({ nn.Flatten {}, nn.Dense { units = options.classes } }, options, "logistic_regression")
end

return models
