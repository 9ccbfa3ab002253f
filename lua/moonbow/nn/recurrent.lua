--- LSTM and GRU: recurrence along the length.
local core = require "moonbow.core"
local ops = require "moonbow.ops"
local activations = require "moonbow.nn.activations"
local check = require "moonbow.check"
local initializers = require "moonbow.nn.initializers"
local inputs = require "moonbow.nn.inputs"
local lstm_steps = require "moonbow.nn.lstm_steps"
local Layer = require "moonbow.nn.layer"

local layers = {}

local any_initializer = "string|number|function"

local function options(more)
  local rules = {
    units = check.required "positive integer", return_sequences = false, bidirectional = false,
    initializer = check.default("glorot_uniform", any_initializer),
    recurrent_initializer = check.default("lecun_normal", any_initializer),
  }
  for name, rule in pairs(more or {}) do rules[name] = rule end
  return rules
end

local function read(layer, given)
  initializers.check(layer.type, "initializer", given.initializer)
  initializers.check(layer.type, "recurrent_initializer", given.recurrent_initializer)
end

-- Directions begin with the prefixes of the names of their weights.
local function directions(layer) return layer.options.bidirectional and { "", "reverse_" } or { "" } end

-- Makes the weights that both kinds have, gates side by side; bias(units): the initial values of the bias.
local function make(layer, shape, rng, gates, bias)
  local given, units, channels = layer.options, layer.options.units, shape[3]
  for _, prefix in ipairs(directions(layer)) do
    layer:add_parameter(prefix .. "weight", given.initializer, rng, { channels, gates * units }, channels, units)
    layer:add_parameter(prefix .. "recurrent_weight", given.recurrent_initializer, rng, { units, gates * units }, units,
      units)
    layer:add_parameter(prefix .. "bias", bias, rng, { gates * units }, channels, units)
  end
end

-- x (L, N, C) with the steps in the reverse order.
local function reversed(x)
  local steps, length = {}, core.size(x, 1)
  for t = 1, length do steps[t] = length + 1 - t end
  return ops.index(x, steps)
end

-- The states of x (L, N, C), by the kernel, or step by step for other activations.
local function states_of(layer, x, prefix)
  local W, b, R = layer[prefix .. "weight"], layer[prefix .. "bias"], layer[prefix .. "recurrent_weight"]
  if layer.activate then return lstm_steps.run(x, W, b, R, layer.options.gate_activation, layer.activate) end
  return ops.recurrent(layer.type:lower(), x, W, b, R, layer[prefix .. "recurrent_bias"])
end

-- The states of one direction, (N, L, U) or of the last step (N, U).
local function run_direction(layer, x, prefix)
  local is_reverse = prefix ~= ""
  local states = states_of(layer, is_reverse and reversed(x) or x, prefix)
  if layer.options.return_sequences then return ops.transpose(is_reverse and reversed(states) or states, 1, 2) end
  return ops.reshape(ops.narrow(states, core.size(states, 1), 1), core.size(states, 2), core.size(states, 3))
end

local function forward(layer, x)
  inputs.check_map(layer, x, core.size(layer.weight, 1))
  local by_time, outputs = ops.transpose(x, 1, 2), {}
  for i, prefix in ipairs(directions(layer)) do outputs[i] = run_direction(layer, by_time, prefix) end
  return #outputs == 1 and outputs[1] or ops.concat(outputs, core.rank(outputs[1]))
end

local function output_shape(layer, shape)
  local given = layer.options
  inputs.check_shape(layer, shape, 3)
  if layer.made then inputs.check_channels(layer, shape[3], core.size(layer.weight, 1), "channels") end
  local width = given.units * (given.bidirectional and 2 or 1)
  return given.return_sequences and { shape[1], shape[2], width } or { shape[1], width }
end

local function macs(layer, input)
  return input[2] * #directions(layer) * (core.count(layer.weight) + core.count(layer.recurrent_weight))
end

-- The forget gate begins open: Jozefowicz et al. 2015.
local function open_forget_gate(_, shape)
  local units = shape[1] // 4
  return core.concat({ core.full(0, { units }), core.full(1, { units }), core.full(0, { 2 * units }) }, 1)
end

--- Long short-term memory along L: (N, L, C) to (N, units), the state after the last point. The state begins at 0.
-- Points come one after the other, so that time grows with L however many threads there are: rows of the batch share
-- them. The weights, (C, 4 units) and (units, 4 units), have the order of Keras: input, forget, cell, output; the bias
-- of the forget gate begins at 1. Training keeps 6 units numbers of each point. Source: Hochreiter and Schmidhuber
-- 1997, with forget gates (Gers et al. 2000).
-- @option units the size of the state
-- @option return_sequences true: the states of all points, (N, L, units)
-- @option bidirectional true: a second one, with weights of its own, takes the points from the last to the first; the
--   states of both are side by side, 2 units
-- @option initializer of the weight of the input: a name of mb.nn.initializers, a number, or a function(rng, shape,
--   fan_in, fan_out) that returns a tensor
-- @option recurrent_initializer of the weight of the state, likewise
-- @option activation of the cell and the output: a name of mb.nn.activations. Others than "tanh" are computed step by
--   step, by operations
-- @option gate_activation of the gates: "sigmoid", or "hard_sigmoid", 0.2 x + 0.5 between 0 and 1, as in old models of
--   Keras, step by step, too
-- @return layer
-- @usage local layer = nn.LSTM { units = 32, bidirectional = true }
layers.LSTM = Layer.class("LSTM", options { activation = check.default("tanh", "string"),
  gate_activation = check.one_of("sigmoid", { "sigmoid", "hard_sigmoid" }) }, {
  forward = forward, output_shape = output_shape, macs = macs, sees_all = true,
  make = function(layer, shape, rng) make(layer, shape, rng, 4, open_forget_gate) end,
}, function(layer, given)
  read(layer, given)
  local activate = activations.find("LSTM", given.activation)
  if given.activation ~= "tanh" or given.gate_activation ~= "sigmoid" then layer.activate = activate end
end)

--- Gated recurrent units along L: (N, L, C) to (N, units), the state after the last point; as LSTM, with three gates
-- instead of four and no cell. The weights, (C, 3 units) and (units, 3 units), have the order of Keras: update, reset,
-- candidate. The reset gate multiplies the product of the state, with a bias of its own, as Keras' reset_after, cuDNN
-- and PyTorch do. Training keeps 5 units numbers of each point. Source: Cho et al. 2014, arXiv 1406.1078.
-- @option units the size of the state
-- @option return_sequences true: the states of all points, (N, L, units)
-- @option bidirectional true: a second one, with weights of its own, takes the points from the last to the first; the
--   states of both are side by side, 2 units
-- @option initializer of the weight of the input: a name of mb.nn.initializers, a number, or a function(rng, shape,
--   fan_in, fan_out) that returns a tensor
-- @option recurrent_initializer of the weight of the state, likewise
-- @return layer
-- @usage local layer = nn.GRU { units = 32, return_sequences = true }
layers.GRU = Layer.class("GRU", options(), {
  forward = forward, output_shape = output_shape, macs = macs, sees_all = true,
  make = function(layer, shape, rng)
    make(layer, shape, rng, 3, "zeros")
    for _, prefix in ipairs(directions(layer)) do
      layer:add_parameter(prefix .. "recurrent_bias", "zeros", rng, { layer.options.units }, shape[3],
        layer.options.units)
    end
  end,
}, read)

return layers
