--- Options of convolution and pooling along the length, as methods of tensors and layers take them.
local check = require "moonbow.check"

local windows = {}

--- Adds the options of a convolution to a table of defaults (default: an empty one).
-- @return table for check.options
function windows.conv1d(own)
  own = own or {}
  own.stride, own.dilation = check.default(1, "positive integer"), check.default(1, "positive integer")
  own.padding = check.default("valid", "string|integer|table")
  own.groups = check.default(1, "positive integer")
  return own
end

--- Adds size and stride of windows to a table of defaults; the stride is the size unless given.
-- @return table for check.options
function windows.pool1d(own)
  own.size, own.stride = check.required "positive integer", check.optional "positive integer"
  return own
end

--- The padding of pooling, for check.options.
windows.pool_padding = check.one_of("valid", { "valid", "same" })

--- Raises unless the padding of a convolution is one of the names ("valid", "same" and "causal" unless given), a number
-- of points, or { left, right } with two of them.
function windows.check_padding(operation, padding, names)
  names = names or { "valid", "same", "causal" }
  if type(padding) == "string" then
    check.name(operation, "padding", padding, names)
  elseif type(padding) == "table" then
    check.list(operation, "padding", padding)
    if #padding ~= 2 then
      check.fail(operation, "padding: expected { left, right }, got a list of %s", check.show_count(#padding, "entry",
        "entries"))
    end
    check.each(operation, "padding", padding, "non-negative integer")
  elseif padding < 0 then
    check.fail(operation, "padding: expected '%s' or a number of points, got %s", table.concat(names, "', '"),
      check.show(padding))
  end
end

return windows
