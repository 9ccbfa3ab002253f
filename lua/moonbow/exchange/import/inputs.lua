--- Checks of what operators get: see moonbow.exchange.import.operators.
local core = require "moonbow.core"
local values = require "moonbow.exchange.import.values"

local inputs = {}

--- Raises a message without position.
function inputs.fail(format, ...) error(format:format(...), 0) end

--- The tags of a value as a text.
function inputs.show(x) return "{" .. table.concat(x.tags, ", ") .. "}" end

--- Raises if a value is a part of something that moonbow has as a whole only.
function inputs.whole(x)
  if x.partial == "shares" then
    inputs.fail("the means of %s count padded points (count_include_pad), which those of moonbow leave out", x.made_by)
  end
  if x.partial then inputs.fail("a part of an expression that is no activation of moonbow") end
end

--- Raises unless an input is a map or rows, of which nothing is pending, whatever the order of its dimensions.
function inputs.any_order(x, may_pad)
  if not (x and x.tags) then inputs.fail("its input is no output of a layer") end
  inputs.whole(x)
  if x.pad and not may_pad then inputs.fail("padding that no convolution or pooling follows") end
  return x
end

--- Raises unless an input is a map or rows, the spectra first, of which nothing is pending (pad is then allowed if
-- may_pad).
function inputs.data(x, may_pad)
  inputs.any_order(x, may_pad)
  if x.tags[1] ~= "N" and x.tags[1] ~= "NL" then inputs.fail("the spectra do not stand in the first dimension") end
  if values.find(x, "D") then inputs.fail("states of two directions that are not side by side") end
  return x
end

--- True for maps and rows.
function inputs.is_data(x) return x ~= nil and x.tags ~= nil end

--- The tensor of a constant.
function inputs.constant(x, what)
  if not (x and x.tensor) then inputs.fail("%s: expected constant numbers", what) end
  return x.tensor
end

--- The integers of an input, as axes or a shape; nil if it is left out.
function inputs.integers(x, what)
  for _, value in ipairs(x and (x.integers or inputs.fail("%s: expected constant integers", what)) or {}) do
    if math.type(value) ~= "integer" then inputs.fail("%s: expected constant integers", what) end
  end
  return x and x.integers
end

--- A vector of a number for each channel.
function inputs.vector(x, what, channels)
  local tensor = inputs.constant(x, what)
  if core.count(tensor) ~= channels then
    inputs.fail("%s has %d numbers for %d channels", what, core.count(tensor), channels)
  end
  return core.reshape(tensor, channels)
end

--- A vector in moonbow's order of the features of x; or a matrix whose rows these are.
function inputs.in_order(tensor, x)
  if not x.order then return tensor end
  local back = {}
  for j, i in ipairs(x.order) do back[i] = j end
  return core.index(tensor, back)
end

--- The number of a constant that has one; else false or nil.
function inputs.single(c)
  return c.tensor and core.count(c.tensor) == 1 and core.totable(core.reshape(c.tensor, 1))[1]
end

--- True if a number, or nil, is nearly another one.
function inputs.near(value, expected) return value and math.abs(value - expected) < 1e-6 end

--- Rows, or another value if nothing changed but the shape, with the layer that makes maps to rows.
function inputs.with_flatten(import, node, x, y, became_rows)
  if became_rows then y.step = import:step(node, "Flatten", {}, {}, { x.step }) end
  return y
end

--- Maps as rows.
function inputs.flatten(import, node, x) return inputs.with_flatten(import, node, x, values.flatten(x)) end

return inputs
