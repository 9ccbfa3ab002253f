--- The windows of RamanNet as nodes of ONNX: see moonbow.exchange.layers.
local core = require "moonbow.core"

local writers = {}

-- (1, in, out) to (out, in, 1)
local function filters_first(weight) return core.transpose(weight, 1, 3) end

-- The points of all windows side by side, as channels, of which each window is a group of a convolution.
function writers.LocallyConnected1d(graph, layer, x)
  local windows, filters, points = layer.windows, layer.options.filters, {}
  for i, point in ipairs(layer.points) do points[i] = point - 1 end
  x = graph:channels_last(x)
  local y = graph:node("Gather", { x.name, graph:integers("points", points) }, { axis = 1 })
  y = graph:node("Reshape", { y, graph:integers("side_by_side", { 0, #points * x.channels, 1 }) })
  local inputs = { y, graph:weight("weight", layer.weight, filters_first) }
  if layer.bias then inputs[3] = graph:weight("bias", layer.bias) end
  y = graph:node("Conv", inputs, { kernel_shape = { 1 }, strides = { 1 }, dilations = { 1 }, group = windows })
  y = graph:node("Reshape", { y, graph:integers("shape", { 0, windows, filters }) })
  return { name = y, length = windows, channels = filters }
end

return writers
