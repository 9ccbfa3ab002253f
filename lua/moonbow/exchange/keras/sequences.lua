--- Recurrence and attention of Keras as layers of moonbow: see moonbow.exchange.keras.classes.
local core = require "moonbow.core"
local check = require "moonbow.check"
local arrange = require "moonbow.exchange.keras.arrange"
local read = require "moonbow.exchange.keras.options"

local fail, option, need = read.fail, read.option, read.need
local at_least_one, activation_of = read.at_least_one, read.activation_of

local classes = {}

-- ---- recurrence ----

-- The weights of one direction: of the input, of the state, and the bias; bias: its shape.
local function recurrent_weights(config, gates, bias)
  local units = at_least_one(config, "units")
  return { { 1, { 0, gates * units } }, { 2, { units, gates * units } },
    option(config, "use_bias", "boolean", true) and { 3, bias } or nil }
end

-- A layer of one direction: its bias is 0 if there is none.
local function recurrent(type, config, options, gates, bias)
  for _, name in ipairs { "go_backwards", "stateful", "return_state", "time_major" } do need(config, name, false) end
  options.units = at_least_one(config, "units")
  options.return_sequences = option(config, "return_sequences", "boolean", false)
  return { { type = type, options = options, weights = recurrent_weights(config, gates, bias), bias = bias,
    arranged = function(list)
      list[3] = list[3] or core.full(0, bias)
      return arrange[type].from(list)
    end } }
end

-- Keras 3 calls another function hard_sigmoid.
function classes.LSTM(config, _, _, is_3)
  local gate = config.recurrent_activation or "sigmoid"
  if gate ~= "sigmoid" and (is_3 or gate ~= "hard_sigmoid") then
    fail("the option recurrent_activation is %s", check.show(gate))
  end
  return recurrent("LSTM", config, { gate_activation = gate, activation = activation_of(config) or "linear" }, 4,
    { 4 * at_least_one(config, "units") })
end

function classes.GRU(config)
  need(config, "activation", "tanh")
  need(config, "recurrent_activation", "sigmoid")
  if config.reset_after ~= true then fail("the option reset_after is %s", check.show(config.reset_after)) end
  return recurrent("GRU", config, {}, 3, { 2, 3 * at_least_one(config, "units") })
end

-- Raises unless the second direction is the first one the other way round.
local function check_backward(config, first)
  if config.backward_layer == nil then return end
  local inner = type(config.backward_layer) == "table" and config.backward_layer.config
  if type(inner) ~= "table" or inner.go_backwards ~= true then fail("the option backward_layer") end
  for _, name in ipairs { "units", "activation", "recurrent_activation", "use_bias", "return_sequences" } do
    if inner[name] ~= first[name] then fail("its two directions differ in the option %s", name) end
  end
end

-- The directions have their weights one after the other.
function classes.Bidirectional(config, _, _, is_3)
  need(config, "merge_mode", "concat")
  local kind = type(config.layer) == "table" and config.layer.class_name
  if kind ~= "LSTM" and kind ~= "GRU" then fail("the layer %s", check.show(kind or config.layer)) end
  local inner = check.kind("Bidirectional", "layer.config", config.layer.config, "table")
  check_backward(config, inner)
  local spec = classes[kind](inner, nil, nil, is_3)[1]
  local count, bias = #spec.weights, spec.bias
  for i = 1, count do spec.weights[count + i] = { count + i, spec.weights[i][2] } end
  spec.options.bidirectional = true
  spec.arranged = function(list)
    if count == 2 then list = { list[1], list[2], core.full(0, bias), list[3], list[4], core.full(0, bias) } end
    return arrange.bidirectional(kind).from(list)
  end
  return { spec }
end

-- ---- attention ----

function classes.MultiHeadAttention(config, _, rank)
  local heads, width = at_least_one(config, "num_heads"), at_least_one(config, "key_dim")
  need(config, "value_dim", width)
  need(config, "output_shape")
  need(config, "use_gate", false)
  need(config, "sliding_window")
  local axes = config.attention_axes
  if type(axes) == "table" and #axes == 1 then axes = axes[1] end
  if rank ~= 3 or axes ~= nil and axes ~= 1 then fail("the option attention_axes is %s", check.show(axes)) end
  local has_bias, weights = option(config, "use_bias", "boolean", true), {}
  local function add(shape) weights[#weights + 1] = { #weights + 1, shape } end
  for _ = 1, 3 do
    add { 0, heads, width }
    if has_bias then add { heads, width } end
  end
  add { heads, width, heads * width }
  if has_bias then add { heads * width } end
  return { { type = "MultiHeadAttention", options = { heads = heads, bias = has_bias }, weights = weights,
    arranged = function(list, step)
      local channels = core.size(list[1], 1)
      if channels ~= heads * width then
        fail("%s: %d heads of %d for %d channels", step.node.where, heads, width, channels)
      end
      return arrange.MultiHeadAttention.from(list)
    end } }
end

return classes
