--- Occlusion: how an output falls when a piece of the spectrum is hidden.
local core = require "moonbow.core"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local closing = require "moonbow.train.closing"
local make = require "moonbow.explain.attribution"
local subject = require "moonbow.explain.subject"

-- The points first to last on a straight line between the points beside them.
local function line(x, first, last, length)
  local before = core.slice(x, 2, math.max(first - 1, 1), 1)
  local after = core.slice(x, 2, math.min(last + 1, length), 1)
  local shares, count = {}, last - first + 1
  for i = 1, count do shares[i] = i / (count + 1) end
  local share = core.reshape(core.tensor(shares), core.rank(x) == 3 and { 1, count, 1 } or { 1, count })
  if first == 1 then before = after elseif last == length then after = before end
  return core.add(before, core.mul(core.sub(after, before), share))
end

local fills = {
  line = line,
  zero = function(x, first, last)
    local shape = core.shape(x)
    shape[2] = last - first + 1
    return core.full(0, shape)
  end,
  mean = function(x, first, last)
    local piece = core.slice(x, 2, first, last - first + 1)
    local shape = core.shape(piece)
    shape[1] = 1
    return core.add(core.mul(piece, 0), core.reshape(core.mean(piece, 1), shape))
  end,
}

-- x with other values at the points first to last.
local function replaced(x, first, last, values)
  local parts, length = {}, core.size(x, 2)
  if first > 1 then parts[1] = core.slice(x, 2, 1, first - 1) end
  parts[#parts + 1] = values
  if last < length then parts[#parts + 1] = core.slice(x, 2, last + 1, length - last) end
  return #parts > 1 and core.concat(parts, 2) or parts[1]
end

-- The windows, { first, last }, which cover all points.
local function windows_of(length, width, stride)
  local list = {}
  for first = 1, length, stride do
    list[#list + 1] = { first, math.min(first + width - 1, length) }
    if first + width > length then break end
  end
  return list
end

-- (N, windows) as (N, L): at each point the mean over the windows that hold it.
local function at_points(drops, windows, length)
  local count, cover = {}, {}
  for i = 1, length do count[i] = 0 end
  for _, window in ipairs(windows) do
    for i = window[1], window[2] do count[i] = count[i] + 1 end
  end
  for w, window in ipairs(windows) do
    local row = {}
    for i = 1, length do row[i] = i >= window[1] and i <= window[2] and 1 / count[i] or 0 end
    cover[w] = row
  end
  return core.matmul(core.concat(drops, 2), core.tensor(cover))
end

local function occlusion(model, data, options)
  local operation = "explain.occlusion"
  local read = subject.read(operation, model, data, options)
  local length, whole = core.size(read.x, 2), read.scores(read.x)
  local width = options.width or math.max(1, length // 20)
  local stride = options.stride or math.max(1, width // 2)
  if width > length then
    check.fail(operation, "width: expected at most %d points, those of a spectrum, got %d", length, width)
  end
  if stride > width then
    check.fail(operation, "stride: expected at most the width, %d, so that every point is hidden, got %d", width,
      stride)
  end
  local targets = subject.targets(operation, options.target, whole)
  local chosen = subject.one_hot(targets, core.size(whole, 2))
  local windows, drops = windows_of(length, width, stride), {}
  local _ <close> = interrupt.catch(operation)
  for w, window in ipairs(windows) do
    interrupt.check()
    local first, last = window[1], window[2]
    local hidden = read.scores(replaced(read.x, first, last, fills[options.fill](read.x, first, last, length)))
    drops[w] = core.reshape(core.sum(core.mul(core.sub(whole, hidden), chosen), 2), -1, 1)
  end
  return make { method = "occlusion", values = at_points(drops, windows, length), axis = read.axis, target = targets,
    x = subject.curves(read.x), x_label = read.x_label, falls = read.falls }
end

return { occlusion = function(...) return closing(occlusion, ...) end, replaced = replaced }
