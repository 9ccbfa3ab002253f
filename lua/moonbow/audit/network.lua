--- The layers of a network as the rules of an audit see them.
local elementwise = require "moonbow.elementwise"
local Layer = require "moonbow.nn.layer"

local network = {}

local MOST_NAMED = 6 -- layers of a finding, each by its path

local kinds = {
  Conv1d = "conv", Dense = "dense", MaxPool1d = "pool", AvgPool1d = "pool", BlurPool1d = "pool",
  GlobalAvgPool1d = "global", GlobalMaxPool1d = "global", Flatten = "flatten", BatchNorm1d = "norm",
  LayerNorm = "scale", GroupNorm = "scale", Dropout = "dropout", ChannelDropout = "dropout", Position = "position",
  Softmax = "activation", LogSoftmax = "activation", Activation = "activation",
}
for _, row in ipairs(elementwise) do
  if row.layer then kinds[row.layer] = "activation" end
end

local bends = { MaxPool1d = true, BlurPool1d = true, GlobalMaxPool1d = true }
local keeps_lines = { conv = true, dense = true, norm = true, pool = true, global = true, flatten = true,
  dropout = true, position = true, join = true }

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

-- Parameters and multiply-adds, while the layer has its weights.
local function weigh(step)
  local layer = step.layer
  if layer.layers then return { 0, 0 } end
  return { layer:count_parameters(), layer.macs and layer:macs(step.input, step.output) or 0 }
end

local function describe(node, weight)
  local layer, parameters, macs = node.layer, table.unpack(weight or { 0, 0 })
  local kind, activation = node.join and "join" or kinds[layer.type] or "other", activation_of(layer)
  return { layer = layer, type = layer.type, path = node.path, kind = kind, activation = activation, join = node.join,
    is_bent = node.join == "multiply" or is_bent(layer, kind, activation), input = node.input, output = node.output,
    is_side = node.is_side, options = layer.options, readers = {}, parameters = parameters, macs = macs }
end

-- The one value of which what the part makes is a linear function: of a layer that bends its own; nil for several.
local function origin_of(part)
  if part.is_bent then return part end
  local origin = part.from[1].origin
  for _, source in ipairs(part.from) do
    if source.origin ~= origin then return nil end
  end
  return origin
end

-- Adds what a part reads, what it sees, and its origin.
local function connect(part, node, part_of, reach)
  part.from, part.reach = {}, reach
  for i, source in ipairs(node.from) do
    part.from[i] = part_of[source]
    table.insert(part_of[source].readers, part)
  end
  part.origin = origin_of(part)
end

--- The layers in the order of their use, each { layer, type, path, kind ("conv", "dense", "pool", "global", "flatten",
-- "norm", "scale", "dropout", "position", "activation", "join", "other"), activation (name; false: a function), is_bent
-- (its output is not a linear function of its input), from and readers (the parts that it reads, and that read it),
-- join ("concat", "add", "multiply", of a part that makes one of several), origin (the part of whose output its own is
-- a linear function: itself if it is bent; nil if there are several), is_side (in a branch after the first), is_output,
-- reach ({ stride, field }), input and output (shapes), parameters, options, macs }; outputs, the shape of what the
-- network makes; input, the part (of kind "input") that the first layers read; and output, the part that makes the
-- (first) output. Containers are left out but for those that join.
-- @param shape { L, C }
function network.flow(model, shape)
  local weights = {}
  local steps = model:trace(shape, "audit", function(step) weights[step] = weigh(step) end)
  local wired = model:wired(steps)
  local reaches, flow, part_of = Layer.reaches(wired), {}, {}
  flow.outputs = steps[#steps].output
  flow.input = { kind = "input", readers = {}, from = {}, output = steps[#steps].input }
  flow.input.origin, part_of[wired.inputs[1]] = flow.input, flow.input
  for i, node in ipairs(wired.nodes) do
    flow[i] = describe(node, weights[node])
    part_of[node] = flow[i]
    connect(flow[i], node, part_of, reaches[node])
  end
  for _, node in ipairs(wired.outputs) do part_of[node].is_output = true end
  flow.output = part_of[wired.outputs[1]]
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

--- The layer whose activation the output of a part goes through: itself, or one behind it and behind layers of some
-- kinds alone; nil for none, and for a softmax, which mixes channels.
-- @param passed a set of kinds
function network.activated(part, passed)
  while part do
    local name = part.activation
    if name == "softmax" or name == "log_softmax" then return nil end
    if name ~= nil and name ~= "linear" then return part end
    local reader = #part.readers == 1 and not part.is_output and part.readers[1]
    part = reader and (reader.kind == "activation" or passed[reader.kind]) and reader or nil
  end
end

--- True if layers of some kinds read what a part makes, and nothing else does, and all between is linear: the part and
-- each of them are one linear map. A sum counts as linear if all that it adds are functions of one value.
-- @param absorbing a set of kinds
-- @param known? what is known of other parts
function network.is_absorbed(part, absorbing, known)
  known = known or {}
  if known[part] == nil then
    local all = #part.readers > 0 and not part.is_output
    for _, reader in ipairs(part.readers) do
      local passes = not reader.is_bent and (reader.join ~= "add" or reader.origin ~= nil)
      all = all and (absorbing[reader.kind] or passes and network.is_absorbed(reader, absorbing, known)) or false
    end
    known[part] = all
  end
  return known[part]
end

--- The layers that make rows of maps on the ways to the output, or the output: each reads maps (N, L, C) and makes
-- rows (N, features). None if the output are maps, or the input rows.
function network.row_makers(flow)
  local found, seen = {}, {}
  local function visit(part)
    if seen[part] or #part.output > 2 or part.kind == "input" then return end
    seen[part] = true
    if part.kind ~= "join" and #part.input > 2 then
      found[#found + 1] = part
      return
    end
    for _, source in ipairs(part.from) do visit(source) end
  end
  visit(flow.output)
  return found
end

local keeps_scale = { dropout = true, position = true, pool = true, activation = true, flatten = true, global = true,
  join = true }

--- The layers that get the spectra at first, behind pooling and the like: a list of { part, normed ("batch" behind a
-- batch norm alone, "other" behind another norm or its activation, nil without any) }.
function network.entries(flow)
  local found, seen = {}, {}
  local function follow(part, normed)
    for _, reader in ipairs(part.readers) do
      if reader.kind == "norm" or reader.kind == "scale" then
        follow(reader, reader.kind == "norm" and not reader.is_bent and normed ~= "other" and "batch" or "other")
      elseif keeps_scale[reader.kind] then
        follow(reader, normed)
      elseif not seen[reader] then
        seen[reader], found[#found + 1] = true, { part = reader, normed = normed }
      end
    end
  end
  follow(flow.input)
  return found
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
