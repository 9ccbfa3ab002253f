--- Pooling and reductions of ONNX.
local inputs = require "moonbow.exchange.import.inputs"
local values = require "moonbow.exchange.import.values"
local windows = require "moonbow.exchange.import.windows"

local fail, data = inputs.fail, inputs.data

local operators = {}

local function pool(type, padding_number)
  return function(import, node, x)
    data(x, true)
    if x.pad and x.pad.number ~= padding_number then fail("padding with %g", x.pad.number) end
    local place, attributes = values.spatial(x), node.attributes
    local w = windows.read(attributes, place, x)
    local counts = type == "AvgPool1d" and w.left + w.right > 0
      and (x.pad or (attributes.count_include_pad or 0) ~= 0)
    local list, length = windows.pooling(x.length, w, (attributes.ceil_mode or 0) ~= 0)
    local shares = counts and windows.shares(x.length, w, length) or nil
    local tags = { table.unpack(x.tags) }
    tags[2], tags[2 + place] = "C", "L"
    for i, options in ipairs(list) do
      x = import:layer(node, type, options, {}, x, { tags = tags, length = i == #list and length or x.length })
    end
    -- Padded points count in the mean, unless what follows takes them out again.
    return shares and values.like(x, { partial = "shares", shares = shares, made_by = node.where }) or x
  end
end

operators.MaxPool, operators.AveragePool = pool("MaxPool1d", -math.huge), pool("AvgPool1d", 0)

-- The rows that a pooling over the length makes; tags: of its output.
local function rows_behind(import, node, type, x, tags)
  return import:layer(node, type, {}, {}, x, { tags = tags, length = false })
end

local function global_pool(type)
  return function(import, node, x)
    data(x)
    values.spatial(x)
    local tags = { "N", "C" }
    for i = 3, #x.tags do tags[i] = "1" end
    return rows_behind(import, node, type, x, tags)
  end
end

operators.GlobalAveragePool, operators.GlobalMaxPool = global_pool "GlobalAvgPool1d", global_pool "GlobalMaxPool1d"

-- The dimensions that a reduction takes, as a set.
local function reduced(node, x, axes)
  local set, list = {}, node.attributes.axes or inputs.integers(axes, "the dimensions")
    or fail("a reduction of all dimensions")
  for _, axis in ipairs(list) do set[values.dimension(axis, #x.tags)] = true end
  return set
end

local function reduction(type)
  return function(import, node, x, axes)
    if not (x and x.partial == "centred") then data(x) end
    local set, tags, takes_length = reduced(node, x, axes), {}, false
    if type == "GlobalAvgPool1d" and set[#x.tags] and next(set, next(set)) == nil and x.tags[#x.tags] == "C" then
      return values.like(x, { mean_of = x.step, partial = "mean" })
    end
    data(x)
    for i, tag in ipairs(x.tags) do
      if set[i] and (tag == "N" or tag == "C") then fail("a reduction over the dimension %s", tag) end
      takes_length = takes_length or set[i] and (tag == "L" or tag == "1")
      if not set[i] then
        tags[#tags + 1] = tag
      elseif (node.attributes.keepdims or 1) ~= 0 then
        tags[#tags + 1] = "1"
      end
    end
    if not x.length or not (set[values.find(x, "L") or 0] or x.length == 1 and takes_length) then
      fail("a reduction that is not over the length")
    end
    return rows_behind(import, node, type, x, tags)
  end
end

operators.ReduceMean, operators.ReduceMax = reduction "GlobalAvgPool1d", reduction "GlobalMaxPool1d"

return operators
