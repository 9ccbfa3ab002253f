--- The weights of LSTM and GRU as ONNX has them: gates below each other in its order, (directions, gates U, C), and the
-- biases of the input and of the state in one.
local core = require "moonbow.core"

local gates = {}

-- Where ONNX's gates (LSTM: input, output, forget, cell; GRU: update, reset, candidate) stand in moonbow's order, and
-- the other way round.
local there = { LSTM = { 1, 4, 2, 3 }, GRU = { 1, 2, 3 } }
local back = { LSTM = { 1, 3, 4, 2 }, GRU = { 1, 2, 3 } }

-- Gates along the last dimension, in another order.
local function reorder(tensor, order)
  local dimension, parts = core.rank(tensor), {}
  local units = core.size(tensor, dimension) // #order
  for i, gate in ipairs(order) do parts[i] = core.slice(tensor, dimension, (gate - 1) * units + 1, units) end
  return core.concat(parts, dimension)
end

--- The number of gates of a kind, "LSTM" or "GRU".
function gates.count(kind) return #there[kind] end

--- The beginnings of the names of weights, for each direction of a layer.
function gates.prefixes(is_bidirectional) return is_bidirectional and { "", "reverse_" } or { "" } end

-- What of(prefix) gives for each direction, as (directions, ...).
local function stacked(layer, of)
  local parts = {}
  for i, prefix in ipairs(gates.prefixes(layer.options.bidirectional)) do
    local part = of(prefix)
    parts[i] = core.reshape(part, { 1, table.unpack(core.shape(part)) })
  end
  return core.concat(parts, 1)
end

local function matrices(name)
  return function(layer)
    return stacked(layer, function(prefix)
      return core.transpose(reorder(layer[prefix .. name], there[layer.type]), 1, 2)
    end)
  end
end

--- The weights of the input, and of the state, of a layer.
gates.weight, gates.recurrent_weight = matrices "weight", matrices "recurrent_weight"

--- The biases of a layer. Those of the state are 0, but that of a GRU's candidate.
function gates.bias(layer)
  return stacked(layer, function(prefix)
    local bias, product = layer[prefix .. "bias"], layer[prefix .. "recurrent_bias"]
    local zeros = core.full(0, { core.size(bias, 1) - (product and core.size(product, 1) or 0) })
    return core.concat({ reorder(bias, there[layer.type]), zeros, product }, 1)
  end)
end

local function are_zero(tensor) return core.describe(core.abs(tensor)).max == 0 end

-- The bias, and that of a GRU's candidate, of a row (2 gates U) of biases of ONNX.
local function read_bias(kind, row)
  local count = core.count(row) // 2
  local units = count // gates.count(kind)
  local of_input, of_state = core.slice(row, 1, 1, count), core.slice(row, 1, count + 1, count)
  local candidate
  if kind == "GRU" then
    candidate, of_state = core.slice(of_state, 1, 2 * units + 1, units), core.slice(of_state, 1, 1, 2 * units)
    if not are_zero(of_state) then
      of_input = core.add(of_input, core.concat({ of_state, core.full(0, { units }) }, 1))
    end
  elseif not are_zero(of_state) then
    of_input = core.add(of_input, of_state)
  end
  return reorder(of_input, back[kind]), candidate
end

--- The weights of a layer by name, from tensors of ONNX: (directions, gates U, C), (directions, gates U, U) and, nil
-- for zeros, (directions, 2 gates U).
function gates.read(kind, weight, recurrent_weight, bias)
  local tensors, directions, rows = {}, core.size(weight, 1), core.size(weight, 2)
  bias = bias or core.full(0, { directions, 2 * rows })
  for i, prefix in ipairs(gates.prefixes(directions == 2)) do
    local function matrix(stack) return reorder(core.transpose(core.row(stack, i), 1, 2), back[kind]) end
    tensors[prefix .. "weight"], tensors[prefix .. "recurrent_weight"] = matrix(weight), matrix(recurrent_weight)
    tensors[prefix .. "bias"], tensors[prefix .. "recurrent_bias"] = read_bias(kind, core.row(bias, i))
  end
  return tensors
end

return gates
