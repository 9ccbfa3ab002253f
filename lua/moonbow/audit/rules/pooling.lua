--- Rules on what pooling and strides lose.
local network = require "moonbow.audit.network"
local predictions = require "moonbow.audit.predictions"

local WIDE_AVERAGE, FEWEST_POSITIONS = 8, 4

local function main_path(a, kind)
  local found = {}
  for _, part in ipairs(network.of(a.flow, { [kind] = true })) do
    if not part.is_side then found[#found + 1] = part end
  end
  return found
end

-- Layers whose windows leave points between them, and the share of the points of the worst one.
local function gaps(parts, size_of)
  local found, worst = {}, 0
  for _, part in ipairs(parts) do
    local size, stride = size_of(part.options), part.options.stride or 1
    if size < stride then found[#found + 1], worst = part, math.max(worst, 1 - size / stride) end
  end
  return found, worst
end

local function pool_gaps(a)
  local found, worst = gaps(main_path(a, "pool"), function(options) return options.size end)
  if #found == 0 then return nil end
  return { layers = found, value = worst, text = ("The pooling windows are shorter than their stride: up to %.0f %% of "
    .. "the points of a map lie between two windows and are never used."):format(100 * worst) }
end

local function convolution_gaps(a)
  local found, worst = gaps(main_path(a, "conv"), function(options)
    return (options.kernel - 1) * (options.dilation or 1) + 1
  end)
  if #found == 0 then return nil end
  return { layers = found, value = worst, text = ("The kernel is shorter than the stride: %.0f %% of the points of "
    .. "its input are never used."):format(100 * worst) }
end

local function wide_average(a)
  local found, widest = {}, 0
  for _, part in ipairs(main_path(a, "pool")) do
    if part.type == "AvgPool1d" and part.options.size >= WIDE_AVERAGE then
      found[#found + 1], widest = part, math.max(widest, part.options.size)
    end
  end
  if #found == 0 then return nil end
  return { layers = found, value = widest, text = ("Average pooling over %d points flattens a peak that is narrower "
    .. "than the window."):format(widest) }
end

local function few_positions(a)
  local flattened = network.of(a.flow, { flatten = true })[1]
  if not flattened or #flattened.input ~= 3 or #network.of(a.flow, { conv = true }) == 0 then return nil end
  local positions = flattened.input[2]
  if positions >= FEWEST_POSITIONS or a.shape[1] < 4 * FEWEST_POSITIONS then return nil end
  return { layers = { flattened }, value = positions, text = ("Only %d of %d positions are left before the dense "
    .. "layers: only the channels can say where a peak is."):format(positions, a.shape[1]) }
end

local function stride_over_spacing(a)
  local spacing, stride = a.spacing, a.reach.stride
  if not spacing or stride <= spacing.points or stride < 2 then return nil end
  local right, count = 0, 0
  if a.is_judged then right, count = predictions.right_of_pair(a.fresh_judged, spacing.one, spacing.other) end
  if right == count and count >= predictions.LEAST_PAIR then return nil end -- it tells them apart all the same
  local confused = right < count and (" Of %d %s of both it confuses %d."):format(count, a.unseen, count - right) or ""
  return { value = stride / spacing.points, text = ("The total stride before the dense layers is %s, but the peaks in "
    .. "which %s and %s differ are only %s apart: both may fall into one pooling window.%s"):format(
    a.points(stride), a.class_name(spacing.one), a.class_name(spacing.other), a.points(spacing.points // 1), confused) }
end

return {
  { name = "pool_gaps", needs = "network", is_fault = true, find = pool_gaps,
    source = "experiments/pooling_resolution.lua: position is lost with the stride; five of the eight published "
      .. "networks leave out every second or third point",
    advice = "A window at least as long as the stride: size = stride." },
  { name = "convolution_gaps", needs = "network", is_fault = true, find = convolution_gaps, source = "arithmetic",
    advice = "A kernel at least as long as the stride." },
  { name = "wide_average", needs = "network", find = wide_average,
    source = "experiments/pooling_benefit.lua: a forest fell from 0.852 to 0.599 by means of 32 points and rose to "
      .. "0.943 by greatest values of 64",
    advice = "nn.MaxPool1d, or nn.BlurPool1d if shifts matter." },
  { name = "few_positions", needs = "network", find = few_positions,
    source = "experiments/pooling_resolution.lua: at stride 64 only 0.566 near the border were right",
    advice = "Less pooling." },
  { name = "stride_over_spacing", needs = "classes", is_fault = true, find = stride_over_spacing,
    source = "experiments/pooling_resolution.lua: up to stride 32 at least 0.999 were right, at 64 0.901",
    advice = "Pool less, so that the total stride is below the distance; or add nn.Position, or use nn.BlurPool1d." },
}
