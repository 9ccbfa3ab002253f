-- A row of elementwise.lua gives a method, an activation and a layer, and its fields are right.
local mb = require "moonbow"
local core = require "moonbow.core"
local elementwise = require "moonbow.elementwise"
local activations = require "moonbow.nn.activations"

local grid = mb.linspace(-30, 30, 6001)

describe("a row of elementwise.lua", function()
  it("belongs to a row in C, and each of these has one", function()
    local rows = {}
    for name in pairs(core.unary_reads) do rows[name] = true end
    for _, row in ipairs(elementwise) do
      assert.is_true(rows[row[1]], row[1])
      rows[row[1]] = nil
    end
    assert.is_nil(next(rows))
  end)
  it("gives a method, and with a layer an activation and the layer, of the same bits", function()
    for _, row in ipairs(elementwise) do
      local name, alpha = row[1], row.alpha and 0.3
      local expected = grid[name](grid, alpha)
      local function check(y) assert.equal(expected:tobytes(), y:tobytes(), name) end
      if row.layer then
        check(activations.find("spec", name)(grid, alpha))
        check(mb.nn[row.layer] { alpha = alpha }(grid))
        check(mb.nn.Activation { name = name, alpha = alpha }(grid))
      else
        assert.error_matches(function() activations.find("spec", name) end, "activation: expected one of")
      end
    end
  end)
  it("takes an alpha, with the row's default, only if the row has one", function()
    for _, row in ipairs(elementwise) do
      local name = row[1]
      if row.alpha then
        assert.equal(grid[name](grid, row.alpha):tobytes(), grid[name](grid):tobytes(), name)
      else
        assert.error_matches(function() grid[name](grid, 0.5) end, name .. ": expected no arguments, got 0.5")
      end
    end
  end)
  it("has rising for every activation that never falls, and for no other", function()
    local function falls(y) return (y:narrow(2, 6000) - y:narrow(1, 6000)):min():item() < 0 end
    for _, row in ipairs(elementwise) do
      local name = row[1]
      if row.layer then
        assert.equal(not row.rising, falls(grid[name](grid)), name)
        assert.equal(row.rising or false, activations.is_rising(name), name)
        if row.alpha then
          assert.is_true(falls(grid[name](grid, -0.5)), name)
          assert.is_false(activations.is_rising(name, -0.5), name)
        end
      end
    end
  end)
  it("has a help text under the names of the method and of the layer", function()
    for _, row in ipairs(elementwise) do
      assert.equal(1, elementwise.help(row[1])[1]:find("For each element x: " .. row[2], 1, true))
      if row.layer then assert.truthy(elementwise.help(row.layer)) end
    end
    assert.is_nil(elementwise.help "matmul")
  end)
end)
