--- A batch norm with fixed statistics as another scale and bias of the filters before it.
local core = require "moonbow.core"

local function fold(conv, norm)
  local scale = core.div(norm.gamma, core.sqrt(core.add(norm.running_var, norm.options.epsilon)))
  local shift = core.neg(norm.running_mean)
  if conv.bias then shift = core.add(shift, conv.bias) end
  return core.mul(conv.weight, scale), core.add(norm.beta, core.mul(shift, scale))
end

-- Tells whether something was folded from the same tensors, and none of them has changed since.
local function is_of(folded, tensors)
  if not folded then return false end
  for i = 1, #tensors do
    if not rawequal(folded.tensors[i], tensors[i]) then return false end
  end
  return folded.version == core.versions(tensors)
end

--- The weight and bias of a convolution that does the work of the batch norm behind it, too, with that one's
-- activation: { weight, bias, activate, slope, options }. Kept in conv.folded until one of the two layers changes: to
-- fold takes about as long as the inference of one spectrum.
return function(conv, norm)
  local tensors = { conv.weight, conv.bias or false, norm.gamma, norm.beta, norm.running_mean, norm.running_var }
  if is_of(conv.folded, tensors) then return conv.folded end
  local weight, bias = fold(conv, norm)
  return {
    weight = weight, bias = bias, activate = norm.activate, slope = norm.slope, options = norm.options,
    tensors = tensors, version = core.versions(tensors),
  }
end
