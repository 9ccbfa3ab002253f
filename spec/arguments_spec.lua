-- Arguments and options are counted and named: what is not taken is refused.
local mb = require "moonbow"
local check = require "moonbow.check"

local nan = 0 / 0

describe("a number that is asked for", function()
  it("is not NaN", function()
    for _, kinds in ipairs { "number", "finite", "positive", "non-negative", "fraction", "number|string", "integer" } do
      assert.error_matches(function() check.kind("op", "size", nan, kinds) end, "op: size: expected .*, got NaN$")
    end
    assert.error_matches(function() mb.linspace(0, nan, 3) end, "linspace: last: expected a number, got NaN$")
    assert.error_matches(function() mb.ones(2):allclose(mb.ones(2), { relative = nan }) end,
      "allclose: relative: expected a number, got NaN$")
  end)
  it("may be limited to what is below 1", function()
    assert.equal(0.9, check.kind("op", "rate", 0.9, "fraction below 1"))
    for _, value in ipairs { 1, -0.1, math.huge, "0.5" } do
      assert.error_matches(function() check.kind("op", "rate", value, "fraction below 1") end,
        "op: rate: expected a number of at least 0 and below 1, got ")
    end
  end)
end)
