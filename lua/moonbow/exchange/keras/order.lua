--- The order in which Keras lists the layers of a graph, by which its files number them and name their weights: the
-- farthest from the outputs first; of those equally far, in the order in which walks from the outputs meet them.
-- Source: keras.src.ops.function.map_graph.

-- The number of each layer in the walks, from one output after the other: the layer before its inputs.
local function walk(outputs)
  local numbers, count, stack = {}, 0, {}
  for i = #outputs, 1, -1 do stack[#stack + 1] = outputs[i].layer end
  while #stack > 0 do
    local layer = table.remove(stack)
    if not numbers[layer] then
      count = count + 1
      numbers[layer] = count
      for i = #layer.inputs, 1, -1 do stack[#stack + 1] = layer.inputs[i].layer end
    end
  end
  return numbers
end

--- Sorts a list of layers { inputs = { { layer }, ... } }, each of which stands behind its inputs, in place.
-- @param outputs list of values { layer }
return function(layers, outputs)
  local numbers, depths = walk(outputs), {}
  for i = #layers, 1, -1 do
    local layer = layers[i]
    depths[layer] = depths[layer] or 0
    for _, input in ipairs(layer.inputs) do
      depths[input.layer] = math.max(depths[input.layer] or 0, depths[layer] + 1)
    end
  end
  table.sort(layers, function(a, b)
    if depths[a] ~= depths[b] then return depths[a] > depths[b] end
    return numbers[a] < numbers[b]
  end)
  return layers
end
