--- What flows along the edges of a graph: maps or rows, by what the dimensions of the file stand for.
--
-- A value has tags, one for each of its dimensions: "N", "L", "C", or "1" for one of size 1 without a meaning; its
-- length (nil: rows) and channels; step, the number of the step that made it; batch, if the file has a fixed number of
-- spectra; order, the order of its features if that is not moonbow's: feature j is number order[j] there. L or C may
-- have no tag if its size is 1. "NL": all points of all spectra. "D" and "U": the two directions of a recurrent layer
-- and the channels of one of them, in place of "C". Most operators take values with "N" first only.
local check = require "moonbow.check"

local values = {}

local MOST_FEATURES = 1 << 22 -- of rows that were maps; moonbow's largest network has 330,000

local function fail(format, ...) error(format:format(...), 0) end

--- Returns a value with some fields changed; false removes one.
function values.like(x, changed)
  local y = { tags = x.tags, length = x.length, channels = x.channels, step = x.step, order = x.order,
    batch = x.batch }
  for key, value in pairs(changed) do y[key] = value or nil end
  return y
end

--- The place of a tag among the dimensions; nil if it is not there.
function values.find(x, tag)
  for i, other in ipairs(x.tags) do
    if other == tag then return i end
  end
end

--- The size of dimension i; "batch" for the first.
function values.size(x, i)
  local tag = x.tags[i]
  if tag == "NL" then fail("the number of all points is not known") end
  if tag == "D" or tag == "U" then return tag == "D" and 2 or x.channels // 2 end
  return tag == "N" and "batch" or tag == "L" and x.length or tag == "C" and x.channels or 1
end

--- Dimension i from an index as ONNX counts, from 0, or from the end with -1.
function values.dimension(axis, rank)
  if math.type(axis) ~= "integer" or axis < -rank or axis >= rank then
    fail("the dimension %s of a value with %d dimensions", tostring(axis), rank)
  end
  return axis < 0 and rank + axis + 1 or axis + 1
end

--- True if the channels stand in dimension i.
function values.has_channels(x, i)
  return x.tags[i] == "C" or x.tags[i] == "1" and x.channels == 1 and not values.find(x, "C")
end

--- Raises { layout = message } unless the channels stand in dimension i: another reading of the input may fit.
function values.need_channels(x, i)
  if not values.has_channels(x, i) then
    error { layout = ("the channels do not stand in dimension %d of {%s}"):format(i, table.concat(x.tags, ", ")) }
  end
end

--- The place of the length among the dimensions behind N and C, whose others have to be 1. Raises unless the channels
-- stand second.
function values.spatial(x)
  values.need_channels(x, 2)
  if not x.length then fail("a window over rows") end
  local place = values.find(x, "L")
  if not place and #x.tags > 2 then place = 3 end -- of length 1
  if not place or place < 3 then fail("a window along no dimension") end
  return place - 2
end

-- ---- other dimensions ----

--- The value with its dimensions in another order.
function values.transpose(x, perm)
  local rank, tags, taken = #x.tags, {}, {}
  if perm and #perm ~= rank then fail("an order of %d dimensions for %d", #perm, rank) end
  for i = 1, rank do
    local from = values.dimension(perm and perm[i] or rank - i, rank)
    if taken[from] then fail("dimensions named twice") end
    tags[i], taken[from] = x.tags[from], true
  end
  return values.like(x, { tags = tags })
end

--- The value with dimensions of size 1 at some places.
function values.unsqueeze(x, axes)
  local rank, is_new, tags = #x.tags + #axes, {}, {}
  if rank > 8 then fail("a value of %d dimensions", rank) end
  for _, axis in ipairs(axes) do is_new[values.dimension(axis, rank)] = true end
  local from = 0
  for i = 1, rank do
    if not is_new[i] then from = from + 1 end
    tags[i] = is_new[i] and "1" or x.tags[from] or fail("dimensions named twice")
  end
  return values.like(x, { tags = tags })
end

--- The value without some dimensions of size 1; without all of them if axes is nil.
function values.squeeze(x, axes)
  local goes, tags = {}, {}
  for i = 1, axes and 0 or #x.tags do goes[i] = values.size(x, i) == 1 end
  for _, axis in ipairs(axes or {}) do
    local i = values.dimension(axis, #x.tags)
    if values.size(x, i) ~= 1 then fail("a dimension of %s is squeezed", tostring(values.size(x, i))) end
    goes[i] = true
  end
  for i, tag in ipairs(x.tags) do
    if not goes[i] then tags[#tags + 1] = tag end
  end
  return values.like(x, { tags = tags })
end

--- Raises for more features than are listed one by one.
function values.check_features(count)
  if count > MOST_FEATURES then fail("%d features", count) end
end

-- The order of the features of maps that are flattened with the tags in this order; nil if it is moonbow's.
local function flattened_order(x)
  if x.length == 1 or x.channels == 1 or values.find(x, "L") < values.find(x, "C") then return nil end
  local order = {}
  for c = 1, x.channels do
    for t = 1, x.length do order[#order + 1] = (t - 1) * x.channels + c end
  end
  return order
end

--- Maps as rows; of rows, the dimensions of size 1 go. The second result tells if maps became rows.
function values.flatten(x)
  if not x.length then return values.like(x, { tags = { "N", "C" } }), false end
  values.check_features(x.length * x.channels)
  return values.like(x, { tags = { "N", "C" }, length = false, channels = x.length * x.channels,
    order = flattened_order(x) }), true
end

-- The sizes of a shape behind the batch, without -1.
local function sizes_of(x, shape)
  local total, product, free, list = x.channels * (x.length or 1), 1, nil, {}
  for i, size in ipairs(shape) do
    if size == 0 then size = values.size(x, i) end
    if i == 1 then
      if size ~= "batch" and size ~= -1 and size ~= x.batch then
        fail("the spectra do not stay in the first dimension")
      end
    elseif size == -1 then free = i - 1
    elseif math.type(size) ~= "integer" or size < 1 or product > total // size then
      fail("a shape that does not hold the values")
    else product = product * size end
    if i > 1 then list[i - 1] = size end
  end
  if free then
    if shape[1] == -1 then fail("a shape with two free dimensions") end
    list[free], product = total // product, product * (total // product)
  end
  if product ~= total then fail("a shape that does not hold the values") end
  return list
end

-- All points of all spectra as rows, or back: what TensorFlow multiplies by a matrix. Nil for another shape.
local function fold(x, shape)
  local tags = table.concat(x.tags, " ")
  if tags == "N L C" and #shape == 2 and shape[1] == -1 and shape[2] == x.channels and x.length > 1 then
    return values.like(x, { tags = { "NL", "C" } })
  elseif tags == "NL C" then
    if #shape == 3 and shape[2] == x.length and shape[3] == x.channels then
      return values.like(x, { tags = { "N", "L", "C" } })
    end
    fail("points that were rows become no maps again")
  end
end

-- The number of dimensions of more than one, from one on; those of two directions count as one.
local function rest_of(x, from)
  local count = 0
  for i = from, #x.tags do
    if x.tags[i] ~= "1" and not (x.tags[i - 1] == "D" and x.tags[i] == "U") then count = count + 1 end
  end
  return count
end

-- States in any order of dimensions, with directions side by side as channels, and with or without dimensions of 1.
local function with_directions(x, shape)
  local tags, from = {}, 1
  for i, size in ipairs(shape) do
    if size == 0 then size = values.size(x, i) end
    while x.tags[from] == "1" and size ~= 1 do from = from + 1 end
    local tag = x.tags[from]
    local merges = tag == "D" and x.tags[from + 1] == "U"
      and (size == x.channels or size == -1 and #shape - i == rest_of(x, from + 2))
    local is_same = tag and (size == -1 or size == values.size(x, from) or tag == "N" and size == x.batch)
    if not (merges or is_same or size == 1) then fail("a shape in which states become no maps") end
    tags[i] = merges and "C" or is_same and tag or "1"
    from = from + (merges and 2 or is_same and 1 or 0)
  end
  if rest_of(x, from) > 0 then fail("a shape that does not hold the values") end
  return values.like(x, { tags = tags })
end

--- The value in another shape, a list as ONNX has it. The second result tells if maps became rows.
function values.reshape(x, shape)
  if x.tags[1] ~= "N" and x.tags[1] ~= "NL" or values.find(x, "D") then return with_directions(x, shape), false end
  local folded = fold(x, shape)
  if folded then return folded, false end
  local sizes, tags, from = sizes_of(x, shape), { "N" }, {}
  for i = 2, #x.tags do
    if values.size(x, i) ~= 1 then from[#from + 1] = x.tags[i] end
  end
  local next_tag = 1
  for i, size in ipairs(sizes) do
    local tag = from[next_tag]
    if size == 1 then
      tags[i + 1] = "1"
    elseif tag and size == (tag == "L" and x.length or x.channels) then
      tags[i + 1], next_tag = tag, next_tag + 1
    elseif #sizes == 1 then
      return values.flatten(x)
    else
      fail("the shape %s of maps of length %s with %d channels", check.show_shape(sizes), tostring(x.length),
        x.channels)
    end
  end
  local y = values.like(x, { tags = tags })
  if x.length and #sizes == 1 then return values.flatten(y) end -- one of the two is 1
  return y, false
end

return values
