--- Reductions of tensors: over everything, or over one or several dimensions, which are removed unless keep is set; and
-- what runs along a dimension.
local core = require "moonbow.core"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local permute = require "moonbow.tensor.permute"

local methods = core.tensor_methods

-- Returns the dimensions in a list, ascending; raises unless they are some of 1 to rank, each once.
local function read_dimensions(name, list, rank)
  local dimensions = {}
  for i, d in ipairs(check.list(name, "dimensions", list)) do
    dimensions[i] = check.kind(name, ("dimensions[%d]"):format(i), d, "positive integer")
    if d > rank then check.fail(name, "dimensions[%d]: expected 1 to %d, got %d", i, rank, d) end
  end
  table.sort(dimensions)
  for i = 2, #dimensions do
    if dimensions[i] == dimensions[i - 1] then check.fail(name, "dimensions: %d is given twice", dimensions[i]) end
  end
  if #dimensions == 0 then check.fail(name, "dimensions: expected at least one") end
  return dimensions
end

-- Makes one dimension of several, the last one; returns the tensor, that dimension (nil: it is all), and the shape of a
-- result that keeps the dimensions with size 1.
local function merged(name, x, dimension)
  local shape = core.shape(x)
  if type(dimension) ~= "table" then
    for d = 1, #shape do
      if dimension == nil or dimension == d then shape[d] = 1 end
    end
    return x, dimension, shape
  end
  local list, order, sizes = read_dimensions(name, dimension, #shape), {}, {}
  local is_merged = {}
  for _, d in ipairs(list) do is_merged[d] = true end
  for d = 1, #shape do
    if not is_merged[d] then order[#order + 1], sizes[#sizes + 1] = d, shape[d] end
  end
  for _, d in ipairs(list) do order[#order + 1], shape[d] = d, 1 end
  sizes[#sizes + 1] = -1
  if #list == #order then return x, nil, shape end
  return ops.reshape(permute(x, order), sizes), #sizes, shape
end

local function check_dimension(name, x, dimension)
  local rank = core.rank(x)
  if math.type(dimension) == "integer" and dimension >= 1 and dimension <= rank then return end
  local is_whole = type(dimension) == "number" and math.tointeger(dimension)
  if not is_whole or dimension < 1 or dimension > rank then
    check.fail(name, "dimension: expected an integer from 1 to %d, got %s", rank, check.show(dimension))
  end
end

-- A method over dimensions; operation(x, dimension, value of the option `own`).
local function reduction(name, operation, known, own)
  known = known or { keep = false }
  return check.takes(function(x, dimension, options)
    if dimension ~= nil and type(dimension) ~= "table" then check_dimension(name, x, dimension) end
    if options == nil and type(dimension) ~= "table" then return operation(x, dimension) end
    options = check.options(name, options, known)
    local of_one, d, kept = merged(name, x, dimension)
    local y = operation(of_one, d, options[own])
    return options.keep and ops.reshape(y, kept) or y
  end, 2, known)
end

local spread_options = { keep = false, ddof = 0 }

--- The sum of all elements, or along some dimensions, which are removed.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.sum = reduction("sum", ops.sum)
--- The mean of all elements, or along some dimensions, which are removed.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.mean = reduction("mean", ops.mean)
--- The least of all elements, or along some dimensions, which are removed.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.min = reduction("min", ops.min)
--- The greatest of all elements, or along some dimensions, which are removed.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.max = reduction("max", ops.max)
--- The variance of all elements, or along some dimensions, which are removed.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @option ddof 0 or 1: the sum of squares is divided by the count minus this; 1 for the variance of a sample
-- @return tensor
methods.var = reduction("var", ops.var, spread_options, "ddof")
--- The standard deviation of all elements, or along some dimensions, which are removed.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @option ddof 0 or 1: the sum of squares is divided by the count minus this; 1 for the deviation of a sample
-- @return tensor
methods.std = reduction("std", ops.std, spread_options, "ddof")
--- The position, from 1, of the least of all elements, counted row by row, or along one dimension, which is removed;
-- the first of equal ones.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.argmin = reduction("argmin", core.argmin)
--- The position, from 1, of the greatest of all elements, counted row by row, or along one dimension, which is
-- removed; the first of equal ones.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.argmax = reduction("argmax", core.argmax)

--- The sum of the squares of all elements: the L2 penalty before its factor.
-- @return tensor with one element
methods.sum_squares = ops.sum_squares

--- 1 if any element is not 0, or any along some dimensions, which are removed; else 0. NaN is not 0.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.any = reduction("any", function(x, dimension) return core.max(core.ne(x, 0), dimension) end)
--- 1 if no element is 0, or none along some dimensions, which are removed; else 0.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.all = reduction("all", function(x, dimension) return core.min(core.ne(x, 0), dimension) end)

-- Removes a dimension, of size 1.
local function without(y, dimension)
  local shape = core.shape(y)
  if #shape > 1 then table.remove(shape, dimension) end
  return ops.reshape(y, shape)
end

-- Returns x as one dimension if none is given.
local function along(x, dimension)
  if dimension then return x, dimension end
  return ops.reshape(x, core.count(x)), 1
end

--- The product of all elements, or along some dimensions, which are removed.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.prod = reduction("prod", function(x, dimension)
  x, dimension = along(x, dimension)
  return without(ops.prod(x, dimension), dimension)
end)

local function norm(x, dimension, p)
  p = p or 2
  if p == 2 then return ops.sqrt(ops.sum(ops.mul(x, x), dimension)) end
  if p == 1 then return ops.sum(ops.abs(x), dimension) end
  if p == math.huge then return ops.max(ops.abs(x), dimension) end
  if p <= 0 then check.fail("norm", "p: expected a number above 0, got %s", check.show(p)) end
  return ops.pow(ops.sum(ops.pow(ops.abs(x), p), dimension), 1 / p)
end

--- The norm of all elements, or along some dimensions, which are removed: the root of the sum of squares, or that of
-- another exponent p. At 0 its gradient is 0. Squares above 3.4e38 are infinite.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @option p the exponent: 1 for the sum of the sizes, math.huge for the largest size
-- @return tensor
methods.norm = reduction("norm", norm, { keep = false, p = check.default(2, "number") }, "p")

-- exp(x - m) does not overflow for the greatest element m, which cancels; not if it is infinite.
local function logsumexp(x, dimension)
  x, dimension = along(x, dimension)
  local shape = core.shape(x)
  shape[dimension] = 1
  local greatest = core.reshape(core.max(x, dimension), shape)
  greatest = core.mask(core.lt(core.abs(greatest), math.huge), greatest)
  local sum = ops.sum(ops.exp(ops.sub(x, greatest)), dimension)
  return ops.add(ops.log(sum), core.reshape(greatest, core.shape(sum)))
end

--- The logarithm of the sum of exp(x), of all elements or along some dimensions, which are removed; it does not
-- overflow.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.logsumexp = reduction("logsumexp", logsumexp)

-- ---- by order ----

local function sorted(x, dimension) return ops.pick(x, dimension, core.argsort(x, dimension, false)) end

-- NaN sorts last, and makes the result NaN.
local function quantile(x, dimension, q)
  x, dimension = along(x, dimension)
  local in_order, n = sorted(x, dimension), core.size(x, dimension)
  local at = (n - 1) * q + 1
  local low = math.floor(at)
  local y = ops.slice(in_order, dimension, low, 1)
  if at > low then
    y = ops.add(ops.mul(y, 1 - (at - low)), ops.mul(ops.slice(in_order, dimension, low + 1, 1), at - low))
  end
  local last = core.slice(in_order, dimension, n, 1)
  return without(ops.add(y, core.mask(core.ne(last, last), 0 / 0)), dimension)
end

--- The median of all elements, or along some dimensions, which are removed; the mean of the middle two if their number
-- is even. NaN if an element is NaN.
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
methods.median = reduction("median", function(x, dimension) return quantile(x, dimension, 0.5) end)

local keep_only = { keep = false }

--- The value below which a share q of the elements lies, of all or along some dimensions, which are removed: between
-- two elements it is interpolated, as NumPy does. NaN if an element is NaN.
-- @param q number the share, from 0 to 1
-- @param dimension? integer|table from 1 on, or a list of several; nil: all elements
-- @option keep true: the dimensions stay, with size 1
-- @return tensor
-- @usage x:quantile(0.95, 1)
function methods.quantile(x, q, dimension, options)
  check.kind("quantile", "q", q, "fraction")
  options = check.options("quantile", options, keep_only)
  local of_one, d, kept = merged("quantile", x, dimension)
  local y = quantile(of_one, d, q)
  return options.keep and ops.reshape(y, kept) or y
end

check.takes(methods.quantile, 3, keep_only)

-- ---- along a dimension, which stays ----

-- Returns the dimension that is meant; a tensor of one dimension needs none.
local function dimension_of(name, x, dimension)
  local rank = core.rank(x)
  if dimension == nil and rank == 1 then return 1 end
  check.kind(name, "dimension", dimension, "positive integer")
  if dimension > rank then check.fail(name, "dimension: expected 1 to %d, got %d", rank, dimension) end
  return dimension
end

--- Running sums along a dimension: element i is the sum of x from 1 to i.
-- @param dimension? integer from 1 on; needless for a tensor of one dimension
-- @return tensor of the shape of x
function methods.cumsum(x, dimension) return ops.cumsum(x, dimension_of("cumsum", x, dimension)) end

--- Differences of neighbours along a dimension: element i is x[i + 1] - x[i].
-- @param dimension? integer from 1 on; needless for a tensor of one dimension
-- @param order? integer how often the difference is taken (1)
-- @return tensor with as many entries less along the dimension
function methods.diff(x, dimension, order)
  dimension, order = dimension_of("diff", x, dimension), check.kind("diff", "order", order or 1, "positive integer")
  local n = core.size(x, dimension)
  if order >= n then
    check.fail("diff", "expected more than %d entries along dimension %d, got %d", order, dimension, n)
  end
  for left = n - 1, n - order, -1 do
    x = ops.sub(ops.slice(x, dimension, 2, left), ops.slice(x, dimension, 1, left))
  end
  return x
end

local sort_options = { descending = false }

--- The elements in ascending order along a dimension, and the positions that they had. Equal elements keep their order;
-- NaN is the last.
-- @param dimension? integer from 1 on; needless for a tensor of one dimension
-- @option descending true: the greatest comes first
-- @return tensor of the shape of x
-- @return tensor of positions, from 1
-- @usage sorted, positions = x:sort(2, { descending = true })
function methods.sort(x, dimension, options)
  options, dimension = check.options("sort", options, sort_options), dimension_of("sort", x, dimension)
  local positions = core.argsort(x, dimension, options.descending)
  return ops.pick(x, dimension, positions), positions
end

check.takes(methods.sort, 2, sort_options)

--- The k greatest elements along a dimension, the greatest first, and their positions. NaN comes last.
-- @param k integer their number
-- @param dimension? integer from 1 on; needless for a tensor of one dimension
-- @return tensor with k entries along the dimension
-- @return tensor of positions, from 1
function methods.topk(x, k, dimension)
  dimension = dimension_of("topk", x, dimension)
  check.kind("topk", "k", k, "positive integer")
  if k > core.size(x, dimension) then
    check.fail("topk", "k: expected at most %d, the size of dimension %d, got %d", core.size(x, dimension), dimension,
      k)
  end
  local positions = core.slice(core.argsort(x, dimension, true), dimension, 1, k)
  return ops.pick(x, dimension, positions), positions
end

--- The different elements, ascending, and how often each occurs. All NaN count as one.
-- @return tensor (count)
-- @return tensor (count), the numbers of their occurrences
function methods.unique(x)
  local values, counts, last = {}, {}, nil
  for _, value in ipairs(core.totable(sorted(core.reshape(x, core.count(x)), 1))) do
    local is_new = #values == 0 or value ~= last and not (value ~= value and last ~= last)
    if is_new then values[#values + 1], counts[#values + 1] = value, 0 end
    counts[#values], last = counts[#values] + 1, value
  end
  return core.tensor(values), core.tensor(counts)
end

return { dimension_of = dimension_of }
