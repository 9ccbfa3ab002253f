--- The dimensions of a tensor in another order.
local core = require "moonbow.core"
local ops = require "moonbow.ops"

-- Dimension i of the result is dimension order[i] of x. Each swap puts one dimension in its place.
return function(x, order)
  local at = {}
  for i = 1, core.rank(x) do at[i] = i end
  for i = 1, #order - 1 do
    local j = i
    while at[j] ~= order[i] do j = j + 1 end
    if j ~= i then
      x = ops.transpose(x, i, j)
      at[i], at[j] = at[j], at[i]
    end
  end
  return x
end
