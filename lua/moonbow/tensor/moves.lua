--- Tensors cut, joined, padded and put in another order.
local core = require "moonbow.core"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local permute = require "moonbow.tensor.permute"
local dimension_of = require("moonbow.tensor.reductions").dimension_of

local methods = core.tensor_methods
local moves = {}

-- A number may be NaN.
local function check_choice(name, value)
  if type(value) ~= "number" then check.kind("where", name, value, "tensor|number") end
end

--- a where the condition is not 0, else b, element by element. NaN and infinity of the other one do not matter.
-- @param condition tensor of zeros and others, as of x:gt(0)
-- @param a tensor|number
-- @param b tensor|number all of them broadcast
-- @return tensor
-- @usage mb.where(x:gt(0), x, 0)
function moves.where(condition, a, b)
  check.kind("where", "condition", condition, "tensor")
  check_choice("a", a)
  check_choice("b", b)
  return ops.add(ops.mask(condition, a), ops.mask(core.eq(condition, 0), b))
end

--- Joins tensors of one shape along a new dimension.
-- @param parts table a list of tensors
-- @param dimension? integer the place of the new dimension (1)
-- @return tensor
-- @usage mb.stack { a, b }
function moves.stack(parts, dimension)
  check.list("stack", "tensors", parts)
  if #parts == 0 then check.fail("stack", "expected a list of tensors, got an empty table") end
  check.each("stack", "tensors", parts, "tensor")
  local shape, joined = core.shape(parts[1]), {}
  dimension = check.kind("stack", "dimension", dimension or 1, "positive integer")
  if dimension > #shape + 1 or #shape == 4 then
    check.fail("stack", "expected a dimension from 1 to %d and tensors of at most 3 dimensions, got %d for shape %s",
      math.min(#shape + 1, 4), dimension, check.show_shape(shape))
  end
  for i, part in ipairs(parts) do
    if not core.same_shape(part, parts[1]) then
      check.fail("stack", "tensors[%d]: expected shape %s, got %s", i, check.show_shape(shape),
        check.show_shape(core.shape(part)))
    end
  end
  table.insert(shape, dimension, 1)
  for i, part in ipairs(parts) do joined[i] = ops.reshape(part, shape) end
  return ops.concat(joined, dimension)
end

--- Rows of zeros with a 1 at the class of each label.
-- @param labels tensor|table (N) class numbers from 1 on
-- @param classes integer their number
-- @return tensor (N, classes)
-- @usage mb.one_hot(set.train.y, 2)
function moves.one_hot(labels, classes)
  check.kind("one_hot", "labels", labels, "tensor|table")
  check.kind("one_hot", "classes", classes, "positive integer")
  local y = core.is_tensor(labels) and labels or core.tensor(labels)
  local eye = core.reshape(core.arange(1, 1, classes), 1, classes)
  local rows = core.eq(core.reshape(y, core.count(y), 1), eye)
  local found = core.sum(rows, 2)
  if core.min(found):item() < 1 then
    local row = core.argmin(found, 1):item() // 1 | 0
    check.fail("one_hot", "labels: row %d: expected a class number from 1 to %d, got %g", row, classes,
      core.get(core.reshape(y, -1), row))
  end
  return rows
end

-- A copy through which gradients go.
local function copy_of(x) return ops.slice(x, 1, 1, core.size(x, 1)) end

--- A copy with the dimensions in another order.
-- @param ... integer the dimensions of x, each once: x:permute(1, 3, 2) swaps the last two of three
-- @return tensor
function methods.permute(x, ...)
  local order, seen = { ... }, {}
  check.no_more("permute", core.rank(x), select(core.rank(x) + 1, ...))
  for i = 1, select("#", ...) do
    seen[check.kind("permute", ("dimension %d"):format(i), order[i], "positive integer")] = true
  end
  for d = 1, core.rank(x) do
    if not seen[d] then
      check.fail("permute", "expected each of the dimensions 1 to %d once, got {%s}", core.rank(x),
        table.concat(order, ", "))
    end
  end
  local y = permute(x, order)
  return y ~= x and y or copy_of(x) -- in the order of x
end

--- A view without the dimensions of size 1, or without one of them.
-- @param dimension? integer from 1 on, of size 1; nil: all of size 1
-- @return tensor
function methods.squeeze(x, dimension)
  local shape, left = core.shape(x), {}
  if dimension ~= nil and shape[dimension] ~= 1 then
    check.fail("squeeze", "dimension: expected one of size 1 of shape %s, got %s", check.show_shape(shape),
      check.show(dimension))
  end
  for d, size in ipairs(shape) do
    if size ~= 1 or dimension ~= nil and d ~= dimension then left[#left + 1] = size end
  end
  return ops.reshape(x, #left > 0 and left or { 1 })
end

-- Returns the numbers of entries for the places from first to last; number(i) gives that of place i.
local function numbers(first, last, number)
  local list = {}
  for i = first, last do list[#list + 1] = number(i) end
  return list
end

--- The entries of a dimension in reversed order.
-- @param dimension? integer from 1 on; needless for a tensor of one dimension
-- @return tensor of the shape of x
function methods.flip(x, dimension)
  dimension = dimension_of("flip", x, dimension)
  local n = core.size(x, dimension)
  return ops.take(x, dimension, numbers(1, n, function(i) return n + 1 - i end))
end

--- The entries of a dimension, moved on; those that leave at the end come back at the beginning.
-- @param shift integer by how many places; backwards if negative
-- @param dimension? integer from 1 on; needless for a tensor of one dimension
-- @return tensor of the shape of x
function methods.roll(x, shift, dimension)
  shift, dimension = check.kind("roll", "shift", shift, "integer"), dimension_of("roll", x, dimension)
  local n = core.size(x, dimension)
  return ops.take(x, dimension, numbers(1, n, function(i) return (i - 1 - shift) % n + 1 end))
end

local pad_options = {
  dimension = check.optional "positive integer", mode = check.one_of("zero", { "zero", "reflect", "edge" }),
}

-- The number of the entry that a place outside 1 to n shows.
local shown_at = {
  edge = function(i, n) return math.max(1, math.min(n, i)) end,
  reflect = function(i, n) return i < 1 and 2 - i or i > n and 2 * n - i or i end,
}

--- x with more entries before and behind those of a dimension.
-- @param before integer their number before the first
-- @param behind integer their number behind the last
-- @option dimension from 1 on; needless for a tensor of one dimension
-- @option mode "zero"; "reflect": x mirrored at its end, which is not repeated; or "edge": the end repeated
-- @return tensor
-- @usage x:pad(5, 5, { dimension = 2, mode = "reflect" })
function methods.pad(x, before, behind, options)
  options = check.options("pad", options, pad_options)
  check.kind("pad", "before", before, "non-negative integer")
  check.kind("pad", "behind", behind, "non-negative integer")
  local dimension = dimension_of("pad", x, options.dimension)
  local shape, n = core.shape(x), core.size(x, dimension)
  if options.mode == "zero" then
    shape[dimension] = n + before + behind
    return ops.embed(x, shape, dimension, before + 1)
  end
  if options.mode == "reflect" and math.max(before, behind) >= n then
    check.fail("pad", "'reflect' mirrors at most %d of %d entries, got %d", n - 1, n, math.max(before, behind))
  end
  local number = shown_at[options.mode]
  return ops.take(x, dimension, numbers(1 - before, n + behind, function(i) return number(i, n) end))
end

check.takes(methods.pad, 3, pad_options)

-- Returns the sizes of the parts: of equal ones, of which the last may be smaller, or as given.
local function part_sizes(n, sizes)
  if type(sizes) ~= "table" then
    local size, list = check.kind("split", "sizes", sizes, "positive integer|table"), {}
    for first = 1, n, size do list[#list + 1] = math.min(size, n - first + 1) end
    return list
  end
  local sum = 0
  for i, size in ipairs(check.list("split", "sizes", sizes)) do
    sum = sum + check.kind("split", ("sizes[%d]"):format(i), size, "positive integer")
  end
  if sum ~= n then check.fail("split", "sizes: expected the sum %d, got %d", n, sum) end
  return sizes
end

--- Copies of consecutive parts along a dimension.
-- @param sizes integer|table entries of each part, of which the last may be smaller, or a list of the sizes of all
-- @param dimension? integer from 1 on; needless for a tensor of one dimension
-- @return table a list of tensors
-- @usage left, right = table.unpack(x:split({ 300, 700 }, 2))
function methods.split(x, sizes, dimension)
  dimension = dimension_of("split", x, dimension)
  local parts, first = {}, 1
  for i, size in ipairs(part_sizes(core.size(x, dimension), sizes)) do
    parts[i] = ops.slice(x, dimension, first, size)
    first = first + size
  end
  return parts
end

-- Returns the place of an index, which counts from the end if it is negative.
local function place(d, n, index)
  check.kind("range", ("dimension %d"):format(d), index, "integer")
  local at = index < 0 and n + 1 + index or index
  if at < 1 or at > n then
    check.fail("range", "dimension %d: expected 1 to %d, or -%d to -1 from the end, got %d", d, n, n, index)
  end
  return at
end

-- Cuts a range { first, last, step } out of a dimension; {} is all of it.
local function cut(x, d, range)
  check.list("range", ("dimension %d"):format(d), range)
  if #range > 3 then
    check.fail("range", "dimension %d: expected at most { first, last, step }, got %d entries", d, #range)
  end
  local n, step = core.size(x, d), check.kind("range", "step", range[3] or 1, "integer")
  local first, last = place(d, n, range[1] or 1), place(d, n, range[2] or -1)
  if step == 0 or (last - first) * step < 0 then
    check.fail("range", "dimension %d: no entries from %d to %d in steps of %d", d, first, last, step)
  end
  if step == 1 then return ops.slice(x, d, first, last - first + 1) end
  local list = {}
  for i = first, last, step do list[#list + 1] = i end
  return ops.take(x, d, list)
end

--- A copy of a part of each dimension, also as x[{ ... }]. An integer chooses one entry and removes the dimension.
-- @param ... integer|table for each dimension a number, or { first, last, step }: { 2, 5 } are the entries 2 to 5,
--   { 2 } all from 2 on, {} all; -1 is the last entry. Dimensions that are left out are whole
-- @return tensor
-- @usage x:range({ 1, 2 }, { -3, -1 })
function methods.range(x, ...)
  local ranges, kept = { ... }, {}
  check.list("range", "ranges", ranges)
  if #ranges == 0 then return copy_of(x) end
  check.no_more("range", core.rank(x), select(core.rank(x) + 1, ...))
  for d, range in ipairs(ranges) do
    if type(range) ~= "table" then
      local at = place(d, core.size(x, d), range)
      x = ops.slice(x, d, at, 1)
    else
      x = cut(x, d, range)
    end
  end
  for d, size in ipairs(core.shape(x)) do
    if type(ranges[d]) ~= "number" then kept[#kept + 1] = size end
  end
  return ops.reshape(x, #kept > 0 and kept or { 1 })
end

return moves
