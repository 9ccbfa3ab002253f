--- Windows of a file along the length, with any padding, by what moonbow's layers have.
local core = require "moonbow.core"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"

local windows = {}

local function fail(format, ...) error(format:format(...), 0) end

local function count(length, w, padding)
  local ok, result, left, right = check.refusal(core.window, length, w.size, w.stride, w.dilation, padding)
  if ok then return result, left, right end
end

local function whole(value, least, what)
  if math.type(value) ~= "integer" or value < least or value > 1 << 30 then
    fail("%s: expected an integer from %d on, got %s", what, least, check.show(value))
  end
  return value
end

-- The points of "same" at the left and right, as auto_pad has them.
local function automatic(length, w, auto_pad)
  if auto_pad == "VALID" then return 0, 0 end
  if auto_pad ~= "SAME_UPPER" and auto_pad ~= "SAME_LOWER" then fail("auto_pad %s", check.show(auto_pad)) end
  local _, left, right = count(length, w, "same")
  if not left then fail("windows that do not fit") end
  if auto_pad == "SAME_LOWER" then left, right = right, left end
  return left, right
end

--- Reads the windows of a node: { size, stride, dilation, left, right }.
-- @param place of the length among the dimensions that windows have; those of the others are 1
-- @param size of the windows, if not by the attribute kernel_shape
-- @param x the value, which may have padding of its own from a node before
function windows.read(attributes, place, x, sizes)
  local dimensions = #x.tags - 2
  sizes = sizes or attributes.kernel_shape or fail("it has no kernel_shape")
  local function at(list, i, default, least, what) return whole(list and list[i] or default, least, what) end
  local w = { size = at(sizes, place, nil, 1, "kernel_shape"), stride = at(attributes.strides, place, 1, 1, "strides"),
    dilation = at(attributes.dilations, place, 1, 1, "dilations") }
  local pads = attributes.pads or {}
  for i = 1, dimensions do
    if i ~= place and (sizes[i] ~= 1 or (pads[i] or 0) ~= 0 or (pads[dimensions + i] or 0) ~= 0) then
      fail("windows along a dimension of size 1")
    end
  end
  w.left = at(pads, place, 0, 0, "pads")
  w.right = at(pads, dimensions + place, 0, 0, "pads")
  if (attributes.auto_pad or "NOTSET") ~= "NOTSET" then
    w.left, w.right = automatic(x.length, w, attributes.auto_pad)
  end
  if x.pad then w.left, w.right = w.left + x.pad.left, w.right + x.pad.right end
  return w
end

-- The number of windows; with ceil, as ONNX has it, also one that reaches beyond the right padding.
local function windows_of(length, w, ceil)
  local span = length + w.left + w.right - (w.size - 1) * w.dilation - 1
  if span < 0 then fail("windows of %d do not fit into %d points", w.size, length) end
  local found = span // w.stride + 1
  if ceil and span % w.stride > 0 and found * w.stride < length + w.left then found = found + 1 end
  return found
end

-- The padding of moonbow that gives the same windows; nil if none does.
local function named(length, w, out, names)
  for _, padding in ipairs(names) do
    local found, left = count(length, w, padding)
    if found == out and left == w.left then return padding end
  end
end

local MOST_PADDING = 1 << 20 -- points, on one side

--- Raises for padding of a convolution that few bytes of a file would make a large map of.
function windows.check_padding(left, right)
  if left > MOST_PADDING or right > MOST_PADDING then fail("padding of %d and %d points", left, right) end
end

--- The options of a Conv1d, and the length of its output.
function windows.convolution(length, w)
  windows.check_padding(w.left, w.right)
  local out = windows_of(length, w)
  local padding = named(length, w, out, { "valid", "same", "causal", w.left }) or { w.left, w.right }
  return { kernel = w.size, stride = w.stride, dilation = w.dilation, padding = padding }, out
end

--- The options of pooling layers, one after the other: a second one if every stride-th result is taken of windows at
-- each point.
function windows.pooling(length, w, ceil)
  if w.dilation ~= 1 then fail("dilation %d", w.dilation) end
  local out = windows_of(length, w, ceil)
  local padding = named(length, w, out, { "valid", "same" })
  if padding then return { { size = w.size, stride = w.stride, padding = padding } }, out end
  local all = { size = w.size, stride = 1, dilation = 1 }
  local _, left = count(length, all, "same")
  if left ~= w.left or out ~= (length - 1) // w.stride + 1 then
    fail("padding of %d and %d points", w.left, w.right)
  end
  return { { size = w.size, stride = 1, padding = "same" }, { size = 1, stride = w.stride } }, out
end

--- The factors, a list, of means in which padded points count that leave them out.
function windows.shares(length, w, out)
  local list = {}
  if out > limits.entries then fail("%d means; limits.entries = %d", out, limits.entries) end
  for t = 1, out do
    local first = (t - 1) * w.stride - w.left
    list[t] = w.size / (math.min(first + w.size, length) - math.max(first, 0))
  end
  return list
end

return windows
