--- Checks of what layers get, and shapes that several of them make.
local core = require "moonbow.core"
local check = require "moonbow.check"
local limits = require "moonbow.io.limits"

local inputs = {}

--- Raises unless a shape, with the batch first, has rank dimensions.
function inputs.check_shape(layer, shape, rank)
  if #shape ~= rank then
    check.fail(layer.type, "input: expected %d dimensions, got shape %s", rank, check.show_shape(shape))
  end
end

--- Raises unless x has rank dimensions.
function inputs.check_rank(layer, x, rank)
  if core.rank(x) ~= rank then inputs.check_shape(layer, core.shape(x), rank) end
end

--- Raises unless x is (N, L, C) with the channels that the weights expect.
function inputs.check_map(layer, x, channels)
  if core.rank(x) ~= 3 then inputs.check_shape(layer, core.shape(x), 3) end
  local given = core.size(x, 3)
  if given ~= channels then inputs.check_channels(layer, given, channels, "channels") end
end

--- Raises unless the last dimension of an input equals the one that the weights expect. what: its name in the message.
function inputs.check_channels(layer, channels, expected, what)
  if channels ~= expected then
    check.fail(layer.type, "input has %d %s, weights expect %d", channels, what, expected)
  end
end

local MOST = (1 << 31) - 1 -- of a dimension; kernels count no further
inputs.most = MOST

--- Raises unless a shape that a layer makes has a size that fits into memory and mb.limits.elements.
function inputs.check_sizes(layer, shape)
  local count = 1.0
  for _, size in ipairs(shape) do
    if size > MOST then check.fail(layer.type, "the output would have a dimension of %.0f", size) end
    count = count * size
  end
  if count > limits.elements then
    check.fail(layer.type, "the output would have %.3g elements, more than mb.limits.elements", count)
  end
end

-- ---- several inputs ----
--
-- A layer of several inputs takes tables by name: of tensors, and of shapes. layer.takes_named says so: it is the list
-- of the names, or true if the layer takes any.

local function has_name(known, name)
  for _, other in ipairs(known) do
    if other == name then return true end
  end
  return false
end

-- The names of the inputs that a layer takes from a table of values.
local function names_in(layer, operation, values)
  local known, names = layer.takes_named, {}
  for name in pairs(values) do
    check.kind(operation, "the name of an input", name, "string")
    if known ~= true and not has_name(known, name) then
      check.fail(operation, "there is no input %s; known are: %s", check.show(name), table.concat(known, ", "))
    end
    names[#names + 1] = name
  end
  for _, name in ipairs(known ~= true and known or {}) do
    if values[name] == nil then check.fail(operation, "there is no value for the input '%s'", name) end
  end
  if #names == 0 then check.fail(operation, "expected values by the names of inputs, got an empty table") end
  table.sort(names)
  return known ~= true and known or names
end

--- The values of a table by name, each read by read(value, name), for a layer of several inputs; the value alone for a
-- layer that lists one input. Raises unless the names are those of its inputs.
function inputs.by_name(layer, operation, values, read)
  local results, names = {}, names_in(layer, operation, values)
  for _, name in ipairs(names) do results[name] = read(values[name], name) end
  return #names == 1 and layer.takes_named ~= true and results[names[1]] or results
end

--- Raises that one value came, or what is shown, where a layer takes tensors by name.
function inputs.refuse_single(layer, shown)
  local names = layer.takes_named == true and "name" or table.concat(layer.takes_named, " = ..., ")
  check.fail(layer.type, "input: expected a table of tensors, { %s = ... }, got %s", names, shown)
end

--- The tensors of a call with something else than a tensor: those of a table by name, checked.
function inputs.read(layer, x)
  if not layer.takes_named then return check.kind(layer.type, "input", x, "tensor") end
  if type(x) ~= "table" then inputs.refuse_single(layer, check.show(x)) end
  return inputs.by_name(layer, layer.type, x, function(value, name)
    return check.kind(layer.type, name, value, "tensor")
  end)
end

--- f of a value, or of each of a table of values by name: tensors, or lists such as shapes.
function inputs.map(values, f)
  if core.is_tensor(values) or #values > 0 then return f(values) end
  local results = {}
  for name, value in pairs(values) do results[name] = f(value) end
  return results
end

--- The output_shape of layers that leave the shape as it is.
function inputs.same_shape(_, shape) return shape end

--- The number of windows along a length. Raises, as the layer, if they do not fit.
function inputs.count_windows(layer, length, size, stride, dilation, padding)
  local ok, result = pcall(core.window, length, size, stride, dilation, padding)
  if not ok then check.fail(layer.type, "%s", result:match "window: (.*)" or result) end
  return result
end

return inputs
