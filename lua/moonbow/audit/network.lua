--- The layers of a network as the rules of an audit see them.
local elementwise = require "moonbow.elementwise"

local network = {}

local MOST_NAMED = 6 -- layers of a finding, each by its path

local kinds = {
  Conv1d = "conv", Dense = "dense", MaxPool1d = "pool", AvgPool1d = "pool", BlurPool1d = "pool",
  GlobalAvgPool1d = "global", GlobalMaxPool1d = "global", Flatten = "flatten", BatchNorm1d = "norm",
  LayerNorm = "scale", GroupNorm = "scale", Dropout = "dropout", ChannelDropout = "dropout", Position = "position",
  Softmax = "activation", LogSoftmax = "activation", Activation = "activation", Residual = "sum",
}
for _, row in ipairs(elementwise) do
  if row.layer then kinds[row.layer] = "activation" end
end

local bends = { MaxPool1d = true, BlurPool1d = true, GlobalMaxPool1d = true }
local keeps_lines = { conv = true, dense = true, norm = true, pool = true, global = true, flatten = true,
  dropout = true, position = true, sum = true }

-- The name of the activation that a layer applies: its own, or that of its option; false for a user's function.
local function activation_of(layer)
  if layer.type == "Activation" then return layer.options.name end
  if layer.type == "Softmax" then return "softmax" end
  if layer.type == "LogSoftmax" then return "log_softmax" end
  for _, row in ipairs(elementwise) do
    if row.layer == layer.type then return row[1] end
  end
  local given = layer.options.activation
  if type(given) == "function" then return false end
  return given ~= "linear" and given or nil
end

-- Whether the output is more than a linear function of the input; layers that are not known count as such.
local function is_bent(layer, kind, activation)
  if activation == "linear" then return false end
  if activation ~= nil or bends[layer.type] then return true end
  return not keeps_lines[kind]
end

local function describe(step)
  local layer = step.layer
  local kind, activation = kinds[layer.type] or "other", activation_of(layer)
  return { layer = layer, type = layer.type, path = step.path, kind = kind, activation = activation,
    is_bent = is_bent(layer, kind, activation), is_side = step.is_side, input = step.input,
    output = step.output, parameters = layer.layers and 0 or layer:count_parameters(), options = layer.options,
    macs = not layer.layers and layer.macs and layer:macs(step.input, step.output) or 0 }
end

-- True if a Graph multiplies what two of its nodes make: no linear function, and no layer.
local function multiplies(model)
  local found = false
  model:visit(function(part)
    for _, node in ipairs(part.type == "Graph" and part.nodes or {}) do found = found or node.join == "multiply" end
  end)
  return found
end

--- The layers in the order of their use, each { layer, type, path, kind ("conv", "dense", "pool", "global", "flatten",
-- "norm", "scale", "dropout", "position", "activation", "sum", "other"), activation (name; false: a function), is_bent
-- (its output is not a linear function of its input), is_side (in a branch after the first), input and output (shapes),
-- parameters, options, macs }; outputs, the shape of what the network makes; and multiplies. Residual containers stand
-- behind their parts, for their sum; other containers are left out.
-- @param shape { L, C }
function network.flow(model, shape)
  local flow = { multiplies = multiplies(model) }
  model:trace(shape, "audit", function(step)
    flow.outputs = step.output -- at last those of the model
    if step.layer.layers and step.layer.type ~= "Residual" then return end
    flow[#flow + 1] = describe(step)
  end)
  return flow
end

--- Those of the layers that are of some kinds: a set of kinds.
function network.of(flow, wanted)
  local found = {}
  for _, part in ipairs(flow) do
    if wanted[part.kind] then found[#found + 1] = part end
  end
  return found
end

--- True if something between two places of the flow, the first included and the last not, bends.
function network.bends_between(flow, first, last)
  if flow.multiplies then return true end
  for i = first, last - 1 do
    if flow[i].is_bent then return true end
  end
  return false
end

--- "layer 3 (MaxPool1d)"; "layers 3 and 6 (MaxPool1d)".
function network.name(parts)
  local paths, types, seen = {}, {}, {}
  for i, part in ipairs(parts) do
    paths[i] = part.path == "" and "1" or part.path
    if not seen[part.type] then seen[part.type], types[#types + 1] = true, part.type end
  end
  local last, kinds_found = paths[#paths], table.concat(types, ", ")
  if #paths == 1 then return ("layer %s (%s)"):format(last, kinds_found) end
  if #paths > MOST_NAMED then return ("%d layers from %s to %s (%s)"):format(#paths, paths[1], last, kinds_found) end
  return ("layers %s and %s (%s)"):format(table.concat(paths, ", ", 1, #paths - 1), last, kinds_found)
end

--- "18.8 million", "105,664".
function network.count(n)
  if n >= 1e6 then return ("%.3g million"):format(n / 1e6) end
  return (("%d"):format(n):reverse():gsub("%d%d%d", "%0,"):reverse():gsub("^,", ""))
end

return network
