--- Operators of ONNX that move, join or keep values: padding, other shapes, concatenation.
local check = require "moonbow.check"
local inputs = require "moonbow.exchange.import.inputs"
local values = require "moonbow.exchange.import.values"

local fail, show, data, single = inputs.fail, inputs.show, inputs.data, inputs.single

local operators = {}

function operators.Pad(_, node, x, pads, number, axes)
  data(x)
  local attributes, rank = node.attributes, #x.tags
  if (attributes.mode or "constant") ~= "constant" then fail("padding of mode %s", check.show(attributes.mode)) end
  local list = attributes.pads or pads and pads.integers or fail("its padding is not known")
  local place = values.find(x, "L") or fail("padding of no dimension")
  local at = {}
  for i = 1, #list // 2 do
    local axis = axes and axes.integers[i] or i - 1
    at[values.dimension(axis, rank)] = { list[i], list[#list // 2 + i] }
  end
  for i, pair in pairs(at) do
    if math.type(pair[1]) ~= "integer" or math.type(pair[2]) ~= "integer" or pair[1] < 0 or pair[2] < 0
      or i ~= place and (pair[1] > 0 or pair[2] > 0) then
      fail("padding of %s and %s points in dimension %d of %s", tostring(pair[1]), tostring(pair[2]), i, show(x))
    end
  end
  local pair = at[place] or { 0, 0 }
  if pair[1] == 0 and pair[2] == 0 then return x end
  number = number and single(number) or attributes.value or 0.0
  return values.like(x, { pad = { left = pair[1], right = pair[2], number = number } })
end

function operators.Transpose(_, node, x) return values.transpose(data(x), node.attributes.perm) end

function operators.Squeeze(_, node, x, axes)
  return values.squeeze(data(x), node.attributes.axes or axes and axes.integers)
end

function operators.Unsqueeze(_, node, x, axes)
  local list = node.attributes.axes or axes and axes.integers or fail "its dimensions are not known"
  return values.unsqueeze(data(x), list)
end

function operators.Flatten(import, node, x)
  if values.dimension(node.attributes.axis or 1, #data(x).tags) ~= 2 then fail("it flattens the spectra") end
  return inputs.flatten(import, node, x)
end

-- The channels of maps in groups of neighbours, (N, groups, points), or back; nil for another shape.
local function grouped(x, list)
  if x.partial == "normalised groups" then
    if list[2] ~= x.channels or #list ~= 3 then fail("groups that become no maps again") end
    return values.like(x, {})
  end
  local groups = list[2]
  if #list ~= 3 or list[3] ~= -1 or table.concat(x.tags, " ") ~= "N C L" then return nil end
  local fits = math.type(groups) == "integer" and groups > 0 and groups < x.channels and x.channels % groups == 0
  if not fits then return nil end
  return values.like(x, { partial = "groups", groups = groups })
end

function operators.Reshape(import, node, x, shape)
  local list = shape and shape.integers or fail "its shape is not known"
  local groups = x.tags and grouped(x, list)
  if groups then return groups end
  return inputs.with_flatten(import, node, x, values.reshape(data(x), list))
end

function operators.Shape(_, _, x)
  local list = {}
  for i = 1, #data(x).tags do list[i] = values.size(x, i) end
  return { dims = { #list }, integers = list }
end

function operators.Identity(_, _, x) return x end

local real = { [1] = true, [10] = true, [11] = true, [16] = true } -- data types of ONNX: float32, 16, 64, bfloat16

-- Between real numbers; as integers, values would lose their fractions.
function operators.Cast(_, node, x)
  local to = node.attributes.to
  if inputs.is_data(x) and not real[to] then fail("a cast to the data type %s", tostring(to)) end
  return x
end

function operators.Dropout(_, _, x, _, training)
  if training and training.integers and training.integers[1] ~= 0 then fail("a dropout in training mode") end
  return x
end

-- The order of the features of several rows side by side, nil if it is moonbow's.
local function joined_order(list)
  local order, before, differs = {}, 0, false
  for _, x in ipairs(list) do
    for j = 1, x.channels do order[before + j] = before + (x.order and x.order[j] or j) end
    before, differs = before + x.channels, differs or x.order ~= nil
  end
  return differs and order or nil
end

function operators.Concat(import, node, ...)
  local list, channels = { ... }, 0
  local x = data(list[1])
  values.need_channels(x, values.dimension(node.attributes.axis or -1, #x.tags))
  for _, y in ipairs(list) do
    if table.concat(data(y).tags, " ") ~= table.concat(x.tags, " ") or y.length ~= x.length then
      fail("%s and %s side by side", show(x), show(y))
    end
    channels = channels + y.channels
  end
  return import:merge(node, "Concat", list, { channels = channels, order = joined_order(list) or false })
end

return operators
