-- Comparisons of results, tensors or tables of them by name, that say what differs; and networks to compare.
local assert = require "luassert"
local core = require "moonbow.core"
local mb = require "moonbow"

local same = {}

-- What differs between two tensors; nil if they have the same bits.
local function difference_of(expected, got)
  if not core.is_tensor(got) then return "no tensor, but " .. tostring(got) end
  local shape, other = table.concat(expected:shape(), " x "), table.concat(got:shape(), " x ")
  if shape ~= other then return ("shape %s, expected %s"):format(other, shape) end
  if core.tobytes(expected) == core.tobytes(got) then return nil end
  local a, b, count, first = expected:reshape(-1):totable(), got:reshape(-1):totable(), 0, nil
  for i, value in ipairs(a) do
    if string.pack("n", value) ~= string.pack("n", b[i]) then count, first = count + 1, first or i end
  end
  return ("%d of %d elements differ, the first, %d: %.9g, expected %.9g"):format(count, #a, first, b[first], a[first])
end

--- Asserts that tensors, or those of tables by name, have the same shapes and bits.
-- @param name? of the case, for the message
function same.bits(expected, got, name)
  if not core.is_tensor(expected) then
    for key, value in pairs(expected) do same.bits(value, got[key], (name and name .. ", " or "") .. key) end
    return
  end
  local what = difference_of(expected, got)
  assert.is_nil(what, what and (name and name .. ": " or "") .. what)
end

--- The largest difference as a share of the largest value, of tensors or tables by name.
function same.difference(expected, got)
  if core.is_tensor(expected) then
    return (got - expected):abs():max():item() / math.max(expected:abs():max():item(), 1e-30)
  end
  local worst = 0
  for name, value in pairs(expected) do worst = math.max(worst, same.difference(value, got[name])) end
  return worst
end

--- A network of the same layers with other weights, in evaluation mode.
function same.unlike(model)
  local other = mb.nn.from_config(model:config())
  other:build(model.input_shape, mb.rng(99))
  return other:eval()
end

return same
