-- experiments/identify_phases.lua as a user runs it: patterns and CIF files in, a table, results.json and a report out.
local lfs = require "lfs"
local mb = require "moonbow"
local files = require "moonbow.io.files"
local interpreter = require "support.interpreter"
local json = require "moonbow.io.json"
local temporary_folder = require "support.temporary_folder"

if not pcall(require, "moonbow.crystal") then return end

local folder = temporary_folder()
teardown(function() os.execute("rm -r " .. folder) end)

local function run(arguments)
  local pipe = assert(io.popen(("%s experiments/identify_phases.lua --out %s/out %s 2>&1"):format(interpreter, folder,
    arguments)))
  local text = pipe:read "a"
  local _, _, code = pipe:close()
  return code, text
end

local function write_cif(name, a, group, sites)
  assert(files.write(("%s/%s.cif"):format(folder, name), ("data_%s\n_cell_length_a %g\n_cell_length_b %g\n"
    .. "_cell_length_c %g\n_space_group_name_H-M_alt '%s'\nloop_\n_atom_site_label\n_atom_site_fract_x\n"
    .. "_atom_site_fract_y\n_atom_site_fract_z\n%s\n"):format(name, a, a, a, group, sites)))
end

local function write_pattern(name, phases, grid)
  local pattern = mb.xrd.pattern(phases, { radiation = "Cu", grid = grid, B = 0.6, maximum = 5000, background = 100,
    noise = mb.rng(1) })
  assert(mb.spectra.write(pattern, ("%s/%s.xy"):format(folder, name)))
end

describe("identify_phases", function()
  local two = { { crystal = folder .. "/halite.cif", weight = 0.7 },
    { crystal = folder .. "/nickel.cif", weight = 0.3 } }

  setup(function()
    write_cif("halite", 5.6402, "F m -3 m", "Na 0 0 0\nCl .5 .5 .5")
    write_cif("nickel", 3.5238, "F m -3 m", "Ni 0 0 0")
    write_cif("tungsten", 3.1652, "I m -3 m", "W 0 0 0")
    write_pattern("mixed", two, { first = 20, last = 90, step = 0.04 })
    write_pattern("other", folder .. "/tungsten.cif", { first = 30, last = 100, step = 0.05 })
  end)

  it("says what it interpreted and left out of files of candidates", function()
    local nickel = assert(files.read(folder .. "/nickel.cif"))
    lfs.mkdir(folder .. "/several")
    assert(files.write(folder .. "/several/both.cif", nickel .. nickel:gsub("data_nickel", "data_another")))
    local code, text = run(("%s/mixed.xy --candidates %s/several --radiation Cu"):format(folder, folder))
    assert.equal(0, code, text)
    assert.matches("both: block nickel was read; others hold atoms, too: another\n", text)
    assert.matches("both: operators from the symbol, F m %-3 m\n", text)
  end)

  it("identifies patterns of different axes, and writes figures, results and a report", function()
    local code, text = run(("'%s/*.xy' --candidates %s --radiation Cu"):format(folder, folder))
    assert.equal(0, code, text)
    assert.matches("mixed%.xy: halite %+ nickel\n2 phases of 3 candidates, by fit", text)
    assert.matches("halite +Cl Na +F m %-3 m +%d+%.%d", text)
    local results = json.decode(assert(files.read(folder .. "/out/results.json")))
    assert.equal(2, #results.patterns)
    local mixed = results.patterns[1]
    assert.same({ "halite", "nickel" }, { mixed.phases[1].name, mixed.phases[2].name })
    assert.near(0.7, mixed.phases[1].weight, 0.02)
    assert.is_false(mixed.unknown)
    assert.equal("tungsten", results.patterns[2].phases[1].name)
    local page = assert(files.read(folder .. "/out/report.html"))
    assert.matches("Phases of 2 powder patterns", page)
    assert.matches("<svg", page)
    assert.is_truthy(lfs.attributes(folder .. "/out/pattern_2.png"))
  end)

  it("asks a network, too", function()
    local code, text = run(("%s/mixed.xy --candidates %s --radiation Cu --method both --epochs 1 --n 2"):format(folder,
      folder))
    assert.equal(0, code, text)
    assert.matches("mixed%.xy: halite %+ nickel, by fit\n2 phases of 3 candidates, by fit", text)
    assert.matches("mixed%.xy: halite %+ nickel, by network\n%d phases? of 3 candidates, by network", text)
    local results = json.decode(assert(files.read(folder .. "/out/results.json")))
    assert.same({ "fit", "network" }, { results.patterns[1].method, results.patterns[2].method })
  end)

  it("refuses options that its method does not use", function()
    local files_of = ("%s/mixed.xy --candidates %s --radiation Cu "):format(folder, folder)
    for options, message in pairs { ["--confidence 0.9"] = "--confidence needs --method network or both",
      ["--method network --worth=0.1"] = "--worth needs --method fit or both" } do
      local code, text = run(files_of .. options)
      assert.equal(2, code)
      assert.equal(("identify_phases: %s\n"):format(message), text)
    end
    local _, text = run "--help"
    assert.is_nil(text:find "default[^\n]*default")
  end)

  it("says what is left out, and fails if nothing remains", function()
    local code, text = run(("%s/mixed.xy README.md --candidates %s/halite.cif README.md --radiation Cu"):format(folder,
      folder))
    assert.equal(0, code, text)
    assert.matches("left out: README%.md: ", text)
    assert.matches("NOT AMONG THE CANDIDATES", text)
    code, text = run(("%s/mixed.xy --candidates %s"):format(folder, folder))
    assert.equal(1, code)
    assert.matches("radiation: expected \"Cu\"", text)
    assert.matches("no pattern could be identified", text)
    code, text = run(("%s/mixed.xy --candidates lua --radiation Cu"):format(folder))
    assert.equal(1, code)
    assert.matches("lua: there are no CIF files", text)
    code, text = run(("%s/mixed.xy --candidates %s --radiation Xx"):format(folder, folder))
    assert.equal(1, code)
    assert.matches("radiation: ", text)
    assert.is_nil(text:find("stack traceback", 1, true))
    assert.is_nil(text:find("identify_phases.lua:", 1, true), text)
  end)
end)
