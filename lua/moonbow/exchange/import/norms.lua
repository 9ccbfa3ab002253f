--- Norms of ONNX.
local core = require "moonbow.core"
local inputs = require "moonbow.exchange.import.inputs"
local values = require "moonbow.exchange.import.values"

local fail, data, constant, vector = inputs.fail, inputs.data, inputs.constant, inputs.vector
local in_order = inputs.in_order

local operators = {}

function operators.BatchNormalization(import, node, x, ...)
  data(x)
  values.need_channels(x, 2)
  if (node.attributes.training_mode or 0) ~= 0 then fail("a batch norm in training mode") end
  local tensors = {}
  for i, name in ipairs { "gamma", "beta", "running_mean", "running_var" } do
    tensors[name] = in_order(vector((select(i, ...)), name, x.channels), x)
  end
  return import:layer(node, "BatchNorm1d", { epsilon = node.attributes.epsilon or 1e-5,
    momentum = node.attributes.momentum or 0.9 }, tensors, x, {})
end

-- The mean that moonbow's export subtracts before does not change the result: see moonbow.exchange.layers.
function operators.LayerNormalization(import, node, x, scale, shift)
  if not (x and x.partial == "centred") then data(x) end
  if values.dimension(node.attributes.axis or -1, #x.tags) ~= #x.tags then fail("a norm over several dimensions") end
  values.need_channels(x, #x.tags)
  if x.order then fail("a layer norm behind a Flatten of (N, C, L)") end
  return import:layer(node, "LayerNorm", { epsilon = node.attributes.epsilon or 1e-5 }, {
    gamma = vector(scale, "the scale", x.channels),
    beta = shift and vector(shift, "the shift", x.channels) or core.full(0, { x.channels }),
  }, x, {})
end

-- The norm of each channel, which is one of as many groups; or of the groups that a Reshape made, as PyTorch writes it.
function operators.InstanceNormalization(import, node, x, scale, shift)
  local groups = x and x.partial == "groups" and x.groups
  if not groups then
    data(x)
    values.spatial(x)
  end
  local gamma, beta = constant(scale, "the scale"), constant(shift, "the shift")
  local options = { groups = groups or x.channels, epsilon = node.attributes.epsilon or 1e-5 }
  if not groups then
    return import:layer(node, "GroupNorm", options, { gamma = vector(scale, "the scale", x.channels),
      beta = vector(shift, "the shift", x.channels) }, x, {})
  end
  if core.describe(core.sub(gamma, core.full(1, { 1 }))).max ~= 0 or core.describe(core.abs(beta)).max ~= 0 then
    fail("a norm of groups with a scale of its own")
  end
  import:make(2 * x.channels)
  local y = import:layer(node, "GroupNorm", options, { gamma = core.full(1, { x.channels }),
    beta = core.full(0, { x.channels }) }, x, {})
  return values.like(y, { partial = "normalised groups" })
end

return operators
