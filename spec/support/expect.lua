-- Assertions that several specs share.
local assert = require "luassert"

local expect = {}

--- f(...) raises an error that holds this text.
function expect.raises(message, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.truthy(tostring(err):find(message, 1, true), err)
end

--- Two tensors have one shape, and elements that differ by at most the tolerance (1e-6).
function expect.close(a, b, tolerance)
  assert.same(a:shape(), b:shape())
  local off = (a - b):abs():max():item()
  assert.is_true(off <= (tolerance or 1e-6), ("off by %g"):format(off))
end

return expect
