-- Simulated training sets: the classes, the ranges of what is drawn, and the same bits for the same seed.
local mb = require "moonbow"

if not pcall(require, "moonbow.crystal") then return end

local lattice = require "moonbow.xrd.lattice"

local function crystal(name, cell, group, sites)
  return assert(mb.xrd.parse(("data_%s\n_cell_length_a %g\n_cell_length_b %g\n_cell_length_c %g\n_cell_angle_alpha %g\n"
    .. "_cell_angle_beta %g\n_cell_angle_gamma %g\n_space_group_name_H-M_alt '%s'\nloop_\n_atom_site_label\n"
    .. "_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n%s\n"):format(name, cell[1], cell[2], cell[3],
    cell[4], cell[5], cell[6], group, sites)))
end

local HALITE = crystal("halite", { 5.64, 5.64, 5.64, 90, 90, 90 }, "F m -3 m", "Na 0 0 0\nCl .5 .5 .5")
local NICKEL = crystal("nickel", { 3.52, 3.52, 3.52, 90, 90, 90 }, "F m -3 m", "Ni 0 0 0")
local ZINCITE = crystal("zincite", { 3.25, 3.25, 5.207, 90, 90, 120 }, "P 63 m c",
  "Zn .3333 .6667 0\nO .3333 .6667 .382")
local GRID = { first = 20, last = 80, points = 1201 }

local function set_of(options)
  local filled = { phases = { HALITE, NICKEL, ZINCITE }, radiation = "CuKa1", grid = GRID, n = 4, validation = 2 }
  for name, value in pairs(options or {}) do filled[name] = value end
  return mb.xrd.training_set(filled)
end

local function peak_of(x)
  local values = x:reshape(-1):totable()
  local best = 1
  for i, value in ipairs(values) do
    if value > values[best] then best = i end
  end
  return best
end

describe("a training set of powder patterns", function()
  it("has its shapes, classes and fractions", function()
    local set = set_of()
    assert.same({ 12, 1201, 1 }, set.train.x:shape())
    assert.same({ 6, 1201, 1 }, set.validation.x:shape())
    assert.is_nil(set.test)
    assert.same({ "halite", "nickel", "zincite" }, set.classes)
    assert.same({ 1, 2, 3, 1, 2, 3, 1, 2, 3, 1, 2, 3 }, set.train.y:totable())
    assert.same({ 0, 1, 0 }, set.train.fractions[2]:totable())
    assert.same(mb.ones(12):totable(), set.train.x:reshape(12, 1201):max(2):reshape(12):totable())
    assert.matches("train +12 spectra of 1201 points: halite 4, nickel 4, zincite 4", tostring(set))
  end)

  it("has the same bits for the same seed, whatever the number of threads", function()
    local options = { seed = 7, mixture = { 1, 3 }, background = 0.3, amorphous = 0.3, counts = { 100, 1e4 },
      noise = 0.01 }
    local before, first = mb.threads(), set_of(options)
    mb.threads(before == 1 and 3 or 1)
    local second = set_of(options)
    mb.threads(before)
    assert.equal(0, (first.train.x - second.train.x):abs():max()[1])
    assert.is_true((first.train.x - set_of { seed = 8 }.train.x):abs():max()[1] > 0.1)
    assert.is_true((first.train.x:narrow(1, 6) - first.validation.x):abs():max()[1] > 0.1)
  end)

  it("without variation is the pattern of each phase", function()
    local set = set_of { strain = 0, shift = 0, size = 200, texture = 0, impurity = 0 }
    for k, phase in ipairs { HALITE, NICKEL, ZINCITE } do
      local pattern = mb.xrd.pattern(phase, { radiation = "CuKa1", grid = GRID, size = 200, maximum = 1 })
      assert.is_true((pattern.x[1] - set.train.x[k]):abs():max()[1] < 3e-4)
    end
  end)

  it("has the tails of broad peaks outside its grid", function()
    local whole = mb.xrd.pattern(NICKEL, { radiation = "CuKa1", size = 20,
      grid = { first = 30, last = 80, step = 0.05 } })
    local set = set_of { phases = { NICKEL }, grid = { first = 55, last = 70, step = 0.05 }, strain = 0, shift = 0,
      size = 20, texture = 0 }
    local part = whole:crop(55, 70).x
    assert.is_true((part / part:max()[1] - set.train.x:narrow(1, 1)):abs():max()[1] < 0.01)
  end)

  it("moves peaks within the strain and the shift", function()
    local at = peak_of(set_of { strain = 0, shift = 0, size = 300, texture = 0, impurity = 0 }.train.x[1])
    local function spread(options)
      options.n, options.size, options.impurity, options.phases = 200, 300, 0, { HALITE }
      options.texture = options.texture or 0
      local low, high = math.huge, -math.huge
      local x = set_of(options).train.x
      for i = 1, 200 do
        local moved = peak_of(x[i]) - at
        low, high = math.min(low, moved), math.max(high, moved)
      end
      return low * 0.05, high * 0.05 -- degrees
    end
    local low, high = spread { strain = 0, shift = 0.4 }
    assert.is_true(low >= -0.41 and low < -0.3 and high <= 0.41 and high > 0.3)
    -- 200 of halite at 31.7 degrees: 2 tan(theta) times the strain
    low, high = spread { strain = 0.02, shift = 0 }
    local most = math.deg(2 * math.tan(math.rad(31.7 / 2)) * 0.02) + 0.06
    assert.is_true(low >= -most and low < -most / 2 and high <= most and high > most / 2)
  end)

  it("draws mixtures whose fractions add up to 1", function()
    local fractions = set_of { mixture = { 2, 3 }, n = 30 }.train.fractions
    local sums, counts = fractions:sum(2):reshape(-1):totable(), {}
    for i, sum in ipairs(sums) do
      local present = 0
      for _, value in ipairs(fractions[i]:totable()) do present = present + (value > 0 and 1 or 0) end
      assert.near(1, sum, 1e-6)
      counts[present] = (counts[present] or 0) + 1
    end
    assert.is_true(counts[2] > 20 and counts[3] > 20 and counts[1] == nil)
  end)

  it("adds backgrounds, humps, impurities and noise", function()
    local function rest(options)
      options.strain, options.shift, options.texture, options.size = 0, 0, 0, 300
      options.impurity = options.impurity or 0
      local set, plain = set_of(options), set_of { strain = 0, shift = 0, texture = 0, size = 300, impurity = 0 }
      return (set.train.x - plain.train.x):abs():mean()[1]
    end
    assert.equal(0, rest {})
    for _, options in ipairs { { background = 0.5 }, { amorphous = 0.5 }, { impurity = 0.7 }, { noise = 0.05 },
      { counts = 200 } } do assert.is_true(rest(options) > 1e-3) end
  end)

  it("refuses what it cannot draw", function()
    local function fails(message, options)
      assert.error_matches(function() set_of(options) end, message, nil, true)
    end
    fails("size: expected 1 <= from <= to, got 300 and 50", { size = { 300, 50 } })
    fails("phases: expected at least 4, got 3", { mixture = { 1, 4 } })
    fails("phases: expected at least 1, got 0", { phases = {} })
    fails("grid: expected rising angles", { grid = { 100, 200 } })
    fails("strain: expected", { strain = 1 })
    fails("unknown option 'sized'", { sized = 3 })
    local set, err = set_of { phases = { "missing.cif" } }
    assert.is_nil(set)
    assert.matches("missing.cif", err)
  end)
end)

describe("strains of a cell", function()
  it("keep its symmetry, and are as many as its system allows", function()
    for _, case in ipairs { { 1, HALITE }, { 2, ZINCITE },
      { 3, crystal("o", { 4, 5, 6, 90, 90, 90 }, "P m m m", "Na .1 .2 .3") },
      { 4, crystal("m", { 4, 5, 6, 90, 100, 90 }, "P 1 2/m 1", "Na .1 .2 .3") },
      { 6, crystal("t", { 4, 5, 6, 80, 100, 95 }, "P -1", "Na .1 .2 .3") },
      { 2, crystal("r", { 5, 5, 5, 75, 75, 75 }, "R -3 m:R", "Na .1 .2 .3") },
      { 1, crystal("p1", { 5, 5, 5, 90, 90, 90 }, "P 1", "Na .1 .2 .3") },
      { 2, crystal("p1hex", { 3, 3, 5, 90, 90, 120 }, "P 1", "Na .1 .2 .3") } } do
      local strains, amounts = lattice.strains(case[2]), {}
      assert.equal(case[1], #strains, case[2].name)
      for k = 1, #strains do amounts[k] = 0.01 * k end
      local cell, before = lattice.strained(case[2], strains, amounts), case[2].cell
      for i = 1, 3 do
        for j = 1, 3 do
          if before[i] == before[j] and case[1] < 3 then assert.near(cell[i], cell[j], 1e-9) end
        end
        if before[i + 3] == 90 or before[i + 3] == 120 then
          if case[1] < 4 then assert.near(before[i + 3], cell[i + 3], 1e-9) end
        end
      end
      local same = lattice.strained(case[2], strains, { 0, 0, 0, 0, 0, 0 })
      assert.near(lattice.volume(before), lattice.volume(same), 1e-9)
      local all = lattice.strained(case[2], strains, { 0.01, 0, 0, 0, 0, 0 })
      for i = 1, 3 do assert.near(before[i] * math.sqrt(1.02), all[i], 1e-9) end
    end
  end)
end)
