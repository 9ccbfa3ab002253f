--- What the spectra of an audit look like: widths of peaks, distances between classes, slow backgrounds.
local core = require "moonbow.core"
local ops = require "moonbow.ops"

local peaks = {}

local MOST_CLASSES = 40
local EQUAL_LOBES = 0.5 -- a shifted peak leaves a positive and a negative lobe of about the same height
local WINDOW, SHORTEST = 10, 5 -- of the opening: a tenth of the points, and its least
local NARROW, CLEAR = 1 / 3, 6 -- peaks beside a background: of the window, and times the noise
local CERTAIN = 6 -- standard errors: of many points and pairs, some differ by chance

--- Spectra as rows (N, L): the mean of their channels.
function peaks.rows(x)
  return core.reshape(core.size(x, 3) > 1 and core.mean(x, 3) or x, core.size(x, 1), core.size(x, 2))
end

local function median(list)
  table.sort(list)
  local n = #list
  return n > 0 and (list[(n + 1) // 2] + list[n // 2 + 1]) / 2 or nil
end

peaks.median = median

-- The number of points around the greatest value of a list that are above the middle between it and the median; nil if
-- that reaches an end, as where there is no peak.
-- @param least that it has to be above the median
local function width_of_highest(values, least)
  local top, middle = 1, median(table.move(values, 1, #values, 1, {}))
  for i, value in ipairs(values) do top = value > values[top] and i or top end
  local half = (values[top] + middle) / 2
  local first, last = top, top
  while first > 1 and values[first] > half do first = first - 1 end
  while last < #values and values[last] > half do last = last + 1 end
  if first == 1 or last == #values or values[top] <= half or values[top] - middle < least then return nil end
  return last - first - 1
end

--- Positions of the highest point of each spectrum.
-- @param x (N, L, C)
function peaks.positions(x)
  local positions = core.totable(core.argmax(peaks.rows(x), 2))
  for i, top in ipairs(positions) do positions[i] = top // 1 | 0 end
  return positions
end

-- The median width of the highest peak of each row; nil if fewer than half of them have one of 1 to most points.
-- @param least heights of the peaks
local function typical_width(rows, most, least)
  local widths = {}
  for i, values in ipairs(core.totable(rows)) do
    local width = width_of_highest(values, least[i] or 0)
    if width and width >= 1 and width < most then widths[#widths + 1] = width end
  end
  return 2 * #widths >= core.size(rows, 1) and median(widths) or nil
end

-- Rows without all that is wider than an odd window: less their morphological opening, which are the greatest of the
-- least values of windows. The ends, on which only parts of windows lie, are left out.
local function narrow_part(rows, window)
  local function greatest(x) return ops.max_pool1d(x, window, 1, "same") end
  local least = core.neg(greatest(core.neg(core.reshape(rows, core.size(rows, 1), -1, 1))))
  local rest = core.sub(rows, core.reshape(greatest(least), core.size(rows, 1), -1))
  return core.slice(rest, 2, window // 2 + 1, core.size(rows, 2) - window + 1)
end

-- The noise of each row: the median of its second differences, which slow backgrounds do not change.
local function noise_of(rows)
  local length, noise = core.size(rows, 2), {}
  local between = core.mul(core.slice(rows, 2, 2, length - 2), 2)
  local ends = core.add(core.slice(rows, 2, 1, length - 2), core.slice(rows, 2, 3, length - 2))
  for i, differences in ipairs(core.totable(core.abs(core.sub(ends, between)))) do noise[i] = median(differences) end
  return noise
end

--- The median width of the highest peak of each spectrum at half its height, in points; nil if fewer than half of the
-- spectra have one between 1 point and a third of their length. Above a tenth of the length it may be a background: if
-- half of the spectra have a clear narrow peak once that is taken off, the median width of these.
-- @param x (N, L, C)
function peaks.width(x)
  local rows, length = peaks.rows(x), core.size(x, 2)
  local width, window = typical_width(rows, length / 3, {}), length // WINDOW | 1
  if window < SHORTEST or width and width <= window then return width end
  local least = noise_of(rows)
  for i, noise in ipairs(least) do least[i] = CLEAR * noise end
  return typical_width(narrow_part(rows, window), NARROW * window, least) or width
end

--- Means of the classes (classes, L).
function peaks.class_means(x, y, classes)
  local rows, numbers = peaks.rows(x), core.reshape(core.arange(1, 1, classes), classes, 1)
  local members = core.eq(core.reshape(y, 1, -1), numbers)
  local counts = core.add(core.reshape(core.sum(members, 2), classes, 1), 1e-30)
  return core.div(core.matmul(members, rows), counts)
end

-- The standard deviation of each point within the classes (L), and the members of each class.
local function within(x, y, means)
  local rows, counts = peaks.rows(x), {}
  local squares = core.sub(rows, core.index(means, y))
  for k = 1, core.size(means, 1) do counts[k] = 0 end
  for _, class in ipairs(core.totable(y)) do counts[class // 1 | 0] = counts[class // 1 | 0] + 1 end
  return core.sqrt(core.mean(core.mul(squares, squares), 1)), counts
end

-- The centre, the spread and the sum of the certain points of a difference of two means that have a sign; nil for none.
local function lobe(difference, errors, sign)
  local sum, first, second = 0, 0, 0
  for i, value in ipairs(difference) do
    value = sign * value
    if value > CERTAIN * errors[i] then sum, first, second = sum + value, first + value * i, second + value * i * i end
  end
  if sum == 0 then return nil end
  local centre = first / sum
  return centre, math.sqrt(math.max(0, second / sum - centre * centre)), sum
end

-- How far apart two means differ, in points, if they differ as by a peak at another place: more in one place, less in
-- another by about as much, and each place not wider than they are apart.
local function distance_of(difference, errors)
  local up, wide_up, more = lobe(difference, errors, 1)
  local down, wide_down, less = lobe(difference, errors, -1)
  if not (up and down) or math.min(more, less) < EQUAL_LOBES * math.max(more, less) then return nil end
  local distance = math.abs(up - down)
  return math.max(wide_up, wide_down) <= distance and distance or nil
end

--- The least distance, in points, between the two places at which two classes differ, over pairs of classes that differ
-- as by a peak at another place, beyond six standard errors. Returns it with both classes; nil if none do. Where the
-- peaks of a class vary in place, it is at least their range.
function peaks.spacing(x, y, means)
  local classes = math.min(core.size(means, 1), MOST_CLASSES)
  local spread, counts = within(x, y, means)
  local sd, lists, least, one, other = core.totable(spread), core.totable(means), nil, nil, nil
  for a = 1, classes - 1 do
    for b = a + 1, counts[a] > 0 and classes or 0 do
      local difference, errors, factor = {}, {}, math.sqrt(1 / counts[a] + 1 / math.max(counts[b], 1e-9))
      for i, value in ipairs(lists[a]) do difference[i], errors[i] = value - lists[b][i], sd[i] * factor end
      local distance = distance_of(difference, errors)
      if distance and (not least or distance < least) then least, one, other = distance, a, b end
    end
  end
  return least, one, other
end

--- The share of the squared differences from the class means that is left once these are averaged over a window.
function peaks.slow_share(x, y, means, window)
  local rows = peaks.rows(x)
  local rest = core.sub(rows, core.index(means, y))
  local n, length = core.size(rows, 1), core.size(rows, 2)
  local smooth = ops.avg_pool1d(core.reshape(rest, n, length, 1), window, 1, "same")
  local all = core.sum_squares(rest)
  return all > 0 and core.sum_squares(smooth) / all or 0
end

return peaks
