--- Elements at positions along a dimension: taken, set, found, and values between them.
local core = require "moonbow.core"
local check = require "moonbow.check"
local ops = require "moonbow.ops"
local dimension_of = require("moonbow.tensor.reductions").dimension_of
local where = require("moonbow.tensor.moves").where

local methods = core.tensor_methods

--- One entry along a dimension for each element of a tensor of positions, which has the other sizes of x.
-- @param dimension integer from 1 on
-- @param positions tensor of whole numbers from 1 on, as x:argmax, x:sort and x:topk give them
-- @return tensor of the shape of the positions
-- @usage x:gather(2, x:argmax(2, { keep = true }))
function methods.gather(x, dimension, positions) return ops.pick(x, dimension, positions) end

local scatter_options = { add = false }

--- A copy of x with values at positions along a dimension: what x:gather takes away, put back.
-- @param dimension integer from 1 on
-- @param positions tensor of whole numbers from 1 on, with the other sizes of x; no position twice, unless they add
-- @param values tensor of the shape of the positions
-- @option add true: the values are added to the elements of x, also several to one; false: they replace them
-- @return tensor of the shape of x
-- @usage x:scatter(2, x:argmax(2, { keep = true }), 0 * x:max(2, { keep = true }))
function methods.scatter(x, dimension, positions, values, options)
  options = check.options("scatter", options, scatter_options)
  check.kind("scatter", "positions", positions, "tensor")
  check.kind("scatter", "values", values, "tensor")
  if not core.same_shape(positions, values) then
    check.fail("scatter", "values: expected shape %s, that of the positions, got %s",
      check.show_shape(core.shape(positions)), check.show_shape(core.shape(values)))
  end
  local shape, ones = core.shape(x), core.full(1, core.shape(positions))
  local moved = ops.scatter(values, shape, dimension_of("scatter", x, dimension), positions)
  if options.add then return ops.add(x, moved) end
  local hits = core.pick_backward(ones, shape, dimension, positions)
  if core.max(core.reshape(hits, -1)):item() > 1 then
    check.fail("scatter", "positions: expected each one once, as values replace what is there; add = true adds them")
  end
  return where(hits, moved, x)
end

check.takes(methods.scatter, 4, scatter_options)

--- Where a tensor is not 0; NaN is not.
-- @return table a list, in the order of the elements, of numbers for a tensor of one dimension, as x:index takes them,
--   or of tables with a number for each dimension
-- @usage y:index(y:gt(0.5):nonzero())
function methods.nonzero(x)
  local list, shape = {}, core.shape(x)
  for i, value in ipairs(core.totable(core.reshape(x, -1))) do
    if value ~= 0 then
      local rest, place = i - 1, {}
      for d = #shape, 1, -1 do place[d], rest = rest % shape[d] + 1, rest // shape[d] end
      list[#list + 1] = #shape == 1 and i or place
    end
  end
  return list
end

-- The positions of so many points at equal distances, or given ones, checked.
local function positions_of(points, n)
  if type(points) == "number" then
    check.kind("interpolate", "points", points, "positive integer")
    local list = {}
    for i = 1, points do list[i] = points == 1 and 1 or 1 + (n - 1) * (i - 1) / (points - 1) end
    return list
  end
  check.kind("interpolate", "points", points, "table|tensor")
  local list = core.is_tensor(points) and core.totable(core.reshape(points, -1)) or points
  for i, at in ipairs(check.list("interpolate", "points", list)) do
    check.kind("interpolate", ("points[%d]"):format(i), at, "real")
    if at < 1 or at > n then
      check.fail("interpolate", "points[%d]: expected a position from 1 to %d, got %g", i, n, at)
    end
  end
  return list
end

--- Values between the entries of a dimension, on the straight lines that join neighbours.
-- @param points integer|table|tensor how many, at equal distances from the first entry to the last, or their positions:
--   2.5 lies in the middle between the entries 2 and 3
-- @param dimension? integer from 1 on, 2 for the length of (N, L, C); needless for a tensor of one dimension
-- @return tensor with the points along the dimension
-- @usage x:interpolate(500, 2)
function methods.interpolate(x, points, dimension)
  dimension = dimension_of("interpolate", x, dimension)
  local n, low, high, shares, shape = core.size(x, dimension), {}, {}, {}, {}
  for i, at in ipairs(positions_of(points, n)) do
    low[i] = at // 1 | 0
    shares[i] = at - low[i]
    high[i] = shares[i] > 0 and low[i] + 1 or low[i]
  end
  if #low == 0 then check.fail("interpolate", "points: expected at least one position, got none") end
  for d = 1, core.rank(x) do shape[d] = d == dimension and #low or 1 end
  local left, right = ops.take(x, dimension, low), ops.take(x, dimension, high)
  local share = core.reshape(core.tensor(shares), shape)
  local line = ops.add(left, ops.mul(ops.sub(right, left), share))
  return where(core.eq(share, 0), left, line) -- an entry itself, which may be infinite
end
