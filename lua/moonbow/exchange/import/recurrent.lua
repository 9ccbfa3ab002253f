--- LSTM and GRU of ONNX.
local core = require "moonbow.core"
local check = require "moonbow.check"
local gates = require "moonbow.exchange.gates"
local inputs = require "moonbow.exchange.import.inputs"
local values = require "moonbow.exchange.import.values"

local fail, constant = inputs.fail, inputs.constant

local recurrent = { operators = {} }

local function is_zero(x)
  return x == nil or x.zeros or x.tensor ~= nil and core.describe(core.abs(x.tensor)).max == 0
end

-- ---- options ----

-- Names of functions of ONNX with their parameters, as moonbow calls them.
local functions = { Sigmoid = "sigmoid", Tanh = "tanh", Relu = "relu", Softplus = "softplus", Elu = "elu",
  LeakyRelu = "leaky_relu", Affine = "linear", HardSigmoid = "hard_sigmoid" }
local parameters = { Elu = { 1 }, LeakyRelu = { 0.01 }, Affine = { 1, 0 }, HardSigmoid = { 0.2, 0.5 } }

-- The names of the functions of one direction; usual: of ONNX, if the file names none.
local function functions_of(attributes, usual, directions)
  local given, found = attributes.activations or {}, {}
  local alphas, betas = { table.unpack(attributes.activation_alpha or {}) },
    { table.unpack(attributes.activation_beta or {}) }
  if #given == 0 then given = usual end
  for i, name in ipairs(given) do
    local first, expected = found[(i - 1) % #usual + 1], parameters[name] or {}
    local alpha = expected[1] and table.remove(alphas, 1) or expected[1]
    local beta = expected[2] and table.remove(betas, 1) or expected[2]
    local is_known = functions[name] and (not expected[1] or inputs.near(alpha, expected[1]))
      and (not expected[2] or inputs.near(beta, expected[2]))
    if not is_known or first and first ~= functions[name] then
      fail("the activations %s", table.concat(given, ", "))
    end
    found[(i - 1) % #usual + 1] = functions[name]
  end
  if #given ~= #usual and #given ~= directions * #usual then fail("%d activations", #given) end
  return found
end

local options_of = {}

function options_of.LSTM(attributes, directions)
  local gate, cell, output = table.unpack(functions_of(attributes, { "Sigmoid", "Tanh", "Tanh" }, directions))
  if cell ~= output then fail("an activation of the cell (%s) other than that of the output (%s)", cell, output) end
  if gate ~= "sigmoid" and gate ~= "hard_sigmoid" then fail("gates with the activation %s", gate) end
  return { activation = cell ~= "tanh" and cell or nil, gate_activation = gate ~= "sigmoid" and gate or nil }
end

function options_of.GRU(attributes, directions)
  local gate, candidate = table.unpack(functions_of(attributes, { "Sigmoid", "Tanh" }, directions))
  if gate ~= "sigmoid" or candidate ~= "tanh" then fail("the activations %s and %s", gate, candidate) end
  if (attributes.linear_before_reset or 0) ~= 1 then
    fail("a reset gate before the product with the state (linear_before_reset is 0)")
  end
  return {}
end

-- ---- inputs ----

-- Raises unless x has its dimensions in the order of the layout: length, spectra, channels, or spectra first.
local function check_input(x, layout)
  inputs.any_order(x)
  local place = layout == 1 and 2 or 1
  if #x.tags ~= 3 or not x.length then fail("a recurrence over %s", inputs.show(x)) end
  values.need_channels(x, 3)
  local is_length = x.tags[place] == "L" or x.tags[place] == "1" and x.length == 1 and not values.find(x, "L")
  if x.tags[3 - place] ~= "N" or not is_length then
    fail("a recurrence over %s; expected the %s first", inputs.show(x), layout == 1 and "spectra" or "points")
  end
end

local function check_dims(c, what, ...)
  constant(c, what)
  local expected = { ... }
  if check.show_shape(c.dims) ~= check.show_shape(expected) then
    fail("%s: expected the shape %s, got %s", what, check.show_shape(expected), check.show_shape(c.dims))
  end
end

-- The weights of a node by name, checked.
local function weights_of(kind, node, x, weight, state_weight, bias)
  local rows, direction = (weight.dims or {})[2] or 0, node.attributes.direction or "forward"
  local units, directions = rows // gates.count(kind), direction == "bidirectional" and 2 or 1
  if direction ~= "forward" and direction ~= "bidirectional" then fail("the direction %s", check.show(direction)) end
  check_dims(weight, "the weights", directions, math.max(units, 1) * gates.count(kind), x.channels)
  check_dims(state_weight, "the weights of the state", directions, rows, units)
  if bias then check_dims(bias, "the bias", directions, 2 * rows) end
  return gates.read(kind, weight.tensor, state_weight.tensor, bias and bias.tensor), units, directions
end

-- Adds a layer for all states, and one for the last ones, of which the network takes what it needs.
local function recur(kind)
  return function(import, node, x, weight, state_weight, bias, lengths, state, cell, peepholes)
    local attributes = node.attributes
    check_input(x, attributes.layout)
    import.is_recurrent = true
    if lengths then fail("a length for each spectrum") end
    if not is_zero(state) or not is_zero(cell) then fail("states that do not begin at 0") end
    if not is_zero(peepholes) then fail("gates that see the cell") end
    if attributes.clip or (attributes.input_forget or 0) ~= 0 then fail("bounds of the sums, or gates in one") end
    local tensors, units, directions = weights_of(kind, node, x, weight, state_weight, bias)
    local options = options_of[kind](attributes, directions)
    options.units, options.bidirectional = units, directions == 2 or nil
    local all = { return_sequences = true }
    for name, value in pairs(options) do all[name] = value end
    local d, u = directions == 2 and "D" or "1", directions == 2 and "U" or "C"
    local is_batch_first = attributes.layout == 1
    local last = import:layer(node, kind, options, tensors, x, { channels = directions * units, length = false,
      tags = is_batch_first and { "N", d, u } or { d, "N", u } })
    local states = import:layer(node, kind, all, tensors, x, { channels = directions * units,
      tags = is_batch_first and { "N", "L", d, u } or { "L", d, "N", u } })
    if directions == 1 then import.steps[states.step].last = last.step end
    return states, last, {} -- nothing takes the cells
  end
end

recurrent.operators.LSTM, recurrent.operators.GRU = recur "LSTM", recur "GRU"

-- ---- parts of the states ----

--- The states of the last point, or of one direction, which only join_directions takes; nil for another choice.
-- @param tag of the dimension, in which there is an entry from place on, counted from 0
-- @param tags of what is left
function recurrent.choose(import, x, tag, tags, place)
  local last = import.steps[x.step].last
  if tag == "L" and last and place == x.length - 1 then
    return values.like(x, { tags = tags, length = false, step = last })
  elseif tag == "D" then
    return values.like(x, { tags = tags, partial = "direction", place = place })
  end
end

--- Both directions, chosen one by one, side by side; nil if the list is something else.
function recurrent.join_directions(node, list)
  local one, other = list[1], list[2]
  if not (one and one.partial == "direction") then return nil end
  local axis = values.dimension(node.attributes.axis or -1, #one.tags)
  if #list ~= 2 or other.partial ~= "direction" or one.step ~= other.step or one.place ~= 0 or other.place ~= 1
    or one.tags[axis] ~= "U" or table.concat(one.tags) ~= table.concat(other.tags) then
    fail("states of directions that are not side by side")
  end
  local tags = { table.unpack(one.tags) }
  tags[axis] = "C"
  return values.like(one, { tags = tags })
end

return recurrent
