--- Operators of ONNX that move, join or keep values: padding, other shapes, concatenation.
local check = require "moonbow.check"
local inputs = require "moonbow.exchange.import.inputs"
local recurrent = require "moonbow.exchange.import.recurrent"
local upsampling = require "moonbow.exchange.import.upsampling"
local values = require "moonbow.exchange.import.values"

local fail, show, data, any_order = inputs.fail, inputs.show, inputs.data, inputs.any_order
local single = inputs.single

local operators = {}

-- The padding of each dimension, { before, behind }, by its number.
local function pads_of(x, list, axes)
  local count, found = axes and #axes or #x.tags, {}
  if #list ~= 2 * count then fail("%d numbers of padding for %d dimensions", #list, count) end
  for i = 1, count do
    local at = values.dimension(axes and axes[i] or i - 1, #x.tags)
    found[at] = { list[i], list[count + i] }
  end
  return found
end

function operators.Pad(_, node, x, pads, number, axes)
  data(x)
  local attributes = node.attributes
  if (attributes.mode or "constant") ~= "constant" then fail("padding of mode %s", check.show(attributes.mode)) end
  local list = attributes.pads or inputs.integers(pads, "the padding") or fail("its padding is not known")
  local place = values.find(x, "L") or fail("padding of no dimension")
  local at = pads_of(x, list, inputs.integers(axes, "the dimensions"))
  for i, pair in pairs(at) do
    if pair[1] < 0 or pair[2] < 0 or i ~= place and (pair[1] > 0 or pair[2] > 0) then
      fail("padding of %d and %d points in dimension %d of %s", pair[1], pair[2], i, show(x))
    end
  end
  local pair = at[place] or { 0, 0 }
  if pair[1] == 0 and pair[2] == 0 then return x end
  local value = number and single(number) or not number and (attributes.value or 0.0)
  if math.type(value) ~= "float" then fail("padding with what is no constant number") end
  return values.like(x, { pad = { left = pair[1], right = pair[2], number = value } })
end

function operators.Transpose(_, node, x) return values.transpose(any_order(x), node.attributes.perm) end

function operators.Squeeze(_, node, x, axes)
  return values.squeeze(any_order(x), node.attributes.axes or inputs.integers(axes, "the dimensions"))
end

function operators.Unsqueeze(_, node, x, axes)
  local list = node.attributes.axes or inputs.integers(axes, "the dimensions") or fail "its dimensions are not known"
  return values.unsqueeze(any_order(x), list)
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
  return inputs.with_flatten(import, node, x, values.reshape(any_order(x), list))
end

function operators.Shape(_, node, x)
  local list, rank = {}, #any_order(x).tags
  local function place(given, default)
    given = given or default
    return math.max(0, math.min(rank, given < 0 and given + rank or given))
  end
  for i = place(node.attributes.start, 0) + 1, place(node.attributes["end"], rank) do
    list[#list + 1] = values.size(x, i)
  end
  return { dims = { #list }, integers = list }
end

-- Zeros, the first states of recurrent layers, in any shape.
function operators.Expand(_, _, x)
  if not (x.zeros or single(x) == 0) then fail("values that are repeated") end
  return { zeros = true }
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
  local mode = inputs.integers(training, "the training mode") or { 0 }
  if mode[1] ~= 0 then fail("a dropout in training mode") end
  return x
end

-- The order of the features of several rows side by side, nil if it is moonbow's.
local function joined_order(list)
  local order, count, differs = {}, 0, false
  for _, x in ipairs(list) do count, differs = count + x.channels, differs or x.order ~= nil end
  if not differs then return nil end
  values.check_features(count)
  for _, x in ipairs(list) do
    local before = #order
    for j = 1, x.channels do order[before + j] = before + (x.order and x.order[j] or j) end
  end
  return order
end

function operators.Concat(import, node, ...)
  local list, channels = { ... }, 0
  local both = recurrent.join_directions(node, list)
  if both then return both end
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

-- One entry of a dimension of 1, a direction of states, or the last point of states.
function operators.Gather(import, node, x, at)
  local axis = values.dimension(node.attributes.axis or 0, #any_order(x).tags)
  local place = #inputs.integers(at, "the entry") == 1 and #at.dims == 0 and at.integers[1]
  local size = values.size(x, axis)
  if not place or size == "batch" then fail("a choice of several entries") end
  place = place < 0 and place + size or place
  if place < 0 or place >= size then fail("entry %d of a dimension of %d", place, size) end
  local tags = { table.unpack(x.tags) }
  local tag = table.remove(tags, axis)
  if size == 1 and tag ~= "N" then return values.like(x, { tags = tags, length = tag ~= "L" and x.length }) end
  return recurrent.choose(import, x, tag, tags, place) or fail("entry %d of the dimension %s", place, tag)
end

-- Zeros, or what is cut off the ends of a transposed convolution.
function operators.Slice(import, node, x, first, last, axes, steps)
  if x.zeros then return x end
  local axis = axes and axes.integers or { 0 }
  local from, to = first.integers or {}, last and last.integers or {}
  any_order(x)
  if #axis ~= 1 or #from ~= 1 or #to ~= 1 or steps and (steps.integers or {})[1] ~= 1
    or x.tags[values.dimension(axis[1], #x.tags)] ~= "L" then
    fail("a part of %s that no layer of moonbow takes", show(x))
  end
  local function place(given)
    if math.type(given) ~= "integer" then fail("a place that is not known") end
    return math.max(0, math.min(x.length, given < 0 and given + x.length or given))
  end
  return upsampling.cut(import, node, x, place(from[1]), place(to[1]))
end

return operators
