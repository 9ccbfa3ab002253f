--- Weights that Keras holds in other tensors than moonbow: to(layer, prefix) gives Keras' list, from(list) moonbow's by
-- name. prefix: of the names of one direction of a recurrence.
local core = require "moonbow.core"

local arrange = {}

-- ---- recurrence ----

arrange.LSTM = {
  to = function(layer, prefix)
    return { layer[prefix .. "weight"], layer[prefix .. "recurrent_weight"], layer[prefix .. "bias"] }
  end,
  from = function(list) return { weight = list[1], recurrent_weight = list[2], bias = list[3] } end,
}

local function part(x, first, count) return core.slice(x, core.rank(x), first, count) end

-- Keras has a second bias, of the product with the state. moonbow has that of the candidate alone: those of the gates
-- are added to the first.
arrange.GRU = {
  to = function(layer, prefix)
    local bias, candidate = layer[prefix .. "bias"], layer[prefix .. "recurrent_bias"]
    local units = core.count(candidate)
    local second = core.concat({ core.full(0, { 2 * units }), candidate }, 1)
    return { layer[prefix .. "weight"], layer[prefix .. "recurrent_weight"],
      core.concat({ core.reshape(bias, { 1, 3 * units }), core.reshape(second, { 1, 3 * units }) }, 1) }
  end,
  from = function(list)
    local both, units = list[3], core.size(list[3], 2) // 3
    local first, second = core.row(both, 1), core.row(both, 2)
    local gates = core.add(part(first, 1, 2 * units), part(second, 1, 2 * units))
    return { weight = list[1], recurrent_weight = list[2],
      bias = core.concat({ gates, part(first, 2 * units + 1, units) }, 1),
      recurrent_bias = part(second, 2 * units + 1, units) }
  end,
}

--- The weights of both directions of a recurrence, one after the other.
-- @param kind "LSTM" or "GRU"
function arrange.bidirectional(kind)
  local one = arrange[kind]
  return {
    to = function(layer)
      local list, reverse = one.to(layer, ""), one.to(layer, "reverse_")
      table.move(reverse, 1, #reverse, #list + 1, list)
      return list
    end,
    from = function(list)
      local count = #list // 2
      local tensors = one.from { table.unpack(list, 1, count) }
      for name, tensor in pairs(one.from { table.unpack(list, count + 1) }) do tensors["reverse_" .. name] = tensor end
      return tensors
    end,
  }
end

-- ---- attention ----

-- Queries, keys and values are one product in moonbow, three of (C, heads, C / heads) in Keras.
arrange.MultiHeadAttention = {
  to = function(layer)
    local heads, channels, list = layer.options.heads, core.size(layer.weight, 1), {}
    local width = channels // heads
    for i = 0, 2 do
      list[#list + 1] = core.reshape(part(layer.weight, i * channels + 1, channels), { channels, heads, width })
      if layer.bias then
        list[#list + 1] = core.reshape(part(layer.bias, i * channels + 1, channels), { heads, width })
      end
    end
    list[#list + 1] = core.reshape(layer.output_weight, { heads, width, channels })
    list[#list + 1] = layer.output_bias
    return list
  end,
  from = function(list)
    local step, channels = #list // 4, core.size(list[1], 1) -- 2 with biases
    local function joined(first, shape)
      local three = {}
      for i = 0, 2 do three[i + 1] = core.reshape(list[i * step + first], shape) end
      return core.concat(three, #shape)
    end
    return { weight = joined(1, { channels, channels }), bias = step == 2 and joined(2, { channels }) or nil,
      output_weight = core.reshape(list[3 * step + 1], { channels, channels }),
      output_bias = step == 2 and list[8] or nil }
  end,
}

return arrange
