--- Rules on the convolutions.
local core = require "moonbow.core"
local network = require "moonbow.audit.network"
local points = require "moonbow.audit.points"

local PADDED_SHARE, EDGE, NARROW = 0.5, 0.3, 0.5

local function convolutions(a) return network.of(a.flow, { conv = true }) end

local function single_filter(a)
  local found = {}
  for _, part in ipairs(convolutions(a)) do
    local behind = network.activated(part, { pool = true, dropout = true })
    if part.options.filters == 1 and behind and behind.activation == "relu" then found[#found + 1] = part end
  end
  if #found == 0 then return nil end
  return { layers = found, value = #found, text = "A convolution with a single filter and ReLU: if its initial weights "
    .. "are negative on peaks, its map is 0 for every spectrum and stays 0." }
end

-- Factors of a larger convolution, which save weights: fewer channels between two, or a filter for each channel.
local function is_factor(part) return part.options.groups > 1 or part.options.filters < part.input[3] end

-- Convolutions between which and the next convolutions or dense layers nothing bends.
local function linear_convolution(a)
  local with_weights, found = { conv = true, dense = true }, {}
  for _, part in ipairs(convolutions(a)) do
    local is_open = not part.is_bent and not is_factor(part)
    if is_open and network.is_absorbed(part, with_weights) then found[#found + 1] = part end
  end
  if #found == 0 or #network.of(a.flow, with_weights) < 3 then return nil end
  return { layers = found, value = #found, text = "Between this convolution and the next layer with weights there is "
    .. "no activation: the two together are one linear map." }
end

-- The number of points of a kernel that lie in the padding wherever the kernel stands.
local function blind_points(part)
  local options, length, blind = part.options, part.input[2], 0
  local stride = options.stride
  local results, left = core.window(length, options.kernel, stride, options.dilation, options.padding)
  for k = 0, options.kernel - 1 do
    local first = k * options.dilation - left -- where it lies in the first window, from 0
    local window = math.max(0, -(first // stride)) -- the first in which it does not lie before the map
    if window >= results or first + window * stride >= length then blind = blind + 1 end
  end
  return blind
end

local function kernel_over_map(a)
  local found, worst = {}, 0
  for _, part in ipairs(convolutions(a)) do
    local blind = blind_points(part)
    if blind > 0 then found[#found + 1] = part end
    if blind > worst then found.worst, worst = part, blind end
  end
  if worst == 0 then return nil end
  return { layers = found, value = worst, text = ("The kernel has %d points, its input %d: %d of the points of the "
    .. "kernel only ever see the zeros of the padding, and their weights do nothing."):format(
    found.worst.options.kernel, found.worst.input[2], worst) }
end

local function is_padded(part)
  local padding = part.options.padding
  if type(padding) == "table" then return padding[1] + padding[2] > 0 end
  return padding ~= "valid" and padding ~= 0
end

local function padding_edges(a)
  local makers, maps = network.row_makers(a.flow), {}
  for i, part in ipairs(makers) do maps[i] = part.from[1] end
  if #a.flow.output.output == 3 then maps[1] = a.flow.output end
  local share = points.padded_share(maps)
  if share < PADDED_SHARE then return nil end
  return { value = share, text = ("Zero padding reaches %.0f %% of the positions of the last map: most of what the "
    .. "dense layers see mixes the spectrum with zeros that were never measured."):format(100 * share) }
end

-- Padded convolutions that read the spectra, as they are or behind batch norm.
local function padded_entries(a)
  local found = {}
  for _, entry in ipairs(network.entries(a.flow)) do
    local is_known = entry.normed == nil or entry.normed == "batch"
    if is_known and entry.part.kind == "conv" and is_padded(entry.part) then found[#found + 1] = entry end
  end
  return found
end

-- Of a channel of the spectra, as it is or as batch norm makes it: the least and the greatest value, the mean of the
-- first and last points, and how many times the range that is.
local function step_of(x, channel, is_normed)
  local rows = core.reshape(core.slice(x, 3, channel, 1), core.size(x, 1), core.size(x, 2))
  local length = core.size(rows, 2)
  local ends = core.concat({ core.slice(rows, 2, 1, 1), core.slice(rows, 2, length, 1) }, 2)
  if is_normed then
    local mean = core.describe(rows).mean
    local scale = math.max(math.sqrt(core.sum_squares(core.sub(rows, mean)) / core.count(rows)), 1e-30)
    rows, ends = core.div(core.sub(rows, mean), scale), core.div(core.sub(ends, mean), scale)
  end
  local range, at_ends = core.describe(rows), core.describe(ends).mean
  return { channel = channel, is_normed = is_normed, low = range.min, high = range.max, ends = at_ends,
    value = at_ends / math.max(range.max - range.min, 1e-30) }
end

local function tell_step(step, channels)
  local who = channels == 1 and "The spectra" or ("The spectra in channel %d"):format(step.channel)
  return ("%s%s range from %.3g to %.3g and are %.3g at their ends on average, where the padding continues with 0: the "
    .. "filters see a step there that no sample has."):format(step.is_normed and "Behind the batch norm, " or "",
    step.is_normed and "t" .. who:sub(2) or who, step.low, step.high, step.ends)
end

local function padding_step(a)
  local layers, worst = {}, nil
  for _, entry in ipairs(padded_entries(a)) do
    for channel = 1, a.shape[2] do
      local step = step_of(a.train.x, channel, entry.normed ~= nil)
      if math.abs(step.value) >= EDGE then
        if layers[#layers] ~= entry.part then layers[#layers + 1] = entry.part end
        worst = worst and math.abs(worst.value) >= math.abs(step.value) and worst or step
      end
    end
  end
  if not worst then return nil end
  return { layers = layers, value = worst.value, text = tell_step(worst, a.shape[2]) }
end

local function field_below_peak(a)
  if not a.width or #convolutions(a) == 0 or a.reach.field >= NARROW * a.width then return nil end
  return { value = a.reach.field / a.width, text = ("The receptive field before the dense layers is %s, but the "
    .. "peaks are %s wide at half their height: no filter sees the shape of a "
    .. "peak."):format(a.points(a.reach.field), a.points(a.width)) }
end

return {
  { name = "single_filter", needs = "network", is_fault = true, find = single_filter,
    source = "experiments/single_filter.lua: 8 to 18 % of such networks were empty before training, and 38 % at "
      .. "chance after it",
    advice = 'At least four filters, or activation = "leaky_relu".' },
  { name = "linear_convolution", needs = "network", find = linear_convolution, source = "arithmetic",
    advice = 'Give it activation = "relu" (first_activation = "relu" of mb.models.ho2019_resnet).' },
  { name = "kernel_over_map", needs = "network", is_fault = true, find = kernel_over_map, source = "arithmetic",
    advice = "A shorter kernel, or less pooling before it." },
  { name = "padding_edges", needs = "network", find = padding_edges, source = "arithmetic",
    advice = 'padding = "valid", or shorter kernels.' },
  { name = "padding_step", needs = "data", find = padding_step, source = "measured on these spectra",
    advice = 'Subtract a baseline (step als_baseline) or the mean (snv), or set padding = "valid".' },
  { name = "field_below_peak", needs = "data", find = field_below_peak,
    source = "arithmetic",
    advice = "Kernels about as wide as the peaks, or pooling between two convolutions." },
}
