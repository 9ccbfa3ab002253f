--- Rules on the convolutions.
local core = require "moonbow.core"
local network = require "moonbow.audit.network"
local peaks = require "moonbow.audit.peaks"

local PADDED_SHARE, EDGE, NARROW = 0.5, 0.3, 0.5

local function convolutions(a) return network.of(a.flow, { conv = true }) end

local function single_filter(a)
  local found = {}
  for i, part in ipairs(a.flow) do
    local behind = a.flow[i + 1]
    local is_relu = part.activation == "relu"
      or not part.is_bent and behind and behind.activation == "relu" and behind.kind ~= "dense"
    if part.kind == "conv" and part.options.filters == 1 and is_relu then found[#found + 1] = part end
  end
  if #found == 0 then return nil end
  return { layers = found, value = #found, text = "A convolution with a single filter and ReLU: if its initial weights "
    .. "are negative on peaks, its map is 0 for every spectrum and stays 0." }
end

-- Convolutions between which and the next convolution or dense layer on their path nothing bends.
local function linear_convolution(a)
  local found = {}
  for i, part in ipairs(a.flow) do
    local is_open = part.kind == "conv" and not part.is_bent and not part.path:find "%."
    local j = i + 1
    while is_open and a.flow[j] and not a.flow[j].is_bent and a.flow[j].kind ~= "conv" and a.flow[j].kind ~= "dense" do
      j = j + 1
    end
    if is_open and a.flow[j] and not a.flow[j].is_side and (a.flow[j].kind == "conv" or a.flow[j].kind == "dense") then
      found[#found + 1] = part
    end
  end
  if #found == 0 or a.flow.multiplies or #network.of(a.flow, { conv = true, dense = true }) < 3 then return nil end
  return { layers = found, value = #found, text = "Between this convolution and the next layer with weights there is "
    .. "no activation: the two together are one linear map." }
end

local function kernel_over_map(a)
  for _, part in ipairs(convolutions(a)) do
    local kernel = (part.options.kernel - 1) * (part.options.dilation or 1) + 1
    if kernel > part.input[2] then
      return { layers = { part }, value = kernel, text = ("The kernel has %d points, its input only %d: the rest of "
        .. "the kernel only sees the zeros of the padding."):format(kernel, part.input[2]) }
    end
  end
end

local function is_padded(part)
  local padding = part.options.padding
  if type(padding) == "table" then return padding[1] + padding[2] > 0 end
  return padding ~= "valid" and padding ~= 0
end

local function padded_share(a)
  local reach, stride = 0, 1
  for _, part in ipairs(a.flow) do
    local options = part.options
    if not part.is_side and (part.kind == "conv" or part.kind == "pool") then
      if part.kind == "conv" and is_padded(part) then
        reach = reach + (options.kernel - 1) * options.dilation * stride
      end
      stride = stride * options.stride
    elseif not part.is_side and part.layer.upsampling then
      stride = stride / select(2, part.layer:upsampling(part.input))
    end
  end
  return math.min(1, reach / a.shape[1])
end

local function padding_edges(a)
  local share = padded_share(a)
  if share < PADDED_SHARE then return nil end
  return { value = share, text = ("Zero padding reaches %.0f %% of the positions of the last map: most of what the "
    .. "dense layers see mixes the spectrum with zeros that were never measured."):format(100 * share) }
end

-- The mean of the first and last points, and the spread of all values.
local function padding_step(a)
  if not next(convolutions(a)) or not is_padded(convolutions(a)[1]) then return nil end
  local rows = peaks.rows(a.train.x)
  local length = core.size(rows, 2)
  local ends = core.concat({ core.slice(rows, 2, 1, 1), core.slice(rows, 2, length, 1) }, 2)
  local range, mean = core.describe(rows), core.describe(core.sub(ends, 0)).mean
  local step = mean / math.max(range.max - range.min, 1e-30)
  if math.abs(step) < EDGE then return nil end
  return { layers = { convolutions(a)[1] }, value = step, text = ("The spectra range from %.3g to %.3g and are %.3g at "
    .. "their ends on average, where the padding continues with 0: the filters see a step there that no sample "
    .. "has."):format(range.min, range.max, mean) }
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
