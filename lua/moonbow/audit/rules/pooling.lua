--- Rules on what pooling and strides lose.
local network = require "moonbow.audit.network"
local points = require "moonbow.audit.points"
local predictions = require "moonbow.audit.predictions"

local WIDE_AVERAGE, FEWEST_POSITIONS = 8, 4

-- Layers of a kind whose windows leave points between them that no other layer reads, and the largest share of these.
local function gaps(a, kind)
  local found, worst = {}, 0
  for _, part in ipairs(network.of(a.flow, { [kind] = true })) do
    local share = points.gaps(part)
    if share > 0 then found[#found + 1], worst = part, math.max(worst, share) end
  end
  return found, worst
end

local function pool_gaps(a)
  local found, worst = gaps(a, "pool")
  if #found == 0 then return nil end
  return { layers = found, value = worst, text = ("There are gaps between the pooling windows: up to %.0f %% of the "
    .. "points of a map are never used."):format(100 * worst) }
end

local function convolution_gaps(a)
  local found, worst = gaps(a, "conv")
  if #found == 0 then return nil end
  return { layers = found, value = worst, text = ("Stride and dilation leave gaps between the points of the kernels: "
    .. "up to %.0f %% of the points of a map are never used."):format(100 * worst) }
end

local function wide_average(a)
  local found, widest = {}, 0
  for _, part in ipairs(network.of(a.flow, { pool = true })) do
    if part.type == "AvgPool1d" and not part.is_side and part.options.size >= WIDE_AVERAGE then
      found[#found + 1], widest = part, math.max(widest, part.options.size)
    end
  end
  if #found == 0 then return nil end
  return { layers = found, value = widest, text = ("Average pooling over %d points flattens a peak that is narrower "
    .. "than the window."):format(widest) }
end

local function few_positions(a)
  local found, most = {}, 0
  for _, part in ipairs(network.row_makers(a.flow)) do
    if part.kind ~= "flatten" and part.kind ~= "global" then return nil end
    if part.kind == "flatten" then found[#found + 1], most = part, math.max(most, part.input[2]) end
  end
  if #found == 0 or #network.of(a.flow, { conv = true }) == 0 then return nil end
  if most >= FEWEST_POSITIONS or a.shape[1] < 4 * FEWEST_POSITIONS then return nil end
  return { layers = found, value = most, text = ("Only %d of %d positions are left before the dense layers: only the "
    .. "channels can say where a peak is."):format(most, a.shape[1]) }
end

-- Blurred over about half of its stride, a peak between two results is in both, by its place (source of the rule).
local function keeps_place(part)
  return part.options.stride == 1 or part.options.blur and 2 * part.options.blur > part.options.stride
end

-- The distance, in points, within which two places look alike behind a part: that of the windows of the last pooling
-- that loses places. A channel with the position keeps what was known before it, and global pooling keeps nothing.
local function grain_of(part, known)
  if part.kind == "input" then return 1 end
  if not known[part] then
    local least = math.huge -- of branches
    for _, source in ipairs(part.from) do least = math.min(least, grain_of(source, known)) end
    if part.kind == "position" then known.placed = math.min(known.placed, least) end
    if part.kind == "pool" and not keeps_place(part) then least = math.max(least, part.reach.stride) end
    known[part] = part.kind == "global" and math.huge or least
  end
  return known[part]
end

-- A global head counts as what it pools.
local function grain(a)
  local known = { placed = math.huge }
  local least = grain_of(a.flow.output, known)
  if least == math.huge then
    for _, part in ipairs(network.row_makers(a.flow)) do least = math.min(least, grain_of(part.from[1], known)) end
  end
  return math.min(least, known.placed)
end

local function stride_over_spacing(a)
  local spacing, stride = a.spacing, grain(a)
  if not spacing or stride <= spacing.points or stride < 2 then return nil end
  local right, count = 0, 0
  if a.is_judged then right, count = predictions.right_of_pair(a.fresh_judged, spacing.one, spacing.other) end
  if right == count and count >= predictions.LEAST_PAIR then return nil end -- it tells them apart all the same
  local confused = right < count and (" Of %d %s of both it confuses %d."):format(count, a.unseen, count - right) or ""
  return { value = stride / spacing.points, looked = a.is_judged and { a.judged_part },
    text = ("The pooling windows before the dense layers are %s apart, but the "
    .. "peaks in which %s and %s differ are only %s apart: both may fall into one pooling window.%s"):format(
    a.points(stride), a.class_name(spacing.one), a.class_name(spacing.other), a.points(spacing.points // 1), confused) }
end

return {
  { name = "pool_gaps", needs = "network", is_fault = true, find = pool_gaps,
    source = "experiments/pooling_resolution.lua: position is lost with the stride; five of the eight published "
      .. "networks leave out every second or third point",
    advice = "A window at least as long as the stride: size = stride." },
  { name = "convolution_gaps", needs = "network", is_fault = true, find = convolution_gaps, source = "arithmetic",
    advice = "A kernel at least as long as the stride, without dilation." },
  { name = "wide_average", needs = "network", find = wide_average,
    source = "experiments/pooling_benefit.lua: a forest fell from 0.852 to 0.599 by means of 32 points and rose to "
      .. "0.943 by greatest values of 64",
    advice = "nn.MaxPool1d, or nn.BlurPool1d if shifts matter." },
  { name = "few_positions", needs = "network", find = few_positions,
    source = "experiments/pooling_resolution.lua: at stride 64 only 0.566 near the border were right",
    advice = "Less pooling." },
  { name = "stride_over_spacing", needs = "classes", is_fault = true, find = stride_over_spacing,
    source = "experiments/pooling_resolution.lua: up to stride 32 at least 0.999 were right, at 64 0.901",
    advice = "Pool less, so that the total stride is below the distance; or add nn.Position as the first layer, or use "
      .. "nn.BlurPool1d with a blur of more than half its stride." },
}
