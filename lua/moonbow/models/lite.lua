--- LITE: a layer of short, long and fixed filters side by side, then two separable convolutions.
local core = require "moonbow.core"
local nn = require "moonbow.nn"
local check = require "moonbow.check"
local parts = require "moonbow.models.parts"

local models = {}

local LONGEST = 96 -- points of the longest fixed filter

-- A filter whose weights are -1 and 1 in turn.
local function alternating(kernel, first)
  local filter = {}
  for i = 1, kernel do filter[i] = i % 2 == 1 and first or -first end
  return filter
end

-- A second difference with rounded flanks, 3 / 2 kernel points long: -1, 2, -1 times a rise and its mirror image.
local function peak(kernel)
  local filter, rise = {}, kernel // 4
  for _, height in ipairs { -1, 2, -1 } do
    for i = 1, rise do filter[#filter + 1] = height * (i / rise) ^ 2 end
    for i = rise, 1, -1 do filter[#filter + 1] = height * (i / rise) ^ 2 end
  end
  return filter
end

-- The fixed filters. Six pairs alternate; five find peaks.
local function fixed_filters()
  local filters = {}
  for _, first in ipairs { -1, 1 } do
    for exponent = 1, 6 do parts.append(filters, alternating(1 << exponent, first)) end
  end
  for exponent = 2, 6 do parts.append(filters, peak(1 << exponent)) end
  return filters
end

-- The fixed filters as one convolution: zeros on both sides put each where "same" padding by its own length would.
local function fixed_convolution()
  local filters, weight = fixed_filters(), {}
  for i = 1, LONGEST do weight[i] = { {} } end
  for f, filter in ipairs(filters) do
    local before = (LONGEST - 1) // 2 - (#filter - 1) // 2
    for i = 1, LONGEST do weight[i][1][f] = filter[i - before] or 0 end
  end
  local layer = nn.Conv1d { filters = #filters, kernel = LONGEST, padding = "same", bias = false, activation = "relu" }
  layer.weight = core.tensor(weight) -- no parameter: it is frozen
  return layer
end

local function norm(options)
  return nn.BatchNorm1d { momentum = options.momentum, epsilon = options.epsilon, activation = "relu" }
end

-- Returns the first layer, and the number of its channels.
local function inception(options)
  local fixed = fixed_convolution()
  local branches, channels = {}, fixed.options.filters
  for i = 0, 2 do
    branches[i + 1] = nn.Conv1d { filters = options.filters, kernel = options.kernel >> i, padding = "same",
      bias = false }
    channels = channels + options.filters
  end
  branches[4] = fixed
  return nn.Concat(branches), channels
end

local function append_separable(layers, options, channels, kernel, dilation)
  parts.append(layers, nn.Conv1d { filters = channels, kernel = kernel, dilation = dilation, groups = channels,
    padding = "same", bias = false },
    nn.Conv1d { filters = options.filters, kernel = 1, bias = false }, norm(options))
end

local rules = parts.rules({
  filters = check.default(32, "positive integer"), kernel = check.default(40, "positive integer"),
  pool = check.default(1, "positive integer"), head = "global",
}, { "norm", "head" })

--- LITE of Ismail-Fawaz et al. 2023 (DSAA; arXiv 2409.02869 has the longer version), after its published code, for
-- series that are standardised one by one. Three convolutions of 32 filters each, with 40, 20 and 10 points, stand
-- beside 17 fixed filters, which are frozen: six pairs of alternating signs, 2 to 64 points, and five that find peaks,
-- 6 to 96 points. Two separable convolutions follow, 20 points with dilation 2 and 10 with dilation 4. As published,
-- 9814 weights are trained before the output; the mean of each map over all positions goes to the output, which loses
-- where a peak is. With head = "flatten" and a pool the position stays.
--
-- The published network is trained for 1500 epochs in batches of 64, Adam's rate halved after 50 epochs without a lower
-- training loss; five of them vote. The initial weights of the depthwise filters are larger than Keras', which counts
-- other channels to their outputs; batch norm takes the factor out.
-- @option filters of each trained convolution
-- @option kernel points of the longest trained filters; the others have a half and a quarter
-- @option pool points of the max-pooling before the head; 1 is none
-- @option head turns maps into rows: their mean over positions as published, all values, or their maximum
-- @see models
-- @return layer
-- @usage local model = mb.models.ismailfawaz2023_lite { classes = 2, length = 1000 }
function models.ismailfawaz2023_lite(given)
  local name = "ismailfawaz2023_lite"
  local options = parts.options(name, given, rules)
  if options.kernel < 4 then check.fail(name, "kernel: expected at least 4, got %d", options.kernel) end
  local first, channels = inception(options)
  local layers = { first, norm(options) }
  append_separable(layers, options, channels, options.kernel >> 1, 2)
  append_separable(layers, options, options.filters, options.kernel >> 2, 4)
  if options.pool > 1 then parts.append(layers, nn.MaxPool1d { size = options.pool }) end
  parts.append_head(layers, options, name)
  return parts.finish(layers, options, name)
end

check.takes(models.ismailfawaz2023_lite, 1, rules)

return models
