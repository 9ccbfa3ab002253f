--- Conv1dTranspose and Upsample1d as nodes of ONNX: see moonbow.exchange.layers.
local core = require "moonbow.core"
local activate = require "moonbow.exchange.activations"

local writers = {}

-- (kernel, filters, in) to (in, filters, kernel)
local function inputs_first(weight) return core.transpose(weight, 1, 3) end

-- All that the filters reach, of which a Slice cuts the ends off; "same" with short filters has points behind it.
function writers.Conv1dTranspose(graph, layer, x, where)
  local given = layer.options
  local length = layer:output_shape({ 1, x.length, x.channels })[2]
  local _, left = core.window(length, given.kernel, given.stride, given.dilation, given.padding)
  local full = (x.length - 1) * given.stride + (given.kernel - 1) * given.dilation + 1
  local inputs = { graph:channels_first(x).name, graph:weight("weight", layer.weight, inputs_first) }
  if layer.bias then inputs[3] = graph:weight("bias", layer.bias) end
  local name = graph:node("ConvTranspose", inputs, { kernel_shape = { given.kernel }, strides = { given.stride },
    dilations = { given.dilation }, output_padding = length > full and { length - full } or nil })
  local y = { name = name, length = math.max(full, length), channels = given.filters, first = true }
  if length < full then y = graph:points(y, left + 1, left + length) end
  return activate(graph, y, given.activation, nil, where)
end

local function repeat_points(graph, x, factor)
  local scales = graph:constant("scales", core.tensor { 1, 1, factor })
  local name = graph:node("Resize", { x.name, "", scales }, { mode = "nearest", nearest_mode = "floor",
    coordinate_transformation_mode = "asymmetric" })
  return graph:like(x, { name = name, length = x.length * factor })
end

-- The share that a point has of each result between its neighbours, as filters (channels, 1, K).
local function triangles(channels, factor)
  local list = {}
  for k = 0, 2 * factor - 1 - factor % 2 do
    list[k + 1] = 1 - math.abs((k - factor // 2 + 0.5) / factor - 0.5)
  end
  return core.add(core.full(0, { channels, 1, #list }), core.reshape(core.tensor(list), { 1, 1, #list }))
end

-- Each channel by a transposed convolution, since Resize of ONNX Runtime computes places in float32: of 1000 points, 3
-- for each, it is off by 3e-5. Before the first and behind the last point there is another one of its value.
local function draw_lines(graph, x, factor)
  local pads = graph:integers("pads", { 0, 0, 1, 0, 0, 1 })
  local padded = graph:node("Pad", { x.name, pads }, { mode = "edge" })
  local filters = graph:constant("filters", triangles(x.channels, factor))
  local name = graph:node("ConvTranspose", { padded, filters }, { kernel_shape = { 2 * factor - factor % 2 },
    strides = { factor }, dilations = { 1 }, group = x.channels })
  local first = factor + factor // 2
  return graph:points(graph:like(x, { name = name }), first + 1, first + factor * x.length)
end

function writers.Upsample1d(graph, layer, x)
  local upsample = layer.options.mode == "linear" and draw_lines or repeat_points
  return upsample(graph, graph:channels_first(x), layer.options.factor)
end

return writers
