--- Occlusion: how an output falls when a piece of the spectrum is hidden.
local core = require "moonbow.core"
local check = require "moonbow.check"
local interrupt = require "moonbow.interrupt"
local closing = require "moonbow.train.closing"
local named = require "moonbow.train.named"
local inputs = require "moonbow.explain.inputs"
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

local FILLS = { "line", "zero", "mean" }

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

local OPERATION = "explain.occlusion"

-- The windows of an input of so many points, and the function that fills them.
local function read_windows(options, name, length)
  local function option(key) return inputs.option(OPERATION, options, key, name, true) end
  local width = check.kind(OPERATION, "width", option "width" or math.max(1, length // 20), "positive integer")
  local stride = check.kind(OPERATION, "stride", option "stride" or math.max(1, width // 2), "positive integer")
  if width > length then
    check.fail(OPERATION, "width: expected at most %d points, those of %s, got %d", length,
      name and ("the input '%s'"):format(name) or "a spectrum", width)
  end
  if stride > width then
    check.fail(OPERATION, "stride: expected at most the width, %d, so that every point is hidden, got %d", width,
      stride)
  end
  return windows_of(length, width, stride), fills[check.name(OPERATION, "fill", option "fill" or "line", FILLS)]
end

-- The falls of the chosen outputs when windows of an input are hidden, (N, L).
local function falls_of(read, options, name, whole, chosen)
  local x, drops = named.at(read.x, name), {}
  local length = core.size(x, 2)
  local windows, fill = read_windows(options, name, length)
  for w, window in ipairs(windows) do
    interrupt.check()
    local first, last = window[1], window[2]
    local hidden = read.scores(named.with(read.x, name, replaced(x, first, last, fill(x, first, last, length))))
    drops[w] = core.reshape(core.sum(core.mul(core.sub(whole, hidden), chosen), 2), -1, 1)
  end
  return at_points(drops, windows, length)
end

local function occlusion(model, data, options)
  local read = subject.read(OPERATION, model, data, options)
  local whole = read.scores(read.x)
  local targets = subject.targets(OPERATION, options.target, whole)
  local chosen = subject.one_hot(targets, core.size(whole, 2))
  local _ <close> = interrupt.catch(OPERATION)
  return inputs.results(inputs.of_asked(options, read.x, function(_, name)
    return subject.attribution(read, name, falls_of(read, options, name, whole, chosen),
      { method = "occlusion", target = targets })
  end))
end

return { occlusion = function(...) return closing(occlusion, ...) end, replaced = replaced }
