-- Plain fits of simulated mixtures.
local mb = require "moonbow"
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

local made = require "support.made_phases"
local raises, weights, strained = require("support.expect").raises, made.weights, made.strained
local HALITE, NICKEL, SILICON, RUTILE = made.HALITE, made.NICKEL, made.SILICON, made.RUTILE
local ALL, GRID = made.ALL, made.GRID

local function by_name(mixture, name)
  for _, phase in ipairs(mixture.phases) do
    if phase.crystal.name == name then return phase end
  end
end

describe("a full-profile fit", function()
  local function noisy(seed)
    return mb.xrd.pattern({ { crystal = HALITE, weight = 0.5, size = 300, cell = strained(HALITE, 1.004, 1.004) },
      { crystal = RUTILE, weight = 0.3, size = 150, cell = strained(RUTILE, 0.997, 1.005), texture = { 0, 0, 1, 0.8 } },
      { crystal = SILICON, weight = 0.2, size = 500, strain = 0.001 } }, { radiation = "Cu", grid = GRID, B = 0.6,
      displacement = 0.1, maximum = 20000, background = { 300, -80, 20 }, noise = mb.rng(seed) })
  end

  it("finds a texture that lies between its first values, in its direction", function()
    for _, texture in ipairs { { 0, 0, 1, 0.7 }, { 1, 1, 0, 0.7 }, { 1, 1, 1, 0.55 }, { 0, 0, 1, 1.4 } } do
      local pattern = mb.xrd.pattern(HALITE, { radiation = "Cu", grid = { first = 20, last = 120, step = 0.03 },
        B = 0.6, maximum = 20000, background = 50, size = 500, noise = mb.rng(3), texture = texture })
      local found = mb.xrd.fit(pattern, { HALITE }, { radiation = "Cu" }).phases[1].texture
      assert.same({ table.unpack(texture, 1, 3) }, { table.unpack(found, 1, 3) })
      assert.near(texture[4], found[4], 0.02)
    end
  end)
  it("finds weights within 1 %, cells within 1e-4, size, strain, texture and displacement", function()
    local mixture = mb.xrd.fit(noisy(5), { HALITE, RUTILE, SILICON }, { radiation = "Cu" })
    local found = weights(mixture)
    assert.near(0.5, found.halite, 0.01)
    assert.near(0.3, found.rutile, 0.01)
    assert.near(0.2, found.silicon, 0.01)
    local halite, rutile, silicon = by_name(mixture, "halite"), by_name(mixture, "rutile"), by_name(mixture, "silicon")
    assert.near(1.004, halite.cell[1] / HALITE.cell[1], 1e-4)
    assert.near(0.997, rutile.cell[1] / RUTILE.cell[1], 1e-4)
    assert.near(1.005, rutile.cell[3] / RUTILE.cell[3], 1e-4)
    assert.near(90, rutile.cell[5], 1e-9)
    assert.near(150, rutile.size, 10)
    assert.near(0.001, silicon.strain, 1e-4)
    assert.same({ 0, 0, 1 }, { table.unpack(rutile.texture, 1, 3) })
    assert.near(0.8, rutile.texture[4], 0.03)
    assert.near(math.deg(2 * 0.1 / 200), mixture.displacement, 0.005)
    assert.near(0.1, mixture.gaussian, 0.005)
    assert.is_true(mixture.rwp < 0.05)
    assert.is_false(mixture.unknown)
    assert.matches("^3 phases of 3 candidates, by fit, Rwp 0.0%d+, displacement 0.0%d+ deg\nCuKa1", tostring(mixture))
    assert.matches("rutile +O2 Ti +P 42/m n m +%d+%.%d +%d+ +001 0.%d", tostring(mixture))
  end)

  it("finds weights and widths of sharp, strong peaks, whose widths start far off", function()
    for _, case in ipairs { { "Co", 0.02, 0.01 }, { "Co", 0.05, 0.02 }, { "CuKa1", 0.02, 0.03 },
      { "CuKa1", 0.05, 0.0025 } } do
      local radiation, step, W = table.unpack(case)
      local pattern = mb.xrd.pattern({ { crystal = HALITE, weight = 0.6 }, { crystal = RUTILE, weight = 0.4 } }, {
        radiation = radiation, grid = { first = 20, last = 90, step = step }, B = 0.6, maximum = 30000, background = 50,
        noise = mb.rng(1), instrument = { W = W } })
      local mixture = mb.xrd.fit(pattern, { HALITE, RUTILE }, { radiation = radiation })
      assert.near(0.6, weights(mixture).halite, 0.01)
      assert.near(math.sqrt(W), mixture.gaussian, 0.002)
      assert.is_true(mixture.rwp < 0.1)
    end
  end)

  it("finds sharp peaks where the cells of the files are off by 1 %", function()
    for _, case in ipairs { { 1.01, 1 }, { 1.009, 0.995 } } do
      local a, b = table.unpack(case)
      local pattern = mb.xrd.pattern({ { crystal = HALITE, weight = 0.6, cell = strained(HALITE, a, a) },
        { crystal = RUTILE, weight = 0.4, cell = strained(RUTILE, b, b) } }, { radiation = "Cu", grid = GRID, B = 0.6,
        displacement = 0.1, maximum = 100000, background = 1000, noise = mb.rng(1), instrument = { W = 0.0025 } })
      local mixture = mb.xrd.fit(pattern, { HALITE, RUTILE }, { radiation = "Cu" })
      assert.near(0.6, weights(mixture).halite, 0.01)
      assert.near(a, by_name(mixture, "halite").cell[1] / HALITE.cell[1], 1e-4)
    end
  end)

  it("takes an instrument whose peaks are narrower between the ends than W", function()
    for _, instrument in ipairs { { U = 0.01, V = -0.01, W = 0.01 }, { U = 0.05, V = -0.03, W = 0.01 } } do
      local pattern = mb.xrd.pattern({ { crystal = HALITE, weight = 0.6 }, { crystal = RUTILE, weight = 0.4 } }, {
        radiation = "Cu", grid = { first = 20, last = 120, step = 0.03 }, B = 0.6, maximum = 30000, background = 100,
        noise = mb.rng(1), instrument = instrument, size = 500 })
      for _, way in ipairs { mb.xrd.fit, mb.xrd.identify } do
        local mixture = way(pattern, { HALITE, RUTILE }, { radiation = "Cu", instrument = instrument })
        assert.near(0.6, weights(mixture).halite, 0.01)
        assert.near(0.1, mixture.gaussian, 0.01)
        assert.same({}, mixture.at_bounds)
      end
    end
  end)

  local function half(phase, options)
    local filled = { radiation = "Cu", grid = { first = 20, last = 120, step = 0.03 }, B = 0.6, maximum = 20000,
      background = 50, noise = mb.rng(3), size = 500 }
    for name, value in pairs(options or {}) do filled[name] = value end
    phase.crystal, phase.weight = HALITE, 0.5
    return mb.xrd.pattern({ phase, { crystal = SILICON, weight = 0.5 } }, filled), filled.radiation
  end

  it("finds strong textures, small crystallites and large strains", function()
    for _, case in ipairs { { texture = { 0, 0, 1, 0.3 } }, { texture = { 1, 1, 1, 2.6 } }, { size = 25 },
      { strain = 0.02 } } do
      local mixture = mb.xrd.fit(half(case), { HALITE, SILICON }, { radiation = "Cu" })
      local halite = by_name(mixture, "halite")
      assert.near(0.5, halite.weight, 0.01)
      if case.texture then assert.near(case.texture[4], halite.texture[4], 0.05) end
      if case.size then assert.near(case.size, halite.size, 2) end
      if case.strain then assert.near(case.strain, halite.strain, 1e-3) end
      assert.same({}, mixture.at_bounds)
    end
  end)

  it("reaches the tails of peaks outside the pattern", function()
    local pattern = mb.xrd.pattern(NICKEL, { radiation = "CuKa1", grid = { first = 56, last = 85, step = 0.05 },
      B = 0.6, size = 15, background = 1 })
    local mixture = mb.xrd.fit(pattern, { NICKEL }, { radiation = "CuKa1", background = 2 })
    assert.near(15, mixture.phases[1].size, 0.5)
    assert.is_true(mixture.rwp < 1e-3)
  end)

  it("finds the narrow peaks of a synchrotron, and widths without what means of points add", function()
    local pattern = half({ size = 3000 }, { radiation = 0.4, grid = { first = 4, last = 30, step = 0.004 }, size = 3000,
      instrument = { W = 1e-4 } })
    local mixture = mb.xrd.fit(pattern, { HALITE, SILICON }, { radiation = 0.4, instrument = { W = 1e-4 } })
    assert.near(0.01, mixture.gaussian, 5e-4)
    assert.near(3000, by_name(mixture, "halite").size, 100)
    local fine = half({}, { grid = { first = 20, last = 120.02, step = 0.02 }, instrument = { W = 9e-4 }, size = 2000 })
    assert.equal(5002, fine.length) -- means of two
    assert.near(0.03, mb.xrd.fit(fine, { HALITE, SILICON }, { radiation = "Cu" }).gaussian, 0.002)
  end)

  it("refines the edges of a cell with one long edge, whichever it is", function()
    for long = 1, 3 do
      local edges = { 3, 3.1, 3.3 }
      edges[long] = 100
      local c = assert(mb.xrd.parse(([[
data_long
_cell_length_a %g
_cell_length_b %g
_cell_length_c %g
_space_group_IT_number 47
loop_
_atom_site_label
_atom_site_fract_x
_atom_site_fract_y
_atom_site_fract_z
Fe 0 0 0
Co .5 .2 .3
]]):format(table.unpack(edges))))
      local cell, other = { table.unpack(c.cell) }, long % 3 + 1
      cell[other] = cell[other] * 1.007
      local pattern = mb.xrd.pattern(c, { radiation = "CuKa1", grid = { first = 25, last = 80, step = 0.03 },
        size = 500, background = 10, maximum = 1e4, B = 0.6, cell = cell })
      assert.near(cell[other], mb.xrd.fit(pattern, { c }, { radiation = "CuKa1" }).phases[1].cell[other], 1e-3)
    end
  end)

  it("lists what it left at a bound", function()
    local pattern = mb.xrd.pattern(HALITE, { radiation = "Cu", grid = GRID, B = 0.6, maximum = 5000, background = 50,
      cell = strained(HALITE, 1.01, 1.01) })
    local mixture, found = mb.xrd.fit(pattern, { HALITE }, { radiation = "Cu", strain = 0.0095 }), {}
    for _, bound in ipairs(mixture.at_bounds) do found[bound.parameter] = bound end
    assert.same({ parameter = "cell", phase = "halite", value = 0.0095 }, found.cell)
    assert.same(mixture.at_bounds, mixture:record().at_bounds)
    local kept = mb.xrd.pattern(HALITE, { radiation = "Cu", grid = GRID, B = 0.6, background = 1 })
    assert.same({}, mb.xrd.fit(kept, { HALITE }, { radiation = "Cu", strain = 0 }).at_bounds)
    local line = "at the bounds of the refinement, which may mislead it: .*cell of halite %(0%.9 %%%)"
    assert.matches("\n" .. line, tostring(mixture))
    assert.matches('"alternatives":[]', require("moonbow.io.json").encode(mixture:record()), 1, true)
    assert.matches(line, require "moonbow.xrd.report"({ { name = "x", mixture = mixture } }, "y"))
  end)

  -- Intensities stay those of the file's cell, which costs 0.5 %; its volume would cost -0.8 %.
  it("weighs by the volume of the cell as it is", function()
    local pattern = mb.xrd.pattern({ { crystal = HALITE, weight = 0.5, cell = strained(HALITE, 1.018, 1.018) },
      { crystal = SILICON, weight = 0.5 } }, { radiation = "Cu", grid = GRID, B = 0.6, maximum = 1e5, size = 300,
      background = 1000 })
    assert.near(0.5, weights(mb.xrd.fit(pattern, { HALITE, SILICON }, { radiation = "Cu" })).halite, 0.007)
  end)

  it("has the same bits for any number of threads", function()
    local before = mb.threads()
    mb.threads(1)
    local one = mb.xrd.fit(noisy(6), { HALITE, RUTILE, SILICON }, { radiation = "Cu" }):record()
    mb.threads(3)
    assert.same(one, mb.xrd.fit(noisy(6), { HALITE, RUTILE, SILICON }, { radiation = "Cu" }):record())
    mb.threads(before)
  end)

  it("draws itself, and has its curves as spectra", function()
    local mixture = mb.xrd.fit(noisy(5), { HALITE, RUTILE, SILICON }, { radiation = "Cu" })
    assert.matches("rutile", mixture:plot():script "svg")
    local curves = mixture:spectra()
    assert.same({ "measured", "calculated", "background" }, curves.names)
    assert.near(0, (curves.x[1] - curves.x[2]):mean()[1] / curves.x[1]:max()[1], 0.01)
  end)

  it("takes d, q and falling angles", function()
    local pattern = noisy(5)
    local angles = mb.xrd.fit(pattern, { HALITE, RUTILE, SILICON }, { radiation = 1.5418 }):record()
    local d, q, down = {}, {}, {}
    for i, angle in ipairs(pattern.axis) do
      d[i] = 1.5418 / (2 * math.sin(math.rad(angle / 2)))
      q[i], down[#pattern.axis + 1 - i] = 2 * math.pi / d[i], angle
    end
    for name, axis in pairs { d = d, q = q } do
      local turned = mb.spectra.set { x = pattern.x, axis = axis, axis_name = name,
        unit = name == "d" and "A" or "1/A" }
      local found = mb.xrd.fit(turned, { HALITE, RUTILE, SILICON }, { radiation = 1.5418 }):record()
      assert.near(angles.rwp, found.rwp, 1e-4)
      assert.near(angles.phases[1].weight, found.phases[1].weight, 1e-3)
    end
    local falling = mb.spectra.set { x = pattern.x:flip(2), axis = down, axis_name = "2theta", unit = "deg" }
    assert.same(angles, mb.xrd.fit(falling, { HALITE, RUTILE, SILICON }, { radiation = 1.5418 }):record())
  end)

  it("heeds the unit of d and q, and refuses axes and units that it does not know", function()
    local pattern, in_nm, per_nm = noisy(5), {}, {}
    for i, angle in ipairs(pattern.axis) do
      in_nm[i] = 0.15418 / (2 * math.sin(math.rad(angle / 2)))
      per_nm[i] = 2 * math.pi / in_nm[i]
    end
    local function with(axis, name, unit)
      return mb.spectra.set { x = pattern.x, axis = axis, axis_name = name, unit = unit }
    end
    local candidates, options = { HALITE, RUTILE, SILICON }, { radiation = 1.5418 }
    local rwp = mb.xrd.fit(pattern, candidates, options).rwp
    assert.near(rwp, mb.xrd.fit(with(in_nm, "d", "nm"), candidates, options).rwp, 1e-4)
    assert.near(rwp, mb.xrd.fit(with(per_nm, "q", "1/nm"), candidates, options).rwp, 1e-4)
    assert.near(rwp, mb.xrd.fit(with(in_nm, "d-spacing", "nm"), candidates, options).rwp, 1e-4)
    assert.near(rwp, mb.xrd.fit(with(pattern.axis, "2 Theta", "deg"), candidates, options).rwp, 1e-4)
    for _, case in ipairs { { "theta", "deg" }, { "2theta", "rad" }, { "d", "um" }, { "energy", "eV" } } do
      raises(("got %s in %s"):format(case[1], case[2]), mb.xrd.fit, with(pattern.axis, case[1], case[2]), candidates,
        options)
    end
  end)

  it("takes the radiation that the file states, in the words of each format", function()
    local stated = require "moonbow.xrd.stated"
    local pair = { { wavelength = 1.5406, weight = 1 }, { wavelength = 1.5444, weight = 0.5 } }
    for _, metadata in ipairs { { ["kAlpha1 (Angstrom)"] = 1.5406, ["kAlpha2 (Angstrom)"] = 1.5444,
      usedWavelength = "K-Alpha 1" }, { ["WaveLengthAlpha1 (Å)"] = 1.5406, ["WaveLengthAlpha2 (Å)"] = 1.5444 },
      { k_alpha1 = 1.5406, k_alpha2 = 1.5444 }, { WL1 = 1.5406, WL2 = 1.5444, WLRATIO = 0.5, WL_UNIT = "A" },
      { WavelengthKalpha1 = "1.5406", WavelengthKalpha2 = "1.5444" }, { HW_XG_WAVE_LENGTH_ALPHA1 = 1.5406,
        HW_XG_WAVE_LENGTH_ALPHA2 = 1.5444, MEAS_COND_XG_WAVE_TYPE = "Ka" }, { WAVE_LENGTH1 = 1.5406,
        WAVE_LENGTH2 = 1.5444, XRAY_CHAR = "K-ALPHA" }, { LabdaAlpha1 = 1.5406, LabdaAlpha2 = 1.5444 } } do
      assert.same(pair, stated("x", metadata))
    end
    assert.equal(1.5406, stated("x", { k_alpha1 = 1.5406, k_alpha2 = 0 }))
    assert.equal(1.5406, stated("x", { k_alpha1 = 1.5406, k_alpha2 = 1.5444, k_alpha_ratio = 0 }))
    assert.equal(1.5406, stated("x", { ["WaveLengthAlpha1 (Å)"] = 1.5406, ["WaveLengthAlpha2 (Å)"] = 1.5444,
      WaveLengthRatio = 0 }))
    assert.equal(1.5406, stated("x", { WavelengthKalpha1 = 1.5406, WavelengthKalpha2 = 1.5444, WaveType = "Ka1" }))
    assert.equal(1.3922, stated("x", { WavelengthKalpha1 = 1.5406, WavelengthKbeta = 1.3922, WaveType = "Kb" }))
    assert.equal(1.5406, stated("x", { HW_XG_WAVE_LENGTH_ALPHA1 = 1.5406, HW_XG_WAVE_LENGTH_ALPHA2 = 1.5444,
      MEAS_COND_XG_WAVE_TYPE = "Ka1" }))
    assert.equal(0.41, stated("x", { _diffrn_radiation_wavelength = "0.41(1)" }))
    assert.is_nil(stated("x", { WL1 = 0.15406, WL_UNIT = "nm" }))
    local beta = { ["kAlpha1 (Angstrom)"] = 1.5406, ["kAlpha2 (Angstrom)"] = 1.5444, usedWavelength = "K-Beta" }
    raises("x: radiation: the pattern's file states K-Beta, but no wavelength of it", stated, "x", beta)
    beta["kBeta (Angstrom)"] = 1.3922
    assert.equal(1.3922, stated("x", beta))
    raises("x: radiation: the pattern's file states neutron, and form factors are those of X-rays", stated, "x",
      { _diffrn_radiation_wavelength = 2.0785, _diffrn_radiation_probe = "neutron" })
  end)

  it("reads the radiation of measured files of each format", function()
    local folder, missing = measured "instrument_files"
    if not folder then return pending(missing) end
    local radiation = require("moonbow.xrd.scan").radiation
    for _, name in ipairs { "rigaku_ras/XRD_RIGAKU.ras", "rigaku_rasx/rigaku_test.rasx", "bruker_raw/BT86.raw",
      "bruker_brml/test.brml", "rigaku_asc_txt/2Theta.asc", "stoe_raw/stoe.raw", "uxd/BT86_.UXD",
      "xrdml/empyrean.xrdml" } do
      local first = radiation("x", assert(mb.spectra.read(folder .. "/" .. name))[1])[1].wavelength
      assert.near(name:find "stoe" and 1.20793 or 1.5406, first, 1e-5, name)
    end
    local alone = assert(mb.spectra.read(folder .. "/rigaku_rasx/TwoTheta_scan_powder.rasx"))[1]
    assert.equal(1.540593, radiation("x", alone))
    local brml = assert(mb.spectra.read(folder .. "/bruker_brml/test.brml")).metadata[1]
    assert.equal(0.5, brml.WaveLengthRatio)
  end)

  it("takes negative values, which weigh as small ones", function()
    local pattern = noisy(5)
    local lowered = mb.spectra.set { x = pattern.x - 400, axis = pattern.axis, axis_name = "2theta", unit = "deg" }
    local found = weights(mb.xrd.fit(lowered, { HALITE, RUTILE, SILICON }, { radiation = "Cu" }))
    assert.near(0.5, found.halite, 0.03)
    assert.near(0.3, found.rutile, 0.03)
  end)

  it("refuses what is no pattern", function()
    local pattern = mb.xrd.pattern(HALITE, { radiation = "Cu", grid = GRID })
    local fit, cu = mb.xrd.fit, { radiation = "Cu" }
    raises("xrd.fit: pattern: expected a set of one spectrum, as set[1] is, got 3", fit, 3, ALL, cu)
    raises("expected a set of one spectrum", fit, mb.spectra.concat { pattern, pattern }, ALL, cu)
    raises("pattern: expected at least 50 points, got 20", fit, pattern:crop(20, 20.58), ALL, cu)
    raises("expected an axis 2theta (deg), d (A or nm) or q (1/A or 1/nm), got Raman shift in cm-1", fit,
      mb.spectra.set { x = pattern.x, axis = pattern.axis, axis_name = "Raman shift", unit = "cm-1" }, ALL, cu)
    raises("strain: expected at most 0.1, got 0.5", fit, pattern, ALL, { radiation = "Cu", strain = 0.5 })
    raises("20 of its q in 1/A is no angle between 0 and 180 deg for 1.54059 A", fit, mb.spectra.set { x = pattern.x,
      axis = pattern.axis, axis_name = "q", unit = "1/A" }, ALL, cu)
    raises("it has NaN or infinite values", fit, mb.spectra.set { x = pattern.x * (0 / 0), axis = pattern.axis,
      axis_name = "2theta", unit = "deg" }, ALL, cu)
    raises("none of its values is above 0", fit, mb.spectra.set { x = pattern.x * 0, axis = pattern.axis,
      axis_name = "2theta", unit = "deg" }, ALL, cu)
    raises("candidates: expected at least one, got none", fit, pattern, {}, cu)
    raises("the pattern's file states none", fit, pattern, ALL, {})
    local mixture, err = mb.xrd.fit(pattern, { "missing.cif" }, cu)
    assert.is_nil(mixture)
    assert.matches("missing.cif", err)
  end)
end)
