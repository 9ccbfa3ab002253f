--- Weights from a file of Keras for a network that is there already.
local core = require "moonbow.core"
local check = require "moonbow.check"
local match = require "moonbow.exchange.keras.match"
local model_of = require "moonbow.exchange.keras.network"
local Writer = require "moonbow.exchange.keras.model_writer"

local function fail(format, ...) error(format:format(...), 0) end

-- Returns the layers with weights as { layer, paths }.
local function pairs_of(model, file)
  local in_order, paths, found = file:paths_in_order(), match(model, file), {}
  for _, layer in ipairs(model.layers) do
    if #layer.weights > 0 then found[#found + 1] = { layer, paths[layer] } end
  end
  if in_order and #in_order > #found then fail("the network has no layer for %s", in_order[#found + 1][1]) end
  if not in_order then file:check_all_taken() end
  return found
end

local function check_layer(file, layer, paths)
  for i = 1, math.max(#layer.weights, #paths) do
    local weight, path = layer.weights[i], paths[i]
    local expected = weight and check.show_shape(core.shape(weight))
    if not path then
      fail("there are no weights of shape %s for %s, in Keras %s", expected, layer.where, check.show(layer.name))
    end
    local got = check.show_shape(file:shape_of(path))
    if not weight then fail("%s has no weight for %s of shape %s", layer.where, check.show(path), got) end
    if got ~= expected then
      fail("%s, in Keras %s, takes a weight of shape %s, %s has shape %s", layer.where, check.show(layer.name),
        expected, check.show(path), got)
    end
  end
end

--- Gives a network the weights of a file. They are matched by the kinds of layers, in Keras' order, and by shape
-- (moonbow.exchange.keras.match). Raises a message without position for what does not fit, and then nothing is changed.
-- @param file from moonbow.exchange.keras.file
-- @param network layer built
return function(file, network)
  local found, all = pairs_of(model_of(network), file), {}
  for _, pair in ipairs(found) do
    check_layer(file, pair[1], pair[2])
    table.move(pair[2], 1, #pair[2], #all + 1, all)
  end
  local tensors = file:read(all)
  for _, pair in ipairs(found) do
    local list = {}
    for i, path in ipairs(pair[2]) do list[i] = tensors[path] end
    for _, given in ipairs(Writer.given_by(pair[1], list)) do core.copy_from(given[1], given[2]) end
  end
  return network
end
