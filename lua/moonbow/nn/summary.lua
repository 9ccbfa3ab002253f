--- The table that layer:summary{L, C} returns.
local core = require "moonbow.core"
local check = require "moonbow.check"
local text_table = require "moonbow.text_table"
local Layer = require "moonbow.nn.layer"

local function group(n)
  local text = tostring(n):reverse():gsub("%d%d%d", "%0,"):reverse():gsub("^,", "")
  return text
end

-- The number of parameters of a layer that are not in seen, the set of those counted before, and true if it has any.
local function count_parameters(layer, seen)
  local count, has_any = 0, false
  for _, entry in ipairs(layer:parameters()) do
    local identity = Layer.identity(entry.value)
    if not seen[identity] then count = count + core.count(entry.value) end
    seen[identity], has_any = true, true
  end
  return count, has_any
end

-- Adds a layer to { stride: input points between neighbouring outputs, field: input points that one output sees }.
local function widen(reach, layer)
  local options = layer.options
  local size = options.kernel or options.size
  if not size then return end
  if options.blur then reach.field = reach.field + (options.blur - 1) * reach.stride end
  reach.field = reach.field + (size - 1) * (options.dilation or 1) * reach.stride
  reach.stride = reach.stride * (options.stride or options.kernel and 1 or size)
end

-- { stride, field } of what trace gave.
local function reach_of(steps)
  local reach = { stride = 1, field = 1 }
  for _, step in ipairs(steps) do
    if not step.layer.layers and not step.is_side then widen(reach, step.layer) end
  end
  return reach
end

--- The total stride and the receptive field, in points, before anything global, along the first branch where layers
-- branch.
-- @param shape? table of the input without its batch: { L, C }; that of build unless given
-- @return table { stride, field }
function Layer.reach(layer, shape)
  return reach_of(layer:trace(shape, "reach"))
end

--- Layers, output shapes, parameters and multiply-adds of one spectrum as text; then the totals, the total stride and
-- the receptive field in points, taken along the first branch where layers branch. Parameters that several places share
-- are counted in the first; a place that has no others says "shared". Weights that are not there yet are not made.
-- @param shape? table of the input without its batch: { L, C }; that of build unless given
-- @return string
-- @usage print(model:summary { 1000, 1 })
function Layer.summary(layer, shape)
  local total, total_macs, seen = 0, 0, {}
  local rows = { { "layer", "type", "output", "parameters", "multiply-adds" } }
  local steps = layer:trace(shape, "summary", function(step)
    local part = step.layer
    if part.layers then return end
    local count, has_any = count_parameters(part, seen)
    local macs, output = part.macs and part:macs(step.input, step.output) or 0, { table.unpack(step.output, 2) }
    rows[#rows + 1] = { step.path, part.type, table.concat(output, " x "),
      has_any and count == 0 and "shared" or group(count), group(macs) }
    total, total_macs = total + count, total_macs + macs
  end)
  local reach = reach_of(steps)
  return table.concat({
    text_table.format(rows, { left = 3 }),
    ("total: %s parameters, %s multiply-adds per spectrum"):format(group(total), group(total_macs)),
    ("total stride %d, receptive field %s"):format(reach.stride, check.show_count(reach.field, "point")),
  }, "\n")
end
