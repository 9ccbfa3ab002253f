-- Crystals of CIF files, their peaks and patterns, by closed forms, gemmi-python, pymatgen and published figures. Where
-- moonbow was built without gemmi, mb.xrd says so.
local mb = require "moonbow"
local made_cif = require "support.made_cif"
local measured = require "support.measured"

local is_built = pcall(require, "moonbow.crystal")

describe("without gemmi", function()
  it("crystals are refused by its name", function()
    local module, preload = package.loaded["moonbow.crystal"], package.preload
    package.loaded["moonbow.crystal"], preload["moonbow.crystal"] = nil, function()
      error "module 'moonbow.crystal' not found"
    end
    local crystal, err = mb.xrd.parse "data_x"
    package.loaded["moonbow.crystal"], preload["moonbow.crystal"] = module, nil
    assert.is_nil(crystal)
    assert.equal("crystals need gemmi, and moonbow was built without it (docs/building.md)", err)
  end)
end)

if not is_built then return end

local gemmi = require "moonbow.crystal"

-- A CIF: cell as a, b, c, alpha, beta, gamma; further lines; sites as lines "label type x y z ...".
local function cif(cell, lines, sites, columns)
  return made_cif(cell, lines, "label type_symbol fract_x fract_y fract_z " .. (columns or ""), sites)
end

local function symbol(name) return ("_space_group_name_H-M_alt '%s'"):format(name) end

local function parse(...) return assert(mb.xrd.parse(cif(...))) end

local CUBE, HEXAGON = { 5.6402, 5.6402, 5.6402, 90, 90, 90 }, { 4.916, 4.916, 5.4054, 90, 90, 120 }
local NACL = { CUBE, symbol "F m -3 m", "Na Na+ 0 0 0\nCl Cl- 0.5 0.5 0.5" }
local AT_REST = { radiation = 1.540593, dispersion = false, debye_waller = false, two_theta = { 5, 90 } }

local function named(peaks)
  local by_name = {}
  for _, p in ipairs(peaks) do by_name[("%d%d%d"):format(p.h, p.k, p.l)] = p end
  return by_name
end

describe("a crystal", function()
  it("has cell, formula, density and sites, and prints them", function()
    local crystal = parse(table.unpack(NACL))
    assert.same({ "Cl Na", 4, 225, "F m -3 m" }, { crystal.formula, crystal.units, crystal.number,
      crystal.space_group })
    assert.near(2.163, crystal.density, 0.002) -- of halite
    assert.near(5.6402 ^ 3, crystal.volume, 1e-9)
    assert.same({ 4, 4, 1, -1 }, { crystal.sites[1].multiplicity, crystal.sites[2].multiplicity,
      crystal.sites[1].charge, crystal.sites[2].charge })
    assert.equal([[
made: Cl Na, F m -3 m (225), 4 formula units in 179.43 A3, 2.163 g/cm3
cell 5.6402 5.6402 5.6402 A, 90 90 90 deg
site  atom        x        y        z  occupancy  U (A2)  in the cell
Na    Na1+  0.00000  0.00000  0.00000          1                    4
Cl    Cl1-  0.50000  0.50000  0.50000          1                    4
operators from the symbol, F m -3 m]], tostring(crystal))
  end)

  it("takes listed operators, a Hall symbol, a Hermann-Mauguin symbol or a number", function()
    local sites = "Ti Ti 0 0 0\nO O 0.3053 0.3053 0"
    local cell = { 4.5937, 4.5937, 2.9587, 90, 90, 90 }
    local operators = { "loop_\n_space_group_symop_operation_xyz" }
    for line in ("x,y,z;-y+1/2,x+1/2,z+1/2;-x,-y,z;y+1/2,-x+1/2,z+1/2;x+1/2,-y+1/2,-z+1/2;-y,-x,-z;"
      .. "-x+1/2,y+1/2,-z+1/2;y,x,-z;-x,-y,-z;y+1/2,-x+1/2,-z+1/2;x,y,-z;-y+1/2,x+1/2,-z+1/2;-x+1/2,y+1/2,z+1/2;"
      .. "y,x,z;x+1/2,-y+1/2,z+1/2;-y,-x,z"):gmatch "[^;]+" do
      operators[#operators + 1] = "'" .. line .. "'"
    end
    for _, lines in ipairs { table.concat(operators, "\n"), "_space_group_name_Hall '-P 4n 2n'",
      symbol "P 42/m n m", "_symmetry_space_group_name_H-M P42/mnm", "_symmetry_Int_Tables_number 136" } do
      local crystal = parse(cell, lines, sites)
      assert.same({ 136, "P 42/m n m", 2, 4 }, { crystal.number, crystal.space_group, crystal.sites[1].multiplicity,
        crystal.sites[2].multiplicity })
    end
  end)

  it("takes both origins, and hexagonal and rhombohedral settings", function()
    local spinel = { 8.08, 8.08, 8.08, 90, 90, 90 }
    local first = parse(spinel, symbol "F d -3 m:1", "Mg Mg 0 0 0\nAl Al 0.625 0.625 0.625\nO O 0.3887 0.3887 0.3887")
    local second = parse(spinel, symbol "F d -3 m Z",
      "Mg Mg 0.125 0.125 0.125\nAl Al 0.5 0.5 0.5\nO O 0.2637 0.2637 0.2637")
    assert.same({ "F d -3 m:1", "F d -3 m:2" }, { first.space_group, second.space_group })
    assert.equal("Al2 Mg O4", first.formula)
    local one, other = mb.xrd.peaks(first, AT_REST), mb.xrd.peaks(second, AT_REST)
    assert.equal(#one, #other)
    for i = 1, #one do assert.near(one[i].F2, other[i].F2, 1e-6 * one[1].F2) end

    local calcite = parse({ 4.99, 4.99, 17.06, 90, 90, 120 }, symbol "R -3 c", "Ca Ca 0 0 0\nC C 0 0 0.25\n"
      .. "O O 0.2568 0 0.25")
    local a = math.sqrt(4.99 ^ 2 / 3 + 17.06 ^ 2 / 9)
    local angle = math.deg(2 * math.asin(4.99 / (2 * a)))
    local rhombohedral = parse({ a, a, a, angle, angle, angle }, symbol "R -3 c",
      "Ca Ca 0 0 0\nC C 0.25 0.25 0.25\nO O 0.5068 -0.0068 0.25")
    assert.same({ "R -3 c:H", "R -3 c:R" }, { calcite.space_group, rhombohedral.space_group })
    assert.near(calcite.density, rhombohedral.density, 1e-9)
    one, other = mb.xrd.peaks(calcite, AT_REST), mb.xrd.peaks(rhombohedral, AT_REST)
    assert.equal(#one, #other)
    for i = 1, #one do
      assert.near(one[i].two_theta, other[i].two_theta, 1e-9)
      assert.near(one[i].relative, other[i].relative, 1e-6)
    end
  end)

  it("moves rounded positions to the special ones, and counts occupancies by atom", function()
    local crystal = parse({ 3, 3, 5, 90, 90, 120 }, symbol "P 63/m m c", "Mg Mg 0.333 0.667 0.25 1\nX Zn 0 0 0 0.5",
      "occupancy")
    assert.equal(2, crystal.sites[2].multiplicity)
    crystal = parse({ 3, 3, 5, 90, 90, 120 }, symbol "P 63/m m c",
      "Mg Mg 0.333 0.667 0.25 0.5\nZn Zn 0.333 0.667 0.25 0.5", "occupancy")
    assert.same({ 2, 2, "Mg Zn" }, { crystal.sites[1].multiplicity, crystal.sites[2].multiplicity, crystal.formula })
    local exact = parse({ 3, 3, 5, 90, 90, 120 }, symbol "P 63/m m c",
      "Mg Mg 0.33333333333333 0.66666666666667 0.25")
    local rounded = parse({ 3, 3, 5, 90, 90, 120 }, symbol "P 63/m m c", "Mg Mg 0.333 0.667 0.25")
    local p, q = mb.xrd.peaks(exact, AT_REST), mb.xrd.peaks(rounded, AT_REST)
    for i = 1, #p do assert.near(p[i].F2, q[i].F2, 1e-9 * p[1].F2) end
  end)

  it("takes hydrogen, deuterium, labels without symbols, and notes what it leaves out", function()
    local crystal = parse(CUBE, symbol "P 1", "D1 D 0.1 0.2 0.3\nH1 H 0.4 0.4 0.4\nH2 H ? ? ?\nO1 O2- .5 .5 .5(1)")
    assert.same({ "D", "H", "O" }, { crystal.sites[1].element, crystal.sites[2].element, crystal.sites[3].element })
    assert.equal(1, crystal.sites[1].number)
    assert.same({ "operators from the symbol, P 1", "left out, without a position: H2" }, crystal.notes)
    crystal = assert(mb.xrd.parse((cif(CUBE, symbol "P 1", "Ti1 0 0 0\nO2W .5 .5 .5")
      :gsub("_atom_site_type_symbol\n", ""))))
    assert.same({ "Ti", "O" }, { crystal.sites[1].element, crystal.sites[2].element })
    crystal = parse(CUBE, symbol "P 1", "A Ni 0 0 0 0.6\nB Mn 0 0 0 0.6", "occupancy")
    assert.equal("the occupancies of a position add up to more than 1: A (1.20), B (1.20)", crystal.notes[2])
  end)

  it("is that of the named block", function()
    local text = cif(table.unpack(NACL)) .. cif(table.unpack(NACL)):gsub("data_made", "data_other"):gsub("5.6402", "6")
    assert.equal(6, assert(mb.xrd.parse(text, { block = "other" })).cell[1])
    assert.equal("block made was read; others hold atoms, too: other", assert(mb.xrd.parse(text)).notes[1])
    assert.same({ n = 2, nil, "it has no block 'x'" }, table.pack(mb.xrd.parse(text, { block = "x" })))
  end)
end)

describe("a CIF that cannot be used", function()
  local function refused(message, text)
    local crystal, err = mb.xrd.parse(text)
    assert.is_nil(crystal)
    assert.equal(message, err)
  end

  it("is refused with block and tag", function()
    local good = cif(table.unpack(NACL))
    local function changed(from, to) return (good:gsub(from, to, 1)) end
    refused("block made: _cell_length_b is missing: a crystal needs its cell", changed("_cell_length_b 5.6402\n", ""))
    refused("block made: _cell_length_a: expected a number, got 'big'", changed("5.6402", "big"))
    refused("block made: _cell_length_a: expected 0.5 to 1000 angstrom, got 0.1", changed("5.6402", "0.1"))
    refused("block made: _cell_angle_alpha: expected an angle of 1 to 179 degrees, got 190", changed("90", "190"))
    refused("block made: _space_group_name_H-M_alt: unknown space group 'F 7'", changed("F m %-3 m", "F 7"))
    refused("block made: _cell_length_a to _cell_angle_gamma: the cell does not have the symmetry z,x,y",
      changed("length_c 5.6402", "length_c 9"))
    refused("block made: _cell_length_a to _cell_angle_gamma: the cell does not have the symmetry -y,x,z",
      changed("gamma 90", "gamma 92"))
    refused("block made: _atom_site_fract_x of Na: expected a number, got 'x'", changed("Na%+ 0", "Na+ x"))
    refused("block made: _atom_site_type_symbol: no element is 'Qq'", changed("Na%+", "Qq"))
    refused("block made: _atom_site_type_symbol: no element is 'Wat'", changed("Na%+", "Wat"))
    refused("block made: no symmetry: _space_group_symop_operation_xyz, _space_group_name_H-M_alt, "
      .. "_space_group_IT_number and their older names are missing", changed("_space_group_name_H%-M_alt '[^']*'", ""))
    refused("no block holds _atom_site_fract_x: it is no crystal structure", "data_x\n_cell_length_a 4\n")
  end)

  it("is refused with the line if it is damaged", function()
    local _, err = mb.xrd.parse((cif(table.unpack(NACL)):gsub(" 0.5 0.5\n", "\n")))
    assert.matches("^line 9: Wrong number of values in ", err) -- the rest differs between versions of gemmi
  end)

  it("is refused if its operators are no group, or no operators", function()
    local function with(operators)
      return cif(CUBE, "loop_\n_space_group_symop_operation_xyz\n" .. operators, "Na Na 0 0 0")
    end
    local tag = "block made: _space_group_symop_operation_xyz: "
    refused(tag .. "the operators are no group, since -x,-y,z is missing", with "'x,y,z'\n'-y,x,z'")
    refused(tag .. "the operator x,y,z is missing", with "'-x,-y,-z'")
    refused(tag .. "'x,y,9999999999' is no operator", with "'x,y,9999999999'")
    refused(tag .. "unexpected character 'q' in: q", with "'x,y,q'")
    refused(tag .. "'x/2,y,z' is no operator of a lattice", with "'x,y,z'\n'x/2,y,z'")
  end)

  it("is refused if it would take too long", function()
    local rows = {}
    for i = 1, 1000 do rows[i] = ("C%d C %.3f 0.1 0.2"):format(i, i / 1000) end
    refused("block made: more than 100000 atoms: 1000 sites and 192 operators",
      cif(CUBE, symbol "F m -3 m", table.concat(rows, "\n")))
    local crystal = parse({ 900, 900, 900, 90, 90, 90 }, symbol "P 1", "C C 0 0 0")
    local ok, err = pcall(mb.xrd.peaks, crystal, { radiation = "Mo" })
    assert.is_false(ok)
    assert.matches("xrd.peaks: .* reflections would have to be tried; raise the least spacing", err)
  end)
end)

-- |F|^2 of hkl with atoms of weight 1 at all images of a point, by a plain sum.
local function plain_F2(operators, point, hkl)
  local real, imaginary = 0, 0
  for i = 0, #operators - 12, 12 do
    local phase = 0
    for row = 0, 2 do
      local x = operators[i + 10 + row] / 24
      for column = 1, 3 do x = x + operators[i + 3 * row + column] * point[column] end
      phase = phase + hkl[row + 1] * x
    end
    real, imaginary = real + math.cos(2 * math.pi * phase), imaginary + math.sin(2 * math.pi * phase)
  end
  return real * real + imaginary * imaginary
end

-- A cell that any group of the setting allows: cubes; hexagonal axes for threefold and sixfold axes along an edge.
local function cell_for(operators)
  for i = 0, #operators - 12, 12 do
    local trace = 0
    for j = 1, 9 do trace = math.max(trace, 0) + math.abs(operators[i + j]) end
    if trace > 3 then return { 4, 4, 4, 90, 90, 120 }, { 4, 4, 4, 90, 90, 120 } end
  end
  return { 4, 4, 4, 90, 90, 90 }
end

describe("symmetry", function()
  it("of all settings of all 230 groups lists each reflection that does not vanish, once", function()
    local core, seen = require "moonbow.core", {}
    local factors = { 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1, 0 }
    for _, setting in ipairs(gemmi.settings()) do
      local operators = gemmi.group(setting.symbol)
      local is_hexagonal, point = cell_for(operators)[6] == 120, { 0.1234, 0.2717, 0.3891 }
      -- axes along a diagonal of the base would need another cell
      if operators and not (is_hexagonal and not setting.symbol:find "^[PR] %-?[36]" ) then
        seen[setting.number] = true
        local cell, total, listed = cell_for(operators), 0, 0
        local atoms = { 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
        local families = core.xrd_families(cell, operators, factors, atoms, false, 1.25, 100, 1, 1)
        for i = 0, #families - 8, 8 do
          local F2 = plain_F2(operators, point, { families[i + 1], families[i + 2], families[i + 3] })
          assert.is_true(F2 > 1e-6, setting.symbol)
          listed = listed + families[i + 4]
        end
        for h = -3, 3 do for k = -3, 3 do for l = -3, 3 do
          local square = (h * h + k * k + (is_hexagonal and h * k or 0)) * (is_hexagonal and 4 / 3 or 1) + l * l
          local inside = square > 0 and 4 / math.sqrt(square) >= 1.25
          if inside and plain_F2(operators, point, { h, k, l }) > 1e-6 then total = total + 1 end
        end end end
        assert.equal(total, listed, setting.symbol)
      end
    end
    local count = 0
    for _ in pairs(seen) do count = count + 1 end
    assert.equal(230, count)
  end)
end)

describe("peaks", function()
  it("have |F|^2 of gemmi-python 0.7.5: hexagonal, anisotropic, with dispersion", function()
    local peaks = named(mb.xrd.peaks("spec/corpus/cif/corundum.cif", { radiation = "CuKa1" }))
    local expected = { ["104"] = 6981.010339, ["012"] = 2232.957712, ["110"] = 3871.858019, ["113"] = 5585.529812,
      ["202"] = 206.976788, ["300"] = 19417.933553, ["116"] = 10855.792827, ["006"] = 126.656395,
      ["214"] = 6015.776491 }
    for name, F2 in pairs(expected) do assert.near(F2, peaks[name].F2, 1e-5 * F2, name) end
  end)

  it("are those of pymatgen for all structures of the measured mixtures", function()
    local folder, missing = measured "xrd_mixtures"
    if not folder then return pending(missing) end
    for name, figures in pairs(require "support.xrd_figures") do
      local peaks = assert(mb.xrd.peaks(folder .. "/../" .. name, AT_REST))
      local sums, largest = {}, 0
      for i = 1, #peaks do -- peaks in one place are one in pymatgen
        sums[i] = peaks[i].intensity
        if i > 1 and peaks[i].two_theta - peaks[i - 1].two_theta < 1e-5 then
          sums[i], sums[i - 1] = sums[i] + sums[i - 1], 0
        end
        largest = math.max(largest, sums[i])
      end
      for j = 1, #figures, 2 do
        local nearest = 1
        for i = 1, #peaks do
          local apart = math.abs(peaks[i].two_theta - figures[j])
          if sums[i] > 0 and apart < math.abs(peaks[nearest].two_theta - figures[j]) + 1e-7 then nearest = i end
        end
        assert.near(figures[j], peaks[nearest].two_theta, 1e-6, name)
        assert.near(figures[j + 1], 100 * sums[nearest] / largest, 1e-3, name)
      end
    end
  end)

  it("print as a table that states what was assumed", function()
    assert.equal([[
4 peaks of made (Cl Na)
CuKa1 1.540593 A; no monochromator; form factors of neutral atoms without dispersion; atoms at rest
hkl     2theta    d (A)  multiplicity     |F|2   intensity  relative (%)]],
      tostring(mb.xrd.peaks(parse(table.unpack(NACL)), { radiation = "CuKa1", dispersion = false, debye_waller = false,
        two_theta = { 25, 55 } })):match "^(.-\n.-\n.-)\n")
  end)

  it("have the published strengths: I/Ic of halite and rutile", function()
    local function strength(c, B)
      local largest, place = 0, 0
      local list = mb.xrd.peaks(c, { radiation = "CuKa1", B = B })
      for i, p in ipairs(list) do
        local sum = 0
        for j = i, #list do
          if list[j].two_theta - p.two_theta > 0.02 then break end
          sum = sum + list[j].intensity
        end
        if sum > largest then largest, place = sum, p.two_theta end
      end
      return largest / (c.mass * c.volume), place
    end
    local corundum = parse({ 4.7592, 4.7592, 12.992, 90, 90, 120 }, symbol "R -3 c",
      "Al Al 0 0 0.3522\nO O 0.306 0 0.25")
    local rutile = parse({ 4.5937, 4.5937, 2.9587, 90, 90, 90 }, symbol "P 42/m n m",
      "Ti Ti 0 0 0\nO O 0.3053 0.3053 0")
    local unit = strength(corundum, 0.3)
    -- PDF-2: halite 4.4 to 4.7 at 31.69, rutile 3.4 to 3.6 at 27.44
    local halite = parse(table.unpack(NACL))
    for _, case in ipairs { { halite, 4.55, 31.70, 1.5 }, { rutile, 3.5, 27.44, 0.4 } } do
      local value, place = strength(case[1], case[4])
      assert.near(case[2], value / unit, 0.25)
      assert.near(case[3], place, 0.03)
    end
  end)

  it("have the published intensities of quartz (PDF 46-1045), where 101 and 011 are one line", function()
    local quartz = parse(HEXAGON, symbol "P 32 2 1", "Si Si 0.4697 0 0.66667\nO O 0.4135 0.2669 0.7858")
    local lines = {}
    for _, p in ipairs(mb.xrd.peaks(quartz, { radiation = "CuKa1", B = 0.8 })) do
      local d = ("%.2f"):format(p.d)
      lines[d] = (lines[d] or 0) + p.intensity
    end
    for d, published in pairs { ["4.26"] = 16, ["2.46"] = 9, ["2.28"] = 8, ["2.24"] = 4, ["2.13"] = 6,
      ["1.82"] = 13 } do
      assert.near(published, 100 * lines[d] / lines["3.34"], 5, d)
    end
  end)

  it("follow radiation, monochromator, dispersion, displacement and texture", function()
    local halite = parse(table.unpack(NACL))
    local function peak(options)
      options.two_theta = options.two_theta or { 20, 60 }
      return named(mb.xrd.peaks(halite, options))["200"]
    end
    for name, wavelength in pairs { CuKa1 = 1.540593, CoKa1 = 1.788996, FeKa1 = 1.936041, CrKa1 = 2.289726,
      CuKb = 1.392234, MoKa1 = 0.709317 } do
      local at = math.deg(2 * math.asin(wavelength / 5.6402))
      assert.near(at, peak({ radiation = name, two_theta = { 10, 90 } }).two_theta, 1e-9)
    end
    local list = mb.xrd.peaks(halite, { radiation = "Cu", two_theta = { 30, 33 } })
    assert.same({ 2, "CuKa1", "CuKa2" }, { #list, list[1].line, list[2].line })
    assert.near(0.5, list[2].intensity / list[1].intensity, 0.005)
    local theta = math.asin(1.540593 / 5.6402)
    local plain, synchrotron = peak { radiation = "CuKa1" }, peak { radiation = "CuKa1", monochromator = 90 }
    assert.near((1 + math.cos(2 * theta) ^ 2) / 2, plain.intensity / synchrotron.intensity, 1e-12)
    assert.near(math.exp(-2 * 2 / (4 * plain.d ^ 2)), peak({ radiation = "CuKa1", B = 2 }).F2 / plain.F2, 1e-12)
    assert.equal(plain.F2, peak({ radiation = "CuKa1", debye_waller = false, B = 2 }).F2)
    local textured = peak { radiation = "CuKa1", texture = { 1, 0, 0, 0.5 } }
    -- of the six 200, two are along the direction (r^-3 = 8) and four across it (r^1.5)
    assert.near((2 * 8 + 4 * 0.5 ^ 1.5) / 6, textured.intensity / plain.intensity, 1e-12)
    assert.near(2 * math.deg(math.asin(1.540593 / 6)), mb.xrd.peaks(halite, { radiation = "CuKa1",
      cell = { 6, 6, 6, 90, 90, 90 }, two_theta = { 28, 31 } })[1].two_theta, 1e-9)
  end)
  it("refuse a cell that is none, or has not the symmetry", function()
    local halite = parse(table.unpack(NACL))
    local function refuses(message, ...)
      for _, call in ipairs { mb.xrd.peaks, mb.xrd.pattern } do
        local ok, err = pcall(call, halite, { radiation = "Cu", cell = { ... },
          grid = call == mb.xrd.pattern and { first = 20, last = 60, step = 0.02 } or nil })
        assert.is_false(ok)
        assert.matches(message, err)
      end
    end
    refuses("cell: there is none with the angles 10, 170 and 90", 5.64, 5.64, 5.64, 10, 170, 90)
    refuses("cell: there is none with the angles 60, 60 and 180", 1, 1, 1, 60, 60, 179.9999)
    refuses("5.64 5.64 6.2 A, 90 90 90 deg has not the symmetry of made, F m %-3 m", 5.64, 5.64, 6.2, 90, 90, 90)
    refuses("has not the symmetry", 5.64, 5.64, 5.64, 90, 90, 92)
  end)
end)

describe("a pattern", function()
  local GRID = { first = 20, last = 60, step = 0.02 }
  local function pattern(options, crystals)
    options.radiation, options.grid = options.radiation or "CuKa1", options.grid or GRID
    return assert(mb.xrd.pattern(crystals or parse(table.unpack(NACL)), options))
  end
  local function values(set) return set.x:reshape(-1):totable() end
  local function place(set, low, high)
    local sum, total = 0, 0
    for i, y in ipairs(values(set)) do
      if set.axis[i] > low and set.axis[i] < high then sum, total = sum + y * set.axis[i], total + y end
    end
    return sum / total
  end

  it("is a set with an axis 2theta, and says what was assumed", function()
    local set = pattern {}
    assert.same({ 1, 2001, "2theta", "deg", "intensity", "made" }, { #set, set.length, set.axis_name, set.unit,
      set.quantity, set.names[1] })
    assert.near(100, mb.tensor(values(set)):max()[1], 1e-4)
    assert.matches("CuKa1 1.540593 A; no monochromator", set.metadata[1].physics)
    local halite, rng = parse(table.unpack(NACL)), mb.rng(1)
    local stated = pattern({ background = { 5, 1 }, noise = rng, radius = 150, size = 300 }, {
      { crystal = halite, weight = 3, texture = { 0, 0, 1, 0.8 } }, { crystal = halite, weight = 1,
        cell = { 5.7, 5.7, 5.7, 90, 90, 90 } } }).metadata[1]
    assert.equal("0.75 made, size 300, texture 0 0 1 0.8; 0.25 made, size 300, cell 5.7 5.7 5.7 90 90 90",
      stated.phases)
    assert.is_nil(stated.physics:find "texture")
    assert.same({ "Chebyshev coefficients 5 1", "counts", 150 }, { stated.background, stated.noise,
      stated["radius (mm)"] })
  end)

  it("moves by zero shift and displacement", function()
    local at = place(pattern {}, 31, 32.4)
    assert.near(at + 0.1, place(pattern { zero = 0.1 }, 31.1, 32.5), 2e-3)
    local shift = math.deg(2 * 0.2 / 200 * math.cos(math.rad(at / 2)))
    assert.near(at - shift, place(pattern { displacement = 0.2 }, 31 - shift, 32.4 - shift), 2e-3)
  end)

  it("is asymmetric to lower angles by axial divergence", function()
    local plain = place(pattern { instrument = { W = 0.001 } }, 27, 28)
    assert.is_true(place(pattern { instrument = { W = 0.001, axial = { 0.04, 0.04 } } }, 27, 28) < plain - 0.01)
  end)

  it("rises without ripples to peaks that axial divergence spreads, and refuses to spread them without end", function()
    for _, case in ipairs { { 10, 4e-4, 7.3, 8.8 }, { 14.2, 2.5e-3, 4, 6.2 } } do
      local cube = parse({ case[1], case[1], case[1], 90, 90, 90 }, symbol "P m -3 m", "Si Si 0 0 0")
      local y = values(pattern({ radiation = 1.54, grid = { first = case[3], last = case[4], step = 0.005 },
        instrument = { W = case[2], Y = 0.005, axial = { 0.04, 0.04 } } }, cube))
      for i = 2, #y - 1 do assert.is_false(y[i] < y[i - 1] and y[i] < y[i + 1], i) end
      assert.error_matches(function()
        pattern({ radiation = 1.54, grid = { 4, 9 }, instrument = { W = 1e-10, axial = { 0.04, 0.04 } } }, cube)
      end, "axial: it spreads the peak at %d.%d+ deg over more than 4000 widths of 1e%-05 deg")
    end
  end)

  it("does not depend on where its grid begins and ends", function()
    for _, size in ipairs { 20, 50, 400 } do
      local whole = pattern { size = size }
      local part = pattern { size = size, grid = { first = 40, last = 50, step = 0.02 } }
      local y, z = values(whole:crop(40, 50)), values(part)
      assert.equal(#y, #z)
      local scale = y[250] / z[250]
      for i = 1, #y do assert.near(y[i], scale * z[i], 2e-3 * y[250]) end
    end
  end)

  it("adds phases by weight", function()
    local halite = parse(table.unpack(NACL))
    local heavy = parse({ 4.3, 4.3, 4.3, 90, 90, 90 }, symbol "P m -3 m", "Cs Cs 0 0 0\nCl Cl .5 .5 .5")
    local function area(weights)
      local set = pattern({}, { { crystal = halite, weight = weights[1] }, { crystal = heavy, weight = weights[2] } })
      local sums, x = { 0, 0 }, set.axis -- halite's 220 and the other's 111
      for i, y in ipairs(values(set)) do
        if x[i] > 35.8 and x[i] < 36.5 then sums[2] = sums[2] + y end
        if x[i] > 45.1 and x[i] < 45.8 then sums[1] = sums[1] + y end
      end
      return sums[1] / sums[2]
    end
    assert.near(9, area { 0.75, 0.25 } / area { 0.25, 0.75 }, 0.35) -- tails overlap
  end)

  it("divides by the volume of the cell that it draws", function()
    local halite, cell = parse(table.unpack(NACL)), { 5.8, 5.8, 5.8, 90, 90, 90 }
    -- One peak each, 200 of the file's cell and of the other one, far apart: heights as intensity / volume.
    local function intensity(own)
      for _, peak in ipairs(mb.xrd.peaks(halite, { radiation = "CuKa1", cell = own, two_theta = { 30, 33 } })) do
        if peak.h == 2 and peak.k == 0 then return peak.intensity / (own[1] * own[2] * own[3]) end
      end
    end
    local set = mb.xrd.pattern({ halite, { crystal = halite, cell = cell } }, { radiation = "CuKa1",
      grid = { first = 30, last = 33, step = 0.005 } })
    local x, heights = set.axis, { 0, 0 }
    for i, y in ipairs(values(set)) do
      local which = x[i] > 31.3 and 1 or 2
      heights[which] = math.max(heights[which], y)
    end
    assert.near(intensity(halite.cell) / intensity(cell), heights[1] / heights[2], 5e-3)
  end)

  it("has counts of NumPy's generator, and the same bits for any number of threads", function()
    local expected = values(pattern { background = { 50, -10 }, maximum = 1000 })
    local noisy = values(pattern { background = { 50, -10 }, maximum = 1000, noise = mb.rng(7) })
    local rng = mb.rng(7)
    for i = 1, #expected do assert.equal(rng:poisson(expected[i]), noisy[i]) end
    local before, fine = mb.threads(), { first = 20, last = 60, step = 0.001 }
    mb.threads(1)
    local one = values(pattern { grid = fine, radiation = "Cu" })
    mb.threads(4)
    assert.same(one, values(pattern { grid = fine, radiation = "Cu" }))
    mb.threads(before)
  end)

  it("refuses what it cannot draw", function()
    local halite = parse(table.unpack(NACL))
    local function fails(message, options, crystals)
      assert.error_matches(function() mb.xrd.pattern(crystals or halite, options) end, message, nil, true)
    end
    fails("radiation: expected a string or a number or a table, got nil", { grid = GRID })
    fails("did you mean 'CuKa'?", { grid = GRID, radiation = "CuKa3" })
    fails("grid: expected angles 2theta between 0 and 180 deg", { grid = { 0, 1 }, radiation = "Cu" })
    fails("instrument: U, V, W, X and Y give no width", { grid = GRID, radiation = "Cu",
      instrument = { V = -1, W = 0.001 } })
    fails("background(20): expected a finite float32, got nil", { grid = GRID, radiation = "Cu",
      background = function() end })
    fails("noise: expected counts from 0", { grid = GRID, radiation = "Cu", noise = mb.rng(1), background = -9 })
    fails("texture: 0 0 0 is no direction", { grid = GRID, radiation = "Cu", texture = { 0, 0, 0, 1 } })
    fails("crystals: expected at least one", { grid = GRID, radiation = "Cu" }, { { crystal = halite, weight = 0 } })
    local set, err = mb.xrd.pattern("missing.cif", { grid = GRID, radiation = "Cu" })
    assert.is_nil(set)
    assert.matches("missing.cif", err)
  end)
end)
