--- Recurrence and attention as modules of PyTorch: see moonbow.exchange.pytorch.layers.
local core = require "moonbow.core"
local modules = require "moonbow.exchange.pytorch.modules"

local module, tensor, option = modules.new, modules.tensor, modules.option

local writers = {}

-- ---- recurrence ----

-- (in, gates) as (gates, in).
local function turned(value) return core.transpose(value, 1, 2) end

local function same(value) return value end

local function zeros(value) return core.full(0, core.shape(value)) end

local function part(value, first, count) return core.slice(value, core.rank(value), first, count) end

-- moonbow's gates, update, reset and candidate, in PyTorch's order, and back.
local function swapped(value)
  local units = core.size(value, core.rank(value)) // 3
  return core.concat({ part(value, units + 1, units), part(value, 1, units), part(value, 2 * units + 1, units) },
    core.rank(value))
end

-- Adds the weights of one direction. PyTorch has two biases, which are added to each other, but for the candidate of a
-- GRU: moonbow has one, and that of the candidate's product with the state.
local function add_direction(tensors, layer, place, suffix, prefix)
  local is_gru, units = layer.type == "GRU", layer.options.units
  local arrange = is_gru and swapped or same
  local function to(value) return turned(arrange(value)) end
  local function from(value) return arrange(turned(value)) end
  tensors[#tensors + 1] = tensor(layer, place, "weight_ih_l0" .. suffix, prefix .. "weight", to, from)
  tensors[#tensors + 1] = tensor(layer, place, "weight_hh_l0" .. suffix, prefix .. "recurrent_weight", to, from)
  local bias = tensor(layer, place, "bias_ih_l0" .. suffix, prefix .. "bias", arrange, function(first, second)
    if not is_gru then return core.add(first, second) end
    local gates = core.add(part(first, 1, 2 * units), part(second, 1, 2 * units))
    return swapped(core.concat({ gates, part(first, 2 * units + 1, units) }, 1))
  end)
  bias.beside = "bias_hh_l0" .. suffix
  tensors[#tensors + 1] = bias
  local second = tensor(layer, place, bias.beside, prefix .. "bias", zeros)
  if is_gru then
    second = tensor(layer, place, bias.beside, prefix .. "recurrent_bias",
      function(value) return core.concat({ core.full(0, { 2 * units }), value }, 1) end,
      function(value) return part(value, 2 * units + 1, units) end)
  else
    second.from = nil -- the first has it
  end
  tensors[#tensors + 1] = second
end

local function recurrent(layer, _, place, shape)
  local options, tensors = layer.options, {}
  add_direction(tensors, layer, place, "", "")
  if options.bidirectional then add_direction(tensors, layer, place, "_reverse", "reverse_") end
  return { module(layer.type, { shape[3], options.units }, modules.given(
    options.return_sequences and "sequences=True" or nil, options.bidirectional and "bidirectional=True" or nil),
    tensors) }
end

function writers.LSTM(layer, order, place, shape)
  local options = layer.options
  if options.activation ~= "tanh" or options.gate_activation ~= "sigmoid" then
    modules.refuse(place, ("PyTorch's LSTM has tanh and sigmoid, this has %s and %s"):format(options.activation,
      options.gate_activation))
  end
  return recurrent(layer, order, place, shape)
end

writers.GRU = recurrent

-- ---- attention ----

function writers.MultiHeadAttention(layer, _, place, shape)
  if layer.options.causal then modules.refuse(place, "causal attention is not exported") end
  local tensors = { tensor(layer, place, "in_proj_weight", "weight", turned),
    tensor(layer, place, "out_proj.weight", "output_weight", turned) }
  if layer.bias then
    tensors[3] = tensor(layer, place, "in_proj_bias", "bias")
    tensors[4] = tensor(layer, place, "out_proj.bias", "output_bias")
  end
  return { module("SelfAttention", { shape[3], layer.options.heads }, modules.given(
    option("bias", not layer.bias and "False" or nil)), tensors) }
end

return writers
