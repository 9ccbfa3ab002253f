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

-- The points by which windows of the input begin before it, so that they are as its layer pads.
local function padded_before(input, size, stride, dilation, padding)
  return select(2, core.window(input[2], size, stride, dilation, padding))
end

-- How far the centre of the first window lies behind the first point of its input.
local function shift_of(layer, input)
  local options = layer.options
  if options.blur then
    local of_pool = (options.size - 1) / 2 - padded_before(input, options.size, 1, 1, "same")
    return of_pool + (options.blur - 1) / 2 - padded_before(input, 2, options.stride, 1, "same")
  end
  local size, dilation = options.kernel or options.size, options.dilation or 1
  return (size - 1) * dilation / 2 - padded_before(input, size, options.stride or 1, dilation, options.padding)
end

-- Adds a layer to { stride: input points between neighbouring outputs, field: input points that one output sees,
-- centre: the point, from 1, in the middle of what the first output sees }.
local function widen(reach, layer, input)
  local options = layer.options
  if layer.upsampling then
    local seen, factor, shift = layer:upsampling(input)
    reach.centre = reach.centre + shift * reach.stride
    reach.field = reach.field + (seen - 1) * reach.stride
    reach.stride = reach.stride / factor
    return
  end
  if layer.sees_all then
    reach.field = reach.field + (input[2] - 1) * reach.stride
    return
  end
  local size = options.kernel or options.size
  if not size then return end
  reach.centre = reach.centre + shift_of(layer, input) * reach.stride
  if options.blur then reach.field = reach.field + (options.blur - 1) * reach.stride end
  reach.field = reach.field + (size - 1) * (options.dilation or 1) * reach.stride
  reach.stride = reach.stride * (options.stride or options.kernel and 1 or size)
end

-- True for a layer of which widen knows the places of its outputs: windows, or one output for each point.
local function is_placed(step)
  local options = step.layer.options
  return step.layer.upsampling or options.kernel or options.size or step.input[2] == step.output[2]
end

-- What a value sees that is joined of several: the stride of the first; the widest field, from the first to the last
-- point that any of them sees where they stand side by side as maps.
local function union(node, seen)
  local first = seen[node.from[1]]
  local left, right, field = math.huge, -math.huge, 1
  for _, source in ipairs(node.from) do
    local reach = seen[source]
    field = math.max(field, reach.field)
    if #source.output == #node.output then
      left = math.min(left, reach.centre - (reach.field - 1) / 2)
      right = math.max(right, reach.centre + (reach.field - 1) / 2)
    end
  end
  if #node.output < 3 or right - left + 1 < field then
    return { stride = first.stride, field = field, centre = first.centre }
  end
  return { stride = first.stride, field = right - left + 1, centre = (left + right) / 2 }
end

--- What each node of a wired network sees: { stride, field }, by node. Global pooling sees what is before it.
function Layer.reaches(wired)
  local seen = {}
  for _, input in ipairs(wired.inputs) do seen[input] = { stride = 1, field = 1, centre = 1 } end
  for _, node in ipairs(wired.nodes) do
    local reach = union(node, seen)
    if not node.join then widen(reach, node.layer, node.input) end
    seen[node] = reach
  end
  return seen
end

-- Whole numbers as integers.
local function rounded(reach)
  return { stride = math.tointeger(reach.stride) or reach.stride, field = math.ceil(reach.field - 1e-9) }
end

-- Of the (first) output of what trace gave.
local function reach_of(layer, steps)
  local wired = layer:wired(steps)
  return rounded(Layer.reaches(wired)[wired.outputs[1]])
end

--- The total stride (a fraction behind upsampling) and the receptive field, in points, before anything global. Where
-- layers branch, the stride is that of the first branch, and the field that of all: from the first to the last point
-- that any of them sees. Of several outputs, those of the first.
-- @param shape? table of the input without its batch: { L, C }; that of build unless given
-- @return table { stride, field }
function Layer.reach(layer, shape)
  return reach_of(layer, layer:trace(shape, "reach"))
end

-- The first node that a node reads, of those in a set if there is one.
local function source_of(node, led)
  for _, source in ipairs(node.from) do
    if not led or led[source] then return source end
  end
end

-- { stride, centre, is_placed (true if these say where outputs are), input (the node) } of a node.
local function place_of(node, led)
  if not node.from then return { stride = 1, field = 1, centre = 1, is_placed = true, input = node } end
  local reach = place_of(source_of(node, led), led)
  if not node.layer.layers then
    widen(reach, node.layer, node.input)
    reach.is_placed = reach.is_placed and is_placed(node)
  end
  return reach
end

--- The points of an input, from 1, on which the outputs of a node of a wired network are centred: in the middle of what
-- each of them sees. Along a length whose layers are not known to be windows they lie at equal distances.
-- @param led a set of nodes through which the way leads; the first branch unless given
-- @return a list of numbers; nil if it is not known which of several inputs leads there
-- @return the points of the input
function Layer.centres(node, led)
  local reach, centres = place_of(node, led), {}
  local length, points = node.output[2], reach.input.output[2]
  if not points then return nil end
  local stride = reach.is_placed and reach.stride or points / length
  local first = reach.is_placed and reach.centre or (stride + 1) / 2
  for i = 1, length do centres[i] = first + (i - 1) * stride end
  return centres, points
end

-- The number of parameters that are frozen.
local function frozen_count(layer)
  local count, is_frozen = 0, {}
  for _, name in ipairs(layer:frozen_names()) do is_frozen[name] = true end
  for _, entry in ipairs(layer:parameters()) do
    if is_frozen[entry.name] then count = count + core.count(entry.value) end
  end
  return count
end

--- Layers, output shapes, parameters and multiply-adds of one spectrum as text; then the totals, the total stride and
-- the receptive field in points, as reach gives them. Parameters that several places share are counted in the first; a
-- place that has no others says "shared". Weights that are not there yet are not made.
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
    local macs = part.macs and check.kind(part.type, "macs: result", part:macs(step.input, step.output), "number") or 0
    local output = { table.unpack(step.output, 2) }
    rows[#rows + 1] = { step.path, part.type, table.concat(output, " x "),
      has_any and count == 0 and "shared" or group(count), group(macs) }
    total, total_macs = total + count, total_macs + macs
  end)
  local reach, frozen = reach_of(layer, steps), frozen_count(layer)
  return table.concat({
    text_table.format(rows, { left = 3 }),
    ("total: %s parameters%s, %s multiply-adds per spectrum"):format(group(total),
      frozen > 0 and (" (%s frozen)"):format(group(frozen)) or "", group(total_macs)),
    ("total stride %g, receptive field %s"):format(reach.stride, check.show_count(reach.field, "point")),
  }, "\n")
end
