-- Crystals from files that are hard to read: split atoms, settings by code, contradictions, labels without elements.
local mb = require "moonbow"
local made_cif = require "support.made_cif"

if not pcall(require, "moonbow.crystal") then return end

local gemmi = require "moonbow.crystal"

local CUBE, HEXAGON = { 4, 4, 4, 90, 90, 90 }, { 4.2, 4.2, 6.1, 90, 90, 120 }

-- A CIF without type symbols: sites as lines "label x y z occupancy".
local function cif(cell, lines, sites)
  return made_cif(cell, lines, "label fract_x fract_y fract_z occupancy", sites)
end

local function symbol(name) return ("_space_group_name_H-M_alt '%s'"):format(name) end

local function number(n, code)
  return ("_space_group_IT_number %d%s"):format(n,
    code and "\n_space_group_IT_coordinate_system_code " .. code or "")
end

local function operators(...)
  return "loop_\n_space_group_symop_operation_xyz\n'" .. table.concat({ ... }, "'\n'") .. "'"
end

local function parse(...) return assert(mb.xrd.parse(cif(...))) end

local function notes_of(...) return parse(...).notes end

local function refused(message, ...)
  local crystal, err = mb.xrd.parse(cif(...))
  assert.is_nil(crystal)
  assert.equal("block made: " .. message, err)
end

describe("atoms that share a label", function()
  local function displacements(rows)
    local columns = "label type_symbol fract_x fract_y fract_z occupancy"
    local crystal = assert(mb.xrd.parse(made_cif(CUBE, symbol "P 1", columns, "M Mg 0 0 0 .5\nO O .5 .5 .5 1\n"
      .. "M Fe 0 0 0 .5\nloop_\n_atom_site_aniso_label\n_atom_site_aniso_U_11\n_atom_site_aniso_U_22\n"
      .. "_atom_site_aniso_U_33\n_atom_site_aniso_U_12\n_atom_site_aniso_U_13\n_atom_site_aniso_U_23\n" .. rows)))
    local found = {}
    for i, site in ipairs(crystal.sites) do found[i] = site.anisotropic and site.anisotropic[1] or 0 end
    return found
  end

  it("have their displacements in the order of the rows, or in common", function()
    assert.same({ 0.01, 0.03, 0.02 }, displacements "M .01 .01 .01 0 0 0\nM .02 .02 .02 0 0 0\nO .03 .03 .03 0 0 0\n")
    assert.same({ 0.01, 0, 0.01 }, displacements "M .01 .01 .01 0 0 0\n")
  end)
end)

describe("a split site", function()
  it("near a special position keeps its atoms", function()
    for _, x in ipairs { ".506", ".508", ".51", ".513", ".53" } do
      local crystal = parse(CUBE, symbol "P m -3 m", ("Ba 0 0 0 1\nO .5 .5 0 1\nTi %s %s %s .125"):format(x, x, x))
      assert.same({ "Ba O3 Ti", 8 }, { crystal.formula, crystal.sites[3].multiplicity }, x)
    end
  end)

  it("is one atom, with a note, if its occupancy says so", function()
    local crystal = parse(CUBE, symbol "P m -3 m", "Ti .506 .506 .506 1")
    assert.equal(1, crystal.sites[1].multiplicity)
    assert.equal("taken for one atom on a special position, though its images are up to 0.1 A apart: Ti",
      crystal.notes[2])
    crystal = parse(CUBE, symbol "P m -3 m", "Ti .51 .51 .51 1")
    assert.equal(8, crystal.sites[1].multiplicity)
    assert.equal("the occupancies of a position add up to more than 1: Ti (4.00)", crystal.notes[2])
  end)

  -- The points of an orbit that are farther than 1e-4 from each other, in fractions.
  local function orbit_size(symbol_, point)
    local list, images = gemmi.group(symbol_), {}
    for i = 0, #list - 12, 12 do
      local image, is_new = {}, true
      for row = 0, 2 do
        local x = list[i + 10 + row] / 24
        for column = 1, 3 do x = x + list[i + 3 * row + column] * point[column] end
        image[row + 1] = x
      end
      for _, other in ipairs(images) do
        local apart = 0
        for k = 1, 3 do
          local delta = image[k] - other[k]
          apart = math.max(apart, math.abs(delta - math.floor(delta + 0.5)))
        end
        is_new = is_new and apart > 1e-4
      end
      if is_new then images[#images + 1] = image end
    end
    return #images
  end

  it("has as many atoms as its orbit has points, in several groups, and a rounded one those of the special position",
    function()
      local rng = mb.rng(4)
      for _, case in ipairs { { "P m -3 m", CUBE, { 0.5, 0.5, 0.5 } }, { "F d -3 m:2", { 8, 8, 8, 90, 90, 90 },
        { 0.125, 0.125, 0.125 } }, { "P 63/m m c", HEXAGON, { 1 / 3, 2 / 3, 0.25 } }, { "P -1", CUBE, { 0.5, 0, 0.5 } },
        { "R -3 c:H", { 5, 5, 17, 90, 90, 120 }, { 0, 0, 0.25 } }, { "I 41/a m d:2", { 3.8, 3.8, 9.5, 90, 90, 90 },
          { 0, 0.75, 0.125 } } } do
        local group, cell, special = table.unpack(case)
        local full = orbit_size(group, special)
        local moves = cell[6] == 90 and { 0.02, 0.045, 0.075 } or { 0.045, 0.05, 0.06 }
        for round = 1, 6 do
          local split, rounded, order = {}, {}, rng:permutation(3):totable()
          for k = 1, 3 do
            -- along lines and planes of symmetry, too; else by more than rounding from all of them, in angstrom
            local move = moves[math.tointeger(order[k])] * (cell[6] == 90 and rng:uniform(0, 1) < 0.5 and -1 or 1)
            if round <= 2 then move = round == 2 and k < 3 and 0 or 0.045 end
            split[k] = special[k] + move / cell[k]
            rounded[k] = special[k] + 0.02 * move / cell[k]
          end
          local images = orbit_size(group, split)
          local line = ("Ti %.6f %.6f %.6f %.6f"):format(split[1], split[2], split[3], full / images)
          assert.equal(images, parse(cell, symbol(group), line).sites[1].multiplicity, group .. ": " .. line)
          line = ("Ti %.6f %.6f %.6f 1"):format(table.unpack(rounded))
          assert.equal(full, parse(cell, symbol(group), line).sites[1].multiplicity, group .. ": " .. line)
        end
      end
    end)
end)

describe("a note", function()
  it("says that images of sites share a position", function()
    local halite = parse(CUBE, symbol "F m -3 m", "Na1 0 0 0 1\nNa2 .5 .5 0 1\nNa3 .5 0 .5 1\nNa4 0 .5 .5 1\n"
      .. "Cl .5 .5 .5 1")
    assert.equal("the occupancies of a position add up to more than 1: Na1 (4.00), Na2 (4.00), Na3 (4.00), Na4 (4.00)",
      halite.notes[2])
  end)

  it("holds for all sites of its kind, so that none is lost", function()
    local lines = {}
    for i = 1, 40 do lines[i] = ("H%d ? ? ? 1"):format(i) end
    local notes = notes_of(CUBE, symbol "P m m m", table.concat(lines, "\n") .. "\nFe 0 0 0 1\nCo 0 0 0 1")
    assert.equal(3, #notes)
    assert.matches("^left out, without a position: H1, H2, .* and %d+ more$", notes[2])
    assert.equal("the occupancies of a position add up to more than 1: Fe (2.00), Co (2.00)", notes[3])
  end)
end)

describe("a setting", function()
  it("follows the code of the file", function()
    local silicon = parse({ 5.43, 5.43, 5.43, 90, 90, 90 }, number(227, 2), "Si .125 .125 .125 1")
    assert.same({ "F d -3 m:2", 8 }, { silicon.space_group, silicon.sites[1].multiplicity })
    assert.same({ "operators from the symbol, F d -3 m:2" }, silicon.notes)
    assert.equal("F d -3 m:2", parse(CUBE, symbol "F d -3 m" .. "\n" .. number(227, 2), "Si 0 0 0 1").space_group)
    assert.equal("P 1 21/n 1", parse({ 4, 5, 6, 90, 95, 90 }, number(14, "b2"), "Si 0 0 0 1").space_group)
    assert.equal("P 1 1 21/a", parse({ 4, 5, 6, 90, 90, 95 }, number(14, "c1"), "Si 0 0 0 1").space_group)
    assert.equal("P n c b:2", parse({ 4, 5, 6, 90, 90, 90 }, number(50, "2cab"), "Si 0 0 0 1").space_group)
    assert.equal("P n c b:2",
      parse({ 4, 5, 6, 90, 90, 90 }, symbol "P n c b" .. "\n" .. number(50, "2"), "Si 0 0 0 1").space_group)
    assert.equal("R 3:R", parse(CUBE, number(146, "r"), "Si 0 0 0 1").space_group)
    assert.equal("P m m m", parse({ 4, 5, 6, 90, 90, 90 }, number(47, "abc"), "Si 0 0 0 1").space_group)
  end)

  it("without a code or an origin is noted, and so is a code that is none of its group", function()
    assert.same({ "operators from the symbol, F d -3 m:1: the file does not say whether it means origin 1 or 2" },
      notes_of(CUBE, number(227), "Si 0 0 0 1"))
    for _, lines in ipairs { number(225, "q7"), symbol "F m -3 m" .. "\n" .. number(225, "b2") } do
      assert.matches("^_space_group_IT_coordinate_system_code '%w%d' was not used: it is not of F m %-3 m %(225%)$",
        notes_of(CUBE, lines, "Si 0 0 0 1")[1])
    end
    assert.matches("code '1' was not used", notes_of(CUBE, symbol "F d -3 m:2" .. "\n" .. number(227, 1),
      "Si 0 0 0 1")[1])
  end)

  it("is that of a symbol with screw axes as SHELX and others write them", function()
    local oblique, box = { 5, 6, 7, 90, 95, 90 }, { 5, 5, 7, 90, 90, 90 }
    for name, case in pairs { ["P2(1)/n"] = { "P 1 21/n 1", oblique }, ["P 2_1/n"] = { "P 1 21/n 1", oblique },
      ["P 2(1)/c"] = { "P 1 21/c 1", oblique }, ["P 4(2)/mnm"] = { "P 42/m n m", box },
      ["P_4_2_2"] = { "P 4 2 2", box }, ["P_4_3_2"] = { "P 4 3 2", CUBE }, ["P_21_21_2"] = { "P 21 21 2", box },
      ["P6(3)/mmc"] = { "P 63/m m c", HEXAGON }, ["P3(1)21"] = { "P 31 2 1", HEXAGON },
      ["I4(1)/amd:2"] = { "I 41/a m d:2", box } } do
      assert.equal(case[1], parse(case[2], symbol(name) .. "\n" .. number(1), "Si .1 .2 .3 1").space_group)
    end
  end)

  it("is that of the number, with a note, if the symbol is unknown", function()
    for _, name in ipairs { "R -3 2/m", "F m 3 m" } do
      local n = name:find "R" and 166 or 225
      local cell = n == 166 and HEXAGON or CUBE
      local crystal = parse(cell, symbol(name) .. "\n" .. number(n), "Si 0 0 0 1")
      assert.equal(n, crystal.number)
      assert.equal(("_space_group_name_H-M_alt: unknown space group '%s'; the number was taken"):format(name),
        crystal.notes[1])
      refused(("_space_group_name_H-M_alt: unknown space group '%s'"):format(name), cell, symbol(name), "Si 0 0 0 1")
    end
    local name = "P 2/n 2/n 2/n (origin at -1)"
    refused(("_space_group_name_H-M_alt: unknown space group '%s'"):format(name), CUBE,
      symbol(name) .. "\n" .. number(48), "Si 0 0 0 1")
    assert.equal("F d -3 m:2", parse(CUBE, symbol "F d -3 m (origin choice 2)", "Si 0 0 0 1").space_group)
    refused("_space_group_IT_number: expected 1 to 230, got 231", CUBE, number(231), "Si 0 0 0 1")
  end)

  it("that contradicts operators or number is noted", function()
    local box = { 5, 7, 6, 90, 90, 90 }
    local mmm = operators("x,y,z", "-x,-y,z", "-x,y,-z", "x,-y,-z", "-x,-y,-z", "x,y,-z", "x,-y,z", "-x,y,z")
    local crystal = parse(box, symbol "C m m m" .. "\n" .. mmm, "Fe 0 0 0 1")
    assert.equal("P m m m", crystal.space_group)
    assert.same({ "the operators of the file, which were taken, are not of its group C m m m (65), but of P m m m "
      .. "(47)" }, crystal.notes)
    assert.same({}, notes_of(box, symbol "P m m m" .. "\n" .. number(47) .. "\n" .. mmm, "Fe 0 0 0 1"))
    assert.equal("the number of the space group, 225, is not that of its symbol, P m -3 m (221)",
      notes_of(CUBE, symbol "P m -3 m" .. "\n" .. number(225), "Fe 0 0 0 1")[1])
    -- another cell of the same group is no contradiction
    assert.same({}, notes_of(box, symbol "P 1 21/c 1" .. "\n"
      .. operators("x,y,z", "-x+1/2,y+1/2,-z+1/2", "-x,-y,-z", "x+1/2,-y+1/2,z+1/2"), "Fe 0 0 0 1"))
  end)
end)

describe("a label without a type symbol", function()
  local function elements(labels)
    local lines = {}
    for i, label in ipairs(labels) do lines[i] = ("%s %.2f .1 .2 1"):format(label, i / 50) end
    local crystal, found = parse({ 40, 40, 40, 90, 90, 90 }, symbol "P 1", table.concat(lines, "\n")), {}
    for i, site in ipairs(crystal.sites) do found[i] = site.element end
    return found, crystal.notes
  end

  it("of water is oxygen, of a vacancy no atom", function()
    local found, notes = elements { "Ca", "Wat", "Water1", "WA", "H2O", "Vac1", "W1" }
    assert.same({ "Ca", "O", "O", "O", "O", "W" }, found)
    assert.equal("taken for O of water, whose H have to be sites of their own: Wat, Water1, WA, H2O", notes[2])
    assert.equal("left out, as vacancies: Vac1", notes[3])
  end)

  it("with more letters than its element is read, and noted", function()
    local found, notes = elements { "Ca1A", "FeM1", "SiT1", "O2A", "Ow", "OW2", "NA1", "Na", "Ho1", "KA" }
    assert.same({ "Ca", "Fe", "Si", "O", "O", "O", "Na", "Na", "Ho", "K" }, found)
    assert.equal("read from labels: FeM1 as Fe, SiT1 as Si, Ow as O, OW2 as O, NA1 as Na, KA as K", notes[2])
    assert.equal(2, #notes)
  end)

  it("that may mean something else is refused", function()
    for _, label in ipairs { "M1", "T1", "HO1", "HOH", "Oct1", "Tet" } do
      refused(("_atom_site_label: no element is '%s'"):format(label), CUBE, symbol "P 1", label .. " 0 0 0 1")
    end
  end)
end)

describe("a file", function()
  local good = cif(CUBE, number(221), "Fe 0 0 0 1")

  it("may have a byte order mark, dots in its tags, and decimals in its operators", function()
    local expected = assert(mb.xrd.parse(good))
    local function same(text)
      local crystal = assert(mb.xrd.parse(text))
      assert.same({ expected.formula, expected.number, expected.cell },
        { crystal.formula, crystal.number, crystal.cell })
    end
    same("\xEF\xBB\xBF" .. good)
    same((good:gsub("_cell_", "_cell."):gsub("_space_group_", "_space_group."):gsub("_atom_site_", "_atom_site.")))
    local screw = parse(HEXAGON, operators("x,y,z", "-y,x-y,z+0.333", "-x+y,-x,.6667+z"), "Fe .1 .2 .3 1")
    assert.same({ "P 31", 3 }, { screw.space_group, screw.sites[1].multiplicity })
  end)
end)
