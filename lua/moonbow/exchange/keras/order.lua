--- The order in which Keras lists the layers of a graph, by which its files number them and name their weights: the
-- farthest from the output first; of those equally far, in the order in which a walk from the output meets them.
-- Source: keras.src.ops.function.map_graph.

-- The number of each layer in the walk: the layer before its inputs.
local function walk(output)
  local numbers, count, stack = {}, 0, { output }
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
-- @param output the last one
return function(layers, output)
  local numbers, depths = walk(output), {}
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
