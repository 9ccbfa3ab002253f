--- Rules on the dense layers and the output.
local check = require "moonbow.check"
local network = require "moonbow.audit.network"
local record = require "moonbow.train.record"
local row_losses = require "moonbow.train.row_losses"

local HEAD_SHARE, LEAST_HEAD = 0.9, 1e5

local function dense_layers(a) return network.of(a.flow, { dense = true }) end

local changes_nothing = { flatten = true, dropout = true }

-- The part that makes the outputs: behind it they are only reshaped, or dropped in training.
local function last_part(a)
  local part = a.flow.output
  while changes_nothing[part.kind] or part.kind == "activation" and not part.is_bent do part = part.from[1] end
  return part
end

-- Hidden dense layers, on rows (N, features), that are one linear map with the dense layers behind them.
local function linear_hidden(a)
  local found = {}
  for _, part in ipairs(dense_layers(a)) do
    local is_open = not part.is_bent and #part.output == 2
    if is_open and network.is_absorbed(part, { dense = true }) then found[#found + 1] = part end
  end
  if #found == 0 then return nil end
  local size = 0
  for _, part in ipairs(found) do size = size + part.parameters end
  local are_many = #found > 1
  return { layers = found, value = size, text = ("The hidden dense %s no activation: with the dense layer after %s "
    .. "one linear map, so that %s %s parameters add nothing that the output layer could not do alone."):format(
    are_many and "layers have" or "layer has", are_many and "them they are" or "it, it is",
    are_many and "their" or "its", network.count(size)) }
end

local function softmax_of_one(a)
  local last = last_part(a)
  local is_softmax = last.activation == "softmax" or last.activation == "log_softmax"
  if not is_softmax or last.output[#last.output] > 1 then return nil end
  return { layers = { last }, value = 1, text = ("The output is a %s over one unit, which is %d for every spectrum: "
    .. "the prediction is constant, and no gradient changes it."):format(last.activation,
    last.activation == "softmax" and 1 or 0) }
end

-- True if the loss applies a softmax to the outputs: the one of its training by mb.fit, or, untrained, that of mb.fit
-- unless told otherwise. The loss of a network that was trained elsewhere is not known.
local function goes_to_softmax(a)
  if not a.parts.is_of_classes then return false end
  local known = record.of(a.model)
  if not known then return not a.is_trained end
  local kind = row_losses.kinds[known.loss]
  return kind ~= nil and kind.reads == "classes"
end

-- A log_softmax is no fault: the softmax of logarithms of probabilities is these probabilities.
local function softmax_before_loss(a)
  local last = last_part(a)
  local is_softmax = last.activation == "softmax" and last.output[#last.output] > 1
  if not is_softmax or not goes_to_softmax(a) then return nil end
  return { layers = { last }, value = 1, text = "The network ends in a softmax, and the loss applies another one to "
    .. "its outputs: the second makes all classes nearly equally likely and slows training." }
end

local never_negative = { relu = true, softplus = true }
local ranges = { sigmoid = { 0, 1 }, tanh = { -1, 1 } }

-- What an activation of the last layer does to the classes, in words; nil for nothing.
local function tell_bounds(activation, classes)
  if never_negative[activation] then
    return "its outputs are never negative, and a class whose output is 0 for all spectra gets no gradient"
  end
  local range = ranges[activation]
  return range and ("its outputs lie between %d and %d, so that no class of %d can become more likely than %.0f %%")
    :format(range[1], range[2], classes, 100 / (1 + (classes - 1) * math.exp(range[1] - range[2])))
end

local function bounded_output(a)
  local last = last_part(a)
  local outputs = last.output[#last.output]
  local bounds = tell_bounds(last.activation, outputs)
  if not bounds or outputs == 1 or not goes_to_softmax(a) then return nil end
  return { layers = { last }, value = 1, text = ("The last layer has the activation %s: %s."):format(last.activation,
    bounds) }
end

local passes_on = { flatten = true, activation = true, dropout = true, join = true }

-- The last dropout on the way from the last layer with weights to what a part makes.
local function dropout_behind(part)
  if not passes_on[part.kind] then return nil end
  if part.kind == "dropout" and part.options.rate > 0 then return part end
  for _, source in ipairs(part.from) do
    local found = dropout_behind(source)
    if found then return found end
  end
end

local function dropout_on_output(a)
  local found = dropout_behind(a.flow.output)
  if not found then return nil end
  return { layers = { found }, value = found.options.rate, text = ("Dropout after the last layer with weights sets "
    .. "%.0f %% of the outputs themselves to 0 in training."):format(100 * found.options.rate) }
end

local function head_share(a)
  local head = 0
  for _, part in ipairs(dense_layers(a)) do head = head + part.parameters end
  local share = head / math.max(a.parameters, 1)
  if share < HEAD_SHARE or head < LEAST_HEAD or #network.of(a.flow, { conv = true }) == 0 then return nil end
  return { value = share, text = ("%.1f %% of the %s parameters are in the dense layers, %s in all "
    .. "others."):format(100 * share, network.count(a.parameters), network.count(a.parameters - head)) }
end

-- Of a network of which all that the head sees went through global pooling.
local function global_head(a)
  local makers = network.row_makers(a.flow)
  for _, part in ipairs(makers) do
    if part.kind ~= "global" then return nil end
  end
  if #makers == 0 or #network.of(a.flow, { position = true }) > 0 then return nil end
  return { layers = makers, value = #makers, text = ("The head keeps only the maximum or the mean of each map: the "
    .. "position of a peak is lost, and the distance of two peaks is seen only within the receptive field, "
    .. "%s."):format(a.points(a.reach.field)) }
end

local function output_count(a)
  local outputs = a.flow.outputs[#a.flow.outputs]
  if outputs == a.classes or outputs == 1 and a.classes == 2 then return nil end -- one: for binary_cross_entropy
  return { layers = { last_part(a) }, value = outputs, text = ("The network has %s for %s in the data."):format(
    check.show_count(outputs, "output"), check.show_count(a.classes, "class", "classes")) }
end

return {
  { name = "linear_hidden", needs = "network", is_fault = true, find = linear_hidden,
    source = "experiments/challenge.lua: ReLU there raised cnn2 by 4.0 and cnn3 by 4.1 points",
    advice = 'Give hidden dense layers activation = "relu" (dense_activation = "relu" of mb.models), or leave them '
      .. 'out.' },
  { name = "softmax_of_one", needs = "network", is_fault = true, find = softmax_of_one, source = "arithmetic",
    advice = "One output for each class and no softmax; or one output with the loss binary_cross_entropy." },
  { name = "softmax_before_loss", needs = "network", is_fault = true, find = softmax_before_loss,
    source = "mb.fit, which refuses such a network",
    advice = "Leave the softmax out: mb.fit and mb.predict apply it." },
  { name = "bounded_output", needs = "network", is_fault = true, find = bounded_output, source = "arithmetic",
    advice = "No activation on the last layer." },
  { name = "dropout_on_output", needs = "network", is_fault = true, find = dropout_on_output, source = "arithmetic",
    advice = "Put dropout before the last dense layer, not after it." },
  { name = "head_share", needs = "network", find = head_share,
    source = "experiments/depth.lua: with 60,000 parameters in all, two convolutions reached 0.957",
    advice = "A narrower hidden layer, or more pooling before it; compare both on the validation spectra." },
  { name = "global_head", needs = "network", find = global_head,
    source = "experiments/pooling_resolution.lua: a global head was at chance on peaks left and right of a border; "
      .. "experiments/global_head.lua: with a field of 1360 points it was as good as positions kept",
    advice = "nn.Flatten instead, or nn.Position as the first layer." },
  { name = "output_count", needs = "classes", is_fault = true, find = output_count, source = "arithmetic",
    advice = "As many outputs as classes." },
}
