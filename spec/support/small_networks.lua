--- Networks whose explanations have a closed form.
local mb = require "moonbow"
local nn = mb.nn

local small_networks = {}

--- A linear network; returns it and its weights.
function small_networks.linear(points, units, seed)
  local model = nn.Sequential { nn.Flatten {}, nn.Dense { units = units } }
  model:build({ points, 1 }, mb.rng(seed or 1))
  return model, model.layers[2].weight
end

--- A network that averages the maps of one convolution: Grad-CAM has a closed form.
function small_networks.averaging(points, seed)
  local model = nn.Sequential {
    nn.Conv1d { filters = 3, kernel = 5, padding = "same", activation = "relu" }, nn.GlobalAvgPool1d {},
    nn.Dense { units = 2 },
  }
  model:build({ points, 1 }, mb.rng(seed))
  return model
end

return small_networks
