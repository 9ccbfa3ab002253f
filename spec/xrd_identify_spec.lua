-- Which phases a pattern holds: simulated mixtures, and weighed ones that were measured.
local mb = require "moonbow"
local lfs = require "lfs"
local measured = require "support.measured"

if not pcall(require, "moonbow.crystal") then return end

local made = require "support.made_phases"
local raises = require("support.expect").raises
local cubic, weights, strained = made.cubic, made.weights, made.strained
local HALITE, NICKEL, SILICON, TUNGSTEN = made.HALITE, made.NICKEL, made.SILICON, made.TUNGSTEN
local RUTILE, GRID = made.RUTILE, made.GRID

describe("identification", function()
  local function pattern_of(phases, options)
    local filled = { radiation = "Cu", grid = GRID, B = 0.6, maximum = 5000, background = 200, noise = mb.rng(2) }
    for name, value in pairs(options or {}) do filled[name] = value end
    return mb.xrd.pattern(phases, filled)
  end

  local function names(mixture)
    local list = {}
    for i, phase in ipairs(mixture.phases) do list[i] = phase.crystal.name end
    table.sort(list)
    return list
  end

  local FIVE = { HALITE, NICKEL, SILICON, TUNGSTEN, RUTILE }

  it("finds one to four phases, and no others, by any radiation and grid", function()
    local phases = { { crystal = HALITE, weight = 0.4 }, { crystal = RUTILE, weight = 0.3 },
      { crystal = SILICON, weight = 0.2 }, { crystal = NICKEL, weight = 0.1 } }
    for count, case in ipairs { { radiation = "Mo", grid = { first = 8, last = 45, step = 0.01 } },
      { radiation = 0.41, grid = { first = 5, last = 30, step = 0.005 }, instrument = { W = 4e-4 } },
      { radiation = "Co", grid = { first = 20, last = 120, points = 500 } },
      { radiation = "Cu", grid = { first = 20, last = 120, points = 20000 } } } do
      local mixed = table.move(phases, 1, count, 1, {})
      local found = mb.xrd.identify(pattern_of(mixed, case), FIVE, { radiation = case.radiation,
        instrument = case.instrument })
      local expected = {}
      for i, phase in ipairs(mixed) do expected[i] = phase.crystal.name end
      table.sort(expected)
      assert.same(expected, names(found))
      assert.is_false(found.unknown)
    end
  end)

  it("says that a phase is not among the candidates, and where its peaks are", function()
    local pattern = pattern_of { { crystal = HALITE, weight = 0.7 }, { crystal = RUTILE, weight = 0.3 } }
    local found = mb.xrd.identify(pattern, { HALITE, NICKEL, TUNGSTEN }, { radiation = "Cu" })
    assert.same({ "halite" }, names(found))
    assert.is_true(found.unknown)
    assert.near(27.43, found.unexplained_at[1], 0.1)
    assert.matches("NOT AMONG THE CANDIDATES: %d+%.%d %% of the intensity", tostring(found))
    local none = mb.xrd.identify(pattern, { TUNGSTEN }, { radiation = "Cu" })
    assert.same({}, names(none))
    assert.is_true(none.unknown)
  end)

  it("finds nothing in a background", function()
    local noise = pattern_of({ { crystal = HALITE, weight = 1 } }, { maximum = 1e-6 })
    local found = mb.xrd.identify(noise, FIVE, { radiation = "Cu" })
    assert.same({}, names(found))
    assert.is_false(found.unknown)
  end)

  it("finds a weak phase where noise is most of the residual, and none in noise alone", function()
    for seed = 1, 3 do
      local weak = pattern_of({ { crystal = HALITE, weight = 1 } }, { maximum = 120, noise = mb.rng(seed) })
      assert.same({ "halite" }, names(mb.xrd.identify(weak, FIVE, { radiation = "Cu" })))
      for _, points in ipairs { 300, 2000 } do
        local noise = pattern_of({ { crystal = HALITE, weight = 1 } }, { maximum = 1e-6,
          noise = mb.rng { seed, points }, grid = { first = 20, last = 120, points = points } })
        assert.same({}, names(mb.xrd.identify(noise, FIVE, { radiation = "Cu" })))
      end
    end
  end)

  it("names candidates that cannot be told apart", function()
    local twin = cubic("twin", 5.6402, "F m -3 m", "Na 0 0 0\nCl .5 .5 .5")
    local found = mb.xrd.identify(pattern_of { { crystal = HALITE, weight = 1 } }, { TUNGSTEN, HALITE, twin },
      { radiation = "Cu" })
    assert.same({ "halite" }, names(found))
    assert.equal("twin", found.phases[1].alternatives[1].crystal.name)
    assert.matches("twin", tostring(found))
    assert.equal("twin", found:record().phases[1].alternatives[1].name)
  end)

  it("prefers a cell that needs no strain, and refuses one that needs too much", function()
    local pattern = pattern_of { { crystal = HALITE, weight = 1, cell = strained(HALITE, 1.001, 1.001) } }
    -- A strain of -1 % is one of the steps that are tried at first, 0.1 % is none.
    local far, near = cubic("far", 5.6402 * 1.001 / 0.99, "F m -3 m", "Na 0 0 0\nCl .5 .5 .5"),
      cubic("beyond", 5.6402 * 1.05, "F m -3 m", "Na 0 0 0\nCl .5 .5 .5")
    assert.same({ "halite" }, names(mb.xrd.identify(pattern, { far, HALITE }, { radiation = "Cu" })))
    assert.same({}, names(mb.xrd.identify(pattern, { near }, { radiation = "Cu" })))
  end)
end)

describe("identification by dissimilarity", function()
  local function nearest(pattern, list, measure)
    return mb.xrd.identify(pattern, list, { radiation = "Cu", method = "dissimilarity", measure = measure })
  end

  it("names the nearest candidate, or none", function()
    local pattern = mb.xrd.pattern(RUTILE, { radiation = "Cu", grid = GRID, maximum = 5000, background = { 200, -90 },
      noise = mb.rng(2) })
    for _, measure in ipairs { "cosine", "pearson", "jensen_shannon", "dtw" } do
      local found = nearest(pattern, { HALITE, RUTILE, SILICON }, measure)
      assert.equal("rutile", found.phases[1].crystal.name)
      assert.is_true(found.phases[1].merit > 0.6)
      local none = nearest(pattern, { HALITE, SILICON }, measure)
      assert.same({}, none.phases)
      assert.is_true(none.unknown)
    end
    local found = nearest(pattern, { RUTILE, HALITE, RUTILE })
    assert.equal("rutile", found.phases[1].alternatives[1].crystal.name)
    assert.matches("^1 phase of 3 candidates, by dissimilarity\n", tostring(found))
    assert.matches("rutile", found:plot():script "svg")
    assert.error_matches(function() nearest(pattern, { RUTILE }, "euclid") end, "measure", nil, true)
    assert.error_matches(function() found:spectra() end, "only a fit has a calculated pattern", nil, true)
  end)
end)

describe("identification by a network", function()
  local nn = mb.nn
  local grid = { first = 20, last = 80, points = 601 }

  local function small(classes)
    return nn.Sequential { nn.Conv1d { filters = 16, kernel = 15, padding = "same", activation = "relu" },
      nn.MaxPool1d { size = 4 }, nn.Conv1d { filters = 32, kernel = 9, padding = "same", activation = "relu" },
      nn.MaxPool1d { size = 4 }, nn.Flatten {}, nn.Dropout { rate = 0.3 },
      nn.Dense { units = 64, activation = "relu" }, nn.Dropout { rate = 0.3 }, nn.Dense { units = classes } }
  end

  local function trained()
    return mb.xrd.train({ HALITE, SILICON, RUTILE }, { radiation = "CuKa1", model = small(3), epochs = 6, seed = 2,
      verbose = false, set = { grid = grid, n = 40, validation = 5, strain = 0.01, shift = 0.1 } })
  end

  it("finds the phases of a mixture, their weights, and the same bits each time", function()
    local identifier = trained()
    assert.matches("^network of 3 candidates, 601 points from 20 to 80 deg$", tostring(identifier))
    assert.is_true(identifier.history[#identifier.history].val_accuracy > 0.8)
    local pattern = mb.xrd.pattern({ { crystal = HALITE, weight = 0.6 }, { crystal = RUTILE, weight = 0.4 } },
      { radiation = "Cu", grid = GRID, maximum = 5000, background = { 200, -90 }, noise = mb.rng(2), B = 0.6,
        size = 200 })
    local found = mb.xrd.identify(pattern, identifier, { radiation = "Cu" })
    local by = weights(found)
    assert.near(0.6, by.halite, 0.02)
    assert.near(0.4, by.rutile, 0.02)
    assert.is_false(found.unknown)
    local least = math.min(found.phases[1].merit, found.phases[2].merit)
    assert.equal(2, #mb.xrd.identify(pattern, identifier, { radiation = "Cu", confidence = least }).phases)
    local sure = mb.xrd.identify(pattern, identifier, { radiation = "Cu", confidence = math.min(1, least + 0.001) })
    assert.equal(least == 1 and 2 or 1, #sure.phases)
    assert.matches("by network", tostring(found))
    assert.same(found:record(), mb.xrd.identify(pattern, identifier, { radiation = "Cu" }):record())
    local other = mb.xrd.identify(pattern, identifier, { radiation = "Cu", most = 1 })
    assert.equal(1, #other.phases)
    assert.is_true(other.unknown)
    local before = identifier.model.layers[6].training
    assert.is_false(before)
    assert.error_matches(function() mb.xrd.identify(pattern:crop(30, 70), identifier, { radiation = "Cu" }) end,
      "the network needs 20 to 80 deg, it has 30", nil, true)
  end)

  local function hasty()
    return mb.xrd.train({ HALITE, SILICON }, { radiation = "Cu", model = small(2), epochs = 1, verbose = false,
      set = { grid = grid, n = 2, validation = 1 } })
  end

  it("refuses patterns of another radiation, whose angles mean other spacings", function()
    local identifier = hasty()
    local pattern = mb.xrd.pattern(HALITE, { radiation = "Co", grid = GRID, B = 0.6, size = 300 })
    raises("xrd.identify: radiation: the network was trained for CuKa1 1.540593 A, CuKa2 1.544427 A (1 : 0.5), the "
      .. "pattern has CoKa1 1.788996 A", mb.xrd.identify, pattern, identifier, { radiation = "CoKa1" })
    assert.equal("network", mb.xrd.identify(pattern, identifier, { radiation = "CuKa", votes = 2 }).method)
  end)

  it("gives its candidates to the other methods", function()
    local identifier = hasty()
    local pattern = mb.xrd.pattern(HALITE, { radiation = "Cu", grid = GRID, B = 0.6, size = 300 })
    for _, method in ipairs { "fit", "dissimilarity" } do
      local found = mb.xrd.identify(pattern, identifier, { radiation = "Cu", method = method })
      assert.equal(method, found.method)
      assert.equal("halite", found.phases[1].crystal.name)
    end
    raises("xrd.train: set.radiation: it follows from the candidates and the options", mb.xrd.train, { HALITE },
      { radiation = "Cu", set = { radiation = "Co" } })
    raises('candidates: the method "network" takes a network, as mb.xrd.train gives it, got', mb.xrd.identify, pattern,
      { HALITE }, { radiation = "Cu", method = "network" })
    raises("method: expected one of 'fit', 'network', 'dissimilarity', got 'fits'", mb.xrd.identify, pattern,
      { HALITE }, { radiation = "Cu", method = "fits" })
  end)

  it("refuses a model with other outputs", function()
    local options = { radiation = "Cu", epochs = 1, verbose = false, set = { grid = grid, n = 2 } }
    for units = 1, 3, 2 do
      options.model = small(units)
      raises(("model: expected 2 outputs, one for each candidate, got outputs of shape {1, %d}"):format(
        units), mb.xrd.train, { HALITE, SILICON }, options)
    end
    options.model = nn.Conv1d { filters = 2, kernel = 3 }
    raises("model: expected 2 outputs, one for each candidate, got outputs of shape {1, 599, 2}", mb.xrd.train,
      { HALITE, SILICON }, options)
    local identifier, err = mb.xrd.train({ "missing.cif" }, { radiation = "Cu" })
    assert.is_nil(identifier)
    assert.matches("missing.cif", err)
  end)
end)

describe("measured mixtures", function()
  local threads = mb.threads()
  setup(function() mb.threads(1) end) -- of a scan that takes a second, threads would wait most of the time
  teardown(function() mb.threads(threads) end)

  local function candidates_in(folder, list)
    for file in lfs.dir(folder) do
      if file:find "%.cif$" then list[#list + 1] = assert(mb.xrd.read(folder .. "/" .. file)) end
    end
    table.sort(list, function(a, b) return a.path < b.path end)
    return list
  end

  -- Formula and number of the space group, by which the files are named.
  local function label(crystal) return crystal.path:match "([^/]+)%.cif$" end

  local numbers = { TiO2 = 141, NiO = 225, Bi2O3 = 14, ZnO = 186, V2O5 = 59, MnCO3 = 167, In2O3 = 206,
    ["La(OH)3"] = 176, Li2CO3 = 15, ZrO2 = 14, LiMnO2 = 59, Mn2O3 = 206, MnO = 225, MnO2 = 136, Li2MnO3 = 12,
    LiF = 225 }

  local function is_right(mixture, formulas)
    local found = {}
    for _, phase in ipairs(mixture.phases) do found[label(phase.crystal)] = phase.weight end
    for _, formula in ipairs(formulas) do
      if not found[formula .. "_" .. numbers[formula]] then return false end
    end
    return #mixture.phases == #formulas, found
  end

  it("are identified among 36 structures, weights off by 5 % at most on average", function()
    local folder, missing = measured "xrd_mixtures"
    if not folder then return pending(missing) end
    local candidates = candidates_in(folder .. "/references", {})
    candidates_in(folder .. "/../xrd_limnti_oxyfluoride/references", candidates)
    local scans, right, error_sum, count = 0, 0, 0, 0
    for file in lfs.dir(folder) do
      if file:find "%.xrdml$" then
        local mixture, formulas = mb.xrd.identify(assert(mb.spectra.read(folder .. "/" .. file)), candidates), {}
        for formula in file:gmatch "([%w()]+)_0p" do formulas[#formulas + 1] = formula end
        local ok, found = is_right(mixture, formulas)
        scans, right = scans + 1, right + (ok and not mixture.unknown and 1 or 0)
        for formula, part in file:gmatch "([%w()]+)_0p(%d+)" do
          local weight = found and found[formula .. "_" .. numbers[formula]] or 0
          error_sum, count = error_sum + math.abs(weight - tonumber("0." .. part)), count + 1
        end
      end
    end
    assert.equal(20, scans)
    assert.is_true(right >= 19, right .. " of 20")
    assert.is_true(error_sum / count < 0.05, error_sum / count)
  end)

  it("of oxyfluorides are identified by calculated cells", function()
    local folder, missing = measured "xrd_limnti_oxyfluoride"
    if not folder then return pending(missing) end
    local candidates, scans, right = candidates_in(folder .. "/references", {}), 0, 0
    for file in lfs.dir(folder) do
      local name = file:match "^(.*)%.xy$"
      if name then
        local formulas = {}
        for formula in name:gmatch "[^+]+" do formulas[#formulas + 1] = formula end
        local scan = assert(mb.spectra.read(folder .. "/" .. file))[1]
        scans = scans + 1
        right = right + (is_right(mb.xrd.identify(scan, candidates, { radiation = "Cu" }), formulas) and 1 or 0)
      end
    end
    assert.equal(8, scans)
    assert.equal(8, right)
  end)
end)
