--- Sums, factors and the parts of a GELU in graphs of ONNX.
local core = require "moonbow.core"
local check = require "moonbow.check"
local inputs = require "moonbow.exchange.import.inputs"
local squeeze_excite = require "moonbow.exchange.import.squeeze_excite"
local values = require "moonbow.exchange.import.values"

local fail, show, data, is_data = inputs.fail, inputs.show, inputs.data, inputs.is_data
local in_order, single, near = inputs.in_order, inputs.single, inputs.near

local operators = {}

-- A constant as a number of each channel; nil if it differs along another dimension, or adds one.
local function per_channel(x, c)
  local dims, count = c.dims, core.count(c.tensor)
  if #dims > #x.tags then return nil end
  if count == 1 then return core.add(core.reshape(c.tensor, 1), core.full(0, { x.channels })) end
  for i, size in ipairs(dims) do
    local at = #x.tags - #dims + i
    if size ~= 1 and not (at > 1 and values.has_channels(x, at) and size == x.channels) then return nil end
  end
  return count == x.channels and in_order(core.reshape(c.tensor, x.channels), x) or nil
end

-- A channel-wise change of x, scale x + shift, which only a batch norm with fixed statistics can say.
local function affine(import, node, x, scale, shift)
  return import:layer(node, "Affine", {}, { scale = scale, shift = shift }, x, {})
end

local function constants_of(import, node, x, c)
  if not c.tensor then fail("its second input is not known") end
  import:make(data(x).channels)
  return per_channel(x, c) or fail("%s of a constant of shape %s, which is no number of each channel of %s",
    node.operator, check.show_shape(c.dims), show(x))
end

-- Steps of the expression x / 2 (1 + erf(x / sqrt 2)): partial = { is, x }.
local function part_of_gelu(x, is, of) return values.like(x, { partial = is, of = of }) end

local function same_order(x, y)
  for j = 1, (x.order or y.order) and x.channels or 0 do
    if (x.order and x.order[j] or j) ~= (y.order and y.order[j] or j) then return false end
  end
  return true
end

-- A sum ("Residual") or product of two branches.
local function joined(import, node, type, x, y)
  local what = type == "Residual" and "sum" or "product"
  if table.concat(x.tags, " ") ~= table.concat(y.tags, " ") or x.length ~= y.length or x.channels ~= y.channels then
    fail("a %s of %s and %s, of length %s and %s with %d and %d channels", what, show(x), show(y), tostring(x.length),
      tostring(y.length), x.channels, y.channels)
  end
  if not same_order(x, y) then fail("a %s of features in different orders", what) end
  return import:merge(node, type, { x, y }, {})
end

function operators.Add(import, node, x, y)
  if is_data(y) and not is_data(x) then x, y = y, x end
  if x and x.partial == "erf" and near(single(y), 1) then return part_of_gelu(x, "gate", x.of) end
  if is_data(y) then return joined(import, node, "Residual", data(x), data(y)) end
  return affine(import, node, x, nil, constants_of(import, node, x, y))
end

function operators.Sub(import, node, x, y)
  if is_data(x) and is_data(y) and y.mean_of == x.step then return values.like(x, { partial = "centred" }) end
  if not is_data(x) or is_data(y) then fail("a difference that is no layer of moonbow") end
  return affine(import, node, x, nil, core.neg(constants_of(import, node, x, y)))
end

-- True if a constant has the numbers of a list.
local function are_near(tensor, list)
  if core.count(tensor) ~= #list then return false end
  for i, value in ipairs(core.totable(core.reshape(tensor, #list))) do
    if not near(value, list[i]) then return false end
  end
  return true
end

local function is_gate(x, y) return y.partial == "gate" and y.of.step == x.step end

-- Maps times a number of each channel and spectrum: a SqueezeExcite.
local function gate(import, node, x, y)
  if not x.length then x, y = y, x end
  local options, tensors
  if x.length and not y.length and #x.tags == #y.tags then
    options, tensors = squeeze_excite(import.steps, x.step, y.step)
  end
  for i in ipairs(options and x.tags or {}) do
    if values.has_channels(x, i) ~= values.has_channels(y, i) and x.channels > 1 then
      fail("a product of %s and %s", show(x), show(y))
    end
  end
  if not options then fail("a product of two branches that is no SqueezeExcite") end
  return import:layer(node, "SqueezeExcite", options, tensors, x, {})
end

function operators.Mul(import, node, x, y)
  if is_data(y) and (not is_data(x) or x.partial) then x, y = y, x end
  if is_data(y) then
    if is_gate(x, y) then return part_of_gelu(x, "twice", y.of) end
    if x.half_of and y.partial == "gate" and y.of.step == x.half_of.step then
      return import:layer(node, "GELU", {}, {}, y.of, {})
    end
    if data(x).length and data(y).length or not (x.length or y.length) then
      return joined(import, node, "Product", x, y)
    end
    return gate(import, node, x, y)
  end
  if x and x.partial == "shares" and y.tensor then
    if not are_near(y.tensor, x.shares) then fail("a mean in which padded points count") end
    return values.like(x, {})
  end
  local factor = single(y)
  if x.partial == "twice" and near(factor, 0.5) then return import:layer(node, "GELU", {}, {}, x.of, {}) end
  local scaled = affine(import, node, x, constants_of(import, node, x, y))
  if near(factor, math.sqrt(0.5)) then scaled.before_erf = x end
  if near(factor, 0.5) then scaled.half_of = x end
  return scaled
end

function operators.Div(import, node, x, y)
  if not is_data(x) or is_data(y) then fail("a quotient that is no layer of moonbow") end
  local divisor = constants_of(import, node, x, y)
  local scaled = affine(import, node, x, core.div(core.full(1, { x.channels }), divisor))
  if near(single(y), math.sqrt(2)) then scaled.before_erf = x end
  return scaled
end

function operators.Erf(_, _, x)
  if not (x and x.before_erf) then fail("an erf that is no part of a GELU") end
  return part_of_gelu(x.before_erf, "erf", x.before_erf)
end

return operators
