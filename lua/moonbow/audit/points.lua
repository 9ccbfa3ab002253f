--- Which points of maps are read, and which of them the zeros of a padding reach: masks (1, L, 1) of 0 and 1.
local core = require "moonbow.core"
local ops = require "moonbow.ops"

local points = {}

local function ones(length) return core.full(1, { 1, length, 1 }) end

local function filter(size) return core.full(1, { size, 1, 1 }) end

local function is_positive(counts) return core.gt(counts, 0.5) end -- of whole numbers, after rounding

-- The windows of a layer, one after the other: { size, stride, dilation, padding }.
local function windows_of(part)
  local options = part.options
  if part.kind == "conv" then return { { options.kernel, options.stride, options.dilation, options.padding } } end
  if not options.blur then return { { options.size, options.stride, 1, options.padding } } end
  local list = { { options.size, 1, 1, "same" } }
  for i = 2, options.blur - 1 do list[i] = { 2, 1, 1, "same" } end
  list[#list + 1] = { 2, options.stride, 1, "same" }
  return list
end

-- ---- points that are read ----

local has_windows = { conv = true, pool = true }

-- The points of its input that a convolution or pooling reads.
local function read_by(part)
  local list, lengths = windows_of(part), { part.input[2] }
  for i, w in ipairs(list) do lengths[i + 1] = core.window(lengths[i], w[1], w[2], w[3], w[4]) end
  local mask = ones(lengths[#lengths])
  for i = #list, 1, -1 do
    local w = list[i]
    mask = is_positive(core.conv1d_transpose(mask, filter(w[1]), lengths[i], w[2], w[3], w[4]))
  end
  return mask
end

local keeps_points = { activation = true, dropout = true, norm = true, position = true, join = true }

-- The points of what a part makes that any layer reads; nil for all.
local function read_of(part)
  local mask
  for _, reader in ipairs(part.readers) do
    local own
    if has_windows[reader.kind] then
      own = read_by(reader)
    elseif keeps_points[reader.kind] and #reader.output == 3 then
      own = read_of(reader)
    end
    if not own then return nil end
    mask = mask and ops.maximum(mask, own) or own
  end
  return not part.is_output and mask or nil
end

-- The share of the points of a mask that hold 0; 0 if none of them lies between two that hold 1.
local function holes(mask)
  local values, first, last, sum = core.totable(core.reshape(mask, -1)), 1, 0, 0
  for i, value in ipairs(values) do
    if value > 0 then first, last, sum = sum == 0 and i or first, i, sum + 1 end
  end
  return last - first + 1 > sum and 1 - sum / #values or 0
end

-- True if a convolution reads all points but some near the ends: each point is a multiple of the stride behind one of
-- the kernel's, and the map is so long that this one is in a window.
local function reads_inside(part)
  local options, rests, count = part.options, {}, 0
  if part.kind ~= "conv" then return false end
  for k = 0, options.kernel - 1 do
    local rest = k * options.dilation % options.stride
    if not rests[rest] then rests[rest], count = true, count + 1 end
  end
  return count == options.stride and part.input[2] > 2 * (options.kernel - 1) * options.dilation
end

--- The share of the points of its input that nothing reads, if some of them lie between windows of this layer: ends
-- that are too short for a window, or for all points of a dilated kernel, are no gaps.
function points.gaps(part)
  if reads_inside(part) or holes(read_by(part)) == 0 then return 0 end
  local source = part.from[1]
  while keeps_points[source.kind] and source.kind ~= "join" do source = source.from[1] end
  local mask = read_of(source)
  return mask and holes(mask) or 0
end

-- ---- points that zeros reach ----

-- For each window, how many of its points hold 1; those outside of the map hold 0.
local function count(mask, w) return core.conv1d(mask, filter(w[1]), nil, w[2], w[3], w[4], 1, nil, nil, nil, false) end

local function through_windows(part, mask)
  local result = mask
  for _, w in ipairs(windows_of(part)) do result = is_positive(count(result, w)) end
  if part.kind ~= "conv" then return result end -- pooling leaves padded points out
  local w = windows_of(part)[1]
  return ops.maximum(result, core.lt(count(ones(part.input[2]), w), w[1] - 0.5))
end

local function through_layer(part, mask)
  local options = part.options
  if has_windows[part.kind] then return through_windows(part, mask) end
  if part.type == "Upsample1d" then return core.gt(core.upsample1d(mask, options.factor, options.mode), 0) end
  if part.type == "Conv1dTranspose" then
    return is_positive(core.conv1d_transpose(mask, filter(options.kernel), part.output[2], options.stride,
      options.dilation, options.padding))
  end
  return part.output[2] == core.size(mask, 2) and mask or core.mul(ones(part.output[2]), 0)
end

local function through(part, known)
  if not known[part] then
    local mask
    for _, source in ipairs(part.from) do
      local own = #source.output == 3 and through(source, known)
      mask = own and mask and ops.maximum(mask, own) or own or mask
    end
    known[part] = part.kind == "input" and core.mul(ones(part.output[2]), 0) or part.join and mask
      or through_layer(part, mask)
  end
  return known[part]
end

--- The share of the points of some maps whose values depend on zeros of a padding. Layers that see all points, and
-- those of unknown kind, count as if each result came from the point at its place alone.
-- @param maps a list of parts that make maps
function points.padded_share(maps)
  local known, sum, length = {}, 0, 0
  for _, part in ipairs(maps) do
    local mask = through(part, known)
    sum, length = sum + core.sum_squares(mask), length + core.size(mask, 2)
  end
  return length > 0 and sum / length or 0
end

return points
