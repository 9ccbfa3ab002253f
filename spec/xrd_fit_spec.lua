-- Plain fits of mixtures: simulated ones, and weighed ones that were measured.
local mb = require "moonbow"
local lfs = require "lfs"
local measured = require "support.measured"
local nnls = require "moonbow.xrd.nnls"

describe("least squares with bounds", function()
  -- The squared residual at the best point whose unknowns are all at their bounds or in a set, over all sets.
  local function by_all_sets(gram, right, free)
    local n, best = #right, 0
    for mask = 0, (1 << n) - 1 do
      if mask & ((1 << free) - 1) == (1 << free) - 1 then
        local places, part, values = {}, {}, {}
        for i = 1, n do
          if mask >> (i - 1) & 1 == 1 then places[#places + 1] = i end
        end
        for p, row in ipairs(places) do
          part[p], values[p] = {}, right[row]
          for q, column in ipairs(places) do part[p][q] = gram[row][column] end
        end
        local x, is_inside = nnls.solve(part, values, #places), true
        for p, place in ipairs(places) do is_inside = is_inside and (place <= free or (x[p] or 0) >= 0) end
        if #places > 0 and is_inside then best = math.min(best, nnls.residual(part, values, x, 1e3) - 1e3) end
      end
    end
    return best
  end

  it("finds the best of all sets of unknowns", function()
    local rng = mb.rng(3)
    for round = 1, 30 do
      local columns, gram, right = rng:normal(0, 1, 6, 9):totable(), {}, {}
      local target = rng:normal(0, 1, 9):totable()
      for i = 1, 6 do
        gram[i], right[i] = {}, 0
        for t = 1, 9 do right[i] = right[i] + columns[i][t] * target[t] end
        for j = 1, 6 do
          gram[i][j] = 0
          for t = 1, 9 do gram[i][j] = gram[i][j] + columns[i][t] * columns[j][t] end
        end
      end
      local free = round % 3
      local x = nnls.solve(gram, right, free)
      for i, value in pairs(x) do assert.is_true(i <= free or value >= 0) end
      assert.near(by_all_sets(gram, right, free), nnls.residual(gram, right, x, 1e3) - 1e3, 1e-4)
    end
  end)
end)

if not pcall(require, "moonbow.crystal") then return end

local function cubic(name, a, group, sites)
  return assert(mb.xrd.parse(("data_%s\n_cell_length_a %g\n_cell_length_b %g\n_cell_length_c %g\n"
    .. "_space_group_name_H-M_alt '%s'\nloop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n"
    .. "_atom_site_fract_z\n%s\n"):format(name, a, a, a, group, sites)))
end

local HALITE = cubic("halite", 5.6402, "F m -3 m", "Na 0 0 0\nCl .5 .5 .5")
local NICKEL = cubic("nickel", 3.5238, "F m -3 m", "Ni 0 0 0")
local SILICON = cubic("silicon", 5.4309, "F d -3 m:2", "Si .125 .125 .125")
local TUNGSTEN = cubic("tungsten", 3.1652, "I m -3 m", "W 0 0 0")
local ALL = { HALITE, NICKEL, SILICON, TUNGSTEN }
local GRID = { first = 20, last = 90, step = 0.03 }

local function weights(mixture)
  local by_name = {}
  for _, phase in ipairs(mixture.phases) do by_name[phase.crystal.name] = phase.weight end
  return by_name
end

describe("a fit", function()
  it("finds phases, weights within 1 percent, shift and size of a noisy simulation", function()
    local pattern = mb.xrd.pattern({ { crystal = HALITE, weight = 0.5 }, { crystal = NICKEL, weight = 0.2 },
      { crystal = SILICON, weight = 0.3 } }, { radiation = "Cu", grid = GRID, zero = 0.1, size = 250, maximum = 5000,
      background = { 200, -50, 20 }, noise = mb.rng(5) })
    local mixture = mb.xrd.fit(pattern, ALL, { radiation = "Cu" })
    assert.equal(3, #mixture.phases)
    local found = weights(mixture)
    assert.near(0.5, found.halite, 0.01)
    assert.near(0.2, found.nickel, 0.01)
    assert.near(0.3, found.silicon, 0.01)
    assert.near(0.1, mixture.zero, 1e-9)
    assert.equal(250, mixture.size)
    assert.is_true(mixture.rwp < 0.06)
    assert.matches("^3 phases of 4 candidates, Rwp 0.0%d+, shift of 2theta 0.100 deg, crystallites of 250 A\n",
      tostring(mixture))
    assert.matches("halite +Cl Na +F m %-3 m +%d+%.%d", tostring(mixture))
  end)

  it("refuses what is no pattern", function()
    local function fails(message, ...)
      local arguments = table.pack(...)
      assert.error_matches(function() mb.xrd.fit(table.unpack(arguments, 1, arguments.n)) end, message, nil, true)
    end
    local pattern = mb.xrd.pattern(HALITE, { radiation = "Cu", grid = GRID })
    fails("xrd.fit: pattern: expected a set of one spectrum, as set[1] is, got 3", 3, ALL, { radiation = "Cu" })
    fails("expected a set of one spectrum", mb.spectra.concat { pattern, pattern }, ALL, { radiation = "Cu" })
    fails("rising angles", pattern:flip(), ALL, { radiation = "Cu" })
    fails("candidates: expected at least one, got none", pattern, {}, { radiation = "Cu" })
    fails("xrd.fit: radiation: expected", pattern, ALL, {})
    local mixture, err = mb.xrd.fit(pattern, { "missing.cif" }, { radiation = "Cu" })
    assert.is_nil(mixture)
    assert.matches("missing.cif", err)
  end)

  it("finds the phases of the weighed mixtures, and no others, among 36 candidates", function()
    local folder, missing = measured "xrd_mixtures"
    if not folder then return pending(missing) end
    local candidates, scans, right, error_sum, count = {}, 0, 0, 0, 0
    for _, references in ipairs { "/references", "/../xrd_limnti_oxyfluoride/references" } do
      for file in lfs.dir(folder .. references) do
        if file:find "%.cif$" then
          candidates[#candidates + 1] = assert(mb.xrd.read(folder .. references .. "/" .. file))
          candidates[#candidates].name = references:sub(2, 3) .. file
        end
      end
    end
    for file in lfs.dir(folder) do
      if file:find "8min%.xrdml$" then
        local mixture = mb.xrd.fit(assert(mb.spectra.read(folder .. "/" .. file))[1], candidates,
          { radiation = "Cu", B = 0.6 })
        local found, weighed = {}, 0
        for name, weight in pairs(weights(mixture)) do found[name:match "^re(.-)_%d" or name] = weight end
        local is_right = true
        for name, part in file:gmatch "([%w()]+)_0p(%d+)" do
          weighed, is_right = weighed + 1, is_right and found[name] ~= nil
          error_sum, count = error_sum + math.abs((found[name] or 0) - tonumber("0." .. part)), count + 1
        end
        scans, right = scans + 1, right + (is_right and #mixture.phases == weighed and 1 or 0)
      end
    end
    assert.equal(10, scans)
    assert.is_true(right >= 9, right .. " of 10")
    assert.is_true(error_sum / count < 0.08, error_sum / count)
  end)
end)
