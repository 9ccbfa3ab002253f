--- What the classifiers without gradients share: spectra as rows, class numbers, accuracy.
local core = require "moonbow.core"
local check = require "moonbow.check"

local rows = {}

--- Spectra (N, L, C) or rows (N, D) as a view (N, D). name: of the argument, "x" by default.
function rows.of(operation, x, name)
  name = name or "x"
  check.kind(operation, name, x, "tensor")
  if core.rank(x) == 2 then return x end
  if core.rank(x) ~= 3 then
    check.fail(operation, "%s: expected spectra (N, L, C) or rows (N, D), got shape %s", name,
      check.show_shape(core.shape(x)))
  end
  return core.reshape(x, core.size(x, 1), -1)
end

local MOST_CLASSES = 2 ^ 20 -- a larger label is none, and would cost memory for all below it

-- Labels (N), a tensor or table, as a table.
local function list_of(operation, y)
  check.kind(operation, "y", y, "tensor|table")
  return core.is_tensor(y) and core.totable(core.reshape(y, -1)) or y
end

--- The number of classes: the one asked for, or the largest label. The labels are checked by the kernels'
-- bindings.
function rows.classes(operation, y, asked)
  local largest = asked or 1
  for _, label in ipairs(asked and {} or list_of(operation, y)) do
    if type(label) == "number" and label > largest then largest = label end
  end
  if largest > MOST_CLASSES then
    check.fail(operation, "y: expected class numbers 1, 2, ..., up to %d, got %.14g", MOST_CLASSES, largest)
  end
  return math.tointeger(largest // 1)
end

--- The share of classes y that are predicted rightly.
function rows.accuracy(operation, predicted, y)
  local truth, n, right = list_of(operation, y), core.size(predicted, 1), 0
  if #truth ~= n then check.fail(operation, "y: expected %d labels, one per row of x, got %d", n, #truth) end
  for i, class in ipairs(core.totable(predicted)) do
    if class == truth[i] then right = right + 1 end
  end
  return right / n
end

return rows
