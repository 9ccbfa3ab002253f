--- Convolutions and matrix products of ONNX.
local core = require "moonbow.core"
local check = require "moonbow.check"
local inputs = require "moonbow.exchange.import.inputs"
local values = require "moonbow.exchange.import.values"
local windows = require "moonbow.exchange.import.windows"

local fail, show, data = inputs.fail, inputs.show, inputs.data
local constant, vector, in_order = inputs.constant, inputs.vector, inputs.in_order

local operators = {}

function operators.Conv(import, node, x, weight, bias)
  data(x, true)
  if x.pad and x.pad.number ~= 0 then fail("padding with %g", x.pad.number) end
  local place, filters = values.spatial(x), constant(weight, "the filters")
  local dims, groups = weight.dims, node.attributes.group or 1
  if #dims ~= #x.tags then fail("filters of shape %s over %s", check.show_shape(dims), show(x)) end
  if groups < 1 or dims[1] % groups ~= 0 then fail("%d filters in %d groups", dims[1], groups) end
  if dims[2] * groups ~= x.channels then
    fail("its input has %d channels, its filters expect %d", x.channels, dims[2] * groups)
  end
  local options, length = windows.convolution(x.length,
    windows.read(node.attributes, place, x, { table.unpack(dims, 3) }))
  options.filters, options.groups, options.bias = dims[1], groups > 1 and groups or nil, bias ~= nil
  -- (out, in, kernel) to (kernel, in, out)
  local tensors = { weight = core.transpose(core.reshape(filters, dims[1], dims[2], dims[2 + place]), 1, 3),
    bias = bias and vector(bias, "the bias", dims[1]) }
  local tags = { table.unpack(x.tags) }
  tags[2], tags[2 + place] = "C", "L"
  return import:layer(node, "Conv1d", options, tensors, x, { tags = tags, length = length, channels = dims[1] })
end

-- The value that a dense layer multiplies: maps that have lost their dimension of channels are rows.
local function multiplied(import, node, x)
  data(x)
  if x.length and #x.tags == 2 and x.tags[1] == "N" then return inputs.flatten(import, node, x) end
  values.need_channels(x, #x.tags)
  return x
end

local function dense(import, node, x, weight, bias)
  local features, units = table.unpack(core.shape(weight))
  if features ~= x.channels then fail("its input has %d features, its weights expect %d", x.channels, features) end
  local tags = { table.unpack(x.tags) }
  tags[#tags] = "C"
  return import:layer(node, "Dense", { units = units, bias = bias ~= nil },
    { weight = in_order(weight, x), bias = bias and vector(bias, "the bias", units) }, x,
    { tags = tags, channels = units, order = false })
end

function operators.MatMul(import, node, x, weight)
  local matrix = constant(weight, "the matrix")
  if #weight.dims ~= 2 then fail("a matrix of shape %s", check.show_shape(weight.dims)) end
  return dense(import, node, multiplied(import, node, x), matrix)
end

function operators.Gemm(import, node, x, weight, bias)
  local attributes, matrix = node.attributes, constant(weight, "the matrix")
  if #weight.dims ~= 2 then fail("a matrix of shape %s", check.show_shape(weight.dims)) end
  if (attributes.transA or 0) ~= 0 then fail("its input is transposed") end
  if (attributes.transB or 0) ~= 0 then matrix = core.transpose(matrix, 1, 2) end
  local alpha, beta = attributes.alpha or 1, attributes.beta or 1
  if alpha ~= 1 then matrix = core.mul(matrix, core.full(alpha, { 1 })) end
  if bias and beta ~= 1 then
    bias = { dims = bias.dims, tensor = core.mul(constant(bias, "the bias"), core.full(beta, { 1 })) }
  end
  local units = core.size(matrix, 2)
  if bias and core.count(constant(bias, "the bias")) == 1 and units > 1 then
    bias = { tensor = core.add(core.reshape(bias.tensor, 1), core.full(0, { units })) }
  end
  return dense(import, node, multiplied(import, node, x), matrix, bias)
end

return operators
