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

--- The number of classes: the one asked for, or the largest label. The labels are checked by the kernels'
-- bindings.
function rows.classes(operation, y, asked)
  check.kind(operation, "y", y, "tensor|table")
  if asked then return asked end
  local largest = 0
  for _, label in ipairs(core.is_tensor(y) and core.totable(y) or y) do
    if type(label) == "number" then largest = math.max(largest, label) end
  end
  return math.max(1, math.tointeger(largest // 1) or 1)
end

--- The share of classes y that are predicted rightly.
function rows.accuracy(operation, predicted, y)
  check.kind(operation, "y", y, "tensor|table")
  local truth = core.is_tensor(y) and core.totable(y) or y
  local n, right = core.size(predicted, 1), 0
  if #truth ~= n then check.fail(operation, "y: expected %d labels, one per row of x, got %d", n, #truth) end
  for i, class in ipairs(core.totable(predicted)) do
    if class == truth[i] then right = right + 1 end
  end
  return right / n
end

return rows
