--- Networks with shortcuts around their convolutions (He et al. 2016).
local nn = require "moonbow.nn"
local check = require "moonbow.check"
local parts = require "moonbow.models.parts"

local models = {}

local own = {
  filters = check.default(100, "positive integer"), first_filters = check.default(64, "positive integer"),
  kernel = check.default(5, "positive integer"), strides = { 2, 2, 2, 2, 2, 2 },
  blocks = check.default(2, "positive integer"), first_activation = "linear", batch_norm = true,
  dropout = 0.5,
}

local rules = parts.rules(own, { "convolution", "norm", "head" })

local MOST_BLOCKS = 1000 -- each has several layers

local function block(options, stride, is_first)
  local body, shortcut = {}, nil
  parts.append_convolution(body, options, options.filters, options.kernel, stride)
  parts.append_convolution(body, options, options.filters, options.kernel, 1, "linear")
  if is_first then
    shortcut = {}
    parts.append_convolution(shortcut, options, options.filters, 1, stride, "linear")
  end
  return nn.Residual {
    nn.Sequential(body), shortcut and nn.Sequential(shortcut), activation = options.activation,
    alpha = parts.alpha_of(options, options.activation),
  }
end

--- The residual network of Ho et al. 2019 (Nat. Commun. 10:4927) for Raman spectra of bacteria. It has a convolution
-- 64@5, then six stages of two blocks of two convolutions 100@5. The original (1000 points) has strides {1, 2, 2, 2,
-- 2, 2}, first_activation "relu", bias false, dropout 0.
-- @option filters of the convolutions in blocks
-- @option first_filters of the convolution before them
-- @option blocks in each stage
-- @option strides of the stages, as benchmarked
-- @option first_activation behind the first convolution, as benchmarked
-- @see models
-- @return layer
function models.ho2019_resnet(given)
  local name = "ho2019_resnet"
  local options, layers = parts.options(name, given, rules), {}
  parts.append_convolution(layers, options, options.first_filters, options.kernel, 1,
    options.first_activation)
  if options.blocks > MOST_BLOCKS then
    check.fail(name, "blocks: expected at most %d, got %d", MOST_BLOCKS, options.blocks)
  end
  parts.check_list(name, "strides", options.strides, "positive integer")
  for _, stride in ipairs(options.strides) do
    for j = 1, options.blocks do
      parts.append(layers, block(options, j == 1 and stride or 1, j == 1))
    end
  end
  parts.append_head(layers, options, name)
  return parts.finish(layers, options, name)
end

check.takes(models.ho2019_resnet, 1, rules)

return models
