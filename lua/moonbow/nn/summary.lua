--- The table that layer:summary{L, C} returns.
local core = require "moonbow.core"
local Layer = require "moonbow.nn.layer"

local function group(n)
  local text = tostring(n):reverse():gsub("%d%d%d", "%0,"):reverse():gsub("^,", "")
  return text
end

local function parameters_of(layer)
  local count = 0
  for _, entry in ipairs(layer.weights or {}) do count = count + core.count(entry.value) end
  return count
end

-- How far neighbouring outputs are apart, and how many input points one output sees.
local function widen(reach, layer)
  local options = layer.options
  local size = options.kernel or options.size
  if not size then return end
  if options.blur then reach.field = reach.field + (options.blur - 1) * reach.stride end
  reach.field = reach.field + (size - 1) * (options.dilation or 1) * reach.stride
  reach.stride = reach.stride * (options.stride or options.kernel and 1 or size)
end

local function paths_of(layer)
  local paths = {}
  layer:visit(function(part, path) paths[part] = path end)
  return paths
end

-- Layers in branches after the first are not on the path that is measured.
local function is_side_branch(layer, path)
  local part = layer
  for index in path:gmatch "%d+" do
    if part.type ~= "Sequential" and index ~= "1" then return true end
    part = part.layers[tonumber(index)]
  end
  return false
end

--- { stride, field }: the total stride and the receptive field in points before anything global, along the
-- first branch where layers branch.
function Layer.reach(layer, shape)
  local paths, reach = paths_of(layer), { stride = 1, field = 1 }
  for _, step in ipairs(layer:trace(shape)) do
    if not step.layer.layers and not is_side_branch(layer, paths[step.layer]) then widen(reach, step.layer) end
  end
  return reach
end

--- Layers, output shapes, parameters and multiply-adds of one spectrum; then the totals, the total
-- stride and the receptive field in points, taken along the first branch where layers branch.
-- @param shape of the input without batch: {L, C}
function Layer.summary(layer, shape)
  if not layer.input_shape then layer:build(shape) end
  local lines, total, total_macs = {}, 0, 0
  local reach, paths = layer:reach(shape), paths_of(layer)
  local function add(...) lines[#lines + 1] = ("%-10s %-18s %-16s %12s %14s"):format(...) end
  add("layer", "type", "output", "parameters", "multiply-adds")
  for _, step in ipairs(layer:trace(shape)) do
    local part = step.layer
    if not part.layers then
      local parameters, macs = parameters_of(part), part.macs and part:macs(step.input, step.output) or 0
      local output = { table.unpack(step.output, 2) }
      add(paths[part], part.type, table.concat(output, " x "), group(parameters), group(macs))
      total, total_macs = total + parameters, total_macs + macs
    end
  end
  lines[#lines + 1] = ("total: %s parameters, %s multiply-adds per spectrum"):format(group(total), group(total_macs))
  lines[#lines + 1] = ("total stride %d, receptive field %d points"):format(reach.stride, reach.field)
  return table.concat(lines, "\n")
end
